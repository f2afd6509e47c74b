"""Formats of which each row is a trajectory (or several): what they share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_messages
from analysis.ingest.reasoning import cut_off
from analysis.ingest.rows import EXCERPT_CHARACTERS, Row, Unreadable, json_rows
from analysis.ingest.skipped import joined
from analysis.ingest.values import number_in, read_time
from analysis.trajectories import Message, Trajectory, storable

Found = Iterator[tuple[dict[str, Any], Trajectory] | Unreadable]
ReadRow = Callable[[dict[str, Any]], Iterable[Trajectory]]

MALFORMED = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, RecursionError)
"""What reading a row raises that is not as its format has it."""
OUT_OF_TOKENS = ("length", "max_tokens", "max_output_tokens", "MAX_TOKENS", "model_length")
"""What providers call it when a reply was cut off at the limit of tokens."""
PROMPTS = ("prompt", "question", "problem", "input", "instruction", "query", "user_prompt")
"""Fields beside a response that hold what was asked, the first that is there."""
SYSTEMS = ("system", "system_prompt", "system_instruction", "systemInstruction", "instructions")
PROMPT_IDS = ("prompt_id", "task_id", "custom_id", "problem_id", "question_id", "key")
"""Fields that name the prompt; all but the first only where the row does not hold it."""
BULK = (
    "logprobs", "prompt_logprobs", "prompt_token_ids", "token_ids", "context", "kv_transfer_params",
)  # fmt: skip
"""Fields that are left out: numbers by token."""
REPEATED_CHARACTERS = 40

_TEXTS = ("environment", "variant", "series", "model")
_TIMES = ("created_at", "created", "createTime", "timestamp", "ts")
_FINISHES = ("finish_reason", "stop_reason", "done_reason")
_OWN = (*_TEXTS, *_TIMES, *_FINISHES, "id", "checkpoint", "prompt_id", "position", "sample")


def read_rows(path: Path, source: str, read_row: ReadRow) -> Found:
    """The trajectories of a file, each with the row that it was read from.

    Args:
        path: JSON lines, an array, or objects one after the other.
        source: How the store calls the file.
        read_row: Gives a row's trajectories; raises ValueError to say why it holds none.
    """
    return read_each(json_rows(path), source, read_row)


def read_each(rows: Iterable[Row | Unreadable], source: str, read_row: ReadRow) -> Found:
    """The same of rows that were read already."""
    for found in rows:
        if isinstance(found, Unreadable):
            yield found
            continue
        yield from read_row_with(read_row, *found, source)


def read_row_with(read_row: ReadRow, line: int | None, row: dict[str, Any], source: str) -> Found:
    """The trajectories of one row, or why it holds none."""
    try:
        made = list(read_row(row))
    except MALFORMED as error:
        yield malformed(line, row, error)
        return
    for trajectory in made:
        trajectory.source, trajectory.line = source, line
        if trajectory.finish_reason in OUT_OF_TOKENS and trajectory.messages:
            cut_off(trajectory.messages[-1])
        yield row, trajectory


def session(row: dict[str, Any], make: Callable[[], Trajectory], line: int | None, used: int) -> Found:
    """A trajectory made of `used` lines, the first at `line`; those beside it are counted as joined to it."""
    if not used:
        return
    try:
        trajectory = make()
    except MALFORMED as error:
        yield malformed(line, row, error)
    else:
        trajectory.line = line
        yield row, trajectory
    if used > 1:
        yield joined(line, used - 1)


def malformed(line: int | None, row: Any, error: Exception) -> Unreadable:
    """A row whose reading failed: the reason is the error's own words where it has any."""
    reason = str(error) if type(error) is ValueError else f"a field is not what the format has: {error!r}"
    text = json.dumps(row, ensure_ascii=False, default=str)
    return Unreadable(line, reason, storable(text[:EXCERPT_CHARACTERS]))


