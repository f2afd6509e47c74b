"""Frequencies of anything that is known of each trajectory: groups of patterns, and what is derived from them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from analysis.measure.clusters import Clusters
from analysis.measure.frequencies import Frequency
from analysis.measure.judged import PRESENT, UNKNOWN, Judged, Signs
from analysis.trajectories import READABLE


def shares(table: Judged, columns: Mapping[str, Signs], state: str = "text") -> list[Frequency]:
    """The share of trajectories at each checkpoint in which each column is PRESENT, in the checkpoints' order.

    Of a pattern's own verdicts they are the cells of `frequencies`, without labels.

    Args:
        table: The trajectories in scope, of every kind of reasoning.
        columns: For each name (N,) what is known.
        state: The kind of reasoning whose trajectories count.
    """
    of_state = table.where("reasoning_state", [state])
    unreadable = ~table.where("reasoning_state", READABLE)
    written, prompts = ~table.where("synthetic", [None]), table.codes["prompt"]
    found = []
    for checkpoint, rows in table.by_checkpoint():
        here = rows[of_state[rows]]
        attempted = table.attempt_id[here] != 0
        for name, signs in columns.items():
            known = here[signs[here] != UNKNOWN]
            unsure = int((attempted & (signs[here] == UNKNOWN)).sum())
            sizes = np.bincount(prompts[known])
            part = np.bincount(prompts[known[signs[known] == PRESENT]], minlength=len(sizes))
            found.append(Frequency(
                group={"checkpoint": checkpoint},
                reasoning_state=state,
                pattern=name,
                clusters=Clusters.of(part, sizes),
                unsure=unsure,
                unjudged=len(here) - len(known) - unsure,
                unreadable=int(unreadable[rows].sum()),
                synthetic=int(written[here].sum()),
            ))  # fmt: skip
    return found
