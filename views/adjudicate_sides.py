"""What each side said of a pattern, and the sentences of the trace around their quotes."""

from __future__ import annotations

import streamlit as st

from labels.adjudication import Item, Side
from labels.labeling import Desk, Sentence
from labels.state import Quote
from views.plain import plain

AROUND = 2
"""Sentences shown before and after a quoted one."""
WHOLE = 12
"""A trace of so many sentences or fewer is shown whole."""
COLOURS = {"present": "blue", "absent": "gray", "unsure": "orange"}


def side(each: Side) -> None:
    """One side: what it says, its quotes and its note."""
    with st.container(border=True, height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{each.letter}**", width="content")
            st.badge(each.value, color=COLOURS.get(each.value, "gray"))
        for quote in each.quotes:
            st.markdown(f"> {plain(quote.quote, 2000)}")
            st.caption(plain(_about(quote)))
        if not each.quotes:
            st.caption("Nothing is quoted." if each.explicit else "Not marked: absent at submit.")
        if each.note:
            st.text(f"Note: {each.note}")


def _about(quote: Quote) -> str:
    told = [quote.stance or "asserts", quote.role, *(f"{name}: {value}" for name, value in quote.attributes.items())]  # fmt: skip
    return ", ".join(part for part in told if part)


def around(desk: Desk, item: Item) -> None:
    """The sentences around the quotes, each with the letters of who quoted it; the whole trace and the prompt folded."""
    marks = {sentence.number: _letters(sentence, item) for sentence in desk.sentences}
    quoted = [number for number, letters in marks.items() if letters]
    near = {n for number in quoted for n in range(number - AROUND, number + AROUND + 1)}
    shown = [each for each in desk.sentences if each.number in near or len(desk.sentences) <= WHOLE]
    st.markdown(f"**{_title(desk, shown)}**")
    _sentences(shown or list(desk.sentences[:WHOLE]), marks)
    if len(shown) < len(desk.sentences):
        with st.expander(f"All {len(desk.sentences):,} sentences"):
            st.code(desk.reasoning, language=None, wrap_lines=True, height=420)
    with st.expander("Prompt"):
        for role, text in desk.prompt:
            st.caption(plain(role))
            st.text(text)
        if not desk.prompt:
            st.caption("No prompt came with this trace.")


def _title(desk: Desk, shown: list[Sentence]) -> str:
    if len(shown) == len(desk.sentences):
        return "The reasoning"
    return "The reasoning around the quotes" if shown else "How the reasoning begins; nobody quotes it"


def _letters(sentence: Sentence, item: Item) -> str:
    """Who quoted from the sentence."""
    return " ".join(
        each.letter
        for each in item.sides
        if any(q.start_char < sentence.end_char and q.end_char > sentence.start_char for q in each.quotes)
    )


def _sentences(shown: list[Sentence], marks: dict[int, str]) -> None:
    before = shown[0].number - 1 if shown else 0
    with st.container(border=True, gap="xxsmall", key="adjudicate-sentences"):
        for each in shown:
            if each.number != before + 1:
                st.caption("…")
            before = each.number
            with st.container(horizontal=True, gap="small"):
                st.caption(f"{each.number}", width=34)
                st.text(each.text, width="stretch")
                if marks[each.number]:
                    st.badge(f"quoted by {marks[each.number]}", color="blue")
