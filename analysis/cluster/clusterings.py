"""Clusterings: texts embedded, clustered, named and kept; the same call on the same texts finds what is there.

from analysis.cluster.clusterings import Settings, cluster, listed, shown
found = cluster(store, Settings("segments", where="checkpoint = 'step-800'"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from analysis.cluster import names, texts
from analysis.cluster.clustering import SEED, UNCLUSTERED, Labels, clusterer, stability
from analysis.cluster.embedders import MINILM, STATIC, Embedder, Progress, Vectors, find_embedder
from analysis.cluster.embeddings import text_sha256, vectors_of
from analysis.cluster.texts import FINDINGS, Occurrences
from analysis.cluster.tfidf import tfidf
from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from analysis.trajectories import short_hash

METHOD = {FINDINGS: "consensus", texts.SEGMENTS: "kmeans"}
EMBEDDER = {FINDINGS: MINILM, texts.SEGMENTS: STATIC}
"""What is taken for each unit where nothing is asked for."""

Say = Callable[[str], Progress | None]
"""Told what begins; gives what is called with (done, total) of it."""


@dataclass(frozen=True)
class Settings:
    """What is clustered, and how.

    Attributes:
        unit: findings or segments.
        run_id: Whose findings; None for segments.
        pattern: Findings of one pattern only.
        where: A condition in SQL over the columns of `trajectories`.
        embedder: As `find_embedder` takes it; None for the unit's own.
        method: consensus, hdbscan or kmeans; None for the unit's own.
        k: How many clusters; None for as many as the silhouette asks for.
        seed: Of all that is drawn.
    """

    unit: str
    run_id: str | None = None
    pattern: str | None = None
    where: str | None = None
    embedder: str | None = None
    method: str | None = None
    k: int | None = None
    seed: int = SEED


@dataclass(frozen=True)
class Material:
    """What a clustering is made of: places in reasoning, different texts, a vector each, and what a clusterer sees."""

    occurrences: Occurrences
    embedder: Embedder
    vectors: Vectors
    seen: Vectors
    words: int
    wordy: Labels


def cluster(
    store: Store, settings: Settings, say: Say = lambda _: None, note: Callable[[str], None] = lambda _: None
) -> str:
    """Cluster, name and keep.

    Args:
        store: Where texts are read and clusters are kept.
        settings: What is clustered, and how.
        say: Told what begins.
        note: Told what must be said of the choice of the embedder.

    Returns:
        The clustering's id: a hash of the settings, the embedder and the texts. Where there is one already, nothing
        is made.

    Raises:
        UserError: There is nothing to cluster, or a setting makes no sense.
    """
    made = material(store, settings, say)
    if made.embedder.note:
        note(made.embedder.note)
    config = {**asdict(settings), "method": _method(settings)}
    told = [text_sha256(text) for text in made.occurrences.texts]
    clustering_id = (
        f"{settings.unit}-{short_hash([config, made.embedder.name, told, made.occurrences.which])[:12]}"
    )
    with store.session() as db:
        if db.execute("FROM log.clusterings WHERE clustering_id = ?", [clustering_id]).fetchone():
            return clustering_id
    say("cluster")
    labels = _fit(made, settings)
    say("name")
    found = names.terms(made.occurrences.texts, labels)
    _keep(store, clustering_id, config, made, labels, found, told)
    return clustering_id


def material(store: Store, settings: Settings, say: Say = lambda _: None) -> Material:
    """Read, embed and lay out what is clustered. Arguments as in `cluster`."""
    say("read")
    if settings.unit == FINDINGS:
        found = texts.findings(store, settings.run_id or "", settings.pattern, settings.where)
    else:
        found = texts.segments(store, settings.where)
    wordy = np.flatnonzero([texts.has_word(text) for text in found.texts])
    if len(wordy) < 3:
        raise UserError(f"{len(wordy)} different texts with a word in them are too few to cluster")
    embedder = find_embedder(
        settings.embedder, EMBEDDER[settings.unit], store.folder, found.texts, say("distil")
    )
    vectors = vectors_of(store, embedder, found.texts, say("embed"))
    seen, words = vectors[wordy], 0
    if _method(settings) == "consensus":
        chosen = [found.texts[place] for place in wordy]
        counted = tfidf(chosen).encode(chosen)
        seen, words = np.hstack([seen, counted]), counted.shape[1]
    return Material(found, embedder, vectors, seen, words, wordy)


def how_stable(store: Store, settings: Settings, say: Say = lambda _: None) -> list[float]:
    """Adjusted Rand over resamples of what `cluster` makes of these settings, as `stability` gives it."""
    made = material(store, settings, say)
    fit = clusterer(_method(settings), settings.k, made.seen, settings.seed, made.words).fit_predict
    return stability(made.seen, fit, settings.seed, say("resample"))


def find(db: duckdb.DuckDBPyConnection, clustering: str | None) -> dict[str, Any]:
    """The clustering of an id (its beginning will do), else the newest.

    Returns:
        clustering_id, unit, embedder, config, texts, size, created_at.

    Raises:
        UserError: None, or several that begin so.
    """
    cursor = db.execute(
        "FROM clusterings WHERE starts_with(clustering_id, ?) ORDER BY created_at DESC", [clustering or ""]
    )
    columns = [column[0] for column in cursor.description or ()]
    rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    exact = [row for row in rows if row["clustering_id"] == clustering]
    if not rows:
        raise UserError(
            f"no clustering {clustering}; `telltale cluster list` lists them"
            if clustering
            else "no clustering yet; `telltale cluster findings` makes one"
        )
    if clustering and len(rows) > 1 and not exact:
        raise UserError(
            f"{len(rows)} clusterings begin with {clustering}; `telltale cluster list` lists them"
        )
    row = (exact or rows)[0]
    return {**row, "config": orjson.loads(row["config"])}


def settings_of(clustering: Mapping[str, Any]) -> Settings:
    """The settings that a kept clustering was made with."""
    return Settings(**clustering["config"])


def listed(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The clusterings, newest first, each with its clusters counted and its unclustered share."""
    cursor = db.execute(
        f"""SELECT c.clustering_id AS clustering, c.unit, c.config->>'method' AS method, c.embedder,
                   c.config->>'run_id' AS run, c.config->>'pattern' AS pattern, c.config->>'where' AS "where",
                   count(k.cluster) FILTER (k.cluster <> {UNCLUSTERED}) AS clusters, c.texts, c.size,
                   coalesce(sum(k.size) FILTER (k.cluster = {UNCLUSTERED}), 0) / any_value(c.size) AS unclustered,
                   strftime(c.created_at, '%Y-%m-%d %H:%M:%S') AS created
            FROM clusterings c LEFT JOIN clusters k USING (clustering_id)
            GROUP BY ALL ORDER BY created DESC, clustering"""
    )
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def shown(db: duckdb.DuckDBPyConnection, clustering_id: str, quotes: int = 3) -> list[dict[str, Any]]:
    """The clusters of a clustering, the largest first and the unclustered last.

    Returns:
        cluster, name, title, terms, size, share (of all places), texts (different ones), and its most central
        quotes, each once.
    """
    rows = db.execute(
        """SELECT cluster, name, title, terms, size, size / sum(size) OVER (), texts FROM clusters
           WHERE clustering_id = ? ORDER BY cluster = -1, size DESC, cluster""",
        [clustering_id],
    ).fetchall()
    keys = ("cluster", "name", "title", "terms", "size", "share", "texts")
    found = [{**dict(zip(keys, row, strict=True)), "terms": orjson.loads(row[3] or "[]")} for row in rows]
    nearest = central(db, clustering_id, quotes) if quotes else []
    for row in found:
        row["quotes"] = [each["quote"] for each in nearest if each["cluster"] == row["cluster"]]
    return found


