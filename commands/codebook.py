"""codebook: show the coding scheme, check it, and change it so that labels made before are not lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from analysis import codebook as scheme
from analysis.errors import UserError
from analysis.store import Store
from commands.common import emit, printable, with_store

File = click.option(
    "--codebook", "file", type=click.Path(path_type=Path), default=scheme.DEFAULT_PATH,
    help="The file. [default: labels/codebook.yaml]",
)  # fmt: skip
TOLD = {"include": "counts", "exclude": "does not", "examples": "example", "near_misses": "near miss"}
Note = click.option("--note", help="Why; it is kept in the file.")


@click.group()
def codebook() -> None:
    """The coding scheme: what each pattern means, and what became of it."""


@codebook.command()
@click.argument("patterns", nargs=-1)
@File
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(file: Path, as_json: bool, patterns: tuple[str, ...]) -> int:
    """Print the patterns, or only those named, with definition, rules, examples and near misses."""
    book = scheme.load(file)
    chosen = (
        [book[each] for each in patterns if each in book] if patterns else [*book.patterns, *book.retired]
    )
    if unknown := [each for each in patterns if each not in book]:
        raise UserError(f"there is no pattern {unknown[0]}; `telltale codebook show` lists them")
    rows = [
        {
            "id": each.id, "name": each.name, "definition": each.definition, "include": list(each.include),
            "exclude": list(each.exclude), "examples": list(each.examples), "near_misses": list(each.near_misses),
            "retired": each.retired,
        }
        for each in chosen
    ]  # fmt: skip
    if as_json:
        emit(rows, "json")
        return 0
    click.echo(f"{file.name}, revision {book.revision}: {len(book.patterns)} patterns")
    for row in rows:
        click.echo(f"\n{row['id']}: {printable(row['name'])}" + _retired(row["retired"]))
        click.echo(f"  {printable(row['definition'])}")
        for key, told in TOLD.items():
            for text in row[key]:
                click.echo(f"    {told}: {printable(text)}")
    for change in book.history:
        to = f" → {', '.join(change.new)}" if change.old and change.new not in ((), change.old) else ""
        said = f": {printable(change.note)}" if change.note else ""
        click.echo(
            f"\nrevision {change.revision}: {change.kind} {', '.join(change.old or change.new)}{to}{said}",
            nl=False,
        )
    click.echo("\n" * bool(book.history), nl=False)
    return 0


@codebook.command()
@File
@with_store
def check(store: Store, as_json: bool, file: Path) -> int:
    """Check the file, and list the labels that were made under an older definition."""
    book = scheme.load(file)
    click.echo(
        f"{file.name}: revision {book.revision}, {len(book.patterns)} patterns, nothing to mend", err=True
    )
    return _again(store, book, "json" if as_json else "table")


def changing(command: Callable[..., Any]) -> Any:
    """A command that changes the file and then says which labels to look at again."""
    for option in (Note, File):
        command = option(command)
    return codebook.command()(with_store(command))


@changing
@click.argument("pattern")
@click.option("--name", help="The new name.")
@click.option("--id", "new_id", help="The new id. Labels are carried to it.")
def rename(
    store: Store, as_json: bool, pattern: str, name: str | None, new_id: str | None, **more: Any
) -> int:
    """Give PATTERN another name or id. What it means stays."""
    return _changed(store, as_json, "rename", more, pattern, name, new_id)


@changing
@click.argument("pattern")
@click.option("--definition", required=True, help="What it means from now on.")
def redefine(store: Store, as_json: bool, pattern: str, definition: str, **more: Any) -> int:
    """Change what PATTERN means. Labels made before are listed for another look."""
    return _changed(store, as_json, "redefine", more, pattern, definition)


@changing
@click.argument("pattern")
@click.option("--into", "parts", nargs=3, multiple=True, required=True, metavar="ID NAME DEFINITION",
              help="A part; once for each of them.")  # fmt: skip
def split(
    store: Store, as_json: bool, pattern: str, parts: tuple[tuple[str, str, str], ...], **more: Any
) -> int:
    """Split PATTERN into several. Absent is carried to each part; the rest is listed for another look."""
    from analysis.codebook_changes import Part

    return _changed(store, as_json, "split", more, pattern, [Part(*part) for part in parts])


@changing
@click.argument("patterns", nargs=-1, required=True)
@click.option("--into", nargs=3, required=True, metavar="ID NAME DEFINITION", help="What they become.")
def merge(
    store: Store, as_json: bool, patterns: tuple[str, ...], into: tuple[str, str, str], **more: Any
) -> int:
    """Make one pattern of several. It is present where any of them was."""
    from analysis.codebook_changes import Part

    return _changed(store, as_json, "merge", more, patterns, Part(*into))


@changing
@click.argument("pattern")
def retire(store: Store, as_json: bool, pattern: str, **more: Any) -> int:
    """Take PATTERN out of use. Its labels stay."""
    return _changed(store, as_json, "retire", more, pattern)


def _changed(store: Store, as_json: bool, kind: str, more: dict[str, Any], *what: Any) -> int:
    from analysis import codebook_changes

    book = getattr(codebook_changes, kind)(more["file"], *what, note=more["note"])
    click.echo(f"{more['file'].name} is at revision {book.revision}", err=True)
    return _again(store, book, "json" if as_json else "table")


def _again(store: Store, book: scheme.Codebook, form: str) -> int:
    """List the labels to look at again; without a store there are none."""
    from labels.another_look import to_look_at

    rows: list[dict[str, Any]] = []
    if store.exists():
        with store.session() as db:
            rows = [each.as_row() for each in to_look_at(db, book)]
    if rows or form == "json":
        emit(rows, form)
    click.echo(f"{len(rows)} labels to look at again", err=True)
    return 0


def _retired(revision: int | None) -> str:
    return f" (retired at revision {revision})" if revision is not None else ""


COMMANDS = (codebook,)
