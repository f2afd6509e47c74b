"""Changes of a codebook file: rename, redefine, split, merge, retire, add. Each is a new revision and is recorded in it.

Comments and layout stay as they are. The file is checked as a whole before it takes the old one's place.

    from analysis import codebook_changes
    codebook_changes.rename(path, "eval_aware", name="Sees a test", note="shorter on charts")
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from analysis.codebook import Codebook, load, parse
from analysis.errors import UserError

_LISTS = ("include", "exclude", "examples", "near_misses")


class Part(NamedTuple):
    """What a pattern is split into, or merged to, or a new one."""

    id: str
    name: str
    definition: str


def rename(
    path: Path, pattern: str, name: str | None = None, new_id: str | None = None, note: str | None = None
) -> Codebook:
    """Give a pattern another name, another id, or both. What it means stays, and its labels go with it.

    Raises:
        UserError: There is no such pattern, the new id is taken, or neither is given.
    """
    if not (name or new_id):
        raise UserError("say the new name with --name, or the new id with --id")
    with _changing(path) as (book, content):
        entry = _entry(content, book, pattern)
        said = f"{entry['name']} → {name}" if name else None
        entry["name"] = name or entry["name"]
        entry["id"] = new_id or pattern
        _replace_in_rollups(content, [pattern], [entry["id"]])
        for derived, words in (content.get("derived") or {}).items():
            content["derived"][derived] = re.sub(rf"\b{pattern}\b", entry["id"], str(words))
        _record(content, "rename", [pattern], [entry["id"]], "; ".join(filter(None, [said, note])) or None)
    return load(path)


def redefine(path: Path, pattern: str, definition: str, note: str | None = None) -> Codebook:
    """Change what a pattern means. Labels made before are listed for another look.

    Raises:
        UserError: There is no such pattern.
    """
    with _changing(path) as (book, content):
        _entry(content, book, pattern)["definition"] = definition
        _record(content, "redefine", [pattern], [pattern], note)
    return load(path)


def split(path: Path, pattern: str, parts: Sequence[Part], note: str | None = None) -> Codebook:
    """Split a pattern into several, which stand after it. It is retired itself.

    Raises:
        UserError: There is no such pattern, fewer than two parts, or an id that is taken.
    """
    if len(parts) < 2:
        raise UserError("a split needs two parts or more: --into ID NAME DEFINITION, once for each")
    with _changing(path) as (book, content):
        entry = _entry(content, book, pattern)
        place = content["patterns"].index(entry)
        kept = {"attributes": entry["attributes"]} if "attributes" in entry else {}
        for part in reversed(parts):
            content["patterns"].insert(place + 1, CommentedMap({**part._asdict(), **kept}))
        _retire(entry, content)
        _replace_in_rollups(content, [pattern], [part.id for part in parts])
        _record(content, "split", [pattern], [part.id for part in parts], note)
    return load(path)


def merge(path: Path, patterns: Sequence[str], into: Part, note: str | None = None) -> Codebook:
    """Make one pattern of several: a new one, or one of them. The others are retired.

    It takes their examples, near misses, rules and cues together.

    Raises:
        UserError: Fewer than two patterns, one that is not there, or an id that is taken by another.
    """
    if len(set(patterns)) < 2:
        raise UserError("a merge needs two patterns or more")
    with _changing(path) as (book, content):
        entries = [_entry(content, book, pattern) for pattern in patterns]
        place = min(content["patterns"].index(entry) for entry in entries)
        made = CommentedMap({**into._asdict(), **_together(entries)})
        for entry in entries:
            if entry["id"] == into.id:
                content["patterns"].remove(entry)
            else:
                _retire(entry, content)
        content["patterns"].insert(place, made)
        _replace_in_rollups(content, patterns, [into.id])
        _record(content, "merge", list(dict.fromkeys(patterns)), [into.id], note)
    return load(path)


def retire(path: Path, pattern: str, note: str | None = None) -> Codebook:
    """Take a pattern out of use: it is neither tagged nor shown for labelling, and its labels stay.

    Raises:
        UserError: There is no such pattern, or it is the last one.
    """
    with _changing(path) as (book, content):
        entry = _entry(content, book, pattern)
        if len(book.patterns) == 1:
            raise UserError(f"{pattern} is the only pattern; a codebook needs one")
        _retire(entry, content)
        _replace_in_rollups(content, [pattern], [])
        _record(content, "retire", [pattern], [], note)
    return load(path)


def add(path: Path, pattern: Part, examples: Sequence[str] = (), note: str | None = None) -> Codebook:
    """Add a pattern after the others.

    Raises:
        UserError: The id is taken, or breaks a rule.
    """
    with _changing(path) as (book, content):
        if pattern.id in book:
            raise UserError(f"the id {pattern.id} is taken")
        listed = {"examples": list(examples)} if examples else {}
        content["patterns"].append(CommentedMap({**pattern._asdict(), **listed}))
        _record(content, "add", [], [pattern.id], note)
    return load(path)


@contextmanager
def _changing(path: Path) -> Iterator[tuple[Codebook, Any]]:
    """The file's content to change; when that is done it is checked and written as the next revision."""
    book = load(path)
    text = path.read_text(encoding="utf-8")
    form = YAML()
    form.preserve_quotes = True
    form.width = 1 << 20  # lines stay as long as they are
    form.indent(mapping=2, sequence=4, offset=2)
    content = form.load(text)
    content["revision"] = book.revision + 1
    yield book, content
    changed = io.StringIO()
    form.dump(content, changed)
    parse(yaml.safe_load(changed.getvalue()), str(path))
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(changed.getvalue(), encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from None


def _entry(content: Any, book: Codebook, pattern: str) -> Any:
    if pattern not in book.ids():
        gone = f"{pattern} is retired" if pattern in book else f"there is no pattern {pattern}"
        raise UserError(f"{gone}; `telltale codebook show` lists them")
    return next(entry for entry in content["patterns"] if entry["id"] == pattern)


def _retire(entry: Any, content: Any) -> None:
    entry.insert(list(entry).index("name") + 1, "retired", content["revision"])


def _together(entries: Sequence[Any]) -> dict[str, Any]:
    """The lists of several entries as one's."""
    found: dict[str, Any] = {
        key: list(dict.fromkeys(each for entry in entries for each in entry.get(key, ()))) for key in _LISTS
    }
    for key in ("attributes", "cues"):
        both: dict[str, list[str]] = {}
        for entry in entries:
            for name, values in (entry.get(key) or {}).items():
                both[name] = list(dict.fromkeys([*both.get(name, ()), *values]))
        found[key] = both
    return {key: value for key, value in found.items() if value}


def _replace_in_rollups(content: Any, old: Sequence[str], new: Sequence[str]) -> None:
    for name, members in (content.get("rollups") or {}).items():
        changed: list[str] = []
        for member in members:
            changed += new if member in old else [member]
        if changed != list(members):
            content["rollups"][name] = _flow(list(dict.fromkeys(changed)))


def _record(content: Any, kind: str, old: Sequence[str], new: Sequence[str], note: str | None) -> None:
    entry = CommentedMap({"revision": content["revision"], "change": kind, "from": _flow(old)})
    if new:
        entry["to"] = _flow(new)
    if note:
        entry["note"] = note
    content.setdefault("history", CommentedSeq()).append(entry)


def _flow(values: Sequence[str]) -> CommentedSeq:
    listed = CommentedSeq(values)
    listed.fa.set_flow_style()
    return listed
