"""Embedders: MiniLM offline with its weights checked, any other model, the static one, and TF-IDF without torch."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.cluster import static
from analysis.cluster.embedders import (
    MINILM_SHA256,
    Embedder,
    check_weights,
    find_embedder,
    minilm_folder,
    unit,
)
from analysis.cluster.tfidf import tfidf
from analysis.errors import UserError

ALIKE = "the grader checks the answer", "the answer is checked by the grader", "rain and sun, a fine day"


def cosine(vectors: np.ndarray, one: int, other: int) -> float:
    return float(vectors[one] @ vectors[other])


def test_minilm_comes_from_its_package_and_puts_alike_sentences_together(minilm: Embedder) -> None:
    vectors = minilm.encode(ALIKE)
    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert cosine(vectors, 0, 1) > 0.6 > 0.3 > cosine(vectors, 0, 2)
    assert minilm.name == f"all-MiniLM-L6-v2@{MINILM_SHA256[:12]}"


def test_other_weights_in_minilms_place_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"is not the published model: its SHA-256 is .*and not 53aa51172d14"):
        check_weights(tmp_path / "model.safetensors", MINILM_SHA256)
    with pytest.raises(UserError, match="can't be read"):
        check_weights(tmp_path / "nothing.safetensors", MINILM_SHA256)
    assert (minilm_folder() / "modules.json").exists()


def test_any_other_path_works_and_its_name_holds_a_hash_of_its_weights(tiny: Path, tmp_path: Path) -> None:
    found = find_embedder(str(tiny), "minilm", tmp_path)
    assert found.encode(ALIKE).shape == (3, 32)
    assert found.name.startswith("model@") and found.name == find_embedder(str(tiny), "minilm", tmp_path).name


def test_what_is_no_model_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="is no sentence-transformers model that can be loaded") as refused:
        find_embedder(str(tmp_path), "minilm", tmp_path)
    assert "\n" not in str(refused.value)


def test_the_static_model_is_made_once_and_kept_beside_the_store(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    first = find_embedder(
        f"static:{tiny}", "minilm", tmp_path, progress=lambda done, total: seen.append((done, total))
    )
    [home] = tmp_path.iterdir()
    assert home.name.startswith("static-model@") and seen[-1][0] == seen[-1][1]
    monkeypatch.setattr(static, "distil", lambda *_: pytest.fail("it was distilled again"))
    second = find_embedder(f"static:{tiny}", "minilm", tmp_path)
    assert second.name == first.name
    assert np.array_equal(first.encode(ALIKE), second.encode(ALIKE))


def test_a_static_vector_is_the_weighted_mean_of_what_the_model_makes_of_each_token(
    tiny: Path, tmp_path: Path
) -> None:
    found = find_embedder(f"static:{tiny}", "minilm", tmp_path)
    alone = found.encode(["grader", "answer", "grader answer", "answer grader", ""])
    assert np.allclose(alone[2], alone[3])
    plane = np.linalg.lstsq(alone[:2].T, alone[2], rcond=None)
    assert (plane[0] > 0).all() and plane[1][0] == pytest.approx(0, abs=1e-6)
    assert not alone[4].any()


def test_a_static_model_that_was_damaged_says_to_remove_it(tiny: Path, tmp_path: Path) -> None:
    find_embedder(f"static:{tiny}", "minilm", tmp_path)
    [home] = tmp_path.iterdir()
    (home / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(UserError, match="remove it to have it made again"):
        find_embedder(f"static:{tiny}", "minilm", tmp_path)


def test_without_torch_words_stand_in_for_the_model_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    found = find_embedder(None, "minilm", tmp_path, ALIKE)
    vectors = found.encode(ALIKE)
    assert found.name.startswith("tfidf@") and "TF-IDF stands in for minilm" in str(found.note)
    assert cosine(vectors, 0, 1) > cosine(vectors, 0, 2)
    with pytest.raises(UserError, match="minilm needs torch and sentence-transformers"):
        find_embedder("minilm", "minilm", tmp_path, ALIKE)


def test_tfidf_is_named_by_the_texts_it_fits() -> None:
    assert tfidf(["one two", "three"]).name == tfidf(["three", "one two", "three"]).name
    assert tfidf(["one two", "three"]).name != tfidf(["one two", "four"]).name


@settings(max_examples=10, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=8))
def test_tfidf_takes_any_texts(texts: list[str]) -> None:
    lengths = np.linalg.norm(tfidf(texts).encode(texts), axis=1)
    assert np.all(np.isclose(lengths, 1, atol=1e-4) | (lengths == 0))


def test_what_is_no_number_becomes_zero() -> None:
    assert unit([[np.nan, 0], [3, 4]]).tolist() == [[0, 0], pytest.approx([0.6, 0.8])]
