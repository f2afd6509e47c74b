"""The formats that are recognised by their content, in the order in which they are tried.

A format is a module with `NAME`, `recognises(head) -> bool` and `read(path, source)`, which yields each
trajectory with the row of the source that it was read from, or what could not be read. To add one, write the
module and name it here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from analysis.errors import UserError
from analysis.ingest import (
    anthropic,
    atif,
    bedrock,
    chat,
    chat_stream,
    claude_code,
    codex,
    codex_exec,
    gemini,
    gemini_api,
    harmony,
    inspect_log,
    nested,
    ollama,
    openhands,
    petri,
    responses,
    scout_db,
    sharegpt,
    swe_agent,
)
from analysis.ingest.head import Head, head_of
from analysis.ingest.rows import Unreadable
from analysis.ingest.rowwise import ReadRow
from analysis.trajectories import Trajectory

Found = Iterator[tuple[dict[str, Any], Trajectory] | Unreadable]


class Format(Protocol):
    """What a format's module offers."""

    NAME: str

    def recognises(self, head: Head) -> bool:
        """Whether a file that begins so is of this format."""

    def read(self, path: Path, source: str) -> Found:
        """The trajectories of a file."""


FORMATS: tuple[Format, ...] = (
    inspect_log, scout_db, petri,
    codex, codex_exec, claude_code, gemini, swe_agent, openhands, atif,  # sessions: a file is one trajectory or a few
    harmony, responses, anthropic, bedrock, gemini_api, ollama, sharegpt, chat_stream,  # a row is one
    chat, nested,  # the least particular last
)  # fmt: skip
BY_ROW: dict[str, ReadRow] = {each.NAME: each.trajectories for each in (chat, sharegpt, nested)}
"""Formats each row of which can be read without the others, by what reads one."""
MAPPED = "mapped"
"""The name of anybody's own rows, read by a field map."""


def named(name: str) -> Format:
    """The format of this name.

    Raises:
        UserError: There is none.
    """
    for each in FORMATS:
        if name == each.NAME:
            return each
    raise UserError(f"no format {name}; there are {', '.join([MAPPED, *(each.NAME for each in FORMATS)])}")


def detect(path: Path) -> str:
    """The format of a file by its content.

    Raises:
        UserError: It is empty, or of none of the known ones and so needs a map.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise UserError(f"{path} is empty")
    head = head_of(path)
    for each in FORMATS:
        if each.recognises(head):
            return each.NAME
    if head.first is None:
        raise UserError(f"{path} holds no JSON object; `telltale ingest --help` lists the formats")
    keys = ", ".join(list(head.first)[:8])
    raise UserError(
        f"{path} is of no known format (its rows have {keys}); name the fields with --map or --set"
    )
