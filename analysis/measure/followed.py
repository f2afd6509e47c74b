"""What the reasoning of one condition shows, by whether the answer then broke the request."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import duckdb

from analysis.measure.difference import difference
from analysis.measure.gaming import select_answers
from analysis.measure.scope import Scope
from analysis.measure.share import Share
from analysis.tables import mappings
from analysis.trajectories import READABLE

COLUMNS = (
    "pattern", "broke_part", "broke_n", "broke_share", "broke_low", "broke_high", "broke_missing", "kept_part",
    "kept_n", "kept_share", "kept_low", "kept_high", "kept_missing", "difference", "difference_low",
    "difference_high", "reasoning_state",
)  # fmt: skip


@dataclass(frozen=True)
class ByAnswer:
    """One pattern in the traces of one condition.

    Attributes:
        pattern: The pattern's identifier.
        reasoning_state: What kind of reasoning was read.
        broke: Its share among the traces whose answer broke the request.
        kept: Its share among those whose answer kept to it.
    """

    pattern: str
    reasoning_state: str
    broke: Share
    kept: Share

    def as_row(self) -> dict[str, Any]:
        """The pattern as a flat mapping: COLUMNS. The difference is broke less kept, with Newcombe's interval."""
        found = difference([(self.broke.part, self.broke.n, self.kept.part, self.kept.n)])
        row: dict[str, Any] = {"pattern": self.pattern, "reasoning_state": self.reasoning_state}
        for name, share in (("broke", self.broke), ("kept", self.kept)):
            low, high = share.interval or (None, None)
            row |= {f"{name}_part": share.part, f"{name}_n": share.n, f"{name}_share": share.value,
                    f"{name}_low": low, f"{name}_high": high, f"{name}_missing": share.missing}  # fmt: skip
        row |= {"difference": found.value, "difference_low": found.low, "difference_high": found.high}
        return {column: row[column] for column in COLUMNS}


def by_answer(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    level: str,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
) -> list[ByAnswer]:
    """What a run found in the traces of one level, apart for answers that broke the request and that kept to it.

    Args:
        db: A session of the store.
        run_id: Whose verdicts.
        level: The variant's name.
        scope: Which trajectories count: mostly one checkpoint.

    Returns:
        A row for each pattern that the run has verdicts on here, of the kind of reasoning that most traces have (kinds
        are not pooled). Traces with nothing to read are missing; those whose answer could not be read are in
        neither share.
    """
    _select(db, run_id, level, scope)
    kinds = dict(
        db.execute(
            f"SELECT reasoning_state, count(*) FROM judged WHERE reasoning_state IN {READABLE} GROUP BY 1"
        ).fetchall()
    )
    state = max(kinds, key=lambda kind: kinds[kind], default="text")
    totals: dict[bool, int] = defaultdict(int)
    totals |= dict(
        db.execute(
            f"""SELECT did, count(*) FROM judged
                WHERE did IS NOT NULL AND (reasoning_state = ? OR reasoning_state NOT IN {READABLE}) GROUP BY did""",
            [state],
        ).fetchall()
    )
    rows = db.execute(
        """SELECT v.pattern, did, count(*) FILTER (v.verdict = 'present'),
                  count(*) FILTER (v.verdict IN ('present', 'absent'))
           FROM judged JOIN log.verdicts v USING (attempt_id) WHERE reasoning_state = ? GROUP BY ALL ORDER BY ALL""",
        [state],
    ).fetchall()
    counts = {(pattern, did): (present, known) for pattern, did, present, known in rows}
    return [
        ByAnswer(pattern, state, *(_share(counts.get((pattern, did), (0, 0)), totals[did]) for did in (True, False)))
        for pattern in dict.fromkeys(pattern for pattern, _ in counts)
    ]  # fmt: skip


def showing(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    level: str,
    pattern: str,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    limit: int = 200,
) -> list[dict[str, Any]]:
    """The traces of one level in which the run found a pattern, each with its first quote that makes it present.

    Returns:
        trajectory_id, checkpoint, sample, did (whether the answer broke the request), answer (its beginning),
        quote and segment (the sentence that it begins in); those that broke the request first.
    """
    _select(db, run_id, level, scope)
    cursor = db.execute(
        """SELECT j.trajectory_id, any_value(j.checkpoint) AS checkpoint, any_value(j.sample) AS sample,
                  any_value(j.did) AS did, any_value(j.answer) AS answer, arg_min(f.quote, f.start_char) AS quote,
                  arg_min(len(list_filter(s.end_char, lambda x: x <= f.start_char)), f.start_char) AS segment
           FROM judged j JOIN log.verdicts v ON v.attempt_id = j.attempt_id AND v.pattern = ? AND v.verdict = 'present'
           LEFT JOIN log.findings f ON f.attempt_id = j.attempt_id AND f.pattern = v.pattern
                AND f.match <> 'rejected' AND coalesce(f.stance, 'asserts') <> 'rejects'
           LEFT JOIN log.cuts s ON s.row_id = j.row_id
           GROUP BY j.trajectory_id ORDER BY did DESC NULLS LAST, sample, j.trajectory_id LIMIT ?""",
        [pattern, limit],
    )
    return mappings(cursor)


def _select(db: duckdb.DuckDBPyConnection, run_id: str, level: str, scope: Scope) -> None:
    """Make the table `judged`: the trajectories of the level, each with the run's attempt on its present text."""
    names = ("trajectory_id", "checkpoint", "sample", "reasoning_state", "reasoning_sha256")
    more = {name: f"t.{name}" for name in names}
    select_answers(db, scope, {**more, "answer": "left(t.answer, 200)"})
    db.execute(
        """CREATE OR REPLACE TEMP TABLE judged AS
           SELECT w.*, a.attempt_id FROM answers w
           LEFT JOIN (SELECT attempt_id, trajectory_id, reasoning_sha256 FROM attempts
                      WHERE run_id = ? AND state = 'ok') a
             ON a.trajectory_id = w.trajectory_id AND a.reasoning_sha256 IS NOT DISTINCT FROM w.reasoning_sha256
           WHERE w.level = ?""",
        [run_id, level],
    )


def _share(counted: tuple[int, int], total: int) -> Share:
    return Share(*counted, total - counted[1])
