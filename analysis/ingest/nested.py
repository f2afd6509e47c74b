"""Rows that hold a model's message in a field of their own: `{"question": …, "raw_message": {"role": "assistant", …}}`.

The message is the first field that is one; what was asked is in `prompt`, `question`, … beside it. Copies of
the message's text in other fields are left out. Its id, model and finish reason may stand in `meta`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.head import Head
from analysis.ingest.reasoning import FIELDS, read_message
from analysis.ingest.rowwise import Found, asked, of_row, read_rows
from analysis.trajectories import Trajectory

NAME = "message-rows"

_SAYS = ("content", "tool_calls", "reasoning_details", *FIELDS)
_LIFTED = ("id", "model", "finish_reason")


def recognises(head: Head) -> bool:
    """Whether the file's first row holds an assistant's message."""
    return head.first is not None and _key(head.first) is not None


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    return read_rows(path, source, trajectories)


def trajectories(row: dict[str, Any]) -> Iterator[Trajectory]:
    """The trajectories of one row."""
    key = _key(row)
    if key is None:
        raise ValueError("no field holds a message of the role assistant")
    meta = row.get("meta")
    lifted = {name: meta[name] for name in _LIFTED if name in meta} if isinstance(meta, dict) else {}
    prompt, used = asked(row)
    yield of_row({**lifted, **row}, [*prompt, read_message(row[key])], [*used, key])


def _key(row: dict[str, Any]) -> str | None:
    for key, value in row.items():
        if (
            isinstance(value, dict)
            and value.get("role") == "assistant"
            and any(name in value for name in _SAYS)
        ):
            return key
    return None
