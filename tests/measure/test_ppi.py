"""Means of labels, sharpened by scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.measure.ppi import ppi, ppi_bootstrap

AUTHORS = [
    (0, None, (0.190800439, 0.146240828, 0.235360050)), (0, 0.0, (0.200000000, 0.128432234, 0.271567766)),
    (0, 0.4, (0.196320175, 0.139259491, 0.253380860)), (1, None, (0.199172983, 0.156110449, 0.242235516)),
    (1, 0.0, (0.183333333, 0.114102334, 0.252564333)), (1, 0.4, (0.189669193, 0.134166780, 0.245171606)),
    (2, None, (0.211492393, 0.171258963, 0.251725823)), (2, 0.0, (0.225000000, 0.150286415, 0.299713585)),
    (2, 0.4, (0.219596957, 0.162003079, 0.277190835)), (2, 1.0, (0.211492393, 0.171258963, 0.251725823)),
]  # fmt: skip
"""What ppi-python 0.2.3 gives of `sample(seed)` at a power. It is not installed with the tests: it brings a package that
is called tests, which hides these, and 200 MB of a compiler."""


def sample(seed: int, n: int = 120, more: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    truth = (chance.random(n + more) < 0.2).astype(float)
    scores = np.clip(0.15 + 0.6 * truth + 0.15 * chance.standard_normal(n + more), 0, 1)
    return truth[:n], scores[:n], scores[n:]


@pytest.mark.parametrize(("seed", "power", "known"), AUTHORS)
def test_estimate_and_interval_are_those_of_the_authors_package(
    seed: int, power: float | None, known: tuple[float, float, float]
) -> None:
    found = ppi(*sample(seed), power)
    assert (found.value, found.low, found.high) == pytest.approx(known, abs=1e-9)


def test_the_bootstrap_is_as_wide_as_the_normal_interval_where_that_holds() -> None:
    y, f, more = sample(1, 400, 2_000)
    normal, drawn = ppi(y, f, more), ppi_bootstrap(y, f, more)
    assert drawn.value == normal.value and drawn.note == "resampled over trajectories: for these prompts only"
    assert (drawn.low, drawn.high) == pytest.approx((normal.low, normal.high), abs=0.01)


def test_with_many_prompts_prompts_are_resampled_and_the_interval_widens() -> None:
    chance = np.random.default_rng(2)
    prompt = np.repeat(np.arange(30), 40)
    truth = (chance.random(1_200) < np.repeat(chance.beta(0.4, 1.2, 30), 40)).astype(float)
    scores = np.where(chance.random(1_200) < 0.9, truth, 1 - truth)
    labelled = np.arange(1_200) % 4 == 0
    parts = truth[labelled], scores[labelled], scores[~labelled]
    clustered = ppi_bootstrap(*parts, prompts=(prompt[labelled], prompt[~labelled]))
    alone = ppi_bootstrap(*parts)
    assert clustered.note is None and clustered.value == alone.value
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)  # type: ignore[operator]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), max_size=8), st.lists(st.floats(0, 1), max_size=8)
)
def test_what_is_undefined_says_why_and_nothing_is_nan(
    labelled: list[tuple[int, float]], more: list[float]
) -> None:
    y, f = [a for a, _ in labelled], [b for _, b in labelled]
    for found in (ppi(y, f, more), ppi_bootstrap(y, f, more, draws=50)):
        if len(y) < 2 or not more:
            assert found.value is None and found.note
        else:
            assert np.isfinite([found.value, found.low, found.high]).all()  # type: ignore[list-item]
            assert found.low <= found.value <= found.high  # type: ignore[operator]
