"""The books of a run: how its attempts ended, what they used and cost, and how many of its quotes do not stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import duckdb
import numpy as np
import orjson

from analysis.measure.judge_attempts import ATTEMPTS
from analysis.measure.judge_bootstrap import Array, Figure, Sample, figure, share
from analysis.runs import State
from analysis.tables import mappings

STATES: tuple[str, ...] = get_args(State)
"""How attempts end, ok first."""
ALL_PATTERNS = "all"
"""What stands for the pattern in the row of all patterns together."""


@dataclass(frozen=True)
class Books:
    """What a run did to the trajectories that the store has now.

    Attributes:
        trajectories: Trajectories of the store.
        states: Trajectories by how the run's newest attempt on their present text ended, each of STATES.
        outdated: Trajectories whose text has changed since the run judged them.
        mended: Those that ended ok after something was set right (a repair, a segment that is not there).
        passes: Attempts in all, earlier ones on the same trajectory too. Tokens and cost are theirs, and those of
            replies that are kept for an attempt that has not ended.
        input_tokens, cached_tokens, output_tokens: None where no attempt has told them. Cached ones are among
            the input.
        cost_usd: What the attempts with a known price cost; None where none has one.
        priced, unpriced: Attempts with a known price; those that were answered and have none, which `cost_usd`
            leaves out.
        seconds: The attempts' own time, summed: with many connections it is more than the time that passed.
        waiting_batches: Batches of calls that were handed over and not collected yet.
    """

    trajectories: int
    states: dict[str, int]
    outdated: int
    mended: int
    passes: int
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    priced: int
    unpriced: int
    seconds: float | None
    waiting_batches: int

    @property
    def judged(self) -> int:
        """Trajectories with an attempt, however it ended."""
        return sum(self.states.values())


def books(db: duckdb.DuckDBPyConnection, run_id: str) -> Books:
    """How far a run is, how its attempts ended and what they used."""
    rows = db.execute(
        f"""SELECT a.state, t.trajectory_id IS NOT NULL AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256,
                  t.trajectory_id IS NOT NULL, count(*), count(a.error)
            FROM ({ATTEMPTS}) a LEFT JOIN trajectories t USING (trajectory_id) GROUP BY ALL""",
        [run_id, run_id],
    ).fetchall()
    used = db.execute(
        """WITH used AS (
               SELECT 1 AS pass, state, input_tokens, cached_tokens, output_tokens, cost_usd, seconds
               FROM log.attempts WHERE run_id = $1
               UNION ALL SELECT 0, 'ok', input_tokens, cached_tokens, output_tokens, cost_usd, NULL
               FROM replies WHERE run_id = $1 AND NOT counted)
           SELECT coalesce(sum(pass), 0)::BIGINT, sum(input_tokens)::BIGINT, sum(cached_tokens)::BIGINT,
                  sum(output_tokens)::BIGINT, sum(cost_usd), count(cost_usd) FILTER (pass = 1),
                  count(*) FILTER (pass = 1 AND cost_usd IS NULL AND
                      (input_tokens IS NOT NULL OR state NOT IN ('no_reasoning', 'failed'))), sum(seconds),
                  (SELECT count(*) FROM batches WHERE run_id = $1 AND state IN ('prepared', 'submitted'))
           FROM used""",
        [run_id],
    ).fetchone() or (0, None, None, None, None, 0, 0, None, 0)
    total = db.execute("SELECT count(*) FROM trajectories").fetchone()
    states = dict.fromkeys(STATES, 0)
    for state, current, _, number, _ in rows:
        states[state] = states.get(state, 0) + number * current
    return Books(
        total[0] if total else 0,
        states,
        sum(number for _, current, there, number, _ in rows if there and not current),
        sum(noted for state, current, _, _, noted in rows if current and state == "ok"),
        *used,
    )


def settings_of(db: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, Any]:
    """What makes a run another one than the next: its model, its codebook's revision and its configuration."""
    row = db.execute(
        "SELECT model, codebook_revision, config FROM runs WHERE run_id = ?", [run_id]
    ).fetchone()
    if row is None:
        return {}
    model, revision, config = row
    return {"model": model, "codebook": revision, **orjson.loads(config or "{}")}


def endings(db: duckdb.DuckDBPyConnection, run_id: str, most: int = 50) -> list[dict[str, Any]]:
    """Why attempts did not end ok: state, error, count and one trajectory_id, the commonest first.

    Errors that differ in numbers alone (a time to wait, a count of tokens) are one.
    """
    cursor = db.execute(
        f"""SELECT state, any_value(error ORDER BY trajectory_id) AS error, count(*) AS count,
                  min(trajectory_id) AS trajectory_id
            FROM ({ATTEMPTS}) WHERE state <> 'ok'
           GROUP BY state, regexp_replace(error, '[0-9]+', '0', 'g')
           ORDER BY count DESC, state, error LIMIT ?""",
        [run_id, run_id, most],
    )
    return mappings(cursor)


@dataclass(frozen=True)
class Rejected:
    """How many of a run's quotes do not stand in the text: what the judge made up, or changed.

    Attributes:
        pattern: The pattern's identifier, or ALL_PATTERNS.
        rejected, findings: Quotes that do not stand, and all quotes.
        rate: Their share, with an interval from resampling trajectories.
    """

    pattern: str
    rejected: int
    findings: int
    rate: Figure

    def as_row(self) -> dict[str, Any]:
        """pattern, rejected, findings, rate, rate_low, rate_high, note."""
        row = {"pattern": self.pattern, "rejected": self.rejected, "findings": self.findings}
        return {**row, **self.rate.as_row("rate"), "note": self.rate.note}


def rejected_quotes(db: duckdb.DuckDBPyConnection, run_id: str) -> list[Rejected]:
    """The rate of rejected quotes of each pattern with findings, and first of all patterns together."""
    rows = db.execute(
        f"""WITH mine AS (SELECT attempt_id FROM ({ATTEMPTS}) WHERE state = 'ok'),
                each AS (SELECT attempt_id, pattern, count(*) FILTER (match = 'rejected') AS bad,
                                count(*) FILTER (match <> 'rejected') AS good
                         FROM log.findings SEMI JOIN mine USING (attempt_id) WHERE run_id = ? GROUP BY ALL),
                whole AS (SELECT attempt_id, sum(bad) AS bad, sum(good) AS good FROM each GROUP BY attempt_id)
           SELECT NULL, bad, good, count(*) FROM whole GROUP BY ALL
           UNION ALL SELECT pattern, bad, good, count(*) FROM each GROUP BY ALL ORDER BY ALL NULLS FIRST""",
        [run_id, run_id, run_id],
    ).fetchall()
    kinds: dict[str, list[tuple[int, int, int]]] = {}
    for pattern, *numbers in rows:
        bad, good, times = (int(number) for number in numbers)
        kinds.setdefault(pattern or ALL_PATTERNS, []).append((bad, good, times))
    return [_rejected(pattern, np.array(numbers, dtype=np.int64)) for pattern, numbers in kinds.items()]


def _rejected(pattern: str, numbers: Any) -> Rejected:
    of = Sample(numbers[:, :2].astype(np.float64), numbers[:, 2], "trajectories", 0)
    bad, good = (int(total) for total in of.totals)
    now, drawn = _rate(of.totals), _rate(of.resampled())
    return Rejected(pattern, bad, bad + good, figure(now, drawn, of, "no findings", share_of=(0, 1)))


def _rate(totals: Array) -> Array:
    return share(totals[..., 0], totals.sum(axis=-1))
