"""Trained on 200 labelled traces of bank A, the learned tagger beats the cues on traces of bank B, which it never saw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

import numpy as np
import pytest
import torch

from analysis.cluster import static
from analysis.cluster.embedders import MINILM, Embedder, load_model, unit
from analysis.environment.rates import Rates, load_rates
from analysis.environment.simulate import simulate
from analysis.learned.tagging import Settings, tag_with_learned
from analysis.measure.truth import against_truth
from analysis.store import Store
from analysis.tagging import tag_with_cues
from labels.training import examples
from tests.learned.made import BOOK, label_by_truth

SEED = 5
LEAST_SHARE = 0.4
"""Of the traces that are learned from, for each pattern: so that 200 of them have 20 that show it."""


def often() -> Rates:
    """The simulator's rates, with no pattern rarer than LEAST_SHARE."""
    rates = load_rates()
    checkpoints = [
        replace(each, shares={name: max(share, LEAST_SHARE) for name, share in each.shares.items()})
        for each in rates.checkpoints
    ]
    return replace(rates, checkpoints=tuple(checkpoints))


def static_of(texts: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Embedder:
    """The static model with vectors for the words of these texts alone: those of all 30,000 take twenty seconds."""
    model = load_model(MINILM)
    words = sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text)})
    tokens = sorted({token for ids in model.tokenizer(words)["input_ids"] for token in ids})

    def few(model: Any, count: int, _: object) -> Any:
        prefix, suffix = static._around(model.tokenizer)
        rows = torch.tensor([[*prefix, token, *suffix] for token in tokens])
        with torch.inference_mode():
            made = model({"input_ids": rows, "attention_mask": torch.ones_like(rows)})["sentence_embedding"]
        vectors = np.tile(made.double().mean(axis=0).numpy(), (count, 1))
        vectors[tokens] = made.numpy()
        return vectors

    monkeypatch.setattr(static, "_token_vectors", few)
    distilled = static.distil(model)
    return Embedder(
        "static-of-both-banks", lambda given: unit(distilled.encode(list(given), use_multiprocessing=False))
    )


def f1_on_bank_b(store: Store, run_id: str) -> dict[str, float]:
    with store.session() as db:
        scores = against_truth(db, run_id)
    return {each.pattern: each.f1 or 0.0 for each in scores if each.group["bank"] == "bank-b"}


def test_learned_from_200_traces_of_one_bank_it_beats_the_cues_on_the_other(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with store.session():
        simulate(store, 203, SEED, banks=("a",), rates=often())
        simulate(store, 120, SEED, banks=("b",))
        with store.session() as db:
            texts = [
                text
                for (text,) in db.execute("SELECT DISTINCT reasoning FROM trajectories").fetchall()
                if text
            ]
        embedder = static_of(texts, monkeypatch)
        monkeypatch.setattr("analysis.learned.tagging.find_embedder", lambda *_: embedder)
        traces = label_by_truth(store, "source LIKE 'simulate/a-%'")
        with store.session() as db:
            labels = examples(db, BOOK)
        done = tag_with_learned(store, BOOK, labels, Settings(), "source LIKE 'simulate/b-%'")
        cues, _ = tag_with_cues(store, BOOK, "source LIKE 'simulate/b-%'")
        ours, theirs = f1_on_bank_b(store, done.run_id), f1_on_bank_b(store, cues)
    with capsys.disabled():
        print(
            f"\nsimulated, learned from {traces} labelled traces of bank a, mean F1 of {len(theirs)} patterns on "
            f"{done.counts['ok']} traces of bank b: learned {mean(ours.values()):.3f}, cues {mean(theirs.values()):.3f}"
        )
    assert 195 <= traces <= 200 and ours.keys() == theirs.keys() == set(BOOK.ids()), (
        "every pattern has 20 of them"
    )
    assert mean(ours.values()) > mean(theirs.values()) + 0.03
