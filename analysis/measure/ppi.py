"""The mean of a label when scores of a judge are many and labels few: prediction-powered inference."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.measure.prevalence import SEED

DRAWS = 2_000
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Powered:
    """An estimated mean.

    Attributes:
        value: The estimate; None where it is undefined, and `note` says why.
        low, high: Its interval.
        power: λ, how far the scores are trusted: 0 not at all, 1 as labels.
        note: What must be said beside it.
    """

    value: float | None
    low: float | None
    high: float | None
    power: float | None
    note: str | None = None


def ppi(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    power: float | None = None,
    level: float = 0.95,
) -> Powered:
    """The mean of the labels, sharpened by scores: PPI++, with its normal interval.

    Labels must be a random sample. The interval is too narrow where the labels have only a few of one kind, as at a
    prevalence of .01; `by_verdict` is for verdicts, and holds there.

    Args:
        labels: (n,) 1 for present, 0 for absent.
        scores: (n,) the judge's scores of the same trajectories, from 0 to 1.
        unlabelled: (N,) its scores of those without a label.
        power: λ; by default the one with the least variance, within 0 and 1.
        level: Nominal coverage.

    Returns:
        The mean; undefined with fewer than two labels, or none unlabelled.

    Source: A. N. Angelopoulos, J. C. Duchi, T. Zrnic (2023), PPI++: Efficient prediction-powered inference,
    arXiv:2311.01453, section 6.
    """
    y, f, more = (np.asarray(each, dtype=np.float64) for each in (labels, scores, unlabelled))
    if reason := _undefined(y, more):
        return Powered(None, None, None, None, reason)
    lam = _tuned(y, f, more) if power is None else power
    value = _mean(y, f, more, lam)
    error = sqrt(float(np.var(y - lam * f)) / len(y) + lam * lam * float(np.var(more)) / len(more))
    half = NormalDist().inv_cdf((1 + level) / 2) * error
    return Powered(value, value - half, value + half, lam)


def ppi_bootstrap(
    labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    unlabelled: npt.ArrayLike,
    prompts: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    level: float = 0.95,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Powered:
    """PPI++ with a percentile interval, over prompts from PROMPTS_TO_GENERALISE up, else over trajectories.

    λ is tuned anew in each resample.

    Args:
        labels: (n,) 1 for present, 0 for absent.
        scores: (n,) the judge's scores of the same, from 0 to 1.
        unlabelled: (N,) its scores of those without a label.
        prompts: The prompts of the labelled and of the unlabelled, as whole numbers from 0.
        level: Nominal coverage.
        draws: How many resamples.
        seed: Of the draws.

    Source: as `ppi`; B. Efron, R. J. Tibshirani (1993), An Introduction to the Bootstrap, 13.3.
    """
    y, f, more = (np.asarray(each, dtype=np.float64) for each in (labels, scores, unlabelled))
    found = ppi(y, f, more)
    if found.value is None:
        return found
    chance = np.random.default_rng(seed)
    groups = None if prompts is None else [np.asarray(each, dtype=np.int64) for each in prompts]
    many = groups is not None and len(np.union1d(*groups)) >= PROMPTS_TO_GENERALISE
    if many and groups is not None:
        times = chance.multinomial(1 + max(int(each.max()) for each in groups), _equal(groups), size=draws)
        of_labels, of_more = times[:, groups[0]], times[:, groups[1]]
    else:
        of_labels = chance.multinomial(len(y), np.full(len(y), 1 / len(y)), size=draws)
        of_more = chance.multinomial(len(more), np.full(len(more), 1 / len(more)), size=draws)
    drawn = _weighted(y, f, more, of_labels.astype(np.float64), of_more.astype(np.float64))
    drawn = drawn[np.isfinite(drawn)]
    tail = (1 - level) / 2
    low, high = (float(bound) for bound in np.quantile(drawn, [tail, 1 - tail]))
    note = None if many else "resampled over trajectories: for these prompts only"
    return Powered(found.value, min(low, found.value), max(high, found.value), found.power, note)


def _undefined(y: Values, more: Values) -> str | None:
    if len(y) < 2:
        return "fewer than two labels"
    return None if len(more) else "nothing without a label"


def _mean(y: Values, f: Values, more: Values, lam: float) -> float:
    return float(y.mean() - lam * (f.mean() - more.mean()))


def _tuned(y: Values, f: Values, more: Values) -> float:
    """The λ with the least variance: cov(label, score) / ((1 + n / N) var(score))."""
    spread = float(np.var(np.concatenate([f, more]), ddof=1)) * (1 + len(y) / len(more))
    return min(1.0, max(0.0, float(np.cov(y, f, ddof=0)[0, 1]) / spread)) if spread else 0.0


def _equal(groups: list[npt.NDArray[np.int64]]) -> Values:
    """The same chance for each prompt that has trajectories."""
    there = np.zeros(1 + max(int(each.max()) for each in groups))
    there[np.union1d(*groups)] = 1
    return np.asarray(there / there.sum(), dtype=np.float64)


def _weighted(y: Values, f: Values, more: Values, times: Values, more_times: Values) -> Values:
    """(draws,) the estimate of each resample; NaN where one drew no label."""
    n, big = times.sum(axis=1), more_times.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_y, mean_f, mean_more = times @ y / n, times @ f / n, more_times @ more / big
        together = times @ (y * f) / n - mean_y * mean_f
        pooled = (times @ f + more_times @ more) / (n + big)
        spread = (times @ f**2 + more_times @ more**2) / (n + big) - pooled**2
        lam = np.clip(np.where(spread > 0, together / (spread * (1 + n / big)), 0.0), 0, 1)
        return np.asarray(mean_y - lam * (mean_f - mean_more), dtype=np.float64)
