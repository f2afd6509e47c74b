"""Which store the app shows, and asking it something without asking twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import duckdb
import streamlit as st

from analysis.errors import UserError
from analysis.reading import facets
from analysis.store import Store, default_target
from views.plain import plain

SAMPLE = Path(__file__).parents[1] / "data" / "sample.duckdb"
BUSY_SECONDS = 10.0
LINGER_SECONDS = 1.0
"""How long the app keeps the file after a look or a label, unless another process wants it."""
CACHED_ANSWERS = 300
MARKS_KEPT = 10
TRAJECTORIES = ("trajectories", "retractions", "checkpoints")
"""The tables that say which trajectories there are."""
LABELS = ("label_events", "queues", "queue_items")
"""The tables that hold what people said, and how traces came to be labelled."""
SAID = (*LABELS, *TRAJECTORIES)
"""The tables that hold what people said of the texts as they are now."""
RUNS = ("runs", "attempts")
"""The tables that say which runs there are, and how far they are."""
BANNER = (
    "**Sample data.** {} trajectories on the odd-number task, written by the project to show what the app does; "
    "no model produced them. Bring in your own with `telltale ingest PATH`, then `telltale tag --tagger cues`."
)

P = ParamSpec("P")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Opened:
    """The store that is shown."""

    store: Store
    is_sample: bool

    def ask(
        self,
        question: Callable[Concatenate[duckdb.DuckDBPyConnection, P], Answer],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """The answer of a query function, asked again only when the store has changed since.

        Other processes write to it while the app runs, so every look compares its version.
        Answers are shared between sessions: read them, don't change them.
        """
        return self._ask(self.store.version(), question, args, kwargs)

    def ask_of(
        self,
        tables: Sequence[str],
        question: Callable[Concatenate[duckdb.DuckDBPyConnection, P], Answer],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Answer:
        """The same of a function that reads these tables alone, asked again only when rows have come to one of them."""
        return self._ask(self.stamp(tables), question, args, kwargs)

    def stamp(self, tables: Sequence[str]) -> tuple[int, ...]:
        """What changes when rows come to one of these tables."""
        marks = _marks(self.store.target, self.store.version(), self.store)
        return tuple(number for table in tables for number in marks[table])

    def _ask(
        self,
        stamp: tuple[int, ...],
        question: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        name = f"{question.__module__}.{question.__qualname__}({args!r}, {kwargs!r})"
        return _answer(self.store.target, stamp, name, self.store, question, args, kwargs)


@st.cache_resource(max_entries=MARKS_KEPT, show_spinner=False)
def _marks(target: str, version: tuple[int, ...], _store: Store) -> dict[str, tuple[int, ...]]:
    return _store.marks()


@st.cache_resource(max_entries=CACHED_ANSWERS, show_spinner=False)
def _answer(
    target: str,
    stamp: tuple[int, ...],
    name: str,
    _store: Store,
    _question: Callable[..., Any],
    _args: tuple[Any, ...],
    _kwargs: dict[str, Any],
) -> Any:
    with _store.session() as db:
        return _question(db, *_args, **_kwargs)


def opened() -> Opened:
    """The user's store while it holds trajectories, else the sample; where there is neither, the page ends here."""
    for target, is_sample in ((default_target(), False), (str(SAMPLE), True)):
        shown = Opened(Store(target, BUSY_SECONDS, LINGER_SECONDS), is_sample)
        if shown.store.exists() and shown.ask_of(TRAJECTORIES, facets).total():
            if is_sample:
                st.info(BANNER.format(shown.ask_of(TRAJECTORIES, facets).total()))
            return shown
    st.subheader("No trajectories yet")
    st.write(
        "Bring in traces from JSON Lines, JSON, CSV, Parquet or Inspect logs, then tag them and reload this page:"
    )
    st.code("telltale ingest PATH\ntelltale tag --tagger cues", language="bash")
    st.caption(f"The store is {plain(str(Store()))}. `make sample` builds the sample.")
    st.stop()


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Show what a user can mend as one line; the rest of the page is left out."""
    try:
        yield
    except UserError as error:
        st.error(plain(error, 400))
        st.stop()
