"""What one run says of every trajectory, as arrays: a row a trajectory, a column a pattern.

    table = judged(db, run_id).within(Scope({"variant": ("base",)}), "text")
    (table.of("eval_aware") == PRESENT).mean()

Everything that looks at several patterns of one trajectory at once starts here: groups of patterns, derived ones,
patterns that appear together, and what the answer did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.measure.judge_attempts import ATTEMPTS
from analysis.measure.listed import COLUMNS as COLUMNS
from analysis.measure.listed import Codes, Hashes, Listed, Places, listed
from analysis.measure.scope import Scope
from analysis.measure.tallies import HASHES, patterns_stored

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
"""What a run says of a pattern in a trajectory; unknown is unsure, not judged, or nothing to read."""

Signs = npt.NDArray[np.int8]
"""PRESENT, ABSENT or UNKNOWN."""
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A run's verdicts on N trajectories and P patterns.

    Attributes:
        patterns: The patterns' ids.
        verdicts: (N, P) what the run says.
        codes: For each of COLUMNS (N,) the place of the trajectory's value in `values`.
        values: For each of COLUMNS the values that there are; None where a trajectory has none. Checkpoints are
            in their order; a prompt is one of its environment.
        row_id: (N,) the trajectories' rows.
        trajectory: (N,) DuckDB's hashes of their ids.
        attempt_id: (N,) the run's attempts on their present texts; 0 where there is none that ended ok.
    """

    patterns: tuple[str, ...]
    verdicts: Signs
    codes: Mapping[str, Codes]
    values: Mapping[str, list[str | None]]
    row_id: Hashes
    trajectory: Hashes
    attempt_id: Hashes

    def __len__(self) -> int:
        return len(self.row_id)

    def of(self, pattern: str) -> Signs:
        """(N,) what the run says of one pattern; UNKNOWN where it never speaks of it."""
        if pattern not in self.patterns:
            return np.full(len(self), UNKNOWN, np.int8)
        return self.verdicts[:, self.patterns.index(pattern)]

    def where(self, column: str, kept: Sequence[str | None]) -> npt.NDArray[np.bool_]:
        """(N,) whether the trajectory's value in the column is one of these."""
        wanted = np.array([value in kept for value in self.values[column]], dtype=bool)
        return np.asarray(wanted[self.codes[column]], dtype=bool)

    def rows(self, scope: Scope, state: str | None = None) -> npt.NDArray[np.intp]:
        """The places of the trajectories in scope, of one kind of reasoning where it is named."""
        chosen = np.ones(len(self), dtype=bool)
        for column, kept in scope.values.items():
            if kept:
                chosen &= self.where(column, kept)
        if state is not None:
            chosen &= self.where("reasoning_state", [state])
        return np.flatnonzero(chosen)

    def take(self, rows: npt.NDArray[np.intp]) -> Judged:
        """The trajectories in these places."""
        return replace(
            self,
            verdicts=self.verdicts[rows],
            codes={column: codes[rows] for column, codes in self.codes.items()},
            row_id=self.row_id[rows],
            trajectory=self.trajectory[rows],
            attempt_id=self.attempt_id[rows],
        )

    def within(self, scope: Scope, state: str | None = None) -> Judged:
        """The trajectories in scope, of one kind of reasoning where it is named."""
        return self.take(self.rows(scope, state))

    def by_checkpoint(self) -> list[tuple[str | None, npt.NDArray[np.intp]]]:
        """Each checkpoint that there is, in order, with the places of its trajectories."""
        codes = self.codes["checkpoint"]
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(len(self.values["checkpoint"]) + 1))
        return [
            (name, order[starts[n] : starts[n + 1]])
            for n, name in enumerate(self.values["checkpoint"])
            if starts[n] < starts[n + 1]
        ]

    @property
    def synthetic(self) -> int:
        """How many of them were simulated, or written for a sample."""
        return int((~self.where("synthetic", [None])).sum())


def judged(
    db: duckdb.DuckDBPyConnection, run_id: str, among: Listed | None = None, before: Judged | None = None
) -> Judged:
    """Read what a run says of every trajectory of the store.

    Args:
        db: A session of the store.
        run_id: The run.
        among: The store's trajectories, where they are known already.
        before: What was read of the run earlier. Where it is of the same `among`, only the verdicts of attempts that
            came since are read.
    """
    found = among or listed(db)
    attempts = _attempts(db, run_id, found)
    read = _added(db, attempts, before) if before is not None and before.row_id is found.row_id else None
    if read is None:
        stored, complete = patterns_stored(db, run_id)
        read = tuple(stored), _verdicts(db, attempts.current, stored, complete)
    return Judged(*read, found.codes, found.values, found.row_id, found.trajectory, attempts.current)


