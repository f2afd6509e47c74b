"""A run's verdicts against the known truth of simulated trajectories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import duckdb

from analysis.errors import UserError
from analysis.measure.intervals import wilson
from analysis.measure.judge import Confusion
from analysis.measure.scope import checkpoint_order, column_sql, sort_key

MEAN = "mean"
"""What stands for the pattern in the row of a bank's means."""
RATIOS = ("sensitivity", "specificity", "ppv", "f1")
WITH_INTERVAL = ("sensitivity", "specificity", "ppv")
COLUMNS = (
    "n", "tp", "fp", "fn", "tn", "missing",
    *(f"{ratio}{end}" for ratio in WITH_INTERVAL for end in ("", "_low", "_high")), "f1",
)  # fmt: skip
"""The columns of a table after the bank, those that it is split by, and the pattern."""


@dataclass(frozen=True)
class Score(Confusion):
    """A confusion matrix of a run (present is positive) against the truth, for one bank and pattern."""

    @property
    def f1(self) -> float | None:
        """2 tp / (2 tp + fp + fn); None where the pattern neither is there nor was said to be."""
        positive = 2 * self.tp + self.fp + self.fn
        return 2 * self.tp / positive if positive else None

    def interval(self, ratio: str) -> tuple[float, float] | None:
        """Wilson's 95 % interval of a ratio: simulated trajectories are independent of each other.

        Args:
            ratio: sensitivity, specificity or ppv.

        Returns:
            (low, high), or None where the ratio is undefined.
        """
        right, others = {
            "sensitivity": (self.tp, self.fn), "specificity": (self.tn, self.fp), "ppv": (self.tp, self.fp),
        }[ratio]  # fmt: skip
        return wilson(right, right + others)

    def as_row(self) -> dict[str, Any]:
        """The matrix as a flat mapping: bank, what it is split by, pattern, COLUMNS."""
        row = {**super().as_row(), "f1": self.f1}
        for ratio in WITH_INTERVAL:
            row[f"{ratio}_low"], row[f"{ratio}_high"] = self.interval(ratio) or (None, None)
        return {name: row[name] for name in (*self.group, "pattern", *COLUMNS)}


def against_truth(db: duckdb.DuckDBPyConnection, run_id: str, by: Sequence[str] = ()) -> list[Score]:
    """Hold a run against what is true of the same trajectories.

    Args:
        db: A session of the store.
        run_id: Whose verdicts are scored.
        by: Columns to split by beside the bank, such as variant.

    Returns:
        A matrix for each bank, group and pattern that the run speaks of, over the trajectories that have a truth for
        their present text. Those on which the run has no verdict of present or absent are missing.

    Raises:
        UserError: No trajectory has a truth, or the run speaks of none of its patterns.
    """
    groups = "".join(f"{column_sql(column)} AS {column}, " for column in by)
    names = ", ".join(("bank", *by))
    rows = db.execute(
        f"""WITH truth AS (
               SELECT a.trajectory_id, r.model AS bank, {groups} arg_max(a.attempt_id, r.created_at) AS attempt_id
               FROM runs r JOIN attempts a USING (run_id) JOIN trajectories t USING (trajectory_id)
               LEFT JOIN checkpoints c ON c.name = t.checkpoint
               WHERE r.tagger = 'truth' AND a.state = 'ok' AND a.reasoning_sha256 = t.reasoning_sha256
               GROUP BY ALL),
           said AS (
               SELECT a.trajectory_id, pattern, verdict = 'present' AS present
               FROM log.verdicts v JOIN attempts a USING (attempt_id) JOIN trajectories t
                 ON t.trajectory_id = v.trajectory_id
               WHERE a.run_id = ? AND a.state = 'ok' AND verdict IN ('present', 'absent')
                 AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256)
           SELECT {names}, w.pattern,
                  count(*) FILTER (s.present AND w.verdict = 'present'),
                  count(*) FILTER (s.present AND w.verdict = 'absent'),
                  count(*) FILTER (NOT s.present AND w.verdict = 'present'),
                  count(*) FILTER (NOT s.present AND w.verdict = 'absent'),
                  count(*) FILTER (s.present IS NULL)
           FROM truth JOIN log.verdicts w USING (attempt_id)
           LEFT JOIN said s ON s.trajectory_id = truth.trajectory_id AND s.pattern = w.pattern
           GROUP BY {names}, w.pattern""",
        [run_id],
    ).fetchall()
    if not rows:
        raise UserError("no trajectory has a known truth; `telltale simulate` makes some")
    width = 1 + len(by)
    key = sort_key(["bank", *by], checkpoint_order(db))
    scores = [Score(dict(zip(("bank", *by), row, strict=False)), *row[width:]) for row in rows]
    scores.sort(key=lambda score: (key(score.group), score.pattern))
    spoken = {score.pattern for score in scores if score.n}
    if not spoken:
        raise UserError(
            f"the run {run_id} has no verdict on a simulated trajectory; `telltale tag` makes some"
        )
    return [score for score in scores if score.pattern in spoken]


def with_means(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The scores as rows, and after each group's a row of means over the patterns for which a ratio is defined."""
    rows: list[dict[str, Any]] = []
    for _, group in groupby(scores, key=lambda score: score.group):
        mine = [score.as_row() for score in group]
        means = {ratio: _mean(row[ratio] for row in mine) for ratio in RATIOS}
        rows += [*mine, {**mine[0], **dict.fromkeys(COLUMNS), "pattern": MEAN, **means}]
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
