"""What one person says of one trajectory: the values that the fold of their events gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from analysis.codebook import PRESENT_STANCES

Span = tuple[int, int]
Value = TypeVar("Value")


def changed(value: Value, /, **new: Any) -> Value:
    """`dataclasses.replace` for the values of this module, which check nothing; a fold makes a million of them."""
    made = object.__new__(type(value))
    made.__dict__.update(value.__dict__ | new)
    return made


@dataclass(frozen=True)
class Quote:
    """A person's quote: evidence for, or a rejection of, a pattern."""

    start_char: int
    end_char: int
    quote: str
    stance: str | None = None
    role: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    origin: str = "human"

    def makes_present(self) -> bool:
        """Whether this quote makes its pattern present. A person's quote asserts unless it says otherwise."""
        return self.stance is None or self.stance in PRESENT_STANCES


@dataclass(frozen=True)
class Label:
    """What a person says of one pattern.

    Attributes:
        value: present, absent, unsure; None while it is not judged.
        explicit: False where submit filled in absent for what was not judged.
        by_quote: Whether the value rests on quotes alone, and goes when the last of them goes.
        no_single_quote: Whether the person said that no single quote shows it.
        reviewed: accepted or dismissed, once the person has answered the judge's verdict.
        codebook_revision: Of the codebook under which the person last said so, or submitted it.
    """

    value: str | None = None
    explicit: bool = True
    origin: str = "human"
    by_quote: bool = False
    no_single_quote: bool = False
    quotes: Mapping[Span, Quote] = field(default_factory=dict)
    note: str | None = None
    confidence: str | None = None
    reviewed: str | None = None
    codebook_revision: int | None = None


@dataclass(frozen=True)
class State:
    """What one person says of one trajectory."""

    labels: Mapping[str, Label] = field(default_factory=dict)
    note: str | None = None
    confidence: str | None = None
    flagged: bool = False
    skipped: str | None = None
    submitted: bool = False
    submitted_at: datetime | None = None
    revealed: bool = False
    exposed: bool = False
    codebook_revision: int | None = None
    reasoning_sha256: str | None = None
    queue_reason: str | None = None
    queue_probability: float | None = None

    def label(self, pattern: str) -> Label:
        """The label of a pattern; an empty one while nothing was said."""
        return self.labels.get(pattern, Label())

    def value(self, pattern: str) -> str | None:
        """present, absent, unsure, or None."""
        return self.label(pattern).value

    def lacking_quotes(self) -> list[str]:
        """Patterns that are present with neither a quote nor the word that no single quote shows them."""
        return [
            pattern
            for pattern, label in self.labels.items()
            if label.value == "present"
            and not label.no_single_quote
            and not any(quote.makes_present() for quote in label.quotes.values())
        ]
