"""Running the judge over the store: so many calls at once, results committed every second, resumable."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis import runs
from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.judge.endpoint import find_endpoint
from analysis.judge.prompt import DEFAULT_PATH, Prompt, read_template
from analysis.store import Store

if TYPE_CHECKING:  # the client brings the openai package, which nobody waits for who does not judge
    from analysis.judge.client import Client, Patience

COMMIT_SECONDS = 1.0
MOST_CONNECTIONS = 1_000
READ_AHEAD = 100
"""Trajectories read at a time, at the least: texts are held for these and for the calls under way only."""

Progress = Callable[[int, int], None]


def tag_with_judge(
    store: Store,
    codebook: Codebook,
    model: str,
    base_url: str | None = None,
    connections: int = 16,
    where: str | None = None,
    progress: Progress | None = None,
    *,
    key: str | None = None,
    prompt: Path | None = None,
    temperature: float | None = None,
    repeat: int = 1,
    patience: Patience | None = None,
) -> tuple[str, Counter[str]]:
    """Have a model judge what the run of these settings has not judged yet, one call a trajectory.

    From a notebook, where an event loop runs already: `await asyncio.to_thread(tag_with_judge, …)`.

    Args:
        store: Where trajectories are read and results written.
        codebook: Whose patterns are asked for, all in one call.
        model: The name that the endpoint knows the model by.
        base_url: An OpenAI-compatible endpoint; else OPENAI_BASE_URL, else OpenAI's.
        connections: Calls at once.
        where: A condition in SQL over the columns of `trajectories`.
        progress: Called with (done, total) after each commit.
        key: The endpoint's key; else OPENAI_API_KEY from the environment or `.env`.
        prompt: A template file in place of the package's own.
        temperature: Sent if given. By default it is not: many reasoning models refuse any.
        repeat: Which time this is: another number is a run of its own over the same trajectories.
        patience: How long and how often a call is tried.

    Returns:
        The run's id, and the attempts of this call counted by their end state.

    Raises:
        UserError: Something that concerns every call, such as a key that is refused. Like a KeyboardInterrupt
            it is raised after what has come is committed; the same call goes on from there.
    """
    from analysis.judge.client import Client, Patience

    if not 1 <= connections <= MOST_CONNECTIONS:
        raise UserError(f"--connections must be from 1 to {MOST_CONNECTIONS}")
    endpoint = find_endpoint(base_url, key)
    asked = Prompt(read_template(prompt or DEFAULT_PATH), codebook)
    settings = {} if temperature is None else {"temperature": temperature}
    config = {
        "prompt": {"version": asked.version, "sha256": asked.sha256},
        "base_url": endpoint.url,
        "settings": settings,
        "repeat": repeat,
    }
    run_id = runs.start(store, "judge", config, codebook, model)
    with store.session() as db:
        todo = runs.pending(db, run_id, where)
    ledger = Ledger(store, run_id, len(todo), progress)
    try:
        if todo:
            client = Client(endpoint, model, asked.schema, settings, patience or Patience())
            asyncio.run(_judge_all(store, todo, client, asked, ledger, min(connections, len(todo))))
    finally:
        ledger.commit()
    return run_id, ledger.counts


class Ledger:
    """Results on their way into the store. They are kept until the store has them."""

    def __init__(self, store: Store, run_id: str, total: int, progress: Progress | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._store = store
        self._run_id = run_id
        self._total = total
        self._progress = progress
        self._waiting: list[runs.Result] = []
        self._lock = threading.Lock()

    def add(self, result: runs.Result) -> None:
        """Take a result; it is written with the next commit."""
        self._waiting.append(result)

    def commit(self) -> None:
        """Write what has come, in one transaction. Called from one thread at a time, whichever it is."""
        with self._lock:
            batch = self._waiting[:]
            if not batch:
                return
            with self._store.transaction() as db:
                runs.record(db, self._run_id, batch)
            del self._waiting[: len(batch)]
            self.counts.update(result.state for result in batch)
        if self._progress:
            self._progress(self.counts.total(), self._total)


async def _judge_all(
    store: Store, todo: Sequence[int], client: Client, prompt: Prompt, ledger: Ledger, connections: int
) -> None:
    """Feed the trajectories to `connections` workers, and commit while they work."""
    queue: asyncio.Queue[runs.Item | None] = asyncio.Queue(maxsize=2 * connections)
    try:
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(_feed(store, todo, queue, ledger, connections))]
            work += [group.create_task(_work(queue, client, prompt, ledger)) for _ in range(connections)]
            writer = group.create_task(_commit_regularly(ledger))
            await asyncio.wait(work)
            writer.cancel()
    except BaseExceptionGroup as group_error:
        errors = group_error.exceptions
        raise next((e for e in errors if isinstance(e, UserError)), errors[0]) from None
    finally:
        await client.close()


async def _feed(
    store: Store,
    todo: Sequence[int],
    queue: asyncio.Queue[runs.Item | None],
    ledger: Ledger,
    connections: int,
) -> None:
    size = max(READ_AHEAD, 4 * connections)
    for start in range(0, len(todo), size):
        for item in await asyncio.to_thread(_read, store, todo[start : start + size]):
            if isinstance(item, runs.Result):
                ledger.add(item)
            else:
                await queue.put(item)
    for _ in range(connections):
        await queue.put(None)


def _read(store: Store, places: Sequence[int]) -> list[runs.Item | runs.Result]:
    with store.session() as db:
        return list(runs.items(db, places))


async def _work(
    queue: asyncio.Queue[runs.Item | None], client: Client, prompt: Prompt, ledger: Ledger
) -> None:
    from analysis.judge.judging import judge

    while (item := await queue.get()) is not None:
        ledger.add(await judge(client, prompt, item))


async def _commit_regularly(ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(COMMIT_SECONDS)
        await asyncio.to_thread(ledger.commit)
