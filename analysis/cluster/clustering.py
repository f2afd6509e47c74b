"""Clusterers with scikit-learn's `fit_predict`, the choice of their number, and how stable a clustering is.

Quotes are few and short: one k-means hangs on its start and on how many dimensions it sees. `Consensus` runs many over
principal components and joins what most of them join. HDBSCAN is there for who wants density; on hand-written sentences
it leaves half of them unclustered. Segments are many: mini-batch k-means.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from analysis.cluster.embedders import Progress, Vectors
from analysis.errors import UserError

Labels = npt.NDArray[np.int64]
"""(texts,): the number of each text's cluster, from 0; UNCLUSTERED for what belongs nowhere."""
UNCLUSTERED = -1
SEED = 20_261_121
METHODS = ("consensus", "hdbscan", "kmeans")

RUNS, ON_WORDS = 80, 4
"""Runs of a consensus; one in so many sees words (TF-IDF) and not the embedding, where words are given."""
COMPONENTS = (8, 12, 16, 24, 32)
SPREAD = (0.7, 1.4)
"""The runs of a consensus have from so many to so many times the clusters that are wanted."""
AGREEMENT = 0.2
"""A text that the runs join with the others of its cluster less often than this is left unclustered."""
LARGEST_CONSENSUS = 5_000
"""Texts that a consensus is made of; further ones go to the nearest centre."""
SILHOUETTE_SAMPLE = 2_000
INIT_SIZE = 4_096
"""Texts that mini-batch k-means draws its first centres from."""
SMALLEST, SMALLEST_OF_MANY, LARGEST = 3, 20, 60
"""Bounds of the number of clusters that is looked for. The least is a fifth of the square root of the number of texts,
between the first two: of many texts the silhouette would else join all but the oddest."""
SMALLEST_DENSE = 5
"""Texts that HDBSCAN calls a cluster."""
RESAMPLES, RESAMPLED = 10, 0.8


class Clusterer(Protocol):
    """What scikit-learn calls a clusterer."""

    def fit_predict(self, X: Vectors) -> Any:
        """The label of each row."""
        ...


@dataclass(frozen=True)
class Consensus:
    """Many k-means over principal components, joined by average linkage of how often they agree.

    Attributes:
        n_clusters: How many clusters are made.
        random_state: The seed.
        words: How many of the last columns are of words (TF-IDF), a second view of the same texts.

    Source: A. L. N. Fred, A. K. Jain (2005), Combining multiple clusterings using evidence accumulation, IEEE
    Transactions on Pattern Analysis and Machine Intelligence 27, 835-850.
    """

    n_clusters: int
    random_state: int = SEED
    words: int = 0

    def fit_predict(self, X: Vectors) -> Labels:
        """The label of each row, UNCLUSTERED where the runs do not agree."""
        from sklearn.cluster import AgglomerativeClustering
        from threadpoolctl import threadpool_limits

        chance = np.random.default_rng(self.random_state)
        if len(X) > LARGEST_CONSENSUS:
            sample = np.sort(chance.choice(len(X), LARGEST_CONSENSUS, replace=False))
            return _nearest(X, sample, self.fit_predict(X[sample]))
        with threadpool_limits(1):  # many small runs: threads would wait for each other most of the time
            together = agreement(X, self.n_clusters, chance, self.words)
        joined = AgglomerativeClustering(self.n_clusters, metric="precomputed", linkage="average")
        labels = np.asarray(joined.fit_predict(1 - together), dtype=np.int64)
        labels[_support(together, labels) < AGREEMENT] = UNCLUSTERED
        return labels


def agreement(X: Vectors, k: int, chance: np.random.Generator, words: int = 0) -> npt.NDArray[np.float32]:
    """(texts, texts): the share of k-means runs that put two texts together. Arguments as in `Consensus`."""
    from sklearn.cluster import KMeans

    views = [_reduced(X[:, : X.shape[1] - words])]
    if words:
        views.append(_reduced(X[:, -words:]))
    low, high = (max(2, min(len(X) - 1, round(k * times))) for times in SPREAD)
    together = np.zeros((len(X), len(X)), dtype=np.float32)
    for run in range(RUNS):
        view = views[words > 0 and run % ON_WORDS == 0]
        number = int(chance.integers(low, high + 1))
        seen = view[:, : int(chance.choice(COMPONENTS))]
        labels = KMeans(number, n_init=1, random_state=int(chance.integers(2**31))).fit_predict(seen)
        hot = np.zeros((len(X), number), dtype=np.float32)
        hot[np.arange(len(X)), labels] = 1
        together += hot @ hot.T
    return np.asarray(together / RUNS, dtype=np.float32)


def _reduced(X: Vectors) -> Vectors:
    from sklearn.decomposition import PCA

    most = min(max(COMPONENTS), *X.shape)
    return np.asarray(PCA(most, random_state=SEED).fit_transform(X), dtype=np.float32)


