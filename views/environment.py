"""The odd-number environment: gaming rates family by family, lengths, contrasts, and answers for a person to decide."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis import reading
from analysis.environment import decisions
from analysis.environment.prompts import ENVIRONMENT
from analysis.measure.families import by_family
from analysis.measure.scope import Scope
from views import choices, environment_contrast, environment_decide, environment_families
from views.address import adopt, keep, key
from views.environment_state import PAGE, Shown
from views.store import TRAJECTORIES, one_line_errors, opened

VIEWS = {
    "rates": "Gaming rate",
    "lengths": "Reasoning length",
    "contrast": "Contrast",
    "decide": "Decide answers",
}
NAMES = (
    "view",
    "run",
    "series",
    "family",
    "level",
    "at",
    "pattern",
    "of",
    "column",
    "first",
    "second",
    "by",
    "published",
)
EMPTY = (
    "It asks a model for an even number while leaked grader metadata rewards an odd one. Sample a model on it, "
    "or try it on simulated data:"
)


def main() -> None:
    """Draw the page."""
    store = opened()
    facets = store.ask_of(TRAJECTORIES, reading.facets)
    adopt(PAGE, one=NAMES, many=("checkpoint",))
    with st.sidebar:
        kept = _scope(facets)
    scope = Scope({column: tuple(values) for column, values in kept.items()})
    rates, conditions = store.ask(by_family, scope)
    cells = [rate.as_row() for rate in rates]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.title("Environment", anchor=False, width="content")
        here = {"environment": [ENVIRONMENT], **kept}
        choices.synthetic_badge(facets.counts("synthetic", **here), facets.total(**here))
    if not cells:
        st.subheader("No trajectory of the odd-number environment here")
        st.write(EMPTY)
        st.code("telltale collect --list\ntelltale simulate --variants all", language="bash")
        return
    series = {row["checkpoint"]: row["series"] for row in facets.rows}
    order = [name for name in facets.checkpoints if any(cell["checkpoint"] == name for cell in cells)]
    order += [""] if any(cell["checkpoint"] is None for cell in cells) else []
    shown = Shown(store, scope, cells, conditions, order, series)
    _facts(cells)
    view = _view(shown.store.ask(decisions.count_to_decide, scope))
    address: dict[str, Any] = {"view": view if view != "rates" else None, **kept}
    if view == "contrast":
        address |= environment_contrast.draw(shown)
    elif view == "decide":
        environment_decide.draw(shown)
    else:
        address |= environment_families.draw(shown, view)
    keep(PAGE, address)


def _scope(facets: reading.Facets) -> dict[str, list[str]]:
    series = choices.one(PAGE, "series", "Series", facets.counts("series", environment=[ENVIRONMENT]))
    kept = {"series": [series] if series else []}
    counts = facets.counts("checkpoint", environment=[ENVIRONMENT], **kept)
    return {**kept, "checkpoint": choices.many(PAGE, "checkpoint", "Checkpoint", counts)}


def _view(waiting: int) -> str:
    held = key(PAGE, "view")
    if st.session_state.get(held) not in VIEWS:
        st.session_state[held] = "rates"

    def name(view: str) -> str:
        return VIEWS[view] + (f" ({waiting:,})" if view == "decide" and waiting else "")

    chosen = st.segmented_control(
        "View", list(VIEWS), format_func=name, key=held, required=True, label_visibility="collapsed"
    )
    return chosen or "rates"


def _facts(cells: list[dict[str, Any]]) -> None:
    with st.container(horizontal=True, key="facts"):
        st.metric("Readable answers", f"{sum(cell['n'] for cell in cells):,}")
        for state, told in (
            ("ambiguous", "Several different numbers"),
            ("unparseable", "No number in digits"),
            ("truncated", "Cut short"),
            ("empty", "Empty, or not there at all"),
            ("unread", "Not read yet, or the prompt is none that the project knows"),
        ):
            number = sum(cell[state] for cell in cells)
            st.metric(
                "Not read" if state == "unread" else state.capitalize(), f"{number:,}",
                help=f"{told}. These answers are in no rate; the pale bands say what they could change.",
            )  # fmt: skip


with one_line_errors():
    main()
