"""Patterns by checkpoint: a panel each, with a test of its trend, and the numbers below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from analysis.measure.frequencies import frequencies
from analysis.measure.judged import PRESENT, UNKNOWN
from analysis.measure.occurrences import occurrences
from analysis.measure.shares import shares
from analysis.measure.significance import benjamini_hochberg
from analysis.measure.trend import Trend, over_checkpoints
from labels import gold
from views import choices, overview_numbers
from views.figure import svg
from views.grid import Panel, names_of, unread
from views.overview_state import NO_CHECKPOINT, PAGE, Shown, switch, to_behind
from views.panels import (
    MEASURE_TOLD,
    MEASURES,
    PARAMETER,
    SHARE,
    axis_of,
    panel,
    shared_beginning,
    trend_told,
)
from views.plain import count, plain
from views.store import LABELS, TRAJECTORIES

PANELS_AT_FIRST = 9
HOW = """
- **Point and line**: the estimate and its 95 % interval, here {interval}.
- **n** above: the trajectories that the point rests on. Point at it for all numbers.
- **Pale band**: where a share could lie if everything that is missing were known.
- **Diamond**: the run's share corrected by blind labels, where there are enough; the run's own share is then pale. Groups and occurrences are not corrected.
- **Trend**: the test of Cochran and Armitage over the checkpoints in order, in equal steps, within each series; from 20 prompts up clustered by prompt. p is after Benjamini and Hochberg over the panels that you see.
- **Occurrence**: a quote that stands in the reasoning and asserts or entertains the pattern. A rate can fall per character while it rises per trajectory.
"""
INTERVALS = {
    True: "Korn and Graubard's from 20 prompts up (clustered by prompt), else Wilson's for these prompts alone",
    False: "t's on the standard error clustered by prompt from 20 prompts up, else for these prompts alone",
}


@dataclass(frozen=True)
class Figure:
    """What the view shows: the measure, the panels in order, their cells and the trend of each."""

    measure: str
    panels: list[Panel]
    cells: list[dict[str, Any]]
    trends: dict[str, Trend]
    adjusted: dict[str, float | None]
    checkpoints: list[str]

    def of(self, panel_id: str) -> list[dict[str, Any]]:
        """The cells of one panel, in the checkpoints' order."""
        return [cell for cell in self.cells if cell["pattern"] == panel_id]

    def told(self, panel_id: str) -> str:
        """The sentence of a panel's trend."""
        return trend_told(self.trends[panel_id], self.adjusted[panel_id])


def draw(shown: Shown, chosen: Sequence[str]) -> dict[str, Any]:
    """Draw the view; return what the address keeps."""
    measure = _measure()
    ids = list(chosen) or shown.by_default(PANELS_AT_FIRST)
    panels = [shown.panels[each] for each in ids]
    if measure != SHARE:
        left = [panel.name for panel in panels if not panel.members]
        panels = [panel for panel in panels if panel.members]
        if left and chosen:
            st.caption(f"{plain(', '.join(left))}: derived from the outcome, so it has no occurrences.")
    for name, reason in unread(shown.book).items():
        st.caption(
            f"{plain(names_of(name))} can't be derived: {plain(reason)}. The codebook's `derived` says how."
        )
    if not panels:
        return {"measure": measure}
    ids = [panel.id for panel in panels]
    said = shown.opened.stamp(LABELS) if measure == SHARE else ()
    figure = shown.keep(f"figure {measure} {said} {ids}", lambda: figure_of(shown, measure, panels))
    if not any(cell["n"] for cell in figure.cells):
        _nothing_counted(measure)
    _caption(figure)
    picked = _draw_panels(figure)
    drawing = shown.keep(f"drawing {measure} {said} {ids}", lambda: _drawing(shown, figure))
    picked = (
        overview_numbers.draw(shown, measure, figure.cells, figure.panels, drawing, _trend_columns(figure))
        or picked
    )
    if picked:
        _go(shown, *picked)
    return {"measure": measure if measure != SHARE else None}


def _drawing(shown: Shown, figure: Figure) -> str:
    return svg(
        [(each.name, figure.of(each.id)) for each in figure.panels],
        figure.checkpoints,
        _note(shown, figure),
        figure.measure,
        {each.name: figure.told(each.id) for each in figure.panels},
    )


def figure_of(shown: Shown, measure: str, panels: list[Panel]) -> Figure:
    """Count what the panels show, and test their trends."""
    cells = _shares(shown, panels) if measure == SHARE else _occurrences(shown, measure, panels)
    places = {name: place for place, name in enumerate(shown.checkpoints)}
    for cell in cells:
        cell["checkpoint"] = cell["checkpoint"] or NO_CHECKPOINT
        cell["place"] = places[cell["checkpoint"]]
        cell["series"] = shown.series.get(cell["checkpoint"])
    order = {panel.id: place for place, panel in enumerate(panels)}
    cells.sort(key=lambda cell: (cell["place"], order[cell["pattern"]]))
    trends = {panel.id: _trend(shown, measure, panel) for panel in panels}
    adjusted = dict(zip(trends, benjamini_hochberg([each.p for each in trends.values()]), strict=True))
    return Figure(measure, panels, cells, trends, adjusted, shown.checkpoints)


def _shares(shown: Shown, panels: list[Panel]) -> list[dict[str, Any]]:
    """The shares of `telltale report frequencies`; where people have labelled, with what labels say of patterns."""
    labelled = shown.opened.ask_of((*LABELS, *TRAJECTORIES), gold.frame)
    of_labels = [panel.id for panel in panels if panel.is_pattern] if len(labelled) else []
    found = []
    if of_labels:
        with shown.opened.store.session() as db:
            found = frequencies(db, shown.run["run"], scope=shown.scope, patterns=of_labels, labels=labelled)
    rows = [cell.as_row() for cell in found if cell.reasoning_state == shown.state]
    others = {panel.id: shown.signs(panel) for panel in panels if panel.id not in of_labels}
    return rows + [cell.as_row() for cell in shares(shown.table, others, shown.state)]


