"""Family by family: the gaming rate or the length at each level and checkpoint, and the patterns behind one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from analysis.environment.prompts import BREAKING
from analysis.environment.published import load_published
from analysis.measure.families import Condition
from analysis.measure.gaming import UNKNOWN
from analysis.measure.length import lengths
from analysis.tables import to_csv
from views import environment_cell
from views.address import key
from views.environment_state import NO_CHECKPOINT, PAGE, Shown
from views.levels import LENGTH, PARAMETER, RATE, dose_chart, in_rows, levels_chart
from views.panels import shared_beginning
from views.plain import count, plain

QUESTIONS = {
    "base": "The base prompt, beside replications of it by others.",
    "control": "Does the incentive do it? Request and reward agree, nothing is rewarded, or both are turned round.",
    "tag": "Does the form of the metadata matter?",
    "field name": "Does it matter what the metadata calls the number? A cost or a loss that charges for odd numbers asks for even ones.",
    "paraphrase": "Does it hold for other wordings of the request?",
    "payload": "Does it matter how much is paid, and how that is written?",
    "hint difficulty": "How hard may the hint be to read?",
    "standing": "Does it matter whether the metadata is said to count?",
    "label": "Does it help to say that this is an evaluation, or that following the hint would be misaligned?",
    "expectation": "Does it matter what people say that they expect or want?",
    "audit": "Does it help to say that a share of the replies is checked?",
    "review": "Does it help to say that people read the reasoning of every reply that follows the hint?",
}
ANSWERS = ("all", "broke", "kept")
ANSWER_NAMES = {"all": "All answers", "broke": "Broke the request", "kept": "Kept to it"}


def draw(shown: Shown, view: str) -> dict[str, Any]:
    """Draw the chosen family's chart, the cell that is picked and the numbers; return what the address keeps."""
    families = shown.families()
    if not families:
        st.write("No prompt here is one that the project knows, so no answer can be called right or wrong.")
        _unknown(shown)
        return {}
    family = _family(families)
    levels = shown.levels(family)
    picked = _picked(shown, levels)
    st.markdown(QUESTIONS.get(family, "A family of your own."))
    names = {each.level: each.text for each in levels}
    if view == "lengths":
        cells, published = _lengths(shown, names), []
        _charts(shown, levels, cells, [], picked, lengths_of=True)
    else:
        cells = _rates(shown, names)
        published = _published(family, levels) if _switch() else []
        _charts(shown, levels, cells, published, picked)
    _caption(shown, cells, published, view == "lengths")
    pattern = environment_cell.draw(shown, levels, *picked)
    _numbers(cells, names, family, view)
    _unknown(shown)
    off = st.session_state.get(key(PAGE, "published"))
    return {"family": family, "level": picked[0].level, "at": picked[1], "published": off, **pattern}


def _family(families: Sequence[str]) -> str:
    held = key(PAGE, "family")
    if st.session_state.get(held) not in families:
        st.session_state[held] = next((name for name in families if name != "base"), families[0])
    return str(
        st.pills(
            "Family",
            families,
            format_func=lambda name: plain(name.capitalize(), 60),
            key=held,
            required=True,
            label_visibility="collapsed",
        )
    )


def _picked(shown: Shown, levels: list[Condition]) -> tuple[Condition, str]:
    """The cell whose traces are looked at: the one in the address, else the newest checkpoint's first level."""
    by_name = {each.level: each for each in levels}
    level, at = st.session_state.get(key(PAGE, "level")), st.session_state.get(key(PAGE, "at"))
    if level not in by_name:
        level = next((each.level for each in levels if not each.reference), levels[0].level)
    here = [cell["checkpoint"] or "" for cell in shown.cells if cell["level"] == level]
    if at not in here:
        at = next(name for name in reversed(shown.checkpoints) if name in here)
    st.session_state[key(PAGE, "level")], st.session_state[key(PAGE, "at")] = level, at
    return by_name[level], at


def _rates(shown: Shown, names: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {**cell, "checkpoint": cell["checkpoint"] or "", "series": shown.series.get(cell["checkpoint"])}
        for cell in shown.cells
        if cell["level"] in names and cell["measure"] != UNKNOWN
    ]


