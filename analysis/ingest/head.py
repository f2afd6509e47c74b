"""The beginning of a file, by which formats are told apart."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.ingest.rows import Unreadable, excerpt, json_rows, opened
from analysis.trajectories import storable

HEAD_BYTES = 1 << 16
HEAD_ROWS = 40
"""How many objects are looked at: a session may begin with lines that hold no message."""
HEAD_LINES = 200
"""After how many lines without an object a file counts as holding none."""


@dataclass(frozen=True)
class Head:
    """What a format's `recognises` looks at.

    Attributes:
        path: The file, or the folder of a dataset.
        data: Its first bytes, text as UTF-8; empty for a folder.
        first: Its first JSON object; None where it holds none.
        rows: Its first JSON objects.
    """

    path: Path
    data: bytes
    first: dict[str, Any] | None
    rows: tuple[dict[str, Any], ...] = ()


def head_of(path: Path) -> Head:
    """Read the beginning of a file, or of a dataset."""
    data = b""
    if not path.is_dir():
        with closing(opened(path)) as stream:
            data = stream.read(HEAD_BYTES)
    if data.startswith(b"PK\x03\x04"):
        return Head(path, data, None)
    found = (each for each in islice(json_rows(path), HEAD_LINES) if not isinstance(each, Unreadable))
    rows = tuple(row for _, row in islice(found, HEAD_ROWS))
    return Head(path, data, rows[0] if rows else None, rows)


def beginning(path: Path) -> str:
    """How a file begins, as text that can be kept; nothing for a folder."""
    if path.is_dir():
        return ""
    with closing(opened(path)) as stream:
        return storable(excerpt(stream.read(HEAD_BYTES)))
