"""report truth: a run against the known truth of simulated trajectories."""

from __future__ import annotations

import click

from analysis import runs
from analysis.store import Store
from commands.common import emit, with_store
from commands.report.shared import existing, in_form, note


@click.command()
@click.option("--run", "run_id", help="The run, or the beginning of its id. [default: the newest]")
@in_form
@with_store
def truth(store: Store, as_json: bool, run_id: str | None, form: str) -> int:
    """A run held against the known truth of simulated trajectories, a bank and pattern, with means.

    Bank a is for writing cues and for training; figures to believe are those of bank b.
    """
    from analysis.measure.truth import against_truth, with_means

    with existing(store).session() as db:
        run = runs.choose(db, run_id)
        rows = with_means(against_truth(db, run))
    note(run, True)
    emit(rows, "json" if as_json else form)
    return 0
