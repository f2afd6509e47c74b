"""Every way in which a call can end is kept as an attempt, and only a good one says anything of a pattern."""

from __future__ import annotations

import json
import re
import time
from collections import Counter

import pytest
from standin import Answer, completion, dropped, error, slow

from analysis.judge.client import Patience

pytestmark = pytest.mark.usefixtures("open_store")
PROSE = "Here is my judgement.\n```json\n{}\n```\nI hope that it helps."


ENDINGS = [
    (completion(None, refusal="I can't judge this."), "refused", "I can't judge this."),
    (completion("I’m sorry, I can’t help with that."), "refused", "I’m sorry, I can’t help with that."),
    (completion(""), "refused", "the reply is empty"),
    (completion(None), "refused", "the reply is empty"),
    (completion(None, finish_reason="content_filter"), "refused", "content filter"),
    (error(400, "The response was filtered", code="content_filter"), "refused", "content filter"),
    (error(403, "Your input was flagged"), "refused", "content filter"),
    (completion('{"findings": [', finish_reason="length"), "truncated", "length limit"),
    (completion(None, finish_reason="length"), "truncated", "length limit"),
    (error(500, "boom"), "failed", "500: boom (6 tries)"),
    (error(429, "slow down"), "failed", "429: slow down (6 tries)"),
    (error(400, "maximum context length exceeded"), "failed", "400: maximum context length exceeded"),
    (error(413, "too large"), "failed", "413: too large"),
    (completion("The trace is fine."), "unparseable", "after a repair: it holds no JSON object"),
    (completion('{"findings": [}'), "unparseable", "not valid JSON"),
    (completion('{"findings": []}'), "unparseable", "`unsure` is missing"),
    (completion("[]"), "unparseable", "not an object"),
]  # fmt: skip
"""What an endpoint does with a call, the state that the attempt ends in, and what its error says."""


def attempts(ask):
    return ask("SELECT trajectory_id, state, error FROM attempts ORDER BY ALL")


def test_a_good_reply_becomes_a_verdict_for_every_pattern_and_a_finding_that_stands(
    keep, endpoint, judged, ask, codebook
):
    keep("t1")
    run_id, counts = judged(endpoint())
    assert counts == Counter(ok=1)
    assert ask("SELECT pattern, verdict, score FROM verdicts WHERE verdict <> 'absent'") == [
        ("eval_aware", "present", 80.0)
    ]
    absent = ask("SELECT count(*), min(score), max(score) FROM verdicts WHERE verdict = 'absent'")
    assert absent == [(len(codebook.ids()) - 1, 3.0, 3.0)]
    [(quote, match, stance, role, attributes, why)] = ask(
        "SELECT quote, match, stance, role, attributes, why FROM findings"
    )
    assert (quote, match, stance, role) == ("may be a “test” of honesty", "exact", "entertains", "weighed")
    assert json.loads(attributes) == {"purpose": "safety"}
    assert why == "It suspects a test."
    assert ask(
        "SELECT reasoning[start_char + 1 : end_char] FROM findings JOIN trajectories USING (trajectory_id)"
    ) == [(quote,)]
    assert ask("SELECT run_id, tagger, model FROM runs") == [(run_id, "judge", "a-judge")]


def named(call):
    """Which trace a call is about: each has a word of its own in its reasoning."""
    return int(re.search(r"trace-(\d+)", call.messages[1]["content"])[1])


def traces(count):
    return [(f"t{n:02}", f"This may be a “test” of honesty, says trace-{n} to itself.") for n in range(count)]


def test_whatever_else_comes_is_missing_and_never_absent(keep, endpoint, judged, ask):
    keep(*traces(len(ENDINGS)))
    _, counts = judged(endpoint(usual=lambda call: ENDINGS[named(call)][0]), connections=8)
    assert counts == Counter(state for _, state, _ in ENDINGS)
    for (_, state, said), (_, kept, why) in zip(ENDINGS, attempts(ask), strict=True):
        assert (kept, said in why) == (state, True), why
        assert "\n" not in why
    assert ask("FROM log.verdicts") == ask("FROM log.findings") == []


def test_what_has_no_reasoning_is_kept_as_such_without_a_call(keep, endpoint, judged, ask):
    keep(("none", None), ("blank", " \n "), "t1")
    standin = endpoint()
    _, counts = judged(standin)
    assert counts == Counter(ok=1, no_reasoning=2)
    assert len(standin.calls) == 1
    assert ask("SELECT DISTINCT trajectory_id FROM verdicts") == [("t1",)]


def test_the_books_balance_whatever_happens(keep, endpoint, judged, ask, right):
    names = [f"t{n:02}" for n in range(12)]
    keep(*names, ("none", None))
    endings = [
        completion(None, refusal="No."), completion("no JSON"), completion("still none"), right,
        error(500, "boom"), right, completion("{", finish_reason="length"), dropped(), right, completion(""),
    ]  # fmt: skip
    _, counts = judged(endpoint(*endings), connections=4)
    assert counts.total() == 13
    assert dict(ask("SELECT state, count(*) FROM attempts GROUP BY 1")) == dict(counts)
    assert ask("SELECT count(DISTINCT trajectory_id) FROM attempts") == [(13,)]
    judged_ones = ask("SELECT count(*) FROM attempts WHERE state = 'ok'")
    assert ask("SELECT count(DISTINCT trajectory_id) FROM verdicts") == judged_ones


