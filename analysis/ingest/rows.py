"""Rows out of files as they really are: JSON in lines, arrays and one after the other, tables, datasets on disk.

All stream: of a file no more is held than one row of it (of a table, one batch).
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from analysis.ingest import server_sent
from analysis.ingest.elements import LARGEST_BYTES, Elements, Stream, opening_of
from analysis.trajectories import storable

EXCERPT_CHARACTERS = 2_000
BUFFER_BYTES = 1 << 18
DEEPEST = 200
"""How many levels a value may have before it is looked at whether it can be written again."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_ZEROS = {"1000": "utf-32-le", "0001": "utf-32-be", "1010": "utf-16-le", "0101": "utf-16-be"}
"""Encodings without a mark by which of the first four bytes are zero: a text mostly begins in ASCII."""


@dataclass(frozen=True)
class Unreadable:
    """Something in a file that is no trajectory: where it stands, why it was set aside, how it begins."""

    line: int | None
    reason: str
    excerpt: str


Row = tuple[int, dict[str, Any]]


def json_rows(path: Path) -> Iterator[Row | Unreadable]:
    """The rows of a file, or of a dataset's folder.

    Args:
        path: JSON lines, an array, objects one after the other, server-sent events; CSV, Parquet, Arrow; a dataset on
            disk.

    Yields:
        (line, row), the line being the row's number in anything but lines of text; or what could not be read.

    Raises:
        UserError: A table is damaged as a whole.
    """
    from analysis.ingest import tables  # Arrow takes its time to load

    if tables.holds(path):
        yield from tables.rows(path)
    elif path.is_dir():
        return
    else:
        with closing(opened(path)) as stream:
            yield from _json(stream)


def opened(path: Path) -> io.BufferedReader:
    """The bytes of a text file as UTF-8, without its byte order mark."""
    stream: io.BufferedReader = io.BufferedReader(path.open("rb", 0), BUFFER_BYTES)
    begins = stream.read(4)
    shape = "".join("1" if byte else "0" for byte in begins)
    found = ((mark, name) for mark, name in _MARKS if begins.startswith(mark))
    mark, name = next(found, (b"", _ZEROS.get(shape, "utf-8")))
    stream.seek(len(mark))
    if name == "utf-8":
        return stream
    return io.BufferedReader(_Recoded(codecs.EncodedFile(stream, "utf-8", name, "replace")))