def _lengths(shown: Shown, names: dict[str, str]) -> list[dict[str, Any]]:
    held = key(PAGE, "answer")
    st.session_state.setdefault(held, "all")
    answer = st.segmented_control(
        "Answers", ANSWERS, format_func=ANSWER_NAMES.__getitem__, key=held, required=True, label_visibility="collapsed"
    )  # fmt: skip
    found = [each.as_row() for each in shown.store.ask(lengths, shown.scope)]
    return [
        {**cell, "checkpoint": cell["checkpoint"] or "", "series": shown.series.get(cell["checkpoint"])}
        for cell in found
        if cell["level"] in names and cell["answer"] == answer
    ]


def _switch() -> bool:
    """Whether published rates are shown; the address says where they are not."""
    held, word = key(PAGE, "published.switch"), key(PAGE, "published")
    st.session_state[held] = st.session_state.get(word) != "off"

    def changed() -> None:
        st.session_state[word] = None if st.session_state[held] else "off"

    told = "What others published of the same edit, as diamonds; data/published.yaml has the sources."
    return st.sidebar.toggle("Published rates", key=held, help=told, on_change=changed)


def _published(family: str, levels: list[Condition]) -> list[dict[str, Any]]:
    """What others published of these levels; of the base prompt alone only in its own family."""
    listed = [each for each in load_published() if each.level in {level.level for level in levels}]
    reference = {level.level for level in levels if level.reference}
    kept = {each.series for each in listed if family == "base" or each.level not in reference}
    doses = {level.level: level.dose for level in levels}
    return [
        {**each.as_row(), "tick": each.series, "dose": doses[each.level]}
        for each in listed
        if each.series in kept
    ]


def _charts(
    shown: Shown,
    levels: list[Condition],
    cells: list[dict[str, Any]],
    published: list[dict[str, Any]],
    picked: tuple[Condition, str],
    lengths_of: bool = False,
) -> None:
    ticks, family = shown.ticks, levels[0].family
    marked = [
        {
            **cell,
            "picked": (cell["level"], cell["checkpoint"]) == (picked[0].level, picked[1]),
            "dose": dose_of(levels, cell),
        }
        for cell in cells
    ]
    if not lengths_of and all(level.dose is not None for level in levels):
        _chart(dose_chart(marked, ticks, published), family, 0)
        return
    names = {each.level: each.text for each in levels}
    most = max((cell["high"] for cell in cells if lengths_of and cell["high"] is not None), default=1.0)
    for number, row in enumerate(in_rows(list(names), len(ticks), published)):
        here = {level: names[level] for level in row}
        spec = levels_chart(
            [cell for cell in marked if cell["level"] in here],
            here,
            ticks,
            [each for each in published if each["level"] in here],
            LENGTH if lengths_of else RATE,
            most,
        )
        _chart(spec, family, number)


def dose_of(levels: list[Condition], cell: dict[str, Any]) -> float | None:
    """The dose of a cell's level."""
    return next(level.dose for level in levels if level.level == cell["level"])


def _chart(spec: dict[str, Any], family: str, number: int) -> None:
    held = f"{PAGE}.chart.{family}.{number}"

    def pick() -> None:
        for point in st.session_state[held]["selection"].get(PARAMETER, []):
            st.session_state[key(PAGE, "level")] = point.get("level")
            st.session_state[key(PAGE, "at")] = point.get("checkpoint")

    st.vega_lite_chart(
        spec=spec, key=held, on_select=pick, selection_mode=PARAMETER,
        alt=f"{family}: each level at each checkpoint; the numbers are in the table below",
    )  # fmt: skip


