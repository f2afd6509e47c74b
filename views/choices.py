"""The choices that pages share, in the sidebar, each kept in the address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from analysis import runs
from views.address import key
from views.plain import count, plain
from views.store import RUNS, Opened

READABLE_NAMES = {
    "text": "full text",
    "truncated": "truncated",
    "summary": "summary",
    "encrypted": "encrypted",
    "empty": "empty",
    "missing": "missing",
}


def run(page: str, opened: Opened) -> dict[str, Any] | None:
    """Choose a tagging run, by default the one that reports are about; None while there is none."""
    listed = {row["run"]: row for row in opened.ask_of(RUNS, runs.listed)}
    if all(row["tagger"] == "truth" for row in listed.values()):
        return None
    name = key(page, "run")
    named = st.session_state.get(name)
    if named not in listed:
        begin = [run_id for run_id in listed if named and run_id.startswith(named)]
        if named and len(begin) != 1:
            st.warning(f"No run {plain(named)}; this is the newest one.")
        st.session_state[name] = begin[0] if len(begin) == 1 else opened.ask_of(RUNS, runs.choose, None)
    chosen = st.selectbox("Run", list(listed), format_func=run_names(listed.values()).__getitem__, key=name)
    return listed[chosen]


def run_name(row: Mapping[str, Any]) -> str:
    """A run as it is called on a page; the cue tagger is a baseline wherever it is shown."""
    tagger = "cues (baseline)" if row["tagger"] == "cues" else row["tagger"]
    return " · ".join(str(part) for part in (tagger, row["model"], row["created"]) if part)


def run_names(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What each run is called, by its id. Runs of one name (repeats made in one minute) have their ids' ends in it:
    a browser sends back the name that was chosen.
    """  # noqa: D205
    names = {row["run"]: run_name(row) for row in rows}
    seen = Counter(names.values())
    return {
        run: name if seen[name] == 1 else f"{name} · {run.rpartition('-')[2]}" for run, name in names.items()
    }


def one(page: str, name: str, label: str, counts: Mapping[str, int]) -> str | None:
    """Choose one value or all of them; nothing is shown where there is nothing to choose."""
    held = key(page, name)
    if st.session_state.get(held) not in counts:
        _complain(label, [st.session_state.get(held)])
        st.session_state[held] = None
    if len(counts) < 2:
        return None
    return st.selectbox(
        label,
        list(counts),
        None,
        format_func=lambda value: f"{value}  ({counts[value]:,})",
        placeholder="All",
        key=held,
    )


def many(
    page: str,
    name: str,
    label: str,
    counts: Mapping[str, int | None],
    names: Mapping[str, str] | None = None,
    placeholder: str = "All",
) -> list[str]:
    """Choose several values; nothing chosen is all of them."""
    held = key(page, name)
    asked = st.session_state.get(held) or []
    kept = [value for value in asked if value in counts]
    if kept != asked:
        _complain(label, [value for value in asked if value not in counts])
        st.session_state[held] = kept
    if len(counts) < 2 and not kept:
        return []

    def shown(value: str) -> str:
        number = counts[value]
        title = (names or {}).get(value, value)
        return title if number is None else f"{title}  ({number:,})"

    return st.multiselect(label, list(counts), format_func=shown, key=held, placeholder=placeholder)


def synthetic_badge(counts: Mapping[str, int], total: int) -> None:
    """Say that what the page shows is not from a model, wherever that is so."""
    for word, number in counts.items():
        words = {"written": "written by the project", "simulated": "simulated"}.get(
            word, f"synthetic: {word}"
        )
        part = "" if number == total else f" {number:,} of {total:,}"
        st.badge(f"Synthetic data,{part} {plain(words)}", color="orange", help=SYNTHETIC_HELP)


SYNTHETIC_HELP = "No model produced these trajectories. The store, each page and each export say so."


def no_run_yet() -> None:
    """What to do while nothing was tagged."""
    st.subheader("Nothing tagged yet")
    st.write("A run marks which patterns each trajectory shows. This one needs no model and no key:")
    st.code("telltale tag --tagger cues", language="bash")


def _complain(label: str, unknown: Sequence[Any]) -> None:
    asked = [plain(value, 60) for value in unknown if value]
    if asked:
        st.warning(f"{label}: this store has no {', '.join(asked)}; the choice was left out.")


__all__ = [
    "READABLE_NAMES",
    "count",
    "many",
    "no_run_yet",
    "one",
    "run",
    "run_name",
    "run_names",
    "synthetic_badge",
]
