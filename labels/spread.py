"""How people's blind labels are spread over checkpoints: where a rate has labels to rest on, and where it has none."""

from __future__ import annotations

from collections import Counter
from typing import Any

import duckdb

from analysis.codebook import Codebook, load
from analysis.measure.scope import checkpoint_order
from labels.gold import gold


def by_checkpoint(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> list[dict[str, Any]]:
    """For each pattern and checkpoint with a blind label: pattern, checkpoint, labelled, present, unresolved.

    All are counts of trajectories. Patterns are in the codebook's order, checkpoints in theirs.
    """
    book = codebook or load()
    found = gold(db, book)
    rows = db.execute(
        "SELECT trajectory_id, checkpoint FROM trajectories WHERE trajectory_id IN (SELECT unnest(?::VARCHAR[]))",
        [list({each.trajectory_id for each in found})],
    ).fetchall()
    checkpoints: dict[str, str | None] = dict(rows)
    counted: Counter[tuple[str, str | None, str]] = Counter(
        (each.pattern, checkpoints[each.trajectory_id], each.value or "unresolved")
        for each in found
        if each.trajectory_id in checkpoints
    )
    patterns = {pattern: place for place, pattern in enumerate(book.ids())}
    order = checkpoint_order(db)
    cells = sorted(
        {(pattern, checkpoint) for pattern, checkpoint, _ in counted},
        key=lambda cell: (patterns.get(cell[0], len(patterns)), cell[0], order.get(cell[1], len(order))),
    )
    return [
        {
            "pattern": pattern,
            "checkpoint": checkpoint,
            "labelled": sum(counted[pattern, checkpoint, value] for value in ("present", "absent", "unsure", "unresolved")),
            "present": counted[pattern, checkpoint, "present"],
            "unresolved": counted[pattern, checkpoint, "unresolved"],
        }
        for pattern, checkpoint in cells
    ]  # fmt: skip
