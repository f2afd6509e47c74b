"""Rows shaped as providers' documentation shows them, one of each format in EXAMPLES."""

from __future__ import annotations

from typing import Any

from tests.ingest.stream_examples import ANTHROPIC, BEDROCK, GEMINI, RESPONSES

Row = dict[str, Any]


def completion(message: Row, finish: str = "stop", **more: Any) -> Row:
    choice = {
        "index": 0,
        "message": {"role": "assistant", **message},
        "finish_reason": finish,
        "logprobs": None,
    }
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1767323045,
        "model": "m",
        "choices": [choice],
        **more,
    }


def ollama(content: str, thinking: str | None = None, done: bool = True, **more: Any) -> Row:
    message = {"role": "assistant", "content": content, **({"thinking": thinking} if thinking else {})}
    ending = {"done_reason": "stop", "eval_count": 9} if done else {}
    return {
        "model": "qwen3",
        "created_at": "2026-01-02T03:04:05.123Z",
        "message": message,
        "done": done,
        **ending,
        **more,
    }


def response(*output: Row, **more: Any) -> Row:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1767323045,
        "status": "completed",
        "model": "o4-mini",
        "output": list(output),
        **more,
    }


def answered(text: str) -> Row:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def rollout(kind: str, payload: Row) -> Row:
    return {"timestamp": "2026-01-02T03:04:05.000Z", "type": kind, "payload": payload}


def codex_lines() -> list[Row]:
    return [
        rollout("session_meta", {"id": "0199", "timestamp": "2026-01-02T03:04:05.000Z", "cwd": "/w", "originator": "codex_cli_rs", "base_instructions": {"text": "You are Codex."}}),
        rollout("response_item", {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "List."}]}),
        rollout("event_msg", {"type": "user_message", "message": "List."}),
        rollout("turn_context", {"cwd": "/w", "model": "gpt-5-codex", "summary": "auto"}),
        rollout("event_msg", {"type": "agent_reasoning", "text": "**Looking**"}),
        rollout("response_item", {"type": "reasoning", "summary": [{"type": "summary_text", "text": "**Looking**"}], "content": None, "encrypted_content": "gAAAAB"}),
        rollout("response_item", {"type": "local_shell_call", "call_id": "c1", "action": {"type": "exec", "command": ["ls"]}}),
        rollout("response_item", {"type": "function_call_output", "call_id": "c1", "output": "a.txt"}),
        rollout("response_item", {"type": "ghost_snapshot", "ghost_commit": {}}),
        rollout("event_msg", {"type": "agent_message", "message": "One file."}),
        rollout("response_item", {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "One file."}]}),
    ]  # fmt: skip


def anthropic(*blocks: Row, **more: Any) -> Row:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        **more,
    }


def thinking(text: str, signature: str = "EqQB") -> Row:
    return {"type": "thinking", "thinking": text, "signature": signature}


def text(said: str) -> Row:
    return {"type": "text", "text": said}


def line(kind: str, content: Any, uuid: str, parent: str | None = None, **more: Any) -> Row:
    message: Row = {"role": kind, "content": content}
    if kind == "assistant":
        message |= {
            "id": more.pop("id", f"msg_{uuid}"),
            "model": more.pop("model", "claude-sonnet-4-5"),
            "stop_reason": None,
        }
    return {
        "type": kind, "sessionId": "s1", "uuid": uuid, "parentUuid": parent, "isSidechain": False, "cwd": "/w",
        "timestamp": "2026-01-02T03:04:05.000Z", "message": message, **more,
    }  # fmt: skip


def tool_use(key: str, name: str = "Read") -> Row:
    return {"type": "tool_use", "id": key, "name": name, "input": {"path": key}}


def tool_result(key: str, given: Any = "ok") -> Row:
    return {"type": "tool_result", "tool_use_id": key, "content": given}


GEMINI_TURNS: list[Row] = [
    {"id": "1", "timestamp": "2026-01-02T03:04:06.000Z", "type": "user", "content": "Write it."},
    {"id": "2", "timestamp": "2026-01-02T03:04:07.000Z", "type": "info", "content": "Update available"},
    {
        "id": "3",
        "timestamp": "2026-01-02T03:04:08.000Z",
        "type": "gemini",
        "content": "I write.",
        "model": "gemini-2.5-pro",
        "tokens": {"total": 9},
        "thoughts": [
            {"subject": "Planning", "description": "\\n\\n\n\nI plan to write `a\\nb`."},
            {"subject": "", "description": "Then I check."},
        ],
        "toolCalls": [
            {"id": "w", "name": "write_file", "args": {"path": "a"}, "status": "success",
             "result": [{"functionResponse": {"id": "w", "name": "write_file", "response": {"output": "Wrote a."}}}]},
            {"id": "x", "name": "run", "args": {}, "status": "error",
             "result": [{"functionResponse": {"id": "x", "name": "run", "response": {"error": "No."}}}]},
        ],
    },
    {"id": "4", "type": "gemini", "content": [{"text": "Written."}], "model": "gemini-2.5-pro"},
]  # fmt: skip


