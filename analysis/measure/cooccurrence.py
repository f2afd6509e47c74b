"""Which patterns appear in the same traces, more or less often than chance would have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from math import exp, log, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE, these_prompts_only
from analysis.measure.judged import PRESENT, UNKNOWN, Signs
from analysis.measure.ratio import t_quantile

COLUMNS = (
    "first", "second", "n", "first_n", "second_n", "both", "expected", "lift", "low", "high", "p",
    "second_given_first", "first_given_second", "prompts", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two patterns in the same traces.

    Attributes:
        first, second: The patterns.
        n: Traces in which both are known.
        first_n, second_n, both: Traces of them that show the one, the other, both.
        lift: How many times as often they appear together as they would by chance: both n / (first_n second_n).
            None where one never appears, and `note` says so.
        low, high: Its interval; None where they never appear together.
        p: Of the test that the lift is 1; None without an interval.
        prompts: How many prompts the traces are of.
        note: What must be said beside it; None when there is nothing.
    """

    first: str
    second: str
    n: int
    first_n: int
    second_n: int
    both: int
    lift: float | None
    low: float | None
    high: float | None
    p: float | None
    prompts: int
    note: str | None

    @property
    def expected(self) -> float | None:
        """How many traces would show both by chance."""
        return self.first_n * self.second_n / self.n if self.n else None

    def as_row(self) -> dict[str, Any]:
        """A flat mapping: COLUMNS."""
        row = {
            **asdict(self),
            "expected": self.expected,
            "second_given_first": self.both / self.first_n if self.first_n else None,
            "first_given_second": self.both / self.second_n if self.second_n else None,
        }
        return {column: row[column] for column in COLUMNS}


def cooccurrence(patterns: Mapping[str, Signs], prompt: npt.NDArray[np.int32]) -> list[Pair]:
    """Every pair of patterns, over the traces in which both are known.

    The interval is that of the lift's logarithm by the delta method: over prompts from PROMPTS_TO_GENERALISE up,
    all rollouts of one together, else over traces.

    Args:
        patterns: For each pattern (N,) whether it is in the trace.
        prompt: (N,) each trace's prompt, as a whole number from 0 up.

    Source: the lift of S. Brin, R. Motwani, J. D. Ullman, S. Tsur (1997), Dynamic itemset counting and implication
    rules for market basket data, SIGMOD 26, 255-264 (there called interest); linearization as in `clusters`.
    """
    return [
        _pair(one, other, patterns[one], patterns[other], prompt) for one, other in combinations(patterns, 2)
    ]


def _pair(first: str, second: str, a: Signs, b: Signs, prompt: npt.NDArray[np.int32]) -> Pair:
    known = (a != UNKNOWN) & (b != UNKNOWN)
    has_a, has_b, of = a[known] == PRESENT, b[known] == PRESENT, prompt[known]
    together = has_a & has_b
    n, first_n, second_n, both = len(of), int(has_a.sum()), int(has_b.sum()), int(together.sum())
    counts = (n, first_n, second_n, both)
    rollouts = np.bincount(of)
    prompts = int(np.count_nonzero(rollouts))
    if not (first_n and second_n):
        reason = (
            "nothing was judged" if not n else f"{'the first' if not first_n else 'the second'} never appears"
        )
        return Pair(first, second, *counts, None, None, None, None, prompts, reason)
    lift = both * n / (first_n * second_n)
    if not both:
        return Pair(first, second, *counts, lift, None, None, None, prompts, "never together, so no interval")
    many = prompts >= PROMPTS_TO_GENERALISE
    if many:
        parts = [np.bincount(of[each], minlength=len(rollouts)) for each in (together, has_a, has_b)]
        pulls = parts[0] / both - parts[1] / first_n - parts[2] / second_n + rollouts / n
        variance = prompts / (prompts - 1) * float((pulls**2).sum())
    else:
        variance = _independent(*counts)
    degrees = prompts - 1 if many else n - 1
    note = None if many else these_prompts_only(prompts)
    if variance <= 0 or degrees < 1:
        return Pair(first, second, *counts, lift, None, None, None, prompts, "nothing varies, so no interval")
    from scipy.special import stdtr

    error = sqrt(variance)
    half = t_quantile(0.975, degrees) * error
    p = 2 * float(stdtr(degrees, -abs(log(lift)) / error))
    return Pair(first, second, *counts, lift, lift * exp(-half), lift * exp(half), p, prompts, note)


def _independent(n: int, first_n: int, second_n: int, both: int) -> float:
    """The variance of the lift's logarithm for independent traces, from the four kinds that there are."""
    one, other, none = first_n - both, second_n - both, n - first_n - second_n + both
    pulls = (
        (both, 1 / both - 1 / first_n - 1 / second_n + 1 / n),
        (one, 1 / n - 1 / first_n),
        (other, 1 / n - 1 / second_n),
        (none, 1 / n),
    )
    return sum(number * pull * pull for number, pull in pulls)
