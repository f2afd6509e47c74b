"""OpenAI chat rows, `{"messages": […]}`, and chat completion responses, `{"choices": […]}`.

So do DeepSeek, Kimi, vLLM and OpenRouter answer. The reasoning of each message is read by `read_message`:
`reasoning_details`, `reasoning` (vLLM from 0.11), `reasoning_content` (DeepSeek, Kimi, vLLM up to 0.10),
`thinking`, tags. A response with several choices is as many trajectories.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_messages
from analysis.ingest.head import Head
from analysis.ingest.reasoning import read_message
from analysis.ingest.rowwise import Found, asked, of_row, read_rows, unwrapped, with_system
from analysis.trajectories import Trajectory

NAME = "chat"


def recognises(head: Head) -> bool:
    """Whether one of the file's first rows is one of this format's."""
    return any(_is_chat(row) or _is_response(row) for row in map(_opened, head.rows))


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    return read_rows(path, source, trajectories)


def trajectories(raw: dict[str, Any]) -> Iterator[Trajectory]:
    """The trajectories of one row."""
    row = unwrapped(raw)
    if _is_response(row):
        for number, choice in enumerate(row["choices"]):
            yield of_choice(row, choice, number)
    elif _is_chat(row):
        messages, used = with_system(row, read_messages(row["messages"]), ["messages"])
        yield of_row(row, messages, used)
    else:
        raise ValueError("neither `messages` with roles nor `choices` with a message")


def of_choice(row: dict[str, Any], choice: dict[str, Any], number: int) -> Trajectory:
    """The trajectory of one choice of a response: the conversation beside it, and its answer."""
    prompt, used = asked(row)
    answer = choice.get("message") or {"content": choice.get("text")}
    message = read_message({**answer, "role": "assistant"})
    if prompt and prompt[-1] == message:
        prompt.pop()  # a log that holds the conversation with its end
    made = of_row(row, [*prompt, message], [*used, "choices", "object"])
    made.finish_reason = choice.get("finish_reason") or made.finish_reason
    if number and made.trajectory_id:
        made.trajectory_id += f"/{number}"
        made.sample = number
    return made


def _opened(row: dict[str, Any]) -> dict[str, Any]:
    try:
        return unwrapped(row)
    except ValueError:
        return {}


def _is_chat(row: dict[str, Any]) -> bool:
    messages = row.get("messages")
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(each, dict) and "role" in each for each in messages)
    )


def _is_response(row: dict[str, Any]) -> bool:
    choices = row.get("choices")
    return (
        isinstance(choices, list)
        and bool(choices)
        and all(
            isinstance(each, dict)
            and (isinstance(each.get("message"), dict) or isinstance(each.get("text"), str))
            for each in choices
        )
    )
