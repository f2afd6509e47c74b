"""What the parts of the Judge page share: its run, names of patterns, tables with their download, figures in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from analysis.codebook import Codebook
from analysis.tables import to_csv
from views.store import Opened

PAGE = "judge"
TITLES = {
    "run": "The run",
    "agreement": "Against people",
    "disagreements": "Disagreements",
    "repeats": "Repeats",
    "compare": "Beside another run",
}
"""The page's parts, as the address and the page call them."""
ALL_SHOWN = 30
"""Rows up to which a table is as tall as it needs to be."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """The store, the run that the page is about, and the codebook.

    Attributes:
        run: A row of `runs.listed`.
        listed: All of them by id.
    """

    store: Opened
    run: dict[str, Any]
    listed: dict[str, dict[str, Any]]
    book: Codebook

    @property
    def id(self) -> str:
        """The run's id."""
        return str(self.run["run"])

    @property
    def asks_a_model(self) -> bool:
        """Whether the run is a judge's: others use no tokens and give no scores."""
        return bool(self.run["tagger"] == "judge")

    def ordered(self, patterns: Sequence[str]) -> list[str]:
        """Patterns in the codebook's order, others after them."""
        order = {pattern: place for place, pattern in enumerate(self.book.ids())}
        return sorted(patterns, key=lambda pattern: (order.get(pattern, len(order)), pattern))

    def name(self, pattern: str) -> str:
        """What a pattern is called."""
        return self.book.name_of(pattern)


def numbers(
    title: str,
    rows: Sequence[Row],
    file: str,
    columns: Mapping[str, Any],
    shown: Sequence[Row] | None = None,
    key: str | None = None,
) -> list[int]:
    """A table with its title and its download.

    Args:
        title: Above the table.
        rows: What the CSV holds, every column.
        file: The download's name, without its ending.
        columns: The table's columns: for each its configuration, or its title.
        shown: What the table holds, where that is not `rows`.
        key: With one a row can be chosen.

    Returns:
        The numbers of the rows that are chosen.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        st.subheader(title, anchor=False, width="content")
        st.download_button(
            "Numbers, CSV", to_csv(rows, list(rows[0]) if rows else []), f"{file}.csv", "text/csv",
            on_click="ignore", icon=":material/download:", key=f"{PAGE}.csv.{file}",
        )  # fmt: skip
    data = {
        name: [
            "" if row[name] is None and isinstance(config, str) else row[name]
            for row in (rows if shown is None else shown)
        ]
        for name, config in columns.items()
    }
    tall = "content" if len(next(iter(data.values()), [])) <= ALL_SHOWN else "auto"
    if key is None:
        st.dataframe(data, hide_index=True, column_config=dict(columns), height=tall)
        return []
    event = st.dataframe(
        data,
        hide_index=True,
        column_config=dict(columns),
        height=tall,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
    )
    return list(event["selection"]["rows"])


def interval(row: Row, name: str, percent: bool = False) -> str:
    """A figure with its interval, in words: `.73 (.58 to .86)`, or undefined."""
    value, low, high = row[name], row[f"{name}_low"], row[f"{name}_high"]
    if value is None:
        return "undefined"

    def said(number: float) -> str:
        text = f"{number:.1%}" if percent else f"{number:.2f}"
        return text.replace("-", "−" if any(digit in text for digit in "123456789") else "")

    return said(value) + (f" ({said(low)} to {said(high)})" if low is not None else " (no interval)")


def dot(row: Row, name: str, title: str, told_n: str, percent: bool = False) -> dict[str, Any]:
    """A row of `judge_charts.dots` for one figure."""
    told = interval(row, name, percent)
    return {
        "name": title, "value": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"], "told": told,
        "told_n": told_n,
    }  # fmt: skip


def count_column(title: str, help: str | None = None) -> Any:
    """A column of whole numbers."""
    return st.column_config.NumberColumn(title, format="localized", help=help)
