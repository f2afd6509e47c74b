"""Benjamini and Hochberg's p-values: their authors' example, and what must hold of any."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analysis.measure.significance import benjamini_hochberg


def test_benjamini_hochberg_as_in_its_authors_example() -> None:
    p = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]  # fmt: skip
    adjusted = benjamini_hochberg([*p, None])
    assert (
        sum(each is not None and each <= 0.05 for each in adjusted) == 4
    )  # theirs rejects four, Bonferroni three
    assert adjusted[-1] is None


@settings(max_examples=50, deadline=None)
@example(p=[0.0] * 8 + [0.99999])
@given(st.lists(st.floats(0, 1), max_size=20))
def test_corrected_p_values_keep_their_order_and_never_fall(p: list[float]) -> None:
    adjusted = [each for each in benjamini_hochberg(p) if each is not None]
    assert all(before <= after <= 1 for before, after in zip(p, adjusted, strict=True))
    order = np.argsort(p, kind="stable")
    assert all(np.diff(np.array(adjusted)[order]) >= 0)
