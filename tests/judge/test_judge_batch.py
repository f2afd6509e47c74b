"""Calls in batches: written, handed over, found again after any stop, collected, and paid for once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from batch_desk import BatchDesk
from click.testing import CliRunner
from standin import completion, error, response

from analysis.errors import UserError
from analysis.judge import batch_files, batching
from commands.tag import tag

ROOT = Path(__file__).parents[2]
KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def no_long_looks(monkeypatch):
    monkeypatch.setattr(batching, "POLL_SECONDS", 0.01)


@pytest.fixture
def desk(right):
    return BatchDesk(right)


def named(call):
    """Which trace a call is about: each has a word of its own in its reasoning."""
    return next(word for word in call.messages[1]["content"].split() if word.startswith("trace-"))


def traces(count):
    return [
        (f"t{n:03}", f"This may be a “test” of honesty, says trace-{n:03} to itself.") for n in range(count)
    ]


def paths(standin):
    return Counter(
        f"{call.method} {call.path.partition('?')[0].removeprefix('/v1')}" for call in standin.calls
    )


def direct(standin):
    """Calls that were no part of a batch."""
    return [call for call in standin.calls if call.path.endswith(("/completions", "/responses"))]


@pytest.mark.usefixtures("open_store")
def test_a_batch_is_judged_as_calls_are(keep, endpoint, judged, ask, desk):
    keep(*traces(5), ("none", None), ("blank", " "))
    standin = endpoint(usual=desk)
    told = []
    run_id, counts = judged(standin, batch=True, progress=lambda *both: told.append(both))
    assert counts == Counter(ok=5, no_reasoning=2)
    assert sorted(map(named, desk.requests)) == [f"trace-{n:03}" for n in range(5)] and not direct(standin)
    assert ask("SELECT verdict, count(*) FROM verdicts WHERE pattern = 'eval_aware' GROUP BY 1") == [
        ("present", 5)
    ]
    assert ask("SELECT sum(input_tokens), sum(cached_tokens), sum(output_tokens) FROM attempts") == [
        (500, 400, 50)
    ]
    assert ask("SELECT state, count(*) FROM log.batches GROUP BY 1 ORDER BY 1") == [
        ("collected", 1), ("prepared", 1), ("submitted", 1),
    ]  # fmt: skip
    assert told[-1] == (7, 7) and told == sorted(told)
    again, nothing = judged(standin, batch=True)
    assert (again, nothing, len(desk.batches)) == (run_id, Counter(), 1)
    assert judged(standin)[0] == run_id  # a batch is a way to send calls, and no other run


@pytest.mark.usefixtures("open_store")
def test_the_lines_of_a_batch_are_calls_with_names_that_tell_nothing(keep, endpoint, judged, codebook, desk):
    keep(*traces(3))
    standin = endpoint(usual=desk)
    judged(standin, batch=True, settings={"reasoning_effort": "low"}, key=KEY)
    upload = next(call for call in standin.calls if call.path == "/v1/files")
    assert all(call.headers["authorization"] == f"Bearer {KEY}" for call in standin.calls)
    lines = [json.loads(line) for line in upload.body.splitlines() if line.startswith(b'{"custom_id"')]
    assert len(lines) == 3 and KEY not in upload.body.decode()
    for line in lines:
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        assert line["body"]["response_format"]["json_schema"]["strict"] is True
        assert line["body"]["reasoning_effort"] == "low"
        assert "t00" not in line["custom_id"] and len(line["custom_id"]) <= 64
    systems = {line["body"]["messages"][0]["content"] for line in lines}
    assert len(systems) == 1


@pytest.mark.usefixtures("open_store")
def test_a_batch_of_responses(keep, endpoint, judged, reply, finding):
    keep(*traces(3))
    desk = BatchDesk(response(json.dumps(reply(finding()))))
    _, counts = judged(endpoint(usual=desk), batch=True, api="responses")
    assert counts == Counter(ok=3)
    assert {call.path for call in desk.requests} == {"/v1/responses"}


@pytest.mark.usefixtures("open_store")
def test_a_file_holds_no_more_than_the_limits_and_all_calls_of_a_trace(
    keep, endpoint, judged, desk, monkeypatch
):
    keep(*traces(7))
    monkeypatch.setattr(batch_files, "MOST_REQUESTS", 5)
    _, counts = judged(endpoint(usual=desk), batch=True, votes=2)
    assert counts == Counter(ok=7)
    assert [b["request_counts"]["total"] for b in desk.batches.values()] == [4, 4, 4, 2]


@pytest.mark.usefixtures("open_store")
def test_a_file_is_no_larger_than_the_limit(keep, endpoint, judged, desk, monkeypatch):
    keep(*traces(6))
    standin = endpoint(usual=desk)
    monkeypatch.setattr(batch_files, "MOST_BYTES", 40_000)
    judged(standin, batch=True)
    uploads = [len(call.body) for call in standin.calls if call.path == "/v1/files"]
    assert len(uploads) >= 2 and max(uploads) < 41_000


ENDINGS = {
    0: (completion(None, refusal="I can't judge this."), "refused"),
    1: (completion(""), "refused"),
    2: (completion('{"findings": [', finish_reason="length"), "truncated"),
    3: (completion("no JSON"), "unparseable"),
    4: (error(400, "odd"), "failed"),
    5: (error(400, "filtered", code="content_filter"), "refused"),
    6: (error(500, "boom"), "failed"),
    7: (error(404, "The model does not exist"), "failed"),
}


@pytest.mark.usefixtures("open_store")
def test_the_books_of_a_batch_balance_whatever_its_lines_say(keep, endpoint, judged, ask, right):
    keep(*traces(10))

    def usual(call):
        return ENDINGS.get(int(named(call)[-3:]), (right, "ok"))[0]

    desk = BatchDesk(usual)
    standin = endpoint(usual=desk)
    _, counts = judged(standin, batch=True)
    assert counts == Counter([state for _, state in ENDINGS.values()] + ["ok"] * 2)
    assert dict(ask("SELECT state, count(*) FROM attempts GROUP BY 1")) == dict(counts)
    assert ask("SELECT count(DISTINCT trajectory_id) FROM verdicts") == [(2,)]
    assert Counter(map(named, desk.requests))["trace-006"] == batching.ROUNDS  # what may pass is tried again
    assert len(desk.requests) == 10 + batching.ROUNDS - 1
    assert Counter(map(named, direct(standin))) == {"trace-003": 1}  # the repair


@pytest.mark.usefixtures("open_store")
def test_a_reply_that_cant_be_read_is_repaired_by_a_call(keep, endpoint, judged, ask, right):
    keep(*traces(3))
    desk = BatchDesk(lambda call: right if len(call.messages) > 2 else completion('{"findings": []}'))
    standin = endpoint(usual=desk)
    _, counts = judged(standin, batch=True)
    assert counts == Counter(ok=3) and len(direct(standin)) == 3
    assert ask("SELECT DISTINCT input_tokens FROM attempts") == [(200,)]


@pytest.mark.usefixtures("open_store")
def test_what_a_batch_did_not_get_done_goes_into_the_next_one(keep, endpoint, judged, ask, desk):
    keep(*traces(6))
    late = {"trace-001", "trace-004"}

    def unfinished(call):
        return named(call) in late and not late.discard(named(call))

    desk.unfinished, desk.status = unfinished, "expired"
    standin = endpoint(usual=desk)
    _, counts = judged(standin, batch=True)
    assert counts == Counter(ok=6) and not direct(standin)
    assert [b["request_counts"]["total"] for b in desk.batches.values()] == [6, 2]
    assert ask("SELECT state, count(*) FROM log.attempts GROUP BY 1 ORDER BY 1") == [("failed", 2), ("ok", 6)]


@pytest.mark.usefixtures("open_store")
def test_votes_that_came_are_not_asked_for_again_by_the_next_batch(keep, endpoint, judged, ask, desk):
    keep(*traces(2))
    seen = Counter()

    def unfinished(call):
        seen[named(call)] += 1
        return named(call) == "trace-001" and seen["trace-001"] == 2

    desk.unfinished = unfinished
    _, counts = judged(endpoint(usual=desk), batch=True, votes=3)
    assert counts == Counter(ok=2)
    assert [b["request_counts"]["total"] for b in desk.batches.values()] == [6, 1]
    assert len(desk.requests) == 6
    assert ask("SELECT sum(input_tokens) FROM log.attempts") == [(600,)]


@pytest.mark.usefixtures("open_store")
def test_a_batch_that_was_cancelled_is_collected_and_not_sent_again(keep, endpoint, judged, desk):
    keep(*traces(4))
    desk.unfinished, desk.status = lambda call: named(call) == "trace-002", "cancelled"
    _, counts = judged(endpoint(usual=desk), batch=True)
    assert counts == Counter(ok=3, failed=1) and len(desk.batches) == 1


@pytest.mark.usefixtures("open_store")
def test_a_call_that_is_too_long_for_a_batch_is_asked_in_windows(keep, endpoint, judged, ask, right):
    keep(("t1", "trace-000 goes on with the plan. " * 300))

    def usual(call):
        return error(400, "maximum context length exceeded") if len(call.body) > 20_000 else right

    standin = endpoint(usual=BatchDesk(usual))
    _, counts = judged(standin, batch=True)
    assert counts == Counter(ok=1)
    assert ask("SELECT windows > 1 FROM attempts") == [(True,)] and len(direct(standin)) > 1


@pytest.mark.usefixtures("open_store")
def test_an_endpoint_without_structured_output_gets_the_next_form_in_the_next_batch(
    keep, endpoint, judged, right
):
    keep(*traces(3))

    def usual(call):
        form = (call.json.get("response_format") or {}).get("type")
        return error(400, "response_format is not supported", param="response_format") if form else right

    desk = BatchDesk(usual)
    _, counts = judged(endpoint(usual=desk), batch=True)
    assert counts == Counter(ok=3) and len(desk.batches) == 3


@pytest.mark.usefixtures("open_store")
def test_a_batch_that_the_endpoint_does_not_take_is_told_and_can_be_sent_again(
    keep, endpoint, judged, ask, desk
):
    keep(*traces(2))
    desk.status, desk.errors = "failed", ["Enqueued token limit reached"]
    standin = endpoint(usual=desk)
    with pytest.raises(UserError, match="did not take the batch: Enqueued token limit reached"):
        judged(standin, batch=True)
    assert ask("FROM log.attempts") == []
    desk.status = "completed"
    _, counts = judged(standin, batch=True)
    assert counts == Counter(ok=2)


@pytest.mark.usefixtures("open_store")
def test_batches_that_an_endpoint_takes_one_after_the_other_are_sent_so(
    keep, endpoint, judged, ask, desk, monkeypatch
):
    keep(*traces(12))
    monkeypatch.setattr(batch_files, "MOST_REQUESTS", 2)
    desk.alone = True
    _, counts = judged(endpoint(usual=desk), batch=True)
    assert counts == Counter(ok=12) and len(desk.requests) == 12
    assert ask("SELECT count(*) FROM log.attempts") == [(12,)]
    assert dict(ask("SELECT state, count(*) FROM batches GROUP BY 1")) == {"collected": 6, "dropped": 15}


@pytest.mark.usefixtures("open_store")
def test_a_file_that_is_no_longer_kept_is_a_batch_that_was_not_done(keep, endpoint, judged, desk):
    keep(*traces(3))

    def forgetful(call):
        gone = call.path.endswith("/content") and len(desk.batches) == 1
        return error(404, "no such file") if gone else desk(call)

    _, counts = judged(endpoint(usual=forgetful), batch=True)
    assert counts == Counter(ok=3) and len(desk.batches) == 2


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize(
    "answer", [error(404, "Not Found"), error(405, "Method Not Allowed"), completion("Hello!")]
)
def test_an_endpoint_without_batches_is_told_in_one_line(keep, endpoint, judged, answer):
    keep(*traces(1))
    with pytest.raises(UserError, match="has no batch interface") as refused:
        judged(endpoint(usual=answer), batch=True)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize("path", ["/files", "/batches", "/batches/batch0"])
def test_an_answer_that_is_lost_on_its_way_makes_no_second_batch(keep, endpoint, judged, desk, path):
    keep(*traces(3))
    desk.lose.append(path)
    _, counts = judged(endpoint(usual=desk), batch=True)
    assert counts == Counter(ok=3) and len(desk.batches) == 1


@pytest.mark.usefixtures("open_store")
def test_while_a_batch_is_under_way_its_traces_are_not_asked_about_by_calls(
    keep, endpoint, judged, ask, desk
):
    keep(*traces(3))
    desk.looks = 10**6
    standin = endpoint(usual=desk)

    def stop(*_):
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        judged(standin, batch=True, progress=stop)
    assert ask("SELECT state FROM batches") == [("submitted",)]
    with pytest.raises(UserError, match="the same command with --batch"):
        judged(standin)
    keep(*[(f"more{n}", f"A test, says trace-10{n} here.") for n in range(2)])
    for batch in desk.batches.values():
        batch["looks"] = 0
    desk.looks = 0
    _, counts = judged(standin, batch=True)
    assert counts == Counter(ok=5)
    assert [b["request_counts"]["total"] for b in desk.batches.values()] == [3, 2]


@pytest.mark.usefixtures("open_store")
def test_a_batch_that_the_endpoint_has_forgotten_is_dropped(keep, endpoint, judged, ask, desk):
    keep(*traces(2))
    desk.looks = 10**6
    standin = endpoint(usual=desk)
    with pytest.raises(KeyboardInterrupt):
        judged(standin, batch=True, progress=lambda *_: os.kill(os.getpid(), signal.SIGINT))
    desk.batches.clear()
    desk.looks = 0
    judged(standin, batch=True)
    assert ask("SELECT state FROM batches") == [("dropped",)]
    _, counts = judged(standin, batch=True)
    assert counts == Counter(ok=2)


@pytest.mark.usefixtures("open_store")
def test_a_batch_costs_what_the_table_says_and_stays_within_the_limit(
    keep, endpoint, judged, ask, desk, tmp_path
):
    keep(*traces(20))
    prices = tmp_path / "mine.yaml"
    prices.write_text("[{model: a-judge, input: 10, output: 100, cached_input: 1, batch: 0.5}]")
    _, counts = judged(endpoint(usual=desk), batch=True, prices=prices, max_cost=0.3)
    assert 0 < counts["ok"] == len(desk.requests) < 20  # as many as surely fit, at about 6 cents each
    assert ask("SELECT DISTINCT round(cost_usd, 6) FROM attempts") == [(0.00064,)]
    assert ask("SELECT expected_usd <= 0.3 FROM batches") == [(True,)]


KILLED = """
import os, signal, sys
from analysis import codebook
from analysis.judge import batch_api, batches, batching
from analysis.judge.client import Patience
from analysis.judge.running import tag_with_judge
from analysis.store import Store

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at(moment):
    note = batches.note
    if moment == "prepared":
        batch_api.BatchApi.submit = die
    elif moment == "waiting":
        batch_api.BatchApi.state = die
    else:
        last = {"created": "submitted", "collecting": "collected"}[moment]
        batches.note = lambda db, run, batch, state: die() if state == last else note(db, run, batch, state)

