"""Which trajectories a figure is about, and in what order its groups come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from analysis.errors import UserError

GROUPS = ("checkpoint", "series", "variant", "environment", "prompt_id", "model", "source")
"""Columns that figures can be split by."""


@dataclass(frozen=True)
class Scope:
    """A selection of trajectories: for each column the values that are kept; an empty selection keeps all."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def sql(self) -> tuple[str, list[Any]]:
        """The selection as a condition over `t` (trajectories) and `c` (checkpoints), with its parameters."""
        terms, bound = [], []
        for column, kept in self.values.items():
            if kept:
                terms.append(f"list_contains(?, {column_sql(column)})")
                bound.append(list(kept))
        return " AND ".join(terms) or "true", bound


def column_sql(column: str) -> str:
    """The SQL of a column that figures can be split by.

    Raises:
        UserError: It is none.
    """
    if column not in GROUPS and column not in ("reasoning_state", "synthetic"):
        raise UserError(f"--by takes {', '.join(GROUPS)}; not {column}")
    return "c.series" if column == "series" else f"t.{column}"


def current_trajectories(db: duckdb.DuckDBPyConnection) -> str:
    """What to read trajectories from: the log itself where it has each once and nothing is retracted, else the view."""
    ((once,),) = db.execute(
        """SELECT count(*) = count(DISTINCT hash(trajectory_id)) AND NOT EXISTS (FROM log.retractions)
           FROM log.trajectories"""
    ).fetchall()
    return "log.trajectories" if once else "trajectories"


def checkpoint_order(db: duckdb.DuckDBPyConnection) -> dict[str | None, int]:
    """The rank of each checkpoint: series by series, within one by position, else by the numbers in its name."""
    rows = db.execute(
        """SELECT t.checkpoint, c.series, c.position
           FROM (SELECT DISTINCT checkpoint FROM log.trajectories) t
           LEFT JOIN checkpoints c ON c.name = t.checkpoint"""
    ).fetchall()
    rows.sort(key=lambda r: (natural(r[1]), r[2] is None, r[2] or 0.0, natural(r[0])))
    return {name: rank for rank, (name, _, _) in enumerate(rows)}


def natural(name: Any) -> list[tuple[bool, Any]]:
    """A sort key under which step_20 comes before step_100."""
    parts = re.split(r"(\d+(?:\.\d+)?)", str(name or ""))
    return [(number % 2 == 0, part if number % 2 == 0 else float(part)) for number, part in enumerate(parts)]


def sort_key(by: Sequence[str], order: dict[str | None, int]) -> Any:
    """A sort key for rows (mappings) grouped by these columns."""

    def key(row: dict[str, Any]) -> list[Any]:
        return [
            (order.get(row[column], len(order)), []) if column == "checkpoint" else (0, natural(row[column]))
            for column in by
        ]

    return key
