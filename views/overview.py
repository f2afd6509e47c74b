"""How often each pattern appears at each checkpoint, with which action, and together with what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from analysis import codebook, reading
from analysis.measure.clusters import PROMPTS_TO_GENERALISE
from analysis.trajectories import READABLE
from views import choices, overview_given, overview_patterns, overview_together, overview_traces
from views.address import adopt, keep, key
from views.overview_state import PAGE, Shown, switch
from views.plain import count, plain
from views.store import TRAJECTORIES, one_line_errors, opened

ONE = ("run", "series", "state", "view", "measure", "outcome", "way", "cells", "at", "did")
MANY = ("environment", "variant", "pattern", "behind")
VIEWS = {
    "patterns": (":material/stacked_line_chart: By checkpoint", overview_patterns.draw),
    "given": (":material/compare_arrows: With the action", overview_given.draw),
    "together": (":material/grid_on: Together", overview_together.draw),
}


def main() -> None:
    """Draw the page."""
    store = opened()
    facets = store.ask_of(TRAJECTORIES, reading.facets)
    adopt(PAGE, one=ONE, many=MANY)
    with st.sidebar:
        run = choices.run(PAGE, store)
        kept = _filters(facets)
    if run is None:
        choices.no_run_yet()
        return
    with st.sidebar:
        state = _state(facets, kept)
    shown = Shown(store, run, codebook.load(), facets, kept, state)
    with st.sidebar:
        chosen = _panels(shown)
    _head(shown)
    address = {"run": run["run"], **kept, "pattern": chosen, "state": state if state != "text" else None}
    if not shown.number:
        st.write(_nothing(shown))
        keep(PAGE, address)
        return
    if overview_traces.asked():
        keep(PAGE, address | overview_traces.address() | _held("view", "measure", "outcome", "way", "cells"))
        overview_traces.draw(shown)
        return
    view = _view()
    more = VIEWS[view][1](shown, chosen)
    keep(PAGE, address | {"view": view if view != "patterns" else None} | more)


def _filters(facets: reading.Facets) -> dict[str, list[str]]:
    series = choices.one(PAGE, "series", "Series", facets.counts("series"))
    environment = choices.many(PAGE, "environment", "Environment", facets.counts("environment"))
    variant = choices.many(PAGE, "variant", "Variant", facets.counts("variant", environment=environment))
    return {"series": [series] if series else [], "environment": environment, "variant": variant}


def _state(facets: reading.Facets, kept: dict[str, list[str]]) -> str:
    """The kind of reasoning to show. Kinds are never pooled, so one is shown at a time."""
    totals = facets.counts("reasoning_state", **kept)
    states = [state for state in READABLE if state in totals]
    held = key(PAGE, "state")
    if st.session_state.get(held) not in states:
        st.session_state[held] = max(states, key=totals.__getitem__) if states else None
    if len(states) > 1:
        st.radio(
            "Reasoning",
            states,
            format_func=lambda state: f"{choices.READABLE_NAMES[state]} ({totals[state]:,})",
            key=held,
            help="What could be read: the full text, a text that was cut off, or a summary. They are never pooled.",
        )
    return str(st.session_state[held] or "missing")


def _panels(shown: Shown) -> list[str]:
    """The panels that were chosen; none for those that each view shows by itself."""
    names = {panel.id: panel.name for panel in shown.panels.values()}
    most = len(names) <= overview_patterns.PANELS_AT_FIRST
    return choices.many(
        PAGE, "pattern", "Patterns", dict.fromkeys(names), names, "All" if most else "The most frequent"
    )


def _head(shown: Shown) -> None:
    facets, kept, run = shown.facets, shown.kept, shown.run
    total = facets.total(**kept)
    states = facets.counts("reasoning_state", **kept)
    unreadable = sum(number for state, number in states.items() if state not in READABLE)
    unjudged, *prompts = shown.keep("head", lambda: _counted(shown))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Overview", anchor=False, width="content")
        choices.synthetic_badge(facets.counts("synthetic", **kept), total)
        _prompt_badge(prompts)
    with st.container(horizontal=True, key="facts"):
        st.metric("Trajectories", f"{total:,}")
        st.metric("Checkpoints", f"{len(facets.counts('checkpoint', **kept)):,}")
        st.metric(
            "Prompts", f"{prompts[2]:,}", help="Rollouts of one prompt are not independent of each other."
        )
        st.metric(
            "Run",
            "cues · baseline" if run["tagger"] == "cues" else plain(run["model"] or run["tagger"], 40),
            help=_run_help(run),
        )
        st.metric(
            "Nothing to read",
            f"{unreadable:,}",
            help="Reasoning that is missing, empty or encrypted. It counts as missing, never as absent.",
        )
        st.metric(
            "Not judged",
            f"{unjudged:,}",
            help="Readable, but this run has no verdict: not reached, refused, failed. It counts as missing.",
        )


def _counted(shown: Shown) -> tuple[int, int, int, int]:
    """Trajectories that are not judged; prompts of the checkpoint that has fewest, of the one that has most, and of
    all together.
    """  # noqa: D205
    table = shown.table.take(shown.readable)
    codes = table.codes["prompt"]
    each = [np.count_nonzero(np.bincount(codes[rows])) for _, rows in table.by_checkpoint()] or [0]
    return int((table.attempt_id == 0).sum()), min(each), max(each), np.count_nonzero(np.bincount(codes))


def _prompt_badge(prompts: Sequence[int]) -> None:
    fewest, most, _ = prompts
    if most == 1:
        st.badge(
            "All rollouts of a checkpoint share one prompt",
            icon=":material/warning:",
            color="orange",
            help="Intervals say how the share of this prompt could vary, and nothing of other wordings.",
        )
    elif fewest < PROMPTS_TO_GENERALISE:
        told = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        st.badge(
            f"{told} prompts a checkpoint",
            icon=":material/info:",
            color="gray",
            help=f"Below {PROMPTS_TO_GENERALISE} prompts an interval speaks of these prompts only, not of others like them.",
        )


def _run_help(run: dict[str, Any]) -> str:
    told = (
        "The codebook's cue expressions: a transparent baseline that misses what is said in other words."
        if run["tagger"] == "cues"
        else f"Tagger: {plain(run['tagger'])}."
    )
    return f"{told} {count(run['ok'], 'trajectory', 'trajectories')} judged, {plain(run['run'])}."


def _nothing(shown: Shown) -> str:
    """Why there is nothing to draw, and what to do."""
    if not len(shown.table):
        return "No trajectory passes these filters. Take one away in the sidebar to see more."
    return (
        "None of these trajectories has reasoning to read: it is missing, empty or encrypted. They count as missing, never as absent. "
        "If the reasoning stands in another field, `telltale ingest PATH --set reasoning=FIELD` names it."
    )


def _view() -> str:
    return switch("view", "View", {name: title for name, (title, _) in VIEWS.items()})


def _held(*names: str) -> dict[str, Any]:
    """What the address keeps of the view while the traces behind one of its points are listed."""
    return {name: st.session_state.get(key(PAGE, name)) for name in names}


with one_line_errors():
    main()
