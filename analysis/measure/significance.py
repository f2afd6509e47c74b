"""Tests of two shares, and what several of them together are worth. What is undefined is None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

EXPECTED_AT_LEAST = 5
"""Where a cell of the table is expected to hold fewer, Fisher's exact test is used (Cochran's rule)."""
DISCORDANT_AT_LEAST = 25
"""Below this many discordant pairs McNemar's test is exact."""


@dataclass(frozen=True)
class Tested:
    """One test of no difference, two-sided.

    Attributes:
        name: What it is called.
        p: The p-value; None where it is undefined.
        statistic: z, t or chi-squared; None for an exact test.
    """

    name: str
    p: float | None
    statistic: float | None = None


def two_shares(part: int, n: int, other_part: int, other_n: int) -> Tested:
    """Two shares of independent trials: the pooled z test, or Fisher's where the table is too thin for it.

    Source: W. G. Cochran (1954), Some methods for strengthening the common chi-squared tests, Biometrics 10,
    417-451, for the choice between them.
    """
    pooled = (part + other_part) / (n + other_n) if n and other_n else 0.0
    if min(n, other_n) * min(pooled, 1 - pooled) < EXPECTED_AT_LEAST:
        return fisher(part, n, other_part, other_n)
    z = (part / n - other_part / other_n) / sqrt(pooled * (1 - pooled) * (1 / n + 1 / other_n))
    return Tested("two-proportion z", 2 * NormalDist().cdf(-abs(z)), z)


def fisher(part: int, n: int, other_part: int, other_n: int) -> Tested:
    """Fisher's exact test of two shares; undefined where a side has no trials.

    Source: R. A. Fisher (1935), The logic of inductive inference, Journal of the Royal Statistical Society 98,
    39-82; two-sided by the sum of all tables that are no likelier.
    """
    if not (n and other_n):
        return Tested("Fisher's exact", None)
    from scipy.stats import fisher_exact

    p = fisher_exact([[part, n - part], [other_part, other_n - other_part]]).pvalue
    return Tested("Fisher's exact", float(p))


def mcnemar(only_first: int, only_second: int) -> Tested:
    """McNemar's test of pairs, from the pairs in which the two sides differ.

    Args:
        only_first: Pairs in which only the first side succeeded.
        only_second: Pairs in which only the second did.

    Returns:
        Chi-squared without a correction, exact below DISCORDANT_AT_LEAST such pairs; undefined without any.

    Source: Q. McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12, 153-157.
    """
    discordant = only_first + only_second
    if discordant == 0:
        return Tested("McNemar's exact", None)
    if discordant < DISCORDANT_AT_LEAST:
        from scipy.stats import binomtest

        return Tested("McNemar's exact", float(binomtest(only_first, discordant).pvalue))
    statistic = (only_first - only_second) ** 2 / discordant
    return Tested("McNemar's", 2 * NormalDist().cdf(-sqrt(statistic)), statistic)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p-values: below .05 is rejected while all of them together err in 5 % of cases at most.

    Args:
        p_values: One a test; None where it is undefined, which is no test and stays None.

    Source: S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6, 65-70.
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    worst = 0.0
    for rank, (p, place) in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - rank) * p))
        adjusted[place] = worst
    return adjusted


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """Benjamini and Hochberg's adjusted p-values: of those below .05 at most 5 % are expected to be false.

    For a grid of patterns and checkpoints that nobody named beforehand; named contrasts take `holm`.

    Args:
        p_values: One a test; None where it is undefined, which is no test and stays None.

    Source: Y. Benjamini, Y. Hochberg (1995), Controlling the false discovery rate, Journal of the Royal Statistical
    Society B 57, 289-300.
    """
    order = sorted(((p, place) for place, p in enumerate(p_values) if p is not None), reverse=True)
    adjusted: list[float | None] = [None] * len(p_values)
    best = 1.0
    for above, (p, place) in enumerate(order):
        best = min(best, p * (len(order) / (len(order) - above)))
        adjusted[place] = best
    return adjusted
