"""Where people labelled differently, somebody decides: blind to the judge, and to who said what.

    first = to_adjudicate(db, "kim", codebook)[0]
    case = open_case(store, "kim", first.trajectory_id, codebook)
    decide(store, "kim", codebook, case.items[0], take="A", reason="guideline gap")

A and B stay as they were; a decision is an event of its own, and can be withdrawn.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from string import ascii_uppercase
from typing import Any, Literal

import duckdb

from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.store import Store
from labels.events import VALUES, Event
from labels.gold import Gold, decided, gold
from labels.labeling import Desk, sit_down
from labels.log import record
from labels.seen import saw
from labels.state import Quote

REASONS = ("ambiguous text", "guideline gap", "annotator error", "edge case", "subjective")
Status = Literal["conflict", "quotes differ", "decided"]
ORDER: tuple[Status, ...] = ("conflict", "quotes differ", "decided")
"""What comes first."""


@dataclass(frozen=True)
class Side:
    """What one person said, without their name.

    Attributes:
        letter: A, B, …; the same person has the same letter on all patterns of a trace, and another one elsewhere.
    """

    letter: str
    value: str
    explicit: bool
    quotes: tuple[Quote, ...]
    note: str | None


@dataclass(frozen=True)
class Item:
    """A pattern of a trace that two people or more labelled.

    Attributes:
        status: conflict (other values), quotes differ (both present, on other sentences), decided.
        own: Whether one of the sides is the adjudicator's own.
        decided: What was decided: value, take, reason, note, by, at, event_id; None where nothing was.
    """

    trajectory_id: str
    pattern: str
    status: Status
    sides: tuple[Side, ...]
    own: bool
    decided: dict[str, Any] | None = None


@dataclass(frozen=True)
class Case:
    """A trace with what is to be decided on it.

    Attributes:
        name: The opaque id that it goes by for this adjudicator.
        desk: The trace itself: prompt, sentences, reasoning.
        items: Conflicts first.
    """

    name: str
    desk: Desk
    items: tuple[Item, ...]


def to_adjudicate(
    db: duckdb.DuckDBPyConnection, adjudicator: str, codebook: Codebook, patterns: Sequence[str] | None = None
) -> list[Item]:
    """What two people or more labelled differently: conflicts first, then quotes that differ, then what is decided.

    Args:
        db: A session of the store.
        adjudicator: Who will decide.
        codebook: Whose patterns count; retired ones do not.
        patterns: Only these.
    """
    wanted = set(patterns if patterns is not None else codebook.ids())
    found = [
        item for each in gold(db, codebook) if each.pattern in wanted and (item := _item(each, adjudicator))
    ]
    return sorted(found, key=lambda item: (ORDER.index(item.status), _hash(item.trajectory_id), item.pattern))


def open_case(store: Store, adjudicator: str, trajectory_id: str, codebook: Codebook) -> Case:
    """Put a trace with its sides before an adjudicator. What they do on it themself from here on is not blind.

    Raises:
        UserError: The trace is not there.
    """
    with store.session() as db:
        saw(store, adjudicator, [trajectory_id])
        desk = sit_down(db, adjudicator, trajectory_id, codebook)
        items = [
            each for each in to_adjudicate(db, adjudicator, codebook) if each.trajectory_id == trajectory_id
        ]
    return Case(desk.name, desk, tuple(items))


def decide(
    store: Store,
    adjudicator: str,
    codebook: Codebook,
    item: Item,
    take: str,
    reason: str,
    value: str | None = None,
    note: str | None = None,
) -> Event:
    """Decide an item. A later decision, of whomever, goes before an earlier one.

    Args:
        store: Whose log it goes to.
        adjudicator: Who decides.
        codebook: Under which.
        item: As `to_adjudicate` gave it.
        take: A letter: that side, with its quotes. both: the quotes of all; present, or unsure where a side says
            absent, since then the text bears both readings. neither: `value` is given.
        reason: Why people differed; one of REASONS.
        value: present, absent or unsure, with neither.
        note: In the adjudicator's words.

    Raises:
        UserError: It is no decision, or the labels have changed since the item was shown.
    """
    if reason not in REASONS:
        raise UserError(f"the reason is one of {', '.join(REASONS)}")
    with store.session() as db:
        now = [
            each
            for each in gold(db, codebook)
            if (each.trajectory_id, each.pattern) == (item.trajectory_id, item.pattern)
        ]
    if not now or _sides(now[0]) != item.sides:
        raise UserError("the labels have changed since this was shown; look at it again")
    decided, quotes = _taken(item, take, value)
    sides = {side.letter: name for side, name in zip(item.sides, _people(now[0]), strict=True)}
    attributes = {
        "take": take,
        "reason": reason,
        "sides": sides,
        "quotes": [asdict(quote) for quote in quotes],
    }
    [event] = record(store, [Event(
        adjudicator, item.trajectory_id, "gold", phase="adjudication", origin="adjudicator", pattern=item.pattern,
        new=decided, note=note, attributes=attributes, codebook_revision=codebook.revision,
        reasoning_sha256=now[0].reasoning_sha256,
    )])  # fmt: skip
    return event


def withdraw(store: Store, adjudicator: str, item: Item) -> None:
    """Take one's own decision on an item back.

    Raises:
        UserError: It was not decided, or by somebody else.
    """
    if item.decided is None or item.decided["by"] != adjudicator:
        raise UserError("only one's own decision can be taken back; decide anew instead")
    record(store, [Event(
        adjudicator, item.trajectory_id, "revert", phase="adjudication", origin="adjudicator",
        old=item.decided["event_id"],
    )])  # fmt: skip


def reasons(db: duckdb.DuckDBPyConnection, codebook: Codebook) -> list[dict[str, Any]]:
    """Why people differed, pattern by pattern: pattern, decided, and a count for each of REASONS."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for (_, pattern), event in decided(db, codebook).items():
        counted[pattern][str(event.attributes.get("reason"))] += 1
    return [
        {"pattern": pattern, "decided": counts.total(), **{reason: counts[reason] for reason in REASONS}}
        for pattern, counts in sorted(counted.items())
    ]


