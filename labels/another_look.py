"""Labels that were made under an older definition: nothing is dropped, and each waits for another look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from analysis.codebook import Change, Codebook
from labels.fold import fold
from labels.log import by_trajectory, events_of
from labels.state import State


@dataclass(frozen=True)
class AnotherLook:
    """A label to look at again.

    Attributes:
        pattern: What must be judged now.
        was: The pattern that was judged then; the same id where its definition changed.
        value: What the person said of it.
        change: redefine or split.
        revision: Of the codebook that made the change.
        made_under: The revision under which the label was made; None where the log does not say.
    """

    trajectory_id: str
    annotator: str
    pattern: str
    was: str
    value: str
    change: str
    revision: int
    made_under: int | None

    def as_row(self) -> dict[str, Any]:
        """The columns as a flat mapping."""
        return asdict(self)


def to_look_at(
    db: duckdb.DuckDBPyConnection, codebook: Codebook, annotator: str | None = None
) -> list[AnotherLook]:
    """The labels of all, or of one person, that an older definition was used for, in a fixed order.

    A label is on the list until the person judges the pattern again or submits the trace again.
    """
    changes = [change for change in codebook.history if change.kind in ("redefine", "split")]
    if not changes:
        return []
    found: list[AnotherLook] = []
    for (trajectory_id, name), events in sorted(by_trajectory(events_of(db, annotator)).items()):
        state = fold(events, codebook.history)
        for change in changes:
            for pattern, was in _waiting(state, change, codebook):
                label = state.label(was)
                found.append(AnotherLook(
                    trajectory_id, name, pattern, was, str(label.value), change.kind, change.revision,
                    label.codebook_revision,
                ))  # fmt: skip
    return found


def _waiting(state: State, change: Change, codebook: Codebook) -> Iterator[tuple[str, str]]:
    """(pattern to judge, pattern that was judged) of a change on one trace."""
    was = codebook.called_since(change.old[0], change)
    label = state.label(was)
    if label.value is None:
        return
    if change.kind == "redefine":
        if was in codebook.ids() and (label.codebook_revision or 0) < change.revision:
            yield was, was
    elif label.value != "absent":
        for part in change.new:
            now = codebook.called_since(part, change)
            if now in codebook.ids() and state.value(now) is None:
                yield now, was
