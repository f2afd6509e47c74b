"""report agreement: how far people agree."""

from __future__ import annotations

import click

from analysis.store import Store
from commands.common import emit, with_store
from commands.report.shared import existing, in_form


@click.command()
@click.option("--pattern", "patterns", multiple=True, help="Only these patterns. May be repeated.")
@in_form
@with_store
def agreement(store: Store, as_json: bool, patterns: tuple[str, ...], form: str) -> int:
    """How far people agree on what they labelled blind: n, percent, Cohen's kappa, Krippendorff's alpha."""
    from labels.agreement import agreement as measured

    with existing(store).session() as db:
        rows = [each.as_row() for each in measured(db, patterns or None)]
    if not rows:
        click.echo("no two people have labelled; the Label page is where they do", err=True)
    emit(rows, "json" if as_json else form)
    return 0
