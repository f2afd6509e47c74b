"""Patterns with the action: the share of either given the other, and given that the other is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.measure.given import COLUMNS, given
from analysis.measure.judged import ABSENT, PRESENT
from analysis.measure.outcome import Action, actions
from analysis.measure.significance import benjamini_hochberg
from analysis.tables import to_csv
from views import choices
from views.address import key
from views.grid import Panel
from views.overview_numbers import downloads
from views.overview_state import OUTCOMES, PAGE, PERCENT, Shown, in_percent, switch, to_behind
from views.plain import count, plain
from views.sides import PARAMETER, sides, sides_svg

WAYS = {"pattern": "Pattern, given the action", "action": "Action, given the pattern"}


def draw(shown: Shown, chosen: Sequence[str]) -> dict[str, Any]:
    """Draw the view; return what the address keeps."""
    listed = shown.opened.ask_of(OUTCOMES, actions)
    if not listed:
        _no_outcome()
        return {}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        action = _choose(listed)
        way = switch("way", "Which way", WAYS)
    panels = shown.keep(f"given's panels {action} {chosen}", lambda: _panels(shown, chosen, action))
    ids = [panel.id for panel in panels]
    known, found = shown.keep(f"given {action} {way} {ids}", lambda: _counted(shown, panels, action, way))
    if not found:
        st.write(_nothing(action, known))
        return _address(action, way)
    conditions = _conditions(action, way)
    _caption(shown, action, way, known, found)
    _chart(found, {panel.id: panel.name for panel in panels}, conditions, way)
    _numbers(shown, found, {panel.id: panel.name for panel in panels}, conditions, way, action)
    return _address(action, way)


def _counted(
    shown: Shown, panels: list[Panel], action: Action, way: str
) -> tuple[tuple[int, int], list[dict[str, Any]]]:
    """How many traces have the action and how many do not, and the rows of the figure: none where a side has nothing."""
    signs = shown.action(action.outcome, action.value)[shown.readable]
    known = int((signs == PRESENT).sum()), int((signs == ABSENT).sum())
    if not all(known):
        return known, []
    columns = {panel.id: shown.signs(panel)[shown.readable] for panel in panels}
    found = [
        each.as_row() for each in given(columns, signs, shown.table.codes["prompt"][shown.readable], way)
    ]
    for row, adjusted in zip(found, benjamini_hochberg([row["p"] for row in found]), strict=True):
        row["p_bh"] = adjusted
    return known, sorted(
        found, key=lambda row: -(row["difference"] if row["difference"] is not None else -2.0)
    )


def _no_outcome() -> None:
    st.subheader("No outcome yet", anchor=False)
    st.write(
        "An outcome says what the answer did: followed the hint, switched the library, passed the test. Once trajectories have one, this view "
        "holds it against the patterns. Name the field that has it:"
    )
    st.code("telltale ingest results/*.jsonl --set outcome=FIELD", language="bash")


def _choose(listed: list[Action]) -> Action:
    held, widget = key(PAGE, "outcome"), key(PAGE, "outcome.choice")
    by_id = {f"{each.outcome}={each.value}": each for each in listed}
    if st.session_state.get(held) not in by_id:
        st.session_state[held] = next(iter(by_id))
    st.session_state[widget] = st.session_state[held]

    def changed() -> None:
        st.session_state[held] = st.session_state[widget]

    st.selectbox(
        "The action: an outcome of the answer", list(by_id), format_func=lambda each: f"{by_id[each].name}  ({by_id[each].count:,})",
        key=widget, on_change=changed, width=330,
    )  # fmt: skip
    return by_id[st.session_state[held]]


def _panels(shown: Shown, chosen: Sequence[str], action: Action) -> list[Panel]:
    """The panels that were chosen, else all that there is anything of; what is derived from the action is not held against it."""
    panels = [shown.panels[each] for each in chosen] or [
        each for each in shown.panels.values()
        if (len(each.members) != 1 or each.is_pattern) and (shown.signs(each)[shown.readable] == PRESENT).any()
    ]  # fmt: skip
    return [
        each for each in panels if all((c.outcome or ("",))[0] != action.outcome for c in each.conditions)
    ]


def _conditions(action: Action, way: str) -> tuple[str, str]:
    if way == "action":
        return "pattern present", "pattern absent"
    yes = action.name
    return yes, f"not {yes}"


def _nothing(action: Action, known: tuple[int, int]) -> str:
    name = plain(action.name, 60)
    if not any(known):
        return f"None of these traces has the outcome {name}. Choose another one, or take a filter away."
    if not all(known):
        return f"{'All' if known[0] else 'None'} of these traces have the outcome {name}, so there is nothing to hold it against."
    return "The run found none of these patterns in the traces with this outcome."


def _caption(
    shown: Shown, action: Action, way: str, known: tuple[int, int], rows: list[dict[str, Any]]
) -> None:
    name = plain(action.name, 60)
    told = [
        f"Share of the traces with {name} ({known[0]:,}) and of those without it ({known[1]:,}) that show each pattern" if way == "pattern"
        else f"Share with {name} among the traces that show each pattern, and among those that do not: {known[0]:,} have it, {known[1]:,} do not"
    ]  # fmt: skip
    if unknown := shown.number - sum(known):
        told.append(f"of {unknown:,} it is not known")
    told.append("bold: a difference that holds after Benjamini and Hochberg")
    if any(row["note"] for row in rows):
        told.append("intervals are for these prompts only")
    pooled = (
        " All checkpoints are pooled: what both follow over training shows as a difference too."
        if len(shown.checkpoints) > 1
        else ""
    )
    st.caption("; ".join(told) + f".{pooled} Click a mark to read its traces.")


def _chart(rows: list[dict[str, Any]], names: dict[str, str], conditions: tuple[str, str], way: str) -> None:
    event = st.vega_lite_chart(
        spec=sides(rows, names, conditions), key=f"{PAGE}.sides.{way}", on_select="rerun", selection_mode=PARAMETER,
        alt=f"{WAYS[way]}: {count(len(rows), 'pattern')}; the numbers are in the table below",
    )  # fmt: skip
    for point in event["selection"].get(PARAMETER, []):
        _go(point.get("pattern"), bool(point.get("on")), way)


def _go(pattern: str | None, on: bool, way: str) -> None:
    """To the traces that the mark counts: with the pattern, and with the action or without it."""
    if pattern is not None:
        to_behind([pattern], did="yes" if on or way == "action" else "no")


def _numbers(
    shown: Shown, rows: list[dict[str, Any]], names: dict[str, str], conditions: tuple[str, str], way: str, action: Action
) -> None:  # fmt: skip
    columns = [*COLUMNS, "p_bh"]
    note = f"{WAYS[way]}: {action.name}; run {shown.run['run']}; {choices.READABLE_NAMES[shown.state]}" + (
        "; synthetic data" if shown.synthetic else "") + ". Bars are 95 % intervals."  # fmt: skip
    downloads(
        "Numbers",
        to_csv(rows, columns),
        sides_svg(rows, names, conditions, note),
        f"{way}-given-{shown.run['run']}",
    )
    number = st.column_config.NumberColumn
    titles = {
        side: plain(name.capitalize(), 40) for side, name in zip(("with", "without"), conditions, strict=True)
    }
    st.dataframe(
        {column: _column(column, rows, names) for column in columns if column != "share_of"},
        hide_index=True,
        alt="The numbers of the figure, one row a pattern",
        column_config={"pattern": st.column_config.TextColumn("Pattern", pinned=True)} | {
            f"{side}_{column}": number(f"{titles[side]}: {title}", **more)
            for side in titles for column, title, more in (
                ("part", "of these", {}), ("n", "n", {}), ("share", "share", PERCENT), ("low", "95 % from", PERCENT),
                ("high", "to", PERCENT), ("missing", "missing", {}))
        } | {
            "difference": number("Difference", **PERCENT), "low": number("95 % from", **PERCENT), "high": number("to", **PERCENT),
            "interval": "Interval", "p": number("p", format="%.4f"), "p_bh": number("p, Benjamini-Hochberg", format="%.4f"),
            "prompts": "Prompts", "note": "Note",
        },
    )  # fmt: skip


def _column(column: str, rows: list[dict[str, Any]], names: dict[str, str]) -> list[Any]:
    if column == "pattern":
        return [names[row[column]] for row in rows]
    values = [row[column] for row in rows]
    return in_percent(values) if column.endswith(("share", "low", "high", "difference")) else values


def _address(action: Action, way: str) -> dict[str, Any]:
    return {"outcome": f"{action.outcome}={action.value}", "way": way if way != "pattern" else None}
