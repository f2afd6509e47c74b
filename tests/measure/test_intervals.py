from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from analysis.measure.intervals import clopper_pearson, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (22, 60, 0.2562, 0.4932),
        (23, 30, 0.5907, 0.8821),
        (0, 30, 0, 0.1135),
        (6, 40, 0.0706, 0.2907),
        (17, 40, 0.2851, 0.5780),
    ],
)
def test_wilson_reproduces_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(
    st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_wilson_agrees_with_statsmodels_and_holds_the_share(cell: tuple[int, int], level: float) -> None:
    interval = wilson(*cell, level)
    assert interval == pytest.approx(proportion_confint(*cell, alpha=1 - level, method="wilson"), abs=1e-9)
    assert interval and 0 <= interval[0] <= cell[0] / cell[1] <= interval[1] <= 1


@given(
    st.integers(1, 2_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_clopper_and_pearson_agrees_with_statsmodels_and_holds_the_share(
    cell: tuple[int, int], level: float
) -> None:
    interval = clopper_pearson(*cell, level)
    assert interval == pytest.approx(proportion_confint(*cell, alpha=1 - level, method="beta"), abs=1e-9)
    assert interval and 0 <= interval[0] <= cell[0] / cell[1] <= interval[1] <= 1


def test_no_trials_give_no_interval_and_impossible_counts_are_an_error() -> None:
    for interval in (wilson, clopper_pearson):
        assert interval(0, 0) is None
        for successes, n in ((3, 2), (-1, 2)):
            with pytest.raises(ValueError, match="is no share"):
                interval(successes, n)
