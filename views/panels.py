"""One panel of the overview: a pattern at each checkpoint, with interval and bounds. Rows in, a chart out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import floor, log10
from typing import Any

import altair as alt

from analysis.measure.trend import Trend
from views.palette import BAND, BAND_OPACITY, CORRECTED, CORRECTED_OFFSET, PALE, POINT

PLOT = 118
HEAD = 18
FOOT = 24
DEGREES_LETTER = 5.2
"""Height in pixels that a letter of a label that stands upright takes."""
CROWDED = 9
"""Checkpoints from which on labels stand upright."""
DATA = "cells"
PARAMETER = "point"
"""The name of the selection that a click on a checkpoint makes."""


TOPS = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Where the axis of shares may end: the first that holds every interval."""
SHARE, PER_TRAJECTORY, SHARE_OF_OCCURRENCES, PER_10K = (
    "share",
    "per_trajectory",
    "share_of_occurrences",
    "per_10k",
)

MEASURES = {
    SHARE: "Share of trajectories",
    PER_TRAJECTORY: "Occurrences a trajectory",
    SHARE_OF_OCCURRENCES: "Share of all occurrences",
    PER_10K: "Per 10,000 characters",
}
MEASURE_TOLD = {
    SHARE: "Share of trajectories that show the pattern",
    PER_TRAJECTORY: "Occurrences of the pattern in a trajectory, on average",
    SHARE_OF_OCCURRENCES: "The pattern's share of the occurrences of all patterns",
    PER_10K: "Occurrences of the pattern per 10,000 characters of reasoning",
}
RELIABLE = 0.05
"""A trend is called one where its p-value after Benjamini and Hochberg is below this."""

Cells = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Axis:
    """The y axis that all panels of a figure share: where it ends, and whether its numbers are percent."""

    top: float
    percent: bool

    @property
    def format(self) -> str:
        """How a number on it is written, in d3's words."""
        return ".0%" if self.percent else "~g"

    @property
    def ticks(self) -> list[float]:
        """The numbers on it."""
        parts = 5 if self.percent and self.top < 1 else 4
        return [self.top * part / parts for part in range(parts + 1)]


def axis_of(cells: Cells, measure: str = SHARE) -> Axis:
    """The axis that holds every interval of the figure's cells.

    Args:
        cells: Rows of `Frequency.as_row()`, or of `Occurrence.as_row()` for the other measures.
        measure: SHARE, PER_TRAJECTORY, SHARE_OF_OCCURRENCES or PER_10K.
    """
    percent = measure in (SHARE, SHARE_OF_OCCURRENCES)
    columns = ("share", "value", "high", "corrected_high")
    most = max((cell[c] for cell in cells for c in columns if cell.get(c) is not None), default=0.0)
    if percent:
        return Axis(next(top for top in TOPS if most <= top + 1e-9), True)
    if most <= 0:
        return Axis(1.0, False)
    step = 10.0 ** floor(log10(most))
    return Axis(
        next(step * times for times in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if most <= step * times * (1 + 1e-9)),
        False,
    )


def panel(cells: Cells, checkpoints: Sequence[str], axis: Axis | None = None) -> dict[str, Any]:
    """A chart as wide as its place, as a Vega-Lite specification.

    Args:
        cells: Rows of one pattern and one kind of reasoning, with their series and place: `Frequency.as_row()`, or
            `Occurrence.as_row()`.
        checkpoints: The checkpoints of all panels, in order.
        axis: What all panels share.
    """
    axis = axis or axis_of(cells)
    ticks = short_names(checkpoints)
    rows = [_row(cell, ticks[cell["checkpoint"]], axis) for cell in cells]
    labelled = any(cell.get("labels") for cell in cells)
    return {**_specification(tuple(checkpoints), labelled, axis), "datasets": {DATA: rows}}


