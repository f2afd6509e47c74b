"""How often each pattern appears: n, share, interval, what is missing and what it could change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from analysis.measure.intervals import wilson
from analysis.measure.prevalence import Estimate, Strata, by_verdict
from analysis.measure.scope import Scope, checkpoint_order, column_sql, sort_key
from analysis.measure.share import Share
from analysis.measure.weights import weights
from analysis.trajectories import READABLE

COLUMNS = (
    "reasoning_state", "pattern", "present", "n", "share", "low", "high", "unsure", "unjudged", "unreadable",
    "missing", "bound_low", "bound_high", "synthetic",
)  # fmt: skip
"""The columns of a frequency table after those that it is split by, in order."""

LABEL_COLUMNS = (
    "labels", "label_share", "label_low", "label_high", "label_effective_n", "label_conflicts", "corrected",
    "corrected_low", "corrected_high", "corrected_note",
)  # fmt: skip
"""The columns that follow once anybody has labelled."""


@dataclass(frozen=True)
class Labelled:
    """What people's labels say of a cell.

    Attributes:
        n: Labelled trajectories: those with a label of present or absent.
        share: Of them those that show the pattern, weighted by the inverse of their inclusion probabilities; None
            where n is 0.
        effective: Kish's effective n: how many labels of equal weight these are worth.
        conflicts: Trajectories that people labelled differently, without a decision since. They are not in n.
        corrected: The run's share corrected by verdict strata.
    """

    n: int
    share: float | None
    effective: float
    conflicts: int
    corrected: Estimate

    def as_row(self) -> dict[str, Any]:
        """The cell's LABEL_COLUMNS."""
        low, high = wilson((self.share or 0) * self.effective, self.effective) or (None, None)
        estimate = self.corrected
        values = (
            self.n, self.share, low, high, self.effective if self.n else None, self.conflicts,
            estimate.share, estimate.low, estimate.high, estimate.note,
        )  # fmt: skip
        return dict(zip(LABEL_COLUMNS, values, strict=True))


UNLABELLED = Labelled(0, None, 0.0, 0, Estimate(None, None, None, 0, 0, "no labels"))


@dataclass(frozen=True)
class Frequency:
    """One cell of a frequency table.

    Attributes:
        group: The values that the table is split by.
        reasoning_state: What kind of reasoning was read; kinds are not pooled.
        pattern: The pattern's identifier.
        present: Trajectories that show it.
        n: Trajectories with a verdict of present or absent.
        unsure: Trajectories that the run is unsure of.
        unjudged: Trajectories with reasoning of this kind and no verdict (not reached, refused, failed, …).
        unreadable: Trajectories of the group with no readable reasoning at all, of whatever kind.
        synthetic: Trajectories of the cell that were simulated, or written for a sample.
        labelled: What labels say of the cell; None where labels were not asked for.
    """

    group: dict[str, str | None]
    reasoning_state: str
    pattern: str
    present: int
    n: int
    unsure: int
    unjudged: int
    unreadable: int
    synthetic: int
    labelled: Labelled | None = None

    @property
    def missing(self) -> int:
        """Trajectories without a verdict of present or absent, for whatever reason."""
        return self.unsure + self.unjudged + self.unreadable

    def as_row(self) -> dict[str, Any]:
        """The cell as a flat mapping: the group's columns, then COLUMNS, then LABEL_COLUMNS if it has labels."""
        share = Share(self.present, self.n, self.missing).as_row()
        cell = {**asdict(self), **share, "missing": self.missing}
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
    labels = labels if labels is not None and len(labels) else None
    _scope_attempts(db, run_id, by, scope, with_text=labels is not None)
    listed = ", ".join([*by, "reasoning_state"])
    totals = db.execute(
        f"SELECT {listed}, count(*), count(*) FILTER (synthetic) FROM scoped GROUP BY {listed}"
    ).fetchall()
    counted = db.execute(
        f"""SELECT {listed}, pattern, verdict, count(*)
            FROM scoped JOIN log.verdicts USING (attempt_id) GROUP BY {listed}, pattern, verdict"""
    ).fetchall()
    if patterns is None:
        patterns = patterns_of(db, run_id)
    labelled = _labelled(db, list(by), labels) if labels is not None else None
    cells = _cells(list(by), totals, counted, patterns, labelled)
    key = sort_key(by, checkpoint_order(db))
    cells.sort(key=lambda cell: key(cell.group))
    return cells


