"""Vectors from words alone, where no model can be loaded: TF-IDF and a truncated SVD (latent semantic analysis)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from analysis.cluster.embedders import Embedder, Vectors, unit
from analysis.cluster.embeddings import text_sha256

DIMENSIONS = 100
SEED = 20_261_121
RARE = 50
"""From this many texts up, a word or pair of words must be in two of them."""


def tfidf(texts: Sequence[str]) -> Embedder:
    """An embedder fitted to these texts; texts without a word become zeros.

    Source: S. Deerwester and others (1990), Indexing by latent semantic analysis, Journal of the American Society
    for Information Science 41, 391-407.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    different = sorted(set(texts), key=text_sha256)
    words = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        token_pattern=r"(?u)\b\w+\b",
        min_df=2 if len(different) >= RARE else 1,
    )
    name = hashlib.sha256("".join(map(text_sha256, different)).encode()).hexdigest()
    try:
        counted = words.fit_transform(different)
    except ValueError:  # no word in any of them
        return Embedder(f"tfidf@{name[:12]}", lambda given: np.zeros((len(given), 1), dtype=np.float32))
    dimensions = min(DIMENSIONS, counted.shape[0] - 1, counted.shape[1] - 1)
    if dimensions < 1:
        return Embedder(f"tfidf@{name[:12]}", lambda given: unit(words.transform(given).toarray()))
    reduced = TruncatedSVD(dimensions, random_state=SEED).fit(counted)

    def encode(given: Sequence[str]) -> Vectors:
        return unit(reduced.transform(words.transform(given)))

    return Embedder(f"tfidf@{name[:12]}", encode)
