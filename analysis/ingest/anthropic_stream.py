"""The events of Anthropic's Messages API, `message_start` to `message_stop`, put together to a message."""

from __future__ import annotations

from typing import Any

from analysis.ingest.streams import Event, Streamed, pieces_of

_DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}
"""What grows by a delta: the type of the block, and the field that the piece stands in."""
_HOLDING = {
    "message_start": "message", "content_block_start": "content_block", "content_block_delta": "delta",
    "message_delta": "delta",
}  # fmt: skip
"""Events, and the field that each must have."""
_SAYING_NOTHING = ("content_block_stop", "message_stop")
_REPEATED = ("text", "thinking", "input_json", "citation")
"""Events that the Python client adds: what a delta has said, with a `snapshot` of all so far. And `signature`."""
_PING = "ping"


def _is_event(row: Event) -> bool:
    kind = row.get("type")
    if not isinstance(kind, str):
        return False
    if kind in _HOLDING:
        return isinstance(row.get(_HOLDING[kind]), dict)
    added = (kind in _REPEATED and "snapshot" in row) or (kind == "signature" and len(row) == 2)
    return kind in _SAYING_NOTHING or kind == _PING or added


def _goes_on(events: list[Event], event: Event) -> bool:
    if event["type"] == _PING:
        return True
    if event["type"] == "message_start":
        return all(each["type"] == _PING for each in events)
    return not any(each["type"] == "message_stop" for each in events[-1:])


def _is_complete(events: list[Event]) -> bool:
    return any(
        each["type"] == "message_stop"
        or (each["type"] == "message_delta" and each["delta"].get("stop_reason"))
        for each in events
    )


def _whole(events: list[Event]) -> Event:
    begun = next((each["message"] for each in events if each["type"] == "message_start"), None)
    if begun is None:
        raise ValueError("a stream without its beginning, `message_start`")
    message = {"type": "message", "role": "assistant", "stop_reason": None, **begun}
    blocks: dict[int, dict[str, Any]] = {}
    pieces: dict[tuple[int, str], list[str]] = {}
    for event in events:
        kind, at = event["type"], event.get("index", 0)
        if kind == "content_block_start":
            blocks[at] = dict(event["content_block"])
        elif kind == "content_block_delta" and (grows := _DELTAS.get(str(event["delta"].get("type")))):
            blocks.setdefault(at, {"type": grows[0]})
            pieces.setdefault((at, grows[1]), []).append(event["delta"][grows[1]])
        elif kind == "message_delta":
            usage = {**(message.get("usage") or {}), **(event.get("usage") or {})}
            message |= {**event["delta"], **({"usage": usage} if usage else {})}
    for (at, name), texts in pieces.items():
        blocks[at][name] = (blocks[at].get(name) or "") + "".join(texts)
    message["content"] = [_closed(blocks[at]) for at in sorted(blocks)]
    return message


def _closed(block: dict[str, Any]) -> dict[str, Any]:
    """A block with the arguments of a call as a value."""
    text = block.pop("partial_json", "")
    return {**block, "input": pieces_of(text)} if text else block


STREAM = Streamed(_is_event, _goes_on, _is_complete, _whole)