def _occurrences(shown: Shown, measure: str, panels: list[Panel]) -> list[dict[str, Any]]:
    wanted = {panel.id: panel.members for panel in panels}
    return [cell.as_row() for cell in occurrences(shown.table, shown.counts, measure, wanted, shown.state)]


def _trend(shown: Shown, measure: str, panel: Panel) -> Trend:
    if measure == SHARE:
        signs = shown.signs(panel)
        y, x, known = (signs == PRESENT).astype(np.float64), np.ones(len(signs)), signs != UNKNOWN
    else:
        y, x, known = shown.counts.sums(panel.members, measure)
    return over_checkpoints(shown.table, y, x, shown.readable[known[shown.readable]])


def _caption(figure: Figure) -> None:
    told = [MEASURE_TOLD[figure.measure]]
    lost = {each.id: sum(cell["missing"] for cell in figure.of(each.id)) for each in figure.panels}
    if any(lost.values()):
        number = count(max(lost.values()), "trajectory", "trajectories")
        told.append(f"{'up to ' if len(set(lost.values())) > 1 else ''}{number} missing")
    if shared := shared_beginning(figure.checkpoints):
        told.append(f"each checkpoint's name begins with {plain(shared)}")
    if any(cell.get("labels") for cell in figure.cells):
        told.append("pale: the run alone; diamond: corrected by blind labels")
    st.caption("; ".join(told) + ". Click a checkpoint to read its traces.")


def _measure() -> str:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        measure = switch("measure", "Measure", MEASURES)
        with st.popover("How to read this", icon=":material/help:", type="tertiary"):
            st.markdown(HOW.format(interval=INTERVALS[measure == SHARE]))
    return measure


def _draw_panels(figure: Figure) -> tuple[str, str] | None:
    """Draw the panels; return (panel, checkpoint) of a point that was clicked."""
    axis, picked = axis_of(figure.cells, figure.measure), None
    number = len(figure.checkpoints)
    with st.container(key="panels"):
        for each in figure.panels:
            rows = figure.of(each.id)
            held = f"{PAGE}.chart.{figure.measure}.{each.id}"
            with st.container(key=f"panel-{each.id}", gap=None):
                kind = f" :small[{plain(each.kind)}]" if each.kind else ""
                st.markdown(f"**{plain(each.name)}**{kind}", help=each.told)
                st.caption(plain(figure.told(each.id)))
                event = st.vega_lite_chart(
                    spec=panel(rows, figure.checkpoints, axis), key=held, on_select="rerun", selection_mode=PARAMETER,
                    alt=f"{each.name}: {MEASURES[figure.measure]} at {count(number, 'checkpoint')}; the numbers are in the table below",
                )  # fmt: skip
            for point in event["selection"].get(PARAMETER, []):
                picked = (each.id, point.get("checkpoint"))
    return picked


def _nothing_counted(measure: str) -> None:
    if measure == SHARE:
        st.write(
            "This run has judged none of these trajectories yet; `telltale tag` goes on where it stopped."
        )
    else:
        st.write(
            "This run has no quotes, so its occurrences can't be counted. The cue tagger and a judge quote; verdicts that came in "
            "with the trajectories mostly do not."
        )


def _trend_columns(figure: Figure) -> dict[str, dict[str, Any]]:
    """What the table says of each panel's trend."""
    return {
        each.id: {
            "trend_p": figure.trends[each.id].p, "trend_p_bh": figure.adjusted[each.id], "trend_test": figure.trends[each.id].test,
            "trend_n": figure.trends[each.id].n, "trend_note": figure.trends[each.id].note,
        }
        for each in figure.panels
    }  # fmt: skip


def _note(shown: Shown, figure: Figure) -> str:
    """The lines below the figure: what it is about."""
    run = shown.run
    parts = [
        f"{MEASURE_TOLD[figure.measure]}; run {run['run']}"
        + (", a baseline of cue expressions" if run["tagger"] == "cues" else "")
    ]
    parts += [f"{column}: {', '.join(values)}" for column, values in shown.kept.items() if values]
    parts += [f"reasoning: {choices.READABLE_NAMES.get(shown.state, '')}"]
    parts += ["synthetic data"] if any(cell["synthetic"] for cell in figure.cells) else []
    bars = f"bars are 95 % intervals, {INTERVALS[figure.measure == SHARE]}"
    bands = ["pale bands are bounds for what is missing"] if figure.measure == SHARE else []
    return (
        "; ".join([*parts, bars, *bands, "p of trends is after Benjamini and Hochberg over these panels"])
        + "."
    )


def _go(shown: Shown, panel_id: str, checkpoint: str | None) -> None:
    """Show the traces behind one point: of a pattern on the Traces page, of a group in a list of its own."""
    if not shown.panels[panel_id].is_pattern:
        to_behind([panel_id], checkpoint)
    named: Mapping[str, list[str]] = {
        **shown.kept,
        "checkpoint": [checkpoint] if checkpoint not in (None, NO_CHECKPOINT) else [],
        "state": [shown.state],
        "run": [shown.run["run"]],
        "pattern": [panel_id],
        "verdict": ["present"],
    }
    st.switch_page(
        Path(__file__).with_name("traces.py"),
        query_params={name: values for name, values in named.items() if values},
    )
