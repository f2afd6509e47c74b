"""Where people labelled a trace differently, somebody decides: one conflict at a time, A and B unnamed, a reason each.

Nothing of a run's word is on this page: who decides sees the trace and what people said, and no more.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from analysis import codebook
from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.reading import facets
from labels import adjudication
from labels.adjudication import REASONS, Item, open_case, to_adjudicate
from labels.events import VALUES
from views import adjudicate_sides, choices, person
from views.plain import count, plain
from views.store import TRAJECTORIES, Opened, one_line_errors, opened

PAGE = "adjudicate"
REFUSAL, SKIPPED, REASON = f"{PAGE}.refusal", f"{PAGE}.skipped", f"{PAGE}.reason"
WHY = (
    "Who decides? Each decision is kept with the name, the reason and the time; the labels stay as they were."
)
EMPTY = (
    "A conflict is a pattern of one trace on which two people who labelled it blind say different things: one present, the other absent "
    "or unsure. So it takes two people on a trace: the overlap of the queue sees to that. Where both say present and quote other sentences, it "
    "comes here after the conflicts."
)
STATUS = {"conflict": "they differ", "quotes differ": "both present, other quotes", "decided": "decided"}
KEYS = "123456789"
Key = tuple[str, str]


def main() -> None:
    """Draw the page."""
    shown = opened()
    name = person.signed_in()
    if name is None:
        person.ask_name(shown, "Adjudicate", WHY)
        return
    book = codebook.load()
    items = shown.ask(to_adjudicate, name, book)
    skipped: list[Key] = st.session_state.setdefault(SKIPPED, [])
    waiting = [each for each in items if each.status != "decided"]
    now = [each for each in waiting if _key(each) not in skipped]
    _top(shown, items, name, len(waiting) - len(now))
    if refused := st.session_state.pop(REFUSAL, None):
        st.error(plain(refused, 400))
    if now:
        _one(shown, now[0], name, book)
    else:
        _none_left(items, skipped)
    _foot(shown, name, now[0] if now else None, _last(items, name), book)
    _decided(items, book)


def _key(item: Item) -> Key:
    return item.trajectory_id, item.pattern


def _top(shown: Opened, items: list[Item], name: str, skipped: int) -> None:
    everything = shown.ask_of(TRAJECTORIES, facets)
    left = sum(each.status == "conflict" for each in items)
    decided = sum(each.status == "decided" for each in items)
    differ = sum(each.status == "quotes differ" for each in items)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Adjudicate", anchor=False, width="content")
        st.badge(f"{left:,} of {left + decided:,} conflicts left", color="orange" if left else "green")
        if differ:
            st.badge(f"{differ:,} with other quotes", color="gray")
        if skipped:
            st.badge(f"{skipped:,} skipped", color="gray")
        choices.synthetic_badge(everything.counts("synthetic"), everything.total())
        person.badge(name)


def _one(shown: Opened, item: Item, name: str, book: Codebook) -> None:
    case = open_case(shown.store, name, item.trajectory_id, book)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(plain(book.name_of(item.pattern)), anchor=False, width="content")
        st.badge(STATUS[item.status], color="orange" if item.status == "conflict" else "gray")
        st.badge(f"trace {case.name}", color="gray")
    if item.pattern in book:
        st.caption(plain(book[item.pattern].definition, 2000))
    if item.own:
        st.info(
            "You labelled this trace yourself: one of the sides is yours. You may decide; the export says who did."
        )
    for place, column in enumerate(st.columns(len(item.sides), gap="medium")):
        with column:
            adjudicate_sides.side(item.sides[place])
    adjudicate_sides.around(case.desk, item)


def _foot(shown: Opened, name: str, item: Item | None, last: Item | None, book: Codebook) -> None:
    """The reason, and a key for each thing that may be decided."""
    with st.bottom, st.container(gap="xsmall", key=f"{PAGE}-foot"):
        if item is not None:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.segmented_control("Why they differ", REASONS, key=REASON)
                st.text_input("Note", key=_note(item), width=320, placeholder="may be left open")
        with st.container(horizontal=True, vertical_alignment="center"):
            if item is not None:
                _takes(shown, name, item, book)
            st.button(
                "Undo", shortcut="Z", disabled=last is None, on_click=_undo, args=(shown, name, last),
                help="Takes your last decision back",
            )  # fmt: skip
            if item is not None:
                st.button("Skip", shortcut="S", on_click=st.session_state[SKIPPED].append, args=(_key(item),))


def _note(item: Item) -> str:
    return f"{PAGE}.note.{item.trajectory_id}.{item.pattern}"


def _takes(shown: Opened, name: str, item: Item, book: Codebook) -> None:
    both = "unsure" if any(side.value == "absent" for side in item.sides) else "present"
    sides = [
        (
            f"Take {side.letter}",
            KEYS[place],
            side.letter,
            None,
            f"{side.value}, with the quotes of {side.letter}",
        )
        for place, side in enumerate(item.sides)
    ]
    others = [
        ("Both", "B", "both", None, f"{both}, with the quotes of all: the text bears each reading"),
        *(
            (f"Neither: {value}", shortcut, "neither", value, "With no quote of theirs")
            for value, shortcut in zip(VALUES, "PNU", strict=True)
        ),
    ]
    for label, shortcut, take, value, told in [*sides, *others]:
        st.button(
            label, key=f"{PAGE}.take.{take}{value or ''}", shortcut=shortcut, help=told,
            type="primary" if len(take) == 1 else "secondary",
            on_click=_decide, args=(shown, name, item, book, take, value),
        )  # fmt: skip


def _decide(shown: Opened, name: str, item: Item, book: Codebook, take: str, value: str | None) -> None:
    reason = st.session_state.get(REASON)
    if reason is None:
        st.session_state[REFUSAL] = "Choose why they differ first; a decision keeps its reason."
        return
    note = (st.session_state.get(_note(item)) or "").strip() or None
    try:
        adjudication.decide(shown.store, name, book, item, take, reason, value, note)
    except UserError as error:
        st.session_state[REFUSAL] = str(error)
        return
    st.session_state[REASON] = None


def _last(items: list[Item], name: str) -> Item | None:
    """This person's newest decision that stands, whenever it was made."""
    mine = [each for each in items if each.decided is not None and each.decided["by"] == name]
    return max(mine, key=lambda each: (each.decided or {})["at"], default=None)


