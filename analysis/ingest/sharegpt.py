"""ShareGPT rows: `{"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}`.

Reasoning comes from `<think>` tags in the model's values, or from the fields that chat messages have. The
system prompt may stand in `system` beside the conversation. A function_call is a message of the model, with
the call as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_messages
from analysis.ingest.head import Head
from analysis.ingest.rowwise import Found, of_row, read_rows, with_system
from analysis.trajectories import Trajectory

NAME = "sharegpt"

_KEYS = ("conversations", "conversation")
_ROLES = {"chatgpt": "assistant", "bing": "assistant", "bard": "assistant", "function_response": "tool"}


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is a conversation of this format."""
    return any(_key(row) is not None for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    return read_rows(path, source, trajectories)


def trajectories(row: dict[str, Any]) -> Iterator[Trajectory]:
    """The trajectories of one row."""
    key = _key(row)
    if key is None:
        raise ValueError("no `conversations` of turns with `from` and `value`")
    messages = read_messages([_as_chat(turn) for turn in row[key]])
    messages, used = with_system(row, messages, [key])
    yield of_row(row, messages, used)


def _key(row: dict[str, Any]) -> str | None:
    for key in _KEYS:
        turns = row.get(key)
        if isinstance(turns, list) and turns and all(_is_turn(turn) for turn in turns):
            return key
    return None


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and (
        ("from" in turn and "value" in turn) or ("role" in turn and "content" in turn)
    )


def _as_chat(turn: dict[str, Any]) -> dict[str, Any]:
    role = str(turn.get("from", turn.get("role")))
    content = turn.get("value", turn.get("content"))
    if role in ("function_call", "tool_call"):
        return {"role": "assistant", "content": [{"type": "tool_call", "value": str(content)}]}
    rest = {key: value for key, value in turn.items() if key not in ("from", "value")}
    return {**rest, "role": _ROLES.get(role, role), "content": content}
