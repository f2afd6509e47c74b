"""What every command shares: the store, the form of its output, and progress on a terminal."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from analysis.store import Store
from analysis.tables import to_csv

Row = Mapping[str, Any]


def with_store(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --db and --json; it is called with `store` and `as_json`."""

    @click.option(
        "--db",
        help="The store: a DuckDB file, or ducklake:postgres:… [default: TELLTALE_DB, else data/telltale.duckdb]",
    )
    @click.option(
        "--data-path",
        help="Where a new DuckLake keeps its rows: a folder, or s3://… [default: TELLTALE_DATA_PATH]",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(command)
    def wrapped(*args: Any, db: str | None, data_path: str | None, **kwargs: Any) -> Any:
        return command(*args, store=Store(db, data_path=data_path), **kwargs)

    return wrapped


def emit(rows: Sequence[Row], format: str, columns: Sequence[str] | None = None) -> None:
    """Print rows as a table, CSV or JSON; the columns are those of the first row unless named."""
    rows = list(rows)
    names = list(columns or (rows[0] if rows else ()))
    if format == "json":
        click.echo(
            json.dumps([{name: row.get(name) for name in names} for row in rows], indent=1, default=str)
        )
    elif format == "csv":
        click.echo(to_csv(rows, names), nl=False)
    else:
        click.echo(to_table(rows, names))


def to_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """The rows as aligned text: numbers to the right, shares with three places, a dash for what is undefined."""
    if not rows:
        return "nothing to show"
    cells = [[_shown(row.get(name)) for name in columns] for row in rows]
    numeric = [all(isinstance(row.get(name), (int, float, type(None))) for row in rows) for name in columns]
    widths = [max(len(name), *(len(line[at]) for line in cells)) for at, name in enumerate(columns)]

    def line(values: Sequence[str]) -> str:
        places = zip(values, widths, numeric, strict=True)
        return "  ".join(v.rjust(w) if right else v.ljust(w) for v, w, right in places).rstrip()

    return "\n".join([line(list(columns)), line(["-" * width for width in widths]), *map(line, cells)])


class Progress:
    """A progress bar on a terminal, nothing elsewhere."""

    def __init__(self, label: str, total: int | None = None) -> None:
        from tqdm import tqdm

        self.bar = tqdm(total=total, desc=label, disable=not sys.stderr.isatty(), delay=0.5, leave=False)

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show that `done` of `total` are done."""
        if total is not None:
            self.bar.total = total
        self.bar.update(done - self.bar.n)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()


class Stages:
    """A progress bar for each stage of a longer work, one after the other."""

    def __init__(self) -> None:
        self.bar: Progress | None = None

    def __call__(self, label: str) -> Progress:
        """End the last stage and begin this one."""
        self.close()
        self.bar = Progress(label)
        return self.bar

    def close(self) -> None:
        """End the last stage."""
        if self.bar:
            self.bar.__exit__()


def printable(text: str) -> str:
    """A stored text as a terminal may have it: control characters become visible signs, none is obeyed."""
    return "".join(letter if letter in "\n\t" or letter.isprintable() else "\ufffd" for letter in text)


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return printable(str(value)).replace("\n", " ")
