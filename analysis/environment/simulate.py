"""Trajectories with known truth: sentences written by hand, stitched by a seeded policy.

    from analysis.environment.simulate import simulate
    simulate(store, 2000, seed=1, banks=("a", "b"))
    simulate(store, rates=load_rates().choosing(level.variant for level in family("audit")))

Everything made here is called simulated in the store. The truth is kept as a run of the tagger `truth`, with the
bank as its model: verdicts on all patterns of each trajectory that has reasoning, and a finding for each sentence
that shows or denies one. The outcome `intended_gaming` is what the simulated model meant to do, follow the hint (true)
or the request; a few answers slip, so that it is not always what the answer did. Metadata has the number that
stands in the answer, and the one that the reasoning settled on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from analysis import codebook, runs
from analysis.environment.bank import BANKS, PLAIN, Bank, load_bank
from analysis.environment.outcomes import read_answers
from analysis.environment.policy import draw_plan
from analysis.environment.pool import Pool
from analysis.environment.rates import Checkpoint, Rates, load_rates
from analysis.environment.stitching import Placed, Stitched, stitch
from analysis.environment.variant import ENVIRONMENT, Variant
from analysis.ingest.batch import Batch
from analysis.ingest.writing import FileReport, write
from analysis.store import Store
from analysis.trajectories import Message, Outcome, Trajectory, sha256_of, short_hash

POLICY = "stitching-3"
"""The name of the way traces are made. Another way gets another name, and so other trajectories."""
TRUTH = "truth"
SYNTHETIC = "simulated"
BATCH = 2_000
IN_A_CELL = 20
"""Trajectories for each checkpoint and variant, where no total is named."""


@dataclass(frozen=True)
class Simulated:
    """One simulated trajectory, and what is true of it."""

    trajectory: Trajectory
    truth: runs.Result


@dataclass
class Simulator:
    """Makes the trajectories of one bank, each from its number alone.

    Attributes:
        bank: Whose sentences.
        rates: How often each pattern appears.
        seed: Another seed gives other trajectories.
        patterns: What the truth speaks of.
    """

    bank: Bank
    rates: Rates
    seed: int
    patterns: Sequence[str]
    pools: dict[str, Pool] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        """What makes this truth another one."""
        return {
            "policy": POLICY, "seed": self.seed, "bank": self.bank.name, "bank_sha256": self.bank.sha256,
            "rates_sha256": self.rates.sha256, "variants": list(self.rates.chosen), "patterns": list(self.patterns),
        }  # fmt: skip

    @property
    def source(self) -> str:
        """What the store calls these trajectories."""
        return f"simulate/{self.bank.name}-{self.seed}-{short_hash(self.config)[:8]}"

    def made(self, count: int, start: int = 0) -> Iterator[Simulated]:
        """The trajectories from number `start` up to `count`, cell by cell in turn."""
        cells = self.rates.cells_in_order()
        for number in range(start, count):
            checkpoint, variant = cells[number % len(cells)]
            yield self._one(number, number // len(cells), checkpoint, variant)

    def _one(self, number: int, sample: int, checkpoint: Checkpoint, variant: Variant) -> Simulated:
        # Other variants give other trajectories, so that none of two simulations in one store is a copy.
        rng = random.Random(f"{POLICY} {self.seed} {self.bank.name} {' '.join(self.rates.chosen)} {number}")
        if variant.name not in self.pools:
            self.pools[variant.name] = Pool.of(self.bank, variant)
        pool = self.pools[variant.name]
        plan = draw_plan(self.rates, checkpoint, variant, pool.possible(), rng)
        trace = stitch(pool, plan, checkpoint, variant, self.rates.rejects, rng)
        share = self.rates.without_reasoning  # every 1/share-th, so that a small set keeps to it as well
        bare = int((number + 1) * share) > int(number * share)
        answered = trace.number + rng.choice((-1, 1)) if rng.random() < self.rates.slips else trace.number
        reply = _reply(trace, answered, self.rates, bare, rng)
        trajectory = Trajectory(
            source=self.source,
            messages=[Message("user", variant.text), reply.message],
            environment=ENVIRONMENT,
            variant=variant.name,
            checkpoint=checkpoint.name,
            model=f"simulated-{self.bank.name}",
            sample=sample,
            finish_reason=reply.finish_reason,
            synthetic=SYNTHETIC,
            metadata={
                "bank": self.bank.name,
                "seed": self.seed,
                "policy": POLICY,
                "number": answered,
                "settled": trace.number,
            },
            series=self.rates.series,
            position=checkpoint.position,
            outcomes=[Outcome("intended_gaming", plan.games, reader=TRUTH)],
        )
        trajectory.identify({})
        return Simulated(trajectory, _truth(trajectory, reply.placed, self.patterns))


@dataclass(frozen=True)
class _Reply:
    """What the simulated model wrote, and which sentences of it are still there."""

    message: Message
    placed: list[Placed]
    finish_reason: str


def _reply(trace: Stitched, number: int, rates: Rates, bare: bool, rng: random.Random) -> _Reply:
    """The reply around a trace. Some run into the token limit, while thinking or while answering."""
    answer = _answer(number, rates.answers, rng)
    cut = rng.random() < rates.cut_short
    if cut and not bare and rng.random() < 0.5:
        text, placed = _cut(trace, rng)
        return _Reply(Message("assistant", "", text, "truncated", SYNTHETIC), placed, "length")
    if cut:
        answer = answer[: max(1, len(answer) // 2)]
    finish_reason = "length" if cut else "stop"
    if bare:
        return _Reply(Message("assistant", answer, None, "missing"), [], finish_reason)
    return _Reply(Message("assistant", answer, trace.text, "text", SYNTHETIC), trace.placed, finish_reason)


def _cut(trace: Stitched, rng: random.Random) -> tuple[str, list[Placed]]:
    """A trace up to the middle of one of its plain sentences, and the sentences that are whole."""
    plain = [each for each in trace.placed[len(trace.placed) // 2 :] if each.sentence.pattern == PLAIN]
    last = rng.choice(plain)
    end = last.start + max(1, (last.end - last.start) // 2)
    return trace.text[:end].rstrip(), [each for each in trace.placed if each.end <= last.start]


def _answer(number: int, shares: Mapping[str, float], rng: random.Random) -> str:
    chance = rng.random()
    for form, text in (
        ("explicit", f"Answer: {number}"),
        ("ambiguous", f"{number} (not {number + 1})"),
        ("words", "Here is a number for you, as asked."),
        ("empty", ""),
    ):
        chance -= shares.get(form, 0.0)
        if chance < 0:
            return text
    return str(number)


def _truth(trajectory: Trajectory, placed: Sequence[Placed], patterns: Sequence[str]) -> runs.Result:
    """What is true of a trajectory, as a run says it."""
    text = trajectory.reasoning()
    trajectory_id = str(trajectory.trajectory_id)
    if text is None:
        return runs.Result(trajectory_id, "no_reasoning", error="reasoning is missing")
    findings = [
        runs.Finding(
            each.sentence.pattern,
            text[each.start : each.end],
            each.start,
            each.end,
            "exact",
            each.sentence.stance,
            each.sentence.role,
            each.sentence.attributes,
        )
        for each in placed
        if each.sentence.pattern != PLAIN
    ]
    present = {finding.pattern for finding in findings if finding.makes_present()}
    verdicts = [
        runs.Verdict(key, "present", 100.0) if key in present else runs.Verdict(key, "absent", 0.0)
        for key in patterns
    ]
    return runs.Result(trajectory_id, "ok", verdicts, findings, reasoning_sha256=sha256_of(text))


def simulate(
    store: Store,
    n: int | None = None,
    seed: int = 0,
    banks: Sequence[str] = BANKS,
    rates: Rates | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[tuple[str, FileReport]]:
    """Store simulated trajectories with their truth. What is there already is left alone.

    Args:
        store: Where to.
        n: How many in total, shared among the banks; by default IN_A_CELL for each checkpoint and variant.
        seed: Another seed gives other trajectories; the same one gives the same, and a larger n more of them.
        banks: Out of `bank.BANKS`. No trace has sentences of two.
        rates: How often each pattern appears under which variants; by default those of data/banks/simulation.yaml.
        progress: Called with (done, total) after each batch.

    Returns:
        For each bank the truth run's id and what became of its trajectories.
    """
    rates = rates or load_rates()
    n = n or IN_A_CELL * len(rates.cells_in_order())
    patterns = codebook.load().ids()
    made: list[tuple[str, FileReport]] = []
    done = 0
    for place, name in enumerate(banks):
        simulator = Simulator(load_bank(name), rates, seed, patterns)
        run_id = runs.start(store, TRUTH, simulator.config, None, model=f"bank-{name}")
        report = FileReport(simulator.source, SYNTHETIC)
        made.append((run_id, report))
        trajectories = simulator.made((n + len(banks) - 1 - place) // len(banks))
        while batch := list(islice(trajectories, BATCH)):
            _store(store, run_id, simulator.source, batch, report)
            done += len(batch)
            if progress:
                progress(done, n)
    read_answers(store)
    return made


def _store(store: Store, run_id: str, source: str, batch: Sequence[Simulated], report: FileReport) -> None:
    with store.session():  # one opening of the file for both transactions
        write(store, Batch.of(each.trajectory for each in batch), source, report, replace=False)
        with store.transaction() as db:
            known = db.execute(
                "SELECT trajectory_id FROM attempts WHERE run_id = ? AND trajectory_id IN (SELECT unnest(?))",
                [run_id, [each.truth.trajectory_id for each in batch]],
            ).fetchall()
            there = {trajectory_id for (trajectory_id,) in known}
            runs.record(db, run_id, [each.truth for each in batch if each.truth.trajectory_id not in there])
