from __future__ import annotations

import time
from typing import Any

import pytest

from analysis.ingest.reasoning import read_message, split_tags
from analysis.trajectories import Message, Trajectory


@pytest.mark.parametrize(
    ("content", "reasoning", "answer", "state"),
    [
        ("<think>Hm.</think>42", "Hm.", "42", "text"),
        ("\n<thinking>\nHm.\n</thinking>\n\n42", "Hm.", "42", "text"),
        ("<think>a</think>then<think>b</think>42", "a\n\nb", "then42", "text"),
        ("<think>cut off in the mid", "cut off in the mid", "", "truncated"),
        ("The template opened it.</think>42", "The template opened it.", "42", "text"),
        ("<think>\n\n</think>42", None, "42", "empty"),
        ("</think>42", None, "42", "empty"),
        ("<think>a</think>then\n<think>b and", "a\n\nb and", "then", "truncated"),
        ("It ends at `</think>`.", None, "It ends at `</think>`.", "missing"),
        (
            "Write `<think>` around it, then `</think>`.",
            None,
            "Write `<think>` around it, then `</think>`.",
            "missing",
        ),
        ("42", None, "42", "missing"),
        ("", None, "", "missing"),
    ],
)
def test_tags_balanced_opened_closed_empty_and_quoted(
    content: str, reasoning: str | None, answer: str, state: str
) -> None:
    assert split_tags(content)[:3] == (reasoning, answer, state)


@pytest.mark.parametrize(
    ("more", "text", "state", "source"),
    [
        ({"reasoning_content": "A"}, "A", "text", "reasoning_content"),
        ({"reasoning": "A", "reasoning_content": "B"}, "A", "text", "reasoning"),
        ({"thinking": "A"}, "A", "text", "thinking"),
        ({"reasoning": "A", "reasoning_details": [{"type": "reasoning.text", "text": "A"}]}, "A", "text", "reasoning_details"),
        ({"reasoning_details": [{"type": "reasoning.summary", "summary": "S"}]}, "S", "summary", "reasoning_details"),
        ({"reasoning": None, "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAA"}]}, None, "encrypted", "reasoning_details"),
        ({"reasoning": "", "reasoning_content": "B"}, "B", "text", "reasoning_content"),
        ({"reasoning": "A", "reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAA"}]}, "A", "text", "reasoning"),
        ({"reasoning": {"effort": "high"}, "thinking": True}, None, "missing", None),
        ({"reasoning": ""}, None, "empty", "reasoning"),
        ({}, None, "missing", None),
    ],
)  # fmt: skip
def test_fields_in_their_order_of_trust(
    more: dict[str, Any], text: str | None, state: str, source: str | None
) -> None:
    message = read_message({"role": "assistant", "content": "4", **more})
    assert (message.reasoning, message.reasoning_state, message.reasoning_source) == (text, state, source)
    assert message.content == "4"


def test_typed_parts_keep_the_reasoning_apart_from_what_was_said() -> None:
    message = read_message({"role": "assistant", "content": [
        {"type": "reasoning", "reasoning": "First."},
        {"type": "reasoning", "value": "Second."},
        {"type": "text", "text": "Said."},
        {"type": "tool_use", "name": "look", "input": {"at": 1}},
        {"type": "image_url", "image_url": {"url": "data:"}},
    ]})  # fmt: skip
    assert (message.reasoning, message.reasoning_state) == ("First.\n\nSecond.", "text")
    assert message.content == "Said.\n\n[image_url]"
    assert message.tool_calls == [{"name": "look", "arguments": {"at": 1}}]


@pytest.mark.parametrize(
    ("block", "text", "state"),
    [
        ({"type": "reasoning", "text": "A"}, "A", "text"),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "A"}]}, "A", "text"),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "S"}], "encrypted_content": "gAAA"}, "S", "summary"),
        ({"type": "reasoning", "reasoning": "A", "summary": "S"}, "A", "text"),
        ({"type": "thinking", "thinking": "", "signature": "EqQB"}, None, "encrypted"),
        ({"type": "thinking", "thinking": " "}, None, "empty"),
        ({"type": "reasoning", "summary": []}, None, "missing"),
    ],
    ids=["AI SDK", "Mistral", "LangChain", "text before summary", "only signed", "blank", "nothing given"],
)  # fmt: skip
def test_blocks_of_every_provider(block: dict[str, Any], text: str | None, state: str) -> None:
    message = read_message({"role": "assistant", "content": [block, {"type": "text", "text": "4"}]})
    assert (message.reasoning, message.reasoning_state, message.content) == (text, state, "4")