@lru_cache(maxsize=64)
def _specification(checkpoints: tuple[str, ...], labelled: bool, axis: Axis) -> dict[str, Any]:
    """What all panels share. Altair takes 50 ms to check a chart, so it is made once and not once a panel.

    With labels the run's own share stands back, and the share corrected by them stands beside it as a diamond.
    """
    ticks = short_names(checkpoints)
    angle, foot = _labels([ticks[name] for name in checkpoints])
    height = HEAD + PLOT + foot
    places = [ticks[name] for name in checkpoints]
    x = alt.X("tick:N", sort=places, scale=alt.Scale(domain=places)).axis(
        title=None,
        labelAngle=angle,
        labelLimit=100,
        labelPadding=5,
        labelOverlap=False,
        labelFlush=False,
        ticks=False,
        labelFontSize=10.5,
    )
    scale = alt.Scale(domain=[0, axis.top], nice=False)
    y = alt.Y("value:Q", scale=scale).axis(
        title=None,
        format=axis.format,
        values=axis.ticks,
        tickCount=len(axis.ticks),
        ticks=False,
        labelFontSize=11,
        labelFlush=False,
        labelBaseline="middle",
    )
    base = alt.Chart(alt.NamedData(name=DATA)).encode(x=x)
    clicked = alt.selection_point(
        name=PARAMETER, fields=["checkpoint"], on="click", toggle=False, empty=False
    )
    bounds = base.mark_rule(strokeWidth=11, color=BAND, opacity=BAND_OPACITY, clip=True).encode(
        y=alt.Y("bound_low:Q", scale=scale), y2="bound_high:Q"
    )
    line = base.mark_line(color=POINT, strokeWidth=1, opacity=0.35).encode(
        y=y, detail="series:N", order="place:Q"
    )
    faint = PALE if labelled else 1
    interval = base.mark_rule(strokeWidth=1.8, color=POINT, opacity=faint).encode(
        y=alt.Y("low:Q"), y2="high:Q"
    )
    point = base.mark_point(filled=True, size=62, opacity=faint, color=POINT).encode(y=y)
    corrected = base.mark_rule(strokeWidth=1.8, color=CORRECTED, xOffset=CORRECTED_OFFSET).encode(
        y=alt.Y("corrected_low:Q"), y2="corrected_high:Q"
    )
    diamond = base.mark_point(
        filled=True, size=70, opacity=1, color=CORRECTED, shape="diamond", xOffset=CORRECTED_OFFSET
    ).encode(y=alt.Y("corrected:Q"))
    numbers = base.mark_text(fontSize=9.5, baseline="bottom", dy=-5, color=BAND).encode(
        y=alt.value(0), text="told_n:N"
    )
    n = alt.Chart(alt.Data(values=[{"n": "n"}])).mark_text(
        fontSize=9.5, baseline="bottom", align="right", dy=-5, color=BAND
    )
    target = (
        base.mark_bar(opacity=0.001, cursor="pointer")
        .encode(y=alt.Y("floor:Q"), y2="ceiling:Q", tooltip=_tooltip(labelled))
        .add_params(clicked)
    )
    return (
        alt.layer(
            bounds,
            line,
            interval,
            point,
            *([corrected, diamond] if labelled else []),
            numbers,
            n.encode(x=alt.value(-10), y=alt.value(0), text="n:N"),
            target,
        )
        .properties(height=height, padding={"top": 2, "left": 0, "right": 4, "bottom": 0})
        .configure_view(strokeWidth=0)
        .to_dict()
    )


def short_names(checkpoints: Sequence[str]) -> dict[str, str]:
    """Each checkpoint's name without the words that all of them begin with."""
    names = list(checkpoints)
    first, last = (min(names), max(names)) if len(names) > 1 else ("", "")
    shared = first[
        : next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    ]
    cut = max((shared.rfind(sign) + 1 for sign in "-_/ "), default=0)
    return {name: name[cut:] if all(len(other) > cut for other in names) else name for name in names}


def shared_beginning(checkpoints: Sequence[str]) -> str:
    """The words that `short_names` left out; empty if there are none."""
    names = short_names(checkpoints)
    return next((name[: len(name) - len(short)] for name, short in names.items()), "")


def _labels(labels: Sequence[str]) -> tuple[int, int]:
    """The angle of the labels, and the pixels that they take below the plot."""
    longest = min(max(map(len, labels), default=1), 18)
    if sum(max(len(label), 3) + 1 for label in labels) <= 36:
        return 0, FOOT
    if len(labels) < CROWDED:
        return -45, FOOT + round(longest * DEGREES_LETTER * 0.72)
    return -90, FOOT - 8 + round(longest * DEGREES_LETTER)


