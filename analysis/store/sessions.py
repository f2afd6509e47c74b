"""Sessions: open the store, do one short piece of work, close it again."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from analysis.errors import StoreBusy, UserError
from analysis.store.instances import had, instance, want
from analysis.store.schema import MIGRATIONS

BUSY_LIMIT_SECONDS = 30.0
ROWS_A_GROUP = 2_048
"""How many rows DuckDB packs together. On closing, it joins groups that are smaller than they may be and writes
them anew; of texts of 15 kB its own 122,880 would be two gigabytes, in memory and while everybody waits."""

_NAME = "store"
_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


def default_path() -> Path:
    """The store that a command uses when none is named: TELLTALE_DB, else data/telltale.duckdb."""
    named = os.environ.get("TELLTALE_DB")
    return Path(named) if named else Path(__file__).parents[2] / "data" / "telltale.duckdb"


class Store:
    """A store of trajectories, findings and labels in one DuckDB file.

    Args:
        path: The DuckDB file. It is made, with its folder, by the first session.
        busy_limit: Seconds to wait while another process has the file before `StoreBusy` is raised.
        linger: Seconds that this process keeps the file open after a session, unless another one wants it.
    """

    def __init__(
        self, path: str | Path | None = None, busy_limit: float = BUSY_LIMIT_SECONDS, linger: float = 0.0
    ) -> None:
        self.path = Path(path) if path is not None else default_path()
        self.busy_limit = busy_limit
        self.linger = linger

    def exists(self) -> bool:
        """Whether the file is there. A session would make it."""
        return self.path.exists()

    @contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for one short piece of work; each statement commits by itself.

        Sessions of one process run at the same time on one instance; processes take turns.

        Raises:
            StoreBusy: Another process kept the file longer than `busy_limit`.
            UserError: The file is no store, can't be opened, or is of a newer version.
        """
        shared = instance(self.path)
        cursor = shared.enter(self._open)
        try:
            cursor.execute(f"USE {_NAME}")
            yield cursor
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
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def _open(self) -> duckdb.DuckDBPyConnection:
        _check_file(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(config={"temp_directory": f"{self.path}.tmp"})
        try:
            self._attach(connection)
            _migrate(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        name = str(self.path).replace("'", "''")
        deadline, waited = time.monotonic() + self.busy_limit, False
        while True:
            try:
                connection.execute(f"ATTACH '{name}' AS {_NAME} (TYPE duckdb, ROW_GROUP_SIZE {ROWS_A_GROUP})")
                connection.execute(f"USE {_NAME}")
                if waited:
                    had(self.path)
                return
            except duckdb.IOException as error:
                holder = _HOLDER.search(str(error))
                if holder is None:
                    raise UserError(f"{self.path} can't be opened as a store: {_first_line(error)}") from None
                if time.monotonic() >= deadline:
                    raise StoreBusy(_busy_message(self.path, holder, self.busy_limit)) from None
                waited = True
                want(self.path)
                time.sleep(random.uniform(0.005, 0.03))


def _check_file(path: Path) -> None:
    """Refuse a file that is no DuckDB file: DuckDB reads some (JSON, CSV) as tables instead."""
    for _ in range(40):
        try:
            with path.open("rb") as stream:
                head = stream.read(12)
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(f"{path} can't be opened as a store: {error.strerror}") from None
        if head[8:] == b"DUCK":
            return
        if head:
            break
        time.sleep(0.025)  # another process may be making it just now
    raise UserError(f"{path} is not a DuckDB file, so no store; name another with --db")


def _migrate(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Bring the file to this version's schema; refuse one that a newer version wrote."""
    tables = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    version = 0
    if "migrations" in tables:
        row = db.execute("SELECT max(version) FROM migrations").fetchone()
        version = row[0] or 0 if row else 0
    elif tables:
        raise UserError(f"{path} is a DuckDB file, but no Telltale store; name another with --db")
    if version > len(MIGRATIONS):
        raise UserError(
            f"{path} has schema {version} and this Telltale knows up to {len(MIGRATIONS)}; "
            f"update Telltale to a version with schema {version}"
        )
    for number, sql in enumerate(MIGRATIONS[version:], start=version + 1):
        db.execute("BEGIN")
        db.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER, applied_at TIMESTAMP)")
        db.execute(sql)
        db.execute("INSERT INTO migrations VALUES (?, now()::TIMESTAMP)", [number])
        db.execute("COMMIT")


def _busy_message(path: Path, holder: re.Match[str], limit: float) -> str:
    pid = int(holder["pid"])
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        command = " ".join(words.split())[:120]
    except OSError:
        command = holder["program"]
    return f"{path} has been in use for {limit:g} s by process {pid} ({command}); try again when it is done"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].removeprefix("IO Error: ")