def central(
    db: duckdb.DuckDBPyConnection,
    clustering_id: str,
    most: int,
    cluster: int | None = None,
    checkpoint: str | None = None,
) -> list[dict[str, Any]]:
    """The different quotes nearest to the centre of each cluster, or of one; of one checkpoint, or of all.

    Returns:
        cluster, quote, trajectory_id, start_char, end_char, weight (the cosine with the centre), places, segment (the
        first that the quote stands in), checkpoint, variant, sample, reasoning_state, synthetic. A text that stands in
        several places is shown in one of them; `places` counts them.
    """
    cursor = db.execute(
        """WITH different AS (
               SELECT cluster, text_sha256, max(weight) AS weight, count(*) AS places,
                      min({'trajectory': trajectory_id, 'start': start_char, 'end': end_char}) AS place
               FROM cluster_members WHERE clustering_id = $id AND (cluster = $cluster OR $cluster IS NULL)
                AND ($checkpoint IS NULL
                     OR trajectory_id IN (SELECT trajectory_id FROM trajectories WHERE checkpoint = $checkpoint))
               GROUP BY cluster, text_sha256),
           nearest AS (
               FROM different
               QUALIFY row_number() OVER (PARTITION BY cluster ORDER BY weight DESC, text_sha256) <= $most)
           SELECT cluster, substring(reasoning, place.start + 1, place."end" - place.start) AS quote,
                  place.trajectory AS trajectory_id, place.start AS start_char, place."end" AS end_char, weight, places,
                  greatest(0, len(list_filter(c.start_char, lambda each: each <= place.start)) - 1) AS segment,
                  checkpoint, variant, sample, reasoning_state, synthetic
           FROM nearest JOIN trajectories t ON t.trajectory_id = place.trajectory JOIN log.cuts c USING (row_id)
           ORDER BY cluster, weight DESC, text_sha256""",
        {"id": clustering_id, "cluster": cluster, "checkpoint": checkpoint, "most": most},
    )
    columns = [column[0] for column in cursor.description or ()]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def _method(settings: Settings) -> str:
    return settings.method or METHOD[settings.unit]


