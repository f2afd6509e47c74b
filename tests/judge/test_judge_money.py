"""What a run costs: told beforehand, counted for every attempt, and never more than was allowed."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
import yaml
from click.testing import CliRunner
from standin import Answer, completion, error, slow

from analysis.errors import UserError
from analysis.judge.answers import Usage
from analysis.judge.estimate import estimate
from analysis.judge.prices import DEFAULT_PATH, Price, find_price, read_prices
from commands.tag import runs, tag

PRICE = {"model": "a-judge", "input": 10.0, "output": 100.0, "cached_input": 1.0}
"""Of the stand-in's 100 tokens in, 80 of them cached, and 10 out: 200 + 80 + 1000 millionths of a dollar."""
A_CALL = 0.00128


@pytest.fixture
def priced(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump([PRICE]))
    return path


def traces(count):
    return [
        (f"t{n:03}", f"This may be a “test” of honesty, says trace-{n:03} to itself.") for n in range(count)
    ]


def test_a_price_counts_cached_written_and_plain_tokens_apart():
    price = Price("m", input=10, output=100, cached_input=1, cache_write=20, batch=0.5)
    usage = Usage(input=1000, cached=600, written=100, output=50)
    assert price.cost(usage) == pytest.approx((300 * 10 + 600 * 1 + 100 * 20 + 50 * 100) / 1e6)
    assert price.cost(usage, batch=True) == pytest.approx(price.cost(usage) / 2)
    assert Price("m", 10, 100).cost(usage) == pytest.approx((1000 * 10 + 50 * 100) / 1e6)
    assert price.cost(Usage(input=10, cached=99, output=0)) == pytest.approx(10 / 1e6)


@pytest.mark.parametrize("usage", [Usage(), Usage(input=5), Usage(output=5)])
def test_what_nobody_counted_has_no_cost(usage):
    assert Price("m", 10, 100).cost(usage) is None


def test_the_package_has_examples_each_with_its_source_and_date():
    prices = read_prices(DEFAULT_PATH)
    assert prices
    for price in prices:
        assert price.source and re.fullmatch(r"\d{4}-\d\d-\d\d", price.date or "") and price.base_url
        assert 0 < (price.cached_input or 0) < price.input < price.output


def test_the_named_table_goes_before_the_one_beside_the_store_and_that_before_the_packages(tmp_path):
    beside, named = tmp_path / "prices.yaml", tmp_path / "named.yaml"
    openai, store = "https://api.openai.com/v1", tmp_path
    assert find_price("gpt-5-mini", openai, beside=store).source
    beside.write_text("[{model: 'gpt-5*', input: 1, output: 2}]")
    named.write_text("[{model: gpt-5-mini, input: 3, output: 4}]")
    assert find_price("gpt-5-mini", openai, beside=store).input == 1
    assert find_price("gpt-5-mini", openai, named, store).input == 3
    assert find_price("gpt-5-nano", openai, named, store).input == 1
    assert find_price("qwen3", openai, named, store) is None
    assert find_price("gpt-5.4-mini", "http://localhost:8000/v1") is None  # the examples are of one endpoint


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1", "needs a list"),
        ("- model: m\n  input: 1", "entry 1 needs model, input and output"),
        ("- {model: m, input: -1, output: 1}", "entry 1: `input` must be a number"),
        ("- {model: m, input: 1, output: yes}", "`output` must be a number"),
        ("- {model: m, input: .inf, output: 1}", "`input` must be a number"),
        ("- {model: m, input: 1, output: 1, per: token}", "`per`, which is no key"),
        ("- [", "is no YAML"),
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_place(tmp_path, text, said):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=said) as refused:
        read_prices(path)
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="No such file"):
        find_price("m", "u", tmp_path / "none.yaml")


@pytest.mark.usefixtures("open_store")
def test_every_attempt_keeps_what_its_own_calls_cost(keep, endpoint, judged, ask, right, priced):
    keep(*traces(3))
    standin = endpoint(right, completion("no JSON"), completion("again none"), error(500, "boom"), right)
    judged(standin, prices=priced)
    assert ask("SELECT state, round(cost_usd, 6) FROM attempts ORDER BY trajectory_id") == [
        ("ok", A_CALL), ("unparseable", 2 * A_CALL), ("ok", A_CALL),
    ]  # fmt: skip


@pytest.mark.usefixtures("open_store")
def test_unknown_prices_and_unknown_tokens_are_costs_unknown_and_never_nothing(
    keep, endpoint, judged, ask, right, priced
):
    keep("t1")
    judged(endpoint())
    assert ask("SELECT cost_usd, input_tokens FROM attempts") == [(None, 100)]
    untold = Answer({"choices": right.body["choices"]})
    run_id, _ = judged(endpoint(usual=untold), prices=priced)
    assert ask("SELECT cost_usd FROM attempts WHERE run_id = ?", run_id) == [(None,)]


