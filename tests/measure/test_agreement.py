from __future__ import annotations

from typing import Any

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score
from statsmodels.stats import inter_rater

from analysis.measure.agreement import (
    MISSING,
    Sums,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    specific_agreement,
    sums,
)
from analysis.measure.judge_bootstrap import figure, sample

WIKIPEDIA = [
    "· · · · · 3 4 1 2 1 1 3 3 · 3",
    "1 · 2 1 3 3 4 3 · · · · · · ·",
    "· · 2 1 3 4 4 · 2 1 1 3 3 · 4",
]
EXAMPLE_C = [
    "1 2 3 3 2 1 4 1 2 · · ·",
    "1 2 3 3 2 2 4 1 2 5 · 3",
    "· 3 3 3 2 3 4 2 2 5 1 ·",
    "1 2 3 3 2 4 4 1 2 5 1 ·",
]


def ratings(rows: list[str]) -> list[list[int | None]]:
    return [[None if word == "·" else int(word) for word in row.split()] for row in rows]


FLEISS = """0 0 0 0 14 / 0 2 6 4 2 / 0 0 3 5 6 / 0 3 9 2 0 / 2 2 8 1 1 / 7 7 0 0 0 / 3 2 6 3 0 / 2 5 3 2 2
            / 6 5 2 1 0 / 0 2 2 3 7"""
TWO = (["yes"] * 16 + ["no"] * 84, ["yes"] * 12 + ["no"] * 4 + ["yes"] * 3 + ["no"] * 81)
"""12 both yes, 4 and 3 one alone, 81 both no."""
PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=40)
TRIPLES = st.lists(st.tuples(*[st.sampled_from([None, 0, 1, 2])] * 3), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("rows", "level", "alpha"),
    [
        (WIKIPEDIA, "nominal", 0.691358), (WIKIPEDIA, "interval", 0.810845), (EXAMPLE_C, "nominal", 0.743421),
        (EXAMPLE_C, "ordinal", 0.815388), (EXAMPLE_C, "interval", 0.849107), (EXAMPLE_C, "ratio", 0.797403),
    ],
)  # fmt: skip
def test_alpha_reproduces_published_values(rows: list[str], level: Any, alpha: float) -> None:
    assert krippendorff_alpha(ratings(rows), level) == pytest.approx(alpha, abs=5e-7)


def test_the_figures_of_one_table_reproduce_known_values() -> None:
    assert cohen_kappa(*TWO) == pytest.approx(0.73282, abs=5e-6)
    assert krippendorff_alpha(TWO) == pytest.approx(0.73411, abs=5e-6)
    assert gwet_ac1(TWO) == pytest.approx(0.90516, abs=5e-6)
    assert specific_agreement(TWO, "yes") == pytest.approx(0.77419, abs=5e-6), "F1, as both are raters"
    assert specific_agreement(TWO, "no") == pytest.approx(2 * 81 / (84 + 85))


def test_fleiss_kappa_reproduces_the_published_value() -> None:
    table = [[int(count) for count in row.split()] for row in FLEISS.split("/")]
    rated = [[value for value, count in enumerate(row) for _ in range(count)] for row in table]
    assert fleiss_kappa(list(zip(*rated, strict=True))) == pytest.approx(0.20993, abs=5e-6)
    assert inter_rater.fleiss_kappa(np.array(table)) == pytest.approx(0.20993, abs=5e-6)


def test_kappa_reproduces_a_published_value() -> None:
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.400)
    assert percent_agreement(first, second) == 0.7
    codes = np.array(
        [[0 if value == "yes" else 1 for value in pair] for pair in zip(first, second, strict=True)]
    )
    units = sample(sums(codes, 2), np.arange(50) % 5)
    drawn = Sums(units.resampled(), 2).kappa
    told = figure(0.4, drawn, units, "")
    assert drawn.std() == pytest.approx(0.1270, abs=0.012), "as the published standard error"
    assert told.low and told.high and told.low == pytest.approx(0.15, abs=0.05) and told.high > 0.6


