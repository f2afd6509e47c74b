"""Appending rows to the log's tables by way of Arrow."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from analysis.store.schema import MIGRATIONS

_ARROW = {
    "UBIGINT": pa.uint64(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us"),
    "FLOAT[]": pa.list_(pa.float32()),
    "INTEGER[]": pa.list_(pa.int32()),
    "JSON": pa.json_(pa.string()),
}

LARGEST_ARRAY = (1 << 31) - 1
"""How many bytes of text an array can hold."""


def now() -> datetime:
    """The time as the store keeps it: UTC without a zone, to the microsecond."""
    return datetime.now(UTC).replace(tzinfo=None)


def new_ids(count: int) -> list[int]:
    """Random 64-bit ids for rows that other rows point to."""
    return memoryview(secrets.token_bytes(8 * count)).cast("Q").tolist()


def append(db: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]] | pa.Table) -> None:
    """Add rows to a table of the log.

    Args:
        db: A session of the store.
        table: The table's name without its schema, such as `verdicts`.
        rows: One mapping a row, or an Arrow table; a column that is not named is null. JSON is taken as it is,
            for what writes it here is a JSON library. A text may also come as its UTF-8.
    """
    if len(rows) == 0:
        return
    if len(rows) == 1 and not isinstance(rows, pa.Table):
        _append_one(db, table, rows[0])
        return
    batch = rows if isinstance(rows, pa.Table) else _arrow(rows, arrow_schema(table))
    db.register("_batch", batch)
    db.execute(f"INSERT INTO log.{table} BY NAME SELECT * FROM _batch")
    db.unregister("_batch")


def _append_one(db: duckdb.DuckDBPyConnection, table: str, row: Mapping[str, Any]) -> None:
    """One row without Arrow, which would take longer than its write."""
    names = [name for name in arrow_schema(table).names if name in row]
    values = [row[name].decode() if isinstance(row[name], bytes) else row[name] for name in names]
    db.execute(f"INSERT INTO log.{table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)


def _arrow(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = [_column([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not any(type(value) is bytes for value in values):
        return pa.array(values, kind)
    texts = _joined(values) if all(value is None or type(value) is bytes for value in values) else None
    if texts is None:
        texts = pa.array(values, pa.binary()).view(pa.string())
    return texts if kind == pa.string() else pa.ExtensionArray.from_storage(kind, texts)


def _joined(values: list[bytes | None]) -> pa.Array | None:
    """Texts as an array, copied once rather than as one that grows; None if they are more than it can hold."""
    ends = np.cumsum([0, *(len(value or b"") for value in values)])
    if ends[-1] > LARGEST_ARRAY:
        return None
    there = pa.array([value is not None for value in values]).buffers()[1]
    texts = b"".join([value or b"" for value in values])
    buffers = [there, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(texts)]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


@cache
def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema of a table of the log, read from the migrations."""
    with duckdb.connect() as db:
        for sql in MIGRATIONS:
            db.execute(sql)
        columns = db.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = 'log' AND table_name = ? ORDER BY column_index",
            [table],
        ).fetchall()
    if not columns:
        raise ValueError(f"no table log.{table}")
    return pa.schema([(name, _ARROW.get(kind, pa.string())) for name, kind in columns])
