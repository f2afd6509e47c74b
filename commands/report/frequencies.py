"""report frequencies: how often each pattern appears."""

from __future__ import annotations

import click

from analysis import runs
from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit
from commands.report.shared import columns, existing, figures, note


@click.command()
@click.option("--pattern", "patterns", multiple=True, help="Only these patterns. May be repeated.")
@figures
def frequencies(
    store: Store, as_json: bool, run_id: str | None, by: str, form: str, patterns: tuple[str, ...]
) -> int:
    """How often each pattern appears: n, share, 95 % interval, what is missing and its bounds.

    From 20 prompts up the interval is clustered by prompt (Korn-Graubard); below that it is Wilson's, for these
    prompts only, and the note says so. The design effect is what prompts cost: the variance over that of
    independent trajectories.

    Once people have labelled, the rate from their blind labels stands beside the run's, and the run's rate
    corrected by them.
    """
    from labels import gold

    with existing(store).session() as db:
        run = runs.choose(db, run_id)
        cells = gold.frequencies(db, run, columns(by), patterns=patterns or None)
    rows = [cell.as_row() for cell in cells]
    if patterns and not any(row["n"] for row in rows):
        raise UserError(f"the run {run} has no verdict on {', '.join(patterns)}")
    note(run, any(row["synthetic"] for row in rows))
    emit(rows, "json" if as_json else form)
    return 0
