"""Which rows are exported: the kinds, and the filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["labels", "spans", "gold", "judge-eval", "trajectories", "events"]
KINDS: tuple[Kind, ...] = ("labels", "spans", "gold", "judge-eval", "trajectories", "events")
MEANING: Mapping[Kind, str] = {
    "labels": "A row for each trajectory, annotator and pattern: the value now, and what it was while blind.",
    "spans": "A row for each quote, with code-point offsets, stance and role.",
    "gold": "A row for each trajectory and pattern: what people's blind labels come to, how, and the soft label.",
    "judge-eval": "Gold beside a run's verdict on the same text: what a judge is measured by.",
    "trajectories": "Whole trajectories, each with its labels, spans and gold; with a run, its verdicts and findings.",
    "events": "The log itself, every action in order. `telltale label import` reads it back.",
}
STATUSES: Mapping[Kind, tuple[str, ...]] = {
    **dict.fromkeys(
        ("labels", "spans", "trajectories"),
        ("open", "submitted", "assisted", "reviewed", "skipped", "imported"),
    ),
    **dict.fromkeys(("gold", "judge-eval"), ("unanimous", "adjudicated", "single", "unresolved")),
    "events": (),
}
"""What a row can be. assisted: findings had been seen before. reviewed: what a judge or others say was seen after
submit."""

ABOUT = (
    "trajectory_id", "source", "environment", "variant", "prompt_id", "checkpoint", "model", "sample", "synthetic",
)  # fmt: skip
"""What every exported row says of its trajectory."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which labels are exported. Empty keeps all.

    Attributes:
        statuses: Of STATUSES.
        run_id: Whose verdicts stand beside gold; the newest run's where none is named. Trajectories have verdicts
            only where one is.
        submitted: Whether traces that somebody opened and did not submit stay out.
    """

    annotators: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    run_id: str | None = None
    submitted: bool = True

    def keeps(self, pattern: str | None, status: str | None) -> bool:
        """Whether a row of this pattern and status is exported."""
        return (not self.patterns or pattern in self.patterns) and (
            not self.statuses or status in self.statuses
        )


ALL = Filter()
