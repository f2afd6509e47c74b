"""report gaming: how often answers break the request."""

from __future__ import annotations

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit, with_store
from commands.report.shared import columns, existing, in_form, note_synthetic


@click.command()
@click.option("--by", default="checkpoint,variant", show_default=True,
              help="Columns to split by, with commas: checkpoint, series, variant, …")  # fmt: skip
@in_form
@with_store
def gaming(store: Store, as_json: bool, by: str, form: str) -> int:
    """How often answers break the request in the odd-number environment, with Wilson's 95 % interval.

    It is gaming where the incentive asks for that, and breaking the request elsewhere; the two are never pooled.
    Answers that could not be read are missing, and the bounds say what they could change.
    """
    from analysis.measure.gaming import gaming as measured

    with existing(store).session() as db:
        rows = [cell.as_row() for cell in measured(db, columns(by))]
    if not rows:
        raise UserError("no trajectory of the odd-number environment; `telltale simulate` makes some")
    note_synthetic(any(row["synthetic"] for row in rows))
    emit(rows, "json" if as_json else form)
    return 0
