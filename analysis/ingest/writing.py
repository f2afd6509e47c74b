"""Writing trajectories to the store: skip what is there, refuse what conflicts, set aside what can't be read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from analysis import runs
from analysis.ingest.imported import append_judged, imported_runs
from analysis.ingest.rows import EXCERPT_CHARACTERS, Unreadable
from analysis.ingest.skipped import Skipped
from analysis.segment_batches import Cuts, segment_rows, turn_texts
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.trajectories import Trajectory, row

MOST_NAMED = 20
"""How many of the items that were set aside a report names; the quarantine has all."""
IDS_AT_ONCE = 256

Row = dict[str, Any]


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


@dataclass
class Batch:
    """What is to be written in one transaction.

    Attributes:
        trajectories: Identified.
        unreadable: What could not be read, or is no trajectory.
        rows: The trajectories as they will be stored.
        characters: How much text the rows hold.
        cuts: The cuts of all turns of the trajectories, where they are made ahead.
    """

    trajectories: list[Trajectory] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list, init=False)
    characters: int = field(default=0, init=False)
    cuts: Future[Cuts] | None = field(default=None, init=False)
    _ids: list[int] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for each in self.trajectories:
            self._make_row(each)

    def add(self, found: Trajectory | Unreadable) -> None:
        """Take one more."""
        if isinstance(found, Unreadable):
            self.unreadable.append(found)
        else:
            self.trajectories.append(found)
            self._make_row(found)

    def texts(self) -> list[bytes]:
        """The `turn_texts` of all trajectories; of those with one turn, the text that will be stored."""
        found: list[bytes] = []
        for trajectory, made in zip(self.trajectories, self.rows, strict=True):
            if len(trajectory.turns()) > 1:
                found += turn_texts([trajectory])
            elif made["reasoning"] is not None:
                found.append(made["reasoning"])
        return found

    def _make_row(self, trajectory: Trajectory) -> None:
        self._ids = self._ids or new_ids(IDS_AT_ONCE)
        made = row(trajectory, self._ids.pop(), now())
        self.rows.append(made)
        self.characters += sum(len(made[name] or "") for name in ("messages", "reasoning", "metadata"))


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
    unreadable = [item for item in batch.unreadable if not isinstance(item, Skipped)]
    if not batch.trajectories and not unreadable:
        return
    if batch.cuts:
        batch.cuts.result()  # before anybody has to wait for the store
    with store.session() as settings:  # one opening of the file for all that follows
        settings.execute("SET threads = 1")  # several would mostly wait for each other over one batch
        imported = imported_runs(store, batch.trajectories)
        with store.transaction() as db:
            fresh, kept, conflicting = _sorted_out(db, batch, report, replace)
            _append_trajectories(db, batch, fresh)
            known = [trajectory for trajectory, _ in fresh] + kept
            _append_checkpoints(db, known)
            _append_outcomes(db, known)
            for run in imported.items():
                report.add_quotes(append_judged(db, known, *run))
            aside = [(item.line, item.reason, item.excerpt) for item in unreadable]
            for each in conflicting:
                reason = (
                    f"trajectory {each.trajectory_id} is stored with other content; --replace supersedes it"
                )
                report.conflicts.append(f"{source}:{each.line} {each.trajectory_id}")
                aside.append(
                    (each.line, reason, (each.reasoning() or each.answer() or "")[:EXCERPT_CHARACTERS])
                )
            quarantine(db, report, aside)
        settings.execute("RESET threads")


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
) -> tuple[list[tuple[Trajectory, Row]], list[Trajectory], list[Trajectory]]:
    """Which trajectories are to be stored, with their rows, which are there already, and which conflict."""
    held = _held(db, batch)
    fresh: dict[str | None, tuple[Trajectory, Row]] = {}
    kept, conflicting = [], []
    for each, its in zip(batch.trajectories, batch.rows, strict=True):
        content = its["content_sha256"]
        before = held.get(each.trajectory_id)
        if before is None:
            report.stored += 1
        elif each.is_content(before, content):
            report.already += 1
            kept.append(each)
            continue
        elif replace:
            report.replaced += each.trajectory_id not in fresh
            report.already += each.trajectory_id in fresh
        else:
            report.conflicting += 1
            conflicting.append(each)
            continue
        held[each.trajectory_id] = content
        fresh[each.trajectory_id] = each, its
    report.read += len(batch.trajectories)
    return list(fresh.values()), kept, conflicting


def _held(db: duckdb.DuckDBPyConnection, batch: Batch) -> dict[str | None, str]:
    """The content that the store has under the ids of these, after those of another trajectory's id got their own.

    An id is another's when a different file has it for a rollout of another environment, checkpoint, variant or
    sample: files of several checkpoints mostly number their rows alike.
    """
    rows = _under(db, [each.trajectory_id for each in batch.trajectories])
    apart = []
    for each, its in zip(batch.trajectories, batch.rows, strict=True) if rows else ():
        content, source, *place = rows.get(each.trajectory_id, ("", each.source))
        both = zip(each.place(), place, strict=False)
        other = any(mine != there for mine, there in both if mine is not None and there is not None)
        if other and source != each.source and not each.is_content(content, its["content_sha256"]):
            each.set_apart()
            apart.append(each.trajectory_id)
    rows |= _under(db, apart)
    return {name: row[0] for name, row in rows.items()}


def _under(db: duckdb.DuckDBPyConnection, ids: list[str | None]) -> dict[str | None, tuple[Any, ...]]:
    """Content, source and place of the trajectories of these ids. Mostly there are none, which is soon told."""
    among = "WHERE trajectory_id IN (SELECT unnest(?))"
    if not ids or not db.execute(f"FROM log.trajectories SELECT 1 {among} LIMIT 1", [ids]).fetchall():
        return {}
    columns = "trajectory_id, content_sha256, source, environment, checkpoint, variant, sample"
    rows = db.execute(f"SELECT {columns} FROM trajectories {among}", [ids]).fetchall()
    return {row[0]: row[1:] for row in rows}


def _append_trajectories(
    db: duckdb.DuckDBPyConnection, batch: Batch, fresh: list[tuple[Trajectory, Row]]
) -> None:
    for each, its in fresh:
        its.update(trajectory_id=each.trajectory_id, stored_at=now())
    append(db, "trajectories", [its for _, its in fresh])
    append(db, "cuts", _segments(batch, fresh))


def _segments(batch: Batch, fresh: list[tuple[Trajectory, Row]]) -> pa.Table:
    ids = [its["row_id"] for _, its in fresh]
    if batch.cuts is None:
        return segment_rows([each for each, _ in fresh], ids)
    made = segment_rows(batch.trajectories, [its["row_id"] for its in batch.rows], batch.cuts.result())
    if len(fresh) == len(batch.rows):
        return made
    return made.filter(np.isin(made["row_id"].to_numpy(), np.array(ids, np.uint64)))


def _append_checkpoints(db: duckdb.DuckDBPyConnection, found: list[Trajectory]) -> None:
    held = {name: (series, position) for name, series, position in db.execute("FROM checkpoints").fetchall()}
    wanted = {}
    for each in found:
        if each.checkpoint is None:
            continue
        series, position = held.get(each.checkpoint, (None, None))
        said = (each.series or series, position if each.position is None else each.position)
        if each.checkpoint not in held or said != (series, position):
            wanted[each.checkpoint] = held[each.checkpoint] = said
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
