"""What a person sees of a run's word on traces outside the Label page, and what that does to their blindness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from analysis.store import Store
from labels.events import Event
from labels.fold import fold
from labels.log import by_trajectory, events_of, record
from labels.state import State

NOTHING = State()
FEW = 4
"""So many trajectories are asked for one by one, which is faster than all that a person did."""


def open_to(db: duckdb.DuckDBPyConnection, annotator: str) -> set[str]:
    """The trajectories on which this person may see a run's word: submitted, or not blind any more.

    One that they have before them a second time, to be measured against themself, is not among them.
    """
    first, again = _states(db, annotator)
    blind_again = {name for name, state in again.items() if not (state.submitted or state.exposed)}
    return {name for name, s in first.items() if s.submitted or s.exposed or s.revealed} - blind_again


def saw(store: Store, annotator: str, trajectory_ids: Iterable[str], run_id: str | None = None) -> int:
    """Note that a person sees what a run, or other people, say of these trajectories: from here on they are not blind.

    What they had not submitted, and what they do there afterwards, is not blind (`exposed`). Where they had
    submitted, that blind label stands, and whatever they change from here on, also by taking the submit back, is not
    part of it (`reveal` of a run's word, as on the Label page; `exposed` of people's). Each is written once.

    Args:
        store: Whose log it goes to.
        annotator: Who sees it.
        trajectory_ids: On which trajectories.
        run_id: Whose word it is; None where it is other people's alone.

    Returns:
        How many trajectories they were blind on until now.
    """
    wanted = list(dict.fromkeys(trajectory_ids))
    with store.session() as db:
        first, again = _states(db, annotator, wanted)
    events, ended = [], 0
    for name in wanted:
        state = first.get(name, NOTHING)
        if not state.submitted and not state.exposed:
            events.append(Event(annotator, name, "exposed"))
            ended += 1
        elif state.submitted and not (state.revealed or state.exposed):
            run = {"phase": "review", "run_id": run_id} if run_id else {}
            events.append(Event(annotator, name, "reveal" if run_id else "exposed", **run))  # type: ignore[arg-type]
        if name in again and not (again[name].submitted or again[name].exposed):
            events.append(Event(annotator, name, "exposed", repeat=1))
    record(store, events)
    return ended


def _states(
    db: duckdb.DuckDBPyConnection, annotator: str, only: Sequence[str] | None = None
) -> tuple[dict[str, State], dict[str, State]]:
    """What they say of each trajectory that they did anything to, or of these alone, the first and the second time."""
    if only is not None and len(only) <= FEW:
        events = [event for name in only for event in events_of(db, annotator, name)]
    else:
        events = events_of(db, annotator)
    first, again = (by_trajectory(events, repeat) for repeat in (0, 1))
    return {name: fold(done) for (name, _), done in first.items()}, {
        name: fold(done) for (name, _), done in again.items()
    }
