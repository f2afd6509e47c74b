"""The log in the store: events are checked, written and committed before a page draws what they did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from labels.events import VALUES, Event, from_row

_QUOTING = ("add_quote", "edit_quote")


def record(store: Store, events: Sequence[Event]) -> list[Event]:
    """Write events in one transaction; when it returns they are on disk.

    An event whose id is in the log already counts once and is left as it is. Each gets a time later than all
    that its annotator did on the trajectory before, so that a clock that jumps back changes no order. What a tab
    calls blind is not where the log has it that the person has seen more in another one.

    Returns:
        The events as they stand in the log.

    Raises:
        UserError: An event is refused: its trajectory is not there, its quote is not what the text has at its
            offsets, its text has changed since, its value is none, or it undoes what is not the person's own.
            Nothing is written then.
    """
    if not events:
        return []
    with store.transaction() as db:
        said = _said(db, events)
        held = {event.event_id: event for event in said}
        texts, before = _texts(db, events), _before(said)
        fresh: dict[str, Event] = {}
        for event in events:
            if event.event_id in held or event.event_id in fresh:
                continue
            _check(event, texts)
            if event.op == "revert":
                _check_own(event, held.get(event.old or "") or fresh.get(event.old or ""))
            fresh[event.event_id] = before[_key(event)].placed(event)
        append(db, "label_events", [event.as_row() for event in fresh.values()])
    held |= fresh
    return [held[event.event_id] for event in events]


@dataclass
class _Before:
    """What the log has of one person on one trajectory: when they last did something, and what they have seen."""

    last: datetime = datetime.min
    seen: set[tuple[str, int]] = field(default_factory=set)

    def placed(self, event: Event) -> Event:
        """The event with its time and the phase that it really is of."""
        self.last = max(event.created_at or now(), self.last + timedelta(microseconds=1))
        phase = event.phase
        if phase == "blind" and self.seen and event.op not in ("reveal", "exposed"):
            phase = "review" if ("reveal", event.repeat) in self.seen else "assisted"
        if event.op in ("reveal", "exposed"):
            self.seen.add((event.op, event.repeat))
        return replace(event, created_at=self.last, phase=phase)


def events_of(
    db: duckdb.DuckDBPyConnection, annotator: str | None = None, trajectory_id: str | None = None
) -> list[Event]:
    """The events of a person, of a trajectory, of both, or all, in order."""
    named = {"annotator": annotator, "trajectory_id": trajectory_id}
    asked = {name: value for name, value in named.items() if value is not None}
    return _events(db, " AND ".join(f"{name} = ?" for name in asked) or "true", list(asked.values()))


def by_trajectory(events: Iterable[Event], repeat: int = 0) -> dict[tuple[str, str], list[Event]]:
    """Events grouped by (trajectory_id, annotator): those of the first time, or of a repeat."""
    grouped: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        if event.repeat == repeat:
            grouped[event.trajectory_id, event.annotator].append(event)
    return grouped


def annotators(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Everybody who has said something."""
    rows = db.execute("SELECT DISTINCT annotator FROM label_events ORDER BY 1").fetchall()
    return [name for (name,) in rows]


def _key(event: Event) -> tuple[str, str]:
    return event.annotator, event.trajectory_id


def _said(db: duckdb.DuckDBPyConnection, events: Sequence[Event]) -> list[Event]:
    """What the log has on the trajectories of these events, and under their ids."""
    return _events(
        db,
        "trajectory_id IN (SELECT unnest(?)) OR event_id IN (SELECT unnest(?))",
        [list({event.trajectory_id for event in events}), [event.event_id for event in events]],
    )


def _events(db: duckdb.DuckDBPyConnection, condition: str, bound: list[Any]) -> list[Event]:
    """Events of the log itself, each once: its view would sort the whole log to answer for one trace."""
    cursor = db.execute(
        f"SELECT * FROM log.label_events WHERE {condition} ORDER BY created_at, event_id", bound
    )
    names = [column[0] for column in cursor.description or ()]
    once: dict[str, Event] = {}
    for row in cursor.fetchall():
        event = from_row(dict(zip(names, row, strict=True)))
        once.setdefault(event.event_id, event)
    return list(once.values())


def current_rows(
    db: duckdb.DuckDBPyConnection, trajectory_ids: Sequence[str], columns: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Columns of these trajectories as the view `trajectories` has them, without going through the whole store."""
    return db.execute(
        f"""WITH named AS (SELECT * FROM log.trajectories WHERE list_contains($ids, trajectory_id))
            SELECT {", ".join(columns)} FROM named t
            WHERE row_id IN (SELECT arg_max(row_id, stored_at) FROM named GROUP BY trajectory_id)
              AND NOT EXISTS (FROM log.retractions r WHERE r.created_at >= t.stored_at
                              AND (r.trajectory_id = t.trajectory_id OR r.source = t.source))""",
        {"ids": list(trajectory_ids)},
    ).fetchall()


def _texts(
    db: duckdb.DuckDBPyConnection, events: Sequence[Event]
) -> dict[str, tuple[str | None, str | None]]:
    named = list({event.trajectory_id for event in events})
    rows = current_rows(db, named, ("trajectory_id", "reasoning", "reasoning_sha256"))
    return {trajectory_id: (text, sha) for trajectory_id, text, sha in rows}


def _before(said: Sequence[Event]) -> dict[tuple[str, str], _Before]:
    before: dict[tuple[str, str], _Before] = defaultdict(_Before)
    for event in said:
        mine = before[_key(event)]
        mine.last = max(mine.last, event.created_at or mine.last)
        if event.op in ("reveal", "exposed"):
            mine.seen.add((event.op, event.repeat))
    return before


def _check_own(event: Event, undone: Event | None) -> None:
    if undone is None or (_key(undone), undone.repeat) != (_key(event), event.repeat):
        raise UserError("only one's own action on the trace can be undone, and it is not in the log")


def _check(event: Event, texts: dict[str, tuple[str | None, str | None]]) -> None:
    """Refuse what would not be true of the text that the store has."""
    if not event.annotator.strip():
        raise UserError("a label needs the name of who gives it")
    if event.trajectory_id not in texts:
        raise UserError(f"there is no trajectory {event.trajectory_id} to label")
    text, sha = texts[event.trajectory_id]
    if event.op in ("set", "gold") and event.new is not None and event.new not in VALUES:
        raise UserError(f"a label is {', '.join(VALUES)}, not {event.new}")
    quotes = [event.as_row()] if event.op in _QUOTING else list(event.attributes.get("quotes", ()))
    if quotes and event.reasoning_sha256 and event.reasoning_sha256 != sha:
        raise UserError("the trace has changed since it was opened; open it again")
    for each in quotes:
        start, end = each["start_char"], each["end_char"]
        if (
            not each["quote"]
            or start is None
            or end is None
            or start < 0
            or (text or "")[start:end] != each["quote"]
        ):
            raise UserError(f"the quote is not what the trace has at {start}–{end}; select it again")