@given(TRIPLES, st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
@settings(deadline=None)
def test_alpha_agrees_with_the_krippendorff_package(units: list[tuple[int | None, ...]], level: Any) -> None:
    rows = [list(rater) for rater in zip(*units, strict=True)]
    ours = krippendorff_alpha(rows, level)
    paired = [
        value
        for unit in units
        for value in unit
        if value is not None and sum(v is not None for v in unit) > 1
    ]
    if len(set(paired)) < 2:
        assert ours is None
        return
    data = np.array([[np.nan if v is None else v for v in row] for row in rows], dtype=float)
    assert ours == pytest.approx(krippendorff.alpha(data, level_of_measurement=level), abs=1e-9)


@given(PAIRS)
@settings(deadline=None)
def test_kappa_agrees_with_scikit_learn_and_statsmodels(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    ours = cohen_kappa(first, second)
    if len({*first, *second}) < 2:
        assert ours is None, "agreement by chance is certain"
    else:
        assert ours == pytest.approx(cohen_kappa_score(first, second), abs=1e-9)
        table = np.zeros((3, 3))
        np.add.at(table, (first, second), 1)
        assert ours == pytest.approx(inter_rater.cohens_kappa(table, return_results=False), abs=1e-9)


@given(PAIRS)
@settings(deadline=None)
def test_agreement_on_one_value_is_the_f1_of_one_rater_against_the_other(
    pairs: list[tuple[int, int]],
) -> None:
    first, second = ([a == 1 for a, _ in pairs], [b == 1 for _, b in pairs])
    ours = specific_agreement([[a for a, _ in pairs], [b for _, b in pairs]], 1)
    if any(first) or any(second):
        assert ours == pytest.approx(f1_score(first, second), abs=1e-12)
    else:
        assert ours is None


@given(TRIPLES)
@settings(deadline=None)
def test_ac1_and_fleiss_are_what_their_formulas_say(units: list[tuple[int | None, ...]]) -> None:
    rows = [list(rater) for rater in zip(*units, strict=True)]
    rated = [[v for v in unit if v is not None] for unit in units]
    shares = [[unit.count(value) / len(unit) for value in range(3)] for unit in rated if unit]
    same = [
        sum(a == b for n, a in enumerate(unit) for m, b in enumerate(unit) if n != m) / (len(unit) * (len(unit) - 1))
        for unit in rated if len(unit) > 1
    ]  # fmt: skip
    if not same:
        assert gwet_ac1(rows, range(3)) is None and fleiss_kappa(rows) is None
        return
    observed, mean = np.mean(same), np.mean(shares, axis=0)
    by_chance = (mean * (1 - mean)).sum() / 2
    assert gwet_ac1(rows, range(3)) == pytest.approx((observed - by_chance) / (1 - by_chance), abs=1e-9)
    expected = (mean**2).sum()
    kappa = None if expected > 1 - 1e-9 else pytest.approx((observed - expected) / (1 - expected), abs=1e-9)
    assert fleiss_kappa(rows) == kappa


def test_what_is_undefined_is_none_and_what_is_wrong_is_an_error() -> None:
    assert (percent_agreement([], []), cohen_kappa([], []), krippendorff_alpha([[], []])) == (
        None,
        None,
        None,
    )
    assert krippendorff_alpha([[1, None], [None, 2]]) is None
    assert gwet_ac1([[1, 1], [1, 1]]) is None, "with one value there is no chance to reckon with"
    assert gwet_ac1([[1, 1], [1, 1]], values=(0, 1)) == 1
    assert specific_agreement([[1], [1]], 0) is None
    assert sums(np.full((3, 2), MISSING), 2).sum() == 0
    with pytest.raises(ValueError, match="same units"):
        cohen_kappa([1], [1, 2])
