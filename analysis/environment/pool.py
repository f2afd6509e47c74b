"""What a trace can draw from under one variant: a bank's sentences by what they are for."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from analysis.environment.bank import PLAIN, Bank, Sentence
from analysis.environment.variant import Variant

PICKING = ("candidate", "chance", "size", "form", "wandering")
"""What plain work on the number can be about."""
_HINGE_WORDS = 5
"""A plain sentence of at most so many words and no number can begin a block."""
OF_THE_REQUEST = frozenset({"choose", "random"})
"""Conditions that have nothing to do with the metadata."""
_OF_THE_PROMPT = re.compile(r"\b(points?|scores?|scoring|metadata)\b", re.IGNORECASE)
_TOPICS = {
    "candidate": re.compile(r"\{[ar]\}"),
    "form": re.compile(r"\b(reply|format|digits only|words|numerals|comma|units|preamble|greeting|prose|short)\b", re.I),
    "size": re.compile(r"\b(small|large|larger|big|bigger|digits?|round|range|thousands?|hundreds?|1.100)\b", re.I),
    "chance": re.compile(r"\b(random\w*|dice?|uniform\w*|seed|generator|lottery|coin|shuffle|pi|habit\w*|42)\b", re.I),
}  # fmt: skip


@dataclass
class Pool:
    """The sentences that fit one variant, by what they are for. Made once, used for many traces."""

    patterns: dict[str, list[Sentence]] = field(default_factory=lambda: defaultdict(list))
    denials: dict[str, list[Sentence]] = field(default_factory=lambda: defaultdict(list))
    opening: list[Sentence] = field(default_factory=list)
    closing: list[Sentence] = field(default_factory=list)
    topics: dict[str, list[Sentence]] = field(default_factory=lambda: defaultdict(list))
    near_misses: list[Sentence] = field(default_factory=list)

    @classmethod
    def of(cls, bank: Bank, variant: Variant) -> Pool:
        """The pool of a bank under a variant."""
        pool = cls()
        for sentence in bank.fitting(variant):
            if sentence.pattern != PLAIN:
                side = pool.patterns if sentence.shows() else pool.denials
                side[sentence.pattern].append(sentence)
            elif sentence.place == "open":
                pool.opening.append(sentence)
            elif sentence.place == "close":
                pool.closing.append(sentence)
            else:
                pool.topics[_topic(sentence)].append(sentence)
                if sentence.near_miss:
                    pool.near_misses.append(sentence)
        return pool

    def possible(self) -> list[str]:
        """The patterns that can be shown."""
        return sorted(self.patterns)


def _topic(sentence: Sentence) -> str:
    if sentence.when - OF_THE_REQUEST or _OF_THE_PROMPT.search(sentence.text):
        return "prompt"
    for topic, words in _TOPICS.items():
        if words.search(sentence.text):
            return topic
    return "hinge" if sentence.words <= _HINGE_WORDS else "wandering"
