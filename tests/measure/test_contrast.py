"""Two groups held against each other: published values, other libraries on random input, and the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import fisher_exact, norm
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

from analysis.errors import UserError
from analysis.ingest import ingest
from analysis.measure.contrast import COLUMNS, Contrast, contrast, group, with_holm
from analysis.measure.difference import clustered_error, difference, paired_bootstrap
from analysis.measure.intervals import newcombe
from analysis.measure.scope import Scope
from analysis.measure.significance import fisher, holm, mcnemar, two_shares
from analysis.store import Store
from tests.command_line import Telltale
from tests.measure.test_gaming import RULES, Write
from tests.measure.test_gaming import rows as answered

FIFTEEN = [.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1.0]  # fmt: skip
"""Benjamini and Hochberg's example, of which Holm rejects three."""
shares = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((10, 10, 0, 20), 0.6791, 1),
    ],
)
def test_newcombe_reproduces_published_values(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    assert newcombe(*counts) == pytest.approx((low, high), abs=5e-5)


def test_mcnemar_fisher_and_holm_reproduce_published_values() -> None:
    tested = mcnemar(150, 86)
    assert tested.statistic == pytest.approx(17.3559, abs=5e-5)
    assert fisher(12, 39, 0, 40).p == pytest.approx(7.637e-05, rel=5e-4)
    assert fisher(6, 40, 0, 40).p == pytest.approx(0.02555, abs=5e-6)
    assert sum(p <= 0.05 for p in holm(FIFTEEN) if p is not None) == 3


@given(shares, shares, st.sampled_from([0.8, 0.95, 0.99]))
def test_newcombe_agrees_with_statsmodels_and_holds_the_difference(
    first: tuple[int, int], second: tuple[int, int], level: float
) -> None:
    found = newcombe(*first, *second, level)
    theirs = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff", alpha=1 - level)
    assert found == pytest.approx(theirs, abs=1e-9)
    value = first[0] / first[1] - second[0] / second[1]
    assert found and -1 <= found[0] <= value + 1e-12 and value - 1e-12 <= found[1] <= 1


@given(shares, shares)
def test_two_shares_agree_with_statsmodels_and_scipy(first: tuple[int, int], second: tuple[int, int]) -> None:
    tested = two_shares(*first, *second)
    if tested.statistic is None:
        table = [[first[0], first[1] - first[0]], [second[0], second[1] - second[0]]]
        assert tested.name == "Fisher's exact"
        assert tested.p == pytest.approx(fisher_exact(table).pvalue, abs=1e-12)
    else:
        z, p = proportions_ztest([first[0], second[0]], [first[1], second[1]])
        assert (tested.statistic, tested.p) == pytest.approx((z, p), abs=1e-9)


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_agrees_with_statsmodels(only_first: int, only_second: int) -> None:
    tested = mcnemar(only_first, only_second)
    if only_first + only_second == 0:
        assert tested.p is None
        return
    exact = only_first + only_second < 25
    theirs = their_mcnemar([[3, only_first], [only_second, 4]], exact=exact, correction=False)
    assert tested.p == pytest.approx(theirs.pvalue, abs=1e-12)


@settings(max_examples=10, deadline=None)  # each of statsmodels' calls collects all garbage
@given(st.lists(st.none() | st.floats(0, 1), max_size=12))
def test_holm_agrees_with_statsmodels_and_counts_only_what_was_tested(p_values: list[float | None]) -> None:
    found, tested = holm(p_values), [p for p in p_values if p is not None]
    assert [p is None for p in found] == [p is None for p in p_values]
    if tested:
        theirs = multipletests(tested, method="holm")[1]
        assert [p for p in found if p is not None] == pytest.approx(list(theirs), abs=1e-12)


def test_the_clustered_error_reproduces_known_values() -> None:
    counts = [0, 1, 2, 5, 9, 10, 3, 0, 6, 4]
    ten = [(count, 10, 0, 10) for count in counts]
    assert clustered_error(ten) == pytest.approx(0.11155, abs=5e-6)
    apart = [(count, 10, 0, 0) for count in counts] + [(0, 0, count, 10) for count in counts]
    assert clustered_error(apart) == pytest.approx(0.10583 * (2 * 20 / 19) ** 0.5, abs=5e-6)
    assert clustered_error([(1, 2, 1, 2)]) is None and clustered_error([(1, 2, 0, 0), (2, 2, 0, 0)]) is None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.tuples(st.integers(0, 6), st.integers(0, 6))] * 2), min_size=2, max_size=12))
