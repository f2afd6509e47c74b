"""Two runs against each other, on the texts that both judged, and against blind labels on these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.measure.judge_bootstrap import Array, Figure, figure, sample, sample_of_cells, share
from analysis.measure.judge_labels import paired
from analysis.measure.judge_ratios import SHARES, ratios, why_undefined
from analysis.measure.judge_verdicts import ABSENT, PRESENT, verdicts_of
from analysis.measure.weights import weights as inverse_weights

COMPARED = ("sensitivity", "specificity", "kappa")
"""The figures in which two runs are held against blind labels."""


@dataclass(frozen=True)
class Comparison:
    """Two runs on one pattern.

    Attributes:
        pattern: The pattern's identifier.
        both, only_first, only_second, neither: Trajectories that both judged, by who says present.
        missing: Trajectories on which one says present or absent and the other does not.
        figures: agreement (share of equal verdicts), kappa (Cohen's), first_share and second_share (who says
            present), difference (second less first).
        labels: Blind labels on trajectories that both judged.
        labelled: For each of COMPARED the first run's figure, the second's, and their difference (second less
            first) on these same trajectories; empty without labels.
        resampled: What the intervals were made from; `labels_resampled` those of the differences on labels.
    """

    pattern: str
    both: int
    only_first: int
    only_second: int
    neither: int
    missing: int
    figures: dict[str, Figure]
    labels: int
    labelled: dict[str, Figure]
    resampled: str
    labels_resampled: str | None

    @property
    def n(self) -> int:
        """Trajectories on which both say present or absent."""
        return self.both + self.only_first + self.only_second + self.neither

    def as_row(self) -> dict[str, Any]:
        """The table first, then each figure with its interval."""
        row: dict[str, Any] = {"pattern": self.pattern, "n": self.n}
        row |= {
            name: getattr(self, name) for name in ("both", "only_first", "only_second", "neither", "missing")
        }
        for name, each in self.figures.items():
            row |= each.as_row(name)
        row["labels"] = self.labels
        for name in LABELLED:
            row |= self.labelled.get(name, Figure(None)).as_row(name)
        told = {**self.figures, **self.labelled}
        notes = [f"{name}: {each.note}" for name, each in told.items() if each.note]
        return row | {"intervals": self.resampled, "notes": "; ".join(notes) or None}


FIGURES = ("agreement", "kappa", "first_share", "second_share", "difference")
"""What is said of the verdicts of two runs."""

OF_ALL = ("agreement", "first_share", "second_share")
"""Those figures of a comparison that are shares of all trajectories."""
NONE_JUDGED = "no trajectory was judged by both"
NO_CHANCE = "both say the same of every trajectory, so chance and agreement can't be told apart"
Words = npt.NDArray[np.int8]
OnLabels = tuple[int, str, dict[str, Figure]]
"""How many labels, what was resampled, and LABELLED."""

LABELLED = tuple(f"{name}_{which}" for name in COMPARED for which in ("first", "second", "difference"))
"""The columns of a comparison that rest on labels."""


def compare(
    db: duckdb.DuckDBPyConnection, first: str, second: str, labels: pa.Table | None = None
) -> list[Comparison]:
    """Two runs against each other, on each pattern that both speak of.

    Args:
        db: A session of the store.
        first: The one run.
        second: The other.
        labels: What people said blind, as `labels.gold.frame` gives it.
    """
    read = verdicts_of(db, [first, second])
    on_labels = _on_labels(db, first, second, labels) if labels is not None and len(labels) else {}
    return [
        _comparison(pattern, read.said[0, :, at], read.said[1, :, at], read.prompts, on_labels.get(pattern))
        for at, pattern in enumerate(read.patterns)
        if read.said[:, :, at].any(axis=1).all()
    ]


def _comparison(
    pattern: str, first: Words, second: Words, prompts: npt.NDArray[np.int64], labelled: OnLabels | None
) -> Comparison:
    known = [np.isin(said, (PRESENT, ABSENT)) for said in (first, second)]
    judged = known[0] & known[1]
    cells = 2 * (first[judged] != PRESENT) + (second[judged] != PRESENT)
    of = sample_of_cells(cells, 4, prompts[judged])
    both, only_first, only_second, neither = (int(total) for total in of.totals)
    now, drawn = _figures(of.totals), _figures(of.resampled())
    undefined = NO_CHANCE if judged.any() else NONE_JUDGED
    missing = int((known[0] ^ known[1]).sum())
    labels, labels_resampled, on_labels = labelled or (0, None, {})
    return Comparison(
        pattern, both, only_first, only_second, neither, missing,
        figures={
            name: figure(now[name], drawn[name], of, undefined, range(4) if name in OF_ALL else None) for name in now
        },
        labels=labels,
        labelled=on_labels,
        resampled=of.told,
        labels_resampled=labels_resampled,
    )  # fmt: skip


def _on_labels(
    db: duckdb.DuckDBPyConnection, first: str, second: str, labels: pa.Table
) -> dict[str, OnLabels]:
    """Both runs against the labels on trajectories that both judged, pattern by pattern."""
    one, other = paired(db, first, labels), paired(db, second, labels)
    both = (one["why"] == "") & (other["why"] == "")
    true = one["value"] == "present"
    cells = np.concatenate([_cells(run["verdict"] == "present", true) for run in (one, other)], axis=1)
    found = {}
    for pattern in dict.fromkeys(one["pattern"][both]):
        mine = both & (one["pattern"] == pattern)
        weights = inverse_weights(one["probability"][mine])
        of = sample(cells[mine] * weights[:, None], one["prompt"][mine])
        now, drawn = _against_labels(of.totals), _against_labels(of.resampled())
        figures = {
            name: figure(now[name], drawn[name], of, _why(name, of.totals), _bearing(name))
            for name in LABELLED
        }
        found[pattern] = int(mine.sum()), of.told, figures
    return found


def _cells(said: npt.NDArray[np.bool_], true: npt.NDArray[np.bool_]) -> Array:
    return np.stack([said & true, said & ~true, ~said & true, ~said & ~true], axis=1).astype(np.float64)


def _against_labels(totals: Array) -> dict[str, Array]:
    """LABELLED of (…, 8): the first run's tp, fp, fn, tn, then the second's."""
    first, second = ratios(totals[..., :4]), ratios(totals[..., 4:])
    found = {}
    for name in COMPARED:
        found[f"{name}_first"], found[f"{name}_second"] = first[name], second[name]
        found[f"{name}_difference"] = second[name] - first[name]
    return found


def _bearing(name: str) -> tuple[int, ...] | None:
    """The columns that a share rests on, the same labels for both runs; None for what is no share."""
    ratio, _, which = name.rpartition("_")
    return None if which == "difference" else SHARES.get(ratio)


def _why(name: str, totals: Array) -> str:
    """Why a figure of LABELLED has no value."""
    ratio, _, which = name.rpartition("_")
    first, second = why_undefined(ratio, totals[:4]), why_undefined(ratio, totals[4:])
    return second if which == "second" else first or second


def _figures(totals: Array) -> dict[str, Array]:
    """What is said of the verdicts of two runs: of (both, only the first, only the second, neither) say present."""
    both, first, second, neither = np.moveaxis(totals, -1, 0)
    n = totals.sum(axis=-1)
    return {
        "agreement": share(both + neither, n),
        "kappa": ratios(totals)["kappa"],
        "first_share": share(both + first, n),
        "second_share": share(both + second, n),
        "difference": share(second - first, n),
    }
