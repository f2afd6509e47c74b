"""report judge: how good a run's verdicts are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

import click
import duckdb

from analysis import runs
from analysis.errors import UserError
from analysis.store import Store
from commands.common import Row, emit, with_store
from commands.report.shared import columns, existing, in_form, note, note_synthetic

CONFUSION = ("pattern", "n", "tp", "fp", "fn", "tn", "missing", "missing_why")
FIRST = ("sensitivity", "specificity", "ppv", "kappa", "ac1")
SECOND = ("f1", "balanced_accuracy", "mcc", "g_mean_squared", "brier")
NO_LABELS = "no blind labels on what this run judged; on the Label page people make them, and each is set beside the run"


@click.command()
@click.option("--run", "run_id", help="The run, or the beginning of its id. [default: the newest]")
@click.option("--pattern", help="Only this pattern.")
@click.option("--by", help="Columns to split by, with commas: checkpoint, series, variant, environment, … "
                           "[default: none; with --against: checkpoint]")  # fmt: skip
@click.option(
    "--against", "outcome", help="The outcome to hold the run's verdicts against: true is positive."
)
@click.option("--reliability", is_flag=True, help="What people say at each range of the run's scores.")
@click.option("--repeats", is_flag=True, help="How often the run and its repeats (`tag --repeat N`) differ.")
@click.option("--with", "other", metavar="RUN", help="The run beside this other one, on what both judged.")
@in_form
@with_store
def judge(
    store: Store, as_json: bool, run_id: str | None, pattern: str | None, by: str | None, form: str,
    outcome: str | None, reliability: bool, repeats: bool, other: str | None,
) -> int:  # fmt: skip
    """How a run agrees with what people labelled blind, pattern by pattern.

    The confusion matrix first (the run's present is positive, people's present is true), with what is missing and
    why; then each figure with its 95 % interval, resampled over prompts where there are at least 20, else over
    trajectories. A table is always followed by this; CSV and JSON hold what was asked for alone.
    """
    from labels.judged import quality

    if sum(map(bool, (outcome, reliability, repeats, other))) > 1:
        raise UserError("--against, --reliability, --repeats and --with are asked for one at a time")
    form = "json" if as_json else form
    split = columns(by or "")
    with existing(store).session() as db:
        run = runs.choose(db, run_id)
        asked = None
        if outcome:
            asked = _against_outcome(db, run, outcome, split if by is not None else ["checkpoint"], pattern)
        elif repeats:
            asked = _only(pattern, _flips(db, run))
        elif other:
            asked = _only(pattern, _compared(db, run, other))
        needed = form == "table" or asked is None
        labelled = quality(db, run, split, patterns=[pattern] if pattern else None) if needed else []
    note(run, False)
    note_synthetic(any(each.synthetic for each in labelled))
    if needed and not labelled:
        click.echo(NO_LABELS, err=True)
    if reliability:
        asked = [{**q.group, "pattern": q.pattern, **asdict(b)} for q in labelled for b in q.reliability]
    rows = [each.as_row() for each in labelled]
    if form != "table":
        emit(rows if asked is None else asked, form)
        return 0
    if asked is not None:
        _comparison(asked) if other else emit(asked, form)
        click.echo()
    if rows:
        click.echo("against blind labels:")
        _tables(rows, split)
    return 0


def _against_outcome(
    db: duckdb.DuckDBPyConnection, run: str, outcome: str, by: Sequence[str], pattern: str | None
) -> list[Row]:
    from analysis.measure.judge import against_outcome

    return [matrix.as_row() for matrix in against_outcome(db, run, outcome, by, pattern=pattern)]


def _flips(db: duckdb.DuckDBPyConnection, run: str) -> list[Row]:
    from analysis.measure.judge_repeats import flips

    alike = runs.repeats_of(db, run)
    if len(alike) < 2:
        raise UserError(f"{run} was not repeated; the command that made it, with --repeat 2, does it again")
    return [each.as_row() for each in flips(db, alike)]


def _compared(db: duckdb.DuckDBPyConnection, run: str, other: str) -> list[Row]:
    from analysis.measure.judge_compare import compare
    from labels.gold import frame

    second = runs.choose(db, other)
    if second == run:
        raise UserError(f"{run} is both runs; name another with --with, or the first with --run")
    found = [each.as_row() for each in compare(db, run, second, frame(db))]
    if not found:
        raise UserError(f"{run} and {second} speak of no pattern in common")
    click.echo(f"second: {second}", err=True)
    return found


def _only(pattern: str | None, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if pattern in (None, row["pattern"])]


def _tables(rows: Sequence[Row], by: Sequence[str]) -> None:
    """The matrices, the figures in two tables, what the intervals are, and why figures have none."""
    emit(rows, "table", [*by, *CONFUSION])
    for n, names in (("n", FIRST), ("scored", SECOND)):
        click.echo()
        emit(_with_intervals(rows, names), "table", [*by, "pattern", n, *names])
    click.echo()
    for told in _grouped(rows, lambda row: [row["intervals"]]):
        click.echo(f"intervals: {told}")
    for told in _grouped(rows, lambda row: (row["notes"] or "").split("; ")):
        click.echo(told)


def _comparison(rows: Sequence[Row]) -> None:
    """The table of two runs, their figures, and both against the same labels where there are any."""
    from analysis.measure.judge_compare import FIGURES, LABELLED

    emit(rows, "table", ["pattern", "n", "both", "only_first", "only_second", "neither", "missing"])
    click.echo()
    emit(_with_intervals(rows, FIGURES), "table", ["pattern", "n", *FIGURES])
    if any(row["labels"] for row in rows):
        for which in ("first", "second", "difference"):
            click.echo()
            names = [name for name in LABELLED if name.endswith(which)]
            emit(_with_intervals(rows, names), "table", ["pattern", "labels", *names])


def _with_intervals(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows with each of these figures as one text: its value and its interval."""
    return [{**row, **{name: _with_interval(row, name) for name in names}} for row in rows]


def _with_interval(row: Row, name: str) -> str | None:
    if row[name] is None:
        return None
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f"{row[name]:.3f}" + (f" ({low:.3f} to {high:.3f})" if low is not None else "")


def _grouped(rows: Sequence[Row], notes: Callable[[Row], Sequence[str]]) -> list[str]:
    """Each note once, with the patterns that it is about; without them where it is about all."""
    about: dict[str, list[str]] = {}
    for row in rows:
        for told in filter(None, notes(row)):
            about.setdefault(told, []).append(str(row["pattern"]))
    return [
        told if len(patterns) == len(rows) else f"{told} [{', '.join(dict.fromkeys(patterns))}]"
        for told, patterns in about.items()
    ]
