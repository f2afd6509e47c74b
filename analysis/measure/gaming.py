"""The gaming rate: the share of readable answers that break the request where the incentive asks for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
LEVEL_SQL = "coalesce(m.level, t.variant)"


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
    columns = {column: LEVEL_SQL if column == LEVEL else column_sql(column) for column in by}
    select_answers(db, columns, scope)
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
    columns: Mapping[str, str],
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    bound: Sequence[Any] = (),
) -> None:
    """Make the temporary table `answers`, one row a trajectory of the environment.

    Args:
        db: A session of the store.
        columns: What the rows carry beside row_id, trajectory_id, measure, did (whether the answer broke the
            request; null where that is not known), state (of the reading) and synthetic: SQL over `t`
            (trajectories), `c` (checkpoints) and `m` (prompt_measures), by name.
        scope: Which trajectories count.
        bound: The parameters of `columns`.
    """
    selected = "".join(f"{sql} AS {name}, " for name, sql in columns.items())
    condition, scope_bound = scope.sql()
    _make_prompt_measures(db)
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE answers AS
            SELECT {selected} t.row_id, t.trajectory_id, coalesce(m.measure, '{UNKNOWN}') AS measure,
                   CASE WHEN o.state = 'ok' THEN try_cast(o.value AS BOOLEAN) END AS did, o.state, t.synthetic
            FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
            LEFT JOIN (SELECT trajectory_id, state, value FROM outcomes WHERE name = 'gaming') o
              ON o.trajectory_id = t.trajectory_id
            LEFT JOIN prompt_measures m
              ON m.prompt_id IS NOT DISTINCT FROM t.prompt_id AND m.variant IS NOT DISTINCT FROM t.variant
            WHERE ({condition}) AND (t.environment = ? OR o.trajectory_id IS NOT NULL)""",
        [*bound, *scope_bound, ENVIRONMENT],
    )


def prompts(db: duckdb.DuckDBPyConnection) -> list[tuple[str | None, str | None, Variant | None]]:
    """The environment's prompts: (prompt_id, what the source calls the variant, whose prompt it is to the byte)."""
    rows = db.execute(
        """SELECT prompt_id, variant, messages, metadata->'$.variant' FROM log.trajectories WHERE row_id IN
             (SELECT any_value(t.row_id) FROM trajectories t
              LEFT JOIN (SELECT trajectory_id FROM outcomes WHERE name = 'gaming') o USING (trajectory_id)
              WHERE t.environment = ? OR o.trajectory_id IS NOT NULL GROUP BY t.prompt_id, t.variant)""",
        [ENVIRONMENT],
    ).fetchall()
    return [
        (prompt_id, variant, of_trajectory(orjson.loads(messages), orjson.loads(definition or "null")))
        for prompt_id, variant, messages, definition in rows
    ]


def _make_prompt_measures(db: duckdb.DuckDBPyConnection) -> None:
    """A table of what each prompt is called and what breaking it is called, read from the prompt's own bytes."""
    db.execute(
        """CREATE OR REPLACE TEMP TABLE prompt_measures
               (prompt_id VARCHAR, variant VARCHAR, level VARCHAR, measure VARCHAR)"""
    )
    for prompt_id, variant, known in prompts(db):
        db.execute(
            "INSERT INTO prompt_measures VALUES (?, ?, ?, ?)",
            [prompt_id, variant, known.name if known else None, known.measure if known else UNKNOWN],
        )