@pytest.mark.usefixtures("open_store")
def test_prices_are_not_part_of_the_run(keep, endpoint, judged, priced):
    keep("t1")
    standin = endpoint()
    assert judged(standin)[0] == judged(standin, prices=priced, max_cost=1.0)[0]


@pytest.mark.usefixtures("open_store")
def test_a_limit_without_a_price_is_refused_in_one_line(keep, endpoint, judged):
    keep("t1")
    standin = endpoint()
    with pytest.raises(UserError, match="--max-cost: no price is known for a-judge") as refused:
        judged(standin, max_cost=1.0)
    assert standin.calls == [] and "\n" not in str(refused.value)


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize(("limit", "connections"), [(0.0, 1), (2.0, 1), (2.0, 8), (9.0, 8)])
def test_a_limit_is_never_passed_by_more_than_the_calls_in_flight(
    keep, endpoint, judged, ask, right, priced, limit, connections
):
    """Replies four times as dear as any estimate: those under way when the first one comes may pass the limit."""
    keep(*traces(60))
    dear = Answer({**right.body, "usage": {"prompt_tokens": 100, "completion_tokens": 5000}})
    standin = endpoint(usual=slow(0.02, dear))
    _, counts = judged(standin, prices=priced, max_cost=limit, connections=connections)
    [(cost, calls)] = ask("SELECT coalesce(sum(cost_usd), 0), count(*) FROM log.attempts")
    assert calls == len(standin.calls) == counts["ok"] == counts.total() < 60
    assert (calls - connections) * 0.501 <= limit and cost == pytest.approx(calls * 0.501)
    assert limit == 0 or calls > 0
    _, more = judged(standin, prices=priced, max_cost=limit, connections=connections)
    assert more == Counter()  # what the run has cost before counts
    _, rest = judged(standin, prices=priced, connections=8)
    assert rest["ok"] == 60 - counts["ok"] and ask("SELECT count(*) FROM log.attempts") == [(60,)]


@pytest.mark.usefixtures("open_store")
def test_a_limit_is_used_up_to_the_last_call_that_surely_fits(keep, endpoint, judged, ask, priced):
    keep(*traces(100))
    judged(endpoint(), prices=priced, max_cost=0.2, connections=4)
    [(cost,)] = ask("SELECT sum(cost_usd) FROM attempts")
    a_call_at_most = 0.03 + 0.1  # three thousand tokens of prompt, a thousand of reply
    assert 0.2 - a_call_at_most <= cost <= 0.2


@pytest.mark.usefixtures("open_store")
def test_a_reply_that_nobody_counted_is_paid_from_the_limit_as_estimated(
    keep, endpoint, judged, right, priced
):
    keep(*traces(50))
    untold = Answer({"choices": right.body["choices"]})
    _, counts = judged(endpoint(usual=untold), prices=priced, max_cost=1.0)
    assert 5 <= counts["ok"] <= 10


@pytest.mark.usefixtures("open_store")
def test_a_limit_in_the_middle_of_an_attempt_leaves_what_was_paid_for(keep, endpoint, judged, ask, priced):
    keep("t1")
    standin = endpoint(completion("no JSON", usage={"prompt_tokens": 100, "completion_tokens": 1800}))
    _, counts = judged(standin, prices=priced, max_cost=0.3)
    assert counts == Counter(failed=1)  # paid for, and no money left for the repair
    assert ask("SELECT error, cost_usd FROM attempts") == [("the limit of 0.3 USD leaves no call", 0.181)]
    dear = {"prompt_tokens": 100, "completion_tokens": 1800}
    vote = completion(standin.usual.body["choices"][0]["message"]["content"], usage=dear)
    run_id, counts = judged(endpoint(vote), prices=priced, max_cost=0.3, votes=2)
    assert counts == Counter()  # the first vote is kept, the second one has to wait
    assert ask("SELECT round(cost_usd, 6), counted FROM replies WHERE run_id = ?", run_id) == [(0.181, False)]


def test_a_dry_run_asks_nothing_writes_nothing_and_needs_no_key(keep, codebook, tmp_path):
    store = keep(*traces(10), ("none", None))
    found = estimate(store, codebook, "gpt-5-mini", "https://api.openai.com/v1")
    assert (found.to_judge, found.no_reasoning, found.calls) == (10, 1, 10)
    assert 2000 < found.shared_tokens / 10 < found.input_tokens / 10 < 5000
    assert found.output_tokens == 10_000 and "assumed" in found.output_from
    assert found.cost_usd == pytest.approx((found.input_tokens * 0.25 + 10_000 * 2) / 1e6)
    assert found.cost_usd_cached < found.cost_usd
    half = estimate(store, codebook, "gpt-5-mini", "https://api.openai.com/v1", batch=True)
    assert half.cost_usd == pytest.approx(found.cost_usd / 2)
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    unknown = estimate(store, codebook, "my-own", "http://localhost:1/v1")
    assert unknown.cost_usd is None and "unknown" in " ".join(unknown.explained())


