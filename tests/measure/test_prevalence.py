from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from analysis.measure.prevalence import Strata, by_verdict, by_verdict_standard_error


def strata(*prompts: tuple[int, int, int, int, int, int]) -> Strata:
    return Strata(*(np.array(column) for column in zip(*prompts, strict=True)))


PPI_EXAMPLE = (196, 1000, 12, 4, 3, 81)
"""12 TP, 4 FP, 3 FN, 81 TN labelled; 180 of 900 unlabelled positive."""


def test_the_corrected_share_and_its_error_reproduce_known_values() -> None:
    estimate = by_verdict(strata(PPI_EXAMPLE))
    assert estimate.share == pytest.approx(0.175714, abs=5e-7)
    assert by_verdict_standard_error(*PPI_EXAMPLE) == pytest.approx(0.028207, abs=5e-7)
    assert estimate.low and estimate.high
    assert (estimate.high - estimate.low) / 3.92 == pytest.approx(0.0285, abs=0.003), (
        "the draws spread like the error"
    )
    assert (estimate.labels, estimate.note) == (100, "for this prompt only")


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        ((0, 0, 0, 0, 0, 0), "nothing was judged"),
        ((5, 10, 0, 0, 0, 0), "no labels"),
        ((5, 10, 0, 0, 1, 3), "no label among the run's positives"),
        ((5, 10, 2, 1, 0, 0), "no label among the run's negatives"),
    ],
)
def test_what_is_undefined_says_why(cell: tuple[int, int, int, int, int, int], note: str) -> None:
    estimate = by_verdict(strata(cell))
    assert (estimate.share, estimate.low, estimate.high, estimate.note) == (None, None, None, note)


def test_a_stratum_that_is_empty_needs_no_labels() -> None:
    estimate = by_verdict(strata((0, 40, 0, 0, 0, 12)))
    assert estimate.share == 0 and estimate.low == 0 and estimate.high and 0 < estimate.high < 0.2


def test_from_20_prompts_up_counts_shrink_by_the_design_effect_and_the_interval_widens() -> None:
    alike = [(5, 20, 2, 0, 0, 4)] * 30
    apart = [(20, 20, 6, 0, 0, 0), (0, 20, 0, 0, 0, 6), (0, 20, 0, 0, 0, 6), (0, 20, 0, 0, 0, 6)] * 8
    narrow, wide = by_verdict(strata(*alike)), by_verdict(strata(*apart))
    assert (narrow.prompts, narrow.design_effect, narrow.note) == (30, 1, None)
    assert wide.design_effect and wide.design_effect > 10
    assert narrow.low and narrow.high and wide.low and wide.high
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_the_estimates_error_is_the_one_of_a_bootstrap_over_prompts() -> None:
    chance = np.random.default_rng(3)
    share = chance.beta(0.5, 1.5, 60)
    judged, labelled = np.full(60, 40), np.full(60, 20)
    tp, fn = chance.binomial(labelled, 0.8 * share), chance.binomial(labelled, 0.1 * share)
    fp = chance.binomial(labelled - tp - fn, 0.1)
    table = np.stack(
        [tp + fp + chance.binomial(20, 0.8 * share), judged, tp, fp, fn, labelled - tp - fn - fp], axis=1
    )
    drawn = chance.multinomial(60, np.full(60, 1 / 60), size=4_000) @ table
    positive, n, tps, fps, fns, tns = drawn.T
    w = positive / n
    bootstrap = (w * tps / (tps + fps) + (1 - w) * fns / (fns + tns)).std()
    independent = by_verdict_standard_error(*table.sum(axis=0)) or 0
    effect = by_verdict(strata(*table)).design_effect or 0
    correction = (t.ppf(0.975, 59) / 1.96) ** 2
    assert independent * np.sqrt(effect / correction) == pytest.approx(bootstrap, rel=0.05)


def test_where_all_labels_say_absent_only_as_many_count_as_prompts_have_any() -> None:
    found = by_verdict(strata(*[(0, 30, 0, 0, 0, 10)] * 30))
    assert (found.share, found.design_effect, found.note) == (0, 10, "labels show it in 0 prompts")


def test_the_same_data_give_the_same_interval() -> None:
    assert by_verdict(strata(PPI_EXAMPLE)) == by_verdict(strata(PPI_EXAMPLE))


COUNTS = st.tuples(*[st.integers(0, 8)] * 6).map(lambda c: (c[0] + c[2] + c[3], sum(c), *c[2:]))


@given(st.lists(COUNTS, min_size=1, max_size=30))
def test_an_estimate_lies_in_its_interval_and_both_within_0_and_1(
    prompts: list[tuple[int, int, int, int, int, int]],
) -> None:
    estimate = by_verdict(strata(*prompts), draws=200)
    if estimate.share is None:
        assert estimate.note
    else:
        assert estimate.low is not None and estimate.high is not None
        assert 0 <= estimate.low <= estimate.share <= estimate.high <= 1
