"""Pattern and action held against each other: the share of either given the other, and given that it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.measure.clusters import PROMPTS_TO_GENERALISE, Clusters, these_prompts_only
from analysis.measure.difference import CLUSTERED, NEWCOMBE, clustered_error
from analysis.measure.intervals import newcombe
from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Signs
from analysis.measure.ratio import t_quantile
from analysis.measure.significance import two_shares

WAYS = ("pattern", "action")
"""What the shares are of: patterns given the action, or the action given patterns."""
COLUMNS = (
    "pattern", "share_of", "with_part", "with_n", "with_share", "with_low", "with_high", "with_missing", "without_part",
    "without_n", "without_share", "without_low", "without_high", "without_missing", "difference", "low", "high",
    "interval", "p", "prompts", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Given:
    """One share given a condition, and given that the condition does not hold.

    Attributes:
        pattern: The pattern.
        share_of: `pattern` where the condition is the action, `action` where it is the pattern.
        on, off: The shares with and without the condition.
        missing: Trajectories with and without the condition in which what is counted is not known.
        difference, low, high: On less off, with its interval; None where a side has nothing.
        interval: What the interval is called.
        p: Of the test that they do not differ; None where there is none.
        prompts: How many prompts the trajectories are of.
        note: What must be said beside it; None when there is nothing.
    """

    pattern: str
    share_of: str
    on: Clusters
    off: Clusters
    missing: tuple[int, int]
    difference: float | None
    low: float | None
    high: float | None
    interval: str | None
    p: float | None
    prompts: int
    note: str | None

    def as_row(self) -> dict[str, Any]:
        """A flat mapping: COLUMNS."""
        row: dict[str, Any] = {column: getattr(self, column, None) for column in COLUMNS}
        for side, share, missing in zip(("with", "without"), (self.on, self.off), self.missing, strict=True):
            low, high = share.interval() or (None, None)
            row |= {f"{side}_part": int(share.part), f"{side}_n": int(share.n), f"{side}_share": share.share,
                    f"{side}_low": low, f"{side}_high": high, f"{side}_missing": missing}  # fmt: skip
        return row


def given(
    patterns: Mapping[str, Signs], action: Signs, prompt: npt.NDArray[np.int32], share_of: str = "pattern"
) -> list[Given]:
    """Each pattern's share among the traces with the action and among those without it, or the other way round.

    Args:
        patterns: For each pattern (N,) whether it is in the trace.
        action: (N,) what the answer did.
        prompt: (N,) each trace's prompt, as a whole number from 0 up.
        share_of: `pattern` for patterns given the action, `action` for the action given each pattern.

    Returns:
        In the order given. A trace in which the condition is not known counts on neither side.
    """
    return [
        _given(name, share_of, *((signs, action) if share_of == "pattern" else (action, signs)), prompt)
        for name, signs in patterns.items()
    ]


def _given(name: str, share_of: str, what: Signs, condition: Signs, prompt: npt.NDArray[np.int32]) -> Given:
    counts, missing = [], []
    size = int(prompt.max()) + 1 if len(prompt) else 0
    for side in (PRESENT, ABSENT):
        known = (condition == side) & (what != UNKNOWN)
        missing.append(int(((condition == side) & (what == UNKNOWN)).sum()))
        counts += [
            np.bincount(prompt[known & (what == PRESENT)], minlength=size),
            np.bincount(prompt[known], minlength=size),
        ]
    table = np.stack(counts, axis=1)
    table = table[(table[:, 1] > 0) | (table[:, 3] > 0)]
    on, off = Clusters.of(table[:, 0], table[:, 1]), Clusters.of(table[:, 2], table[:, 3])
    both = (missing[0], missing[1])
    if not (on.n and off.n):
        side_name = "with" if not on.n else "without"
        condition_name = "the action" if share_of == "pattern" else "the pattern"
        note = f"nothing known {side_name} {condition_name}"
        return Given(name, share_of, on, off, both, None, None, None, None, None, len(table), note)
    return Given(
        name, share_of, on, off, both, *_difference(table, on, off), len(table), _note(on, off, len(table))
    )


def _difference(
    table: npt.NDArray[np.int64], on: Clusters, off: Clusters
) -> tuple[float, float, float, str, float | None]:
    """Difference, low, high, what the interval is called, p."""
    value = on.part / on.n - off.part / off.n
    fewest = min(on.prompts, off.prompts)
    error = clustered_error(table) if fewest >= PROMPTS_TO_GENERALISE else None
    if error:
        from scipy.special import stdtr

        half = t_quantile(0.975, fewest - 1) * error
        p = 2 * float(stdtr(fewest - 1, -abs(value) / error))
        return value, max(-1.0, value - half), min(1.0, value + half), CLUSTERED, p
    counts = (int(on.part), int(on.n), int(off.part), int(off.n))
    low, high = newcombe(*counts) or (value, value)
    return value, low, high, NEWCOMBE, two_shares(*counts).p


def _note(on: Clusters, off: Clusters, prompts: int) -> str | None:
    if min(on.prompts, off.prompts) >= PROMPTS_TO_GENERALISE:
        return None
    return these_prompts_only(prompts)
