"""The verdicts of several runs as one array, on the texts that the store has now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

NONE, ABSENT, PRESENT, UNSURE = range(4)
"""What stands in the array; NONE where a run has no verdict."""


@dataclass(frozen=True)
class Verdicts:
    """What runs say.

    Attributes:
        patterns: The patterns that any of them speaks of, by name.
        prompts: (trajectories,) the number of each one's prompt.
        said: (runs, trajectories, patterns) NONE, ABSENT, PRESENT or UNSURE.
    """

    patterns: list[str]
    prompts: npt.NDArray[np.int64]
    said: npt.NDArray[np.int8]


def verdicts_of(db: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> Verdicts:
    """Read the verdicts of runs, of their newest attempts that ended ok on a text that the store has now.

    Args:
        db: A session of the store.
        run_ids: The runs; the array has them in this order.
    """
    ids = list(run_ids)
    names = db.execute(
        "SELECT DISTINCT pattern FROM log.verdicts WHERE list_contains(?, run_id) ORDER BY 1", [ids]
    ).fetchall()
    patterns = [pattern for (pattern,) in names]
    db.execute(
        """CREATE OR REPLACE TEMP TABLE texts AS
           SELECT trajectory_id, reasoning_sha256, hash(prompt_id) AS prompt, row_number() OVER () - 1 AS place
           FROM trajectories"""
    )
    prompts = db.execute("SELECT prompt FROM texts ORDER BY place").fetchnumpy()["prompt"]
    said = np.full(len(ids) * len(prompts) * len(patterns), NONE, dtype=np.int8)
    rows = db.execute(
        """WITH judged AS (
               SELECT attempt_id, (list_position($1, run_id) - 1) * $2 + place AS text
               FROM log.attempts a JOIN texts t USING (trajectory_id)
               WHERE list_contains($1, run_id) AND state = 'ok'
                 AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256 AND attempt_id IN
                     (SELECT arg_max(attempt_id, created_at) FROM log.attempts WHERE list_contains($1, run_id)
                      GROUP BY run_id, trajectory_id))
           SELECT text * len($3) + list_position($3, pattern) - 1 AS cell,
                  (CASE verdict WHEN 'absent' THEN 1 WHEN 'present' THEN 2 WHEN 'unsure' THEN 3 ELSE 0 END)::TINYINT AS word
           FROM log.verdicts JOIN judged USING (attempt_id) WHERE list_contains($1, run_id)""",
        [ids, len(prompts), patterns],
    ).fetchnumpy()
    said[rows["cell"]] = rows["word"]
    numbered = np.unique(prompts, return_inverse=True)[1]
    return Verdicts(patterns, numbered, said.reshape(len(ids), len(prompts), len(patterns)))
