"""Trajectories to judge, one after another: read ahead, judged so many at once, committed every second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis import runs
from analysis.errors import StoreBusy
from analysis.judge.lanes import first_to_mend
from analysis.judge.ledger import Ledger
from analysis.judge.replies import Place, Reply, kept

if TYPE_CHECKING:  # the client brings the openai package, which nobody waits for who does not judge
    from analysis.judge.judging import Bench

COMMIT_SECONDS = 1.0
RAMP_SECONDS = 0.003
"""From one worker's start to the next one's: calls that began together would also be answered together."""
READ_AHEAD = 100
"""Trajectories read at a time, at the least: texts are held for these and for the calls under way only."""


@dataclass(frozen=True)
class Case:
    """A trajectory to judge, with what has come of it before."""

    item: runs.Item
    kept: Mapping[Place, Reply] = field(default_factory=dict)
    given: Mapping[Place, Any] = field(default_factory=dict)


async def judge_all(bench: Bench, ledger: Ledger, todo: Sequence[int]) -> None:
    """Judge the trajectories at these places by calls, and commit while they are under way."""

    async def cases() -> AsyncIterator[Case]:
        size = max(READ_AHEAD, 4 * bench.client.lanes.most)
        for start in range(0, len(todo), size):
            if bench.purse.empty:
                return
            for case in await asyncio.to_thread(read_cases, ledger, todo[start : start + size]):
                yield case

    await judge_cases(bench, ledger, cases())


async def judge_cases(bench: Bench, ledger: Ledger, cases: AsyncIterator[Case]) -> None:
    """Judge as many at once as there are connections, and commit what has come every second."""
    workers = bench.client.lanes.most
    queue: asyncio.Queue[Case | None] = asyncio.Queue(maxsize=2 * workers)
    with first_to_mend():
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(_feed(queue, cases, workers))]
            work += [
                group.create_task(_work(queue, bench, ledger, number * RAMP_SECONDS))
                for number in range(workers)
            ]
            writer = group.create_task(_commit_regularly(ledger))
            await asyncio.wait(work)
            writer.cancel()


def read_cases(ledger: Ledger, places: Sequence[int]) -> list[Case]:
    """Read trajectories with the replies of earlier attempts; what has no reasoning goes to the ledger at once."""
    with ledger.store.session() as db:
        read = list(runs.items(db, places))
        items = [each for each in read if isinstance(each, runs.Item)]
        left = kept(db, ledger.run_id, [item.reasoning_sha256 for item in items])
    for each in read:
        if isinstance(each, runs.Result):
            ledger.add(each)
    return [Case(item, left.get((item.trajectory_id, item.reasoning_sha256), {})) for item in items]


async def _feed(queue: asyncio.Queue[Case | None], cases: AsyncIterator[Case], workers: int) -> None:
    async for case in cases:
        await queue.put(case)
    for _ in range(workers):
        await queue.put(None)


async def _work(queue: asyncio.Queue[Case | None], bench: Bench, ledger: Ledger, begin: float) -> None:
    from analysis.judge.judging import judge

    case = await queue.get()
    await asyncio.sleep(begin)
    while case is not None:
        if (result := await judge(bench, case.item, case.kept, case.given)) is not None:
            ledger.add(result)
        case = await queue.get()


async def _commit_regularly(ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(COMMIT_SECONDS)
        with suppress(StoreBusy):  # calls under way are paid for: what has come is kept for the next commit
            await asyncio.to_thread(ledger.commit)
