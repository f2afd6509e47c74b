"""The codebook: which patterns there are, what each means, and the cues of the baseline tagger."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import re2
import yaml

from analysis.errors import UserError
from analysis.trajectories import sha256_of

DEFAULT_PATH = Path(__file__).parents[1] / "labels" / "codebook.yaml"
STANCES = ("asserts", "entertains", "rejects")
ROLES = ("passing", "weighed", "decisive")
PRESENT_STANCES = ("asserts", "entertains")
"""Stances of a quote that make its pattern present. A quote that only rejects is kept and shown."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_PATTERN_KEYS = frozenset([
    "id", "name", "definition", "include", "exclude", "attributes", "examples", "near_misses", "cues", "retired",
])  # fmt: skip
CHANGES = ("rename", "redefine", "split", "merge", "retire", "add")
_SHAPES: Mapping[str, tuple[Callable[[int, int], bool], str]] = {
    "rename": (lambda old, new: old == new, "a rename gives one id for each"),
    "split": (lambda old, new: old == 1, "a split is of one pattern"),
    "redefine": (lambda old, new: old == 1, "a new definition is of one pattern"),
    "merge": (lambda old, new: new == 1, "a merge is into one pattern"),
    "add": (lambda old, new: old == 0 and new == 1, "what is added is one pattern, from none"),
}
"""How many ids each change may go from and to, and what to say otherwise."""


@dataclass(frozen=True)
class Pattern:
    """One entry of the coding scheme.

    Attributes:
        retired: The revision since which nothing is tagged or labelled with it any more; None while it is in use.
    """

    id: str
    name: str
    definition: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    examples: tuple[str, ...]
    near_misses: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    cues: Mapping[str, tuple[str, ...]]
    retired: int | None = None


@dataclass(frozen=True)
class Change:
    """One entry of the codebook's history: what became of patterns at a revision.

    Attributes:
        kind: rename (one id to another), redefine, split (one into several), merge (several into one), retire, add.
        old: The ids that it was about.
        new: What they became; empty for retire. For add there is nothing old.
        note: Why.
    """

    revision: int
    kind: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    note: str | None = None


@dataclass(frozen=True)
class Codebook:
    """The coding scheme with its revision.

    Attributes:
        patterns: What is tagged and labelled.
        retired: Patterns that no longer are. Their labels and verdicts stay, and so does their definition here.
        history: The changes of ids and definitions, oldest first.
        rollups: Name of a group to the ids of its patterns; present when any of them is.
        derived: Name to a description of what is computed from patterns and outcomes.
    """

    revision: int
    patterns: tuple[Pattern, ...]
    rollups: Mapping[str, tuple[str, ...]]
    derived: Mapping[str, str]
    content: Mapping[str, Any]
    retired: tuple[Pattern, ...] = ()
    history: tuple[Change, ...] = ()

    def __getitem__(self, pattern: str) -> Pattern:
        return self._by_id[pattern]

    def __contains__(self, pattern: object) -> bool:
        return pattern in self._by_id

    def ids(self) -> list[str]:
        """The patterns' identifiers, in the codebook's order."""
        return [pattern.id for pattern in self.patterns]

    def name_of(self, pattern: str) -> str:
        """The pattern's name; its identifier where somebody else's pattern is not in the codebook."""
        return self._by_id[pattern].name if pattern in self._by_id else pattern

    def called_since(self, pattern: str, change: Change) -> str:
        """What a pattern of the time right after a change is now: later renames and merges are followed."""
        for later in self.history[self.history.index(change) + 1 :]:
            if later.kind in ("rename", "merge") and pattern in later.old:
                pattern = later.new[later.old.index(pattern) if later.kind == "rename" else 0]
        return pattern

    def called_now(self, pattern: str, revision: int | None) -> str:
        """What a pattern of some revision is called now: the renames after it are followed."""
        for change in self.history:
            if change.kind == "rename" and change.revision > (revision or 0) and pattern in change.old:
                pattern = change.new[change.old.index(pattern)]
        return pattern

    @cached_property
    def sha256(self) -> str:
        """Hash of the content: two runs with the same one were given the same codebook."""
        return sha256_of(dict(self.content))

    @cached_property
    def _by_id(self) -> dict[str, Pattern]:
        return {pattern.id: pattern for pattern in (*self.patterns, *self.retired)}


def load(path: Path = DEFAULT_PATH) -> Codebook:
    """Read and check a codebook file, again whenever it has changed.

    Raises:
        UserError: The file is not there or breaks a rule; the line names the entry.
    """
    try:
        written = path.stat()
    except OSError as error:
        raise UserError(f"codebook {path} can't be read: {error.strerror}") from None
    return _load(path, written.st_mtime_ns, written.st_size)


@lru_cache(maxsize=8)
def _load(path: Path, mtime_ns: int, size: int) -> Codebook:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"codebook {path} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"codebook {path} is no text in UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"codebook {path} is no YAML: {' '.join(str(error).split())}") from None
    return parse(content, str(path))


