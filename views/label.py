"""Label one trace after another: blind first, then the run's verdicts beside one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from analysis import codebook, reading
from labels import queue
from labels.labeling import Desk, sit_down
from views import choices, person
from views.desk import desk as draw_desk
from views.label_plain import PlainDesk
from views.plain import count, plain
from views.store import TRAJECTORIES, one_line_errors, opened

PAGE = "label"
TURN = f"{PAGE}.turn"
WHY = "Whose labels are these? Each name has labels of its own, in an order of its own; nobody sees another's while blind."
PHASES = {"blind": "blind", "assisted": "not blind: findings seen before", "review": "review"}


def main() -> None:
    """Draw the page."""
    shown = opened()
    name = person.signed_in()
    if name is None:
        person.ask_name(shown, "Label", WHY)
        return
    if st.session_state.pop(TURN, False):
        st.query_params.pop("item", None)
    facets = shown.ask_of(TRAJECTORIES, reading.facets)
    with shown.store.session() as db:
        taken = _asked_for(db, name) or queue.take(shown.store, name)
        progress = queue.progress(db, name)
        desk = sit_down(db, name, taken.trajectory_id, codebook.load(), taken.repeat) if taken else None
    in_widgets = st.query_params.get("reader") == "plain"
    _top(desk, name, progress, in_widgets, facets)
    if desk is None:
        _all_done(progress)
        return
    st.query_params["item"] = desk.name
    if in_widgets:
        PlainDesk(shown, desk).draw()
        return
    run = choices.run(PAGE, shown) if desk.state.submitted else None
    draw_desk(shown, desk, run["run"] if run else None, TURN)


def _asked_for(db: Any, name: str) -> queue.Taken | None:
    item = st.query_params.get("item")
    return queue.by_opaque(db, name, item) if item else None


def _top(
    desk: Desk | None, name: str, progress: queue.Progress, in_widgets: bool, facets: reading.Facets
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="label-top"):
        st.title("Label", anchor=False, width="content")
        if desk is not None:
            state = desk.state
            waiting = state.submitted and not state.revealed
            st.badge(
                "submitted, not revealed" if waiting else PHASES[desk.phase],
                color="green" if desk.phase == "blind" else "orange",
            )
            st.badge(f"trace {desk.name}", color="gray")
            if in_widgets:
                st.badge(
                    f"{count(len(desk.events), 'event')} saved" if desk.events else "nothing to save yet",
                    icon=":material/check:",
                    color="gray",
                )
            if in_widgets and state.flagged:
                st.badge("flagged", color="red")
        st.badge(
            f"{progress.submitted} of {progress.total} submitted"
            + (f", {progress.skipped} skipped" if progress.skipped else ""),
            color="gray",
        )
        choices.synthetic_badge(facets.counts("synthetic"), facets.total())
        person.badge(name)
    refused = st.session_state.pop(f"{PAGE}.refusal", None)
    if refused:
        st.error(plain(refused, 400))


def _all_done(progress: queue.Progress) -> None:
    st.subheader("Nothing left to label" if progress.total else "Nothing to label yet")
    st.write(
        f"You have submitted {progress.submitted} of {progress.total} traces"
        + (f" and skipped {progress.skipped}." if progress.skipped else ".")
    )
    st.page_link(Path(__file__).with_name("export.py"), label="Export the labels")


with one_line_errors():
    main()