def _item(each: Gold, adjudicator: str) -> Item | None:
    if len(each.labels) < 2:
        return None
    sides = _sides(each)
    status: Status = "conflict"
    if each.decision is not None:
        status = "decided"
    elif each.status != "unresolved":
        if each.value != "present" or _overlap(sides):
            return None
        status = "quotes differ"
    own = adjudicator in _people(each)
    return Item(each.trajectory_id, each.pattern, status, sides, own, _told(each.decision))


def _told(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    said = {"take": event.attributes.get("take"), "reason": event.attributes.get("reason")}
    return {
        "value": event.new, **said, "note": event.note, "by": event.annotator, "at": event.created_at,
        "event_id": event.event_id,
    }  # fmt: skip


def _people(each: Gold) -> list[str]:
    """Whose labels they are, in the order of the letters, which tells nothing."""
    names = [label.annotator for label in each.labels]
    return sorted(names, key=lambda name: _hash(f"{each.trajectory_id}\n{name}"))


def _sides(each: Gold) -> tuple[Side, ...]:
    labels = {label.annotator: label for label in each.labels}
    return tuple(
        Side(letter, said.value, said.label.explicit, tuple(said.label.quotes.values()), said.label.note)
        for letter, said in zip(ascii_uppercase, (labels[name] for name in _people(each)), strict=False)
    )


def _overlap(sides: Sequence[Side]) -> bool:
    """Whether each two sides have a quote that shares a letter with one of the other's, or none at all."""
    marked = [[quote for quote in side.quotes if quote.makes_present()] for side in sides]
    return all(
        not (one and other)
        or any(a.start_char < b.end_char and b.start_char < a.end_char for a in one for b in other)
        for n, one in enumerate(marked)
        for other in marked[:n]
    )


def _taken(item: Item, take: str, value: str | None) -> tuple[str, list[Quote]]:
    """The value and the quotes that a decision comes to."""
    by_letter = {side.letter: side for side in item.sides}
    if take in by_letter:
        return by_letter[take].value, list(by_letter[take].quotes)
    if take == "both":
        quotes = {(q.start_char, q.end_char): q for side in item.sides for q in side.quotes}
        absent = any(side.value == "absent" for side in item.sides)
        return "unsure" if absent else "present", list(quotes.values())
    if take != "neither" or value not in VALUES:
        letters = ", ".join(by_letter)
        raise UserError(f"take {letters}, both, or neither with a value of {', '.join(VALUES)}")
    return value, []


def _hash(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
