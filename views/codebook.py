"""The coding scheme: its patterns with how often people said each, its history, labels to look at again, and changes."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from analysis import codebook
from analysis.reading import facets
from views import choices, codebook_again, codebook_change, codebook_patterns
from views.address import adopt, keep, key
from views.codebook_patterns import PAGE
from views.plain import count
from views.store import TRAJECTORIES, Opened, one_line_errors, opened

PARTS: dict[str, tuple[str, Callable[[Opened, codebook.Codebook], None]]] = {
    "patterns": ("Patterns", codebook_patterns.draw),
    "history": ("History", codebook_again.draw_history),
    "again": ("Look again", codebook_again.draw),
    "change": ("Change it", codebook_change.draw),
}


def main() -> None:
    """Draw the page."""
    shown = opened()
    adopt(PAGE, one=("part", "pattern"))
    book = codebook.load()
    everything = shown.ask_of(TRAJECTORIES, facets)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Codebook", anchor=False, width="content")
        st.badge(f"revision {book.revision}", color="gray")
        st.badge(count(len(book.patterns), "pattern"), color="gray")
        choices.synthetic_badge(everything.counts("synthetic"), everything.total())
    if done := st.session_state.pop(codebook_change.DONE, None):
        st.success(done)
    part = _part()
    PARTS[part][1](shown, book)
    pattern = st.session_state.get(key(PAGE, "pattern")) if part == "patterns" else None
    keep(PAGE, {"part": part if part != "patterns" else None, "pattern": pattern})


def _part() -> str:
    held = key(PAGE, "part")
    if st.session_state.get(held) not in PARTS:
        st.session_state[held] = "patterns"
    chosen = st.segmented_control(
        "Part", list(PARTS), format_func=lambda part: PARTS[part][0], key=held, required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    return str(chosen or "patterns")


with one_line_errors():
    main()
