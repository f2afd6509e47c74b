"""The cuts of `analysis.segments`, for many texts at once.

The same rules on arrays with a place for each code point. What decides most stops is looked at for all of them
together; only where a doubt is left (an abbreviation, an initial, a list number) does `analysis.segments` decide.
Both give the same spans for every text; a property test holds them against each other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis import segments
from analysis.segment_letters import (
    ALPHABET,
    BACKSLASH,
    BEFORE_WORD,
    BRACKET,
    CLOSER,
    DELIMITER,
    DIGIT,
    DOLLAR,
    ENDINGS,
    LETTER,
    LINE,
    MARK,
    OTHER,
    ROMAN,
    SPACE,
    STOP,
    TICK,
    WIDE_CLOSER,
    WIDE_STOP,
    Bytes,
    Ints,
    Joined,
    Mask,
    join,
)
from analysis.trajectories import Trajectory, turn_spans

if TYPE_CHECKING:
    import pyarrow as pa

Cuts = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]
"""Three arrays of the same length, a place a segment: the text's number, start_char, end_char, in order."""

BYTES_AT_ONCE = 500_000

_LONGEST_NUMBER = 3
"""How many digits the number of a list can have."""


def segment_texts(texts: Sequence[str]) -> Cuts:
    """Cut many texts.

    Args:
        texts: Any texts.

    Returns:
        Their segments.
    """
    return segment_utf8([text.encode(errors="surrogatepass") for text in texts])


def segment_utf8(texts: Sequence[bytes]) -> Cuts:
    """Cut many texts, each as its UTF-8, in which surrogates may stand; offsets are code points all the same."""
    return segment_joined(join(texts), [len(text) for text in texts])


def segment_joined(data: bytes, sizes: Sequence[int]) -> Cuts:
    """Cut texts that `join` has made one of.

    Args:
        data: All of them.
        sizes: How many bytes each has.
    """
    parts, first, begin, size = [], 0, 0, 0
    for number, each in enumerate(sizes, 1):
        size += each + 1
        if size > BYTES_AT_ONCE or number == len(sizes):
            parts.append(_segment_some(Joined.of(data[begin : begin + size + 1], sizes[first:number]), first))
            first, begin, size = number, begin + size, 0
    if not parts:
        empty = np.empty(0, np.int32)
        return empty, empty, empty
    numbers, starts, ends = (np.concatenate(column) for column in zip(*parts, strict=True))
    return numbers, starts, ends


@dataclass(frozen=True)
class Segments:
    """The segments of several trajectories, with offsets into the joined reasoning of each.

    Attributes:
        counts: How many each trajectory has.
        message: Whose turn each segment is, trajectory by trajectory and in order.
        start_char: Where it starts.
        end_char: Where it ends.
    """

    counts: Ints
    message: npt.NDArray[np.int32]
    start_char: npt.NDArray[np.int32]
    end_char: npt.NDArray[np.int32]

    @classmethod
    def of(cls, turns: Sequence[tuple[int, int, int]], cuts: Cuts, trajectories: int) -> Segments:
        """Those that the cuts of some turns are.

        Args:
            turns: (number of the trajectory, message, start_char) a turn.
            cuts: Of the turns' texts.
            trajectories: How many there are.
        """
        number, start, end = cuts
        owners, messages, offsets = (np.array([turn[at] for turn in turns], np.int32) for at in range(3))
        counts = np.bincount(owners[number], minlength=trajectories)
        return cls(counts, messages[number], start + offsets[number], end + offsets[number])

    def rows(self, row_ids: Sequence[int], trajectory_ids: Sequence[str | None]) -> pa.Table:
        """The rows of log.cuts: one for each trajectory that has a segment."""
        import pyarrow as pa  # a process that cuts does without

        having = np.flatnonzero(self.counts)
        bounds = pa.array(np.append(0, np.cumsum(self.counts[having])), pa.int32())
        lists = {name: getattr(self, name) for name in ("message", "start_char", "end_char")}
        return pa.table({
            "row_id": np.array(row_ids, np.uint64)[having],
            "trajectory_id": pa.array([trajectory_ids[at] for at in having.tolist()], pa.string()),
            "segmentation": pa.repeat(segments.SEGMENTATION, len(having)),
            **{name: pa.ListArray.from_arrays(bounds, pa.array(each, pa.int32())) for name, each in lists.items()},
        })  # fmt: skip


def segment_rows(trajectories: Sequence[Trajectory], row_ids: Sequence[int]) -> pa.Table:
    """The rows of log.cuts for identified trajectories, each with the row_id that it is stored under."""
    turns = [
        (number, message, start)
        for number, each in enumerate(trajectories)
        for message, start, _ in turn_spans(each.turns())
    ]
    cuts = segment_texts([text for each in trajectories for _, text in each.turns()])
    ids = [each.trajectory_id for each in trajectories]
    return Segments.of(turns, cuts, len(trajectories)).rows(row_ids, ids)


