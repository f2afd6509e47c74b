"""Judging in batches: calls written to files, handed to the endpoint, and collected when they are done.

A batch may take a day. What is under way stands in the store before it is handed over, so the same command
finds it again after any stop, waits for the rest and pays for nothing twice. A reply that can't be read is
repaired by a call at once; calls that a batch did not get done go into the next one.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from openai.types import Batch as RemoteBatch

from analysis.errors import UserError
from analysis.judge import batches
from analysis.judge.batch_api import ENDED, BatchApi
from analysis.judge.batch_files import NotDone, Parcel, for_case, outcomes, pack
from analysis.judge.batches import Batch
from analysis.judge.cases import READ_AHEAD, Case, judge_cases, read_cases
from analysis.judge.client import CallFailed
from analysis.judge.judging import Bench, Outcome
from analysis.judge.ledger import Ledger
from analysis.judge.replies import Place, Reply
from analysis.judge.reply import Judgement, Malformed, one_line, read

ROUNDS = 4
"""Batches that a trajectory is put into by one command; what is not done then is left as failed."""
POLL_SECONDS = 20.0


async def judge_in_batches(bench: Bench, ledger: Ledger, todo: Sequence[int]) -> None:
    """Judge the trajectories at these places, and whatever batches of the run are under way.

    Raises:
        UserError: The endpoint has no batch interface, or refuses a batch.
    """
    api = BatchApi(bench.client)
    await _find_lost(api, ledger)
    for batch in _under_way(ledger):
        bench.purse.in_batches += batch.expected_usd
    places, rounds = list(todo), 0
    while True:
        await _send(bench, ledger, api, places)
        came = await _collect_all(bench, ledger, api)
        if came.refused and not came.ended:
            raise UserError(f"the endpoint did not take the batch: {came.reason}")
        rounds += bool(came.again)
        again = came.again if rounds < ROUNDS else []
        if bench.purse.empty or not (again or came.refused):
            return
        ledger.uncount(again)
        with ledger.store.session() as db:
            places = batches.places(db, [*again, *came.refused])


@dataclass
class _Came:
    """What a round of batches brought.

    Attributes:
        ended: How many batches were worked off.
        again: Trajectories with calls that were not done, and may be in another batch.
        refused: Trajectories of batches that the endpoint did not take, for which another may have been in the way.
        reason: Why it did not take them.
    """

    ended: int = 0
    again: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    reason: str = ""


async def _find_lost(api: BatchApi, ledger: Ledger) -> None:
    """Find out what became of batches that were prepared when an earlier command was stopped."""
    for batch in _under_way(ledger):
        if batch.batch_id is None:
            batch_id = await api.find(batch.key, batch)
            _note(ledger, replace(batch, batch_id=batch_id), "submitted" if batch_id else "dropped")


async def _send(bench: Bench, ledger: Ledger, api: BatchApi, places: Sequence[int]) -> None:
    """Hand over what is in no batch yet, as far as the money goes; judge at once what needs no call."""
    ready: list[Case] = []
    waiting = {name for batch in _under_way(ledger) for name in batch.trajectories}
    with tempfile.TemporaryDirectory() as folder:
        parcels = pack(bench, _cases(ledger, places, waiting), Path(folder), ready)
        while (parcel := await asyncio.to_thread(next, parcels, None)) is not None:
            await _submit(bench, ledger, api, parcel)
    await judge_cases(bench, ledger, _each(ready))


async def _submit(bench: Bench, ledger: Ledger, api: BatchApi, parcel: Parcel) -> None:
    batch = Batch(parcel.trajectories, parcel.expected_usd)
    bench.purse.in_batches += parcel.expected_usd
    _note(ledger, batch, "prepared")
    batch_id = await api.submit(parcel.file, batch.key)
    _note(ledger, replace(batch, batch_id=batch_id), "submitted")


async def _collect_all(bench: Bench, ledger: Ledger, api: BatchApi) -> _Came:
    """Wait for all batches of the run, and collect each when it has ended."""
    came = _Came()
    open_batches = _under_way(ledger)
    while open_batches:
        done = 0
        for batch in list(open_batches):
            remote = await api.state(batch.batch_id or "")
            if remote is not None and remote.status not in ENDED:
                counts = remote.request_counts
                done += len(batch.trajectories) * counts.completed // max(counts.total, 1) if counts else 0
                continue
            open_batches.remove(batch)
            bench.purse.in_batches -= batch.expected_usd
            if remote is None:
                _note(ledger, batch, "dropped")
            elif remote.status == "failed":
                _note(ledger, batch, "dropped")
                reasons = [str(error.message) for error in (remote.errors and remote.errors.data) or ()]
                came.refused += batch.trajectories
                came.reason = one_line("; ".join(reasons) or "it says not why")
            else:
                came.ended += 1
                came.again += await _collect(bench, ledger, api, batch, remote)
        ledger.tell(done)
        if open_batches:
            await asyncio.sleep(POLL_SECONDS)
    return came


async def _collect(
    bench: Bench, ledger: Ledger, api: BatchApi, batch: Batch, remote: RemoteBatch
) -> list[str]:
    """Judge what a batch brought. Each of its trajectories has an attempt then, be it a failed one.

    Returns:
        Trajectories with calls that were not done, unless somebody cancelled the batch.
    """
    brought = await asyncio.to_thread(outcomes, bench.client, await api.lines(remote))
    with ledger.store.session() as db:
        places = batches.unsettled(db, ledger.run_id, batch)
    again: list[str] = []

    async def cases() -> AsyncIterator[Case]:
        async for case in _each(_cases(ledger, places)):
            given = for_case(bench.plan, case, brought)
            if any(isinstance(outcome, NotDone) for outcome in given.values()):
                again.append(case.item.trajectory_id)
                case = _keep_readable(bench, case, given)
            yield replace(case, given=given)

    await judge_cases(bench, ledger, cases())
    await asyncio.to_thread(ledger.commit)
    _note(ledger, batch, "collected")
    return again if remote.status != "cancelled" else []


def _keep_readable(bench: Bench, case: Case, given: dict[Place, Outcome]) -> Case:
    """Keep the replies of a case that is not whole, so that another batch is not asked for them again."""
    kept = dict(case.kept)
    for place, outcome in list(given.items()):
        if isinstance(outcome, CallFailed):
            continue
        completion, usage = outcome
        try:
            readable = isinstance(read(completion, bench.plan.prompt.codebook), Judgement)
        except Malformed:
            readable = False
        if readable:
            cost = bench.price.cost(usage, batch=True) if bench.price else None
            item = case.item
            reply = Reply(
                item.trajectory_id, item.reasoning_sha256, place, completion.text or "", usage, cost
            )
            bench.keep(reply)
            bench.purse.spent += cost or 0.0
            kept[place] = reply
            del given[place]
    return replace(case, kept=kept)


def _under_way(ledger: Ledger) -> list[Batch]:
    with ledger.store.session() as db:
        return batches.under_way(db, ledger.run_id)


def _note(ledger: Ledger, batch: Batch, state: str) -> None:
    with ledger.store.session() as db:
        batches.note(db, ledger.run_id, batch, state)


def _cases(ledger: Ledger, places: Sequence[int], but: Set[str] = frozenset()) -> Iterator[Case]:
    for start in range(0, len(places), READ_AHEAD):
        for case in read_cases(ledger, places[start : start + READ_AHEAD]):
            if case.item.trajectory_id not in but:
                yield case


async def _each(cases: Iterator[Case] | Sequence[Case]) -> AsyncIterator[Case]:
    """The cases, read beside the event loop."""
    remaining = iter(cases)
    while (case := await asyncio.to_thread(next, remaining, None)) is not None:
        yield case
