"""What answers did, beside what a run says of their reasoning: an outcome as one more column of `Judged`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from analysis.measure.judged import UNKNOWN, Judged, Signs

MOST_VALUES = 12
"""An outcome with more values than this is a measurement and no action to condition on."""


@dataclass(frozen=True)
class Action:
    """One value of an outcome.

    Attributes:
        outcome: The outcome's name.
        value: Its value as JSON: true, "declined", 3.
        count: How often it was stored.
    """

    outcome: str
    value: str
    count: int

    @property
    def name(self) -> str:
        """What it is called: `switched`, or `choice is numpy`."""
        if self.value == "true":
            return self.outcome
        value = orjson.loads(self.value)
        return f"not {self.outcome}" if value is False else f"{self.outcome} is {value}"


def actions(db: duckdb.DuckDBPyConnection) -> list[Action]:
    """The outcomes' values to condition on, outcomes of yes and no first; of these only yes."""
    values: dict[str, dict[str, int]] = defaultdict(dict)
    for name, value, count in db.execute(
        """SELECT name, value::VARCHAR, count(*) FROM log.outcomes
           WHERE state = 'ok' AND value::VARCHAR <> 'null' GROUP BY ALL"""
    ).fetchall():
        values[name][value] = count
    found = [
        Action(name, value, count)
        for name, counts in values.items()
        if len(counts) <= MOST_VALUES
        for value, count in counts.items()
        if value != "false" or "true" not in counts
    ]
    return sorted(found, key=lambda each: (each.value not in ("true", "false"), each.outcome, each.value))


def acted(db: duckdb.DuckDBPyConnection, table: Judged, outcome: str, value: str = "true") -> Signs:
    """Whether each trajectory's outcome has the value; UNKNOWN where it has none, or none that could be read."""
    places = pa.table({"trajectory": table.trajectory, "place": np.arange(len(table), dtype=np.int32)})
    db.register("places", places)
    found = db.execute(
        """SELECT place, CASE WHEN o.state <> 'ok' OR coalesce(o.value::VARCHAR, 'null') = 'null' THEN -1
                              ELSE (o.value::VARCHAR = ?)::TINYINT END AS sign
           FROM places JOIN (SELECT *, hash(trajectory_id) AS trajectory FROM log.outcomes WHERE name = ?) o
           USING (trajectory) ORDER BY o.created_at""",
        [value, outcome],
    ).fetchnumpy()
    db.unregister("places")
    signs = np.full(len(table), UNKNOWN, np.int8)
    signs[found["place"]] = found["sign"]  # of several rows the newest is written last
    return signs