def test_the_clustered_error_agrees_with_a_regression_clustered_by_prompt(
    sides: list[tuple[tuple[int, int], tuple[int, int]]],
) -> None:
    table = [(yes, yes + no, other_yes, other_yes + other_no) for (yes, no), (other_yes, other_no) in sides]
    table = [row for row in table if row[1] + row[3]]
    error = clustered_error(table)
    if error is None:
        return
    rollouts = [
        {"prompt": prompt, "first": side == 0, "y": int(k < row[2 * side])}
        for prompt, row in enumerate(table)
        for side in (0, 1)
        for k in range(row[2 * side + 1])
    ]
    frame = pd.DataFrame(rollouts).astype({"first": int})
    fitted = smf.ols("y ~ first", frame).fit(
        cov_type="cluster", cov_kwds={"groups": frame["prompt"], "use_correction": False}
    )
    theirs = float(fitted.bse["first"]) * (len(table) / (len(table) - 1)) ** 0.5
    assert error == pytest.approx(theirs, abs=1e-7)


def test_few_prompts_speak_of_themselves_alone_and_say_so() -> None:
    found = difference([(22, 60, 39, 60)])
    assert (found.low, found.high) == newcombe(22, 60, 39, 60)
    assert (found.interval, found.tested.name, found.note) == (
        "Newcombe", "two-proportion z", "for this prompt only",
    )  # fmt: skip
    assert difference([(2, 6, 0, 0), (0, 0, 3, 5)]).note == "for these 2 prompts only"
    nineteen = difference([(k % 2, 1, 0, 1) for k in range(19)])
    assert nineteen.interval == "Newcombe" and nineteen.tested.name == "McNemar's exact"
    assert nineteen.note == "for these 19 prompts only"


def test_the_same_prompts_with_one_rollout_each_are_pairs() -> None:
    pairs = [(1, 1, 1, 1)] * 794 + [(1, 1, 0, 1)] * 150 + [(0, 1, 1, 1)] * 86 + [(0, 1, 0, 1)] * 570
    found = difference(pairs)
    assert found.tested.statistic == pytest.approx(17.3559, abs=5e-5) and found.paired
    assert (found.interval, found.prompts, found.note) == ("paired bootstrap over prompts", 1600, None)
    error = (150 + 86 - (150 - 86) ** 2 / 1600) ** 0.5 / 1600
    assert found.value == pytest.approx(64 / 1600)
    assert (found.low, found.high) == pytest.approx((0.04 - 1.96 * error, 0.04 + 1.96 * error), abs=0.0015)


def test_many_prompts_with_several_rollouts_are_clusters_paired_or_not() -> None:
    chance = np.random.default_rng(5)
    p = chance.beta(1, 1, 40)
    paired = np.stack(
        [chance.binomial(10, p), np.full(40, 10), chance.binomial(10, p / 2), np.full(40, 10)], 1
    )
    apart = np.concatenate([paired * [1, 1, 0, 0], paired * [0, 0, 1, 1]])
    both, neither = difference(paired), difference(apart)
    assert (both.interval, both.tested.name) == ("paired bootstrap over prompts", "t, clustered by prompt")
    assert (neither.interval, neither.tested.name) == ("t, clustered by prompt", "t, clustered by prompt")
    assert both.low and both.high and neither.low and neither.high
    assert both.high - both.low < neither.high - neither.low, "pairing takes the prompts' own spread out"
    assert both.value == neither.value and not neither.paired
    assert paired_bootstrap(paired) == (both.low, both.high), "the same data give the same interval"
    half = norm.ppf(0.975) * (clustered_error(paired) or 0)
    assert (both.low, both.high) == pytest.approx((both.value - half, both.value + half), abs=0.02)  # type: ignore[operator]


