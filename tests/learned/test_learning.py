"""Learning: what labels without quotes give, folds by prompt, thresholds, and figures of held-out traces."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from analysis.cluster.tfidf import tfidf
from analysis.learned.crossfit import curve, learn, threshold
from analysis.learned.examples import Examples, read
from analysis.learned.quality import auc, quality
from analysis.store import Store
from labels.training import examples
from tests.learned.made import BOOK, PATTERN, labelled


def prepared(store: Store) -> tuple[Examples, Any]:
    with store.session() as db:
        found = read(store, examples(db, BOOK), BOOK.ids())
    return found, tfidf(found.texts).encode(found.texts)


@pytest.mark.parametrize("quoted", [True, False])
def test_held_out_traces_are_told_apart_with_quotes_and_without(store: Store, quoted: bool) -> None:
    labelled(store, quoted=quoted)
    found, vectors = prepared(store)
    [row] = [each.as_row() for each in quality(found, learn(found, vectors, 0))]
    assert (row["pattern"], row["present"], row["absent"], row["n"], row["missing"]) == (
        PATTERN,
        24,
        24,
        48,
        0,
    )
    assert row["sensitivity"] > 0.9 and row["specificity"] > 0.9 and row["auc"] > 0.95
    assert row["sensitivity_low"] < row["sensitivity"] and row["intervals"].endswith(
        "for these 6 prompts only"
    )


def test_no_prompt_is_in_two_folds_and_held_out_odds_are_of_models_without_it(store: Store) -> None:
    labelled(store)
    found, vectors = prepared(store)
    learnt = learn(found, vectors, 0)
    folds = {prompt: set(learnt.folds[found.prompts == prompt]) for prompt in set(found.prompts)}
    assert learnt.by_prompt and all(len(each) == 1 for each in folds.values())
    other = found.values.copy()
    other[learnt.folds == 0] = 1 - other[learnt.folds == 0]
    turned = learn(replace(found, values=other), vectors, 0)
    same = learnt.folds == 0
    assert np.array_equal(learnt.odds[same], turned.odds[same]), "a fold's labels do not touch its own odds"
    assert learnt.held_out[0].thresholds == turned.held_out[0].thresholds, "nor its threshold"
    assert not np.array_equal(learnt.odds[~same], turned.odds[~same])


def test_with_two_prompts_traces_are_dealt_out_one_by_one(store: Store) -> None:
    labelled(store, prompts=2)
    found, vectors = prepared(store)
    learnt = learn(found, vectors, 0)
    assert not learnt.by_prompt and np.bincount(learnt.folds).tolist() == [12] * 4


def test_a_pattern_that_one_prompt_alone_shows_has_no_figures_and_says_so(store: Store) -> None:
    labelled(store)
    found, vectors = prepared(store)
    prompts = [
        "x" if shown else each.prompt for each, shown in zip(found.traces, found.values[:, 0], strict=True)
    ]
    traces = [replace(each, prompt=prompt) for each, prompt in zip(found.traces, prompts, strict=True)]
    lone = replace(found, traces=traces)
    [row] = [each.as_row() for each in quality(lone, learn(lone, vectors, 0))]
    assert (row["sensitivity"], row["auc"], row["n"], row["missing"]) == (None, None, 0, 48)
    assert "sensitivity: too few prompts show the pattern" in row["notes"]


def test_the_same_labels_and_seed_give_the_same(store: Store) -> None:
    labelled(store, quoted=False)
    found, vectors = prepared(store)
    one, two = (learn(found, vectors, 7) for _ in range(2))
    assert np.array_equal(one.odds, two.odds) and np.array_equal(one.rule.thresholds, two.rule.thresholds)


numbers = st.lists(st.tuples(st.integers(-8, 8), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: 0 < sum(present for _, present in rows) < len(rows)
)


@given(numbers)
@settings(deadline=None)
def test_a_threshold_is_within_a_standard_error_of_the_best_and_the_nearest_such_to_even_odds(
    rows: Any,
) -> None:
    odds, present = (np.array(each) for each in zip(*rows, strict=True))
    found = threshold(odds / 4, present, np.ones(len(odds)))
    cuts = np.append(np.arange(-20, 20) / 8, found)
    said = odds / 4 >= cuts[:, None]
    f1 = dict(zip(cuts, 2 * (said & present).sum(axis=1) / (said.sum(axis=1) + present.sum()), strict=True))
    allowed = max(f1.values()) - np.sqrt(max(f1.values()) * (1 - max(f1.values())) / present.sum())
    assert f1[found] >= allowed - 1e-9
    if f1[0.0] >= allowed + 1e-9:
        assert found == 0


@given(numbers)
@settings(deadline=None)
def test_the_area_is_that_of_scikit_learn_with_ties_and_weights(rows: Any) -> None:
    scores, present = (np.array(each) for each in zip(*rows, strict=True))
    weight = np.arange(1, len(scores) + 1.0)
    found = auc(scores, present, np.vstack([np.ones(len(scores)), weight, present * 1.0]))
    assert found[0] == pytest.approx(roc_auc_score(present, scores))
    assert found[1] == pytest.approx(roc_auc_score(present, scores, sample_weight=weight))
    assert np.isnan(found[2])


def test_a_score_never_falls_where_the_odds_rise() -> None:
    odds, present = np.array([-1.0, 0.0, 1.0, 2.0]), np.array([True, True, False, False])
    slope, shift = curve(odds, present, np.ones(4))
    assert slope == 0 and shift == pytest.approx(0)
    assert curve(odds, ~present, np.ones(4))[0] > 0
