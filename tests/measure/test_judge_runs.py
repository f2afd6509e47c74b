"""A run's books, its repeats, and two runs against each other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from judged import TEXT, Lab
from sklearn.metrics import cohen_kappa_score

from analysis import runs
from analysis.measure.intervals import wilson
from analysis.measure.judge_books import STATES, books, endings, rejected_quotes
from analysis.measure.judge_compare import Comparison, compare
from analysis.measure.judge_repeats import flips
from analysis.measure.judge_words import said_by_run, sentences_at
from analysis.runs import Result
from analysis.store import Store
from labels.gold import frame


@pytest.fixture
def lab(store: Store) -> Iterator[Lab]:
    with store.session():  # opening the file anew for each session is most of a short test's time
        yield Lab(store)


def asked(lab: Lab, question: Any, *arguments: Any) -> Any:
    with lab.store.session() as db:
        return question(db, *arguments)


def test_the_books_balance_and_money_is_counted_over_every_pass(lab: Lab) -> None:
    lab.traces(9)
    endings_of = dict(zip(["t1", "t2", "t3", "t4", "t5"], STATES[1:], strict=True))
    run = lab.run({"t0": {"p": "absent"}, **endings_of})
    with lab.store.transaction() as db:
        again = Result("t1", "ok", input_tokens=10, cached_tokens=0, output_tokens=1, cost_usd=0.25,
                       error="repaired: x", reasoning_sha256=lab.sha["t1"])  # fmt: skip
        runs.record(db, run, [again, Result("t6", "ok", reasoning_sha256="an older text")])
    found = asked(lab, books, run)
    assert found.states == {**dict.fromkeys(STATES, 1), "ok": 2, "refused": 0}
    assert (found.trajectories, found.judged, found.outdated, found.mended, found.passes) == (9, 6, 1, 1, 8)
    assert (found.input_tokens, found.cached_tokens, found.output_tokens) == (5010, 4000, 251)
    assert (found.cost_usd, found.priced, found.unpriced) == (0.25, 1, 6), (
        "what has no price is said, and left out"
    )


def test_a_run_that_has_done_nothing_has_used_nothing_known(lab: Lab) -> None:
    lab.traces(2)
    found = asked(lab, books, lab.run({}))
    assert (found.judged, found.passes, found.input_tokens, found.cost_usd) == (0, 0, None, None)
    assert asked(lab, rejected_quotes, "none") == asked(lab, endings, "none") == []


def test_errors_that_differ_in_numbers_alone_are_one_line(lab: Lab) -> None:
    lab.traces(4)
    run = lab.run({"t0": "failed", "t3": "refused"})
    with lab.store.transaction() as db:
        runs.record(db, run, [Result("t1", "failed", error="said failed after 17 s"), Result("t2", "failed", error="lost")])  # fmt: skip
    told = [
        (each["state"], each["error"], each["count"], each["trajectory_id"])
        for each in asked(lab, endings, run)
    ]
    assert told == [
        ("failed", "said failed after 3 s", 2, "t0"), ("failed", "lost", 1, "t2"), ("refused", "said refused after 3 s", 1, "t3"),
    ]  # fmt: skip


def test_the_rate_of_rejected_quotes_is_of_all_findings_and_per_pattern(lab: Lab) -> None:
    names = lab.traces(40)
    said = {
        name: {"p": "made up" if number < 4 else "present", "q": "present"}
        for number, name in enumerate(names)
    }
    found = {each.pattern: each for each in asked(lab, rejected_quotes, lab.run(said))}
    assert {p: (each.rejected, each.findings) for p, each in found.items()} == {"all": (4, 80), "p": (4, 40), "q": (0, 40)}  # fmt: skip
    rate = found["p"].rate
    assert rate.value == 0.1 and 0 <= rate.low < 0.1 < rate.high < 0.25  # type: ignore[operator]
    none = found["q"].as_row()
    assert (none["rate_low"], none["rate_high"]) == pytest.approx(wilson(0, 40)) and "Wilson" in none["note"]


def test_repeats_flip_where_they_say_both_present_and_absent(lab: Lab) -> None:
    names = lab.traces(10)
    first = {name: {"p": "present", "q": "absent"} for name in names}
    second: dict[str, Any] = {**first, "t0": {"p": "absent", "q": "absent"}, "t1": {"p": "unsure", "q": "absent"}, "t2": "refused"}  # fmt: skip
    a, b = lab.run(first), lab.run(second, repeat=2)
    assert asked(lab, runs.repeats_of, b) == [a, b]
    p, q = asked(lab, flips, [a, b])
    assert (p.pattern, p.repeats, p.flipped, p.n, p.unsure, p.pairwise) == ("p", 2, 1, 8, 1, 1 / 8)
    assert (p.as_row()["rate_low"], p.as_row()["rate_high"]) == pytest.approx(wilson(1, 8))
    assert (q.flipped, q.n) == (0, 9)
    assert asked(lab, flips, [a]) == []


def test_of_three_repeats_the_chance_that_two_differ_is_told_apart_from_any_flip(lab: Lab) -> None:
    lab.traces(4)
    made = [
        lab.run(
            {"t0": {"p": one}, "t1": {"p": "absent"}, "t2": {"p": "absent"}, "t3": {"p": "absent"}}, repeat=n
        )
        for n, one in enumerate(("present", "absent", "absent"))
    ]
    [found] = asked(lab, flips, made)
    assert (found.flipped, found.n) == (1, 4)
    assert found.pairwise == pytest.approx((2 / 3) / 4)


def compared(lab: Lab, first: str, second: str) -> Comparison:
    with lab.store.session() as db:
        [found] = compare(db, first, second, frame(db))
    return found


def test_two_runs_are_compared_on_what_both_judged(lab: Lab) -> None:
    names = lab.traces(50, prompts=25)
    chance = random.Random(3)
    ones = [chance.random() < 0.4 for _ in names]
    others = [one if chance.random() < 0.8 else not one for one in ones]
    words = ("absent", "present")
    first = {name: {"p": words[one], "q": "absent"} for name, one in zip(names, ones, strict=True)}
    second: dict[str, Any] = {name: {"p": words[other]} for name, other in zip(names, others, strict=True)}
    a, b = lab.run({**first, "t0": "failed"}), lab.run({**second, "t1": {"p": "unsure"}}, model="another")
    found = compared(lab, a, b)
    assert (found.pattern, found.n, found.missing, found.resampled) == (
        "p",
        48,
        2,
        "resampled over 25 prompts",
    )
    assert found.both + found.only_first == sum(ones[2:]) and found.both + found.only_second == sum(
        others[2:]
    )
    row = found.as_row()
    assert row["kappa"] == pytest.approx(cohen_kappa_score(ones[2:], others[2:]))
    assert row["difference"] == pytest.approx((sum(others[2:]) - sum(ones[2:])) / 48)
    assert row["agreement"] == pytest.approx(
        sum(x == y for x, y in zip(ones[2:], others[2:], strict=True)) / 48
    )
    for name in ("agreement", "kappa", "first_share", "second_share", "difference"):
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"], name
    assert row["labels"] == 0 and row["kappa_difference"] is None


def test_two_runs_are_held_against_the_same_labels(lab: Lab) -> None:
    names = lab.traces(40)
    true = {name: "present" if number < 10 else "absent" for number, name in enumerate(names)}
    lab.labels("ada", {name: {"p": true[name]} for name in names[:-1]})
    careful = lab.run({name: {"p": true[name]} for name in names})
    eager = lab.run({name: {"p": "present" if number < 20 else "absent"} for number, name in enumerate(names)}, model="eager")  # fmt: skip
    row = compared(lab, careful, eager).as_row()
    assert row["labels"] == 39
    assert (row["sensitivity_first"], row["sensitivity_second"], row["sensitivity_difference"]) == (1, 1, 0)
    assert (row["specificity_first"], row["specificity_second"]) == (1, pytest.approx(19 / 29))
    assert row["kappa_difference"] == pytest.approx(row["kappa_second"] - 1)
    assert row["kappa_difference_low"] < row["kappa_difference"] < row["kappa_difference_high"] < 0
    assert "sensitivity_difference: no interval" in row["notes"]


def test_runs_that_call_everything_absent_agree_in_all_and_have_no_kappa(lab: Lab) -> None:
    names = lab.traces(4)
    run = lab.run({name: {"p": "absent"} for name in names})
    found = compared(lab, run, lab.run({name: {"p": "absent"} for name in names}, repeat=2))
    assert (found.neither, found.figures["agreement"].value, found.figures["kappa"].value) == (4, 1.0, None)
    assert "can't be told apart" in str(found.figures["kappa"].note)


def test_words_and_sentences_of_single_traces(lab: Lab) -> None:
    lab.traces(2)
    run = lab.run({"t0": {"p": "present", "q": "made up"}, "t1": {"p": "absent"}})
    words = asked(lab, said_by_run, run, [("t0", "q"), ("t0", "p"), ("t1", "p"), ("gone", "p")])
    assert [len(findings) for _, findings in words.values()] == [1, 1, 0, 0]
    assert words["t0", "q"][1][0]["match"] == "rejected"
    assert asked(lab, sentences_at, {"t0": TEXT.index("test"), "t1": 0}) == {"t0": 1, "t1": 0}
    assert asked(lab, sentences_at, {}) == {}
