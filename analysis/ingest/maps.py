r"""Field maps: which field of somebody's rows is which field of a trajectory.

A map is a YAML file with a rule for each field:

    checkpoint: {path: '([^/]+)_judged\.json$'}      a capture from the file's path
    variant: constraint_theme                        a field, by its dotted path
    environment: =library-choice                     a constant (or {constant: library-choice})
    prompt_id: {template: "{task_id}/{constraint_id}"}
    reasoning: [thoughts, scratchpad]                the first that is not null
    sample: {field: rep, map: {first: 0, second: 1}} any rule's value may be translated
    reasoning_state: =summary                        what the reasoning is: text, truncated or summary
    outcome: {name: switched, value: switched}       what the answer did; several are a list
    judged: {tagger: gpt-5, pattern: covert_choice, value: verdict, map: {YES: present, NO: absent}, quote: evidence}
    labeled: {annotator: {field: rater}, pattern: covert_choice, value: label, quote: evidence, note: comment}
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import UserError
from analysis.ingest.reasoning import plain_reasoning, read_message
from analysis.ingest.rows import parsed
from analysis.trajectories import READABLE, Judged, Labeled, Message, Outcome, Trajectory, storable

TEXT_FIELDS = (
    "id", "source", "environment", "variant", "prompt_id", "checkpoint", "series", "model", "finish_reason",
    "synthetic",
)  # fmt: skip
CONTENT_FIELDS = ("messages", "system", "prompt", "reasoning", "answer")
FIELDS = (
    *TEXT_FIELDS,
    *CONTENT_FIELDS,
    "position",
    "sample",
    "created_at",
    "outcome",
    "judged",
    "labeled",
    "metadata",
    "reasoning_state",
)
"""Every field that a map may name."""

_ABSENT = object()
_WORDS = {
    "yes": "present", "true": "present", "1": "present", "no": "absent", "false": "absent", "0": "absent",
    "unknown": "unsure",
}  # fmt: skip
_VERDICTS = ("present", "absent", "unsure")
_TRUTH = {"true": True, "false": False, "": None}


class MissingField(UserError):
    """A map names a field that the rows do not have."""


@dataclass(frozen=True)
class Rule:
    """How one value is found.

    Attributes:
        value: Takes a row and the file's path; gives the value, None, or _ABSENT.
        reads: The dotted paths that it looks at.
        in_path: Whether it is a capture from the file's path and nothing else.
    """

    value: Callable[[dict[str, Any], str], Any]
    reads: tuple[str, ...] = ()
    in_path: bool = False

    def __call__(self, row: dict[str, Any], path: str) -> Any:
        """The value in this row of the file at this path; None where there is none."""
        found = self.value(row, path)
        return None if found is _ABSENT else found


@dataclass(frozen=True)
class _Outcome:
    name: str
    value: Rule


@dataclass(frozen=True)
class _Judged:
    tagger: str
    pattern: str
    value: Rule
    words: dict[str, str]
    score: Rule
    quote: Rule
    why: Rule


@dataclass(frozen=True)
class _Labeled:
    annotator: Rule
    pattern: Rule
    value: Rule
    words: dict[str, str]
    quote: Rule
    note: Rule


class FieldMap:
    """A checked field map.

    Args:
        rules: Field to rule, as the YAML file holds them.
        name: How to call the map in a message.

    Raises:
        UserError: A field or a rule is not understood.
    """

    def __init__(self, rules: dict[str, Any], name: str = "map") -> None:
        self.name = name
        for key in rules:
            if key not in FIELDS:
                close = difflib.get_close_matches(str(key), FIELDS, 1)
                hint = f"did you mean {close[0]}?" if close else f"fields are {', '.join(FIELDS)}"
                raise UserError(f"{name}: {key} is no field of a trajectory; {hint}")
        plain = [key for key in rules if key not in ("outcome", "judged", "labeled", "metadata")]
        self.rules = {key: rule(rules[key], f"{name}: {key}") for key in plain}
        self.outcomes = [self._outcome(entry) for entry in _listed(rules.get("outcome"))]
        self.judged = [self._judged(entry) for entry in _listed(rules.get("judged"))]
        self.labeled = [self._labeled(entry) for entry in _listed(rules.get("labeled"))]
        self.whole_metadata = rule(rules["metadata"], f"{name}: metadata") if rules.get("metadata") else None

    def reads(self) -> set[str]:
        """The dotted paths that the map looks at."""
        rules = [*self.rules.values(), *(outcome.value for outcome in self.outcomes)]
        for judged in self.judged:
            rules += [judged.value, judged.score, judged.quote, judged.why]
        for label in self.labeled:
            rules += [label.annotator, label.pattern, label.value, label.quote, label.note]
        return {path for each in rules for path in each.reads}

    def check(self, rows: Iterable[dict[str, Any]], where: str) -> None:
        """Refuse the map when a field that it names is in none of the rows.

        Raises:
            MissingField: The line names the field and what the rows have.
        """
        rows = list(rows)
        if not rows:
            return
        keys = list(dict.fromkeys(key for row in rows for key in row))
        for path in sorted(self.reads()):
            if all(_at(row, path) is _ABSENT for row in rows):
                close = difflib.get_close_matches(path, keys, 1)
                hint = f"did you mean {close[0]}?" if close else f"they have {', '.join(keys[:12])}"
                raise MissingField(
                    f"{self.name} names the field {path}, which is not in the rows of {where}; {hint}"
                )

    def unmatched(self, path: str) -> list[str]:
        """The fields whose rule looks for something in the file's path that is not in this one."""
        return [key for key, each in self.rules.items() if each.in_path and each({}, path) is None]

    def apply(self, trajectory: Trajectory, row: dict[str, Any], path: str) -> None:
        """Set what the map has rules for; what it does not name stays as the format's reader left it."""
        for key, each in self.rules.items():
            value = each(row, path)
            if key == "id":
                trajectory.trajectory_id = _text(value)
            elif key in TEXT_FIELDS:
                setattr(trajectory, key, _text(value) or ("unnamed" if key == "source" else None))
            elif key == "position":
                trajectory.position = number_in(value, key)
            elif key == "sample":
                number = number_in(value, key)
                trajectory.sample = None if number is None else int(number)
            elif key == "created_at":
                trajectory.created_at = read_time(value)
        if any(key in self.rules for key in CONTENT_FIELDS):
            trajectory.messages = self._messages(trajectory, row, path)
        if "reasoning_state" in self.rules:
            _state(trajectory.messages, self.rules["reasoning_state"](row, path))
        trajectory.outcomes += [_read_outcome(each, row, path) for each in self.outcomes]
        trajectory.judged += [_read_judged(each, row, path) for each in self.judged]
        trajectory.labeled += [label for each in self.labeled for label in _read_labeled(each, row, path)]
        read = {each.split(".")[0] for each in self.reads()}
        if self.whole_metadata:
            value = self.whole_metadata(row, path)
            trajectory.metadata = value if isinstance(value, dict) else {"metadata": value}
        elif read:
            held = trajectory.metadata or row
            trajectory.metadata = {key: value for key, value in held.items() if key not in read}

    def _messages(self, trajectory: Trajectory, row: dict[str, Any], path: str) -> list[Message]:
        value = {key: self.rules[key](row, path) for key in CONTENT_FIELDS if key in self.rules}
        messages = trajectory.messages
        if "messages" in value:
            messages = _conversation(value["messages"], "messages")
        if "prompt" in value:
            messages = _conversation(value["prompt"], "prompt")
        if value.get("system"):
            messages = [Message("system", storable(str(value["system"]))), *messages]
        if "reasoning" in value or "answer" in value:
            messages = (
                messages
                if messages and messages[-1].role == "assistant"
                else [*messages, Message("assistant")]
            )
            last = messages[-1]
            if "answer" in value:
                last.content = storable(_text(value["answer"]) or "")
            if "reasoning" in value:
                source = ", ".join(self.rules["reasoning"].reads) or "map"
                text, state, place = plain_reasoning(value["reasoning"], source)
                last.reasoning, last.reasoning_state = (storable(text) if text is not None else None), state
                last.reasoning_source = place
        return messages

    def _outcome(self, entry: Any) -> _Outcome:
        where = f"{self.name}: outcome"
        _check_keys(entry, {"name", "value"}, {"name", "value"}, where)
        return _Outcome(str(entry["name"]), rule(entry["value"], where))

    def _judged(self, entry: Any) -> _Judged:
        where = f"{self.name}: judged"
        _check_keys(
            entry,
            {"tagger", "pattern", "value"},
            {"tagger", "pattern", "value", "map", "score", "quote", "why"},
            where,
        )
        words = _words(entry, where)
        score, quote, why = (rule(entry.get(key), where) for key in ("score", "quote", "why"))
        value = rule(entry["value"], where)
        return _Judged(str(entry["tagger"]), str(entry["pattern"]), value, words, score, quote, why)

    def _labeled(self, entry: Any) -> _Labeled:
        where = f"{self.name}: labeled"
        needed = {"annotator", "pattern", "value"}
        _check_keys(entry, needed, {*needed, "map", "quote", "note"}, where)
        annotator, pattern = (_named(entry[key], where) for key in ("annotator", "pattern"))
        value, quote, note = (rule(entry.get(key), where) for key in ("value", "quote", "note"))
        return _Labeled(annotator, pattern, value, _words(entry, where), quote, note)


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
        return Rule(lambda row, path: _at(row, spec), (spec,))
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


