"""What can be shown at each checkpoint: patterns, groups of them, and what is derived from them."""

from __future__ import annotations

from dataclasses import dataclass

from analysis import codebook
from analysis.errors import UserError
from analysis.measure.derived import Condition, conditions
from analysis.measure.judged import Judged
from analysis.measure.rollups import tagged
from views.plain import count, plain

GROUP, DERIVED = "group:", "derived:"


@dataclass(frozen=True)
class Panel:
    """Something that is shown at each checkpoint: a pattern, a group of patterns, or what is derived from them.

    Attributes:
        id: The pattern's id; a group's or a derived pattern's name after GROUP or DERIVED.
        name: What it is called.
        members: The patterns whose occurrences are its own; none for what is derived.
        told: Its definition.
        conditions: Of what is derived.
        kind: What to say of it where it is no pattern: `any of 7 patterns`.
    """

    id: str
    name: str
    members: tuple[str, ...]
    told: str
    conditions: tuple[Condition, ...] = ()
    kind: str = ""

    @property
    def is_pattern(self) -> bool:
        """Whether it is a pattern itself, which the Traces page can be narrowed to."""
        return self.members == (self.id,)


def panels_of(book: codebook.Codebook, table: Judged) -> list[Panel]:
    """What there is to show of a run: groups first, then what is derived, then patterns in the codebook's order."""
    known = [pattern for pattern in book.ids() if pattern in table.patterns]
    others = [pattern for pattern in table.patterns if pattern not in known]
    patterns = [
        Panel(each, book.name_of(each), (each,), _definition(each, book)) for each in (*known, *others)
    ]
    return [*_groups(book, table), *_derived(book, table), *patterns]


def names_of(text: str) -> str:
    """A name of the codebook as words: `Knowing violation`."""
    return text.replace("_", " ").capitalize()


def unread(book: codebook.Codebook) -> dict[str, str]:
    """What the codebook calls derived and nobody can compute, each with the reason."""
    found = {}
    for name, words in book.derived.items():
        try:
            conditions(words, book.ids())
        except UserError as error:
            found[name] = str(error)
    return found


def _groups(book: codebook.Codebook, table: Judged) -> list[Panel]:
    found = []
    for name, members in book.rollups.items():
        there = tagged(table, members)
        if there:
            left = f" (the run tags {len(there)} of {len(members)})" if len(there) < len(members) else ""
            listed = ", ".join(plain(book.name_of(member)) for member in there)
            told = f"Any of these patterns{left}: {listed}."
            kind = f"any of {count(len(there), 'pattern')}"
            found.append(Panel(GROUP + name, names_of(name), tuple(there), told, kind=kind))
    return found


def _derived(book: codebook.Codebook, table: Judged) -> list[Panel]:
    """What the codebook derives, where it can be read and the run tags what it is derived from."""
    found = []
    for name, words in book.derived.items():
        try:
            read = conditions(words, book.ids())
        except UserError:
            continue
        if all(each.pattern is None or each.pattern in table.patterns for each in read):
            told = f"Derived: {plain(words, 400)}."
            found.append(Panel(DERIVED + name, names_of(name), (), told, read, "derived"))
    return found


def _definition(pattern: str, book: codebook.Codebook) -> str:
    if pattern not in book:
        return "Not in the codebook: these verdicts came in with the trajectories."
    entry = book[pattern]
    example = f"\n\nFor example: {plain(entry.examples[0], 300)}" if entry.examples else ""
    return plain(entry.definition, 600) + example
