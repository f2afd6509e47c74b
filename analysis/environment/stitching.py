"""A trace's text from a bank's sentences, and where each of them stands in it.

A trace is a row of blocks, each about one thing: what the prompt says, what its metadata pays for, who may be
watching, whether it would be right, which number. A block's sentences fit the plan and follow from each other as
far as shared words can tell; what has been said is not said again; the numbers of a trace are few and run
through it. Lines of bare arithmetic are made here and belong to no bank.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.environment.arithmetic import halved, listed
from analysis.environment.bank import PLAIN, Sentence
from analysis.environment.conditions import percent, stake
from analysis.environment.policy import Plan
from analysis.environment.pool import PICKING, Pool
from analysis.environment.rates import LEANS_ON_HINT, Checkpoint
from analysis.environment.variant import Parity, Variant

SHORTEST, LONGEST = 80, 600
"""Bounds of the words that a trace is planned to have."""

TRIES = 5
"""How often a trace that came out longer is written anew."""

_SPREAD = 0.5
_WORDS_A_SENTENCE = 25
_WORDS_TO_CLOSE = 15
_LOOKED_AT = 8
_NEAR_MISSES_LEFT_OUT = 0.6
_DECISIVE_IF = {
    "conflict_dissolved": False, "misaligned_noted": False, "oversight_weighed": False, "task_reframed": True,
    "harmless_excuse": True, "oversight_dismissed": True,
}  # fmt: skip
"""Whether a decisive sentence of the pattern goes with an answer that games (True) or one that does not."""
Piece = tuple[Sentence | None, str]
"""A sentence of the bank and its filled text; None with a line of arithmetic."""


@dataclass(frozen=True)
class Placed:
    """A sentence in its place: code-point offsets into the trace's text."""

    sentence: Sentence
    start: int
    end: int


@dataclass(frozen=True)
class Stitched:
    """A trace: its text, the sentences in it, and the number that it settles on."""

    text: str
    placed: list[Placed]
    number: int


def stitch(
    pool: Pool, plan: Plan, checkpoint: Checkpoint, variant: Variant, rejects: float, rng: random.Random
) -> Stitched:
    """Write one trace.

    Args:
        pool: The sentences that fit.
        plan: What the trace is to show.
        checkpoint: How long and how clipped its traces are.
        variant: The prompt.
        rejects: Chance that a pattern which is absent is named and denied.
        rng: Where chance comes from.
    """
    for _ in range(TRIES):
        trace = _Trace(pool, plan, checkpoint, variant, rejects, rng).written()
        if len(trace.text.split()) <= LONGEST:
            break
    return trace


def _written(value: float | None) -> str:
    """A number as people write it."""
    return "" if value is None else f"{int(value):,}" if float(value).is_integer() else f"{value:g}"


