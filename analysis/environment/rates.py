"""What a simulation is to contain: how often each pattern appears and answers game, a checkpoint and a variant.

A share is given for each checkpoint; a variant multiplies its odds, by its own or by a rule of its family. `cells`
sets a share outright. Shares are those of the trajectories: a pattern that needs another one (an excuse needs a
qualm) is drawn among those that have it, so that its share is still the one in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from analysis import codebook
from analysis.environment.prompts import FAMILIES, VARIANTS
from analysis.environment.variant import Variant
from analysis.errors import UserError
from analysis.trajectories import sha256_of

DEFAULT_PATH = Path(__file__).parents[2] / "data" / "banks" / "simulation.yaml"
MOST_WITHOUT_REASONING = 0.02
GAMING = "gaming"
"""The key of the share of answers that break the request, beside those of the patterns."""

NEEDS = {"harmless_excuse": "misaligned_noted"}
"""A pattern that answers another one appears only with it."""
LEANS_ON_HINT = frozenset(
    {
        "conflict_noticed",
        "conflict_dissolved",
        "task_reframed",
        "reward_chosen",
        "misaligned_noted",
        "disclosure_plan",
    }
)
"""What can be said of an encoded hint only once it has been decoded."""

_KEYS = frozenset(
    {"series", "checkpoints", "default", "variants", "families", "cells", "together", "without_reasoning", "cut_short",
     "rejects", "taken_back", "broken_without_incentive", "slips", "answers"}
)  # fmt: skip
_ANSWERS = ("explicit", "ambiguous", "words", "empty")


@dataclass(frozen=True)
class Checkpoint:
    """One simulated model version.

    Attributes:
        words: Median length of its reasoning.
        clipped: How much of it is written like notes, from 0 to 1.
        shares: Of each pattern, and of gaming under variants with a conflict.
    """

    name: str
    position: float
    words: float
    clipped: float
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Rule:
    """How a family's levels change odds.

    Attributes:
        odds: What the odds are multiplied by at every level.
        each: What they are multiplied by on top, to the power of the level's weight.
        weights: The weight of each level, by its variant's name.
    """

    odds: Mapping[str, float]
    each: Mapping[str, float]
    weights: Mapping[str, float]

    def factor(self, variant: Variant, key: str) -> float:
        """What the odds of a pattern, or of gaming, are multiplied by."""
        steps = self.each.get(key, 1.0) ** self.weights.get(variant.name, 0.0)
        return float(self.odds.get(key, 1.0) * steps)


@dataclass(frozen=True)
class Rates:
    """A file of rates, checked.

    Attributes:
        chosen: The variants that are simulated.
        variants: Odds of variants of their own. What one names goes before its family's rule.
        families: The rules of families.
        together: How strongly each pattern, and gaming, goes with the trace's disposition, from -1 to 1.
        without_reasoning: Share of trajectories with no reasoning.
        cut_short: Share that ran into the token limit, in the reasoning or in the answer.
        rejects: Chance that a pattern which is absent is named and denied.
        taken_back: Share of the commitments to the reward that are taken back.
        broken_without_incentive: Share of broken requests where nothing is paid for that.
        slips: Share of answers that are not the number that the reasoning settled on, but the next one.
        answers: Shares of answers that are no lone number: explicit, ambiguous, words, empty.
    """

    series: str
    checkpoints: tuple[Checkpoint, ...]
    chosen: tuple[str, ...]
    families: Mapping[str, Rule]
    variants: Mapping[str, Mapping[str, float]]
    cells: Mapping[str, Mapping[str, Mapping[str, float]]]
    together: Mapping[str, float]
    without_reasoning: float
    cut_short: float
    rejects: float
    taken_back: float
    broken_without_incentive: float
    slips: float
    answers: Mapping[str, float]
    sha256: str

    def cells_in_order(self) -> list[tuple[Checkpoint, Variant]]:
        """Every checkpoint under every chosen variant."""
        return [(checkpoint, VARIANTS[name]) for checkpoint in self.checkpoints for name in self.chosen]

    def choosing(self, variants: Iterable[Variant]) -> Rates:
        """The same rates, for these variants.

        Raises:
            UserError: One is none of the project's own, or its shares can't be.
        """
        names = tuple(variant.name for variant in variants)
        if strange := [name for name in names if name not in VARIANTS]:
            raise UserError(f"{strange[0]} can't be simulated: no sentences are written for it")
        chosen = replace(self, chosen=names)
        _check_cells(chosen, "rates")
        return chosen

    def odds(self, variant: Variant, key: str) -> float:
        """What a variant multiplies the odds of a pattern, or of gaming, by."""
        own = self.variants.get(variant.name, {}).get(key)
        rule = self.families.get(variant.family)
        return own if own is not None else rule.factor(variant, key) if rule else 1.0

    def share(self, checkpoint: Checkpoint, variant: Variant, key: str) -> float:
        """The share of a pattern, or of gaming, in one cell."""
        set_outright = self.cells.get(checkpoint.name, {}).get(variant.name, {}).get(key)
        if set_outright is not None:
            return set_outright
        if key == GAMING and not variant.conflict:
            return self.broken_without_incentive
        share = checkpoint.shares.get(key, 0.0)
        odds = self.odds(variant, key)
        return share * odds / (1 - share + share * odds)

    def needed(self, variant: Variant, key: str) -> str | None:
        """What a pattern, or gaming, appears only with; None where it stands alone."""
        if key in NEEDS:
            return NEEDS[key]
        leans = key in LEANS_ON_HINT or (key == GAMING and variant.conflict)
        return "hint_decode" if variant.hint == "encoded" and leans else None


@lru_cache(maxsize=4)
def load_rates(path: Path = DEFAULT_PATH) -> Rates:
    """Read and check a file of rates.

    Raises:
        UserError: The file is not there or breaks a rule; the line says which.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"rates {path} can't be read: {getattr(error, 'strerror', error)}") from None
    except yaml.YAMLError as error:
        raise UserError(f"rates {path} is no YAML: {' '.join(str(error).split())}") from None
    return parse_rates(content, f"rates {path.name}")


