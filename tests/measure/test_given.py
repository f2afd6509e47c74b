from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as some
from statsmodels.stats.proportion import proportion_confint

from analysis.measure.cooccurrence import cooccurrence
from analysis.measure.given import given
from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN

SIGN = some.sampled_from((PRESENT, ABSENT, UNKNOWN))


def signs(*runs: tuple[int, int]) -> np.ndarray:
    """Signs, each so many times."""
    return np.concatenate([np.full(times, sign, np.int8) for sign, times in runs])


def test_a_share_given_the_action_stands_beside_the_share_without_it() -> None:
    action = signs((PRESENT, 40), (ABSENT, 60), (UNKNOWN, 7))
    pattern = signs((PRESENT, 30), (ABSENT, 10), (PRESENT, 12), (ABSENT, 45), (UNKNOWN, 3), (PRESENT, 7))
    one_prompt = np.zeros(107, np.int32)
    (row,) = [each.as_row() for each in given({"p": pattern}, action, one_prompt)]
    assert (row["with_part"], row["with_n"], row["with_missing"]) == (30, 40, 0)
    assert (row["without_part"], row["without_n"], row["without_missing"]) == (12, 57, 3)
    assert (row["with_low"], row["with_high"]) == pytest.approx(proportion_confint(30, 40, method="wilson"))
    assert row["difference"] == pytest.approx(30 / 40 - 12 / 57)
    assert (row["interval"], row["note"]) == ("Newcombe", "for this prompt only") and row["p"] < 0.001
    (other,) = [each.as_row() for each in given({"p": pattern}, action, one_prompt, "action")]
    assert (other["with_part"], other["with_n"], other["without_part"], other["without_n"]) == (
        30,
        42,
        10,
        55,
    )
    assert (other["with_missing"], other["without_missing"]) == (7, 0)


def test_from_twenty_prompts_up_the_difference_is_clustered() -> None:
    prompt = np.repeat(np.arange(30, dtype=np.int32), 20)
    level = np.random.default_rng(1).beta(1, 3, 30)
    pattern = (np.random.default_rng(2).random(600) < level[prompt]).astype(np.int8)
    action = np.tile(np.array([1, 0], np.int8), 300)
    (row,) = [each.as_row() for each in given({"p": pattern}, action, prompt)]
    assert row["interval"] == "t, clustered by prompt" and row["note"] is None and row["prompts"] == 30
    assert row["low"] < row["difference"] < row["high"]


def test_a_side_without_traces_has_no_difference_and_says_so() -> None:
    (row,) = [
        each.as_row()
        for each in given({"p": signs((PRESENT, 3))}, signs((PRESENT, 3)), np.zeros(3, np.int32))
    ]
    assert (row["with_share"], row["without_share"], row["difference"], row["p"]) == (1.0, None, None, None)
    assert row["note"] == "nothing known without the action"
    (row,) = [
        each.as_row()
        for each in given({"p": signs((PRESENT, 0))}, signs((PRESENT, 0)), np.zeros(0, np.int32), "action")
    ]
    assert row["note"] == "nothing known with the pattern" and row["with_share"] is None


def test_lift_is_how_many_times_as_often_as_by_chance() -> None:
    a = signs((PRESENT, 20), (ABSENT, 80))
    b = signs((PRESENT, 15), (ABSENT, 5), (PRESENT, 10), (ABSENT, 70))
    (pair,) = cooccurrence({"a": a, "b": b}, np.zeros(100, np.int32))
    row = pair.as_row()
    assert (row["n"], row["first_n"], row["second_n"], row["both"], row["expected"]) == (100, 20, 25, 15, 5.0)
    assert row["lift"] == 3.0 and row["low"] > 1 and row["p"] < 0.001
    assert (row["second_given_first"], row["first_given_second"]) == (0.75, 0.6)


def test_the_lifts_interval_covers_what_it_should() -> None:
    chance, covered = np.random.default_rng(5), 0
    for _ in range(400):
        u = chance.random(300)
        a, b = (u < 0.3).astype(np.int8), ((u < 0.2) | (u > 0.85)).astype(np.int8)
        (pair,) = cooccurrence({"a": a, "b": b}, np.zeros(300, np.int32))
        covered += (pair.low or 0) <= 0.2 / (0.3 * 0.35) <= (pair.high or 0)
    assert 0.93 <= covered / 400 <= 0.975


def test_rollouts_of_one_prompt_widen_the_lifts_interval() -> None:
    chance = np.random.default_rng(3)
    prompt = np.repeat(np.arange(40, dtype=np.int32), 25)
    kind = chance.random(40)[prompt]
    a, b = ((chance.random(1000) < kind).astype(np.int8) for _ in range(2))
    (clustered,) = cooccurrence({"a": a, "b": b}, prompt)
    (naive,) = cooccurrence({"a": a, "b": b}, np.zeros(1000, np.int32))
    assert clustered.lift == naive.lift and clustered.high - clustered.low > 1.5 * (naive.high - naive.low)
    assert (clustered.note, naive.note) == (None, "for this prompt only")


def test_patterns_that_never_meet_have_no_interval_and_say_so() -> None:
    for a, b, lift, note in (
        (
            signs((PRESENT, 2), (ABSENT, 2)),
            signs((ABSENT, 2), (PRESENT, 2)),
            0.0,
            "never together, so no interval",
        ),
        (signs((PRESENT, 4)), signs((ABSENT, 4)), None, "the second never appears"),
        (signs((UNKNOWN, 4)), signs((ABSENT, 4)), None, "nothing was judged"),
        (signs((PRESENT, 4)), signs((PRESENT, 4)), 1.0, "nothing varies, so no interval"),
    ):
        (pair,) = cooccurrence({"a": a, "b": b}, np.zeros(4, np.int32))
        assert (pair.lift, pair.low, pair.p, pair.note) == (lift, None, None, note)


@settings(max_examples=60, deadline=None)
@for_all(some.lists(some.tuples(SIGN, SIGN, some.integers(0, 25)), max_size=80))
def test_no_figure_is_ever_nan_and_intervals_hold_their_value(rows: list[tuple[int, int, int]]) -> None:
    a, b, prompt = (
        np.array(column, np.int32) for column in (zip(*rows, strict=True) if rows else ((), (), ()))
    )
    (pair,) = cooccurrence({"a": a.astype(np.int8), "b": b.astype(np.int8)}, prompt)
    assert pair.low is None or (pair.low <= pair.lift * 1.000001 and pair.lift <= pair.high * 1.000001)
    for way in ("pattern", "action"):
        (one,) = given({"a": a.astype(np.int8)}, b.astype(np.int8), prompt, way)
        assert one.difference is None or one.low <= one.difference <= one.high
        assert one.difference is not None or one.note
        assert all(value == value for value in one.as_row().values())
