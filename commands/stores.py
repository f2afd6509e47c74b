"""verify, move, backup, tidy: a store as a whole."""

from __future__ import annotations

from pathlib import Path

import click

from analysis.store import Store
from commands.common import Progress, emit, printable, with_store


@click.command()
@with_store
def verify(store: Store, as_json: bool) -> int:
    """Check that the store is sound: offsets, quotes, hashes, folds, orphans, doubles, the books of attempts.

    Exit status 1 where anything is broken, with the first places of it.
    """
    from analysis.store.verify import CHECKS
    from analysis.store.verify import verify as check
    from commands.report.shared import existing
    from labels.checks import folds

    found = []
    with Progress("checks", len(CHECKS) + 1) as progress:
        for each in check(existing(store)):
            found.append(each)
            progress(len(found))
        with store.session() as db:
            found.append(folds(db))
    rows = [
        {"check": each.check, "checked": each.checked, "broken": each.broken,
         "first": "; ".join(map(printable, each.examples))}
        for each in found
    ]  # fmt: skip
    emit(rows, "json" if as_json else "table")
    broken = sum(each.broken for each in found)
    click.echo(f"{store}: {f'{broken:,} places are broken' if broken else 'sound'}", err=True)
    return 1 if broken else 0


@click.command()
@click.option(
    "--from",
    "source",
    required=True,
    help="The store to carry over, a file or a DuckLake. It stays as it is.",
)
@click.option("--to", "target", required=True, help="An empty store, or one that is not there yet.")
@click.option("--data-path", help="Where a new DuckLake keeps its rows: a folder, or s3://…")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def move(source: str, target: str, data_path: str | None, as_json: bool) -> int:
    """Carry a store whole into another one, between a file and a DuckLake, and compare counts and hashes."""
    from analysis.store import moving

    with Progress("rows") as progress:
        carried = moving.move(Store(source), Store(target, data_path=data_path), progress)
    emit([each.__dict__ for each in carried], "json" if as_json else "table")
    return 0


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@with_store
def backup(store: Store, as_json: bool, file: Path) -> int:
    """Copy the store into a new DuckDB FILE, as it is at one moment, while others go on using it."""
    from analysis.store import moving

    with Progress("rows") as progress:
        carried = moving.backup(store, file, progress)
    emit([each.__dict__ for each in carried], "json" if as_json else "table")
    return 0


@click.command()
@with_store
def tidy(store: Store, as_json: bool) -> int:
    """Join a DuckLake's many small writes into few large files, so that it is read quicker."""
    from analysis.store import moving
    from commands.report.shared import existing

    moving.tidy(existing(store))
    emit([{"store": str(store), "tidy": True}], "json" if as_json else "table")
    return 0


COMMANDS = (verify, move, backup, tidy)