batching.POLL_SECONDS = 0.05
patience, book = Patience(first_wait=0.01, longest_wait=0.05), codebook.load()
for line in sys.stdin:  # a process of its own for each line, without loading everything again
    store, url, moment = line.split()
    pid = os.fork()
    if pid == 0:
        die_at(moment)
        tag_with_judge(Store(store), book, "a-judge", url, batch=True, patience=patience)
        os._exit(0)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


@pytest.fixture(scope="module")
def killed():
    """Judge in batches in a process that kills itself at a moment; how it ended."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
    ) as parent:

        def run(store, url, moment):
            parent.stdin.write(f"{store.path} {url} {moment}\n")
            parent.stdin.flush()
            return int(parent.stdout.readline())

        yield run


@pytest.mark.parametrize("moment", ["prepared", "created", "waiting", "collecting"])
def test_a_batch_is_found_again_after_a_kill_at_any_step_and_nothing_is_paid_for_twice(
    keep, endpoint, judged, ask, store, right, killed, moment
):
    keep(*traces(20))
    refusing = completion(None, refusal="No.")
    desk = BatchDesk(lambda call: refusing if named(call) == "trace-007" else right)
    standin = endpoint(usual=desk)
    assert killed(store, standin.url, moment) == signal.SIGKILL
    assert len(desk.batches) == (0 if moment == "prepared" else 1)
    before = ask("SELECT count(*) FROM log.attempts")[0][0]
    _, counts = judged(standin, batch=True)
    assert before == (20 if moment == "collecting" else 0)
    assert ask("SELECT count(*) FROM attempts WHERE state = 'ok'") == [(19,)]
    assert ask("SELECT count(*), count(DISTINCT (trajectory_id, pattern)) FROM log.verdicts") == [
        (19 * 14, 19 * 14)
    ]
    asked = Counter(map(named, desk.requests))
    assert all(count == 1 for name, count in asked.items() if name != "trace-007")
    assert asked["trace-007"] == 1
    assert counts == (Counter() if moment == "collecting" else Counter(ok=19, refused=1))


def test_the_command_waits_for_a_batch(keep, endpoint, store, desk):
    keep(*traces(3))
    judge = (
        "--tagger",
        "judge",
        "--model",
        "a-judge",
        "--base-url",
        endpoint(usual=desk).url,
        "--json",
        "--batch",
    )
    done = CliRunner().invoke(tag, [*judge, "--db", str(store.path)], standalone_mode=False)
    assert done.return_value == 0 and json.loads(done.stdout)[0]["ok"] == 3
