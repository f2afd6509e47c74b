"""One open DuckDB instance of a file in a process: its sessions share it, and processes take turns with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

LONGEST_SECONDS = 5.0
"""However busy a process is, it closes the file at its first idle moment after this."""
_LOOK_SECONDS = 0.02
_WISH_SECONDS = 0.5


@dataclass
class Instance:
    """This process's instance of a file, open while sessions are under way and for as long as it may linger.

    Opening and closing a store takes longer than a label's write. Whoever writes many small things lets the
    instance linger: it stays open until nothing came for that long, or another process wants the file.
    """

    path: Path
    lock: threading.RLock = field(default_factory=threading.RLock)
    connection: duckdb.DuckDBPyConnection | None = None
    sessions: int = 0
    opened_at: float = 0.0
    idle_since: float = 0.0
    linger: float = 0.0
    keeper: threading.Thread | None = None

    def enter(self, make: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
        """A cursor of the instance, which `make` opens if it is closed."""
        with self.lock:
            if self.connection is None:
                self.connection = make()
                self.opened_at = time.monotonic()
            cursor = self.connection.cursor()
            self.sessions += 1
        return cursor

    def leave(self, linger: float) -> None:
        """A session ended. The last one out closes, now or when it has lingered `linger` seconds."""
        with self.lock:
            self.sessions -= 1
            if self.sessions:
                return
            self.linger, self.idle_since = linger, time.monotonic()
            if self._is_over():
                self._close()
            elif self.keeper is None:
                self.keeper = threading.Thread(target=self._keep, name=f"keeps {self.path.name}", daemon=True)
                self.keeper.start()

    def _keep(self) -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            with self.lock:
                if self.connection is not None and not self.sessions and self._is_over():
                    self._close()
                if self.connection is None:
                    self.keeper = None
                    return

    def _is_over(self) -> bool:
        now = time.monotonic()
        lingered = now - self.idle_since >= self.linger or now - self.opened_at >= LONGEST_SECONDS
        return lingered or is_wanted(self.path)

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


_instances: dict[str, Instance] = {}
_instances_lock = threading.Lock()


def instance(path: Path) -> Instance:
    """This process's instance of a file."""
    with _instances_lock:
        return _instances.setdefault(str(path.resolve()), Instance(path))


def want(path: Path) -> None:
    """Tell the process that has the file that another one waits for it."""
    try:
        _wish(path).touch()
    except OSError:
        return  # where nobody may write, the holder's time limit is left


def had(path: Path) -> None:
    """Take the wish back."""
    try:
        _wish(path).unlink(missing_ok=True)
    except OSError:
        return


def is_wanted(path: Path) -> bool:
    """Whether another process has asked for the file just now."""
    try:
        return abs(time.time() - _wish(path).stat().st_mtime) < _WISH_SECONDS
    except OSError:
        return False


def _wish(path: Path) -> Path:
    return path.with_name(path.name + ".wanted")
