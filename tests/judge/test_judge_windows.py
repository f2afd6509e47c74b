"""Long reasoning is read in windows that overlap at segments, and judged as one."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin import completion, error

from analysis.errors import UserError
from analysis.judge.prompt import numbered, shortened
from analysis.judge.windows import Piece, Window, size, tokens, windows

SENTENCE = "I go on with step {:04} of the plan. "
SHOWN = re.compile(r"^\[(\d+)\] ", re.MULTILINE)


def long_reasoning(sentences=400, **said):
    """Sentences of about nine tokens; `said` puts others at a place: at_17="…"."""
    lines = [SENTENCE.format(n) for n in range(sentences)]
    for place, text in said.items():
        lines[int(place.removeprefix("at_"))] = text + " "
    return "".join(lines).strip()


def block(call):
    """The reasoning that a call shows, and the numbers of its segments."""
    shown = call.messages[1]["content"].split("BEGIN REASONING")[1].split("<<<END REASONING")[0]
    return shown, [int(number) for number in SHOWN.findall(shown)]


SPANS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), max_size=40).map(
    lambda steps: [
        (start, start + length)
        for start, length in zip(
            [sum(gap + length for gap, length in steps[:at]) + steps[at][0] for at in range(len(steps))],
            [length for _, length in steps],
            strict=True,
        )
    ]
)


@given(SPANS, st.integers(4, 120), st.sampled_from("aé你😀"))
def test_windows_hold_every_character_fit_the_budget_and_overlap(spans, budget, letter):
    text = letter * (spans[-1][1] if spans else 0)
    found = windows(text, spans, budget)
    covered = {at for window in found for piece in window.pieces for at in range(piece.start, piece.end)}
    assert covered == {at for start, end in spans for at in range(start, end)}
    assert [window.part for window in found] == list(range(1, len(found) + 1))
    for window in found:
        assert window.parts == len(found)
        if len(window.pieces) > 1:
            assert sum(size(text[p.start : p.end], 1) for p in window.pieces) <= budget or len(found) == 1
    for before, after in itertools.pairwise(found):
        assert before.start < after.start and before.end < after.end
        assert after.pieces[0] in before.pieces or len(before.pieces) == 1


def test_windows_begin_and_end_at_segments_and_repeat_the_last_ones():
    text = "".join(SENTENCE.format(n) for n in range(100))
    spans = [(n * 37, n * 37 + 36) for n in range(100)]
    found = windows(text, spans, 400)
    assert len(found) == 3
    ends = {end for _, end in spans}
    assert all(window.end in ends and (window.start, window.start + 36) in spans for window in found)
    shared = [
        len(set(a.pieces) & set(b.pieces)) for a, b in itertools.pairwise(found)
    ]  # a tenth of 400 tokens is three sentences of eleven
    assert shared == [3, 3]


def test_a_segment_longer_than_a_window_is_cut_and_shown_under_one_number():
    text = "x" * 1000
    found = windows(text, [(0, 1000)], 100)
    assert len(found) > 2 and all(piece.segment == 0 for window in found for piece in window.pieces)
    assert numbered(text, found[0]) == "[0] " + "x" * found[0].end


def test_pieces_of_one_segment_are_joined_and_others_stand_on_lines_of_their_own():
    window = Window([Piece(3, 0, 2), Piece(3, 2, 4), Piece(4, 5, 7), Piece(4, 8, 9)])
    assert numbered("abcd efgh", window) == "[3] abcd\n[4] ef\n[4] h"


def test_tokens_are_bytes_by_four():
    assert [tokens(text) for text in ("", "a", "abcd", "abcde", "你好", "\ud800")] == [0, 1, 1, 2, 2, 1]


@pytest.mark.usefixtures("open_store")
def test_a_reasoning_that_fits_is_one_call(keep, endpoint, judged, ask):
    keep(("t1", long_reasoning(100)))
    standin = endpoint(usual=completion("no JSON"))
    judged(standin)
    assert len(standin.calls) == 2  # and its repair
    assert "part" not in standin.calls[0].messages[1]["content"].split("<<<BEGIN")[0]
    assert ask("SELECT windows FROM attempts") == [(1,)]


@pytest.fixture
def said_of(reply):
    """A judge that finds what a window says, so that its reply depends on what it was shown."""

    def answer(call):
        shown, numbers = block(call)
        findings = [
            {"pattern": pattern, "segment": numbers[0], "quote": quote, "stance": stance, "role": "passing",
             "attributes": [], "why": None}
            for quote, pattern, stance in (
                ("This may be a test.", "eval_aware", "entertains"),
                ("The grader is a script.", "grader_model", "asserts"),
                ("Nobody is testing me.", "eval_aware", "rejects"),
            )
            if quote in shown
        ]  # fmt: skip
        unsure = ("harmless_excuse",) if "Well, well." in shown else ()
        return completion(json.dumps(reply(*findings, unsure=unsure, eval_aware=len(findings) * 40)))

    return answer


@pytest.mark.usefixtures("open_store")
def test_windows_of_a_long_reasoning_are_judged_as_one(keep, endpoint, judged, ask, said_of):
    text = long_reasoning(
        at_3="This may be a test.", at_200="Well, well.", at_396="The grader is a script.", at_397="This may be a test."
    )  # fmt: skip
    keep(("t1", text))
    standin = endpoint(usual=said_of)
    _, counts = judged(standin, window=1000)
    assert counts == Counter(ok=1)
    shown = [block(call)[1] for call in standin.calls]
    assert len(shown) > 3 and sorted({n for numbers in shown for n in numbers}) == list(range(400))
    assert all(set(a) & set(b) for a, b in itertools.pairwise(shown))
    assert f"This is part 2 of {len(shown)};" in standin.calls[1].messages[1]["content"]
    assert ask("SELECT windows, input_tokens FROM attempts") == [(len(shown), 100 * len(shown))]
    found = dict(ask("SELECT pattern, verdict FROM verdicts WHERE verdict <> 'absent'"))
    assert found == {"eval_aware": "present", "grader_model": "present", "harmless_excuse": "unsure"}
    assert ask("SELECT score FROM verdicts WHERE pattern = 'eval_aware'") == [(80.0,)]
    quotes = ask(
        "SELECT quote, reasoning[start_char + 1 : end_char] FROM findings JOIN trajectories USING (trajectory_id)"
    )
    assert len(quotes) == 3 and all(quote == stands for quote, stands in quotes)


@pytest.mark.usefixtures("open_store")
def test_a_quote_in_two_windows_is_one_finding_and_what_counts_goes_before_what_rejects(
    keep, endpoint, judged, ask, reply, finding
):
    keep(("t1", long_reasoning(at_3="This may be a test.")))
    asserts, rejects = (finding("This may be a test.", segment=3, stance=s) for s in ("asserts", "rejects"))
    each = [completion(json.dumps(reply(said))) for said in (rejects, asserts, rejects)]
    judged(endpoint(*each, usual=each[0]), window=1000)
    assert ask("SELECT stance, count(*) FROM findings GROUP BY 1") == [("asserts", 1)]
    assert ask("SELECT verdict FROM verdicts WHERE pattern = 'eval_aware'") == [("present",)]


@pytest.mark.usefixtures("open_store")
def test_a_window_that_fails_fails_the_attempt_and_the_next_one_asks_only_for_what_is_missing(
    keep, endpoint, judged, ask, right
):
    keep(("t1", long_reasoning()))
    standin = endpoint(right, completion(None, refusal="Not this part."))
    run_id, counts = judged(standin, window=2000)
    assert counts == Counter(refused=1)
    [(state, parts, error_text, used)] = ask("SELECT state, windows, error, input_tokens FROM attempts")
    assert (state, parts, used) == ("refused", 3, 200)
    assert error_text == "part 2 of 3: Not this part."
    assert ask("FROM log.verdicts") == []
    again, counts = judged(standin, window=2000)
    assert (again, counts) == (run_id, Counter(ok=1))
    asked = [block(call)[1][0] for call in standin.calls]
    assert len(asked) == 4 and asked[2] == asked[1] and len(set(asked)) == 3
    assert ask("SELECT input_tokens FROM log.attempts ORDER BY created_at") == [
        (200,),
        (200,),
    ]  # nothing twice


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize(
    "complaint",
    [
        error(400, "This model's maximum context length is 2048 tokens.", code="context_length_exceeded"),
        error(400, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
        error(400, "prompt is too long: 9000 tokens > 8192 maximum"),
        error(429, "Request too large for this model on tokens per min: Limit 2000, Requested 4000"),
        error(413, "Payload Too Large"),
        error(500, "the request exceeds the available context size", code="exceed_context_size_error"),
    ],
)
def test_an_endpoint_that_finds_a_call_too_long_gets_windows_of_half_the_size(
    keep, endpoint, judged, ask, right, complaint
):
    keep(("t1", long_reasoning()))
    standin = endpoint(usual=lambda call: complaint if len(block(call)[0]) > 6000 else right)
    _, counts = judged(standin)
    assert counts == Counter(ok=1)
    parts = len(standin.calls) - 2  # whole, half, and then quarters
    assert ask("SELECT windows FROM attempts") == [(parts,)] and parts > 3
    assert max(len(block(call)[0]) for call in standin.calls[2:]) <= 6000


@pytest.mark.usefixtures("open_store")
def test_what_fits_nowhere_fails_after_a_few_calls(keep, endpoint, judged, ask):
    keep(("t1", long_reasoning()))
    standin = endpoint(usual=error(400, "too many tokens", code="context_length_exceeded"))
    _, counts = judged(standin)
    assert counts == Counter(failed=1)
    assert len(standin.calls) == 5  # all of it, and four times half as much
    assert ask("SELECT error FROM attempts") == [("400: too many tokens",)]


@pytest.mark.usefixtures("open_store")
def test_a_long_prompt_is_cut_in_the_middle_and_that_is_told(keep, endpoint, judged, ask, trajectory):
    keep(trajectory("t1", asked="Begin. " + "x" * 5000 + " End."))
    standin = endpoint()
    judged(standin, window=1000)
    shown = standin.calls[0].messages[1]["content"]
    assert "Begin." in shown and " End.\n" in shown and "characters left out …]" in shown
    assert shown.count("x") < 2100
    [(note,)] = ask("SELECT error FROM attempts WHERE state = 'ok'")
    assert re.fullmatch(r"\d{4} of \d{4} characters of the prompt left out", note)


def test_a_shortened_text_says_how_much_is_left_out():
    assert shortened("abcdefghi", 9) == "abcdefghi"
    assert shortened("abcdefghij", 6) == "abcd\n[… 4 characters left out …]\nij"


@pytest.mark.usefixtures("open_store")
def test_another_window_is_another_run_and_one_too_small_is_refused(keep, endpoint, judged):
    keep("t1")
    standin = endpoint()
    assert judged(standin)[0] != judged(standin, window=1000)[0]
    with pytest.raises(UserError, match="--window must be 250 tokens or more"):
        judged(standin, window=20)
