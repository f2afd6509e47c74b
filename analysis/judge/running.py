"""Running the judge over the store: so many calls at once, results committed every second, resumable."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis import runs
from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.judge.batches import under_way
from analysis.judge.cases import judge_all
from analysis.judge.endpoint import find_endpoint
from analysis.judge.ledger import Ledger, Progress
from analysis.judge.plan import Plan
from analysis.judge.prices import find_price
from analysis.judge.prompt import DEFAULT_PATH, Prompt, read_template
from analysis.judge.purse import Purse
from analysis.judge.replies import history
from analysis.judge.windows import DEFAULT_TOKENS
from analysis.store import Store

if TYPE_CHECKING:  # the client brings the openai package, which nobody waits for who does not judge
    from analysis.judge.client import Patience
    from analysis.judge.judging import Bench

MOST_CONNECTIONS = 1_000


def make_plan(
    codebook: Codebook,
    model: str,
    base_url: str | None = None,
    *,
    key: str | None = None,
    prompt: Path | None = None,
    api: str = "chat",
    settings: Mapping[str, Any] | None = None,
    window: int = DEFAULT_TOKENS,
    votes: int = 1,
    repeat: int = 1,
    need_key: bool = True,
) -> Plan:
    """What makes a run of the judge. Arguments as in `tag_with_judge`; without `need_key` no key is missed.

    Raises:
        UserError: There is no endpoint or no key for it, the prompt has a mistake, or a number makes no sense.
    """
    asked = Prompt(read_template(prompt or DEFAULT_PATH), codebook)
    return Plan(
        find_endpoint(base_url, key, need_key=need_key),
        model,
        asked,
        api,
        settings or {},
        window,
        votes,
        repeat,
    )


def tag_with_judge(
    store: Store,
    codebook: Codebook,
    model: str,
    base_url: str | None = None,
    connections: int = 16,
    where: str | None = None,
    progress: Progress | None = None,
    *,
    max_cost: float | None = None,
    prices: Path | None = None,
    batch: bool = False,
    patience: Patience | None = None,
    **plan: Any,
) -> tuple[str, Counter[str]]:
    """Have a model judge what the run of these settings has not judged yet, one call a trajectory.

    From a notebook, where an event loop runs already: `await asyncio.to_thread(tag_with_judge, …)`.

    Args:
        store: Where trajectories are read and results written.
        codebook: Whose patterns are asked for, all in one call.
        model: The name that the endpoint knows the model by.
        base_url: An OpenAI-compatible endpoint; else OPENAI_BASE_URL, else OpenAI's.
        connections: Calls at once, at the most: fewer while the endpoint pushes back.
        where: A condition in SQL over the columns of `trajectories`.
        progress: Called with (done, total) after each commit.
        max_cost: US dollars that the run may cost in all, with what it has cost before. A call that could
            pass it is not begun.
        prices: A price table that goes before the one beside the store and the package's own.
        batch: Send the calls as files to the endpoint's batch interface, and wait for them.
        patience: How long and how often a call is tried.
        **plan: What else makes the run: `key` (else OPENAI_API_KEY from the environment or `.env`), `prompt` (a
            template file in place of the package's own), `api` (chat or responses), `settings` (sent with each
            call as they are, such as temperature), `window` (tokens of reasoning that one call reads), `votes`
            (calls for one verdict by majority) and `repeat` (another number is another run).

    Returns:
        The run's id, and the attempts of this call counted by their end state. What a limit of money left out is in
        none of them, and is pending.

    Raises:
        UserError: Something that concerns every call, such as a key that is refused. Like a KeyboardInterrupt
            it is raised after what has come is committed; the same call goes on from there.
    """
    from analysis.judge.client import Client, Patience
    from analysis.judge.judging import Bench

    if not 1 <= connections <= MOST_CONNECTIONS:
        raise UserError(f"--connections must be from 1 to {MOST_CONNECTIONS}")
    asked = make_plan(codebook, model, base_url, **plan)
    price = find_price(model, asked.endpoint.url, prices, store.folder)
    if max_cost is not None and price is None:
        raise UserError(
            f"--max-cost: no price is known for {model}; write one into a table and name it with --prices"
        )
    run_id = runs.start(store, "judge", asked.config(), codebook, model)
    with store.session() as db:
        todo = runs.pending(db, run_id, where)
        waiting = under_way(db, run_id)
        spent, longest = history(db, run_id)
    if waiting and not batch:
        raise UserError(
            "a batch of this run is under way: the same command with --batch waits for it and collects it"
        )
    ledger = Ledger(store, run_id, len(todo), progress)
    try:
        if todo or waiting:
            client = Client(
                asked.endpoint, model, asked.prompt.schema, asked.settings, patience or Patience(), asked.api,
                max(1, min(connections, len(todo))),
            )  # fmt: skip
            purse = Purse(max_cost, spent, longest // asked.votes)
            bench = Bench(asked, client, price, purse, ledger.keep)
            with _ready_to_run():
                asyncio.run(_run(bench, ledger, todo, batch))
    finally:
        ledger.commit()
    return run_id, ledger.counts


@contextmanager
def _ready_to_run() -> Iterator[None]:
    """See to what would hold up the event loop: modules that the first call loads, and full garbage collections.

    What is there already is taken out of the collector's sight meanwhile.
    """
    import anyio  # which the openai package brings

    anyio.run(anyio.sleep, 0)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _run(bench: Bench, ledger: Ledger, todo: Sequence[int], batch: bool) -> None:
    try:
        if batch:
            from analysis.judge.batching import judge_in_batches

            await judge_in_batches(bench, ledger, todo)
        else:
            await judge_all(bench, ledger, todo)
    finally:
        await bench.client.close()
