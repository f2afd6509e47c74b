"""One trajectory: ask, read the reply, ask once to mend it, look up the quotes.

A long reasoning is read window by window, and each window as often as there are votes. The attempt is ok only
if every one of these calls is: the first that is not ends it. Readable replies of an attempt of several calls
are kept, so that the next attempt asks only for the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analysis.errors import UserError
from analysis.judge.answers import Usage
from analysis.judge.client import CallFailed, Client, TooLong
from analysis.judge.plan import Plan
from analysis.judge.prices import Price
from analysis.judge.prompt import Message, said, spans
from analysis.judge.purse import LimitReached, Purse
from analysis.judge.replies import Place, Reply
from analysis.judge.reply import Completion, Ended, Judgement, Malformed, one_line, read
from analysis.judge.verdicts import check_quotes, decide, join, misplaced
from analysis.judge.votes import Vote, count_votes
from analysis.judge.windows import LEAST_TOKENS, Window, prompt_room, size, tokens, windows
from analysis.runs import Item, Result

LONG = 20_000
"""Characters of reasoning from which looking up quotes takes so long that it is done beside the event loop."""

Outcome = tuple[Completion, Usage] | CallFailed
"""What came of a call that was made beforehand, in a batch."""


@dataclass(frozen=True)
class Bench:
    """Who is asked, what, and at whose cost.

    Attributes:
        plan: What makes the run.
        client: The endpoint.
        price: What the model costs; None where that is not known.
        purse: What may be spent.
        keep: Takes each readable reply of an attempt of several calls.
    """

    plan: Plan
    client: Client
    price: Price | None
    purse: Purse
    keep: Callable[[Reply], None]


@dataclass
class Attempt:
    """A pass over one trajectory while it is under way.

    Attributes:
        kept: Replies that are there already.
        given: What has come in a batch.
        usage, cost: Of all calls, with kept replies that no earlier attempt has counted.
        unkept: Whether the last call used something that no kept reply tells.
        windows: In how many parts the reasoning is read.
        notes: What was set right or left out.
    """

    item: Item
    kept: Mapping[Place, Reply] = field(default_factory=dict)
    given: Mapping[Place, Outcome] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0
    unkept: bool = False
    windows: int = 1
    notes: list[str] = field(default_factory=list)

    def count(self, usage: Usage, cost: float | None) -> None:
        """Add what a call used; a cost that is not known makes the whole cost unknown."""
        self.usage.add(usage)
        self.cost = None if self.cost is None or cost is None else self.cost + cost


async def judge(
    bench: Bench,
    item: Item,
    kept: Mapping[Place, Reply] | None = None,
    given: Mapping[Place, Outcome] | None = None,
) -> Result | None:
    """Judge one trajectory. Whatever goes wrong with this one is told in the result.

    Args:
        bench: Who is asked, and what.
        item: What may be shown of the trajectory.
        kept: Replies of an earlier attempt.
        given: What came of calls in a batch, read in place of first calls.

    Returns:
        How the attempt ended, with what it used. Its `error` says why it did not end ok; where it did, what
        was set right: a repair, segments that are not there, attributes left out. None where the limit of
        money left no attempt.

    Raises:
        UserError: No trajectory can be judged; the run has to end.
    """
    started = time.perf_counter()
    attempt = Attempt(item, kept or {}, given or {})
    for reply in attempt.kept.values():
        if not reply.counted:
            attempt.count(reply.usage, reply.cost)
    try:
        result = await _ask(bench, attempt)
    except UserError:
        raise
    except LimitReached as error:
        if not attempt.unkept:
            return None
        result = Result(item.trajectory_id, "failed", error=str(error))
    except CallFailed as error:
        result = Result(item.trajectory_id, "failed", error=str(error))
    except Exception as error:  # one bad trajectory never stops a run
        result = Result(item.trajectory_id, "failed", error=f"{type(error).__name__}: {error}")
    return replace(
        result,
        error=one_line(bench.client.endpoint.scrub(result.error)) if result.error else None,
        windows=attempt.windows,
        input_tokens=attempt.usage.input,
        cached_tokens=attempt.usage.cached,
        output_tokens=attempt.usage.output,
        cost_usd=attempt.cost if attempt.usage.told() else None,
        seconds=time.perf_counter() - started,
        reasoning_sha256=item.reasoning_sha256,
    )


async def _ask(bench: Bench, attempt: Attempt) -> Result:
    """Read the reasoning in windows of the plan's size, and of half as much as long as that is too long."""
    item = attempt.item
    if not item.reasoning.strip():
        return Result(item.trajectory_id, "no_reasoning", error="reasoning is white space")
    segments = spans(item)
    budget = bench.plan.window
    while True:
        try:
            return await _read(bench, attempt, segments, budget)
        except TooLong:
            budget = min(budget, size(item.reasoning, len(segments))) // 2
            if budget < LEAST_TOKENS:
                raise


