"""How far people agree. What is undefined is None, never 0 or 1.

Ratings are given as one sequence a rater, of the same length; None where a rater did not rate a unit. Every figure is
a function of sums over units (`sums`), so that `judge_bootstrap` can resample units and have its interval.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
Ratings = Sequence[Sequence[Hashable | None]]
MISSING = -1
PAIRED = -2
"""The column of `sums` that counts units with two ratings or more."""


def percent_agreement(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """The share of units that two raters gave the same value; None without units."""
    _check_same_length(first, second)
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first) if first else None


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float | None:
    """Cohen's kappa for two raters and nominal values.

    Args:
        first: One rater's values.
        second: The other's, of the same units in the same order.

    Returns:
        kappa; None without units, or where both raters gave every unit one and the same value, so that
        agreement by chance is certain.

    Source: J. Cohen (1960), A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20, 37-46.
    """
    _check_same_length(first, second)
    return _one("kappa", [first, second])


def krippendorff_alpha(ratings: Ratings, level: Level = "nominal") -> float | None:
    """Krippendorff's alpha for any number of raters and missing ratings.

    Args:
        ratings: One sequence a rater.
        level: How values differ. For all but nominal they must be numbers.

    Returns:
        alpha; None where no unit has two ratings, or all ratings of such units are one value.

    Source: K. Krippendorff (2011), Computing Krippendorff's alpha-reliability, section D, and its metrics.
    """
    codes, values = coded(ratings)
    coincidences = Sums(sums(codes, len(values)).sum(axis=0), len(values)).coincidences
    distance = _distance(values, coincidences.sum(axis=0), level)
    return _defined(_alpha(coincidences, distance))


def gwet_ac1(ratings: Ratings, values: Sequence[Hashable] = ()) -> float | None:
    """Gwet's AC1 for any number of raters, nominal values and missing ratings.

    Args:
        ratings: One sequence a rater.
        values: The values that raters could choose from, where not all were used. With one value alone AC1 is
            undefined.

    Source: K. L. Gwet (2008), Computing inter-rater reliability and its variance in the presence of high
    agreement, British Journal of Mathematical and Statistical Psychology 61, 29-48.
    """
    return _one("ac1", ratings, values)


def fleiss_kappa(ratings: Ratings) -> float | None:
    """Fleiss' kappa for several raters who are not the same for each unit; nominal values.

    Source: J. L. Fleiss (1971), Measuring nominal scale agreement among many raters, Psychological Bulletin 76,
    378-382; with ratings missing, shares of each unit's own.
    """
    return _one("fleiss", ratings)


def specific_agreement(ratings: Ratings, value: Hashable) -> float | None:
    """How often a second rater says this value of a unit of which a first one says it.

    For two values and two raters these are the positive and the negative agreement. None where nobody says it.

    Source: D. V. Cicchetti, A. R. Feinstein (1990), High agreement but low kappa II, Journal of Clinical
    Epidemiology 43, 551-558; R. L. Spitzer, J. L. Fleiss (1974) for several values and raters.
    """
    codes, values = coded(ratings)
    if value not in values:
        return None
    totals = Sums(sums(codes, len(values)).sum(axis=0), len(values))
    return _defined(totals.specific(values.index(value)))


def coded(ratings: Ratings, values: Sequence[Hashable] = ()) -> tuple[npt.NDArray[np.int64], list[Hashable]]:
    """Ratings as numbers of their values.

    Returns:
        (units, raters) places in the list of values, MISSING where a unit was not rated; the values, in order
        where they have one.
    """
    known: list[Hashable] = list(values)
    found = {value for row in ratings for value in row if value is not None and value not in known}
    try:
        known += sorted(found)  # type: ignore[type-var]
    except TypeError:
        known += sorted(found, key=repr)
    place: Mapping[Hashable | None, int] = {value: number for number, value in enumerate(known)}
    units = list(zip(*ratings, strict=True))
    table = [[place.get(value, MISSING) for value in unit] for unit in units]
    return np.array(table, dtype=np.int64).reshape(len(units), len(ratings)), known


def sums(codes: npt.NDArray[np.int64], values: int) -> Array:
    """What each unit brings to the sums that `Sums` reads: (units, columns)."""
    said = (codes[:, :, None] == np.arange(values)).astype(np.float64)
    counts = said.sum(axis=1)
    raters = counts.sum(axis=1)
    paired = raters > 1
    pairs = np.einsum("uj,uk->ujk", counts, counts) - np.einsum("uj,jk->ujk", counts, np.eye(values))
    by_unit = np.where(paired, raters - 1, np.inf)[:, None, None]
    together = pairs * paired[:, None, None]
    same = np.einsum("ujj->u", together) / np.where(paired, raters * (raters - 1), 1)
    shares = counts / np.maximum(raters, 1)[:, None]
    joint = np.einsum("uj,uk->ujk", said[:, 0], said[:, 1]) if codes.shape[1] == 2 else np.zeros_like(pairs)
    flat = [(together / by_unit), together, joint]
    return np.concatenate(
        [
            *(each.reshape(len(codes), values * values) for each in flat),
            shares,
            np.stack([same, paired, raters > 0], axis=1),
        ],
        axis=1,
    )


class Sums:
    """The figures of summed units.

    Args:
        totals: (…, columns) sums of what `sums` gives, over any units.
        values: How many values there are.
    """

    def __init__(self, totals: Array, values: int) -> None:
        k = values
        square = (*totals.shape[:-1], k, k)
        self.coincidences = totals[..., : k * k].reshape(square)
        self._pairs = totals[..., k * k : 2 * k * k].reshape(square)
        self._joint = totals[..., 2 * k * k : 3 * k * k].reshape(square)
        self._shares = totals[..., 3 * k * k : 3 * k * k + k]
        self._same, self._paired, self._rated = (totals[..., 3 * k * k + k + n] for n in range(3))

    @property
    def percent(self) -> Array:
        """The mean over units of the share of their pairs of ratings that are the same."""
        return _over(self._same, self._paired)

    @property
    def kappa(self) -> Array:
        """Cohen's kappa; of two raters only."""
        n = self._joint.sum(axis=(-2, -1))
        observed = _over(np.trace(self._joint, axis1=-2, axis2=-1), n)
        expected = _over((self._joint.sum(axis=-1) * self._joint.sum(axis=-2)).sum(axis=-1), n * n)
        return _beyond(observed, expected)

    @property
    def alpha(self) -> Array:
        """Krippendorff's alpha, nominal."""
        return alpha_of(self.coincidences)

    @property
    def ac1(self) -> Array:
        """Gwet's AC1."""
        share = _over(self._shares, self._rated[..., None])
        values = share.shape[-1]
        by_chance = (share * (1 - share)).sum(axis=-1)
        return _beyond(self.percent, _over(by_chance, np.full_like(by_chance, values - 1)))

    @property
    def fleiss(self) -> Array:
        """Fleiss' kappa."""
        share = _over(self._shares, self._rated[..., None])
        return _beyond(self.percent, (share**2).sum(axis=-1))

    def specific(self, value: int) -> Array:
        """The agreement on one value."""
        return _over(self._pairs[..., value, value], self._pairs[..., value, :].sum(axis=-1))


