"""Files of JSON lines in parts, each of some whole lines, that can be read one beside the other."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.ingest import tables
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
    """

    path: Path
    start: int
    size: int | None
    lines: int

    def rows(self) -> Iterator[Row | Unreadable]:
        """The rows, with their lines in the file.

        Raises:
            Irregular: A line is something else than an object.
        """
        with closing(opened(self.path)) as stream:
            first = b"" if self.size or not self.lines else stream.readline(LARGEST_BYTES).strip()
            stream.seek(self.start)
            if self.size is None:
                yield from json_lines(stream, self.lines, first)
                return
            data = stream.read(self.size)
        for number, line in enumerate(io.BytesIO(data), self.lines + 1):
            value: Any = None if line.isspace() else parsed(line)
            if isinstance(value, dict):
                yield number, value
            elif not line.isspace():
                raise Irregular


def are_lines(path: Path) -> bool:
    """Whether a file could be JSON lines in UTF-8, as its beginning shows."""
    if path.is_dir() or tables.holds(path):
        return False
    with closing(opened(path)) as stream:
        return isinstance(stream.raw, io.FileIO) and stream.peek(1).lstrip()[:1] == b"{"


def parts_of(path: Path, most_lines: int, most_bytes: int) -> Iterator[Part]:
    """A file that could be JSON lines, in parts of so many lines, or of fewer where they are long.

    The last part holds what follows, whatever it is, from where a line is too long for one.
    """
    with closing(opened(path)) as stream:
        start = end = stream.tell()
        lines = before = 0
        while data := stream.read(READ_AT_ONCE):
            breaks = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE) + end + 1
            end += len(data)
            while lines + len(breaks) >= most_lines:
                cut = int(breaks[most_lines - lines - 1])
                yield Part(path, start, cut - start, before)
                breaks = breaks[most_lines - lines :]
                start, before, lines = cut, before + most_lines, 0
            lines += len(breaks)
            if end - start >= most_bytes and len(breaks) and (cut := int(breaks[-1])) > start:
                yield Part(path, start, cut - start, before)
                start, before, lines = cut, before + lines, 0
            elif end - start >= LARGEST_BYTES and not lines:
                yield Part(path, start, None, before)
                return
        if end > start:
            yield Part(path, start, end - start, before)
