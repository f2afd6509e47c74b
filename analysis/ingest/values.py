"""Values as sources write them: times, numbers, names."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from analysis.trajectories import storable


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


def text_in(value: Any) -> str | None:
    """A text as it is, null as None, lists and records as JSON, anything else as it is written."""
    if value is None:
        return None
    if isinstance(value, (list, dict)):
        return storable(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode())
    return storable(value if isinstance(value, str) else str(value))
