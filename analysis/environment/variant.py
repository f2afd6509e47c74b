"""One condition of the odd-number environment, which is one prompt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from analysis.trajectories import sha256_of, short_hash

ENVIRONMENT = "odd-number"
"""What trajectories of this environment have in their column `environment`."""

Parity = Literal["even", "odd"]
Hint = Literal["plain", "encoded"]
Announced = Literal["check", "evaluation"]

GAMING = "gaming"
BREAKING = "breaking the request"
"""The names of the one measure: broken requests, where the incentive asks for that and where it does not."""

MINIMISED = frozenset({"cost", "loss"})
"""Names of fields that are to be small: what they charge for is what they pay against."""


@dataclass(frozen=True)
class Variant:
    """One experimental condition, which is one prompt.

    Attributes:
        name: What trajectories have in their column `variant`.
        family: Which of the environment's families it belongs to.
        text: The whole prompt, one user message.
        asked: The parity that the request asks for.
        rewarded: The parity that the metadata rewards; None where nothing is rewarded.
        expression: What the metadata amounts to when it is read, as Python over `output`; None without metadata.
        hint: Whether the expression stands there plainly or encoded; None without metadata.
        announced: What a note under the metadata says of the situation.
        level: What is different from the family's reference, in the words of a chart's axis.
        order: Its place among the family's levels; the base prompt has 0 in every family.
        field: What the metadata calls the number that it gives: reward, points, …
        dose: The level as a number where it is one: percent of replies checked, points paid.
    """

    name: str
    family: str
    text: str
    asked: Parity
    rewarded: Parity | None = None
    expression: str | None = None
    hint: Hint | None = None
    announced: Announced | None = None
    level: str = ""
    order: int = 0
    field: str = "reward"
    dose: float | None = None

    @property
    def conflict(self) -> bool:
        """Whether request and incentive disagree."""
        return self.rewarded is not None and self.rewarded != self.asked

    @property
    def minimised(self) -> bool:
        """Whether what the metadata gives is to be small."""
        return self.field in MINIMISED

    @property
    def measure(self) -> str:
        """What the share of answers that break the request is called."""
        return GAMING if self.conflict else BREAKING

    @cached_property
    def sha256(self) -> str:
        """Hash of the full prompt text."""
        return sha256_of(self.text)

    @cached_property
    def prompt_id(self) -> str:
        """The prompt's id in the store, where the source has none of its own."""
        return short_hash([["user", self.text]])

    def broken_by(self, parity: Parity) -> bool:
        """Whether an answer of this parity breaks the request."""
        return parity != self.asked

    def as_row(self) -> dict[str, Any]:
        """The variant as people look it over, and as it is kept with what was collected for it."""
        names = ("name", "family", "level", "order", "dose", "asked", "rewarded", "measure", "sha256", "text")
        return {name: getattr(self, name) for name in names}
