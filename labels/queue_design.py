"""A queue: which traces people are to label, why each was drawn, and with what probability.

    made = make(store, Settings(size=200, run_id=run), made_by="lead")

A queue is drawn once and kept. The newest one is worked on; without any, everybody labels everything.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from analysis.trajectories import READABLE
from labels.events import UNIFORM
from labels.queue_strata import SHARES, strata
from labels.sampling import Drawn, Stratum, draw

LEAST_UNIFORM = 0.3
SECOND_LOOK = ("against", "flagged")
"""Reasons for which a trace goes to one person more than have labelled it already."""


@dataclass(frozen=True)
class Settings:
    """How a queue is drawn and worked on.

    Attributes:
        size: How many traces.
        run_id: The run whose verdicts strata go by; None where none is wanted.
        shares: Of the draws, by reason (`labels.queue_strata.SHARES`); at least LEAST_UNIFORM is uniform.
        where: Which trajectories may be drawn: a condition in SQL over the columns of `trajectories`.
        overlap: The share of the traces that goes to two people.
        repeats: The share of their own traces that each person gets a second time.
        lease_hours: How long a trace that somebody opened waits for them.
        seed: Of the draw.
        about: What the queue is of, in words, where it is not of everything.
    """

    size: int = 200
    run_id: str | None = None
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    where: str | None = None
    overlap: float = 0.2
    repeats: float = 0.05
    lease_hours: float = 4.0
    seed: int = field(default_factory=lambda: secrets.randbits(32))
    about: str | None = None

    def __post_init__(self) -> None:
        """Refuse what would not be a queue."""
        unknown = [reason for reason in self.shares if reason not in SHARES]
        if unknown:
            raise UserError(f"a queue draws by {', '.join(SHARES)}; not by {unknown[0]}")
        total = sum(self.shares.values())
        if min(self.shares.values()) < 0 or self.shares.get(UNIFORM, 0) < LEAST_UNIFORM * total or total <= 0:
            raise UserError(f"at least {LEAST_UNIFORM:.0%} of a queue is uniform: rates rest on that part")
        if self.size < 1 or self.lease_hours <= 0:
            raise UserError("a queue has at least one trace, and leases of more than no time")
        if not (0 <= self.overlap <= 1 and 0 <= self.repeats <= 1):
            raise UserError("overlap and repeats are shares from 0 to 1")


EVERYTHING = Settings(overlap=1.0, seed=0)
"""How people work while nobody has made a queue: everybody on all traces, each in an order of their own."""


@dataclass(frozen=True)
class Queue:
    """A queue that was made.

    Attributes:
        drawn: For each stratum reason, traces (that it holds for) and draws.
    """

    queue_id: str
    created_at: datetime
    made_by: str | None
    settings: Settings
    drawn: tuple[Mapping[str, Any], ...] = ()


def make(store: Store, settings: Settings, made_by: str | None = None) -> Queue:
    """Draw a queue and keep it; from now on it is the one that people work on.

    Raises:
        UserError: No trajectory can be labelled, or the condition is no SQL that DuckDB understands.
    """
    with store.transaction() as db:
        ids = _frame(db, settings.where)
        found = strata(db, settings.run_id, settings.shares)
        drawn = draw(len(ids), found, settings.size, settings.seed)
        people = _people(db, drawn, found, settings)
        db.execute("DROP TABLE frame")
        told = tuple(
            {"reason": each.reason, "traces": len(each.members), "draws": count}
            for each, count in zip(found, drawn.draws, strict=True)
        )
        queue = Queue(f"queue-{secrets.token_hex(5)}", now(), made_by, settings, told)
        held = {**asdict(settings), "drawn": told}
        append(db, "queues", [{
            "queue_id": queue.queue_id, "created_at": queue.created_at, "made_by": made_by,
            "settings": orjson.dumps(held, option=orjson.OPT_SORT_KEYS).decode(),
        }])  # fmt: skip
        reasons = np.array([*(each.reason for each in found), None], dtype=object)[drawn.stratum]
        append(db, "queue_items", pa.table({
            "queue_id": pa.array([queue.queue_id] * len(ids)),
            "trajectory_id": ids,
            "probability": pa.array(drawn.probability),
            "reason": pa.array(reasons, pa.string()),
            "people": pa.array(people, pa.int32()),
        }))  # fmt: skip
    return queue


def current(db: duckdb.DuckDBPyConnection) -> Queue | None:
    """The queue that people work on: the newest one."""
    return next(iter(reversed(queues(db))), None)


def queues(db: duckdb.DuckDBPyConnection) -> list[Queue]:
    """All queues, oldest first."""
    rows = db.execute(
        "SELECT queue_id, created_at, made_by, settings FROM queues ORDER BY created_at, queue_id"
    ).fetchall()
    found = []
    for queue_id, created_at, made_by, text in rows:
        held = orjson.loads(text)
        drawn = tuple(held.pop("drawn"))
        found.append(Queue(queue_id, created_at, made_by, Settings(**held), drawn))
    return found


def _frame(db: duckdb.DuckDBPyConnection, where: str | None) -> pa.Array:
    """Make the table `frame` of what can be labelled; the ids in order of place."""
    try:
        db.execute(
            f"""CREATE OR REPLACE TEMP TABLE frame AS
                SELECT row_number() OVER (ORDER BY trajectory_id) - 1 AS place, trajectory_id
                FROM trajectories WHERE reasoning_state IN {READABLE} AND ({where or "true"})"""
        )
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise UserError(f"--where: {str(error).splitlines()[0]}") from None
    ids = db.execute("SELECT trajectory_id FROM frame ORDER BY place").to_arrow_table()["trajectory_id"]
    if not len(ids):
        raise UserError("there is no trace to label; `telltale ingest` brings some, or change --where")
    return ids.combine_chunks()


def _people(
    db: duckdb.DuckDBPyConnection, drawn: Drawn, found: list[Stratum], settings: Settings
) -> list[int | None]:
    """How many people shall label each trace; None where it was not drawn."""
    chosen = np.flatnonzero(drawn.stratum >= 0)
    chance = np.random.default_rng([settings.seed, 1])
    two = set(chance.choice(chosen, round(settings.overlap * len(chosen)), replace=False).tolist())
    before = dict(
        db.execute(
            """SELECT place, count(DISTINCT annotator) FROM frame JOIN log.label_events USING (trajectory_id)
               WHERE op = 'submit' AND phase = 'blind' AND coalesce(repeat, 0) = 0 GROUP BY place"""
        ).fetchall()
    )
    looks = [sample for each, sample in zip(found, drawn.samples, strict=True) if each.reason in SECOND_LOOK]
    again = {place for sample in looks for place in sample.tolist()}
    people: list[int | None] = [None] * len(drawn.stratum)
    for place in chosen.tolist():
        people[place] = max(2 if place in two else 1, before.get(place, 0) + 1 if place in again else 0)
    return people
