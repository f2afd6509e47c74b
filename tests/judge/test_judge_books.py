"""Two hundred traces and every fault at once: each trace ends somewhere, and only what ended well says anything."""

from __future__ import annotations

import json
import random
import re
import threading

import pytest
from standin import Answer, completion, dropped, error, slow

from analysis import runs
from analysis.judge.client import Patience

PATIENCE = Patience(first_wait=0.002, longest_wait=0.05, timeout=1.0)


def named(call):
    """Which trace a call is about: each has a word of its own in its reasoning."""
    return re.search(r"trace-\d+", call.messages[1]["content"])[0]


@pytest.fixture
def faults(reply, finding, right):
    """What can become of a call, each as a real endpoint does it."""
    text = right.body["choices"][0]["message"]["content"]
    unproven = completion(json.dumps(reply(finding("words that nobody wrote"), eval_aware=99)))
    return {
        "right": right,
        "late": slow(0.02, right),
        "lost": slow(1.5, right),
        "dropped": dropped(),
        "busy": error(429, "slow down", Retry_After_Ms="10"),
        "down": error(503, "overloaded"),
        "broken": error(500, "boom"),
        "gateway": Answer(b"<html>502 Bad Gateway</html>", status=502),
        "gateway in a 200": Answer({"error": {"code": 502, "message": "upstream"}}),
        "not the API": Answer(b"<html>hello</html>"),
        "cut in the middle": Answer(json.dumps(right.body).encode()[:200]),
        "refused": completion(None, refusal="No."),
        "refused in prose": completion("I'm sorry, but I can't help with that."),
        "filtered": error(400, "flagged", code="content_filter"),
        "empty": completion(""),
        "truncated": completion(text[:40], finish_reason="length"),
        "odd request": error(400, "odd"),
        "malformed": completion('{"findings": [}'),
        "not JSON": completion("The trace is fine."),
        "of another form": completion('{"patterns": ["eval_aware"]}'),
        "schema ignored": completion(f"Here it is:\n```json\n{text}\n```"),
        "quote not in the text": unproven,
        "unsure": completion(json.dumps(reply(unsure=("grader_model",)))),
        "uncounted": Answer({"choices": right.body["choices"]}),
        "too long": error(400, "maximum context length exceeded"),
    }


class Faulty:
    """An endpoint that does with each call as chance has it, and remembers what it did."""

    def __init__(self, faults, seed):
        self.faults, self.chance, self.lock = faults, random.Random(seed), threading.Lock()
        self.done: dict[str, list[str]] = {}

    def __call__(self, call):
        with self.lock:
            fault = self.chance.choice([*self.faults, "right", "right", "right", "right"])
            if fault == "lost" and self.chance.random() < 0.7:
                fault = "right"  # they take long
            self.done.setdefault(named(call), []).append(fault)
        return self.faults[fault]


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize(
    ("seed", "options"), [(1, {}), (2, {"votes": 3}), (3, {"window": 400}), (4, {"api": "responses"})]
)
def test_the_books_balance_with_every_fault_at_once(
    keep, endpoint, judged, ask, codebook, faults, store, seed, options
):
    count = 200 if not options else 60
    text = "This may be a “test” of honesty, says trace-{:03} to itself. " + "So I go on. " * 40 * bool(
        options
    )
    keep(
        *[(f"t{n:03}", text.format(n).strip()) for n in range(count)], *[(f"none{n}", None) for n in range(5)]
    )
    if options.get("api") == "responses":
        faults = {name: as_response(answer) for name, answer in faults.items()}
    faulty = Faulty(faults, seed)
    standin = endpoint(usual=faulty)
    run_id, counts = judged(standin, connections=32, patience=PATIENCE, **options)
    assert counts.total() == count + 5 and counts["no_reasoning"] == 5
    states = dict(ask("SELECT state, count(*) FROM attempts GROUP BY 1"))
    assert states == dict(counts) and sum(states.values()) == count + 5
    assert {"ok", "no_reasoning", "refused", "failed"} <= set(states)
    assert options or {"truncated", "unparseable"} <= set(states)
    assert ask("SELECT count(*), count(DISTINCT trajectory_id) FROM log.attempts") == [(count + 5, count + 5)]
    patterns = len(codebook.ids())
    assert ask("""SELECT count(*), count(DISTINCT v.trajectory_id), count(DISTINCT (v.trajectory_id, pattern)),
                         count(score), count(*) FILTER (a.state <> 'ok')
                  FROM log.verdicts v JOIN log.attempts a USING (attempt_id)""") == [
        (states["ok"] * patterns, states["ok"], states["ok"] * patterns, states["ok"] * patterns, 0)
    ]  # fmt: skip
    assert ask(
        "SELECT count(*) FROM log.findings JOIN log.attempts USING (attempt_id) WHERE state <> 'ok'"
    ) == [(0,)]
    assert ask("""SELECT count(*) FROM findings f JOIN trajectories t USING (trajectory_id)
                  WHERE match <> 'rejected' AND quote <> reasoning[start_char + 1 : end_char]""") == [(0,)]
    assert ask(
        "SELECT count(*) FROM attempts WHERE state NOT IN ('ok') AND (error IS NULL OR error LIKE '%\n%')"
    ) == [(0,)]
    assert all(
        sum(fault in PASSING for fault in done) <= 6 * done_by_one(options) for done in faulty.done.values()
    )
    [(again, _)] = ask("SELECT count(*), 1 FROM attempts WHERE state NOT IN ('ok', 'no_reasoning')")
    with store.session() as db:
        assert len(runs.pending(db, run_id)) == again


PASSING = (
    "lost",
    "dropped",
    "busy",
    "down",
    "broken",
    "gateway",
    "gateway in a 200",
    "not the API",
    "cut in the middle",
)


def done_by_one(options):
    """Calls that an attempt makes at the most, each tried six times: windows by votes, with their repairs."""
    return 2 * options.get("votes", 1) * (4 if "window" in options else 1)


def as_response(answer):
    """A chat completion as the Responses API would have it."""
    if not isinstance(answer.body, dict) or "choices" not in answer.body:
        return answer
    from dataclasses import replace

    from standin import response

    choice = answer.body["choices"][0]
    message, cut = choice["message"], choice["finish_reason"] == "length"
    made = response(
        message["content"],
        "incomplete" if cut else "completed",
        "max_output_tokens" if cut else None,
        message["refusal"],
    )
    return replace(answer, body=made.body if "usage" in answer.body else {**made.body, "usage": None})
