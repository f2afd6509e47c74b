"""What a look at a page fetches from the store: rows, bytes, and how much of it is text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from analysis.store import Store


@dataclass
class Fetched:
    """What came out of the store.

    Attributes:
        rows: Rows of all answers.
        numbers: Bytes of their numbers.
        text: Letters of their strings.
    """

    rows: int = 0
    numbers: int = 0
    text: int = 0

    def values(self, found: Iterable[Any]) -> None:
        """Count the values of a row or a column."""
        for value in found:
            if isinstance(value, str | bytes):
                self.text += len(value)
            elif isinstance(value, list | tuple):
                self.values(value)
            elif isinstance(value, dict):
                self.values(value.values())
            else:
                self.numbers += 8

    def table(self, found: pa.Table) -> None:
        """Count an Arrow table."""
        self.rows += len(found)
        for column in found.columns:
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                self.text += column.nbytes
            else:
                self.numbers += column.nbytes


class _Counting:
    """A connection that counts what is fetched from it."""

    def __init__(self, db: Any, fetched: Fetched) -> None:
        self._db, self._fetched = db, fetched

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    def execute(self, *words: Any, **more: Any) -> _Counting:
        self._db.execute(*words, **more)
        return self

    def fetchall(self) -> list[Any]:
        return self._rows(self._db.fetchall())

    def fetchmany(self, *words: Any) -> list[Any]:
        return self._rows(self._db.fetchmany(*words))

    def fetchone(self) -> Any:
        row = self._db.fetchone()
        self._rows([] if row is None else [row])
        return row

    def fetchnumpy(self) -> dict[str, Any]:
        found: dict[str, Any] = self._db.fetchnumpy()
        for column in found.values():
            values = np.ma.getdata(column)
            if values.dtype == object:
                self._fetched.values(values)
            else:
                self._fetched.numbers += values.nbytes
        self._fetched.rows += max(map(len, found.values()), default=0)
        return found

    def to_arrow_table(self, *words: Any) -> pa.Table:
        found = self._db.to_arrow_table(*words)
        self._fetched.table(found)
        return found

    def _rows(self, rows: list[Any]) -> list[Any]:
        self._fetched.rows += len(rows)
        for row in rows:
            self._fetched.values(row)
        return rows


@contextmanager
def counting() -> Iterator[Fetched]:
    """Count all that sessions of this process fetch."""
    fetched, plain = Fetched(), Store.session

    @contextmanager
    def session(store: Store) -> Iterator[Any]:
        with plain(store) as db:
            yield _Counting(db, fetched)

    Store.session = session  # type: ignore[method-assign]
    try:
        yield fetched
    finally:
        Store.session = plain  # type: ignore[method-assign]
