"""Groups of patterns: present when any member is, absent when all are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Judged, Signs


def tagged(table: Judged, members: Sequence[str]) -> list[str]:
    """The members that the run has verdicts on, in the group's order."""
    return [member for member in members if member in table.patterns]


def rollup(table: Judged, members: Sequence[str]) -> Signs:
    """(N,) whether any of the group's patterns is there.

    Only members that the run has verdicts on count; it is UNKNOWN where none is present and one is not known.
    """
    places = [table.patterns.index(member) for member in tagged(table, members)]
    if not places:
        return np.full(len(table), UNKNOWN, np.int8)
    chosen = table.verdicts[:, places]
    return any_of(chosen)


def any_of(signs: Signs) -> Signs:
    """(N,) from (N, M): PRESENT where any is, ABSENT where all are, else UNKNOWN."""
    nothing = np.where((signs == ABSENT).all(axis=1), ABSENT, UNKNOWN)
    return np.where((signs == PRESENT).any(axis=1), PRESENT, nothing).astype(np.int8)


def all_of(signs: Signs) -> Signs:
    """(N,) from (N, M): ABSENT where any is, PRESENT where all are, else UNKNOWN."""
    everything = np.where((signs == PRESENT).all(axis=1), PRESENT, UNKNOWN)
    return np.where((signs == ABSENT).any(axis=1), ABSENT, everything).astype(np.int8)