def of_row(row: dict[str, Any], messages: list[Message], used: Iterable[str]) -> Trajectory:
    """A trajectory with what a row says of it under the names that are common beside messages.

    Args:
        row: Its id, model, checkpoint (else the model), environment, variant, series, position, sample,
            finish reason and time are read under their usual names.
        messages: The trajectory's.
        used: The fields that the messages were read from. What is left is kept as metadata, but for copies
            of the reasoning or of what was said, and numbers by token.
    """
    made = Trajectory("", messages, trajectory_id=_text(row.get("id")))
    for name in _TEXTS:
        setattr(made, name, _text(row.get(name)))
    made.checkpoint = _text(row.get("checkpoint")) or made.model
    made.finish_reason = next((text for name in _FINISHES if (text := _text(row.get(name)))), None)
    made.created_at = next((time for name in _TIMES if (time := read_time(row.get(name)))), None)
    made.position, sample = number_in(row.get("position"), "position"), number_in(row.get("sample"), "sample")
    made.sample = None if sample is None else int(sample)
    asked = any(message.content for message in made.prompt())
    names = PROMPT_IDS[:1] if asked else PROMPT_IDS
    made.prompt_id = next((text for name in names if (text := _text(row.get(name)))), None)
    reasoned = {m.reasoning for m in messages if m.reasoning}
    said = {m.content for m in messages if len(m.content) >= REPEATED_CHARACTERS}
    without = {*_OWN, *BULK, *used}
    made.metadata = {
        key: value
        for key, value in row.items()
        if key not in without and not (isinstance(value, str) and (value in reasoned or value in said))
    }
    return made


def asked(row: dict[str, Any]) -> tuple[list[Message], list[str]]:
    """What was asked, from the fields beside a response, and the fields that it was read from.

    `messages` as a conversation, else the first of PROMPTS (a text or a conversation); before it a system
    prompt from SYSTEMS, unless the conversation has its own.
    """
    messages: list[Message] = []
    used: list[str] = []
    for name in ("messages", *PROMPTS):
        value = row.get(name)
        if isinstance(value, str) and value and name != "messages":
            messages, used = [Message("user", storable(value))], [name]
        elif isinstance(value, list) and value and all(isinstance(m, dict) and "role" in m for m in value):
            messages, used = read_messages(value), [name]
        if messages:
            break
    return with_system(row, messages, used)


def with_system(
    row: dict[str, Any], messages: list[Message], used: list[str]
) -> tuple[list[Message], list[str]]:
    """The messages after the system prompt that stands beside them, if they have none themselves."""
    if any(message.role in ("system", "developer") for message in messages):
        return messages, used
    for name in SYSTEMS:
        value = row.get(name)
        value = value.get("parts") if isinstance(value, dict) else value
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        said = [part if isinstance(part, str) else (part or {}).get("text") for part in texts]
        text = "\n\n".join(each for each in said if isinstance(each, str))
        if text:
            return [Message("system", storable(text)), *messages], [*used, name]
    return messages, used


def unwrapped(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its response and request laid open.

    Understands OpenAI's batches (`response.body`), Anthropic's (`result.message`), Gemini's (`response`), and
    logs of `request` and `response`. Fields of the response go before those of the request.

    Raises:
        ValueError: The row says that the request failed.
    """
    response = row.get("response", row.get("result"))
    if not isinstance(response, dict):
        if isinstance(row.get("error"), dict) and not any(
            key in row for key in ("choices", "output", "messages")
        ):
            raise ValueError(f"a request that failed: {_said_error(row['error'])}")
        return row
    inner = next(
        (response[key] for key in ("body", "message") if isinstance(response.get(key), dict)), response
    )
    failed = row.get("error") or response.get("error") or inner.get("error")
    if failed and not any(
        inner.get(key) for key in ("choices", "output", "content", "candidates", "messages")
    ):
        raise ValueError(f"a request that failed: {_said_error(failed)}")
    request = row.get("request")
    request = request if isinstance(request, dict) else {}
    body = request.get("body")
    outer = {key: value for key, value in row.items() if key not in ("request", "response", "result")}
    asked_for = body if isinstance(body, dict) else request
    return {**outer, **{k: v for k, v in asked_for.items() if k not in ("model", "stream")}, **inner}


def _said_error(error: Any) -> str:
    return (
        str(error.get("message") or error.get("code") or error)[:300]
        if isinstance(error, dict)
        else str(error)
    )


def _text(value: Any) -> str | None:
    return storable(value) if isinstance(value, str) and value else str(value) if _is_number(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
