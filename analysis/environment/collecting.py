"""Collecting: samples of an endpoint's model for chosen variants, stored as they come, resumable at any moment.

    from analysis.environment.collecting import Collection, collect
    from analysis.environment.sampling import Sampling
    collect(store, Collection("step-1600", [VARIANTS["base"]], 60, Sampling("my-model")), base_url=…)

A sample is known by checkpoint, prompt and number: its trajectory's id is made of these. So the same call goes on
where another one stopped, however it was stopped, and a larger n adds the difference.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import orjson

from analysis.environment.drawing import Collection, Sample, draw
from analysis.environment.outcomes import read_answers
from analysis.environment.sampling import PATIENCE, Failed, Sampler
from analysis.environment.variant import ENVIRONMENT
from analysis.errors import UserError
from analysis.ingest.batch import Batch
from analysis.ingest.rows import Unreadable
from analysis.ingest.writing import FileReport, write
from analysis.judge.client import Patience
from analysis.judge.endpoint import find_endpoint
from analysis.judge.lanes import first_to_mend
from analysis.store import Store
from analysis.trajectories import Trajectory

COMMIT_SECONDS = 1.0
MOST_CONNECTIONS = 1_000

Progress = Callable[[int, int], None]


@dataclass
class Collected:
    """What became of one variant's samples.

    Attributes:
        variant: Its name.
        prompt: The first digits of its prompt's SHA-256.
        wanted: Samples that are to be there.
        already: Of them, those that were.
        stored: Of them, those that came now.
        retried: Of those, how many were asked for twice, as the first reply was cut short or empty.
        truncated: Of those, how many are cut short all the same.
        empty: Of those, how many are empty all the same.
        failed: Samples that could not be had. The same call tries them again.
    """

    variant: str
    prompt: str
    wanted: int = 0
    already: int = 0
    stored: int = 0
    retried: int = 0
    truncated: int = 0
    empty: int = 0
    failed: int = 0

    @property
    def to_ask(self) -> int:
        """Samples that are not there yet."""
        return self.wanted - self.already - self.stored


def plan(store: Store, wanted: Collection) -> tuple[list[Collected], list[Sample]]:
    """What is there already, and what is to be asked for. Nothing is asked, and no store is made.

    Raises:
        UserError: The checkpoint's samples were drawn with other settings.
    """
    samples = list(wanted.samples())
    held: set[str] = set()
    if store.exists():
        with store.session() as db:
            _check_settings(db, wanted)
            held = _held(db, [sample.trajectory_id for sample in samples])
    there = Counter(sample.variant.name for sample in samples if sample.trajectory_id in held)
    counts = [Collected(v.name, v.sha256[:12], wanted.n, there[v.name]) for v in wanted.variants]
    return counts, [sample for sample in samples if sample.trajectory_id not in held]


def _held(db: duckdb.DuckDBPyConnection, trajectory_ids: Sequence[str]) -> set[str]:
    """Those of the ids that the store has."""
    rows = db.execute(
        "SELECT trajectory_id FROM trajectories WHERE trajectory_id IN (SELECT unnest(?))", [trajectory_ids]
    ).fetchall()
    return {trajectory_id for (trajectory_id,) in rows}


def _check_settings(db: duckdb.DuckDBPyConnection, wanted: Collection) -> None:
    """Refuse to mix samples of one checkpoint that were drawn in different ways."""
    rows = db.execute(
        """SELECT DISTINCT metadata->'$.sampling' FROM trajectories
           WHERE source = ? AND environment = ? AND json_exists(metadata, '$.sampling')""",
        [wanted.source, ENVIRONMENT],
    ).fetchall()
    asked = wanted.sampling.stated()
    for (sampling,) in rows:
        held = orjson.loads(sampling)
        if differing := sorted(key for key in {*held, *asked} if held.get(key) != asked.get(key)):
            was = ", ".join(
                f"{key} {_shown(held.get(key))} and not {_shown(asked.get(key))}" for key in differing
            )
            raise UserError(
                f"the samples of checkpoint {wanted.checkpoint} were drawn with {was}; take the same settings, "
                "or another --checkpoint"
            )


def _shown(value: Any) -> str:
    return "unset" if value is None else str(value)


def collect(
    store: Store,
    wanted: Collection,
    base_url: str | None = None,
    connections: int = 16,
    progress: Progress | None = None,
    failed: Callable[[Sample, str], None] | None = None,
    *,
    key: str | None = None,
    patience: Patience = PATIENCE,
) -> list[Collected]:
    """Draw the samples that are not there yet, and read their answers.

    From a notebook, where an event loop runs already: `await asyncio.to_thread(collect, …)`.

    Args:
        store: Where to. It is written every second.
        wanted: What is to be there in the end.
        base_url: An OpenAI-compatible endpoint; else OPENAI_BASE_URL, else OpenAI's.
        connections: Calls at once.
        progress: Called with (there, wanted) after each commit.
        failed: Called with each sample that could not be had, and why.
        key: The endpoint's key; else OPENAI_API_KEY from the environment or `.env`.
        patience: How long and how often a call is tried.

    Returns:
        What became of each variant's samples.

    Raises:
        UserError: Something that concerns every call, such as a key that is refused, or settings that differ
            from those of the checkpoint's samples. Like a KeyboardInterrupt it is raised after what has come
            is stored.
    """
    if not 1 <= connections <= MOST_CONNECTIONS:
        raise UserError(f"--connections must be from 1 to {MOST_CONNECTIONS}")
    endpoint = find_endpoint(base_url, key)
    counts, missing = plan(store, wanted)
    sampler = Sampler(endpoint, wanted.sampling, patience, connections)
    ledger = Ledger(store, wanted, counts, progress, failed)
    try:
        if missing:
            asyncio.run(_draw_all(iter(missing), sampler, wanted, ledger, min(connections, len(missing))))
    finally:
        ledger.commit()
        if store.exists():
            read_answers(store)
    return counts


class Ledger:
    """Samples on their way into the store. They are kept until the store has them."""

    def __init__(
        self,
        store: Store,
        wanted: Collection,
        counts: Sequence[Collected],
        progress: Progress | None,
        failed: Callable[[Sample, str], None] | None,
    ) -> None:
        self._store, self._source = store, wanted.source
        self._counts = {each.variant: each for each in counts}
        self._progress, self._failed = progress, failed
        self._waiting: list[Trajectory] = []
        self._aside: list[Unreadable] = []
        self._lock = threading.Lock()

    def add(self, trajectory: Trajectory) -> None:
        """Take a sample; it is written with the next commit."""
        self._waiting.append(trajectory)

    def set_aside(self, sample: Sample, reason: str) -> None:
        """Take note of a sample that could not be had."""
        self._counts[sample.variant.name].failed += 1
        self._aside.append(
            Unreadable(sample.number, f"{sample.variant.name}, sample {sample.number}: {reason}", "")
        )
        if self._failed:
            self._failed(sample, reason)

    def commit(self) -> None:
        """Write what has come, in one transaction. Called from one thread at a time, whichever it is."""
        with self._lock:
            batch, aside = self._waiting[:], self._aside[:]
            if batch or aside:
                with self._store.session() as db:  # while it lasts no other process collects the same
                    there = _held(db, [str(each.trajectory_id) for each in batch])
                    fresh = [each for each in batch if each.trajectory_id not in there]
                    report = FileReport(self._source, "collect")
                    write(self._store, Batch.of([*fresh, *aside]), self._source, report, replace=False)
                del self._waiting[: len(batch)], self._aside[: len(aside)]
                for each in batch:
                    self._count(each, already=each.trajectory_id in there)
        if self._progress:
            every = self._counts.values()
            self._progress(sum(each.already + each.stored for each in every), sum(e.wanted for e in every))

    def _count(self, trajectory: Trajectory, already: bool) -> None:
        count = self._counts[str(trajectory.variant)]
        if already:
            count.already += 1
            return
        calls = trajectory.metadata["calls"]
        count.stored += 1
        count.retried += len(calls) > 1
        ended = next(call["ended"] for call in calls if call["kept"])
        count.truncated += ended == "truncated"
        count.empty += ended == "empty"


async def _draw_all(
    missing: Iterator[Sample], sampler: Sampler, wanted: Collection, ledger: Ledger, connections: int
) -> None:
    """Share the samples among `connections` workers, and commit while they work."""
    try:
        with first_to_mend():
            async with asyncio.TaskGroup() as group:
                work = [
                    group.create_task(_work(missing, sampler, wanted, ledger)) for _ in range(connections)
                ]
                writer = group.create_task(_commit_regularly(ledger))
                await asyncio.wait(work)
                writer.cancel()
    finally:
        await sampler.close()


async def _work(missing: Iterator[Sample], sampler: Sampler, wanted: Collection, ledger: Ledger) -> None:
    for sample in missing:  # one iterator for all workers: each takes the next that nobody has
        try:
            ledger.add(await draw(sampler, sample, wanted))
        except Failed as error:
            ledger.set_aside(sample, str(error))


async def _commit_regularly(ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(COMMIT_SECONDS)
        await asyncio.to_thread(ledger.commit)