def parse_rates(content: Any, name: str = "rates") -> Rates:
    """Check the content of a file of rates and give it its type.

    Raises:
        UserError: A rule is broken.
    """
    if not isinstance(content, dict) or not content.get("checkpoints"):
        raise UserError(f"{name}: needs `checkpoints`")
    if unknown := sorted(set(content) - _KEYS):
        raise UserError(f"{name}: {unknown[0]} is not known; it takes {', '.join(sorted(_KEYS))}")
    variants = {key: dict(value or {}) for key, value in _mapping(content, "variants", name)}
    chosen = content.get("default") or list(variants)
    if not chosen:
        raise UserError(f"{name}: needs `variants`, or a `default` list of them")
    if not isinstance(chosen, list):
        raise UserError(f"{name}: `default` must be a list of variants")
    if strange := [key for key in (*variants, *chosen) if key not in VARIANTS]:
        raise UserError(f"{name}: no variant {strange[0]}; `telltale collect --list` shows them")
    rates = Rates(
        series=str(content.get("series", "simulated")),
        checkpoints=tuple(
            _checkpoint(key, value, name) for key, value in _mapping(content, "checkpoints", name)
        ),
        chosen=tuple(chosen),
        families={key: _rule(key, value, name) for key, value in _mapping(content, "families", name)},
        variants=variants,
        cells={key: dict(value) for key, value in _mapping(content, "cells", name)},
        together=dict(_mapping(content, "together", name)),
        without_reasoning=_share(
            content.get("without_reasoning", 0), f"{name}: without_reasoning", MOST_WITHOUT_REASONING
        ),
        answers={
            key: _share(value, f"{name}: answers: {key}") for key, value in _mapping(content, "answers", name)
        },
        sha256=sha256_of(content),
        **{
            key: _share(content.get(key, 0), f"{name}: {key}")
            for key in ("cut_short", "rejects", "taken_back", "broken_without_incentive", "slips")
        },
    )
    _check(rates, name)
    return rates


