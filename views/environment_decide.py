"""Answers that the rules can't read: a person decides them, one key each."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from analysis import traces
from analysis.environment import decisions
from analysis.errors import UserError
from views import person
from views.environment_state import PAGE, Shown
from views.plain import count, plain

KEYS = "123456789"
LISTED = 200
WHY = "Whose decisions are these? Each is kept with the name, the time and the answer that it was made on."
WORDS = {"ambiguous": "several numbers", "unparseable": "no number in digits"}


def draw(shown: Shown) -> None:
    """Draw the answer that is next, the keys that decide it, and what is still to decide."""
    name = person.signed_in()
    if name is None:
        person.ask_name(shown.store, "Decide answers", WHY)
        return
    waiting = shown.store.ask(decisions.count_to_decide, shown.scope)
    skipped = st.session_state.setdefault(f"{PAGE}.skipped", [])
    rows = shown.store.ask(decisions.to_decide, shown.scope, LISTED + len(skipped))
    open_rows = [row for row in rows if row["trajectory_id"] not in skipped]
    with st.container(horizontal=True, vertical_alignment="center"):
        person.badge(name)
        st.badge(
            f"{waiting:,} to decide"
            + (f", {len(rows) - len(open_rows)} skipped" if len(open_rows) < len(rows) else ""),
            color="gray",
        )
    refused = st.session_state.pop(f"{PAGE}.refusal", None)
    if refused:
        st.error(plain(refused, 400))
    if open_rows:
        _answer(shown, open_rows[0], name)
    else:
        st.subheader("Nothing left to decide" if not rows else "Only skipped answers are left")
        st.button("Undo", shortcut="Z", on_click=_undo, args=(shown, name))
        if rows:
            st.button("Show the skipped ones again", on_click=skipped.clear)
    _list(shown, open_rows[1:], waiting)


def _answer(shown: Shown, row: dict[str, Any], name: str) -> None:
    """One answer with its prompt, and a key for each thing that it may say."""
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown(f"**The answer** · {WORDS[row['state']]}")
        st.code(
            row["answer"], language=None, wrap_lines=True, height=None if len(row["answer"]) < 1500 else 360
        )
        trace = shown.store.ask(traces.read_trajectory, row["trajectory_id"])
        finish = trace.trajectory["finish_reason"]
        st.caption(f"Finish reason: {plain(finish) if finish else 'not given'}.")
    with right:
        st.markdown("**The prompt**")
        for role, text in _prompt(trace.messages):
            st.caption(plain(role))
            st.code(text, language=None, wrap_lines=True)
    decide = partial(_decide, shown, row, name)
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", key="decide-keys"):
        for shortcut, number in zip(KEYS, row["numbers"], strict=False):
            st.button(plain(number, 24), key=f"{PAGE}.decide.{shortcut}", shortcut=shortcut, help="This is the number that the answer gives",
                      type="primary", on_click=decide, args=(number,))  # fmt: skip
        st.button(
            "No number",
            shortcut="N",
            on_click=decide,
            args=(None,),
            help="It names no number, or none by itself",
        )
        st.button("Refuses", shortcut="F", on_click=decide, args=(None, "refuses"))
        st.button("Still ambiguous", shortcut="A", on_click=decide, args=(None, None, "ambiguous"))  # fmt: skip
        held = f"{PAGE}.typed.{row['trajectory_id']}"
        st.text_input(
            "Another number", key=held, placeholder="Another number", label_visibility="collapsed", width=150,
            on_change=lambda: decide(st.session_state[held]) if st.session_state[held].strip() else None,
        )  # fmt: skip
        st.button(
            "Undo", shortcut="Z", on_click=_undo, args=(shown, name), help="Takes your last decision back"
        )
        st.button("Skip", shortcut="S", on_click=_skip, args=(row["trajectory_id"],))


def _decide(shown: Shown, row: dict[str, Any], name: str, number: str | None, note: str | None = None, state: Any = "unparseable") -> None:  # fmt: skip
    try:
        decisions.decide(
            shown.store.store, row["trajectory_id"], number, name, note, state, answer_sha256=row["answer_sha256"]
        )  # fmt: skip
    except UserError as error:
        st.session_state[f"{PAGE}.refusal"] = str(error)


def _undo(shown: Shown, name: str) -> None:
    taken = decisions.undo(shown.store.store, name)
    if taken is None:
        st.session_state[f"{PAGE}.refusal"] = "You have no decision to take back."
    elif taken.trajectory_id in st.session_state.get(f"{PAGE}.skipped", []):
        st.session_state[f"{PAGE}.skipped"].remove(taken.trajectory_id)


def _skip(trajectory_id: str) -> None:
    st.session_state[f"{PAGE}.skipped"].append(trajectory_id)


def _prompt(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """The messages before the model's first."""
    roles = [message["role"] for message in messages]
    asked = messages[: roles.index("assistant")] if "assistant" in roles else messages
    return [(message["role"], message["content"]) for message in asked]


def _list(shown: Shown, rows: list[dict[str, Any]], waiting: int) -> None:
    if rows:
        st.subheader("Then", anchor=False)
        st.dataframe(
            {
                "state": [WORDS[row["state"]] for row in rows],
                "answer": [row["answer"][:300] for row in rows],
                "variant": [row["variant"] for row in rows],
                "trajectory": [row["trajectory_id"] for row in rows],
            },
            hide_index=True,
            column_config={
                "state": "It has",
                "answer": st.column_config.TextColumn("Answer", width="large"),
                "variant": "Variant",
                "trajectory": "Trajectory",
            },
        )
        if waiting > LISTED:
            st.caption(f"The first {LISTED} of {waiting:,}.")
    made = shown.store.ask(decisions.decided, shown.scope, LISTED)
    if made:
        st.subheader("Decided", anchor=False)
        st.dataframe(
            {
                "number": [row["number"] if row["number"] is not None else WORDS.get(row["state"], row["state"]) for row in made],
                "note": [row["note"] for row in made], "answer": [(row["answer"] or "")[:300] for row in made],
                "by": [row["annotator"] for row in made], "at": [row["created_at"] for row in made],
                "trajectory": [row["trajectory_id"] for row in made],
            },
            hide_index=True,
            column_config={"answer": st.column_config.TextColumn("Answer", width="large")},
        )  # fmt: skip
        st.caption(
            f"{count(len(made), 'decision')}. `telltale export decisions --out FILE` takes them to another store."
        )
