"""A cluster assigned to a pattern: a run of the tagger `cluster`, whose verdicts and findings count like any run's.

A trajectory that was read shows the pattern where a text of the cluster stands in it. A quote keeps the stance that its
finding had: one that rejects is kept and makes nothing present. A segment has no stance of its own and is taken to assert.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import duckdb

from analysis import runs
from analysis.cluster import clusterings
from analysis.cluster.clustering import UNCLUSTERED
from analysis.cluster.read import make_read
from analysis.cluster.texts import FINDINGS
from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.store import Store

TAGGER = "cluster"
BATCH = 20_000


def assign(
    store: Store, clustering: str, assigned: dict[int, str], codebook: Codebook
) -> tuple[str, dict[str, int]]:
    """Make the run in which clusters stand for patterns.

    Args:
        store: Where everything is.
        clustering: The clustering's id, or its beginning.
        assigned: The pattern of each cluster; several clusters may have one pattern.
        codebook: Where the patterns are.

    Returns:
        The run's id, and what was stored: trajectories tagged, and how many of them show each pattern.

    Raises:
        UserError: There is no such clustering, cluster or pattern.
    """
    with store.session() as db:
        found = clusterings.find(db, clustering)
        named = {row["cluster"] for row in clusterings.shown(db, found["clustering_id"], quotes=0)}
    for cluster, pattern in assigned.items():
        if cluster not in named or cluster == UNCLUSTERED:
            raise UserError(f"{found['clustering_id']} has no cluster {cluster} that could be assigned")
        if pattern not in codebook.ids():
            raise UserError(f"the codebook has no pattern {pattern}; it has {', '.join(codebook.ids())}")
    config = {
        "clustering": found["clustering_id"],
        "assigned": {str(cluster): pattern for cluster, pattern in sorted(assigned.items())},
    }
    run_id = runs.start(store, TAGGER, config, codebook, found["embedder"])
    with store.session() as db:
        done = {
            each
            for (each,) in db.execute(
                "SELECT trajectory_id FROM attempts WHERE run_id = ?", [run_id]
            ).fetchall()
        }
        results = [result for result in _results(db, found, assigned) if result.trajectory_id not in done]
    for start in range(0, len(results), BATCH):
        with store.transaction() as db:
            runs.record(db, run_id, results[start : start + BATCH])
    return run_id, _counted(store, run_id, assigned)


def _results(
    db: duckdb.DuckDBPyConnection, clustering: dict[str, Any], assigned: dict[int, str]
) -> list[runs.Result]:
    """A result for each trajectory that the clustering has read; the others stay without a verdict."""
    make_read(db, clustering)
    quotes: dict[str, list[runs.Finding]] = defaultdict(list)
    for trajectory_id, cluster, start, end, reasoning, stance, weight in _members(
        db, clustering, list(assigned)
    ):
        quotes[trajectory_id].append(
            runs.Finding(
                assigned[cluster], reasoning[start:end], start, end, "exact", stance,
                why=f"cluster {cluster}, {weight:.2f} from its centre's direction",
            )
        )  # fmt: skip
    patterns = sorted(set(assigned.values()))
    rows = db.execute("FROM read ORDER BY trajectory_id").fetchall()
    return [
        _result(trajectory_id, sha256, patterns, quotes.get(trajectory_id, []))
        for _, trajectory_id, sha256, was_read in rows
        if was_read
    ]


def _result(trajectory_id: str, sha256: str, patterns: list[str], quotes: list[runs.Finding]) -> runs.Result:
    present = {quote.pattern for quote in quotes if quote.makes_present()}
    verdicts = [runs.Verdict(pattern, "present" if pattern in present else "absent") for pattern in patterns]
    return runs.Result(trajectory_id, "ok", verdicts=verdicts, findings=quotes, reasoning_sha256=sha256)


def _members(
    db: duckdb.DuckDBPyConnection, clustering: dict[str, Any], clusters: list[int]
) -> list[tuple[Any, ...]]:
    """(trajectory_id, cluster, start_char, end_char, reasoning, stance, weight) of each text of the clusters."""
    stance, bound = "'asserts'", list[Any]()
    if clustering["unit"] == FINDINGS:
        config = clustering["config"]
        bound = [config["run_id"], config["pattern"], config["pattern"]]
        stance = """(SELECT CASE WHEN bool_and(f.stance = 'rejects') THEN 'rejects'
                            WHEN bool_and(f.stance IN ('rejects', 'entertains')) THEN 'entertains' ELSE 'asserts' END
                     FROM findings f WHERE f.run_id = ? AND (f.pattern = ? OR ? IS NULL)
                       AND f.trajectory_id = m.trajectory_id AND f.start_char = m.start_char AND f.end_char = m.end_char)"""
    return db.execute(
        f"""SELECT m.trajectory_id, m.cluster, m.start_char, m.end_char, t.reasoning, {stance}, m.weight
            FROM cluster_members m JOIN read r USING (trajectory_id) JOIN log.trajectories t ON t.row_id = r.row_id
            WHERE m.clustering_id = ? AND m.cluster IN (SELECT unnest(?::INTEGER[]))
            ORDER BY m.trajectory_id, m.start_char, m.end_char""",
        [*bound, clustering["clustering_id"], clusters],
    ).fetchall()


def _counted(store: Store, run_id: str, assigned: dict[int, str]) -> dict[str, int]:
    with store.session() as db:
        tagged = db.execute("SELECT count(*) FROM attempts WHERE run_id = ?", [run_id]).fetchone()
        present = dict(
            db.execute(
                "SELECT pattern, count(*) FILTER (verdict = 'present') FROM verdicts WHERE run_id = ? GROUP BY pattern",
                [run_id],
            ).fetchall()
        )
    return {
        "tagged": tagged[0] if tagged else 0,
        **{pattern: present.get(pattern, 0) for pattern in assigned.values()},
    }
