"""One open DuckDB instance of a store in a process, shared by all its sessions."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import duckdb

from analysis.store.file import File
from analysis.store.lake import Lake

LOOK_SECONDS = 0.02
"""How often it is looked whether an instance that lingers must close."""


@dataclass
class Instance:
    """This process's instance of a store, open while sessions are under way and for as long as it may linger.

    Opening and closing a store takes longer than a label's write. Whoever writes many small things lets the
    instance linger: it stays open until nothing came for that long, or another process wants the file.
    """

    place: File | Lake
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
                self.keeper = threading.Thread(target=self._keep, name="keeps the store", daemon=True)
                self.keeper.start()

    def distrust(self) -> None:
        """Close the instance once its sessions have ended: what it is connected to went away under it."""
        with self.lock:
            self.opened_at = float("-inf")

    def _keep(self) -> None:
        while not _ending.wait(LOOK_SECONDS):
            with self.lock:
                if self.connection is not None and not self.sessions and self._is_over():
                    self._close()
                if self.connection is None:
                    self.keeper = None
                    return

    def _is_over(self) -> bool:
        lost = self.opened_at == float("-inf")
        return lost or time.monotonic() - self.idle_since >= self.linger or self.place.must_go(self.opened_at)

    def _close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def end(self) -> None:
        """Close before the interpreter ends: a thread that is cut off within DuckDB takes the process with it."""
        if (keeper := self.keeper) is not None:
            keeper.join()
        with self.lock:
            if not self.sessions:
                self._close()


_instances: dict[str, Instance] = {}
_lock = threading.Lock()
_ending = threading.Event()


def instance(place: File | Lake) -> Instance:
    """This process's instance of a store."""
    with _lock:
        return _instances.setdefault(place.target, Instance(place))


@atexit.register
def _end() -> None:
    _ending.set()
    for each in list(_instances.values()):
        each.end()
