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

from analysis.measure.scope import Scope, checkpoint_order, natural
from analysis.measure.tallies import make_scoped, patterns_stored

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
"""What a run says of a pattern in a trajectory; unknown is unsure, not judged, or nothing to read."""

Signs = npt.NDArray[np.int8]
"""PRESENT, ABSENT or UNKNOWN."""
Codes = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.float64]

COLUMNS = ("checkpoint", "series", "environment", "variant", "reasoning_state", "prompt", "synthetic")


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
    row_id: npt.NDArray[np.uint64]
    trajectory: npt.NDArray[np.uint64]
    attempt_id: npt.NDArray[np.uint64]

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


def judged(db: duckdb.DuckDBPyConnection, run_id: str) -> Judged:
    """Read what a run says of every trajectory of the store.

    Strings are read once a cell, a combination of COLUMNS; a trajectory comes as numbers.
    """
    make_scoped(db, run_id, [column for column in COLUMNS if column not in ("reasoning_state", "prompt")])
    cells = db.execute(
        "SELECT * REPLACE (environment || '/' || prompt AS prompt) FROM cells ORDER BY ALL"
    ).to_arrow_table()
    rows = db.execute(
        "SELECT row_id, cell, trajectory, coalesce(attempt_id, 0) AS attempt_id FROM scoped"
    ).fetchnumpy()
    encoded = {column: _encoded(cells[column]) for column in COLUMNS}
    encoded["checkpoint"] = _in_order(*encoded["checkpoint"], checkpoint_order(db))
    place = _places(np.asarray(rows["cell"]), cells["cell"].to_numpy())
    attempt_id = np.asarray(rows["attempt_id"])
    patterns, complete = patterns_stored(db, run_id)
    return Judged(
        tuple(patterns), _verdicts(db, attempt_id, patterns, complete),
        {column: codes[place] for column, (codes, _) in encoded.items()},
        {column: values for column, (_, values) in encoded.items()},
        np.asarray(rows["row_id"]), np.asarray(rows["trajectory"]), attempt_id,
    )  # fmt: skip


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


def _verdicts(
    db: duckdb.DuckDBPyConnection, attempts: npt.NDArray[np.uint64], patterns: list[str], complete: bool
) -> Signs:
    """(N, P) the verdicts. Where every attempt has one on every pattern, those that are absent need not be read."""
    wanted = "WHERE verdict IS DISTINCT FROM 'absent'" if complete else ""
    found = on_attempts(
        db,
        attempts,
        f"""SELECT place, list_position(?, pattern)::USMALLINT AS pattern,
                   CASE verdict WHEN 'present' THEN {PRESENT} WHEN 'absent' THEN {ABSENT} ELSE {UNKNOWN} END AS sign
            FROM log.verdicts JOIN places USING (attempt_id) {wanted}""",
        [patterns],
    )
    signs = np.full((len(attempts), len(patterns)), UNKNOWN, np.int8)
    if complete:
        signs[attempts != 0] = ABSENT
    if len(found["place"]):
        signs[found["place"], found["pattern"].astype(np.intp) - 1] = found["sign"]
    return signs


def _places(values: npt.NDArray[np.uint64], among: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """(N,) where each value stands among others, each of which is there once."""
    order = np.argsort(among)
    return np.asarray(order[np.searchsorted(among[order], values)], dtype=np.intp)


def _encoded(column: pa.ChunkedArray) -> tuple[Codes, list[str | None]]:
    """Each row's place among the column's values, and the values."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy().astype(np.int32), encoded.dictionary.to_pylist()


def _in_order(
    codes: Codes, values: list[str | None], order: Mapping[str | None, int]
) -> tuple[Codes, list[str | None]]:
    """The same with the values in the checkpoints' order; those without a name come last."""
    ranked = sorted(
        range(len(values)),
        key=lambda n: (values[n] is None, order.get(values[n], len(order)), natural(values[n])),
    )
    rank = np.empty(len(values), dtype=np.int32)
    rank[ranked] = np.arange(len(values))
    return rank[codes], [values[n] for n in ranked]
