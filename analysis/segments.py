"""Reasoning into sentences, with code-point offsets.

A segment is a sentence or a line, whichever is shorter. Decimals, abbreviations, list numbers, code and LaTeX
are left whole. Every character that is not white space is in exactly one segment; a segment neither starts
nor ends with white space.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from analysis.trajectories import turn_spans

SEGMENTATION = "sentences-1"
"""The name of these rules in the store. Rules that cut differently get another name."""

LONGEST_LIST_NUMBER = 8
"""Up to which column of its line a full stop may be a list number's."""
LOOK_AHEAD = 40
"""How far after a stop the next letter is looked for."""
LONGEST_INLINE = 400
LONGEST_BLOCK = 4_000

# fmt: off
_NEVER_LAST = frozenset({
    "e.g", "i.e", "cf", "vs", "viz", "approx", "resp", "incl", "ca", "mr", "mrs", "ms", "dr", "prof", "fig", "figs",
    "eq", "eqs", "sec", "ch", "pp", "vol", "ed", "eds",
})
_LAST_BEFORE_CAPITAL = frozenset({"etc", "al", "a.m", "p.m", "u.s", "inc", "ltd", "co", "jr", "sr", "st"})
_NUMBERED = frozenset({"no", "nos", "p", "art"})
# fmt: on

ABBREVIATIONS = _NEVER_LAST | _LAST_BEFORE_CAPITAL | _NUMBERED
LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
STOPS, CLOSERS = ".!?…", "\"'”’»)]*_"
DELIMITERS = "`$\\"
"""What code and LaTeX begin and end with."""
WIDE_STOPS, WIDE_CLOSERS = "。！？", "」』”’）"

_LINE_END = f"[{LINE_ENDS}]"
# A run of stops is tried once, from its first: from every one of them, 100,000 dots would take minutes.
_BREAK = re.compile(
    rf"(?P<line>{_LINE_END}+)"
    rf"|(?P<stop>(?<![{STOPS}])[{STOPS}]++[{re.escape(CLOSERS)}]*+)(?=\s)"
    rf"|[{WIDE_STOPS}]+[{WIDE_CLOSERS}]*"
)
_LINE = re.compile(_LINE_END)
_LAST_WORD = re.compile(r"(?:^|[\s(\[“\"'])([^\s(\[“\"']++)$")
_INITIAL_FOLLOWS = re.compile(r"\s[A-Z]\.\s*[A-Z]")
_LIST_NUMBER = re.compile(r"[\s>]*(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,4})$")
_DELIMITER = re.compile(r"```|`|\$\$|\$|\\[\[\]()]|\\(?:begin|end)\{[A-Za-z]+\*?\}")
_CLOSER = {"```": "```", "`": "`", "$$": "$$", "$": "$", "\\[": "\\]", "\\(": "\\)"}


def sentences(text: str) -> list[tuple[int, int]]:
    """Cut one text.

    Args:
        text: Any text.

    Returns:
        (start_char, end_char) of each segment, in code points and in order.
    """
    whole = whole_spans(text)
    starts = [start for start, _ in whole]
    cuts = []
    line_start = 0
    for match in _BREAK.finditer(text):
        at = match.end()
        inside = bisect_right(starts, match.start()) - 1
        if inside >= 0 and whole[inside][1] > match.start():
            continue
        if match["line"] is not None:
            line_start = at
        elif match["stop"] is not None and not ends_sentence(text, line_start, match.start(), at):
            continue
        cuts.append(at)
    return _trimmed(text, cuts)


def segment_turns(turns: Sequence[tuple[int, str]]) -> list[tuple[int, int, int]]:
    """Cut the reasoning of a trajectory turn by turn.

    Args:
        turns: (message, text) a turn, as `Trajectory.turns` gives them.

    Returns:
        (message, start_char, end_char) of each segment, offsets into the joined reasoning.
    """
    return [
        (message, offset + start, offset + end)
        for (_, text), (message, offset, _) in zip(turns, turn_spans(turns), strict=True)
        for start, end in sentences(text)
    ]


