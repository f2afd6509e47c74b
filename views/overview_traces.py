"""The traces behind one point: those in which a group, or several patterns together, are present."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from analysis import reading
from analysis.measure.judged import ABSENT, PRESENT
from analysis.measure.outcome import Action
from views.address import key
from views.grid import Panel
from views.hits import hits
from views.overview_state import NO_CHECKPOINT, PAGE, Shown
from views.plain import count, plain
from views.store import RUNS, TRAJECTORIES

LISTED = 100
SIDES = {"yes": PRESENT, "no": ABSENT}
"""What the address says of the action."""


def asked() -> bool:
    """Whether the address asks for a list."""
    return bool(st.session_state.get(key(PAGE, "behind")))


def address() -> dict[str, Any]:
    """What the address keeps of the list."""
    return {name: st.session_state.get(key(PAGE, name)) for name in ("behind", "at", "did")}


def draw(shown: Shown) -> None:
    """Draw the list, and the way back."""
    _back()
    wanted = st.session_state[key(PAGE, "behind")]
    panels = [shown.panels[each] for each in wanted if each in shown.panels]
    if not panels:
        st.write(f"This run has nothing that is called {plain(', '.join(wanted), 100)}.")
        return
    at, did = (st.session_state.get(key(PAGE, name)) for name in ("at", "did"))
    action = _action() if did in SIDES else None
    places = behind(shown, panels, at, action, did)
    st.subheader(plain(_title(panels, at, action, did), 300), anchor=False)
    told = count(len(places), "trace")
    st.text(told if len(places) <= LISTED else f"{told}; the first {LISTED} of them")
    if not len(places):
        st.write("No trace shows this under these filters.")
        return
    run_id = shown.run["run"]
    rows = shown.opened.ask_of(
        (*TRAJECTORIES, *RUNS),
        reading.excerpts,
        tuple(shown.table.row_id[places[:LISTED]].tolist()),
        reading.Filter(run_id=run_id),
    )
    patterns = [member for panel in panels for member in panel.members]
    filters = {name: values for name, values in shown.kept.items() if values}
    link = {
        **filters,
        "run": [run_id],
        **({"pattern": patterns[:1], "verdict": ["present"]} if patterns else {}),
    }
    opened: list[str] = []
    synthetic = shown.facets.counts("synthetic")
    mixed = sum(synthetic.values()) < shown.facets.total() or len(synthetic) > 1
    hits(rows, shown.book, key(PAGE, "behind.hits"), reading.Filter(), link, opened.append, mixed, "traces")
    chosen = (st.session_state.get(key(PAGE, "behind.hits")) or {}).get("open")
    if chosen is not None:
        st.switch_page(
            Path(__file__).with_name("traces.py"), query_params={**link, "trajectory": [str(chosen)]}
        )


def behind(
    shown: Shown,
    panels: Sequence[Panel],
    at: str | None,
    action: Action | None = None,
    did: str | None = None,
) -> Any:
    """The places in `shown.table` of the traces in which all panels are present, in the checkpoints' order."""
    rows = shown.readable
    for panel in panels:
        rows = rows[shown.signs(panel)[rows] == PRESENT]
    if action is not None and did is not None:
        rows = rows[shown.action(action.outcome, action.value)[rows] == SIDES[did]]
    if at is not None:
        rows = rows[shown.table.where("checkpoint", [None if at == NO_CHECKPOINT else at])[rows]]
    order = np.lexsort((shown.table.row_id[rows], shown.table.codes["checkpoint"][rows]))
    return rows[order]


def _action() -> Action | None:
    """The outcome that the view with the action was on."""
    held = st.session_state.get(key(PAGE, "outcome"))
    name, _, value = str(held or "").partition("=")
    return Action(name, value, 0) if value else None


def _title(panels: Sequence[Panel], at: str | None, action: Action | None, did: str | None) -> str:
    told = " and ".join(panel.name for panel in panels)
    if action is not None:
        told += f", {'with' if did == 'yes' else 'without'} the outcome {action.name}"
    return told + (f", at {at}" if at else "")


def _back() -> None:
    def go() -> None:
        for name in ("behind", "at", "did"):
            st.session_state[key(PAGE, name)] = None

    st.button(
        "Back to the figures",
        icon=":material/arrow_back:",
        key=key(PAGE, "back"),
        on_click=go,
        type="tertiary",
    )
