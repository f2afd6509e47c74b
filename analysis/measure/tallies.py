"""A run's verdicts counted by group, kind of reasoning, prompt and pattern: what frequency tables are made of.

A million trajectories have ten million verdicts and more, so strings are compared once a trajectory and verdicts are
counted by number; and what was never superseded is read straight from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from analysis.measure.judge_attempts import ATTEMPTS
from analysis.measure.scope import Scope, column_sql


def make_tallies(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str],
    scope: Scope,
    patterns: Sequence[str] | None = None,
) -> list[str]:
    """Make three temporary tables, for statements that follow in this session.

    `cells`: a row for each group (the columns of `by`), reasoning_state and prompt, with its number (cell) and its
    trajectories (total, synthetic). `scoped`: the trajectories in scope, each with row_id, cell, and attempt_id, the
    run's attempt on its present text (null without one that ended ok). `tallies`: for each cell and pattern how many
    verdicts are present, absent, unsure.

    Args:
        db: A session of the store.
        run_id: Whose verdicts are counted.
        by: The columns to split by, out of `scope.GROUPS`.
        scope: Which trajectories count.
        patterns: Only these; by default all.

    Returns:
        The patterns that the run has verdicts on, in order.
    """
    trajectories = f"{current_trajectories(db)} t LEFT JOIN checkpoints c ON c.name = t.checkpoint"
    cell = _make_cells(db, trajectories, by, scope)
    _make_scoped(db, trajectories, run_id, cell, scope)
    times, judged = verdicts_stored(db, run_id)
    complete = all(count == judged for count in times.values())
    chosen = [pattern for pattern in sorted(times) if patterns is None or pattern in patterns]
    _make_tallies(
        db, run_id, complete, chosen, "" if len(chosen) == len(times) else "AND list_contains(?, pattern)"
    )
    return sorted(times)


def current_trajectories(db: duckdb.DuckDBPyConnection) -> str:
    """What to read trajectories from: the log itself where it has each once and nothing is retracted, else the view."""
    ((once,),) = db.execute(
        """SELECT count(*) = count(DISTINCT hash(trajectory_id)) AND NOT EXISTS (FROM log.retractions)
           FROM log.trajectories"""
    ).fetchall()
    return "log.trajectories" if once else "trajectories"


def _make_cells(db: duckdb.DuckDBPyConnection, trajectories: str, by: Sequence[str], scope: Scope) -> str:
    """Make the table `cells`; the SQL of a trajectory's cell, a hash that no two of them share."""
    condition, bound = scope.sql()
    names = [*(column_sql(column) for column in by), "t.reasoning_state", "t.prompt_id"]
    groups = "".join(f"{column_sql(column)} AS {column}, " for column in by)
    salt = 0
    while True:
        cell = f"hash({', '.join(names)}, {salt})"
        db.execute(
            f"""CREATE OR REPLACE TEMP TABLE cells AS
                SELECT {groups} t.reasoning_state, t.prompt_id AS prompt, {cell} AS cell, count(*) AS total,
                       count(t.synthetic) AS synthetic
                FROM {trajectories} WHERE {condition} GROUP BY {", ".join(names)}""",
            bound,
        )
        ((distinct,),) = db.execute("SELECT count(*) = count(DISTINCT cell) FROM cells").fetchall()
        if distinct:
            return cell
        salt += 1


def _make_scoped(
    db: duckdb.DuckDBPyConnection, trajectories: str, run_id: str, cell: str, scope: Scope
) -> None:
    condition, bound = scope.sql()
    attempts, runs = current_attempts(db, run_id)
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE scoped AS
            SELECT t.row_id, {cell} AS cell, a.attempt_id FROM {trajectories}
            LEFT JOIN ({attempts} AND state = 'ok') a
              ON a.trajectory_id = t.trajectory_id AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256
            WHERE {condition}""",
        [*runs, *bound],
    )


def current_attempts(db: duckdb.DuckDBPyConnection, run_id: str) -> tuple[str, list[Any]]:
    """The newest attempt of the run on each trajectory, as SQL with its parameters."""
    ((once,),) = db.execute(
        "SELECT count(*) = count(DISTINCT hash(trajectory_id)) FROM log.attempts WHERE run_id = ?", [run_id]
    ).fetchall()
    return ("FROM log.attempts WHERE run_id = ?", [run_id]) if once else (ATTEMPTS, [run_id, run_id])


def verdicts_stored(db: duckdb.DuckDBPyConnection, run_id: str) -> tuple[dict[str, int], int]:
    """How many verdicts the run has on each pattern, and how many of its attempts ended ok; in all it ever stored."""
    rows = db.execute(
        """SELECT pattern, count(*) FILTER (verdict IN ('present', 'absent', 'unsure'))
           FROM log.verdicts WHERE run_id = ? GROUP BY pattern""",
        [run_id],
    ).fetchall()
    ((judged,),) = db.execute(
        "SELECT count(*) FROM log.attempts WHERE run_id = ? AND state = 'ok'", [run_id]
    ).fetchall()
    return dict(rows), judged


def _make_tallies(
    db: duckdb.DuckDBPyConnection, run_id: str, complete: bool, patterns: Sequence[str], wanted: str
) -> None:
    """Make the table `tallies`.

    Where every attempt has a verdict on every pattern, as a judge's have, those that are absent need not be read: they
    are what is left.
    """
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE found AS
            SELECT cell, pattern, verdict, count(*) AS times
            FROM log.verdicts JOIN (SELECT attempt_id, cell FROM scoped WHERE attempt_id IS NOT NULL) USING (attempt_id)
            WHERE run_id = ? {"AND verdict <> 'absent'" if complete else ""} {wanted}
            GROUP BY cell, pattern, verdict""",
        [run_id, *([list(patterns)] if wanted else [])],
    )
    db.execute(
        """CREATE OR REPLACE TEMP TABLE tallies AS
           SELECT cell, pattern, coalesce(sum(times) FILTER (verdict = 'present'), 0)::BIGINT AS present,
                  coalesce(sum(times) FILTER (verdict = 'absent'), 0)::BIGINT AS absent,
                  coalesce(sum(times) FILTER (verdict = 'unsure'), 0)::BIGINT AS unsure
           FROM found GROUP BY cell, pattern"""
    )
    if complete:
        db.execute(
            """CREATE OR REPLACE TEMP TABLE tallies AS
               SELECT cell, pattern, coalesce(present, 0) AS present, coalesce(unsure, 0) AS unsure,
                      judged - coalesce(present, 0) - coalesce(unsure, 0) AS absent
               FROM (SELECT cell, count(*) AS judged FROM scoped WHERE attempt_id IS NOT NULL GROUP BY cell)
               CROSS JOIN (SELECT unnest(?::VARCHAR[]) AS pattern) LEFT JOIN tallies USING (cell, pattern)""",
            [list(patterns)],
        )
