"""The keys of the Label page, in one registry that refuses collisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

RESERVED = frozenset({"R", "C"})
"""Streamlit's own: rerun, and clear the cache."""


@dataclass(frozen=True)
class Key:
    """What some keys do.

    Attributes:
        action: What the page's JavaScript calls it.
        keys: As the page names them: a letter in upper case, `Shift+` and `Ctrl+` before it.
        does: For people.
    """

    action: str
    keys: tuple[str, ...]
    does: str


def registry(keys: Sequence[Key]) -> tuple[Key, ...]:
    """The keys, checked.

    Raises:
        ValueError: One key does two things, or is Streamlit's.
    """
    pressed = Counter(key for entry in keys for key in entry.keys)
    twice = [key for key, count in pressed.items() if count > 1]
    if twice:
        raise ValueError(f"{', '.join(twice)}: one key can't do two things")
    taken = sorted(RESERVED & pressed.keys())
    if taken:
        raise ValueError(f"{', '.join(taken)}: these keys are Streamlit's")
    return tuple(keys)


PATTERN_KEYS = (*"1234567890", *(f"Shift+{digit}" for digit in "1234567890"))
"""Of the patterns, in the codebook's order."""

KEYS = registry([
    Key("down", ("J", "ArrowDown"), "next sentence"),
    Key("up", ("K", "ArrowUp"), "previous sentence"),
    Key("extendDown", ("Shift+J", "Shift+ArrowDown"), "one sentence more"),
    Key("extendUp", ("Shift+K", "Shift+ArrowUp"), "one sentence less"),
    Key("first", ("Home",), "first sentence"),
    Key("last", ("End",), "last sentence"),
    Key("nextMark", ("N",), "next mark"),
    Key("previousMark", ("P",), "previous mark"),
    Key("unseen", ("U",), "next sentence not looked at"),
    Key("palette", ("L",), "choose a pattern by typing"),
    Key("wholeTrace", ("T",), "whole-trace mode: a digit cycles present, absent, unsure, not judged"),
    Key("stance", ("G",), "stance of the next quote: asserts, entertains, rejects"),
    Key("role", ("W",), "role of the next quote: none, passing, weighed, decisive"),
    Key("trim", ("E",), "trim the quote to exact characters"),
    Key("unmark", ("X",), "remove the mark"),
    Key("note", ("M",), "note"),
    Key("undo", ("Z",), "undo"),
    Key("redo", ("Shift+Z",), "redo"),
    Key("find", ("/",), "find in the text"),
    Key("submit", ("Ctrl+Enter",), "submit and next"),
    Key("skip", ("S",), "skip with a reason"),
    Key("flag", ("F",), "flag"),
    Key("guidelines", ("H",), "guidelines and keys"),
    Key("reveal", ("V",), "after submit: reveal the run"),
    Key("accept", ("A",), "after reveal: accept a row"),
    Key("dismiss", ("D",), "after reveal: dismiss a row"),
    Key("acceptAll", ("Shift+A",), "after reveal: accept the rows on screen"),
    *(Key(f"pattern:{place}", (key,), f"pattern {place + 1}") for place, key in enumerate(PATTERN_KEYS)),
])  # fmt: skip