def test_what_is_undefined_is_none_with_a_reason() -> None:
    for rows, reason in (
        ([], "nothing known on either side"),
        ([(0, 0, 1, 2)], "nothing known on the first side"),
        ([(1, 2, 0, 0)], "nothing known on the second side"),
    ):
        found = difference(rows)
        told = (found.value, found.low, found.high, found.interval, found.tested.p)
        assert (*told, found.note) == (None, None, None, None, None, reason)
    still = difference([(0, 1, 0, 1)] * 30)
    assert still.value == 0 and still.tested.p is None and (still.low, still.high) == newcombe(0, 30, 0, 30)
    assert still.note and "prompts do not vary" in still.note and "nothing to test" in still.note
    assert newcombe(0, 0, 1, 2) is None and fisher(0, 0, 1, 2).p is None and two_shares(0, 0, 0, 0).p is None
    with pytest.raises(ValueError, match="is no share"):
        newcombe(3, 2, 1, 2)


def test_prompts_in_other_proportions_are_said_to_be_so() -> None:
    assert difference([(1, 10, 1, 90), (9, 90, 1, 10)]).note == (
        "for these 2 prompts only; the prompts weigh differently on the two sides"
    )


def found(store: Store, of: str, first: str, second: str, *by: str, **more: Any) -> list[Contrast]:
    with store.session() as db:
        return contrast(db, of, group(first), group(second), by, **more)


def test_two_checkpoints_of_one_variant(store: Store, jsonl: Write) -> None:
    made = answered("step-1", "base", "7", "8", "8", "8", "7 or 8") + answered(
        "step-2", "base", "7", "9", "8", ""
    )
    ingest(store, [jsonl(made)], RULES)
    [each] = found(store, "gaming", "checkpoint=step-2", "checkpoint=step-1")
    row = each.as_row()
    assert list(row) == list(COLUMNS)
    assert {name: row[name] for name in ("of", "a", "a_part", "a_n", "a_missing", "b_part", "b_n", "b_missing")} == {
        "of": "gaming", "a": "checkpoint=step-2", "a_part": 2, "a_n": 3, "a_missing": 1,
        "b_part": 1, "b_n": 4, "b_missing": 1,
    }  # fmt: skip
    assert (row["low"], row["high"]) == newcombe(2, 3, 1, 4)
    assert (row["bound_low"], row["bound_high"]) == (2 / 4 - 2 / 5, 3 / 4 - 1 / 5)
    assert (row["prompts"], row["note"], row["p_holm"]) == (1, "for this prompt only", None)


def test_holm_counts_the_contrasts_of_one_call(store: Store, jsonl: Write) -> None:
    made = [
        each
        for name, odd in (("base", 9), ("review", 2), ("audit-10", 4))
        for step, more in (("step-1", 0), ("step-2", 10))
        for each in answered(step, name, *["7"] * (odd + more), *["8"] * (30 - odd - more))
    ]
    ingest(store, [jsonl(made)], RULES)
    each = found(store, "gaming", "checkpoint=step-1", "checkpoint=step-2", "variant")
    assert [c.group["variant"] for c in each] == ["audit-10", "base", "review"]
    rows = with_holm(each)
    assert [row["p_holm"] for row in rows] == pytest.approx(
        list(multipletests([row["p"] for row in rows], method="holm")[1])
    )


def test_gaming_and_breaking_the_request_are_never_pooled_on_a_side(store: Store, jsonl: Write) -> None:
    made = answered("step-1", "base", "7", "8") + answered("step-1", "agree", "8", "8")
    ingest(store, [jsonl(made + answered("step-2", "base", "8", "8"))], RULES)
    [apart] = found(store, "gaming", "variant=base,checkpoint=step-1", "variant=agree")
    assert apart.of == "breaking the request" and apart.difference.value == 0.5
    assert "the incentive asks for it on one side only" in str(apart.difference.note)
    [mixed] = found(store, "gaming", "checkpoint=step-1", "checkpoint=step-2")
    assert mixed.difference.value is None and mixed.difference.tested.p is None
    assert "has both breaking the request and gaming" in str(mixed.difference.note)


JUDGED = {
    "environment": "environment", "checkpoint": "checkpoint", "prompt": "prompt", "reasoning": "reasoning", "answer": "answer",
    "judged": {"tagger": "monitor", "pattern": "eval_aware", "value": "said", "map": {"yes": "present", "no": "absent"}},
}  # fmt: skip


def judged(checkpoint: str, prompts: range, yes: Callable[[int], bool | None]) -> list[dict[str, Any]]:
    said = {True: "yes", False: "no", None: None}
    return [
        {
            "environment": "task", "checkpoint": checkpoint, "prompt": f"question {number}", "answer": "-",
            "reasoning": None if number == 24 else f"thinking of {number}", "said": said[yes(number)],
        }
        for number in prompts
    ]  # fmt: skip


