"""Which store the app shows, and asking it something without asking twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        name = f"{question.__module__}.{question.__qualname__}({args!r}, {kwargs!r})"
        return _answer(self.store.target, self.store.version(), name, self.store, question, args, kwargs)


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
        if shown.store.exists() and shown.ask(facets).total():
            if is_sample:
                st.info(BANNER.format(shown.ask(facets).total()))
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
