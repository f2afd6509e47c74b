"""Claude Code sessions, `~/.claude/projects/*/*.jsonl`, and `--output-format stream-json`.

Reasoning comes from `message.content` blocks of type thinking; redacted_thinking is encrypted. One message of
the API stands in several lines, a block each, that have its `message.id`: they are one message. Tool results
arrive as role user and become messages of the role tool. A sidechain (a subagent) is a trajectory of its own.
Lines that hold no message (snapshots, summaries, system notes) are skipped; so are lines that stand twice.
Sessions keep the order of their lines: what a user rewound stays in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_one, remember_calls
from analysis.ingest.head import Head
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, malformed, session
from analysis.ingest.skipped import skipped
from analysis.ingest.values import read_time
from analysis.trajectories import Trajectory

NAME = "claude-code"

_KEPT = ("cwd", "gitBranch", "version", "userType", "slug", "agentId")
"""What of a session's lines is kept as metadata, from the first."""
_BY_THE_CLIENT = "<synthetic>"
"""The model that the client writes into messages of its own, such as errors of the API."""


class _Session:
    """One session or sidechain: its messages as the API had them, lines of one put together."""

    def __init__(self, row: dict[str, Any], line: int, key: str) -> None:
        self.row, self.line, self.key, self.used = row, line, key, 0
        self.raw: list[dict[str, Any]] = []
        self.models: dict[str, None] = {}
        self.finish: str | None = None
        self._at: dict[str, dict[str, Any]] = {}

    def add(self, message: dict[str, Any]) -> None:
        self.used += 1
        key, model = message.get("id"), message.get("model")
        if message["role"] != "assistant":
            self.raw.append(message)
            return
        if model == _BY_THE_CLIENT:
            self.raw.append({**message, "role": "system"})
            return
        if isinstance(model, str):
            self.models[model] = None
        blocks = message.get("content")
        blocks = blocks if isinstance(blocks, list) else [{"type": "text", "text": blocks}]
        held = self._at.get(str(key)) if key else None
        self.finish = message.get("stop_reason") or (self.finish if held else None)
        if held is None:
            held = {**message, "content": []}
            self._at[str(key)] = held
            self.raw.append(held)
        held["content"] += [block for block in blocks if block not in held["content"]]

    def trajectory(self, source: str) -> Trajectory:
        names: dict[str, str] = {}
        messages = []
        for raw in self.raw:
            remember_calls(raw, names)
            messages += read_one(raw, names)
        models = list(self.models)
        return Trajectory(
            source,
            messages,
            trajectory_id=self.key,
            checkpoint=models[-1] if models else None,
            model=models[-1] if models else None,
            finish_reason=self.finish if isinstance(self.finish, str) else None,
            created_at=read_time(self.row.get("timestamp")),
            metadata={key: self.row[key] for key in _KEPT if self.row.get(key)}
            | ({"models": models} if len(models) > 1 else {}),
        )


def recognises(head: Head) -> bool:
    """Whether one of the file's first lines is a message of a session."""
    return any(_message(row) is not None and ("sessionId" in row or "session_id" in row) for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The sessions of a file, in the order of their first lines: the main one and each sidechain."""
    sessions: dict[str, _Session] = {}
    chains: dict[str, str] = {}
    seen: set[str] = set()
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, row = found
        message = _message(row)
        uuid = str(row.get("uuid") or "")
        if message is None:
            yield skipped(line, f"no message: {str(row.get('type'))[:80]}")
        elif uuid and uuid in seen:
            yield skipped(line, "a line that stands twice")
        else:
            seen.add(uuid)
            key = _key(row, uuid, chains)
            try:
                sessions.setdefault(key, _Session(row, line, key)).add(message)
            except MALFORMED as error:
                yield malformed(line, row, error)
    for each in sessions.values():
        yield from session(each.row, lambda each=each: each.trajectory(source), each.line, each.used)  # type: ignore[misc]


def _message(row: dict[str, Any]) -> dict[str, Any] | None:
    message = row.get("message")
    if row.get("type") not in ("user", "assistant") or not isinstance(message, dict):
        return None
    return message if message.get("role") in ("user", "assistant") else None


def _key(row: dict[str, Any], uuid: str, chains: dict[str, str]) -> str:
    """The trajectory of a line: its session, and in it the sidechain, by its agent or its first line."""
    name = str(row.get("sessionId") or row.get("session_id") or "session")
    chain = row.get("agentId") or row.get("parent_tool_use_id")
    if not chain and row.get("isSidechain"):
        chain = chains.get(str(row.get("parentUuid"))) or uuid
    if chain and uuid:
        chains[uuid] = str(chain)
    return f"{name}/{chain}" if chain else name
