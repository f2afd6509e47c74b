"""Sessions: open the store, do one short piece of work, close it again."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from pathlib import Path

import duckdb

from analysis.errors import UserError
from analysis.store import lake
from analysis.store.file import File
from analysis.store.instances import instance
from analysis.store.lake import Lake
from analysis.store.schema import MIGRATIONS

BUSY_LIMIT_SECONDS = 30.0
LAKE_LINGERS_SECONDS = 60.0
"""How long a lake stays open after a session: nobody waits for it, and to open it takes a tenth of a second."""

_NAME = "store"


def default_target() -> str:
    """The store that is used when none is named: TELLTALE_DB, else data/telltale.duckdb."""
    return os.environ.get("TELLTALE_DB") or str(Path(__file__).parents[2] / "data" / "telltale.duckdb")


class Store:
    """A store of trajectories, findings and labels, in one DuckDB file or on DuckLake.

    Args:
        target: A DuckDB file, or `ducklake:` and a catalog.
        busy_limit: Seconds to wait while another process has the file before `StoreBusy` is raised.
        linger: Seconds that this process keeps the file open after a session, unless another one wants it.
        data_path: Where a lake's rows are; TELLTALE_DATA_PATH where it is not given.
    """

    def __init__(
        self,
        target: str | Path | None = None,
        busy_limit: float = BUSY_LIMIT_SECONDS,
        linger: float = 0.0,
        data_path: str | None = None,
    ) -> None:
        named = str(target if target is not None else default_target())
        self.place: File | Lake
        if named.startswith(lake.PREFIX):
            self.place = Lake(named, data_path or os.environ.get("TELLTALE_DATA_PATH"))
            linger = max(linger, LAKE_LINGERS_SECONDS)
        else:
            self.place = File(Path(named))
        self.busy_limit = busy_limit
        self.linger = linger

    def __str__(self) -> str:
        """Its name for people, without a password."""
        return str(self.place)

    @property
    def target(self) -> str:
        """What names it for another process."""
        return self.place.target

    @property
    def path(self) -> Path:
        """The file of a store that is one.

        Raises:
            TypeError: It is a lake.
        """
        if isinstance(self.place, Lake):
            raise TypeError("a lake is no file")
        return self.place.path

    @property
    def folder(self) -> Path:
        """Where files beside the store are: prices, models."""
        return self.place.folder

    def exists(self) -> bool:
        """Whether the file is there. A session would make it."""
        return self.place.exists()

    def lingering(self, seconds: float) -> Store:
        """The same store for who writes batch after batch: it stays open that long after each of its sessions."""
        other = copy(self)
        other.linger = max(self.linger, seconds)
        return other

    def version(self) -> tuple[int, ...]:
        """What changes whenever anybody commits."""
        if isinstance(self.place, File):
            return self.place.version()
        with self.session() as db:
            return self.place.version(db)

    def marks(self) -> dict[str, tuple[int, ...]]:
        """For each table of the log what changes whenever rows come to it: as nothing is taken from a table, how many
        it has, and when the store was made. Of a lake its version, for that is quicker to ask for.
        """  # noqa: D205
        with self.session() as db:
            tables = _log_tables(db)
            if isinstance(self.place, Lake):
                return dict.fromkeys(tables, self.place.version(db))
            counts = ", ".join(f"(SELECT count(*) FROM log.{table})" for table in tables)
            [[*rows, made]] = db.execute(
                f"SELECT {counts}, (SELECT epoch_us(min(applied_at)) FROM migrations)"
            ).fetchall()
        return {table: (count, made) for table, count in zip(tables, rows, strict=True)}

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one short piece of work; each statement commits by itself.

        Sessions of one process run at the same time on one instance; processes take turns on a file.

        Raises:
            StoreBusy: Another process kept the file longer than `busy_limit`.
            UserError: The store can't be opened, is none, or is of a newer version.
        """
        shared = instance(self.place)
        cursor = shared.enter(self._open)
        try:
            cursor.execute(f"USE {_NAME}")
            yield cursor
        except duckdb.Error as error:
            if told := self.place.fault(error):
                shared.distrust()
                raise UserError(told) from None
            raise
        finally:
            cursor.close()
            shared.leave(self.linger)

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A session whose statements are committed together, or not at all when one raises."""
        with self.session() as db:
            db.execute("BEGIN")
            try:
                yield db
            except BaseException:
                with suppress(duckdb.Error):  # what went away has forgotten it already
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = self.place.connect(_NAME, self.busy_limit)
        try:
            connection.execute(f"USE {_NAME}")
            self._prepare(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, duckdb.Error) and (told := self.place.fault(error)):
                raise UserError(told) from None
            raise
        return connection

    def _prepare(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Migrate, and where another process does the same on a lake at this moment, look again."""
        if isinstance(self.place, File):
            _migrate(connection, str(self))
            return
        for _ in range(lake.TRIES_TO_MAKE):
            try:
                if _migrate(connection, str(self)):
                    lake.inline(connection, _NAME)
                lake.take_turns(connection)
                return
            except duckdb.Error as error:
                if self.place.fault(error):
                    raise
                with suppress(duckdb.Error):
                    connection.execute("ROLLBACK")
                time.sleep(random.uniform(0.05, 0.2))
        _migrate(connection, str(self))


def _log_tables(db: duckdb.DuckDBPyConnection) -> list[str]:
    rows = db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'log' ORDER BY 1",
        [_NAME],
    ).fetchall()
    return [table for (table,) in rows]


def _migrate(db: duckdb.DuckDBPyConnection, name: str) -> bool:
    """Bring the store to this version's schema, and say whether that changed it; refuse one of a newer version."""
    tables = {table for (table,) in db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [_NAME]
    ).fetchall()}  # fmt: skip
    version = 0
    if "migrations" in tables:
        row = db.execute("SELECT max(version) FROM migrations").fetchone()
        version = row[0] or 0 if row else 0
    elif tables:
        raise UserError(f"{name} has tables, but is no Telltale store; name another with --db")
    if version > len(MIGRATIONS):
        raise UserError(
            f"{name} has schema {version} and this Telltale knows up to {len(MIGRATIONS)}; "
            f"update Telltale to a version with schema {version}"
        )
    for number, sql in enumerate(MIGRATIONS[version:], start=version + 1):
        db.execute("BEGIN")
        db.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER, applied_at TIMESTAMP)")
        db.execute(sql)
        db.execute("INSERT INTO migrations VALUES (?, now()::TIMESTAMP)", [number])
        db.execute("COMMIT")
    return version < len(MIGRATIONS)
