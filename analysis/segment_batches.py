"""The cuts of `analysis.segments`, for many texts at once.

The same rules on arrays with a place for each code point. What decides most stops is looked at for all of them
together; only where a doubt is left (an abbreviation, an initial, a list number) does `analysis.segments` decide.
Both give the same spans for every text; a property test holds them against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis import segments
from analysis.trajectories import Trajectory, turn_spans

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

CHARACTERS_AT_ONCE = 1_000_000

_SPACE, _LINE, _STOP, _CLOSER, _WIDE_STOP, _WIDE_CLOSER, _LETTER, _DIGIT = (1 << bit for bit in range(8))
_SEPARATOR = "\n"
_OTHER = 0x80
"""Stands for every code point beyond ASCII where only ASCII is looked at."""
_SHORT_RUN = 8
"""How far a run of marks or spaces is followed step by step, many at once; hardly any is longer."""


def segment_texts(texts: Sequence[str]) -> tuple[Ints, Ints, Ints]:
    """Cut many texts.

    Args:
        texts: Any texts.

    Returns:
        Three arrays of the same length, a place a segment: the text's number, start_char, end_char, in order.
    """
    parts = [_segment_some(some, first) for first, some in _portions(texts)]
    if not parts:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    number, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    return number, start, end


def segment_rows(trajectories: Sequence[Trajectory], row_ids: Sequence[int]) -> pa.Table:
    """The rows of log.cuts for trajectories that are about to be stored.

    Args:
        trajectories: Identified trajectories.
        row_ids: The row_id that each is stored under.

    Returns:
        A row for each trajectory that has a segment; offsets into its joined reasoning.
    """
    turns = [
        (owner, message, start, text)
        for owner, each in enumerate(trajectories)
        for (message, start, _), (_, text) in zip(turn_spans(each.turns()), each.turns(), strict=True)
    ]
    number, start, end = segment_texts([text for *_, text in turns])
    owners, messages, offsets = (np.array([turn[at] for turn in turns], np.int64) for at in range(3))
    counts = np.bincount(owners[number], minlength=len(trajectories))
    having = np.flatnonzero(counts)
    bounds = pa.array(np.append(0, np.cumsum(counts[having])), pa.int32())
    columns = {
        "message": messages[number], "start_char": start + offsets[number], "end_char": end + offsets[number],
    }  # fmt: skip
    return pa.table({
        "row_id": np.array(row_ids, np.uint64)[having],
        "trajectory_id": pa.array([trajectories[at].trajectory_id for at in having.tolist()], pa.string()),
        "segmentation": pa.repeat(segments.SEGMENTATION, len(having)),
        **{name: pa.ListArray.from_arrays(bounds, pa.array(column, pa.int32())) for name, column in columns.items()},
    })  # fmt: skip


def _portions(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    first, size = 0, 0
    for number, text in enumerate(texts):
        size += len(text) + 1
        if size > CHARACTERS_AT_ONCE:
            yield first, texts[first : number + 1]
            first, size = number + 1, 0
    if first < len(texts):
        yield first, texts[first:]


@dataclass
class _Joined:
    """Several texts in one, with a separator before the first and after each.

    Attributes:
        text: All of it.
        letters: Each code point's number, _OTHER where it is beyond ASCII; “ as ".
        kinds: What each code point is: _SPACE and so on, added up.
        starts: Where each text begins.
        ends: One past the separator of each.
    """

    text: str
    letters: Bytes
    kinds: Bytes
    starts: Ints
    ends: Ints

    def are(self, kind: int) -> Ints:
        """The places of this kind."""
        return np.flatnonzero((self.kinds & kind) != 0)

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
        runs = np.append(False, (self.kinds & kind) != 0)
        starts = np.flatnonzero(runs[1:] & ~runs[:-1])
        places[moving] = starts[np.searchsorted(starts, places[moving]) - 1]
        return places

    def text_of(self, places: Ints) -> Ints:
        """The number of the text that each place is in."""
        return np.searchsorted(self.ends, places, side="right")


def _joined(texts: Sequence[str]) -> _Joined:
    text = _SEPARATOR.join(["", *texts, ""])
    sizes = np.fromiter((len(each) + 1 for each in texts), np.int64, len(texts))
    ends = np.cumsum(sizes) + 1
    if text.isascii():
        data = text.encode()
        letters, kinds = (np.frombuffer(each, np.uint8) for each in (data, data.translate(_ASCII_KINDS)))
    else:
        points = _points(text)
        letters = np.minimum(points, _OTHER).astype(np.uint8)
        kinds = np.frombuffer(bytearray(letters.tobytes().translate(_ASCII_KINDS)), np.uint8)
        others = np.flatnonzero(letters == _OTHER)
        kinds[others] = _KINDS[np.minimum(points[others].astype(np.uint32), len(_KINDS) - 1)]
        letters[others[points[others] == ord("“")]] = ord('"')
    return _Joined(text, letters, kinds, ends - sizes, ends)


def _points(text: str) -> npt.NDArray[np.unsignedinteger]:
    """The numbers of a text's code points, two bytes each where that is enough."""
    points = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), np.uint16)
    return (
        points
        if len(points) == len(text)
        else np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    )


