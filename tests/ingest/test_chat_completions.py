"""Chat completions of DeepSeek, Kimi, vLLM and OpenRouter, rows that hold a message, Ollama, ShareGPT."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from analysis.ingest import detect, ingest
from analysis.ingest.formats import named
from analysis.ingest.rows import Unreadable
from analysis.store import Store
from tests.ingest.provider_examples import Row, chunk, completion, ollama
from tests.ingest.reading import one, read, said, unread

Jsonl = Callable[..., Path]


@pytest.mark.parametrize(
    ("message", "text", "state", "source"),
    [
        ({"content": "4", "reasoning_content": "Two and two."}, "Two and two.", "text", "reasoning_content"),
        ({"content": "4", "reasoning": "Two and two.", "reasoning_content": "Two and two."}, "Two and two.", "text", "reasoning"),
        ({"content": "4", "reasoning": "Two and two.", "tool_calls": []}, "Two and two.", "text", "reasoning"),
        ({"content": "<think>Two and two.</think>4", "reasoning_content": None}, "Two and two.", "text", "<think>"),
        ({"content": "Two and two.\n</think>\n\n4"}, "Two and two.", "text", "</think>"),
        ({"content": "<think>Two and two.</think>4", "reasoning": "Two and two."}, "Two and two.", "text", "reasoning"),
        ({"content": "4", "reasoning_content": ""}, None, "empty", "reasoning_content"),
        ({"content": "4"}, None, "missing", None),
    ],
    ids=["up to vLLM 0.10, DeepSeek, Kimi", "vLLM 0.11", "later vLLM", "no parser", "template opened", "in both places", "empty", "none"],
)  # fmt: skip
def test_chat_completions_of_each_generation(
    jsonl: Jsonl, message: Row, text: str | None, state: str, source: str | None
) -> None:
    path = jsonl([completion(message, prompt="2+2?", usage={"total_tokens": 9})])
    made = one(path)
    assert detect(path) == "chat"
    assert said(made) == [("user", "2+2?"), ("assistant", "4", text)]
    assert (made.reasoning_state(), made.reasoning_source()) == (state, source)
    assert (made.trajectory_id, made.model, made.checkpoint, made.finish_reason) == ("c1", "m", "m", "stop")
    assert made.created_at == datetime(2026, 1, 2, 3, 4, 5) and made.metadata == {
        "usage": {"total_tokens": 9}
    }


@pytest.mark.parametrize(
    ("message", "text", "state"),
    [
        (
            {"reasoning": "Let me see.", "reasoning_details": [{"type": "reasoning.text", "text": "Let me see.", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]},
            "Let me see.", "text",
        ),
        (
            {"reasoning": "Looked.", "reasoning_details": [{"type": "reasoning.summary", "summary": "Looked."}, {"type": "reasoning.encrypted", "data": "gAAAAB"}]},
            "Looked.", "summary",
        ),
        ({"reasoning": None, "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAAAB"}]}, None, "encrypted"),
        (
            {"reasoning": "Let me see.", "reasoning_details": [{"type": "reasoning.text", "text": "Let me", "index": 0}, {"type": "reasoning.text", "text": " see.", "index": 0}]},
            "Let me see.", "text",
        ),
        ({"reasoning": "Let me see.", "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAAAB"}]}, "Let me see.", "text"),
        ({"reasoning": None}, None, "missing"),
    ],
    ids=["text in both, once", "summary", "encrypted", "pieces of a stream", "encrypted beside a text", "none"],
)  # fmt: skip
def test_openrouter_responses(jsonl: Jsonl, message: Row, text: str | None, state: str) -> None:
    made = one(jsonl([completion({"content": "4", **message}, provider="Anthropic")]))
    assert said(made) == [("assistant", "4", text)] and made.reasoning_state() == state
    assert made.metadata == {"provider": "Anthropic"}


def test_a_reply_that_ran_out_of_tokens_while_reasoning_is_truncated(jsonl: Jsonl) -> None:
    cut = completion({"content": None, "reasoning_content": "Let me s"}, finish="length")
    answered = completion({"content": "Fo", "reasoning_content": "Let me see."}, finish="length", id="c2")
    assert [made.reasoning_state() for made in read(jsonl([cut, answered]))] == ["truncated", "text"]


def test_each_choice_of_a_response_is_a_trajectory(jsonl: Jsonl) -> None:
    row = completion({"content": "4"}, messages=[{"role": "user", "content": "Pick."}])
    row["choices"].append({"message": {"role": "assistant", "content": "6"}, "finish_reason": "length"})
    found = read(jsonl([row]))
    assert [(made.trajectory_id, made.sample, made.answer(), made.finish_reason) for made in found] == [
        ("c1", None, "4", "stop"),
        ("c1/1", 1, "6", "length"),
    ]
    assert [made.prompt()[0].content for made in found] == ["Pick.", "Pick."]


def test_a_log_that_holds_the_conversation_with_its_answer_says_it_once(jsonl: Jsonl) -> None:
    asked = {"role": "user", "content": "Pick."}
    answer = {"role": "assistant", "content": "4", "reasoning": "Four."}
    made = one(jsonl([completion(answer, messages=[asked, answer])]))
    assert said(made) == [("user", "Pick."), ("assistant", "4", "Four.")]


def test_completions_of_a_prompt_are_read_by_their_tags(jsonl: Jsonl) -> None:
    made = one(
        jsonl(
            [
                {
                    "object": "text_completion",
                    "prompt": "2+2?",
                    "choices": [{"text": "Hm.</think>4", "finish_reason": "stop"}],
                }
            ]
        )
    )
    assert said(made) == [("user", "2+2?"), ("assistant", "4", "Hm.")]


def test_batches_and_logs_of_requests_are_laid_open(jsonl: Jsonl) -> None:
    asked = [{"role": "user", "content": "2+2?"}]
    batch = {
        "id": "batch_1",
        "custom_id": "q7",
        "error": None,
        "response": {"status_code": 200, "body": completion({"content": "4"})},
    }
    log = {
        "request": {"model": "alias", "messages": asked},
        "response": completion({"content": "5"}, id="c2"),
    }
    first, second = read(jsonl([batch, log]))
    assert (first.trajectory_id, first.prompt_id, said(first)) == ("c1", "q7", [("assistant", "4", None)])
    assert (second.trajectory_id, second.model, said(second)) == (
        "c2",
        "m",
        [("user", "2+2?"), ("assistant", "5", None)],
    )


def test_requests_that_failed_are_set_aside_with_what_the_server_said(jsonl: Jsonl) -> None:
    failed = {
        "custom_id": "q8",
        "response": {"status_code": 429, "body": {"error": {"message": "Rate limit reached"}}},
    }
    path = jsonl(
        [{"error": {"message": "overloaded"}}, completion({"content": "4"}), failed, {"choices": []}]
    )
    assert unread(path) == [
        (1, "a request that failed: overloaded"),
        (3, "a request that failed: Rate limit reached"),
        (4, "neither `messages` with roles nor `choices` with a message"),
    ]


def test_tool_calls_and_results_keep_their_order_and_name(jsonl: Jsonl) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    made = one(jsonl([{"messages": [
        {"role": "system", "content": "Use <think> tags."},
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": None, "reasoning_content": "I look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Nothing."},
        {"role": "assistant", "content": "Nothing there.", "reasoning_content": "So be it."},
    ]}]))  # fmt: skip
    assert said(made) == [
        ("system", "Use <think> tags."),
        ("user", "Look."),
        ("assistant", "", "I look.", ("look", '{"at": 1}')),
        ("tool", "Nothing.", "look"),
        ("assistant", "Nothing there.", "So be it."),
    ]
    assert made.turns() == [(2, "I look."), (4, "So be it.")]


def test_typed_parts_under_value_with_calls_as_json(jsonl: Jsonl) -> None:
    made = one(jsonl([{"tools": "[]", "messages": [
        {"role": "user", "content": [{"type": "text", "value": "Look."}]},
        {"role": "assistant", "content": [
            {"type": "reasoning", "value": "I look."},
            {"type": "reasoning", "value": "Twice."},
            {"type": "tool_call", "value": '{"name": "look", "arguments": {"at": 1}}'},
        ]},
    ]}]))  # fmt: skip
    assert said(made) == [("user", "Look."), ("assistant", "", "I look.\n\nTwice.", ("look", {"at": 1}))]


def test_a_message_in_a_field_of_a_row_and_its_copies_once(jsonl: Jsonl) -> None:
    path = jsonl([{
        "question": "2+2?", "answer": "4", "response": "The sum of two and two is four, as everybody knows.",
        "gcot": "Two and two.", "ts": "2026-01-02T03:04:05+00:00Z", "model": "m",
        "raw_message": {"role": "assistant", "content": "The sum of two and two is four, as everybody knows.", "reasoning": "Two and two."},
        "meta": {"id": "chatcmpl-1", "created": 1, "finish_reason": "stop"},
    }])  # fmt: skip
    made = one(path)
    assert detect(path) == "message-rows"
    assert said(made) == [
        ("user", "2+2?"),
        ("assistant", "The sum of two and two is four, as everybody knows.", "Two and two."),
    ]
    assert (made.trajectory_id, made.finish_reason, made.created_at) == (
        "chatcmpl-1",
        "stop",
        datetime(2026, 1, 2, 3, 4, 5),
    )
    assert made.metadata == {
        "answer": "4",
        "meta": {"id": "chatcmpl-1", "created": 1, "finish_reason": "stop"},
    }


def test_ollama_responses_whole_and_as_the_lines_of_a_stream(jsonl: Jsonl) -> None:
    path = jsonl([
        ollama("4", "Two and two."),
        ollama("", "Two", done=False), ollama("", " and two.", done=False), ollama("4", done=False), ollama(""),
        ollama("", "Cut o", done=False),
    ])  # fmt: skip
    whole, stream, cut = read(path)
    assert detect(path) == "ollama"
    assert said(whole) == said(stream) == [("assistant", "4", "Two and two.")]
    assert (stream.line, stream.model, stream.finish_reason, stream.metadata) == (
        2,
        "qwen3",
        "stop",
        {"eval_count": 9},
    )
    assert (cut.reasoning(), cut.reasoning_state(), cut.finish_reason) == ("Cut o", "truncated", None)


def test_ollama_generate_with_its_prompt(jsonl: Jsonl) -> None:
    made = one(
        jsonl(
            [
                {
                    "model": "qwen3",
                    "prompt": "2+2?",
                    "response": "4",
                    "thinking": "Hm.",
                    "done": True,
                    "context": [1, 2],
                }
            ]
        )
    )
    assert said(made) == [("user", "2+2?"), ("assistant", "4", "Hm.")] and made.metadata == {}


def test_sharegpt_conversations(jsonl: Jsonl) -> None:
    path = jsonl([{"id": "x1", "system": "Be brief.", "tools": "[]", "conversations": [
        {"from": "human", "value": "Look."},
        {"from": "function_call", "value": '{"name": "look", "arguments": {"at": 1}}'},
        {"from": "observation", "value": "Nothing."},
        {"from": "gpt", "value": "<think>\nSo be it.\n</think>\n\nNothing there."},
    ]}])  # fmt: skip
    made = one(path)
    assert detect(path) == "sharegpt" and made.trajectory_id == "x1"
    assert said(made) == [
        ("system", "Be brief."),
        ("user", "Look."),
        ("assistant", "", None, ("look", {"at": 1})),
        ("tool", "Nothing."),
        ("assistant", "Nothing there.", "So be it."),
    ]


# Streamed chat completions -------------------------------------------------------------------------------------


def test_the_chunks_of_a_streamed_completion_are_one_response(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([
        chunk({"role": "assistant", "content": ""}), chunk({"reasoning_content": "Two "}), chunk({"reasoning_content": "and two."}),
        chunk({"content": "It is "}), chunk({"content": "4."}), chunk({}, "stop"),
        chunk({}, choices=[], usage={"total_tokens": 9}),
    ])  # fmt: skip
    made = one(path)
    assert detect(path) == "chat-stream" and said(made) == [("assistant", "It is 4.", "Two and two.")]
    assert (made.trajectory_id, made.model, made.finish_reason, made.reasoning_state()) == (
        "chatcmpl-1",
        "m",
        "stop",
        "text",
    )
    assert made.created_at == datetime(2026, 1, 2, 3, 4, 5) and made.metadata == {
        "usage": {"total_tokens": 9}
    }
    [report] = ingest(store, [path])
    assert (report.items, report.read, report.joined, report.set_aside) == (7, 1, 6, 0)


def test_streams_that_stand_mixed_and_one_that_was_cut_off(jsonl: Jsonl) -> None:
    path = jsonl([
        chunk({"reasoning": "A"}), chunk({"reasoning": "B"}, id="other"), chunk({"reasoning": "a."}), chunk({"content": "4"}, "stop"),
        chunk({"reasoning": "b and"}, id="other"),
    ])  # fmt: skip
    assert [(made.trajectory_id, made.reasoning(), made.reasoning_state()) for made in read(path)] == [
        ("chatcmpl-1", "Aa.", "text"),
        ("other", "Bb and", "truncated"),
    ]


def test_a_stream_with_calls_in_pieces_details_and_several_choices(jsonl: Jsonl) -> None:
    def call(index: int, name: str | None, arguments: str) -> Row:
        return {"index": index, "function": {"name": name, "arguments": arguments}}

    detail = {"type": "reasoning.summary", "summary": "Looked.", "index": 0}
    second = {"index": 1, "delta": {"content": "No."}, "finish_reason": "length"}
    path = jsonl([
        chunk({"reasoning_details": [detail]}),
        chunk({"tool_calls": [call(0, "look", '{"at"')]}), chunk({"tool_calls": [call(0, None, ": 1}"), call(1, "wait", "{}")]}),
        chunk({}, choices=[second, {"index": 0, "delta": {}, "finish_reason": "tool_calls"}]),
        {"id": "x", "object": "chat.completion.chunk", "choices": [7]},
    ])  # fmt: skip
    made = [each[1] for each in named("chat-stream").read(path, "s") if not isinstance(each, Unreadable)]
    assert [said(each) for each in made] == [
        [("assistant", "", "Looked.", ("look", '{"at": 1}'), ("wait", "{}"))],
        [("assistant", "No.", None)],
    ]
    assert [(each.trajectory_id, each.finish_reason) for each in made] == [
        ("chatcmpl-1", "tool_calls"),
        ("chatcmpl-1/1", "length"),
    ]
    assert made[0].reasoning_state() == "summary" and [line for line, _ in unread(path)] == [5]


def test_chunks_without_an_id_and_one_that_is_none_before_the_first(jsonl: Jsonl) -> None:
    pieces = [chunk({"content": "4"}), chunk({}, "stop"), chunk({"content": "6"})]
    path = jsonl([{"id": "a", "object": "chat.completion.chunk", "choices": "x"}, chunk({"content": "2"}, id="a"), *({**each, "id": None} for each in pieces)])  # fmt: skip
    made = [each[1] for each in named("chat-stream").read(path, "s") if not isinstance(each, Unreadable)]
    assert [(each.line, each.answer()) for each in made] == [(2, "2"), (3, "4"), (5, "6")]
    assert [line for line, _ in unread(path)] == [1]
