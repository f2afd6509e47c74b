"""The strata of a queue: for each reason to look at a trace, the traces that it holds for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from labels.events import UNIFORM
from labels.fold import fold
from labels.gold import blind_labels, resolved
from labels.log import by_trajectory, events_of
from labels.sampling import Array, Places, Stratum

SHARES: Mapping[str, float] = {
    UNIFORM: 0.4, "verdict": 0.25, "unsure": 0.1, "against": 0.05, "rare": 0.1, "clusters": 0.05, "flagged": 0.05,
    "uncertain": 0.0,
}  # fmt: skip
"""The reasons with their shares of the draws.

verdict: half of it where the run found a pattern, pattern by pattern, half where it found none. unsure: the run was
unsure, or its votes were split. against: people say otherwise than the run. rare: a pattern that the run found in
under RARE of the traces, or that any run has a trace of there. clusters: each cluster alike. flagged: somebody
flagged it. uncertain: pattern by pattern, each trace in proportion to s (1 - s) of the run's score s, for there the next
label teaches the learned tagger most; drawn for only where it is asked for. A reason that holds for no trace leaves its
share to the others.
"""
RARE = 0.02
HINT_OF_IT = 20
"""From this score on, an absent verdict makes a trace a candidate for a rare pattern."""

Found = dict[str, tuple[Places, Array | None]]
"""The traces of each name, and their sizes where they are not drawn alike."""
NOTHING = "nothing found"


def strata(
    db: duckdb.DuckDBPyConnection, run_id: str | None, shares: Mapping[str, float] = SHARES
) -> list[Stratum]:
    """The strata that hold for any trace, the uniform one first.

    Args:
        db: A session with the temporary table `frame`: place (from 0, without gaps), trajectory_id.
        run_id: Whose verdicts count; None where there is no run.
        shares: The share of each reason. A reason with several strata (one a pattern, one a cluster) divides it.
    """
    [(size,)] = db.execute("SELECT count(*) FROM frame").fetchall()
    found = [Stratum(UNIFORM, shares[UNIFORM], np.arange(size, dtype=np.int64))]
    for reason, share in shares.items():
        if reason == UNIFORM or share <= 0:
            continue
        members = {name: each for name, each in _OF[reason](db, run_id).items() if len(each[0])}
        for name in sorted(members):
            weight = _weight(reason, name, members) * share
            found.append(Stratum(f"{reason}: {name}" if name else reason, weight, *members[name]))
    return found


def _weight(reason: str, name: str, members: Found) -> float:
    """The part of its reason's share that one stratum gets."""
    if reason == "verdict" and NOTHING in members and len(members) > 1:
        return 0.5 if name == NOTHING else 0.5 / (len(members) - 1)
    return 1 / len(members)


def _by_verdict(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    return _grouped(
        db,
        f"""WITH said AS (SELECT * FROM frame JOIN verdicts USING (trajectory_id) WHERE run_id = ?)
            SELECT pattern AS name, place FROM said WHERE verdict = 'present'
            UNION ALL
            SELECT '{NOTHING}', place FROM said GROUP BY place HAVING NOT bool_or(verdict = 'present')""",
        [run_id],
    )


def _unsure(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    return _grouped(
        db,
        """SELECT DISTINCT '' AS name, place FROM frame JOIN verdicts v USING (trajectory_id)
           WHERE v.run_id = ? AND (v.verdict = 'unsure' OR (v.present_share > 0 AND v.present_share < 1))""",
        [run_id],
    )


def _against(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    said = [
        {"trajectory_id": trajectory_id, "pattern": pattern, "value": value}
        for (trajectory_id, pattern), value in resolved(blind_labels(events_of(db))).items()
        if value in ("present", "absent")
    ]
    if not said:
        return {}
    db.register("people", pa.Table.from_pylist(said))
    found = _grouped(
        db,
        """SELECT DISTINCT '' AS name, place FROM frame JOIN people p USING (trajectory_id)
           JOIN verdicts v ON v.trajectory_id = p.trajectory_id AND v.pattern = p.pattern
           WHERE v.run_id = ? AND v.verdict IN ('present', 'absent') AND v.verdict <> p.value""",
        [run_id],
    )
    db.unregister("people")
    return found


def _rare(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    return _grouped(
        db,
        f"""WITH rare AS (
                SELECT pattern FROM verdicts v JOIN frame USING (trajectory_id) WHERE v.run_id = $1
                GROUP BY pattern HAVING count(*) FILTER (verdict = 'present') < {RARE} * count(*))
            SELECT DISTINCT v.pattern AS name, place FROM frame JOIN verdicts v USING (trajectory_id)
            WHERE v.pattern IN (FROM rare) AND (v.verdict <> 'absent' OR v.score >= {HINT_OF_IT})
            UNION
            SELECT DISTINCT d.pattern, place FROM frame JOIN findings d USING (trajectory_id)
            WHERE d.pattern IN (FROM rare) AND d.match <> 'rejected'""",
        [run_id],
    )


def _clusters(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    return _grouped(
        db,
        """SELECT DISTINCT cluster::VARCHAR AS name, place FROM frame JOIN cluster_members USING (trajectory_id)
           WHERE cluster >= 0 AND clustering_id = (SELECT arg_max(clustering_id, created_at) FROM clusters)""",
        [],
    )


def _flagged(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    flagged = {
        trajectory_id
        for (trajectory_id, _), events in by_trajectory(events_of(db)).items()
        if any(event.op == "flag" for event in events) and fold(events).flagged
    }
    return _grouped(
        db,
        "SELECT '' AS name, place FROM frame WHERE trajectory_id IN (SELECT unnest(?::VARCHAR[]))",
        [list(flagged)],
    )


def _uncertain(db: duckdb.DuckDBPyConnection, run_id: str | None) -> Found:
    return _grouped(
        db,
        """SELECT pattern AS name, place, score / 100 * (1 - score / 100) AS size
           FROM frame JOIN verdicts USING (trajectory_id) WHERE run_id = ? AND size > 0""",
        [run_id],
    )


_OF: Mapping[str, Callable[[duckdb.DuckDBPyConnection, str | None], Found]] = {
    "verdict": _by_verdict, "unsure": _unsure, "against": _against, "rare": _rare, "clusters": _clusters,
    "flagged": _flagged, "uncertain": _uncertain,
}  # fmt: skip


def _grouped(db: duckdb.DuckDBPyConnection, sql: str, bound: list[Any]) -> Found:
    """The places that a query gives, in order, by the name that stands beside each; with their sizes if it has any."""
    rows = db.execute(f"FROM ({sql}) ORDER BY name, place", bound).fetchnumpy()
    names, starts = np.unique(np.asarray(rows["name"], dtype=np.str_), return_index=True)

    def parts(column: str) -> list[Any]:
        return np.split(np.asarray(rows[column]), starts[1:]) if column in rows else [None] * len(names)

    return {
        str(name): (np.asarray(places, dtype=np.int64), sizes)
        for name, places, sizes in zip(names, parts("place"), parts("size"), strict=False)
    }
