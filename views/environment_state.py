"""What the parts of the Environment page share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from analysis.measure.families import Condition
from analysis.measure.scope import Scope
from views.panels import short_names
from views.store import Opened

PAGE = "environment"
NO_CHECKPOINT = "(no checkpoint)"


@dataclass(frozen=True)
class Shown:
    """What the page is about.

    Attributes:
        store: Where it comes from.
        scope: What the sidebar keeps.
        cells: The gaming table by checkpoint and level.
        conditions: The store's levels, family by family.
        checkpoints: Those that the cells have, in their order; "" where a trajectory has none.
        series: Which series each checkpoint belongs to.
    """

    store: Opened
    scope: Scope
    cells: list[dict[str, Any]]
    conditions: list[Condition]
    checkpoints: list[str]
    series: Mapping[str, str | None]

    @property
    def ticks(self) -> dict[str, str]:
        """The checkpoints in order, each with a short name."""
        short = short_names(self.checkpoints)
        return {name: short[name] or NO_CHECKPOINT for name in self.checkpoints}

    def families(self) -> list[str]:
        """The families that there is something to see of, in order."""
        present = {cell["level"] for cell in self.cells}
        found = {
            each.family: None
            for each in self.conditions
            if each.level in present and (each.family == "base" or not each.reference)
        }
        return list(found)

    def levels(self, family: str) -> list[Condition]:
        """The levels of a family that the cells have, in order."""
        present = {cell["level"] for cell in self.cells}
        return [each for each in self.conditions if each.family == family and each.level in present]
