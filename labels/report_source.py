"""What a report draws on: one run's verdicts as arrays, and everything that is counted in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import duckdb
import numpy as np

from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.measure import occurrences as said
from analysis.measure.derived import Condition, conditions, derive
from analysis.measure.judged import PRESENT, Judged, Signs, judged
from analysis.measure.outcome import Action, actions
from analysis.measure.rollups import rollup, tagged
from analysis.trajectories import READABLE

Db = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Measured:
    """Something that is counted at each checkpoint: a pattern, a group of patterns, or what is derived from them."""

    id: str
    name: str
    kind: str
    members: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Source:
    """A run in a session, with its verdicts as arrays."""

    db: Db
    run_id: str
    book: Codebook

    @cached_property
    def table(self) -> Judged:
        """What the run says of every trajectory."""
        return judged(self.db, self.run_id)

    @cached_property
    def counts(self) -> said.Counts:
        """The occurrences in them."""
        return said.counted(self.db, self.table)

    @cached_property
    def measured(self) -> list[Measured]:
        """What there is to count: groups first, then what is derived, then patterns in the codebook's order."""
        return list(_measured(self.book, self.table))

    @cached_property
    def signs(self) -> dict[str, Signs]:
        """For each of `measured` (N,) what the run says of it."""
        return {each.id: self._signs(each) for each in self.measured}

    @cached_property
    def quoted(self) -> list[Measured]:
        """What occurrences can be counted of: where the run says that it is there, it quotes."""
        return [each for each in self.measured if each.members and self._quotes(each.members)]

    @cached_property
    def states(self) -> list[str]:
        """The kinds of reasoning that can be read, as far as there are any."""
        return [state for state in READABLE if self.table.where("reasoning_state", [state]).any()]

    @cached_property
    def actions(self) -> list[Action]:
        """The outcomes of yes and no, and whether each trajectory has them."""
        return [each for each in actions(self.db) if each.value in ("true", "false")]

    def readable(self, state: str) -> Any:
        """The places of the trajectories with this kind of reasoning."""
        return np.flatnonzero(self.table.where("reasoning_state", [state]))

    def _quotes(self, members: Sequence[str]) -> bool:
        places = [self.table.patterns.index(member) for member in members]
        there = self.table.verdicts[:, places] == PRESENT
        return not there.any() or bool((self.counts.occurrences[:, places] > 0).any())

    def _signs(self, each: Measured) -> Signs:
        if each.conditions:
            return derive(self.db, self.table, each.conditions)
        return self.table.of(each.id) if each.kind == "pattern" else rollup(self.table, each.members)


def _measured(book: Codebook, table: Judged) -> Iterable[Measured]:
    for name, members in book.rollups.items():
        if there := tagged(table, members):
            yield Measured(f"group:{name}", _words(name), "group", tuple(there))
    for name, told in book.derived.items():
        try:
            read = conditions(told, book.ids())
        except UserError:
            continue
        if all(each.pattern is None or each.pattern in table.patterns for each in read):
            yield Measured(f"derived:{name}", _words(name), "derived", (), read)
    known = [pattern for pattern in book.ids() if pattern in table.patterns]
    for pattern in (*known, *(each for each in table.patterns if each not in known)):
        yield Measured(pattern, book.name_of(pattern), "pattern", (pattern,))


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()