def test_a_reply_of_the_wrong_form_is_sent_back_once_with_what_is_wrong(keep, endpoint, judged, ask, right):
    keep("t1")
    standin = endpoint(completion('{"findings": [], "unsure": ["boredom"], "scores": {}}'))
    _, counts = judged(standin)
    assert counts == Counter(ok=1)
    first, second = standin.calls
    assert second.messages[:2] == first.messages
    assert second.messages[2]["role"] == "assistant"
    assert "boredom" in second.messages[2]["content"]
    assert '"boredom" is none of hint_decode' in second.messages[3]["content"]
    [(_, state, note)] = attempts(ask)
    assert state == "ok" and note.startswith('repaired: unsure: "boredom"')


def test_what_all_calls_of_an_attempt_used_is_added_up(keep, endpoint, judged, ask):
    keep("t1")
    judged(endpoint(completion("no JSON"), error(500, "boom")))
    assert ask("SELECT input_tokens, cached_tokens, output_tokens, seconds > 0 FROM attempts") == [
        (200, 160, 20, True)
    ]


def test_an_endpoint_that_counts_nothing_leaves_tokens_unknown(keep, endpoint, judged, ask, right):
    keep("t1")
    judged(endpoint(usual=Answer({"choices": right.body["choices"]})))
    assert ask("SELECT state, input_tokens, cached_tokens, output_tokens FROM attempts") == [
        ("ok", None, None, None)
    ]


PASSING = [
    error(429, "slow down"), error(500, "boom"), error(503, "busy"), error(408, "late"), dropped(),
    Answer(b"<html>bad gateway</html>"), Answer({"error": {"code": 502, "message": "upstream"}}),
    completion("half", finish_reason="error"),
]  # fmt: skip


def test_passing_trouble_is_tried_again_up_to_six_times(keep, endpoint, judged, right):
    tried = Counter()

    def sixth_time_right(call):
        tried[named(call)] += 1
        return right if tried[named(call)] == 6 else PASSING[named(call)]

    keep(*traces(len(PASSING)))
    _, counts = judged(endpoint(usual=sixth_time_right), connections=len(PASSING))
    assert counts == Counter(ok=len(PASSING))
    assert set(tried.values()) == {6}


def test_one_trace_that_breaks_the_connection_does_not_stop_the_others(keep, endpoint, judged, right):
    keep(*[f"t{n}" for n in range(5)], ("bad", "Kaboom."))
    standin = endpoint(usual=lambda call: dropped() if b"Kaboom" in call.body else right)
    _, counts = judged(standin, connections=2)
    assert counts == Counter(ok=5, failed=1)


def test_a_slow_call_is_given_up_and_tried_again(keep, endpoint, judged, right):
    keep("t1")
    standin = endpoint(slow(9, right))
    started = time.monotonic()
    _, counts = judged(standin, patience=Patience(first_wait=0.01, timeout=1))
    assert counts == Counter(ok=1)
    assert len(standin.calls) == 2 and time.monotonic() - started < 8


@pytest.mark.parametrize("header", [{"Retry_After": "1"}, {"Retry_After_Ms": "400"}])
def test_an_endpoint_that_says_when_to_come_back_is_obeyed(keep, endpoint, judged, header):
    keep("t1")
    standin = endpoint(error(429, "slow down", **header))
    judged(standin, patience=Patience(first_wait=0.001))
    first, second = standin.calls
    assert second.at - first.at >= (1 if "Retry_After" in header else 0.4)


def test_no_wait_is_longer_than_the_limit(keep, endpoint, judged):
    keep("t1")
    standin = endpoint(error(429, "come back tomorrow", Retry_After="86400"))
    _, counts = judged(standin)
    assert counts == Counter(ok=1)


def test_waits_grow_differ_and_are_limited():
    patience = Patience(first_wait=1, longest_wait=60)
    waits = [[patience.wait(tried, None) for tried in range(1, 12)] for _ in range(20)]
    assert all(2 ** (n - 1) / 2 <= row[n - 1] <= 2 ** (n - 1) for row in waits for n in range(1, 6))
    assert max(map(max, waits)) <= 60
    assert len({row[0] for row in waits}) > 1
    assert patience.wait(1, 30) == 30


def test_an_error_in_the_code_fails_that_trace_only(keep, endpoint, judged, ask, monkeypatch):
    from analysis.judge import judging

    keep("t1", "t2")
    right = judging.check_quotes
    calls = iter([True, False])

    def once(*arguments):
        if next(calls):
            raise ValueError("two\nlines")
        return right(*arguments)

    monkeypatch.setattr(judging, "check_quotes", once)
    _, counts = judged(endpoint())
    assert counts == Counter(ok=1, failed=1)
    assert ask("SELECT error FROM attempts WHERE state = 'failed'") == [("ValueError: two lines",)]


def test_prose_and_a_fence_around_the_object_do_no_harm(keep, endpoint, judged, right):
    keep("t1")
    text = right.body["choices"][0]["message"]["content"]
    standin = endpoint(usual=completion(PROSE.replace("{}", text)))
    _, counts = judged(standin)
    assert counts == Counter(ok=1)
    assert len(standin.calls) == 1
