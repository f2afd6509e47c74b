"""OpenHands: rows of an evaluation's `output.jsonl` (the events in `history`), and files of events.

A file of events (an array, or lines) is one trajectory. `openhands_events` says what an event becomes.

| of a row | becomes |
|---|---|
| history | the messages; `instruction` before them where they have no user's |
| metadata.llm_config.model (SDK: metadata.llm.model) | model and checkpoint |
| metadata.dataset | the environment |
| test_result.report.resolved, report.resolved | the outcome resolved |
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from analysis.ingest.head import Head
from analysis.ingest.leftover import leftover
from analysis.ingest.openhands_events import is_event, read_events
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, malformed, read_rows
from analysis.ingest.skipped import joined, skipped
from analysis.ingest.values import read_time
from analysis.trajectories import Message, Outcome, Trajectory, storable

NAME = "openhands"

_USED = ("history", "instruction", "instance", "metadata", "metrics", "report")
_TOLD = ("agent_class", "max_iterations", "start_time", "git_commit", "data_split")


def recognises(head: Head) -> bool:
    """Whether the first row has a history of events, or is an event."""
    first = head.first
    return first is not None and (is_event(first) or any(is_event(each) for each in _events(first)[:1]))


def read(path: Path, source: str) -> Found:
    """The trajectories of a file."""
    first = next((found for found in json_rows(path) if not isinstance(found, Unreadable)), None)
    if first and is_event(first[1]):
        return _of_events(path, source)
    return read_rows(path, source, _of_row)


def _of_row(row: dict[str, Any]) -> Iterator[Trajectory]:
    events = _events(row)
    if not events:
        raise ValueError(f"no history of events; its error is {str(row.get('error'))[:300]}")
    messages = read_events(events)
    if row.get("instruction") and not any(message.role == "user" for message in messages):
        messages.insert(0, Message("user", storable(str(row["instruction"]))))
    about = row.get("metadata") or {}
    model = (about.get("llm_config") or about.get("llm") or {}).get("model")
    reports = [row.get("report"), (row.get("test_result") or {}).get("report")]
    resolved = next(
        (each["resolved"] for each in reports if isinstance(each, dict) and "resolved" in each), None
    )
    yield Trajectory(
        source="",
        messages=messages,
        environment=about.get("dataset"),
        checkpoint=model,
        model=model,
        finish_reason=_ended(events),
        created_at=_began(events) or read_time(about.get("start_time")),
        outcomes=[] if resolved is None else [Outcome("resolved", resolved)],
        metadata=leftover(row, _USED) | leftover({key: about.get(key) for key in _TOLD}, ()),
    )


def _of_events(path: Path, source: str) -> Found:
    events: list[dict[str, Any]] = []
    line = 1
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
        elif is_event(found[1]):
            line = line if events else found[0]
            events.append(found[1])
        else:
            yield skipped(found[0], "no event")
    try:
        messages = read_events(events)
    except MALFORMED as error:
        yield malformed(line, {"events": len(events)}, error)
    else:
        models = (_model(event) for event in events)
        model = next((each for each in models if each), None)
        yield {}, Trajectory(
            source, messages, checkpoint=model, model=model, finish_reason=_ended(events),
            created_at=_began(events), line=line,
        )  # fmt: skip
    if len(events) > 1:
        yield joined(line, len(events) - 1)


def _events(row: dict[str, Any]) -> list[Any]:
    """The history's events; older rows have them in pairs of an action and its observation."""
    history = row.get("history")
    if not isinstance(history, list):
        return []
    return list(chain.from_iterable(each if isinstance(each, list) else [each] for each in history))


def _began(events: list[Any]) -> Any:
    return next((time for event in events if (time := read_time(event.get("timestamp")))), None)


def _ended(events: list[Any]) -> str | None:
    """`finish` where the run ended as the agent wanted; else the error is all that is known."""
    actions = (event.get("action") for event in events)
    kinds = (each.get("kind") if isinstance(each, dict) else each for each in actions)
    return next(("finish" for each in kinds if each in ("finish", "FinishAction")), None)


def _model(event: dict[str, Any]) -> str | None:
    response = (event.get("tool_call_metadata") or {}).get("model_response") or {}
    return response.get("model")
