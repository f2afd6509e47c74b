"""What the judge is sent: the template filled in, and the JSON schema of the reply."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from analysis.codebook import ROLES, STANCES, Codebook, Pattern
from analysis.errors import UserError
from analysis.judge.windows import Piece, Window, whole
from analysis.runs import Item
from analysis.segments import sentences
from analysis.trajectories import sha256_of

DEFAULT_PATH = Path(__file__).with_name("prompt.md")
SECTIONS = {
    "System": {"revision", "codebook", "ids"},
    "Part": {"part", "parts"},
    "Data": {"nonce", "prompt", "reasoning"},
    "Repair": {"error"},
}
"""The headings of a template, and what each section may have filled in."""
NEEDED = {"codebook", "nonce", "prompt", "reasoning", "error"}
OPTIONAL = {"Part"}

Message = dict[str, str]

_HEADING = re.compile(r"^# (\w+)[ \t]*$", re.MULTILINE)
_VERSION = re.compile(r"\s*version: *(\S+)")
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_SPECIMEN = Item("", "One. Two.", "", [(0, 4), (5, 9)], [{"role": "user", "content": "Three.", "name": "n"}])
_LAST_OF_TWO = Window([Piece(1, 5, 9)], 2, 2)


@dataclass(frozen=True)
class Template:
    """A prompt as its author wrote it: a version, and sections with slots. `part` may be empty."""

    version: str
    system: str
    part: str
    data: str
    repair: str


def read_template(path: Path = DEFAULT_PATH) -> Template:
    """Read a template file.

    Raises:
        UserError: The file is not there, or lacks its version, a section or a slot.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"prompt {path} can't be read: {getattr(error, 'strerror', 'it is no UTF-8')}"
        ) from None
    version = _VERSION.match(text)
    if version is None:
        raise UserError(f"prompt {path}: its first line must be `version: NAME`")
    _, *pieces = _HEADING.split(text)
    sections = dict(zip(pieces[::2], (piece.strip() for piece in pieces[1::2]), strict=True))
    for name, slots in SECTIONS.items():
        if name not in sections and name in OPTIONAL:
            sections[name] = ""
        if name not in sections:
            raise UserError(f"prompt {path}: the section `# {name}` is missing")
        used = set(_SLOT.findall(sections[name]))
        if missing := sorted(slots & NEEDED - used):
            raise UserError(f"prompt {path}: the section `# {name}` lacks {{{{{missing[0]}}}}}")
        if unknown := sorted(used - slots):
            raise UserError(f"prompt {path}: {{{{{unknown[0]}}}}} is nothing to fill in under `# {name}`")
    if strange := [name for name in pieces[::2] if name not in SECTIONS or pieces[::2].count(name) > 1]:
        raise UserError(
            f"prompt {path}: `# {strange[0]}` is no section of a prompt, or stands twice (use ## inside one)"
        )
    return Template(version[1], *(sections[name] for name in SECTIONS))


