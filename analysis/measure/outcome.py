"""What answers did, beside what a run says of their reasoning: an outcome as one more column of `Judged`."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Judged, Signs

MOST_VALUES = 12
"""An outcome with more values than this is a measurement and no action to condition on."""


@dataclass(frozen=True)
class Action:
    """One value of an outcome.

    Attributes:
        outcome: The outcome's name.
        value: Its value as JSON: true, "declined", 3.
        count: Trajectories that have it.
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
    rows = db.execute(
        """SELECT name, value::VARCHAR, count(DISTINCT trajectory_id) FROM log.outcomes
           WHERE state = 'ok' AND value IS NOT NULL AND value::VARCHAR <> 'null' AND name IN
               (SELECT name FROM log.outcomes WHERE state = 'ok' GROUP BY name HAVING count(DISTINCT value) <= ?)
           GROUP BY name, value""",
        [MOST_VALUES],
    ).fetchall()
    yes = {name for name, value, _ in rows if value in ("true", "false")}
    found = [
        Action(*row)
        for row in rows
        if row[1] != "false" or not any(r[0] == row[0] and r[1] == "true" for r in rows)
    ]
    return sorted(found, key=lambda each: (each.outcome not in yes, each.outcome, each.value))


def acted(db: duckdb.DuckDBPyConnection, table: Judged, outcome: str, value: str = "true") -> Signs:
    """Whether each trajectory's outcome has the value; UNKNOWN where it has none, or none that could be read."""
    places = pa.table({"row_id": table.row_id, "place": np.arange(len(table), dtype=np.int32)})
    db.register("places", places)
    found = db.execute(
        """SELECT place, o.value::VARCHAR = ? AS did
           FROM places JOIN log.trajectories USING (row_id) JOIN outcomes o USING (trajectory_id)
           WHERE o.name = ? AND o.state = 'ok' AND o.value IS NOT NULL AND o.value::VARCHAR <> 'null'""",
        [value, outcome],
    ).fetchnumpy()
    db.unregister("places")
    signs = np.full(len(table), UNKNOWN, np.int8)
    signs[found["place"]] = np.where(np.ma.filled(found["did"], False), PRESENT, ABSENT)
    return signs