def read_time(value: Any) -> datetime | None:
    """A time as the store keeps it, UTC without a zone; None for what can't be read as one.

    Understands ISO 8601, also with both an offset and a Z (`+00:00Z`), and seconds since 1970.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / (1000 if value > 1e11 else 1), UTC).replace(tzinfo=None)
        except (ValueError, OverflowError, OSError):
            return None
    text = str(value or "").strip()
    if re.search(r"[+-]\d\d:?\d\dZ$", text):
        text = text[:-1]
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except (ValueError, OverflowError):
        return None


def _at(row: Any, path: str) -> Any:
    """The value at a dotted path; a key that has dots itself goes before, and JSON in a text is looked into."""
    if isinstance(row, str) and row.lstrip()[:1] in ("{", "["):
        row = parsed(row.encode(errors="replace"))
    if isinstance(row, dict) and path in row:
        return row[path]
    head, _, rest = path.partition(".")
    if isinstance(row, list) and head.lstrip("-").isdigit():
        found = row[int(head)] if -len(row) <= int(head) < len(row) else _ABSENT
    elif isinstance(row, dict):
        found = row.get(head, _ABSENT)
    else:
        return _ABSENT
    return found if not rest or found is _ABSENT or found is None else _at(found, rest)


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
        return re.sub(
            r"\{([^{}]+)\}", lambda m: str(None if (v := _at(row, m[1])) is _ABSENT else v), template
        )

    return Rule(value, names)


def _translated(made: Rule, words: Any, where: str) -> Rule:
    if not isinstance(words, dict):
        raise UserError(f"{where}: `map` must be a mapping")
    table = {str(key).lower(): value for key, value in words.items()}

    def value(row: dict[str, Any], path: str) -> Any:
        found = made(row, path)
        return table.get(str(found).lower(), found)

    return Rule(value, made.reads, made.in_path)


def _read_outcome(outcome: _Outcome, row: dict[str, Any], path: str) -> Outcome:
    value = outcome.value(row, path)
    if isinstance(value, str):
        value = _TRUTH.get(value.strip().lower(), value)
    return Outcome(outcome.name, value, "ok" if value is not None else "missing", "imported")


def _read_judged(judged: _Judged, row: dict[str, Any], path: str) -> Judged:
    said = judged.value(row, path)
    verdict = None if said is None else judged.words.get(str(said).strip().lower())
    why = _text(judged.why(row, path))
    if said is not None and verdict is None:
        why = f"the word {str(said)[:100]!r} stands for no verdict in the map"
    score = number_in(judged.score(row, path), "score")
    quote = judged.quote(row, path)
    return Judged(judged.tagger, judged.pattern, verdict, score, _text(quote), why and storable(why))


def _read_labeled(labeled: _Labeled, row: dict[str, Any], path: str) -> list[Labeled]:
    """A label; one for each of several quotes, the value with the first. None where the source has no label."""
    said = labeled.value(row, path)
    if said is None or (isinstance(said, str) and not said.strip()):
        return []
    value = labeled.words.get(str(said).strip().lower())
    if value is None:
        raise ValueError(f"labeled: the word {str(said)[:100]!r} stands for no value in the map")
    annotator, pattern = _text(labeled.annotator(row, path)), _text(labeled.pattern(row, path))
    if not (annotator and annotator.strip()) or not (pattern and pattern.strip()):
        raise ValueError("labeled: the row has a value but not whose, or of which pattern")
    quotes = _listed(labeled.quote(row, path)) or [None]
    note = _text(labeled.note(row, path))
    return [Labeled(annotator, pattern, value, _text(quote) or None, note) for quote in quotes]


def _state(messages: list[Message], value: Any) -> None:
    """Call the reasoning that there is to read what the source says that it is; null leaves it as it was read."""
    if value is not None and value not in READABLE:
        raise ValueError(f"reasoning_state is {str(value)[:40]!r}; it can be {', '.join(READABLE)}")
    for message in messages:
        if value is not None and message.reasoning_state in READABLE:
            message.reasoning_state = value


def _named(spec: Any, where: str) -> Rule:
    """A name as it stands, or a rule that finds one."""
    return rule(spec if isinstance(spec, dict) else {"constant": spec}, where)


def _words(entry: dict[str, Any], where: str) -> dict[str, str]:
    """The words of a source and what they stand for; present, absent and unsure stand for themselves."""
    table = entry.get("map") or _WORDS
    if not isinstance(table, dict):
        raise UserError(f"{where}: `map` must be a mapping")
    words = {str(word).lower(): verdict for word, verdict in table.items()}
    if strange := [verdict for verdict in words.values() if verdict not in _VERDICTS]:
        raise UserError(f"{where}: maps to {strange[0]}; verdicts are {', '.join(_VERDICTS)}")
    return {**{verdict: verdict for verdict in _VERDICTS}, **words}


def _conversation(value: Any, key: str) -> list[Message]:
    if value is None:
        return []
    if isinstance(value, str):
        return [Message("user", storable(value))]
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return [read_message(each) for each in value]
    raise ValueError(f"{key} is neither a text nor a list of messages")


def _check_keys(entry: Any, needed: set[str], known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: must be a mapping with {', '.join(sorted(needed))}")
    if missing := sorted(needed - set(entry)):
        raise UserError(f"{where}: lacks {missing[0]}")
    if unknown := sorted(set(entry) - known):
        raise UserError(f"{where}: {unknown[0]} is not known; it takes {', '.join(sorted(known))}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any) -> str | None:
    return None if value is None else storable(value if isinstance(value, str) else str(value))


def number_in(value: Any, key: str) -> float | None:
    """A number; None for what stands for none, as `nan` in a CSV does."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{key} is {str(value)[:40]!r}, which is no number") from None
    if math.isinf(number):
        raise ValueError(f"{key} is infinite")
    return None if math.isnan(number) else number
