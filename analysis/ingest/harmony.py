"""Harmony raw text: rows with a field that holds `<|channel|>analysis<|message|>…`, or a file of such text.

Channel analysis is the reasoning, final the answer, commentary with a recipient a tool call; an analysis that
has no end and is followed by nothing is truncated. What was asked is in the text itself, else in `messages`,
`prompt`, `question`, … beside it. Copies of the reasoning and the answer in other fields are left out.

Text whose special tokens a tokenizer left out, `analysisThe reasoning.assistantfinalThe answer.`, is read by those words;
among such rows one that begins so and never comes to `assistantfinal` is truncated. With tool calls
(`assistantcommentary`) it can't be told who says what, and it is not read so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from analysis.ingest.channels import finish_reason, holds_channels, opens_stripped, read_channels
from analysis.ingest.head import Head, head_of
from analysis.ingest.rows import opened
from analysis.ingest.rowwise import Found, asked, of_row, read_rows
from analysis.trajectories import Trajectory

NAME = "harmony"


def recognises(head: Head) -> bool:
    """Whether a field of one of the first rows is Harmony, or the file itself."""
    if head.first is None:
        return holds_channels(head.data.decode(errors="replace"))
    return any(_key(row) is not None for row in head.rows)


def read(path: Path, source: str) -> Found:
    """The trajectories of a file, each with the row that it was read from."""
    with closing(opened(path)) as stream:
        if stream.peek(4096).lstrip().startswith((b"<|start|>", b"<|channel|>")):
            return _of_text(stream.read().decode(errors="replace"), source)
    keys = {key for row in head_of(path).rows if (key := _key(row))}
    return read_rows(path, source, lambda row: _trajectories(row, keys))


def _of_text(text: str, source: str) -> Found:
    row = {"text": text}
    for made in _trajectories(row):
        made.source, made.line = source, 1
        yield row, made


def _trajectories(row: dict[str, Any], keys: Collection[str] = ()) -> Iterator[Trajectory]:
    key = _key(row) or next((key for key in keys if opens_stripped(str(row.get(key)))), None)
    if key is None:
        raise ValueError("no field holds channels of Harmony")
    text = row[key]
    messages, used = read_channels(text), [key]
    if messages and messages[0].role == "assistant":
        prompt, read = asked({name: value for name, value in row.items() if name != key})
        messages, used = [*prompt, *messages], [*used, *read]
    made = of_row(row, messages, used)
    made.finish_reason = made.finish_reason or finish_reason(text)
    yield made


def _key(row: dict[str, Any]) -> str | None:
    messages = row.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    if isinstance(last, dict) and last.get("role") == "assistant":
        return None  # a conversation that is whole
    holding = [key for key, value in row.items() if isinstance(value, str) and holds_channels(value)]
    said = [key for key in holding if "assistant" in (message.role for message in read_channels(row[key]))]
    return max(said, key=lambda key: len(row[key]), default=None)