def _trimmed(text: str, cuts: list[int]) -> list[tuple[int, int]]:
    spans, start = [], 0
    for cut in [*cuts, len(text)]:
        piece = text[start:cut]
        if bare := piece.strip():
            begin = start + len(piece) - len(piece.lstrip())
            spans.append((begin, begin + len(bare)))
        start = cut
    return spans


def ends_sentence(text: str, line_start: int, start: int, end: int) -> bool:
    """Whether a full stop (or several, or ! ?) followed by white space ends a sentence.

    Args:
        text: The text, or several joined.
        line_start: Where the stop's line begins.
        start: Where the stop begins.
        end: One past the stop and its closing marks.
    """
    if text[start] in "!?":
        return True
    if text.startswith(("..", "…"), start):
        return not _following(text, end).islower()
    before = text[max(line_start, start - 30) : start]
    if start - line_start <= LONGEST_LIST_NUMBER and _LIST_NUMBER.fullmatch(text, line_start, start):
        return False
    found = _LAST_WORD.search(before)
    word = found[1].lower().strip("*_") if found else ""
    if word in _NEVER_LAST:
        return False
    if word in _LAST_BEFORE_CAPITAL:
        return _following(text, end).isupper()
    if word in _NUMBERED:
        return not _following(text, end).isdigit()
    if len(word) == 1 and found and found[1].isupper() and found[1] != "I":
        # An initial stands beside another ("J. R. Smith"); a letter by itself is an option ("the answer is B.").
        name = before[: found.start(1)].split()
        beside = name and len(name[-1]) == 2 and name[-1][0].isupper() and name[-1][1] == "."
        return not ((beside and _following(text, end).isupper()) or _INITIAL_FOLLOWS.match(text, end))
    return True


def _following(text: str, end: int) -> str:
    return text[end : end + LOOK_AHEAD].lstrip()[:1]


def whole_spans(text: str) -> list[tuple[int, int]]:
    """Code and LaTeX, outermost only. A delimiter without its partner protects nothing."""
    tokens = [(*match.span(), match.group()) for match in _DELIMITER.finditer(text)]
    places: dict[str, list[int]] = {}
    for number, (_, _, token) in enumerate(tokens):
        places.setdefault(token, []).append(number)
    spans = []
    number = 0
    while number < len(tokens):
        start, inner, token = tokens[number]
        partners = places.get(partner_of(token), [])
        later = bisect_right(partners, number)
        if later < len(partners):
            closing, end, _ = tokens[partners[later]]
            if belong(text, token, inner, closing, end):
                spans.append((start, end))
                number = partners[later]
        number += 1
    return spans


def delimiter(text: str, place: int) -> str:
    """What of code or LaTeX begins or ends at a place of a text; empty where nothing does."""
    found = _DELIMITER.match(text, place)
    return found.group() if found else ""


def partner_of(token: str) -> str:
    """The delimiter that closes what this one opens; empty for one that opens nothing."""
    return _CLOSER.get(token) or (token.replace("begin", "end", 1) if "begin" in token else "")


def belong(text: str, token: str, inner: int, closing: int, end: int) -> bool:
    """Whether two delimiters enclose code or LaTeX, rather than being two lone marks.

    Args:
        text: The text.
        token: The first of them.
        inner: Where it ends.
        closing: Where the second begins.
        end: Where that ends.
    """
    if token in ("`", "$"):
        if closing - inner > LONGEST_INLINE or closing == inner or _LINE.search(text, inner, closing):
            return False
        if token == "$":  # "$5 here and $6 there" is money
            return not (text[inner].isspace() or text[closing - 1].isspace() or text[end : end + 1].isdigit())
        return True
    if token == "```":
        return True
    return closing - inner <= LONGEST_BLOCK