GEMINI_SAID = [
    ("user", "Write it."),
    (
        "assistant",
        "I write.",
        "**Planning**\n\nI plan to write `a\\nb`.\n\nThen I check.",
        ("write_file", {"path": "a"}),
        ("run", {}),
    ),
    ("tool", "Wrote a.", "write_file"),
    ("tool", "No.", "run"),
    ("assistant", "Written.", None),
]


GEMINI_META = {"sessionId": "g1", "projectHash": "2d33", "startTime": "2026-01-02T03:04:05.000Z"}


def candidate(*parts: Row, finish: str = "STOP") -> Row:
    return {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}


ANALYSIS = "<|channel|>analysis<|message|>Two and two.<|end|>"


FINAL = "<|start|>assistant<|channel|>final<|message|>4<|return|>"


def chunk(delta: Row, finish: str | None = None, **more: Any) -> Row:
    return {
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1767323045, "model": "m",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}], **more,
    }  # fmt: skip


def exec_event(kind: str, **fields: Any) -> Row:
    """An event about an item, whose id is `id` and type `item_type`."""
    name = {"agent": "agent_message", "reasoning": "reasoning", "command": "command_execution"}
    key, what = fields.pop("id"), fields.pop("item")
    return {"type": f"item.{kind}", "item": {"id": key, "type": name.get(what, what), **fields}}


CODEX_EXEC: list[Row] = [
    {"type": "thread.started", "thread_id": "0199-t"},
    {"type": "turn.started"},
    exec_event("completed", id="item_0", item="reasoning", text="**Looking around**"),
    exec_event("started", id="item_1", item="command", command="bash -lc ls", aggregated_output="", exit_code=None, status="in_progress"),
    exec_event("completed", id="item_1", item="command", command="bash -lc ls", aggregated_output="a.txt\n", exit_code=0, status="completed"),
    exec_event("completed", id="item_2", item="agent", text="One file."),
    {"type": "turn.completed", "usage": {"input_tokens": 9, "cached_input_tokens": 0, "output_tokens": 5}},
]  # fmt: skip


def converse(*blocks: Row, **more: Any) -> Row:
    return {
        "output": {"message": {"role": "assistant", "content": list(blocks)}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 9, "outputTokens": 5, "totalTokens": 14}, "metrics": {"latencyMs": 7}, **more,
    }  # fmt: skip


def reasoned(text: str) -> Row:
    return {"reasoningContent": {"reasoningText": {"text": text, "signature": "EqQB"}}}


EXAMPLES: dict[str, list[Row]] = {
    "chat": [completion({"content": "4", "reasoning_details": [{"type": "reasoning.text", "text": "x"}]})],
    "message-rows": [{"q": "x", "m": {"role": "assistant", "content": "4", "tool_calls": []}, "meta": {}}],
    "ollama": [ollama("", "Tw", done=False), ollama("4", "o")],
    "responses": [response({"type": "reasoning", "summary": [{"text": "x"}]}, answered("4"), input="2"), *RESPONSES],
    "codex": codex_lines(),
    "codex-exec": CODEX_EXEC,
    "chat-stream": [chunk({"role": "assistant", "reasoning_content": "x"}), chunk({"content": "4", "tool_calls": [{"index": 0, "function": {"name": "a"}}]}, "stop")],
    "bedrock": [converse(reasoned("x"), {"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}, messages=[{"role": "user", "content": [{"text": "x"}]}]), *BEDROCK, {"stream": BEDROCK}],
    "anthropic": [anthropic(thinking("x"), tool_use("a"), system=[text("x")]), *ANTHROPIC],
    "claude-code": [line("user", "x", "1"), line("assistant", [thinking("x")], "2", "1", isSidechain=True)],
    "gemini-cli": [{**GEMINI_META, "messages": GEMINI_TURNS}, GEMINI_META, *GEMINI_TURNS, {"$rewindTo": "3"}],
    "gemini": [{"candidates": [candidate({"text": "x", "thought": True})], "contents": [{"parts": [{"text": "x"}]}]}, *GEMINI],
    "harmony": [{"raw": ANALYSIS + FINAL, "messages": [{"role": "user", "content": "x"}]}],
    "sharegpt": [{"conversations": [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]}],
}  # fmt: skip
