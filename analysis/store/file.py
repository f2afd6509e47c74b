"""A store in one DuckDB file. DuckDB lets one process have it at a time, so processes take turns."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from analysis.errors import StoreBusy, UserError

ROWS_A_GROUP = 2_048
"""How many rows DuckDB packs together. On closing, it joins groups that are smaller than they may be and writes
them anew; of texts of 15 kB its own 122,880 would be two gigabytes, in memory and while everybody waits."""
GROUPS_JOINED = 1
"""How many such larger groups it makes each time it closes, of a table: of texts of 100 kB one has 200 megabytes."""
BLOCKS_KEPT = "64MB"
"""Memory for a file's blocks that is kept for the next: to get it anew takes a tenth of a long write."""
LONGEST_SECONDS = 5.0
"""However busy a process is, it closes the file at its first idle moment after this."""
WISH_SECONDS = 0.5

_HOLDER = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


@dataclass(frozen=True)
class File:
    """A DuckDB file as the place of a store.

    Attributes:
        path: The file. It is made, with its folder, by the first session.
    """

    path: Path

    @property
    def target(self) -> str:
        """What names it for another process, whatever folder that one runs in."""
        return str(self.path.resolve())

    @property
    def folder(self) -> Path:
        """Where files beside the store are."""
        return self.path.parent

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether the file is there. A session would make it."""
        return self.path.exists()

    def connect(self, name: str, busy_limit: float) -> duckdb.DuckDBPyConnection:
        """A connection that has the file as the database `name`.

        Raises:
            StoreBusy: Another process kept the file longer than `busy_limit` seconds.
            UserError: The file is no DuckDB file, or can't be opened.
        """
        _check_file(self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            config={
                "temp_directory": f"{self.path}.tmp",
                "block_allocator_memory": BLOCKS_KEPT,
                "max_vacuum_tasks": GROUPS_JOINED,
            }
        )
        try:
            self._attach(connection, name, busy_limit)
        except BaseException:
            connection.close()
            raise
        return connection

    def _attach(self, connection: duckdb.DuckDBPyConnection, name: str, busy_limit: float) -> None:
        quoted = str(self.path).replace("'", "''")
        deadline, waited = time.monotonic() + busy_limit, False
        while True:
            try:
                connection.execute(
                    f"ATTACH '{quoted}' AS {name} (TYPE duckdb, ROW_GROUP_SIZE {ROWS_A_GROUP})"
                )
                if waited:
                    self._forget_wish()
                return
            except duckdb.IOException as error:
                holder = _HOLDER.search(str(error))
                if holder is None:
                    raise UserError(f"{self.path} can't be opened as a store: {_first_line(error)}") from None
                if time.monotonic() >= deadline:
                    raise StoreBusy(_busy_message(self.path, holder, busy_limit)) from None
                waited = True
                self._wish_for_it()
                time.sleep(random.uniform(0.005, 0.03))

    def fault(self, error: duckdb.Error) -> str | None:
        """What to tell of an error of the place itself: its disk is full, or fails. None for any other."""
        said = str(error)
        if "No space left on device" in said or "Disk quota exceeded" in said:
            return f"{self.path} can't be written, as the disk is full; free some space and give the same command again"
        if "Could not write file" in said or "Could not read from file" in said:
            return f"{self.path}: {_first_line(error)}; what was stored before is kept"
        return None

    def version(self, session: object = None) -> tuple[int, ...]:
        """What changes whenever anybody commits: times and sizes of the file and its log."""
        stamps: list[int] = []
        for file in (self.path, self.path.with_name(self.path.name + ".wal")):
            try:
                found = file.stat()
                stamps += [found.st_mtime_ns, found.st_size]
            except FileNotFoundError:
                stamps += [0, 0]
        return tuple(stamps)

    def must_go(self, opened_at: float) -> bool:
        """Whether a process that has had it open since then, in monotonic seconds, and is idle, must close it."""
        return time.monotonic() - opened_at >= LONGEST_SECONDS or self._is_wanted()

    def _wish_for_it(self) -> None:
        """Tell the process that has the file that another one waits for it."""
        try:
            self._wish.touch()
        except OSError:
            return  # where nobody may write, the holder's time limit is left

    def _forget_wish(self) -> None:
        try:
            self._wish.unlink(missing_ok=True)
        except OSError:
            return

    def _is_wanted(self) -> bool:
        try:
            return abs(time.time() - self._wish.stat().st_mtime) < WISH_SECONDS
        except OSError:
            return False

    @property
    def _wish(self) -> Path:
        return self.path.with_name(self.path.name + ".wanted")


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