def parse(content: Any, name: str = "codebook") -> Codebook:
    """Check a codebook's content and give it its type.

    Args:
        content: What the YAML holds.
        name: How to call it in a message.

    Raises:
        UserError: A rule is broken.
    """
    if not isinstance(content, dict) or not isinstance(content.get("patterns"), list):
        raise UserError(f"{name}: needs a mapping with `revision` and a list `patterns`")
    if type(content.get("revision")) is not int:
        raise UserError(f"{name}: `revision` must be a whole number")
    everything = tuple(_pattern(entry, place, name) for place, entry in enumerate(content["patterns"], 1))
    twice = [key for key, count in Counter(p.id for p in everything).items() if count > 1]
    if twice:
        raise UserError(f"{name}: the id {twice[0]} stands twice")
    patterns = tuple(pattern for pattern in everything if pattern.retired is None)
    retired = tuple(pattern for pattern in everything if pattern.retired is not None)
    known = {pattern.id for pattern in patterns}
    rollups = {
        key: _texts(value, f"{name}: rollup {key}") for key, value in _mapping(content, "rollups", name)
    }
    for key, members in rollups.items():
        if unknown := [member for member in members if member not in known]:
            raise UserError(f"{name}: rollup {key} names {unknown[0]}, which is no pattern")
    derived = {key: str(value) for key, value in _mapping(content, "derived", name)}
    history = _history(content, {pattern.id for pattern in everything}, name)
    return Codebook(content["revision"], patterns, rollups, derived, content, retired, history)


def _history(content: Mapping[str, Any], known: set[str], name: str) -> tuple[Change, ...]:
    """The changes, checked: each entry's shape, the order of revisions, and that no change leads nowhere."""
    entries = content.get("history", [])
    if not isinstance(entries, list):
        raise UserError(f"{name}: `history` must be a list of changes")
    changes = []
    for place, entry in enumerate(entries, 1):
        where = f"{name}: history, entry {place}"
        if not isinstance(entry, dict) or entry.get("change") not in CHANGES:
            raise UserError(f"{where} needs a `change`: {', '.join(CHANGES)}")
        if type(entry.get("revision")) is not int or entry["revision"] > content["revision"]:
            raise UserError(f"{where} needs a `revision`, up to that of the codebook")
        old, new = (_texts(entry.get(key, []), f"{where}, {key}") for key in ("from", "to"))
        needed = {"from": old} if entry["change"] != "add" else {}
        needed |= {"to": new} if entry["change"] != "retire" else {}
        if not all(needed.values()):
            raise UserError(f"{where} needs ids in {' and '.join(f'`{key}`' for key in needed)}")
        if entry["change"] in _SHAPES and not _SHAPES[entry["change"]][0](len(old), len(new)):
            raise UserError(f"{where}: {_SHAPES[entry['change']][1]}")
        note = entry.get("note")
        changes.append(
            Change(entry["revision"], entry["change"], old, new, None if note is None else str(note))
        )
    if any(later.revision < earlier.revision for earlier, later in pairwise(changes)):
        raise UserError(f"{name}: history goes from older to newer revisions")
    later_names: set[str] = set()
    for change in reversed(changes):
        if lost := [each for each in change.new if each not in known and each not in later_names]:
            raise UserError(f"{name}: history leads to {lost[0]}, which is no pattern")
        later_names |= set(change.old)
    return tuple(changes)


def _pattern(entry: Any, place: int, name: str) -> Pattern:
    if not isinstance(entry, dict) or not _IDENTIFIER.fullmatch(str(entry.get("id", ""))):
        raise UserError(f"{name}: pattern {place} needs an `id` of lower-case letters, digits and _")
    where = f"{name}: {entry['id']}"
    for key in ("name", "definition"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise UserError(f"{where} needs a `{key}`")
    if unknown := [key for key in entry if key not in _PATTERN_KEYS]:
        raise UserError(f"{where} has `{unknown[0]}`, which is no key of a pattern")
    if type(entry.get("retired")) not in (int, type(None)):
        raise UserError(f"{where}: `retired` is the revision since which it is")
    attributes = {
        key: _texts(value, f"{where}, attribute {key}") for key, value in _mapping(entry, "attributes", where)
    }
    cues = {key: _texts(value, f"{where}, cues") for key, value in _mapping(entry, "cues", where)}
    for stance, expressions in cues.items():
        if stance not in STANCES:
            raise UserError(f"{where}: cues are listed under {', '.join(STANCES)}, not {stance}")
        for expression in expressions:
            _check_expression(expression, where)
    lists = {
        key: _texts(entry.get(key, []), f"{where}, {key}")
        for key in ("include", "exclude", "examples", "near_misses")
    }
    return Pattern(
        id=entry["id"],
        name=entry["name"],
        definition=entry["definition"],
        attributes=attributes,
        cues=cues,
        retired=entry.get("retired"),
        **lists,
    )


def cue_options(memory: int = 8 << 20) -> Any:
    """How RE2 reads a cue: case is ignored, and RE2 itself writes nothing to the terminal.

    Args:
        memory: Bytes that RE2 may use for the expression.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    options.max_mem = memory
    return options


def _check_expression(expression: str, where: str) -> None:
    try:
        everywhere = re2.compile(expression, cue_options()).search("")
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise UserError(f"{where}: the cue {expression!r} is no RE2 expression: {reason}") from None
    if everywhere:
        raise UserError(
            f"{where}: the cue {expression!r} matches the empty text, so it would match everywhere"
        )


def _mapping(content: Mapping[str, Any], key: str, where: str) -> list[tuple[str, Any]]:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise UserError(f"{where}: `{key}` must be a mapping")
    return list(value.items())


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UserError(f"{where} must be a list of texts")
    return tuple(value)
