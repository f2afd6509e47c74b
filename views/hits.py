"""A list of traces to choose from: links with an excerpt, as plain text, reachable by keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import re2
import streamlit as st

from analysis.codebook import Codebook
from analysis.reading import Filter
from views.palette import mark

HERE = Path(__file__).parent
SPACES = re.compile(r"\s+")

_component = st.components.v2.component(
    "telltale_hits",
    css=(HERE / "hits.css").read_text(encoding="utf-8"),
    js=(HERE / "hits.js").read_text(encoding="utf-8"),
)


def hits(
    rows: Sequence[dict[str, Any]],
    codebook: Codebook,
    key: str,
    wanted: Filter,
    address: dict[str, Any],
    on_open: Callable[[str], None],
    mixed: bool = True,
    page: str = "",
) -> None:
    """Show a page of traces.

    Args:
        rows: What `reading.excerpts` returned.
        codebook: Names of patterns.
        key: The component's key.
        wanted: The filter; what its search matches is marked.
        address: The page's address, to which a row adds its trajectory.
        on_open: Called with the id of the trajectory that is opened.
        mixed: Whether each synthetic row says so itself; else all are, and the page says it once.
        page: Where traces are read, from here; by default on this page.
    """
    order = codebook.ids()
    expression = wanted.expression() if wanted.text else None
    data = [
        {
            "id": row["trajectory_id"],
            "address": {**address, "trajectory": row["trajectory_id"]},
            "checkpoint": row["checkpoint"],
            "place": [row["variant"], f"sample {row['sample']}" if row["sample"] is not None else None],
            "notes": [
                row["reasoning_state"] if row["reasoning_state"] != "text" else None,
                row["synthetic"] if mixed else None,
            ],
            "excerpt": _marked(row["excerpt"], expression),
            "answer": _marked(row["answer"], expression),
            "patterns": [
                [codebook.name_of(p), *mark(p, order)]
                for p in sorted(row["patterns"], key=lambda p: order.index(p) if p in order else len(order))
            ],
        }
        for row in rows
    ]
    listing(data, key, "Traces", on_open, page)


def listing(
    rows: Sequence[dict[str, Any]], key: str, label: str, on_open: Callable[[str], None], page: str = ""
) -> None:
    """Show links, one a row.

    Args:
        rows: Each has an id and the address that it leads to; checkpoint, place and notes (None is left out); excerpt
            and answer, cut into [letters, whether they are marked]; and patterns, each [name, colour, dotted], if any.
        key: The component's key.
        label: What the list is of.
        on_open: Called with the id of the row that is opened.
        page: Where the address leads, from here; by default to this page.
    """

    def opened() -> None:
        chosen = st.session_state[key].get("open")
        if chosen is not None:
            on_open(str(chosen))

    data = [
        {
            **{name: value for name, value in row.items() if name != "address"},
            "href": f"{page}?" + urlencode(row["address"], doseq=True),
            "checkpoint": row["checkpoint"] or "no checkpoint",
            "place": [each for each in row["place"] if each],
            "notes": [each for each in row["notes"] if each],
            "patterns": row.get("patterns", []),
        }
        for row in rows
    ]
    _component(key=key, data={"rows": data, "label": label}, on_open_change=opened)


def _marked(text: str | None, expression: str | None) -> list[list[Any]]:
    """The excerpt on one line, cut into [letters, whether the search matches them]."""
    line = SPACES.sub(" ", text or "").strip()
    if not expression or not line:
        return [[line, False]]
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    pieces, done = [], 0
    for match in re2.compile(expression, options).finditer(line):
        if match.end() > match.start():
            pieces += [[line[done : match.start()], False], [line[match.start() : match.end()], True]]
            done = match.end()
    return [piece for piece in [*pieces, [line[done:], False]] if piece[0]]
