"""Which conditions of the environment a store has, family by family, in the order of their levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from analysis.environment.prompts import FAMILIES, VARIANTS, family
from analysis.environment.variant import Variant
from analysis.measure.gaming import LEVEL, GamingRate, Prompt, count_answers, select_answers
from analysis.measure.scope import Scope


@dataclass(frozen=True)
class Condition:
    """One level of a family that the store has trajectories of.

    Attributes:
        level: The variant's name, as LEVEL has it in a gaming table.
        family: The family that it is shown in.
        text: What the level is called there.
        dose: The level as a number where it is one.
        reference: Whether it is what the others are held against.
        measure: What breaking its request is called.
        prompt: The prompt, word for word.
        variants: What the sources call it.
    """

    level: str
    family: str
    text: str
    dose: float | None
    reference: bool
    measure: str
    prompt: str
    variants: tuple[str, ...]


def by_family(
    db: duckdb.DuckDBPyConnection,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
) -> tuple[list[GamingRate], list[Condition]]:
    """The gaming table by checkpoint and level, and the conditions that it is of."""
    prompts = select_answers(db, scope, {"checkpoint": "t.checkpoint"})
    return count_answers(db, ("checkpoint", LEVEL)), conditions(prompts)


def conditions(prompts: Iterable[Prompt]) -> list[Condition]:
    """The conditions that there are, family by family; the base prompt is a level of each of them.

    A family of which only the base prompt is there is left out. Researchers' own variants come after the
    project's, their own families last.
    """
    called: dict[str, set[str]] = {}
    found: dict[str, Variant] = {}
    for _, name, known in prompts:
        if known is not None:
            found[known.name] = known
            called.setdefault(known.name, set()).update({name} if name else ())
    own = [variant for name, variant in found.items() if name not in VARIANTS]
    listed = []
    for name in dict.fromkeys((*FAMILIES, *(variant.family for variant in own))):
        levels = _levels(name, found, own)
        if name == "base" or not all(reference for *_, reference in levels):
            listed += [
                Condition(level=each.name, family=name, text=text, dose=dose, reference=reference, measure=each.measure,
                          prompt=each.text, variants=tuple(sorted(called[each.name])))
                for each, text, dose, reference in levels
            ]  # fmt: skip
    return listed


def _levels(
    name: str, found: dict[str, Variant], own: list[Variant]
) -> list[tuple[Variant, str, float | None, bool]]:
    """The levels of one family that are there: variant, what it is called, dose, whether it is the reference."""
    known = [
        (level.variant, level.text, level.dose, level.reference)
        for level in (family(name) if name in FAMILIES else ())
        if level.variant.name in found
    ]
    if name not in FAMILIES and "base" in found:
        known = [(found["base"], "base", None, True)]
    added = sorted((variant for variant in own if variant.family == name), key=lambda v: (v.order, v.name))
    return known + [(variant, variant.level or variant.name, variant.dose, False) for variant in added]
