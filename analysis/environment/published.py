"""Gaming rates that others have published, from data/published.yaml: marks to hold one's own figures against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from analysis.environment.prompts import VARIANTS
from analysis.errors import UserError
from analysis.measure.share import Share

DEFAULT_PATH = Path(__file__).parents[2] / "data" / "published.yaml"


@dataclass(frozen=True)
class Published:
    """One published rate.

    Attributes:
        series: Whose rate it is: a checkpoint or a model, and its settings.
        level: The variant that it is of.
        share: The rate.
        part, n: The counts behind it; None where a figure was read.
        source: What it was published in.
        url: Where that is; None where that is not recorded.
        note: What must be known of how it came here.
    """

    series: str
    level: str
    share: float
    part: int | None
    n: int | None
    source: str
    url: str | None
    note: str

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval; None where the counts are not given."""
        return None if self.part is None or self.n is None else Share(self.part, self.n, 0).interval

    def as_row(self) -> dict[str, Any]:
        """The rate as a flat mapping."""
        low, high = self.interval or (None, None)
        return {**vars(self), "low": low, "high": high}


@lru_cache(maxsize=4)
def load_published(path: Path = DEFAULT_PATH) -> tuple[Published, ...]:
    """Read and check a file of published rates.

    Raises:
        UserError: The file is not there or breaks a rule; the line says which.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"published rates {path} can't be read: {getattr(error, 'strerror', error)}"
        ) from None
    except yaml.YAMLError as error:
        raise UserError(f"published rates {path} are no YAML: {' '.join(str(error).split())}") from None
    try:
        sources = content["sources"]
        return tuple(
            _rate(series["name"], sources[series["source"]], level, value)
            for series in content["series"]
            for level, value in series["rates"].items()
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"published rates {path.name}: {type(error).__name__} {error}") from None


def _rate(series: str, source: Mapping[str, str], level: str, value: Any) -> Published:
    if level not in VARIANTS:
        raise ValueError(f"{series}: no variant {level}")
    part, n = value if isinstance(value, list) else (None, None)
    share = float(value) if part is None or n is None else part / n
    if not 0 <= share <= 1:
        raise ValueError(f"{series}, {level}: {value} is no rate")
    return Published(series, level, share, part, n, source["name"], source.get("url"), source["note"])
