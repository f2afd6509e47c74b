"""Amazon Bedrock's Converse API: responses, `{"output": {"message": {"content": [blocks]}}, "stopReason": …}`.

Blocks are told by their one key. Reasoning comes from `reasoningContent.reasoningText.text`; `redactedContent`, and a text
that is blank but signed, are encrypted. The request's `messages`, `system` and `modelId` may stand beside or in
`request`, or the row is one of Bedrock's invocation log (`input.inputBodyJson`, `output.outputBodyJson`). Rows of
`messages` with such blocks are read too, and the events of ConverseStream, which name no model.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from analysis.ingest.bedrock_stream import STREAM
from analysis.ingest.conversation import read_messages
from analysis.ingest.head import Head
from analysis.ingest.rowwise import Found, of_row, unwrapped, with_system
from analysis.ingest.streams import read_streamed
from analysis.trajectories import Trajectory

NAME = "bedrock"

_OWN_BLOCKS = ("reasoningContent", "toolUse", "toolResult")
"""Keys of blocks that no other format has."""
_USED = ("output", "messages", "system", "modelId", "stopReason", "ResponseMetadata", "inferenceConfig")
SOURCE = "reasoningContent"


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is a response, events of one, or a conversation with blocks of this API."""
    rows = [
        each
        for row in head.rows
        for each in (row, row.get("response"), _opened(row))
        if isinstance(each, dict)
    ]
    return any(_answer(row) is not None or _has_own_blocks(row.get("messages")) for row in rows) or any(
        STREAM.is_in(row) for row in head.rows
    )


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    return read_streamed(path, source, _trajectories, STREAM)


def _trajectories(raw: dict[str, Any]) -> Iterator[Trajectory]:
    row = unwrapped(_opened(raw))
    failed = next((key for key in row if key.endswith("Exception") and isinstance(row[key], dict)), None)
    if failed:
        raise ValueError(f"a request that failed: {failed}: {row[failed].get('message')}"[:300])
    answer, before = _answer(row), row.get("messages")
    if answer is None and not _has_own_blocks(before):
        raise ValueError("no `output.message` and no `messages` with blocks of the Converse API")
    said = [*(before if isinstance(before, list) else ()), *([answer] if answer else ())]
    messages = read_messages([_as_chat(each) for each in said])
    for message in messages:
        if message.reasoning_source:
            message.reasoning_source = SOURCE
    messages, used = with_system(row, messages, [*_USED])
    about = row.get("ResponseMetadata") or {}
    named = {"id": row.get("requestId") or about.get("RequestId"), "model": row.get("modelId"), **row}
    made = of_row(named, messages, [*used, "requestId"])
    made.finish_reason = row.get("stopReason") or made.finish_reason
    yield made


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the invocation log with its request and response laid open; any other as it is."""
    given, got = row.get("input"), row.get("output")
    asked = given.get("inputBodyJson") if isinstance(given, dict) else None
    answered = got.get("outputBodyJson") if isinstance(got, dict) else None
    if not isinstance(asked, dict) and not isinstance(answered, dict):
        return row
    outer = {key: value for key, value in row.items() if key not in ("input", "output")}
    return {**outer, **(asked or {}), **(answered or {})}


def _answer(row: dict[str, Any]) -> dict[str, Any] | None:
    output = row.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    right = (
        isinstance(message, dict)
        and message.get("role") == "assistant"
        and isinstance(message.get("content"), list)
    )
    return message if right else None


def _has_own_blocks(messages: Any) -> bool:
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        return False
    contents = [each.get("content") for each in messages]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return any(
        isinstance(block, dict) and "type" not in block and any(key in block for key in _OWN_BLOCKS)
        for block in blocks
    )


def _as_chat(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    return {
        **message,
        "content": [_typed(block) for block in content] if isinstance(content, list) else content,
    }


def _typed(block: Any) -> Any:
    """A block with the type that its key says, as the parts of chat messages have one."""
    if not isinstance(block, dict) or "type" in block or not block:
        return block
    key = next(iter(block))
    inside = block[key]
    if key == "text":
        return {"type": "text", "text": inside}
    if key == "reasoningContent":
        return _reasoning(inside)
    if key == "toolUse":
        return {"type": "tool_use", "id": inside.get("toolUseId"), **inside}
    if key == "toolResult":
        given = [_result(each) for each in inside.get("content") or ()]
        return {"type": "tool_result", "tool_use_id": inside.get("toolUseId"), "content": given}
    return {"type": key}


def _reasoning(inside: dict[str, Any]) -> dict[str, Any]:
    given = inside.get("reasoningText")
    if given is None:
        return {"type": "redacted_thinking"}
    given = given if isinstance(given, dict) else {"text": given}
    return {"type": "reasoning", "text": given.get("text"), "signature": given.get("signature")}


def _result(block: Any) -> Any:
    if isinstance(block, dict) and "json" in block:
        return {"type": "text", "text": orjson.dumps(block["json"]).decode()}
    return _typed(block)
