"""How good the learned tagger is on traces that it did not learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.learned.crossfit import Learnt
from analysis.learned.examples import PRESENT, UNKNOWN, Examples, Ints, Mask
from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.measure.intervals import wilson
from analysis.measure.judge_bootstrap import SEED, Figure, figure, sample
from analysis.measure.judge_ratios import SHARES, ratios, why_undefined
from analysis.measure.weights import weights

DRAWS = 1_000
FEW_PROMPTS = "too few prompts show the pattern: none can be held out"
RATIOS = ("sensitivity", "specificity")
FIGURES = (*RATIOS, "auc")

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """What is known of one pattern.

    Attributes:
        present, absent: Labelled traces that were learned from.
        n: Traces that the figures rest on: handed out by the queue, and held out once.
        missing: Traces that the queue handed out and no model could be held out for.
        synthetic: Traces of the n that were simulated, or written for a sample.
        figures: Each of FIGURES. Sensitivity's n is tp + fn, specificity's tn + fp; AUC is of the scores of all n.
        intervals: What the intervals were made from.
    """

    pattern: str
    present: int
    absent: int
    n: int
    tp: int
    fp: int
    fn: int
    tn: int
    missing: int
    synthetic: int
    figures: Mapping[str, Figure]
    intervals: str

    def as_row(self) -> dict[str, Any]:
        """The counts, then each figure with its interval."""
        row = {name: value for name, value in self.__dict__.items() if name not in ("figures", "intervals")}
        for name, each in self.figures.items():
            row |= each.as_row(name)
        notes = [f"{name}: {each.note}" for name, each in self.figures.items() if each.note]
        return {**row, "intervals": self.intervals, "notes": "; ".join(notes) or None}


def quality(examples: Examples, learnt: Learnt) -> list[Quality]:
    """The figures of each pattern, from what is said of traces that were held out."""
    said, scores = held_out(learnt)
    drawn = np.array([each.drawn for each in examples.traces])
    return [
        _quality(
            examples, at, pattern, said[:, at], scores[:, at], drawn & (examples.values[:, at] != UNKNOWN)
        )
        for at, pattern in enumerate(examples.patterns)
    ]


def held_out(learnt: Learnt) -> tuple[Array, Array]:
    """(traces, patterns) 1 for present and 0 for absent, and the scores from 0 to 100; NaN where there was no model."""
    said, scores = np.full(learnt.odds.shape, np.nan), np.full(learnt.odds.shape, np.nan)
    for fold, rule in enumerate(learnt.held_out):
        mine = learnt.folds == fold
        odds = learnt.odds[mine]
        known = ~np.isnan(odds) & ~np.isnan(rule.thresholds)
        said[mine] = np.where(known, odds >= rule.thresholds, np.nan)
        scores[mine] = np.where(known, rule.scores(odds), np.nan)
    return said, scores


def _quality(
    examples: Examples, at: int, pattern: str, said: Array, scores: Array, labelled: Mask
) -> Quality:
    known = labelled & ~np.isnan(said)
    yes, true = said[known] == 1, examples.values[known, at] == PRESENT
    cells = np.stack([yes & true, yes & ~true, ~yes & true, ~yes & ~true], axis=1)
    traces = [each for each, used in zip(examples.traces, known, strict=True) if used]
    weight = weights([each.probability for each in traces])
    prompts = examples.prompts[known]
    table = sample(cells * weight[:, None], prompts)
    now, drawn = ratios(table.totals), ratios(table.resampled())
    figures = {
        name: figure(now[name], drawn[name], table, _why(name, table.totals, labelled), SHARES[name])
        for name in RATIOS
    }
    curves = auc(scores[known], true, np.vstack([weight, resampled(prompts) * weight]))
    area = figure(curves[0], curves[1:], table, _why("balanced_accuracy", table.totals, labelled))
    figures["auc"] = _at_an_end(area, min(int(true.sum()), int((~true).sum())))
    tp, fp, fn, tn = (int(count) for count in cells.sum(axis=0))
    values = examples.values[:, at]
    return Quality(
        pattern, int((values == PRESENT).sum()), int(((values != PRESENT) & (values != UNKNOWN)).sum()),
        len(traces), tp, fp, fn, tn, int((labelled & ~known).sum()), sum(each.synthetic for each in traces), figures,
        table.told,
    )  # fmt: skip


def _at_an_end(area: Figure, rarer: int) -> Figure:
    """An area of 0 or 1, which no resample moves, with Wilson's interval over the traces of the rarer kind."""
    if area.value not in (0.0, 1.0) or area.low is not None:
        return area
    low, high = wilson(area.value * rarer, rarer) or (None, None)
    return Figure(area.value, low, high, f"interval: Wilson's (traces of the rarer kind: {rarer})")


def _why(ratio: str, cells: Array, labelled: Mask) -> str:
    """Why a figure has no value."""
    if cells.any():
        return why_undefined(ratio, cells)
    return FEW_PROMPTS if labelled.any() else "people searched out all labelled traces: none was handed out"


def resampled(prompts: Ints) -> Array:
    """(DRAWS, traces) how often each trace is in a resample: prompts are drawn where they are many, else traces."""
    _, units = np.unique(prompts, return_inverse=True)
    if len(units) == 0 or units.max() + 1 < PROMPTS_TO_GENERALISE:
        units = np.arange(len(prompts))
    count = int(units.max()) + 1 if len(units) else 0
    if not count:
        return np.zeros((DRAWS, 0))
    drawn = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return np.asarray(drawn[:, units], dtype=np.float64)


def auc(scores: Array, present: Mask, weight: Array) -> Array:
    """The area under the ROC curve: the chance that a present trace has a higher score than an absent one.

    Args:
        scores: (n,) of traces; ties count half.
        present: (n,) what people say.
        weight: (draws, n) of each trace, for each of several resamples.

    Returns:
        (draws,) areas; NaN where all of a resample are of one kind.

    Source: D. Bamber (1975), Journal of Mathematical Psychology 12, 387-415.
    """
    if not len(scores):
        return np.full(len(weight), np.nan)
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    ordered = weight[:, order]
    yes = np.add.reduceat(ordered * present[order], starts, axis=1)
    no = np.add.reduceat(ordered * ~present[order], starts, axis=1)
    below = np.cumsum(no, axis=1) - no / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((yes * below).sum(axis=1) / (yes.sum(axis=1) * no.sum(axis=1)))
