"""What of a source's row is kept beside a trajectory: what nothing else reads, if it is small."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

LARGEST_LEFTOVER = 4_000
"""Bytes of JSON up to which a field is kept. Larger ones are mostly the messages once more, or a patch."""
LEFT_OUT = "left_out"
"""The name in the metadata under which the names of fields stand that were too large to keep."""


def leftover(row: dict[str, Any], used: Collection[str]) -> dict[str, Any]:
    """The fields of a row that were not used and are small, and in LEFT_OUT the names of those that are large.

    Empty ones are left out.
    """
    rest = {key: value for key, value in row.items() if key not in used and value not in (None, "", [], {})}
    large = [key for key, value in rest.items() if _bytes(value) > LARGEST_LEFTOVER]
    kept = {key: value for key, value in rest.items() if key not in large}
    return {**kept, LEFT_OUT: large} if large else kept


def _bytes(value: Any) -> int:
    return len(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS))