def parsed(data: bytes) -> Any:
    """A JSON value, also with NaN, lone surrogates or bytes that are no UTF-8; Unreadable for what is none."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return _storable(json.loads(data.decode(errors="replace"), parse_constant=lambda _: None))
        except (ValueError, RecursionError) as error:
            return Unreadable(None, f"no JSON: {error}", excerpt(data))
    if isinstance(value, (dict, list)) and _nested_deeply(value):
        try:
            orjson.dumps(value)
        except orjson.JSONEncodeError:
            return Unreadable(None, "nested too deeply to be kept", excerpt(data))
    return value


def _nested_deeply(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            each
            for held in level
            for each in (held.values() if type(held) is dict else held)
            if type(each) in (dict, list)
        ]
        if not level:
            return False
    return True


def excerpt(data: bytes) -> str:
    """The beginning of some bytes as text."""
    return data[: 4 * EXCERPT_CHARACTERS].decode(errors="replace")[:EXCERPT_CHARACTERS]


class _Chained:
    """A stream after what was read of it already."""

    def __init__(self, before: bytes, stream: BinaryIO) -> None:
        self._before = before
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        data, self._before = self._before, b""
        return data or self._stream.read(size)


class _Recoded(io.RawIOBase):
    """What a codec makes of a stream, as a raw stream."""

    def __init__(self, source: codecs.StreamRecoder) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer) // 4 or 1)
        buffer[: len(data)] = data
        return len(data)


def _json(stream: io.BufferedReader) -> Iterator[Row | Unreadable]:
    """What a text holds: an array, events, or lines."""
    if stream.peek(1).lstrip().startswith(b"["):  # before a line is read, which may be the whole file
        yield from _values(stream)
        return
    if server_sent.holds_events(stream.peek(1)):
        for number, data in server_sent.events(stream):
            yield from _of_event(number, data)
        return
    yield from json_lines(stream)


def json_lines(stream: io.BufferedReader, number: int = 0, first: bytes = b"") -> Iterator[Row | Unreadable]:
    """JSON lines; from where a line is no value of its own and does not look like a broken one, values in a row.

    Args:
        stream: Where they are.
        number: How many lines are before them.
        first: How the first of all begins, if it is before them.
    """
    line = stream.readline(LARGEST_BYTES)
    while line:
        number += 1
        following = None
        if not first and line.lstrip().startswith(b"["):
            yield from _values(_Chained(line, stream))
            return
        if len(line) == LARGEST_BYTES:
            yield from _values(_Chained(line, stream), number - 1, first)
            return
        value = None if line.isspace() else parsed(line)
        if isinstance(value, Unreadable):
            several = _several(number, line)
            blank, following = _after_blanks(stream)
            if not several and _goes_on(line, following):
                yield from _values(_Chained(line + b"".join(blank) + following, stream), number - 1, first)
                return
            yield from several or [Unreadable(number, value.reason, value.excerpt)]
            number += len(blank)
        elif not line.isspace():
            yield _row(number, value, line)
        first = first or line.strip()
        line = stream.readline(LARGEST_BYTES) if following is None else following


def _after_blanks(stream: io.BufferedReader) -> tuple[list[bytes], bytes]:
    """The blank lines that come next, and the line after them."""
    blank: list[bytes] = []
    while (line := stream.readline(LARGEST_BYTES)) and not line.strip():
        blank.append(line)
    return blank, line


def _goes_on(line: bytes, following: bytes) -> bool:
    """Whether a line that is no value goes on in the next: it opens one, and the next does not."""
    return line.lstrip()[:1] in (b"{", b"[") and bool(following) and not following.lstrip().startswith(b"{")


def _several(number: int, line: bytes) -> list[Row | Unreadable]:
    """The values of a line that has several, or a comma behind one; none for a line that is one broken value.

    Where an object ends and another that begins alike follows, there are several, whatever is broken: inside a
    text a quotation mark has a backslash before it.
    """
    opening = opening_of(line.lstrip())
    found = list(_values(io.BytesIO(line)))
    if any(isinstance(each, Unreadable) for each in found) and not (
        opening and re.search(rb"\}[^{},:]*" + opening, line)
    ):
        return []
    return [
        replace(each, line=number) if isinstance(each, Unreadable) else (number, each[1]) for each in found
    ]


def _values(stream: Stream, number: int = 0, like: bytes = b"") -> Iterator[Row | Unreadable]:
    """The elements of arrays, and values one after the other.

    Args:
        stream: Where they are.
        number: How many lines were read before.
        like: How others of them begin.
    """
    elements = Elements(stream)
    elements.learn(like)
    inside = False
    while byte := elements.peek(b" \t\r\n,"):
        if byte == b"]" or (byte == b"[" and not inside):
            inside = elements.take() == b"["
            continue
        number += 1
        data = elements.value()
        value = parsed(data)
        if isinstance(value, Unreadable):
            cut = elements.cut
            before = elements.resume(data)
            reason = f"no JSON: cut off, or longer than {LARGEST_BYTES >> 20} MB" if cut else value.reason
            yield Unreadable(number, reason, excerpt(before))
        else:
            elements.learn(data)
            yield _row(number, value, data)
    if inside and not elements.cut:
        yield Unreadable(number + 1, "the file ends before its array does; it may have been cut off", "")


def _of_event(number: int, data: bytes) -> Iterator[Row | Unreadable]:
    """What one event holds; two where another began before it was over."""
    row = _row_of(number, data)
    again = server_sent.torn(data) if isinstance(row, Unreadable) else None
    if again and isinstance(parsed(again[1]), dict):
        yield _row_of(number, again[0])
        row = _row_of(number + again[0].count(b"\n"), again[1])
    yield row


def _row_of(number: int, data: bytes) -> Row | Unreadable:
    value = parsed(data)
    return replace(value, line=number) if isinstance(value, Unreadable) else _row(number, value, data)


def _row(number: int, value: Any, data: bytes) -> Row | Unreadable:
    if not isinstance(value, dict):
        return Unreadable(number, f"a {type(value).__name__} where an object should stand", excerpt(data))
    return number, value


def _storable(value: Any) -> Any:
    """The value without what JSON can't be written with: lone surrogates, integers of more than 64 bits."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return str(value)
    return value
