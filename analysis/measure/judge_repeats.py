"""How often repeats of a run say different things of the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np

from analysis.measure.judge_verdicts import ABSENT, PRESENT, UNSURE, verdicts_of
from analysis.measure.share import Share


@dataclass(frozen=True)
class Flips:
    """How often repeats of a run differ on a pattern.

    Attributes:
        pattern: The pattern's identifier.
        repeats: How many runs are compared.
        flipped: Trajectories on which they say both present and absent.
        n: Trajectories on which at least two of them say present or absent.
        pairwise: The chance that two of them differ on a trajectory; with two repeats it is flipped / n.
        unsure: Trajectories on which one says present or absent and another is unsure.
    """

    pattern: str
    repeats: int
    flipped: int
    n: int
    pairwise: float | None
    unsure: int

    def as_row(self) -> dict[str, Any]:
        """The figures, with Wilson's 95 % interval of flipped / n."""
        share = Share(self.flipped, self.n, 0).as_row()
        return {
            "pattern": self.pattern, "repeats": self.repeats, "flipped": self.flipped, "n": self.n,
            "rate": share["share"], "rate_low": share["low"], "rate_high": share["high"],
            "pairwise": self.pairwise, "unsure": self.unsure,
        }  # fmt: skip


def flips(db: duckdb.DuckDBPyConnection, run_ids: Sequence[str]) -> list[Flips]:
    """How often runs that should say the same do not, pattern by pattern.

    Args:
        db: A session of the store.
        run_ids: Repeats of one run, as `runs.repeats_of` gives them; the result is empty for fewer than two.
    """
    if len(run_ids) < 2:
        return []
    read = verdicts_of(db, run_ids)
    present, absent = ((read.said == word).sum(axis=0) for word in (PRESENT, ABSENT))
    known = present + absent
    compared = known > 1
    pairs = np.where(compared, known * (known - 1) / 2, 1)
    differing = present * absent / pairs
    unsure = (read.said == UNSURE).any(axis=0) & (known > 0)
    return [
        Flips(
            pattern,
            len(run_ids),
            flipped=int((differing[:, at] > 0).sum()),
            n=int(compared[:, at].sum()),
            pairwise=float(differing[compared[:, at], at].mean()) if compared[:, at].any() else None,
            unsure=int(unsure[:, at].sum()),
        )
        for at, pattern in enumerate(read.patterns)
    ]