def test_a_pattern_over_the_same_prompts_is_a_paired_contrast(store: Store, jsonl: Write) -> None:
    made = judged("one", range(25), lambda k: k % 3 == 0) + judged(
        "two", range(25), lambda k: None if k == 23 else k % 2 == 0
    )
    ingest(store, [jsonl(made)], JUDGED)
    with store.session() as db:
        [(run,)] = db.execute("SELECT run_id FROM runs").fetchall()
        [each] = contrast(db, "eval_aware", group("checkpoint=two"), group("checkpoint=one"), run_id=run)
        with pytest.raises(UserError, match="no verdict on bluff; it has eval_aware"):
            contrast(db, "bluff", group("checkpoint=two"), group("checkpoint=one"), run_id=run)
    first, second = each.shares
    assert (first.part, first.n, first.missing) == (12, 23, 2), (
        "one verdict is missing, one trace has no reasoning"
    )
    assert (second.part, second.n, second.missing) == (8, 24, 1)
    assert each.reasoning_state == "text" and each.difference.value == pytest.approx(12 / 23 - 8 / 24)
    assert each.difference.interval == "t, clustered by prompt", "prompt 23 has no pair"
    with store.session() as db:
        [paired] = contrast(
            db, "eval_aware", group("checkpoint=two"), group("checkpoint=one"), run_id=run,
            scope=Scope({"prompt_id": tuple(p for (p,) in db.execute(
                "SELECT prompt_id FROM trajectories WHERE checkpoint = 'one' AND reasoning <> 'thinking of 23'").fetchall())}),
        )  # fmt: skip
    assert paired.difference.paired and paired.difference.tested.name == "McNemar's exact"
    assert paired.difference.tested.p == mcnemar(8, 4).p


def test_groups_are_written_as_conditions() -> None:
    assert group("variant=a,b,checkpoint=x=1,variant=c").scope == Scope(
        {"variant": ("a,b", "c"), "checkpoint": ("x=1",)}
    )
    for text in ("base", "colour=red", "variant=", ""):
        with pytest.raises(UserError, match="is no group"):
            group(text)


def test_groups_that_overlap_or_are_empty_are_refused(store: Store, jsonl: Write) -> None:
    ingest(store, [jsonl(answered("step-1", "base", "7", "8"))], RULES)
    with pytest.raises(UserError, match="2 trajectories are on both sides"):
        found(store, "gaming", "variant=base", "checkpoint=step-1")
    with pytest.raises(UserError, match="no trajectory has checkpoint=step-9"):
        found(store, "gaming", "checkpoint=step-1", "checkpoint=step-9")


def test_contrasts_on_the_command_line(telltale: Telltale, jsonl: Write) -> None:
    rules = [word for name, field in RULES.items() for word in ("--set", f"{name}={field}")]
    made = [
        {**each, "synthetic": "written"}
        for name, odd in (("base", 6), ("review", 0))
        for each in answered("step-1", name, *["7"] * odd, *["8"] * (40 - odd))
    ]
    assert telltale("ingest", jsonl(made), *rules).returncode == 0
    asked = ["report", "contrast", "--between", "variant=base", "variant=review"]
    done = telltale(*asked, "--by", "checkpoint", "--json")
    [row] = json.loads(done.stdout)
    assert (row["checkpoint"], row["a_n"], row["b_n"], row["test"]) == ("step-1", 40, 40, "Fisher's exact")
    assert row["p"] == row["p_holm"] == pytest.approx(0.02555, abs=5e-6) and "synthetic" in done.stderr
    table = telltale(*asked).stdout
    assert "0.026" in table and "for these 2 prompts only" in table
    for words, told in (
        (["--between", "variant=base", "variant=nope"], "no trajectory has variant=nope"),
        (["--between", "variant=base", "nope"], "is no group"),
        ([*asked[2:], "--of", "eval_aware"], "run"),
        ([*asked[2:], "--in", "checkpoint=step-7"], "no trajectory has variant=base"),
    ):
        refused = telltale("report", "contrast", *words)
        assert refused.returncode == 2 and told in refused.stderr and len(refused.stderr.splitlines()) == 1
