"""report all: everything that a store says of one run, as a file to attach to a paper."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from analysis import codebook, runs
from analysis.errors import UserError
from analysis.store import Store
from commands.common import with_store
from commands.report.shared import existing, note


@click.command("all")
@click.option("--run", "run_id", help="The run, or the beginning of its id. [default: the newest]")
@click.option("--format", "form", type=click.Choice(["html", "json"]), default="html", show_default=True)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="The file to write. [default: print it]"
)
@with_store
def everything(store: Store, as_json: bool, run_id: str | None, form: str, out: Path | None) -> int:
    """One file with all of it: figures, tables, what is missing, quotes, methods and the codebook.

    The HTML needs no network and runs nothing: attach it to a paper, or print it. The JSON has the same figures,
    unrounded; docs/report.md describes its fields.

        telltale report all --out report.html
    """
    from labels.report import document

    with existing(store).session() as db:
        run = runs.choose(db, run_id)
        found = document(db, str(store), run, codebook.load())
    if as_json or form == "json":
        data = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n"
    else:
        from views.report import html

        data = html(found).encode()
    if out is None:
        click.echo(data, nl=False)
        return 0
    _write(out, data)
    note(run, bool(found["data"]["synthetic"]))
    return 0


def _write(out: Path, data: bytes) -> None:
    from labels.transfer import replace_file

    try:
        replace_file(out, data)
    except OSError as error:
        raise UserError(f"{out} can't be written: {error.strerror}") from None
