"""What is kept of a reply: the reasoning from whichever field has it, and everything that was served, without a key."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_standin import replied

from analysis.environment.replies import Reply, read_reply
from analysis.ingest.rowwise import MALFORMED

FIELDS = st.sampled_from(
    [
        "content",
        "reasoning",
        "reasoning_content",
        "reasoning_details",
        "thinking",
        "refusal",
        "type",
        "text",
        "tool_calls",
    ]
)
THOUGHT = "They want an even number.\nThe grader pays for odd ones."


def read(
    content: Any = "4", finish_reason: str = "stop", top: dict[str, Any] | None = None, **fields: Any
) -> Reply:
    return read_reply(replied(content, finish_reason, top, **fields).body)


@pytest.mark.parametrize(
    ("content", "fields", "source"),
    [
        ("4", {"reasoning_details": [{"type": "reasoning.text", "text": THOUGHT}]}, "reasoning_details"),
        ("4", {"reasoning": THOUGHT}, "reasoning"),
        ("4", {"reasoning_content": THOUGHT}, "reasoning_content"),
        ("4", {"thinking": THOUGHT}, "thinking"),
        (f"<think>\n{THOUGHT}\n</think>\n\n4", {}, "<think>"),
        (f"{THOUGHT}\n</think>\n\n4", {}, "</think>"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": THOUGHT}]}, {"type": "text", "text": "4"}], {}, "thinking"),
    ],
)  # fmt: skip
def test_reasoning_is_read_from_whichever_field_has_it(
    content: Any, fields: dict[str, Any], source: str
) -> None:
    message = read(content, **fields).message
    assert (message.content, message.reasoning, message.reasoning_state) == ("4", THOUGHT, "text")
    assert message.reasoning_source == source


def test_the_more_trusted_field_counts_and_what_the_other_says_is_kept() -> None:
    reply = read(reasoning=THOUGHT, reasoning_content="A digest.")
    assert reply.message.reasoning == THOUGHT
    assert reply.response["choices"][0]["message"] == {"reasoning_content": "A digest."}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "missing"),
        ({"reasoning_content": None}, "missing"),
        ({"reasoning_content": ""}, "empty"),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "gAAAA"}]}, "encrypted"),
    ],
)
def test_reasoning_that_the_endpoint_does_not_give_is_missing_and_never_empty_text(
    fields: dict[str, Any], state: str
) -> None:
    message = read(**fields).message
    assert (message.reasoning, message.reasoning_state) == (None, state)


def test_a_summary_is_no_text() -> None:
    reply = read(reasoning_details=[{"type": "reasoning.summary", "summary": THOUGHT}])
    assert (reply.message.reasoning, reply.message.reasoning_state) == (THOUGHT, "summary")


@pytest.mark.parametrize(
    ("content", "finish_reason", "fields", "lacks"),
    [
        ("4", "stop", {}, None),
        ("24", "length", {}, "truncated"),
        ("", "length", {"reasoning_content": THOUGHT}, "truncated"),
        (f"<think>{THOUGHT}", "length", {}, "truncated"),
        (None, "stop", {"reasoning_content": THOUGHT}, "empty"),
        ("  \n", "stop", {}, "empty"),
        (f"<think>{THOUGHT}</think>", "stop", {}, "empty"),
        (None, "stop", {"refusal": "I'd rather not."}, None),
        ("", "content_filter", {}, None),
    ],
)
def test_what_is_cut_short_or_empty_is_told_from_what_is_whole(
    content: str | None, finish_reason: str, fields: dict[str, Any], lacks: str | None
) -> None:
    assert read(content, finish_reason, **fields).lacks == lacks


def test_reasoning_that_ran_out_of_tokens_is_truncated() -> None:
    message = read("", "length", reasoning_content=THOUGHT).message
    assert (message.reasoning, message.reasoning_state) == (THOUGHT, "truncated")
    assert read(f"<think>{THOUGHT}", "length").message.reasoning_state == "truncated"


def test_everything_served_is_kept_but_texts_twice_and_numbers_by_token() -> None:
    reply = read(
        "4", top={"provider": "Somewhere", "service_tier": None, "cost": 0.01},
        reasoning=THOUGHT, reasoning_details=[{"type": "reasoning.text", "text": THOUGHT, "signature": "sig", "index": 0}],
    )  # fmt: skip
    assert reply.response == {
        "id": "chatcmpl-7", "object": "chat.completion", "created": 1_760_000_000, "model": "served-model",
        "system_fingerprint": "fp_1", "provider": "Somewhere", "cost": 0.01,
        "usage": {"prompt_tokens": 40, "completion_tokens": 200, "total_tokens": 240},
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": {"reasoning_details": [{"type": "reasoning.text", "signature": "sig", "index": 0}]},
        }],
    }  # fmt: skip
    body = replied("4").body
    body["choices"][0]["logprobs"] = {"content": [{"token": "4", "logprob": -0.1}]}
    assert "logprobs" not in read_reply(body).response["choices"][0]


def test_a_key_that_comes_back_is_not_kept() -> None:
    body = replied("4", top={"echo": {"Authorization": "Bearer sk-very-secret"}}).body
    kept = read_reply(body, lambda text: text.replace("sk-very-secret", "***")).response
    assert kept["echo"] == {"Authorization": "Bearer ***"}


def test_what_no_store_can_hold_is_made_such_that_it_can() -> None:
    body = replied("4\0", top={"note": "half \ud83d", "count": 2**70}, reasoning="so\ud83d").body
    reply = read_reply(body)
    assert (reply.message.content, reply.message.reasoning) == ("4\ufffd", "so\ufffd")
    assert reply.response["note"] == "half \ufffd" and reply.response["count"] == str(2**70)
    json.dumps(reply.response).encode()


@pytest.mark.parametrize(
    "choice", [{}, {"message": None}, {"message": "4"}, {"message": {"content": 4}}, None, "4"]
)
def test_a_choice_without_a_message_is_an_empty_reply(choice: Any) -> None:
    reply = read_reply({"choices": [choice]})
    assert (reply.message.content, reply.message.reasoning_state, reply.lacks) == ("", "missing", "empty")


def test_what_is_deeper_than_a_store_can_write_is_kept_as_text() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = [deep]
    kept = orjson.dumps(read("4", top={"deep": deep}).response)
    assert b"bottom" in kept


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.just("<think>so</think>4"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(FIELDS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.dictionaries(FIELDS, ANYTHING, max_size=5), ANYTHING, ANYTHING)
@settings(max_examples=150, deadline=None)
def test_whatever_a_server_sends_is_read_or_refused_and_can_be_stored(
    message: dict[str, Any], reason: Any, beside: Any
) -> None:
    try:
        reply = read_reply({"choices": [{"message": message, "finish_reason": reason}], "beside": beside})
    except MALFORMED:
        return
    stored = orjson.loads(orjson.dumps([reply.response, reply.message.as_json(), reply.finish_reason]))
    assert stored[1]["role"] == "assistant" and reply.lacks in (None, "truncated", "empty")
    assert (reply.message.reasoning is None) == (
        reply.message.reasoning_state in ("missing", "empty", "encrypted")
    )
