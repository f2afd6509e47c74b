"""What everybody said of every trace, folded, and kept: the next one who asks folds only what came to the log since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from analysis.codebook import Change
from labels.events import Event
from labels.fold import blind, fold
from labels.log import events_of
from labels.state import State

Key = tuple[str, str, int]
"""(trajectory_id, annotator, 1 for the second time)"""
Mark = tuple[int, int]
"""How many events there are, and a checksum of them: the same marks are the same events."""
FEW = 50
"""So many traces are read one by one, which is faster than the whole log."""
SIGHTS = ("reveal", "exposed")


@dataclass(frozen=True)
class Folded:
    """What one person did on one trace.

    Attributes:
        events: In order, each once.
        current: What they say of it.
        blind: What they said of it blind; None where they submitted nothing blind.
    """

    events: tuple[Event, ...]
    current: State
    blind: State | None


def said(db: duckdb.DuckDBPyConnection, history: Sequence[Change] = ()) -> Mapping[Key, Folded]:
    """Everything in the log by trace and person, in order of both.

    Args:
        db: A session of the store.
        history: The codebook's changes, which labels are carried over.

    Returns:
        The same object while nothing comes to the log; nobody changes it.
    """
    global _held
    marks, (of, held_marks, held) = _marks(db), _held
    if of == tuple(history) and marks == held_marks:
        return held
    known = held if of == tuple(history) else {}
    new = [key for key, mark in marks.items() if key not in known or held_marks[key] != mark]
    folded = {key: _folded(events, history) for key, events in _read(db, new).items()}
    found = {key: folded[key] if key in folded else known[key] for key in marks}
    _held = tuple(history), marks, found
    return found


def blind_states(folded: Mapping[Key, Folded], repeat: int = 0) -> dict[tuple[str, str], State]:
    """What was submitted blind, by (trajectory_id, annotator)."""
    return {
        (name, who): each.blind
        for (name, who, time), each in folded.items()
        if time == repeat and each.blind is not None
    }


def _marks(db: duckdb.DuckDBPyConnection) -> dict[Key, Mark]:
    rows = db.execute(
        """SELECT trajectory_id, annotator, coalesce(repeat, 0), count(*), bit_xor(hash(e))
           FROM log.label_events e GROUP BY ALL ORDER BY 1, 2, 3"""
    ).fetchall()
    return {(name, who, repeat): (count, checksum) for name, who, repeat, count, checksum in rows}


def _read(db: duckdb.DuckDBPyConnection, keys: Sequence[Key]) -> dict[Key, list[Event]]:
    wanted = set(keys)
    if len(keys) > FEW:
        events = events_of(db)
    else:
        pairs = dict.fromkeys((who, name) for name, who, _ in keys)
        events = [event for who, name in pairs for event in events_of(db, who, name)]
    grouped: dict[Key, list[Event]] = defaultdict(list)
    for event in events:
        key = event.trajectory_id, event.annotator, event.repeat
        if key in wanted:
            grouped[key].append(event)
    return grouped


def _folded(events: Sequence[Event], history: Sequence[Change]) -> Folded:
    before = blind(events, history)
    ends_blind = events[-1].op == "submit" and all(
        event.phase == "blind" and event.op not in SIGHTS for event in events
    )
    current = before if ends_blind and before is not None else fold(events, history)
    return Folded(tuple(events), current, before)


_held: tuple[tuple[Change, ...], Mapping[Key, Mark], Mapping[Key, Folded]] = ((), {}, {})
