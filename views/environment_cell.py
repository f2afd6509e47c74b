"""The traces behind one point: which patterns they show, by what the answer did, and the way to read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from analysis import codebook
from analysis.measure.families import Condition
from analysis.measure.followed import COLUMNS, by_answer, showing
from analysis.measure.scope import Scope
from analysis.tables import to_csv
from views import choices
from views.address import key
from views.environment_state import NO_CHECKPOINT, PAGE, Shown
from views.forest import PARAMETER, forest
from views.levels import share_told
from views.palette import MARKS
from views.plain import count, plain

LISTED = 200


def draw(shown: Shown, levels: list[Condition], level: Condition, checkpoint: str) -> dict[str, Any]:
    """Draw the cell that is picked; return what the address keeps of it."""
    st.subheader("Patterns in the traces of one point", anchor=False)
    _choose(shown, levels)
    cell = next(
        c
        for c in shown.cells
        if (c["level"], c["checkpoint"] or "") == (level.level, checkpoint) and c["measure"] == level.measure
    )
    sides = _sides(level)
    unread = cell["missing"]
    st.write(
        f"**{plain(level.text)}** at {plain(checkpoint or NO_CHECKPOINT)}: {cell['gamed']:,} {sides['broke']}, "
        f"{cell['n'] - cell['gamed']:,} {sides['kept']}"
        + (f", {count(unread, 'answer')} could not be read" if unread else "")
        + "."
    )
    with st.expander("The prompt"):
        st.code(level.prompt, language=None, wrap_lines=True)
    with st.sidebar:
        run = choices.run(PAGE, shown.store)
    if run is None:
        choices.no_run_yet()
        return {}
    scope = Scope({**shown.scope.values, "checkpoint": (checkpoint,) if checkpoint else ()})
    if level.variants:
        scope = Scope({**scope.values, "variant": level.variants})
    rows = [each.as_row() for each in shown.store.ask(by_answer, run["run"], level.level, scope)]
    book = codebook.load()
    rows.sort(
        key=lambda row: (
            [p.id for p in book.patterns].index(row["pattern"]) if row["pattern"] in book else 99,
            row["pattern"],
        )
    )
    pattern = _figure(rows, sides, book, run)
    if pattern:
        _traces(shown, run, level, checkpoint, scope, pattern, sides, book)
    return {"run": run["run"], "pattern": pattern}


def _choose(shown: Shown, levels: list[Condition]) -> None:
    names = {each.level: each.text for each in levels}
    level = st.session_state[key(PAGE, "level")]
    here = [cell["checkpoint"] or "" for cell in shown.cells if cell["level"] == level]
    with st.container(horizontal=True):
        st.selectbox("Level", list(names), format_func=names.__getitem__, key=key(PAGE, "level"), width=300)
        st.selectbox(
            "Checkpoint",
            [name for name in shown.checkpoints if name in here],
            format_func=lambda name: name or NO_CHECKPOINT,
            key=key(PAGE, "at"),
            width=300,
        )


def _sides(level: Condition) -> dict[str, str]:
    if level.measure == "gaming":
        return {"broke": "followed the hint", "kept": "kept to the request"}
    return {"broke": "broke the request", "kept": "kept to it"}


def _figure(
    rows: list[dict[str, Any]], sides: dict[str, str], book: codebook.Codebook, run: dict[str, Any]
) -> str | None:
    """The patterns' shares on both sides, with their table; return the pattern that is chosen."""
    held = key(PAGE, "pattern")
    names = {row["pattern"]: book.name_of(row["pattern"]) for row in rows}
    seen = [row for row in rows if row["broke_part"] or row["kept_part"]]
    if not seen:
        st.caption("The run found no pattern in these traces.")
        return None
    if st.session_state.get(held) not in names:
        st.session_state[held] = None
    marks = [_mark(row, side, names[row["pattern"]], sides) for row in seen for side in sides]
    chart = f"{PAGE}.forest"

    def pick() -> None:
        for point in st.session_state[chart]["selection"].get(PARAMETER, []):
            st.session_state[held] = next(
                (pattern for pattern, name in names.items() if name == point.get("name")), None
            )

    st.vega_lite_chart(
        spec=forest(marks, [names[row["pattern"]] for row in seen],
                    {sides["broke"]: (MARKS[1], "circle"), sides["kept"]: (MARKS[0], "diamond")}),
        key=chart, on_select=pick, selection_mode=PARAMETER,
        alt="Share of traces that show each pattern, by what the answer did; the numbers are in the table below",
    )  # fmt: skip
    absent = [names[row["pattern"]] for row in rows if row not in seen]
    kind = rows[0]["reasoning_state"]
    told = ["Wilson's 95 % intervals; shares are by " + ("the cue baseline" if run["tagger"] == "cues" else f"the run {plain(run['run'])}")
            + ", not corrected by labels"]  # fmt: skip
    if kind != "text":
        told.append(f"reasoning that is {choices.READABLE_NAMES[kind]}")
    if absent:
        told.append(f"in none: {plain(', '.join(absent), 400)}")
    st.caption("; ".join(told) + ". Choose a pattern to read its traces.")
    with st.expander("Numbers of this figure"):
        st.download_button(
            "Download CSV",
            to_csv(rows, COLUMNS),
            "patterns-by-answer.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        percent = {"format": "percent", "width": "small"}
        st.dataframe(
            {name: [names[row[name]] if name == "pattern" else row[name] for row in rows] for name in COLUMNS if name != "reasoning_state"},
            hide_index=True,
            column_config={"pattern": st.column_config.TextColumn("Pattern", pinned=True)} | {
                f"{side}_{column}": st.column_config.NumberColumn(f"{sides[side].capitalize()}: {title}", **more)
                for side in sides for column, title, more in (
                    ("part", "present", {}), ("n", "n", {}), ("share", "share", percent), ("low", "95 % from", percent),
                    ("high", "to", percent), ("missing", "missing", {}))
            } | {
                "difference": st.column_config.NumberColumn("Difference", help="Newcombe's interval, for this prompt only", **percent),
                "difference_low": st.column_config.NumberColumn("95 % from", **percent),
                "difference_high": st.column_config.NumberColumn("to", **percent),
            },
        )  # fmt: skip
    return st.selectbox(
        "Traces that show",
        list(names),
        format_func=names.__getitem__,
        key=held,
        placeholder="Choose a pattern",
        width=420,
    )


def _mark(row: dict[str, Any], side: str, name: str, sides: dict[str, str]) -> dict[str, Any]:
    part, n, share, low, high, missing = (
        row[f"{side}_{column}"] for column in ("part", "n", "share", "low", "high", "missing")
    )
    return {
        "name": name,
        "side": sides[side],
        "value": share,
        "low": low,
        "high": high,
        "told_missing": f"{missing:,}",
        **share_told(part, n, share, low, high),
    }


def _traces(
    shown: Shown, run: dict[str, Any], level: Condition, checkpoint: str, scope: Scope, pattern: str, sides: dict[str, str],
    book: codebook.Codebook,
) -> None:  # fmt: skip
    """The traces that show the pattern, each a way to itself on Traces."""
    found = shown.store.ask(showing, run["run"], level.level, pattern, scope, LISTED)
    address = {
        "run": [run["run"]], "checkpoint": [checkpoint] if checkpoint else [], "variant": list(level.variants),
        "pattern": [pattern], "verdict": ["present"],
    }  # fmt: skip
    address = {name: values for name, values in address.items() if values}
    traces = Path(__file__).with_name("traces.py")
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(
            f"{count(len(found), 'trace')} with {plain(book.name_of(pattern))}"
            + (" at least" if len(found) == LISTED else "")
            + ". Choose one to read it."
        )
        st.page_link(
            traces,
            label="All of them on Traces",
            icon=":material/arrow_forward:",
            query_params=address,
            width="content",
        )
    event = st.dataframe(
        {
            "answer": [row["answer"] for row in found],
            "did": [sides["broke"] if row["did"] else sides["kept"] if row["did"] is False else "could not be read" for row in found],
            "quote": [row["quote"] for row in found],
            "trajectory_id": [row["trajectory_id"] for row in found],
        },
        key=f"{PAGE}.traces.{level.level}.{checkpoint}.{pattern}", hide_index=True, on_select="rerun", selection_mode="single-row",
        height="auto" if len(found) < 10 else 400,
        column_config={
            "answer": st.column_config.TextColumn("Answer", width="small"), "did": st.column_config.TextColumn("It", width="small"),
            "quote": st.column_config.TextColumn("First quote", width="large"), "trajectory_id": "Trajectory",
        },
    )  # fmt: skip
    chosen = [row for row in event["selection"]["rows"] if row < len(found)]
    if chosen:
        row = found[chosen[0]]
        address["trajectory"] = [row["trajectory_id"]]
        if row["segment"] is not None:
            address["segment"] = [str(row["segment"])]
        st.switch_page(traces, query_params=address)
