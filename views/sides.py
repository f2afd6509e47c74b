"""Shares with and without a condition, a line a pattern, and their difference beside it: a chart, and an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from views.figure import FAINT, INK, drawing, text
from views.levels import DATA, finished, tooltip
from views.palette import BAND, MARKS
from views.panels import TOPS, Axis

PARAMETER = "side"
"""The name of the selection that a click makes; its points have pattern and on."""
LINE = 32
"""Pixels that a pattern takes."""
RIGHT = 190
"""Pixels for the differences, in the SVG."""
HEAD = "difference, 95 % interval"
COLOURS = (MARKS[1], MARKS[0])
RELIABLE = 0.05
TOLD = {
    "name": "pattern", "side": "traces with", "told_value": "share", "told_interval": "95 % interval",
    "told_missing": "missing", "told_difference": "difference", "told_p": "p, Benjamini-Hochberg",
}  # fmt: skip

Rows = Sequence[Mapping[str, Any]]


def sides(rows: Rows, names: Mapping[str, str], conditions: tuple[str, str]) -> dict[str, Any]:
    """A line a pattern, with a mark and its interval for each side, and the difference to the right.

    Args:
        rows: `Given.as_row()` with p_bh, in the order from top to bottom.
        names: What the patterns are called.
        conditions: What the condition is called, and its absence.
    """
    data = [_mark(row, names[row["pattern"]], conditions, on) for row in rows for on in (True, False)]
    data += [
        {"kind": "told", "name": names[row["pattern"]], "text": difference_told(row), "sure": sure(row)}
        for row in rows
    ]
    specification = _specification(tuple(names[row["pattern"]] for row in rows), conditions, _top(rows))
    return {**specification, "datasets": {DATA: data}}


def difference_told(row: Mapping[str, Any]) -> str:
    """`+12.0 points (+3.1 to +20.4)`."""
    if row["difference"] is None:
        return str(row["note"] or "undefined")
    value, low, high = (f"{100 * row[name]:+.1f}" for name in ("difference", "low", "high"))
    return f"{value} points ({low} to {high})"


def sure(row: Mapping[str, Any]) -> bool:
    """Whether the difference holds after Benjamini and Hochberg."""
    return row["p_bh"] is not None and row["p_bh"] < RELIABLE


def _top(rows: Rows) -> float:
    """The end of the axis of shares: the first of TOPS that holds every interval."""
    most = max((row[f"{side}_high"] or 0.0 for row in rows for side in ("with", "without")), default=1.0)
    return next((top for top in TOPS if most <= top), 1.0)


def _mark(row: Mapping[str, Any], name: str, conditions: tuple[str, str], on: bool) -> dict[str, Any]:
    side = "with" if on else "without"
    share, low, high, part, n, missing = (
        row[f"{side}_{column}"] for column in ("share", "low", "high", "part", "n", "missing")
    )
    return {
        "kind": "mark", "pattern": row["pattern"], "name": name, "on": on, "side": conditions[0 if on else 1],
        "value": share, "low": low, "high": high,
        "told_value": "undefined: n is 0" if share is None else f"{share:.1%}  ({part:,} of {n:,})",
        "told_interval": "none" if low is None else f"{low:.1%} to {high:.1%}",
        "told_missing": f"{missing:,}",
        "told_difference": difference_told(row), "told_p": "none" if row["p_bh"] is None else f"{row['p_bh']:.2g}",
    }  # fmt: skip


@lru_cache(maxsize=32)
def _specification(names: tuple[str, ...], conditions: tuple[str, str], top: float) -> dict[str, Any]:
    legend = alt.Legend(orient="top", title=None, labelFontSize=12, labelLimit=420, offset=18)
    colour = alt.Color("side:N", scale=alt.Scale(domain=conditions, range=COLOURS), legend=legend)
    shape = alt.Shape(
        "side:N", scale=alt.Scale(domain=conditions, range=["circle", "diamond"]), legend=legend
    )
    y = alt.Y("name:N", sort=list(names), scale=alt.Scale(domain=list(names), padding=0.1)).axis(
        title=None, labelLimit=210, ticks=False, labelFontSize=11.5, grid=False, labelPadding=8, domain=False
    )
    offset = alt.YOffset("side:N", scale=alt.Scale(domain=conditions, padding=0.1))
    scale = alt.Scale(domain=[0, top], nice=False)
    x = alt.X("value:Q", scale=scale).axis(
        title=None, format=".0%", values=Axis(top, True).ticks, ticks=False, labelFontSize=11
    )
    marks = (
        alt.Chart(alt.NamedData(name=DATA))
        .transform_filter("datum.kind === 'mark'")
        .encode(y=y, yOffset=offset)
    )
    told = alt.Chart(alt.NamedData(name=DATA)).transform_filter("datum.kind === 'told'").encode(y=y)
    head = alt.Chart(alt.Data(values=[{"text": HEAD}]))
    clicked = alt.selection_point(
        name=PARAMETER, fields=["pattern", "on"], on="click", toggle=False, empty=False
    )
    words = {"align": "left", "dx": 12, "fontSize": 11, "color": BAND}
    parts = [
        marks.mark_rule(strokeWidth=1.8).encode(x=alt.X("low:Q"), x2="high:Q", color=colour),
        marks.mark_point(size=54, filled=True, opacity=1).encode(x=x, color=colour, shape=shape),
        head.mark_text(**words, fontStyle="italic", baseline="bottom", dy=-6).encode(x=alt.X(datum=top), y=alt.value(0), text="text:N"),
        told.transform_filter("datum.sure").mark_text(**words, fontWeight="bold").encode(x=alt.X(datum=top), text="text:N"),
        told.transform_filter("!datum.sure").mark_text(**words).encode(x=alt.X(datum=top), text="text:N"),
        marks.mark_bar(opacity=0.001, cursor="pointer")
        .encode(x=alt.X(datum=0), x2=alt.X2(datum=top), tooltip=tooltip(**TOLD))
        .add_params(clicked),
    ]  # fmt: skip
    found = finished(parts, LINE * len(names) + 76)
    return {**found, "padding": {"top": 2, "left": 0, "right": 2, "bottom": 0}}


def sides_svg(rows: Rows, names: Mapping[str, str], conditions: tuple[str, str], note: str) -> str:
    """The same figure as an SVG.

    Args:
        rows: As `sides` takes them.
        names: What the patterns are called.
        conditions: What the condition is called, and its absence.
        note: The line below: what it is about.
    """
    left, wide, top = 230, 420, _top(rows)
    bottom = 40 + LINE * len(rows)

    def at(share: float) -> float:
        return round(left + wide * share / top, 1)

    parts = [
        text(left, 18, f"● {conditions[0]}", 12, COLOURS[0]),
        text(left + wide / 2, 18, f"◆ {conditions[1]}", 12, COLOURS[1]),
    ]
    for share in Axis(top, True).ticks:
        x = at(share)
        parts.append(f'<line x1="{x}" x2="{x}" y1="34" y2="{bottom}" stroke="#dfe3e2"/>')
        parts.append(text(x, bottom + 15, f"{share:.0%}", 10, FAINT, "middle"))
    for number, row in enumerate(rows):
        y = 40 + LINE * (number + 0.5)
        parts.append(text(left - 10, y + 4, names[row["pattern"]], 12, INK, "end"))
        parts.append(
            text(left + wide + 12, y + 4, difference_told(row), 11, FAINT, weight=600 if sure(row) else 400)
        )
        for side, colour, move in (("with", COLOURS[0], -6), ("without", COLOURS[1], 6)):
            if row[f"{side}_share"] is None:
                continue
            low, share, high = (at(row[f"{side}_{name}"]) for name in ("low", "share", "high"))
            parts.append(
                f'<line x1="{low}" x2="{high}" y1="{y + move}" y2="{y + move}" stroke="{colour}" stroke-width="1.8"/>'
            )
            parts.append(
                f'<circle cx="{share}" cy="{y + move}" r="4" fill="{colour}"/>' if side == "with"
                else f'<path d="M{share} {y + move - 5}l4 5l-4 5l-4 -5z" fill="{colour}"/>'
            )  # fmt: skip
    parts.append(text(0, bottom + 40, note, 11, FAINT))
    return drawing(left + wide + RIGHT + 20, bottom + 52, parts)
