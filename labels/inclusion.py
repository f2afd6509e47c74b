"""With what probability each trace that was labelled came to be labelled: what rates are weighted by.

A queue's draw is known, and what it drew is labelled in random order. So of a queue with draws π of which a share f
was labelled while it was worked on, a trace was labelled through it with probability f π; and one that several queues
could have drawn, with 1 - Π (1 - f π).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

import duckdb

from analysis.measure.scope import current_trajectories
from analysis.trajectories import READABLE
from labels.state import State


def probabilities(db: duckdb.DuckDBPyConnection, labelled: Mapping[str, State]) -> dict[str, float | None]:
    """The inclusion probability of each labelled trace.

    Args:
        db: A session of the store.
        labelled: For each trace that was handed out, the state of the first label on it.

    Returns:
        A probability each; None for a trace that no queue could have drawn. In a store without a queue, what the
        labels' own events say (labels that came from a store with one), which is 1 where everybody labels everything.
    """
    made = db.execute("SELECT queue_id, created_at FROM queues ORDER BY created_at, queue_id").fetchall()
    if not made:
        return {trajectory_id: state.queue_probability for trajectory_id, state in labelled.items()}
    times = {name: state.submitted_at or datetime.min for name, state in labelled.items()}
    missed = dict.fromkeys(labelled, 1.0)
    for drawn, share in _rounds(db, made, times):
        for trajectory_id in labelled:
            missed[trajectory_id] *= 1 - share * drawn.get(trajectory_id, 0.0)
    return {trajectory_id: 1 - left if left < 1 else None for trajectory_id, left in missed.items()}


def _rounds(
    db: duckdb.DuckDBPyConnection, made: Sequence[tuple[str, datetime]], labelled: Mapping[str, datetime]
) -> Iterable[tuple[dict[str, float], float]]:
    """For the time before the first queue, and each queue: each labelled trace's draw, and the share that was done."""
    starts = [datetime.min, *(created_at for _, created_at in made), datetime.max]
    for number, (start, end) in enumerate(pairwise(starts)):
        before = {name for name, at in labelled.items() if at < start}
        now = {name for name, at in labelled.items() if start <= at < end}
        if number == 0:
            total, there = _everything(db, end, list(labelled))
            if total:
                yield dict.fromkeys(there, 1.0), len(there & now) / total
            continue
        wanted, drawn = _drawn(db, made[number - 1][0], list(labelled))
        fresh = wanted - before
        if fresh:
            yield drawn, len(fresh & now) / len(fresh)


def _everything(db: duckdb.DuckDBPyConnection, until: datetime, labelled: list[str]) -> tuple[int, set[str]]:
    """How much could be labelled while there was no queue, and what of it is labelled."""
    could = f"{current_trajectories(db)} WHERE reasoning_state IN {READABLE} AND stored_at < ?"
    [[total]] = db.execute(f"SELECT count(*) FROM {could}", [until]).fetchall()
    rows = db.execute(
        f"SELECT trajectory_id FROM {could} AND trajectory_id IN (SELECT unnest(?::VARCHAR[]))",
        [until, labelled],
    ).fetchall()
    return total, {trajectory_id for (trajectory_id,) in rows}


def _drawn(
    db: duckdb.DuckDBPyConnection, queue_id: str, labelled: list[str]
) -> tuple[set[str], dict[str, float]]:
    """The traces that a queue drew, and with what probability it would have drawn those that are labelled."""
    rows = db.execute(
        """SELECT trajectory_id, reason IS NOT NULL, probability FROM queue_items WHERE queue_id = ?
           AND (reason IS NOT NULL OR trajectory_id IN (SELECT unnest(?::VARCHAR[])))""",
        [queue_id, labelled],
    ).fetchall()
    return {name for name, drawn, _ in rows if drawn}, {name: chance for name, _, chance in rows}
