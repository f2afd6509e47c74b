"""ATIF, the Agent Trajectory Interchange Format of Harbor: a `trajectory.json` a run.

| of the file | becomes |
|---|---|
| steps[].source system, user, agent | the role |
| steps[].message | what was said |
| steps[].reasoning_content | the turn's reasoning |
| steps[].tool_calls[] function_name, arguments | the turn's calls |
| steps[].observation.results[] | tools' messages, by source_call_id |
| trajectory_id, else session_id | the id |
| agent.model_name, else the first step's | model and checkpoint |

A step that a continuation copied for context keeps no reasoning: it is with the trajectory that it was copied from.
Trajectories of subagents inside are trajectories of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import result_text
from analysis.ingest.head import Head
from analysis.ingest.leftover import leftover
from analysis.ingest.reasoning import read_message
from analysis.ingest.rowwise import Found, read_rows
from analysis.ingest.values import read_time
from analysis.trajectories import Message, Trajectory

NAME = "atif"

_ROLES = {"agent": "assistant", "user": "user", "system": "system"}
_USED = ("steps", "session_id", "trajectory_id", "subagent_trajectories")


def recognises(head: Head) -> bool:
    """Whether the file's first object names this format and has steps."""
    first = head.first or {}
    return str(first.get("schema_version", "")).startswith("ATIF") and "steps" in first


def read(path: Path, source: str) -> Found:
    """The trajectories of a file: the run's, and its subagents'."""
    return read_rows(path, source, _trajectories)


def _trajectories(row: dict[str, Any]) -> Iterator[Trajectory]:
    steps = row.get("steps")
    if not isinstance(steps, list):
        raise ValueError("no `steps`")
    messages: list[Message] = []
    names: dict[str, str] = {}
    for step in steps:
        messages += _messages(step, names)
    models = [(row.get("agent") or {}).get("model_name"), *(step.get("model_name") for step in steps)]
    model = next((each for each in models if each), None)
    identity = row.get("trajectory_id") or row.get("session_id")
    yield Trajectory(
        source="",
        messages=messages,
        trajectory_id=str(identity) if identity else None,
        checkpoint=model,
        model=model,
        created_at=next((time for step in steps if (time := read_time(step.get("timestamp")))), None),
        metadata=leftover(row, _USED),
    )
    for each in row.get("subagent_trajectories") or ():
        yield from _trajectories(each)


def _messages(step: dict[str, Any], names: dict[str, str]) -> list[Message]:
    source = str(step.get("source"))
    calls = []
    for call in step.get("tool_calls") or ():
        names[str(call.get("tool_call_id"))] = str(call.get("function_name"))
        calls.append({"name": call.get("function_name"), "arguments": call.get("arguments")})
    message = read_message({
        "role": _ROLES.get(source, source),
        "content": step.get("message"),
        "reasoning_content": step.get("reasoning_content"),
    })  # fmt: skip
    message.tool_calls = calls
    if step.get("is_copied_context"):
        message.reasoning = message.reasoning_state = message.reasoning_source = None
    messages = [message]
    for result in (step.get("observation") or {}).get("results") or ():
        given = result.get("content")
        if given is None and result.get("subagent_trajectory_ref"):
            given = "[a subagent's trajectory]"
        name = names.get(str(result.get("source_call_id")))
        messages.append(Message("tool", result_text(given), name=name))
    return messages
