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
_LATER = re.compile(rb"\s*\{.*?\n(?:data|event):", re.DOTALL)
"""The same after the body of a request that was refused. In JSON no line begins so."""
_FIELD = re.compile(rb"(?:(data)|event|id|retry|):\s?")
_BODY_ENDS = re.compile(rb"(?<=\})(?=(?:data|event|id|retry):|HTTP/\d)")
"""Where a stream begins right behind a body, which mostly ends without a line's end."""
_TORN = re.compile(rb"(.+)data:\s?(\{.*)", re.DOTALL)
_DONE = b"[DONE]"
_OPENINGS = (b"{", _DONE)


class Lines(Protocol):
    """Whatever gives lines."""

    def readline(self, size: int = -1, /) -> bytes:
        """Up to so many bytes of the next line; none at the end."""


def holds_events(begins: bytes) -> bool:
    """Whether a file that begins so holds server-sent events."""
    return bool(_BEGINS.match(begins) or _LATER.match(begins))


def events(stream: Lines) -> Iterator[tuple[int, bytes]]:
    """The data of each event, with the number of its first line.

    Lines that are no part of an event, such as the JSON of a refusal between two streams, are given as they are: those
    that follow each other together.
    """
    held: list[bytes] = []
    what, first, size = "", 0, 0
    for number, kind, text in _lines(stream):
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


def torn(data: bytes) -> tuple[bytes, bytes] | None:
    """What was sent before an event began in the middle of a line, for its stream had ended there, and that event."""
    found = _TORN.match(data)
    return (found[1], found[2]) if found else None


def _lines(stream: Lines) -> Iterator[tuple[int, str, bytes]]:
    """Each line's number, what it is, `data`, `other` or nothing of note, and what it says."""
    head, number = False, 0
    while line := stream.readline(LARGEST_BYTES):
        number += 1
        line = line.rstrip(b"\r\n")
        if not head and not _FIELD.match(line) and (end := _BODY_ENDS.search(line)):
            yield number, "other", line[: end.start()]
            line = line[end.start() :]
        head = bool(line) and (head or line.startswith(b"HTTP/"))
        field = _FIELD.match(line)
        if head or not line or (field and not field[1]):
            yield number, "", b""
        elif field:
            yield number, "data", line[field.end() :]
        else:
            yield number, "other", line
