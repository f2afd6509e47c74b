"""Writing trajectories to the store: skip what is there, refuse what conflicts, set aside what can't be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import orjson

from analysis import runs
from analysis.ingest.rows import EXCERPT_CHARACTERS, Unreadable
from analysis.ingest.skipped import Skipped
from analysis.quotes import locate
from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.trajectories import Judged, Trajectory, row, sha256_of

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

    @property
    def items(self) -> int:
        """How many items of the file were looked at."""
        return self.read + self.joined + self.skipped + self.set_aside

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
    """What is to be written in one transaction."""

    trajectories: list[Trajectory] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


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
    with store.session():  # one opening of the file for all that follows
        imported = _imported_runs(store, batch.trajectories)
        with store.transaction() as db:
            fresh, kept, conflicting = _sorted_out(db, batch.trajectories, report, replace)
            _append_trajectories(db, fresh)
            _append_checkpoints(db, fresh + kept)
            _append_outcomes(db, fresh + kept)
            for run in imported.items():
                _append_judged(db, fresh + kept, *run)
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


def _imported_runs(store: Store, found: list[Trajectory]) -> dict[str, str]:
    """The run of each tool whose verdicts came in: tool to run id."""
    patterns: dict[str, set[str]] = defaultdict(set)
    for each in found:
        for judged in each.judged:
            patterns[judged.tagger].add(judged.pattern)
    return {
        tagger: runs.start(store, "imported", {"patterns": sorted(names)}, None, model=tagger)
        for tagger, names in patterns.items()
    }


def quarantine(
    db: duckdb.DuckDBPyConnection, report: FileReport, aside: Sequence[tuple[int | None, str, str]]
) -> None:
    """Keep what was set aside of a file: (line, reason, excerpt) each."""
    columns, file = ("line", "reason", "excerpt"), {"source": report.file, "file": report.path}
    append(db, "quarantine", [
        {**file, **dict(zip(columns, each, strict=True)), "created_at": now()} for each in aside
    ])  # fmt: skip


def conclude(store: Store, report: FileReport, started: datetime, own_source: bool) -> None:
    """Note that a file was read to its end, and count what the store holds of it under other ids.

    Args:
        store: Where it went.
        report: Of the file; `other_ids` is set.
        started: When its reading began: what it set aside before then is no longer so.
        own_source: Whether its trajectories go by the file's name, not by one that a map gives.
    """
    with store.session() as db:
        if report.stored and own_source:
            [(before,)] = db.execute(
                "SELECT count(*) FROM trajectories WHERE source = ? AND stored_at < ?", [report.file, started]
            ).fetchall()
            report.other_ids = max(0, before - report.already - report.conflicting)
        append(db, "ingests", [{"file": report.path, "source": report.file, "created_at": started}])


def _sorted_out(
    db: duckdb.DuckDBPyConnection, found: list[Trajectory], report: FileReport, replace: bool
) -> tuple[list[Trajectory], list[Trajectory], list[Trajectory]]:
    """Which trajectories are to be stored, which are there already, and which conflict."""
    held = _held(db, found)
    fresh: dict[str | None, Trajectory] = {}
    kept, conflicting = [], []
    for each in found:
        content = each.content_sha256()
        before = held.get(each.trajectory_id)
        if before is None:
            report.stored += 1
        elif before == content:
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
        fresh[each.trajectory_id] = each
    report.read += len(found)
    return list(fresh.values()), kept, conflicting


def _held(db: duckdb.DuckDBPyConnection, found: list[Trajectory]) -> dict[str | None, str]:
    """The content that the store has under the ids of these, after those of another trajectory's id got their own.

    An id is another's when a different file has it for a rollout of another environment, checkpoint, variant or
    sample: files of several checkpoints mostly number their rows alike.
    """
    query = """SELECT trajectory_id, content_sha256, source, environment, checkpoint, variant, sample
               FROM trajectories WHERE trajectory_id IN (SELECT unnest(?))"""
    rows = {row[0]: row[1:] for row in db.execute(query, [[each.trajectory_id for each in found]]).fetchall()}
    apart = []
    for each in found:
        content, source, *place = rows.get(each.trajectory_id, (None, each.source))
        both = zip(each.place(), place, strict=False)
        other = any(mine != its for mine, its in both if mine is not None and its is not None)
        if other and source != each.source and content != each.content_sha256():
            each.set_apart()
            apart.append(each.trajectory_id)
    if apart:
        rows |= {row[0]: row[1:] for row in db.execute(query, [apart]).fetchall()}
    return {name: row[0] for name, row in rows.items()}


def _append_trajectories(db: duckdb.DuckDBPyConnection, fresh: list[Trajectory]) -> None:
    row_ids = new_ids(len(fresh))
    append(
        db, "trajectories", [row(each, row_id, now()) for each, row_id in zip(fresh, row_ids, strict=True)]
    )
    append(db, "cuts", segment_rows(fresh, row_ids))


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


def _append_judged(db: duckdb.DuckDBPyConnection, found: list[Trajectory], tagger: str, run_id: str) -> None:
    """Verdicts that came with the trajectories, for those that the run has no attempt on with this text."""
    having: dict[str, list[Judged]] = defaultdict(list)
    by_id = {}
    for each in found:
        if mine := [judged for judged in each.judged if judged.tagger == tagger]:
            having[str(each.trajectory_id)] += mine
            by_id[str(each.trajectory_id)] = each
    attempted = set(
        db.execute(
            "SELECT trajectory_id, reasoning_sha256 FROM attempts WHERE run_id = ? AND trajectory_id IN (SELECT unnest(?))",
            [run_id, list(having)],
        ).fetchall()
    )
    results = [_result(by_id[key], judged) for key, judged in having.items()]
    runs.record(db, run_id, [r for r in results if (r.trajectory_id, r.reasoning_sha256) not in attempted])


def _result(trajectory: Trajectory, judged: list[Judged]) -> runs.Result:
    text = trajectory.reasoning()
    known = [each for each in judged if each.verdict is not None]
    common: dict[str, Any] = {
        "trajectory_id": str(trajectory.trajectory_id),
        "reasoning_sha256": sha256_of(text) if text is not None else None,
    }
    if not known:
        reason = next((each.why for each in judged if each.why), None)
        state: runs.State = "no_reasoning" if text is None else "failed"
        return runs.Result(**common, state=state, error=reason or "the source has no verdict")
    findings = []
    for each in known:
        if each.quote:
            place = locate(text or "", each.quote)
            stance = "asserts" if each.verdict == "present" else None
            findings.append(runs.Finding(
                each.pattern, each.quote, place.start_char, place.end_char, place.match, stance, why=each.why
            ))  # fmt: skip
    verdicts = [runs.Verdict(each.pattern, str(each.verdict), each.score, each.why) for each in known]
    return runs.Result(**common, state="ok", verdicts=verdicts, findings=findings)
