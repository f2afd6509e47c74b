"""How often each pattern appears: n, share, interval, what is missing and what it could change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from analysis.measure.clusters import NOTHING, Clusters
from analysis.measure.labelled import LABEL_COLUMNS as LABEL_COLUMNS
from analysis.measure.labelled import UNLABELLED, Labelled, labels_of_cells
from analysis.measure.scope import Scope, checkpoint_order, sort_key
from analysis.measure.share import Share
from analysis.measure.tallies import make_tallies
from analysis.trajectories import READABLE

COLUMNS = (
    "reasoning_state", "pattern", "present", "n", "share", "low", "high", "unsure", "unjudged", "unreadable",
    "missing", "bound_low", "bound_high", "synthetic", "interval", "prompts", "prompts_showing", "design_effect",
    "note",
)  # fmt: skip
"""The columns of a frequency table after those that it is split by, in order."""


@dataclass(frozen=True)
class Frequency:
    """One cell of a frequency table.

    Attributes:
        group: The values that the table is split by.
        reasoning_state: What kind of reasoning was read; kinds are not pooled.
        pattern: The pattern's identifier.
        clusters: Trajectories with a verdict of present or absent, and of them those that show the pattern, by
            prompt.
        unsure: Trajectories that the run is unsure of.
        unjudged: Trajectories with reasoning of this kind and no verdict (not reached, refused, failed, …).
        unreadable: Trajectories of the group with no readable reasoning at all, of whatever kind.
        synthetic: Trajectories of the cell that were simulated, or written for a sample.
        labelled: What labels say of the cell; None where labels were not asked for.
    """

    group: dict[str, str | None]
    reasoning_state: str
    pattern: str
    clusters: Clusters
    unsure: int
    unjudged: int
    unreadable: int
    synthetic: int
    labelled: Labelled | None = None

    @property
    def present(self) -> int:
        """Trajectories that show the pattern."""
        return int(self.clusters.part)

    @property
    def n(self) -> int:
        """Trajectories with a verdict of present or absent."""
        return int(self.clusters.n)

    @property
    def missing(self) -> int:
        """Trajectories without a verdict of present or absent, for whatever reason."""
        return self.unsure + self.unjudged + self.unreadable

    def as_row(self) -> dict[str, Any]:
        """The cell as a flat mapping: the group's columns, then COLUMNS, then LABEL_COLUMNS if it has labels."""
        of = self.clusters
        low, high = of.interval() or (None, None)
        cell = {
            **Share(self.present, self.n, self.missing).as_row(), "low": low, "high": high, "present": self.present,
            "n": self.n,
            "reasoning_state": self.reasoning_state, "pattern": self.pattern, "unsure": self.unsure,
            "unjudged": self.unjudged, "unreadable": self.unreadable, "missing": self.missing,
            "synthetic": self.synthetic, "interval": of.method if of.n else None, "prompts": of.prompts,
            "prompts_showing": of.showing, "design_effect": of.design_effect, "note": of.note,
        }  # fmt: skip
        labelled = self.labelled.as_row() if self.labelled else {}
        return {**self.group, **{column: cell[column] for column in COLUMNS}, **labelled}


def frequencies(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str] = ("checkpoint",),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    patterns: Sequence[str] | None = None,
    labels: pa.Table | None = None,
) -> list[Frequency]:
    """The frequency table of a run.

    Args:
        db: A session of the store.
        run_id: Whose verdicts are counted.
        by: The columns to split by, out of `scope.GROUPS`.
        scope: Which trajectories count.
        patterns: Which patterns, in order; by default all that the run has verdicts on.
        labels: What people said: trajectory_id, reasoning_sha256, pattern, value (present, absent, unsure,
            unresolved), probability (of inclusion, or null), as `labels.gold.frame` gives them. With labels each
            cell has the rate from them, and the run's rate corrected by them.

    Returns:
        A cell for each group, kind of reasoning and pattern; groups in the checkpoints' order.
    """
    known = make_tallies(db, run_id, by, scope, patterns)
    names = ", ".join([*by, "reasoning_state"])
    totals = db.execute(f"SELECT {names}, sum(total), sum(synthetics) FROM cells GROUP BY {names}").fetchall()
    counted = db.execute(
        f"""SELECT {names}, pattern, sum(unsure), sum(present), sum(n), count(*) FILTER (n > 0),
                   count(*) FILTER (present > 0), sum(present * present), sum(present * n), sum(n * n)
            FROM (SELECT *, present + absent AS n FROM tallies JOIN cells USING (cell)) GROUP BY {names}, pattern"""
    ).fetchall()
    labelled = labels_of_cells(db, by, labels) if labels is not None and len(labels) else None
    cells = _cells(list(by), totals, counted, known if patterns is None else patterns, labelled)
    key = sort_key(by, checkpoint_order(db))
    cells.sort(key=lambda cell: key(cell.group))
    return cells


def patterns_of(db: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """The patterns that a run has verdicts on."""
    rows = db.execute(
        "SELECT DISTINCT pattern FROM log.verdicts WHERE run_id = ? ORDER BY 1", [run_id]
    ).fetchall()
    return [pattern for (pattern,) in rows]


def _cells(
    by: list[str],
    totals: list[tuple[Any, ...]],
    counted: list[tuple[Any, ...]],
    patterns: Sequence[str],
    labelled: dict[tuple[Any, ...], Labelled] | None,
) -> list[Frequency]:
    width = len(by)
    states: dict[tuple[Any, ...], dict[str, tuple[int, int]]] = defaultdict(dict)
    for *key, total, synthetic in totals:
        states[tuple(key[:width])][key[width]] = (total, synthetic)
    verdicts = {tuple(row[: width + 2]): row[width + 2 :] for row in counted}
    cells = []
    for group, by_state in states.items():
        unreadable = sum(total for state, (total, _) in by_state.items() if state not in READABLE)
        readable = [state for state in READABLE if state in by_state]
        for state in readable or ["missing"]:
            total, synthetic = by_state[state] if readable else (0, sum(s for _, s in by_state.values()))
            for pattern in patterns:
                unsure, *sums = verdicts.get((*group, state, pattern), (0,))
                found = Clusters(*sums) if sums else NOTHING
                cells.append(Frequency(
                    group=dict(zip(by, group, strict=True)),
                    reasoning_state=state,
                    pattern=pattern,
                    clusters=found,
                    unsure=unsure,
                    unjudged=total - int(found.n) - unsure,
                    unreadable=unreadable,
                    synthetic=synthetic,
                    labelled=labelled.get((*group, state, pattern), UNLABELLED) if labelled is not None else None,
                ))  # fmt: skip
    return cells
