"""The share of trajectories that show a pattern, from a judge that errs and labels that are few."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE, SHOWING_AT_LEAST, these_prompts_only

DRAWS = 2_000
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
        design_effect: The variance that the interval was made with over that of independent trajectories.
    """

    share: float | None
    low: float | None
    high: float | None
    labels: int
    prompts: int
    note: str | None = None
    design_effect: float | None = None


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
    negatives that the judge missed. Labels must be a random sample of each stratum, or weighted. The interval takes
    its quantiles over draws of w, PPV and FOR from Beta posteriors under Jeffreys' prior. From PROMPTS_TO_GENERALISE
    prompts up all counts are first divided by the estimate's design effect, as Korn and Graubard do for one share:
    resampling prompts before the draws would count the labels' own chance twice.

    Args:
        strata: The cell's counts.
        level: Nominal coverage.
        draws: How many draws the interval rests on.
        seed: Of the draws, so that the same data give the same interval.

    Returns:
        The estimate; undefined where a stratum that has trajectories has no label.

    Source: post-stratification on the classifier's output, W. G. Cochran (1977), Sampling Techniques, 5A.9;
    Beta(1/2, 1/2) draws after L. D. Brown, T. T. Cai, A. DasGupta (2001), Statistical Science 16, 101-133;
    effective counts after E. L. Korn, B. I. Graubard (1998), Survey Methodology 24, 193-201.
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
    w, ppv, omitted = _parts(positive, judged, tp, fp, fn, tn)
    share = w * ppv + (1 - w) * omitted
    effect = _design_effect(table) if prompts >= PROMPTS_TO_GENERALISE else None
    drawn = _draws(table.sum(axis=0) / (effect or 1.0), draws, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = (float(bound) for bound in np.quantile(drawn, [tail, 1 - tail]))
    return Estimate(share, min(low, share), max(high, share), labels, prompts, _note(table), effect)


def by_verdict_standard_error(positive: int, judged: int, tp: int, fp: int, fn: int, tn: int) -> float | None:
    """The delta-method standard error of `by_verdict` for independent trajectories; None where undefined.

    Source: W. G. Cochran (1977), Sampling Techniques, 5A.9, with the strata's sizes estimated.
    """
    if not (judged and tp + fp and fn + tn):
        return None
    return float(np.sqrt(_variance(positive, judged, tp, fp, fn, tn)))


def _parts(
    positive: float, judged: float, tp: float, fp: float, fn: float, tn: float
) -> tuple[float, float, float]:
    """w, PPV and FOR; 0 for that of a stratum without labels."""
    return positive / judged, tp / (tp + fp) if tp + fp else 0.0, fn / (fn + tn) if fn + tn else 0.0


def _variance(positive: float, judged: float, tp: float, fp: float, fn: float, tn: float) -> float:
    w, ppv, omitted = _parts(positive, judged, tp, fp, fn, tn)
    of_positives = w**2 * ppv * (1 - ppv) / (tp + fp) if tp + fp else 0.0
    of_negatives = (1 - w) ** 2 * omitted * (1 - omitted) / (fn + tn) if fn + tn else 0.0
    return of_positives + of_negatives + (ppv - omitted) ** 2 * w * (1 - w) / judged


def _design_effect(table: Counts) -> float:
    """By how much the estimate's counts shrink, 1 at least: its variance clustered by prompt, times the t correction.

    Where every label says the same, nothing tells how alike rollouts of a prompt are; so as many labels count as
    prompts have any.
    """
    from scipy.special import ndtri, stdtrit

    positive, judged, tp, fp, fn, tn = table.T
    totals = [float(total) for total in table.sum(axis=0)]
    w, ppv, omitted = _parts(*totals)
    positives, negatives = totals[2] + totals[3], totals[4] + totals[5]
    if totals[2] + totals[4] == 0 or totals[3] + totals[5] == 0:
        by_prompt = table[:, 2:].sum(axis=1)
        return max(1.0, float(by_prompt.sum() / (by_prompt > 0).sum()))
    residuals = (ppv - omitted) * (positive - w * judged) / totals[1]
    if positives:
        residuals = residuals + w * (tp - ppv * (tp + fp)) / positives
    if negatives:
        residuals = residuals + (1 - w) * (fn - omitted * (fn + tn)) / negatives
    independent, prompts = _variance(*totals), len(table)
    if independent == 0:
        return 1.0
    clustered = prompts / (prompts - 1) * float((residuals**2).sum())
    correction = (stdtrit(prompts - 1, 0.975) / ndtri(0.975)) ** 2
    return max(1.0, clustered / independent * float(correction))


def _note(table: Counts) -> str | None:
    """What must be said of the prompts."""
    prompts, showing = len(table), int((table[:, 2] + table[:, 4] > 0).sum())
    notes = [] if prompts >= PROMPTS_TO_GENERALISE else [these_prompts_only(prompts)]
    if prompts > 1 and showing < SHOWING_AT_LEAST:
        notes.append(f"labels show it in {showing} {'prompt' if showing == 1 else 'prompts'}")
    return "; ".join(notes) or None


def _draws(totals: Counts, draws: int, chance: np.random.Generator) -> npt.NDArray[np.float64]:
    positive, judged, tp, fp, fn, tn = totals
    w = chance.beta(positive + 0.5, judged - positive + 0.5, draws)
    ppv = chance.beta(tp + 0.5, fp + 0.5, draws)
    omitted = chance.beta(fn + 0.5, tn + 0.5, draws)
    return np.asarray(w * ppv + (1 - w) * omitted, dtype=np.float64)
