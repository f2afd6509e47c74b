"""report judge: how good a run's verdicts are."""

from __future__ import annotations

import click

from analysis import runs
from analysis.store import Store
from commands.common import emit
from commands.report.shared import columns, existing, figures, note


@click.command()
@click.option("--against", "outcome", required=True, help="The outcome to hold the run's verdicts against.")
@click.option("--pattern", help="The pattern, where the run has several.")
@figures
def judge(
    store: Store, as_json: bool, run_id: str | None, by: str, form: str, outcome: str, pattern: str | None
) -> int:
    """Confusion matrices of a run's verdicts (present is positive) against an outcome (true is positive)."""
    from analysis.measure.judge import against_outcome

    with existing(store).session() as db:
        run = runs.choose(db, run_id)
        rows = [matrix.as_row() for matrix in against_outcome(db, run, outcome, columns(by), pattern=pattern)]
    note(run, False)
    emit(rows, "json" if as_json else form)
    return 0
