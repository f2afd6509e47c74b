"""How many labels, and how many trajectories, a question needs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np

from analysis.measure.prevalence import SEED, Strata, by_verdict

DRAWS = 20_000


@dataclass(frozen=True)
class LabelsNeeded:
    """How many labels a wanted width takes.

    Attributes:
        labels: How many, at random among what was judged; None where no number of them is enough, and `note` says why.
        width: The expected width of the 95 % interval with so many; with all labelled where there is no answer.
        positives: How many of them are expected to say present.
        note: What must be said beside it.
    """

    labels: int | None
    width: float
    positives: float
    note: str | None = None


def labels_needed(
    width: float,
    prevalence: float,
    sensitivity: float,
    specificity: float,
    judged: int,
    design_effect: float = 1.0,
) -> LabelsNeeded:
    """How many random labels make the interval of the corrected share as narrow as wanted.

    Args:
        width: The wanted width of the 95 % interval, from low to high.
        prevalence: The share that is expected.
        sensitivity: Of the judge: the share of present ones that it finds.
        specificity: Of the judge: the share of absent ones that it calls absent.
        judged: Trajectories of the cell with a verdict.
        design_effect: What prompts cost; `corrected_design_effect` of a table like the one that is planned.

    Returns:
        The least number whose expected width is no more than wanted.

    Raises:
        ValueError: A share is not within 0 and 1, or nothing is judged.
    """
    _check_shares(prevalence, sensitivity, specificity)
    if judged < 1 or width <= 0 or design_effect < 1:
        raise ValueError("judged and design effect must be 1 or more, and the width above 0")

    def expected(labels: int) -> float:
        return expected_width(labels, prevalence, sensitivity, specificity, judged, design_effect)

    if (least := expected(judged)) > width:
        told = f"with all {judged:,} labelled the interval is still {least:.3f} wide; judge more trajectories"
        return LabelsNeeded(None, least, judged * prevalence, told)
    too_few, enough = 0, judged
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if expected(middle) <= width else (middle, enough)
    few = enough * prevalence < 10
    note = "fewer than 10 labels of present are expected: the width will vary much" if few else None
    return LabelsNeeded(enough, expected(enough), enough * prevalence, note)


def expected_width(
    labels: int,
    prevalence: float,
    sensitivity: float,
    specificity: float,
    judged: int,
    design_effect: float = 1.0,
) -> float:
    """The width of `by_verdict`'s 95 % interval where all counts are what they are expected to be.

    Args:
        labels: How many labels, at random among what was judged.
        prevalence: The share that is expected.
        sensitivity: Of the judge.
        specificity: Of the judge.
        judged: Trajectories with a verdict.
        design_effect: What prompts cost.
    """
    positive = prevalence * sensitivity + (1 - prevalence) * (1 - specificity)
    cells = np.array([
        judged * positive, judged, labels * prevalence * sensitivity, labels * (1 - prevalence) * (1 - specificity),
        labels * prevalence * (1 - sensitivity), labels * (1 - prevalence) * specificity,
    ])  # fmt: skip
    found = by_verdict(Strata(*(cells / design_effect).reshape(6, 1)), draws=DRAWS, seed=SEED)
    return 1.0 if found.low is None or found.high is None else found.high - found.low


def trajectories_needed(
    share: float, other: float, power: float = 0.8, level: float = 0.05, design_effect: float = 1.0
) -> float | None:
    """Trajectories on each side that tell two shares apart, by the pooled z test; not rounded.

    Args:
        share: One side's share.
        other: The other's.
        power: How often the difference shall be found.
        level: How often one may be found that is not there, two-sided.
        design_effect: What prompts cost; with the same prompts on both sides it is less than a share's own.

    Returns:
        n of each side; None where the shares are the same.

    Raises:
        ValueError: A share is not within 0 and 1, or the power not within the level and 1.

    Source: J. L. Fleiss, B. Levin, M. C. Paik (2003), Statistical Methods for Rates and Proportions, 4.2, without
    continuity correction.
    """
    _check_shares(share, other)
    if not level < power < 1:
        raise ValueError("the power must be above the level and below 1")
    if share == other:
        return None
    mean = (share + other) / 2
    normal = NormalDist()
    found = normal.inv_cdf(1 - level / 2) * sqrt(2 * mean * (1 - mean))
    found += normal.inv_cdf(power) * sqrt(share * (1 - share) + other * (1 - other))
    return design_effect * (found / (share - other)) ** 2


def power_of(share: float, other: float, n: float, level: float = 0.05) -> float:
    """How often the pooled z test finds the difference of two shares with n trajectories on each side.

    Source: as `trajectories_needed`.
    """
    _check_shares(share, other)
    if share == other:
        return level
    mean = (share + other) / 2
    normal = NormalDist()
    error = sqrt((share * (1 - share) + other * (1 - other)) / n)
    far = normal.inv_cdf(1 - level / 2) * sqrt(2 * mean * (1 - mean) / n)
    return normal.cdf((abs(share - other) - far) / error) if error else 1.0


def whole(n: float) -> int:
    """Trajectories come whole."""
    return ceil(n - 1e-9)


def _check_shares(*shares: float) -> None:
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError("a share is within 0 and 1")
