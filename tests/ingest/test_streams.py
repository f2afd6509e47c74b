"""Streams of events: put together they are what the response would be whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.ingest import chat_stream, detect, ingest, streams
from analysis.ingest.formats import named
from analysis.ingest.rows import Unreadable
from analysis.ingest.skipped import Skipped
from analysis.store import Store
from tests.ingest.reading import one, parted, read, said, unread
from tests.ingest.stream_examples import (
    ANTHROPIC,
    BEDROCK,
    CHAT,
    GEMINI,
    RESPONSES,
    SECRET,
    STREAMS,
    Row,
    gemini,
    server_sent,
)

Jsonl = Callable[..., Path]
EVERY = pytest.mark.parametrize("name", sorted(STREAMS))
STATES = {"gemini": "summary"}


def thought(made: Any) -> tuple[str | None, str]:
    return made.reasoning(), made.reasoning_state()


@EVERY
@pytest.mark.parametrize("form", ["lines", "array", "server-sent", "twice"])
def test_a_stream_is_one_trajectory_in_whatever_arrangement(
    store: Store, tmp_path: Path, jsonl: Jsonl, name: str, form: str
) -> None:
    events = STREAMS[name]
    path = tmp_path / "saved.txt"
    other = json.loads(
        json.dumps(events).replace("c1", "c2").replace("msg_1", "msg_2").replace("resp_1", "resp_2")
    )
    texts = {
        "lines": "".join(f"{json.dumps(event)}\n" for event in events),
        "array": json.dumps(events),
        "server-sent": server_sent(events),
        "twice": server_sent(events) + server_sent(other),
    }  # fmt: skip
    path.write_text(texts[form])
    assert detect(path) == name
    found = read(path)
    for made in found:
        call = '{"sum": 4}' if name in ("chat-stream", "responses") else {"sum": 4}
        assert made.answer() == "It is 4." and made.messages[0].tool_calls == [
            {"name": "note", "arguments": call}
        ]
        assert thought(made) == ("Two and two.", STATES.get(name, "text"))
        assert made.finish_reason in ("tool_use", "tool_calls", "completed", "STOP")
        assert SECRET not in json.dumps([made.reasoning(), made.answer(), made.metadata])
    [report] = ingest(store, [path])
    times = 2 if form == "twice" else 1
    assert len(found) == report.read == times
    assert (report.items, report.joined, report.set_aside) == (
        len(events) * times,
        (len(events) - 1) * times,
        0,
    )


@EVERY
def test_a_stream_that_was_cut_off_is_stored_with_what_is_there(jsonl: Jsonl, name: str) -> None:
    events = STREAMS[name]
    for count in range(1, len(events)):
        made = one(jsonl(events[:count]))
        reasoning, state = thought(made)
        assert "Two and two.".startswith(reasoning or "") and "It is 4.".startswith(made.answer() or "")
        if name == "gemini":
            assert state == "summary"
        elif reasoning and not made.answer():
            assert state == "truncated"
        elif reasoning:
            assert state == "text"
        assert SECRET not in str(made.messages)


@EVERY
def test_what_stands_in_two_places_of_a_stream_is_read_once(jsonl: Jsonl, name: str) -> None:
    assert str(one(jsonl(STREAMS[name])).messages).count("Two and two.") == 1


def test_streams_and_whole_responses_in_one_file(jsonl: Jsonl) -> None:
    whole = {"id": "msg_0", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "4"}], "stop_reason": "end_turn"}  # fmt: skip
    path = jsonl([whole, *ANTHROPIC, {**whole, "id": "msg_3"}])
    assert sorted(str(made.trajectory_id) for made in read(path)) == ["msg_0", "msg_1", "msg_3"]


# Amazon Bedrock ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["stream", "events"])
def test_a_row_with_the_events_of_converse_stream_and_the_request_beside(
    store: Store, jsonl: Jsonl, key: str
) -> None:
    asked = {"modelId": "us.anthropic.claude-sonnet-4-20250514-v1:0", "messages": [{"role": "user", "content": [{"text": "2+2?"}]}]}  # fmt: skip
    about = {"ResponseMetadata": {"RequestId": "r1"}, key: BEDROCK}
    for row in ({**asked, **about}, {"request": asked, "response": about}, {**asked, "response": about}):
        path = jsonl([row])
        made = one(path)
        assert detect(path) == "bedrock"
        assert said(made) == [
            ("user", "2+2?"),
            ("assistant", "It is 4.", "Two and two.", ("note", {"sum": 4})),
        ]
        assert (made.trajectory_id, made.finish_reason) == ("r1", "tool_use")
        assert made.model == asked["modelId"]
    [report] = ingest(store, [path])
    assert (report.items, report.stored, report.joined) == (1, 1, 0)


def test_a_row_whose_list_of_events_was_cut_off_or_holds_two_responses(jsonl: Jsonl) -> None:
    cut, first, second = read(jsonl([{"stream": BEDROCK[:3]}, {"stream": [*BEDROCK, *BEDROCK]}]))
    assert thought(cut) == ("Two and two.", "truncated")
    assert thought(first) == thought(second) == ("Two and two.", "text") and first.line == second.line == 2


@pytest.mark.parametrize(
    ("delta", "reasoning", "state"),
    [
        ({"redactedContent": SECRET}, None, "encrypted"),
        ({"signature": SECRET}, None, "encrypted"),
        ({"text": "Hm."}, "Hm.", "text"),
    ],
    ids=["redacted", "only signed", "text"],
)
def test_what_bedrock_streams_of_the_reasoning(
    jsonl: Jsonl, delta: Row, reasoning: str | None, state: str
) -> None:
    events = [BEDROCK[0], {"contentBlockDelta": {"delta": {"reasoningContent": delta}, "contentBlockIndex": 0}}, *BEDROCK[5:8], *BEDROCK[12:]]  # fmt: skip
    made = one(jsonl(events))
    assert thought(made) == (reasoning, state) and made.answer() == "It is 4."


def test_a_stream_of_bedrock_that_failed_says_so(jsonl: Jsonl) -> None:
    path = jsonl([*BEDROCK[:3], {"modelStreamErrorException": {"message": "Try again."}}, *BEDROCK])
    made, aside = parted(path)
    assert [thought(each)[1] for each in made] == ["truncated", "text"]
    assert [(each.line, each.reason) for each in aside if not isinstance(each, Skipped)] == [
        (4, "a request that failed: modelStreamErrorException: Try again.")
    ]


# The others ----------------------------------------------------------------------------------------------------


def test_errors_in_a_stream_are_set_aside_and_what_came_before_is_kept(jsonl: Jsonl) -> None:
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    failed = {
        "type": "error",
        "code": "server_error",
        "message": "Failed",
        "param": None,
        "sequence_number": 4,
    }
    for events, error, reason in (
        (ANTHROPIC[:5], overloaded, "a request that failed: Overloaded"),
        (RESPONSES[:5], failed, "a request that failed: Failed"),
        (CHAT[:3], {"error": {"message": "Gone"}}, "a request that failed: Gone"),
    ):
        path = jsonl([*events, error])
        [made], _ = parted(path)
        assert thought(made) == ("Two and two.", "truncated")
        assert unread(path) == [(len(events) + 1, reason)]


@pytest.mark.parametrize("name", ["anthropic", "bedrock", "responses"])
def test_a_stream_without_its_beginning_is_set_aside_once(store: Store, jsonl: Jsonl, name: str) -> None:
    """Without it nobody knows which model it was, nor what is missing."""
    headless, whole = STREAMS[name][2:-2], STREAMS[name]
    [report] = ingest(store, [jsonl([*headless, *whole])])
    assert (report.stored, report.set_aside, report.items) == (1, 1, len(headless) + len(whole))
    assert report.aside[0][0] == 1 and "without its beginning" in report.aside[0][1]


def test_a_response_that_failed_before_it_said_anything(jsonl: Jsonl) -> None:
    failed = {"type": "response.failed", "response": {"id": "r", "object": "response", "status": "failed", "output": [], "error": {"code": "x", "message": "No."}}}  # fmt: skip
    assert unread(jsonl([RESPONSES[0], failed])) == [(1, "a request that failed: No.")]


def test_a_response_that_ran_out_of_tokens_while_it_reasoned(jsonl: Jsonl) -> None:
    incomplete = {"type": "response.incomplete", "response": {**RESPONSES[0]["response"], "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}}  # fmt: skip
    made = one(jsonl([*RESPONSES[:5], incomplete]))
    assert (*thought(made), made.finish_reason) == ("Two and two.", "truncated", "max_output_tokens")


def test_the_last_event_of_a_response_alone_is_enough(jsonl: Jsonl) -> None:
    assert said(one(jsonl(RESPONSES[-1:]))) == said(one(jsonl(RESPONSES)))


def test_thinking_of_claude_4_in_a_stream_is_a_summary_also_where_it_was_cut_off(jsonl: Jsonl) -> None:
    events = json.loads(json.dumps(ANTHROPIC[:5]).replace("claude-3-7-sonnet-20250219", "claude-sonnet-4-5"))
    assert thought(one(jsonl(events))) == ("Two and two.", "summary")


def test_arguments_of_a_call_that_were_cut_off_are_kept_as_they_came(jsonl: Jsonl) -> None:
    assert one(jsonl(ANTHROPIC[:16])).messages[0].tool_calls == [{"name": "note", "arguments": '{"sum"'}]


def test_chunks_of_gemini_end_with_a_reason_and_whole_responses_stay_apart(jsonl: Jsonl) -> None:
    whole = gemini({"text": "4."}, finish="STOP", responseId=None)
    usage = {"usageMetadata": {"totalTokenCount": 14}, "modelVersion": "gemini-2.5-pro", "responseId": "g1"}
    path = jsonl([whole, whole, *GEMINI, usage, *GEMINI[:2]])
    assert [(made.answer(), made.reasoning()) for made in read(path)] == [
        ("4.", None),
        ("4.", None),
        ("It is 4.", "Two and two."),
        (None, "Two and two."),
    ]


def test_candidates_of_gemini_that_stream_side_by_side(jsonl: Jsonl) -> None:
    def second(text: str, **more: Any) -> Row:
        return {"content": {"parts": [{"text": text}]}, "index": 1, **more}

    one_and_two = [
        {**gemini({"text": "A"}), "candidates": [*gemini({"text": "A"})["candidates"], second("B")]},
        {**GEMINI[0], "candidates": [second("b", finishReason="STOP")]},
    ]
    assert [(made.answer(), made.sample) for made in read(jsonl(one_and_two))] == [("A", None), ("Bb", 1)]


# Memory --------------------------------------------------------------------------------------------------------


def test_chat_streams_do_not_fill_the_memory(jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_stream, "MOST_HELD", 3)
    rows = [{**chunk, "id": f"c{number}"} for number in range(9) for chunk in CHAT]
    found = named("chat-stream").read(jsonl([*rows, {"id": "x", "choices": 5}]), "s")
    assert isinstance(next(found), tuple), "the first is there before the last line is read"
    assert sum(isinstance(each, tuple) for each in found) == 8


def test_events_that_never_end_are_taken_apart(jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_EVENTS", 5)
    path = jsonl([ANTHROPIC[0], *[ANTHROPIC[3]] * 11])
    found = list(named("anthropic").read(path, "s"))
    assert sum(each.count if isinstance(each, Skipped) else 1 for each in found) == 12
    assert (
        len([each for each in found if isinstance(each, Unreadable) and not isinstance(each, Skipped)]) == 2
    )


# Whatever is cut or lost ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_whatever_events_are_lost_doubled_or_mixed_each_is_counted_once(
    tmp_path: Path, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(STREAMS)))
    rows = [*STREAMS[name], *STREAMS[name], {"other": 1}]
    picked = data.draw(st.lists(st.sampled_from(range(len(rows))), min_size=1, max_size=30))
    rows = [rows[at] for at in (sorted(picked) if data.draw(st.booleans()) else picked)]
    path = tmp_path / "rows.txt"
    path.write_text(
        server_sent(rows) if data.draw(st.booleans()) else "".join(f"{json.dumps(r)}\n" for r in rows)
    )
    items = 0
    for each in named(name).read(path, "s"):
        items += each.count if isinstance(each, Skipped) else 1
        assert isinstance(each, Unreadable) or SECRET not in str(each[1].messages)
    assert items == len(rows)
