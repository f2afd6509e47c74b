"""What calls cost: a table that users can edit. A price that is not known is None, never 0."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analysis.errors import UserError
from analysis.judge.answers import Usage

DEFAULT_PATH = Path(__file__).with_name("prices.yaml")
BESIDE_STORE = "prices.yaml"
A_MILLION = 1_000_000

_NUMBERS = ("input", "output", "cached_input", "cache_write", "batch")
_TEXTS = ("model", "base_url", "source", "date")


@dataclass(frozen=True)
class Price:
    """What one model costs at one endpoint, in US dollars for a million tokens.

    Attributes:
        cached_input, cache_write: None where they cost what any other input does.
        batch: What a call in a batch costs, as a share of the rest.
    """

    model: str
    input: float
    output: float
    cached_input: float | None = None
    cache_write: float | None = None
    batch: float = 1.0
    base_url: str | None = None
    source: str | None = None
    date: str | None = None

    def cost(self, usage: Usage, batch: bool = False) -> float | None:
        """What so many tokens cost; None where the endpoint did not count them."""
        if usage.input is None or usage.output is None:
            return None
        cached = min(usage.cached or 0, usage.input)
        written = min(usage.written or 0, usage.input - cached)
        plain = usage.input - cached - written
        total = (
            plain * self.input
            + cached * (self.input if self.cached_input is None else self.cached_input)
            + written * (self.input if self.cache_write is None else self.cache_write)
            + usage.output * self.output
        )
        return total / A_MILLION * (self.batch if batch else 1.0)

    def told(self) -> str:
        """The price as one line, with where it was read."""
        cached = "" if self.cached_input is None else f", {self.cached_input:g} cached"
        batch = "" if self.batch == 1 else f", times {self.batch:g} in batches"
        origin = ", ".join(filter(None, (self.source, self.date))) or "your own price table"
        return f"{self.input:g}{cached}, {self.output:g} output USD a million tokens{batch} ({origin})"

    def asked_of(self, model: str, base_url: str) -> bool:
        """Whether this is the price of that model at that endpoint."""
        here = self.base_url is None or self.base_url.rstrip("/") == base_url
        return here and fnmatch.fnmatchcase(model, self.model)


def find_price(
    model: str, base_url: str, named: Path | None = None, beside: Path | None = None
) -> Price | None:
    """The price of a model, from the first entry that is about it; None where there is none.

    Args:
        model: The name that is asked for.
        base_url: The endpoint.
        named: A price table that goes before the others; it must be there.
        beside: The store's folder, which may hold a `prices.yaml`.

    Raises:
        UserError: A table is not there, or breaks a rule.
    """
    mine = beside / BESIDE_STORE if beside else None
    paths = [named, mine if mine and mine.exists() else None, DEFAULT_PATH]
    tables = [price for path in paths if path for price in read_prices(path)]
    return next((price for price in tables if price.asked_of(model, base_url)), None)


def read_prices(path: Path) -> Sequence[Price]:
    """Read a price table.

    Raises:
        UserError: It is not there, is no YAML, or an entry breaks a rule; the line names it.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"prices {path} can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"prices {path} is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(entries, list):
        raise UserError(f"prices {path}: needs a list of entries, each with model, input and output")
    return [_price(entry, f"prices {path}: entry {place}") for place, entry in enumerate(entries, 1)]


def _price(entry: Any, where: str) -> Price:
    if not isinstance(entry, dict) or not {"model", "input", "output"} <= set(entry):
        raise UserError(f"{where} needs model, input and output")
    if unknown := [key for key in entry if key not in (*_NUMBERS, *_TEXTS)]:
        raise UserError(f"{where} has `{unknown[0]}`, which is no key of a price")
    for key in _NUMBERS:
        value = entry.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise UserError(f"{where}: `{key}` must be a number of dollars, 0 or more")
    known: dict[str, Any] = {key: str(entry[key]) for key in _TEXTS if entry.get(key) is not None}
    known |= {key: float(entry[key]) for key in _NUMBERS if key in entry}
    return Price(**known)
