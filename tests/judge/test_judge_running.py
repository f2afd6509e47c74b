"""A run: so many calls at once, nothing judged twice, nothing lost, and the judge is blind."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from standin import completion, error, slow

from analysis import runs
from analysis.errors import StoreBusy, UserError
from analysis.judge import cases, running
from analysis.trajectories import Message

ROOT = Path(__file__).parents[2]


def named(call):
    """Which trace a call is about: each has a word of its own in its reasoning."""
    return next(word for word in call.messages[1]["content"].split() if word.startswith("trace-"))


def traces(count, start=0):
    text = "This may be a “test” of honesty, says trace-{:03} to itself."
    return [(f"t{n:03}", text.format(n)) for n in range(start, start + count)]


@pytest.mark.usefixtures("open_store")
def test_the_same_command_again_does_nothing_again(keep, endpoint, judged, ask):
    keep(*traces(3), ("none", None))
    standin = endpoint()
    run_id, counts = judged(standin)
    again, nothing = judged(standin)
    assert again == run_id and len(standin.calls) == 3
    assert counts == Counter(ok=3, no_reasoning=1) and nothing == Counter()


@pytest.mark.usefixtures("open_store")
def test_what_did_not_end_well_and_what_is_new_is_done_by_the_same_command(keep, endpoint, judged, ask):
    keep(*traces(3))
    standin = endpoint(completion(""), error(400, "odd"))
    run_id, counts = judged(standin)
    assert counts == Counter(refused=1, failed=1, ok=1)
    keep(*traces(2, start=3))
    again, counts = judged(standin)
    assert again == run_id and counts == Counter(ok=4)
    assert ask("SELECT state, count(*) FROM attempts GROUP BY 1") == [("ok", 5)]
    assert ask("SELECT count(*) FROM log.attempts") == [(7,)]


@pytest.mark.usefixtures("open_store")
def test_another_model_endpoint_setting_or_prompt_is_another_run(keep, endpoint, judged, tmp_path):
    keep(*traces(1))
    one, two = endpoint(), endpoint()
    prompt = tmp_path / "mine.md"
    prompt.write_text((ROOT / "analysis/judge/prompt.md").read_text().replace("judge-2", "mine-1"))
    made = [
        judged(one)[0],
        judged(one, model="another")[0],
        judged(two)[0],
        judged(one, settings={"temperature": 1.0})[0],
        judged(one, prompt=prompt)[0],
        judged(one, connections=3)[0],
    ]
    assert len(set(made[:5])) == 5
    assert made[5] == made[0]


@pytest.mark.usefixtures("open_store")
def test_a_repeat_is_a_run_of_its_own_that_is_found_from_any_other(keep, endpoint, judged, store):
    keep(*traces(2))
    standin = endpoint()
    third, first, second = (judged(standin, repeat=number)[0] for number in (3, 1, 2))
    another, _ = judged(standin, settings={"temperature": 1.0})
    assert len(standin.calls) == 8
    with store.session() as db:
        assert all(runs.repeats_of(db, run) == [first, second, third] for run in (first, second, third))
        assert runs.repeats_of(db, another) == [another]


@pytest.mark.usefixtures("open_store")
def test_a_run_says_what_it_was_made_with(keep, endpoint, judged, ask, codebook):
    keep(*traces(1))
    standin = endpoint()
    judged(standin, settings={"temperature": 0.5})
    [(config, revision)] = ask("SELECT config, codebook_revision FROM runs")
    config = json.loads(config)
    assert config["prompt"]["version"] == "judge-2" and len(config["prompt"]["sha256"]) == 64
    assert config["base_url"] == standin.url
    assert config["settings"] == {"temperature": 0.5}
    assert (config["codebook_sha256"], revision) == (codebook.sha256, codebook.revision)


@pytest.mark.usefixtures("open_store")
def test_a_run_that_was_stopped_before_it_judged_anything_is_not_what_reports_are_about(
    keep, endpoint, judged, store
):
    keep(*traces(1))
    run_id, _ = judged(endpoint())
    with pytest.raises(UserError, match="401"):
        judged(endpoint(usual=error(401, "who are you")))
    with store.session() as db:
        assert runs.choose(db, None) == run_id


@pytest.mark.usefixtures("open_store")
def test_only_the_trajectories_of_the_condition_are_judged(keep, endpoint, judged):
    keep(*traces(5))
    _, counts = judged(endpoint(), where="trajectory_id < 't002'")
    assert counts == Counter(ok=2)


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize("where", ["checkpoint =", "no_such_column = 1", "no_such_function(1)", "1 = 'x'"])
def test_a_condition_that_is_no_sql_is_refused_with_one_line(keep, endpoint, judged, where):
    keep(*traces(1))
    with pytest.raises(UserError, match="--where: ") as refused:
        judged(endpoint(), where=where)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("connections", [0, 1001])
def test_a_number_of_connections_that_makes_no_sense_is_refused(judged, connections):
    with pytest.raises(UserError, match="from 1 to 1000"):
        judged("http://localhost:1", connections=connections)


@pytest.mark.usefixtures("open_store")
def test_as_many_calls_are_under_way_as_asked_for_and_no_more(keep, endpoint, judged, right):
    keep(*traces(40))
    eight = threading.Barrier(8, timeout=10)

    def wait_for_seven_others(call):
        eight.wait()
        return right

    standin = endpoint(usual=wait_for_seven_others)
    _, counts = judged(standin, connections=8)
    assert counts == Counter(ok=40)
    assert standin.busiest == 8
    assert sorted(map(named, standin.calls)) == [f"trace-{n:03}" for n in range(40)]


@pytest.mark.usefixtures("open_store")
def test_few_trajectories_are_held_at_a_time(keep, endpoint, judged, right, monkeypatch):
    monkeypatch.setattr(cases, "READ_AHEAD", 4)
    read: list[tuple[int, int]] = []
    standin = endpoint(usual=slow(0.01, right))
    fetch = cases.read_cases

    def counted(ledger, places):
        read.append((len(places), len(standin.calls)))
        return fetch(ledger, places)

    monkeypatch.setattr(cases, "read_cases", counted)
    keep(*traces(40))
    judged(standin, connections=1)
    assert all(size <= 4 for size, _ in read)
    done = 0
    for size, calls in read:
        assert (
            done - calls <= 4 + 2
        )  # what was read before and has not been asked for: the queue and one batch
        done += size


@pytest.mark.usefixtures("open_store")
def test_progress_is_told_after_each_commit_and_ends_at_the_total(keep, endpoint, judged, right):
    keep(*traces(12), ("none", None))
    told: list[tuple[int, int]] = []
    judged(endpoint(usual=slow(0.03, right)), progress=lambda *both: told.append(both))
    assert told[-1] == (13, 13)
    assert len(told) > 2 and told == sorted(told)


@pytest.mark.usefixtures("open_store")
def test_the_prefix_is_the_same_to_the_byte_in_every_call(keep, endpoint, judged, trajectory):
    asked = [trajectory(f"t{n}", f"Trace {n}. A test?", asked=f"Question {n}") for n in range(6)]
    keep(*asked)
    standin = endpoint(completion("no JSON"))
    judged(standin, connections=3)
    bodies = [call.body for call in standin.calls]
    prefix = os.path.commonprefix(bodies)  # noqa: RUF071 (characters are meant)
    assert len(bodies) == 7
    assert b"Near miss (absent)" in prefix and b"harmless_excuse" in prefix
    assert b"The code of this call is " in prefix


@pytest.mark.usefixtures("open_store")
def test_the_judge_never_sees_the_answer_or_where_the_trace_came_from(keep, endpoint, judged, trajectory):
    concealed = {
        "trajectory_id": "concealed-id", "answer": "concealed-answer", "checkpoint": "concealed-checkpoint",
        "variant": "concealed-variant", "environment": "concealed-environment", "model": "concealed-model",
        "prompt_id": "concealed-prompt-id", "metadata": {"k": "concealed-metadata"},
        "series": "concealed-series", "synthetic": "concealed-note",
    }  # fmt: skip
    name = concealed.pop("trajectory_id")
    later = trajectory(name, **concealed)
    later.source = "concealed-source"
    later.messages += [
        Message("user", "concealed-second-question"),
        Message("assistant", "concealed-second-answer", reasoning="Second thoughts.", reasoning_state="text"),
    ]
    keep(later)
    standin = endpoint(completion("no JSON"))
    judged(standin)
    assert len(standin.calls) == 2
    for call in standin.calls:
        assert b"concealed" not in call.raw
        assert b"Give me an even number." in call.body and b"Second thoughts." in call.body


@pytest.mark.usefixtures("open_store")
def test_stopping_commits_what_has_come_and_the_next_run_goes_on(keep, endpoint, judged, ask, right):
    keep(*traces(10))

    def interrupt_at_the_sixth(call):
        if len(standin.calls) == 6:
            os.kill(os.getpid(), signal.SIGINT)
            return slow(0.5, right)
        return right

    standin = endpoint(usual=interrupt_at_the_sixth)
    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        judged(standin)
    assert ask("SELECT state, count(*) FROM attempts GROUP BY 1") == [("ok", 5)]
    _, counts = judged(standin)
    assert counts == Counter(ok=5)
    calls = Counter(map(named, standin.calls))
    assert sorted(calls.values()) == [1] * 9 + [2]


@pytest.mark.usefixtures("open_store")
def test_a_store_that_is_busy_for_long_ends_no_run(keep, endpoint, judged, ask, right, monkeypatch):
    keep(*traces(20))
    commit, busy = running.Ledger.commit, iter([True, True])

    def busy_at_first(ledger):
        if next(busy, False):
            raise StoreBusy("in use")
        commit(ledger)

    monkeypatch.setattr(running.Ledger, "commit", busy_at_first)
    _, counts = judged(endpoint(usual=slow(0.03, right)))
    assert counts == Counter(ok=20) and ask("SELECT count(*) FROM log.attempts") == [(20,)]
