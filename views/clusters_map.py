"""The map of a clustering: a point for each different text, coloured by its cluster; a click chooses the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import median
from typing import Any

import altair as alt
import streamlit as st

from analysis.cluster.clustering import UNCLUSTERED
from analysis.cluster.map import PCA, Map
from analysis.tables import to_csv
from views.clusters_state import PAGE, Shown, choose, colour
from views.figure import FAINT, INK, drawing, text
from views.levels import DATA, tooltip
from views.plain import count

PARAMETER = "cluster"
"""The name of the selection that a click makes; its points have a cluster."""
HEIGHT = 460
LONGEST = 140
"""Letters of a text in a tooltip."""
NUMBERED = 30
"""Clusters that have their number on the map: the largest."""
SIDE = 560
CLICK = " Click a point to choose its cluster."


def draw(shown: Shown) -> None:
    """Draw the map, and say what it is."""
    found = shown.map()
    if found is None:
        return
    if not found.points:
        st.caption("There is no map: the vectors of these texts are not in the store.")
        return
    rows = points(found, shown, quotes=shown.run_id is None)
    event = st.vega_lite_chart(
        spec=chart(rows, shown.chosen), key=f"{PAGE}.map", on_select="rerun", selection_mode=PARAMETER,
        alt=f"Map of {count(len(rows), 'text')} in {count(len(shown.clusters), 'cluster')}; the clusters are in the table beside it",
    )  # fmt: skip
    clicked = [point["cluster"] for point in event["selection"].get(PARAMETER, [])]
    if clicked and clicked[0] != st.session_state.get(f"{PAGE}.clicked"):
        st.session_state[f"{PAGE}.clicked"] = clicked[0]
        choose(clicked[0])
        st.rerun()
    st.caption(told(found))
    _downloads(shown, rows, told(found))


def told(found: Map) -> str:
    """What the map is, in a line."""
    some = (
        ""
        if len(found.points) == found.texts
        else f"{len(found.points):,} of {found.texts:,} different texts; "
    )
    how = f"by {found.method}"
    if found.method == PCA and found.explained is not None:
        how += f", which hold {found.explained:.0%} of the variance: what is near here may be far apart"
    return f"{some}{how}.{CLICK}"


def points(found: Map, shown: Shown, quotes: bool) -> list[dict[str, Any]]:
    """The rows of the chart; with quotes where no run's word on a trace is given away by them."""
    chosen = shown.chosen
    rows = [
        {
            "cluster": each["cluster"], "x": each["x"], "y": each["y"], "colour": colour(each["cluster"]), "name": shown.name(each["cluster"]),
            "checkpoint": each["checkpoint"] or "", "synthetic": each["synthetic"], "quote": _short(each["quote"]) if quotes else "",
            "size": 60 if chosen == each["cluster"] else 32,
            "strength": 0.75 if chosen in (None, each["cluster"]) else 0.28,
        }
        for each in found.points
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["cluster"] == chosen, row["cluster"] != UNCLUSTERED))


def centres(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Where the number of each of the largest clusters stands: the median of its points."""
    numbers = sorted({row["cluster"] for row in rows} - {UNCLUSTERED})[:NUMBERED]
    mine = {number: [row for row in rows if row["cluster"] == number] for number in numbers}
    return [
        {"x": median(row["x"] for row in its), "y": median(row["y"] for row in its), "number": str(number),
         "strength": max(0.35, its[0]["strength"])}
        for number, its in mine.items()
    ]  # fmt: skip


def chart(rows: Sequence[Mapping[str, Any]], chosen: int | None) -> dict[str, Any]:
    """The map as a Vega-Lite specification."""
    quoted = any(row["quote"] for row in rows)
    return {**_specification(quoted), "datasets": {DATA: list(rows), "centres": centres(rows)}}


@lru_cache(maxsize=2)
def _specification(quoted: bool) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": None, "labels": False, "ticks": False, "grid": False, "domain": False}
    x, y = (
        alt.X("x:Q", scale=alt.Scale(zero=False)).axis(**axis),
        alt.Y("y:Q", scale=alt.Scale(zero=False)).axis(**axis),
    )
    clicked = alt.selection_point(name=PARAMETER, fields=["cluster"], on="click", toggle=False, empty=False)
    lines = {"name": "cluster", "checkpoint": "checkpoint", **({"quote": "text"} if quoted else {})}
    dots = (
        alt.Chart(alt.NamedData(name=DATA))
        .mark_circle(cursor="pointer", aria=False)
        .encode(
            x=x, y=y, color=alt.Color("colour:N", scale=None), opacity=alt.Opacity("strength:Q", scale=None), size=alt.Size("size:Q", scale=None),
            tooltip=tooltip(**lines),
        )
        .add_params(clicked)
    )  # fmt: skip
    numbers = alt.Chart(alt.NamedData(name="centres")).encode(x=x, y=y, text="number:N")
    parts = [
        dots,
        numbers.mark_text(
            fontSize=13, fontWeight=700, stroke="canvas", strokeWidth=4, strokeJoin="round", aria=False
        ),
        numbers.mark_text(fontSize=13, fontWeight=700, color="currentColor", aria=False),
    ]
    layered = alt.layer(*parts).properties(
        height=HEIGHT, padding={"top": 2, "left": 2, "right": 2, "bottom": 2}
    )
    return dict(layered.configure_view(strokeWidth=0).to_dict())


def svg(rows: Sequence[Mapping[str, Any]], note: str) -> str:
    """The map as a figure to keep."""
    places = {axis: [row[axis] for row in rows] for axis in ("x", "y")}

    def at(row: Mapping[str, Any], axis: str) -> float:
        low, high = min(places[axis]), max(places[axis])
        share = (row[axis] - low) / ((high - low) or 1)
        return 10 + (SIDE - 20) * (share if axis == "x" else 1 - share)

    parts = [
        f'<circle cx="{at(row, "x"):.1f}" cy="{at(row, "y"):.1f}" r="3" fill="{row["colour"]}" fill-opacity="{row["strength"]}"/>'
        for row in rows
    ]
    parts += [
        text(at(row, "x"), at(row, "y") + 4, row["number"], 13, INK, "middle", 700) for row in centres(rows)
    ]
    return drawing(SIDE, SIDE + 30, [*parts, text(4, SIDE + 18, note, 11, FAINT)])


def _downloads(shown: Shown, rows: Sequence[Mapping[str, Any]], line: str) -> None:
    columns = ["cluster", "name", "x", "y", "checkpoint", "quote", "synthetic"]
    note = f"{shown.id}; {line.removesuffix(CLICK)}" + (" Synthetic data." if shown.synthetic else "")
    icon = ":material/download:"
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "Points, CSV",
            to_csv(rows, columns),
            f"map-{shown.id}.csv",
            "text/csv",
            on_click="ignore",
            icon=icon,
        )
        st.download_button(
            "Map, SVG", svg(rows, note), f"map-{shown.id}.svg", "image/svg+xml", on_click="ignore", icon=icon
        )


def _short(quote: str) -> str:
    line = " ".join(quote.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
