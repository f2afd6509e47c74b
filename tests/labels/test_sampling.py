"""Queues over strata: what is drawn, with what probability, and what rates come of it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labels.sampling import Stratum, draw

N = 1200


def population() -> tuple[np.ndarray[Any, Any], list[Stratum]]:
    """Traces of which 10 % show a pattern, most of them where a judge that errs looks for it."""
    chance = np.random.default_rng(5)
    shows = chance.random(N) < 0.1
    flagged = np.where(shows, chance.random(N) < 0.8, chance.random(N) < 0.1)
    unsure = chance.random(N) < np.where(shows, 0.3, 0.05)
    strata = [
        Stratum("uniform", 0.4, np.arange(N)),
        Stratum("verdict: p", 0.2, np.flatnonzero(flagged)),
        Stratum("verdict: nothing found", 0.2, np.flatnonzero(~flagged)),
        Stratum("unsure", 0.2, np.flatnonzero(unsure)),
    ]
    return shows, strata


def test_each_trace_is_drawn_as_often_as_its_probability_says() -> None:
    _, strata = population()
    trials = 600
    drawn = [draw(N, strata, 200, seed) for seed in range(trials)]
    probability = drawn[0].probability
    assert all((each.probability == probability).all() for each in drawn), "the sample does not change it"
    counted = sum((each.stratum >= 0).astype(int) for each in drawn)
    off = (counted - trials * probability) / np.sqrt(trials * probability * (1 - probability))
    assert abs(off).max() < 5 and 0.9 < off.std() < 1.1, "binomial scatter and nothing else"
    sizes = [(each.stratum >= 0).sum() for each in drawn]
    assert abs(np.mean(sizes) - 200) < 1.5 and probability.sum() == pytest.approx(200, abs=1.5)


def test_rates_weighted_by_it_are_right_and_unweighted_ones_are_not() -> None:
    shows, strata = population()
    total, weighted, plain = [], [], []
    chance = np.random.default_rng(1)
    for seed in range(500):
        drawn = draw(N, strata, 200, seed)
        order = chance.permutation(np.flatnonzero(drawn.stratum >= 0))
        done = order[: len(order) // 3]  # people stop where they like: a third of the queue, in random order
        weight = 1 / (drawn.probability[done] * len(done) / len(order))
        total.append((weight * shows[done]).sum() / N)
        weighted.append((weight * shows[done]).sum() / weight.sum())
        plain.append(shows[done].mean())
    truth = shows.mean()
    for name, estimates in (("Horvitz-Thompson", total), ("Hájek", weighted)):
        error = (np.mean(estimates) - truth) / (np.std(estimates) / np.sqrt(len(estimates)))
        assert abs(error) < 3.5, (name, np.mean(estimates), truth)
    assert np.mean(plain) > truth + 0.1, "the judge's positives are over-represented"


def scored() -> tuple[np.ndarray[Any, Any], list[Stratum]]:
    """Traces of which 10 % show a pattern; a learned tagger's scores, and picks by how unsure it is."""
    chance = np.random.default_rng(9)
    shows = chance.random(N) < 0.1
    score = 1 / (1 + np.exp(-chance.normal(np.where(shows, 0.0, -3.0), 1.2)))
    sizes = score * (1 - score)
    return shows, [Stratum("uniform", 0.4, np.arange(N)), Stratum("uncertain: p", 0.6, np.arange(N), sizes)]


def test_picks_by_uncertainty_have_the_probability_that_is_kept() -> None:
    _, strata = scored()
    trials = 400
    drawn = [draw(N, strata, 200, seed) for seed in range(trials)]
    probability = drawn[0].probability
    assert probability.min() > 0.05 and probability.max() > 3 * probability.min(), "everyone has a chance"
    counted = sum((each.stratum >= 0).astype(int) for each in drawn)
    off = (counted - trials * probability) / np.sqrt(trials * probability * (1 - probability))
    assert abs(off).max() < 5 and 0.9 < off.std() < 1.1, "binomial scatter and nothing else"
    assert all(len(set(each.samples[1].tolist())) == each.draws[1] for each in drawn), "nobody twice"


