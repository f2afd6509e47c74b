"""A store on DuckLake: a catalog in Postgres, the rows as Parquet in a folder or an object store. For a team.

Any number of processes on any number of machines use it at once. Small writes (a label, a verdict) stand in the
catalog itself until `tidy` moves them, so that a label makes no file of its own.
"""

from __future__ import annotations

import importlib.util
import os
import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from analysis.errors import UserError

PREFIX = "ducklake:"
RETRIES = 600
RETRY_MS = 20
"""How often a commit is tried again that came at the same moment as another one, and how long it waits each time."""
TRIES_TO_MAKE = 50
"""How often it is tried to open a new lake that another process makes at the same moment."""
INLINED_ROWS = 500
"""Inserts of at most so many rows go into the catalog. DuckLake keeps the name row_id for itself there, so tables
with such a column are left out; these are written in bulk anyway."""

_PASSWORD = re.compile(r"(password\s*=\s*)('[^']*'|\S+)|(//[^:/@\s]+:)[^@\s]+(?=@)", re.IGNORECASE)
_GONE = re.compile(
    "connection to (the )?server|server closed the connection|terminating connection|SSL SYSCALL"
)
_MADE_MEANWHILE = re.compile("already exists|duplicate key|could not serialize")
_S3 = ("s3://", "gs://", "r2://")
_S3_SETTINGS = {
    "KEY_ID": "AWS_ACCESS_KEY_ID", "SECRET": "AWS_SECRET_ACCESS_KEY", "SESSION_TOKEN": "AWS_SESSION_TOKEN",
    "REGION": "AWS_REGION",
}  # fmt: skip


