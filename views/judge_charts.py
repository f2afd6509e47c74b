"""Charts of the Judge page: how attempts ended, figures with their intervals pattern by pattern, a reliability curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from views.levels import DATA, finished, tooltip
from views.palette import BAND, CORRECTED, MARKS, POINT

STATE_COLOURS = {
    "ok": POINT,
    "no_reasoning": BAND,
    "refused": MARKS[1],
    "unparseable": MARKS[3],
    "truncated": MARKS[4],
    "failed": MARKS[6],
    "waiting": "#c9cfd1",
}
LINE = 25
"""Pixels of a pattern's line."""
TITLE = {"anchor": "start", "frame": "group", "fontSize": 12.5, "fontWeight": 600, "offset": 8}
Rows = Sequence[Mapping[str, Any]]


def endings_bar(rows: Rows) -> dict[str, Any]:
    """One bar of all trajectories, cut by how their attempt ended.

    Args:
        rows: state, name, count, told, from and to (the ends of its part), in order.
    """
    return {**_bar(tuple((row["state"], row["name"]) for row in rows)), "datasets": {DATA: list(rows)}}


@lru_cache(maxsize=32)
def _bar(states: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    names = [name for _, name in states]
    colours = [STATE_COLOURS.get(state, BAND) for state, _ in states]
    base = alt.Chart(alt.NamedData(name=DATA))
    x = alt.X("from:Q", scale=alt.Scale(nice=False)).axis(
        title=None, format=",.0f", tickCount=6, grid=False, labelFlush=True
    )
    bar = base.mark_bar(height=26).encode(
        x=x,
        x2="to:Q",
        color=alt.Color(
            "name:N",
            scale=alt.Scale(domain=names, range=colours),
            legend=alt.Legend(orient="top", title=None, labelFontSize=12, offset=6, columns=7),
        ),
        tooltip=tooltip(name="ended", told="trajectories"),
    )
    return finished([bar], 84)


def dots(
    rows: Rows,
    order: Sequence[str],
    title: str | None = None,
    labels: bool = True,
    domain: tuple[float, float] = (0, 1),
    format: str = ".2~f",
) -> dict[str, Any]:
    """One line a pattern, with a dot and its interval; with two sides a circle for the first, a diamond for the second.

    Args:
        rows: name, value, low, high (None where undefined), told and told_n for the tooltip, and side where there
            are two: first or second.
        order: The names from top to bottom.
        title: Above the plot.
        labels: Whether the names stand to the left; charts side by side need them once.
        domain: The ends of the scale.
        format: How the scale is written.
    """
    two = any("side" in row for row in rows)
    return {**_dots(tuple(order), title, labels, domain, format, two), "datasets": {DATA: list(rows)}}


@lru_cache(maxsize=64)
def _dots(
    order: tuple[str, ...],
    title: str | None,
    labels: bool,
    domain: tuple[float, float],
    format: str,
    two: bool,
) -> dict[str, Any]:
    y = alt.Y("name:N", sort=list(order), scale=alt.Scale(domain=list(order))).axis(
        title=None, labels=labels, labelLimit=240, ticks=False, labelFontSize=11.5, grid=True, gridDash=[1, 3],
        domain=False, labelPadding=8, labelBound=False, labelFlush=False, labelOverlap=False,
    )  # fmt: skip
    scale = alt.Scale(domain=list(domain), clamp=True, nice=False)
    x = alt.X("value:Q", scale=scale).axis(title=None, format=format, tickCount=5, labelFlush=True)
    base = alt.Chart(alt.NamedData(name=DATA)).encode(y=y)
    if two:
        sides = ["first", "second"]
        base = base.encode(
            yOffset=alt.YOffset("side:N", scale=alt.Scale(domain=sides)),
            color=alt.Color("side:N", scale=alt.Scale(domain=sides, range=[POINT, CORRECTED]), legend=None),
        )
        dot = base.mark_point(size=54, filled=True, opacity=1).encode(
            x=x,
            shape=alt.Shape(
                "side:N", scale=alt.Scale(domain=sides, range=["circle", "diamond"]), legend=None
            ),
        )
    else:
        base = base.encode(color=alt.value(POINT))
        dot = base.mark_point(size=54, filled=True, opacity=1).encode(x=x)
    lines = {"side": "run"} if two else {}
    parts = [
        base.mark_rule(strokeWidth=1.8).encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
        dot,
        base.mark_bar(opacity=0.001).encode(
            x=alt.X(datum=domain[0]), x2=alt.X2(datum=domain[1]),
            tooltip=tooltip(name="pattern", **lines, told="value, 95 %", told_n="n"),
        ),
    ]  # fmt: skip
    if domain[0] < 0:
        zero = alt.Chart(alt.Data(values=[{}])).mark_rule(color=BAND, opacity=0.8)
        parts.insert(0, zero.encode(x=alt.X(datum=0)))
    chart = finished(parts, LINE * len(order) + 54)
    return chart if title is None else {**chart, "title": {**TITLE, "text": title}}


def reliability(rows: Rows) -> dict[str, Any]:
    """How often people say present at each range of scores, beside the line on which the scores would be shares.

    Args:
        rows: mean_score, share, low, high, told, told_n and n of each bin that holds trajectories.
    """
    return {**_reliability(), "datasets": {DATA: list(rows)}}


@lru_cache(maxsize=1)
def _reliability() -> dict[str, Any]:
    base = alt.Chart(alt.NamedData(name=DATA))
    x = alt.X("mean_score:Q", scale=alt.Scale(domain=[0, 100])).axis(
        title="score that the run gave", tickCount=5
    )
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 1])).axis(
        title="people say present", format=".0%", values=[0, 0.25, 0.5, 0.75, 1]
    )
    line = alt.Chart(alt.Data(values=[{"mean_score": 0, "share": 0}, {"mean_score": 100, "share": 1}]))
    parts = [
        line.mark_line(color=BAND, strokeDash=[4, 4], strokeWidth=1).encode(x=x, y=y),
        base.mark_line(color=POINT, strokeWidth=1, opacity=0.4).encode(x=x, y=y),
        base.mark_rule(color=POINT, strokeWidth=1.8).encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(color=POINT, filled=True, size=62, opacity=1).encode(
            x=x, y=y, tooltip=tooltip(bin="scores", told="people say present", told_n="trajectories")
        ),
        base.mark_text(fontSize=10, color=BAND, align="left", dx=7, dy=-7).encode(x=x, y=y, text="told_n:N"),
    ]
    return finished(parts, 280)
