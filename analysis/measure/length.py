"""How long the reasoning is, condition by condition."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from analysis.measure.gaming import LEVEL, select_answers
from analysis.measure.scope import Scope, checkpoint_order, sort_key


@dataclass(frozen=True)
class Length:
    """The length of the whole reasoning texts of one cell, in characters (code points).

    Attributes:
        group: checkpoint and level.
        answer: all, or only those that broke the request, or kept to it.
        n: Trajectories whose reasoning is text and whole.
        low, median, high: Quartiles; None for n = 0.
        other: Trajectories whose reasoning is cut short, a summary, encrypted, empty or not there: no length.
        synthetic: Trajectories of the cell that were simulated, or written for a sample.
    """

    group: dict[str, str | None]
    answer: str
    n: int
    low: float | None
    median: float | None
    high: float | None
    other: int
    synthetic: int

    def as_row(self) -> dict[str, Any]:
        """The cell as a flat mapping."""
        cell = asdict(self)
        return {**cell.pop("group"), **cell}


def lengths(
    db: duckdb.DuckDBPyConnection,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
) -> list[Length]:
    """How long the environment's reasoning is at each checkpoint and level, and by what the answer did.

    Args:
        db: A session of the store.
        scope: Which trajectories count.

    Returns:
        For each cell one row over all of its trajectories, one over those that broke the request and one over
        those that kept to it; checkpoints in their order.
    """
    by = ("checkpoint", LEVEL)
    select_answers(db, scope, {name: f"t.{name}" for name in ("checkpoint", "reasoning_state")})
    rows = db.execute(
        f"""WITH long AS (
                SELECT {", ".join(by)}, synthetic, CASE WHEN reasoning_state = 'text' THEN characters END AS characters,
                       unnest(CASE WHEN did THEN ['all', 'broke'] WHEN NOT did THEN ['all', 'kept']
                              ELSE ['all'] END) AS answer
                FROM answers LEFT JOIN (SELECT row_id, max(end_char[-1]) AS characters FROM log.cuts
                                        WHERE row_id IN (SELECT row_id FROM answers) GROUP BY row_id)
                USING (row_id))
            SELECT {", ".join(by)}, answer, count(characters), quantile_cont(characters, [0.25, 0.5, 0.75]),
                   count(*) - count(characters), count(synthetic)
            FROM long GROUP BY ALL"""
    ).fetchall()
    found = []
    for *row, answer, n, quartiles, other, synthetic in rows:
        low, median, high = quartiles or (None, None, None)
        group = dict(zip(by, row, strict=False))
        found.append(Length(group, answer, n, low, median, high, other, synthetic))
    key = sort_key(by, checkpoint_order(db))
    return sorted(found, key=lambda each: (key(each.group), each.answer))
