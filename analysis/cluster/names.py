"""What a cluster is called: the words that set it apart from the other clusters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from analysis.cluster.clustering import UNCLUSTERED, Labels

TERMS = 6
NAMED = 3
UNCLUSTERED_NAME = "unclustered"
_TOKEN = r"(?u)\b[^\W\d_][^\W_]+\b"
_CONTRACTED = re.compile(r"\b\w+['’]\w+\b")


def terms(texts: Sequence[str], labels: Labels, most: int = TERMS) -> dict[int, list[str]]:
    """The words and pairs of words that stand out in each cluster, the first first, by class-based TF-IDF.

    Args:
        texts: The texts.
        labels: The cluster of each.
        most: Terms a cluster.

    Returns:
        Terms for each cluster but the unclustered; none where a cluster has no word.

    Source: M. Grootendorst (2022), BERTopic: neural topic modeling with a class-based TF-IDF procedure,
    arXiv:2203.05794: a term's frequency in the cluster, times log(1 + words a cluster / the term's frequency).
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    kept = np.unique(labels[labels != UNCLUSTERED])
    chosen = np.flatnonzero(labels != UNCLUSTERED).tolist()
    words = CountVectorizer(
        ngram_range=(1, 2),
        token_pattern=_TOKEN,
        stop_words=sorted(ENGLISH_STOP_WORDS),
        preprocessor=lambda text: _CONTRACTED.sub(" ", text.lower()),
        dtype=np.float32,
    )
    try:
        counted = words.fit_transform([texts[place] for place in chosen])
    except ValueError:  # no word in any of them
        return {int(cluster): [] for cluster in kept}
    rows = np.searchsorted(kept, labels[chosen])
    into = csr_matrix((np.ones(len(chosen), dtype=np.float32), (rows, np.arange(len(chosen)))))
    counts = into @ counted
    sizes = np.asarray(counts.sum(axis=1)).ravel()
    often = np.asarray(counts.sum(axis=0)).ravel()
    rarity = np.log1p(sizes.mean() / often)
    listed = words.get_feature_names_out()
    found = {}
    for row, cluster in enumerate(kept):
        mine = counts.getrow(row)
        scores = mine.data / max(1.0, sizes[row]) * rarity[mine.indices]
        order = np.lexsort((mine.indices, -scores))
        found[int(cluster)] = _apart([str(listed[mine.indices[place]]) for place in order[: most * 5]], most)
    return found


def name(found: Sequence[str]) -> str:
    """A cluster's name from its terms."""
    return ", ".join(found[:NAMED]) or "no words"


def _apart(found: Sequence[str], most: int) -> list[str]:
    """The first terms, without those of which a word has been said."""
    kept: list[str] = []
    said: set[str] = set()
    for term in found:
        if len(kept) < most and said.isdisjoint(term.split()):
            kept.append(term)
            said |= set(term.split())
    return kept