def patterns_of(db: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """The patterns that a run has verdicts on."""
    rows = db.execute(
        "SELECT DISTINCT pattern FROM verdicts WHERE run_id = ? ORDER BY 1", [run_id]
    ).fetchall()
    return [pattern for (pattern,) in rows]


def _scope_attempts(
    db: duckdb.DuckDBPyConnection, run_id: str, by: Sequence[str], scope: Scope, with_text: bool
) -> None:
    """Make the table `scoped`: the trajectories in scope, each with the run's attempt on its present text.

    Verdicts are joined to it by the attempt's number, so that no text is compared for each of them.
    """
    columns = [f"{column_sql(column)} AS {column}" for column in by]
    columns += ["t.reasoning_state", "t.synthetic IS NOT NULL AS synthetic", "a.attempt_id"]
    if with_text:
        columns += ["t.trajectory_id", "t.prompt_id AS prompt", "t.reasoning_sha256"]
    condition, bound = scope.sql()
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE scoped AS
            SELECT {", ".join(columns)}
            FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
            LEFT JOIN (SELECT attempt_id, trajectory_id, reasoning_sha256 FROM attempts
                       WHERE run_id = ? AND state = 'ok') a
              ON a.trajectory_id = t.trajectory_id AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256
            WHERE {condition}""",
        [run_id, *bound],
    )


def _labelled(
    db: duckdb.DuckDBPyConnection, by: list[str], labels: pa.Table
) -> dict[tuple[Any, ...], Labelled]:
    """What the labels say of each (group…, reasoning_state, pattern)."""
    weight = pa.array(weights(labels["probability"].to_numpy()))
    db.register("people", labels.append_column("w", weight))
    names = ", ".join([*by, "reasoning_state"])
    of_one_mind = "value IN ('present', 'absent')"
    rows = db.execute(
        f"""SELECT {names}, pattern, count(*) FILTER ({of_one_mind}),
                   sum(w) FILTER (value = 'present'), sum(w) FILTER ({of_one_mind}),
                   sum(w * w) FILTER ({of_one_mind}), count(*) FILTER (value = 'unresolved')
            FROM scoped JOIN people USING (trajectory_id, reasoning_sha256) GROUP BY {names}, pattern"""
    ).fetchall()
    counts = {tuple(row[:-5]): _share(*row[-5:]) for row in rows}
    strata = _strata(db, names)
    db.unregister("people")
    nothing = (0, None, 0.0, 0)
    return {key: Labelled(*counts.get(key, nothing), by_verdict(cell)) for key, cell in strata.items()}


def _share(
    n: int, present: float | None, total: float | None, squares: float | None, conflicts: int
) -> tuple[int, float | None, float, int]:
    """n, the weighted share, Kish's effective n, conflicts."""
    if not n or not total or not squares:
        return 0, None, 0.0, conflicts
    return n, min(1.0, (present or 0.0) / total), total * total / squares, conflicts


def _strata(db: duckdb.DuckDBPyConnection, names: str) -> dict[tuple[Any, ...], Strata]:
    """The judged and labelled trajectories of each cell, a row for each prompt.

    The labels of one verdict count as their weights do, and together as Kish's effective number.
    """
    columns = {f"{judged[0]}{label[0]}": f"sum(w) FILTER (v.verdict = '{judged}' AND p.value = '{label}')"
               for judged in ("present", "absent") for label in ("present", "absent")}  # fmt: skip
    squares = {judged: f"sum(w * w) FILTER (v.verdict = '{judged}' AND p.value IN ('present', 'absent'))"
               for judged in ("present", "absent")}  # fmt: skip
    rows = db.execute(
        f"""SELECT {names}, v.pattern, count(*) FILTER (v.verdict = 'present'),
                   count(*) FILTER (v.verdict IN ('present', 'absent')),
                   {columns["pp"]}, {columns["pa"]}, {columns["ap"]}, {columns["aa"]},
                   count(*) FILTER (v.verdict IN ('present', 'absent') AND p.value IN ('present', 'absent')),
                   {squares["present"]}, {squares["absent"]}
            FROM scoped s JOIN log.verdicts v ON v.attempt_id = s.attempt_id
            LEFT JOIN people p ON p.trajectory_id = s.trajectory_id AND p.pattern = v.pattern
                              AND p.reasoning_sha256 IS NOT DISTINCT FROM s.reasoning_sha256
            GROUP BY {names}, v.pattern, s.prompt ORDER BY {names}, v.pattern, s.prompt"""
    ).fetchall()
    cells: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        cells[tuple(row[:-9])].append(row[-9:])
    found = {}
    for key, cell in cells.items():
        table = np.array([[value or 0 for value in row] for row in cell], dtype=np.float64)
        for side, square in ((slice(2, 4), 7), (slice(4, 6), 8)):
            total, squared = table[:, side].sum(), table[:, square].sum()
            table[:, side] *= total / squared if squared else 0.0
        found[key] = Strata(*table[:, :7].T)
    return found


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
    verdicts: dict[tuple[Any, ...], int] = defaultdict(int)
    for *key, count in counted:
        verdicts[tuple(key)] += count
    cells = []
    for group, by_state in states.items():
        unreadable = sum(total for state, (total, _) in by_state.items() if state not in READABLE)
        readable = [state for state in READABLE if state in by_state]
        for state in readable or ["missing"]:
            total, synthetic = by_state[state] if readable else (0, sum(s for _, s in by_state.values()))
            for pattern in patterns:
                present, absent, unsure = (
                    verdicts[*group, state, pattern, verdict] for verdict in ("present", "absent", "unsure")
                )
                cells.append(Frequency(
                    group=dict(zip(by, group, strict=True)),
                    reasoning_state=state,
                    pattern=pattern,
                    present=present,
                    n=present + absent,
                    unsure=unsure,
                    unjudged=total - present - absent - unsure,
                    unreadable=unreadable,
                    synthetic=synthetic,
                    labelled=labelled.get((*group, state, pattern), UNLABELLED) if labelled is not None else None,
                ))  # fmt: skip
    return cells
