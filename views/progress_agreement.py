"""The Progress page's agreement: of people with each other and with themselves, pattern by pattern, with intervals."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb
import streamlit as st

from analysis.codebook import Codebook
from labels.adjudication import REASONS, reasons
from labels.agreement import Agreement, agreement
from labels.copies import Copy, copies
from labels.said import said
from views.judge_charts import dots
from views.judge_parts import dot, interval, numbers
from views.plain import count, plain
from views.progress_queue import PAGE
from views.store import SAID, Opened

CHARTED = {"kappa": "Cohen's kappa", "alpha": "Krippendorff's alpha", "span_f1": "F1 over sentences"}
FIGURES = {
    "percent": ("Same", "The share of the trajectories on which they say the same."),
    "kappa": ("Kappa", "Cohen's kappa, of more than two people Fleiss': agreement beyond chance. 1 is perfect, 0 is chance."),
    "alpha": ("Alpha", "Krippendorff's alpha, nominal."),
    "ac1": ("AC1", "Gwet's AC1: stays steady where one answer is rare and kappa falls."),
    "positive": ("On present", "The agreement on present."),
    "negative": ("On absent", "The agreement on absent."),
    "span_alpha": ("Sentences, alpha", "Krippendorff's alpha over the sentences that they marked; of two people."),
    "span_f1": ("Sentences, F1", "F1 over the sentences that they marked; of two people."),
}  # fmt: skip


def draw(shown: Opened, book: Codebook) -> None:
    """Draw the part."""
    for each in shown.ask_of(SAID, _copies, book):
        st.warning(plain(each, 400))
    with st.spinner("Agreement, with intervals"):
        found = shown.ask_of(SAID, agreement, None, book)
    groups: dict[str, list[Agreement]] = defaultdict(list)
    for one in found:
        groups[one.annotators].append(one)
    groups = {who: listed for who, listed in groups.items() if any(one.n for one in listed)}
    if not groups:
        st.subheader("Nothing to compare yet", anchor=False)
        st.write("Agreement needs traces that two people labelled blind, or that one person labelled twice: the overlap and the second time of the queue see to both.")  # fmt: skip
        return
    _group(book, groups)
    _why(shown, book)


def _copies(db: duckdb.DuckDBPyConnection, book: Codebook) -> list[Copy]:
    return copies(event for each in said(db, book.history).values() for event in each.events)


def _group(book: Codebook, groups: dict[str, list[Agreement]]) -> None:
    """The figures of one group of people, by default of the one that shares most."""
    names = sorted(groups, key=lambda who: -max(one.n for one in groups[who]))
    chosen = st.selectbox("Who", names, key=f"{PAGE}.who", format_func=lambda who: f"{who}  ({max(one.n for one in groups[who]):,})", width=420)  # fmt: skip
    order = {pattern: place for place, pattern in enumerate(book.ids())}
    listed = sorted(groups[chosen], key=lambda one: (order.get(one.pattern, len(order)), one.pattern))
    rows = {one.pattern: one.as_row() for one in listed}
    st.caption("Only blind labels, of trajectories that at least two of them labelled. Intervals: 95 %, " + plain("; ".join(dict.fromkeys(one.resampled for one in listed if one.n))) + ".")  # fmt: skip
    several = not any("span_f1" in row for row in rows.values())
    _charts(book, rows, CHARTED | {"kappa": "Fleiss' kappa"} if several else CHARTED)
    columns: dict[str, Any] = {
        "name": st.column_config.TextColumn("Pattern", pinned=True),
        "n": st.column_config.NumberColumn("n", format="localized", help="Trajectories that they share"),
        "said": st.column_config.TextColumn("Present", help="The share of their labels that say present"),
    }
    columns |= {
        name: st.column_config.TextColumn(title, help=told)
        for name, (title, told) in FIGURES.items()
        if any(name in row for row in rows.values())
    }
    columns["note"] = "Undefined because"
    told = [
        {
            "name": book.name_of(pattern), "n": row["n"], "note": row["note"] or "",
            "said": "" if row["present"] is None else f"{row['present']:.0%}",
            **{name: interval(row, name, name == "percent") for name in FIGURES if name in row},
        }
        for pattern, row in rows.items()
    ]  # fmt: skip
    numbers("Numbers", list(rows.values()), "progress-agreement", columns, told)


def _charts(book: Codebook, rows: dict[str, dict[str, Any]], titles: dict[str, str]) -> None:
    charted = {name: title for name, title in titles.items() if any(name in row for row in rows.values())}
    order = [book.name_of(pattern) for pattern in rows]
    widths = [1.75, *[1] * (len(charted) - 1)]
    for column, (name, title) in zip(st.columns(widths, gap="small"), charted.items(), strict=True):
        lows = [row[f"{name}_low"] if row[f"{name}_low"] is not None else row[name] for row in rows.values()]
        lowest = min((low for low in lows if low is not None), default=0)
        domain = (-1.0, 1.0) if lowest < -0.25 else (-0.25, 1.0) if lowest < 0 else (0.0, 1.0)
        column.vega_lite_chart(
            spec=dots(
                [dot(row, name, book.name_of(pattern), f"{row['n']:,}") for pattern, row in rows.items()],
                order, title, labels=name == next(iter(charted)), domain=domain,
            ),
            key=f"{PAGE}.{name}", alt=f"{title} of each pattern with its interval; the numbers are in the table below",
        )  # fmt: skip


def _why(shown: Opened, book: Codebook) -> None:
    found = shown.ask_of(SAID, reasons, book)
    if not found:
        return
    told = [{**row, "name": book.name_of(row["pattern"])} for row in found]
    numbers(
        "Why they differed", found, "progress-reasons",
        {"name": st.column_config.TextColumn("Pattern", pinned=True), "decided": "Decided", **{reason: reason.capitalize() for reason in REASONS}},
        told,
    )  # fmt: skip
    st.caption(f"{count(sum(row['decided'] for row in found), 'decision')} on Adjudicate. A pattern with many guideline gaps wants a clearer definition.")  # fmt: skip
