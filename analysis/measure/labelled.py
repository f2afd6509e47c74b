"""What people's labels say of each cell of a frequency table: the share by labels, and the run's share corrected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.measure.clusters import NOTHING, PROMPTS_TO_GENERALISE, Clusters
from analysis.measure.prevalence import Estimate, Strata, by_verdict
from analysis.measure.transported import transported
from analysis.measure.weights import weights

LABEL_COLUMNS = (
    "labels", "label_share", "label_low", "label_high", "label_effective_n", "label_conflicts", "corrected",
    "corrected_low", "corrected_high", "corrected_design_effect", "corrected_note",
)  # fmt: skip
"""The columns that follow once anybody has labelled."""

Key = tuple[Any, ...]
"""The values of the group, the kind of reasoning, the pattern."""
COUNTS = (
    "positive", "judged", "tp", "fp", "fn", "tn", "labelled", "positives_squared", "negatives_squared",
    "showing", "labels", "weight", "squared", "conflicts",
)  # fmt: skip


@dataclass(frozen=True)
class Labelled:
    """What people's labels say of a cell.

    Attributes:
        n: Labelled trajectories: those with a label of present or absent.
        clusters: The same by prompt, weighted by the inverse of their inclusion probabilities; its n is Kish's
            effective one, how many labels of equal weight these are worth.
        conflicts: Trajectories that people labelled differently, without a decision since. They are not in n.
        corrected: The run's share corrected by verdict strata; by labels elsewhere where the cell has none.
    """

    n: int
    clusters: Clusters
    conflicts: int
    corrected: Estimate

    def as_row(self) -> dict[str, Any]:
        """The cell's LABEL_COLUMNS."""
        of, estimate = self.clusters, self.corrected
        low, high = of.interval() or (None, None)
        values = (
            self.n, of.share, low, high, of.n if self.n else None, self.conflicts, estimate.share, estimate.low,
            estimate.high, estimate.design_effect, estimate.note,
        )  # fmt: skip
        return dict(zip(LABEL_COLUMNS, values, strict=True))


Columns = dict[str, npt.NDArray[np.float64]]
"""COUNTS, a row for each prompt."""
UNLABELLED = Labelled(0, NOTHING, 0, Estimate(None, None, None, 0, 0, "no labels"))


def labels_of_cells(
    db: duckdb.DuckDBPyConnection, by: Sequence[str], labels: pa.Table
) -> dict[Key, Labelled]:
    """What the labels say of each cell, after `make_tallies` in the same session.

    Args:
        db: The session.
        by: The columns that the cells are split by.
        labels: trajectory_id, reasoning_sha256, pattern, value, probability, as `frequencies` takes them.
    """
    rows = list(_prompts_of_cells(db, by, labels))
    errors = {key: _errors(prompts) for key, prompts in rows}
    found = {key: _labelled(prompts) for key, prompts in rows}
    for key, prompts in rows:
        if found[key].corrected.labels == 0 and prompts["judged"].sum():
            # The same pattern in the same kind of reasoning, in cells that have labels.
            others = [table for other, table in errors.items() if other[-2:] == key[-2:] and table.sum()]
            found[key] = replace(found[key], corrected=_from_elsewhere(prompts, others))
    return found


def _labelled(prompts: Columns) -> Labelled:
    """One cell, from its prompts' sums; those of weights become parts of Kish's effective numbers."""
    parts = {}
    for cells, squared in ((("tp", "fp"), "positives_squared"), (("fn", "tn"), "negatives_squared")):
        total = sum(float(prompts[cell].sum()) for cell in cells)
        for cell in cells:
            parts[cell] = prompts[cell] * _over(total, float(prompts[squared].sum()))
    kish = _over(float(prompts["weight"].sum()), float(prompts["squared"].sum()))
    return Labelled(
        int(prompts["labels"].sum()),
        Clusters.of(prompts["showing"] * kish, prompts["weight"] * kish),
        int(prompts["conflicts"].sum()),
        by_verdict(Strata(prompts["positive"], prompts["judged"], **parts, labelled=prompts["labelled"])),
    )