def test_a_rate_from_active_picks_is_unbiased_when_weighted_and_far_off_when_not() -> None:
    shows, strata = scored()
    weighted, plain = [], []
    for seed in range(400):
        drawn = draw(N, strata, 150, seed)
        picked = drawn.stratum >= 0
        weight = 1 / drawn.probability[picked]
        weighted.append((weight * shows[picked]).sum() / weight.sum())
        plain.append(shows[picked].mean())
    truth = shows.mean()
    error = (np.mean(weighted) - truth) / (np.std(weighted) / np.sqrt(len(weighted)))
    assert abs(error) < 3.5, (np.mean(weighted), truth)
    assert np.mean(plain) > truth + 0.05, "the unsure ones show it more often"


def test_sizes_that_would_give_a_chance_above_one_are_certain_and_leave_the_rest_to_the_others() -> None:
    stratum = Stratum("uncertain", 1, np.arange(5), np.array([100.0, 50.0, 1.0, 1.0, 2.0]))
    assert stratum.chances(3) == pytest.approx([1, 1, 0.25, 0.25, 0.5])
    assert stratum.chances(1) == pytest.approx(stratum.sizes / 154)  # type: ignore[operator]
    assert stratum.chances(5).tolist() == [1] * 5
    for seed in range(50):
        picked = stratum.sample(3, np.random.default_rng(seed)).tolist()
        assert {0, 1} < set(picked) and len(set(picked)) == 3


def test_the_uniform_part_is_a_random_sample_of_its_own() -> None:
    shows, strata = population()
    shares = []
    for seed in range(300):
        drawn = draw(N, strata, 200, seed)
        uniform = drawn.stratum == 0
        assert uniform.sum() == drawn.draws[0] >= 0.3 * sum(drawn.draws)
        shares.append(shows[uniform].mean())
    assert abs(np.mean(shares) - shows.mean()) < 4 * np.std(shares) / np.sqrt(len(shares))


def test_a_small_stratum_is_used_up_and_leaves_its_share_to_the_others() -> None:
    strata = [Stratum("uniform", 0.5, np.arange(100)), Stratum("flagged", 0.5, np.array([3, 4]))]
    drawn = draw(100, strata, 30, seed=1)
    assert drawn.draws[1] == 2 and drawn.probability[3] == 1 and drawn.stratum[4] >= 0
    assert 28 <= (drawn.stratum >= 0).sum() <= 31


@pytest.mark.parametrize("size", [100, 1000])
def test_a_queue_as_large_as_the_frame_has_everything_for_certain(size: int) -> None:
    strata = [Stratum("uniform", 0.4, np.arange(100)), Stratum("unsure", 0.6, np.arange(10))]
    drawn = draw(100, strata, size, seed=1)
    assert (drawn.probability == 1).all() and (drawn.stratum >= 0).all()


@st.composite
def frames(chosen: st.DrawFn) -> tuple[int, list[Stratum], int, int]:
    frame = chosen(st.integers(1, 60))
    strata = [Stratum("uniform", chosen(st.floats(0.3, 1)), np.arange(frame))]
    for number in range(chosen(st.integers(0, 4))):
        members = chosen(st.sets(st.integers(0, frame - 1), min_size=1))
        sizes = chosen(st.none() | st.lists(st.floats(1e-6, 1), min_size=len(members), max_size=len(members)))
        strata.append(Stratum(
            f"s{number}", chosen(st.floats(0.01, 1)), np.array(sorted(members)), None if sizes is None else np.array(sizes)
        ))  # fmt: skip
    return frame, strata, chosen(st.integers(1, 80)), chosen(st.integers(0, 2**32))


@given(frames())
@settings(deadline=None)
def test_what_is_drawn_had_a_chance_what_is_certain_is_drawn_and_the_seed_decides(
    given_frame: tuple[int, list[Stratum], int, int],
) -> None:
    frame, strata, size, seed = given_frame
    drawn = draw(frame, strata, size, seed)
    chosen = drawn.stratum >= 0
    assert (drawn.probability[chosen] > 0).all() and chosen[drawn.probability == 1].all()
    assert ((drawn.probability >= 0) & (drawn.probability <= 1)).all()
    assert all(place in strata[number].members for place, number in enumerate(drawn.stratum) if number >= 0)
    assert drawn.probability.sum() >= min(size, frame) - 1e-6
    again = draw(frame, strata, size, seed)
    assert (again.stratum == drawn.stratum).all()
    larger = [draw(frame, strata, wanted, seed).probability.sum() for wanted in (1, 10, 40)]
    assert all(before <= after + 1e-9 for before, after in pairwise(larger))
