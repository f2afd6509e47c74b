"""A store carried whole into another one, and copies that are consistent while others write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from analysis.errors import UserError
from analysis.store.file import File
from analysis.store.rows import append
from analysis.store.sessions import Store

ROWS_AT_ONCE = 20_000

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Moved:
    """A table that was carried over.

    Attributes:
        rows: How many rows it has, here and there.
        hash: The sum of its rows' hashes, here and there, in hexadecimal: the same rows in any order give the same.
    """

    table: str
    rows: int
    hash: str


def move(source: Store, target: Store, progress: Progress | None = None) -> list[Moved]:
    """Carry every row of a store into an empty one, in one transaction, and compare counts and hashes.

    The source is read as it is at one moment and is left as it is.

    Args:
        source: Where the rows are.
        target: Where they go: a store without a row, which is made if it is not there.
        progress: Told how many rows of how many were carried.

    Raises:
        UserError: The source is not there, the target has rows or is the source, or they differ afterwards; nothing
            was carried then.
    """
    if not source.exists():
        raise UserError(f"there is no store {source} to move from")
    if source.target == target.target:
        raise UserError("a store can't be moved onto itself")
    with source.session() as here, target.transaction() as there:
        here.execute("BEGIN")
        tables = _tables(here)
        if full := [table for table in _tables(there) if _count(there, table)]:
            raise UserError(f"{target} has rows already ({', '.join(full[:3])}); move into an empty store")
        total, done = sum(_count(here, table) for table in tables), 0
        for table in tables:
            for batch in here.execute(f"FROM log.{table}").to_arrow_reader(ROWS_AT_ONCE):
                append(there, table, pa.Table.from_batches([batch]))
                done += len(batch)
                if progress:
                    progress(done, total)
        carried = [_compared(here, there, table) for table in tables]
        here.execute("COMMIT")
    return carried


def backup(source: Store, to: Path, progress: Progress | None = None) -> list[Moved]:
    """Copy a store into a new DuckDB file, as it is at one moment, while others go on using it.

    A file is copied byte by byte, during which others wait for it; a lake is carried over.

    Raises:
        UserError: The source is not there, or the file is.
    """
    if to.exists():
        raise UserError(f"{to} is there already; name a new file")
    if not source.exists():
        raise UserError(f"there is no store {source} to copy")
    unfinished = to.with_name(f"{to.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        if isinstance(source.place, File):
            carried = _copied(source, unfinished)
        else:
            carried = move(source, Store(unfinished), progress)
        os.replace(unfinished, to)
    finally:
        unfinished.unlink(missing_ok=True)
    return carried


def tidy(store: Store) -> None:
    """Bring a store into the form that is read quickest: small writes into files, small files into large ones."""
    with store.session() as db:
        db.execute("CHECKPOINT store")


def _copied(source: Store, to: Path) -> list[Moved]:
    to.parent.mkdir(parents=True, exist_ok=True)
    with source.session() as here:
        here.execute("CHECKPOINT store")
        # By a process of its own: one that opens and closes a file itself loses the lock that DuckDB has on it.
        copy = "import shutil, sys; shutil.copyfile(*sys.argv[1:])"
        done = subprocess.run(
            [sys.executable, "-c", copy, source.path, to], stderr=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise UserError(f"{to} can't be written: {done.stderr.strip().splitlines()[-1]}")
        with Store(to).session() as there:
            return [_compared(here, there, table) for table in _tables(here)]


def _tables(db: duckdb.DuckDBPyConnection) -> Sequence[str]:
    rows = db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'store' AND schema_name = 'log' ORDER BY 1"
    ).fetchall()
    return [table for (table,) in rows]


def _count(db: duckdb.DuckDBPyConnection, table: str) -> int:
    row = db.execute(f"SELECT count(*) FROM log.{table}").fetchone()
    return int(row[0]) if row else 0


def _compared(here: duckdb.DuckDBPyConnection, there: duckdb.DuckDBPyConnection, table: str) -> Moved:
    sql = f"SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM log.{table} t"
    before, after = here.execute(sql).fetchone(), there.execute(sql).fetchone()
    if before is None or before != after:
        raise UserError(f"the table {table} came over changed, so nothing was carried; please report this")
    return Moved(table, before[0], f"{before[1]:x}")
