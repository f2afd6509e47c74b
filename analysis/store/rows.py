"""Appending rows to the log's tables by way of Arrow."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Texts:
    """Many texts in one: their UTF-8 one after the other, and how many bytes each has; None for one that is null."""

    data: bytes
    sizes: list[int | None]

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> Texts:
        """These in one."""
        sizes = [None if value is None else len(value) for value in values]
        return cls(b"".join([value or b"" for value in values]), sizes)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.sizes)

    def __iter__(self) -> Iterator[bytes | None]:
        """Each by itself."""
        start = 0
        for size in self.sizes:
            yield None if size is None else self.data[start : start + size]
            start += size or 0


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
    batch = rows if isinstance(rows, pa.Table) else _arrow(rows, table)
    db.register("_batch", batch)
    db.execute(f"INSERT INTO log.{table} BY NAME SELECT * FROM _batch")
    db.unregister("_batch")


def _append_one(db: duckdb.DuckDBPyConnection, table: str, row: Mapping[str, Any]) -> None:
    """One row without Arrow, which would take longer than its write."""
    names = [name for name in arrow_schema(table).names if name in row]
    values = [row[name].decode() if isinstance(row[name], bytes) else row[name] for name in names]
    db.execute(f"INSERT INTO log.{table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", values)


def arrow_table(table: str, columns: Mapping[str, Sequence[Any] | Texts]) -> pa.Table:
    """Rows of a table of the log as `append` takes them, of their columns; one that is not named is null."""
    schema, rows = arrow_schema(table), len(next(iter(columns.values())))
    return pa.table(
        [_column(columns.get(field.name, [None] * rows), field.type) for field in schema], schema=schema
    )


def _arrow(rows: Sequence[Mapping[str, Any]], table: str) -> pa.Table:
    return arrow_table(table, {name: [row.get(name) for row in rows] for name in arrow_schema(table).names})


def _column(values: Sequence[Any] | Texts, kind: pa.DataType) -> pa.Array:
    if not isinstance(values, Texts) and not any(type(value) is bytes for value in values):
        return pa.array(values, kind)
    if not isinstance(values, Texts) and all(value is None or type(value) is bytes for value in values):
        values = Texts.of(values)  # copied once rather than as an array that grows
    if isinstance(values, Texts) and len(values.data) <= LARGEST_ARRAY:
        there = pa.array([size is not None for size in values.sizes]).buffers()[1]
        ends = np.cumsum([0, *(size or 0 for size in values.sizes)]).astype(np.int32)
        buffers = [there, pa.py_buffer(ends), pa.py_buffer(values.data)]
        texts = pa.Array.from_buffers(pa.string(), len(values), buffers)
    else:
        texts = pa.array(list(values), pa.binary()).view(pa.string())
    return texts if kind == pa.string() else pa.ExtensionArray.from_storage(kind, texts)


def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema of a table of the log, read from the migrations."""
    if table not in _schemas():
        raise ValueError(f"no table log.{table}")
    return _schemas()[table]


@cache
def _schemas() -> dict[str, pa.Schema]:
    with duckdb.connect() as db:
        for sql in MIGRATIONS:
            db.execute(sql)
        columns = db.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'log' "
            "ORDER BY table_name, column_index"
        ).fetchall()
    fields: dict[str, list[tuple[str, pa.DataType]]] = {}
    for table, name, kind in columns:
        fields.setdefault(table, []).append((name, _ARROW.get(kind, pa.string())))
    return {table: pa.schema(each) for table, each in fields.items()}
