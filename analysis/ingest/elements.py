"""JSON values out of a stream, one after the other, without holding what comes before or after.

The ends of a value are found by its brackets alone, so that one that is no JSON does not hide those behind it.
"""

from __future__ import annotations

import re
from typing import Protocol

LARGEST_BYTES = 1 << 27
"""How large one value may be. A quotation mark that never closes would make a value of all that follows."""
CHUNK_BYTES = 1 << 18
PATIENCE_BYTES = 1 << 28
"""How much may be looked through for the ends of values that turn out to have none."""
SHORT_BYTES = 1 << 16
"""How large a value may be after that, so that a file of nothing but broken ones is still read in one go."""

_BLANK = b" \t\r\n"
_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+([{}\[\]])', re.DOTALL)
"""All up to the next bracket that stands outside strings. It never goes back, whatever the text is."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_WORD_ENDS = re.compile(rb'[\s,:{}\[\]"]')
_SCALAR = re.compile(rb"-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity")
_STRAY_ENDS = re.compile(rb"[\n{\[]")
_LINE_OPENS = re.compile(rb"(?<=\n)\{")
_KEY = re.compile(rb'\{\s*("(?:[^"\\]|\\.){0,200}")\s*:')


class Stream(Protocol):
    """Whatever gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes; none at the end."""


class Elements:
    """A place in a stream of JSON.

    Attributes:
        cut: Whether the value given last was cut off: by the end of the file, or at LARGEST_BYTES.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = b""
        self._at = 0
        self._opening: bytes | None = None
        self._wasted = 0
        self.cut = False

    def peek(self, skip: bytes = _BLANK) -> bytes:
        """The next byte that is not to be skipped, without taking it; none at the end."""
        while True:
            while (byte := self._held[self._at : self._at + 1]) and byte in skip:
                self._at += 1
            if byte or not self._more(0):
                return byte

    def take(self) -> bytes:
        """The next byte."""
        byte = self._held[self._at : self._at + 1]
        self._at += 1
        return byte

    def value(self) -> bytes:
        """The next value's bytes. `peek` has come to where it begins."""
        self.cut = False
        first = self._held[self._at : self._at + 1]
        if first in (b"{", b"["):
            return self._bracketed()
        if first == b'"':
            return self._string()
        return self._word()

    def resume(self, value: bytes) -> bytes:
        """Go on inside a value that is no JSON, where the next one seems to begin.

        That is where its first key stands again after a line's end, a comma or a bracket, for values of one file
        mostly begin alike; else where a line begins with a brace.

        Returns:
            What of the value stands before that place; all of it where there is none.
        """
        self._wasted += len(value)
        opening = self._opening or opening_of(value)
        again = re.compile(rb"(?<=[\s,}\]])" + opening).search(value, 1) if opening else None
        again = again or _LINE_OPENS.search(value, 1)
        if again is None:
            return value
        self._at -= len(value) - again.start()  # the value is still held: it was given last
        return value[: again.start()]

    def learn(self, value: bytes) -> None:
        """Remember how a good value begins."""
        if self._opening is None:
            self._opening = opening_of(value)

    def _bracketed(self) -> bytes:
        depth, at, limit = 0, self._at, self._limit()
        while True:
            end = self._at + limit
            while found := _BRACKET.match(self._held, at, end):  # a search would begin inside strings
                at = found.end()
                depth += 1 if found[1] in b"{[" else -1
                if depth == 0:
                    return self._until(at)
            scanned = at - self._at
            if len(self._held) >= end or not self._more(len(self._held) - self._at):
                self.cut = True
                return self._until(min(end, len(self._held)))
            at = self._at + scanned

    def _string(self) -> bytes:
        limit = self._limit()
        while True:
            end = self._at + limit
            found = _STRING.match(self._held, self._at, end)
            if found:
                return self._until(found.end())
            if len(self._held) >= end or not self._more(len(self._held) - self._at):
                self.cut = True
                return self._until(min(end, len(self._held)))

    def _limit(self) -> int:
        return LARGEST_BYTES if self._wasted < PATIENCE_BYTES else SHORT_BYTES

    def _word(self) -> bytes:
        """A number or a word; what is none goes on to the end of the line or to the next bracket."""
        end = self._search(_WORD_ENDS, 1)
        if not _SCALAR.fullmatch(self._held, self._at, end):
            end = self._search(_STRAY_ENDS, 1)
        return self._until(end)

    def _search(self, wanted: re.Pattern[bytes], scanned: int) -> int:
        while True:
            found = wanted.search(self._held, self._at + scanned)
            if found:
                return found.start()
            scanned = len(self._held) - self._at
            if scanned > LARGEST_BYTES or not self._more(scanned):
                return len(self._held)

    def _until(self, end: int) -> bytes:
        value = self._held[self._at : end]
        self._at = end
        return value

    def _more(self, held: int) -> bool:
        """Read on, the further the more is held, so that a long value is not scanned over and over."""
        data = self._stream.read(max(CHUNK_BYTES, held))
        if not data:
            return False
        self._held = self._held[self._at :] + data
        self._at = 0
        return True


def opening_of(value: bytes) -> bytes | None:
    """An expression for how a value begins: its first key."""
    key = _KEY.match(value)
    return rb"\{\s*" + re.escape(key[1]) + rb"\s*:" if key else None