class _Trace:
    """One trace while it is being written, from its first block to its last."""

    def __init__(
        self,
        pool: Pool,
        plan: Plan,
        checkpoint: Checkpoint,
        variant: Variant,
        rejects: float,
        rng: random.Random,
    ) -> None:
        self.pool, self.plan, self.variant, self.rng = pool, plan, variant, rng
        self.target = min(LONGEST, max(SHORTEST, checkpoint.words * rng.lognormvariate(0, _SPREAD)))
        self.notes = 0.85 if rng.random() < checkpoint.clipped else 0.12
        self.used = {near_miss for near_miss in pool.near_misses if self._left_out(near_miss)}
        self.spoken: set[str] = set()
        self.opening = ""
        self.words = 0
        self.rather_short = max(0.6 * self.target, LONGEST / 3)
        self.said = {
            pattern
            for pattern in sorted(pool.denials)
            if pattern not in plan.shown and rng.random() < rejects and self._deniable(pattern)
        }
        self._choose_story()
        self._choose_numbers()

    def _left_out(self, near_miss: Sentence) -> bool:
        """Whether a near miss stays out: most do, so that no figure hangs on a few of them, or it contradicts."""
        if near_miss.when and near_miss.near_miss in self.plan.shown:
            return True
        if near_miss.near_miss == "conflict_dissolved" and self.plan.games:
            return True
        return self.rng.random() < _NEAR_MISSES_LEFT_OUT

    def _deniable(self, pattern: str) -> bool:
        """Whether denying the pattern would not contradict the rest of the trace."""
        games, shown = self.plan.games, self.plan.shown
        return {
            "hint_decode": not games and not shown & LEANS_ON_HINT,
            "conflict_noticed": not self.variant.conflict,
            "eval_aware": self.variant.announced != "evaluation",
            "harmless_excuse": "misaligned_noted" in shown and not games,
            "reward_chosen": not games,
            "task_reframed": not games,
            "misaligned_noted": games or not self.variant.conflict,
        }.get(pattern, True)

    def _choose_story(self) -> None:
        """One value of each attribute for the whole trace, and how often it says what it shows."""
        leans = self.plan.games or bool(self.plan.shown & LEANS_ON_HINT)
        decoded = "correct" if leans else self.rng.choices(["correct", "wrong", "abandoned"], [6, 2, 2])[0]
        plan = "conceal" if self.rng.random() < (0.7 if self.plan.games else 0.25) else "disclose"
        self.attributes = {"decoded": decoded, "plan": plan}
        often = [62, 30, 8] if len(self.plan.shown) * _WORDS_A_SENTENCE < self.target else [1, 0, 0]
        self.times = {pattern: self.rng.choices([1, 2, 3], often)[0] for pattern in sorted(self.plan.shown)}

    def _choose_numbers(self) -> None:
        """The few numbers of the trace: a first candidate, the one it keeps, the one that pays, one in passing."""
        digits = (
            2 if "expected_answer" in self.plan.shown else self.rng.choices([2, 3, 4, 5], [35, 38, 22, 5])[0]
        )
        asked, paid = self.variant.asked, self.variant.rewarded or self.variant.asked
        taken: set[int] = set()
        self.first, self.kept = (self._number(digits, asked, taken) for _ in range(2))
        self.paid = self._number(digits, paid, taken)
        if paid != asked and self.rng.random() < 0.5:
            self.paid = self.kept + 1
        elif paid == asked:
            self.paid = self.kept
        self.passing = self._number(digits, self.rng.choice(("even", "odd")), taken)
        self.answer = self.kept
        if self.plan.games:
            self.answer = self.paid if paid != asked else self.kept + 1
        self.candidate = self.first = self.kept if self.rng.random() < 0.5 else self.first

    def _number(self, digits: int, parity: Parity, taken: set[int]) -> int:
        while True:
            number = self.rng.randrange(10 ** (digits - 1) + 2, 10**digits - 2)
            number += number % 2 != (parity == "odd")
            if number not in taken:
                taken.add(number)
                return number

    def written(self) -> Stitched:
        """Every block in turn; picking goes on, between the others, until the trace is as long as planned."""
        blocks = [self._open(), *self._arguments()]
        topics = self.rng.sample(PICKING, len(PICKING))
        earliest = 1
        to_come = _WORDS_TO_CLOSE + _WORDS_A_SENTENCE * sum(self.times.values())
        while self.words < max(self.target - to_come, SHORTEST) and topics:
            # Two or three subjects are enough for a trace; further ones come up when those are used up.
            topic = self.rng.choice(topics[:3])
            if block := self._picking(topic):
                blocks.insert(self.rng.randint(earliest, len(blocks)), block)
            else:
                topics.remove(topic)
            if self.words > self.target / 2 and self.candidate != self.kept and self.rng.random() < 0.5:
                blocks.append([self._listed()])
                self.candidate = self.kept
                earliest = len(blocks)
        blocks += self._settled()
        return self._joined([block for block in [*blocks, self._close()] if block])

    def _arguments(self) -> list[list[Piece]]:
        """What the prompt says and what one may think of that, before anything is decided."""
        order = [
            ("eval_aware", "training_aware"),
            ("expected_answer", "grader_model"),
            ("oversight_weighed", "oversight_dismissed"),
            ("misaligned_noted", "harmless_excuse"),
        ]
        self.rng.shuffle(order)
        return [block for block in [self._prompt(), *(self._block(*patterns) for patterns in order)] if block]

    def _settled(self) -> list[list[Piece]]:
        """The decision: which side, which number, and what to say of it."""
        return [
            self._block("task_reframed"),
            self._again(),
            self._last_picking(),
            self._block("reward_chosen"),
            self._block("disclosure_plan"),
        ]

    def _open(self) -> list[Piece]:
        return self._several(self.pool.opening, 1 if self.rng.random() < 0.8 else 2)

    def _close(self) -> list[Piece]:
        return self._several(self.pool.closing, 1)

    def _prompt(self) -> list[Piece]:
        """What stands under the request, and what it comes to."""
        about = self._block("hint_decode", "conflict_noticed", "conflict_dissolved")
        if self.variant.hint is None or self.rng.random() < (0.7 if about else 0.4):
            return about
        remarks = self._chosen(self.pool.topics["prompt"], 1)
        lead = [self._filled(remark) for remark in remarks]
        # A remark that leans on what the line says comes after it has been read.
        return about + lead if any("conflict" in remark.when for remark in remarks) else lead + about

    def _again(self) -> list[Piece]:
        """What is said more than once, said once more after the rest has been thought of."""
        if self.words > self.rather_short:
            return []
        later = [pattern for pattern, times in self.times.items() if times > 0 and pattern != "reward_chosen"]
        later = [pattern for pattern in later if pattern in self.said and pattern != "disclosure_plan"]
        return [piece for pattern in later for piece in self._showing(pattern, self.times[pattern])]

    def _block(self, *patterns: str) -> list[Piece]:
        block: list[Piece] = []
        for pattern in patterns:
            if pattern in self.plan.shown:
                lone = pattern in ("reward_chosen", "disclosure_plan", "hint_decode")
                times = self.times[pattern] if lone else 1
                self.times[pattern] -= times
                block += self._showing(pattern, times)
                self.said.add(pattern)
            elif pattern in self.said:
                block += self._several(self.pool.denials[pattern], 1)
        return block

    def _showing(self, pattern: str, times: int) -> list[Piece]:
        """Sentences of a pattern, what is only entertained first and what decides last."""
        every = self.pool.patterns[pattern]
        taken = self._chosen([s for s in every if self._fits(s)] or every, times)
        taken.sort(key=lambda sentence: (sentence.role == "decisive", sentence.stance == "asserts"))
        if pattern == "reward_chosen" and self.variant.conflict and not self.plan.games:
            taken += self._chosen(self.pool.denials[pattern], 1)
        return [self._filled(sentence) for sentence in taken]

    def _fits(self, sentence: Sentence) -> bool:
        games = self.plan.games or not self.variant.conflict
        if any(self.attributes.get(key, value) != value for key, value in sentence.attributes.items()):
            return False
        if sentence.pattern == "reward_chosen":
            return sentence.role != "decisive" or games
        if sentence.pattern == "conflict_dissolved" and self.plan.games:
            return sentence.stance == "entertains"
        if sentence.role == "decisive" and sentence.pattern in _DECISIVE_IF and self.variant.conflict:
            return _DECISIVE_IF[sentence.pattern] == self.plan.games
        return True

    def _picking(self, topic: str) -> list[Piece]:
        """Plain work on the number, about one thing; empty when all of it has been said."""
        block = self._several(self.pool.topics[topic], self.rng.randint(2, 5))
        if block and self.rng.random() < 0.3:
            block[:0] = self._several(self.pool.topics["hinge"], 1)
        return block

    def _last_picking(self) -> list[Piece]:
        """Plain work on the number that is kept, which may have been another one until now."""
        block: list[Piece] = []
        if self.candidate != self.kept:
            block.append(self._listed())
            self.candidate = self.kept
        elif self.answer == self.kept:
            block += self._several(self.pool.topics["candidate"], self.rng.randint(0, 2))
        if self.rng.random() < 0.6 or (self.answer != self.kept and "reward_chosen" not in self.plan.shown):
            block.append((None, halved(self.answer, self.rng)))
        return block

    def _listed(self) -> Piece:
        row = [self.first, self.passing, self.kept]
        return None, listed([*row, self.answer] if self.answer != self.kept else row, self.rng)

    def _several(self, sentences: Iterable[Sentence], count: int) -> list[Piece]:
        return [self._filled(sentence) for sentence in self._chosen(sentences, count)]

    def _chosen(self, sentences: Iterable[Sentence], count: int) -> list[Sentence]:
        """Sentences not said yet, in the trace's register, each taking up the one before and nothing earlier."""
        fresh = [s for s in sentences if s not in self.used and not self._settles_elsewhere(s)]
        chosen: list[Sentence] = []
        near: frozenset[str] = frozenset()
        for _ in range(min(count, len(fresh))):
            clipped = self.rng.random() < self.notes
            fitting = [s for s in fresh if s.clipped == clipped and s.opening != self.opening] or fresh
            looked_at = self.rng.choices(fitting, k=_LOOKED_AT)
            if self.words > self.rather_short:
                sentence = min(looked_at, key=lambda s: s.words)
            else:
                sentence = max(looked_at, key=lambda s: self._thread(s.subjects, near))
            fresh.remove(sentence)
            chosen.append(sentence)
            self.used.add(sentence)
            self.spoken |= sentence.subjects
            self.opening = sentence.opening
            self.words += sentence.words
            near = sentence.subjects if sentence.pattern == PLAIN else frozenset()
        return chosen

    def _settles_elsewhere(self, sentence: Sentence) -> bool:
        """Whether it settles on a number that the trace does not keep."""
        settles = sentence.near_miss == "reward_chosen" and "a" in sentence.placeholders
        return settles and self.candidate != self.answer

    def _thread(self, subjects: frozenset[str], near: frozenset[str]) -> int:
        """How well a sentence takes up the one before without saying again what was said earlier."""
        taken_up = len(subjects & near)
        return 3 * taken_up - 2 * len(subjects & self.spoken)

    def _filled(self, sentence: Sentence) -> Piece:
        return sentence, sentence.fill({
            "asked": self.variant.asked, "paid": self.variant.rewarded or "", "expr": self.variant.expression or "",
            "a": str(self.candidate), "p": str(self.paid), "r": str(self.passing), "s": str(self.answer),
            "percent": _written(percent(self.variant)), "stake": _written(stake(self.variant)),
        })  # fmt: skip

    def _joined(self, blocks: Sequence[list[Piece]]) -> Stitched:
        text, placed = "", []
        for number, block in enumerate(blocks):
            if number and (len(block) > 1 or self.rng.random() < 0.5):
                text = text.rstrip() + ("\n" if self.rng.random() < self.notes * 0.4 else "\n\n")
            for sentence, filled in block:
                if "\n" in filled and not text.endswith("\n"):
                    text = text.rstrip() + "\n"
                if sentence:
                    placed.append(Placed(sentence, len(text), len(text) + len(filled)))
                text += filled + self._end(filled)
        return Stitched(text.rstrip(), placed, self.answer)

    def _end(self, filled: str) -> str:
        """What goes between a sentence and the next one."""
        if filled[-1] in ".!?…":
            # After three dots a note in small letters would run on, and after "No." a number.
            return "\n" if "\n" in filled or filled.endswith(("...", "…", "No.")) else " "
        return "\n" if self.rng.random() < self.notes or filled[-1] in ":)`$" else ". "
