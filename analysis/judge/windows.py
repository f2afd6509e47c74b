"""Long reasoning in windows: each fits the model's budget, and begins and ends where a segment does.

Tokens are estimated, since every model counts its own: four bytes of UTF-8 a token, which English prose holds
to within about a quarter. A window that an endpoint finds too long all the same is halved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BYTES_A_TOKEN = 4
NUMBERING = 2
"""Tokens that a segment's number and line break take."""
OVERLAP = 0.1
"""The share of a window that the next one repeats, at least one segment, so that no passage is cut in two."""
DEFAULT_TOKENS = 30_000
LEAST_TOKENS = 250
"""A window is not made smaller than this: what does not fit then fits nowhere."""


@dataclass(frozen=True)
class Piece:
    """A segment, or a part of one that is longer than a quarter of a window: its number and offsets."""

    segment: int
    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """What one call reads of a reasoning: the `part`th of `parts` windows."""

    pieces: Sequence[Piece]
    part: int = 1
    parts: int = 1

    @property
    def start(self) -> int:
        """Where it begins in the reasoning, in code points."""
        return self.pieces[0].start if self.pieces else 0

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.pieces[-1].end if self.pieces else 0


def tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text.encode(errors="replace")) // BYTES_A_TOKEN)


def size(text: str, segments: int) -> int:
    """About how many tokens a reasoning of so many segments is when it is shown with their numbers."""
    return tokens(text) + NUMBERING * segments


def prompt_room(budget: int) -> int:
    """Characters of a trajectory's prompt to show beside a window of so many tokens: half as much text."""
    return budget * BYTES_A_TOKEN // 2


def whole(segments: Sequence[tuple[int, int]]) -> Window:
    """All of a reasoning as one window."""
    return Window([Piece(number, *span) for number, span in enumerate(segments)])


def windows(text: str, segments: Sequence[tuple[int, int]], budget: int) -> list[Window]:
    """Divide a reasoning.

    Args:
        text: The reasoning.
        segments: (start, end) of its segments.
        budget: Tokens that a window may hold, as `size` estimates them.

    Returns:
        The windows in order, one where all of it fits. Each character of a segment is in at least one.
    """
    if size(text, len(segments)) <= budget:
        return [whole(segments)]
    pieces = _pieces(segments, max(budget // 4, 1))
    sizes = [size(text[piece.start : piece.end], 1) for piece in pieces]
    found: list[Sequence[Piece]] = []
    first = last = 0
    while last < len(pieces):
        last = _fill(sizes, first, budget)
        found.append(pieces[first:last])
        first = _step_back(sizes, first, last, int(budget * OVERLAP))
    return [Window(each, part, len(found)) for part, each in enumerate(found, 1)]


def _pieces(segments: Sequence[tuple[int, int]], longest: int) -> list[Piece]:
    """The segments; those of more than `longest` characters cut into such pieces."""
    return [
        Piece(number, at, min(at + longest, end))
        for number, (start, end) in enumerate(segments)
        for at in range(start, max(end, start + 1), longest)
    ]


def _fill(sizes: Sequence[int], first: int, budget: int) -> int:
    """Where the window that begins with piece `first` ends; it takes one piece whatever its size."""
    total, last = sizes[first], first + 1
    while last < len(sizes) and total + sizes[last] <= budget:
        total += sizes[last]
        last += 1
    return last


def _step_back(sizes: Sequence[int], first: int, last: int, overlap: int) -> int:
    """Where the next window begins: so far back that it repeats one piece, and more up to `overlap` tokens."""
    begin = last - 1
    total = sizes[begin]
    while begin - 1 > first and total + sizes[begin - 1] <= overlap:
        begin -= 1
        total += sizes[begin]
    return max(begin, first + 1)
