"""tag and runs: taggers over the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import Progress, emit, with_store

if TYPE_CHECKING:
    from analysis.codebook import Codebook

FILE = click.Path(path_type=Path)
GENERAL = ("tagger", "codebook_file", "where", "dry_run", "db", "data_path", "as_json", "help")
LEARNED = ("embedder",)


class InSections(click.Command):
    """A command whose help shows each tagger's options by themselves."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in sections."""
        sections: dict[str, list[tuple[str, str]]] = {
            "Options": [], "Options of learned": [], "Options of the judge": [],
        }  # fmt: skip
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                of = (
                    ""
                    if parameter.name in GENERAL
                    else " of learned"
                    if parameter.name in LEARNED
                    else " of the judge"
                )
                sections[f"Options{of}"].append(record)
        for heading, listed in sections.items():
            with formatter.section(heading):
                formatter.write_dl(listed)


@click.command(cls=InSections)
@click.option("--tagger", type=click.Choice(["cues", "judge", "learned"]), default="cues", show_default=True,
              help="cues: the codebook's expressions, offline, a baseline. judge: a model behind an "
                   "OpenAI-compatible endpoint. learned: a classifier of sentences, trained on this store's blind "
                   "labels, offline.")  # fmt: skip
@click.option("--codebook", "codebook_file", type=FILE, help="[default: labels/codebook.yaml]")
@click.option("--where", help="Which trajectories: a condition in SQL, such as \"checkpoint = 'step-800'\".")
@click.option("--dry-run", is_flag=True,
              help="Count what is to be done (for the judge: calls, tokens, price), and do nothing.")  # fmt: skip
@click.option("--embedder", help="static, minilm, tfidf, or the name or path of a sentence-transformers model. "
                                 "[default: static]")  # fmt: skip
@click.option("--model", help="The name that the endpoint knows the model by.")
@click.option("--base-url", help="The endpoint. [default: OPENAI_BASE_URL, else OpenAI's]")
@click.option("--api", type=click.Choice(["chat", "responses"]), default="chat", show_default=True,
              help="The endpoint's interface.")  # fmt: skip
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE",
              help="A further field of each call, JSON or a word, such as reasoning_effort=low or temperature=0; "
                   "may be repeated.")  # fmt: skip
@click.option("--prompt", type=FILE, help="A prompt of your own. [default: analysis/judge/prompt.md]")
@click.option("--window", type=int, metavar="TOKENS",
              help="Reasoning that one call reads at most; longer reasoning is read in windows that overlap. A token "
                   "is taken to be four bytes. [default: 30000]")  # fmt: skip
@click.option("--votes", type=int, default=1, show_default=True,
              help="Judge each trajectory so many times; the verdict is the majority's.")  # fmt: skip
@click.option("--repeat", type=int, default=1, show_default=True, metavar="NUMBER",
              help="Which time this is: 2 judges the same trajectories again, as a run of its own.")  # fmt: skip
@click.option("--connections", type=int, default=16, show_default=True,
              help="Calls at once, at the most; fewer while the endpoint pushes back.")  # fmt: skip
@click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD",
              help="What the run may cost in all; it stops before that is passed.")  # fmt: skip
@click.option("--prices", type=FILE,
              help="A price table. [default: prices.yaml beside the store, then analysis/judge/prices.yaml]")  # fmt: skip
@click.option("--batch", is_flag=True,
              help="Hand the calls over in batches, which cost less and may take a day, and wait for them.")  # fmt: skip
@with_store
def tag(
    store: Store, as_json: bool, tagger: str, codebook_file: Path | None, where: str | None, dry_run: bool,
    embedder: str | None, settings: tuple[str, ...], window: int | None, connections: int, max_cost: float | None,
    **judge: Any,
) -> int:  # fmt: skip
    """Tag trajectories with the codebook's patterns, each finding with its quote.

    What a run has done is not done again: the same command after a stop goes on where it was. Another model,
    endpoint, prompt, codebook, setting, window, number of votes or repeat is another run; for learned, so are other
    labels.
    """
    from analysis import codebook as scheme

    if not store.exists():
        raise UserError(f"there is no store {store}; `telltale ingest` makes one")
    codebook = scheme.load(codebook_file or scheme.DEFAULT_PATH)
    form = "json" if as_json else "table"
    if tagger != "judge" and judge["model"]:
        raise UserError("--model is the judge's: add --tagger judge")
    if tagger != "learned" and embedder:
        raise UserError("--embedder is of learned: add --tagger learned")
    if tagger == "cues":
        return _cues(store, codebook, where, dry_run, form)
    if tagger == "learned":
        from commands.tag_learned import tag_learned

        return tag_learned(store, codebook, embedder, where, dry_run, form)
    if not judge["model"]:
        raise UserError("the judge needs --model, the name that the endpoint knows it by")
    judge |= {"settings": _settings(settings), "where": where, **({"window": window} if window else {})}
    if dry_run:
        return _estimate(store, codebook, judge, form)
    return _judge(store, codebook, {**judge, "connections": connections, "max_cost": max_cost}, form)


def _cues(store: Store, codebook: Codebook, where: str | None, dry_run: bool, form: str) -> int:
    from analysis.tagging import tag_with_cues, to_tag_with_cues

    if dry_run:
        run_id, count = to_tag_with_cues(store, codebook, where)
        emit([{"run": run_id, "to_tag": count}], form)
        return 0
    with Progress("tag") as bar:
        run_id, counts = tag_with_cues(store, codebook, where, bar)
    emit([{"run": run_id, "tagged": counts.total(), **counts}], form)
    return 0


def _judge(store: Store, codebook: Codebook, options: dict[str, Any], form: str) -> int:
    from analysis import runs
    from analysis.judge import tag_with_judge

    with Progress("judge") as bar:
        run_id, counts = tag_with_judge(store, codebook, progress=bar, **options)
    aside = sum(count for state, count in counts.items() if state not in runs.FINAL_STATES)
    with store.session() as db:
        left = len(runs.pending(db, run_id, options["where"])) - aside
        cost = runs.cost_of(db, run_id)
    emit([{"run": run_id, "tagged": counts.total(), **counts, "left": left, "cost_usd": cost}], form)
    if left > 0:
        click.echo(
            f"stopped before --max-cost {options['max_cost']:g} was passed; a higher one goes on", err=True
        )
    return 1 if aside or left > 0 else 0


def _estimate(store: Store, codebook: Codebook, options: dict[str, Any], form: str) -> int:
    from analysis.judge.estimate import estimate

    with Progress("estimate") as bar:
        found = estimate(store, codebook, progress=bar, **options)
    emit([found.as_row()], form)
    for line in found.explained():
        click.echo(line, err=True)
    return 0


def _settings(given: tuple[str, ...]) -> dict[str, Any]:
    """The KEY=VALUE pairs of --setting; a value that is no JSON is a word."""
    found: dict[str, Any] = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key.strip() or not equals:
            raise UserError(f"--setting {each}: write KEY=VALUE, such as reasoning_effort=low")
        try:
            found[key.strip()] = json.loads(value)
        except ValueError:
            found[key.strip()] = value
    return found


@click.command()
@with_store
def runs(store: Store, as_json: bool) -> int:
    """List the tagging runs, with how their attempts ended and what they cost."""
    from analysis.runs import listed

    with store.session() as db:
        rows = listed(db)
    emit(rows, "json" if as_json else "table")
    return 0


COMMANDS = (tag, runs)
