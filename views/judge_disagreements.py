"""The Judge page's third part: where a run and people differ, to read side by side."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import streamlit as st

from analysis.measure.judge_words import sentences_at
from labels.gold import Gold, frame
from labels.judged import Disagreement, SideBySide, disagreements, side_by_side
from labels.seen import open_to
from views import seen
from views.address import key
from views.judge_parts import PAGE, Row, Shown
from views.person import signed_in
from views.plain import count, plain

A_PAGE = 10
LONGEST_QUOTE = 1_000
KINDS = {"false positive": "Only the run says present", "false negative": "Only people say present"}
SHORT = {"false positive": "FP", "false negative": "FN"}
UNBLIND = f"{PAGE}.unblind"


def draw(page: Shown) -> None:
    """Draw the part. What it shows of a trace that somebody still labels blind would end that; so it asks first."""
    found = page.store.ask(disagreements, page.id, page.store.ask(frame))
    if not found:
        st.subheader("No disagreement to read", anchor=False)
        st.write("Nobody has said blind of a trace that this run judged something else than the run. Against people says how many labels there are.")  # fmt: skip
        return
    kept, hidden = _open(page, found)
    pattern, kind = _filters(page, kept)
    wanted = [each for each in kept if pattern in (None, each.pattern) and kind in (None, each.kind)]
    _told(page, found, wanted, hidden)
    if not wanted:
        return
    pages = -(-len(wanted) // A_PAGE)
    number = st.pagination(pages, key=f"{PAGE}.disagreements.{pattern}.{kind}") if pages > 1 else 1
    here = tuple(wanted[(number - 1) * A_PAGE : number * A_PAGE])
    seen.show(page.store, page.id, [each.trajectory_id for each in here])
    sides = page.store.ask(side_by_side, page.id, here)
    sentences = page.store.ask(sentences_at, {each.disagreement.trajectory_id: each.place for each in sides})
    for place, each in enumerate(sides):
        _side_by_side(page, each, sentences.get(each.disagreement.trajectory_id), place)


def _open(page: Shown, found: list[Disagreement]) -> tuple[list[Disagreement], int]:
    """What may be shown, and how many are kept back: to somebody who labels, those on traces not submitted yet."""
    name = signed_in()
    if name is None or st.session_state.get(UNBLIND) == (name, page.id):
        return found, 0
    allowed = page.store.ask(open_to, name)
    kept = [each for each in found if each.trajectory_id in allowed]
    return kept, len(found) - len(kept)


def _filters(page: Shown, kept: list[Disagreement]) -> tuple[str | None, str | None]:
    patterns = page.ordered(list({each.pattern for each in kept}))
    numbers = Counter(each.pattern for each in kept)
    held, kind = key(PAGE, "pattern"), key(PAGE, "kind")
    if st.session_state.get(held) not in patterns:
        st.session_state[held] = None
    if st.session_state.get(kind) not in KINDS:
        st.session_state[kind] = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Pattern", patterns, None, format_func=lambda pattern: f"{page.name(pattern)}  ({numbers[pattern]:,})",
            key=held, placeholder="Any", width=420,
        )  # fmt: skip
        side = st.segmented_control("Which", list(KINDS), format_func=KINDS.__getitem__, key=kind)
    return chosen, side


def _told(page: Shown, found: list[Disagreement], wanted: list[Disagreement], hidden: int) -> None:
    st.caption(
        f"{count(len(wanted), 'disagreement')}, the surest mistakes first: those where the score is farthest from what people say."
        if len(wanted) + hidden == len(found)
        else f"{len(wanted):,} of {count(len(found), 'disagreement')}, the surest mistakes first."
    )
    if not hidden:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text(
            f"{hidden:,} more are on traces that you have not submitted: you may still label them blind.",
            width="content",
        )

        def unblind() -> None:
            st.session_state[UNBLIND] = (signed_in(), page.id)

        st.button("Show these too", on_click=unblind, help="What you label on the traces that are shown from then on is not blind any more. It is written down with the labels.")  # fmt: skip


def _side_by_side(page: Shown, each: SideBySide, sentence: int | None, place: int) -> None:
    one = each.disagreement
    with st.container(border=True, key=f"{PAGE}-pair-{place}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(
                SHORT[one.kind],
                color="orange" if one.kind == "false positive" else "violet",
                help=KINDS[one.kind],
            )
            st.markdown(f"**{plain(page.name(one.pattern))}**", width="content")
            where = " · ".join(part for part in (one.checkpoint, one.variant) if part)
            st.text(where + (f" · score {one.score:g}" if one.score is not None else ""), width="content")
            st.space("stretch")
            address = {
                "trajectory": one.trajectory_id,
                "run": page.id,
                "pattern": one.pattern,
                "segment": sentence,
            }
            st.page_link(
                Path(__file__).with_name("traces.py"), label="Read the trace", icon=":material/article:",
                query_params={name: str(value) for name, value in address.items() if value is not None},
            )  # fmt: skip
        left, right = st.columns(2, gap="medium")
        with left:
            _run(each)
        with right:
            _people(each.gold)


def _run(each: SideBySide) -> None:
    st.markdown(
        "The run: **" + ("present" if each.disagreement.kind == "false positive" else "absent") + "**"
    )
    if each.why:
        st.text(each.why)
    for finding in each.findings:
        _quote(finding["quote"], _about(finding))
    if not each.findings:
        st.caption("It quotes nothing for it.")


def _about(finding: Row) -> str:
    parts = [
        finding["stance"],
        finding["role"],
        "not in the text" if finding["match"] == "rejected" else None,
    ]
    said = ", ".join(part for part in parts if part)
    return f"{said}: {finding['why']}" if finding["why"] else said


def _people(gold: Gold) -> None:
    me = signed_in()
    if gold.decision is not None:
        st.markdown(f"Adjudicated: **{gold.value}**")
        if gold.decision.note:
            st.text(gold.decision.note)
    for label in gold.labels:
        who = "You" if label.annotator == me else "A person"
        st.markdown(f"{who}: **{label.value}**")
        for quote in label.label.quotes.values():
            _quote(quote.quote, ", ".join(part for part in (quote.stance or "asserts", quote.role) if part))
        if label.label.no_single_quote:
            st.caption("No single quote shows it.")
        elif not label.label.quotes:
            st.caption(
                "Nothing is quoted for it." if label.label.explicit else "Not marked: absent at submit."
            )
        if note := label.label.note or label.state.note:
            st.text(f"Note: {note}")


def _quote(text: str, about: str) -> None:
    """A quote and what is said of it: stored text, which Markdown would make links of."""
    with st.container(gap=None):
        st.text(f"“{text[:LONGEST_QUOTE]}{'…' if len(text) > LONGEST_QUOTE else ''}”")
        if about:
            st.text(about)
