"""search: the sentences that are nearest in meaning to a query."""

from __future__ import annotations

from typing import Any

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import Stages, emit, with_store
from commands.report.shared import existing, note_synthetic

SHOWN = (
    "score",
    "checkpoint",
    "variant",
    "trajectory_id",
    "segment",
    "places",
    "before",
    "sentence",
    "after",
)
LONGEST = {"before": 36, "sentence": 100, "after": 36}
"""Letters of each text in the table."""


@click.command()
@click.argument("text")
@click.option("--k", type=click.IntRange(min=1), default=20, show_default=True, help="How many sentences.")
@click.option("--of", type=click.Choice(["segments", "findings"]), default="segments", show_default=True,
              help="Every sentence, or those alone that a run's findings stand in.")  # fmt: skip
@click.option("--run", "run_id", help="The run, for --of findings. [default: the newest]")
@click.option("--checkpoint", multiple=True, help="Only at this checkpoint; may be given several times.")
@click.option("--variant", multiple=True, help="Only in this variant; may be given several times.")
@click.option(
    "--where", help="Which trajectories: a condition in SQL, such as \"environment = 'odd-number'\"."
)
@click.option(
    "--every-place", is_flag=True, help="Show each place of a sentence; else it is shown once, with a count."
)
@with_store
def search(
    store: Store,
    as_json: bool,
    text: str,
    k: int,
    of: str,
    run_id: str | None,
    checkpoint: tuple[str, ...],
    variant: tuple[str, ...],
    where: str | None,
    every_place: bool,
) -> int:
    """Find the sentences of the reasoning that are nearest in meaning to TEXT, the nearest first.

    Vectors are made on the first search and kept beside the store; a stop loses little.
    """
    from analysis import runs
    from analysis.cluster import search as meaning
    from analysis.measure.scope import Scope

    if run_id and of != "findings":
        raise UserError("--run is for --of findings: add it")
    scope = Scope({"checkpoint": checkpoint, "variant": variant})
    with existing(store).session() as db:
        rows = meaning.chosen(db, where, scope) if where or checkpoint or variant else None
        only = meaning.of_findings(db, runs.choose(db, run_id)) if of == "findings" else None
    stages = Stages()
    try:
        embedder = meaning.search_embedder(store.folder, stages("distil"))
        hits = meaning.search(store, text, k, rows, every_place, embedder, stages("embed"), only)
    finally:
        stages.close()
    found = [hit.as_row() for hit in hits]
    note_synthetic(any(row["synthetic"] for row in found))
    if as_json:
        emit(found, "json")
    else:
        emit([_short(row) for row in found], "table", SHOWN)
    return 0


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose texts are one short line each; of what stands before, the end is nearest."""
    told = {name: " ".join((row[name] or "").split()) for name in LONGEST}
    for name, longest in LONGEST.items():
        if len(told[name]) > longest:
            told[name] = (
                f"…{told[name][1 - longest :]}" if name == "before" else f"{told[name][: longest - 1]}…"
            )
    return {**row, **told}


COMMANDS = (search,)
