"""Charts of the Environment page: levels side by side, a line over a dose, patterns by what the answer did.

Each is one layered view with places that are computed here, so that a click on any part of it selects a cell.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import altair as alt

from views.palette import BAND, BAND_OPACITY, MARKS, POINT

DATA = "cells"
PARAMETER = "cell"
"""The name of the selection that a click makes; its points have level and checkpoint."""
PLOT = 190
WIDTH = 880
"""Pixels that a chart has on a window of 1280, for deciding what fits."""
MOST_SLOTS = 66
LONGEST = 24
"""Letters that a label below the plot may have."""
LETTER = 5.6
"""Pixels that a letter of a label takes."""
GAP = 0.8
"""Slots between two levels."""
PUBLISHED = "#7d868b"
LINES_PLOT = 240
LABEL_APART = 0.065
"""Share between the labels of two lines, at least."""

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Measure:
    """What the y axis shows: the columns of value and interval, and how they are written."""

    value: str
    low: str
    high: str
    format: str
    most: float | None


RATE = Measure("share", "low", "high", ".0%", 1.0)
LENGTH = Measure("median", "low", "high", "~s", None)


def in_rows(levels: Sequence[str], checkpoints: int, published: Rows = ()) -> list[list[str]]:
    """Levels in rows that are wide enough for them, each row about as long as the others."""
    widths = {level: checkpoints + len(_others(level, published)) + GAP for level in levels}
    rows = math.ceil(sum(widths.values()) / MOST_SLOTS) or 1
    wanted, found = sum(widths.values()) / rows, [[]]
    filled = 0.0
    for level, width in widths.items():
        if found[-1] and filled + width / 2 > wanted * len(found):
            found.append([])
        found[-1].append(level)
        filled += width
    return found


def levels_chart(
    cells: Rows,
    levels: Mapping[str, str],
    ticks: Mapping[str, str],
    published: Rows = (),
    measure: Measure = RATE,
    most: float = 1.0,
) -> dict[str, Any]:
    """Levels side by side, each with its checkpoints in order and, apart from them, what others published.

    Args:
        cells: One a level and checkpoint: rows of `GamingRate.as_row()` or `Length.as_row()` with their series.
        levels: The levels of this row, in order, each with what it is called.
        ticks: The checkpoints in order, each with its short name.
        published: Rows of `Published.as_row()` with their tick; never joined to the cells' line.
        measure: What is shown.
        most: The end of the y axis, where the measure has none.
    """
    names = list(ticks)
    others = {level: _others(level, published) for level in levels}
    widths = {level: len(names) + len(others[level]) for level in levels}
    starts = dict(
        zip(levels, accumulate((width + GAP for width in widths.values()), initial=0.0), strict=False)
    )
    end = sum(widths.values()) + GAP * (len(levels) - 1)
    pixels = WIDTH / max(end, 1)
    rows = [
        _cell(cell, levels[cell["level"]], starts[cell["level"]] + names.index(cell["checkpoint"]), measure, most)
        for cell in cells
    ]  # fmt: skip
    rows += [
        _published(row, starts[row["level"]] + len(names) + others[row["level"]].index(row["tick"]))
        for row in published
    ]
    for level, start in starts.items():
        room = max(7, int(pixels * widths[level] / LETTER))
        head = {"kind": "head", "x": start + widths[level] / 2}
        rows += [{**head, "text": "\n".join(textwrap.wrap(levels[level], room))}]
        rows += _ticks(start, [ticks[name] for name in names], others[level], pixels)
    rows += _picked(rows)
    rows += [{"kind": "edge", "x": start - GAP / 2} for start in list(starts.values())[1:]]
    labels = [row["text"] for row in rows if row["kind"] == "tick"]
    upright = any(len(text) * LETTER > pixels for text in labels)
    foot = 16 + min(LONGEST, max(map(len, labels), default=1)) * LETTER if upright else 20
    lines = max((row["text"].count("\n") + 1 for row in rows if row["kind"] == "head"), default=1)
    wide = all(len(f"{cell['n']:,}") * 5.5 < pixels for cell in cells)
    top = measure.most or most
    specification = _levels_specification(end, top, measure, lines, round(foot), upright, wide)
    return {**specification, "datasets": {DATA: rows}}


def _others(level: str, published: Rows) -> list[str]:
    """Whose published rates there are of a level."""
    return list(dict.fromkeys(row["tick"] for row in published if row["level"] == level))


@lru_cache(maxsize=64)
def _levels_specification(
    end: float, top: float, measure: Measure, lines: int, foot: int, upright: bool, wide: bool
) -> dict[str, Any]:
    x = alt.X("x:Q", scale=alt.Scale(domain=[-0.1, end + 0.1], nice=False)).axis(None)
    base = alt.Chart(alt.NamedData(name=DATA)).encode(x=x)
    head = 15 * lines + (18 if wide else 6)
    y = _y(measure, top, head, PLOT)
    parts = [
        _of(base, "edge").mark_rule(color=BAND, opacity=0.35, strokeDash=[2, 3]).encode(y=alt.value(0), y2=alt.value(head + PLOT)),
        _of(base, "picked").mark_bar(color=POINT, opacity=0.11)
        .encode(x=alt.X("x0:Q").axis(None), x2="x1:Q", y=alt.Y("floor:Q"), y2="ceiling:Q"),
        *_marks(base, measure, y),
        _of(base, "head").mark_text(fontSize=11.5, fontWeight=600, color=BAND, baseline="top", lineBreak="\n", lineHeight=14)
        .encode(y=alt.value(1), text="text:N"),
        _of(base, "tick").mark_text(fontSize=10, color=BAND, baseline="middle" if upright else "top", angle=270 if upright else 0,
                                    align="right" if upright else "center", limit=LONGEST * LETTER + 6)
        .encode(y=alt.value(head + PLOT + 8), text="text:N"),
    ]  # fmt: skip
    if wide:
        parts.insert(
            -2,
            _of(base, "cell")
            .mark_text(fontSize=9.5, color=BAND, baseline="bottom")
            .encode(y=alt.value(head - 5), text="told_n:N"),
        )
    return finished([*parts, _target(base)], head + PLOT + foot)


def dose_chart(cells: Rows, ticks: Mapping[str, str], published: Rows = ()) -> dict[str, Any]:
    """A line a checkpoint over a share of replies in percent, on a logit scale; none and all stand at the ends.

    Args:
        cells: As in `levels_chart`, with a dose in percent.
        ticks: The checkpoints in order, each with its short name.
        published: As in `levels_chart`, with a dose; never joined to a line.
    """
    names = list(ticks)
    doses = sorted({cell["dose"] for cell in [*cells, *published]})
    inner = [_logit(dose) for dose in doses if 0 < dose < 100] or [0.0]
    ends = {0: min(inner) - 1.2, 100: max(inner) + 1.2}
    places = {dose: ends.get(dose, _logit(dose) if 0 < dose < 100 else 0.0) for dose in doses}
    low, high = min(places.values()), max(places.values())
    step = (high - low or 1) / 160
    own = []
    for cell in cells:
        at = places[cell["dose"]] + step * (names.index(cell["checkpoint"]) - (len(names) - 1) / 2)
        row = _cell(cell, _percent_name(cell["dose"]), at - 0.5, RATE)
        own.append({**row, "dose": cell["dose"], "text": ticks[cell["checkpoint"]]})
    inside = [row for row in own if 0 < row["dose"] < 100]
    last = max((row["dose"] for row in inside), default=None)
    rows = own + [{**row, "kind": "line"} for row in inside]
    rows += _apart(
        [{**row, "kind": "end", "x": high + 2 * step * len(names)} for row in inside if row["dose"] == last]
    )
    rows += [_published(row, places[row["dose"]] + step * (len(names) / 2 + 1) - 0.5) for row in published]
    rows += [{"kind": "tick", "x": place, "text": _percent_name(dose)} for dose, place in places.items()]
    rows += _picked(rows)
    margin = (high - low or 1) * 0.06
    colours = tuple((name, MARKS[number % len(MARKS)]) for number, name in enumerate(names))
    return {**_dose_specification(low - margin, high + 2.4 * margin, colours), "datasets": {DATA: rows}}


@lru_cache(maxsize=16)
def _dose_specification(low: float, high: float, colours: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    x = alt.X("x:Q", scale=alt.Scale(domain=[low, high], nice=False)).axis(None)
    base = alt.Chart(alt.NamedData(name=DATA)).encode(x=x)
    colour = alt.Color(
        "checkpoint:N",
        scale=alt.Scale(domain=[n for n, _ in colours], range=[c for _, c in colours]),
        legend=None,
    )
    y = _y(RATE, 1.0, 8, LINES_PLOT)
    parts = [
        _of(base, "picked").mark_point(size=260, color=POINT, strokeWidth=2).encode(y=y),
        *_marks(base, RATE, y, colour),
        _of(base, "tick").mark_text(fontSize=10.5, color=BAND, baseline="top").encode(y=alt.value(LINES_PLOT + 16), text="text:N"),
        _of(base, "end").mark_text(fontSize=10.5, align="left", dx=8).encode(y=y, text="text:N", color=colour),
    ]  # fmt: skip
    target = (
        _of(base, "cell")
        .mark_point(filled=True, size=260, opacity=0.001, cursor="pointer")
        .encode(y=y, tooltip=tooltip(**OWN))
        .add_params(_selection())
    )
    return finished([*parts, target], LINES_PLOT + 30)


def _marks(base: alt.Chart, measure: Measure, y: alt.Y, colour: alt.Color | None = None) -> list[alt.Chart]:
    """Bands of what is missing, lines, intervals and points of one's own; diamonds of what others published."""
    own, others = _of(base, "cell"), _of(base, "published")
    ink: dict[str, Any] = {"color": colour} if colour is not None else {"color": alt.value(POINT)}
    line = "checkpoint:N" if colour is not None else "level:N"
    lines = _of(base, "line") if colour is not None else own
    bands = (
        [
            own.mark_rule(strokeWidth=9 if colour is None else 5, color=BAND, opacity=BAND_OPACITY).encode(
                y=alt.Y("bound_low:Q"), y2="bound_high:Q"
            )
        ]
        if measure is RATE
        else []
    )
    return [
        *bands,
        lines.mark_line(strokeWidth=1.2 if colour is None else 1.6, opacity=0.4).encode(y=y, detail=[line, "series:N"], order="x:Q", **ink),
        own.mark_rule(strokeWidth=1.8).encode(y=alt.Y("low:Q"), y2="high:Q", **ink),
        own.mark_point(filled=True, size=52, opacity=1).encode(y=y, **ink),
        others.mark_rule(strokeWidth=1.2, color=PUBLISHED, strokeDash=[3, 2]).encode(y=alt.Y("low:Q"), y2="high:Q"),
        others.mark_point(size=54, opacity=1, color=PUBLISHED, shape="diamond", strokeWidth=1.6, filled=False)
        .encode(y=alt.Y("value:Q"), tooltip=tooltip(**OTHERS)),
    ]  # fmt: skip


