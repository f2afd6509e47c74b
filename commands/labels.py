"""export and label: labeled sets out of the store, and events into it."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit, with_store

KINDS = ("labels", "spans", "gold", "judge-eval", "trajectories", "events", "decisions")
FORMS = ("jsonl", "csv", "parquet", "huggingface", "label-studio", "scout")


@click.command()
@click.argument("kind", type=click.Choice(KINDS))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write; a folder for huggingface.",
)
@click.option("--as", "form", type=click.Choice(FORMS), help="[default: by the file's ending]")
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
@click.option("--status", "statuses", multiple=True,
              help="Only this status: submitted, assisted, reviewed, …; of gold unanimous, adjudicated, …")  # fmt: skip
@click.option(
    "--run",
    "run_id",
    help="Whose verdicts go with gold or trajectories. [default: for judge-eval the newest]",
)
@click.option("--unfinished", is_flag=True, help="Traces that were opened and not submitted, too.")
@with_store
def export(
    store: Store, as_json: bool, kind: str, out: Path, form: str | None, annotators: tuple[str, ...],
    patterns: tuple[str, ...], checkpoints: tuple[str, ...], variants: tuple[str, ...], environments: tuple[str, ...],
    statuses: tuple[str, ...], run_id: str | None, unfinished: bool,
) -> int:  # fmt: skip
    """Write a labeled set, with a manifest of counts and hashes beside it.

    labels: a row for each trajectory, annotator and pattern. spans: a row for each quote. gold: what people's labels
    come to, with soft labels; also as a validation set of Inspect Scout. judge-eval: gold beside a run's verdicts.
    trajectories: whole ones with all that; also as tasks of Label Studio. events: the log itself, which `telltale
    label import` reads back. decisions: what people decided of answers that could not be read, which it reads back too.
    """
    from labels import decided
    from labels.export_filter import STATUSES, Filter
    from labels.export_forms import ENDINGS
    from labels.transfer import write

    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` makes one")
    if form is None and out.suffix not in ENDINGS:
        raise UserError(f"{out} ends in none of {', '.join(ENDINGS)}; say which with --as")
    form = form or ENDINGS[out.suffix]
    possible = STATUSES.get(kind, ())  # type: ignore[call-overload]
    if unknown := [each for each in statuses if each not in possible]:
        told = f"a status of {', '.join(possible)}" if possible else "no status"
        raise UserError(f"{kind} have {told}; not {unknown[0]}")
    which = Filter(
        annotators, patterns, checkpoints, variants, environments, statuses, run_id, submitted=not unfinished
    )
    if kind == "decisions" and form != "jsonl":
        raise UserError("decisions are written as JSON Lines; name a file that ends in .jsonl")
    with store.session() as db:
        manifest = decided.write(db, out, which) if kind == "decisions" else write(db, kind, out, form, which)  # type: ignore[arg-type]
    names = ("file", "kind", "format", "rows", "synthetic_rows", "sha256")
    emit([{name: manifest[name] for name in names}], "json" if as_json else "table")
    if manifest.get("left_out"):
        click.echo(
            f"{manifest['left_out']} trajectories lack gold on one of the patterns and were left out",
            err=True,
        )
    return 0


@click.group()
def label() -> None:
    """Labels: the queue, who is where, and labels from elsewhere."""


@label.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@with_store
def import_(store: Store, as_json: bool, file: Path) -> int:
    """Bring exported events or decisions (JSON Lines) into the log. What is there already is skipped."""
    from labels.decided import holds_decisions, import_decisions
    from labels.importing import import_events

    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` the trajectories first")
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


@label.command()
@click.option(
    "--size",
    type=click.IntRange(1),
    help="Draw a new queue of so many traces. Without it, show the one there is.",
)
@click.option("--run", "run_id", help="The run whose verdicts it looks at; the beginning of its id will do.")
@click.option("--share", "shares", nargs=2, multiple=True, type=(str, float), metavar="REASON SHARE",
              help="Of the draws: uniform, verdict, unsure, against, rare, clusters, flagged, uncertain.")  # fmt: skip
@click.option("--where", help="Which trajectories: a condition in SQL.")
@click.option(
    "--overlap", type=float, default=0.2, show_default=True, help="The share that goes to two people."
)
@click.option("--repeats", type=float, default=0.05, show_default=True,
              help="The share of their own traces that each person gets again.")  # fmt: skip
@click.option("--lease", type=float, default=4.0, show_default=True, help="Hours that an opened trace waits.")
@click.option("--seed", type=int, help="Of the draw.")
@with_store
def queue(
    store: Store, as_json: bool, size: int | None, run_id: str | None, shares: tuple[tuple[str, float], ...],
    where: str | None, overlap: float, repeats: float, lease: float, seed: int | None,
) -> int:  # fmt: skip
    """Draw the traces that people are to label, or show how far they are.

    From each stratum an own random sample is drawn, so that the probability of each trace is known and rates are
    weighted by it. The newest queue is the one that people work on; without any, everybody labels everything.
    """
    from analysis import runs
    from labels.progress import overview
    from labels.queue_design import Settings, make

    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` makes one")
    if size is not None:
        with store.session() as db:
            run = runs.choose(db, run_id) if run_id else None
        chosen = {"shares": dict(shares)} if shares else {}
        chosen |= {"seed": seed} if seed is not None else {}
        settings = Settings(
            size=size, run_id=run, where=where, overlap=overlap, repeats=repeats, lease_hours=lease, **chosen
        )
        made = make(store, settings)
        click.echo(f"{made.queue_id} is the queue now", err=True)
    with store.session() as db:
        found = overview(db)
    if found.queue is None:
        click.echo("there is no queue: everybody labels everything; --size draws one", err=True)
    else:
        click.echo(
            f"{found.overlap_done} of {found.overlap} traces that go to two people are done; "
            f"{found.conflicts} conflicts wait",
            err=True,
        )
    emit(found.reasons, "json" if as_json else "table")
    return 0


@label.command()
@with_store
def progress(store: Store, as_json: bool) -> int:
    """Where everybody is: done, left, agreement, time per trace, skipped, flagged."""
    from labels.progress import people

    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` makes one")
    with store.session() as db:
        rows = [each.as_row() for each in people(db)]
    if not rows:
        click.echo("nobody has labelled yet; the Label page is where they do", err=True)
    emit(rows, "json" if as_json else "table")
    return 0


COMMANDS = (export, label)
