"""Server-sent events as people save them with curl: lines `data: {…}`, and an empty line after each event.

Names (`event:`), ids, comments and the mark `data: [DONE]` say nothing of a response and are passed over. So is the head
of an HTTP response (`curl --include`). Where the empty lines were lost, a line of data that opens an object
begins another event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from analysis.ingest.elements import LARGEST_BYTES

_BEGINS = re.compile(rb"\s*(?::[^\n]*\n\s*)*(?:(?:data|event|id|retry):|HTTP/\d)")
"""How a file of events begins; what comes first may be comments."""
_FIELD = re.compile(rb"(?:(data)|event|id|retry|):\s?")
_DONE = b"[DONE]"
_OPENINGS = (b"{", _DONE)


class Lines(Protocol):
    """Whatever gives lines."""

    def readline(self, size: int = -1, /) -> bytes:
        """Up to so many bytes of the next line; none at the end."""


def holds_events(begins: bytes) -> bool:
    """Whether a file that begins so holds server-sent events."""
    return _BEGINS.match(begins) is not None


def events(stream: Lines) -> Iterator[tuple[int, bytes]]:
    """The data of each event, with the number of its first line.

    Lines that are no part of an event, such as the JSON of a refusal between two streams, are given as they are: those
    that follow each other together.
    """
    held: list[bytes] = []
    what, first, size = "", 0, 0
    for number, (kind, text) in enumerate(_lines(stream), 1):
        if held and (kind != what or text.startswith(_OPENINGS) or size > LARGEST_BYTES):
            yield first, b"\n".join(held)
            held = []
        if not kind or text.strip() in (b"", _DONE):
            continue
        if not held:
            what, first, size = kind, number, 0
        held.append(text)
        size += len(text)
    if held:
        yield first, b"\n".join(held)


def _lines(stream: Lines) -> Iterator[tuple[str, bytes]]:
    """What each line is, `data`, `other` or nothing of note, and what it says."""
    head = False
    while line := stream.readline(LARGEST_BYTES):
        line = line.rstrip(b"\r\n")
        head = bool(line) and (head or line.startswith(b"HTTP/"))
        field = _FIELD.match(line)
        if head or not line or (field and not field[1]):
            yield "", b""
        elif field:
            yield "data", line[field.end() :]
        else:
            yield "other", line
