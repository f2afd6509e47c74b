"""Runs: one tagging pass each, whatever tagger made it, and what it says of each trajectory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any, Literal

import duckdb
import numpy as np
import orjson
import pyarrow as pa

from analysis.codebook import PRESENT_STANCES, Codebook
from analysis.errors import UserError
from analysis.store import Store, append, new_ids
from analysis.store.rows import arrow_schema, now
from analysis.tables import mappings
from analysis.trajectories import READABLE, short_hash

State = Literal["ok", "refused", "unparseable", "truncated", "failed", "no_reasoning"]
"""How an attempt ended. Only ok yields verdicts; the others are missing, never absent."""

FINAL_STATES = ("ok", "no_reasoning")
"""States that the same command does not try again."""


@dataclass(frozen=True)
class Verdict:
    """A run's word on one pattern: present, absent or unsure; score from 0 to 100 where the tagger gives one.

    `present_share` is the share of votes that said present, where the tagger votes.
    """

    pattern: str
    verdict: str
    score: float | None = None
    why: str | None = None
    present_share: float | None = None


@dataclass(frozen=True)
class Finding:
    """A quote that supports a verdict. Offsets are code points; a rejected quote has none.

    `votes` says how many votes had it, where the tagger votes.
    """

    pattern: str
    quote: str
    start_char: int | None
    end_char: int | None
    match: str
    stance: str | None = None
    role: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    why: str | None = None
    votes: int | None = None

    def makes_present(self) -> bool:
        """Whether this quote alone makes its pattern present: it stands in the text and does not reject."""
        return self.match != "rejected" and self.stance in PRESENT_STANCES


@dataclass(frozen=True)
class Result:
    """One pass over one trajectory: how it ended, what it cost, and what it found."""

    trajectory_id: str
    state: State
    verdicts: Sequence[Verdict] = ()
    findings: Sequence[Finding] = ()
    windows: int = 1
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    error: str | None = None
    reasoning_sha256: str | None = None


@dataclass(frozen=True)
class Item:
    """What a tagger is given of a trajectory: what a person sees while blind."""

    trajectory_id: str
    reasoning: str
    reasoning_sha256: str
    segments: list[tuple[int, int]]
    prompt: list[dict[str, Any]]


def identify(
    tagger: str, config: Mapping[str, Any], codebook: Codebook | None, model: str | None = None
) -> tuple[str, dict[str, Any]]:
    """The id that a run of these settings has, and its whole config; nothing is written. Arguments as in `start`."""
    config = {**config, "codebook_sha256": codebook.sha256 if codebook else None}
    return f"{tagger}-{short_hash([tagger, model, config])[:12]}", config


def start(
    store: Store,
    tagger: str,
    config: Mapping[str, Any],
    codebook: Codebook | None,
    model: str | None = None,
    told: Mapping[str, Any] | None = None,
) -> str:
    """Find or make the run of these settings.

    Args:
        store: Where the run is kept.
        tagger: cues, judge, learned, cluster or imported.
        config: Everything that makes this run another one: settings, the prompt's hash.
        codebook: Its content is part of the run's identity; None where somebody else's patterns come in.
        model: The model that was asked.
        told: What is kept with the configuration and makes the run no other one, such as its own figures.

    Returns:
        The run's id: a hash of all of the above but the last, so that the same command goes on with the same run.
    """
    run_id, config = identify(tagger, config, codebook, model)
    with store.transaction() as db:
        if not db.execute("FROM log.runs WHERE run_id = ?", [run_id]).fetchone():
            append(db, "runs", [{
                "run_id": run_id,
                "tagger": tagger,
                "model": model,
                "config": orjson.dumps({**config, **(told or {})}, option=orjson.OPT_SORT_KEYS).decode(),
                "codebook_revision": codebook.revision if codebook else None,
                "created_at": now(),
            }])  # fmt: skip
    return run_id


def record(db: duckdb.DuckDBPyConnection, run_id: str, results: Sequence[Result]) -> None:
    """Write results inside the caller's transaction. A later result for a trajectory replaces an earlier one."""
    attempts, findings = [], []
    ids = new_ids(len(results))
    for result, attempt_id in zip(results, ids, strict=True):
        key = {"attempt_id": attempt_id, "run_id": run_id, "trajectory_id": result.trajectory_id}
        plain = {k: v for k, v in result.__dict__.items() if k not in ("verdicts", "findings")}
        attempts.append({**key, **plain, "created_at": now()})
        findings += [
            {**key, **finding.__dict__, "attributes": orjson.dumps(dict(finding.attributes)).decode()}
            for finding in result.findings
        ]
    append(db, "attempts", attempts)
    append(db, "verdicts", _verdicts(run_id, results, ids))
    append(db, "findings", findings)