class Prompt:
    """A template and a codebook: everything that a judge is sent but the trajectory.

    Attributes:
        version: The template's name for itself.
        system: The system message, the same text in every call.
        schema: JSON schema of the reply, within what strict structured output takes.
    """

    def __init__(self, template: Template, codebook: Codebook) -> None:
        self.template = template
        self.codebook = codebook
        self.version = template.version
        self.system = _fill(
            template.system,
            {
                "revision": str(codebook.revision),
                "codebook": "\n\n".join(_entry(pattern) for pattern in codebook.patterns),
                "ids": ", ".join(codebook.ids()),
            },
        )
        self.schema = reply_schema(codebook)

    @cached_property
    def sha256(self) -> str:
        """Hash of all that is sent for a made-up trajectory: another word, or other code here, changes it."""
        calls = [self.messages(_SPECIMEN, window, nonce=lambda: "0") for window in (None, _LAST_OF_TWO)]
        return sha256_of([*calls, self.repair("e"), self.schema])

    def messages(
        self,
        item: Item,
        window: Window | None = None,
        longest_prompt: int | None = None,
        nonce: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> list[Message]:
        """The messages of one call.

        Args:
            item: What may be shown of the trajectory.
            window: Which of its reasoning; all of it by default.
            longest_prompt: Characters of the trajectory's prompt to show; of a longer one the middle is left out.
            nonce: Makes the code of the markers; asked again while the code stands in the data.
        """
        window = window or whole(spans(item))
        prompt, reasoning = shortened(said(item.prompt), longest_prompt), numbered(item.reasoning, window)
        code = nonce()
        while code in prompt or code in reasoning:
            code += nonce()
        data = _fill(self.template.data, {"nonce": code, "prompt": prompt, "reasoning": reasoning})
        if window.parts > 1 and self.template.part:
            which = {"part": str(window.part), "parts": str(window.parts)}
            data = f"{_fill(self.template.part, which)}\n\n{data}"
        return [{"role": "system", "content": self.system}, {"role": "user", "content": data}]

    def repair(self, error: str) -> Message:
        """The message that asks for a readable reply, with what was wrong with the last one."""
        return {"role": "user", "content": _fill(self.template.repair, {"error": error})}


def spans(item: Item) -> Sequence[tuple[int, int]]:
    """The segments as the judge's numbers count them, from 0; cut here if the store has none."""
    return item.segments or sentences(item.reasoning)


def numbered(text: str, window: Window) -> str:
    """A window of a reasoning, one segment a line, each after its number."""
    lines: list[str] = []
    number, end = None, None
    for piece in window.pieces:
        passage = text[piece.start : piece.end]
        if (piece.segment, piece.start) == (number, end):  # the same segment goes on
            lines[-1] += passage
        else:
            lines.append(f"[{piece.segment}] {passage}")
        number, end = piece.segment, piece.end
    return "\n".join(lines)


def shortened(text: str, longest: int | None) -> str:
    """The text; of a longer one than `longest` characters its beginning and end, and how much is left out."""
    if longest is None or len(text) <= longest:
        return text
    head, tail = longest - longest // 3, longest // 3
    return f"{text[:head]}\n[… {len(text) - head - tail} characters left out …]\n{text[len(text) - tail :]}"


def said(messages: Sequence[Mapping[str, Any]]) -> str:
    """The messages of a prompt: who speaks, then what was said."""
    return "\n\n".join(
        f"[{' '.join(filter(None, (m.get('role'), m.get('name'))))}]\n{m.get('content') or ''}"
        for m in messages
    )


def reply_schema(codebook: Codebook) -> dict[str, Any]:
    """The schema of a reply: every object closed and all its keys required, as strict mode wants it."""
    pattern = {"type": "string", "enum": codebook.ids()}
    names = sorted({name for entry in codebook.patterns for name in entry.attributes})
    attribute = {"type": "string", "enum": names} if names else {"type": "string"}
    finding = _closed(
        {
            "pattern": pattern,
            "segment": {"type": "integer"},
            "quote": {"type": "string"},
            "stance": {"type": "string", "enum": list(STANCES)},
            "role": {"type": "string", "enum": list(ROLES)},
            "attributes": _list_of(_closed({"name": attribute, "value": {"type": "string"}})),
            "why": {"type": "string"},
        }
    )
    scores = _closed({each: {"type": "integer"} for each in codebook.ids()})
    return _closed({"findings": _list_of(finding), "unsure": _list_of(pattern), "scores": scores})


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items)}


def _entry(pattern: Pattern) -> str:
    lines = [f"### {pattern.id}: {pattern.name}", pattern.definition]
    if pattern.include:
        lines.append(f"Counts: {'; '.join(pattern.include)}.")
    if pattern.exclude:
        lines.append(f"Does not count: {'; '.join(pattern.exclude)}.")
    for name, values in pattern.attributes.items():
        lines.append(f"Attribute {name}: {' or '.join(values)}.")
    lines += [f"Example: {text}" for text in pattern.examples]
    lines += [f"Near miss (absent): {text}" for text in pattern.near_misses]
    return "\n".join(lines)


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Fill the slots in one pass, so that what is filled in is never read for slots."""
    return _SLOT.sub(lambda slot: values.get(slot[1], slot[0]), text)
