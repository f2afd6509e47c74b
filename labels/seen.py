"""What a person sees of a run's word on traces outside the Label page, and what that does to their blindness."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from analysis.store import Store
from labels.events import Event
from labels.fold import fold
from labels.log import by_trajectory, events_of, record
from labels.state import State

NOTHING = State()


def open_to(db: duckdb.DuckDBPyConnection, annotator: str) -> set[str]:
    """The trajectories on which this person may see a run's word: submitted, or not blind any more.

    One that they have before them a second time, to be measured against themself, is not among them.
    """
    first, again = _states(db, annotator)
    blind_again = {name for name, state in again.items() if not (state.submitted or state.exposed)}
    return {name for name, s in first.items() if s.submitted or s.exposed or s.revealed} - blind_again


def saw(store: Store, annotator: str, trajectory_ids: Iterable[str], run_id: str) -> None:
    """Note that a person sees what a run, and other people, say of these trajectories.

    Where they had not submitted, what they label there afterwards is not blind (`exposed`). Where they had,
    their blind labels stand, and whatever they change from here on is review (`reveal`), as on the Label page.
    Each is written once.
    """
    with store.session() as db:
        first, again = _states(db, annotator)
    events = []
    for name in dict.fromkeys(trajectory_ids):
        state = first.get(name, NOTHING)
        if not state.submitted and not state.exposed:
            events.append(Event(annotator, name, "exposed"))
        elif state.submitted and not (state.revealed or state.exposed):
            events.append(Event(annotator, name, "reveal", phase="review", run_id=run_id))
        if name in again and not (again[name].submitted or again[name].exposed):
            events.append(Event(annotator, name, "exposed", repeat=1))
    record(store, events)


def _states(db: duckdb.DuckDBPyConnection, annotator: str) -> tuple[dict[str, State], dict[str, State]]:
    """What they say of each trajectory that they did anything to, the first and the second time."""
    events = events_of(db, annotator)
    first, again = (by_trajectory(events, repeat) for repeat in (0, 1))
    return {name: fold(done) for (name, _), done in first.items()}, {
        name: fold(done) for (name, _), done in again.items()
    }
