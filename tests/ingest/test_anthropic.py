"""Anthropic messages and Claude Code sessions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.ingest import detect, ingest
from analysis.ingest.formats import named
from analysis.ingest.rows import Unreadable
from analysis.ingest.summaries import gives_summaries
from analysis.store import Store
from tests.ingest.provider_examples import Row, anthropic, line, text, thinking, tool_result, tool_use
from tests.ingest.reading import one, read, said, states, unread

Jsonl = Callable[..., Path]


@pytest.mark.parametrize(
    ("blocks", "reasoning", "state", "source"),
    [
        ([thinking("Let me see."), text("4")], "Let me see.", "text", "thinking"),
        ([thinking("Let me see."), {"type": "redacted_thinking", "data": "EmwK"}, text("4")], "Let me see.", "text", "thinking"),
        ([{"type": "redacted_thinking", "data": "EmwK"}, text("4")], None, "encrypted", "redacted_thinking"),
        ([thinking(""), text("4")], None, "encrypted", "thinking"),
        ([thinking("", ""), text("4")], None, "empty", "thinking"),
        ([text("4")], None, "missing", None),
    ],
    ids=["thinking", "thinking and redacted", "redacted", "only signed", "empty", "none"],
)  # fmt: skip
def test_anthropic_messages(
    jsonl: Jsonl, blocks: list[Row], reasoning: str | None, state: str, source: str | None
) -> None:
    path = jsonl([anthropic(*blocks, usage={"output_tokens": 9})])
    made = one(path)
    assert detect(path) == "anthropic"
    assert said(made) == [("assistant", "4", reasoning)]
    assert (made.reasoning_state(), made.reasoning_source()) == (state, source)
    assert (made.trajectory_id, made.model, made.finish_reason, made.metadata) == (
        "msg_1",
        "claude",
        "end_turn",
        {"usage": {"output_tokens": 9}},
    )


def test_anthropic_requests_with_tools_beside_the_response(jsonl: Jsonl) -> None:
    asked = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [thinking("I look."), {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": 1}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [text("Nothing.")]}, text("And now?"),
        ]},
    ]  # fmt: skip
    whole = [
        ("system", "Be brief."),
        ("user", "Look."),
        ("assistant", "", "I look.", ("look", {"at": 1})),
        ("tool", "Nothing.", "look"),
        ("user", "And now?"),
        ("assistant", "Done.", None),
    ]
    request = {"model": "alias", "system": [text("Be brief.")], "messages": asked}
    path = jsonl([{"request": request, "response": anthropic(text("Done."))}])
    assert detect(path) == "anthropic" and said(one(path)) == whole
    rows = jsonl([{"system": "Be brief.", "messages": [*asked, {"role": "assistant", "content": "Done."}]}])
    assert detect(rows) == "chat" and said(one(rows)) == whole


def test_anthropic_batches_hold_responses_and_errors(jsonl: Jsonl) -> None:
    path = jsonl([
        {"custom_id": "q1", "result": {"type": "succeeded", "message": anthropic(thinking("Hm."), text("4"))}},
        {"custom_id": "q2", "result": {"type": "errored", "error": {"type": "error", "message": "Overloaded"}}},
    ])  # fmt: skip
    [made] = [each[1] for each in named("anthropic").read(path, "s") if not isinstance(each, Unreadable)]
    assert detect(path) == "anthropic" and (made.prompt_id, made.reasoning()) == ("q1", "Hm.")
    assert unread(path) == [(2, "a request that failed: Overloaded")]


def test_a_claude_code_session_joins_the_lines_of_one_message(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([
        {"type": "summary", "summary": "Reading files", "leafUuid": "x"},
        {"type": "file-history-snapshot", "messageId": "x", "snapshot": {}},
        line("user", "Read both.", "1"),
        line("assistant", [thinking("Both, then.")], "2", "1", id="msg_A"),
        line("assistant", [tool_use("a")], "3", "2", id="msg_A"),
        line("user", [tool_result("a")], "4", "3"),
        line("assistant", [tool_use("b")], "5", "3", id="msg_A"),
        line("user", [tool_result("b", [text("fine")])], "6", "5"),
        line("assistant", [{"type": "redacted_thinking", "data": "EmwK"}], "7", "6", id="msg_B"),
        line("assistant", [text("Both read.")], "8", "7", id="msg_B"),
        {"type": "system", "subtype": "turn_duration", "sessionId": "s1", "uuid": "9"},
        line("assistant", [text("API Error")], "10", "8", model="<synthetic>", isApiErrorMessage=True),
        line("assistant", [text("Both read.")], "8", "7", id="msg_B"),
    ])  # fmt: skip
    made = one(path)
    assert detect(path) == "claude-code"
    assert said(made) == [
        ("user", "Read both."),
        ("assistant", "", "Both, then.", ("Read", {"path": "a"}), ("Read", {"path": "b"})),
        ("tool", "ok", "Read"),
        ("tool", "fine", "Read"),
        ("assistant", "Both read.", None),
        ("system", "API Error"),
    ]
    assert (states(made), made.answer()) == (["summary", "encrypted"], "Both read.")
    assert (made.trajectory_id, made.model, made.metadata) == ("s1", "claude-sonnet-4-5", {"cwd": "/w"})
    [report] = ingest(store, [path])
    assert (report.items, report.read, report.joined, report.skipped) == (13, 1, 8, 4)


def test_sidechains_are_trajectories_of_their_own(jsonl: Jsonl) -> None:
    path = jsonl([
        line("user", "Ask them.", "1"),
        line("assistant", [tool_use("t", "Task")], "2", "1"),
        line("user", "You are a subagent.", "3", isSidechain=True),
        line("assistant", [thinking("Aside."), text("Sub done.")], "4", "3", isSidechain=True),
        line("user", "Another one.", "5", isSidechain=True, agentId="a7"),
        line("assistant", [text("Other done.")], "6", "5", isSidechain=True, agentId="a7"),
        line("user", [tool_result("t", "Sub done.")], "7", "2"),
        line("assistant", [text("All done.")], "8", "7"),
    ])  # fmt: skip
    assert [(made.trajectory_id, made.answer(), made.reasoning()) for made in read(path)] == [
        ("s1", "All done.", None),
        ("s1/3", "Sub done.", "Aside."),
        ("s1/a7", "Other done.", None),
    ]


def test_claude_code_streamed_as_json(jsonl: Jsonl) -> None:
    path = jsonl([
        {"type": "system", "subtype": "init", "session_id": "s1", "tools": ["Read"]},
        {"type": "assistant", "session_id": "s1", "parent_tool_use_id": None, "message": {"id": "m", "role": "assistant", "model": "claude", "content": [thinking("Hm.")]}},
        {"type": "assistant", "session_id": "s1", "parent_tool_use_id": None, "message": {"id": "m", "role": "assistant", "model": "claude", "content": [text("4")]}},
        {"type": "result", "subtype": "success", "session_id": "s1", "result": "4"},
    ])  # fmt: skip
    assert detect(path) == "claude-code" and said(one(path)) == [("assistant", "4", "Hm.")]


# Summaries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "summary"),
    [
        ("claude-3-7-sonnet-20250219", False),
        ("anthropic/claude-3.7-sonnet:thinking", False),
        ("claude-sonnet-4-20250514", True),
        ("anthropic/claude-opus-4.1", True),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("claude-4-sonnet", True),
        ("Claude Opus 4.5", True),
        ("claude-haiku-5", True),
        ("google/gemini-2.5-pro", True),
        ("gemini-3-flash", True),
        ("gemini-1.5-pro", False),
        ("claude", False),
        ("deepseek-r1", False),
        ("openai/gpt-oss-120b", False),
    ],
)
def test_models_whose_provider_gives_summaries_are_told_by_their_names(model: str, summary: bool) -> None:
    assert gives_summaries(model) == summary


def test_thinking_of_claude_4_is_a_summary_wherever_it_stands_and_its_own_words_are_not(jsonl: Jsonl) -> None:
    model = "claude-sonnet-4-5"
    message = {"role": "assistant", "content": "4", "reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "format": "anthropic-claude-v1"}]}  # fmt: skip
    tags = {"messages": [{"role": "assistant", "content": "<think>Hm.</think>4"}], "model": model}
    found = [
        *read(jsonl([anthropic(thinking("Hm."), text("4"), model=model)])),
        *read(jsonl([{"model": model, "choices": [{"message": message}]}, tags])),
        *read(jsonl([anthropic(thinking("Hm."), text("4"), model="claude-3-7-sonnet-20250219")])),
        *read(jsonl([anthropic(thinking("Hm."), model=model, stop_reason="max_tokens")])),
        *read(jsonl([anthropic(thinking(""), text("4"), model=model)])),
    ]
    assert [made.reasoning_state() for made in found] == [
        "summary",
        "summary",
        "text",
        "text",
        "summary",
        "encrypted",
    ]


def test_a_map_has_the_last_word_on_what_the_reasoning_is(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([anthropic(thinking("Hm."), text("4"), model="claude-opus-4-1")])
    ingest(store, [path], {"reasoning_state": "=text"})
    rows = [{"m": "claude-opus-4-1", "thinking": "Hm.", "kind": kind} for kind in ("summary", None, "raw")]
    [report] = ingest(
        store, [jsonl(rows, "own.jsonl")], {"model": "m", "reasoning": "thinking", "reasoning_state": "kind"}
    )
    with store.session() as db:
        states = db.execute("SELECT reasoning_state FROM trajectories ORDER BY stored_at, sample").fetchall()
        [(reason,)] = db.execute("SELECT reason FROM quarantine").fetchall()
    assert states == [("text",), ("summary",), ("text",)] and report.set_aside == 1
    assert reason == "reasoning_state is 'raw'; it can be text, truncated, summary"