def _segment_some(texts: Sequence[str], first: int) -> tuple[Ints, Ints, Ints]:
    joined = _joined(texts)
    whole = _whole_spans(texts, joined.starts)
    lines = _outside(joined.are(_LINE), whole)
    stops = _outside(joined.are(_STOP | _WIDE_STOP), whole)
    line_ends = lines[~joined.is_(_LINE, lines + 1)] + 1
    wide_ends = joined.past(_WIDE_CLOSER, joined.past(_WIDE_STOP, stops[joined.is_(_WIDE_STOP, stops)]))
    cuts = np.sort(np.concatenate([line_ends, _sentence_ends(joined, lines, stops), wide_ends, joined.ends]))
    starts, ends = _trimmed(joined, np.append(0, cuts[:-1]), cuts)
    number = joined.text_of(starts)
    offsets = joined.starts[number]
    return number + first, starts - offsets, ends - offsets


def _whole_spans(texts: Sequence[str], starts: Ints) -> Ints:
    """Code and LaTeX of all texts: (spans, 2), in order."""
    spans = [
        (begin + at, end + at)
        for text, at in zip(texts, starts.tolist(), strict=True)
        for begin, end in segments.whole_spans(text)
    ]
    return np.array(spans, np.int64).reshape(-1, 2)


def _outside(places: Ints, whole: Ints) -> Ints:
    if not len(whole):
        return places
    span = np.searchsorted(whole[:, 0], places, side="right") - 1
    outside: Ints = places[(span < 0) | (whole[np.maximum(span, 0), 1] <= places)]
    return outside


def _sentence_ends(joined: _Joined, lines: Ints, stops: Ints) -> Ints:
    """One past each stop, with its closing marks, that ends a sentence."""
    stops = stops[joined.is_(_STOP, stops) & ~joined.is_(_STOP, stops - 1)]
    ends = joined.past(_CLOSER, joined.past(_STOP, stops))
    last = joined.ends[joined.text_of(stops)] - 2  # the separator after a text is no white space of its
    followed = np.flatnonzero(joined.is_(_SPACE, ends) & (ends <= last))
    stops, ends = stops[followed], ends[followed]
    line_starts = np.append(0, lines + 1)[np.searchsorted(lines, stops)]
    line_starts = np.maximum(line_starts, joined.starts[joined.text_of(stops)])
    keep, sure = _told(joined, line_starts, stops, ends)
    doubtful = np.flatnonzero(~sure)
    asked = (each[doubtful].tolist() for each in (line_starts, stops, ends))
    keep[doubtful] = [segments.ends_sentence(joined.text, *each) for each in zip(*asked, strict=True)]
    kept: Ints = ends[keep]
    return kept


