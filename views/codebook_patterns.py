"""The Codebook page's first part: the patterns, each with its rules, its examples and what people said of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from analysis.codebook import Codebook, Pattern
from labels.gold import gold
from views.address import key
from views.plain import plain
from views.store import Opened

PAGE = "codebook"
VALUES = ("present", "absent", "unsure", "unresolved")
SHORT = {"unresolved": "open"}
TOLD = "Counts are trajectories that people labelled blind. Open: people differ, and nobody has decided yet."
LISTS = {
    "include": "What counts",
    "exclude": "What does not",
    "examples": "Examples",
    "near_misses": "Near misses",
}
QUOTED = ("examples", "near_misses")


def draw(shown: Opened, book: Codebook) -> None:
    """Draw the part: all patterns to the left, one to the right."""
    counted = labels_of(shown, book)
    patterns = [*book.patterns, *book.retired]
    left, right = st.columns([1, 1], gap="large")
    with left:
        chosen = _list(patterns, counted)
        _groups(book)
    with right:
        _one(chosen, counted)


def labels_of(shown: Opened, book: Codebook) -> Counter[tuple[str, str]]:
    """How many trajectories each (pattern, value) has in people's blind labels."""
    return Counter((each.pattern, each.value or "unresolved") for each in shown.ask(gold, book))


def _list(patterns: Sequence[Pattern], counted: Counter[tuple[str, str]]) -> Pattern:
    """The table of patterns; the row that is chosen is in the address."""
    held, ids = key(PAGE, "pattern"), [pattern.id for pattern in patterns]
    if st.session_state.get(held) not in ids:
        st.session_state[held] = ids[0]
    place = ids.index(st.session_state[held])
    data = {
        "name": [pattern.name + (" (retired)" if pattern.retired else "") for pattern in patterns],
        **{value: [counted[pattern, value] for pattern in ids] for value in VALUES},
    }
    numbers = {
        value: st.column_config.NumberColumn(SHORT.get(value, value), format="localized", width=68)
        for value in VALUES
    }
    event = st.dataframe(
        data, hide_index=True, height="content", key=f"{PAGE}.table.{ids[place]}", on_select="rerun",
        selection_mode="single-row", selection_default={"selection": {"rows": [place], "columns": [], "cells": []}},
        column_config={"name": st.column_config.TextColumn("Pattern", width=205, pinned=True), **numbers},
    )  # fmt: skip
    rows = event["selection"]["rows"]
    if rows and rows[0] != place:
        st.session_state[held] = ids[rows[0]]
        st.rerun()
    st.caption(TOLD)
    return patterns[place]


def _one(pattern: Pattern, counted: Counter[tuple[str, str]]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(pattern.name), anchor=False, width="content")
        st.badge(plain(pattern.id), color="gray")
        if pattern.retired is not None:
            st.badge(f"retired since revision {pattern.retired}", color="orange")
    st.markdown(plain(pattern.definition, 4000))
    said = [
        f"{counted[pattern.id, value]:,} {SHORT.get(value, value)}"
        for value in VALUES
        if counted[pattern.id, value]
    ]
    st.caption("Labels: " + ", ".join(said) if said else "Nobody has labelled it yet.")
    columns = st.columns(2, gap="medium")
    for place, (name, title) in enumerate(LISTS.items()):
        with columns[place % 2]:
            _texts(title, getattr(pattern, name), name in QUOTED)
    for name, values in pattern.attributes.items():
        st.markdown(f"**Attribute {plain(name)}**: {plain(', '.join(values), 1000)}")
    _cues(pattern)


def _texts(title: str, texts: Sequence[str], quoted: bool) -> None:
    st.markdown(f"**{title}**")
    if not texts:
        st.caption("Nothing is written down.")
        return
    if quoted:
        st.markdown("\n\n".join(f"> {plain(text, 2000)}" for text in texts))
    else:
        st.markdown("\n".join(f"- {plain(text, 2000)}" for text in texts))


def _cues(pattern: Pattern) -> None:
    number = sum(len(expressions) for expressions in pattern.cues.values())
    with st.expander(f"Cues of the baseline tagger ({number})"):
        st.caption("Regular expressions (RE2, case ignored). They are what `telltale tag --tagger cues` knows; people and judges do not see them.")  # fmt: skip
        for stance, expressions in pattern.cues.items():
            st.markdown(f"**{plain(stance)}**")
            st.code("\n".join(expressions), language=None, wrap_lines=True)


def _groups(book: Codebook) -> None:
    """Roll-ups and what is derived."""
    if not (book.rollups or book.derived):
        return
    with st.expander("Groups and what is derived"):
        for name, members in book.rollups.items():
            names = ", ".join(book.name_of(each) for each in members)
            st.markdown(f"**{plain(name)}**: present when any of these is: {plain(names, 2000)}")
        for name, told in book.derived.items():
            st.markdown(f"**{plain(name)}**: {plain(told, 2000)}")
