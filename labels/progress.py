"""Where everybody is: what a lead looks at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from statistics import median
from typing import Any

import duckdb

from analysis.codebook import Codebook, load
from analysis.measure.agreement import krippendorff_alpha
from analysis.store.rows import now
from labels.events import SELF_SELECTED, Event
from labels.fold import blind, fold
from labels.gold import BlindLabel, blind_labels, gold
from labels.log import by_trajectory, events_of
from labels.queue import is_open, left_for
from labels.queue_design import Queue, current


@dataclass(frozen=True)
class Person:
    """How far one person is.

    Attributes:
        done: Traces that they submitted.
        left: Traces that the queue still wants somebody for, and that they have not begun.
        under_way: Traces that they opened and neither submitted nor skipped.
        not_blind: Of what they did, traces whose findings they had seen before: those labels are not blind.
        revealed: Traces on which they have looked at the judge since.
        searched_out: Traces that they picked themself; these labels stay out of rates.
        repeats: Traces that they labelled a second time.
        seconds: Median time from opening a trace to submitting it; None without any.
        compared: (trace, pattern) pairs that somebody else labelled blind too.
        same: The share of these on which both say the same; None without any.
        alpha: Krippendorff's alpha of these; None where it is undefined.
        last: When they last did something.
    """

    annotator: str
    done: int
    left: int
    under_way: int
    skipped: int
    flagged: int
    not_blind: int
    revealed: int
    searched_out: int
    repeats: int
    seconds: float | None
    compared: int
    same: float | None
    alpha: float | None
    last: datetime | None

    def as_row(self) -> dict[str, Any]:
        """The columns as a flat mapping."""
        return asdict(self)


@dataclass(frozen=True)
class Overview:
    """How far the queue is that people work on.

    Attributes:
        queue: None while nobody has made one, and everybody labels everything.
        reasons: For each reason: traces that were drawn for it, labelled by anybody, and done by all whom they want.
        overlap, overlap_done: Traces that go to two people or more, and those that so many have labelled.
        conflicts: (trace, pattern) pairs on which people differ and nobody has decided.
    """

    queue: Queue | None
    reasons: tuple[dict[str, Any], ...]
    overlap: int
    overlap_done: int
    conflicts: int

    @property
    def total(self) -> dict[str, int]:
        """drawn, labelled and done of all reasons together."""
        return {name: sum(row[name] for row in self.reasons) for name in ("drawn", "labelled", "done")}


def people(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> list[Person]:
    """Everybody who has opened, labelled or skipped a trace on the Label page, by name."""
    history = (codebook or load()).history
    events = [event for event in events_of(db) if event.phase not in ("import", "adjudication")]
    labels = blind_labels(events, history)
    mine: dict[str, dict[str, list[Event]]] = defaultdict(dict)
    for (trajectory_id, annotator), done in by_trajectory(events).items():
        if any(event.op != "exposed" for event in done):
            mine[annotator][trajectory_id] = done
    again = Counter(
        annotator for (_, annotator), done in by_trajectory(events, repeat=1).items() if blind(done, history)
    )
    return [_person(db, name, mine[name], again[name], labels) for name in sorted(mine)]


def overview(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> Overview:
    """How far the queue is."""
    queue = current(db)
    rows: Sequence[tuple[str, str, int]] = ()
    if queue is not None:
        rows = db.execute(
            """SELECT trajectory_id, reason, people FROM queue_items WHERE queue_id = ? AND reason IS NOT NULL
               AND trajectory_id IN (SELECT trajectory_id FROM trajectories)""",
            [queue.queue_id],
        ).fetchall()
    settled = gold(db, codebook)
    said: dict[str, set[str]] = defaultdict(set)
    for label in (label for each in settled for label in each.labels):
        if label.state.queue_reason != SELF_SELECTED:
            said[label.trajectory_id].add(label.annotator)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reason, wanted in rows:
        counted[reason] += Counter(
            drawn=1, labelled=int(len(said[name]) > 0), done=int(len(said[name]) >= wanted)
        )
    twice = [name for name, _, wanted in rows if wanted > 1]
    return Overview(
        queue=queue,
        reasons=tuple(
            {"reason": reason, **{name: counts[name] for name in ("drawn", "labelled", "done")}}
            for reason, counts in sorted(counted.items())
        ),
        overlap=len(twice),
        overlap_done=sum(len(said[name]) > 1 for name in twice),
        conflicts=sum(each.status == "unresolved" for each in settled),
    )


def _person(
    db: duckdb.DuckDBPyConnection,
    name: str,
    mine: Mapping[str, list[Event]],
    repeats: int,
    labels: Sequence[BlindLabel],
) -> Person:
    states = {trajectory: fold(events) for trajectory, events in mine.items()}
    done = {trajectory for trajectory, state in states.items() if state.submitted}
    first, second = _pairs(name, labels)
    times = [event.created_at for events in mine.values() for event in events if event.created_at]
    seconds = [took for trajectory in done if (took := _seconds(mine[trajectory])) is not None]
    return Person(
        annotator=name,
        done=len(done),
        left=left_for(db, name, now()),
        under_way=sum(is_open(events) for events in mine.values()),
        skipped=sum(state.skipped is not None for state in states.values()),
        flagged=sum(state.flagged for state in states.values()),
        not_blind=sum(blind(mine[trajectory]) is None for trajectory in done),
        revealed=sum(state.revealed for state in states.values()),
        searched_out=sum(states[trajectory].queue_reason == SELF_SELECTED for trajectory in done),
        repeats=repeats,
        seconds=median(seconds) if seconds else None,
        compared=len(first),
        same=sum(a == b for a, b in zip(first, second, strict=True)) / len(first) if first else None,
        alpha=krippendorff_alpha([first, second]) if first else None,
        last=max(times, default=None),
    )


def _pairs(name: str, labels: Iterable[BlindLabel]) -> tuple[list[str], list[str]]:
    """What this person and each other say of what both labelled."""
    by_unit: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for each in labels:
        by_unit[each.trajectory_id, each.pattern][each.annotator] = each.value
    pairs = [
        (said[name], value)
        for said in by_unit.values()
        if name in said
        for other, value in said.items()
        if other != name
    ]
    return [mine for mine, _ in pairs], [theirs for _, theirs in pairs]


def _seconds(events: Sequence[Event]) -> float | None:
    """From opening to submitting."""
    opened = [event.created_at for event in events if event.op == "open" and event.created_at]
    submitted = [event.created_at for event in events if event.op == "submit" and event.created_at]
    return (min(submitted) - min(opened)).total_seconds() if opened and submitted else None