def _undo(shown: Opened, name: str, last: Item) -> None:
    try:
        adjudication.withdraw(shown.store, name, last)
    except UserError as error:
        st.session_state[REFUSAL] = str(error)


def _none_left(items: list[Item], skipped: list[Key]) -> None:
    waiting = [each for each in items if each.status != "decided"]
    if waiting:
        st.subheader("Only skipped conflicts are left", anchor=False)
        st.button("Show them again", on_click=skipped.clear)
        return
    st.subheader("Every conflict is decided" if items else "No conflict", anchor=False)
    st.write(EMPTY)
    st.page_link(Path(__file__).with_name("label.py"), label="Label")


def _decided(items: list[Item], book: Codebook) -> None:
    made = [each for each in items if each.decided is not None]
    if not made:
        return
    with st.expander(f"Decided ({len(made):,})"):
        told = [each.decided or {} for each in made]
        st.dataframe(
            {
                "pattern": [book.name_of(each.pattern) for each in made],
                "said": [", ".join(f"{side.letter} {side.value}" for side in each.sides) for each in made],
                **{name: [row[name] for row in told] for name in ("take", "value", "reason", "note", "by", "at")},
            },
            hide_index=True,
            column_config={
                "pattern": "Pattern", "said": "They said", "take": "Taken", "value": "Gold", "reason": "Why they differed",
                "note": "Note", "by": "By", "at": "At",
            },
        )  # fmt: skip
        st.caption(f"{count(len(made), 'decision')}. `telltale export gold --out FILE` takes them along; each label stays as it was.")  # fmt: skip


with one_line_errors():
    main()
