"""Whether a pattern rises or falls over the checkpoints of a training run, in their order.

Checkpoints are scored 1, 2, 3, … in order. Trends are within a series: with several, each has its own level and the
evidence is added up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.measure.judged import Judged

INDEPENDENT = "Cochran-Armitage"
CLUSTERED = "trend, clustered by prompt"


@dataclass(frozen=True)
class Trend:
    """A test that nothing changes over ordered checkpoints, two-sided.

    Attributes:
        p: The p-value; None where it is undefined, and `note` says why.
        statistic: z, or t where prompts were sampled; above 0 for a rise.
        test: What the test is called.
        n: The trajectories that it rests on.
        checkpoints: How many they are of.
        note: Why there is no test; None where there is one.
    """

    p: float | None
    statistic: float | None
    test: str
    n: int
    checkpoints: int
    note: str | None = None


def trend(
    y: npt.ArrayLike,
    x: npt.ArrayLike,
    prompt: npt.ArrayLike,
    checkpoint: npt.ArrayLike,
    scores: Sequence[float],
    series: Sequence[int],
) -> Trend:
    """Test whether the ratio of y to x changes from checkpoint to checkpoint.

    With x = 1 and y of 0 and 1 this is the test of Cochran and Armitage. From PROMPTS_TO_GENERALISE prompts up the
    statistic's variance is taken over prompts, all rollouts of one together, and its distribution is t's with
    prompts - 1 degrees.

    Args:
        y: (n,) what is counted in each trajectory.
        x: (n,) what it is counted per.
        prompt: (n,) its prompt, as a whole number from 0 up.
        checkpoint: (n,) its checkpoint, as a place in the next two.
        scores: (K,) each checkpoint's score.
        series: (K,) each checkpoint's series, as a whole number from 0 up.

    Source: P. Armitage (1955), Tests for linear trends in proportions and frequencies, Biometrics 11, 375-386;
    for clusters the robust score statistic, D. D. Boos (1992), On generalized score tests, American
    Statistician 46, 327-333.
    """
    tops, bottoms = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    clusters, places = np.asarray(prompt, dtype=np.intp), np.asarray(checkpoint, dtype=np.intp)
    rollouts, sizes = np.bincount(clusters), np.bincount(places, minlength=len(scores))
    prompts, checkpoints = int(np.count_nonzero(rollouts)), int(np.count_nonzero(sizes))
    many = prompts >= PROMPTS_TO_GENERALISE
    name, n = CLUSTERED if many else INDEPENDENT, len(tops)
    if reason := _no_trend(tops, sizes, series):
        return Trend(None, None, name, n, checkpoints, reason)
    strata = np.asarray(series, dtype=np.intp)
    score = np.asarray(scores, dtype=np.float64)
    total, top = (np.bincount(strata, np.bincount(places, each, len(score))) for each in (bottoms, tops))
    weighed = np.bincount(strata, np.bincount(places, bottoms, len(score)) * score)
    safe = np.where(total > 0, total, 1.0)
    residuals = tops - (top / safe)[strata][places] * bottoms
    distance = (score - (weighed / safe)[strata])[places]
    if many:
        by_prompt = np.bincount(clusters, distance * residuals)
        variance = prompts / (prompts - 1) * float((by_prompt**2).sum())
    else:
        spread = np.bincount(strata[places], residuals**2, len(safe)) / np.maximum(
            np.bincount(strata, sizes), 1
        )
        variance = float((spread[strata][places] * distance**2).sum())
    if variance <= 1e-18:
        return Trend(None, None, name, n, checkpoints, "the same everywhere")
    statistic = float((distance * residuals).sum()) / sqrt(variance)
    return Trend(_two_sided(statistic, prompts - 1 if many else None), statistic, name, n, checkpoints)


def over_checkpoints(
    table: Judged, y: npt.NDArray[np.float64], x: npt.NDArray[np.float64], rows: npt.NDArray[np.intp]
) -> Trend:
    """The trend over the table's checkpoints in their order, in equal steps, within each series.

    Args:
        table: The trajectories.
        y: (N,) what is counted in each.
        x: (N,) what it is counted per.
        rows: The places of those that count.
    """
    checkpoints, series = table.codes["checkpoint"], np.zeros(len(table.values["checkpoint"]), dtype=np.intp)
    series[checkpoints] = table.codes["series"]
    there = np.bincount(checkpoints, minlength=len(series)) > 0
    scores = [int(((series == each) & there)[:place].sum()) for place, each in enumerate(series)]
    return trend(y[rows], x[rows], table.codes["prompt"][rows], checkpoints[rows], scores, series.tolist())


def _no_trend(
    tops: npt.NDArray[np.float64], sizes: npt.NDArray[np.intp], series: Sequence[int]
) -> str | None:
    """Why nothing can be tested, if so."""
    there = [one for one, size in zip(series, sizes, strict=True) if size]
    if len(there) == len(set(there)):
        return (
            "nothing was judged"
            if not there
            else "one checkpoint"
            if len(there) == 1
            else "one checkpoint a series"
        )
    return None if tops.any() else "never found"


def _two_sided(statistic: float, degrees: int | None) -> float:
    from scipy.special import ndtr, stdtr

    tail = ndtr(-abs(statistic)) if degrees is None else stdtr(degrees, -abs(statistic))
    return 2 * float(tail)
