"""What each letter of many texts is, looked up at once in tables: what `analysis.segments` asks, on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from analysis import segments

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SPACE, LINE, STOP, CLOSER, WIDE_STOP, WIDE_CLOSER, DELIMITER = (1 << bit for bit in range(7))
OTHER = 0x80
"""Stands for every code point beyond ASCII where only ASCII is looked at."""

_SEPARATOR = b"\n"
_SHORT_RUN = 2
"""How far a run of marks or spaces is followed step by step, many at once; most are no longer."""
_AHEAD = np.arange(64)
"""How far the others are followed at once; hardly any is longer."""


def _table() -> Bytes:
    """What kind each code point of the basic plane is; what lies beyond is none of them."""
    kinds = np.zeros(0x10000 + 1, np.uint8)
    for letters, kind in (
        ("".join(letter for letter in map(chr, range(0x10000)) if letter.isspace()), SPACE),
        (segments.LINE_ENDS, LINE),
        (segments.STOPS, STOP),
        (segments.CLOSERS, CLOSER),
        (segments.WIDE_STOPS, WIDE_STOP),
        (segments.WIDE_CLOSERS, WIDE_CLOSER),
        (segments.DELIMITERS, DELIMITER),
    ):
        for letter in letters:
            kinds[ord(letter)] |= kind
    return kinds


def _among(letters: str) -> Mask:
    """Which bytes are one of these letters."""
    return np.isin(np.arange(256), [ord(letter) for letter in letters])


def _endings() -> Mask:
    """Which three letters may be the last of an abbreviation, or all of a shorter one; each as one number."""
    found = np.zeros(1 << 15, np.bool_)
    for word in segments.ABBREVIATIONS:
        last = [0, 0, *word[-3:].encode()]
        found[sum(int(ALPHABET[byte]) << 5 * place for place, byte in enumerate(last[:-4:-1]))] = True
    return found


KINDS = _table()
ASCII_KINDS = bytes(KINDS[:OTHER]) + bytes(256 - OTHER)
LETTERS = bytes(min(byte, OTHER) for byte in range(256))
CONTINUING = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that begin no code point."""
ALPHABET = np.array(
    [byte & 0x1F if chr(byte).isalpha() and byte < OTHER else 0 for byte in range(256)], np.uint16
)
"""The place of a letter in the alphabet, small or capital; 0 for anything else."""
LETTER, DIGIT = ALPHABET > 0, _among("0123456789")
ENDINGS = _endings()
BEFORE_WORD = (_among("([\"'") | (np.append(KINDS[:OTHER], np.zeros(256 - OTHER, np.uint8)) & SPACE)) != 0
ROMAN, BRACKET = _among("ivxIVX"), _among("[]()")
TICK, DOLLAR, BACKSLASH = b"`$\\"
MARK = _among("*_" + "".join(map(chr, range(OTHER, 256))))
"""Where it takes more than a look to know the word: emphasis, and letters beyond ASCII."""