@dataclass(frozen=True)
class _Attempts:
    """A run's A attempts, and N trajectories.

    Attributes:
        attempt_id: (A,) every attempt of the run.
        place: (A,) the place of its trajectory; any place where that is not there.
        right: (A,) whether it is the newest on its trajectory, ended ok, and is on the present text.
        current: (N,) each trajectory's attempt that is right; 0 where there is none.
    """

    attempt_id: Hashes
    place: Places
    right: npt.NDArray[np.bool_]
    current: Hashes


def _attempts(db: duckdb.DuckDBPyConnection, run_id: str, among: Listed) -> _Attempts:
    rows = db.execute(
        f"SELECT attempt_id, state = 'ok' AS ok, {HASHES} FROM log.attempts WHERE run_id = ?", [run_id]
    ).fetchnumpy()
    order = np.argsort(rows["trajectory"])  # in order they are looked up much faster
    rows = {name: column[order] for name, column in rows.items()}
    attempt_id, trajectory, text = (np.asarray(rows[name]) for name in ("attempt_id", "trajectory", "text"))
    place = among.places(trajectory)
    right = (
        np.ma.filled(rows["ok"], False)
        & (among.trajectory[place] == trajectory)
        & (among.text[place] == text)
    )
    if (trajectory[1:] == trajectory[:-1]).any():
        newest = db.execute(f"SELECT attempt_id {ATTEMPTS}", [run_id, run_id]).fetchnumpy()["attempt_id"]
        right &= np.isin(attempt_id, newest)
    current = np.zeros(len(among.row_id), np.uint64)
    current[place[right]] = attempt_id[right]
    return _Attempts(attempt_id, place, right, current)


def on_attempts(
    db: duckdb.DuckDBPyConnection, attempts: npt.NDArray[np.uint64], sql: str, bound: Sequence[Any] = ()
) -> dict[str, npt.NDArray[Any]]:
    """Run a query that can join `places`: attempt_id and place, where each attempt stands in the arrays."""
    known = np.flatnonzero(attempts)
    places = pa.table({"attempt_id": attempts[known], "place": known.astype(np.int32)})
    db.register("places", places)
    try:
        return {
            name: np.asarray(column) for name, column in db.execute(sql, list(bound)).fetchnumpy().items()
        }
    finally:
        db.unregister("places")


def _added(
    db: duckdb.DuckDBPyConnection, attempts: _Attempts, before: Judged
) -> tuple[tuple[str, ...], Signs] | None:
    """The patterns and (N, P) the verdicts, those of attempts that are known from before. None where one of these is
    gone, or a new one speaks of a pattern that none before did.
    """  # noqa: D205
    known = before.attempt_id[attempts.place] == attempts.attempt_id
    if known.sum() < np.count_nonzero(before.attempt_id):
        return None
    found = on_attempts(db, np.where(known, np.uint64(0), attempts.attempt_id), _SIGNS, [before.patterns])
    if not found["pattern"].all():
        return None
    signs = before.verdicts.copy()
    signs[before.attempt_id != attempts.current] = UNKNOWN
    right = attempts.right[found["place"]]
    place = attempts.place[found["place"][right]]
    signs[place, found["pattern"][right].astype(np.intp) - 1] = found["sign"][right]
    return before.patterns, signs


_SIGNS = f"""
    SELECT place, coalesce(list_position(?, pattern), 0)::USMALLINT AS pattern,
           CASE verdict WHEN 'present' THEN {PRESENT} WHEN 'absent' THEN {ABSENT} ELSE {UNKNOWN} END AS sign
    FROM log.verdicts JOIN places USING (attempt_id)
"""
"""What each verdict says: the place of its attempt, the number of its pattern from 1 up (0 for any other), the sign."""


def _verdicts(
    db: duckdb.DuckDBPyConnection, attempts: Hashes, patterns: Sequence[str], complete: bool
) -> Signs:
    """(N, P) the verdicts. Where every attempt has one on every pattern, those that are absent need not be read."""
    wanted = "WHERE verdict IS DISTINCT FROM 'absent'" if complete else ""
    found = on_attempts(db, attempts, _SIGNS + wanted, [patterns])
    signs = np.full((len(attempts), len(patterns)), UNKNOWN, np.int8)
    if complete:
        signs[attempts != 0] = ABSENT
    if len(found["place"]):
        signs[found["place"], found["pattern"].astype(np.intp) - 1] = found["sign"]
    return signs