def _support(together: npt.NDArray[np.float32], labels: Labels) -> npt.NDArray[np.float64]:
    """How often each text is joined with the others of its cluster; 0 where it is alone."""
    support = np.zeros(len(labels))
    for label in np.unique(labels):
        mine = np.flatnonzero(labels == label)
        if len(mine) > 1:
            block = together[np.ix_(mine, mine)]
            support[mine] = (block.sum(axis=1) - np.diagonal(block)) / (len(mine) - 1)
    return support


def _nearest(X: Vectors, sample: Labels, known: Labels) -> Labels:
    """The cluster of the sample whose centre is nearest to each row; the sample keeps its own."""
    kept = np.unique(known[known >= 0])
    centres = np.stack([X[sample][known == label].mean(axis=0) for label in kept])
    labels: Labels = kept[np.argmax(X @ centres.T, axis=1)].astype(np.int64)
    labels[sample] = known
    return labels


def clusterer(method: str, k: int | None, X: Vectors, seed: int = SEED, words: int = 0) -> Clusterer:
    """The clusterer of a name; k by silhouette where it is not given.

    Raises:
        UserError: There is no such method, or k makes no sense for so many texts.
    """
    from sklearn.cluster import HDBSCAN, MiniBatchKMeans

    if method not in METHODS:
        raise UserError(f"--method is one of {', '.join(METHODS)}; not {method}")
    if method == "hdbscan":
        if k is not None:
            raise UserError("--k is for consensus and kmeans; hdbscan finds the number itself")
        return _Fitted(
            HDBSCAN(min_cluster_size=max(2, min(SMALLEST_DENSE, len(X))), min_samples=1, copy=True)
        )
    if k is not None and not 2 <= k <= len(X) - 1:
        raise UserError(f"--k must be from 2 to {len(X) - 1}: there are {len(X)} different texts")
    k = k or best_k(X[:, : X.shape[1] - words], seed)
    if method == "consensus":
        return Consensus(k, seed, words)
    return _Fitted(
        MiniBatchKMeans(k, random_state=seed, batch_size=4_096, n_init=3, init_size=max(INIT_SIZE, 3 * k))
    )


@dataclass(frozen=True)
class _Fitted:
    """One of scikit-learn's own, whose labels become 64-bit."""

    inner: Any

    def fit_predict(self, X: Vectors) -> Labels:
        """The label of each row."""
        from threadpoolctl import threadpool_limits

        with threadpool_limits(1):  # many small products: threads would wait for each other most of the time
            return np.asarray(self.inner.fit_predict(X), dtype=np.int64)


def best_k(X: Vectors, seed: int = SEED) -> int:
    """The number of clusters whose mean silhouette is highest, on a sample.

    Source: P. J. Rousseeuw (1987), Silhouettes: a graphical aid to the interpretation and validation of cluster
    analysis, Journal of Computational and Applied Mathematics 20, 53-65.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.metrics import silhouette_score
    from threadpoolctl import threadpool_limits

    if len(X) <= SMALLEST:
        return max(1, len(X) - 1)
    chance = np.random.default_rng(seed)
    sample = X[chance.choice(len(X), min(len(X), SILHOUETTE_SAMPLE), replace=False)]
    last = min(LARGEST, max(SMALLEST, len(sample) // 5))
    least = min(last, SMALLEST_OF_MANY, max(SMALLEST, round(len(X) ** 0.5 / 5)))
    scores = {}
    with threadpool_limits(1):
        sample = PCA(min(max(COMPONENTS), *sample.shape), random_state=seed).fit_transform(sample)
        for k in sorted({round(k) for k in np.geomspace(least, last, 12)}):
            labels = KMeans(k, n_init=2, random_state=seed).fit_predict(sample)
            if 1 < len(np.unique(labels)) < len(sample):
                scores[k] = float(silhouette_score(sample, labels))
    return max(scores, key=lambda k: scores[k], default=SMALLEST)


def stability(
    X: Vectors, fit: Callable[[Vectors], Labels], seed: int = SEED, progress: Progress | None = None
) -> list[float]:
    """Adjusted Rand index of the clustering with clusterings of parts, over the texts that each part has.

    Args:
        X: All texts.
        fit: Clusters rows.
        seed: Of the resamples.
        progress: Called with (done, total).

    Returns:
        One index for each resample: 1 where the same texts come together again, 0 where no more than by chance.

    Source: L. Hubert, P. Arabie (1985), Comparing partitions, Journal of Classification 2, 193-218; U. von Luxburg
    (2010), Clustering stability, Foundations and Trends in Machine Learning 2, 235-274.
    """
    from sklearn.metrics import adjusted_rand_score

    whole, chance, found = fit(X), np.random.default_rng(seed), []
    for done in range(RESAMPLES):
        part = np.sort(chance.choice(len(X), max(2, round(len(X) * RESAMPLED)), replace=False))
        found.append(float(adjusted_rand_score(whole[part], fit(X[part]))))
        if progress:
            progress(done + 1, RESAMPLES)
    return found
