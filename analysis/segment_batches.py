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
Cuts = tuple[Ints, Ints, Ints]
"""Three arrays of the same length, a place a segment: the text's number, start_char, end_char, in order."""

CHARACTERS_AT_ONCE = 250_000

_SPACE, _LINE, _STOP, _CLOSER, _WIDE_STOP, _WIDE_CLOSER, _LETTER, _DIGIT = (1 << bit for bit in range(8))
_SEPARATOR = b"\n"
_OTHER = 0x80
"""Stands for every code point beyond ASCII where only ASCII is looked at."""
_SHORT_RUN = 8
"""How far a run of marks or spaces is followed step by step, many at once; hardly any is longer."""


def segment_texts(texts: Sequence[str]) -> Cuts:
    """Cut many texts.

    Args:
        texts: Any texts.

    Returns:
        Their segments.
    """
    parts = [_segment_some(some, first) for first, some in _portions(texts)]
    if not parts:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    number, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    return number, start, end


def turn_texts(trajectories: Sequence[Trajectory]) -> list[str]:
    """The readable reasoning of all their turns."""
    return [text for each in trajectories for _, text in each.turns()]


def segment_rows(
    trajectories: Sequence[Trajectory], row_ids: Sequence[int], cuts: Cuts | None = None
) -> pa.Table:
    """The rows of log.cuts for trajectories that are about to be stored.

    Args:
        trajectories: Identified trajectories.
        row_ids: The row_id that each is stored under.
        cuts: Of their `turn_texts`, where they are known.

    Returns:
        A row for each trajectory that has a segment; offsets into its joined reasoning.
    """
    turns = [
        (owner, message, start)
        for owner, each in enumerate(trajectories)
        for message, start, _ in turn_spans(each.turns())
    ]
    number, start, end = cuts or segment_texts(turn_texts(trajectories))
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
        texts: Each by itself.
        letters: Each code point's number, _OTHER where it is beyond ASCII; “ as ".
        kinds: What each code point is: _SPACE and so on, added up.
        starts: Where each text begins.
        ends: One past the separator of each.
    """

    texts: Sequence[str]
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
    data = _SEPARATOR.join([b"", *(text.encode(errors="surrogatepass") for text in texts), b""])
    sizes = np.fromiter((len(each) + 1 for each in texts), np.int64, len(texts))
    ends = np.cumsum(sizes) + 1
    held = bytearray(data.translate(_LETTERS, _CONTINUING))
    letters, kinds = np.frombuffer(held, np.uint8), np.frombuffer(held.translate(_ASCII_KINDS), np.uint8)
    joined = _Joined(texts, letters, kinds, ends - sizes, ends)
    if len(data) > len(letters):
        places, points = _beyond_ascii(np.frombuffer(data, np.uint8))
        joined.kinds[places] = _KINDS[points]
        joined.letters[places[points == ord("“")]] = ord('"')
    return joined


def _beyond_ascii(data: Bytes) -> tuple[Ints, Ints]:
    """The places, in code points, of what is beyond ASCII in UTF-8, and the number of each; 0x10000 stands for more."""
    heads = np.flatnonzero(data >= 0xC0)
    first, second, third = (data.take(heads + more, mode="clip").astype(np.int64) for more in range(3))
    two = (first & 0x1F) << 6 | second & 0x3F
    three = (first & 0x0F) << 12 | (second & 0x3F) << 6 | third & 0x3F
    points = np.where(first < 0xE0, two, np.where(first < 0xF0, three, 0x10000))
    continuing = 1 + (first >= 0xE0) + (first >= 0xF0)
    return heads - np.cumsum(continuing) + continuing, points


def _segment_some(texts: Sequence[str], first: int) -> Cuts:
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
    number = joined.text_of(stops[doubtful])
    asked = [(each[doubtful] - joined.starts[number]).tolist() for each in (line_starts, stops, ends)]
    asked_of = [joined.texts[each] for each in number.tolist()]
    keep[doubtful] = [segments.ends_sentence(*each) for each in zip(asked_of, *asked, strict=True)]
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
    ending = _ALPHABET[one] | _ALPHABET[two] << 5 | _ALPHABET[three] * second << 10
    word &= ~_ENDINGS[ending] & (no_list_number | (second & ~_ROMAN[one]))
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


def _endings() -> Mask:
    """Which three letters may be the last of an abbreviation, or all of a shorter one; each as one number."""
    found = np.zeros(1 << 15, np.bool_)
    for word in segments.ABBREVIATIONS:
        last = [0, 0, *word[-3:].encode()]
        found[sum(int(_ALPHABET[byte]) << 5 * place for place, byte in enumerate(last[:-4:-1]))] = True
    return found


_KINDS = _table()
_ASCII_KINDS = bytes(_KINDS[:_OTHER]) + bytes(256 - _OTHER)
_LETTERS = bytes(min(byte, _OTHER) for byte in range(256))
_CONTINUING = bytes(range(0x80, 0xC0))
"""The bytes of UTF-8 that begin no code point."""
_ALPHABET = np.array(
    [byte & 0x1F if chr(byte).isalpha() and byte < _OTHER else 0 for byte in range(256)], np.int64
)
"""The place of a letter in the alphabet, small or capital; 0 for anything else."""
_ENDINGS = _endings()
_BEFORE_WORD = (
    _among("([\"'") | (np.append(_KINDS[:_OTHER], np.zeros(256 - _OTHER, np.uint8)) & _SPACE)
) != 0
_ROMAN = _among("ivxIVX")
_MARK = _among("*_" + "".join(map(chr, range(_OTHER, 256))))
"""Where it takes more than a look to know the word: emphasis, and letters beyond ASCII."""
