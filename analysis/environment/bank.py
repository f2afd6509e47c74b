"""Banks of sentences of known pattern, written by hand, from which traces are stitched.

There are two with nothing in common: a for writing cues and for training, b for scoring. The file says of each
sentence which pattern it shows, or that it is plain.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

from analysis.codebook import PRESENT_STANCES, ROLES, STANCES
from analysis.environment.conditions import CONDITIONS, conditions
from analysis.environment.variant import Variant
from analysis.errors import UserError
from analysis.trajectories import sha256_of

BANKS = ("a", "b")
FOLDER = Path(__file__).parents[2] / "data" / "banks"
PLAIN = "plain"
PLACEHOLDERS = frozenset({"asked", "paid", "a", "p", "r", "s", "expr", "percent", "stake"})
_SAYS_WHAT_IS_PAID = frozenset({"hint", "encoded", "charge"})

_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_KEYS = frozenset({"pattern", "text", "stance", "role", "attributes", "when", "place", "near_miss"})
_SHORT_WORDS = 6
_QUOTED = re.compile(r'"([^"]*)"')
_QUOTABLE = frozenset({"choose", "random", "number", "{asked}"})
"""Words of the request. Where a sentence quotes one, the prompt must have it."""
_REWARD = re.compile(r"(?<!own )\breward", re.IGNORECASE)
_WORD = re.compile(r"(?<!\{)\b[a-z0-9]{2,}\b(?!\})")
_COMMON = frozenset(
    _WORD.findall("""
    about again all also already always am an and any anything are as at be because been before being but by can
    could did do does done don either else enough ever every few fine first for from get give go going good had has
    have he here how if in into is isn it its itself just keep let like line ll many may maybe me mean might mind
    more most much my need never no not nothing now number numbers of off ok okay on one only or other out over own
    part pick put quite rather re right same say says so some something still such sure take than that the their
    them then there these they thing things think this those though to too two up us use ve very want was way we
    well were what when where whether which while who why will with without won would yes yet you your
    """)
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Sentence:
    """One entry of a bank: mostly a sentence, sometimes two or a list.

    Attributes:
        pattern: The codebook's id of what it shows, or plain.
        text: With placeholders in braces.
        when: Conditions that must all hold for it to make sense.
        place: Where in a trace it belongs: open, middle or close.
        near_miss: The pattern that a plain sentence looks like and does not show.
    """

    pattern: str
    text: str
    stance: str | None = None
    role: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    when: frozenset[str] = frozenset()
    place: str = "middle"
    near_miss: str | None = None

    @cached_property
    def placeholders(self) -> frozenset[str]:
        """The names in braces."""
        return frozenset(_PLACEHOLDER.findall(self.text))

    @cached_property
    def words(self) -> int:
        """How long it is."""
        return len(self.text.split())

    @cached_property
    def clipped(self) -> bool:
        """Whether it is written like a note: short, or without a capital or a full stop."""
        return self.words <= _SHORT_WORDS or not self.text[0].isupper() or self.text[-1].isalnum()

    @cached_property
    def opening(self) -> str:
        """Its first word, bare: two sentences in a row should not begin alike."""
        return self.text.split()[0].strip(".,;:!?…()\"'`").lower()

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The words that say what it is about: sentences that share some read like one train of thought."""
        return frozenset(_WORD.findall(self.text.lower())) - _COMMON

    @cached_property
    def quotes(self) -> frozenset[str]:
        """Words that it takes from the prompt: those of the request in quotation marks, and the reward's name."""
        quoted = {
            word for text in _QUOTED.findall(self.text.lower()) for word in re.findall(r"[\w{}]+", text)
        }
        return frozenset(quoted & _QUOTABLE) | ({"reward"} if _REWARD.search(self.text) else frozenset())

    def quotes_from(self, variant: Variant) -> bool:
        """Whether what it quotes stands in the variant's prompt."""
        prompt = variant.text.lower()
        return all(word.replace("{asked}", variant.asked) in prompt for word in self.quotes)

    def shows(self) -> bool:
        """Whether it makes its pattern present."""
        return self.stance in PRESENT_STANCES

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its placeholders filled."""
        return _PLACEHOLDER.sub(lambda match: values[match[1]], self.text)


@dataclass(frozen=True)
class Bank:
    """The sentences of one bank, and the hash of its content."""

    name: str
    sentences: tuple[Sentence, ...]
    sha256: str

    def fitting(self, variant: Variant) -> list[Sentence]:
        """The sentences that make sense under a variant: their conditions hold, and what they quote is there."""
        holding = conditions(variant)
        return [each for each in self.sentences if each.when <= holding and each.quotes_from(variant)]


@lru_cache(maxsize=4)
def load_bank(name: str, path: Path | None = None) -> Bank:
    """Read and check a bank.

    Args:
        name: a or b.
        path: The file, where it is not the project's own.

    Raises:
        UserError: The file is not there or breaks a rule; the line names the entry.
    """
    path = path or FOLDER / f"{name}.yaml"
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise UserError(f"bank {path} can't be read: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise UserError(f"bank {path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, list) or not content:
        raise UserError(f"bank {path} must be a list of sentences")
    sentences = tuple(
        _sentence(entry, f"bank {path}, entry {number}") for number, entry in enumerate(content, 1)
    )
    return Bank(name, sentences, sha256_of(content))


def _sentence(entry: Any, where: str) -> Sentence:
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str) or not entry["text"].strip():
        raise UserError(f"{where}: needs a `text`")
    if unknown := sorted(set(entry) - _KEYS):
        raise UserError(f"{where}: `{unknown[0]}` is no key of a sentence")
    when = frozenset(entry.get("when", ()))
    sentence = Sentence(**{**entry, "when": when, "text": entry["text"].strip()})
    plain = sentence.pattern == PLAIN
    problems = (
        (plain != (sentence.stance is None), "a pattern has a stance, and plain has none"),
        (plain != (sentence.role is None), "a pattern has a role, and plain has none"),
        (
            not plain and (sentence.stance not in STANCES or sentence.role not in ROLES),
            "no such stance or role",
        ),
        (not when <= set(CONDITIONS), f"conditions are {', '.join(sorted(CONDITIONS))}"),
        ({"hint", "encoded"} <= when, "hint and encoded never hold together"),
        (not sentence.placeholders <= PLACEHOLDERS, f"placeholders are {', '.join(sorted(PLACEHOLDERS))}"),
        (sentence.place not in ("open", "middle", "close"), "place is open, middle or close"),
        (
            "s" in sentence.placeholders and sentence.place != "close",
            "{s} is for sentences that close a trace",
        ),
        (
            bool(sentence.placeholders & {"paid", "p"}) and not when & _SAYS_WHAT_IS_PAID,
            "{paid} and {p} need the condition hint, encoded or charge",
        ),
        (
            "expr" in sentence.placeholders and not when & {"formula", "encoded"},
            "{expr} needs the condition formula or encoded",
        ),
        (
            "percent" in sentence.placeholders and not when & {"audit", "rare", "often"},
            "{percent} needs the condition audit, rare or often",
        ),
        ("stake" in sentence.placeholders and "stake" not in when, "{stake} needs the condition stake"),
    )
    for broken, reason in problems:
        if broken:
            raise UserError(f"{where}: {reason}")
    return sentence
