from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    cohen_kappa_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from analysis.measure.agreement import krippendorff_alpha
from analysis.measure.judge_ratios import RATIOS, ratios, why_undefined

LABELLED = (12, 4, 3, 81)
"""measurement.md's table: tp, fp, fn, tn."""
counts = st.tuples(*[st.integers(0, 12)] * 4)


def words(cells: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """The table as two raters' words: the judge's, people's."""
    tp, fp, fn, tn = cells
    return [1] * (tp + fp) + [0] * (fn + tn), [1] * tp + [0] * fp + [1] * fn + [0] * tn


@pytest.mark.parametrize(
    ("ratio", "value"),
    [
        ("kappa", 0.73282), ("mcc", 0.73336), ("f1", 0.77419), ("balanced_accuracy", 0.87647), ("ac1", 0.90516),
        ("g_mean_squared", 0.76235), ("sensitivity", 12 / 15), ("specificity", 81 / 85), ("ppv", 12 / 16),
    ],
)  # fmt: skip
def test_the_figures_of_one_table_are_those_that_were_worked_out(ratio: str, value: float) -> None:
    assert ratios(np.array(LABELLED))[ratio] == pytest.approx(value, abs=5e-6)


def test_alpha_of_the_same_table_is_that_of_the_agreement_module() -> None:
    assert krippendorff_alpha(words(LABELLED)) == pytest.approx(0.73411, abs=5e-6)


@settings(deadline=None, max_examples=60)
@given(counts)
def test_scikit_learn_gives_the_same_wherever_it_is_defined(cells: tuple[int, ...]) -> None:
    said, true = words(cells)
    ours = {name: float(value) for name, value in ratios(np.array(cells)).items()}
    tp, fp, fn, tn = cells
    oracles = {
        "sensitivity": (tp + fn, lambda: recall_score(true, said)),
        "specificity": (tn + fp, lambda: recall_score(true, said, pos_label=0)),
        "ppv": (tp + fp, lambda: precision_score(true, said)),
        "f1": (tp + fp + fn, lambda: f1_score(true, said)),
        "balanced_accuracy": ((tp + fn) * (tn + fp), lambda: balanced_accuracy_score(true, said)),
        "mcc": ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn), lambda: matthews_corrcoef(true, said)),
        "kappa": (len({*said, *true}) == 2, lambda: cohen_kappa_score(true, said)),
    }
    for name, (defined, oracle) in oracles.items():
        if defined:
            assert ours[name] == pytest.approx(oracle(), abs=1e-9), name
        else:
            assert np.isnan(ours[name]), f"{name}: undefined, never 0 or 1"


@settings(deadline=None)
@given(counts)
def test_what_has_no_value_has_a_reason_and_what_has_one_is_within_bounds(cells: tuple[int, ...]) -> None:
    for name, value in ratios(np.array(cells)).items():
        if np.isnan(value):
            assert why_undefined(name, np.array(cells)), name
        else:
            assert -1.0 - 1e-12 <= value <= 1.0 + 1e-12, name


@settings(deadline=None)
@given(st.lists(counts, min_size=1, max_size=5))
def test_many_tables_at_once_are_each_as_alone(tables: list[tuple[int, ...]]) -> None:
    together = ratios(np.array(tables))
    for place, table in enumerate(tables):
        alone = ratios(np.array(table))
        assert all(np.array_equal(together[name][place], alone[name], equal_nan=True) for name in RATIOS)
