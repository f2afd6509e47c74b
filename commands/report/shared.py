"""What reports share: their options, the store that must be there, and what goes with the figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import with_store

in_form = click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)


def figures(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of reports on a run that can be split: --run, --by, --format, and those of `with_store`."""
    for option in (
        click.option("--run", "run_id", help="The run, or the beginning of its id. [default: the newest]"),
        click.option("--by", default="checkpoint", show_default=True,
                     help="Columns to split by, with commas: checkpoint, series, variant, environment, …"),
        in_form,
    ):  # fmt: skip
        command = option(command)
    return with_store(command)


def existing(store: Store) -> Store:
    """The store, which must be there.

    Raises:
        UserError: It is not.
    """
    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` makes one")
    return store


def columns(by: str) -> list[str]:
    """The columns that --by names."""
    return [column.strip() for column in by.split(",") if column.strip()]


def note(run: str, synthetic: bool) -> None:
    """What goes with the figures of a run, on stderr so that a pipe gets figures alone."""
    baseline = ", a baseline of cue expressions" if run.startswith("cues-") else ""
    click.echo(f"run {run}{baseline}", err=True)
    note_synthetic(synthetic)


def note_synthetic(synthetic: bool) -> None:
    """Say on stderr that some of the data is synthetic."""
    if synthetic:
        click.echo("synthetic data is among these trajectories: written for a sample, or simulated", err=True)