def _segment_some(joined: Joined, first: int) -> Cuts:
    marks = np.flatnonzero((joined.kinds & (LINE | STOP | WIDE_STOP | DELIMITER)) != 0)
    kinds = joined.kinds[marks]
    whole = _whole_spans(joined, marks)
    if len(whole):
        span = np.searchsorted(whole[:, 0], marks, side="right") - 1
        outside = (span < 0) | (whole[np.maximum(span, 0), 1] <= marks)
        marks, kinds = marks[outside], kinds[outside]
    lines = (kinds & LINE) != 0
    line_ends = marks[lines] + 1
    line_ends = line_ends[~joined.is_(LINE, line_ends)]
    wide = marks[(kinds & WIDE_STOP) != 0]
    wide_ends = joined.past(WIDE_CLOSER, joined.past(WIDE_STOP, wide))
    line_starts = np.maximum.accumulate(np.where(lines, marks + 1, 0))
    at = np.flatnonzero((kinds & STOP) != 0)
    sentence_ends = _sentence_ends(joined, line_starts[at], marks[at])
    cuts = np.sort(np.concatenate([line_ends, sentence_ends, wide_ends, joined.ends]))
    starts, ends = _trimmed(joined, np.append(0, cuts[:-1]), cuts)
    number = joined.text_of(starts)
    offsets = joined.starts[number]
    return (
        (number + first).astype(np.int32),
        (starts - offsets).astype(np.int32),
        (ends - offsets).astype(np.int32),
    )


def _whole_spans(joined: Joined, marks: Ints) -> Ints:
    """Code and LaTeX of all texts: (spans, 2), in order."""
    starts, ends = _delimiters(joined, marks[joined.is_(DELIMITER, marks)])
    numbers = joined.text_of(starts)
    tick = joined.letters[starts] == TICK
    single, fence = np.flatnonzero(tick & (ends - starts == 1)), np.flatnonzero(tick & (ends - starts == 3))
    partners = np.zeros(len(starts), np.int64)  # of each that has one; no other's is the first
    near = _inline(starts[single], numbers[single], marks[joined.is_(LINE, marks)])
    for those, belong in ((single, near), (fence, np.diff(numbers[fence]) == 0)):
        partners[those[:-1][belong]] = those[1:][belong]
    for opening, closing in _other_pairs(joined, starts, ends, numbers, np.flatnonzero(~tick)):
        partners[opening] = closing
    outermost, number, found = [], 0, partners.tolist()
    while number < len(found):
        if found[number]:
            outermost.append(number)
            number = found[number]
        number += 1
    return np.stack([starts[outermost], ends[partners[outermost]]], axis=1)


def _delimiters(joined: Joined, places: Ints) -> tuple[Ints, Ints]:
    """(starts, ends) of what code and LaTeX begin and end with, of all places that hold one of its letters."""
    letters, following = joined.letters[places], joined.letters.take(places + 1, mode="clip")
    goes_on = (np.diff(places, prepend=-1) == 1) & (letters == np.append(np.uint8(0), letters[:-1]))
    first = np.flatnonzero(~goes_on)
    lengths = np.diff(np.append(first, len(places)))
    nth = np.arange(len(places)) - np.repeat(first, lengths)
    most = np.where(letters == TICK, 3, np.where(letters == DOLLAR, 2, 1))  # that are one delimiter
    whole = nth - nth % most + most <= np.repeat(lengths, lengths)
    sizes = np.where(whole, np.where(nth % most == 0, most, 0), 1)
    backslash = letters == BACKSLASH
    sizes[backslash] = np.where(BRACKET[following[backslash]], 2, 0)
    words = np.flatnonzero(backslash & ((following == ord("b")) | (following == ord("e"))))
    for at, number in zip(words.tolist(), joined.text_of(places[words]).tolist(), strict=True):
        sizes[at] = len(segments.delimiter(joined.text(number), int(places[at] - joined.starts[number])))
    held = sizes > 0
    return places[held], (places + sizes)[held]


def _inline(ticks: Ints, numbers: Ints, lines: Ints) -> Mask:
    """Whether there is code between each single tick and the next."""
    size = np.diff(ticks) - 1
    same = (np.diff(np.searchsorted(lines, ticks)) == 0) & (np.diff(numbers) == 0)
    found: Mask = same & (size > 0) & (size <= segments.LONGEST_INLINE)
    return found


