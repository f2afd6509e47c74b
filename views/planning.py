"""Before labelling: how many labels an interval needs, and how many trajectories tell two checkpoints apart."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from analysis.measure.planning import expected_width, labels_needed, trajectories_needed, whole
from views.address import adopt, keep, key
from views.palette import BAND, POINT
from views.plain import count
from views.store import one_line_errors

PAGE = "planning"
FIRST = {
    "prevalence": 5.0, "sensitivity": 85.0, "specificity": 97.0, "width": 4.0, "judged": 2_000, "effect": 1.0,
    "one": 5.0, "other": 15.0, "power": 80.0,
}  # fmt: skip
CURVE = (25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1_200, 1_600, 2_400, 3_200, 4_800)
# Label counts that the curve is drawn at, as far as there are trajectories.


def main() -> None:
    """Draw the page."""
    adopt(PAGE, one=tuple(FIRST))
    st.title("Planning", anchor=False)
    labels()
    trajectories()
    keep(PAGE, {name: _value(name) if _value(name) != first else None for name, first in FIRST.items()})


def labels() -> None:
    """How many labels are needed, and how the width falls with them."""
    st.subheader("How many labels do I need?", anchor=False)
    st.caption(
        "Labels drawn at random among what the judge read. They correct its share; the interval is that of the corrected share."
    )
    with st.container(horizontal=True):
        _percent("prevalence", "Expected share, %", "Of trajectories that show the pattern")
        _percent(
            "sensitivity",
            "Sensitivity, %",
            "Of those that show it, the part that the judge finds: Judge page",
        )
        _percent(
            "specificity", "Specificity, %", "Of those that do not, the part that the judge calls absent"
        )
        _number("judged", "Judged", 1, 10_000_000, "Trajectories of the checkpoint with a verdict")
        _percent("width", "Wanted width, points", "Of the 95 % interval, from its low to its high end")
        _number(
            "effect",
            "Design effect",
            1.0,
            1_000.0,
            "What rollouts of the same prompts cost; 1 where every prompt has one",
        )
    judge = tuple(_value(name) / 100 for name in ("prevalence", "sensitivity", "specificity"))
    judged, effect, width = int(_value("judged")), float(_value("effect")), _value("width") / 100
    found = labels_needed(width, *judge, judged, effect)
    if found.labels is None:
        st.warning(f"No number of labels is enough: {found.note}.")
    else:
        with st.container(horizontal=True, key="facts"):
            st.metric("Labels", f"{found.labels:,}")
            st.metric(
                "Of them present",
                f"{found.positives:.0f}",
                help="As many as are expected to show the pattern",
            )
        if found.note:
            st.caption(f"{found.note[0].upper()}{found.note[1:]}.")
    sizes = [n for n in CURVE if n <= judged] or [judged]
    curve = pd.DataFrame(
        {"labels": sizes, "width": [expected_width(n, *judge, judged, effect) for n in sizes]}
    )
    st.altair_chart(
        _curve(curve, width), width="stretch", alt="Expected width of the interval by number of labels; the numbers are below"
    )  # fmt: skip
    with st.expander("Numbers"):
        st.dataframe(
            curve.assign(width=100 * curve["width"]), hide_index=True,
            column_config={"labels": "Labels", "width": st.column_config.NumberColumn("Expected width, points", format="%.2f")},
        )  # fmt: skip


def trajectories() -> None:
    """How many trajectories tell two shares apart."""
    st.subheader("How many trajectories a checkpoint?", anchor=False)
    st.caption("To tell two checkpoints' shares apart at the 5 % level, with independent trajectories.")
    with st.container(horizontal=True):
        _percent("one", "One share, %", "Of the first checkpoint")
        _percent("other", "Other share, %", "Of the second")
        _number("power", "Power, %", 10.0, 99.0, "How often the difference shall be found")
    n = trajectories_needed(_value("one") / 100, _value("other") / 100, _value("power") / 100)
    if n is None:
        st.warning("The two shares are the same: nothing tells them apart.")
        return
    with st.container(horizontal=True, key="trajectories"):
        st.metric("A checkpoint", count(whole(n), "trajectory", "trajectories"))


def _curve(curve: pd.DataFrame, wanted: float) -> alt.LayerChart:
    base = alt.Chart(curve)
    line = base.mark_line(point=alt.OverlayMarkDef(color=POINT), color=POINT).encode(
        x=alt.X("labels:Q", title="Labels"),
        y=alt.Y(
            "width:Q",
            title="Expected width of the interval",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(zero=True),
        ),
        tooltip=[
            alt.Tooltip("labels:Q", title="Labels"),
            alt.Tooltip("width:Q", title="Width", format=".1%"),
        ],
    )
    rule = (
        alt.Chart(pd.DataFrame({"width": [wanted]}))
        .mark_rule(strokeDash=[4, 4], color=BAND)
        .encode(y="width:Q")
    )
    return alt.layer(line, rule).properties(height=240)


def _percent(name: str, label: str, told: str) -> None:
    _number(name, label, 0.1, 99.9, told)


def _number(name: str, label: str, least: float, most: float, told: str) -> None:
    held, value = key(PAGE, name), _value(name)
    st.session_state[held] = type(least)(value if least <= value <= most else FIRST[name])
    step, form = (100, "%d") if isinstance(least, int) else (1.0, "%.1f")
    st.number_input(label, least, most, key=held, help=told, width=170, step=step, format=form)


def _value(name: str) -> float:
    """What the field holds; the address brings text, or nonsense."""
    try:
        return float(st.session_state.get(key(PAGE, name)) or FIRST[name])
    except ValueError:
        return FIRST[name]


with one_line_errors():
    main()
