"""What ingest would store, shown and counted without a store."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.errors import UserError
from commands.common import Progress, emit, printable, to_table

if TYPE_CHECKING:
    from analysis.ingest import FileReport, Preview

PREVIEW_CHARACTERS = 400
FILES_SHOWN = 5
"""Of how many files the first trajectories are printed; the others stand in the table."""
DRY_SECONDS = 20.0
"""For how long a dry run reads on to count what is in the files."""
COUNTS = ("file", "format", "items", "read", "joined", "skipped", "set_aside")


def previews(
    paths: tuple[Path, ...], rules: dict[str, Any] | None, format_name: str | None, map_name: str
) -> list[Preview]:
    """What each file would give; one that can't be read is refused, as long as another can."""
    from analysis import ingest as reading

    shown: list[Preview] = []
    begun = time.monotonic()
    with Progress("look at") as bar:
        for path in reading.files_in(paths):
            before = sum(each.report.read for each in shown)
            left = max(0.0, DRY_SECONDS - (time.monotonic() - begun))
            try:
                shown.append(
                    reading.preview(
                        path, rules, format_name, map_name=map_name, seconds=left,
                        progress=lambda _, read, before=before: bar(before + read),
                    )
                )  # fmt: skip
            except UserError as error:
                report = reading.FileReport(reading.source_of(path), format_name or "?", refused=str(error))
                shown.append(reading.Preview(report))
    if all(each.report.refused for each in shown):
        more = f" (and {len(shown) - 1} files more)" if len(shown) > 1 else ""
        raise UserError(f"{shown[0].report.refused}{more}")
    return shown


def show(previews: list[Preview], as_json: bool) -> None:
    """Print what was seen: the first trajectories, the fields that nothing reads, and one table of counts."""
    if as_json:
        click.echo(json.dumps([_as_json(shown) for shown in previews], indent=1, default=str))
        return
    readable = [shown for shown in previews if not shown.report.refused]
    for shown in readable[:FILES_SHOWN]:
        _show_preview(shown)
    reports = [shown.report for shown in previews]
    emit([{name: getattr(report, name) for name in COUNTS} for report in reports], "table", COUNTS)
    for shown in previews:
        if shown.report.refused:
            click.echo(f"would be set aside: {printable(shown.report.refused)}", err=True)
        if shown.stopped:
            looked = f"stopped after {shown.report.items:,} items; the counts are of these"
            click.echo(f"{printable(shown.report.file)}: {looked}", err=True)
    say_unmatched(reports)
    click.echo("nothing was stored")
    sys.stdout.flush()


def say_unmatched(reports: list[FileReport]) -> None:
    """Say which rules look for something in the files' paths that is not there."""
    for field in dict.fromkeys(field for report in reports for field in report.unmatched):
        without = [printable(report.file) for report in reports if field in report.unmatched]
        where = f"{len(without)} of {len(reports)} files, such as {without[0]}"
        click.echo(f"{field}: its path rule finds nothing in the path of {where}", err=True)


def _as_json(shown: Preview) -> dict[str, Any]:
    return {
        **{name: getattr(shown.report, name) for name in (*COUNTS, "refused", "unmatched")},
        "unread_fields": shown.unread_fields, "stopped": shown.stopped,
        "trajectories": [each.flat() for each in shown.trajectories],
        "unreadable": [vars(each) for each in shown.unreadable],
    }  # fmt: skip


def _show_preview(shown: Preview) -> None:
    click.echo(f"{printable(shown.report.file)} ({shown.report.format})")
    for each in shown.trajectories:
        rows = [
            {"field": key, "value": _short(value)}
            for key, value in each.flat().items()
            if value not in (None, [], {})
        ]
        click.echo("\n" + to_table(rows, ("field", "value")))
    for bad in shown.unreadable[:5]:
        click.echo(f"would be set aside: line {bad.line}: {printable(bad.reason)}", err=True)
    if not shown.trajectories:
        click.echo("no trajectory in it")
    unread = ", ".join(map(printable, shown.unread_fields)) or "none"
    click.echo(f"\nfields that nothing reads (kept as metadata): {unread}\n")


def _short(value: Any) -> str:
    text = str(value)
    return (
        text
        if len(text) <= PREVIEW_CHARACTERS
        else f"{text[:PREVIEW_CHARACTERS]}… ({len(text):,} characters)"
    )
