"""report agreement: how far people agree."""

from __future__ import annotations

import click

from analysis.store import Store
from commands.common import emit, with_store
from commands.report.shared import existing, in_form


@click.command()
@click.option("--pattern", "patterns", multiple=True, help="Only these patterns. May be repeated.")
@click.option(
    "--all", "everything", is_flag=True, help="All columns: positive and negative agreement, intervals."
)
@in_form
@with_store
def agreement(store: Store, as_json: bool, patterns: tuple[str, ...], everything: bool, form: str) -> int:
    """How far people agree on what they labelled blind, pattern by pattern.

    n, percent, Cohen's kappa (Fleiss' of several people), Krippendorff's alpha and Gwet's AC1; alpha and F1 over
    the sentences that two people marked; each person with themself where they labelled traces a second time.
    """
    from labels.agreement import COMPACT
    from labels.agreement import agreement as measured
    from labels.copies import copies
    from labels.log import events_of

    with existing(store).session() as db:
        rows = [each.as_row() for each in measured(db, patterns or None)]
        same = copies(events_of(db))
    if not rows:
        click.echo("no two people have labelled; the Label page is where they do", err=True)
    for each in same:
        click.echo(str(each), err=True)
    form = "json" if as_json else form
    widest = max(rows, key=len, default={})
    emit(rows, form, COMPACT if form == "table" and not everything else list(widest))
    return 0