@dataclass(frozen=True)
class Lake:
    """A DuckLake as the place of a store.

    Attributes:
        target: `ducklake:` and the catalog as DuckLake names it: `ducklake:postgres:host=… dbname=…`.
        data_path: Where the rows are: a folder, or an address such as s3://bucket/folder. Needed by whoever makes
            the lake; the catalog knows it from then on.
    """

    target: str
    data_path: str | None = None

    @property
    def folder(self) -> Path:
        """Where files beside the store are: this machine's `data` folder."""
        return Path(__file__).parents[2] / "data"

    def __str__(self) -> str:
        return _PASSWORD.sub(lambda found: f"{found[1] or found[3]}…", self.target)

    def exists(self) -> bool:
        """True: whether it is there is known when it answers."""
        return True

    def connect(self, name: str, busy_limit: float) -> duckdb.DuckDBPyConnection:
        """A connection that has the lake as the database `name`.

        Raises:
            UserError: An extension is missing, the catalog does not answer, or a new lake has no data path.
        """
        connection = duckdb.connect()
        try:
            catalog = self.target.removeprefix(PREFIX)
            for extension in ("ducklake", *(["postgres_scanner"] if catalog.startswith("postgres:") else [])):
                load(connection, extension)
            connection.execute(
                "SET ducklake_max_retry_count = 1; SET ducklake_default_data_inlining_row_limit = 0"
            )
            if (self.data_path or "").startswith(_S3) or os.environ.get("AWS_ACCESS_KEY_ID"):
                _sign_in_to_s3(connection)
            self._attach(connection, name)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        options = f" (DATA_PATH {_quoted(self.data_path)})" if self.data_path else ""
        for tries_left in reversed(range(TRIES_TO_MAKE)):
            try:
                connection.execute(f"ATTACH {_quoted(self.target)} AS {name}{options}")
                return
            except duckdb.Error as error:
                if not tries_left or not _MADE_MEANWHILE.search(str(error)):
                    raise UserError(f"{self} can't be opened as a store: {self.told(error)}") from None
            time.sleep(random.uniform(0.05, 0.3))

    def told(self, error: Exception) -> str:
        """An error of DuckDB's or Postgres's in one line, without a password."""
        return _PASSWORD.sub(lambda found: f"{found[1] or found[3]}…", " ".join(str(error).split()))[:400]

    def fault(self, error: duckdb.Error) -> str | None:
        """What to tell of an error of the place itself: its catalog or object store does not answer. None for any other."""
        if isinstance(error, duckdb.HTTPException):
            return (
                f"the object store of {self} refuses or does not answer ({self.told(error)}); look at "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"
            )
        if not _GONE.search(str(error)):
            return None
        return f"{self} went away ({self.told(error)}); the same command goes on when it is back"

    def version(self, session: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
        """What changes whenever anybody commits: the newest snapshot's number."""
        row = session.execute("FROM ducklake_current_snapshot('store')").fetchone()
        return (row[0],) if row else ()

    def must_go(self, opened_at: float) -> bool:
        """False: nobody has to wait for it."""
        return False


def take_turns(db: duckdb.DuckDBPyConnection) -> None:
    """Let commits that come at the same moment as others' be tried again, for as long as a busy file is waited for."""
    db.execute(
        f"SET ducklake_max_retry_count = {RETRIES}; SET ducklake_retry_wait_ms = {RETRY_MS}; "
        "SET ducklake_retry_backoff = 1"
    )


def inline(db: duckdb.DuckDBPyConnection, name: str) -> None:
    """Let small inserts into the lake's tables stand in the catalog."""
    tables = db.execute(
        """SELECT table_name FROM duckdb_tables() t WHERE database_name = ? AND schema_name = 'log'
           AND NOT EXISTS (FROM duckdb_columns() c WHERE c.database_name = t.database_name
                           AND c.table_name = t.table_name AND c.column_name = 'row_id')""",
        [name],
    ).fetchall()
    for (table,) in tables:
        db.execute(
            f"CALL ducklake_set_option('{name}', 'data_inlining_row_limit', {INLINED_ROWS}, "
            f"schema => 'log', table_name => '{table}')"
        )


def load(db: duckdb.DuckDBPyConnection, extension: str) -> None:
    """Load one of DuckDB's extensions: the user's own, else the one of its wheel, else have DuckDB install it.

    Raises:
        UserError: None of these is there.
    """
    ways = [f"LOAD {extension}"]
    if wheel := _of_wheel(extension):
        ways.append(f"LOAD {_quoted(str(wheel))}")
    for way in (*ways, f"INSTALL {extension}; LOAD {extension}"):
        try:
            db.execute(way)
            return
        except duckdb.Error:
            continue
    package = f"duckdb-extension-{extension.replace('_', '-')}=={duckdb.__version__}"
    raise UserError(f"DuckDB's extension {extension} is missing; `pip install {package}` brings it")


def _of_wheel(extension: str) -> Path | None:
    """The extension's file in the package `duckdb-extension-…`, where that is installed for this DuckDB."""
    found = importlib.util.find_spec(f"duckdb_extension_{extension}")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}"
    file = folder / f"{extension}.duckdb_extension"
    return file if file.exists() else None


def _sign_in_to_s3(db: duckdb.DuckDBPyConnection) -> None:
    """Take the keys that the usual AWS_ variables hold; AWS_ENDPOINT_URL names a server that is not Amazon's."""
    load(db, "httpfs")
    given = {key: os.environ[variable] for key, variable in _S3_SETTINGS.items() if os.environ.get(variable)}
    settings = [f"{key} {_quoted(value)}" for key, value in given.items()]
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        scheme, _, host = endpoint.rpartition("://")
        secure = "false" if scheme == "http" else "true"
        settings += [f"ENDPOINT {_quoted(host)}", "URL_STYLE 'path'", f"USE_SSL {secure}"]
    if settings:
        db.execute(f"CREATE OR REPLACE SECRET telltale (TYPE s3, {', '.join(settings)})")


def _quoted(text: str | None) -> str:
    return "'" + (text or "").replace("'", "''") + "'"
