"""The difference of two shares, with the interval and the test that fit how the two sides were sampled.

Rollouts of one prompt are not independent, so counts come prompt by prompt:

    from analysis.measure.difference import difference
    difference([(22, 60, 39, 60)]).low          # one prompt on both sides: 22 of 60 against 39 of 60
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE, these_prompts_only
from analysis.measure.intervals import newcombe
from analysis.measure.prevalence import SEED
from analysis.measure.significance import Tested, mcnemar, two_shares

DRAWS = 4_000
Table = npt.NDArray[np.int64]
"""(prompts, 4): part and n of the first side, part and n of the second. A prompt that a side lacks has n = 0."""
WEIGHTS_DIFFER = 0.1
"""From this share of the rollouts on, prompts that weigh differently on the two sides are said to."""

NEWCOMBE = "Newcombe"
PAIRED_BOOTSTRAP = "paired bootstrap over prompts"
CLUSTERED = "t, clustered by prompt"


@dataclass(frozen=True)
class Difference:
    """The first side's share less the second's.

    Attributes:
        value: The difference; None where a side has nothing, and `note` says which.
        low, high: Its interval.
        interval: What the interval is called.
        tested: The test that there is none.
        prompts: How many prompts the two sides have together.
        paired: Whether both sides have the same prompts.
        note: What must be said beside it; None when there is nothing.
    """

    value: float | None
    low: float | None
    high: float | None
    interval: str | None
    tested: Tested
    prompts: int
    paired: bool
    note: str | None = None


def difference(rows: Sequence[Sequence[int]] | Table, level: float = 0.95) -> Difference:
    """The difference of two shares, from counts of each prompt.

    Below PROMPTS_TO_GENERALISE prompts on either side it speaks of these prompts alone: Newcombe's interval, and
    the z test of two shares or Fisher's. From there on prompts are what was sampled: where both sides have the
    same ones, a bootstrap over prompts, else t on the standard error clustered by prompt; and t on that error as
    the test. Where both sides have the same prompts with one rollout each, the test is McNemar's.

    Args:
        rows: (prompts, 4): part and n of the first side, part and n of the second.
        level: Nominal coverage.

    Returns:
        The difference, undefined where a side has no trials.
    """
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 4)
    table = table[(table[:, 1] > 0) | (table[:, 3] > 0)]
    part, n, other_part, other_n = (int(total) for total in table.sum(axis=0))
    prompts, paired = len(table), bool(len(table)) and bool(((table[:, 1] > 0) & (table[:, 3] > 0)).all())
    if not (n and other_n):
        missing = "either side" if n == other_n else "the first side" if n == 0 else "the second side"
        none = Tested("none", None)
        return Difference(None, None, None, None, none, prompts, paired, f"nothing known on {missing}")
    value = part / n - other_part / other_n
    fewest = int(min((table[:, 1] > 0).sum(), (table[:, 3] > 0).sum()))
    one_each = paired and prompts > 1 and bool((table[:, [1, 3]] == 1).all())
    error = clustered_error(table)
    many = fewest >= PROMPTS_TO_GENERALISE
    notes = [] if many else [these_prompts_only(prompts)]
    if paired and _weights_differ(table):
        notes.append("the prompts weigh differently on the two sides")
    if many and error:
        interval = PAIRED_BOOTSTRAP if paired else CLUSTERED
        low, high = paired_bootstrap(table, level) if paired else _t_interval(value, error, fewest - 1, level)
        tested = _t_test(value, error, fewest - 1)
    else:
        interval, (low, high) = NEWCOMBE, newcombe(part, n, other_part, other_n, level) or (0.0, 0.0)
        tested = two_shares(part, n, other_part, other_n)
        if many:
            notes.append("prompts do not vary, so the interval is that of independent rollouts")
    if one_each:
        first, second = table[:, 0], table[:, 2]
        tested = mcnemar(int((first > second).sum()), int((second > first).sum()))
        if tested.p is None:
            notes.append("no prompt differs between the sides, so there is nothing to test")
    return Difference(value, low, high, interval, tested, prompts, paired, "; ".join(notes) or None)


def clustered_error(rows: Sequence[Sequence[int]] | Table) -> float | None:
    """The standard error of the difference when prompts, not rollouts, were sampled; None for fewer than two.

    A prompt's part in it is its rollouts' residuals together, on both sides; so prompts that both sides have are
    paired by it.

    Args:
        rows: As `difference` takes them.

    Source: linearization of a ratio mean over clusters, with G / (G - 1): W. G. Cochran (1977), Sampling
    Techniques, 11.8; K.-Y. Liang, S. L. Zeger (1986), Biometrika 73, 13-22.
    """
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 4)
    part, n, other_part, other_n = table.sum(axis=0)
    if len(table) < 2 or not (n and other_n):
        return None
    residuals = (table[:, 0] - table[:, 1] * part / n) / n
    residuals = residuals - (table[:, 2] - table[:, 3] * other_part / other_n) / other_n
    return sqrt(len(table) / (len(table) - 1) * float((residuals**2).sum()))


def paired_bootstrap(
    rows: Sequence[Sequence[int]] | Table, level: float = 0.95, draws: int = DRAWS, seed: int = SEED
) -> tuple[float, float]:
    """The percentile interval of the difference when prompts are drawn anew, all rollouts of one together.

    Args:
        rows: As `difference` takes them; each prompt has rollouts on both sides.
        level: Nominal coverage.
        draws: How many times prompts are drawn.
        seed: Of the draws, so that the same data give the same interval.

    Source: B. Efron, R. J. Tibshirani (1993), An Introduction to the Bootstrap, 13.3; A. C. Davison,
    D. V. Hinkley (1997), Bootstrap Methods and their Application, 3.8, for drawing clusters whole.
    """
    table = np.asarray(rows, dtype=np.int64).reshape(-1, 4)
    chance = np.random.default_rng(seed)
    totals = chance.multinomial(len(table), np.full(len(table), 1 / len(table)), size=draws) @ table
    drawn = totals[:, 0] / totals[:, 1] - totals[:, 2] / totals[:, 3]
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _t_interval(value: float, error: float, degrees: int, level: float) -> tuple[float, float]:
    from scipy.stats import t

    half = float(t.ppf((1 + level) / 2, degrees)) * error
    return max(-1.0, value - half), min(1.0, value + half)


def _t_test(value: float, error: float, degrees: int) -> Tested:
    from scipy.stats import t

    statistic = value / error
    return Tested("t, clustered by prompt", 2 * float(t.sf(abs(statistic), degrees)), statistic)


def _weights_differ(table: Table) -> bool:
    """Whether the two sides are made of the prompts in clearly different proportions."""
    first, second = table[:, 1] / table[:, 1].sum(), table[:, 3] / table[:, 3].sum()
    return bool(np.abs(first - second).sum() / 2 > WEIGHTS_DIFFER)
