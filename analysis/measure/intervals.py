"""Intervals for shares. What is undefined is None, never 0, 1 or NaN."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(successes: float, n: float, level: float = 0.95) -> tuple[float, float] | None:
    """Wilson's score interval for one share of independent trials.

    Args:
        successes: How many of the trials succeeded.
        n: How many trials there were; for weighted ones the effective number, of which successes are the part.
        level: Nominal coverage.

    Returns:
        (low, high), or None for n = 0.

    Raises:
        ValueError: successes is not within 0 and n.

    Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22, 209-212.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return None
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def clopper_pearson(successes: float, n: float, level: float = 0.95) -> tuple[float, float] | None:
    """Clopper and Pearson's exact interval for one share; it covers at least as often as it says.

    Args:
        successes: How many of the trials succeeded; need not be whole, where n is an effective sample size.
        n: How many trials there were.
        level: Nominal coverage.

    Returns:
        (low, high), or None for n = 0.

    Raises:
        ValueError: successes is not within 0 and n.

    Source: C. J. Clopper, E. S. Pearson (1934), The use of confidence or fiducial limits illustrated in the case
    of the binomial, Biometrika 26, 404-413, by quantiles of the Beta distribution.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return None
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(successes, n - successes + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, n - successes, 1 - tail)) if successes < n else 1.0
    return low, high


def newcombe(
    part: int, n: int, other_part: int, other_n: int, level: float = 0.95
) -> tuple[float, float] | None:
    """Newcombe's hybrid score interval for the difference of two shares of independent trials.

    Args:
        part: How many of the first side's trials succeeded.
        n: How many trials it had.
        other_part: How many of the second side's succeeded.
        other_n: How many it had.
        level: Nominal coverage.

    Returns:
        (low, high) of part / n - other_part / other_n; None where a side has no trials.

    Raises:
        ValueError: A part is not within 0 and its n.

    Source: R. G. Newcombe (1998), Interval estimation for the difference between independent proportions:
    comparison of eleven methods, Statistics in Medicine 17, 873-890, method 10.
    """
    first, second = wilson(part, n, level), wilson(other_part, other_n, level)
    if first is None or second is None:
        return None
    p, q = part / n, other_part / other_n
    down = sqrt((p - first[0]) ** 2 + (second[1] - q) ** 2)
    up = sqrt((first[1] - p) ** 2 + (q - second[0]) ** 2)
    return max(-1.0, p - q - down), min(1.0, p - q + up)
