"""OpenAI Responses: response objects, `{"object": "response", "output": […]}`, and items a line.

Reasoning comes from items of type reasoning: `content[].text`, else `summary[].text` (a summary);
`encrypted_content` without either is encrypted, and never text. The items of the request (`input`,
`instructions`) may stand beside. A file of bare items is one trajectory. Events of a stream, from `response.created` on,
are one response.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_one, result_text
from analysis.ingest.head import Head
from analysis.ingest.responses_stream import STREAM
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, malformed, of_row, session, unwrapped
from analysis.ingest.skipped import skipped
from analysis.ingest.streams import read_streamed
from analysis.trajectories import Message, Trajectory, storable

NAME = "responses"

_ARGUMENTS = ("arguments", "input", "action", "operation", "code", "queries")
_GIVEN = ("output", "outputs", "results", "result")


class Items:
    """Items put together to messages: reasoning, what was said and calls up to a result are one message."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._turn: dict[str, Any] | None = None
        self._given: list[Message] = []
        self._names: dict[str, str] = {}

    def add(self, item: dict[str, Any]) -> bool:
        """Add an item; False for one that is no part of the conversation, of a type that is not known."""
        kind = str(item.get("type") or ("message" if "role" in item else ""))
        if kind == "reasoning":
            turn = self._open(lambda turn: bool(turn["said"] or turn["tool_calls"]))
            turn["content"].append(item)
        elif kind == "message" and item.get("role") == "assistant":
            turn = self._open(lambda turn: bool(turn["said"] or turn["tool_calls"]))
            content = item.get("content")
            turn["content"] += content if isinstance(content, list) else [content]
            turn["said"] = True
        elif kind == "message":
            self.close()
            self.messages += read_one(item, {})
        elif kind.endswith("_output"):
            self.close()
            name = self._names.get(str(item.get("call_id")))
            self.messages.append(Message("tool", result_text(item.get("output")), name=name))
        elif kind.endswith("_call"):
            self._call(item, kind)
        else:
            return False
        return True

    def closed(self) -> list[Message]:
        """All messages, the last turn ended."""
        self.close()
        return self.messages

    def close(self) -> None:
        """End the model's turn: what comes next is another message."""
        if self._turn is not None:
            self.messages += read_one({**self._turn, "role": "assistant"}, {})
        self.messages += self._given
        self._turn, self._given = None, []

    def _call(self, item: dict[str, Any], kind: str) -> None:
        turn = self._open(lambda turn: False)
        name = str(item.get("name") or kind.removesuffix("_call"))
        arguments = next((item[key] for key in _ARGUMENTS if item.get(key) is not None), None)
        turn["tool_calls"].append({"function": {"name": name, "arguments": arguments}})
        self._names[str(item.get("call_id") or item.get("id"))] = name
        given = next((item[key] for key in _GIVEN if item.get(key)), None)
        if given is not None:  # tools that the provider runs give their result in the call
            self._given.append(Message("tool", result_text(given), name=name))

    def _open(self, ended: Any) -> dict[str, Any]:
        if self._given or (self._turn is not None and ended(self._turn)):
            self.close()
        if self._turn is None:
            self._turn = {"content": [], "tool_calls": [], "said": False}
        return self._turn


def recognises(head: Head) -> bool:
    """Whether the file's first row is a response, or an item of one; or one of the first is an event."""
    if head.first is None:
        return False
    if any(STREAM.is_in(row) for row in head.rows):
        return True
    try:
        return _is_response(unwrapped(head.first)) or is_item(head.first)
    except ValueError:
        return False


def is_item(row: dict[str, Any]) -> bool:
    """Whether a row is one item of a conversation."""
    kind = row.get("type")
    if kind == "message":
        content = row.get("content")
        first = content[0] if isinstance(content, list) and content else {}
        return "role" in row and isinstance(first, dict) and str(first.get("type", "")).endswith("put_text")
    return (kind == "reasoning" and "summary" in row) or kind in ("function_call", "function_call_output")


def read(path: Path, source: str) -> Found:
    """The trajectories of a file: one a response, or one of all its items."""
    first = next((found for found in json_rows(path) if not isinstance(found, Unreadable)), None)
    if first is not None and is_item(first[1]):
        return _read_items(path, source)
    return read_streamed(path, source, _trajectories, STREAM)


def _is_response(row: dict[str, Any]) -> bool:
    output = row.get("output")
    return isinstance(output, list) and (
        row.get("object") == "response" or any(isinstance(item, dict) and "type" in item for item in output)
    )


def _trajectories(raw: dict[str, Any]) -> Iterator[Trajectory]:
    row = unwrapped(raw)
    if row.get("type") == "error":
        raise ValueError(f"a request that failed: {row.get('message')}"[:300])
    if not _is_response(row):
        raise ValueError("no `output` with items")
    items = Items()
    if isinstance(row.get("instructions"), str) and row["instructions"]:
        items.messages.append(Message("system", storable(row["instructions"])))
    given = row.get("input") or ()
    if isinstance(given, str):
        items.messages.append(Message("user", storable(given)))
        given = ()
    unknown = [str(item.get("type")) for item in [*given, *row["output"]] if not items.add(item)]
    made = of_row(row, items.closed(), ["instructions", "input", "output", "object", "status", "text"])
    details = row.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    made.finish_reason = reason or made.finish_reason or row.get("status")
    if unknown:
        made.metadata["unread_items"] = unknown
    yield made


def _read_items(path: Path, source: str) -> Found:
    items, used, first = Items(), 0, None
    row: dict[str, Any] = {}
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, item = found
        try:
            known = items.add(item)
        except MALFORMED as error:
            yield malformed(line, item, error)
            continue
        if not known:
            yield skipped(line, f"no message: {str(item.get('type'))[:40]}")
            continue
        used, first, row = used + 1, first or line, row or item
    yield from session(row, lambda: Trajectory(source, items.closed()), first, used)