def alpha_of(coincidences: Array) -> Array:
    """Krippendorff's alpha, nominal, of (…, values, values) pairs of ratings; NaN where it is undefined."""
    return _alpha(coincidences, 1 - np.eye(coincidences.shape[-1]))


def _alpha(coincidences: Array, distance: Array) -> Array:
    by_value = coincidences.sum(axis=-1)
    n = by_value.sum(axis=-1)
    observed = (coincidences * distance).sum(axis=(-2, -1))
    expected = (by_value[..., :, None] * by_value[..., None, :] * distance).sum(axis=(-2, -1))
    return 1 - _over((n - 1) * observed, expected)


def _distance(values: Sequence[Hashable], by_value: Array, level: Level) -> Array:
    """(values, values) how far each is from each, squared."""
    if level == "nominal":
        return np.asarray(1 - np.eye(len(values)))
    if level == "ordinal":
        below = np.cumsum(by_value) - by_value / 2
        return np.asarray((below[:, None] - below[None, :]) ** 2)
    number = np.array(values, dtype=np.float64)
    apart = number[:, None] - number[None, :]
    return np.asarray(
        apart**2 if level == "interval" else _or_0(apart, number[:, None] + number[None, :]) ** 2
    )


def _one(figure: str, ratings: Ratings, values: Sequence[Hashable] = ()) -> float | None:
    codes, known = coded(ratings, values)
    return _defined(getattr(Sums(sums(codes, len(known)).sum(axis=0), len(known)), figure))


def _beyond(observed: Array, expected: Array) -> Array:
    """Agreement beyond chance, as a share of what chance leaves."""
    return _over(observed - expected, np.where(expected < 1 - 1e-12, 1 - expected, 0))


def _over(part: Array, whole: Array) -> Array:
    """Part / whole; NaN where whole is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole == 0, np.nan, part / whole), dtype=np.float64)


def _or_0(part: Array, whole: Array) -> Array:
    return np.nan_to_num(_over(part, whole))


def _defined(value: Array) -> float | None:
    return None if np.isnan(value) else float(value)


def _check_same_length(first: Sequence[Hashable], second: Sequence[Hashable]) -> None:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values: two raters must rate the same units")
