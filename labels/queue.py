"""Which trace a person labels next.

taken = take(store, "ada")
desk = sit_down(db, "ada", taken.trajectory_id, codebook, taken.repeat)
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

import duckdb

from analysis.codebook import load
from analysis.store import Store
from analysis.store.rows import now
from labels.events import SELF_SELECTED, Event
from labels.fold import blind, fold
from labels.log import events_of, record
from labels.queue_design import EVERYTHING, Settings, current
from labels.said import said
from labels.waiting import PHASES, WORKS, items, labellable, open_traces

REPEAT = "repeat"
REPEAT_AFTER = 20
"""A trace comes a second time when its annotator has submitted so many others since."""
AT_ONCE = 20
"""Candidates for the next trace that are looked at together: most often the first is there and can be read."""


@dataclass(frozen=True)
class Taken:
    """A trace that a person has before them; `repeat` is 1 where they labelled it once before."""

    trajectory_id: str
    repeat: int = 0


@dataclass(frozen=True)
class Progress:
    """How far a person is: traces to label in all, submitted, skipped, flagged."""

    total: int
    submitted: int
    skipped: int
    flagged: int


def opaque(annotator: str, trajectory_id: str, repeat: int = 0) -> str:
    """What a trace is called while it is labelled: an id that tells neither checkpoint nor source."""
    told = "\n".join([annotator, trajectory_id, *[str(repeat)] * (repeat > 0)])
    return hashlib.md5(told.encode()).hexdigest()[:10]


def next_trace(db: duckdb.DuckDBPyConnection, annotator: str) -> str | None:
    """The trace that `take` would give this person now, without taking it."""
    found = _next(db, annotator, now())
    return found.taken.trajectory_id if found else None


def by_opaque(db: duckdb.DuckDBPyConnection, annotator: str, name: str) -> Taken | None:
    """What is behind an opaque id: the trace, and whether it is the second time; None when there is nothing.

    Most often it is one that the person has begun; only where none of these is it are all gone through.
    """
    for traces in ("(FROM log.label_events WHERE annotator = $annotator)", "log.trajectories"):
        rows = db.execute(
            f"""SELECT DISTINCT trajectory_id, {_OPAQUE} <> $name FROM {traces}
                WHERE {_OPAQUE} = $name OR md5($annotator || chr(10) || trajectory_id || chr(10) || '1')[:10] = $name""",
            {"annotator": annotator, "name": name},
        ).fetchall()
        there = labellable(db, [trajectory_id for trajectory_id, _ in rows])
        if found := next((Taken(each, int(repeat)) for each, repeat in rows if each in there), None):
            return found
    return None


def take(store: Store, annotator: str, at: datetime | None = None) -> Taken | None:
    """The trace that this person labels next, which is theirs until the lease ends.

    First what they left open, then a repeat that is due, then one that the queue still wants somebody for, in an
    order that is random and each person's own. It is opened for them (an `open` event with its reason and
    probability) before this returns, so that nobody is given a trace that enough people have.

    Args:
        store: The store.
        annotator: Who.
        at: The time, for tests.

    Returns:
        None when nothing is left for them.
    """
    with _taking, store.session() as db:  # one process has the file at a time, and one thread of it takes
        found = _next(db, annotator, at or now())
        if found is None:
            return None
        if found.to_open:
            record(store, [Event(
                annotator, found.taken.trajectory_id, "open", created_at=at, repeat=found.taken.repeat,
                queue_reason=found.reason, queue_probability=found.probability,
            )])  # fmt: skip
        return found.taken


def progress(db: duckdb.DuckDBPyConnection, annotator: str) -> Progress:
    """How far this person is: what they have done, and what the queue still has for them."""
    mine = [
        each
        for (_, who, repeat), each in said(db, load().history).items()
        if who == annotator and repeat == 0
    ]
    left = open_traces(db, now()).left_for(annotator)
    submitted = sum(each.current.submitted for each in mine)
    skipped = sum(each.current.skipped is not None for each in mine)
    under_way = sum(is_open(each.events) for each in mine)
    flagged = sum(each.current.flagged for each in mine)
    return Progress(left + submitted + skipped + under_way, submitted, skipped, flagged)


@dataclass(frozen=True)
class _Found:
    taken: Taken
    to_open: bool = False
    reason: str | None = None
    probability: float | None = None


@dataclass(frozen=True)
class _Mine:
    """One trace of a person, the first or the second time, as far as the next one depends on it.

    Attributes:
        begun: Whether they opened it or did anything to it; seeing findings elsewhere is not that.
        done: Whether they submitted or skipped it and took nothing back. Else its events say whether it is open.
    """

    trajectory_id: str
    repeat: int
    begun: bool
    done: bool
    exposed: bool
    seen: bool
    submitted_at: datetime | None


def _mine(db: duckdb.DuckDBPyConnection, annotator: str) -> list[_Mine]:
    """What this person has had before them, in the order in which they came to it."""
    rows = db.execute(
        f"""SELECT trajectory_id, coalesce(repeat, 0), bool_or({WORKS}),
                   bool_or({WORKS} AND op IN ('submit', 'skip')) AND NOT bool_or({WORKS} AND op = 'revert'),
                   bool_or(op = 'exposed'), bool_or(op IN ('exposed', 'reveal')), max(created_at) FILTER (op = 'submit')
            FROM log.label_events WHERE annotator = ? GROUP BY 1, 2 ORDER BY min(created_at), 1, 2""",
        [annotator],
    ).fetchall()
    return [_Mine(*row) for row in rows]


def _next(db: duckdb.DuckDBPyConnection, annotator: str, at: datetime) -> _Found | None:
    queue = current(db)
    settings = queue.settings if queue else EVERYTHING
    mine = _mine(db, annotator)
    events = {
        (each.trajectory_id, each.repeat): _events(db, annotator, each)
        for each in mine
        if each.begun and not each.done
    }
    left_open = [key for key, done in events.items() if is_open(done)]
    for name, repeat in left_open:
        if repeat:
            return _Found(Taken(name, 1))
    for name, _ in left_open:
        done = events[name, 0]
        since = max((each.created_at for each in done if each.created_at), default=datetime.min)
        if since > at - timedelta(hours=settings.lease_hours) or _self_selected(done):
            return _Found(Taken(name))
    lapsed = [name for name, _ in left_open]
    due = _due(db, mine, annotator, settings)
    if due is not None:
        return _Found(Taken(due, 1), True, REPEAT)
    done_with = [each.trajectory_id for each in mine if each.begun and not each.repeat]
    return _fresh(
        db, annotator, at,
        without=[name for name in done_with if name not in lapsed], first=lapsed,
        last=[each.trajectory_id for each in mine if each.exposed and not each.repeat],
    )  # fmt: skip


def _events(db: duckdb.DuckDBPyConnection, annotator: str, of: _Mine) -> list[Event]:
    found = events_of(db, annotator, of.trajectory_id)
    return [event for event in found if event.repeat == of.repeat]


def _fresh(
    db: duckdb.DuckDBPyConnection, annotator: str, at: datetime, without: list[str], first: list[str], last: list[str]
) -> _Found | None:  # fmt: skip
    """The trace that still wants somebody and comes first in this person's order."""
    wanted, bound = items(db, annotator, at)
    bound |= {"annotator": annotator, "without": without, "first": first, "last": last}
    for place in count(0, AT_ONCE):
        rows = db.execute(
            f"""SELECT trajectory_id, reason, probability FROM ({wanted})
                WHERE trajectory_id NOT IN (SELECT unnest($without::VARCHAR[]))
                ORDER BY NOT list_contains($first::VARCHAR[], trajectory_id),
                         list_contains($last::VARCHAR[], trajectory_id), {_OPAQUE}
                LIMIT {AT_ONCE} OFFSET {place}""",
            bound,
        ).fetchall()
        there = labellable(db, [name for name, _, _ in rows])
        for name, reason, probability in rows:
            if name in there:
                return _Found(Taken(name), True, reason, probability)
        if len(rows) < AT_ONCE:
            return None
    return None


