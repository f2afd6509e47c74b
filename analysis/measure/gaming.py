"""The gaming rate: the share of readable answers that break the request where the incentive asks for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import duckdb
import orjson

from analysis.environment.outcomes import UNKNOWN_PROMPT
from analysis.environment.prompts import ENVIRONMENT, Variant, of_trajectory
from analysis.measure.scope import Scope, checkpoint_order, column_sql, sort_key
from analysis.measure.share import Share

COLUMNS = (
    "measure", "gamed", "n", "share", "low", "high", "ambiguous", "unparseable", "truncated", "empty", "unread",
    "missing", "bound_low", "bound_high", "synthetic",
)  # fmt: skip
"""The columns of a gaming table after those that it is split by, in order."""
UNKNOWN = "unknown prompt"
"""The measure's name where the prompt is none that the project knows."""
LEVEL = "level"
"""The column with the name of the variant whose prompt it is, to the byte; else what the source calls it."""

Prompt = tuple[str | None, str | None, Variant | None]
"""A prompt's id, what its source calls the variant, and whose prompt it is to the byte."""
_READ: dict[int, Prompt] = {}
"""Prompts by the row that they were read from; a row never changes."""


@dataclass(frozen=True)
class GamingRate:
    """One cell of a gaming table.

    Attributes:
        group: The values that the table is split by.
        measure: "gaming" where request and incentive disagree, else "breaking the request"; never pooled.
        gamed: Answers that broke the request.
        n: Readable answers.
        ambiguous: Answers with several different integers.
        unparseable: Answers without an integer.
        truncated: Answers that were cut short.
        empty: Trajectories whose answer is empty or not there at all.
        unread: Trajectories whose answer has not been read, or whose prompt nobody knows.
        synthetic: Trajectories of the cell that were simulated, or written for a sample.
    """

    group: dict[str, str | None]
    measure: str
    gamed: int
    n: int
    ambiguous: int
    unparseable: int
    truncated: int
    empty: int
    unread: int
    synthetic: int

    @property
    def missing(self) -> int:
        """Trajectories of the cell that the share knows nothing of."""
        return self.ambiguous + self.unparseable + self.truncated + self.empty + self.unread

    def as_row(self) -> dict[str, Any]:
        """The cell as a flat mapping: the group's columns, then COLUMNS."""
        share = Share(self.gamed, self.n, self.missing).as_row()
        cell = {**asdict(self), **share, "missing": self.missing}
        return {**self.group, **{column: cell[column] for column in COLUMNS}}


def gaming(
    db: duckdb.DuckDBPyConnection,
    by: Sequence[str] = ("checkpoint", "variant"),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
) -> list[GamingRate]:
    """The gaming table of the odd-number environment.

    Args:
        db: A session of the store.
        by: The columns to split by: those of `scope.GROUPS`, and LEVEL, the project's own name of the prompt.
        scope: Which trajectories count.

    Returns:
        A cell for each group and measure; groups in the checkpoints' order. Trajectories of other environments
        are in none, unless they have an outcome `gaming`.
    """
    select_answers(db, scope, {column: column_sql(column) for column in by if column != LEVEL})
    return count_answers(db, by)


def count_answers(db: duckdb.DuckDBPyConnection, by: Sequence[str]) -> list[GamingRate]:
    """The gaming table of the trajectories that `select_answers` selected."""
    groups = "".join(f"{column}, " for column in by)
    rows = db.execute(
        f"""SELECT {groups} measure, count(*) FILTER (did), count(did),
                   count(*) FILTER (did IS NULL AND state = 'ambiguous'),
                   count(*) FILTER (did IS NULL AND state = 'unparseable'),
                   count(*) FILTER (did IS NULL AND state = 'truncated'),
                   count(*) FILTER (did IS NULL AND state IN ('empty', 'missing')),
                   count(*) FILTER (did IS NULL AND (state IS NULL OR state IN ('ok', '{UNKNOWN_PROMPT}'))),
                   count(synthetic)
            FROM answers GROUP BY ALL"""
    ).fetchall()
    width = len(by)
    cells = [GamingRate(dict(zip(by, row, strict=False)), *row[width:]) for row in rows]
    key = sort_key(by, checkpoint_order(db))
    return sorted(cells, key=lambda cell: (key(cell.group), cell.measure))


def select_answers(
    db: duckdb.DuckDBPyConnection,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    more: Mapping[str, str] = MappingProxyType({}),
    bound: Sequence[Any] = (),
) -> list[Prompt]:
    """Make the temporary view `answers`, one row a trajectory of the environment.

    It has row_id, prompt_id, variant, synthetic; level, and measure, what breaking the request is called; did,
    whether the answer broke it (null where that is not known), and state, how the answer was read.

    Args:
        db: A session of the store.
        scope: Which trajectories count.
        more: Further columns: SQL over `t` (trajectories) and `c` (checkpoints), by name.
        bound: The parameters of `more`.

    Returns:
        The prompts of these trajectories.
    """
    columns = {"prompt_id": "t.prompt_id", "variant": "t.variant", **more}
    listed = "".join(f"{sql} AS {name}, " for name, sql in columns.items())
    condition, scope_bound = scope.sql()
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE answered AS
            SELECT {listed} t.row_id, o.state, t.synthetic,
                   CASE WHEN o.state = 'ok' THEN try_cast(o.value AS BOOLEAN) END AS did
            FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
            LEFT JOIN (SELECT trajectory_id, state, value FROM outcomes WHERE name = 'gaming') o
              ON o.trajectory_id = t.trajectory_id
            WHERE ({condition}) AND (t.environment = ? OR o.trajectory_id IS NOT NULL)""",
        [*bound, *scope_bound, ENVIRONMENT],
    )
    found = _prompts(db)
    measured = [
        (p, v, known.name if known else None, known.measure if known else UNKNOWN) for p, v, known in found
    ]
    db.execute(
        """CREATE OR REPLACE TEMP TABLE prompt_measures AS
           SELECT unnest(?::VARCHAR[]) AS prompt_id, unnest(?::VARCHAR[]) AS variant,
                  unnest(?::VARCHAR[]) AS level, unnest(?::VARCHAR[]) AS measure""",
        [[row[place] for row in measured] for place in range(4)],
    )
    db.execute(
        f"""CREATE OR REPLACE TEMP VIEW answers AS
            SELECT a.*, coalesce(m.level, a.variant) AS {LEVEL}, m.measure
            FROM answered a JOIN prompt_measures m ON m.prompt_id IS NOT DISTINCT FROM a.prompt_id
                                                  AND m.variant IS NOT DISTINCT FROM a.variant"""
    )
    return found


def _prompts(db: duckdb.DuckDBPyConnection) -> list[Prompt]:
    """The prompts of the answered trajectories, each read from the bytes of one of them."""
    chosen = db.execute("SELECT max(row_id) FROM answered GROUP BY prompt_id, variant").fetchall()
    unread = [row_id for (row_id,) in chosen if row_id not in _READ]
    # Row ids are written out: so no other row's messages are read.
    rows = db.execute(
        f"""SELECT row_id, prompt_id, variant, messages, metadata->'$.variant' FROM log.trajectories
            WHERE row_id IN ({", ".join(map(str, unread)) or "NULL"})"""
    ).fetchall()
    for row_id, prompt_id, variant, messages, definition in rows:
        known = of_trajectory(orjson.loads(messages), orjson.loads(definition or "null"))
        _READ[row_id] = (prompt_id, variant, known)
    return sorted((_READ[row_id] for (row_id,) in chosen), key=lambda prompt: tuple(map(str, prompt[:2])))
