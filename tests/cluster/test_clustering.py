"""Clusterers: what is alike comes together, what belongs nowhere is its own group, and seeds are fixed."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from analysis.cluster import clustering
from analysis.cluster.clustering import UNCLUSTERED, Consensus, best_k, clusterer, stability
from analysis.cluster.embedders import Vectors, unit
from analysis.cluster.names import name, terms
from analysis.errors import UserError
from tests.cluster.made import KINDS, sentences


def blobs(kinds: int, each: int = 30, spread: float = 0.1, seed: int = 0) -> tuple[Vectors, np.ndarray]:
    chance = np.random.default_rng(seed)
    centres = np.eye(20)[:kinds]
    made = np.repeat(centres, each, axis=0) + chance.normal(0, spread, (kinds * each, 20))
    return unit(made), np.repeat(np.arange(kinds), each)


@pytest.mark.parametrize("method", clustering.METHODS)
def test_each_method_finds_clear_groups_and_the_same_ones_again(method: str) -> None:
    X, truth = blobs(4)
    k = None if method == "hdbscan" else 4
    first, again = (np.asarray(clusterer(method, k, X).fit_predict(X)) for _ in range(2))
    assert adjusted_rand_score(truth, first) > 0.9
    assert np.array_equal(first, again)


def test_the_silhouette_finds_how_many_there_are() -> None:
    assert best_k(blobs(5)[0]) in (4, 5, 6)


def test_many_texts_have_more_than_a_few_clusters() -> None:
    assert best_k(np.tile(blobs(3)[0], (120, 1))) >= clustering.SMALLEST_OF_MANY


def test_what_the_runs_do_not_agree_on_is_left_unclustered() -> None:
    X, _ = blobs(10, each=12)
    between = unit(np.random.default_rng(1).normal(0, 1, (40, 20)))
    labels = Consensus(12).fit_predict(np.vstack([X, between]))
    assert (labels[:120] != UNCLUSTERED).all() and (labels[120:] == UNCLUSTERED).any()


def test_texts_beyond_what_a_consensus_takes_go_to_the_nearest_centre(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clustering, "LARGEST_CONSENSUS", 60)
    X, truth = blobs(3)
    assert adjusted_rand_score(truth, Consensus(3).fit_predict(X)) > 0.9


def test_a_clear_clustering_is_stable_and_noise_is_not() -> None:
    X, _ = blobs(3)
    noise = unit(np.random.default_rng(0).normal(0, 1, (90, 20)))
    clear = stability(X, clusterer("kmeans", 3, X).fit_predict)
    assert len(clear) == clustering.RESAMPLES
    assert np.mean(clear) > 0.9 > 0.6 > np.mean(stability(noise, clusterer("kmeans", 6, noise).fit_predict))


def test_a_number_that_makes_no_sense_is_refused() -> None:
    X, _ = blobs(2, each=3)
    with pytest.raises(UserError, match="--k must be from 2 to 5: there are 6 different texts"):
        clusterer("kmeans", 6, X)
    with pytest.raises(UserError, match="hdbscan finds the number itself"):
        clusterer("hdbscan", 3, X)


def test_a_cluster_is_named_by_the_words_that_set_it_apart() -> None:
    texts = [text for kind in KINDS for text in sentences(kind)]
    labels = np.repeat([0, 1, 2], 24)
    labels[-1] = UNCLUSTERED
    found = terms(texts, labels)
    assert {"test", "evaluation"} <= set(found[0]) and {"weather", "sun"} <= {
        word for term in found[2] for word in term.split()
    }
    assert UNCLUSTERED not in found
    assert name(found[2]) == ", ".join(found[2][:3])
    assert terms(["1 2", "…"], np.array([0, 0])) == {0: []} and name([]) == "no words"
