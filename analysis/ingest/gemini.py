"""Gemini CLI sessions, `~/.gemini/tmp/*/chats/session-*.json`, and the newer `.jsonl` of one record a line.

Reasoning comes from `thoughts[{subject, description}]`. They are the summaries that the API gives of what the
model thought, so their state is summary. A description may begin with a backslash and an n instead of line
breaks; those are taken off at its ends. In `.jsonl` a record with the id of an earlier one replaces it,
`$rewindTo` takes back that message and what follows, and `$set` holds metadata.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import result_text
from analysis.ingest.gemini_api import parts_text
from analysis.ingest.head import Head
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, Found, malformed, session
from analysis.ingest.skipped import skipped
from analysis.ingest.values import read_time
from analysis.trajectories import Message, Trajectory, storable

NAME = "gemini-cli"

_BREAKS = re.compile(r"(?:\\n|\s)*")
_SAID = ("user", "gemini")
"""Types of records that are messages; info, error and warning are the client's words."""
_KEPT = ("projectHash", "summary", "kind", "directories")


class _Session:
    """One session: its records by id, so that a later one replaces an earlier."""

    def __init__(self, meta: dict[str, Any], line: int) -> None:
        self.meta, self.line, self.used = dict(meta), line, 0
        self.records: dict[str, dict[str, Any]] = {}

    def add(self, record: dict[str, Any]) -> None:
        key = record.get("id")
        self.records[str(key) if key is not None else f"#{len(self.records)}"] = record

    def rewind(self, key: str) -> None:
        names = list(self.records)
        for name in names[names.index(key) if key in names else 0 :]:
            del self.records[name]

    def trajectory(self, source: str) -> Trajectory:
        said = [record for record in self.records.values() if record.get("type") in _SAID]
        models = list(dict.fromkeys(str(record["model"]) for record in said if record.get("model")))
        return Trajectory(
            source,
            [message for record in said for message in _messages(record)],
            trajectory_id=str(self.meta["sessionId"]),
            checkpoint=models[-1] if models else None,
            model=models[-1] if models else None,
            created_at=read_time(self.meta.get("startTime")),
            metadata={key: self.meta[key] for key in _KEPT if self.meta.get(key)}
            | ({"models": models} if len(models) > 1 else {}),
        )


def recognises(head: Head) -> bool:
    """Whether the file's first object is a session or the first line of one."""
    return head.first is not None and _is_session(head.first)


def read(path: Path, source: str) -> Found:
    """The sessions of a file."""
    now: _Session | None = None
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, row = found
        try:
            if _is_session(row):
                if now is not None:
                    yield from _ended(now, source)
                now = _Session({key: value for key, value in row.items() if key != "messages"}, line)
                for record in row.get("messages") or ():
                    now.add(record)
                now.used = 1 if now.records else 0
                if not now.used:
                    yield skipped(line, "the metadata of a session")
            elif now is None:
                yield malformed(line, row, ValueError("no session: neither `sessionId` nor a line after one"))
            elif "id" in row and row.get("type") in _SAID:
                now.line = now.line if now.used else line
                now.add(row)
                now.used += 1
            else:
                yield skipped(line, f"no message: {str(row.get('type') or next(iter(row), 'nothing'))[:80]}")
                if isinstance(row.get("$rewindTo"), str):
                    now.rewind(row["$rewindTo"])
                if isinstance(row.get("$set"), dict):
                    now.meta |= {key: value for key, value in row["$set"].items() if key != "messages"}
        except MALFORMED as error:
            yield malformed(line, row, error)
    if now is not None:
        yield from _ended(now, source)


def _is_session(row: dict[str, Any]) -> bool:
    return "sessionId" in row and ("projectHash" in row or "startTime" in row) and "type" not in row


def _ended(now: _Session, source: str) -> Found:
    return session(now.meta, lambda: now.trajectory(source), now.line, now.used)


def _messages(record: dict[str, Any]) -> list[Message]:
    content = storable(parts_text(record.get("content")))
    if record["type"] == "user":
        return [Message("user", content)]
    message = Message("assistant", content, reasoning_state="missing")
    thoughts = [text for thought in record.get("thoughts") or () if (text := _thought(thought))]
    if thoughts:
        message.reasoning = storable("\n\n".join(thoughts))
        message.reasoning_state, message.reasoning_source = "summary", "thoughts"
    messages = [message]
    for call in record.get("toolCalls") or ():
        name = str(call.get("name"))
        message.tool_calls.append({"name": name, "arguments": call.get("args")})
        if call.get("result") is not None:
            messages.append(Message("tool", _result(call["result"]), name=name))
    return messages


def _thought(thought: dict[str, Any]) -> str:
    subject, description = (_stripped(str(thought.get(key) or "")) for key in ("subject", "description"))
    return "\n\n".join(text for text in (f"**{subject}**" if subject else "", description) if text)


def _stripped(text: str) -> str:
    """The text without line breaks at its ends, real ones or a backslash and an n."""
    start, end = _BREAKS.match(text).end(), len(text)  # type: ignore[union-attr]
    while end > start and (text[end - 1].isspace() or text[max(start, end - 2) : end] == "\\n"):
        end -= 1 if text[end - 1].isspace() else 2
    return text[start:end]


def _result(result: Any) -> str:
    """What a tool gave: the output or the error of its `functionResponse` parts."""
    texts = []
    for part in result if isinstance(result, list) else [result]:
        answer = part.get("functionResponse") if isinstance(part, dict) else None
        given = answer.get("response") if isinstance(answer, dict) else part
        if isinstance(given, dict):
            given = given.get("output", given.get("error", given))
        texts.append(result_text(given))
    return "\n\n".join(text for text in texts if text)
