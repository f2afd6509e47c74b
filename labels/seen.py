"""What a person sees of a run's word on traces outside the Label page, and what that does to their blindness."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from analysis.store import Store
from labels.events import Event
from labels.fold import fold
from labels.log import by_trajectory, events_of, record


def open_to(db: duckdb.DuckDBPyConnection, annotator: str) -> set[str]:
    """The trajectories on which this person may see a run's word: submitted, or not blind any more."""
    states = {
        trajectory_id: fold(events)
        for (trajectory_id, _), events in by_trajectory(events_of(db, annotator)).items()
    }
    return {name for name, state in states.items() if state.submitted or state.exposed or state.revealed}


def saw(store: Store, annotator: str, trajectory_ids: Iterable[str], run_id: str) -> None:
    """Note that a person sees what a run, and other people, say of these trajectories.

    Where they had not submitted, what they label there afterwards is not blind (`exposed`). Where they had,
    their blind labels stand, and whatever they change from here on is review (`reveal`), as on the Label page.
    Each is written once.
    """
    with store.session() as db:
        mine = {
            trajectory_id: fold(events)
            for (trajectory_id, _), events in by_trajectory(events_of(db, annotator)).items()
        }
    fresh = []
    for trajectory_id in dict.fromkeys(trajectory_ids):
        state = mine.get(trajectory_id)
        if state is not None and state.submitted:
            if not (state.revealed or state.exposed):
                fresh.append(Event(annotator, trajectory_id, "reveal", phase="review", run_id=run_id))
        elif state is None or not state.exposed:
            fresh.append(Event(annotator, trajectory_id, "exposed"))
    record(store, fresh)
