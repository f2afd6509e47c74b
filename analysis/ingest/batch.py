"""Trajectories on their way into the store, by columns."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from analysis.ingest.rows import Unreadable
from analysis.segment_batches import Cuts, Segments, segment_utf8
from analysis.store.rows import Texts, arrow_table, new_ids, now
from analysis.trajectories import (
    TURN_SEPARATOR,
    Trajectory,
    content_sha256,
    is_content,
    next_sample,
    row,
    short_hash,
    turn_spans,
)

IDS_AT_ONCE = 256
LONG = ("messages", "reasoning", "metadata")
PLACE = ("environment", "checkpoint", "variant", "sample")
"""Rollouts that differ in one of these are not the same."""
OF = ("source", "environment", "checkpoint", "variant", "prompt_id")
"""What the rollouts of one prompt have in common."""


@dataclass
class Batch:
    """What is to be written in one transaction.

    Attributes:
        lines: Where each stands in its file.
        more: Those that bring more than a row, by their number: an outcome, a verdict, a label, a place in a series.
        unreadable: What could not be read, or is no trajectory.
        named: Those whose id is the source's own, by their number.
        turns: (number of the trajectory, message, start_char, bytes of its text) a turn with readable reasoning.
        characters: How much text the rows hold.
        segments: Of all of them, where they are known.
        cutting: Gives the cuts of `texts`, where another process makes them.
    """

    lines: list[int | None] = field(default_factory=list)
    more: dict[int, Trajectory] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    named: list[int] = field(default_factory=list)
    turns: list[tuple[int, int, int, int]] = field(default_factory=list)
    characters: int = 0
    segments: Segments | None = None
    cutting: Future[Cuts] | None = None
    _begun: datetime = field(default_factory=now)
    _ids: list[int] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _columns: dict[str, list[Any] | Texts] = field(default_factory=dict)
    _lists: dict[str, list[bytes | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[Trajectory | Unreadable]) -> Batch:
        """All of these, the trajectories identified."""
        made = cls()
        for each in found:
            made.add(each)
        return made

    def __len__(self) -> int:
        """How many trajectories there are."""
        return len(self.lines)

    def add(self, found: Trajectory | Unreadable) -> None:
        """Take one more."""
        if isinstance(found, Unreadable):
            self.unreadable.append(found)
            return
        self._ids = self._ids or new_ids(IDS_AT_ONCE)
        number, turns = len(self), found.turns()
        its = row(found, self._ids.pop(), self._begun, turns)
        self._rows.append(its)
        self.lines.append(found.line)
        if found.outcomes or found.judged or found.labeled or found.series or found.position is not None:
            self.more[number] = found
        reasoning = its["reasoning"] or b""
        self.characters += len(its["messages"]) + len(reasoning) + len(its["metadata"])
        if len(turns) == 1:
            self.turns.append((number, turns[0][0], 0, len(reasoning)))
            return
        for (message, start, _), (_, text) in zip(turn_spans(turns), turns, strict=True):
            self.turns.append((number, message, start, len(text.encode())))

    @property
    def columns(self) -> dict[str, list[Any] | Texts]:
        """The trajectories as they will be stored, by the columns of log.trajectories; long texts as UTF-8."""
        if self._rows:
            values = zip(*(its.values() for its in self._rows), strict=True)
            for name, added in zip(self._rows[0], values, strict=True):
                self._columns[name] = [*self._columns.get(name, ()), *added]
            self._rows.clear()
        return self._columns

    def column(self, name: str) -> list[Any]:
        """One of the columns, a value a trajectory."""
        values = self.columns.get(name, [])
        if isinstance(values, list):
            return values
        if name not in self._lists:
            self._lists[name] = list(values)
        return self._lists[name]

    def packed(self) -> Batch:
        """The same with its long columns each in one piece, as they are sent and stored."""
        for name in LONG if self.columns else ():
            self.columns[name] = Texts.of(self.column(name))
        return self

    def texts(self, only: Collection[int] | None = None) -> list[bytes]:
        """The text of each turn, of all trajectories or of some, as UTF-8."""
        reasoning, found, end, last = self.column("reasoning"), [], 0, -1
        for number, _, _, size in self.turns:
            start = end + len(TURN_SEPARATOR) if number == last else 0
            end, last = start + size, number
            if only is None or number in only:
                found.append(reasoning[number][start:end])
        return found

    def cut(self, cuts: Cuts | None = None) -> Batch:
        """Find the segments, of the cuts of all `texts` where these are known."""
        self.segments = self._segments(cuts)
        return self

    def _segments(self, cuts: Cuts | None = None, only: Collection[int] | None = None) -> Segments:
        turns = [turn[:3] for turn in self.turns if only is None or turn[0] in only]
        return Segments.of(turns, segment_utf8(self.texts(only)) if cuts is None else cuts, len(self))

    def is_content(self, number: int, sha256: str) -> bool:
        """Whether a `content_sha256` of the store says that one of the trajectories is there."""
        if sha256 == self.column("content_sha256")[number]:
            return True
        return is_content({name: self.column(name)[number] for name in self.columns}, sha256)

    def set_apart(self, number: int) -> str:
        """Give one an id of its own, where its is also that of another trajectory."""
        return self._identified(number, short_hash(self._values(number, ("trajectory_id", *OF, "sample"))))

    def number_over(self, number: int, sample_of: dict[str, int]) -> None:
        """Give one that lacks both a sample number and an id, as `Trajectory.identify` does."""
        of = self._values(number, OF)
        self.column("sample")[number] = sample = next_sample(sample_of, of)
        self._identified(number, short_hash([*of, sample]))
        its = dict(zip(self.columns, self._values(number, tuple(self.columns)), strict=True))
        self.column("content_sha256")[number] = content_sha256(its, orjson.loads(its["messages"]))
        if number in self.more:
            self.more[number].sample = sample

    def _identified(self, number: int, trajectory_id: str) -> str:
        self.column("trajectory_id")[number] = trajectory_id
        if number in self.more:
            self.more[number].trajectory_id = trajectory_id
        return trajectory_id

    def _values(self, number: int, names: Sequence[str]) -> list[Any]:
        return [self.column(name)[number] for name in names]

    def tables(self, numbers: list[int]) -> tuple[pa.Table, pa.Table]:
        """The rows of log.trajectories and log.cuts for some of the trajectories."""
        rows = arrow_table("trajectories", {**self.columns, "stored_at": [now()] * len(self)})
        segments = self.segments or self._segments(only=frozenset(numbers))
        cuts = segments.rows(self.column("row_id"), self.column("trajectory_id"))
        if len(numbers) == len(self):
            return rows, cuts
        ids = np.array(self.column("row_id"), np.uint64)[numbers]
        return rows.take(numbers), cuts.filter(np.isin(cuts["row_id"].to_numpy(), ids))
