"""Which trajectories a clustering has read: the denominator of its shares, and what an assignment speaks of."""

from __future__ import annotations

from typing import Any

import duckdb

from analysis.cluster.clusterings import settings_of
from analysis.cluster.texts import FINDINGS
from analysis.errors import UserError
from analysis.trajectories import READABLE


def make_read(db: duckdb.DuckDBPyConnection, clustering: dict[str, Any]) -> None:
    """Make the temporary table `read`: row_id, trajectory_id, reasoning_sha256, was_read.

    It has the trajectories that the clustering was asked about and that have not changed since. Those were read whose
    reasoning is readable; for clusters of findings, those that the run has a readable reply on.

    Args:
        db: A session of the store.
        clustering: As `clusterings.find` gives it.

    Raises:
        UserError: The clustering's condition does not fit the store any more.
    """
    settings = settings_of(clustering)
    was_read, bound = f"t.reasoning_state IN {READABLE}", list[Any]()
    if settings.unit == FINDINGS:
        was_read = """EXISTS (FROM log.attempts a WHERE a.run_id = ? AND a.trajectory_id = t.trajectory_id
            AND a.state = 'ok' AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256 AND a.created_at <= ?)"""
        bound = [settings.run_id, clustering["created_at"]]
    try:
        db.execute(
            f"""CREATE OR REPLACE TEMP TABLE read AS
                SELECT t.row_id, t.trajectory_id, t.reasoning_sha256, {was_read} AS was_read
                FROM (SELECT * FROM (SELECT * FROM trajectories) WHERE {settings.where or "true"}) t
                WHERE t.stored_at <= ?""",
            [*bound, clustering["created_at"]],
        )
    except (duckdb.ProgrammingError, duckdb.DataError) as error:
        raise UserError(f"the clustering's condition fits no more: {str(error).splitlines()[0]}") from None
