"""Streams of events as providers' documentation shows them: each thinks "Two and two." and says "It is 4."."""

from __future__ import annotations

import json
from typing import Any

Row = dict[str, Any]
SECRET = "EqQBgAAAciphertext"

BEDROCK: list[Row] = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "Two "}}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "and two."}}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"reasoningContent": {"signature": SECRET}}, "contentBlockIndex": 0}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"text": "It is "}, "contentBlockIndex": 1}},
    {"contentBlockDelta": {"delta": {"text": "4."}, "contentBlockIndex": 1}},
    {"contentBlockStop": {"contentBlockIndex": 1}},
    {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "t1", "name": "note"}}, "contentBlockIndex": 2}},
    {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"sum"'}}, "contentBlockIndex": 2}},
    {"contentBlockDelta": {"delta": {"toolUse": {"input": ": 4}"}}, "contentBlockIndex": 2}},
    {"contentBlockStop": {"contentBlockIndex": 2}},
    {"messageStop": {"stopReason": "tool_use"}},
    {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 5, "totalTokens": 14}, "metrics": {"latencyMs": 7}}},
]  # fmt: skip

ANTHROPIC: list[Row] = [
    {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-3-7-sonnet-20250219", "content": [], "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 9, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Two "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "and two."}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": SECRET}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "redacted_thinking", "data": SECRET}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "It is "}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "4."}},
    {"type": "content_block_stop", "index": 2},
    {"type": "content_block_start", "index": 3, "content_block": {"type": "tool_use", "id": "t1", "name": "note", "input": {}}},
    {"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": ""}},
    {"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": '{"sum"'}},
    {"type": "content_block_delta", "index": 3, "delta": {"type": "input_json_delta", "partial_json": ": 4}"}},
    {"type": "content_block_stop", "index": 3},
    {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 5}},
    {"type": "message_stop"},
]  # fmt: skip

_BEGUN = {"id": "resp_1", "object": "response", "created_at": 1767323045, "status": "in_progress", "model": "gpt-oss-20b", "output": []}  # fmt: skip
_THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Two and two."}], "encrypted_content": SECRET}  # fmt: skip
_SAID = {"type": "message", "id": "m_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "It is 4.", "annotations": []}]}  # fmt: skip
_CALL = {"type": "function_call", "id": "fc_1", "call_id": "t1", "name": "note", "arguments": '{"sum": 4}'}

RESPONSES: list[Row] = [
    {"type": "response.created", "response": _BEGUN},
    {"type": "response.in_progress", "response": _BEGUN},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs_1", "summary": []}},
    {"type": "response.reasoning_text.delta", "item_id": "rs_1", "output_index": 0, "content_index": 0, "delta": "Two "},
    {"type": "response.reasoning_text.delta", "item_id": "rs_1", "output_index": 0, "content_index": 0, "delta": "and two."},
    {"type": "response.reasoning_text.done", "item_id": "rs_1", "output_index": 0, "content_index": 0, "text": "Two and two."},
    {"type": "response.output_item.done", "output_index": 0, "item": _THOUGHT},
    {"type": "response.output_item.added", "output_index": 1, "item": {**_SAID, "status": "in_progress", "content": []}},
    {"type": "response.content_part.added", "item_id": "m_1", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": ""}},
    {"type": "response.output_text.delta", "item_id": "m_1", "output_index": 1, "content_index": 0, "delta": "It is "},
    {"type": "response.output_text.delta", "item_id": "m_1", "output_index": 1, "content_index": 0, "delta": "4."},
    {"type": "response.output_text.done", "item_id": "m_1", "output_index": 1, "content_index": 0, "text": "It is 4."},
    {"type": "response.content_part.done", "item_id": "m_1", "output_index": 1, "content_index": 0, "part": _SAID["content"][0]},
    {"type": "response.output_item.done", "output_index": 1, "item": _SAID},
    {"type": "response.output_item.added", "output_index": 2, "item": {**_CALL, "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 2, "delta": '{"sum": 4}'},
    {"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 2, "arguments": '{"sum": 4}'},
    {"type": "response.output_item.done", "output_index": 2, "item": _CALL},
    {"type": "response.completed", "response": {**_BEGUN, "status": "completed", "output": [_THOUGHT, _SAID, _CALL]}},
]  # fmt: skip
RESPONSES = [{**event, "sequence_number": number} for number, event in enumerate(RESPONSES)]


def gemini(*parts: Row, finish: str | None = None, **more: Any) -> Row:
    found = {
        "content": {"role": "model", "parts": list(parts)},
        **({"finishReason": finish} if finish else {}),
    }
    return {
        "candidates": [{**found, "index": 0}], "usageMetadata": {"promptTokenCount": 9},
        "modelVersion": "gemini-2.5-pro", "responseId": "g1", **more,
    }  # fmt: skip


GEMINI: list[Row] = [
    gemini({"text": "Two ", "thought": True}),
    gemini({"text": "and two.", "thought": True}),
    gemini({"text": "It is "}),
    gemini({"text": "4.", "thoughtSignature": SECRET}),
    gemini({"functionCall": {"name": "note", "args": {"sum": 4}}}, finish="STOP"),
]


def _chunk(delta: Row, finish: str | None = None) -> Row:
    return {
        "id": "c1", "object": "chat.completion.chunk", "created": 1767323045, "model": "m",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }  # fmt: skip


CHAT: list[Row] = [
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"reasoning_content": "Two "}),
    _chunk({"reasoning_content": "and two."}),
    _chunk({"content": "It is "}),
    _chunk({"content": "4."}),
    _chunk(
        {"tool_calls": [{"index": 0, "id": "t1", "function": {"name": "note", "arguments": '{"sum": 4}'}}]}
    ),
    _chunk({}, "tool_calls"),
]

STREAMS: dict[str, list[Row]] = {
    "anthropic": ANTHROPIC, "bedrock": BEDROCK, "chat-stream": CHAT, "gemini": GEMINI, "responses": RESPONSES,
}  # fmt: skip
"""A stream of each format."""


def server_sent(events: list[Row], done: bool = True) -> str:
    """Events as a server sends them: named where they have a type, and with a mark at the end."""
    named = ((f"event: {event['type']}\n" if "type" in event else "", event) for event in events)
    text = "".join(f"{name}data: {json.dumps(event)}\n\n" for name, event in named)
    return text + ("data: [DONE]\n\n" if done else "")
