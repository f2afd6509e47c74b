"""report plan: how many labels, or trajectories, a question needs."""

from __future__ import annotations

import click

from analysis.errors import UserError
from commands.common import emit

SHARE = click.FloatRange(0, 1)


@click.command()
@click.option("--width", type=click.FloatRange(0, 1, min_open=True),
              help="How many labels make the corrected share's 95 % interval so wide, from low to high: .04.")  # fmt: skip
@click.option("--prevalence", type=SHARE, default=0.05, show_default=True, help="The share that is expected.")
@click.option(
    "--sensitivity", type=SHARE, default=0.85, show_default=True, help="Of the judge; `report judge`."
)
@click.option(
    "--specificity", type=SHARE, default=0.97, show_default=True, help="Of the judge; `report judge`."
)
@click.option("--judged", type=click.IntRange(1), default=2000, show_default=True,
              help="Trajectories of the checkpoint with a verdict.")  # fmt: skip
@click.option("--shares", nargs=2, type=SHARE, metavar="SHARE SHARE",
              help="How many trajectories a checkpoint tell these two shares apart: .05 .15.")  # fmt: skip
@click.option("--power", type=click.FloatRange(0.05, 1, min_open=True, max_open=True), default=0.8, show_default=True,
              help="How often the difference of --shares shall be found.")  # fmt: skip
@click.option("--design-effect", type=click.FloatRange(1), default=1.0, show_default=True,
              help="What rollouts of the same prompts cost; a column of `report frequencies`.")  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(
    width: float | None, prevalence: float, sensitivity: float, specificity: float, judged: int,
    shares: tuple[float, float] | None, power: float, design_effect: float, form: str, as_json: bool,
) -> int:  # fmt: skip
    """How many labels a wanted interval needs, and how many trajectories tell two shares apart.

    Labels are drawn at random among what was judged, and correct the share by verdict strata. Needs no store.

        telltale report plan --width .04 --prevalence .05 --sensitivity .85 --specificity .97 --judged 2000

        telltale report plan --shares .05 .15 --power .8
    """
    from analysis.measure.planning import labels_needed, trajectories_needed, whole

    if width is None and shares is None:
        raise UserError("say what to plan: --width .04 for labels, or --shares .05 .15 for trajectories")
    rows = []
    if width is not None:
        found = labels_needed(width, prevalence, sensitivity, specificity, judged, design_effect)
        rows.append({"needed": found.labels, "of": "labels", "for": f"an interval {width:g} wide",
                     "width": found.width, "labels_of_present": found.positives, "note": found.note})  # fmt: skip
    if shares is not None:
        n = trajectories_needed(*shares, power=power, design_effect=design_effect)
        same = "the shares are the same" if n is None else None
        rows.append({"needed": None if n is None else whole(n), "of": "trajectories a checkpoint",
                     "for": f"{shares[0]:g} against {shares[1]:g}, {power:.0%} power", "width": None,
                     "labels_of_present": None, "note": same})  # fmt: skip
    emit(rows, "json" if as_json else form)
    return 0
