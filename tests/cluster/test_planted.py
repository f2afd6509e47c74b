"""On the distinct sentences of bank B, clusters agree with the planted patterns better than plain MiniLM and k-means."""

from __future__ import annotations

from statistics import mean

import pytest

from analysis.cluster.embedders import Embedder
from benchmarks.cluster import planted, scored


def test_clusters_are_nearer_to_the_planted_patterns_than_plain_k_means(
    minilm: Embedder, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, patterns = planted("b")
    scores = scored(texts, patterns, minilm.encode(texts), seeds=2)
    ours, plain = mean(scores["Telltale"]), mean(scores["MiniLM + k-means"])
    with capsys.disabled():
        print(f"\nadjusted Rand on bank b: Telltale {ours:.3f}, MiniLM + k-means {plain:.3f}")
    assert ours > plain > mean(scores["TF-IDF + SVD + k-means"])
