"""cluster: groups of findings or of segments that say alike things."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from analysis.errors import UserError
from analysis.store import Store
from commands.common import Stages, emit, with_store
from commands.report.shared import columns, existing, note_synthetic

LISTED = (
    "clustering",
    "unit",
    "method",
    "embedder",
    "pattern",
    "clusters",
    "texts",
    "size",
    "unclustered",
    "created",
)
SHOWN = ("cluster", "name", "title", "size", "share", "texts", "quote")
QUOTED = ("quote", "places", "weight", "trajectory_id", "start_char", "end_char")
SHARED = ("reasoning_state", "cluster", "name", "part", "n", "share", "all_low", "all_high", "missing", "difference",
          "p", "p_bh")  # fmt: skip
LONGEST_QUOTE = 90


@click.group()
def cluster() -> None:
    """Cluster findings' quotes or segments by meaning, name the clusters, and assign one to a pattern."""


def clustering(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that both units share."""

    @click.option(
        "--where", help="Which trajectories: a condition in SQL, such as \"checkpoint = 'step-800'\"."
    )
    @click.option("--embedder", metavar="NAME",
                  help="minilm, static, static:NAME, tfidf, or the name or path of a sentence-transformers model. "
                       "[default: minilm for findings, static for segments; tfidf where torch is missing]")  # fmt: skip
    @click.option("--method", type=click.Choice(["consensus", "hdbscan", "kmeans"]),
                  help="[default: consensus for findings, kmeans for segments]")  # fmt: skip
    @click.option("--k", type=click.IntRange(min=2), help="How many clusters. [default: by silhouette]")
    @click.option("--seed", type=int, help="Of all that is drawn.")
    @click.option("--titles", is_flag=True, help="Ask --model for a title of each cluster.")
    @click.option("--model", help="The name that the endpoint knows the model by, for --titles.")
    @click.option("--base-url", help="The endpoint. [default: OPENAI_BASE_URL, else OpenAI's]")
    @click.option("--api", type=click.Choice(["chat", "responses"]), default="chat", show_default=True,
                  help="The endpoint's interface.")  # fmt: skip
    @with_store
    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)

    return wrapped


@cluster.command()
@click.option("--run", "run_id", help="Whose findings. [default: the newest]")
@click.option("--pattern", help="Findings of one pattern only.")
@clustering
def findings(store: Store, as_json: bool, run_id: str | None, pattern: str | None, **options: Any) -> int:
    """Cluster the quotes of a run's findings: what they have in common, and where the codebook is too coarse."""
    from analysis import runs

    with existing(store).session() as db:
        run = runs.choose(db, run_id)
    return _cluster(store, as_json, {"unit": "findings", "run_id": run, "pattern": pattern}, **options)


@cluster.command()
@clustering
def segments(store: Store, as_json: bool, **options: Any) -> int:
    """Cluster every segment of the reasoning: what the codebook has no name for yet."""
    return _cluster(existing(store), as_json, {"unit": "segments"}, **options)


def _cluster(
    store: Store,
    as_json: bool,
    unit: dict[str, Any],
    titles: bool,
    model: str | None,
    base_url: str | None,
    api: str,
    seed: int | None,
    **settings: Any,
) -> int:
    from analysis.cluster import clusterings
    from analysis.cluster.titles import add_titles

    if titles and not model:
        raise UserError("--titles needs --model, the name that the endpoint knows it by")
    if model and not titles:
        raise UserError("--model is for --titles: add it")
    asked = clusterings.Settings(**unit, **settings, **({} if seed is None else {"seed": seed}))
    stages, untitled = Stages(), 0
    try:
        found = clusterings.cluster(store, asked, stages, lambda note: click.echo(note, err=True))
        if titles and model:
            given = add_titles(store, found, model, base_url, api=api, progress=stages("titles"))
            untitled = sum(title is None for title in given.values())
    finally:
        stages.close()
    if untitled:
        click.echo(f"{untitled} clusters have no title: the reply had none of the form asked for", err=True)
    _emit_clusters(store, found, as_json, quotes=3)
    return 1 if untitled else 0


@cluster.command(name="list")
@with_store
def listed(store: Store, as_json: bool) -> int:
    """List the clusterings, the newest first."""
    from analysis.cluster.clusterings import listed as rows_of

    with existing(store).session() as db:
        rows = rows_of(db)
    emit(rows, "json" if as_json else "table", None if as_json else LISTED)
    return 0


@cluster.command()
@click.argument("clustering", required=False)
@click.option(
    "--cluster", "number", type=int, help="Only this cluster, with its quotes; -1 is what is unclustered."
)
@click.option(
    "--quotes", type=click.IntRange(min=1), help="How many quotes. [default: 3 a cluster, 20 of one]"
)
@click.option("--by", help="Columns to split by, with commas: how large a share of each group's trajectories has a "
                           "text of each cluster.")  # fmt: skip
@click.option(
    "--stability", is_flag=True, help="Cluster ten parts of four fifths again, and say how far they agree."
)
@with_store
def show(
    store: Store,
    as_json: bool,
    clustering: str | None,
    number: int | None,
    quotes: int | None,
    by: str | None,
    stability: bool,
) -> int:
    """Show the clusters of CLUSTERING (its beginning will do; the newest by default)."""
    from analysis.cluster import clusterings

    if sum((number is not None, by is not None, stability)) > 1:
        raise UserError("--cluster, --by and --stability are three questions; ask one at a time")
    with existing(store).session() as db:
        found = clusterings.find(db, clustering)
    form, clustering_id = "json" if as_json else "table", found["clustering_id"]
    if stability:
        return _stability(store, found, form)
    if by is not None:
        return _shares(store, found, by, form)
    if number is None:
        _emit_clusters(store, clustering_id, as_json, quotes or 3)
        return 0
    with store.session() as db:
        rows = clusterings.central(db, clustering_id, quotes or 20, number)
    if not rows:
        raise UserError(f"{clustering_id} has no cluster {number}")
    emit(rows, form, QUOTED)
    return 0


@cluster.command()
@click.argument("clusters", metavar="CLUSTER")
@click.argument("pattern")
@click.option(
    "--codebook", "codebook_file", type=click.Path(path_type=Path), help="[default: labels/codebook.yaml]"
)
@with_store
def assign(store: Store, as_json: bool, clusters: str, pattern: str, codebook_file: Path | None) -> int:
    """Tag with a cluster: CLUSTER stands for PATTERN in a run of its own, which counts like any run.

    CLUSTER is a number, of the newest clustering, or CLUSTERING:NUMBER; several numbers stand with commas.
    """
    from analysis import codebook as scheme
    from analysis.cluster.assigning import assign as assigned

    clustering, _, numbers = clusters.rpartition(":")
    try:
        chosen = {int(number): pattern for number in numbers.split(",")}
    except ValueError:
        raise UserError(
            f"{clusters} is no cluster; write CLUSTERING:NUMBER, such as findings-1a2b:3"
        ) from None
    run_id, counts = assigned(
        existing(store), clustering or None, chosen, scheme.load(codebook_file or scheme.DEFAULT_PATH)
    )
    emit([{"run": run_id, **counts}], "json" if as_json else "table")
    return 0


def _emit_clusters(store: Store, clustering_id: str, as_json: bool, quotes: int) -> None:
    from analysis.cluster import clusterings

    with store.session() as db:
        rows = clusterings.shown(db, clustering_id, quotes)
    for row in rows:
        row |= {"clustering": clustering_id, "quote": _short(row["quotes"][0]) if row["quotes"] else None}
    if as_json:
        emit(rows, "json", ("clustering", *SHOWN[:-1], "terms", "quotes"))
        return
    click.echo(f"clustering {clustering_id}", err=True)
    left = sum(row["share"] for row in rows if row["cluster"] == -1)
    click.echo(f"{left:.1%} of {sum(row['size'] for row in rows):,} texts are unclustered", err=True)
    emit(
        rows,
        "table",
        SHOWN if any(row["title"] for row in rows) else [name for name in SHOWN if name != "title"],
    )


def _shares(store: Store, found: dict[str, Any], by: str, form: str) -> int:
    from analysis.cluster.shares import COLUMNS, shares

    split = columns(by)
    with store.session() as db:
        rows = shares(db, found, split)
    note_synthetic(any(row["synthetic"] for row in rows))
    emit(rows, form, [*split, *(COLUMNS if form == "json" else SHARED)])
    return 0


def _stability(store: Store, found: dict[str, Any], form: str) -> int:
    from analysis.cluster import clusterings

    stages = Stages()
    try:
        scores = clusterings.how_stable(store, clusterings.settings_of(found), stages)
    finally:
        stages.close()
    row = {"clustering": found["clustering_id"], "resamples": len(scores), "adjusted_rand": sum(scores) / len(scores),
           "lowest": min(scores), "highest": max(scores)}  # fmt: skip
    emit([row], form)
    return 0


def _short(quote: str) -> str:
    quote = " ".join(quote.split())
    return quote if len(quote) <= LONGEST_QUOTE else quote[: LONGEST_QUOTE - 1] + "…"


COMMANDS = (cluster,)
