"""How large a share of each checkpoint's trajectories has a text of each cluster, with intervals that hold together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from analysis.cluster.clustering import UNCLUSTERED
from analysis.cluster.shares import COLUMNS
from analysis.tables import to_csv
from views.address import key
from views.choices import READABLE_NAMES
from views.clusters_state import NO_CHECKPOINT, PAGE, Shown, choose
from views.figure import svg
from views.overview_numbers import downloads
from views.overview_state import PERCENT, in_percent
from views.panels import PARAMETER, axis_of, panel, shared_beginning, short_names
from views.plain import count, plain

PANELS = 9
RELIABLE = 0.05
HIDDEN = ("reasoning_state", "synthetic", "test", "p", "low", "high")
SHARES = ("share", "all_low", "all_high", "bound_low", "bound_high", "difference")
Cells = list[dict[str, Any]]


def draw(shown: Shown) -> None:
    """Draw the panels and the numbers below them."""
    rows = shown.shares()
    st.subheader("By checkpoint", anchor=False)
    state = _state(sorted({row["reasoning_state"] for row in rows}))
    cells = [_cell(row, shown) for row in rows if row["reasoning_state"] == state]
    checkpoints = list(dict.fromkeys(cell["checkpoint"] for cell in cells))
    if not cells:
        st.write("None of these trajectories has reasoning to read.")
        return
    _caption(cells, checkpoints)
    drawn = _panelled(shown)
    picked = _panels(shown, drawn, cells, checkpoints)
    _numbers(shown, cells, drawn, checkpoints)
    if picked and picked != st.session_state.get(f"{PAGE}.picked"):
        st.session_state[f"{PAGE}.picked"] = picked
        choose(*picked)
        st.rerun()


def _state(states: Sequence[str]) -> str:
    """The kind of reasoning that is shown. Kinds are never pooled."""
    held = key(PAGE, "state")
    if st.session_state.get(held) not in states:
        st.session_state[held] = "text" if "text" in states else next(iter(states), None)
    if len(states) > 1:
        st.segmented_control(
            "Reasoning",
            states,
            format_func=READABLE_NAMES.__getitem__,
            key=held,
            required=True,
            label_visibility="collapsed",
        )
    return str(st.session_state[held])


def _cell(row: dict[str, Any], shown: Shown) -> dict[str, Any]:
    """A row as a panel takes it: its interval is the one that holds together with all others of the table."""
    checkpoint = row["checkpoint"] or NO_CHECKPOINT
    order = shown.facets.checkpoints
    series = next(
        (each["series"] for each in shown.facets.rows if each["checkpoint"] == row["checkpoint"]), None
    )
    return {
        **row, "checkpoint": checkpoint, "place": order.index(checkpoint) if checkpoint in order else len(order), "series": series,
        "present": row["part"], "low": row["all_low"], "high": row["all_high"], "note": None, "told": row["note"],
        "wilson_low": row["low"], "wilson_high": row["high"],
    }  # fmt: skip


def _caption(cells: Cells, checkpoints: Sequence[str]) -> None:
    missing = max(cell["missing"] for cell in cells)
    told = [
        "Share of trajectories with a text of the cluster; intervals are wide enough that all of the table hold together in 95 % of cases (Bonferroni)"
    ]
    if missing:
        told.append(f"up to {count(missing, 'trajectory', 'trajectories')} missing at a checkpoint")
    if shared := shared_beginning(checkpoints):
        told.append(f"each checkpoint's name begins with {plain(shared)}")
    st.caption("; ".join(told) + ". Click a point to read the cluster's quotes there.")


def _panelled(shown: Shown) -> list[int]:
    """The largest clusters, and the chosen one before them."""
    numbers = [row["cluster"] for row in shown.clusters if row["cluster"] != UNCLUSTERED][:PANELS]
    chosen = [shown.chosen] if shown.chosen is not None else []
    return (chosen + [number for number in numbers if number not in chosen])[:PANELS]


def _panels(
    shown: Shown, drawn: Sequence[int], cells: Cells, checkpoints: Sequence[str]
) -> tuple[int, str | None] | None:
    axis, picked = axis_of([cell for cell in cells if cell["cluster"] in drawn]), None
    with st.container(key="panels"):
        for number in drawn:
            mine = [cell for cell in cells if cell["cluster"] == number]
            with st.container(key=f"panel-{number}", gap=None):
                st.markdown(f"**{plain(shown.name(number), 40)}**")
                st.caption(_sure(mine, short_names(checkpoints)))
                event = st.vega_lite_chart(
                    spec=panel(mine, checkpoints, axis), key=f"{PAGE}.chart.{shown.id}.{number}", on_select="rerun", selection_mode=PARAMETER,
                    alt=f"Share of trajectories with a text of {shown.name(number)} at {count(len(checkpoints), 'checkpoint')}; the numbers are in the table below",
                )  # fmt: skip
            for point in event["selection"].get(PARAMETER, []):
                name = point.get("checkpoint")
                picked = number, name if name != NO_CHECKPOINT else None
    return picked


def _sure(cells: Cells, names: Mapping[str, str]) -> str:
    """Which checkpoints differ from all others, in a line."""
    differ = [cell for cell in cells if cell["p_bh"] is not None and cell["p_bh"] < RELIABLE]
    if not differ:
        return "no checkpoint differs clearly from the others"
    told = [
        f"{'more' if cell['difference'] > 0 else 'less'} at {names[cell['checkpoint']]}" for cell in differ
    ]
    return plain("; ".join(told), 120)


def _numbers(shown: Shown, cells: Cells, drawn: Sequence[int], checkpoints: Sequence[str]) -> None:
    columns = ["checkpoint", *COLUMNS]
    rows = [
        {**cell, "note": cell["told"], "low": cell["wilson_low"], "high": cell["wilson_high"]}
        for cell in cells
    ]
    note = f"Share of trajectories with a text of the cluster; {shown.id}; bars hold together in 95 % of cases (Bonferroni)."
    note += " Synthetic data." if any(cell["synthetic"] for cell in cells) else ""
    figure = svg(
        [(shown.name(number), [cell for cell in cells if cell["cluster"] == number]) for number in drawn],
        checkpoints,
        note,
    )
    downloads("Numbers", to_csv(rows, columns), figure, f"shares-{shown.id}")
    visible = [column for column in columns if column not in HIDDEN]
    number = st.column_config.NumberColumn
    st.dataframe(
        {c: in_percent(row[c] for row in rows) if c in SHARES else [row[c] for row in rows] for c in visible},
        hide_index=True,
        alt="The numbers of the panels, one row a checkpoint and cluster",
        column_config={
            "checkpoint": st.column_config.TextColumn("Checkpoint", pinned=True), "cluster": number("Cluster", pinned=True, width=60),
            "name": st.column_config.TextColumn("Name", width="medium"), "part": number("With a text", format="localized"),
            "n": number("n", format="localized", help="Trajectories that were read"), "share": number("Share", **PERCENT),
            "all_low": number("All from", help="Intervals that hold together in 95 % of cases", **PERCENT), "all_high": number("to", **PERCENT),
            "missing": number("Missing", format="localized"), "bound_low": number("Low bound", **PERCENT), "bound_high": number("High bound", **PERCENT),
            "prompts": number("Prompts", format="localized"),
            "difference": number("Less the others", help="The share less that of all other checkpoints together", **PERCENT),
            "p_bh": number("p", format="%.4f", help="Of no difference, by prompts; after Benjamini and Hochberg over the table"),
            "note": st.column_config.TextColumn("Note"),
        },
    )  # fmt: skip
