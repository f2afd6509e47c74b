"""How many labels and trajectories a question needs, checked by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from analysis.measure.planning import expected_width, labels_needed, power_of, trajectories_needed, whole
from analysis.measure.prevalence import Strata, by_verdict
from analysis.measure.significance import benjamini_hochberg, two_shares


@pytest.mark.parametrize(("labels", "prevalence"), [(200, 0.05), (100, 0.2), (300, 0.02)])
def test_the_expected_width_is_the_mean_width_of_simulated_intervals(labels: int, prevalence: float) -> None:
    chance = np.random.default_rng(5)
    widths = []
    for repeat in range(80):
        truth = chance.random(2_000) < prevalence
        verdict = np.where(truth, chance.random(2_000) < 0.85, chance.random(2_000) < 0.03)
        t, v = truth[:labels], verdict[:labels]
        cell = (verdict.sum(), 2_000, (t & v).sum(), (~t & v).sum(), (t & ~v).sum(), (~t & ~v).sum())
        found = by_verdict(Strata(*(np.array([float(n)]) for n in cell)), draws=1_000, seed=repeat)
        widths.append((found.high or 0) - (found.low or 0))
    assert expected_width(labels, prevalence, 0.85, 0.97, 2_000) == pytest.approx(np.mean(widths), rel=0.1)


def test_more_labels_than_needed_are_not_asked_for_and_fewer_are_too_few() -> None:
    needed = labels_needed(0.04, 0.05, 0.85, 0.97, 2_000)
    assert needed.labels is not None and needed.width <= 0.04 and needed.note is None
    assert expected_width(needed.labels - 5, 0.05, 0.85, 0.97, 2_000) > 0.04
    assert needed.positives == pytest.approx(0.05 * needed.labels)
    prompts = labels_needed(0.04, 0.05, 0.85, 0.97, 2_000, design_effect=2)
    assert prompts.labels is not None and prompts.labels > 1.9 * needed.labels


def test_a_width_that_no_number_of_labels_reaches_is_said() -> None:
    found = labels_needed(0.01, 0.2, 0.9, 0.9, 500)
    assert found.labels is None and found.note and "judge more trajectories" in found.note
    assert (
        labels_needed(0.08, 0.01, 0.9, 0.99, 5_000).note
        == "fewer than 10 labels of present are expected: the width will vary much"
    )


def test_two_shares_are_told_apart_as_often_as_the_power_says() -> None:
    n = whole(trajectories_needed(0.05, 0.15) or 0)
    assert n == 141 and power_of(0.05, 0.15, n) == pytest.approx(0.8, abs=0.005)
    chance = np.random.default_rng(11)
    first, second = chance.binomial(n, 0.05, 1_500), chance.binomial(n, 0.15, 1_500)
    found = np.mean(
        [(two_shares(int(a), n, int(b), n).p or 1) < 0.05 for a, b in zip(first, second, strict=True)]
    )
    assert found == pytest.approx(0.8, abs=0.04)
    assert trajectories_needed(0.05, 0.15, design_effect=3) == pytest.approx(3 * 140.1, abs=0.3)


@pytest.mark.parametrize("wrong", [(-0.1, 0.2), (0.1, 1.2)])
def test_what_is_no_share_is_an_error_and_equal_shares_need_no_number(wrong: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="within 0 and 1"):
        trajectories_needed(*wrong)
    assert trajectories_needed(0.2, 0.2) is None and power_of(0.2, 0.2, 10) == 0.05


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.floats(0, 1), max_size=12))
def test_benjamini_and_hochberg_agrees_with_statsmodels(p_values: list[float | None]) -> None:
    found, tested = benjamini_hochberg(p_values), [p for p in p_values if p is not None]
    assert [p is None for p in found] == [p is None for p in p_values]
    if tested:
        theirs = multipletests(tested, method="fdr_bh")[1]
        assert [p for p in found if p is not None] == pytest.approx(list(theirs), abs=1e-12)
