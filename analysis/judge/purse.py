"""The money that a run may spend: a call is begun only if what it may cost still fits."""

from __future__ import annotations

import asyncio

LEAST_OUTPUT = 1_000
"""Tokens that a reply is taken to be as long as no longer one has come."""


class LimitReached(Exception):
    """The next call could pass the limit, and no call is under way that would free what was set aside for it."""


class Purse:
    """A limit in US dollars, of one event loop.

    Usage:
        await purse.set_aside(0.02)      # waits while calls under way hold what is left
        purse.pay(0.02, 0.013)           # the call cost less

    Args:
        limit: What may be spent; None for as much as like.
        spent: What has been spent already.
        longest_output: Tokens of the longest reply so far.

    Attributes:
        spent: What has been spent; a call that nobody told the cost of counts with what was set aside for it.
        empty: Whether a call had to be left out.
        longest_output: Tokens of the longest reply so far.
        in_batches: What the batches under way may cost.
    """

    def __init__(self, limit: float | None = None, spent: float = 0.0, longest_output: int = 0) -> None:
        self.limit = limit
        self.spent = spent
        self.empty = False
        self.longest_output = max(longest_output, LEAST_OUTPUT)
        self.in_batches = 0.0
        self._held = 0.0
        self._calls = 0
        self._paid = asyncio.Event()

    def fits(self, dollars: float) -> bool:
        """Whether so much more can be spent, beside what is set aside."""
        return self.limit is None or self.spent + self._held + self.in_batches + dollars <= self.limit

    async def set_aside(self, dollars: float) -> None:
        """Hold what a call may cost.

        Raises:
            LimitReached: It does not fit, and no call is under way that could change that.
        """
        while self.empty or not self.fits(dollars):
            if self.empty or not self._calls:
                self.empty = True
                raise LimitReached(f"the limit of {self.limit:g} USD leaves no call")
            self._paid.clear()
            await self._paid.wait()
        self._held += dollars
        self._calls += 1

    def pay(self, held: float, cost: float | None) -> None:
        """Let go of what was held for a call and count what it cost."""
        self._calls -= 1
        self._held = self._held - held if self._calls else 0.0
        self.spent += held if cost is None else cost
        self._paid.set()
