"""Blind labels, and the one word that several people's labels come to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from analysis.measure.frequencies import Frequency
from analysis.measure.frequencies import frequencies as run_frequencies
from analysis.measure.scope import Scope
from labels.events import Event
from labels.fold import blind
from labels.log import by_trajectory, events_of
from labels.state import Label, State

SELF_SELECTED = "self-selected"
"""The queue reason of what a person searched out. Such labels stay out of rates."""


@dataclass(frozen=True)
class BlindLabel:
    """A person's word on one (trajectory, pattern) as it was at submit, before anything was revealed."""

    trajectory_id: str
    annotator: str
    pattern: str
    label: Label
    state: State

    @property
    def value(self) -> str:
        """present, absent or unsure."""
        return self.label.value or "absent"


def blind_labels(events: Iterable[Event]) -> list[BlindLabel]:
    """The blind label of every submitted (trajectory, annotator, pattern), in a fixed order."""
    found = []
    for (trajectory_id, annotator), mine in sorted(by_trajectory(events).items()):
        state = blind(mine)
        if state is not None:
            found += [
                BlindLabel(trajectory_id, annotator, pattern, label, state)
                for pattern, label in sorted(state.labels.items())
                if label.value is not None
            ]
    return found


def resolved(labels: Iterable[BlindLabel]) -> dict[tuple[str, str], str | None]:
    """What a (trajectory, pattern)'s labels come to: their value where all agree, else None for unresolved."""
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in labels:
        values[each.trajectory_id, each.pattern].add(each.value)
    return {key: next(iter(said)) if len(said) == 1 else None for key, said in values.items()}


def frame(db: duckdb.DuckDBPyConnection) -> pa.Table:
    """The labels that rates may rest on: blind, not self-selected, present or absent, of one mind.

    Returns:
        Columns trajectory_id, reasoning_sha256 (of the text that was labelled), pattern, value.
    """
    labels = [each for each in blind_labels(events_of(db)) if each.state.queue_reason != SELF_SELECTED]
    sha = {each.trajectory_id: each.state.reasoning_sha256 for each in labels}
    rows = [
        {
            "trajectory_id": trajectory_id,
            "reasoning_sha256": sha[trajectory_id],
            "pattern": pattern,
            "value": value,
        }
        for (trajectory_id, pattern), value in resolved(labels).items()
        if value in ("present", "absent")
    ]
    names = ("trajectory_id", "reasoning_sha256", "pattern", "value")
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in names]))


def frequencies(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str] = ("checkpoint",),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    patterns: Sequence[str] | None = None,
) -> list[Frequency]:
    """`analysis.measure.frequencies` with the store's own labels: each cell has the rate from blind labels, and
    the run's rate corrected by them, once there are any.
    """  # noqa: D205
    return run_frequencies(db, run_id, by, scope, patterns, labels=frame(db))
