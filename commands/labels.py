"""export and label: labeled sets out of the store, and events into it."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit, with_store

SUFFIXES = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}


@click.command()
@click.argument("kind", type=click.Choice(["labels", "spans", "trajectories", "events", "decisions"]))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@click.option(
    "--as",
    "form",
    type=click.Choice(["jsonl", "csv", "parquet"]),
    help="[default: by the file's ending]",
)
@click.option(
    "--annotator",
    "annotators",
    multiple=True,
    help="Only this person's. May be repeated, like all that follow.",
)
@click.option("--pattern", "patterns", multiple=True, help="Only this pattern.")
@click.option("--checkpoint", "checkpoints", multiple=True, help="Only this checkpoint.")
@click.option("--variant", "variants", multiple=True, help="Only this variant.")
@click.option("--environment", "environments", multiple=True, help="Only this environment.")
@click.option("--unfinished", is_flag=True, help="Traces that were opened and not submitted, too.")
@with_store
def export(
    store: Store, as_json: bool, kind: str, out: Path, form: str | None, annotators: tuple[str, ...],
    patterns: tuple[str, ...], checkpoints: tuple[str, ...], variants: tuple[str, ...], environments: tuple[str, ...],
    unfinished: bool,
) -> int:  # fmt: skip
    """Write a labeled set, with a manifest of counts and hashes beside it.

    labels: a row for each trajectory, annotator and pattern. spans: a row for each quote. trajectories: whole
    ones with both. events: the log itself, which `telltale label import` reads back. decisions: what people
    decided of answers that could not be read, which it reads back too (JSON Lines only).
    """
    from labels import decided
    from labels.transfer import Filter, write

    if not store.exists():
        raise UserError(f"there is no store {store.path}; `telltale ingest` makes one")
    if form is None and out.suffix not in SUFFIXES:
        raise UserError(f"{out} ends in none of {', '.join(SUFFIXES)}; say which with --as")
    which = Filter(annotators, patterns, checkpoints, variants, environments, submitted=not unfinished)
    form = form or SUFFIXES[out.suffix]
    if kind == "decisions" and form != "jsonl":
        raise UserError("decisions are written as JSON Lines; name a file that ends in .jsonl")
    with store.session() as db:
        manifest = decided.write(db, out, which) if kind == "decisions" else write(db, kind, out, form, which)  # type: ignore[arg-type]
    names = ("file", "kind", "format", "rows", "synthetic_rows", "sha256")
    emit([{name: manifest[name] for name in names}], "json" if as_json else "table")
    return 0


@click.group()
def label() -> None:
    """Labels from elsewhere."""


@label.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@with_store
def import_(store: Store, as_json: bool, file: Path) -> int:
    """Bring exported events or decisions (JSON Lines) into the log. What is there already is skipped."""
    from labels.decided import holds_decisions, import_decisions
    from labels.transfer import import_events

    if not store.exists():
        raise UserError(f"there is no store {store.path}; `telltale ingest` the trajectories first")
    report = (import_decisions if holds_decisions(file) else import_events)(store, file)
    row = {
        "read": report.read,
        "stored": report.stored,
        "already": report.already,
        "refused": len(report.refused),
    }
    emit([row], "json" if as_json else "table")
    for reason in report.refused[:10]:
        click.echo(f"set aside: {reason}", err=True)
    return 1 if report.refused else 0


COMMANDS = (export, label)