def _row(cell: dict[str, Any], tick: str, axis: Axis) -> dict[str, Any]:
    low, high = cell["low"], cell["high"]
    note = f"; {cell['note']}" if cell.get("note") else ""
    effect = cell.get("design_effect")
    return {
        "checkpoint": cell["checkpoint"],
        "series": cell.get("series") or "",
        "place": cell["place"],
        "tick": tick,
        "low": low,
        "high": high,
        "told_n": f"{cell['n']:,}",
        "floor": 0,
        "ceiling": axis.top,
        "told_interval": (_told(low, axis) + " to " + _told(high, axis) + note) if low is not None else cell.get("note") or "none",
        "told_prompts": f"{cell['prompts']:,}" + ("" if effect is None else f", design effect {effect:.3g}"),
        **(_counted(cell, axis) if "measure" in cell else _shared(cell)),
    }  # fmt: skip


def _shared(cell: dict[str, Any]) -> dict[str, Any]:
    """What a chart needs of a share of trajectories."""
    missing = cell["missing"]
    bounds = f"would make it {_percent(cell['bound_low'])} to {_percent(cell['bound_high'])}"
    return {
        "value": cell["share"],
        "bound_low": cell["bound_low"] if missing else None,
        "bound_high": cell["bound_high"] if missing else None,
        "told_value": f"{_percent(cell['share'])}  ({cell['present']:,} of {cell['n']:,})",
        "told_missing": f"{missing:,}: {bounds}" if missing else "0",
        **_labelled(cell),
    }


PER = {
    PER_TRAJECTORY: "in {n:,} trajectories",
    SHARE_OF_OCCURRENCES: "of {per:,.0f} occurrences of all patterns",
    PER_10K: "in {characters:,.0f} characters",
}
"""What occurrences are counted per, as a tooltip says it."""


def _counted(cell: dict[str, Any], axis: Axis) -> dict[str, Any]:
    """What a chart needs of a number of occurrences."""
    per = PER[cell["measure"]].format(n=cell["n"], per=cell["per"], characters=10_000 * cell["per"])
    return {
        "value": cell["value"],
        "told_value": f"{_told(cell['value'], axis)}  ({cell['occurrences']:,} {per})",
        "told_missing": f"{cell['missing']:,}",
    }


def _told(value: float | None, axis: Axis) -> str:
    return "undefined" if value is None else f"{value:.1%}" if axis.percent else f"{value:.3g}"


def _labelled(cell: dict[str, Any]) -> dict[str, Any]:
    """What labels say of a cell; nothing where nobody has labelled."""
    if "labels" not in cell:
        return {}
    columns = ("corrected", "corrected_low", "corrected_high")
    told = f"{_percent(cell['label_share'])}  (of {cell['labels']:,})" if cell["labels"] else "no labels"
    if cell["corrected"] is None:
        corrected = f"undefined: {cell['corrected_note']}"
    else:
        corrected = f"{_percent(cell['corrected'])}, {_percent(cell['corrected_low'])} to {_percent(cell['corrected_high'])}"
        corrected += f"; {cell['corrected_note']}" if cell["corrected_note"] else ""
    return {column: cell[column] for column in columns} | {"told_labels": told, "told_corrected": corrected}


def _percent(share: float | None) -> str:
    return "undefined" if share is None else f"{share:.1%}"


def _tooltip(labelled: bool) -> list[alt.Tooltip]:
    from_labels = [
        alt.Tooltip("told_labels:N", title="blind labels"),
        alt.Tooltip("told_corrected:N", title="corrected"),
    ]
    return [
        alt.Tooltip("checkpoint:N", title="checkpoint"),
        alt.Tooltip("told_value:N", title="value"),
        alt.Tooltip("told_interval:N", title="95 % interval"),
        alt.Tooltip("told_prompts:N", title="prompts"),
        alt.Tooltip("told_missing:N", title="missing"),
        *(from_labels if labelled else []),
    ]


def trend_told(found: Trend, adjusted: float | None) -> str:
    """A trend in one short sentence.

    Args:
        found: The test.
        adjusted: Its p-value after Benjamini and Hochberg; None where there is none.
    """
    if found.p is None or adjusted is None:
        return f"No trend to test: {found.note}, n {found.n:,}"
    p = (
        "p < .001"
        if adjusted < 0.001
        else f"p {adjusted:.3f}".replace("0.", ".", 1)
        if adjusted < 0.9995
        else "p 1"
    )
    if adjusted >= RELIABLE:
        return f"No clear trend, {p}, n {found.n:,}"
    return f"{'Rises' if (found.statistic or 0) > 0 else 'Falls'} over the checkpoints, {p}, n {found.n:,}"
