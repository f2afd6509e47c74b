"""ingest: trajectories into the store."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import Progress, emit, printable, with_store
from commands.dry_run import previews, say_unmatched, show
from commands.sources import drop, quarantine

if TYPE_CHECKING:
    from analysis.ingest.writing import FileReport
    from labels.imported import ImportedLabels

COUNTS = (
    "file", "format", "items", "read", "stored", "replaced", "already", "conflicting", "joined", "skipped",
    "set_aside",
)  # fmt: skip


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--map",
    "map_file",
    type=click.Path(path_type=Path),
    help="A field map, such as data/maps/library-choice.yaml.",
)
@click.option("--set", "settings", multiple=True, metavar="FIELD=RULE",
              help="One rule of a map: a field of the rows (reasoning=cot), a constant after two equals signs "
                   "(checkpoint==step-100), or any rule in YAML. May be repeated.")  # fmt: skip
@click.option(
    "--format", "format_name", help="A format of the list above, or mapped. [default: by the content]"
)
@click.option(
    "--replace", is_flag=True, help="Supersede trajectories whose content changed; the old rows are kept."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show the first trajectories as they would be stored, and count all; store nothing.",
)
@with_store
def ingest(
    store: Store, as_json: bool, paths: tuple[Path, ...], map_file: Path | None, settings: tuple[str, ...],
    format_name: str | None, replace: bool, dry_run: bool,
) -> int:  # fmt: skip
    """Bring files of trajectories into the store.

    PATHS are files or folders. Recognised by their content are chat rows and chat completions (chat), also
    streamed (chat-stream), rows that hold a model's message (message-rows), ShareGPT (sharegpt), OpenAI
    Responses (responses), Anthropic messages (anthropic), Bedrock Converse, Gemini and Ollama responses
    (bedrock, gemini, ollama), Harmony text (harmony), sessions of Codex, Claude Code and Gemini CLI (codex,
    codex-exec, claude-code, gemini-cli), runs of SWE-agent, OpenHands and Harbor (swe-agent, openhands, atif),
    Inspect logs (inspect), Petri transcripts (petri) and Inspect Scout databases (scout). The rows may be JSON
    in any arrangement, server-sent events, CSV, Parquet or a Hugging Face dataset on disk; those of another
    shape need --map or --set to name their fields. Events of a stream are put together. What is in the store
    already is skipped.

    The table counts each item of a file once: read are trajectories, joined the lines that went into one
    beside its first, skipped those that are no part of one, set_aside what could not be read.
    """
    from analysis import ingest as reading
    from labels.imported import ImportedLabels, record_labeled

    labels = ImportedLabels()
    rules = _rules(map_file, settings)
    map_name = f"map {map_file.name}" if map_file else "--set"
    if dry_run:
        show(previews(paths, rules, format_name, map_name), as_json)
        return 0
    with Progress("ingest") as bar:
        done: dict[str, int] = {}

        def progress(file: str, read: int) -> None:
            done[file] = read
            bar(sum(done.values()))

        reports = reading.ingest(
            store, paths, rules, format_name, replace, progress, map_name,
            labeled=lambda found: record_labeled(store, found, labels),
        )  # fmt: skip
    columns = (*COUNTS, "other_ids", "unmatched") if as_json else COUNTS
    rows = [{name: getattr(report, name) for name in columns} for report in reports]
    emit(rows, "json" if as_json else "table", columns)
    for line in (*_made_elsewhere(reports, labels), *_in_the_way(reports)):
        click.echo(line, err=True)
    say_unmatched(reports)
    aside = any(report.set_aside or report.conflicting or report.refused for report in reports)
    if aside:
        click.echo("some items were set aside; `telltale quarantine` lists them with their reasons", err=True)
    return 1 if aside else 0


COMMANDS = (ingest, quarantine, drop)


def _made_elsewhere(reports: Sequence[FileReport], labels: ImportedLabels) -> Iterator[str]:
    """What became of verdicts and labels that came with the trajectories."""
    verdicts, quotes, rejected = (
        sum(getattr(report, name) for report in reports) for name in ("verdicts", "quotes", "rejected")
    )
    if verdicts:
        yield (
            f"verdicts made elsewhere: {verdicts} stored; {quotes} quotes stand in the text, {rejected} do not and "
            "are kept as rejected"
        )
    if labels.read:
        yield (
            f"labels made elsewhere: {labels.read} read, {labels.stored} stored; {labels.quotes} quotes stand in "
            f"the text, {labels.rejected} do not and are kept as rejected"
        )
    yield from (f"label refused: {refused}" for refused in labels.refused[:5])


def _in_the_way(reports: Sequence[FileReport]) -> Iterator[str]:
    """Per file what conflicts with the store, was refused, or seems to be there under other ids."""
    for report in reports:
        for place in report.conflicts[:5]:
            yield f"conflict: {place} is stored with other content; --replace supersedes it"
        if report.refused:
            yield f"set aside: {printable(report.refused)}"
        if report.other_ids:
            yield (
                f"{printable(report.file)}: {report.other_ids:,} trajectories of this source are in the store under "
                f"other ids; if they are the same rows, `telltale drop --source {shlex.quote(report.file)}` and ingest "
                "again, or give the map an id rule"
            )


def _rules(map_file: Path | None, settings: tuple[str, ...]) -> dict[str, Any] | None:
    from analysis.ingest import load_map
    from analysis.ingest.rules import parse_rule

    rules = load_map(map_file) if map_file else {}
    for setting in settings:
        field, equals, text = setting.partition("=")
        if not equals:
            raise UserError(
                f"--set {setting}: write FIELD=RULE, such as reasoning=cot or checkpoint==step-100"
            )
        rules[field.strip()] = text if text.startswith("=") else parse_rule(text)
    return rules or None
