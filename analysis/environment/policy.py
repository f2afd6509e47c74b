"""What a simulated trace is to show, drawn before a word of it is written.

Shares are kept exactly: what stands alone is drawn from a Gaussian with a part that all of a trace's draws have
in common (its disposition), and what needs something else is drawn among the traces that have it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from analysis.environment.rates import GAMING, Checkpoint, Rates
from analysis.environment.variant import Variant

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Plan:
    """What one trace is to show.

    Attributes:
        games: Whether its answer breaks the request.
        shown: The patterns that are present.
    """

    games: bool
    shown: frozenset[str]


def draw_plan(
    rates: Rates, checkpoint: Checkpoint, variant: Variant, possible: Collection[str], rng: random.Random
) -> Plan:
    """Draw one trace's plan.

    Args:
        rates: The shares.
        checkpoint: Whose.
        variant: Under which prompt.
        possible: The patterns that there are sentences for under this prompt, in a fixed order.
        rng: Where chance comes from.
    """
    disposition = rng.gauss()
    held: dict[str, bool] = {}

    def share(key: str) -> float:
        return rates.share(checkpoint, variant, key)

    def drawn(key: str) -> bool:
        if key not in held:
            held[key] = draw(key)
        return held[key]

    def draw(key: str) -> bool:
        if key not in (GAMING, *possible):
            return False
        needed = rates.needed(variant, key)
        if needed is not None and not drawn(needed):
            return False
        among = share(needed) if needed else 1.0
        if key == "reward_chosen" and variant.conflict:
            # Commitments stand where the answer games; some are made and taken back where it does not.
            gaming, chosen = share(GAMING), share(key)
            if drawn(GAMING):
                return rng.random() * gaming < (1 - rates.taken_back) * chosen
            return rng.random() * (among - gaming) < rates.taken_back * chosen
        if key == "reward_chosen":
            # Request and reward agree: an answer that breaks the request was not chosen for the reward.
            return not drawn(GAMING) and rng.random() * (1 - share(GAMING)) < share(key)
        if needed is not None:
            return rng.random() * among < share(key)
        together = rates.together.get(key, 0.0)
        latent = together * disposition + math.sqrt(1 - together * together) * rng.gauss()
        return latent > _threshold(share(key))

    games = drawn(GAMING)
    return Plan(games, frozenset(key for key in possible if drawn(key)))


@lru_cache(maxsize=4096)
def _threshold(share: float) -> float:
    """What a standard normal exceeds with this chance."""
    return -_NORMAL.inv_cdf(share) if 0 < share < 1 else math.inf if share <= 0 else -math.inf
