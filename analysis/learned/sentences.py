"""A classifier of sentences for each pattern: logistic regression on a sentence's vector and its words.

A label of a trace says something of its sentences. Those in a quote that shows the pattern are positive, and the other
sentences of that trace are left out: a person quotes what is enough. All sentences of a trace without the pattern are
negative. Where a present label has no quote, the one sentence that the classifier finds likeliest stands for the trace
(a witness), and the classifier is fitted again with it.

Source: S. Andrews, I. Tsochantaridis, T. Hofmann (2003), Support vector machines for multiple-instance learning,
Advances in Neural Information Processing Systems 15, 577-584, for the witness.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.cluster.embedders import Vectors
from analysis.learned.examples import ABSENT, PRESENT, Examples, Ints, Mask

STRENGTH = 1.0
"""The inverse of the regression's ridge penalty."""
WORDS = 50_000
MOST_TEXTS = 30_000
"""Different sentences that are learned from: all that are positive, and of the others a sample."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SentenceModel:
    """The classifiers of all patterns over the same features.

    Attributes:
        words: The fitted TF-IDF of words and pairs of words.
        weights: (features, patterns); NaN for a pattern that could not be fitted.
        bias: (patterns,)
    """

    words: Any
    weights: Array
    bias: Array

    def decide(self, texts: Sequence[str], vectors: Vectors) -> Array:
        """(texts, patterns) the log odds that each text shows each pattern, for classes of equal weight."""
        width = vectors.shape[1]
        known = self.words.transform(texts)
        return np.asarray(vectors @ self.weights[:width] + known @ self.weights[width:] + self.bias)


def fit(examples: Examples, vectors: Vectors, learning: Mask, seed: int) -> SentenceModel:
    """Learn from some traces.

    Args:
        examples: All labelled traces.
        vectors: (texts, dimensions) of their sentences.
        learning: (traces,) which of them.
        seed: Of the sample of sentences, where there are very many.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    mine = learning[examples.owner]
    used = _sample(examples, mine, seed)
    words = TfidfVectorizer(
        sublinear_tf=True, ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", max_features=WORDS
    )
    shape = vectors.shape[1], len(examples.patterns)
    try:
        counted = words.fit_transform([examples.texts[number] for number in used])
    except ValueError:  # no word is left
        words.fit(["none"])
        return SentenceModel(words, np.full((shape[0] + 1, shape[1]), np.nan), np.full(shape[1], np.nan))
    features = hstack([csr_matrix(vectors[used], dtype=np.float64), counted]).tocsr()
    place = np.full(len(examples.texts), -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    kept = np.flatnonzero(mine & (place[examples.which] >= 0))
    rows = _Rows(place[examples.which[kept]], examples.owner[kept], features, seed)
    fitted = [
        rows.fitted(examples.values[rows.owner, at], examples.quoted[kept, at]) for at in range(shape[1])
    ]
    return SentenceModel(
        words, np.stack([each[:-1] for each in fitted], axis=1), np.array([each[-1] for each in fitted])
    )


def _sample(examples: Examples, mine: Mask, seed: int) -> Ints:
    """The texts that are learned from, in order."""
    there = np.unique(examples.which[mine])
    if len(there) <= MOST_TEXTS:
        return there
    positive = np.unique(examples.which[mine & examples.quoted.any(axis=1)])
    others = np.setdiff1d(there, positive)
    more = np.random.default_rng(seed).choice(others, max(0, MOST_TEXTS - len(positive)), replace=False)
    return np.union1d(positive, more)


@dataclass(frozen=True)
class _Rows:
    """Sentences that are learned from.

    Attributes:
        text: (sentences,) the row of its features.
        owner: (sentences,) its trace.
        features: (texts, features)
    """

    text: Ints
    owner: Ints
    features: Any
    seed: int

    def fitted(self, values: npt.NDArray[np.int8], quoted: Mask) -> Array:
        """(features + 1,) weights and bias for one pattern; NaN where one of the two classes is empty.

        Args:
            values: (sentences,) what the label says of its trace.
            quoted: (sentences,) whether it is quoted.
        """
        positive, negative = self._counts(quoted & (values == PRESENT)), self._counts(values == ABSENT)
        with_quotes = np.unique(self.owner[quoted])
        unquoted = (values == PRESENT) & ~np.isin(self.owner, with_quotes)
        if not unquoted.any():
            return self._regression(positive, negative)
        first = positive if positive.any() else self._counts(unquoted)
        found = self._regression(first, negative)
        if np.isnan(found).any():
            return found
        return self._regression(positive + self._witnesses(found, np.flatnonzero(unquoted)), negative)

    def _counts(self, chosen: Mask) -> Array:
        return np.bincount(self.text[chosen], minlength=self.features.shape[0]).astype(np.float64)

    def _witnesses(self, found: Array, unquoted: Ints) -> Array:
        """How often each text is the likeliest of a trace that has no quotes."""
        odds = self.features[self.text[unquoted]] @ found[:-1]
        best = np.lexsort((odds, self.owner[unquoted]))
        last = np.append(np.flatnonzero(np.diff(self.owner[unquoted][best])), len(best) - 1)
        return np.bincount(self.text[unquoted[best[last]]], minlength=self.features.shape[0]).astype(
            np.float64
        )

    def _regression(self, positive: Array, negative: Array) -> Array:
        """Logistic regression on texts that count so often as positive and as negative; both classes weigh alike."""
        from sklearn.linear_model import LogisticRegression

        if not positive.any() or not negative.any():
            return np.full(self.features.shape[1] + 1, np.nan)
        yes, no = np.flatnonzero(positive), np.flatnonzero(negative)
        half = (positive.sum() + negative.sum()) / 2
        weights = np.concatenate(
            [positive[yes] * half / positive.sum(), negative[no] * half / negative.sum()]
        )
        model = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=self.seed)
        target = np.repeat([1, 0], [len(yes), len(no)])
        model.fit(self.features[np.concatenate([yes, no])], target, sample_weight=weights)
        return np.append(model.coef_[0], model.intercept_[0])