def _told(joined: _Joined, line_starts: Ints, stops: Ints, ends: Ints) -> tuple[Mask, Mask]:
    """What most stops show at once: whether each ends a sentence, and whether that is sure."""
    letters = joined.letters
    stop = letters[stops]
    emphatic = (stop == ord("!")) | (stop == ord("?"))
    several = (stop == _OTHER) | (letters[stops + 1] == ord("."))  # … is the only stop beyond ASCII
    told = emphatic | several | _after_plain_word(joined, line_starts, stops)
    going_on = np.flatnonzero(several & ~emphatic)
    following = joined.past(_SPACE, ends[going_on])
    letter = letters.take(following, mode="clip")
    keep = told.copy()
    keep[going_on] = (letter < ord("a")) | (letter > ord("z"))
    told[going_on] = (letter != _OTHER) & (following - ends[going_on] < segments.LOOK_AHEAD)
    return keep, told


def _after_plain_word(joined: _Joined, line_starts: Ints, stops: Ints) -> Mask:
    """Where a full stop surely ends a sentence, by what is before it.

    That is a word that is no abbreviation, initial or list number, of any alphabet; a number that is no list
    number; or what is neither a letter nor a digit.
    """
    one, two, three = (joined.letters.take(stops - back, mode="clip") for back in (1, 2, 3))
    letter, second, third = (joined.is_(_LETTER, stops - back) for back in (1, 2, 3))
    digit = joined.is_(_DIGIT, stops - 1)
    no_list_number = stops - line_starts > segments.LONGEST_LIST_NUMBER
    alone = _BEFORE_WORD[two] & (one >= ord("a"))
    word = letter & (alone | (second & (third | _BEFORE_WORD[three])))
    end = (one | 0x20) + np.where(second, (two | 0x20) << np.uint32(8), 0)
    end += np.where(second & third, (three | 0x20) << np.uint32(16), 0)
    word &= ~np.isin(end, _ENDINGS) & (no_list_number | (second & ~_ROMAN[one]))
    foreign = (one == _OTHER) & (second | ((two == _OTHER) & ~joined.is_(_SPACE, stops - 2)))
    sure: Mask = word | ((digit | foreign) & no_list_number) | ~(letter | digit | _MARK[one])
    return sure


def _trimmed(joined: _Joined, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The pieces between cuts without white space at either end; those with nothing left are dropped."""
    starts = joined.past(_SPACE, starts)
    held = np.flatnonzero(starts < ends)
    return starts[held], joined.back(_SPACE, ends[held])


def _table() -> Bytes:
    """What kind each code point of the basic plane is; what lies beyond is none of them."""
    kinds = np.zeros(0x10000 + 1, np.uint8)
    for point in range(0x10000):
        letter = chr(point)
        if letter.isspace():
            kinds[point] |= _SPACE
        if letter.isascii() and letter.isalpha():
            kinds[point] |= _LETTER
        if letter.isascii() and letter.isdigit():
            kinds[point] |= _DIGIT
    for letters, kind in (
        (segments.LINE_ENDS, _LINE),
        (segments.STOPS, _STOP),
        (segments.CLOSERS, _CLOSER),
        (segments.WIDE_STOPS, _WIDE_STOP),
        (segments.WIDE_CLOSERS, _WIDE_CLOSER),
    ):
        for letter in letters:
            kinds[ord(letter)] |= kind
    return kinds


def _among(letters: str) -> Mask:
    """Which bytes are one of these letters."""
    return np.isin(np.arange(256), [ord(letter) for letter in letters])


def _endings() -> npt.NDArray[np.uint32]:
    """The last three letters of every abbreviation, or all of a shorter one, each as one number."""
    ends = {int.from_bytes(word[-3:].encode(), "big") for word in segments.ABBREVIATIONS}
    return np.array(sorted(ends), np.uint32)


_KINDS = _table()
_ASCII_KINDS = bytes(_KINDS[:_OTHER]) + bytes(256 - _OTHER)
_ENDINGS = _endings()
_BEFORE_WORD = (
    _among("([\"'") | (np.append(_KINDS[:_OTHER], np.zeros(256 - _OTHER, np.uint8)) & _SPACE)
) != 0
_ROMAN = _among("ivxIVX")
_MARK = _among("*_" + "".join(map(chr, range(_OTHER, 256))))
"""Where it takes more than a look to know the word: emphasis, and letters beyond ASCII."""
