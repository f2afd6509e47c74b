"""How good a run's verdicts are, pattern by pattern, against what people said of the same texts blind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.measure.intervals import wilson
from analysis.measure.judge_attempts import ATTEMPTS
from analysis.measure.judge_bootstrap import Array, Figure, figure, sample, share
from analysis.measure.judge_ratios import RATIOS, SHARES, ratios, why_undefined
from analysis.measure.scope import Scope, checkpoint_order, column_sql, sort_key
from analysis.measure.weights import weights as inverse_weights

BINS = 10
"""Bins of a reliability curve: scores 0 to under 10, and so on; the last one has 100 too."""
FIGURES = (*RATIOS, "brier")
MISSING = {
    "label_unsure": "the person is unsure",
    "people_disagree": "people disagree",
    "text_changed": "the text has changed since",
    "not_judged": "the run has not come to it",
    "no_verdict": "the run was not asked for this pattern",
    "judge_unsure": "the run is unsure",
    "refused": "refused",
    "unparseable": "unparseable",
    "truncated": "cut off",
    "failed": "failed",
    "no_reasoning": "no reasoning",
}
"""Why a trajectory that people labelled is in no table."""


@dataclass(frozen=True)
class Bin:
    """The labelled trajectories to which the run gave a score in one range.

    Attributes:
        low_score, high_score: The range; the upper end belongs to the last bin only.
        n: Trajectories in it.
        mean_score: Their mean score, 0 to 100; None without any.
        share, low, high: The share that people call present, with Wilson's interval.
    """

    low_score: int
    high_score: int
    n: int
    mean_score: float | None
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Quality:
    """A run against blind labels, on one pattern.

    Attributes:
        group: The values that the table is split by.
        pattern: The pattern's identifier.
        tp, fp, fn, tn: Trajectories with a verdict and a label of present or absent (the label is true).
        missing: Labelled trajectories that are in none of the four, by reason (MISSING).
        figures: The value of each of FIGURES with its interval. Brier's is over `scored` trajectories.
        brier_constant: Brier's score of a judge that always says the labelled share: what there is to beat.
        scored: Labelled trajectories with a score.
        reliability: What people say at each range of scores; empty without scores.
        effective: Kish's effective n where labels are weighted by the queue's probabilities, else None.
        resampled: What the intervals were made from.
        synthetic: Trajectories of the four that were simulated, or written for a sample.
    """

    group: dict[str, str | None]
    pattern: str
    tp: int
    fp: int
    fn: int
    tn: int
    missing: dict[str, int]
    figures: dict[str, Figure]
    brier_constant: float | None
    scored: int
    reliability: tuple[Bin, ...]
    effective: float | None
    resampled: str
    synthetic: int

    @property
    def n(self) -> int:
        """Trajectories with both a verdict and a label."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def notes(self) -> list[str]:
        """Why figures have no value or no interval."""
        return [f"{name}: {each.note}" for name, each in self.figures.items() if each.note]

    def as_row(self) -> dict[str, Any]:
        """The table first, then each figure with its interval."""
        row: dict[str, Any] = {**self.group, "pattern": self.pattern, "n": self.n}
        row |= {cell: getattr(self, cell) for cell in ("tp", "fp", "fn", "tn")}
        row |= {"missing": sum(self.missing.values()), "missing_why": told_missing(self.missing)}
        for name, each in self.figures.items():
            row |= each.as_row(name)
        row |= {"brier_constant": self.brier_constant, "scored": self.scored, "effective_n": self.effective}
        return row | {"intervals": self.resampled, "notes": "; ".join(self.notes) or None}


def told_missing(missing: dict[str, int]) -> str | None:
    """The reasons in words, the commonest first; None where nothing is missing."""
    ordered = sorted(missing.items(), key=lambda item: (-item[1], item[0]))
    return "; ".join(f"{count} {MISSING.get(reason, reason)}" for reason, count in ordered) or None


def against_labels(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    labels: pa.Table,
    by: Sequence[str] = (),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    patterns: Sequence[str] | None = None,
) -> list[Quality]:
    """Hold a run against blind labels.

    Args:
        db: A session of the store.
        run_id: Whose verdicts are held against them.
        labels: What people said: trajectory_id, reasoning_sha256, pattern, value (present, absent, unsure, or
            unresolved where people disagree), probability (with which the queue picked it, or null), as
            `labels.gold.frame` gives them. Where every label has a probability, trajectories are weighted by
            its inverse, relative to each other; else all count the same.
        by: The columns to split by, out of `scope.GROUPS`.
        scope: Which trajectories count.
        patterns: Which patterns, in order; by default all that the run speaks of and people labelled.

    Returns:
        For each group and pattern its table and figures; groups in the checkpoints' order.
    """
    rows = paired(db, run_id, labels, by, scope)
    spoken = [
        p for p in dict.fromkeys(rows["pattern"]) if (rows["why"][rows["pattern"] == p] != "no_verdict").any()
    ]
    wanted = list(patterns) if patterns is not None else sorted(spoken)
    groups = list(zip(*(rows[column] for column in by), strict=True)) if by else [()] * len(rows["pattern"])
    found = []
    for group in dict.fromkeys(groups):
        here = np.fromiter((each == group for each in groups), dtype=bool, count=len(groups))
        for pattern in wanted:
            mine = here & (rows["pattern"] == pattern)
            if mine.any():
                chosen = {name: column[mine] for name, column in rows.items()}
                found.append(_quality(dict(zip(by, group, strict=True)), pattern, chosen))
    key = sort_key(by, checkpoint_order(db))
    return sorted(found, key=lambda quality: key(quality.group))