def _fit(made: Material, settings: Settings) -> Labels:
    """Labels of all texts: the cluster that stands in most places is 0; texts without a word belong nowhere."""
    fitted = clusterer(_method(settings), settings.k, made.seen, settings.seed, made.words).fit_predict(
        made.seen
    )
    labels = np.full(len(made.occurrences.texts), UNCLUSTERED, dtype=np.int64)
    labels[made.wordy] = fitted
    places = labels[made.occurrences.which]
    kept, sizes = np.unique(places[places != UNCLUSTERED], return_counts=True)
    rank = {int(kept[place]): number for number, place in enumerate(np.lexsort((kept, -sizes)))}
    return np.array([rank.get(int(label), UNCLUSTERED) for label in labels], dtype=np.int64)


def _centrality(vectors: Vectors, labels: Labels) -> Vectors:
    """The cosine of each text's vector and its cluster's centre."""
    weights = np.zeros(len(labels), dtype=np.float32)
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        centre = vectors[mine].mean(axis=0)
        length = float(np.linalg.norm(centre))
        weights[mine] = vectors[mine] @ centre / length if length else 0.0
    return weights


def _keep(
    store: Store,
    clustering_id: str,
    config: dict[str, Any],
    made: Material,
    labels: Labels,
    found: Mapping[int, list[str]],
    told: list[str],
) -> None:
    places, at = made.occurrences, now()
    which = np.array(places.which)
    weights = _centrality(made.vectors, labels)
    of_places = labels[which]
    clusters = [
        {
            "clustering_id": clustering_id, "cluster": int(label), "size": int((of_places == label).sum()),
            "texts": int((labels == label).sum()), "terms": orjson.dumps(found.get(int(label), [])).decode(),
            "name": names.UNCLUSTERED_NAME if label == UNCLUSTERED else names.name(found[int(label)]),
            "created_at": at,
        }
        for label in np.unique(labels)
    ]  # fmt: skip
    members = pa.table({
        "clustering_id": [clustering_id] * len(which), "cluster": of_places.astype(np.int32),
        "trajectory_id": places.trajectory_ids, "reasoning_sha256": places.reasoning_sha256,
        "start_char": np.array(places.starts, dtype=np.int32), "end_char": np.array(places.ends, dtype=np.int32),
        "weight": weights[which].astype(np.float64), "text_sha256": pa.array(told).take(pa.array(which)),
    })  # fmt: skip
    with store.transaction() as db:
        append(db, "clusterings", [{
            "clustering_id": clustering_id, "unit": config["unit"], "embedder": made.embedder.name,
            "config": orjson.dumps(config, option=orjson.OPT_SORT_KEYS).decode(), "texts": len(places.texts),
            "size": len(which), "created_at": at,
        }])  # fmt: skip
        append(db, "clusters", clusters)
        append(db, "cluster_members", members)
