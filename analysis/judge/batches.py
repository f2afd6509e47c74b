"""Batches of calls in the store: what was handed to an endpoint, so that another process can collect it.

A batch is prepared (its trajectories are written down), submitted (the endpoint has given it an id), and then
collected, or dropped where the endpoint did not take it. Each is an event in the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import orjson

from analysis.store import append
from analysis.store.rows import now


@dataclass(frozen=True)
class Batch:
    """A batch of calls of one run.

    Attributes:
        trajectories: The ids of those that its calls are about.
        expected_usd: What it may cost; 0 where no limit was set.
        key: The batch's own name, which the endpoint is told too: it finds a batch whose id was lost.
        batch_id: The endpoint's name for it.
        created_at: When it was prepared.
    """

    trajectories: Sequence[str]
    expected_usd: float = 0.0
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    batch_id: str | None = None
    created_at: datetime = field(default_factory=now)


def note(db: duckdb.DuckDBPyConnection, run_id: str, batch: Batch, state: str) -> None:
    """Write down what became of a batch: prepared, submitted, collected or dropped."""
    event = {"batch_key": batch.key, "run_id": run_id, "state": state, "batch_id": batch.batch_id}
    if state == "prepared":
        event |= {"trajectories": orjson.dumps(list(batch.trajectories)).decode()}
    moment = batch.created_at if state == "prepared" else now()
    append(db, "batches", [{**event, "expected_usd": batch.expected_usd, "created_at": moment}])


def under_way(db: duckdb.DuckDBPyConnection, run_id: str) -> list[Batch]:
    """The batches of a run that are neither collected nor dropped, the oldest first."""
    rows = db.execute(
        """SELECT trajectories, expected_usd, batch_key, batch_id, created_at FROM batches
           WHERE run_id = ? AND state IN ('prepared', 'submitted') ORDER BY created_at, batch_key""",
        [run_id],
    ).fetchall()
    return [Batch(orjson.loads(trajectories), *rest) for trajectories, *rest in rows]


def places(db: duckdb.DuckDBPyConnection, trajectories: Sequence[str]) -> list[int]:
    """The places of trajectories, as `runs.pending` gives them."""
    rows = db.execute(
        """SELECT t.rowid FROM log.trajectories t JOIN trajectories USING (row_id)
           WHERE t.trajectory_id IN (SELECT unnest(?::VARCHAR[])) ORDER BY 1""",
        [list(trajectories)],
    ).fetchall()
    return [place for (place,) in rows]


def unsettled(db: duckdb.DuckDBPyConnection, run_id: str, batch: Batch) -> list[int]:
    """The places of a batch's trajectories that no attempt has been made on since it was prepared."""
    settled = db.execute(
        "SELECT trajectory_id FROM log.attempts WHERE run_id = ? AND created_at >= ?",
        [run_id, batch.created_at],
    ).fetchall()
    done = {trajectory_id for (trajectory_id,) in settled}
    return places(db, [each for each in batch.trajectories if each not in done])
