"""The events of OpenAI's Responses API, `response.created` to `response.completed`, put together to a response.

The last event holds the response whole, so that what came before says nothing more. Of a stream that was cut off, the
items are taken as far as they came: whole from `response.output_item.done`, else from their deltas.
"""

from __future__ import annotations

from typing import Any

from analysis.ingest.streams import Event, Streamed

_FIRST = "response.created"
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_PARTS = {
    "response.output_text.delta": ("message", "content", "content_index", "output_text", "text"),
    "response.refusal.delta": ("message", "content", "content_index", "refusal", "refusal"),
    "response.reasoning_text.delta": ("reasoning", "content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("reasoning", "summary", "summary_index", "summary_text", "text"),
}  # fmt: skip
"""What grows by a delta: the item's type, its list, the part's place in it, the part's type and its field."""
_FIELDS = {
    "response.function_call_arguments.delta": ("function_call", "arguments"),
    "response.mcp_call_arguments.delta": ("mcp_call", "arguments"),
    "response.code_interpreter_call_code.delta": ("code_interpreter_call", "code"),
    "response.custom_tool_call_input.delta": ("custom_tool_call", "input"),
}
"""The same of calls: the item's type and its field."""
_SAID_NOTHING = {"type": "message", "role": "assistant", "content": []}


class _Item:
    """One item as its deltas come in."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.done = False
        self._kind = ""
        self._parts: dict[tuple[str, Any, str, str], list[str]] = {}
        self._fields: dict[str, list[str]] = {}

    def add(self, event: Event) -> None:
        kind, piece = event["type"], event.get("delta", "")
        if isinstance(event.get("item"), dict):
            self.given, self.done = event["item"], kind == "response.output_item.done"
        elif kind in _PARTS:
            self._kind, name, place, part, field = _PARTS[kind]
            self._parts.setdefault((name, event.get(place, 0), part, field), []).append(piece)
        elif kind in _FIELDS:
            self._kind, name = _FIELDS[kind]
            self._fields.setdefault(name, []).append(piece)

    def whole(self) -> dict[str, Any]:
        if self.done:
            return self.given
        made = {"type": self._kind, "role": "assistant", **self.given}
        for (name, _, part, field), pieces in sorted(self._parts.items()):
            made[name] = [*(made.get(name) or ()), {"type": part, field: "".join(pieces)}]
        return made | {name: "".join(pieces) for name, pieces in self._fields.items()}


def _is_event(row: Event) -> bool:
    kind = row.get("type")
    if not isinstance(kind, str) or not kind.startswith("response."):
        return False
    return isinstance(row.get("response"), dict) or "output_index" in row or "sequence_number" in row


def _goes_on(events: list[Event], event: Event) -> bool:
    return event["type"] != _FIRST and events[-1]["type"] not in _LAST


def _is_complete(events: list[Event]) -> bool:
    return events[-1]["type"] in _LAST


def _whole(events: list[Event]) -> Event:
    said = [event["response"] for event in events if isinstance(event.get("response"), dict)]
    if not said:
        raise ValueError(f"a stream without its beginning, `{_FIRST}`, and without its end")
    items: dict[Any, _Item] = {}
    for event in events:
        if "output_index" in event:
            items.setdefault(event["output_index"], _Item()).add(event)
    response = said[-1]
    output = response.get("output") or [items[at].whole() for at in sorted(items)]
    if not output and isinstance(response.get("error"), dict):
        raise ValueError(f"a request that failed: {response['error'].get('message')}"[:300])
    return {"object": "response", **response, "output": output or [_SAID_NOTHING]}


STREAM = Streamed(_is_event, _goes_on, _is_complete, _whole)
