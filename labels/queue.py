"""Which trace a person labels next.

taken = take(store, "ada")
desk = sit_down(db, "ada", taken.trajectory_id, codebook, taken.repeat)
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from analysis.store import Store
from analysis.store.rows import now
from analysis.trajectories import READABLE
from labels.events import SELF_SELECTED, UNIFORM, Event
from labels.fold import blind, fold
from labels.log import by_trajectory, events_of, record
from labels.queue_design import EVERYTHING, Settings, current

REPEAT = "repeat"
REPEAT_AFTER = 20
"""A trace comes a second time when its annotator has submitted so many others since."""


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
    """What is behind an opaque id: the trace, and whether it is the second time; None when there is nothing."""
    row = db.execute(
        f"""SELECT trajectory_id, {_OPAQUE} <> $name FROM trajectories
            WHERE ({_OPAQUE} = $name OR md5($annotator || chr(10) || trajectory_id || chr(10) || '1')[:10] = $name)
              AND {_LABELLABLE}""",
        {"annotator": annotator, "name": name},
    ).fetchone()
    return Taken(row[0], int(row[1])) if row else None


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
    mine = by_trajectory(events_of(db, annotator))
    states = [fold(events) for events in mine.values()]
    left = left_for(db, annotator, now())
    submitted, skipped = sum(s.submitted for s in states), sum(s.skipped is not None for s in states)
    under_way = sum(is_open(events) for events in mine.values())
    flagged = sum(state.flagged for state in states)
    return Progress(left + submitted + skipped + under_way, submitted, skipped, flagged)


def left_for(db: duckdb.DuckDBPyConnection, annotator: str, at: datetime) -> int:
    """How many traces still want somebody that this person has not begun."""
    begun = _begun(by_trajectory(events_of(db, annotator)))
    [(left,)] = _wanted(db, annotator, at, "SELECT count(*) FROM wanted", begun)
    return int(left)


@dataclass(frozen=True)
class _Found:
    taken: Taken
    to_open: bool = False
    reason: str | None = None
    probability: float | None = None


def _next(db: duckdb.DuckDBPyConnection, annotator: str, at: datetime) -> _Found | None:
    queue = current(db)
    settings = queue.settings if queue else EVERYTHING
    events = events_of(db, annotator)
    mine, again = by_trajectory(events), by_trajectory(events, repeat=1)
    for (trajectory_id, _), done in again.items():
        if is_open(done):
            return _Found(Taken(trajectory_id, 1))
    left_open = [(name, done) for (name, _), done in mine.items() if is_open(done)]
    for trajectory_id, done in left_open:
        since = max((each.created_at for each in done if each.created_at), default=datetime.min)
        if since > at - timedelta(hours=settings.lease_hours) or _self_selected(done):
            return _Found(Taken(trajectory_id))
    lapsed = [name for name, _ in left_open]
    due = _due(mine, again, annotator, settings)
    if due is not None:
        return _Found(Taken(due, 1), True, REPEAT)
    done_with = [name for name in _begun(mine) if name not in lapsed]
    seen = [name for (name, _), done in mine.items() if any(each.op == "exposed" for each in done)]
    rows = _wanted(
        db, annotator, at,
        f"""SELECT trajectory_id, reason, probability FROM wanted
            ORDER BY NOT list_contains($first, trajectory_id), list_contains($last, trajectory_id), {_OPAQUE}
            LIMIT 1""",
        done_with, first=lapsed, last=seen,
    )  # fmt: skip
    for trajectory_id, reason, probability in rows:
        return _Found(Taken(trajectory_id), True, reason, probability)
    return None


def _wanted(
    db: duckdb.DuckDBPyConnection, annotator: str, at: datetime, sql: str, without: Sequence[str], **more: Any
) -> list[Any]:
    """Ask about the table `wanted`: the traces that still want somebody, but for those in `without`."""
    queue = current(db)
    bound: dict[str, Any] = {"annotator": annotator, "without": list(without), **more}
    items = f"SELECT trajectory_id, '{UNIFORM}' AS reason, 1.0::DOUBLE AS probability FROM trajectories WHERE {_LABELLABLE}"
    if queue is not None:
        since = at - timedelta(hours=queue.settings.lease_hours)
        bound |= {"queue": queue.queue_id, "since": since}
        items = f"""{_HELD}
            SELECT q.trajectory_id, reason, probability FROM queue_items q LEFT JOIN held h USING (trajectory_id)
            WHERE queue_id = $queue AND q.people > coalesce(h.people, 0)
              AND trajectory_id IN (SELECT trajectory_id FROM trajectories WHERE {_LABELLABLE})"""
    used = {name: value for name, value in bound.items() if f"${name}" in sql + items + "$without"}
    return db.execute(
        f"WITH wanted AS (FROM ({items}) WHERE NOT list_contains($without, trajectory_id)) {sql}", used
    ).fetchall()


_HELD = f"""WITH one AS (
        SELECT trajectory_id, annotator, max(created_at) AS last,
               bool_or(op = 'submit' AND phase = 'blind' AND NOT undone) AS submitted,
               bool_or(op = 'skip' AND NOT undone) AS skipped,
               arg_min(queue_reason, created_at) FILTER (op = 'open') AS queue_reason
        FROM (SELECT *, event_id IN (SELECT old FROM log.label_events WHERE op = 'revert' AND old IS NOT NULL)
                        AS undone FROM log.label_events)
        WHERE annotator <> $annotator AND coalesce(repeat, 0) = 0 AND phase IN ('blind', 'assisted', 'review')
          AND op <> 'exposed'
        GROUP BY trajectory_id, annotator),
    held AS (
        SELECT trajectory_id, count(*) AS people FROM one
        WHERE queue_reason IS DISTINCT FROM '{SELF_SELECTED}' AND (submitted OR (NOT skipped AND last > $since))
        GROUP BY trajectory_id)"""
"""Who has a trace: others who submitted it blind, and those whose lease on it runs. Who searched a trace out does not
take the place of the one whom the queue would have given it to."""

Mine = Mapping[tuple[str, str], list[Event]]


def _begun(mine: Mine) -> list[str]:
    """The traces that a person opened or did anything to; seeing findings elsewhere is not that."""
    return [name for (name, _), events in mine.items() if any(_works(event) for event in events)]


def is_open(events: Iterable[Event]) -> bool:
    """Whether a person has begun a trace and neither submitted nor skipped it."""
    done = [event for event in events if _works(event)]
    if any(event.op in ("submit", "skip") for event in done) and not any(e.op == "revert" for e in done):
        return False
    state = fold(done)
    return bool(done) and not state.submitted and state.skipped is None


def _works(event: Event) -> bool:
    return event.op not in ("exposed", "gold") and event.phase in ("blind", "assisted", "review")


def _self_selected(events: Iterable[Event]) -> bool:
    return fold(events).queue_reason == SELF_SELECTED


def _due(mine: Mine, again: Mine, annotator: str, settings: Settings) -> str | None:
    """The trace to label a second time: chosen by chance, submitted blind long enough ago, nothing seen since."""
    submitted = sorted(
        (max(e.created_at for e in events if e.op == "submit" and e.created_at), name)
        for (name, _), events in mine.items()
        if any(event.op == "submit" for event in events)
    )
    for _, name in submitted[: max(0, len(submitted) - REPEAT_AFTER)]:
        events = mine[name, annotator]
        seen = any(event.op in ("reveal", "exposed") for event in events)
        chosen = _chance(settings.seed, annotator, name) < settings.repeats
        if chosen and not seen and (name, annotator) not in again and blind(events) is not None:
            return name
    return None


def _chance(*parts: object) -> float:
    """A number in [0, 1) that these parts always give."""
    return int(hashlib.md5("\n".join(map(str, parts)).encode()).hexdigest()[:13], 16) / 16**13


_taking = threading.Lock()
_LABELLABLE = f"reasoning_state IN {READABLE}"
_OPAQUE = "md5($annotator || chr(10) || trajectory_id)[:10]"
