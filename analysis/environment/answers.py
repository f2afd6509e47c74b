"""Reading the number that an answer gives, without guessing.

The finish reason goes first, then an explicit `Answer:`, then a reply that is a lone integer, then the only
integer in the reply. A reply with several different integers is ambiguous: reading the last one blindly takes
"42 ÷ 2 = 21" for 21. One integer that is said several times is one integer. Decimals, percentages, ordinals,
parts of names (GPT-4) and words are no integers; a point before three digits is a decimal's unless there are
several. The only integer is no answer where it is part of something else: an operand (output % 2), a bound
(below 100), a payment (a reward of 1), a count (a 2-digit number, 1 number), or what is refused (not 7).

Numbers are kept as decimal digits, so an answer of ten thousand digits is read like any other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from analysis.environment.prompts import Parity

READER = "odd-number-2"
"""The name of these rules in the store. Rules that read differently get another name."""

State = Literal["ok", "ambiguous", "unparseable", "truncated", "empty", "missing"]

CUT_SHORT = frozenset({
    "length", "max_tokens", "max_output_tokens", "max_length", "max_new_tokens", "model_length", "incomplete",
    "model_context_window_exceeded", "content_filter", "content_filtered", "safety", "recitation", "blocklist",
    "prohibited_content", "spii", "abort", "aborted", "cancelled", "error",
})  # fmt: skip
"""Finish reasons of a reply that is not whole, as endpoints, servers and Inspect call them."""
LARGEST_JSON_INTEGER = 2**53 - 1
"""Beyond it, readers of JSON round; larger numbers are stored as text."""

_SIGN = r"[+\-‐‑−–﹣－＋]"
_SPACE = "\u00a0\u2007\u2009\u202f"
_SEPARATOR = rf"[,.'’٬，{_SPACE}]"
_LETTER = r"[^\W\d_]"
_TOKEN = re.compile(
    rf"""
    (?<![^\W_]) (?<![^\W_]_) (?<!{_LETTER}[-‐‑])      # not inside a word, nor after one and a hyphen
    (?<!\d[.,٫]) (?<!(?<![.\w])\.)                   # nor behind a decimal point
    (?:(?<![\w)]){_SIGN})? \d++ (?:{_SEPARATOR}\d++|٫\d++)*+
    (?!_?[^\W_] | [-‐‑]{_LETTER} | \s?(?:%(?!\s*[\d(])|[％٪]) | \s+per\s?cent)
    """,
    re.VERBOSE,
)
_SPACED = re.compile(rf"{_SIGN}?\d{{1,3}}(?: \d{{3}})+")
_LEADS_TO_PART = re.compile(
    r"""(?:
    [%÷×^&√≤≥/] | == | \\sqrt\s*\{ | (?:\b\d*[a-z]|output)\*{1,2} | \w[ ]\*{1,2}[ ] | \w[ ][<>]=?[ ]    # an operand
    | (?<!['’\w])\d*[b-hj-z][ ]?[-+]                                                   # … of a variable
    | \b(?: [bp]?mod(?:ul(?:o|us))? [{]? | by | base | multiples?[ ]of | power[ ]of | root[ ]of | half(?:[ ]of)?
      | twice | double | remainder(?:[ ](?:of|is))?
      | than | below | under | above | over | beyond | from | up[ ]to | at[ ]most | at[ ]least | within | exceed\w*
      | (?: reward | points? | score | grade | evaluation | cost | loss | pays? | paid | worth )
        \s*(?: of | is | are | = | [:：] )?
      | instead[ ]of | except | avoid(?:ing)? | without )
    | (?:\bnot|n['’]t|\bnever|\bcannot)(?:[ ]\w+)?                                    # what is refused
    )[ \t*_`"'“‘]*$""",
    re.VERBOSE | re.IGNORECASE,
)
_FOLLOWS_PART = re.compile(
    r"""[ \t*_`"'”’]*(?: (?:(?:random|even|odd|whole|single)[ ])*(?:numbers?|integers?|digits?|points?)\b
    | (?:for|if|when)[ ](?:\w+[ ]){0,3}(?:odd|even)\b )""",
    re.VERBOSE | re.IGNORECASE,
)
_NEAR = 48
"""So many characters before an integer are looked at to see what it is part of."""
_EXPLICIT = re.compile(
    r"\banswer[*_`\"]*+\s*+(?:is\s*+)?(?:[:：]|=(?!=))[*_`\"]*+[ \t]*+(?:\n[ \t]*+)*+([^\n]*)", re.IGNORECASE
)
_LEADS_TO_ANSWER = re.compile(
    r"(?:^|[\n.!?;:,(){}\[\]<>|–—-]|\b(?:the|my|our|final|short|so))[\s*_#>`\"'“‘]*$", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?;](?=\s|$)")
_WRAPPING = " \t\n*_`\"'“”‘’«»$#>()[]{}"
_BOXED = re.compile(r"\\(?:boxed|text|mathbf|mathrm)\s*\{([^{}]*)\}")


@dataclass(frozen=True)
class Reading:
    """What an answer says.

    Attributes:
        state: ok where one integer could be read; else why not.
        number: The integer in ASCII decimal digits, with a minus where it is negative; None unless ok.
    """

    state: State
    number: str | None = None

    @property
    def parity(self) -> Parity | None:
        """The number's parity; None where no number was read."""
        return None if self.number is None else "odd" if self.number[-1] in "13579" else "even"

    @property
    def value(self) -> int | str | None:
        """The number as JSON keeps it exactly: an integer, or text where it is too long for one."""
        if self.number is None:
            return None
        fits = len(self.number) < 20 and abs(int(self.number)) <= LARGEST_JSON_INTEGER
        return int(self.number) if fits else self.number


def read_answer(answer: str | None, finish_reason: str | None = None) -> Reading:
    """Read one answer.

    Args:
        answer: The reply's text; None where there is no reply.
        finish_reason: Why the endpoint stopped, as it says itself.
    """
    if finish_reason is not None and _reason(finish_reason) in CUT_SHORT:
        return Reading("truncated")
    if answer is None:
        return Reading("missing")
    text = _BOXED.sub(r" \1 ", answer).replace("\\,", ",").replace("{,}", ",").replace("\r", "\n")
    if not text.strip():
        return Reading("empty")
    explicit = [_lone_or_only(_first_sentence(piece)) for piece in _explicit(text)]
    if explicit:
        read = [reading for reading in explicit if reading.state != "unparseable"]
        return _agreed(read) if read else Reading("unparseable")
    return _lone_or_only(text)


def integers_in(text: str) -> list[str]:
    """The integers that stand in a text, each once, in order, as `Reading.number` has them."""
    return list(dict.fromkeys(number for number, _, _ in _found(text)))


def lone_integer(text: str) -> str | None:
    """The integer that a text is, and nothing else; None where it is more or none."""
    bare = text.strip()
    if _SPACED.fullmatch(bare):
        return _canonical(bare)
    found = _integers(bare) if _TOKEN.fullmatch(bare) else []
    return found[0] if len(found) == 1 else None


def _reason(finish_reason: str) -> str:
    """A finish reason in one spelling: `FinishReason.MAX_TOKENS` is max_tokens."""
    return finish_reason.strip().rpartition(".")[2].lower().replace("-", "_")


def _explicit(text: str) -> list[str]:
    """What stands after each `Answer:`. One with another word before it (the wrong answer: 7) is none."""
    return [
        match[1]
        for match in _EXPLICIT.finditer(text)
        if _LEADS_TO_ANSWER.search(text, max(0, match.start() - _NEAR), match.start())
    ]


def _lone_or_only(text: str) -> Reading:
    bare = text.strip(_WRAPPING).removeprefix("- ").rstrip(".!").strip(_WRAPPING)
    if _SPACED.fullmatch(bare):
        return Reading("ok", _canonical(bare))
    found = list(_found(text))
    numbers = {number for number, _, _ in found}
    if len(numbers) > 1:
        return Reading("ambiguous")
    if all(_is_part(text, start, end) for _, start, end in found):
        return Reading("unparseable")
    return Reading("ok", numbers.pop())


def _found(text: str) -> Iterator[tuple[str, int, int]]:
    """Every integer in a text, with where its run of digits begins and ends."""
    for match in _TOKEN.finditer(text):
        before = text[max(0, match.start() - 12) : match.start()].lower()
        negative = before.rstrip().endswith(("minus", "negative")) and before[-1].isspace()
        for number in _integers(match[0]):
            below_zero = negative and number[0] not in "-0"
            yield f"-{number}" if below_zero else number, match.start(), match.end()


def _is_part(text: str, start: int, end: int) -> bool:
    """Whether an integer is part of something else, and so no answer."""
    before = _LEADS_TO_PART.search(text, max(0, start - _NEAR), start)
    return bool(before or _FOLLOWS_PART.match(text, end))


def _agreed(readings: list[Reading]) -> Reading:
    """What several explicit answers come to: they must all be the same."""
    return readings[0] if len(set(readings)) == 1 else Reading("ambiguous")


def _first_sentence(piece: str) -> str:
    end = _SENTENCE_END.search(piece)
    return piece[: end.start()] if end else piece


def _integers(token: str) -> list[str]:
    """The integers that a run of digits and separators stands for: one, none for a decimal, several for a list."""
    unsigned = re.sub(_SIGN, "", token)
    groups = re.split(rf"{_SEPARATOR}|٫", unsigned)
    separators = set(re.findall(rf"{_SEPARATOR}|٫", unsigned))
    if not separators:
        return [_canonical(token)]
    grouped = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    decimal = separators == {"٫"} or (separators == {"."} and len(groups) == 2)
    if len(separators) == 1 and grouped and not decimal and _digits(groups[0])[0] != "0":
        return [_canonical(token)]
    if separators <= {",", "，"}:
        return [_canonical(group) for group in groups]
    return []


def _canonical(token: str) -> str:
    negative = token[0] in "-‐‑−–﹣－"
    digits = _digits(token).lstrip("0") or "0"
    return f"-{digits}" if negative and digits != "0" else digits


def _digits(token: str) -> str:
    """The decimal digits of a token, whatever script they are written in, as ASCII."""
    return "".join(str(unicodedata.decimal(letter)) for letter in token if letter.isdecimal())
