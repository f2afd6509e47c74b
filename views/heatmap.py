"""Patterns that appear in the same traces, as a square of cells: a chart, and an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import log2
from typing import Any

import altair as alt

from views.figure import FAINT, INK, drawing, text
from views.levels import DATA, finished, tooltip
from views.palette import BAND, MARKS

PARAMETER = "pair"
"""The name of the selection that a click makes; its points have row and column."""
LIFT, SHARE = "lift", "share"
MORE, LESS, SHARED = MARKS[1], MARKS[0], MARKS[0]
STRONGEST = 0.62
"""The opacity of the strongest colour: letters on it can still be read."""
STRONG_LIFT = 3.0
"""The lift in powers of two from which on no colour is stronger."""
CELL = 36
HEAD = 140
"""Pixels for the names of the columns."""
RELIABLE = 0.05
TOLD = {
    "row_name": "of traces with", "column_name": "these show", "told_both": "both", "told_lift": "lift",
    "told_interval": "95 % interval", "told_share": "share", "told_n": "n", "told_note": "note",
}  # fmt: skip

Rows = Sequence[Mapping[str, Any]]


def heatmap(
    pairs: Rows, names: Mapping[str, str], single: Mapping[str, int], what: str = LIFT
) -> dict[str, Any]:
    """A row and a column a pattern; the diagonal has how many traces show it.

    Args:
        pairs: `Pair.as_row()` with p_bh, each pair once.
        names: The patterns in order, each with what it is called.
        single: How many traces show each.
        what: LIFT, or SHARE for the share of the row's traces that show the column's pattern.
    """
    specification = _specification(tuple(names.values()))
    return {**specification, "datasets": {DATA: cells(pairs, names, single, what)}}


def cells(
    pairs: Rows, names: Mapping[str, str], single: Mapping[str, int], what: str
) -> list[dict[str, Any]]:
    """The square's cells, row by row."""
    by_pair = {(pair["first"], pair["second"]): pair for pair in pairs}
    found = []
    for row in names:
        for column in names:
            head = {"row": row, "column": column, "row_name": names[row], "column_name": names[column]}
            if row == column:
                n = single[row]
                found.append(
                    {
                        **head,
                        "text": _short(n),
                        "ink": BAND,
                        "opacity": 0.1,
                        "weight": "normal",
                        "told_both": f"{n:,}",
                    }
                )
            else:
                pair = by_pair.get((row, column)) or by_pair[column, row]
                found.append({**head, **_cell(pair, pair["first"] == row, what)})
    return found


def _short(number: int) -> str:
    """A number that fits into a cell."""
    return (
        f"{number:,}"
        if number < 1000
        else f"{number / 1000:.1f}k"
        if number < 10_000
        else f"{number / 1000:.0f}k"
    )


def _cell(pair: Mapping[str, Any], forward: bool, what: str) -> dict[str, Any]:
    lift, share = pair["lift"], pair["second_given_first" if forward else "first_given_second"]
    sure = pair["p_bh"] is not None and pair["p_bh"] < RELIABLE
    interval = "none" if pair["low"] is None else f"{pair['low']:.2f} to {pair['high']:.2f}"
    told = {
        "told_both": f"{pair['both']:,}" + ("" if pair["expected"] is None else f", {pair['expected']:,.1f} by chance"),
        "told_lift": "undefined" if lift is None else f"{lift:.2f}", "told_interval": interval,
        "told_share": "undefined" if share is None else f"{share:.1%}", "told_n": f"{pair['n']:,}", "told_note": pair["note"] or "",
        "weight": "bold" if sure else "normal",
    }  # fmt: skip
    if what == SHARE:
        return {
            **told,
            "text": "" if share is None else f"{share:.0%}",
            "ink": SHARED,
            "opacity": STRONGEST * (share or 0.0),
        }
    strength = 0.0 if lift is None else 1.0 if lift == 0 else min(1.0, abs(log2(lift)) / STRONG_LIFT)
    shown = "" if lift is None else f"{lift:.1f}" if lift < 9.95 else f"{lift:.0f}"
    return {**told, "text": shown, "ink": MORE if (lift or 0) > 1 else LESS, "opacity": STRONGEST * strength}


@lru_cache(maxsize=16)
def _specification(names: tuple[str, ...]) -> dict[str, Any]:
    axis: dict[str, Any] = {
        "title": None, "ticks": False, "domain": False, "grid": False, "labelLimit": 190, "labelFontSize": 11.5, "labelPadding": 6,
    }  # fmt: skip
    scale = alt.Scale(domain=list(names), padding=0.05)
    y = alt.Y("row_name:N", sort=list(names), scale=scale).axis(**axis)
    x = alt.X("column_name:N", sort=list(names), scale=scale).axis(
        **axis, orient="top", labelAngle=-45, labelOverlap=False, labelBound=False
    )
    base = alt.Chart(alt.NamedData(name=DATA)).encode(x=x, y=y)
    clicked = alt.selection_point(
        name=PARAMETER, fields=["row", "column"], on="click", toggle=False, empty=False
    )
    bold = {weight: base.transform_filter(f"datum.weight === '{weight}'") for weight in ("bold", "normal")}
    parts = [
        base.mark_rect(cornerRadius=3).encode(
            color=alt.Color("ink:N", scale=None), opacity=alt.Opacity("opacity:Q", scale=None)
        ),
        *(
            chart.mark_text(fontSize=11, fontWeight=weight, color="currentColor").encode(text="text:N")
            for weight, chart in bold.items()
        ),
        base.mark_rect(opacity=0.001, cursor="pointer").encode(tooltip=tooltip(**TOLD)).add_params(clicked),
    ]
    found = finished(parts, CELL * len(names) + HEAD)
    return {**found, "padding": {"top": 2, "left": 0, "right": 2, "bottom": 0}}


def heatmap_svg(
    pairs: Rows, names: Mapping[str, str], single: Mapping[str, int], what: str, note: str
) -> str:
    """The same figure as an SVG.

    Args:
        pairs: As `heatmap` takes them.
        names: The patterns in order, each with what it is called.
        single: How many traces show each.
        what: LIFT or SHARE.
        note: The line below: what it is about.
    """
    left, head, wide = 220, 150, 46
    order = list(names)
    parts = []
    for number, name in enumerate(names.values()):
        x, y = left + wide * (number + 0.5), head + CELL * (number + 0.5)
        parts.append(text(left - 8, y + 4, name, 12, INK, "end"))
        parts.append(text(x, head - 8, name, 12, INK, more=f' transform="rotate(-45 {x:.1f} {head - 8})"'))
    for cell in cells(pairs, names, single, what):
        x, y = left + wide * order.index(cell["column"]), head + CELL * order.index(cell["row"])
        parts.append(
            f'<rect x="{x + 1}" y="{y + 1}" width="{wide - 2}" height="{CELL - 2}" rx="3" fill="{cell["ink"]}" '
            f'fill-opacity="{cell["opacity"]:.3f}"/>'
        )
        weight = 600 if cell["weight"] == "bold" else 400
        parts.append(text(x + wide / 2, y + CELL / 2 + 4, cell["text"], 11.5, INK, "middle", weight))
    bottom = head + CELL * len(order)
    parts.append(text(0, bottom + 28, note, 11, FAINT))
    return drawing(max(left + wide * len(order) + 130, 640), bottom + 40, parts)
