"""Where everybody is: what a lead looks at."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import permutations
from statistics import median
from typing import Any

import duckdb

from analysis.codebook import Change, Codebook, load
from analysis.measure.agreement import krippendorff_alpha
from analysis.measure.scope import current_trajectories
from analysis.store.rows import now
from labels.events import SELF_SELECTED, Event
from labels.fold import blind, fold
from labels.gold import gold
from labels.queue import is_open
from labels.queue_design import Queue, current
from labels.said import Folded, blind_states, said
from labels.state import State
from labels.waiting import open_traces


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
    folded = said(db, history)
    mine: dict[str, dict[str, Folded]] = defaultdict(dict)
    for (trajectory_id, annotator, repeat), each in folded.items():
        if repeat == 0 and (kept := _labelled(each, history)):
            mine[annotator][trajectory_id] = kept
    pairs = _pairs(mine)
    again = Counter(annotator for _, annotator in blind_states(folded, repeat=1))
    wanted = open_traces(db, now())
    return [
        _person(name, mine[name], again[name], pairs[name], wanted.left_for(name)) for name in sorted(mine)
    ]


def _labelled(done: Folded, history: Sequence[Change]) -> Folded | None:
    """What somebody did on the Label page: without what was imported or decided; None where that is nothing."""
    if any(event.phase in ("import", "adjudication") for event in done.events):
        kept = [event for event in done.events if event.phase not in ("import", "adjudication")]
        done = Folded(tuple(kept), fold(kept, history), blind(kept, history))
    return done if any(event.op != "exposed" for event in done.events) else None


def overview(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> Overview:
    """How far the queue is."""
    queue = current(db)
    rows: Sequence[tuple[str, str, int]] = ()
    if queue is not None:
        rows = db.execute(
            f"""SELECT trajectory_id, reason, people FROM queue_items WHERE queue_id = ? AND reason IS NOT NULL
                AND trajectory_id IN (SELECT trajectory_id FROM {current_trajectories(db)})""",
            [queue.queue_id],
        ).fetchall()
    settled = gold(db, codebook)
    people: dict[str, set[str]] = defaultdict(set)
    for label in (label for each in settled for label in each.labels):
        if label.state.queue_reason != SELF_SELECTED:
            people[label.trajectory_id].add(label.annotator)
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for name, reason, wanted in rows:
        counted[reason] += Counter(
            drawn=1, labelled=int(len(people[name]) > 0), done=int(len(people[name]) >= wanted)
        )
    twice = [name for name, _, wanted in rows if wanted > 1]
    return Overview(
        queue=queue,
        reasons=tuple(
            {"reason": reason, **{name: counts[name] for name in ("drawn", "labelled", "done")}}
            for reason, counts in sorted(counted.items())
        ),
        overlap=len(twice),
        overlap_done=sum(len(people[name]) > 1 for name in twice),
        conflicts=sum(each.status == "unresolved" for each in settled),
    )


def _person(
    name: str, mine: Mapping[str, Folded], repeats: int, pairs: Sequence[tuple[str, str]], left: int
) -> Person:
    done = [each for each in mine.values() if each.current.submitted]
    first, second = [own for own, _ in pairs], [other for _, other in pairs]
    times = [event.created_at for each in mine.values() for event in each.events if event.created_at]
    seconds = [took for each in done if (took := _seconds(each.events)) is not None]
    return Person(
        annotator=name,
        done=len(done),
        left=left,
        under_way=sum(is_open(each.events) for each in mine.values()),
        skipped=sum(each.current.skipped is not None for each in mine.values()),
        flagged=sum(each.current.flagged for each in mine.values()),
        not_blind=sum(each.blind is None for each in done),
        revealed=sum(each.current.revealed for each in mine.values()),
        searched_out=sum(each.current.queue_reason == SELF_SELECTED for each in done),
        repeats=repeats,
        seconds=median(seconds) if seconds else None,
        compared=len(pairs),
        same=sum(a == b for a, b in pairs) / len(pairs) if pairs else None,
        alpha=krippendorff_alpha([first, second]) if pairs else None,
        last=max(times, default=None),
    )


def _pairs(mine: Mapping[str, Mapping[str, Folded]]) -> dict[str, list[tuple[str, str]]]:
    """For each person, what they and another one say of what both labelled blind."""
    by_trace: dict[str, list[tuple[str, State]]] = defaultdict(list)
    for who, traces in mine.items():
        for name, each in traces.items():
            if each.blind is not None:
                by_trace[name].append((who, each.blind))
    pairs: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for people in by_trace.values():
        for (who, own), (_, other) in permutations(people, 2):
            pairs[who] += [
                (label.value, value)
                for pattern, label in own.labels.items()
                if label.value is not None and (value := other.value(pattern)) is not None
            ]
    return pairs


def _seconds(events: Sequence[Event]) -> float | None:
    """From opening to submitting."""
    opened = [event.created_at for event in events if event.op == "open" and event.created_at]
    submitted = [event.created_at for event in events if event.op == "submit" and event.created_at]
    return (min(submitted) - min(opened)).total_seconds() if opened and submitted else None
