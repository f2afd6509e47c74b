"""What `codex exec --json` prints: an event a line, `{"type": "item.completed", "item": {…}}`.

| item | becomes |
|---|---|
| reasoning | the turn's reasoning, a summary |
| agent_message (assistant_message in older versions), plan | what was said |
| command_execution, mcp_tool_call, file_change, web_search, … | a call, and the tool's message with what it gave |

`thread.started` begins a trajectory and has its id; the events name neither the model nor what was asked. An item
that is started and updated before it is completed is read once, as it was last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.ingest.head import Head
from analysis.ingest.responses import Items
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, malformed, session
from analysis.ingest.skipped import skipped
from analysis.trajectories import Trajectory

NAME = "codex-exec"

_BEGINS = "thread.started"
_ENDS = {"turn.completed": "completed", "turn.failed": "failed"}
_SAID = ("agent_message", "assistant_message", "plan")
_NOT_ARGUMENTS = ("id", "type", "item_type", "status", "aggregated_output", "result", "error", "exit_code")


class _Thread:
    """One run as it is read: its items by their ids, and how it ended."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.items: dict[str, dict[str, Any]] = {}
        self.first: int | None = None
        self.used = 0
        self.finish: str | None = None
        self.usage: Any = None

    def add(self, line: int, item: dict[str, Any]) -> None:
        self.first = self.first or line
        self.used += 1
        key = item.get("id")
        self.items[str(key) if key is not None else f"#{self.used}"] = item

    def trajectory(self, source: str) -> Trajectory:
        items = Items()
        for item in self.items.values():
            items.add(_as_response(item))
        return Trajectory(
            source,
            items.closed(),
            trajectory_id=self.row.get("thread_id"),
            finish_reason=self.finish,
            metadata={"usage": self.usage} if self.usage else {},
        )


def recognises(head: Head) -> bool:
    """Whether one of the file's first lines begins a thread or completes an item."""
    return any(_kind(row) == _BEGINS or (_kind(row) == "item.completed" and _item(row)) for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The threads of a file, one after the other."""
    now = _Thread({})
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, row = found
        kind, item = _kind(row), _item(row)
        try:
            if kind == _BEGINS:
                yield from _ended(now, source)
                now = _Thread(row)
            if kind.startswith("item.") and item:
                now.add(line, item)
                continue
            now.finish = _ENDS.get(kind, now.finish)
            now.usage = row.get("usage") or now.usage
        except MALFORMED as error:
            yield malformed(line, row, error)
        else:
            yield skipped(line, f"no message: {kind[:80]}")
    yield from _ended(now, source)


def _ended(now: _Thread, source: str) -> Found:
    return session(now.row, lambda: now.trajectory(source), now.first, now.used)


def _kind(row: dict[str, Any]) -> str:
    return str(row.get("type"))


def _item(row: dict[str, Any]) -> dict[str, Any] | None:
    item = row.get("item")
    return item if isinstance(item, dict) and ("type" in item or "item_type" in item) else None


def _as_response(item: dict[str, Any]) -> dict[str, Any]:
    """The item as an item of OpenAI Responses."""
    kind = str(item.get("type") or item.get("item_type"))
    if kind == "reasoning":
        return {"type": "reasoning", "summary": [{"type": "summary_text", "text": item.get("text")}]}
    if kind in _SAID or kind == "error":
        text = {"type": "output_text", "text": str(item.get("text", item.get("message")))}
        return {"type": "message", "role": "system" if kind == "error" else "assistant", "content": [text]}
    rest = {key: value for key, value in item.items() if key not in _NOT_ARGUMENTS}
    arguments = item.get("arguments", rest)
    given = item.get("aggregated_output") or item.get("result") or item.get("error")
    name = ".".join(str(item[key]) for key in ("server", "tool") if item.get(key)) or kind
    return {"type": f"{kind}_call", "name": name, "arguments": arguments, "output": _content(given)}


def _content(given: Any) -> Any:
    """What an MCP server gave: the blocks of its content, or its error's message; anything else as it is."""
    if not isinstance(given, dict):
        return given
    return given.get("content") or given.get("message") or given
