"""Files that were read to their end: the same bytes, read the same way, are not read again for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import orjson

from analysis.ingest.writing import FileReport
from analysis.store import Store, append
from analysis.trajectories import short_hash

HASHED_AT_ONCE = 1 << 18
ITEMS = ("read", "joined", "skipped", "set_aside")

State = tuple[int, int] | None


def way_of(format: str, rules: dict[str, Any] | None) -> str:
    """A name for how a file is read: its format, the map, and the code that reads.

    Another name means that something else may come of the same bytes.
    """
    return short_hash([format, rules, _code()])


def state_of(path: Path) -> State:
    """Size and time of the last change; None for a folder."""
    found = path.stat()
    return None if path.is_dir() else (found.st_size, found.st_mtime_ns)


def was_read(store: Store, report: FileReport) -> bool:
    """Whether a file was read to its end before, whatever of it has changed: most of it is stored then."""
    if not store.exists():
        return False
    with store.session() as db:
        return bool(db.execute("FROM log.ingests SELECT 1 WHERE file = ? LIMIT 1", [report.path]).fetchall())


def nothing_new(store: Store, path: Path, way: str, report: FileReport) -> bool:
    """Whether nothing would come of reading a file, as it was read to its end and all of it is in the store.

    That is so when its bytes and the way of reading are those of its newest ingest, which refused nothing, and
    nothing was retracted or superseded since.

    Args:
        store: Where to.
        path: The file.
        way: As `way_of` gives it.
        report: Of the file; counted on if nothing would come of it.
    """
    if path.is_dir() or not store.exists():
        return False
    with store.session() as db:
        newest = db.execute(
            "SELECT way, sha256, counts, created_at FROM log.ingests WHERE file = ? ORDER BY created_at DESC LIMIT 1",
            [report.path],
        ).fetchone()
        if newest is None or newest[0] != way or newest[1] is None:
            return False
        changed = db.execute(
            """FROM log.retractions SELECT 1 WHERE created_at >= $1
               UNION ALL FROM log.trajectories SELECT 1 GROUP BY trajectory_id
               HAVING count(*) > 1 AND max(stored_at) >= $1 LIMIT 1""",
            [newest[3]],
        ).fetchone()
    if changed or _sha256_of_file(path) != newest[1]:
        return False
    for name, count in orjson.loads(newest[2]).items():
        setattr(report, name, count)
    report.already = report.read
    return True


@contextmanager
def hashed_meanwhile(path: Path) -> Iterator[Callable[[], str | None]]:
    """SHA-256 of a file's bytes, beside other work on it; None for a folder. It is waited for when it is asked for."""
    stop = Event()
    with ThreadPoolExecutor(1) as hashing:
        found = None if path.is_dir() else hashing.submit(_sha256_of_file, path, stop)
        try:
            yield lambda: found.result() if found else None
        finally:
            stop.set()


def conclude(
    store: Store,
    report: FileReport,
    started: datetime,
    before: State,
    way: str,
    own: bool,
    sha256: Callable[[], str | None],
) -> None:
    """Note that a file was read to its end, and count what the store holds of it under other ids.

    Args:
        store: Where it went.
        report: Of the file; `other_ids` is set.
        started: When its reading began: what it set aside before then is no longer so.
        before: The file's state then. A file that has changed meanwhile is read again the next time, and so is
            one of which something was refused.
        way: How it was read.
        own: Whether its trajectories go by the file's name, not by one that a map gives.
        sha256: Gives that of its bytes.
    """
    path = Path(report.path)
    whole = before is not None and before == state_of(path) and not report.conflicting
    entry = {
        "file": report.path, "source": report.file, "created_at": started, "way": way,
        "sha256": sha256() if whole else None,
        "counts": orjson.dumps({name: getattr(report, name) for name in ITEMS}).decode(),
    }  # fmt: skip
    with store.session() as db:
        if report.stored and own:
            [(earlier,)] = db.execute(
                "SELECT count(*) FROM trajectories WHERE source = ? AND stored_at < ?", [report.file, started]
            ).fetchall()
            report.other_ids = max(0, earlier - report.already - report.conflicting)
        append(db, "ingests", [entry])


def _sha256_of_file(path: Path, stop: Event | None = None) -> str | None:
    found = hashlib.sha256()
    held = memoryview(bytearray(HASHED_AT_ONCE))
    with path.open("rb", 0) as stream:
        while size := stream.readinto(held):
            if stop and stop.is_set():
                return None
            found.update(held[:size])
    return found.hexdigest()


@cache
def _code() -> str:
    """A hash of the code that makes trajectories of files."""
    here = Path(__file__).parent
    files = [
        *sorted(here.glob("*.py")),
        *(here.parent / f"{name}.py" for name in ("trajectories", "segments")),
    ]
    return short_hash([path.read_text(encoding="utf-8") for path in files])