def _verdicts(run_id: str, results: Sequence[Result], ids: Sequence[int]) -> pa.Table:
    """The rows of log.verdicts, made column by column: there are as many as trajectories and patterns together."""
    of = [
        (attempt_id, each.trajectory_id)
        for each, attempt_id in zip(results, ids, strict=True)
        for _ in each.verdicts
    ]
    said = [verdict for each in results for verdict in each.verdicts]
    columns = {
        "attempt_id": [attempt_id for attempt_id, _ in of], "run_id": [run_id] * len(of),
        "trajectory_id": [trajectory_id for _, trajectory_id in of],
        **{each.name: [getattr(verdict, each.name) for verdict in said] for each in fields(Verdict)},
    }  # fmt: skip
    schema = arrow_schema("verdicts")
    return pa.table({name: pa.array(values, schema.field(name).type) for name, values in columns.items()})


def pending(db: duckdb.DuckDBPyConnection, run_id: str, where: str | None = None) -> list[int]:
    """The trajectories that the run has no final attempt on for their present text.

    Args:
        db: A session of the store.
        run_id: The run.
        where: A condition in SQL over the columns of `trajectories`.

    Returns:
        Their places (rowid in log.trajectories), in the order in which they are stored: neighbours are read
        together, so that reading all of them reads the store once.

    Raises:
        UserError: The condition is no SQL that DuckDB understands.
    """
    try:
        rows = db.execute(
            f"""SELECT place FROM (SELECT rowid AS place, row_id FROM log.trajectories)
                JOIN (SELECT row_id, trajectory_id, reasoning_sha256
                      FROM (SELECT * FROM trajectories WHERE {where or "true"})) t USING (row_id)
                WHERE NOT EXISTS (FROM attempts a WHERE a.run_id = ? AND a.trajectory_id = t.trajectory_id
                                  AND a.state IN {FINAL_STATES}
                                  AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256)
                ORDER BY place""",
            [run_id],
        ).fetchall()
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise UserError(f"--where: {str(error).splitlines()[0]}") from None
    return [place for (place,) in rows]


def items(db: duckdb.DuckDBPyConnection, places: Sequence[int]) -> Iterator[Item | Result]:
    """What taggers read of the trajectories at these places, as `pending` gives them.

    Yields:
        An item each; for one without readable reasoning, the result that says so.
    """
    if not places:
        return
    rows = db.execute(
        """SELECT row_id, trajectory_id, reasoning, reasoning_state, reasoning_sha256, messages
           FROM log.trajectories WHERE rowid BETWEEN ? AND ? AND rowid IN (SELECT unnest(?)) ORDER BY rowid""",
        [min(places), max(places), list(places)],
    ).fetchall()
    spans = _spans(db, [row[0] for row in rows])
    for row_id, trajectory_id, text, state, sha, messages in rows:
        if text is None or state not in READABLE:
            yield Result(trajectory_id, "no_reasoning", error=f"reasoning is {state}", reasoning_sha256=sha)
            continue
        said = orjson.loads(messages)
        first = next((n for n, m in enumerate(said) if m["role"] == "assistant"), len(said))
        yield Item(trajectory_id, text, sha, spans.get(row_id, []), said[:first])


