"""Reading a reply: what the judge says, that it refused, or what is wrong with the form of it.

What is let pass, because nothing is guessed by it: text around the one object (prose, a code fence, a
`<think>` block before it), line breaks inside strings, other case or white space around a word of a list,
a segment number in quotes or brackets, a missing `segment`, `why` or `attributes`, attributes as an object,
fractions as scores, and keys that nobody asked for. Everything else is `Malformed`, and is sent back once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from analysis.codebook import ROLES, STANCES, Codebook
from analysis.trajectories import storable

LONGEST_LINE = 300
MOST_PROBLEMS = 5

_OBJECT = re.compile(r'\{\s*"')
_SEGMENT = re.compile(r"\s*\[?\s*(\d{1,9})\s*\]?\s*")
_REFUSAL = re.compile(
    r"\b(i('m| am) (very |really |so )?sorry|i apologi[sz]e|i('m| am) (unable|not able|not comfortable)"
    r"|i (must|have to|need to|will) (decline|refuse)"
    r"|(can't|cannot|can not|won't|will not|unable to) (help|assist|comply|fulfil"
    r"|engage|participate|continue|process|analy[sz]e|provide|do (this|that|so)))\b",
    re.IGNORECASE,
)
_DECODER = json.JSONDecoder(strict=False)


class Malformed(Exception):
    """The reply has another form than asked for; the message says where, for the judge to mend."""


@dataclass(frozen=True)
class Completion:
    """What an endpoint sent back: the model's text, its own word for a refusal, and why it ended."""

    text: str | None
    refusal: str | None = None
    finish_reason: str | None = None


@dataclass(frozen=True)
class Claim:
    """One finding as the judge gives it, its quote not looked up yet; `segment` is None if it names none."""

    pattern: str
    segment: int | None
    quote: str
    stance: str
    role: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    why: str | None = None


@dataclass(frozen=True)
class Judgement:
    """A reply of the right form. `notes` says what was set right in reading it."""

    claims: Sequence[Claim]
    unsure: frozenset[str]
    scores: Mapping[str, float]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """A reply that says nothing about the trajectory, and that no repair can help."""

    state: Literal["refused", "truncated", "unparseable"]
    error: str


def read(completion: Completion, codebook: Codebook) -> Judgement | Ended:
    """Read a reply.

    Args:
        completion: What the endpoint sent back.
        codebook: Whose patterns were asked for.

    Raises:
        Malformed: There is a text, it is no refusal, and it is not of the form asked for.
    """
    text = storable(completion.text or "")
    if completion.refusal:
        return Ended("refused", storable(completion.refusal))
    if completion.finish_reason == "content_filter":
        return Ended("refused", "the endpoint's content filter stopped it")
    if completion.finish_reason == "length":
        return Ended("truncated", "the reply was cut at the endpoint's length limit")
    if not text.strip():
        return Ended("refused", "the reply is empty")
    text = _without_thought(text)
    if not _OBJECT.search(text) and _REFUSAL.search(text.replace("’", "'")[:LONGEST_LINE]):
        return Ended("refused", text)
    return judgement(find_object(text), codebook)


