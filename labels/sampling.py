"""Drawing traces from overlapping strata so that each one's inclusion probability is known exactly.

From each stratum an own sample is drawn, without replacement and independently of the others; its size depends on the
strata alone. A stratum draws its members alike, each with probability m / N, or in proportion to their sizes. So a trace
that stratum s draws with probability π_s is drawn by at least one of them with probability 1 - Π (1 - π_s), and what is
drawn is labelled in random order: any first part of it is a sample too.

    strata = [Stratum("uniform", 0.5, np.arange(1000)), Stratum("unsure", 0.5, unsure)]
    drawn = draw(1000, strata, size=200, seed=7)

Source: several frames that overlap, drawn from independently, M. Bankier (1986), Estimators based on several
stratified samples, Journal of the American Statistical Association 81, 1074-1079. In proportion to size, systematically
from a random order: H. Hartley, J. Rao (1962), Sampling with unequal probabilities and without replacement, Annals of
Mathematical Statistics 33, 350-374.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TURN = 0.6180339887498949
"""Steps of the golden ratio spread evenly over a turn, however many there are."""

Places = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stratum:
    """Traces that are drawn from for one reason.

    Attributes:
        weight: Its share of the draws, relative to the other strata's.
        members: Places in the frame, each once.
        sizes: (members,) above 0: what the chance of each is in proportion to, up to 1; None where all are alike.
    """

    reason: str
    weight: float
    members: Places
    sizes: Array | None = None

    def chances(self, count: int) -> Array:
        """(members,) the probability with which each is among so many draws; they add up to their number."""
        if self.sizes is None or count >= len(self.members):
            return np.full(len(self.members), min(1.0, count / len(self.members)))
        found = np.ones(len(self.members))
        open_ = np.ones(len(self.members), dtype=np.bool_)
        while True:  # who would have a chance above 1 is drawn for certain, and the others share what is left
            rest = (count - (~open_).sum()) * self.sizes / self.sizes[open_].sum()
            if not (certain := open_ & (rest > 1)).any():
                return np.where(open_, rest, found)
            open_ &= ~certain

    def sample(self, count: int, chance: np.random.Generator) -> Places:
        """So many members, each with its chance."""
        if self.sizes is None:
            return np.asarray(chance.choice(self.members, count, replace=False))
        order = chance.permutation(len(self.members))
        edges = np.cumsum(self.chances(count)[order])
        picks = np.searchsorted(edges, chance.random() + np.arange(count), side="right")
        return np.asarray(self.members[order[np.minimum(picks, len(order) - 1)]])


@dataclass(frozen=True)
class Drawn:
    """A sample of a frame.

    Attributes:
        probability: (frame,) with which each trace was to be drawn by any stratum.
        stratum: (frame,) the first stratum that drew it; -1 where none did.
        samples: What each stratum drew.
    """

    probability: Array
    stratum: Places
    samples: tuple[Places, ...]

    @property
    def draws(self) -> tuple[int, ...]:
        """How many each stratum drew."""
        return tuple(len(sample) for sample in self.samples)


def draw(frame: int, strata: Sequence[Stratum], size: int, seed: int) -> Drawn:
    """Draw from all strata until `size` different traces are to be expected, or all of the first stratum are in.

    Args:
        frame: How many traces there are.
        strata: The first one has all of them.
        size: How many traces are wanted.
        seed: The same seed, frame and strata give the same sample.
    """
    draws = _enough(frame, strata, min(size, frame))
    chance = np.random.default_rng(seed)
    samples = [each.sample(count, chance) for each, count in zip(strata, draws, strict=True)]
    stratum = np.full(frame, -1, dtype=np.int64)
    for number, sample in reversed(list(enumerate(samples))):
        stratum[sample] = number
    return Drawn(_probability(frame, strata, draws), stratum, tuple(samples))


def _enough(frame: int, strata: Sequence[Stratum], size: int) -> list[int]:
    """The fewest rounds after which so many are expected, as draws of each stratum."""
    low, high = 0.0, len(strata[0].members) / strata[0].weight + 1
    for _ in range(60):
        middle = (low + high) / 2
        expected = _probability(frame, strata, _draws(strata, middle)).sum()
        low, high = (middle, high) if expected < size - 1e-9 else (low, middle)
    return _draws(strata, high)


def _draws(strata: Sequence[Stratum], rounds: float) -> list[int]:
    """How many each stratum has drawn after so many rounds: its share, until it is used up.

    Shares are rounded up or down in turn, so that of many small strata some are drawn from however few rounds.
    """
    return [
        min(len(each.members), int(each.weight * rounds + (0.5 + TURN * number) % 1))
        for number, each in enumerate(strata)
    ]


def _probability(frame: int, strata: Sequence[Stratum], draws: Sequence[int]) -> Array:
    missed = np.ones(frame)
    for each, count in zip(strata, draws, strict=True):
        if count:
            missed[each.members] *= 1 - each.chances(count)
    return 1 - missed
