"""Petri's transcripts: an audit a file, of which the target's conversation is the trajectory.

| of the file | becomes |
|---|---|
| target_messages, else what the events of the view `target` leave | the messages |
| metadata.transcript_id, target_model, created_at | id, model and checkpoint, time |
| metadata.judge_output.scores | an outcome a dimension, on the judge's scale |

What the auditor thought and said to itself is another model's and is not read. Turns that were rolled back are
not in the conversation any more; metadata says how many there were.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_messages
from analysis.ingest.head import Head
from analysis.ingest.leftover import leftover
from analysis.ingest.rowwise import Found, read_rows
from analysis.ingest.values import read_time
from analysis.trajectories import Outcome, Trajectory

NAME = "petri"

_VIEW = "target"
_NO_MESSAGES = ("api_failure", "info")
_USED = ("transcript_id", "target_model", "created_at", "updated_at")


def recognises(head: Head) -> bool:
    """Whether the file's first object is a transcript."""
    first = head.first or {}
    about = first.get("metadata")
    return (
        isinstance(about, dict)
        and "transcript_id" in about
        and any(isinstance(first.get(key), list) for key in ("events", "target_messages"))
    )


def read(path: Path, source: str) -> Found:
    """The trajectories of a file: the target's, one a transcript."""
    return read_rows(path, source, _trajectories)


def _trajectories(row: dict[str, Any]) -> Iterator[Trajectory]:
    about = row.get("metadata") or {}
    final, rolled_back = _replayed(row.get("events") or ())
    raw = [_as_message(each) for each in row.get("target_messages") or final]
    raw = [each for each in raw if each["role"] not in _NO_MESSAGES]
    if not raw:
        raise ValueError("a transcript without messages of the target")
    judged = about.get("judge_output") or {}
    scores = judged.get("scores") or {}
    metadata = leftover(about, (*_USED, "judge_output")) | leftover(judged, ("scores", "response"))
    yield Trajectory(
        source="",
        messages=read_messages(raw),
        trajectory_id=str(about["transcript_id"]) if about.get("transcript_id") else None,
        environment="petri",
        checkpoint=about.get("target_model"),
        model=about.get("target_model"),
        created_at=read_time(about.get("created_at")),
        outcomes=[
            Outcome(str(name), value, "ok" if value is not None else "missing")
            for name, value in scores.items()
        ],
        metadata=metadata | ({"rolled_back_messages": rolled_back} if rolled_back else {}),
    )


def _replayed(events: Any) -> tuple[list[dict[str, Any]], int]:
    """The target's messages after all edits, and how many were taken back."""
    messages: list[dict[str, Any]] = []
    taken_back = 0
    for event in events:
        edit, view = event.get("edit"), event.get("view")
        if event.get("type", "transcript_event") != "transcript_event" or not isinstance(edit, dict):
            continue
        if _VIEW not in (view if isinstance(view, list) else [view]):
            continue
        before = len(messages)
        match edit.get("operation", "add"):
            case "add":
                messages.append(edit["message"])
            case "rollback":
                messages = messages[: _kept(messages, edit)]
                taken_back += before - len(messages)
            case "reset":
                taken_back += len([each for each in messages if _as_message(each)["role"] == "assistant"])
                messages = list(edit.get("new_messages") or ())
            case "json_patch":
                for change in edit["patch"]:
                    _patch(messages, change)
    return messages, taken_back


def _kept(messages: list[dict[str, Any]], edit: dict[str, Any]) -> int:
    """How many messages a rollback leaves: up to the one of an id, else all but the last so many."""
    ids = [each.get("id") for each in messages]
    if edit.get("to_id") in ids and edit.get("to_id") is not None:
        return ids.index(edit["to_id"]) + 1
    return max(0, len(messages) - int(edit.get("count") or 0))


def _patch(messages: list[dict[str, Any]], change: dict[str, Any]) -> None:
    """Apply one operation of a JSON patch: add, replace or remove at a path such as /target_messages/2/content."""
    names = [name.replace("~1", "/").replace("~0", "~") for name in str(change["path"]).split("/")[1:]]
    names = names[1:] if names and names[0] in ("messages", "target_messages") else names
    place: Any = messages
    *way, last = names
    for name in way:
        place = place[int(name)] if isinstance(place, list) else place[name]
    key: Any = last
    if isinstance(place, list):
        key = len(place) if last == "-" else int(last)
    match change["op"]:
        case "remove":
            del place[key]
        case "add" if isinstance(place, list):
            place.insert(key, change["value"])
        case "add" | "replace":
            place[key] = change["value"]


def _as_message(raw: dict[str, Any]) -> dict[str, Any]:
    """A message by its role; transcripts before version 3 call it the type."""
    role = raw.get("role") or raw.get("type") or "unknown"
    return {**{key: value for key, value in raw.items() if key != "name" or role == "tool"}, "role": role}
