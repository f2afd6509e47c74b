"""Anthropic's Messages API: responses, `{"type": "message", "role": "assistant", "content": [blocks]}`.

Reasoning comes from `thinking` blocks; `redacted_thinking`, and a `thinking` block that has only its
signature, are encrypted. The request's `system` and `messages` may stand beside, or in `request`; batch
results hold the response in `result.message`. Rows of `messages` alone are chat rows. Events of a
stream, from `message_start` on, are one response.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.anthropic_stream import STREAM
from analysis.ingest.conversation import read_messages
from analysis.ingest.head import Head
from analysis.ingest.rowwise import Found, asked, of_row, unwrapped
from analysis.ingest.streams import read_streamed
from analysis.trajectories import Trajectory

NAME = "anthropic"


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is a response, or events of one."""
    return any(_is_response(row) or _is_result(row) or STREAM.is_in(row) for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    return read_streamed(path, source, _trajectories, STREAM)


def _trajectories(raw: dict[str, Any]) -> Iterator[Trajectory]:
    row = unwrapped(raw)
    if not _is_message(row):
        raise ValueError("no message of the assistant with blocks of content")
    prompt, used = asked(row)
    answer = read_messages([{"role": "assistant", "content": row["content"]}])
    yield of_row(row, [*prompt, *answer], [*used, "type", "role", "content", "stop_sequence"])


def _is_response(row: dict[str, Any]) -> bool:
    return _is_message(row) or _is_message(row.get("response"))


def _is_message(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and row.get("type") == "message"
        and row.get("role") == "assistant"
        and isinstance(row.get("content"), list)
        and ("stop_reason" in row or "model" in row)
    )


def _is_result(row: dict[str, Any]) -> bool:
    result = row.get("result")
    return isinstance(result, dict) and _is_message(result.get("message"))