async def _read(bench: Bench, attempt: Attempt, segments: Sequence[tuple[int, int]], budget: int) -> Result:
    """Ask for every window and vote."""
    item, plan = attempt.item, bench.plan
    attempt.notes = []
    parts = windows(item.reasoning, segments, budget)
    attempt.windows = len(parts)
    if (length := len(said(item.prompt))) > prompt_room(budget):
        attempt.notes.append(f"{length - prompt_room(budget)} of {length} characters of the prompt left out")
    ballots: list[list[Judgement]] = [[] for _ in range(plan.votes)]
    for window in parts:
        messages = plan.prompt.messages(item, window, prompt_room(budget))
        for number, ballot in enumerate(ballots):
            reading = await _reading(bench, attempt, messages, window, number)
            if isinstance(reading, Ended):
                where = _where(window, number, plan.votes)
                return Result(item.trajectory_id, reading.state, error=f"{where}{reading.error}")
            ballot.append(reading)
    if len(item.reasoning) > LONG:
        return await asyncio.to_thread(_result, plan, attempt, segments, ballots)
    return _result(plan, attempt, segments, ballots)


async def _reading(
    bench: Bench, attempt: Attempt, messages: Sequence[Message], window: Window, vote: int
) -> Judgement | Ended:
    """One window and vote: a reply that is kept, one that came in a batch, or a new one."""
    codebook = bench.plan.prompt.codebook
    place = Place(window.start, window.end, vote)
    if place in attempt.kept:
        return read(Completion(attempt.kept[place].text), codebook)
    reply = Reply(attempt.item.trajectory_id, attempt.item.reasoning_sha256, place)
    completion = await _first(bench, attempt, reply, messages)
    try:
        reading = read(completion, codebook)
    except Malformed as first:
        answer: Message = {"role": "assistant", "content": completion.text or ""}
        repair = bench.plan.prompt.repair(str(first))
        completion = await _call(bench, attempt, reply, [*messages, answer, repair])
        try:
            reading = read(completion, codebook)
        except Malformed as second:
            return Ended("unparseable", f"after a repair: {second}")
        attempt.notes.append(f"repaired: {first}")
    if isinstance(reading, Judgement) and (window.parts > 1 or bench.plan.votes > 1):
        reply.text = completion.text or ""
        bench.keep(reply)
        attempt.unkept = False
    return reading


async def _first(bench: Bench, attempt: Attempt, reply: Reply, messages: Sequence[Message]) -> Completion:
    """The first completion of a window and vote."""
    if reply.place not in attempt.given:
        return await _call(bench, attempt, reply, messages)
    outcome = attempt.given[reply.place]
    if isinstance(outcome, CallFailed):
        raise outcome
    completion, usage = outcome
    cost = bench.price.cost(usage, batch=True) if bench.price else None
    bench.purse.spent += cost or 0.0
    _count(attempt, reply, usage, cost)
    return completion


async def _call(bench: Bench, attempt: Attempt, reply: Reply, messages: Sequence[Message]) -> Completion:
    """Ask the endpoint, within what may be spent, and count what that used."""
    held = expected_cost(bench.price, messages, bench.purse)
    await bench.purse.set_aside(held)
    usage = Usage()
    answered = False
    try:
        completion = await bench.client.complete(messages, usage)
        answered = True
        return completion
    finally:
        cost = bench.price.cost(usage) if bench.price else None
        bench.purse.pay(held, cost if answered or usage.told() else 0.0)
        bench.purse.longest_output = max(bench.purse.longest_output, usage.output or 0)
        if answered or usage.told():
            _count(attempt, reply, usage, cost)


def _count(attempt: Attempt, reply: Reply, usage: Usage, cost: float | None) -> None:
    attempt.count(usage, cost)
    attempt.unkept = True
    reply.usage.add(usage)
    reply.cost = None if reply.cost is None or cost is None else reply.cost + cost


def expected_cost(
    price: Price | None, messages: Sequence[Message], purse: Purse, batch: bool = False
) -> float:
    """What a call may cost: nothing from the cache, and a reply as long as the longest so far."""
    if price is None or purse.limit is None:
        return 0.0
    asked = sum(tokens(message["content"]) for message in messages)
    return price.cost(Usage(input=asked, output=purse.longest_output), batch) or 0.0


def _result(
    plan: Plan,
    attempt: Attempt,
    segments: Sequence[tuple[int, int]],
    ballots: Sequence[Sequence[Judgement]],
) -> Result:
    """What the readings of an attempt come to."""
    item, votes, notes = attempt.item, [], attempt.notes
    for readings in ballots:
        judgement = join(readings)
        findings = check_quotes(judgement.claims, item.reasoning, segments)
        votes.append(Vote(decide(judgement, findings, plan.prompt.codebook), findings))
        if lost := misplaced(judgement.claims, segments):
            notes.append(f"{lost} of {len(judgement.claims)} findings name no segment that is there")
        notes += judgement.notes
    counted = count_votes(votes)
    error = "; ".join(notes) or None
    return Result(item.trajectory_id, "ok", verdicts=counted.verdicts, findings=counted.findings, error=error)


def _where(window: Window, vote: int, votes: int) -> str:
    """Which call of an attempt it was, to begin a message with; nothing where there is one only."""
    part = [f"part {window.part} of {window.parts}"] if window.parts > 1 else []
    said_before = [f"vote {vote + 1} of {votes}"] if votes > 1 else []
    return "".join(f"{each}: " for each in (*part, *said_before))
