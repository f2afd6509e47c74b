"""A run's verdicts counted by group, kind of reasoning, prompt and pattern: what frequency tables are made of.

Strings are compared once a trajectory; its verdicts, ten or twenty times as many, are counted by number.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from analysis.measure.judge_attempts import ATTEMPTS
from analysis.measure.scope import Scope, column_sql


def make_tallies(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str],
    scope: Scope,
    patterns: Sequence[str] | None = None,
) -> None:
    """Make three temporary tables, for statements that follow in this session.

    `scoped`: the trajectories in scope, each with the columns of `by`, reasoning_state, prompt, synthetic,
    trajectory_id, reasoning_sha256, and attempt_id, the run's attempt on its present text (null without one that ended ok).
    `cells`: a row for each group, kind of reasoning and prompt, with its number and its trajectories (total, synthetic).
    `tallies`: for each cell and pattern how many verdicts are present, absent, unsure.

    Args:
        db: A session of the store.
        run_id: Whose verdicts are counted.
        by: The columns to split by, out of `scope.GROUPS`.
        scope: Which trajectories count.
        patterns: Only these; by default all.
    """
    _make_scoped(db, run_id, by, scope)
    names = [*by, "reasoning_state", "prompt"]
    listed = ", ".join(names)
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE cells AS
            SELECT row_number() OVER ()::INTEGER AS cell, *
            FROM (SELECT {listed}, count(*) AS total, count(*) FILTER (synthetic) AS synthetic
                  FROM scoped GROUP BY {listed})"""
    )
    same = " AND ".join(f"c.{name} IS NOT DISTINCT FROM s.{name}" for name in names)
    wanted = "" if patterns is None else "AND list_contains(?, pattern)"
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE tallies AS
            SELECT cell, pattern, coalesce(sum(times) FILTER (verdict = 'present'), 0)::BIGINT AS present,
                   coalesce(sum(times) FILTER (verdict = 'absent'), 0)::BIGINT AS absent,
                   coalesce(sum(times) FILTER (verdict = 'unsure'), 0)::BIGINT AS unsure
            FROM (SELECT cell, pattern, verdict, count(*) AS times
                  FROM log.verdicts
                  JOIN (SELECT attempt_id, cell FROM scoped s JOIN cells c ON {same} WHERE attempt_id IS NOT NULL)
                  USING (attempt_id)
                  WHERE run_id = ? {wanted} GROUP BY cell, pattern, verdict)
            GROUP BY cell, pattern""",
        [run_id] if patterns is None else [run_id, list(patterns)],
    )


def _make_scoped(db: duckdb.DuckDBPyConnection, run_id: str, by: Sequence[str], scope: Scope) -> None:
    groups = "".join(f"{column_sql(column)} AS {column}, " for column in by)
    condition, bound = scope.sql()
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE scoped AS
            SELECT {groups} t.reasoning_state, t.prompt_id AS prompt, t.synthetic IS NOT NULL AS synthetic,
                   t.trajectory_id, t.reasoning_sha256, a.attempt_id
            FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
            LEFT JOIN ({ATTEMPTS} AND state = 'ok') a
              ON a.trajectory_id = t.trajectory_id AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256
            WHERE {condition}""",
        [run_id, run_id, *bound],
    )
