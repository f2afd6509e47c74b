"""What a query answers as mappings, and rows as CSV, for spreadsheets and for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def mappings(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The rows of a query that was just executed, each as a mapping from column to value."""
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def to_csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """The rows as CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_defused(row.get(name)) for name in columns])
    return stream.getvalue()


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
