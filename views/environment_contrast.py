"""Two levels or two checkpoints held against each other: the difference, its interval and a test."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis import codebook
from analysis.environment.prompts import ENVIRONMENT, GAMING
from analysis.measure.contrast import COLUMNS, Contrast, Group, contrast, with_holm
from analysis.measure.frequencies import patterns_of
from analysis.measure.scope import Scope
from analysis.tables import to_csv
from views import choices
from views.address import key
from views.differences import differences
from views.environment_state import PAGE, Shown
from views.plain import plain

SIDES = {"variant": "Two variants", "checkpoint": "Two checkpoints"}
EACH = {"variant": "checkpoint", "checkpoint": "variant"}


def draw(shown: Shown) -> dict[str, Any]:
    """Draw the choice of two groups and what comes of it; return what the address keeps."""
    with st.sidebar:
        run = choices.run(PAGE, shown.store)
    of = _of(shown, run)
    column, values = _column(shown)
    if len(values) < 2:
        st.write(f"There is one {column} here, so there is nothing to hold it against.")
        return {"of": of if of != GAMING else None, "column": column}
    first, second = _two(values)
    by, each = EACH[column], st.session_state.get(key(PAGE, "by")) != "off"
    with st.container(horizontal=True):
        each = _each(by)
    kept = {"of": of if of != GAMING else None, "column": column, "first": first, "second": second,
            "by": None if each else "off", "run": run["run"] if run and of != GAMING else None}  # fmt: skip
    if first == second:
        st.info("Choose two that differ.")
        return kept
    groups = [Group(f"{column}={value}", Scope({column: (value,)})) for value in (first, second)]
    scope = Scope({**shown.scope.values, "environment": (ENVIRONMENT,)})
    found = shown.store.ask(contrast, of, *groups, (by,) if each else (), scope, run["run"] if run else None)
    _result(shown, found, by if each else None, of)
    _command(groups, by if each else None, of, run, shown)
    return kept


def _of(shown: Shown, run: dict[str, Any] | None) -> str:
    book = codebook.load()
    patterns = shown.store.ask(patterns_of, run["run"]) if run else []
    names = {GAMING: "Gaming rate"} | {
        pattern: book.name_of(pattern) for pattern in book.ids() if pattern in patterns
    }
    names |= {pattern: book.name_of(pattern) for pattern in patterns}
    held = key(PAGE, "of")
    if st.session_state.get(held) not in names:
        st.session_state[held] = GAMING
    return st.selectbox("Of what", list(names), format_func=names.__getitem__, key=held, width=420)


def _column(shown: Shown) -> tuple[str, dict[str, str]]:
    """Whether variants or checkpoints are held against each other, and those that there are."""
    held = key(PAGE, "column")
    if st.session_state.get(held) not in SIDES:
        st.session_state[held] = "variant"
    column = st.segmented_control(
        "Between", list(SIDES), format_func=SIDES.__getitem__, key=held, required=True
    )
    if column == "checkpoint":
        return "checkpoint", {name: name for name in shown.checkpoints if name}
    present = {cell["level"] for cell in shown.cells}
    listed = {
        called: f"{each.family}: {each.text}" if not each.reference else "base"
        for each in shown.conditions
        for called in each.variants
        if each.level in present
    }
    return "variant", listed


def _two(values: dict[str, str]) -> tuple[str, str]:
    """The two values: by default the second against the first."""
    names = list(values)
    for name, default in (("first", names[1] if len(names) > 1 else names[0]), ("second", names[0])):
        if st.session_state.get(key(PAGE, name)) not in values:
            st.session_state[key(PAGE, name)] = default
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox(
            "The share of", names, format_func=values.__getitem__, key=key(PAGE, "first"), width=340
        )
        second = st.selectbox(
            "less that of", names, format_func=values.__getitem__, key=key(PAGE, "second"), width=340
        )
    return first, second  # fmt: skip


def _each(by: str) -> bool:
    held, word = key(PAGE, "by.switch"), key(PAGE, "by")
    st.session_state[held] = st.session_state.get(word) != "off"

    def changed() -> None:
        st.session_state[word] = None if st.session_state[held] else "off"

    return st.toggle(f"At each {by}", key=held, on_change=changed)


def _result(shown: Shown, found: list[Contrast], by: str | None, of: str) -> None:
    rows = with_holm(found)
    for row in rows:
        kind = row["reasoning_state"]
        row["name"] = " · ".join(
            str(part)
            for part in (row[by] if by else "all", kind if kind not in (None, "text") else None)
            if part
        )
    defined = [row for row in rows if row["difference"] is not None]
    for row in rows:
        if row["difference"] is None:
            st.caption(f"{plain(row['name'])}: undefined, {plain(row['note'])}.")
    if defined:
        if len(defined) == 1:
            _one(defined[0])
        st.vega_lite_chart(
            spec=differences(defined), key=f"{PAGE}.differences",
            alt="Differences with their intervals; the numbers are in the table below",
        )  # fmt: skip
        notes = "; ".join(dict.fromkeys(row["note"] for row in defined if row["note"]))
        together = f" Holm counts the {len(defined)} contrasts together." if len(defined) > 1 else ""
        st.caption(
            f"Difference of the two shares with its 95 % interval. Pale bands: where it could lie if all that is missing were known.{together}"
            + (f" {notes.capitalize()}." if notes else "")
        )
    _table(rows, by)


def _one(row: dict[str, Any]) -> None:
    p = "undefined" if row["p"] is None else f"{row['p']:.2g}"
    st.markdown(
        f"**{100 * row['difference']:+.1f} points**, {100 * row['low']:+.1f} to {100 * row['high']:+.1f} ({row['interval']}); "
        f"{row['test']}: p = {p}. {row['a_part']:,} of {row['a_n']:,} against {row['b_part']:,} of {row['b_n']:,}."
    )


def _table(rows: list[dict[str, Any]], by: str | None) -> None:
    columns = [*([by] if by else []), *COLUMNS]
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("Numbers", anchor=False, width="content")
        st.download_button(
            "Download CSV", to_csv(rows, columns), "contrast.csv", "text/csv", on_click="ignore", icon=":material/download:"
        )  # fmt: skip
    hidden = {"reasoning_state", "synthetic", "statistic", "paired"}
    if any(row["reasoning_state"] not in (None, "text") for row in rows):
        hidden.remove("reasoning_state")
    percent, point = {"format": "percent", "width": "small"}, {"format": "%.3f", "width": "small"}
    st.dataframe(
        {name: [row[name] for row in rows] for name in columns if name not in hidden},
        hide_index=True,
        column_config={
            "checkpoint": st.column_config.TextColumn("Checkpoint", pinned=True),
            "variant": st.column_config.TextColumn("Variant", pinned=True), "of": "Of",
            "a": "First", "b": "Second",
            **{f"{side}_{column}": st.column_config.NumberColumn(title, **more) for side in "ab" for column, title, more in (
                ("part", "present", {}), ("n", "n", {}), ("share", "share", percent), ("missing", "missing", {}))},
            "difference": st.column_config.NumberColumn("Difference", help="The first share less the second", **point),
            "low": st.column_config.NumberColumn("95 % from", **point), "high": st.column_config.NumberColumn("to", **point),
            "bound_low": st.column_config.NumberColumn("Low bound", **point), "bound_high": st.column_config.NumberColumn("High bound", **point),
            "interval": "Interval", "test": "Test", "p": st.column_config.NumberColumn("p", format="%.2g"),
            "p_holm": st.column_config.NumberColumn("p, Holm", format="%.2g"), "prompts": "Prompts", "note": "Note",
        },
    )  # fmt: skip


def _command(groups: list[Group], by: str | None, of: str, run: dict[str, Any] | None, shown: Shown) -> None:
    """The same on the command line."""
    import shlex

    words = ["telltale", "report", "contrast", "--between", groups[0].name, groups[1].name]
    words += ["--of", of, "--run", run["run"]] if of != GAMING and run else []
    words += ["--by", by] if by else []
    within = [f"environment={ENVIRONMENT}"]
    within += [f"{column}={value}" for column, kept in shown.scope.values.items() for value in kept]
    words += ["--in", ",".join(within)]
    st.caption("The same on the command line:")
    st.code(shlex.join(words), language="bash", wrap_lines=True)
