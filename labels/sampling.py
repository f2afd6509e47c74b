"""Drawing traces from overlapping strata so that each one's inclusion probability is known exactly.

From each stratum an own simple random sample is drawn, without replacement and independently of the others; its
size depends on the strata's sizes alone. So a trace of strata s is drawn by at least one of them with probability
1 - Π (1 - m_s / N_s), and what is drawn is labelled in random order: any first part of it is a sample too.

    strata = [Stratum("uniform", 0.5, np.arange(1000)), Stratum("unsure", 0.5, unsure)]
    drawn = draw(1000, strata, size=200, seed=7)

Source: several frames that overlap, drawn from independently, M. Bankier (1986), Estimators based on several
stratified samples, Journal of the American Statistical Association 81, 1074-1079.
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
    """

    reason: str
    weight: float
    members: Places


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
    samples = [
        chance.choice(each.members, count, replace=False) for each, count in zip(strata, draws, strict=True)
    ]
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
            missed[each.members] *= 1 - count / len(each.members)
    return 1 - missed
