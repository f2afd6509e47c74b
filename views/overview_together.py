"""Patterns that appear together: a square of pairs, more or less often than by chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.measure.cooccurrence import COLUMNS, cooccurrence
from analysis.measure.judged import PRESENT
from analysis.measure.significance import benjamini_hochberg
from analysis.tables import to_csv
from views import choices
from views.grid import Panel
from views.heatmap import LIFT, PARAMETER, SHARE, heatmap, heatmap_svg
from views.overview_numbers import downloads
from views.overview_state import PAGE, PERCENT, Shown, in_percent, switch, to_behind
from views.plain import count, plain

CELLS = {LIFT: "Lift", SHARE: "Share"}
TOLD = {
    LIFT: "How many times as often two patterns are in one trace as chance would have it: orange for more often, blue for less; bold where it "
    "holds after Benjamini and Hochberg",
    SHARE: "Of the traces that show the row's pattern, the share that show the column's",
}


def draw(shown: Shown, chosen: Sequence[str]) -> dict[str, Any]:
    """Draw the view; return what the address keeps."""
    panels = shown.keep(f"together's panels {chosen}", lambda: _panels(shown, chosen))
    if len(panels) < 2:
        st.write(
            "Fewer than two patterns were found in these traces, so none can be seen together. Choose more patterns in the sidebar, or take a "
            "filter away."
        )
        return {}
    what = switch("cells", "Cells", CELLS)
    ids = [panel.id for panel in panels]
    pairs, single = shown.keep(f"together {ids}", lambda: _counted(shown, panels))
    names = {panel.id: panel.name for panel in panels}
    only = (
        "; for these prompts only" if any(pair["note"] and "only" in pair["note"] for pair in pairs) else ""
    )
    absent = _absent(shown, chosen, panels)
    st.caption(
        f"{TOLD[what]}; on the diagonal the traces that show it{only}. {absent}Click a cell to read its traces."
    )
    _chart(pairs, names, single, what)
    _numbers(shown, pairs, names, single, what)
    return {"cells": what if what != LIFT else None}


def _counted(shown: Shown, panels: list[Panel]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The rows of the pairs, and in how many traces each pattern is."""
    columns = {panel.id: shown.signs(panel)[shown.readable] for panel in panels}
    pairs = [pair.as_row() for pair in cooccurrence(columns, shown.table.codes["prompt"][shown.readable])]
    for row, adjusted in zip(pairs, benjamini_hochberg([row["p"] for row in pairs]), strict=True):
        row["p_bh"] = adjusted
    return pairs, {name: int((signs == PRESENT).sum()) for name, signs in columns.items()}


def _panels(shown: Shown, chosen: Sequence[str]) -> list[Panel]:
    """The panels that were chosen, else the patterns; of these those that are anywhere."""
    panels = [shown.panels[each] for each in chosen] or [
        each for each in shown.panels.values() if each.is_pattern
    ]
    return [each for each in panels if (shown.signs(each)[shown.readable] == PRESENT).any()]


def _absent(shown: Shown, chosen: Sequence[str], panels: list[Panel]) -> str:
    wanted = [shown.panels[each] for each in chosen] or [
        each for each in shown.panels.values() if each.is_pattern
    ]
    left = [plain(each.name) for each in wanted if each not in panels]
    return f"In no trace: {', '.join(left)}. " if left else ""


def _chart(pairs: list[dict[str, Any]], names: dict[str, str], single: dict[str, int], what: str) -> None:
    event = st.vega_lite_chart(
        spec=heatmap(pairs, names, single, what), key=f"{PAGE}.pairs.{what}", on_select="rerun", selection_mode=PARAMETER,
        alt=f"{CELLS[what]} of {count(len(pairs), 'pair')} of patterns; the numbers are in the table below",
    )  # fmt: skip
    for point in event["selection"].get(PARAMETER, []):
        to_behind(list(dict.fromkeys([point["row"], point["column"]])))


def _numbers(
    shown: Shown, pairs: list[dict[str, Any]], names: dict[str, str], single: dict[str, int], what: str
) -> None:
    columns = [*COLUMNS, "p_bh"]
    note = f"{CELLS[what]} of patterns in one trace; run {shown.run['run']}; {choices.READABLE_NAMES[shown.state]}" + (
        "; synthetic data." if shown.synthetic else ".")  # fmt: skip
    downloads(
        "Numbers",
        to_csv(pairs, columns),
        heatmap_svg(pairs, names, single, what, note),
        f"together-{shown.run['run']}",
    )
    rows = sorted(pairs, key=lambda pair: -(pair["lift"] or 0.0))
    number = st.column_config.NumberColumn
    event = st.dataframe(
        {column: _column(column, rows, names) for column in columns},
        key=f"{PAGE}.pairs.numbers",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        alt="The numbers of the square, one row a pair of patterns",
        column_config={
            "first": st.column_config.TextColumn("First", pinned=True), "second": st.column_config.TextColumn("Second", pinned=True),
            "n": number("n", help="Traces in which both are known"), "first_n": "First in", "second_n": "Second in", "both": "Both in",
            "expected": number("By chance", format="%.1f"), "lift": number("Lift", format="%.2f"),
            "low": number("95 % from", format="%.2f"), "high": number("to", format="%.2f"), "p": number("p", format="%.4f"),
            "p_bh": number("p, Benjamini-Hochberg", format="%.4f"),
            "second_given_first": number("Second, given the first", **PERCENT),
            "first_given_second": number("First, given the second", **PERCENT), "prompts": "Prompts", "note": "Note",
        },
    )  # fmt: skip
    st.caption("Choose a row to read its traces.")
    picked = [row for row in event["selection"]["rows"] if row < len(rows)]
    if picked:
        to_behind([rows[picked[0]]["first"], rows[picked[0]]["second"]])


def _column(column: str, rows: list[dict[str, Any]], names: dict[str, str]) -> list[Any]:
    values = [row[column] for row in rows]
    if column in ("first", "second"):
        return [names[value] for value in values]
    return in_percent(values) if "_given_" in column else values