def test_what_can_be_read_anywhere_goes_before_what_cannot() -> None:
    sealed = {"type": "redacted_thinking", "data": "EmwK"}
    message = read_message({"role": "assistant", "content": [sealed], "reasoning_content": "A"})
    assert (message.reasoning, message.reasoning_state) == ("A", "text")


def test_tags_that_repeat_a_field_are_taken_out_of_the_answer_and_others_stay() -> None:
    repeated = read_message({"role": "assistant", "content": "<think>\nA\n</think>\n4", "reasoning": "A"})
    other = read_message({"role": "assistant", "content": "<think>B</think>4", "reasoning": "A"})
    assert (repeated.content, repeated.reasoning) == ("4", "A")
    assert (other.content, other.reasoning) == ("<think>B</think>4", "A")


@pytest.mark.parametrize(
    "content",
    [
        "<think>" * 200_000,
        "<think>x</thinking>" * 100_000,
        "</think>" * 200_000,
        "<think>x</think>" + "\n" * 500_000,
    ],
)
def test_tags_by_the_hundred_thousand_take_no_longer(content: str) -> None:
    started = time.process_time()
    split_tags(content)
    assert time.process_time() - started < 4


@pytest.mark.parametrize(
    ("role", "known"), [("human", "user"), ("gpt", "assistant"), ("function", "tool"), ("critic", "critic")]
)
def test_roles_by_any_name(role: str, known: str) -> None:
    assert read_message({"role": role, "content": "x"}).role == known


def test_ciphertext_is_never_text() -> None:
    sealed = {"type": "reasoning", "reasoning": "gAAAAABpPfO2", "redacted": True}
    without = read_message({"role": "assistant", "content": [sealed]})
    with_summary = read_message({"role": "assistant", "content": [{**sealed, "summary": "Looked."}]})
    anthropic = read_message(
        {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "gAAA"}]}
    )
    assert (without.reasoning, without.reasoning_state) == (None, "encrypted")
    assert (with_summary.reasoning, with_summary.reasoning_state) == ("Looked.", "summary")
    assert (anthropic.reasoning, anthropic.reasoning_state) == (None, "encrypted")


def test_tags_in_a_system_prompt_are_no_reasoning() -> None:
    message = read_message({"role": "system", "content": "<think>Reason here.</think>"})
    assert (message.reasoning_state, message.content) == (None, "<think>Reason here.</think>")


def test_a_lone_surrogate_and_a_nul_become_visible_and_move_no_offset() -> None:
    message = read_message({"role": "assistant", "content": "a\ud800b\0c", "reasoning": "x\udfffy"})
    assert (message.content, message.reasoning) == ("a\ufffdb\ufffdc", "x\ufffdy")


def turn(state: str, text: str | None = None) -> Message:
    return Message("assistant", "said", text, state)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("turns", "state", "reasoning"),
    [
        ([turn("text", "a"), turn("text", "b")], "text", "a\n\nb"),
        ([turn("text", "a"), turn("missing")], "text", "a"),
        ([turn("text", "a"), turn("truncated", "b")], "truncated", "a\n\nb"),
        ([turn("text", "a"), turn("summary", "b")], "summary", "a\n\nb"),
        ([turn("encrypted"), turn("missing")], "encrypted", None),
        ([turn("empty"), turn("missing")], "empty", None),
        ([turn("missing")], "missing", None),
        ([Message("user", "hi")], "missing", None),
    ],
)
def test_a_trajectory_has_one_state_and_a_summary_is_never_pooled(
    turns: list[Message], state: str, reasoning: str | None
) -> None:
    trajectory = Trajectory("s", turns)
    assert (trajectory.reasoning_state(), trajectory.reasoning()) == (state, reasoning)
