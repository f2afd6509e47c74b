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
from tests.ingest.reading import one, parted, read, said, thought, unread
from tests.ingest.stream_examples import (
    ANTHROPIC,
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
        else:
            assert state == ("text" if reasoning else "missing")
        assert SECRET not in str(made.messages)


@EVERY
def test_what_stands_in_two_places_of_a_stream_is_read_once(jsonl: Jsonl, name: str) -> None:
    assert str(one(jsonl(STREAMS[name])).messages).count("Two and two.") == 1


def test_streams_and_whole_responses_in_one_file(jsonl: Jsonl) -> None:
    whole = {"id": "msg_0", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "4"}], "stop_reason": "end_turn"}  # fmt: skip
    path = jsonl([whole, *ANTHROPIC, {**whole, "id": "msg_3"}])
    assert sorted(str(made.trajectory_id) for made in read(path)) == ["msg_0", "msg_1", "msg_3"]


@EVERY
@pytest.mark.parametrize("beside", [{}, {"input": "2+2?", "checkpoint": "step-1"}], ids=["alone", "beside"])
def test_a_row_may_hold_the_events_of_a_response_with_the_question_beside(
    jsonl: Jsonl, name: str, beside: Row
) -> None:
    path = jsonl([{**beside, "events": STREAMS[name]}, {**beside, "events": STREAMS[name][:3]}])
    whole, cut = read(path)
    assert detect(path) == name
    plain = said(one(jsonl(STREAMS[name], "lines.jsonl")))
    asks = [("user", "2+2?")] if beside and name != "bedrock" else []
    assert said(whole) == [*asks, *plain] and whole.checkpoint in ("step-1", whole.model)
    assert cut.reasoning_state() in ("truncated", "summary", "missing")
    assert (whole.line, cut.line) == (1, 2)


# What is particular to each ------------------------------------------------------------------------------------


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


def test_what_anthropics_python_client_adds_says_nothing_new(store: Store, jsonl: Jsonl) -> None:
    added = [
        {"type": "thinking", "thinking": "Two ", "snapshot": "Two "},
        {"type": "signature", "signature": SECRET},
        {"type": "text", "text": "4.", "snapshot": "It is 4."},
    ]
    stop = {
        "type": "message_stop",
        "message": {"content": [{"type": "thinking", "thinking": "Two and two."}]},
    }
    path = jsonl([*ANTHROPIC[:4], added[0], *ANTHROPIC[4:6], *added[1:], *ANTHROPIC[6:-1], stop])
    assert said(one(path)) == said(one(jsonl(ANTHROPIC, "raw.jsonl")))
    [report] = ingest(store, [path])
    assert (report.items, report.joined, report.set_aside) == (len(ANTHROPIC) + 3, len(ANTHROPIC) + 2, 0)


def test_completions_of_a_text_that_were_streamed_and_whole_ones(jsonl: Jsonl) -> None:
    def piece(text: str, finish: str | None = None, **more: Any) -> Row:
        choice = {"index": 0, "text": text, "finish_reason": finish}
        return {"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [choice], **more}

    path = jsonl([piece("<think>Two and"), piece(" two.</think>It is "), piece("4.", "stop"), piece("<think>Hm", id="cut")])  # fmt: skip
    whole, cut = read(path)
    assert detect(path) == "chat-stream" and said(whole) == [("assistant", "It is 4.", "Two and two.")]
    assert thought(cut) == ("Hm", "truncated")
    rows = jsonl([piece("4.", "stop"), piece("5.", "length", id="cmpl-2")])
    assert detect(rows) == "chat" and [made.answer() for made in read(rows)] == ["4.", "5."]


def test_chunks_without_a_choice_and_without_an_id_are_skipped(store: Store, jsonl: Jsonl) -> None:
    azure = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []}
    [report] = ingest(store, [jsonl([azure, *CHAT])])
    assert (report.stored, report.skipped, report.set_aside) == (1, 1, 0)


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
