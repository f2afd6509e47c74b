"""A run's verdicts counted by group, kind of reasoning, prompt and pattern: what frequency tables are made of.

A million trajectories have ten million verdicts and more, so strings are compared once a trajectory and verdicts are
counted by number; and what was never superseded is read straight from the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from analysis.measure.judge_attempts import ATTEMPTS
from analysis.measure.scope import Scope, column_sql, current_trajectories

HASHES = "hash(trajectory_id) AS trajectory, hash(reasoning_sha256) AS text"
"""What trajectories and attempts are joined by: 128 bits in place of two strings."""


def make_tallies(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str],
    scope: Scope,
    patterns: Sequence[str] | None = None,
) -> list[str]:
    """Make three temporary tables, for statements that follow in this session.

    `cells`: as `make_cells` has it. `scoped`: the trajectories in scope, each with row_id, cell, `trajectory` and
    `text` (hashes of its id and of its text's hash), and attempt_id, the run's attempt on its present text (null
    without one that ended ok). `tallies`: for each cell and pattern how many verdicts are present, absent, unsure.

    Args:
        db: A session of the store.
        run_id: Whose verdicts are counted.
        by: The columns to split by, out of `scope.GROUPS`.
        scope: Which trajectories count.
        patterns: Only these; by default all.

    Returns:
        The patterns that the run has verdicts on, in order.
    """
    trajectories, cell = make_cells(db, by, scope)
    if not _make_scoped(db, trajectories, "FROM log.attempts WHERE run_id = ?", [run_id], cell, scope):
        _make_scoped(db, trajectories, ATTEMPTS, [run_id, run_id], cell, scope)
    known, complete = patterns_stored(db, run_id)
    chosen = [pattern for pattern in known if patterns is None or pattern in patterns]
    _make_tallies(db, complete, chosen, "" if len(chosen) == len(known) else "AND list_contains(?, pattern)")
    return known


def make_cells(db: duckdb.DuckDBPyConnection, by: Sequence[str], scope: Scope) -> tuple[str, str]:
    """Make the table `cells`: a row for each group (the columns of `by`), reasoning_state and prompt, with its number
    (cell) and its trajectories (total, synthetics).

    Returns:
        What to read trajectories from, and the SQL of a trajectory's cell: a hash that no two of them share.
    """  # noqa: D205
    trajectories = f"{current_trajectories(db)} t LEFT JOIN checkpoints c ON c.name = t.checkpoint"
    condition, bound = scope.sql()
    names = [*(column_sql(column) for column in by), "t.reasoning_state", "t.prompt_id"]
    groups = "".join(f"{column_sql(column)} AS {column}, " for column in by)
    salt = 0
    while True:
        cell = f"hash({', '.join(names)}, {salt})"
        db.execute(
            f"""CREATE OR REPLACE TEMP TABLE cells AS
                SELECT {groups} t.reasoning_state, t.prompt_id AS prompt, {cell} AS cell, count(*) AS total,
                       count(t.synthetic) AS synthetics
                FROM {trajectories} WHERE {condition} GROUP BY {", ".join(names)}""",
            bound,
        )
        ((distinct,),) = db.execute("SELECT count(*) = count(DISTINCT cell) FROM cells").fetchall()
        if distinct:
            return trajectories, cell
        salt += 1


def _make_scoped(
    db: duckdb.DuckDBPyConnection, trajectories: str, attempts: str, of: list[Any], cell: str, scope: Scope
) -> bool:
    """Make the table `scoped`; whether each trajectory has one attempt of these at the most, so that it is right."""
    condition, bound = scope.sql()
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE scoped AS
            SELECT row_id, cell, t.trajectory, t.text,
                   CASE WHEN a.state = 'ok' AND a.text = t.text THEN attempt_id END AS attempt_id
            FROM (SELECT row_id, {cell} AS cell, {HASHES} FROM {trajectories} WHERE {condition}) t
            LEFT JOIN (SELECT attempt_id, state, {HASHES} {attempts}) a USING (trajectory)""",
        [*bound, *of],
    )
    ((once,),) = db.execute(
        "SELECT (SELECT count(*) FROM scoped) = (SELECT coalesce(sum(total), 0) FROM cells)"
    ).fetchall()
    return bool(once)


def patterns_stored(db: duckdb.DuckDBPyConnection, run_id: str) -> tuple[list[str], bool]:
    """The patterns that the run has verdicts on, and whether each attempt of it that ended ok has one on every one."""
    rows = db.execute(
        "SELECT pattern, count(*) FROM log.verdicts WHERE run_id = ? GROUP BY pattern ORDER BY pattern",
        [run_id],
    ).fetchall()
    ((judged,),) = db.execute(
        "SELECT count(*) FROM log.attempts WHERE run_id = ? AND state = 'ok'", [run_id]
    ).fetchall()
    return [pattern for pattern, _ in rows], all(count == judged for _, count in rows)


def _make_tallies(
    db: duckdb.DuckDBPyConnection, complete: bool, patterns: Sequence[str], wanted: str
) -> None:
    """Make the table `tallies`.

    Where every attempt has a verdict on every pattern, as a judge's have, those that are absent need not be read: they
    are what is left.
    """
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE found AS
            SELECT cell, pattern, verdict, count(*) AS times
            FROM log.verdicts JOIN (SELECT attempt_id, cell FROM scoped WHERE attempt_id IS NOT NULL) USING (attempt_id)
            WHERE {"verdict IS DISTINCT FROM 'absent'" if complete else "true"} {wanted}
            GROUP BY cell, pattern, verdict""",
        [list(patterns)] if wanted else [],
    )
    db.execute(
        """CREATE OR REPLACE TEMP TABLE tallies AS
           SELECT cell, pattern, coalesce(sum(times) FILTER (verdict = 'present'), 0)::BIGINT AS present,
                  coalesce(sum(times) FILTER (verdict = 'absent'), 0)::BIGINT AS absent,
                  coalesce(sum(times) FILTER (verdict = 'unsure'), 0)::BIGINT AS unsure, sum(times)::BIGINT AS times
           FROM found GROUP BY cell, pattern"""
    )
    if complete:
        db.execute(
            """CREATE OR REPLACE TEMP TABLE tallies AS
               SELECT cell, pattern, coalesce(present, 0) AS present, coalesce(unsure, 0) AS unsure,
                      judged - coalesce(times, 0) AS absent
               FROM (SELECT cell, count(*) AS judged FROM scoped WHERE attempt_id IS NOT NULL GROUP BY cell)
               CROSS JOIN (SELECT unnest(?::VARCHAR[]) AS pattern) LEFT JOIN tallies USING (cell, pattern)""",
            [list(patterns)],
        )
