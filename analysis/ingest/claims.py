"""What a map brings in beside a trajectory: outcomes, verdicts and labels that were made elsewhere.

outcome: {name: switched, value: switched}
judged: {tagger: gpt-5, pattern: covert_choice, value: verdict, map: {YES: present, NO: absent}, quote: evidence}
labeled: {annotator: {field: rater}, pattern: covert_choice, value: label, quote: evidence, note: comment}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analysis.errors import UserError
from analysis.ingest.rules import Rule, rule
from analysis.ingest.values import number_in, text_in
from analysis.trajectories import Judged, Labeled, Outcome

_WORDS = {
    "yes": "present", "true": "present", "1": "present", "no": "absent", "false": "absent", "0": "absent",
    "unknown": "unsure",
}  # fmt: skip
_VERDICTS = ("present", "absent", "unsure")
_TRUTH = {"true": True, "false": False, "": None}


@dataclass(frozen=True)
class OutcomeRule:
    """How an outcome is read from a row."""

    name: str
    value: Rule

    @classmethod
    def of(cls, entry: Any, where: str) -> OutcomeRule:
        """Understand an entry of a map. Like the others, it raises UserError for what it does not understand."""
        _check_keys(entry, {"name", "value"}, {"name", "value"}, where)
        return cls(str(entry["name"]), rule(entry["value"], where))

    def reads(self) -> tuple[str, ...]:
        """The dotted paths that it looks at."""
        return self.value.reads

    def read(self, row: dict[str, Any], path: str) -> Outcome:
        """The outcome of a row; missing where its value is null or blank."""
        value = self.value(row, path)
        if isinstance(value, str):
            value = _TRUTH.get(value.strip().lower(), value)
        return Outcome(self.name, value, "ok" if value is not None else "missing", "imported")


@dataclass(frozen=True)
class JudgedRule:
    """How a verdict of another tool is read from a row."""

    tagger: str
    pattern: str
    value: Rule
    words: dict[str, str]
    score: Rule
    quote: Rule
    why: Rule

    @classmethod
    def of(cls, entry: Any, where: str) -> JudgedRule:
        """Understand an entry of a map."""
        needed = {"tagger", "pattern", "value"}
        _check_keys(entry, needed, {*needed, "map", "score", "quote", "why"}, where)
        value, score, quote, why = (rule(entry.get(key), where) for key in ("value", "score", "quote", "why"))
        return cls(
            str(entry["tagger"]), str(entry["pattern"]), value, _words(entry, where), score, quote, why
        )

    def reads(self) -> tuple[str, ...]:
        """The dotted paths that it looks at."""
        return tuple(path for each in (self.value, self.score, self.quote, self.why) for path in each.reads)

    def read(self, row: dict[str, Any], path: str) -> Judged:
        """The verdict of a row; None as verdict for a word that stands for none."""
        said = self.value(row, path)
        verdict = None if said is None else self.words.get(str(said).strip().lower())
        why = text_in(self.why(row, path))
        if said is not None and verdict is None:
            why = f"the word {str(said)[:100]!r} stands for no verdict in the map"
        score = number_in(self.score(row, path), "score")
        quote = self.quote(row, path)
        return Judged(self.tagger, self.pattern, verdict, score, text_in(quote), why)


@dataclass(frozen=True)
class LabeledRule:
    """How a person's label is read from a row."""

    annotator: Rule
    pattern: Rule
    value: Rule
    words: dict[str, str]
    quote: Rule
    note: Rule

    @classmethod
    def of(cls, entry: Any, where: str) -> LabeledRule:
        """Understand an entry of a map."""
        needed = {"annotator", "pattern", "value"}
        _check_keys(entry, needed, {*needed, "map", "quote", "note"}, where)
        annotator, pattern = (_named(entry[key], where) for key in ("annotator", "pattern"))
        value, quote, note = (rule(entry.get(key), where) for key in ("value", "quote", "note"))
        return cls(annotator, pattern, value, _words(entry, where), quote, note)

    def reads(self) -> tuple[str, ...]:
        """The dotted paths that it looks at."""
        rules = (self.annotator, self.pattern, self.value, self.quote, self.note)
        return tuple(path for each in rules for path in each.reads)

    def read(self, row: dict[str, Any], path: str) -> list[Labeled]:
        """A label; one for each of several quotes, the value with the first. None where the source has no label.

        Raises:
            ValueError: The map has no word for the value, or the row does not say whose it is.
        """
        said = self.value(row, path)
        if said is None or (isinstance(said, str) and not said.strip()):
            return []
        value = self.words.get(str(said).strip().lower())
        if value is None:
            raise ValueError(f"labeled: the word {str(said)[:100]!r} stands for no value in the map")
        annotator, pattern = text_in(self.annotator(row, path)), text_in(self.pattern(row, path))
        if not (annotator and annotator.strip()) or not (pattern and pattern.strip()):
            raise ValueError("labeled: the row has a value but not whose, or of which pattern")
        quotes = listed(self.quote(row, path)) or [None]
        note = text_in(self.note(row, path))
        return [Labeled(annotator, pattern, value, text_in(quote) or None, note) for quote in quotes]


def listed(value: Any) -> list[Any]:
    """A list as it is, null as none, anything else as a list of it."""
    return value if isinstance(value, list) else [] if value is None else [value]


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


def _check_keys(entry: Any, needed: set[str], known: set[str], where: str) -> None:
    if not isinstance(entry, dict):
        raise UserError(f"{where}: must be a mapping with {', '.join(sorted(needed))}")
    if missing := sorted(needed - set(entry)):
        raise UserError(f"{where}: lacks {missing[0]}")
    if unknown := sorted(set(entry) - known):
        raise UserError(f"{where}: {unknown[0]} is not known; it takes {', '.join(sorted(known))}")
