"""A clustering on a plane: a point for each different text, by UMAP where it is installed, else principal components."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import duckdb
import numpy as np

from analysis.cluster.clustering import SEED
from analysis.cluster.embedders import Vectors

POINTS = 1_500
"""Texts that a map shows; of more, those with the lowest hashes, which are any."""
UMAP, PCA = "UMAP", "principal components"


@dataclass(frozen=True)
class Map:
    """Points on a plane.

    Attributes:
        points: Mappings of cluster, x, y, quote, checkpoint, synthetic.
        texts: How many different texts the clustering has.
        method: UMAP or principal components.
        explained: The share of the variance that two principal components have; None for UMAP.
    """

    points: list[dict[str, Any]]
    texts: int
    method: str
    explained: float | None


def clustering_map(db: duckdb.DuckDBPyConnection, clustering: Mapping[str, Any], most: int = POINTS) -> Map:
    """The map of a clustering, as `clusterings.find` gives it."""
    [(texts,)] = db.execute(
        "SELECT count(DISTINCT text_sha256) FROM cluster_members WHERE clustering_id = ?",
        [clustering["clustering_id"]],
    ).fetchall()
    rows = db.execute(
        """WITH shown AS (
               SELECT text_sha256, any_value(cluster) AS cluster,
                      min({'trajectory': trajectory_id, 'start': start_char, 'end': end_char}) AS place
               FROM cluster_members WHERE clustering_id = ? GROUP BY text_sha256 ORDER BY text_sha256 LIMIT ?)
           SELECT s.cluster, t.checkpoint, t.synthetic, substring(t.reasoning, place.start + 1, place."end" - place.start),
                  (SELECT any_value(vector) FROM log.embeddings e
                   WHERE e.text_sha256 = s.text_sha256 AND e.embedder = ?) AS vector
           FROM shown s JOIN trajectories t ON t.trajectory_id = place.trajectory ORDER BY s.text_sha256""",
        [clustering["clustering_id"], most, clustering["embedder"]],
    ).fetchall()
    rows = [row for row in rows if row[4] is not None]
    if len(rows) < 3:
        return Map([], texts, PCA, None)
    places, method, explained = on_a_plane(np.array([row[4] for row in rows], dtype=np.float32))
    points = [
        {"cluster": cluster, "x": x, "y": y, "quote": quote, "checkpoint": checkpoint, "synthetic": synthetic}
        for (cluster, checkpoint, synthetic, quote, _), (x, y) in zip(rows, places.tolist(), strict=True)
    ]
    return Map(points, texts, method, explained)


def takes_long() -> bool:
    """Whether a map takes longer than a page may wait: UMAP is compiled first, for a minute or two."""
    return find_spec("umap") is not None


def on_a_plane(vectors: Vectors) -> tuple[Vectors, str, float | None]:
    """(texts, 2) places of vectors, by what, and the share of the variance that two components have.

    Source: L. McInnes, J. Healy, J. Melville (2018), UMAP: uniform manifold approximation and projection for dimension
    reduction, arXiv:1802.03426.
    """
    if takes_long():
        from umap import UMAP as Umap

        return np.asarray(Umap(metric="cosine", random_state=SEED).fit_transform(vectors)), UMAP, None
    from sklearn.decomposition import PCA as Components

    fitted = Components(2, random_state=SEED)
    places = np.asarray(fitted.fit_transform(vectors), dtype=np.float32)
    return places, PCA, float(fitted.explained_variance_ratio_.sum())
