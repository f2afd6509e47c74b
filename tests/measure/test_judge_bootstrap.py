from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from analysis.measure.intervals import wilson
from analysis.measure.judge_bootstrap import Array, Figure, Sample, figure, sample, share


def of(yes: int, no: int, prompts: int = 1) -> Sample:
    rows = [(1, 0)] * yes + [(0, 1)] * no
    return sample(np.array(rows).reshape(-1, 2), np.arange(yes + no) % prompts)


def first(totals: Array) -> Array:
    """The share of the first of the first two columns."""
    return share(totals[..., 0], totals[..., 0] + totals[..., 1])


def measured(units: Sample, share_of: tuple[int, ...] | None = None) -> Figure:
    return figure(first(units.totals), first(units.resampled()), units, "nothing there", share_of)


def test_over_trajectories_the_interval_has_the_quantiles_of_the_binomial() -> None:
    found = measured(of(60, 140))
    assert found.value == 0.3
    exact = binom.ppf([0.025, 0.975], 200, 0.3) / 200
    assert (found.low, found.high) == (pytest.approx(exact[0], abs=0.01), pytest.approx(exact[1], abs=0.01))


def test_rollouts_of_a_prompt_that_say_the_same_are_worth_one() -> None:
    prompts = np.repeat(np.arange(40), 10)
    rows = np.where((prompts % 2 == 0)[:, None], (1, 0), (0, 1))
    clustered = sample(rows, prompts)
    assert clustered.unit == "prompts" and clustered.told == "resampled over 40 prompts"
    found = measured(clustered)
    alone = measured(of(20, 20))
    assert (found.low, found.high) == (
        pytest.approx(alone.low, abs=0.03),
        pytest.approx(alone.high, abs=0.03),
    )


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        (1, "resampled over trajectories: for this prompt only"),
        (19, "resampled over trajectories: for these 19 prompts only"),
        (20, "resampled over 20 prompts"),
    ],
)
def test_from_twenty_prompts_up_prompts_are_resampled_and_below_it_is_said(prompts: int, told: str) -> None:
    assert of(30, 30, prompts).told == told


def test_the_same_data_give_the_same_interval_in_any_order() -> None:
    rows, prompts = np.array([(1, 0), (0, 1), (1, 0), (1, 0), (0, 1)] * 6), np.arange(30) % 25
    turned = np.random.default_rng(1).permutation(30)
    assert measured(sample(rows, prompts)) == measured(sample(rows[turned], prompts[turned]))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 30), st.integers(0, 30), st.sampled_from([1, 25]))
def test_an_interval_holds_its_value_and_is_never_a_point(yes: int, no: int, prompts: int) -> None:
    found = measured(of(yes, no, prompts), share_of=(0, 1))
    if yes + no == 0:
        assert (found.value, found.low, found.high, found.note) == (None, None, None, "nothing there")
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1 and found.low < found.high  # type: ignore[operator]


def test_a_share_of_all_or_none_has_wilsons_interval_since_resampling_can_not_move_it() -> None:
    found = measured(of(10, 0), share_of=(0, 1))
    assert (found.low, found.high) == pytest.approx(wilson(10, 10))
    assert found.note == "interval: Wilson's (trajectories: 10)"
    bare = measured(of(10, 0))
    assert (bare.value, bare.low, bare.note) == (
        1.0,
        None,
        "no interval: every resample gives the same value",
    )


def test_too_few_cases_give_no_interval_and_say_so() -> None:
    rows = np.array([(1, 0, 0)] + [(0, 1, 0)] + [(0, 0, 1)] * 30)
    units = sample(rows, np.zeros(32, dtype=np.int64))
    found = measured(units)
    assert found.value == 0.5 and found.low is None and "undefined in 1" in str(found.note)
    kept = measured(units, share_of=(0, 1))
    assert (kept.low, kept.high) == pytest.approx(wilson(1, 2))
