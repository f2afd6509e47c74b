"""How many calls are under way at once: fewer when the endpoint pushes back, more again while it does not.

Additive increase, multiplicative decrease (D. Chiu and R. Jain, 1989, Analysis of the increase and decrease
algorithms for congestion avoidance in computer networks, Computer Networks and ISDN Systems 17, 1-14).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from analysis.errors import UserError

DECREASE = 0.5
BUSY = (429, 503, 529)
"""Statuses by which an endpoint says that it is asked too much."""


class Lanes:
    """Room for calls to one endpoint, of one event loop.

    A status of `BUSY` halves the room. So do two other 5xx in a row by different callers: one alone may be the
    fault of what was asked. Calls that began before the last change say nothing new. Each call that is
    answered gives 1/room back, so that a full round gives one lane more, up to `most`.

    Usage:
        async with lanes.one(caller) as lane:
            ...
            lane.status = 429

    Args:
        most: Calls at once, at the most.

    Attributes:
        room: Calls at once, at the moment; its whole part counts, and it is never below 1.
        fewest: The least that `room` has been.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.room = self.fewest = float(most)
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed_until = 0.0
        self._changed = 0.0
        self._failed: object | None = None

    @asynccontextmanager
    async def one(self, caller: object) -> AsyncIterator[Lane]:
        """Wait for a lane, and give it back.

        Args:
            caller: The same for each try of one call. It leaves the outcome on the lane.
        """
        await self._enter()
        lane = Lane(caller, time.monotonic())
        try:
            yield lane
        finally:
            self._busy -= 1
            self._learn(lane)
            self._let_in()

    async def _enter(self) -> None:
        while True:
            closed = self._closed_until - time.monotonic()
            if closed > 0:
                await asyncio.sleep(closed)
            elif self._busy < int(self.room):
                self._busy += 1
                return
            else:
                turn = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                try:
                    await turn
                except asyncio.CancelledError:
                    self._let_in()
                    raise

    def _learn(self, lane: Lane) -> None:
        if lane.status is None:
            return
        if lane.pause:
            self._closed_until = max(self._closed_until, time.monotonic() + lane.pause)
        failed = lane.status >= 500
        if lane.status in BUSY or (failed and self._failed not in (None, lane.caller)):
            if lane.began >= self._changed:
                self.room = max(1.0, self.room * DECREASE)
                self.fewest = min(self.fewest, self.room)
                self._changed = time.monotonic()
        elif not failed:
            self.room = min(float(self.most), self.room + 1 / self.room)
        self._failed = lane.caller if failed else None

    def _let_in(self) -> None:
        free = int(self.room) - self._busy
        while free > 0 and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


class Lane:
    """One call's lane.

    Attributes:
        caller: Whose it is.
        began: When it was entered, by the monotonic clock.
        status: The HTTP status that the call was answered with; None where there was no answer.
        pause: Seconds for which the endpoint wants no calls at all.
    """

    def __init__(self, caller: object, began: float) -> None:
        self.caller = caller
        self.began = began
        self.status: int | None = None
        self.pause: float | None = None


@contextmanager
def first_to_mend() -> Iterator[None]:
    """Of the errors of a group of tasks raise the first that a user can mend, else the first."""
    try:
        yield
    except BaseExceptionGroup as group:
        errors = group.exceptions
        raise next((each for each in errors if isinstance(each, UserError)), errors[0]) from None