def _spans(db: duckdb.DuckDBPyConnection, row_ids: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """(start_char, end_char) of each text's sentences; as columns, for there are hundreds a text."""
    table = db.execute(
        "SELECT row_id, start_char, end_char FROM log.cuts WHERE row_id IN (SELECT unnest(?::UBIGINT[]))",
        [row_ids],
    ).to_arrow_table()
    starts, ends = (table[name].combine_chunks() for name in ("start_char", "end_char"))
    pairs = list(zip(*(each.flatten().to_numpy().tolist() for each in (starts, ends)), strict=True))
    bounds = [0, *np.cumsum(starts.value_lengths().to_numpy()).tolist()]
    return {
        row_id: pairs[a:b]
        for row_id, (a, b) in zip(table["row_id"].to_pylist(), pairwise(bounds), strict=True)
    }


def choose(db: duckdb.DuckDBPyConnection, run_id: str | None) -> str:
    """The run that a report is about: the one named (its beginning will do), else the newest with attempts.

    The truth of simulated trajectories is a run too, and is never chosen unless it is named.

    Raises:
        UserError: No run, none of that name, or several that begin so.
    """
    rows = db.execute(
        """SELECT run_id FROM runs WHERE starts_with(run_id, ?) AND (tagger <> 'truth' OR ? IS NOT NULL)
           ORDER BY run_id IN (SELECT run_id FROM log.attempts) DESC, created_at DESC, run_id""",
        [run_id or "", run_id],
    ).fetchall()
    if not rows and run_id:
        raise UserError(f"no run {run_id}; `telltale runs` lists them")
    if not rows:
        raise UserError("no run yet; `telltale tag --tagger cues` makes one")
    if run_id and len(rows) > 1 and (run_id,) not in rows:
        raise UserError(f"{len(rows)} runs begin with {run_id}; `telltale runs` lists them")
    return str(run_id if (run_id,) in rows else rows[0][0])


def repeats_of(db: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """The runs that differ from this one in nothing but `repeat`: the same model asked the same again.

    Returns:
        Their ids and this one's, in the order of `repeat`; this one's alone where it was not repeated.
    """
    rows = db.execute(
        """SELECT run_id, config FROM runs r JOIN (SELECT tagger, model FROM runs WHERE run_id = ?) mine
           ON r.tagger = mine.tagger AND r.model IS NOT DISTINCT FROM mine.model ORDER BY created_at, run_id""",
        [run_id],
    ).fetchall()
    configs = {run: orjson.loads(config or "{}") for run, config in rows}
    repeat = {run: config.pop("repeat", 1) for run, config in configs.items()}
    alike = [run for run, config in configs.items() if config == configs[run_id]]
    return sorted(alike, key=repeat.__getitem__)


def cost_of(db: duckdb.DuckDBPyConnection, run_id: str) -> float | None:
    """US dollars that all attempts of a run have cost, superseded ones too; None while no cost is known."""
    row = db.execute("SELECT sum(cost_usd) FROM log.attempts WHERE run_id = ?", [run_id]).fetchone()
    return row[0] if row else None


_COUNTED = """
    SELECT run_id, count(*) AS attempts, count(*) FILTER (state = 'ok') AS ok,
           count(*) FILTER (state = 'no_reasoning') AS no_reasoning,
           count(*) FILTER (state NOT IN ('ok', 'no_reasoning')) AS not_ok, sum(input_tokens)::BIGINT AS input_tokens,
           sum(output_tokens)::BIGINT AS output_tokens, sum(cost_usd) AS cost_usd
    FROM {} GROUP BY run_id
"""
"""Each run's attempts by how they ended: those that count, and the log has no others while nothing was tried twice."""


def listed(db: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The runs, newest first: what made each, and its attempts counted by how they ended."""
    ((once,),) = db.execute(
        "SELECT count(*) = count(DISTINCT hash(run_id, trajectory_id)) FROM log.attempts"
    ).fetchall()
    cursor = db.execute(
        f"""SELECT run_id AS run, tagger, model, codebook_revision AS codebook,
                  strftime(created_at, '%Y-%m-%d %H:%M') AS created, coalesce(attempts, 0) AS attempts,
                  coalesce(ok, 0) AS ok, coalesce(no_reasoning, 0) AS no_reasoning, coalesce(not_ok, 0) AS not_ok,
                  input_tokens, output_tokens, cost_usd
           FROM runs LEFT JOIN ({_COUNTED.format("log.attempts" if once else "attempts")}) USING (run_id)
           ORDER BY created_at DESC, run"""
    )
    return mappings(cursor)