def _cell(
    cell: Mapping[str, Any], level: str, slot: float, measure: Measure, most: float = 1.0
) -> dict[str, Any]:
    return {
        "kind": "cell", "x": slot + 0.5, "x0": slot, "x1": slot + 1, "level": cell["level"], "checkpoint": cell["checkpoint"],
        "series": cell.get("series") or "", "value": cell[measure.value], "low": cell[measure.low], "high": cell[measure.high],
        "picked": bool(cell.get("picked")), "floor": 0, "ceiling": measure.most or most, "told_level": level, "told_n": f"{cell['n']:,}", **(_told_rate(cell) if measure is RATE else _told_length(cell)),
    }  # fmt: skip


def _picked(rows: Rows) -> list[dict[str, Any]]:
    """What marks the cell whose traces are looked at."""
    return [{**row, "kind": "picked"} for row in rows if row["kind"] == "cell" and row["picked"]]


def _apart(labels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Labels at the ends of lines, moved up where two would lie on each other."""
    above = -1.0
    for row in sorted((row for row in labels if row["value"] is not None), key=lambda row: row["value"]):
        row["value"] = above = max(row["value"], above + LABEL_APART)
    return labels


def _told_rate(cell: Mapping[str, Any]) -> dict[str, Any]:
    missing = cell["missing"]
    return {
        **share_told(cell["gamed"], cell["n"], cell["share"], cell["low"], cell["high"]),
        "bound_low": cell["bound_low"] if missing else None,
        "bound_high": cell["bound_high"] if missing else None,
        "told_missing": f"{missing:,}: would make it {cell['bound_low']:.1%} to {cell['bound_high']:.1%}" if missing else "0",
    }  # fmt: skip


def _told_length(cell: Mapping[str, Any]) -> dict[str, Any]:
    none = cell["median"] is None
    return {
        "told_value": "undefined: n is 0" if none else f"median {cell['median']:,.0f} of {cell['n']:,}",
        "told_interval": "none" if none else f"quartiles {cell['low']:,.0f} and {cell['high']:,.0f}",
        "told_missing": f"{cell['other']:,} without a whole text",
    }


def share_told(
    part: int, n: int, share: float | None, low: float | None, high: float | None
) -> dict[str, str]:
    """A share and its interval as a tooltip says them."""
    if share is None or low is None or high is None:
        return {"told_value": "undefined: n is 0", "told_interval": "none"}
    return {"told_value": f"{share:.1%}  ({part:,} of {n:,})", "told_interval": f"{low:.1%} to {high:.1%}"}


def _published(row: Mapping[str, Any], slot: float) -> dict[str, Any]:
    counted = row["n"] is not None
    return {
        "kind": "published", "x": slot + 0.5, "value": row["share"], "low": row["low"], "high": row["high"],
        "told_level": row["series"], "told_value": f"{row['share']:.1%}" + (f"  ({row['part']} of {row['n']})" if counted else ""),
        "told_interval": f"{row['low']:.1%} to {row['high']:.1%}" if counted else "n is not given",
        "told_source": row["source"], "told_note": row["note"],
    }  # fmt: skip


def _ticks(start: float, ticks: list[str], others: list[str], pixels: float) -> list[dict[str, Any]]:
    """The labels below the slots of one level; of many checkpoints only some."""
    every = max(1, math.ceil(11 / pixels))
    shown = {number: tick for number, tick in enumerate(ticks) if number % every == 0}
    shown |= {len(ticks) + number: name for number, name in enumerate(others)}
    return [{"kind": "tick", "x": start + number + 0.5, "text": text} for number, text in shown.items()]


def _y(measure: Measure, top: float, head: int, plot: int) -> alt.Y:
    """The y axis; its scale leaves room above and below, so that labels stand inside the view."""
    y = alt.Y("value:Q", scale=alt.Scale(domain=[0, top], range=[head + plot, head]))
    values = [0, 0.25, 0.5, 0.75, 1] if measure is RATE else alt.Undefined
    return y.axis(
        title=None,
        format=measure.format,
        values=values,
        tickCount=5,
        ticks=False,
        labelFontSize=11,
        labelFlush=False,
        labelBaseline="middle",
    )


def _of(base: alt.Chart, kind: str) -> alt.Chart:
    return base.transform_filter(f"datum.kind === '{kind}'")


def _selection() -> alt.Parameter:
    return alt.selection_point(
        name=PARAMETER, fields=["level", "checkpoint"], on="click", toggle=False, empty=False
    )


def _target(base: alt.Chart) -> alt.Chart:
    """A column over the whole height of each cell that takes its click and its tooltip."""
    return (
        _of(base, "cell")
        .mark_bar(opacity=0.001, cursor="pointer")
        .encode(
            x=alt.X("x0:Q").axis(None), x2="x1:Q", y=alt.Y("floor:Q"), y2="ceiling:Q", tooltip=tooltip(**OWN)
        )
        .add_params(_selection())
    )


def tooltip(**titles: str) -> list[alt.Tooltip]:
    """A tooltip's lines: each field with its title."""
    return [alt.Tooltip(f"{field}:N", title=title) for field, title in titles.items()]


OWN = {"told_level": "level", "checkpoint": "checkpoint", "told_value": "value", "told_interval": "95 % interval", "told_missing": "missing"}  # fmt: skip
OTHERS = {"told_level": "published", "told_value": "rate", "told_interval": "95 % interval", "told_source": "in", "told_note": "note"}  # fmt: skip


def _percent_name(dose: float) -> str:
    return "none" if dose == 0 else "all" if dose == 100 else f"{dose:g} %"


def _logit(percent: float) -> float:
    return math.log(percent / (100 - percent))


def finished(parts: list[alt.Chart], height: float) -> dict[str, Any]:
    """The parts over each other as a specification."""
    chart = alt.layer(*parts).properties(
        height=height, padding={"top": 2, "left": 0, "right": 6, "bottom": 0}
    )
    return dict(chart.configure_view(strokeWidth=0).to_dict())
