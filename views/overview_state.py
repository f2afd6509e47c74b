"""What the Overview shows: the run, the filters, the panels to choose from, and the verdicts as arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import duckdb
import numpy as np
import streamlit as st

from analysis import codebook, reading
from analysis.measure.derived import Condition, derive
from analysis.measure.judged import PRESENT, Judged, Signs, judged
from analysis.measure.listed import listed
from analysis.measure.occurrences import Counts, counted
from analysis.measure.outcome import acted, actions
from analysis.measure.rollups import rollup, tagged
from analysis.measure.scope import Scope
from analysis.store import Store
from views.address import key
from views.grid import Panel, panels_of
from views.store import TRAJECTORIES, Opened

Answer = TypeVar("Answer")
Place = tuple[str, tuple[int, ...], str]
PAGE = "overview"
OUTCOMES = ("outcomes",)
NO_CHECKPOINT = "(no checkpoint)"
ANSWERS_KEPT = 200
TABLES_KEPT = 3
"""Verdicts of so many runs are kept as arrays: some 2 MB for 100,000 trajectories of 14 patterns."""


@dataclass(frozen=True)
class Shown:
    """The store, the run and the filters.

    Attributes:
        opened: The store.
        run: The run's row.
        book: The codebook.
        facets: What trajectories can be filtered by.
        kept: The filters of the sidebar, by column.
        state: The kind of reasoning that is shown.
    """

    opened: Opened
    run: dict[str, Any]
    book: codebook.Codebook
    facets: reading.Facets
    kept: Mapping[str, list[str]]
    state: str

    @property
    def scope(self) -> Scope:
        """The filters of the sidebar."""
        return Scope({column: tuple(values) for column, values in self.kept.items()})

    @cached_property
    def whole(self) -> Judged:
        """The run's verdicts on every trajectory of the store."""
        return _table(*self._place, self.opened)

    @cached_property
    def rows(self) -> Any:
        """The places in `whole` of the trajectories that pass the filters, of every kind of reasoning."""
        return self.whole.rows(self.scope)

    @cached_property
    def table(self) -> Judged:
        """The trajectories that pass the filters, of every kind of reasoning."""
        return self.whole.take(self.rows)

    @cached_property
    def counts(self) -> Counts:
        """The occurrences in them."""
        return _counts(*self._place, self.opened).take(self.rows)

    @cached_property
    def readable(self) -> Any:
        """The places in `table` of the trajectories with the kind of reasoning that is shown."""
        return np.flatnonzero(self.table.where("reasoning_state", [self.state]))

    def keep(self, what: str, count: Callable[[], Answer]) -> Answer:
        """What `count` comes to, counted again only when the store, the run or a filter has changed.

        Args:
            what: What it is, with everything that it depends on beside these.
            count: How to count it. What it returns is shared between sessions: read it, don't change it.
        """
        key = (*self._place, self._done, self.book.sha256, repr(self.scope), self.state)
        return _kept(key, what, count)

    @property
    def number(self) -> int:
        """How many trajectories with the kind of reasoning that is shown pass the filters."""
        return self.keep("number", lambda: len(self.readable))

    @property
    def synthetic(self) -> bool:
        """Whether any of the trajectories was simulated, or written for a sample."""
        return bool(self.facets.counts("synthetic", **self.kept))

    @property
    def checkpoints(self) -> list[str]:
        """The checkpoints of `table`, in their order."""
        return self.keep(
            "checkpoints", lambda: [name or NO_CHECKPOINT for name, _ in self.table.by_checkpoint()]
        )

    @cached_property
    def series(self) -> dict[str, str | None]:
        """Each checkpoint's series."""
        return {row["checkpoint"] or NO_CHECKPOINT: row["series"] for row in self.facets.rows}

    @cached_property
    def panels(self) -> dict[str, Panel]:
        """What there is to show, by id: groups first, then what is derived, then patterns in the codebook's order."""
        return {panel.id: panel for panel in panels_of(self.book, self.whole)}

    def signs(self, panel: Panel) -> Signs:
        """(N,) what the run says of the panel's pattern in each trajectory of `table`."""
        if panel.conditions:
            return _derive(*self._place, self._done, panel.conditions, self.opened)[self.rows]
        return self.table.of(panel.id) if panel.is_pattern else rollup(self.table, panel.members)

    def action(self, outcome: str, value: str) -> Signs:
        """(N,) whether each trajectory of `table` has the outcome's value."""
        return _acted(self.opened, self.whole, outcome, value)[self.rows]

    def can_be_known(self, panel: Panel) -> bool:
        """Whether the store has the outcomes that the panel is derived from, if any."""
        wanted = {condition.outcome[0] for condition in panel.conditions if condition.outcome}
        return not wanted or wanted <= {action.outcome for action in self.opened.ask_of(OUTCOMES, actions)}

    def by_default(self, most: int) -> list[str]:
        """Panels to show where none is chosen: groups, what is derived, and the patterns that appear most."""
        return self.keep(f"default {most}", lambda: self._by_default(most))

    def _by_default(self, most: int) -> list[str]:
        seen = (self.table.verdicts[self.readable] == PRESENT).sum(axis=0)
        often = dict(zip(self.table.patterns, seen.tolist(), strict=True))
        wide = [each for each in self.panels.values() if not each.is_pattern and len(each.members) != 1]
        first = [each.id for each in wide if self.can_be_known(each)]
        alone = [
            members[0] for members in self.book.rollups.values() if len(tagged(self.whole, members)) == 1
        ]
        ranked = sorted(
            (each.id for each in self.panels.values() if each.is_pattern),
            key=lambda pattern: (pattern not in alone, -often[pattern]),
        )
        found = [pattern for pattern in ranked if often[pattern] or pattern in alone] or ranked
        chosen = {*first, *found[: most - len(first)]}
        return [each for each in self.panels if each in chosen]

    @cached_property
    def _place(self) -> Place:
        """The store, what changes when trajectories or the run's attempts come to it, and the run.

        Verdicts and findings are written with their attempt, cuts with their trajectory.
        """
        run_id = self.run["run"]
        attempts = self.opened.ask_of(("attempts",), _attempts_of, run_id)
        return self.opened.store.target, (*self.opened.stamp(TRAJECTORIES), attempts), run_id

    @cached_property
    def _done(self) -> tuple[int, ...]:
        """What changes when outcomes come to the store."""
        return self.opened.stamp(OUTCOMES)


