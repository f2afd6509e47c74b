"""How often a pattern is said: occurrences a trajectory, per 10,000 characters, and its share of all occurrences.

An occurrence is a quote that stands in the reasoning and asserts or entertains the pattern. A rate can fall per
character while it rises per trajectory, so both are there to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from analysis.codebook import PRESENT_STANCES
from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Judged, on_attempts
from analysis.measure.ratio import Ratio, ratio
from analysis.trajectories import READABLE

MEASURES = ("per_trajectory", "share_of_occurrences", "per_10k")
COLUMNS = (
    "reasoning_state", "pattern", "measure", "occurrences", "n", "per", "value", "low", "high", "missing",
    "prompts", "design_effect", "note", "synthetic",
)  # fmt: skip
"""The columns of a table of occurrences after the checkpoint, in order."""

Rows = npt.NDArray[np.intp]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Occurrences in the trajectories of a `Judged` table, row by row.

    Attributes:
        patterns: The patterns' ids.
        occurrences: (N, P) how many; UNKNOWN where the run does not say whether the pattern is there, or says that
            it is and gives no quote.
        characters: (N,) the length of the reasoning in code points, up to its last sentence's end; 0 if none.
    """

    patterns: tuple[str, ...]
    occurrences: npt.NDArray[np.int32]
    characters: npt.NDArray[np.int64]

    def take(self, rows: Rows) -> Counts:
        """The trajectories in these places."""
        return Counts(self.patterns, self.occurrences[rows], self.characters[rows])

    def sums(self, members: Sequence[str], measure: str) -> tuple[Values, Values, npt.NDArray[np.bool_]]:
        """What the measure counts in each trajectory, what it counts it per, and where both are known.

        Args:
            members: A pattern, or several whose occurrences are added.
            measure: One of MEASURES.
        """
        places = [self.patterns.index(member) for member in members if member in self.patterns]
        chosen = self.occurrences[:, places]
        known = (chosen != UNKNOWN).all(axis=1) if places else np.zeros(len(chosen), dtype=bool)
        per = np.ones(len(chosen))
        if measure == "per_10k":
            per = self.characters / 10_000
            known = known & (self.characters > 0)
        elif measure == "share_of_occurrences":
            per = np.maximum(self.occurrences, 0).sum(axis=1).astype(np.float64)
        return chosen.sum(axis=1).astype(np.float64), per, known


@dataclass(frozen=True)
class Occurrence:
    """One cell of a table of occurrences.

    Attributes:
        checkpoint: The checkpoint; None where trajectories have none.
        reasoning_state: What kind of reasoning was read.
        pattern: The pattern, or the group of patterns.
        measure: One of MEASURES.
        occurrences: How many there are.
        n: The trajectories that they are counted in.
        per: What they are counted per: trajectories, ten thousands of characters, or occurrences of all patterns.
        ratio: Occurrences over `per`, with its interval.
        missing: Trajectories that nothing can be counted in.
        synthetic: Trajectories of the cell that were simulated, or written for a sample.
    """

    checkpoint: str | None
    reasoning_state: str
    pattern: str
    measure: str
    occurrences: int
    n: int
    per: float
    ratio: Ratio
    missing: int
    synthetic: int

    def as_row(self) -> dict[str, Any]:
        """The cell as a flat mapping: checkpoint, then COLUMNS."""
        cell = {**asdict(self), **asdict(self.ratio)}
        return {"checkpoint": self.checkpoint, **{column: cell[column] for column in COLUMNS}}


def counted(db: duckdb.DuckDBPyConnection, table: Judged) -> Counts:
    """Count the standing quotes of every attempt of the table, and the characters that they stand in."""
    stances = ", ".join(f"'{stance}'" for stance in PRESENT_STANCES)
    found = on_attempts(
        db,
        table.attempt_id,
        f"""SELECT place, list_position(?, pattern)::USMALLINT AS pattern, count(*) AS number
            FROM log.findings JOIN places USING (attempt_id)
            WHERE match <> 'rejected' AND coalesce(stance, 'asserts') IN ({stances})
              AND list_contains(?, pattern) GROUP BY ALL""",
        [list(table.patterns)] * 2,
    )
    numbers = np.zeros(table.verdicts.shape, np.int32)
    if len(found["place"]):
        numbers[found["place"], found["pattern"].astype(np.intp) - 1] = found["number"]
    numbers[table.verdicts == ABSENT] = 0
    numbers[(table.verdicts == UNKNOWN) | ((table.verdicts == PRESENT) & (numbers == 0))] = UNKNOWN
    return Counts(table.patterns, numbers, _characters(db, table))


def _characters(db: duckdb.DuckDBPyConnection, table: Judged) -> npt.NDArray[np.int64]:
    found = db.execute(
        "SELECT row_id, max(end_char[-1])::BIGINT AS long FROM log.cuts GROUP BY row_id"
    ).fetchnumpy()
    order = np.argsort(found["row_id"])
    rows, long = found["row_id"][order], np.ma.filled(found["long"][order], 0)
    at = np.searchsorted(rows, table.row_id)
    at[at == len(rows)] = 0
    hit = rows[at] == table.row_id if len(rows) else np.zeros(len(table), dtype=bool)
    return np.where(hit, long[at] if len(rows) else 0, 0).astype(np.int64)


def occurrences(
    table: Judged, counts: Counts, measure: str, wanted: Mapping[str, Sequence[str]], state: str = "text"
) -> list[Occurrence]:
    """One measure of each pattern at each checkpoint, in the checkpoints' order.

    Args:
        table: The trajectories in scope, of every kind of reasoning.
        counts: Theirs, row by row.
        measure: One of MEASURES.
        wanted: For each pattern to show its members: itself, or those of a group.
        state: The kind of reasoning that is counted in.
    """
    of_state = table.where("reasoning_state", [state])
    unreadable = ~table.where("reasoning_state", READABLE)
    written = ~table.where("synthetic", [None])
    most = 1.0 if measure == "share_of_occurrences" else float("inf")
    prompts, found = table.codes["prompt"], []
    sums = {name: counts.sums(members, measure) for name, members in wanted.items()}
    for checkpoint, rows in table.by_checkpoint():
        here = rows[of_state[rows]]
        nothing = int(unreadable[rows].sum())
        for name, (y, x, known) in sums.items():
            use = here[known[here]]
            cell = ratio(y[use], x[use], prompts[use], most=most)
            found.append(Occurrence(
                checkpoint, state, name, measure, int(y[use].sum()), len(use), float(x[use].sum()), cell,
                len(here) - len(use) + nothing, int(written[here].sum()),
            ))  # fmt: skip
    return found
