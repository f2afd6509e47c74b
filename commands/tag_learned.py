"""tag --tagger learned: learn from the store's blind labels, and tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from analysis.store import Store
from commands.common import Stages, emit

if TYPE_CHECKING:
    import pyarrow as pa

    from analysis.codebook import Codebook
    from analysis.learned.tagging import Settings

FIGURES = [f"{name}{end}" for name in ("sensitivity", "specificity", "auc") for end in ("", "_low", "_high")]
COLUMNS = ("pattern", "present", "absent", "n", *FIGURES)


def tag_learned(
    store: Store, codebook: Codebook, embedder: str | None, where: str | None, dry_run: bool, form: str
) -> int:
    """Learn and tag, or say what would be learned from."""
    from analysis.learned.tagging import Settings, tag_with_learned
    from labels.training import examples

    with store.session() as db:
        labels = examples(db, codebook)
    settings = Settings(embedder)
    if dry_run:
        return _dry(store, codebook, labels, settings, where, form)
    stages = Stages()
    try:
        done = tag_with_learned(store, codebook, labels, settings, where, stages)
    finally:
        stages.close()
    run = {"run": done.run_id, "tagged": done.counts.total(), **done.counts}
    rows = [each.as_row() for each in done.quality]
    if form == "json":
        emit([{**run, "quality": rows, "refused": done.refused}], form)
    else:
        emit([run], form)
        click.echo("\nOn labelled traces that were held out, by prompt where there are several:")
        emit(rows, form, COLUMNS)
    _refused(done.refused, done.note)
    return 0


def _dry(
    store: Store, codebook: Codebook, labels: pa.Table, settings: Settings, where: str | None, form: str
) -> int:
    from analysis.learned.tagging import to_tag_with_learned

    stages = Stages()
    try:
        run_id, count, found = to_tag_with_learned(store, codebook, labels, settings, where, stages)
    finally:
        stages.close()
    emit(
        [{"run": run_id, "to_tag": count, "labelled": len(found.traces), "patterns": len(found.patterns)}],
        form,
    )
    _refused(found.refused)
    return 0


def _refused(refused: dict[str, str], note: str | None = None) -> None:
    for pattern, why in refused.items():
        click.echo(f"{pattern} is left out: {why}", err=True)
    if note:
        click.echo(note, err=True)
