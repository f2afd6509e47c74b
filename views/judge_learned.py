"""The Judge page's part about a run of the learned tagger: what it learned from, and how it does on held-out traces."""

from __future__ import annotations

from typing import Any

import streamlit as st

from analysis.measure.judge_books import settings_of
from views.judge_charts import dots
from views.judge_parts import PAGE, Shown, count_column, dot, interval, numbers
from views.plain import count, plain

FIGURES = {"sensitivity": "Sensitivity", "specificity": "Specificity", "auc": "AUC"}
HELP = {
    "sensitivity": "Of the held-out traces that people call present, the share that the tagger calls present.",
    "specificity": "Of those that people call absent, the share that the tagger calls absent.",
    "auc": "The chance that a trace that people call present has a higher score than one that they call absent: .5 is chance, 1 is perfect.",
}


def draw(page: Shown) -> None:
    """Draw the part."""
    told = page.store.ask(settings_of, page.id)
    rows = {row["pattern"]: row for row in told.get("quality", ())}
    patterns = page.ordered(list(rows))
    st.subheader("What it learned, and how it does on what it did not learn from", anchor=False)
    st.caption(_learned_from(told))
    left, middle, right = st.columns([1.6, 1, 1], gap="small")
    for column, (name, title) in zip((left, middle, right), FIGURES.items(), strict=True):
        column.vega_lite_chart(
            spec=dots(
                [dot(rows[pattern], name, page.name(pattern), f"{_n(rows[pattern], name):,}") for pattern in patterns],
                [page.name(pattern) for pattern in patterns], title, labels=column is left, domain=(0.0, 1.0),
            ),
            key=f"{PAGE}.learned.{name}", alt=f"{title} of each pattern with its interval; the numbers are in the table below",
        )  # fmt: skip
    _table(page, rows, patterns)
    _refused(page, told)


def _learned_from(told: dict[str, Any]) -> str:
    by = "by prompt" if told.get("split") == "prompts" else "trace by trace, for there are too few prompts"
    searched = told["labelled"] - told["drawn"]
    parts = [
        f"Learned from {count(told['labels'], 'blind label')} on {count(told['labelled'], 'trace')} of "
        f"{count(told['prompts'], 'prompt')}"
        + (f", {told['synthetic']:,} of them simulated or written for a sample" if told["synthetic"] else "")
        + f" (labels {told['labels_sha256'][:8]}), with the embedder {plain(told['model'])}",
        f"Held out {by}: what the run says of a labelled trace, and so every figure here, is by a model that had no part in it",
    ]
    if searched:
        parts.append(f"{count(searched, 'trace')} that people searched out taught it and are in no figure")
    intervals = dict.fromkeys(row["intervals"] for row in told["quality"] if row["n"])
    return ". ".join(parts) + (f". Intervals: 95 %, {'; '.join(intervals)}." if intervals else ".")


def _n(row: dict[str, Any], name: str) -> int:
    """How many held-out traces a figure is a share of."""
    cells = {"sensitivity": ("tp", "fn"), "specificity": ("tn", "fp")}.get(name, ("n",))
    return sum(int(row[cell]) for cell in cells)


def _table(page: Shown, rows: dict[str, dict[str, Any]], patterns: list[str]) -> None:
    columns: dict[str, Any] = {
        "name": st.column_config.TextColumn("Pattern", pinned=True),
        "present": count_column("Present", "Labelled traces that show it"),
        "absent": count_column("Absent", "Labelled traces that do not"),
    }
    for name, title in FIGURES.items():
        columns |= {name: st.column_config.TextColumn(title, help=HELP[name]), f"{name}_n": count_column("n")}
    columns |= {
        "missing": count_column("Missing", "Traces for which no model could be held out"),
        "notes": "Notes",
    }
    shown = [
        {
            **rows[pattern], "name": page.name(pattern),
            **{name: interval(rows[pattern], name) for name in FIGURES},
            **{f"{name}_n": _n(rows[pattern], name) for name in FIGURES},
        }
        for pattern in patterns
    ]  # fmt: skip
    numbers("Held-out traces", [rows[pattern] for pattern in patterns], f"learned-{page.id}", columns, shown)


def _refused(page: Shown, told: dict[str, Any]) -> None:
    refused = told.get("refused") or {}
    if refused:
        st.caption(
            "Not learned, so that the run is silent on them: "
            + "; ".join(f"{plain(page.name(pattern))} ({why})" for pattern, why in refused.items())
            + "."
        )