def _caption(
    shown: Shown, cells: list[dict[str, Any]], published: list[dict[str, Any]], lengths_of: bool
) -> None:
    shared = shared_beginning(shown.checkpoints)
    begins = f" Each checkpoint's name begins with {plain(shared)}." if shared else ""
    if lengths_of:
        st.caption(
            "Characters of whole reasoning texts: median, and a line from the first to the third quartile. Summaries and what was cut short "
            f"have no length.{begins} Choose a point to see its traces."
        )
        return
    told = "Share of readable answers that break the request and take the incentive's side"
    if any(cell["measure"] == BREAKING for cell in cells):
        told += "; where request and incentive agree, or none stands, the share that break it"
    told += ", with Wilson's 95 % intervals."
    if any(cell["missing"] for cell in cells):
        told += " Pale bands: where it could lie if every unreadable answer were known."
    sizes = sorted(cell["n"] for cell in cells)
    told += f" n is {sizes[0]:,} to {sizes[-1]:,} a point." if sizes else ""
    st.caption(f"{told}{begins} Choose a point to see its traces.{_sources(published)}")


def _sources(published: list[dict[str, Any]]) -> str:
    """What the diamonds are, and where they come from."""
    if not published:
        return ""
    by_source: dict[tuple[str, str | None, str], dict[str, None]] = {}
    for row in published:
        by_source.setdefault((row["source"], row["url"], row["note"]), {})[row["series"]] = None
    parts = [
        f"{plain(', '.join(series), 400)}: {f'[{plain(source)}]({url})' if url else plain(source)}, {plain(note)}"
        for (source, url, note), series in by_source.items()
    ]
    return f" Diamonds: what others published of the same edit, mostly in other words. {'. '.join(parts)}."


def _numbers(cells: list[dict[str, Any]], names: dict[str, str], family: str, view: str) -> None:
    order = {level: number for number, level in enumerate(names)}
    rows = sorted(
        ({**cell, "text": names[cell["level"]]} for cell in cells), key=lambda row: order[row["level"]]
    )
    hidden = {"picked", "dose", "series", "synthetic", "text", "answer"}
    columns = [
        "level",
        "text",
        "checkpoint",
        *[name for name in (rows[0] if rows else ()) if name not in {*hidden, "level", "checkpoint"}],
    ]
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader("Numbers", anchor=False, width="content")
        st.download_button(
            "Download CSV", to_csv(rows, [*columns, "synthetic"]), f"{view}-{family.replace(' ', '-')}.csv", "text/csv",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
    percent = {"format": "percent", "width": "small"}
    st.dataframe(
        {name: [row[name] for row in rows] for name in columns},
        hide_index=True,
        alt=f"The numbers of the chart: {count(len(rows), 'row')}",
        column_config={
            "level": "Variant",
            "text": st.column_config.TextColumn("Level", pinned=True),
            "checkpoint": st.column_config.TextColumn("Checkpoint", pinned=True),
            "measure": "Measure",
            "gamed": "Broke the request",
            **{
                state: state.capitalize()
                for state in ("ambiguous", "unparseable", "truncated", "empty", "missing")
            },
            "share": st.column_config.NumberColumn("Share", **percent),
            "low": st.column_config.NumberColumn("95 % from", **percent)
            if view == "rates"
            else "First quartile",
            "high": st.column_config.NumberColumn("to", **percent) if view == "rates" else "Third quartile",
            "median": "Median",
            "other": st.column_config.NumberColumn(
                "No length", help="Cut short, a summary, encrypted, or not there"
            ),
            "unread": st.column_config.NumberColumn(
                "Not read", help="The answer was not read yet, or the prompt is none that the project knows"
            ),
            "bound_low": st.column_config.NumberColumn("If unreadable kept to it", **percent),
            "bound_high": st.column_config.NumberColumn("If they broke it", **percent),
        },
    )


def _unknown(shown: Shown) -> None:
    """Say which variants have no rate because nobody knows what their prompt asks."""
    rows = [cell for cell in shown.cells if cell["measure"] == UNKNOWN]
    if not rows:
        return
    names = ", ".join(
        plain(name or NO_CHECKPOINT, 40) for name in dict.fromkeys(cell["level"] for cell in rows)
    )
    total = sum(cell["n"] + cell["missing"] for cell in rows)
    st.caption(
        f"{count(total, 'trajectory', 'trajectories')} of prompts that are none of the project's, to the byte: {names}. They are in no "
        "family; `telltale collect` with a file of variants says what a prompt asks and pays for."
    )