@pytest.mark.usefixtures("open_store")
def test_a_dry_run_counts_what_is_left_with_windows_and_votes_and_replies_as_long_as_before(
    keep, endpoint, judged, codebook, store
):
    keep(*traces(4), ("long", "I go on with the plan. " * 1000))
    standin = endpoint()
    run_id, _ = judged(standin, votes=2, window=2000, where="trajectory_id <> 'long'")
    left = estimate(store, codebook, "a-judge", standin.url, votes=2, window=2000)
    assert (left.run, left.to_judge) == (run_id, 1)
    assert left.calls > 4 and left.calls % 2 == 0
    assert left.output_tokens == 10 * left.calls and "the mean of 4 attempts" in left.output_from


@pytest.mark.usefixtures("open_store")
def test_the_estimate_of_tokens_is_of_what_is_really_sent(keep, endpoint, judged, codebook, store):
    keep(*traces(5))
    standin = endpoint()
    expected = estimate(store, codebook, "a-judge", standin.url)
    judged(standin)
    sent = sum(len(m["content"].encode()) for call in standin.calls for m in call.messages)
    assert expected.input_tokens == pytest.approx(sent / 4, rel=0.001)


def test_the_command_says_what_it_would_cost_what_it_cost_and_what_is_left(keep, endpoint, store, priced):
    keep(*traces(30))
    standin = endpoint()

    def judge(*options):
        words = (
            "--tagger",
            "judge",
            "--model",
            "a-judge",
            "--base-url",
            standin.url,
            "--prices",
            str(priced),
        )
        done = CliRunner().invoke(
            tag, [*words, *options, "--json", "--db", str(store.path)], standalone_mode=False
        )
        assert done.exception is None
        return done.return_value, json.loads(done.stdout)[0], done.stderr

    code, row, told = judge("--dry-run")
    assert code == 0 and row["calls"] == 30 and row["cost_usd"] > row["cost_usd_cached"] > 0
    assert "a token for every 4 bytes" in told and "assumed" in told and "your own price table" in told
    assert standin.calls == []
    code, row, told = judge("--max-cost", "0.15", "--connections", "1")
    assert code == 1 and "stopped before --max-cost 0.15 was passed" in told
    assert 0 < row["ok"] < 30 and row["left"] == 30 - row["ok"] and row["cost_usd"] <= 0.15
    code, row, told = judge()
    assert (code, row["left"], told) == (0, 0, "") and row["cost_usd"] == pytest.approx(30 * A_CALL)
    [listed] = json.loads(
        CliRunner().invoke(runs, ["--json", "--db", str(store.path)], standalone_mode=False).stdout
    )
    assert listed["ok"] == 30 and listed["cost_usd"] == pytest.approx(30 * A_CALL)


def test_the_command_refuses_what_makes_no_sense_in_one_line(keep, store):
    keep("t1")
    judge = ("--tagger", "judge", "--model", "a-judge", "--base-url", "http://localhost:1/v1")
    for options, said in (
        ((*judge, "--max-cost", "1"), "no price is known"),
        ((*judge, "--votes", "0"), "--votes"),
        ((*judge, "--window", "3"), "--window"),
        ((*judge, "--repeat", "0"), "--repeat"),
        ((*judge, "--connections", "0"), "--connections"),
        ((*judge, "--setting", "reasoning_effort"), "KEY=VALUE"),
        ((*judge, "--setting", "messages=[]"), "--setting messages"),
        ((*judge, "--prompt", "none.md"), "none.md"),
        ((*judge, "--prices", "none.yaml"), "none.yaml"),
        (("--model", "a-judge"), "--tagger judge"),
    ):
        done = CliRunner().invoke(tag, [*options, "--db", str(store.path)])
        assert isinstance(done.exception, UserError), options
        assert said in str(done.exception) and "\n" not in str(done.exception)


def test_a_dry_run_of_the_cues_counts_and_writes_nothing(keep, store):
    keep(*traces(3))
    dry = CliRunner().invoke(tag, ["--dry-run", "--json", "--db", str(store.path)], standalone_mode=False)
    [row] = json.loads(dry.stdout)
    assert row["to_tag"] == 3
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone() == (0,)
    done = CliRunner().invoke(tag, ["--json", "--db", str(store.path)], standalone_mode=False)
    assert json.loads(done.stdout)[0] == {"run": row["run"], "tagged": 3, "ok": 3}
