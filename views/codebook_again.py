"""The Codebook page's history, and the labels that an older definition was used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from analysis.codebook import Change, Codebook
from labels.another_look import AnotherLook, to_look_at
from labels.queue import opaque
from views import person
from views.codebook_patterns import PAGE
from views.plain import count, plain
from views.store import Opened

A_PAGE = 25
WHY = "Whose labels are to be looked at again? Each person sees their own; nobody sees another's while blind."
NOTHING = (
    "When a pattern is defined anew, labels made under the older definition wait here until their person judges the pattern again. "
    "After a split, so do those that said present or unsure: absent of the whole is absent of each part. Nothing is dropped meanwhile."
)


def draw_history(shown: Opened, book: Codebook) -> None:
    """Draw what became of patterns, newest first."""
    if not book.history:
        st.subheader("No change yet", anchor=False)
        st.write("Each rename, new definition, split, merge and retirement makes a new revision and stands here with its reason.")  # fmt: skip
        return
    changes = list(reversed(book.history))
    st.dataframe(
        {
            "revision": [each.revision for each in changes],
            "change": [each.kind for each in changes],
            "old": [", ".join(each.old) for each in changes],
            "new": [", ".join(each.new) or "–" for each in changes],
            "note": [each.note or "" for each in changes],
            "waiting": _waiting(shown, book, changes),
        },
        hide_index=True,
        height="content",
        column_config={
            "revision": st.column_config.NumberColumn("Revision", width=80),
            "change": st.column_config.TextColumn("Change", width=90),
            "old": "From", "new": "To", "note": st.column_config.TextColumn("Why", width="large"),
            "waiting": st.column_config.NumberColumn("Labels to look at again", width=160),
        },
    )  # fmt: skip


def _waiting(shown: Opened, book: Codebook, changes: Sequence[Change]) -> list[int]:
    found = Counter((each.revision, each.change) for each in shown.ask(to_look_at, book))
    return [found[each.revision, each.kind] for each in changes]


def draw(shown: Opened, book: Codebook) -> None:
    """Draw the labels that wait: how many each person has, and one's own with links."""
    found = shown.ask(to_look_at, book)
    if not found:
        st.subheader("No label waits for another look", anchor=False)
        st.write(NOTHING)
        return
    st.caption(NOTHING)
    _everybody(found, book)
    name = person.signed_in()
    if name is None:
        person.ask_name(shown, "Your own", WHY)
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Your own", anchor=False, width="content")
        person.badge(name)
    mine = [each for each in found if each.annotator == name]
    if not mine:
        st.write("None of your labels waits.")
    pages = -(-len(mine) // A_PAGE)
    number = st.pagination(pages, key=f"{PAGE}.again") if pages > 1 else 1
    for each in mine[(number - 1) * A_PAGE : number * A_PAGE]:
        _mine(each, book)


def _everybody(found: Sequence[AnotherLook], book: Codebook) -> None:
    """How many labels wait, by person and pattern: never what was said on which trace."""
    waiting = Counter((each.annotator, each.pattern, each.change, each.revision) for each in found)
    rows = [(*what, number) for what, number in sorted(waiting.items())]
    st.dataframe(
        {
            "who": [row[0] for row in rows],
            "pattern": [book.name_of(row[1]) for row in rows],
            "change": [f"{row[2]}, revision {row[3]}" for row in rows],
            "labels": [row[4] for row in rows],
        },
        hide_index=True,
        height="content" if len(rows) <= A_PAGE else "auto",
        column_config={"who": "Annotator", "pattern": "Pattern to judge", "change": "Since", "labels": "Labels"},
    )  # fmt: skip


def _mine(each: AnotherLook, book: Codebook) -> None:
    name = opaque(each.annotator, each.trajectory_id)
    with st.container(
        horizontal=True, vertical_alignment="center", key=f"{PAGE}-again-{name}-{each.pattern}"
    ):
        st.page_link(
            Path(__file__).with_name("label.py"), label=f"Trace {name}", icon=":material/edit:",
            query_params={"item": name},
        )  # fmt: skip
        said = f"you said {each.value}" + (
            f" of {book.name_of(each.was)}" if each.was != each.pattern else ""
        )
        st.text(f"{book.name_of(each.pattern)} · {said}", width="stretch")
        st.badge(f"{each.change}, revision {each.revision}", color="gray")


def told_waiting(found: Sequence[AnotherLook]) -> str:
    """`3 labels of 2 people`."""
    people = len({each.annotator for each in found})
    return plain(f"{count(len(found), 'label')} of {count(people, 'person', 'people')}")