def find_object(text: str) -> Any:
    """The one JSON object of a reply.

    The first thing that begins like an object has to be whole, and the only one: to look on inside a broken
    reply could take a quoted imitation for the reply.

    Raises:
        Malformed: There is none, it is broken, or there are several.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        begin = _OBJECT.search(text)
    if begin is None:
        raise Malformed("it holds no JSON object")
    try:
        value, end = _DECODER.raw_decode(text, begin.start())
    except (json.JSONDecodeError, RecursionError) as error:
        raise Malformed(f"it is not valid JSON: {error}"[:LONGEST_LINE]) from None
    if _OBJECT.search(text, end):
        raise Malformed("it holds more than one JSON object")
    return value


def judgement(value: Any, codebook: Codebook) -> Judgement:
    """Check the form of a decoded reply.

    Raises:
        Malformed: It names the first few places that are wrong.
    """
    if not isinstance(value, dict):
        raise Malformed("it is not an object with findings, unsure and scores")
    problems: list[str] = []
    notes: list[str] = []
    findings = _of_type(value, "findings", list, problems) or []
    claims = [_claim(raw, f"findings[{at}]", codebook, problems, notes) for at, raw in enumerate(findings)]
    unsure = [
        _word(raw, "unsure", codebook.ids(), problems)
        for raw in _of_type(value, "unsure", list, problems) or []
    ]
    scores = _scores(_of_type(value, "scores", dict, problems), codebook, problems)
    if problems:
        more = f"; and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
        raise Malformed("; ".join(problems[:MOST_PROBLEMS]) + more)
    return Judgement([claim for claim in claims if claim], frozenset(filter(None, unsure)), scores, notes)


def one_line(text: object) -> str:
    """A message of somebody else's as one short line that the store can hold."""
    line = " ".join(storable(str(text)).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def _without_thought(text: str) -> str:
    """The text after a `</think>` that stands before any object; `<think>` may have been in the prompt."""
    begin, mark = _OBJECT.search(text), text.find("</think>")
    thinks = mark >= 0 and (text.lstrip().startswith("<think>") or begin is None or mark < begin.start())
    return text[mark + len("</think>") :] if thinks else text


def _claim(raw: Any, place: str, codebook: Codebook, problems: list[str], notes: list[str]) -> Claim | None:
    if not isinstance(raw, dict):
        problems.append(f"{place} is not an object")
        return None
    pattern = _word(raw.get("pattern"), f"{place}.pattern", codebook.ids(), problems)
    stance = _word(raw.get("stance"), f"{place}.stance", STANCES, problems)
    role = _word(raw.get("role"), f"{place}.role", ROLES, problems)
    quote = raw.get("quote")
    if not isinstance(quote, str):
        problems.append(f"{place}.quote is not a text")
    if pattern is None or stance is None or role is None or not isinstance(quote, str):
        return None
    attributes = _attributes(raw.get("attributes"), place, codebook[pattern].attributes, problems, notes)
    why = raw.get("why")
    return Claim(
        pattern, _segment(raw.get("segment"), place, problems), storable(quote), stance, role, attributes,
        storable(why) if isinstance(why, str) and why.strip() else None,
    )  # fmt: skip


def _word(raw: Any, place: str, known: Sequence[str], problems: list[str]) -> str | None:
    word = raw.strip().lower() if isinstance(raw, str) else raw
    if isinstance(word, str) and word in known:
        return word
    problems.append(f"{place}: {one_line(json.dumps(raw))[:60]} is none of {', '.join(known)}")
    return None


def _segment(raw: Any, place: str, problems: list[str]) -> int | None:
    if raw is None:
        return None
    if isinstance(raw, str) and (digits := _SEGMENT.fullmatch(raw)):
        return int(digits[1])
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and raw == raw // 1:
        return int(raw)
    problems.append(f"{place}.segment is not a whole number")
    return None


def _attributes(
    raw: Any, place: str, known: Mapping[str, Sequence[str]], problems: list[str], notes: list[str]
) -> dict[str, str]:
    if isinstance(raw, dict):
        raw = [{"name": name, "value": value} for name, value in raw.items()]
    if raw is None:
        return {}
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        problems.append(f"{place}.attributes is not a list of names and values")
        return {}
    kept = {}
    for each in raw:
        name, value = (str(each.get(key)).strip().lower() for key in ("name", "value"))
        if value in known.get(name, ()):
            kept[name] = value
        else:
            notes.append(one_line(f"attribute {name}={value} left out")[:80])
    return kept


def _scores(raw: dict[str, Any] | None, codebook: Codebook, problems: list[str]) -> dict[str, float]:
    given = {str(key).strip().lower(): value for key, value in (raw or {}).items()}
    scores = {}
    for pattern in codebook.ids() if raw is not None else ():
        score = given.get(pattern)
        if isinstance(score, (int, float)) and not isinstance(score, bool) and 0 <= score <= 100:
            scores[pattern] = float(score)
        else:
            problems.append(f"scores.{pattern} is not a number from 0 to 100")
    return scores


def _of_type(value: Mapping[str, Any], key: str, kind: type, problems: list[str]) -> Any:
    if isinstance(value.get(key), kind):
        return value[key]
    problems.append(f"`{key}` is missing or not {'a list' if kind is list else 'an object'}")
    return None
