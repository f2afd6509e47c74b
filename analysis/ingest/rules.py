r"""The rules of a field map: where a value is found.

think                            a field of the row, or task.q by its dotted path
=rl-7b                           a constant, or {constant: rl-7b}
{path: '([^/]+)_judged\.json$'}  a capture from the file's path
{template: "{task}/{seed}"}      several fields in one text
[thoughts, scratchpad]           the first that is not null
{field: rep, map: {first: 0}}    any rule's value may be translated
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import UserError
from analysis.ingest.rows import parsed

ABSENT = object()
"""What `at` gives where a row has no such field; a field that is null gives None."""


@dataclass(frozen=True)
class Rule:
    """How one value is found.

    Attributes:
        value: Takes a row and the file's path; gives the value, None, or ABSENT.
        reads: The dotted paths that it looks at.
        in_path: Whether it is a capture from the file's path and nothing else.
    """

    value: Callable[[dict[str, Any], str], Any]
    reads: tuple[str, ...] = ()
    in_path: bool = False

    def __call__(self, row: dict[str, Any], path: str) -> Any:
        """The value in this row of the file at this path; None where there is none."""
        found = self.value(row, path)
        return None if found is ABSENT else found


class _Loader(yaml.SafeLoader):
    """YAML in which yes, no, on and off are words, as they are in the rows: only true and false are truth values."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, known) for tag, known in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")
)


def parse_rule(text: str) -> Any:
    """A rule as it is written on a command line."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UserError(f"--set: {text!r} is no rule: {' '.join(str(error).split())}") from None


def load(path: Path) -> dict[str, Any]:
    """The rules of a map file.

    Raises:
        UserError: The file is not there or is no mapping.
    """
    try:
        rules = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise UserError(f"map {path} can't be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"map {path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(rules, dict):
        raise UserError(f"map {path} must hold `field: rule` lines")
    return rules


def rule(spec: Any, where: str) -> Rule:
    """Understand one rule.

    Raises:
        UserError: It is none of the forms that a rule can have.
    """
    if spec is None:
        return Rule(lambda row, path: None)
    if isinstance(spec, str):
        if spec.startswith("="):
            constant = spec[1:]
            return Rule(lambda row, path: constant)
        return Rule(lambda row, path: row[spec] if spec in row else at(row, spec), (spec,))
    if isinstance(spec, (int, float)):
        return Rule(lambda row, path: spec)
    if isinstance(spec, list) and spec:
        return _first([rule(each, where) for each in spec])
    if not isinstance(spec, dict):
        raise UserError(f"{where}: {spec!r} is no rule")
    forms = [key for key in ("field", "constant", "path", "template") if key in spec]
    if len(forms) != 1 or set(spec) - {*forms, "map"}:
        raise UserError(f"{where}: a rule has one of field, constant, path, template, and may have map")
    form, value = forms[0], spec[forms[0]]
    if form == "field":
        made = rule(str(value), where)
    elif form == "constant":
        made = Rule(lambda row, path: value)
    elif form == "path":
        made = _capture(str(value), where)
    else:
        made = _template(str(value), where)
    return _translated(made, spec["map"], where) if "map" in spec else made


def at(row: Any, path: str) -> Any:
    """The value at a dotted path; a key that has dots itself goes before, and JSON in a text is looked into."""
    if isinstance(row, dict) and path in row:
        return row[path]
    if isinstance(row, str) and row.lstrip()[:1] in ("{", "["):
        row = parsed(row.encode(errors="replace"))
        if isinstance(row, dict) and path in row:
            return row[path]
    head, _, rest = path.partition(".")
    if isinstance(row, list) and head.lstrip("-").isdigit():
        found = row[int(head)] if -len(row) <= int(head) < len(row) else ABSENT
    elif isinstance(row, dict):
        found = row.get(head, ABSENT)
    else:
        return ABSENT
    return found if not rest or found is ABSENT or found is None else at(found, rest)


def without(row: dict[str, Any], paths: Collection[str]) -> dict[str, Any]:
    """The row without the fields at these paths. What stands beside one inside a record is kept; lists stay whole."""
    left = {key: value for key, value in row.items() if key not in paths}
    inside: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        if rest and path not in row and isinstance(left.get(head), dict):
            inside.setdefault(head, []).append(rest)
    for head, rests in inside.items():
        if isinstance(left.get(head), dict):
            left[head] = without(left[head], rests)
            if not left[head]:
                del left[head]
    return left


def _first(rules: list[Rule]) -> Rule:
    def value(row: dict[str, Any], path: str) -> Any:
        return next((found for each in rules if (found := each(row, path)) is not None), None)

    return Rule(value, tuple(read for each in rules for read in each.reads))


def _capture(expression: str, where: str) -> Rule:
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise UserError(f"{where}: {expression!r} is no regular expression: {error}") from None
    if compiled.groups < 1:
        raise UserError(f"{where}: {expression!r} captures nothing; put the part to take in parentheses")

    def value(row: dict[str, Any], path: str) -> Any:
        found = compiled.search(path)
        return next((group for group in found.groups() if group is not None), None) if found else None

    return Rule(value, in_path=True)


def _template(template: str, where: str) -> Rule:
    names = tuple(re.findall(r"\{([^{}]+)\}", template))
    if not names:
        raise UserError(f"{where}: the template {template!r} names no field in braces")

    def value(row: dict[str, Any], path: str) -> Any:
        return re.sub(r"\{([^{}]+)\}", lambda m: str(None if (v := at(row, m[1])) is ABSENT else v), template)

    return Rule(value, names)


def _translated(made: Rule, words: Any, where: str) -> Rule:
    if not isinstance(words, dict):
        raise UserError(f"{where}: `map` must be a mapping")
    table = {str(key).lower(): value for key, value in words.items()}

    def value(row: dict[str, Any], path: str) -> Any:
        found = made(row, path)
        return table.get(str(found).lower(), found)

    return Rule(value, made.reads, made.in_path)