@dataclass
class Joined:
    """Several texts in one, with a separator before the first and after each. Places are code points.

    Attributes:
        data: All of them as UTF-8, in which surrogates may stand.
        letters: Each code point's number, OTHER where it is beyond ASCII; “ as ".
        kinds: What each code point is: SPACE and so on, added up.
        starts: Where each text begins.
        ends: One past the separator of each.
        byte_ends: The same in bytes.
        decoded: Those of the texts that were looked at one by one.
    """

    data: bytes
    letters: Bytes
    kinds: Bytes
    starts: Ints
    ends: Ints
    byte_ends: Ints
    decoded: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, data: bytes, sizes: Sequence[int]) -> Joined:
        """Texts that `join` has made one of, and how many bytes each has."""
        held = bytearray(data.translate(LETTERS, CONTINUING))
        letters, kinds = np.frombuffer(held, np.uint8), np.frombuffer(held.translate(ASCII_KINDS), np.uint8)
        ends = byte_ends = np.cumsum(np.array(sizes, np.int64) + 1) + 1
        if len(data) > len(letters):
            heads, continuing, points = _beyond_ascii(np.frombuffer(data, np.uint8))
            before = np.append(0, np.cumsum(continuing))  # how many bytes of a text are no code point
            places = heads - before[:-1]
            ends = byte_ends - before[np.searchsorted(heads, byte_ends)]
            kinds[places] = KINDS[points]
            letters[places[points == ord("“")]] = ord('"')
        return cls(data, letters, kinds, np.append(1, ends[:-1]), ends, byte_ends)

    def text(self, number: int) -> str:
        """One of the texts."""
        if number not in self.decoded:
            start = self.byte_ends[number - 1] if number else len(_SEPARATOR)
            text = self.data[start : self.byte_ends[number] - len(_SEPARATOR)]
            self.decoded[number] = text.decode(errors="surrogatepass")
        return self.decoded[number]

    def is_(self, kind: int, places: Ints) -> Mask:
        """Which of the places are of this kind. What is beyond either end counts as the separator there."""
        found: Mask = (self.kinds.take(places, mode="clip") & kind) != 0
        return found

    def past(self, kind: int, places: Ints) -> Ints:
        """Each place moved on past the run of this kind that it stands at."""
        places = places.copy()
        moving = np.flatnonzero(self.is_(kind, places))
        for _ in range(_SHORT_RUN):
            if not len(moving):
                return places
            places[moving] += 1
            moving = moving[self.is_(kind, places[moving])]
        moving = self._on(kind, places, moving, 1)
        if not len(moving):
            return places
        runs = np.append((self.kinds & kind) != 0, False)
        ends = np.flatnonzero(runs[:-1] & ~runs[1:]) + 1
        places[moving] = np.append(ends, len(self.kinds))[np.searchsorted(ends, places[moving], side="right")]
        return places

    def back(self, kind: int, places: Ints) -> Ints:
        """Each place moved back to where the run of this kind that ends before it begins."""
        places = places.copy()
        moving = np.flatnonzero(self.is_(kind, places - 1))
        for _ in range(_SHORT_RUN):
            if not len(moving):
                return places
            places[moving] -= 1
            moving = moving[self.is_(kind, places[moving] - 1)]
        moving = self._on(kind, places, moving, -1)
        if not len(moving):
            return places
        runs = np.append(False, (self.kinds & kind) != 0)
        starts = np.flatnonzero(runs[1:] & ~runs[:-1])
        places[moving] = starts[np.searchsorted(starts, places[moving]) - 1]
        return places

    def _on(self, kind: int, places: Ints, moving: Ints, step: int) -> Ints:
        """Move some of the places on, in their runs, and tell which have not come to the end of theirs."""
        near = places[moving, None] + (_AHEAD if step > 0 else -1 - _AHEAD)
        run = np.argmax((self.kinds.take(near, mode="clip") & kind) == 0, axis=1)
        places[moving] += step * run
        left: Ints = moving[run == 0]
        return left

    def text_of(self, places: Ints) -> Ints:
        """The number of the text that each place is in; places are in order."""
        counts = np.diff(np.searchsorted(places, self.ends), prepend=0)
        return np.repeat(np.arange(len(counts)), counts)


def join(texts: Sequence[bytes]) -> bytes:
    """Several texts in one."""
    return _SEPARATOR.join([b"", *texts, b""])


def _beyond_ascii(data: Bytes) -> tuple[Ints, Ints, Ints]:
    """What is beyond ASCII in UTF-8: where it begins, how many bytes more it has, and its number.

    Numbers beyond the basic plane are 0x10000.
    """
    heads = np.flatnonzero(data >= 0xC0)
    first, second, third = (data.take(heads + more, mode="clip").astype(np.int64) for more in range(3))
    two = (first & 0x1F) << 6 | second & 0x3F
    three = (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F
    points = np.where(first < 0xE0, two, np.where(first < 0xF0, three, 0x10000))
    return heads, 1 + (first >= 0xE0) + (first >= 0xF0), points
