"""report truth: a run against the known truth of simulated trajectories."""

from __future__ import annotations

from typing import Any

import click

from analysis import runs
from analysis.store import Store
from commands.common import emit, with_store
from commands.report.shared import columns, existing, in_form, note


@click.command()
@click.option("--run", "run_id", help="The run, or the beginning of its id. [default: the newest]")
@click.option(
    "--by", default="", help="Columns to split by beside the bank, with commas: variant, checkpoint, …"
)
@in_form
@with_store
def truth(store: Store, as_json: bool, run_id: str | None, by: str, form: str) -> int:
    """A run held against the known truth of simulated trajectories: sensitivity, specificity, PPV and F1.

    A row for each bank and pattern, with n, Wilson's 95 % intervals, and means over the patterns. Bank a is for
    writing cues and for training; figures to believe are those of bank b.
    """
    from analysis.measure.truth import against_truth, with_means

    with existing(store).session() as db:
        run = runs.choose(db, run_id)
        rows = with_means(against_truth(db, run, columns(by)))
    note(run, True)
    emit(
        [_narrow(row) for row in rows] if form == "table" and not as_json else rows,
        "json" if as_json else form,
    )
    return 0


def _narrow(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a terminal has room for it: each ratio with its interval in one column."""
    from analysis.measure.truth import WITH_INTERVAL

    shown = {name: value for name, value in row.items() if not name.endswith(("_low", "_high"))}
    for ratio in WITH_INTERVAL:
        low, high = row[f"{ratio}_low"], row[f"{ratio}_high"]
        if low is not None:
            shown[ratio] = f"{row[ratio]:.3f} ({low:.3f} to {high:.3f})"
    return shown