def is_open(events: Iterable[Event]) -> bool:
    """Whether a person has begun a trace and neither submitted nor skipped it."""
    done = [event for event in events if _works(event)]
    if any(event.op in ("submit", "skip") for event in done) and not any(e.op == "revert" for e in done):
        return False
    state = fold(done)
    return bool(done) and not state.submitted and state.skipped is None


def _works(event: Event) -> bool:
    return event.op not in ("exposed", "gold") and event.phase in PHASES


def _self_selected(events: Iterable[Event]) -> bool:
    return fold(events).queue_reason == SELF_SELECTED


def _due(
    db: duckdb.DuckDBPyConnection, mine: Sequence[_Mine], annotator: str, settings: Settings
) -> str | None:
    """The trace to label a second time: chosen by chance, submitted blind long enough ago, nothing seen since."""
    again = {each.trajectory_id for each in mine if each.repeat}
    submitted = sorted(
        (each.submitted_at, each.trajectory_id, each) for each in mine if each.submitted_at and not each.repeat
    )  # fmt: skip
    for _, name, each in submitted[: max(0, len(submitted) - REPEAT_AFTER)]:
        chosen = _chance(settings.seed, annotator, name) < settings.repeats
        if chosen and not each.seen and name not in again and blind(_events(db, annotator, each)) is not None:
            return name
    return None


def _chance(*parts: object) -> float:
    """A number in [0, 1) that these parts always give."""
    return int(hashlib.md5("\n".join(map(str, parts)).encode()).hexdigest()[:13], 16) / 16**13


_taking = threading.Lock()
_OPAQUE = "md5($annotator || chr(10) || trajectory_id)[:10]"
