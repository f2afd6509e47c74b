"""What a run says of single trajectories: its reasons and quotes on a pattern, and the quotes that were rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from analysis.measure.judge_attempts import ATTEMPTS

FINDING = ("quote", "start_char", "match", "stance", "role", "why")

Words = tuple[str | None, tuple[dict[str, Any], ...]]
"""Why the verdict is what it is, and the findings with the columns FINDING."""


def said_by_run(
    db: duckdb.DuckDBPyConnection, run_id: str, wanted: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Words]:
    """The run's reason and findings on each (trajectory_id, pattern)."""
    ids = list({trajectory_id for trajectory_id, _ in wanted})
    mine = f"SELECT attempt_id FROM ({ATTEMPTS}) WHERE state = 'ok' AND list_contains(?, trajectory_id)"
    bound = [run_id, run_id, run_id, ids]
    whys = db.execute(
        f"SELECT trajectory_id, pattern, why FROM log.verdicts WHERE run_id = ? AND attempt_id IN ({mine})",
        bound,
    ).fetchall()
    rows = db.execute(
        f"""SELECT trajectory_id, pattern, {", ".join(FINDING)} FROM log.findings
            WHERE run_id = ? AND attempt_id IN ({mine}) ORDER BY start_char NULLS LAST, end_char, quote""",
        bound,
    ).fetchall()
    reasons = {(trajectory_id, pattern): why for trajectory_id, pattern, why in whys}
    return {
        key: (
            reasons.get(key),
            tuple(dict(zip(FINDING, row[2:], strict=True)) for row in rows if row[:2] == key),
        )
        for key in wanted
    }


def rejected_examples(
    db: duckdb.DuckDBPyConnection, run_id: str, most: int, among: tuple[str, ...] | None = None
) -> list[dict[str, Any]]:
    """Quotes that do not stand in the text: trajectory_id, pattern, quote, why; one a trajectory, in a mixed order.

    Args:
        db: A session of the store.
        run_id: The run.
        most: How many.
        among: The trajectories that they may be of; by default any.
    """
    rows = db.execute(
        f"""SELECT trajectory_id, pattern, quote, why FROM log.findings
            WHERE run_id = $1 AND match = 'rejected' AND ($2::VARCHAR[] IS NULL OR list_contains($2, trajectory_id))
              AND attempt_id IN (SELECT attempt_id FROM ({ATTEMPTS.replace("?", "$1")}) WHERE state = 'ok')
            QUALIFY row_number() OVER (PARTITION BY trajectory_id ORDER BY pattern, quote) = 1
            ORDER BY hash(trajectory_id) LIMIT {most:d}""",
        [run_id, None if among is None else list(among)],
    ).fetchall()
    return [dict(zip(("trajectory_id", "pattern", "quote", "why"), row, strict=True)) for row in rows]


def sentences_at(db: duckdb.DuckDBPyConnection, places: Mapping[str, int]) -> dict[str, int]:
    """The number of the sentence in which a place lies.

    Args:
        db: A session of the store.
        places: For each trajectory_id an offset into its reasoning.
    """
    rows = db.execute(
        """SELECT t.trajectory_id, len(list_filter(s.end_char, lambda x: x <= p.place))
           FROM (SELECT trajectory_id, row_id FROM trajectories WHERE list_contains($1, trajectory_id)) t
           JOIN (SELECT unnest($1) AS trajectory_id, unnest($2) AS place) p USING (trajectory_id)
           JOIN log.cuts s ON s.row_id = t.row_id AND s.end_char[-1] > p.place""",
        [list(places), list(places.values())],
    ).fetchall()
    return dict(rows)
