"""The reasoning of one message, by order of trust: provider's blocks, details, fields, tags in the content."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson

from analysis.ingest.channels import holds_channels, read_channels
from analysis.trajectories import Message, ReasoningState, storable

PART_SEPARATOR = "\n\n"
FIELDS = ("reasoning", "reasoning_content", "thinking")
"""Fields of a message that servers put the reasoning in, the most trusted first."""
BLOCKS = ("reasoning", "thinking")
SEALED = ("redacted_thinking", "redacted-reasoning")
"""Types of content parts that hold reasoning, and that hold its ciphertext."""
CALLS = ("tool_use", "server_tool_use", "tool_call", "tool-call")
ROLES = {
    "human": "user", "ai": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant",
    "function": "tool", "observation": "tool", "toolResult": "tool",
}  # fmt: skip
"""What sources call the roles, where it is not user, assistant or tool."""

_TAG = re.compile(r"<(think|thinking)>")
_OPENED = re.compile(r"\s*<(think|thinking)>")
_CLOSED = re.compile(r"(?<![`'\"])</(think|thinking)>")
_REOPENED = re.compile(r"^[ \t]*<(think|thinking)>", re.MULTILINE)
_BLOCK_KEYS = ("reasoning", "thinking", "text", "value", "content")
_TEXT_KEYS = ("text", "value", "content", "refusal")

Reasoning = tuple[str | None, ReasoningState, str | None]
"""Text (None when there is nothing to read), state, and where it was read from."""


def read_message(raw: dict[str, Any]) -> Message:
    """A chat message of any of the common shapes.

    Args:
        raw: The message as its source has it. `content` is a text, a list of typed parts, or null.

    Returns:
        The message with its reasoning apart from what was said.
    """
    role = str(raw.get("role") or "unknown")
    role = ROLES.get(role, role)
    parts = raw.get("content")
    parts = parts if isinstance(parts, list) else [parts] if isinstance(parts, (str, dict)) else []
    said = [text for part in parts if (text := _said(part)) is not None]
    function = raw.get("function") if role == "tool" else None
    message = Message(
        role=role,
        content=storable(PART_SEPARATOR.join(text for text in said if text)),
        tool_calls=[*_tool_calls(raw.get("tool_calls")), *_tool_parts(parts)],
        name=_text(raw.get("name")) or _text(function),
    )
    if isinstance(raw.get("function_call"), dict):  # OpenAI before tools
        message.tool_calls += _tool_calls([{"function": raw["function_call"]}])
    if role == "assistant":
        _read_reasoning(message, raw, parts)
    return message


def split_tags(content: str) -> tuple[str | None, str, ReasoningState, str | None]:
    """Split what a model wrote at its <think> tags.

    Balanced, opened only (cut off), closed only (the prompt's template had opened them) and empty tags are
    understood. Tags further down in a text that does not begin with one are quoted, and stay where they are.

    Returns:
        (reasoning, what is left as the answer, state, source).
    """
    opened = _OPENED.match(content)
    if opened:
        source = f"<{opened[1]}>"
        texts, rest = _tagged(content)
        if not texts:
            cut = content[opened.end() :].strip()
            return (cut, "", "truncated", source) if cut else (None, "", "empty", source)
        again = _REOPENED.search(rest)  # thinking between two answers, cut off
        if again:
            texts.append(rest[again.end() :].strip())
            rest = rest[: again.start()]
        text, rest = PART_SEPARATOR.join(text for text in texts if text), rest.strip()
        return (
            (text, rest, "truncated" if again else "text", source) if text else (None, rest, "empty", source)
        )
    closed = _CLOSED.search(content)
    if closed and f"<{closed[1]}>" not in content[: closed.start()]:
        source = f"</{closed[1]}>"
        text, rest = content[: closed.start()].strip(), content[closed.end() :].strip()
        return (text, rest, "text", source) if text else (None, rest, "empty", source)
    return None, content, "missing", None


def _tagged(content: str) -> tuple[list[str], str]:
    """What stands between balanced tags, and what is left without it; in one pass, however many are open."""
    texts, rest, at, start = [], [], 0, 0
    never: set[str] = set()
    while opened := _TAG.search(content, start):
        start = opened.end()
        closing = f"</{opened[1]}>"
        end = -1 if closing in never else content.find(closing, start)
        if end < 0:
            never.add(closing)
            continue
        texts.append(content[start:end].strip())
        rest.append(content[at : opened.start()])
        at = start = end + len(closing)
    return texts, "".join([*rest, content[at:]])


def plain_reasoning(value: Any, source: str) -> Reasoning:
    """A field that holds the reasoning itself: null is missing, a blank text is empty.

    A list holds its parts: texts, or blocks as a message has them. Anything else is kept as JSON.
    """
    if value is None:
        return None, "missing", None
    if isinstance(value, list) and value:
        if all(isinstance(each, str) for each in value):
            value = PART_SEPARATOR.join(value)
        elif block := _from_blocks(value):
            return block[0], block[1], source
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return (text, "text", source) if text.strip() else (None, "empty", source)


def read_block(part: dict[str, Any]) -> Reasoning | None:
    """One block of reasoning; None for a part that is none.

    Its text is read from `reasoning`, `thinking`, `text`, `value` or `content` (OpenAI Responses), else from
    `summary`. With neither, a signature or ciphertext says that there was reasoning; a
    blank text says that there was none, and a block without any text says nothing.
    """
    kind = str(part.get("type"))
    if kind in SEALED:
        return None, "encrypted", kind
    if kind not in BLOCKS:
        return None
    if not part.get("redacted"):
        for key in _BLOCK_KEYS:
            if (text := text_of(part.get(key))).strip():
                return text, "text", kind
    if (summary := text_of(part.get("summary"))).strip():
        return summary, "summary", kind
    if part.get("redacted") or part.get("signature") or part.get("encrypted_content"):
        return None, "encrypted", kind
    blank = any(part.get(key) not in (None, []) for key in _BLOCK_KEYS)
    return (None, "empty", kind) if blank else (None, "missing", None)


def text_of(content: Any) -> str:
    """The text of a content field: a text, a part, or a list of either; parts are joined by a blank line."""
    parts = content if isinstance(content, list) else [content]
    return PART_SEPARATOR.join(text for part in parts if (text := _said(part)))


def cut_off(message: Message) -> None:
    """Mark a message as cut off in its reasoning: its reply ran out of tokens before it said anything."""
    if message.reasoning_state == "text" and not message.content and not message.tool_calls:
        message.reasoning_state = "truncated"


def _read_reasoning(message: Message, raw: dict[str, Any], parts: list[Any]) -> None:
    if holds_channels(message.content):
        _take_channels(message)
    found = [_from_blocks(parts), _from_details(raw), _from_fields(raw)]
    text, state, source = _most_trusted([each for each in found if each])
    if message.reasoning_state:  # the content was Harmony
        if text is None:
            return
    else:
        tagged, rest, tag_state, tag = split_tags(message.content)
        if text is None and tag_state != "missing":
            text, state, source, message.content = tagged, tag_state, tag, rest
        elif text is not None and tagged is not None and tagged.strip() == text.strip():
            message.content = rest  # some servers leave in the content what they also give apart
    message.reasoning = storable(text) if text is not None else None
    message.reasoning_state, message.reasoning_source = state, source


def _take_channels(message: Message) -> None:
    turns = [turn for turn in read_channels(message.content) if turn.role == "assistant"]
    message.content = PART_SEPARATOR.join(turn.content for turn in turns if turn.content)
    message.tool_calls += [call for turn in turns for call in turn.tool_calls]
    states: list[Reasoning] = [
        (turn.reasoning, turn.reasoning_state, turn.reasoning_source)
        for turn in turns
        if turn.reasoning_state
    ]
    together = _together([each for each in states if each[1] != "missing"])
    message.reasoning, message.reasoning_state, message.reasoning_source = together or (None, "missing", None)
    if turns and turns[-1].reasoning_state == "truncated":
        message.reasoning_state = "truncated"


def _most_trusted(found: list[Reasoning]) -> Reasoning:
    """The first that can be read; else what says that there was something; else missing."""
    for wanted in (lambda each: each[0] is not None, lambda each: each[1] == "encrypted", lambda each: True):
        for each in found:
            if wanted(each):
                return each
    return None, "missing", None


def _from_blocks(parts: Iterable[Any]) -> Reasoning | None:
    """Content parts of type reasoning, thinking and redacted_thinking."""
    return _together([block for part in parts if isinstance(part, dict) and (block := read_block(part))])


def _from_details(raw: dict[str, Any]) -> Reasoning | None:
    """OpenRouter's reasoning_details. `reasoning` has the same text and is taken where it is whole.

    A stream that was put together leaves the text in many details; `reasoning` says how they join.
    """
    found: list[Reasoning] = []
    details = raw.get("reasoning_details")
    for detail in details if isinstance(details, list) else ():
        kind = str(detail.get("type", "")) if isinstance(detail, dict) else ""
        text = (
            _text(detail.get({"reasoning.text": "text", "reasoning.summary": "summary"}.get(kind)))
            if kind
            else None
        )
        if text:
            found.append((text, "text" if kind == "reasoning.text" else "summary", "reasoning_details"))
        elif kind == "reasoning.encrypted" or (kind == "reasoning.text" and detail.get("signature")):
            found.append((None, "encrypted", "reasoning_details"))
    together = _together(found)
    whole = raw.get("reasoning")
    if together and isinstance(whole, str) and whole == "".join(text for text, _, _ in found if text):
        return (whole, together[1], together[2]) if whole.strip() else together
    return together


def _from_fields(raw: dict[str, Any]) -> Reasoning | None:
    found = [plain_reasoning(raw[key], key) for key in FIELDS if isinstance(raw.get(key), str)]
    return _most_trusted(found) if found else None


def _together(found: list[Reasoning]) -> Reasoning | None:
    """Several blocks as one: what can be read wins over what can't; a summary anywhere makes it a summary."""
    if not found:
        return None
    readable = [(text, state, source) for text, state, source in found if text is not None]
    if not readable:
        return next((block for block in found if block[1] == "encrypted"), found[0])
    texts = PART_SEPARATOR.join(str(text).strip("\n") for text, _, _ in readable)
    state: ReasoningState = "summary" if any(block[1] == "summary" for block in readable) else "text"
    return texts, state, readable[0][2]


def _said(part: Any) -> str | None:
    """The text of a content part that is no reasoning; a word in brackets for what is no text."""
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return None
    kind = part.get("type")
    if kind in BLOCKS or kind in SEALED or kind in CALLS:
        return None
    for key in _TEXT_KEYS:
        if isinstance(part.get(key), str):
            return str(part[key])
    return f"[{kind}]" if kind else None


def _tool_calls(calls: Any) -> list[dict[str, Any]]:
    found = []
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            found.append({"name": function.get("name"), "arguments": function.get("arguments")})
        elif function is not None:
            found.append({"name": function, "arguments": call.get("arguments")})
        elif isinstance(call, dict) and "name" in call:
            found.append({"name": call["name"], "arguments": call.get("arguments", call.get("args"))})
    return found


def _tool_parts(parts: Iterable[Any]) -> list[dict[str, Any]]:
    """The calls among content parts: Anthropic's `input`, or JSON in the part's text."""
    found = []
    for part in parts:
        if not isinstance(part, dict) or part.get("type") not in CALLS:
            continue
        text = next((part[key] for key in _TEXT_KEYS if isinstance(part.get(key), str)), None)
        if text is not None and "name" not in part:
            found.append(_called(text))
        else:
            name = part.get("name") or part.get("toolName")
            found.append(
                {"name": name, "arguments": part.get("input", part.get("arguments", part.get("args")))}
            )
    return found


def _called(text: str) -> dict[str, Any]:
    """A call written as JSON; what is none is kept as the arguments of a call without a name."""
    try:
        call = orjson.loads(text)
    except orjson.JSONDecodeError:
        call = None
    if isinstance(call, dict) and "name" in call:
        return {"name": call["name"], "arguments": call.get("arguments")}
    return {"name": None, "arguments": text}


def _text(value: Any) -> str | None:
    return storable(value) if isinstance(value, str) and value else None