def _errors(prompts: Columns) -> npt.NDArray[np.float64]:
    """tp, fp, fn, tn of a cell, weighted alike, as parts of Kish's effective number."""
    table = np.array([prompts[cell].sum() for cell in ("tp", "fp", "fn", "tn")])
    squared = float(prompts["positives_squared"].sum() + prompts["negatives_squared"].sum())
    return np.asarray(table * _over(float(table.sum()), squared), dtype=np.float64)


def _from_elsewhere(prompts: Columns, others: Sequence[npt.NDArray[np.float64]]) -> Estimate:
    """A cell without labels, by those of other cells; "no labels" where there are none anywhere."""
    if not others:
        return UNLABELLED.corrected
    cell = Clusters.of(prompts["positive"], prompts["judged"])
    effective = cell.effective if cell.prompts >= PROMPTS_TO_GENERALISE else None
    found = transported(cell.part, cell.n, np.stack(others), effective)
    if found.share is None:
        return replace(UNLABELLED.corrected, note=f"no labels; {found.note}")
    return found


def _over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _prompts_of_cells(
    db: duckdb.DuckDBPyConnection, by: Sequence[str], labels: pa.Table
) -> Iterator[tuple[Key, Columns]]:
    """Each cell's COUNTS, a row for each prompt."""
    weight = pa.array(weights(labels["probability"].to_numpy()))
    db.register("people", labels.append_column("w", weight))
    of_one_mind = "p.value IN ('present', 'absent')"
    both = {
        cell: f"v.verdict = '{judged}' AND p.value = '{said}'"
        for cell, judged, said in (
            ("tp", "present", "present"), ("fp", "present", "absent"),
            ("fn", "absent", "present"), ("tn", "absent", "absent"),
        )
    }  # fmt: skip
    sums = {
        **{cell: f"sum(w) FILTER ({held})" for cell, held in both.items()},
        "labelled": f"count(*) FILTER (v.verdict IN ('present', 'absent') AND {of_one_mind})",
        "positives_squared": f"sum(w * w) FILTER (v.verdict = 'present' AND {of_one_mind})",
        "negatives_squared": f"sum(w * w) FILTER (v.verdict = 'absent' AND {of_one_mind})",
        "showing": "sum(w) FILTER (p.value = 'present')",
        "labels": f"count(*) FILTER ({of_one_mind})",
        "weight": f"sum(w) FILTER ({of_one_mind})",
        "squared": f"sum(w * w) FILTER ({of_one_mind})",
        "conflicts": "count(*) FILTER (p.value = 'unresolved')",
    }
    db.execute(
        """CREATE OR REPLACE TEMP TABLE labelled AS
           SELECT cell, attempt_id, pattern, value, w FROM people p JOIN scoped s
             ON s.trajectory = hash(p.trajectory_id) AND s.text = hash(p.reasoning_sha256)
           WHERE p.reasoning_sha256 IS NOT NULL AND p.pattern IN (SELECT pattern FROM tallies)"""
    )
    db.unregister("people")
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE said AS
            SELECT cell, p.pattern, {", ".join(f"{sql} AS {name}" for name, sql in sums.items())}
            FROM labelled p LEFT JOIN (SELECT attempt_id, pattern, verdict FROM log.verdicts
                                       WHERE attempt_id IN (SELECT attempt_id FROM labelled)) v
            USING (attempt_id, pattern) GROUP BY cell, p.pattern"""
    )
    key = ", ".join([*by, "reasoning_state", "pattern"])
    counts = ", ".join(f"coalesce({name}, 0)::DOUBLE AS {name}" for name in sums)
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE prompts AS
            SELECT {key}, prompt, present::DOUBLE AS positive, (present + absent)::DOUBLE AS judged, {counts}
            FROM tallies JOIN cells USING (cell) LEFT JOIN said USING (cell, pattern)"""
    )
    keys = db.execute(f"SELECT {key}, count(*) FROM prompts GROUP BY {key} ORDER BY {key}").fetchall()
    rows = db.execute(f"SELECT {', '.join(COUNTS)} FROM prompts ORDER BY {key}, prompt").fetchnumpy()
    ends = np.cumsum([row[-1] for row in keys])
    parts = {name: np.split(np.asarray(rows[name], dtype=np.float64), ends[:-1]) for name in COUNTS}
    for place, row in enumerate(keys):
        yield tuple(row[:-1]), {name: parts[name][place] for name in COUNTS}
