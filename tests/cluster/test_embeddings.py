"""Vectors are kept by text and embedder: nothing is embedded twice, and a stop loses at most a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from analysis.cluster import embeddings
from analysis.cluster.embedders import Embedder, Vectors, unit
from analysis.cluster.embeddings import text_sha256, vectors_of
from analysis.store import Store


class Counting:
    """An embedder that remembers what it was asked, and may be killed at a text."""

    def __init__(self, name: str = "counting", dies_at: str | None = None) -> None:
        self.asked: list[str] = []
        self.dies_at = dies_at
        self.embedder = Embedder(name, self.encode)

    def encode(self, texts: Sequence[str]) -> Vectors:
        if self.dies_at in texts:
            raise KeyboardInterrupt
        self.asked += texts
        return unit([[len(text), sum(text.encode()), 1] for text in texts])


TEXTS = [f"sentence {number}" for number in range(300)]


def test_vectors_come_in_the_order_of_the_texts_and_nothing_is_embedded_twice(store: Store) -> None:
    first = Counting()
    some = vectors_of(store, first.embedder, TEXTS[100:200])
    again = Counting()
    found = vectors_of(store, again.embedder, TEXTS)
    assert set(again.asked) == {*TEXTS[:100], *TEXTS[200:]} and len(again.asked) == 200
    assert np.array_equal(found[100:200], some)
    assert np.allclose(found, Counting().encode(TEXTS))


def test_another_embedder_has_vectors_of_its_own(store: Store) -> None:
    vectors_of(store, Counting("one").embedder, TEXTS[:3])
    other = Counting("two")
    vectors_of(store, other.embedder, TEXTS[:3])
    assert other.asked == TEXTS[:3]


def test_after_a_stop_it_goes_on_where_it_was(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "LARGEST_BATCH", 50)
    stopped, seen = Counting(dies_at=TEXTS[250]), list[tuple[int, int]]()
    with pytest.raises(KeyboardInterrupt):
        vectors_of(store, stopped.embedder, TEXTS, lambda done, total: seen.append((done, total)))
    going_on = Counting()
    found = vectors_of(store, going_on.embedder, TEXTS)
    assert len(stopped.asked) >= 200 and len(stopped.asked) + len(going_on.asked) == 300
    assert seen[-1] == (len(stopped.asked), 300)
    assert np.allclose(found, Counting().encode(TEXTS))


def test_a_vector_stands_under_its_texts_hash(store: Store) -> None:
    [vector] = vectors_of(store, Counting().embedder, ["é"])
    with store.session() as db:
        rows = db.execute("SELECT text_sha256, embedder, vector FROM embeddings").fetchall()
    assert rows == [(text_sha256("é"), "counting", pytest.approx(vector.tolist()))]


def test_no_text_is_no_vector(store: Store) -> None:
    assert vectors_of(store, Counting().embedder, []).shape[0] == 0