def _attempts_of(db: duckdb.DuckDBPyConnection, run_id: str) -> int:
    row = db.execute("SELECT count(*) FROM log.attempts WHERE run_id = ?", [run_id]).fetchone()
    return int(row[0]) if row else 0


@st.cache_resource(max_entries=ANSWERS_KEPT, show_spinner=False)
def _kept(place: tuple[Any, ...], what: str, _count: Callable[[], Any]) -> Any:
    return _count()


@st.cache_resource(max_entries=TABLES_KEPT, show_spinner=False)
def _table(path: str, stamp: tuple[int, ...], run_id: str, _opened: Opened) -> Judged:
    among, last = _opened.ask_of(TRAJECTORIES, listed), _last(path, run_id)
    with _opened.store.session() as db:
        table = judged(db, run_id, among, last[0] if last else None)
    last[:] = [table]
    return table


@st.cache_resource(max_entries=TABLES_KEPT, show_spinner=False)
def _last(path: str, run_id: str) -> list[Judged]:
    """The run's table that was read last, if any: the next one is that one with what came since."""
    return []


@st.cache_resource(max_entries=TABLES_KEPT, show_spinner=False)
def _counts(path: str, stamp: tuple[int, ...], run_id: str, _opened: Opened) -> Counts:
    table = _table(path, stamp, run_id, _opened)
    with _opened.store.session() as db:
        return counted(db, table)


@st.cache_resource(max_entries=4 * TABLES_KEPT, show_spinner=False)
def _derive(
    path: str,
    stamp: tuple[int, ...],
    run_id: str,
    done: tuple[int, ...],
    wanted: tuple[Condition, ...],
    _opened: Opened,
) -> Signs:
    table = _table(path, stamp, run_id, _opened)

    def did(outcome: str, value: str) -> Signs:
        return _acted(_opened, table, outcome, value)

    with _opened.store.session() as db:
        return derive(db, table, wanted, did)


def _acted(opened: Opened, table: Judged, outcome: str, value: str) -> Signs:
    """What trajectories did, whatever the run: its table has them in the order in which they are listed."""
    return _did(
        opened.store.target, opened.stamp((*TRAJECTORIES, *OUTCOMES)), outcome, value, table, opened.store
    )


@st.cache_resource(max_entries=4 * TABLES_KEPT, show_spinner=False)
def _did(path: str, stamp: tuple[int, ...], outcome: str, value: str, _table: Judged, _store: Store) -> Signs:
    with _store.session() as db:
        return acted(db, _table, outcome, value)


def switch(name: str, label: str, options: Mapping[str, str]) -> str:
    """Choose one of a few; the first at first. The choice outlasts a view that does not draw the switch."""
    held, widget = key(PAGE, name), key(PAGE, f"{name}.switch")
    if st.session_state.get(held) not in options:
        st.session_state[held] = next(iter(options))
    st.session_state[widget] = st.session_state[held]

    def changed() -> None:
        st.session_state[held] = st.session_state[widget]

    st.segmented_control(
        label, list(options), format_func=options.__getitem__, key=widget, required=True, label_visibility="collapsed", on_change=changed
    )  # fmt: skip
    return str(st.session_state[held])


def to_behind(panels: Sequence[str], checkpoint: str | None = None, did: str | None = None) -> None:
    """Go to the list of the traces in which all of these are present."""
    wanted = {"behind": list(panels), "at": checkpoint, "did": did}
    for name, value in wanted.items():
        st.session_state[key(PAGE, name)] = value
    st.rerun()


PERCENT = {"format": "%.1f %%", "width": "small"}
"""How a column is shown that `in_percent` made."""


def in_percent(values: Iterable[float | None]) -> list[float | None]:
    """Shares as percent, for a table on the page."""
    return [None if value is None else 100 * value for value in values]