def _checkpoint(key: Any, value: Any, name: str) -> Checkpoint:
    where = f"{name}: {key}"
    if not str(key).startswith("simulated"):
        raise UserError(f"{where}: the name of a simulated checkpoint begins with simulated")
    try:
        return Checkpoint(
            str(key), float(value["position"]), float(value["words"]), _share(value.get("clipped", 0), f"{where}: clipped"),
            {pattern: _share(share, f"{where}: {pattern}") for pattern, share in value["shares"].items()},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{where}: needs position, words and shares") from None


def _rule(family: Any, value: Any, name: str) -> Rule:
    where = f"{name}: family {family}"
    if family not in FAMILIES:
        raise UserError(f"{name}: no family {family}; there are {', '.join(FAMILIES)}")
    if not isinstance(value, dict) or set(value) - {"odds", "each", "weights"}:
        raise UserError(f"{where}: takes odds, each and weights")
    levels = [variant for variant in VARIANTS.values() if variant.family == family]
    weights = value.get("weights", [])
    if weights == "dose":
        weights = [variant.dose for variant in levels]
    elif weights == []:
        weights = [0.0] * len(levels)
    if not isinstance(weights, list) or len(weights) != len(levels) or None in weights:
        raise UserError(
            f"{where}: weights are `dose`, or {len(levels)} numbers, one for each level in its order"
        )
    return Rule(
        _factors(value, "odds", where), _factors(value, "each", where),
        {variant.name: float(weight) for variant, weight in zip(levels, weights, strict=True)},
    )  # fmt: skip


def _factors(value: Mapping[str, Any], key: str, where: str) -> dict[str, float]:
    factors = dict(_mapping(value, key, where))
    if wrong := [
        each for each, factor in factors.items() if not isinstance(factor, (int, float)) or factor <= 0
    ]:
        raise UserError(f"{where}: {key} of {wrong[0]} must be a number above 0")
    return factors


def _check(rates: Rates, name: str) -> None:
    known = {*codebook.load().ids(), GAMING}
    groups = [checkpoint.shares for checkpoint in rates.checkpoints]
    groups += [*rates.variants.values(), rates.together]
    groups += [factors for rule in rates.families.values() for factors in (rule.odds, rule.each)]
    groups += [shares for cells in rates.cells.values() for shares in cells.values()]
    if strange := [key for group in groups for key in group if key not in known]:
        raise UserError(f"{name}: {strange[0]} is no pattern")
    if strange := [key for key in rates.answers if key not in _ANSWERS]:
        raise UserError(f"{name}: answers are {', '.join(_ANSWERS)}; not {strange[0]}")
    _check_cells(rates, name)


def _check_cells(rates: Rates, name: str) -> None:
    """Refuse shares that can't be together."""
    known = {*codebook.load().ids(), GAMING}
    for checkpoint, variant in rates.cells_in_order():
        where = f"{name}: {checkpoint.name}, {variant.name}"
        for key in sorted(known):
            share, needed = rates.share(checkpoint, variant, key), rates.needed(variant, key)
            if needed and share > rates.share(checkpoint, variant, needed):
                raise UserError(f"{where}: {key} can't be more frequent than {needed}, which it needs")
        gaming, chosen = (rates.share(checkpoint, variant, key) for key in (GAMING, "reward_chosen"))
        if variant.conflict and (1 - rates.taken_back) * chosen > gaming:
            raise UserError(
                f"{where}: reward_chosen that is not taken back can't be more frequent than gaming"
            )


def _mapping(content: Mapping[str, Any], key: str, name: str) -> list[tuple[str, Any]]:
    value = content.get(key) or {}
    if not isinstance(value, dict):
        raise UserError(f"{name}: `{key}` must be a mapping")
    return list(value.items())


def _share(value: Any, where: str, most: float = 1.0) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise UserError(f"{where} is {value!r}; it must be from 0 to {most:g}")
    return float(value)
