"""report contrast: two groups held against each other."""

from __future__ import annotations

import click

from analysis import runs
from analysis.store import Store
from commands.common import emit, with_store
from commands.report.shared import columns, existing, in_form, note, note_synthetic

TABLE = (
    "of", "a", "a_share", "a_n", "a_missing", "b", "b_share", "b_n", "b_missing", "difference", "low", "high",
    "interval", "test", "p", "p_holm", "note",
)  # fmt: skip
"""The columns of the table; CSV and JSON have all of them."""


@click.command()
@click.option("--of", "of", default="gaming", show_default=True,
              help="gaming, or a pattern of the run.")  # fmt: skip
@click.option("--between", "between", nargs=2, multiple=True, required=True, metavar="GROUP GROUP",
              help="Two groups, each column=value: variant=base variant=review. Several conditions of one group stand with "
              "commas. May be repeated.")  # fmt: skip
@click.option("--by", default="", help="Columns to split both groups by, with commas: a contrast for each.")
@click.option("--in", "within", help="Which trajectories count on both sides, written as a group.")
@click.option("--run", "run_id", help="Whose verdicts, for a pattern. [default: the newest]")
@in_form
@with_store
def contrast(
    store: Store,
    as_json: bool,
    of: str,
    between: tuple[tuple[str, str], ...],
    by: str,
    within: str | None,
    run_id: str | None,
    form: str,
) -> int:
    """Two groups held against each other: the difference (the first less the second), its interval and a test.

    Newcombe's interval and a test of two shares; where both groups have the same 20 prompts or more, prompts are
    resampled in pairs, and McNemar's test is used where each has one rollout a side. p_holm counts every contrast
    of the call.

        telltale report contrast --between checkpoint=step-400 checkpoint=step-1600 --by variant
    """
    from analysis.measure.contrast import contrast as measured
    from analysis.measure.contrast import group, with_holm
    from analysis.measure.scope import Scope

    groups = [(group(first), group(second)) for first, second in between]
    scope = group(within).scope if within else Scope()
    split = columns(by)
    with existing(store).session() as db:
        run = None if of == "gaming" else runs.choose(db, run_id)
        found = [
            each for first, second in groups for each in measured(db, of, first, second, split, scope, run)
        ]
    rows = with_holm(found)
    synthetic = any(row["synthetic"] for row in rows)
    note(run, synthetic) if run else note_synthetic(synthetic)
    if as_json or form != "table":
        emit(rows, "json" if as_json else form)
        return 0
    for row in rows:
        row |= {name: f"{row[name]:.2g}" for name in ("p", "p_holm") if row[name] is not None}
    emit(rows, "table", [*split, *(["reasoning_state"] if run else []), *TABLE])
    return 0
