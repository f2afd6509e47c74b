"""The store's trajectories as arrays: a row a trajectory, with numbers in place of strings.

Strings are read once a cell, a combination of COLUMNS: there are far fewer of these than trajectories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.measure.scope import Scope, checkpoint_order, natural
from analysis.measure.tallies import HASHES, make_cells

Codes = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.intp]

COLUMNS = ("checkpoint", "series", "environment", "variant", "reasoning_state", "prompt", "synthetic")


@dataclass(frozen=True)
class Listed:
    """N trajectories.

    Attributes:
        codes: For each of COLUMNS (N,) the place of the trajectory's value in `values`.
        values: For each of COLUMNS the values that there are; None where a trajectory has none. Checkpoints are
            in their order; a prompt is one of its environment.
        row_id: (N,) their rows.
        trajectory: (N,) DuckDB's hashes of their ids.
        text: (N,) DuckDB's hashes of the hashes of their texts.
    """

    codes: Mapping[str, Codes]
    values: Mapping[str, list[str | None]]
    row_id: Hashes
    trajectory: Hashes
    text: Hashes

    def places(self, trajectory: Hashes) -> Places:
        """For each of some trajectories its place here; any place where it is not here."""
        at = np.searchsorted(self._ordered, trajectory)
        return self._order[np.minimum(at, len(self._order) - 1)] if len(self._order) else np.zeros(0, np.intp)

    @cached_property
    def _order(self) -> Places:
        return np.argsort(self.trajectory)

    @cached_property
    def _ordered(self) -> Hashes:
        return self.trajectory[self._order]


def listed(db: duckdb.DuckDBPyConnection) -> Listed:
    """Read every trajectory of the store."""
    by = [column for column in COLUMNS if column not in ("reasoning_state", "prompt")]
    trajectories, cell = make_cells(db, by, Scope())
    cells = db.execute(
        "SELECT * REPLACE (environment || '/' || prompt AS prompt) FROM cells ORDER BY ALL"
    ).to_arrow_table()
    rows = db.execute(f"SELECT row_id, {cell} AS cell, {HASHES} FROM {trajectories}").fetchnumpy()
    encoded = {column: _encoded(cells[column]) for column in COLUMNS}
    encoded["checkpoint"] = _in_order(*encoded["checkpoint"], checkpoint_order(db))
    numbers = cells["cell"].to_numpy()
    order = np.argsort(numbers)
    place = order[np.searchsorted(numbers, np.asarray(rows["cell"]), sorter=order)]
    return Listed(
        {column: codes[place] for column, (codes, _) in encoded.items()},
        {column: values for column, (_, values) in encoded.items()},
        *(np.asarray(rows[name]) for name in ("row_id", "trajectory", "text")),
    )


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
