"""A share of rollouts that come in prompts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, t

from analysis.measure.clusters import Clusters, intraclass_correlation
from analysis.measure.intervals import clopper_pearson, wilson

TEN = [0, 1, 2, 5, 9, 10, 3, 0, 6, 4]
PROMPTS = st.lists(
    st.integers(0, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), max_size=40
)


def of(prompts: list[tuple[int, int]]) -> Clusters:
    return Clusters.of([part for part, _ in prompts], [n for _, n in prompts])


def test_the_design_effect_of_one_table_is_what_was_worked_out() -> None:
    found = of([(part, 10) for part in TEN])
    assert (found.share, found.prompts, found.showing) == (0.4, 10, 8)
    assert found.error == pytest.approx(0.11155, abs=5e-6)
    assert found.design_effect == pytest.approx(4.6667, abs=5e-5)
    icc = intraclass_correlation(TEN, [10] * 10)
    assert icc == pytest.approx(0.43662, abs=5e-6) and 1 + 9 * icc == pytest.approx(4.9296, abs=5e-5)


def test_from_20_prompts_up_the_interval_is_korn_and_graubards() -> None:
    found = of([(part, 10) for part in TEN * 3])
    effective = 0.4 * 0.6 / float(found.error or 0) ** 2 * (t.ppf(0.975, 299) / t.ppf(0.975, 29)) ** 2
    exact = beta.ppf(
        [0.025, 0.975], [0.4 * effective, 0.4 * effective + 1], [0.6 * effective + 1, 0.6 * effective]
    )
    assert found.method == "Korn-Graubard" and found.note is None
    assert found.interval() == pytest.approx(tuple(exact), abs=1e-9)
    assert np.ptp(found.interval() or ()) > 2 * np.ptp(wilson(120, 300) or ()), (
        "Wilson's would be far too narrow"
    )


@pytest.mark.parametrize(
    ("prompts", "note"),
    [
        ([(3, 10)], "for this prompt only"),
        ([(3, 10), (0, 10)], "for these 2 prompts only; 1 prompt shows it"),
        ([(0, 5)] * 20, "no prompt shows it"),
        ([(1, 5)] * 9 + [(0, 5)] * 20, "9 prompts show it"),
        ([(1, 5)] * 25, None),
        ([(0, 0)], "nothing was judged"),
    ],
)  # fmt: skip
def test_few_prompts_are_said(prompts: list[tuple[int, int]], note: str | None) -> None:
    assert of(prompts).note == note


def test_below_20_prompts_the_interval_is_wilsons_for_these_prompts() -> None:
    found = of([(part, 10) for part in TEN])
    assert found.method == "Wilson" and found.interval() == wilson(40, 100)


def test_where_no_prompt_shows_it_rollouts_do_not_count_as_independent() -> None:
    none, all_of_them = of([(0, 30)] * 30), of([(30, 30)] * 30)
    assert none.design_effect is None and none.interval() == clopper_pearson(0, 30)
    assert all_of_them.interval() == clopper_pearson(30, 30)
    assert of([(0, 1)] * 30).interval() == clopper_pearson(0, 30)


@given(PROMPTS)
def test_what_is_undefined_is_none_and_what_is_not_holds_the_share(prompts: list[tuple[int, int]]) -> None:
    found = of(prompts)
    interval = found.interval()
    assert (found.share is None) == (interval is None) == (found.n == 0)
    if interval and found.share is not None:
        assert 0 <= interval[0] <= found.share <= interval[1] <= 1
    for figure in (
        found.error,
        found.design_effect,
        found.effective,
        intraclass_correlation(*zip(*prompts, strict=True)) if prompts else None,
    ):
        assert figure is None or np.isfinite(figure)
    assert (found.design_effect is None) == (found.prompts < 2 or found.part in (0, found.n))
    assert found.effective is None or found.effective <= found.n


@settings(max_examples=20, deadline=None)
@given(PROMPTS.filter(lambda prompts: sum(n > 0 for _, n in prompts) > 1))
def test_the_error_agrees_with_a_regression_clustered_by_prompt(prompts: list[tuple[int, int]]) -> None:
    found = of(prompts)
    rows = pd.DataFrame(
        [(g, float(k < part)) for g, (part, n) in enumerate(prompts) for k in range(n)], columns=["g", "y"]
    )
    fit = smf.ols("y ~ 1", rows).fit(
        cov_type="cluster", cov_kwds={"groups": rows["g"], "use_correction": False}
    )
    groups = found.prompts
    assert found.error == pytest.approx(fit.bse["Intercept"] * (groups / (groups - 1)) ** 0.5, abs=1e-9)


def test_a_prompt_with_more_successes_than_rollouts_is_an_error() -> None:
    with pytest.raises(ValueError, match="more rollouts that count"):
        of([(3, 2)])
