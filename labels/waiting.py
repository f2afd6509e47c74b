"""Which traces still want somebody to label them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from analysis.measure.scope import current_trajectories
from analysis.trajectories import READABLE
from labels.events import SELF_SELECTED, UNIFORM
from labels.log import current_rows
from labels.queue_design import current

PHASES = ("blind", "assisted", "review")
"""Of work on the Label page."""
WORKS = f"(op NOT IN ('exposed', 'gold') AND phase IN {PHASES})"
"""Whether an event is work on a trace; seeing findings elsewhere is not that."""
_HELD = f"""WITH one AS (
        SELECT trajectory_id, annotator, max(created_at) AS last,
               bool_or(op = 'submit' AND phase = 'blind' AND NOT undone) AS submitted,
               bool_or(op = 'skip' AND NOT undone) AS skipped,
               arg_min(queue_reason, created_at) FILTER (op = 'open') AS queue_reason
        FROM (SELECT *, event_id IN (SELECT old FROM log.label_events WHERE op = 'revert' AND old IS NOT NULL)
                        AS undone FROM log.label_events)
        WHERE annotator IS DISTINCT FROM $annotator AND coalesce(repeat, 0) = 0 AND {WORKS}
        GROUP BY trajectory_id, annotator),
    held AS (
        SELECT trajectory_id, count(*) AS people FROM one
        WHERE queue_reason IS DISTINCT FROM '{SELF_SELECTED}' AND (submitted OR (NOT skipped AND last > $since))
        GROUP BY trajectory_id)"""
"""Who has a trace: others who submitted it blind, and those whose lease on it runs. Who searched a trace out does not
take the place of the one whom the queue would have given it to."""
_QUEUED = f"""{_HELD}
    SELECT q.trajectory_id, reason, probability FROM queue_items q LEFT JOIN held h USING (trajectory_id)
    WHERE queue_id = $queue AND q.people > coalesce(h.people, 0)"""
_EVERYTHING = f"""
    SELECT DISTINCT trajectory_id, '{UNIFORM}' AS reason, 1.0::DOUBLE AS probability FROM log.trajectories"""


@dataclass(frozen=True)
class OpenTraces:
    """How many traces still want somebody, and how many of these each person has begun."""

    total: int
    begun: Mapping[str, int]

    def left_for(self, annotator: str) -> int:
        """How many still want somebody that this person has not begun."""
        return self.total - self.begun.get(annotator, 0)


def open_traces(db: duckdb.DuckDBPyConnection, at: datetime) -> OpenTraces:
    """The traces that still want somebody, counted for everybody at once.

    Who has a trace has begun it, so it does not matter here whether one's own hold on it counts.
    """
    sql, bound = items(db, None, at)
    rows = db.execute(
        f"""WITH open AS (
                FROM ({sql})
                WHERE trajectory_id IN
                    (SELECT trajectory_id FROM {current_trajectories(db)} WHERE reasoning_state IN {READABLE})),
            begun AS (
                SELECT DISTINCT annotator, trajectory_id FROM log.label_events
                WHERE {WORKS} AND coalesce(repeat, 0) = 0)
            SELECT NULL, count(*) FROM open
            UNION ALL SELECT annotator, count(*) FROM open JOIN begun USING (trajectory_id) GROUP BY annotator""",
        bound,
    ).fetchall()
    counts = dict(rows)
    return OpenTraces(counts.pop(None), counts)


def labellable(db: duckdb.DuckDBPyConnection, trajectory_ids: Sequence[str]) -> set[str]:
    """Which of these are there and can be read."""
    rows = current_rows(db, trajectory_ids, ("trajectory_id", "reasoning_state"))
    return {name for name, state in rows if state in READABLE}


def items(db: duckdb.DuckDBPyConnection, annotator: str | None, at: datetime) -> tuple[str, dict[str, Any]]:
    """SQL for the traces that still want somebody besides this person; some may not be there, or have nothing to read."""
    queue = current(db)
    if queue is None:
        return _EVERYTHING, {}
    since = at - timedelta(hours=queue.settings.lease_hours)
    return _QUEUED, {"annotator": annotator, "queue": queue.queue_id, "since": since}
