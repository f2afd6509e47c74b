"""What is clustered: the quotes of a run's findings, or every segment; different texts once, and where each stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from analysis.errors import UserError
from analysis.store import Store
from analysis.trajectories import READABLE

FINDINGS, SEGMENTS = "findings", "segments"
UNITS = (FINDINGS, SEGMENTS)
TEXTS_A_SESSION = 5_000
"""Trajectories read in one session of the store."""
_WORD = re.compile(r"[^\W\d_]{2}")


@dataclass
class Occurrences:
    """Texts, and the places where they stand in reasoning.

    Attributes:
        texts: Different texts, in the order in which they first stand.
        which: For each place, the number of its text.
        trajectory_ids, reasoning_sha256: For each place, whose reasoning it is.
        starts, ends: For each place, its code-point offsets.
    """

    texts: list[str] = field(default_factory=list)
    which: list[int] = field(default_factory=list)
    trajectory_ids: list[str] = field(default_factory=list)
    reasoning_sha256: list[str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    def add(self, trajectory_id: str, sha256: str, reasoning: str, spans: Sequence[tuple[int, int]]) -> None:
        """Add places of one reasoning."""
        for start, end in spans:
            text = reasoning[start:end]
            number = self._numbers.setdefault(text, len(self.texts))
            if number == len(self.texts):
                self.texts.append(text)
            self.which.append(number)
        self.trajectory_ids += [trajectory_id] * len(spans)
        self.reasoning_sha256 += [sha256] * len(spans)
        self.starts += [start for start, _ in spans]
        self.ends += [end for _, end in spans]


def has_word(text: str) -> bool:
    """Whether a text has a word to go by: lines of numbers and rules have none."""
    return bool(_WORD.search(text))


def findings(store: Store, run_id: str, pattern: str | None = None, where: str | None = None) -> Occurrences:
    """The quotes of a run's findings that stand in the text, each place once.

    Args:
        store: Where they are.
        run_id: Whose findings.
        pattern: Those of one pattern only.
        where: A condition in SQL over the columns of `trajectories`.

    Raises:
        UserError: There are none, or the condition is none.
    """
    with store.session() as db:
        rows = _selected(
            db,
            """SELECT t.trajectory_id, t.reasoning_sha256, t.reasoning, list(DISTINCT (f.start_char, f.end_char))
               FROM chosen t JOIN log.attempts a ON a.trajectory_id = t.trajectory_id
                AND a.reasoning_sha256 IS NOT DISTINCT FROM t.reasoning_sha256
               JOIN log.findings f USING (attempt_id)
               WHERE f.run_id = ? AND f.match <> 'rejected' AND (f.pattern = ? OR ? IS NULL)
                 AND attempt_id IN (SELECT attempt_id FROM attempts WHERE state = 'ok')
               GROUP BY ALL ORDER BY t.trajectory_id""",
            where,
            [run_id, pattern, pattern],
        )
    found = Occurrences()
    for trajectory_id, sha256, reasoning, spans in rows:
        found.add(trajectory_id, sha256, reasoning, sorted(spans))
    if not found.texts:
        raise UserError(f"the run {run_id} has no findings{f' of {pattern}' if pattern else ''} to cluster")
    return found


def segments(store: Store, where: str | None = None) -> Occurrences:
    """Every segment of readable reasoning.

    Raises:
        UserError: There are none, or the condition is none.
    """
    with store.session() as db:
        rows = _selected(
            db, f"SELECT row_id FROM chosen t WHERE reasoning_state IN {READABLE} ORDER BY row_id", where, []
        )
    found, todo = Occurrences(), [row_id for (row_id,) in rows]
    for start in range(0, len(todo), TEXTS_A_SESSION):
        with store.session() as db:
            texts = db.execute(
                """SELECT t.trajectory_id, reasoning_sha256, reasoning, list_zip(start_char, end_char)
                   FROM log.trajectories t JOIN log.cuts USING (row_id)
                   WHERE row_id IN (SELECT unnest(?::UBIGINT[])) ORDER BY t.trajectory_id""",
                [todo[start : start + TEXTS_A_SESSION]],
            ).fetchall()
        for trajectory_id, sha256, reasoning, spans in texts:
            found.add(trajectory_id, sha256, reasoning or "", spans)
    if not found.texts:
        raise UserError("there is no reasoning to cluster; `telltale ingest` brings some")
    return found


def _selected(
    db: duckdb.DuckDBPyConnection, sql: str, where: str | None, bound: Sequence[object]
) -> list[tuple[Any, ...]]:
    """The rows of a statement over `chosen`, the trajectories that the condition keeps."""
    try:
        return db.execute(
            f"WITH chosen AS (SELECT * FROM (SELECT * FROM trajectories) WHERE {where or 'true'}) {sql}",
            bound,
        ).fetchall()
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise UserError(f"--where: {str(error).splitlines()[0]}") from None
