"""Stored text and names in places where Streamlit reads Markdown."""

from __future__ import annotations

import re

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&^=])")
_BREAKS = re.compile(r"\s+")
_ADDRESSES = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)")
"""Where an address would become a link after all escaping; a word joiner, which nobody sees, stands there instead."""


def plain(text: object, longest: int = 200) -> str:
    """The text on one line, with every sign that Markdown could obey escaped.

    Args:
        text: Anything; it is turned into a string.
        longest: Letters that are kept.
    """
    line = _BREAKS.sub(" ", str(text)).strip()
    shown = line if len(line) <= longest else line[: longest - 1] + "…"
    return _MARKDOWN.sub(r"\\\1", _ADDRESSES.sub("\u2060", shown))


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 trace`, `1,024 traces`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
