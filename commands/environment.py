"""The odd-number environment: collect from a model, and simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import Progress, emit, printable, with_store

if TYPE_CHECKING:
    from analysis.environment.drawing import Collection, Sample
    from analysis.environment.variant import Variant

LISTED = ("name", "family", "level", "asked", "rewarded", "measure", "sha256")
MOST_FAILURES = 20
"""Failed samples that are listed one by one; the rest are counted."""


def _names(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> list[str]:
    """Names given one by one, or with commas."""
    return [name.strip() for each in given for name in each.split(",") if name.strip()]


variants = click.option("--variants", "names", multiple=True, callback=_names,
                        help="Names with commas, or all.")  # fmt: skip
families = click.option("--family", "families", multiple=True, callback=_names,
                        help="All levels of a family, the base prompt among them.")  # fmt: skip


@click.command()
@click.option(
    "--list",
    "listing",
    is_flag=True,
    help="Show the variants (with --json their texts too), and ask nothing.",
)
@click.option("--model", help="The name that the endpoint knows the model by.")
@click.option("--base-url", help="An OpenAI-compatible endpoint. [default: OPENAI_BASE_URL, else OpenAI's]")
@click.option("--checkpoint", help="What the store calls the model version that is asked.")
@click.option("--series", help="The training run that the checkpoint belongs to.")
@click.option("--position", type=float, help="The checkpoint's place in its series, such as its step.")
@variants
@families
@click.option("--variants-file", type=click.Path(path_type=Path), help="A YAML file of further variants.")
@click.option(
    "--n",
    "count",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Samples of each prompt in the end.",
)
@click.option("--temperature", type=click.FloatRange(0), help="Sent if given. [default: the provider's]")
@click.option("--top-p", type=click.FloatRange(0, 1), help="Sent if given. [default: the provider's]")
@click.option(
    "--max-tokens",
    type=click.IntRange(1),
    default=8_000,
    show_default=True,
    help="Of a reply, reasoning and answer together. One that is cut short or empty is asked for once "
    "more with twice as many.",
)
@click.option(
    "--setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A further field of the request, JSON or a word; may be repeated. To a seed the sample's number is added.",
)
@click.option("--connections", type=int, default=16, show_default=True, help="Calls at once.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and ask nothing.")
@with_store
def collect(
    store: Store, as_json: bool, listing: bool, model: str | None, base_url: str | None, checkpoint: str | None,
    series: str | None, position: float | None, names: list[str], families: list[str],
    variants_file: Path | None, count: int, temperature: float | None, top_p: float | None, max_tokens: int,
    settings: tuple[str, ...], connections: int, dry_run: bool,
) -> int:  # fmt: skip
    """Sample a model on variants of the odd-number environment: n samples a prompt and checkpoint.

    \b
    telltale collect --list
    telltale collect --model qwen3:8b --base-url http://127.0.0.1:11434/v1 --checkpoint qwen3-8b \\
        --family audit --n 60 --temperature 1 --top-p 1
    telltale report gaming --by checkpoint,variant

    Without --variants and --family the base prompt alone is asked. Replies are stored every second. Stop it at any
    time: the same command goes on, and a larger --n adds the difference. Samples of one checkpoint are all drawn
    with the same settings; other settings need another --checkpoint. Samples that could not be had are listed, and
    tried again by the same command.
    """  # noqa: D301 (\\b is click's)
    from analysis.environment.choice import choose

    added = _added(variants_file)
    if listing:
        rows = [variant.as_row() for variant in choose(names, families, added)]
        emit(rows, "json" if as_json else "table", (*LISTED, "text") if as_json else LISTED)
        return 0
    if not model or not checkpoint:
        raise UserError("name --model and --checkpoint; `telltale collect --list` shows the variants")
    from analysis.environment.collecting import plan
    from analysis.environment.drawing import Collection
    from analysis.environment.sampling import Sampling

    chosen = choose(names if names or families or added else ["base"], families, added)
    sampling = Sampling(model, temperature, top_p, max_tokens, _settings(settings))
    wanted = Collection(checkpoint, chosen, count, sampling, series, position)
    form = "json" if as_json else "table"
    if dry_run:
        counts, _ = plan(store, wanted)
        emit(
            [{**vars(each), "to_ask": each.to_ask} for each in counts],
            form,
            ("variant", "prompt", "wanted", "already", "to_ask"),
        )
        return 0
    return _collected(store, wanted, base_url, connections, form)


def _collected(store: Store, wanted: Collection, base_url: str | None, connections: int, form: str) -> int:
    from analysis.environment.collecting import collect as collected

    failures: list[tuple[Sample, str]] = []
    try:
        with Progress("collect") as bar:
            counts = collected(
                store, wanted, base_url, connections, bar, lambda sample, why: failures.append((sample, why))
            )
    finally:
        for sample, why in failures[:MOST_FAILURES]:
            click.echo(f"{sample.variant.name}, sample {sample.number}: {printable(why)}", err=True)
        if len(failures) > MOST_FAILURES:
            click.echo(f"and {len(failures) - MOST_FAILURES} samples more", err=True)
    emit([vars(each) for each in counts], form)
    return 1 if failures else 0


def _added(path: Path | None) -> dict[str, Variant]:
    if path is None:
        return {}
    from analysis.environment.variants_file import load_variants

    return dict(load_variants(path))


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    """The KEY=VALUE pairs of --setting; a value that is no JSON is a word."""
    import orjson

    from analysis.environment.sampling import OWN

    found: dict[str, Any] = {}
    for each in given:
        key, equals, value = each.partition("=")
        key = key.strip()
        if not key or not equals:
            raise UserError(f"--setting {each}: write KEY=VALUE, such as reasoning_effort=low")
        if key in OWN:
            raise UserError(f"--setting {key}: the request has this of its own")
        try:
            found[key] = orjson.loads(value)
        except orjson.JSONDecodeError:
            found[key] = value
    return found


@click.command()
@variants
@families
@click.option("--n", "count", type=click.IntRange(1),
              help="Trajectories in total. [default: 20 for each checkpoint and variant]")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed gives other trajectories.")
@click.option("--bank", type=click.Choice(["a", "b", "both"]), default="both", show_default=True,
              help="Whose sentences: a is for writing cues and training, b for scoring. No trace mixes them.")  # fmt: skip
@click.option("--rates", "rates_file", type=click.Path(path_type=Path),
              help="Shares per checkpoint and variant. [default: data/banks/simulation.yaml]")  # fmt: skip
@with_store
def simulate(
    store: Store, as_json: bool, names: list[str], families: list[str], count: int | None, seed: int, bank: str,
    rates_file: Path | None,
) -> int:  # fmt: skip
    """Make trajectories of the odd-number environment whose patterns are known.

    \b
    telltale simulate --family audit,review
    telltale tag --tagger cues
    telltale report truth
    telltale report gaming

    Their truth is a run of its own, which `report truth` holds other runs against. The same command again adds
    nothing; a larger --n adds the difference. Without --variants and --family the variants are those that the file
    of rates has as its default; other variants make other trajectories. Everything made here is marked as simulated.
    """  # noqa: D301 (\\b is click's)
    from analysis.environment.bank import BANKS
    from analysis.environment.choice import choose
    from analysis.environment.rates import DEFAULT_PATH, load_rates
    from analysis.environment.simulate import simulate as made

    rates = load_rates(rates_file or DEFAULT_PATH)
    if names or families:
        rates = rates.choosing(choose(names, families))
    with Progress("simulate") as bar:
        done = made(store, count, seed, BANKS if bank == "both" else (bank,), rates, bar)
    columns = ("source", "truth", "stored", "already", "conflicting")
    rows = [{**vars(report), "source": report.file, "truth": run_id} for run_id, report in done]
    emit(rows, "json" if as_json else "table", columns)
    return 1 if any(report.conflicting for _, report in done) else 0


COMMANDS = (collect, simulate)
