"""Streamed chat completions: lines of `{"object": "chat.completion.chunk", "choices": [{"delta": …}]}`.

So are streamed completions of a text, whose choices have `text`. The chunks of one id are one response, also where
responses stand mixed: their texts (`content`, `reasoning`, `reasoning_content`), reasoning details and pieces of calls
are put together, and the whole is read as a chat completion is. One that never says how it finished was cut off, and
so was one that hundreds began after. Chunks without an id belong together up to one that finishes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.ingest.chat import of_choice
from analysis.ingest.head import Head
from analysis.ingest.reasoning import FIELDS, cut_off
from analysis.ingest.rows import Unreadable, json_rows
from analysis.ingest.rowwise import MALFORMED, OUT_OF_TOKENS, Found, malformed, unwrapped
from analysis.ingest.skipped import joined, skipped
from analysis.trajectories import Trajectory

NAME = "chat-stream"

MOST_HELD = 512
"""How many responses are held until the file's end, for more of their chunks may come."""

_OF_TEXT = "text_completion"
_TEXTS = ("content", "refusal", *FIELDS)


class _Choice:
    """One answer as its deltas come in."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.details: list[Any] = []
        self.calls: dict[Any, dict[str, str]] = {}
        self.finish: str | None = None

    def add(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta") or {"content": choice.get("text")}
        for name in _TEXTS:
            if isinstance(delta.get(name), str):
                self.texts.setdefault(name, []).append(delta[name])
        self.details += delta.get("reasoning_details") or ()
        for call in delta.get("tool_calls") or ():
            function = call.get("function") or {}
            held = self.calls.setdefault(call.get("index", call.get("id")), {"name": "", "arguments": ""})
            for name in held:
                held[name] += function.get(name) or ""
        self.finish = choice.get("finish_reason") or self.finish

    def whole(self) -> dict[str, Any]:
        """The choice as a response that was not streamed has it."""
        message: dict[str, Any] = {name: "".join(pieces) for name, pieces in self.texts.items()}
        message |= {"reasoning_details": self.details} if self.details else {}
        message["tool_calls"] = [{"function": call} for call in self.calls.values()]
        return {"message": message, "finish_reason": self.finish}


class _Response:
    """The chunks of one id."""

    def __init__(self) -> None:
        self.row: dict[str, Any] = {}
        self.line = self.chunks = 0
        self.choices: dict[Any, _Choice] = {}

    def add(self, row: dict[str, Any], line: int) -> None:
        for choice in row.get("choices") or ():
            self.choices.setdefault(choice.get("index", 0), _Choice()).add(choice)
        if not self.chunks:  # here, for one that is malformed is no part of it
            self.row, self.line = dict(row), line
        if row.get("usage"):
            self.row["usage"] = row["usage"]
        self.chunks += 1

    def finished(self) -> bool:
        return any(choice.finish for choice in self.choices.values())

    def trajectories(self) -> list[Trajectory]:
        found = [self.choices[key] for key in sorted(self.choices)]
        if not found:
            raise ValueError("a stream without any choice")
        made = [of_choice(self.row, each.whole(), number) for number, each in enumerate(found)]
        for each, trajectory in zip(found, made, strict=True):
            if each.finish is None or each.finish in OUT_OF_TOKENS:
                cut_off(trajectory.messages[-1])
        return made


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is a chunk; of a completion of a text, one that is not the last."""
    return any(_is_chunk(row) and not _is_whole(row) for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The responses of a file, in the order of their first chunks, each with its first chunk."""
    responses: dict[str, _Response] = {}
    unnamed = 0
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, row = found
        if (
            not row.get("id") and row.get("choices") == []
        ):  # Azure's first, about the prompt, and what tokens cost
            yield skipped(line, "a chunk without a choice")
            continue
        key = str(row.get("id") or f"#{unnamed}")
        try:
            if not _is_chunk(unwrapped(row)):
                raise ValueError("no chunk of a streamed chat completion")
            responses.setdefault(key, _Response()).add(row, line)
        except MALFORMED as error:
            yield malformed(line, row, error)
        else:
            unnamed += not row.get("id") and responses[key].finished()
        if len(responses) > MOST_HELD:
            yield from _ended(responses.pop(next(iter(responses))), source)
    for response in responses.values():
        yield from _ended(response, source)


def _ended(response: _Response, source: str) -> Found:
    if not response.chunks:
        return
    try:
        made = response.trajectories()
    except MALFORMED as error:
        yield malformed(response.line, response.row, error)
    else:
        for trajectory in made:
            trajectory.source, trajectory.line = source, response.line
            yield response.row, trajectory
    if response.chunks > 1:
        yield joined(response.line, response.chunks - 1)


def _is_whole(row: dict[str, Any]) -> bool:
    """Whether a row can be a completion that was not streamed."""
    finished = any(
        isinstance(each, dict) and each.get("finish_reason") for each in _listed(row.get("choices"))
    )
    return row.get("object") == _OF_TEXT and (finished or not row.get("choices"))


def _is_chunk(row: dict[str, Any]) -> bool:
    return row.get("object") in ("chat.completion.chunk", _OF_TEXT) or any(
        isinstance(each, dict) and isinstance(each.get("delta"), dict) for each in _listed(row.get("choices"))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
