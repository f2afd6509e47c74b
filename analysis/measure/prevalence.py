"""The share of trajectories that show a pattern, from a judge that errs and labels that are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE as PROMPTS_TO_GENERALISE
from analysis.measure.clusters import these_prompts_only

DRAWS = 4_000
SEED = 20260101

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """An estimated share.

    Attributes:
        share: The estimate; None when it is undefined, and `note` says why.
        low, high: The interval; None when it is undefined.
        labels: How many labels it rests on.
        prompts: How many prompts the trajectories are of.
        note: What must be said beside the figure; None when there is nothing.
    """

    share: float | None
    low: float | None
    high: float | None
    labels: int
    prompts: int
    note: str | None = None


@dataclass(frozen=True)
class Strata:
    """Judged trajectories and labels of one cell, a row for each prompt.

    Attributes:
        positive, judged: (prompts,) trajectories with the verdict present; with any verdict.
        tp, fp, fn, tn: (prompts,) labelled trajectories by verdict and label; weighted ones as parts of the
            effective number of their verdict's labels.
        labelled: (prompts,) how many they are; None where they are not weighted.
    """

    positive: Counts
    judged: Counts
    tp: Counts
    fp: Counts
    fn: Counts
    tn: Counts
    labelled: Counts | None = None


def by_verdict(strata: Strata, level: float = 0.95, draws: int = DRAWS, seed: int = SEED) -> Estimate:
    """The share corrected by verdict strata: w PPV + (1 - w) FOR.

    w is the judged share, PPV the share of labelled positives that are right, FOR the share of labelled
    negatives that the judge missed. Labels must be a random sample of each stratum. The interval takes its
    quantiles over draws of w, PPV and FOR from Beta posteriors under Jeffreys' prior; from
    PROMPTS_TO_GENERALISE prompts up, each draw resamples the prompts first, all rollouts of one together.

    Args:
        strata: The cell's counts.
        level: Nominal coverage.
        draws: How many draws the interval rests on.
        seed: Of the draws, so that the same data give the same interval.

    Returns:
        The estimate; undefined where a stratum that has trajectories has no label.

    Source: post-stratification on the classifier's output, W. G. Cochran (1977), Sampling Techniques, 5A.9;
    Beta(1/2, 1/2) draws after L. D. Brown, T. T. Cai, A. DasGupta (2001), Statistical Science 16, 101-133.
    """
    table = np.stack([strata.positive, strata.judged, strata.tp, strata.fp, strata.fn, strata.tn], axis=1)
    judged_prompts = table[:, 1] > 0
    table = table[judged_prompts].astype(np.float64)
    positive, judged, tp, fp, fn, tn = (float(total) for total in table.sum(axis=0))
    counted = table[:, 2:].sum() if strata.labelled is None else strata.labelled[judged_prompts].sum()
    labels, prompts = int(counted), len(table)
    if judged == 0:
        return Estimate(None, None, None, labels, prompts, "nothing was judged")
    if labels == 0:
        return Estimate(None, None, None, 0, prompts, "no labels")
    unlabelled = (positive > 0 and tp + fp == 0) or (positive < judged and fn + tn == 0)
    if unlabelled:
        side = "positives" if positive > 0 and tp + fp == 0 else "negatives"
        return Estimate(None, None, None, labels, prompts, f"no label among the run's {side}")
    w = positive / judged
    share = (w * tp / (tp + fp) if tp + fp else 0.0) + ((1 - w) * fn / (fn + tn) if fn + tn else 0.0)
    chance = np.random.default_rng(seed)
    if prompts >= PROMPTS_TO_GENERALISE:
        picks = chance.multinomial(prompts, np.full(prompts, 1 / prompts), size=draws)
        totals, note = picks @ table, None
    else:
        totals = np.broadcast_to(table.sum(axis=0), (draws, 6))
        note = these_prompts_only(prompts)
    drawn = _draws(totals, chance)
    tail = (1 - level) / 2
    low, high = (float(bound) for bound in np.quantile(drawn, [tail, 1 - tail]))
    return Estimate(share, min(low, share), max(high, share), labels, prompts, note)


def by_verdict_standard_error(positive: int, judged: int, tp: int, fp: int, fn: int, tn: int) -> float | None:
    """The delta-method standard error of `by_verdict` for independent trajectories; None where undefined.

    Source: W. G. Cochran (1977), Sampling Techniques, 5A.9, with the strata's sizes estimated.
    """
    if not (judged and tp + fp and fn + tn):
        return None
    w, ppv, omitted = positive / judged, tp / (tp + fp), fn / (fn + tn)
    variance = (
        w**2 * ppv * (1 - ppv) / (tp + fp)
        + (1 - w) ** 2 * omitted * (1 - omitted) / (fn + tn)
        + (ppv - omitted) ** 2 * w * (1 - w) / judged
    )
    return float(np.sqrt(variance))


def _draws(totals: Counts, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    positive, judged, tp, fp, fn, tn = totals.T
    w = chance.beta(positive + 0.5, judged - positive + 0.5)
    ppv = chance.beta(tp + 0.5, fp + 0.5)
    omitted = chance.beta(fn + 0.5, tn + 0.5)
    return np.asarray(w * ppv + (1 - w) * omitted, dtype=np.float64)