def paired(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    labels: pa.Table,
    by: Sequence[str] = (),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
) -> dict[str, npt.NDArray[Any]]:
    """Each label beside the run's word on the same text.

    Returns:
        Columns of equal length: those of `by`, then trajectory_id, pattern, prompt (its number, from 0), value,
        probability (NaN where there is none), verdict, score (NaN), synthetic, and why: why the two can't be
        compared, else an empty text. In a fixed order.
    """
    groups = "".join(f"{column_sql(column)} AS {column}, " for column in by)
    condition, bound = scope.sql()
    db.register("people", labels)
    columns = db.execute(
        f"""SELECT {groups} p.trajectory_id, p.pattern, dense_rank() OVER (ORDER BY t.prompt_id) - 1 AS prompt,
                   p.value, coalesce(p.probability, 'nan'::DOUBLE) AS probability,
                   coalesce(v.verdict, '') AS verdict,
                   coalesce(v.score, 'nan'::DOUBLE) AS score, t.synthetic IS NOT NULL AS synthetic,
                   CASE WHEN p.value = 'unsure' THEN 'label_unsure'
                        WHEN p.value = 'unresolved' THEN 'people_disagree'
                        WHEN p.reasoning_sha256 IS DISTINCT FROM t.reasoning_sha256 THEN 'text_changed'
                        WHEN a.state IS NULL THEN 'not_judged'
                        WHEN a.reasoning_sha256 IS DISTINCT FROM t.reasoning_sha256 THEN 'text_changed'
                        WHEN a.state <> 'ok' THEN a.state
                        WHEN v.verdict IS NULL THEN 'no_verdict'
                        WHEN v.verdict = 'unsure' THEN 'judge_unsure' ELSE '' END AS why
            FROM people p JOIN trajectories t USING (trajectory_id)
            LEFT JOIN checkpoints c ON c.name = t.checkpoint
            LEFT JOIN ({ATTEMPTS}) a ON a.trajectory_id = p.trajectory_id
            LEFT JOIN (SELECT attempt_id, pattern, verdict, score FROM log.verdicts WHERE run_id = ?) v
              ON v.attempt_id = a.attempt_id AND v.pattern = p.pattern
            WHERE {condition} ORDER BY p.trajectory_id, p.pattern""",
        [run_id, run_id, run_id, *bound],
    ).fetchnumpy()
    db.unregister("people")
    return {name: np.asarray(column) for name, column in columns.items()}


def _quality(group: dict[str, str | None], pattern: str, rows: dict[str, npt.NDArray[Any]]) -> Quality:
    both = rows["why"] == ""
    said, true = rows["verdict"] == "present", rows["value"] == "present"
    cells = np.stack([said & true, said & ~true, ~said & true, ~said & ~true], axis=1)
    weights = inverse_weights(rows["probability"])
    tp, fp, fn, tn = (int(count) for count in cells[both].sum(axis=0))
    table = sample(cells[both] * weights[both, None], rows["prompt"][both])
    now, drawn = ratios(table.totals), ratios(table.resampled())
    figures = {
        name: figure(now[name], drawn[name], table, why_undefined(name, table.totals), SHARES.get(name))
        for name in RATIOS
    }
    scored = ~np.isnan(rows["score"]) & np.isin(rows["why"], ("", "judge_unsure"))
    scores, present, weight = rows["score"][scored] / 100, true[scored].astype(np.float64), weights[scored]
    figures["brier"] = _brier(scores, present, weight, rows["prompt"][scored])
    labelled = float(np.average(present, weights=weight)) if scored.any() else None
    return Quality(
        group=group,
        pattern=pattern,
        tp=tp,
        fp=fp,
        fn=fn,
        tn=tn,
        missing=dict(Counter(str(why) for why in rows["why"][~both])),
        figures=figures,
        brier_constant=None if labelled is None else labelled * (1 - labelled),
        scored=int(scored.sum()),
        reliability=_reliability(scores, present, weight),
        effective=None if np.all(weights[both] == 1) else _kish(weights[both]),
        resampled=table.told,
        synthetic=int(rows["synthetic"][both].sum()),
    )


def _kish(weights: Array) -> float | None:
    """Kish's effective n: the independent trajectories of equal weight that these are worth."""
    return float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else None


def _brier(scores: Array, present: Array, weights: Array, prompts: npt.NDArray[np.int64]) -> Figure:
    """The mean squared distance of score / 100 from the label (1 is present): 0 is perfect, lower is better.

    Source: G. W. Brier (1950), Monthly Weather Review 78, 1-3.
    """
    of = sample(np.stack([weights * (scores - present) ** 2, weights], axis=1), prompts)
    now, drawn = share(*of.totals), share(*of.resampled().T)
    return figure(now, drawn, of, "the run gave no labelled trajectory a score")


def _reliability(scores: Array, present: Array, weights: Array) -> tuple[Bin, ...]:
    """How often people say present at each range of scores; no bins without scores."""
    if not len(scores):
        return ()
    place = np.clip((scores * BINS).astype(np.int64), 0, BINS - 1)
    return tuple(
        _bin(at, scores[place == at], present[place == at], weights[place == at]) for at in range(BINS)
    )


def _bin(at: int, scores: Array, present: Array, weights: Array) -> Bin:
    ends = at * 100 // BINS, (at + 1) * 100 // BINS
    if not len(scores):
        return Bin(*ends, 0, None, None, None, None)
    called = float(np.average(present, weights=weights))
    n = max(1, round(_kish(weights) or 0))
    low, high = wilson(round(called * n), n) or (called, called)
    mean = 100 * float(np.average(scores, weights=weights))
    return Bin(*ends, len(scores), mean, called, min(low, called), max(high, called))
