"""Codex rollouts: lines of `{"timestamp", "type", "payload"}`, one session a file.

Reasoning comes from `response_item` lines of type reasoning, as in OpenAI Responses: `content[].text`, else
`summary[].text`, a summary. The same text stands again in `event_msg` lines; those are skipped, as are
`session_meta` (id, time, base instructions), `turn_context` (the only place of the model) and `compacted`.
Older rollouts hold the items bare, after a line with the session's id and time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.ingest.head import Head
from analysis.ingest.responses import Items, is_item
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, malformed, session
from analysis.ingest.skipped import skipped
from analysis.ingest.values import read_time
from analysis.trajectories import Message, Trajectory, storable

NAME = "codex"

_LINES = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
_KEPT = ("cwd", "originator", "cli_version", "source", "git", "model_provider", "forked_from_id")
"""What of the session's metadata is kept as the trajectory's."""


class _Session:
    """One session as it is read: its items, and what its other lines say of it."""

    def __init__(self) -> None:
        self.items = Items()
        self.meta: dict[str, Any] = {}
        self.models: dict[str, None] = {}
        self.first: int | None = None
        self.used = 0

    def add(self, line: int, item: dict[str, Any]) -> bool:
        if not self.items.add(item):
            return False
        self.first = self.first or line
        self.used += 1
        return True

    def trajectory(self, source: str) -> Trajectory:
        base = self.meta.get("base_instructions")
        text = base.get("text") if isinstance(base, dict) else base
        system = [Message("system", storable(text))] if isinstance(text, str) and text else []
        models = list(self.models)
        return Trajectory(
            source,
            [*system, *self.items.closed()],
            trajectory_id=self.meta.get("id") and str(self.meta["id"]),
            checkpoint=models[-1] if models else None,
            model=models[-1] if models else None,
            created_at=read_time(self.meta.get("timestamp")),
            metadata={key: self.meta[key] for key in _KEPT if self.meta.get(key)}
            | ({"models": models} if len(models) > 1 else {}),
        )

    def found(self, source: str) -> Found:
        return session(self.meta, lambda: self.trajectory(source), self.first, self.used)


def recognises(head: Head) -> bool:
    """Whether the file begins with a rollout's lines, of today's form or the older one."""
    if head.first is None:
        return False
    if head.first.get("type") in _LINES and isinstance(head.first.get("payload"), dict):
        return True
    bare = {"id", "timestamp"} <= set(head.first) and ("instructions" in head.first or "git" in head.first)
    return bare and len(head.rows) > 1 and all(is_item(r) or "record_type" in r for r in head.rows[1:3])


def read(path: Path, source: str) -> Found:
    """The sessions of a file: one, or several where rollouts were put one after the other."""
    now = _Session()
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, row = found
        payload = row.get("payload")
        kind, payload = (row.get("type"), payload) if isinstance(payload, dict) else (_bare(row), row)
        try:
            if kind == "session_meta" and now.used and payload.get("id") != now.meta.get("id"):
                yield from now.found(source)
                now = _Session()
            if kind == "session_meta":
                now.meta = now.meta or payload
            elif kind == "turn_context" and isinstance(payload.get("model"), str):
                now.models[payload["model"]] = None
            elif kind == "response_item" and now.add(line, payload):
                continue
        except MALFORMED as error:
            yield malformed(line, row, error)
        else:
            what = f"{kind}, {payload.get('type')}" if "type" in payload else str(kind)
            yield skipped(line, f"no message: {what[:80]}")
    yield from now.found(source)


def _bare(row: dict[str, Any]) -> str | None:
    """The kind of a line of the older form."""
    if "record_type" in row:
        return str(row["record_type"])
    return "session_meta" if "type" not in row and {"id", "timestamp"} <= set(row) else "response_item"
