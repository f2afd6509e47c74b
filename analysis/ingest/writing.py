"""Writing trajectories to the store: skip what is there, refuse what conflicts, set aside what can't be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import duckdb
import orjson

from analysis import runs
from analysis.ingest.batch import PLACE, Batch
from analysis.ingest.imported import append_judged, imported_runs
from analysis.ingest.rows import EXCERPT_CHARACTERS, Unreadable
from analysis.ingest.skipped import Skipped
from analysis.store import Store, append
from analysis.store.rows import now
from analysis.trajectories import Trajectory

_writing: defaultdict[str, Lock] = defaultdict(Lock)

MOST_NAMED = 20
"""How many of the items that were set aside a report names; the quarantine has all."""


@dataclass
class FileReport:
    """What became of one file.

    Its items are the lines of JSON Lines, the elements of an array, the objects of concatenated JSON, or the
    samples of a log; a response that holds several answers is as many items. Each is counted once:

        read = stored + replaced + already + conflicting
        items = read + joined + skipped + set_aside

    Attributes:
        file: How the store calls the file.
        format: The format that it was read as.
        read: Trajectories.
        stored: Of them, new ones.
        replaced: Of them, those that superseded another of the same id.
        already: Of them, those that the store has.
        conflicting: Of them, those whose id the store has with other content.
        joined: Items that went into a trajectory beside the one that it is counted by: the other lines of a
            session, the other pieces of a stream.
        skipped: Items that hold no part of a trajectory and are not meant to: events, session metadata.
        set_aside: Items that could not be read; they are in the quarantine.
        refused: Why the file as a whole could not be read.
        conflicts: Where the conflicting ones stand.
        aside: The first items that were set aside: (line, reason) each.
        other_ids: How many trajectories the store had of this source that the file did not give this time, when it
            gave new ones: mostly the same rows under the ids that another map made.
        unmatched: Fields whose rule looks for something in the file's path that is not there.
        path: Where the file is.
        verdicts: Verdicts of other tools that came with the trajectories and are new.
        quotes: Their quotes that stand in the text.
        rejected: Their quotes that do not. They are kept as findings whose match is rejected.
    """

    file: str
    format: str
    read: int = 0
    stored: int = 0
    replaced: int = 0
    already: int = 0
    conflicting: int = 0
    joined: int = 0
    skipped: int = 0
    set_aside: int = 0
    refused: str | None = None
    conflicts: list[str] = field(default_factory=list)
    aside: list[tuple[int | None, str]] = field(default_factory=list)
    other_ids: int = 0
    unmatched: list[str] = field(default_factory=list)
    path: str = ""
    verdicts: int = 0
    quotes: int = 0
    rejected: int = 0

    @property
    def items(self) -> int:
        """How many items of the file were looked at."""
        return self.read + self.joined + self.skipped + self.set_aside

    def add_quotes(self, results: Sequence[runs.Result]) -> None:
        """Count the verdicts of attempts, and their quotes by whether they stand in the text."""
        matches = [finding.match for each in results for finding in each.findings]
        self.verdicts += sum(len(each.verdicts) for each in results)
        self.rejected += matches.count("rejected")
        self.quotes += len(matches) - matches.count("rejected")

    def count(self, found: Trajectory | Unreadable) -> None:
        """Count an item that nothing is written of."""
        if isinstance(found, Trajectory):
            self.read += 1
        elif not isinstance(found, Skipped):
            self.set_aside += 1
            if len(self.aside) < MOST_NAMED:
                self.aside.append((found.line, found.reason))
        elif found.joined:
            self.joined += found.count
        else:
            self.skipped += found.count


def write(store: Store, batch: Batch, source: str, report: FileReport, replace: bool) -> None:
    """Write a batch in one transaction and count what became of it.

    Args:
        store: Where to.
        batch: Identified trajectories, and what could not be read.
        source: Whose quarantine rows these are.
        report: Counted on.
        replace: Whether a trajectory with other content supersedes the one that is there.
    """
    for item in batch.unreadable:
        report.count(item)
    if not len(batch) and all(isinstance(item, Skipped) for item in batch.unreadable):
        return
    if batch.cutting:
        batch.cut(batch.cutting.result())  # before anybody has to wait for the store
    # one opening of the file for all that follows; of a process's ingests one at a time looks up and adds
    with _writing[store.target], store.session() as settings:
        settings.execute("SET threads = 1")  # several would mostly wait for each other over one batch
        settings.execute(
            "SET max_vacuum_tasks = 0"
        )  # until it closes: batches of long texts are to stay apart
        try:
            imported = imported_runs(store, list(batch.more.values()))
            with store.transaction() as db:
                _write(db, batch, source, report, replace, imported)
        finally:
            settings.execute("RESET threads")


def _write(
    db: duckdb.DuckDBPyConnection,
    batch: Batch,
    source: str,
    report: FileReport,
    replace: bool,
    imported: dict[str, str],
) -> None:
    fresh, kept, conflicting = _sorted_out(db, batch, report, replace)
    if fresh:
        rows, cuts = batch.tables(fresh)
        append(db, "trajectories", rows)
        append(db, "cuts", cuts)
    known = [batch.more[number] for number in [*fresh, *kept] if number in batch.more]
    _append_checkpoints(db, batch, [*fresh, *kept])
    _append_outcomes(db, known)
    for run in imported.items():
        report.add_quotes(append_judged(db, known, *run))
    aside = [
        (item.line, item.reason, item.excerpt) for item in batch.unreadable if not isinstance(item, Skipped)
    ]
    quarantine(db, report, aside + _refused(batch, conflicting, source, report))


def _refused(
    batch: Batch, conflicting: list[int], source: str, report: FileReport
) -> list[tuple[int | None, str, str]]:
    """What is to be set aside of trajectories that are stored with other content."""
    aside = []
    for number in conflicting:
        name, line = batch.column("trajectory_id")[number], batch.lines[number]
        report.conflicts.append(f"{source}:{line} {name}")
        said = (batch.column("reasoning")[number] or b"").decode() or batch.column("answer")[number] or ""
        reason = f"trajectory {name} is stored with other content; --replace supersedes it"
        aside.append((line, reason, said[:EXCERPT_CHARACTERS]))
    return aside


def quarantine(
    db: duckdb.DuckDBPyConnection, report: FileReport, aside: Sequence[tuple[int | None, str, str]]
) -> None:
    """Keep what was set aside of a file: (line, reason, excerpt) each."""
    columns, file = ("line", "reason", "excerpt"), {"source": report.file, "file": report.path}
    append(db, "quarantine", [
        {**file, **dict(zip(columns, each, strict=True)), "created_at": now()} for each in aside
    ])  # fmt: skip


def _sorted_out(
    db: duckdb.DuckDBPyConnection, batch: Batch, report: FileReport, replace: bool
) -> tuple[list[int], list[int], list[int]]:
    """Which trajectories are to be stored, which are there already, and which conflict, by their numbers."""
    held = _held(db, batch)
    fresh: dict[str | None, int] = {}
    kept, conflicting = [], []
    contents = batch.column("content_sha256")
    for number, name in enumerate(batch.column("trajectory_id")):
        before = held.get(name)
        if before is None:
            report.stored += 1
        elif batch.is_content(number, before):
            report.already += 1
            kept.append(number)
            continue
        elif replace:
            report.replaced += name not in fresh
            report.already += name in fresh
        else:
            report.conflicting += 1
            conflicting.append(number)
            continue
        held[name] = contents[number]
        fresh[name] = number
    report.read += len(batch)
    return list(fresh.values()), kept, conflicting


def _held(db: duckdb.DuckDBPyConnection, batch: Batch) -> dict[str | None, str]:
    """The content that the store has under the ids of these, after those of another trajectory's id got their own.

    An id is another's when a different file has it for a rollout of another environment, checkpoint, variant or
    sample: files of several checkpoints mostly number their rows alike.
    """
    rows = _under(db, batch.column("trajectory_id"))
    if not rows:
        return {}
    apart = []
    columns = [batch.column(name) for name in ("trajectory_id", "source", *PLACE)]
    for number, (name, source, *place) in enumerate(zip(*columns, strict=True)):
        content, its_source, *its_place = rows.get(name, ("", source))
        both = zip(place, its_place, strict=False)
        other = any(mine != there for mine, there in both if mine is not None and there is not None)
        if other and its_source != source and not batch.is_content(number, content):
            apart.append(batch.set_apart(number))
    rows |= _under(db, apart)
    return {name: row[0] for name, row in rows.items()}


def _under(db: duckdb.DuckDBPyConnection, ids: Sequence[str | None]) -> dict[str | None, tuple[Any, ...]]:
    """Content, source and place of the trajectories of these ids. Mostly there are none, which is soon told."""
    among = "WHERE trajectory_id IN (SELECT unnest(?))"
    if not ids or not db.execute(f"FROM log.trajectories SELECT 1 {among} LIMIT 1", [ids]).fetchall():
        return {}
    columns = f"trajectory_id, content_sha256, source, {', '.join(PLACE)}"
    rows = db.execute(f"SELECT {columns} FROM trajectories {among}", [ids]).fetchall()
    return {row[0]: row[1:] for row in rows}


def _append_checkpoints(db: duckdb.DuckDBPyConnection, batch: Batch, numbers: list[int]) -> None:
    held = {name: (series, position) for name, series, position in db.execute("FROM checkpoints").fetchall()}
    wanted = {}
    checkpoints = batch.column("checkpoint")
    for number in numbers:
        name, more = checkpoints[number], batch.more.get(number)
        if name is None or (more is None and name in held):
            continue
        said = held.get(name, (None, None))
        if more is not None:
            said = (more.series or said[0], said[1] if more.position is None else more.position)
        if held.get(name) != said:
            wanted[name] = held[name] = said
    append(db, "checkpoints", [
        {"name": name, "series": series, "position": position, "created_at": now()}
        for name, (series, position) in wanted.items()
    ])  # fmt: skip


def _append_outcomes(db: duckdb.DuckDBPyConnection, found: list[Trajectory]) -> None:
    having = [each for each in found if each.outcomes]
    if not having:
        return
    held = {
        (trajectory_id, name): (value, state)
        for trajectory_id, name, value, state in db.execute(
            "SELECT trajectory_id, name, value, state FROM outcomes WHERE trajectory_id IN (SELECT unnest(?))",
            [[each.trajectory_id for each in having]],
        ).fetchall()
    }
    rows = []
    for each in having:
        for outcome in each.outcomes:
            value = orjson.dumps(outcome.value, default=str).decode()
            if held.get((each.trajectory_id, outcome.name)) != (value, outcome.state):
                rows.append({
                    "trajectory_id": each.trajectory_id, "name": outcome.name, "value": value,
                    "state": outcome.state, "reader": outcome.reader, "created_at": now(),
                })  # fmt: skip
    append(db, "outcomes", rows)
