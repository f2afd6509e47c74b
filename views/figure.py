"""The panels of the overview as one SVG: a figure to keep, drawn without a browser."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any

from views.palette import BAND, BAND_OPACITY, CORRECTED, CORRECTED_OFFSET, PALE, POINT
from views.panels import SHARE, Axis, axis_of, short_names

COLUMNS = 3
PANEL = 300
PLOT = 130
LEFT, HEAD, FOOT, GAP = 42, 58, 92, 22
LETTER, LONGEST = 5.4, 60
"""Pixels that a letter of an upright label takes, and how many letters of one are shown."""
INK, FAINT = "#20262a", "#6b7478"
FONT = "'Source Sans 3', 'Source Sans Pro', Helvetica, Arial, sans-serif"


def svg(
    panels: Sequence[tuple[str, Sequence[dict[str, Any]]]],
    checkpoints: Sequence[str],
    note: str,
    measure: str = SHARE,
    told: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Draw every panel on the same scale.

    Args:
        panels: (name, rows as `views.panels.panel` takes them) of each pattern.
        checkpoints: The checkpoints of all panels, in order.
        note: The lines below: which run, which trajectories.
        measure: What the rows hold, as `views.panels.axis_of` takes it.
        told: A line below the name of each panel that has one.
    """
    axis = axis_of([cell for _, cells in panels for cell in cells], measure)
    columns = min(COLUMNS, max(1, len(panels)))
    width = columns * PANEL + (columns - 1) * GAP
    tall = HEAD + PLOT + _foot(checkpoints)
    lines = textwrap.wrap(note, round(width / 5.4))
    height = -(-len(panels) // columns) * tall + 8 + 15 * len(lines)
    parts = [_panel_at(number, columns, tall, _panel(name, cells, checkpoints, axis, told.get(name, "")))
             for number, (name, cells) in enumerate(panels)]  # fmt: skip
    below = height - 15 * len(lines) + 6
    parts += [text(0, below + 15 * n, line, 11, FAINT) for n, line in enumerate(lines)]
    return drawing(width, height, parts)


def drawing(width: float, height: float, parts: Sequence[str]) -> str:
    """An SVG file on white."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" font-family="{FONT}">\n<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    )
    return "\n".join([head, *parts, "</svg>"])


def _panel_at(number: int, columns: int, tall: float, drawn: str) -> str:
    x, y = number % columns * (PANEL + GAP), number // columns * tall
    return f'<g transform="translate({x} {y})">{drawn}</g>'


def _panel(
    name: str, cells: Sequence[dict[str, Any]], checkpoints: Sequence[str], axis: Axis, told: str
) -> str:
    ticks = _ticks(checkpoints)
    step = (PANEL - LEFT) / max(1, len(checkpoints))
    places = {checkpoint: LEFT + step * (number + 0.5) for number, checkpoint in enumerate(checkpoints)}
    upright = _upright(ticks)
    parts = [text(0, 16, name, 14, INK, weight=600), text(0, 31, told, 10.5, FAINT)]
    parts.append(text(LEFT - 6, HEAD - 6, "n", 9.5, FAINT, "end"))
    for value in axis.ticks:
        y = _y(value, axis)
        parts.append(f'<line x1="{LEFT}" x2="{PANEL}" y1="{y}" y2="{y}" stroke="#dfe3e2"/>')
        parts.append(
            text(LEFT - 6, y + 3.5, f"{value:.0%}" if axis.percent else f"{value:g}", 10, FAINT, "end")
        )
    for checkpoint, x in places.items():
        turn = f' transform="rotate(-90 {x:.1f} {HEAD + PLOT + 8})"' if upright else ""
        at = (x, HEAD + PLOT + 11, "end") if upright else (x, HEAD + PLOT + 15, "middle")
        parts.append(text(*at[:2], ticks[checkpoint], 10, FAINT, at[2], more=turn))
    parts += [_cell(cell, places[cell["checkpoint"]], axis) for cell in cells]
    return "".join(parts)


def _ticks(checkpoints: Sequence[str]) -> dict[str, str]:
    """What each checkpoint's label says."""
    names = short_names(checkpoints)
    return {
        name: tick if len(tick) <= LONGEST else f"{tick[: LONGEST // 2]}…{tick[1 - LONGEST // 2 :]}"
        for name, tick in names.items()
    }


def _upright(ticks: Mapping[str, str]) -> bool:
    """Whether the labels are too long to stand beside each other."""
    return sum(max(len(tick), 3) + 1 for tick in ticks.values()) > 36


def _foot(checkpoints: Sequence[str]) -> float:
    """The pixels below a plot: what the labels take, and some air."""
    ticks = _ticks(checkpoints)
    longest = max(map(len, ticks.values()), default=0)
    return max(FOOT, 24 + LETTER * longest) if _upright(ticks) else FOOT


def _cell(cell: dict[str, Any], x: float, axis: Axis) -> str:
    value = cell["value"] if "measure" in cell else cell["share"]
    parts = [text(x, HEAD - 6, f"{cell['n']:,}", 9.5, FAINT, "middle")]
    if cell["missing"] and "bound_low" in cell:
        low, high = (min(cell[bound], axis.top) for bound in ("bound_low", "bound_high"))
        parts.append(_line(x, low, high, axis, BAND, 11, f' stroke-opacity="{BAND_OPACITY}"'))
    if value is not None:
        pale = f' opacity="{PALE}"' if cell.get("labels") else ""
        if cell["low"] is not None:
            parts.append(_line(x, cell["low"], cell["high"], axis, POINT, 1.8, pale))
        parts.append(f'<circle cx="{x:.1f}" cy="{_y(value, axis)}" r="4" fill="{POINT}"{pale}/>')
    if cell.get("corrected") is not None:
        x, y = x + CORRECTED_OFFSET, _y(cell["corrected"], axis)
        parts.append(_line(x, cell["corrected_low"], cell["corrected_high"], axis, CORRECTED, 1.8))
        parts.append(f'<path d="M{x:.1f} {y - 5}l4 5l-4 5l-4 -5z" fill="{CORRECTED}"/>')
    return "".join(parts)


def _line(x: float, low: float, high: float, axis: Axis, colour: str, width: float, more: str = "") -> str:
    y1, y2 = _y(low, axis), _y(high, axis)
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y1}" y2="{y2}" stroke="{colour}" stroke-width="{width}"{more}/>'


def _y(value: float, axis: Axis) -> float:
    return round(HEAD + PLOT * (1 - value / axis.top), 1)


def text(
    x: float,
    y: float,
    words: str,
    size: float,
    colour: str,
    anchor: str = "start",
    weight: int = 400,
    more: str = "",
) -> str:
    """Words in a drawing; nothing in them is obeyed."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" fill="{colour}" '
        f'text-anchor="{anchor}"{more}>{escape(words)}</text>'
    )
