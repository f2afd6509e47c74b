"""How large a share of the trajectories of each checkpoint has a text of a cluster, corrected over clusters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from analysis.cluster.clustering import UNCLUSTERED
from analysis.cluster.read import make_read
from analysis.measure.difference import difference
from analysis.measure.intervals import wilson
from analysis.measure.scope import checkpoint_order, column_sql, sort_key
from analysis.measure.share import Share
from analysis.measure.significance import benjamini_hochberg
from analysis.trajectories import READABLE

LEVEL = 0.95
COLUMNS = (
    "reasoning_state", "cluster", "name", "part", "n", "share", "low", "high", "all_low", "all_high", "missing",
    "bound_low", "bound_high", "prompts", "difference", "test", "p", "p_bh", "note", "synthetic",
)  # fmt: skip
"""The columns of a table of shares after those that it is split by, in order.

part: trajectories that have a text of the cluster. n: those that were read. low, high: Wilson's 95 % interval.
all_low, all_high: Wilson's at a level at which all intervals of the table hold together in 95 % of cases (Bonferroni).
prompts: those that the n answer. difference: the share less that of all other groups together.
p: of no difference, by `test`, which knows of prompts.
p_bh: p over the whole table: below .05, one in twenty of those that are so small is expected to be chance.
"""

Prompt = tuple[Any, Any]


@dataclass
class Cell:
    """The trajectories of one group with one kind of reasoning.

    Attributes:
        read: For each prompt, how many were read.
        having: For each cluster and prompt, how many of them have a text of it.
        missing: Those that were not read.
        synthetic: Those that were simulated, or written for a sample.
    """

    read: dict[Prompt, int] = field(default_factory=dict)
    having: dict[int, dict[Prompt, int]] = field(default_factory=lambda: defaultdict(dict))
    missing: int = 0
    synthetic: int = 0


def shares(
    db: duckdb.DuckDBPyConnection, clustering: dict[str, Any], by: Sequence[str] = ("checkpoint",)
) -> list[dict[str, Any]]:
    """The share of each cluster in each group.

    Args:
        db: A session of the store.
        clustering: As `clusterings.find` gives it.
        by: Columns to split by, out of `analysis.measure.scope.GROUPS`.

    Returns:
        Rows of `by` and COLUMNS, in the checkpoints' order; kinds of reasoning are not pooled.
    """
    cells = _cells(db, clustering, by)
    named = dict(
        db.execute(
            "SELECT cluster, coalesce(title, name) FROM clusters WHERE clustering_id = ?",
            [clustering["clustering_id"]],
        ).fetchall()
    )
    order = sorted(named, key=lambda cluster: (cluster == UNCLUSTERED, cluster))
    rows, intervals = list[dict[str, Any]](), len(cells) * len(named)
    for (state, *group), cell in cells.items():
        others = [other for key, other in cells.items() if key[0] == state and other is not cell]
        told = {**dict(zip(by, group, strict=True)), "reasoning_state": state}
        rows += [
            {**told, "cluster": cluster, "name": named[cluster], **_figures(cell, cluster, others, intervals)}
            for cluster in order
        ]
    for row, p in zip(rows, benjamini_hochberg([row["p"] for row in rows]), strict=True):
        row["p_bh"] = p
    key = sort_key(by, checkpoint_order(db))
    return [{column: row[column] for column in (*by, *COLUMNS)} for row in sorted(rows, key=key)]


def _cells(
    db: duckdb.DuckDBPyConnection, clustering: Mapping[str, Any], by: Sequence[str]
) -> dict[tuple[Any, ...], Cell]:
    """The cells by (reasoning_state, group…). What has nothing to read is missing from each kind of its group."""
    make_read(db, dict(clustering))
    columns = "".join(f", {column_sql(column)} AS {column}" for column in by)
    listed = "".join(f", {column}" for column in by)
    db.execute(
        f"""CREATE OR REPLACE TEMP TABLE placed AS
            SELECT r.*, t.reasoning_state AS state, t.environment AS its_environment, t.prompt_id AS its_prompt,
                   t.synthetic IS NOT NULL AS synthetic {columns}
            FROM read r JOIN log.trajectories t USING (row_id) LEFT JOIN checkpoints c ON c.name = t.checkpoint"""
    )
    totals = db.execute(
        f"""SELECT state {listed}, its_environment, its_prompt, count(*) FILTER (was_read),
                   count(*) FILTER (NOT was_read), count(*) FILTER (synthetic)
            FROM placed GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    having = db.execute(
        f"""SELECT state {listed}, its_environment, its_prompt, cluster, count(DISTINCT p.trajectory_id)
            FROM placed p JOIN cluster_members m USING (trajectory_id, reasoning_sha256)
            WHERE m.clustering_id = ? AND was_read GROUP BY ALL""",
        [clustering["clustering_id"]],
    ).fetchall()
    cells: dict[tuple[Any, ...], Cell] = defaultdict(Cell)
    nothing: dict[tuple[Any, ...], int] = defaultdict(int)
    for state, *group, environment, prompt, read, missing, synthetic in totals:
        if state not in READABLE:
            nothing[tuple(group)] += read + missing
            continue
        cell = cells[state, *group]
        cell.read[environment, prompt] = read
        cell.missing += missing
        cell.synthetic += synthetic
    for state, *group, environment, prompt, cluster, count in having:
        cells[state, *group].having[cluster][environment, prompt] = count
    for (_, *group), cell in cells.items():
        cell.missing += nothing[tuple(group)]
    return dict(cells)


def _figures(cell: Cell, cluster: int, others: Sequence[Cell], intervals: int) -> dict[str, Any]:
    mine = cell.having.get(cluster, {})
    share = Share(sum(mine.values()), sum(cell.read.values()), cell.missing)
    rest: dict[Prompt, list[int]] = defaultdict(lambda: [0, 0])
    for other in others:
        for prompt, n in other.read.items():
            rest[prompt][0] += other.having.get(cluster, {}).get(prompt, 0)
            rest[prompt][1] += n
    table = [
        [mine.get(prompt, 0), cell.read.get(prompt, 0), *rest.get(prompt, (0, 0))]
        for prompt in {**cell.read, **rest}
    ]
    found = difference(table) if others else None
    all_low, all_high = wilson(share.part, share.n, 1 - (1 - LEVEL) / intervals) or (None, None)
    return {
        **share.as_row(), "part": share.part, "n": share.n, "missing": share.missing, "all_low": all_low,
        "all_high": all_high, "synthetic": cell.synthetic, "prompts": sum(map(bool, cell.read.values())),
        "difference": found.value if found else None,
        "test": found.tested.name if found else None, "p": found.tested.p if found else None,
        "note": found.note if found else "there is no other group",
    }  # fmt: skip
