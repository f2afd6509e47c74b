"""Whether people's events fold: to the same state in whatever order they are read, with quotes that stand."""

from __future__ import annotations

from collections import defaultdict

import duckdb

from analysis.store.verify import EXAMPLES, Finding
from labels.events import Event
from labels.fold import fold
from labels.log import events_of


def folds(db: duckdb.DuckDBPyConnection) -> Finding:
    """Fold every person's events on every trajectory, in two orders."""
    said: dict[tuple[str, str, int], list[Event]] = defaultdict(list)
    for event in events_of(db):
        said[event.annotator, event.trajectory_id, event.repeat].append(event)
    broken = [
        f"{annotator} {trajectory}"
        for (annotator, trajectory, _), events in said.items()
        if not _folds(events)
    ]
    return Finding(
        "people's events fold to one state in any order", len(said), len(broken), tuple(broken[:EXAMPLES])
    )


def _folds(events: list[Event]) -> bool:
    try:
        return fold(events) == fold(reversed(events))
    except (KeyError, TypeError, ValueError):
        return False
