"""The numbers below the panels, with their downloads. A chosen row leads to its traces, as a click in a panel does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from analysis.measure.frequencies import COLUMNS as SHARE_COLUMNS
from analysis.measure.labelled import LABEL_COLUMNS
from analysis.measure.occurrences import COLUMNS as OCCURRENCE_COLUMNS
from analysis.tables import to_csv
from views.grid import Panel
from views.overview_state import PAGE, PERCENT, Shown, in_percent
from views.panels import PER_10K, SHARE, SHARE_OF_OCCURRENCES

HIDDEN = ("reasoning_state", "synthetic", "measure", "trend_test", "trend_n", "trend_note", "trend_p")
"""Columns of the CSV that the table on the page leaves out."""
SHARES = (
    "share", "low", "high", "bound_low", "bound_high", "label_share", "label_low", "label_high", "corrected",
    "corrected_low", "corrected_high",
)  # fmt: skip
TREND = ("trend_p", "trend_p_bh", "trend_test", "trend_n", "trend_note")


def draw(
    shown: Shown,
    measure: str,
    cells: Sequence[dict[str, Any]],
    panels: Sequence[Panel],
    drawing: str,
    trends: Mapping[str, dict[str, Any]],
) -> tuple[str, str] | None:
    """Draw the table; return (panel, checkpoint) of a row that was chosen.

    Args:
        shown: The run and the filters.
        measure: What the cells hold.
        cells: Rows of `Frequency.as_row()` or `Occurrence.as_row()`.
        panels: The panels in order.
        drawing: The figure as SVG.
        trends: What is said of each panel's trend: TREND.
    """
    labelled = any("labels" in cell for cell in cells)
    of_measure = (
        SHARE_COLUMNS + (LABEL_COLUMNS if labelled else ()) if measure == SHARE else OCCURRENCE_COLUMNS
    )
    columns = ["checkpoint", *of_measure, *TREND]
    rows = [{**dict.fromkeys(columns), **cell, **trends[cell["pattern"]]} for cell in cells]
    names = {panel.id: panel.name for panel in panels}
    downloads("Numbers", to_csv(rows, columns), drawing, f"{measure}-{shown.run['run']}")
    visible = [
        column
        for column in columns
        if column not in HIDDEN and not (column in LABEL_COLUMNS and not labelled)
    ]
    event = st.dataframe(
        {c: _column(c, rows, names, measure) for c in visible},
        key=f"{PAGE}.numbers.{measure}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_config(measure),
        alt="The numbers of the panels, one row a checkpoint and pattern",
    )
    st.caption("Choose a row to read its traces.")
    chosen = [row for row in event["selection"]["rows"] if row < len(rows)]
    return (rows[chosen[0]]["pattern"], rows[chosen[0]]["checkpoint"]) if chosen else None


def _column(column: str, rows: Sequence[dict[str, Any]], names: Mapping[str, str], measure: str) -> list[Any]:
    if column == "pattern":
        return [names[row[column]] for row in rows]
    values = [row[column] for row in rows]
    share = column in SHARES or (measure == SHARE_OF_OCCURRENCES and column == "value")
    return in_percent(values) if share and measure in (SHARE, SHARE_OF_OCCURRENCES) else values


def downloads(title: str, csv: str, drawing: str, name: str) -> None:
    """The head of a table of numbers, with the CSV of it and the SVG of the figure above."""
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader(title, anchor=False, width="content")
        with st.container(horizontal=True, width="content", gap="small"):
            icon = ":material/download:"
            st.download_button("Numbers, CSV", csv, f"{name}.csv", "text/csv", on_click="ignore", icon=icon)
            st.download_button(
                "Figure, SVG", drawing, f"{name}.svg", "image/svg+xml", on_click="ignore", icon=icon
            )


def _config(measure: str) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    values = PERCENT if measure in (SHARE, SHARE_OF_OCCURRENCES) else {"format": "%.3g", "width": "small"}
    per = {PER_10K: "10,000 characters", SHARE_OF_OCCURRENCES: "All occurrences"}.get(measure, "Trajectories")
    return {
        "checkpoint": st.column_config.TextColumn("Checkpoint", pinned=True),
        "pattern": st.column_config.TextColumn("Pattern", width="medium", pinned=True),
        "present": number("Present", format="localized"),
        "occurrences": number("Occurrences", format="localized"),
        "n": number("n", format="localized", help="Trajectories that the rate is known of"),
        "per": number(per, format="localized", help="What occurrences are counted per"),
        "share": number("Share", **PERCENT),
        "value": number("Rate", **values),
        "low": number("95 % from", help="How the interval is made stands in the column Interval", **values),
        "high": number("to", **values),
        "interval": st.column_config.TextColumn("Interval", width="small"),
        "unsure": number("Unsure", format="localized"),
        "unjudged": number("Not judged", format="localized"),
        "unreadable": number("Nothing to read", format="localized"),
        "missing": number(
            "Missing", format="localized", help="Unsure, not judged and nothing to read together"
        ),
        "bound_low": number("Low bound", help="The share if all that is missing were absent", **PERCENT),
        "bound_high": number("High bound", help="The share if all that is missing were present", **PERCENT),
        "prompts": number("Prompts", format="localized"),
        "prompts_showing": number("Prompts that show it", format="localized"),
        "design_effect": number(
            "Design effect",
            format="%.2f",
            help="The variance clustered by prompt over that of independent rollouts",
        ),
        "note": st.column_config.TextColumn("Note"),
        "labels": number(
            "Labels", format="localized", help="Trajectories that people labelled blind, present or absent"
        ),
        "label_share": number("Share by labels", **PERCENT),
        "label_low": number("95 % from ", **PERCENT),
        "label_high": number("to ", **PERCENT),
        "label_effective_n": number("Effective labels", format="%.1f"),
        "label_conflicts": number("Conflicts", format="localized"),
        "corrected": number(
            "Corrected", help="The run's share, corrected by what labels say of its verdicts", **PERCENT
        ),
        "corrected_low": number("95 % from  ", **PERCENT),
        "corrected_high": number("to  ", **PERCENT),
        "corrected_note": st.column_config.TextColumn("Note on the corrected share"),
        "trend_p_bh": number(
            "p of the trend", format="%.4f", help="After Benjamini and Hochberg over the panels"
        ),
    }
