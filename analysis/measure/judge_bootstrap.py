"""Percentile intervals from resampling prompts, all rollouts of one together, or trajectories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.measure.intervals import wilson

DRAWS = 2_000
SEED = 20260201
MOST_UNDEFINED = 0.05
"""With more undefined resamples than this share there is no interval: those that remain are a biased choice."""
AT_ONCE = 2_000_000
"""Picks held at a time."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """A figure with its interval.

    Attributes:
        value: None where it is undefined.
        low, high: The 95 % interval; None where there is none.
        note: Why there is no value, or no interval; how the interval was made where it was not by resampling.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    note: str | None = None

    def as_row(self, name: str) -> dict[str, float | None]:
        """name, name_low, name_high."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


@dataclass(frozen=True)
class Sample:
    """What is resampled: units whose numbers add up.

    Attributes:
        rows: (kinds, columns) the numbers that a unit brings, each kind of unit once.
        times: (kinds,) how many units of each kind there are.
        unit: prompts, or trajectories.
        prompts: How many prompts the trajectories are of.
    """

    rows: Array
    times: npt.NDArray[np.int64]
    unit: str
    prompts: int

    @property
    def totals(self) -> Array:
        """(columns,) the numbers of all units together."""
        return np.asarray(self.times @ self.rows, dtype=np.float64)

    @property
    def told(self) -> str:
        """What the intervals were made from, and of what they speak."""
        if self.unit == "prompts":
            return f"resampled over {self.prompts} prompts"
        these = "this prompt" if self.prompts == 1 else f"these {self.prompts} prompts"
        return f"resampled over trajectories: for {these} only"

    def resampled(self, draws: int = DRAWS, seed: int = SEED) -> Array:
        """(draws, columns) the totals of samples drawn with replacement, the same for the same data."""
        n, kinds = int(self.times.sum()), len(self.times)
        if n == 0:
            return np.zeros((draws, self.rows.shape[1]))
        chance = np.random.default_rng(seed)
        if n > 10 * kinds:
            return np.asarray(chance.multinomial(n, self.times / n, size=draws) @ self.rows, dtype=np.float64)
        # Of many kinds it is faster to draw units one by one than to draw how many there are of each.
        units = np.repeat(self.rows, self.times, axis=0)
        picks = (chance.integers(n, size=(part, n)) for part in _parts(draws, max(1, AT_ONCE // n)))
        return np.concatenate([np.stack([of[each].sum(axis=1) for of in units.T], axis=1) for each in picks])


def _parts(whole: int, most: int) -> list[int]:
    """The whole in parts of at most so much: 5 by 2 is [2, 2, 1]."""
    return [min(most, whole - start) for start in range(0, whole, most)]


def sample(rows: npt.ArrayLike, prompts: npt.NDArray[np.int64]) -> Sample:
    """Prepare trajectories for resampling: over prompts from PROMPTS_TO_GENERALISE prompts up, else each by itself.

    Args:
        rows: (trajectories, columns) numbers that add up, such as (1, 0, 0, 0) for a right positive.
        prompts: (trajectories,) the number of each one's prompt, from 0.
    """
    numbers = np.asarray(rows, dtype=np.float64)
    there = np.bincount(prompts) > 0
    if there.sum() < PROMPTS_TO_GENERALISE:
        return _of_kinds(numbers, "trajectories", int(there.sum()))
    columns = [np.bincount(prompts, weights=column)[there] for column in numbers.T]
    return _of_kinds(np.stack(columns, axis=1), "prompts", int(there.sum()))


def sample_of_cells(cells: npt.NDArray[np.int64], kinds: int, prompts: npt.NDArray[np.int64]) -> Sample:
    """`sample` where a trajectory falls into one of so many cells and counts 1 there; for very many of them.

    Args:
        cells: (trajectories,) the number of each one's cell.
        kinds: How many cells there are.
        prompts: (trajectories,) the number of each one's prompt, from 0.
    """
    there = np.bincount(prompts) > 0
    if there.sum() < PROMPTS_TO_GENERALISE:
        return Sample(np.eye(kinds), np.bincount(cells, minlength=kinds), "trajectories", int(there.sum()))
    table = np.bincount(prompts * kinds + cells, minlength=len(there) * kinds).reshape(-1, kinds)
    return _of_kinds(table[there].astype(np.float64), "prompts", int(there.sum()))


def _of_kinds(units: Array, unit: str, prompts: int) -> Sample:
    """Units that bring the same are one kind."""
    if not len(units):
        return Sample(units, np.zeros(0, dtype=np.int64), unit, prompts)
    rows, times = np.unique(units, axis=0, return_counts=True)
    return Sample(rows, times, unit, prompts)


def figure(
    value: float | npt.NDArray[Any],
    drawn: Array,
    of: Sample,
    undefined: str,
    share_of: Sequence[int] | None = None,
) -> Figure:
    """A statistic of the totals, with its 95 % percentile interval.

    Args:
        value: The statistic of `of.totals`; NaN where it is undefined.
        drawn: (draws,) the statistic of each of `of.resampled()`.
        of: The units.
        undefined: Why the statistic has no value, if it has none.
        share_of: Where the statistic is a share: the columns whose units it is a share of. Where resampling
            can't move it (at 0 and 1), or too few units bear on it, its interval is Wilson's over these units.
    """
    value = float(value)
    if np.isnan(value):
        return Figure(None, note=undefined)
    defined = drawn[~np.isnan(drawn)]
    lost = 1 - len(defined) / len(drawn)
    moved = len(defined) > 0 and bool(np.ptp(defined) > 0)
    if share_of is not None and (not moved or lost > MOST_UNDEFINED):
        bearing = int(of.times[of.rows[:, list(share_of)].sum(axis=1) > 0].sum())
        low, high = wilson(round(value * bearing), bearing) or (value, value)
        return Figure(value, min(low, value), max(high, value), f"interval: Wilson's ({of.unit}: {bearing})")
    if lost > MOST_UNDEFINED:
        return Figure(value, note=f"no interval: undefined in {lost:.0%} of the resamples, too few cases")
    if not moved:
        return Figure(value, note="no interval: every resample gives the same value")
    low, high = (float(bound) for bound in np.quantile(defined, [0.025, 0.975]))
    return Figure(value, min(low, value), max(high, value))


def share(part: Array, whole: Array) -> Array:
    """Part / whole; NaN where whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(part / whole, dtype=np.float64)
