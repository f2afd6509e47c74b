"""Anybody's own rows, read by a field map."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.ingest.maps import FieldMap
from analysis.ingest.rows import Row, Unreadable, json_rows
from analysis.ingest.rules import ABSENT, at
from analysis.trajectories import Trajectory

Found = Iterator[tuple[dict[str, Any], Trajectory] | Unreadable]

ROWS_CHECKED = 1_000
"""How many rows are looked at before a field that the map names counts as not being there."""


def read(path: Path, source: str, fields: FieldMap) -> Found:
    """The rows of a file, each with a trajectory that the map has yet to fill.

    Raises:
        MissingField: The map names a field that none of the first rows has.
    """
    rows = json_rows(path)
    first = deque(_looked_at(rows, fields))
    fields.check((found[1] for found in first if not isinstance(found, Unreadable)), path.name)
    while first:
        yield _begun(first.popleft(), source)
    yield from begun(rows, source)


def begun(rows: Iterator[Row | Unreadable], source: str) -> Found:
    """Rows, each with a trajectory that the map has yet to fill."""
    return (_begun(found, source) for found in rows)


def _looked_at(rows: Iterator[Row | Unreadable], fields: FieldMap) -> Iterator[Row | Unreadable]:
    """Rows until each field of the map was met, which is mostly the first: what is looked at is held in memory."""
    missing = set(fields.reads)
    for found in islice(rows, ROWS_CHECKED):
        yield found
        if not isinstance(found, Unreadable):
            missing = {path for path in missing if at(found[1], path) is ABSENT}
            if not missing:
                return


def _begun(found: Row | Unreadable, source: str) -> tuple[dict[str, Any], Trajectory] | Unreadable:
    if isinstance(found, Unreadable):
        return found
    line, row = found
    return row, Trajectory(source, [], metadata=row, line=line)
