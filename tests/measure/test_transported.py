"""Sensitivity and specificity taken from labelled cells to one without labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from analysis.measure.transported import errors_differ, rogan_gladen, same_share, transported

GOOD = (40, 10, 10, 140)


@pytest.mark.parametrize(
    ("cell", "elsewhere", "note"),
    [
        ((0, 0), [GOOD], "nothing was judged"),
        ((5, 50), [], "fewer than 10 labels of present elsewhere"),
        ((5, 50), [(7, 3, 2, 90)], "fewer than 10 labels of present elsewhere"),
        ((5, 50), [(70, 3, 2, 1)], "fewer than 10 labels of absent elsewhere"),
        ((5, 50), [(30, 60, 30, 63)], "the judge's sensitivity and specificity tell too little"),
        ((5, 50), [(45, 10, 5, 140), (15, 10, 35, 140)], "the judge's sensitivity differs between checkpoints"),
        ((5, 50), [(40, 5, 10, 145), (40, 60, 10, 90)], "the judge's specificity differs between checkpoints"),
    ],
)  # fmt: skip
def test_where_it_would_be_a_guess_it_is_refused(
    cell: tuple[int, int], elsewhere: list[tuple[int, ...]], note: str
) -> None:
    found = transported(*cell, elsewhere)
    assert (found.share, found.low, found.high, found.note) == (None, None, None, note)


def test_a_cell_without_labels_is_corrected_by_those_of_others() -> None:
    found = transported(300, 1000, [GOOD, (38, 12, 12, 138)])
    se, sp = 78 / 100, 278 / 300
    assert found.share == pytest.approx((0.3 + sp - 1) / (se + sp - 1))
    assert found.low and found.high and found.low < found.share < found.high and found.labels == 400  # type: ignore[operator]


def test_errors_that_are_alike_are_not_said_to_differ() -> None:
    assert errors_differ([GOOD, (38, 12, 12, 138), (9, 2, 2, 30)]) is None
    assert errors_differ([(50, 5, 0, 50), (25, 25, 25, 25)]) == "sensitivity and specificity"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(20, 90), st.integers(20, 90)), min_size=2, max_size=5))
def test_chi_squared_agrees_with_scipy(groups: list[tuple[int, int]]) -> None:
    found = same_share([a for a, _ in groups], [b for _, b in groups])
    theirs = chi2_contingency(np.array(groups).T, correction=False)
    assert (found.p, found.statistic) == pytest.approx((theirs.pvalue, theirs.statistic), abs=1e-9)


def test_a_thin_table_of_three_is_permuted_and_one_group_is_no_test() -> None:
    assert same_share([1, 0, 3], [9, 8, 1]).name == "chi-squared, permuted"
    assert same_share([2, 0, 9], [9, 8, 1]).p == pytest.approx(0.0005, abs=0.001)
    assert same_share([3, 1, 2], [3, 1, 2]).p == pytest.approx(1, abs=0.01)
    assert same_share([5], [3]).p is None and same_share([5, 3], [0, 0]).p is None


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(1, 60), st.integers(1, 60), st.floats(0.55, 1), st.floats(0.55, 1))
def test_an_estimate_lies_in_its_interval_within_0_and_1(
    positive: int, absent: int, present: int, sp: float, se: float
) -> None:
    share, low, high = rogan_gladen(positive / 400, 400, sp, absent, se, present)
    assert 0 <= low <= share <= high <= 1


def test_a_judge_that_tells_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="tells nothing"):
        rogan_gladen(0.4, 100, 0.5, 20, 0.5, 20)
