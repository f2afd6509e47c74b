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
from analysis.ingest.streams import Event, Streamed, broken_off, read_holding
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

    def whole(self) -> dict[str, Any]:
        """The response as one that was not streamed."""
        if not self.choices:
            raise ValueError("a stream without any choice")
        return {**self.row, "choices": [self.choices[key].whole() for key in sorted(self.choices)]}


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is a chunk; of a completion of a text, one that is not the last."""
    return any(
        (_is_chunk(row) and not _is_whole(row)) or _STREAM.held_by(_STREAM.opened(row)) for row in head.rows
    )


def read(path: Path, source: str) -> Found:
    """The responses of a file, in the order of their first chunks, each with its first chunk."""
    responses: dict[str, _Response] = {}
    unnamed = 0
    for found in json_rows(path):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, row = found
        if not row.get("id") and row.get("choices") == []:
            yield skipped(line, "a chunk without a choice")  # Azure's first, about the prompt; or of usage
            continue
        if not _is_chunk(row):
            yield from read_holding(line, row, source, _trajectories, _STREAM)
            continue
        key = str(row.get("id") or f"#{unnamed}")
        try:
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
        made = _trajectories(response.whole())
    except MALFORMED as error:
        yield malformed(response.line, response.row, error)
    else:
        for trajectory in made:
            trajectory.source, trajectory.line = source, response.line
            yield response.row, trajectory
    if response.chunks > 1:
        yield joined(response.line, response.chunks - 1)


def _trajectories(raw: dict[str, Any]) -> list[Trajectory]:
    """The answers of a response that was put together."""
    row = unwrapped(raw)
    if not _listed(row.get("choices")):
        raise ValueError("no chunk of a streamed chat completion")
    made = [of_choice(row, choice, number) for number, choice in enumerate(row["choices"])]
    for choice, trajectory in zip(row["choices"], made, strict=True):
        if choice["finish_reason"] is None:
            broken_off(trajectory.messages[-1])
        elif choice["finish_reason"] in OUT_OF_TOKENS:
            cut_off(trajectory.messages[-1])
    return made


def _put_together(chunks: list[Event]) -> Event:
    response = _Response()
    for chunk in chunks:
        response.add(chunk, 0)
    return response.whole()


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


_STREAM = Streamed(
    is_event=_is_chunk,
    goes_on=lambda chunks, chunk: chunk.get("id") == chunks[0].get("id"),
    is_complete=lambda chunks: True,  # each choice says so itself
    whole=_put_together,
)
"""How the chunks that one row holds are put together."""
