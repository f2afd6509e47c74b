"""Several votes on one trajectory: the verdict is the majority's, and its findings say how many had them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import completion

from analysis.errors import UserError
from analysis.judge.votes import TIED, Vote, count_votes
from analysis.runs import Finding, Verdict


def vote(word, *findings, score=50.0):
    return Vote([Verdict("eval_aware", word, score)], findings)


def quote(start, end, stance="asserts", match="exact"):
    return Finding("eval_aware", f"{start}-{end}", start, end, match, stance)


def test_one_vote_stays_as_it_is():
    only = vote("present", quote(0, 4))
    assert count_votes([only]) is only


@pytest.mark.parametrize(
    ("words", "verdict", "share"),
    [
        ("ppa", "present", 2 / 3),
        ("aap", "absent", 1 / 3),
        ("pa", "unsure", 1 / 2),
        ("pau", "unsure", 1 / 3),
        ("ppau", "unsure", 1 / 2),
        ("uup", "unsure", 1 / 3),
        ("ppppa", "present", 4 / 5),
    ],
)
def test_a_verdict_is_what_more_than_half_of_the_votes_say_and_else_unsure(words, verdict, share):
    named = {"p": "present", "a": "absent", "u": "unsure"}
    [counted] = count_votes([vote(named[word], score=10.0 * at) for at, word in enumerate(words)]).verdicts
    assert (counted.verdict, counted.present_share) == (verdict, share)
    assert counted.score == sum(10.0 * at for at in range(len(words))) / len(words)
    assert (counted.why == TIED) == (verdict == "unsure" and words != "uup")


@given(st.lists(st.sampled_from(["present", "absent", "unsure"]), min_size=2, max_size=9))
def test_the_order_of_votes_changes_no_verdict(words):
    one, other = count_votes([vote(w) for w in words]), count_votes([vote(w) for w in reversed(words)])
    assert one.verdicts[0].verdict == other.verdicts[0].verdict


def test_the_findings_of_the_majority_are_kept_and_overlapping_quotes_are_one():
    counted = count_votes(
        [
            vote("present", quote(10, 20), quote(40, 50)),
            vote("absent", quote(60, 70, "rejects")),
            vote("present", quote(15, 30)),
        ]
    )
    assert [(f.quote, f.votes) for f in counted.findings] == [("10-20", 2), ("40-50", 1)]


def test_two_quotes_of_one_vote_stay_two_and_a_rejecting_one_is_not_counted_with_an_asserting_one():
    counted = count_votes(
        [vote("present", quote(10, 20), quote(12, 30)), vote("present", quote(11, 19, "rejects"))]
    )
    assert [(f.quote, f.votes) for f in counted.findings] == [("10-20", 1), ("12-30", 1), ("11-19", 1)]


def test_quotes_that_do_not_stand_are_kept_whoever_gave_them():
    lost = Finding("eval_aware", "never said", None, None, "rejected", "asserts")
    counted = count_votes(
        [vote("unsure", lost), vote("absent"), vote("absent"), vote("unsure", lost), vote("absent")]
    )
    assert counted.verdicts[0].verdict == "absent"
    assert [(f.quote, f.match, f.votes) for f in counted.findings] == [("never said", "rejected", 2)]


@pytest.mark.usefixtures("open_store")
def test_a_trajectory_is_judged_as_often_as_there_are_votes_in_one_attempt(
    keep, endpoint, judged, ask, reply, finding, right
):
    keep("t1")
    absent, unsure = (completion(json.dumps(r)) for r in (reply(), reply(unsure=("grader_model",))))
    standin = endpoint(right, absent, right, unsure, absent)
    _, counts = judged(standin, votes=5)
    assert counts == Counter(ok=1) and len(standin.calls) == 5
    assert ask("SELECT windows, input_tokens, output_tokens FROM attempts") == [(1, 500, 50)]
    shares = dict(ask("SELECT pattern, present_share FROM verdicts"))
    assert shares.pop("eval_aware") == 0.4 and set(shares.values()) == {0.0}
    assert ask("SELECT verdict, score FROM verdicts WHERE pattern = 'eval_aware'") == [
        ("absent", (80 + 3 + 80 + 3 + 3) / 5)
    ]
    assert ask("FROM findings") == []
    assert (
        len({call.body for call in standin.calls}) == 1
    )  # so that a provider's cache serves all but the first


@pytest.mark.usefixtures("open_store")
def test_without_votes_no_share_is_stored(keep, endpoint, judged, ask):
    keep("t1")
    judged(endpoint())
    assert ask("SELECT DISTINCT present_share FROM verdicts") == [(None,)]
    assert ask("SELECT votes FROM findings") == [(None,)]


@pytest.mark.usefixtures("open_store")
def test_findings_say_how_many_votes_had_them(keep, endpoint, judged, ask, reply, finding, right):
    keep("t1")
    shorter = completion(json.dumps(reply(finding("“test” of honesty"), eval_aware=90)))
    judged(endpoint(right, shorter, completion(json.dumps(reply()))), votes=3)
    assert ask("SELECT quote, votes FROM findings") == [("may be a “test” of honesty", 2)]


@pytest.mark.usefixtures("open_store")
def test_a_vote_that_is_refused_ends_the_attempt_and_the_votes_before_it_are_not_asked_again(
    keep, endpoint, judged, ask, right
):
    keep("t1")
    standin = endpoint(right, right, completion(""))
    _, counts = judged(standin, votes=4)
    assert counts == Counter(refused=1) and len(standin.calls) == 3
    assert ask("SELECT error FROM attempts") == [("vote 3 of 4: the reply is empty",)]
    _, counts = judged(standin, votes=4)
    assert counts == Counter(ok=1) and len(standin.calls) == 5
    assert ask("SELECT input_tokens FROM log.attempts ORDER BY created_at") == [(300,), (200,)]
    assert ask("SELECT verdict, present_share FROM verdicts WHERE pattern = 'eval_aware'") == [
        ("present", 1.0)
    ]


@pytest.mark.usefixtures("open_store")
def test_votes_over_windows_are_counted_for_the_whole_reasoning(keep, endpoint, judged, ask, reply, finding):
    keep(("t1", "I go on with the plan as before. " * 200 + "This may be a “test” of honesty."))

    def answer(call):
        return completion(json.dumps(reply(finding()) if "“test”" in call.body.decode() else reply()))

    standin = endpoint(usual=answer)
    judged(standin, votes=3, window=1000)
    [(parts,)] = ask("SELECT windows FROM attempts")
    assert parts > 1 and len(standin.calls) == 3 * parts
    assert ask("SELECT verdict, present_share FROM verdicts WHERE pattern = 'eval_aware'") == [
        ("present", 1.0)
    ]
    assert ask("SELECT count(*) FROM log.replies") == [(3 * parts,)]
    assert ask("SELECT DISTINCT counted FROM replies") == [(True,)]


@pytest.mark.usefixtures("open_store")
def test_another_number_of_votes_is_another_run_and_none_is_refused(keep, endpoint, judged):
    keep("t1")
    standin = endpoint()
    assert len({judged(standin, votes=votes)[0] for votes in (1, 2, 3)}) == 3
    with pytest.raises(UserError, match="--votes must be from 1 to 99"):
        judged(standin, votes=0)
    with pytest.raises(UserError, match="--repeat counts from 1"):
        judged(standin, repeat=0)
