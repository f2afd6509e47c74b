"""What a run would ask and cost, without asking anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from analysis import runs
from analysis.codebook import Codebook
from analysis.judge.answers import Usage
from analysis.judge.cases import READ_AHEAD
from analysis.judge.plan import Plan
from analysis.judge.prices import Price, find_price
from analysis.judge.prompt import spans
from analysis.judge.purse import LEAST_OUTPUT
from analysis.judge.running import make_plan
from analysis.judge.windows import BYTES_A_TOKEN, prompt_room, tokens, windows
from analysis.store import Store


@dataclass(frozen=True)
class Estimate:
    """What is to be done, and about what it costs.

    Attributes:
        run: The run's id.
        to_judge: Trajectories that the run has no final attempt on and that have something to read.
        no_reasoning: Those that have nothing.
        calls: One for each window and vote; repairs and tries again come on top.
        input_tokens: Of the calls' prompts, estimated from their length.
        shared_tokens: Those of them that are the same in every call, which a provider may have in its cache.
        output_tokens: Of the replies.
        output_from: Where the length of a reply was taken from.
        price: What the model costs; None where that is not known.
        cost_usd: With nothing from the cache.
        cost_usd_cached: With all that is the same from the cache.
    """

    run: str
    to_judge: int
    no_reasoning: int
    calls: int
    input_tokens: int
    shared_tokens: int
    output_tokens: int
    output_from: str
    price: Price | None
    batch: bool = False

    @property
    def cost_usd(self) -> float | None:
        """US dollars, None where no price is known."""
        return self._cost(Usage(input=self.input_tokens, output=self.output_tokens))

    @property
    def cost_usd_cached(self) -> float | None:
        """US dollars, None where no price is known."""
        usage = Usage(input=self.input_tokens, cached=self.shared_tokens, output=self.output_tokens)
        return self._cost(usage)

    def as_row(self) -> dict[str, Any]:
        """The figures as a flat mapping."""
        names = ("run", "to_judge", "no_reasoning", "calls", "input_tokens", "shared_tokens", "output_tokens")
        figures = {name: getattr(self, name) for name in names}
        return {**figures, "cost_usd": self.cost_usd, "cost_usd_cached": self.cost_usd_cached}

    def explained(self) -> list[str]:
        """How the figures were come by, a line each."""
        lines = [
            f"input: a token for every {BYTES_A_TOKEN} bytes; shared_tokens of it begin every call and may be cached",
            f"output: {self.output_tokens / self.calls:.0f} tokens a call, {self.output_from}"
            if self.calls
            else "",
            f"cost: {self.price.told()}" if self.price else "cost: unknown, no price table has this model",
        ]
        return [line for line in lines if line]

    def _cost(self, usage: Usage) -> float | None:
        return self.price.cost(usage, self.batch) if self.price else None


def estimate(
    store: Store,
    codebook: Codebook,
    model: str,
    base_url: str | None = None,
    where: str | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    prices: Path | None = None,
    batch: bool = False,
    **plan: Any,
) -> Estimate:
    """Count what `tag_with_judge` would ask with the same arguments. Nothing is asked, and nothing written.

    Tokens of prompts are estimated as one for every four bytes. A reply is taken to be as long as the mean of
    this model's replies in the store, else 1,000 tokens.
    """
    asked = make_plan(codebook, model, base_url, need_key=False, **plan)
    run_id, _ = runs.identify("judge", asked.config(), codebook, model)
    with store.session() as db:
        todo = runs.pending(db, run_id, where)
        a_reply, output_from = _reply_tokens(db, model)
    shared = tokens(asked.prompt.system)
    judged = calls = input_tokens = 0
    for start in range(0, len(todo), READ_AHEAD):
        with store.session() as db:
            items = [
                each
                for each in runs.items(db, todo[start : start + READ_AHEAD])
                if isinstance(each, runs.Item)
            ]
        for item in items:
            judged += 1
            sizes = _window_tokens(asked, item)
            calls += len(sizes) * asked.votes
            input_tokens += sum(sizes) * asked.votes
        if progress:
            progress(min(start + READ_AHEAD, len(todo)), len(todo))
    return Estimate(
        run_id, judged, len(todo) - judged, calls, input_tokens, shared * calls, round(a_reply * calls), output_from,
        find_price(model, asked.endpoint.url, prices, store.folder), batch,
    )  # fmt: skip


def _window_tokens(plan: Plan, item: runs.Item) -> list[int]:
    """Tokens of the prompt of each window's call."""
    parts = windows(item.reasoning, spans(item), plan.window)
    return [
        sum(
            tokens(message["content"])
            for message in plan.prompt.messages(item, part, prompt_room(plan.window))
        )
        for part in parts
    ]


def _reply_tokens(db: duckdb.DuckDBPyConnection, model: str) -> tuple[float, str]:
    """How long a reply of a model is, and how that is known."""
    row = db.execute(
        """SELECT sum(output_tokens) / sum(windows * coalesce((config ->> 'votes')::INTEGER, 1)), count(*)
           FROM attempts JOIN runs USING (run_id)
           WHERE tagger = 'judge' AND model = ? AND state = 'ok' AND output_tokens IS NOT NULL""",
        [model],
    ).fetchone()
    if row and row[0]:
        return float(row[0]), f"the mean of {row[1]} attempts by {model}"
    return float(LEAST_OUTPUT), "assumed, no reply of this model is in the store"
