"""Readable replies of attempts that take several calls, kept until the attempt is whole: none is paid for twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from analysis.judge.answers import Usage
from analysis.store import append
from analysis.store.rows import now


@dataclass(frozen=True)
class Place:
    """What a call is about: the offsets of a window, and the number of a vote from 0."""

    start_char: int
    end_char: int
    vote: int


@dataclass
class Reply:
    """A reply that can be read, with what it and the calls before it used.

    Attributes:
        counted: Whether an attempt that ended has counted its tokens and cost.
    """

    trajectory_id: str
    reasoning_sha256: str
    place: Place
    text: str = ""
    usage: Usage = field(default_factory=Usage)
    cost: float | None = 0.0
    counted: bool = False


def keep(db: duckdb.DuckDBPyConnection, run_id: str, replies: Sequence[Reply]) -> None:
    """Write replies inside the caller's transaction, before the attempts that count them."""
    moment = now()
    append(
        db,
        "replies",
        [
            {
                "run_id": run_id,
                "trajectory_id": reply.trajectory_id,
                "reasoning_sha256": reply.reasoning_sha256,
                **reply.place.__dict__,
                "text": reply.text,
                "input_tokens": reply.usage.input,
                "cached_tokens": reply.usage.cached,
                "output_tokens": reply.usage.output,
                "cost_usd": reply.cost,
                "created_at": moment,
            }
            for reply in replies
        ],
    )


def kept(
    db: duckdb.DuckDBPyConnection, run_id: str, hashes: Sequence[str]
) -> dict[tuple[str, str], dict[Place, Reply]]:
    """The replies that a run has on these texts.

    Args:
        db: A session of the store.
        run_id: The run.
        hashes: Hashes of the reasoning.

    Returns:
        (trajectory_id, reasoning_sha256) to its replies.
    """
    rows = db.execute(
        """SELECT trajectory_id, reasoning_sha256, start_char, end_char, vote, text, input_tokens,
                   cached_tokens, output_tokens, cost_usd, counted
            FROM replies WHERE run_id = ? AND reasoning_sha256 IN (SELECT unnest(?::VARCHAR[])) ORDER BY created_at""",
        [run_id, list(hashes)],
    ).fetchall()
    found: dict[tuple[str, str], dict[Place, Reply]] = defaultdict(dict)
    for trajectory_id, sha, start, end, vote, text, asked, cached, said, cost, counted in rows:
        place = Place(start, end, vote)
        usage = Usage(input=asked, cached=cached, output=said)
        found[trajectory_id, sha][place] = Reply(trajectory_id, sha, place, text, usage, cost, counted)
    return dict(found)


def history(db: duckdb.DuckDBPyConnection, run_id: str) -> tuple[float, int]:
    """What a run has cost so far, in US dollars as far as that is known, and the tokens of its longest replies.

    Kept replies that no attempt has counted yet are among the costs; the tokens are those of a call, on average
    over the calls of its attempt.
    """
    row = db.execute(
        """SELECT coalesce((SELECT sum(cost_usd) FROM log.attempts WHERE run_id = $run), 0)
                + coalesce((SELECT sum(cost_usd) FROM replies WHERE run_id = $run AND NOT counted), 0),
                  coalesce((SELECT max(output_tokens / windows) FROM log.attempts WHERE run_id = $run), 0)""",
        {"run": run_id},
    ).fetchone()
    return (float(row[0]), int(row[1])) if row else (0.0, 0)
