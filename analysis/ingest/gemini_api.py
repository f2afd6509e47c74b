"""Gemini API responses, `{"candidates": [{"content": {"parts": […]}}]}`, in camel or snake case.

Reasoning comes from parts with `thought: true`. The API gives summaries of the model's thoughts, so their
state is summary; a `thoughtSignature` without any is encrypted. The request's `contents` may stand beside, or
in `request`. A response with several candidates is as many trajectories. The chunks of a stream are one response:
those up to the one with a `finishReason`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import result_text
from analysis.ingest.head import Head
from analysis.ingest.reasoning import ROLES
from analysis.ingest.rowwise import Found, asked, of_row, unwrapped, with_system
from analysis.ingest.streams import Event, Streamed, read_streamed
from analysis.trajectories import Message, Trajectory, storable

NAME = "gemini"

_OF_CHUNKS = {
    "candidates", "usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback", "modelStatus",
    "sdkHttpResponse", "automaticFunctionCallingHistory", "parsed",
}  # fmt: skip
"""The fields of a chunk. A row that has others, such as what was asked, is a response by itself."""


@cache
def _snake(camel: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)


_CHUNK_FIELDS = {*_OF_CHUNKS, *map(_snake, _OF_CHUNKS)}


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is a response."""
    rows = [each for row in head.rows for each in (row, row.get("response")) if isinstance(each, dict)]
    return any(_candidates(row) for row in rows) or any(_STREAM.is_in(row) for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    return read_streamed(path, source, _trajectories, _STREAM)


def parts_text(content: Any) -> str:
    """What is said in parts: a text, a part, or a list of them. A part that holds no text is named."""
    if isinstance(content, str):
        return content
    texts = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and not part.get("thought"):
            named = next((f"[{key}]" for key, value in part.items() if isinstance(value, dict)), "")
            texts.append(part["text"] if isinstance(part.get("text"), str) else named)
    return "".join(texts)


def read_content(content: dict[str, Any]) -> list[Message]:
    """One content, `{"role", "parts"}`: its message, and one of the role tool for each function's response."""
    parts = content.get("parts") or []
    parts = [part for part in (parts if isinstance(parts, list) else [parts]) if isinstance(part, dict)]
    role = ROLES.get(str(content.get("role")), str(content.get("role") or "user"))
    results = [given for part in parts if (given := _either(part, "functionResponse"))]
    calls = [call for part in parts if (call := _either(part, "functionCall"))]
    rest = [
        part for part in parts if not _either(part, "functionResponse") and not _either(part, "functionCall")
    ]
    message = Message(role, storable(parts_text(rest)))
    message.tool_calls = [{"name": call.get("name"), "arguments": call.get("args")} for call in calls]
    if role == "assistant":
        thoughts = "".join(str(p.get("text") or "") for p in parts if p.get("thought"))
        if thoughts.strip():
            message.reasoning, message.reasoning_source = storable(thoughts.strip("\n")), "thought"
            message.reasoning_state = "summary"
        elif any(_either(part, "thoughtSignature") for part in parts):
            message.reasoning_state, message.reasoning_source = "encrypted", "thoughtSignature"
        else:
            message.reasoning_state = "missing"
    tools = [Message("tool", result_text(_given(each)), name=each.get("name")) for each in results]
    return [message, *tools] if message.content or message.tool_calls or not tools else tools


def _trajectories(raw: dict[str, Any]) -> Iterator[Trajectory]:
    row = unwrapped(raw)
    candidates = _candidates(row)
    if not candidates:
        feedback = row.get("promptFeedback") or row.get("prompt_feedback")
        raise ValueError(f"no `candidates`{f': {feedback}'[:300] if feedback else ''}")
    for number, candidate in enumerate(candidates):
        yield _of_candidate(row, candidate, number)


def _of_candidate(row: dict[str, Any], candidate: dict[str, Any], number: int) -> Trajectory:
    contents = row.get("contents")
    if isinstance(contents, str):
        prompt, used = with_system(row, [Message("user", storable(contents))], ["contents"])
    elif isinstance(contents, (list, dict)):
        given = contents if isinstance(contents, list) else [contents]
        prompt = [
            message
            for each in given
            for message in (
                read_content(each) if isinstance(each, dict) else [Message("user", storable(str(each)))]
            )
        ]
        prompt, used = with_system(row, prompt, ["contents"])
    else:
        prompt, used = asked(row)
    answer = read_content({"parts": [], **(candidate.get("content") or {}), "role": "model"})
    used += ["candidates", "modelVersion", "model_version", "responseId", "response_id", "sdk_http_response"]
    named = {"model": _either(row, "modelVersion"), "id": _either(row, "responseId"), **row}
    made = of_row(named, [*prompt, *answer], used)
    finish = _either(candidate, "finishReason")
    made.finish_reason = str(finish) if finish else made.finish_reason
    if number and made.trajectory_id:
        made.trajectory_id += f"/{number}"
        made.sample = number
    return made


def _candidates(row: dict[str, Any]) -> list[dict[str, Any]]:
    found = row.get("candidates")
    found = found if isinstance(found, list) else []
    shaped = [
        each
        for each in found
        if isinstance(each, dict) and ("content" in each or _either(each, "finishReason"))
    ]
    return shaped if len(shaped) == len(found) else []


def _is_chunk(row: Event) -> bool:
    return row.keys() <= _CHUNK_FIELDS and (
        bool(_candidates(row)) or isinstance(_either(row, "usageMetadata"), dict)
    )


def _goes_on(chunks: list[Event], chunk: Event) -> bool:
    same = all(_either(chunk, name) == _either(chunks[0], name) for name in ("responseId", "modelVersion"))
    return same and not (_is_finished(chunks) and _candidates(chunk))


def _is_finished(chunks: list[Event]) -> bool:
    return any(_either(each, "finishReason") for chunk in chunks[-2:] for each in _candidates(chunk))


def _whole(chunks: list[Event]) -> Event:
    """The response of chunks: the parts of each candidate, and for the rest what was said last."""
    if len(chunks) == 1:
        return chunks[0]
    made: dict[Any, dict[str, Any]] = {}
    row: dict[str, Any] = {}
    for chunk in chunks:
        row |= {name: value for name, value in chunk.items() if value is not None}
        for candidate in _candidates(chunk):
            held = made.setdefault(candidate.get("index") or 0, {"content": {"parts": []}})
            held["content"]["parts"] += (candidate.get("content") or {}).get("parts") or ()
            held |= {
                name: value for name, value in candidate.items() if name != "content" and value is not None
            }
    return {**row, "candidates": [made[index] for index in sorted(made)]}


_STREAM = Streamed(_is_chunk, _goes_on, _is_finished, _whole)


def _given(response: dict[str, Any]) -> Any:
    given = response.get("response")
    return given.get("output", given.get("result", given)) if isinstance(given, dict) else given


def _either(fields: dict[str, Any], camel: str) -> Any:
    """A field in camel case, or in the snake case of the Python client."""
    return fields.get(camel, fields.get(_snake(camel)))