def _other_pairs(
    joined: Joined, starts: Ints, ends: Ints, numbers: Ints, those: Ints
) -> Iterator[tuple[int, int]]:
    """The pairs among delimiters of LaTeX."""
    tokens = []
    for at, number in zip(those.tolist(), numbers[those].tolist(), strict=True):
        text, offset = joined.text(number), int(joined.starts[number])
        start, end = int(starts[at]) - offset, int(ends[at]) - offset
        tokens.append((at, number, start, end, text[start:end]))
    places: dict[tuple[int, str], list[int]] = {}
    for nth, (_, number, _, _, token) in enumerate(tokens):
        places.setdefault((number, token), []).append(nth)
    for nth, (at, number, _, inner, token) in enumerate(tokens):
        partners = places.get((number, segments.partner_of(token)), [])
        later = bisect_right(partners, nth)
        if later < len(partners):
            partner, _, closing, end, _ = tokens[partners[later]]
            if segments.belong(joined.text(number), token, inner, closing, end):
                yield at, partner


def _sentence_ends(joined: Joined, line_starts: Ints, stops: Ints) -> Ints:
    """One past each stop, with its closing marks, that ends a sentence."""
    first = np.flatnonzero(~joined.is_(STOP, stops - 1))
    line_starts, stops = line_starts[first], stops[first]
    ends = joined.past(CLOSER, joined.past(STOP, stops))
    last = joined.ends[joined.text_of(stops)] - 2  # the separator after a text is no white space of its
    followed = np.flatnonzero(joined.is_(SPACE, ends) & (ends <= last))
    line_starts, stops, ends = line_starts[followed], stops[followed], ends[followed]
    keep, sure = _told(joined, line_starts, stops, ends)
    doubtful = np.flatnonzero(~sure)
    numbers = joined.text_of(stops[doubtful])
    asked = [(each[doubtful] - joined.starts[numbers]).tolist() for each in (line_starts, stops, ends)]
    asked_of = [joined.text(number) for number in numbers.tolist()]
    keep[doubtful] = [segments.ends_sentence(*each) for each in zip(asked_of, *asked, strict=True)]
    kept: Ints = ends[keep]
    return kept


def _told(joined: Joined, line_starts: Ints, stops: Ints, ends: Ints) -> tuple[Mask, Mask]:
    """What most stops show at once: whether each ends a sentence, and whether that is sure."""
    letters = joined.letters
    stop = letters[stops]
    emphatic = (stop == ord("!")) | (stop == ord("?"))
    several = (stop == OTHER) | (letters[stops + 1] == ord("."))  # … is the only stop beyond ASCII
    told = emphatic | several | _after_plain_word(joined, line_starts, stops)
    going_on = np.flatnonzero(several & ~emphatic)
    following = joined.past(SPACE, ends[going_on])
    letter = letters.take(following, mode="clip")
    keep = told.copy()
    keep[going_on] = (letter < ord("a")) | (letter > ord("z"))
    told[going_on] = (letter != OTHER) & (following - ends[going_on] < segments.LOOK_AHEAD)
    return keep, told | _list_number(letters, line_starts, stops) & ~(emphatic | several)


def _list_number(letters: Bytes, line_starts: Ints, stops: Ints) -> Mask:
    """Whether nothing but digits, and no more than a list's number has, is between a line's start and its stop."""
    size = stops - line_starts
    found = (size > 0) & (size <= _LONGEST_NUMBER)
    at = np.flatnonzero(found)
    for back in range(1, _LONGEST_NUMBER + 1):
        found[at] &= (size[at] < back) | DIGIT[letters.take(stops[at] - back, mode="clip")]
    return found


def _after_plain_word(joined: Joined, line_starts: Ints, stops: Ints) -> Mask:
    """Where a full stop surely ends a sentence, by what is before it.

    That is a word that is no abbreviation, initial or list number, of any alphabet; a number that is no list
    number; or what is neither a letter nor a digit.
    """
    one, two, three = (joined.letters.take(stops - back, mode="clip") for back in (1, 2, 3))
    letter, second, third, digit = LETTER[one], LETTER[two], LETTER[three], DIGIT[one]
    no_list_number = stops - line_starts > segments.LONGEST_LIST_NUMBER
    alone = BEFORE_WORD[two] & (one >= ord("a"))
    word = letter & (alone | (second & (third | BEFORE_WORD[three])))
    ending = ALPHABET[one] | ALPHABET[two] << 5 | ALPHABET[three] * second << 10
    word &= ~ENDINGS[ending] & (no_list_number | (second & ~ROMAN[one]))
    foreign = (one == OTHER) & (second | ((two == OTHER) & ~joined.is_(SPACE, stops - 2)))
    sure: Mask = word | ((digit | foreign) & no_list_number) | ~(letter | digit | MARK[one])
    return sure


def _trimmed(joined: Joined, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The pieces between cuts without white space at either end; those with nothing left are dropped."""
    starts = joined.past(SPACE, starts)
    held = np.flatnonzero(starts < ends)
    return starts[held], joined.back(SPACE, ends[held])
