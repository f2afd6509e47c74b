"""Files of JSON lines in parts, each of some whole lines, that can be read one beside the other."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.errors import UserError
from analysis.ingest import server_sent, tables
from analysis.ingest.elements import LARGEST_BYTES
from analysis.ingest.rows import Row, Unreadable, json_lines, opened, parsed

READ_AT_ONCE = 1 << 20
NEWLINE = ord("\n")


class Irregular(Exception):
    """A part is not made of lines with an object each; it is to be read with what comes after it."""


@dataclass(frozen=True)
class Part:
    """Some whole lines of a file.

    Attributes:
        path: The file, in UTF-8.
        start: Where they begin, in bytes.
        size: How many bytes they are; None for all that follows, whatever it is.
        lines: How many lines are before them.
        file: What the path stood for when the file was cut in parts: device and inode.
    """

    path: Path
    start: int
    size: int | None
    lines: int
    file: tuple[int, int] | None = None

    def rows(self) -> Iterator[Row | Unreadable]:
        """The rows, with their lines in the file.

        Raises:
            Irregular: A line is something else than an object.
            UserError: Another file has taken the place of this one.
        """
        with closing(opened(self.path)) as stream:
            if self.file not in (None, _file_of(stream)):
                raise UserError(f"{self.path} was replaced while it was read; give the same command again")
            if self.size is None:
                first = stream.read(min(self.start - stream.tell(), READ_AT_ONCE)).strip()
                stream.seek(self.start)
                yield from json_lines(stream, self.lines, first)
                return
            stream.seek(self.start)
            data = stream.read(self.size)
        for number, line in enumerate(io.BytesIO(data), self.lines + 1):
            value: Any = None if line.isspace() or len(line) >= LARGEST_BYTES else parsed(line)
            if isinstance(value, dict):
                yield number, value
            elif not line.isspace():
                raise Irregular


def are_lines(path: Path) -> bool:
    """Whether a file could be JSON lines in UTF-8, as its beginning shows."""
    if path.is_dir() or tables.holds(path):
        return False
    with closing(opened(path)) as stream:
        begins = stream.peek(1)
        plain = isinstance(stream.raw, io.FileIO) and not server_sent.holds_events(begins)
        return plain and begins.lstrip()[:1] == b"{"


def _file_of(stream: io.BufferedReader) -> tuple[int, int]:
    found = os.fstat(stream.fileno())
    return found.st_dev, found.st_ino


def parts_of(path: Path, most_lines: int, most_bytes: int) -> Iterator[Part]:
    """A file that could be JSON lines, in parts of so many lines, or of fewer where they are long.

    The last part holds what follows, whatever it is, from where a line is too long for one.
    """
    with closing(opened(path)) as stream:
        start = end = stream.tell()
        file = _file_of(stream)
        lines = before = last = 0
        while data := stream.read(READ_AT_ONCE):
            breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE) + end + 1
            end += len(data)
            while lines + len(breaks) >= most_lines:
                cut = int(breaks[most_lines - lines - 1])
                yield Part(path, start, cut - start, before, file)
                breaks = breaks[most_lines - lines :]
                start, before, lines = cut, before + most_lines, 0
            lines += len(breaks)
            last = int(breaks[-1]) if len(breaks) else last
            if end - start >= most_bytes and lines:
                yield Part(path, start, last - start, before, file)
                start, before, lines = last, before + lines, 0
            if end - start >= LARGEST_BYTES and not lines:
                yield Part(path, start, None, before, file)
                return
        if end > start:
            yield Part(path, start, end - start, before, file)
