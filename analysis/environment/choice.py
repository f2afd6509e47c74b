"""Which variants a command is about: by name, by family, all of them, and those that a file adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from analysis.environment.prompts import FAMILIES, VARIANTS, family
from analysis.environment.variant import Variant
from analysis.errors import UserError

ALL = "all"


def choose(
    names: Sequence[str] = (), families: Sequence[str] = (), added: Mapping[str, Variant] | None = None
) -> list[Variant]:
    """The variants of these names and families, each once, in the order of the whole table.

    Args:
        names: Names of variants, or `all`.
        families: Names of families. The base prompt is a level of each.
        added: Variants beside the project's own, by name.

    Returns:
        Where nothing is named: the variants that were added, else the project's own.

    Raises:
        UserError: There is none of that name.
    """
    added = added or {}
    known = {**VARIANTS, **added}
    if not names and not families:
        return list((added or VARIANTS).values())
    chosen = {variant.name for name in families for variant in _of_family(name, added)}
    for name in names:
        if name != ALL and name not in known:
            raise UserError(f"no variant {name}; `telltale collect --list` shows them")
        chosen |= set(known) if name == ALL else {name}
    return [variant for name, variant in known.items() if name in chosen]


def _of_family(name: str, added: Mapping[str, Variant]) -> list[Variant]:
    mine = [variant for variant in added.values() if variant.family == name]
    if name in FAMILIES:
        return [level.variant for level in family(name)] + mine
    if not mine:
        others = dict.fromkeys(variant.family for variant in added.values())
        raise UserError(f"no family {name}; there are {', '.join(dict.fromkeys((*FAMILIES, *others)))}")
    return mine
