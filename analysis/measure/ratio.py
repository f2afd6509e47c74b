"""A ratio of two sums over trajectories, with an interval that knows which of them share a prompt.

Occurrences a trajectory, occurrences per 10,000 characters and a pattern's share of all occurrences are all one sum
over another:

    ratio(y=[0, 2, 1], x=[1, 1, 1], prompt=[0, 0, 1]).value      # one occurrence a trajectory
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE, SHOWING_AT_LEAST, these_prompts_only

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ratio:
    """A ratio of sums.

    Attributes:
        value: The ratio; None where it is undefined, and `note` says why.
        low, high: Its interval; None where there is none, and `note` says why.
        prompts: How many prompts the trajectories are of.
        design_effect: The variance clustered by prompt over that of independent trajectories; None for one prompt,
            or where there is no interval.
        note: What must be said beside it; None when there is nothing.
    """

    value: float | None
    low: float | None
    high: float | None
    prompts: int
    design_effect: float | None
    note: str | None


def ratio(
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    prompt: npt.ArrayLike,
    level: float = 0.95,
    most: float = float("inf"),
) -> Ratio:
    """The sum of y over the sum of x, from trajectories of several prompts.

    From PROMPTS_TO_GENERALISE prompts up the interval is t's on the standard error clustered by prompt, with
    prompts - 1 degrees; below that it takes trajectories as independent and speaks of these prompts only.

    Args:
        y: (n,) what is counted in each trajectory.
        x: (n,) what it is counted per: 1, characters, all occurrences.
        prompt: (n,) each trajectory's prompt, as a whole number from 0 up.
        level: Nominal coverage.
        most: The largest value that the ratio can take.

    Source: linearization of a ratio mean over clusters, with G / (G - 1): W. G. Cochran (1977), Sampling
    Techniques, 11.8.
    """
    tops, bottoms = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    clusters = np.asarray(prompt, dtype=np.intp)
    rollouts = np.bincount(clusters)
    n, prompts = len(tops), int(np.count_nonzero(rollouts))
    total = float(bottoms.sum())
    if total <= 0:
        return Ratio(None, None, None, prompts, None, "nothing to count in" if n else "nothing was judged")
    value = float(tops.sum()) / total
    residuals = tops - value * bottoms
    if not residuals.any():
        reason = "none found, so no interval" if value == 0 else "all are alike, so no interval"
        return Ratio(value, None, None, prompts, None, reason)
    together: Sums = np.bincount(clusters, residuals)[rollouts > 0].astype(np.float64)
    effect = float((together**2).sum() / (residuals**2).sum()) if prompts > 1 else None
    many = prompts >= PROMPTS_TO_GENERALISE
    error, degrees = _error(together if many else residuals), (prompts if many else n) - 1
    if not error:
        return Ratio(value, None, None, prompts, effect, "one trajectory, so no interval")
    half = t_quantile((1 + level) / 2, degrees) * error / total
    shown = clusters[tops > 0]
    showing = int(np.count_nonzero(np.bincount(shown))) if many else len(shown)
    notes = [] if many else [these_prompts_only(prompts)]
    if showing < SHOWING_AT_LEAST:
        notes.append(f"found in {showing} {'prompts' if many else 'trajectories'} only")
    return Ratio(
        value, max(0.0, value - half), min(most, value + half), prompts, effect, "; ".join(notes) or None
    )


def t_quantile(probability: float, degrees: float) -> float:
    """The quantile of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))


def _error(residuals: Sums) -> float | None:
    """The standard error of a sum of independent residuals whose sum is 0; None for fewer than two."""
    n = len(residuals)
    return sqrt(n / (n - 1) * float((residuals**2).sum())) if n > 1 else None
