"""A forest: names from top to bottom, a mark and its interval for each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from views.levels import DATA, finished, tooltip

PARAMETER = "mark"
"""The name of the selection that a click makes; its points have name and side."""
SIDES = {"name": "pattern", "side": "answers that", "told_value": "share", "told_interval": "95 % interval", "told_missing": "missing"}  # fmt: skip


def forest(rows: Sequence[Mapping[str, Any]], order: Sequence[str], colours: Mapping[str, tuple[str, str]], parameter: str = PARAMETER) -> dict[str, Any]:  # fmt: skip
    """One line a name, with a mark and its interval for each side.

    Args:
        rows: name, side, value, low, high, and what the tooltip says.
        order: The names from top to bottom.
        colours: What the sides are called, each with its colour and shape.
        parameter: What the selection is called; its points have name and side.
    """
    specification = _forest_specification(tuple(order), tuple(colours.items()), parameter)
    return {**specification, "datasets": {DATA: list(rows)}}


@lru_cache(maxsize=16)
def _forest_specification(
    order: tuple[str, ...], colours: tuple[tuple[str, tuple[str, str]], ...], parameter: str
) -> dict[str, Any]:
    sides = [side for side, _ in colours]
    colour = alt.Color(
        "side:N",
        scale=alt.Scale(domain=sides, range=[c for _, (c, _) in colours]),
        legend=alt.Legend(orient="top", title=None, labelFontSize=12, offset=4),
    )
    shape = alt.Shape(
        "side:N",
        scale=alt.Scale(domain=sides, range=[s for _, (_, s) in colours]),
        legend=alt.Legend(orient="top", title=None, labelFontSize=12, offset=4),
    )
    y = alt.Y("name:N", sort=list(order), scale=alt.Scale(domain=list(order), padding=0.08)).axis(
        title=None, labelLimit=230, ticks=False, labelFontSize=11.5, grid=False, labelPadding=8
    )
    offset = alt.YOffset("side:N", scale=alt.Scale(domain=sides, padding=0))
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1])).axis(
        title=None, format=".0%", values=[0, 0.25, 0.5, 0.75, 1]
    )
    base = alt.Chart(alt.NamedData(name=DATA)).encode(y=y, yOffset=offset)
    clicked = alt.selection_point(
        name=parameter, fields=["name", "side"], on="click", toggle=False, empty=False
    )
    parts = [
        base.mark_rule(strokeWidth=1.8).encode(x=alt.X("low:Q"), x2="high:Q", color=colour),
        base.mark_point(size=50, filled=True, opacity=1).encode(x=x, color=colour, shape=shape),
        base.mark_bar(opacity=0.001, cursor="pointer")
        .encode(x=alt.X(datum=0), x2=alt.X2(datum=1), tooltip=tooltip(**SIDES))
        .add_params(clicked),
    ]
    return finished(parts, 26 * len(order) + 50)
