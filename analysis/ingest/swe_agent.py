"""SWE-agent's `.traj` files: one trajectory each, a step a thought, an action and an observation.

| of the file | becomes |
|---|---|
| history up to the first reply, else the first step's query (messages before 1.1) | the prompt |
| trajectory[].thought | a turn's reasoning; with `thinking_blocks` those are, and the thought is what was said |
| trajectory[].tool_calls, else action | the turn's call |
| trajectory[].observation | the tool's message |
| environment, info.exit_status, the model of replay_config | environment, finish reason, model and checkpoint |

The conversation that each step repeats is read once. A step without a response is the scaffold's word, no thought.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_messages, result_text
from analysis.ingest.head import Head
from analysis.ingest.leftover import leftover
from analysis.ingest.reasoning import plain_reasoning, read_message
from analysis.ingest.rows import parsed
from analysis.ingest.rowwise import Found, read_rows
from analysis.trajectories import Message, Trajectory, storable

NAME = "swe-agent"

_USED = ("trajectory", "history", "replay_config", "environment", "query", "messages", "attempts")


def recognises(head: Head) -> bool:
    """Whether the file's first object is such a run."""
    steps = head.first.get("trajectory") if head.first else None
    return isinstance(steps, list) and bool(steps) and all(
        isinstance(step, dict) and {"action", "observation"} <= step.keys() for step in steps[:3]
    )  # fmt: skip


def read(path: Path, source: str) -> Found:
    """The trajectories of a file: one, unless runs were put together."""
    return read_rows(path, source, _trajectories)


def _trajectories(row: dict[str, Any]) -> Iterator[Trajectory]:
    steps = row.get("trajectory")
    if not isinstance(steps, list):
        raise ValueError("no `trajectory` of steps")
    messages = _prompt(row, steps)
    for step in steps:
        messages += _turn(step)
    info = row.get("info") or {}
    model = _model(row.get("replay_config"))
    yield Trajectory(
        source="",
        messages=messages,
        environment=row.get("environment") or None,
        checkpoint=model,
        model=model,
        finish_reason=info.get("exit_status"),
        metadata=leftover({**row, **info}, (*_USED, "info", "exit_status")),
    )


def _prompt(row: dict[str, Any], steps: list[Any]) -> list[Message]:
    first = steps[0] if steps else {}
    said = row.get("history") or first.get("query") or first.get("messages") or []
    messages = read_messages(said)
    begins = (n for n, raw in enumerate(said) if messages[n].role == "assistant" and not raw.get("is_demo"))
    return messages[: next(begins, len(messages))]


def _turn(step: dict[str, Any]) -> list[Message]:
    thought, action = str(step.get("thought") or ""), str(step.get("action") or "")
    observed = step.get("observation")
    messages = []
    if thought and step.get("response") == "":
        messages.append(Message("tool", storable(thought), name="scaffold"))
    else:
        blocks = step.get("thinking_blocks") or []
        message = read_message({"role": "assistant", "content": blocks, "tool_calls": step.get("tool_calls")})
        if message.reasoning_state == "missing":
            text, message.reasoning_state, message.reasoning_source = plain_reasoning(
                thought or None, "thought"
            )
            message.reasoning = text and storable(text)
        else:
            message.content = storable(thought)
        if action and not message.tool_calls:
            message.tool_calls = [{"name": "action", "arguments": storable(action)}]
        messages.append(message)
    if observed:
        messages.append(Message("tool", result_text(observed), name=_name(messages[-1])))
    return messages


def _name(message: Message) -> str | None:
    return message.tool_calls[0]["name"] if message.tool_calls else message.name


def _model(config: Any) -> str | None:
    config = parsed(config.encode()) if isinstance(config, str) else config
    for key in ("agent", "model", "name"):
        config = config.get(key) if isinstance(config, dict) else None
    return config if isinstance(config, str) else None
