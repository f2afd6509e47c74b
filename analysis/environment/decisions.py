"""What people decide of answers that the rules can't read: events, only ever added.

A decision is about one trajectory and the answer that it had (by hash). It goes before the rules, and reading
again leaves it; when the answer changes it no longer holds, and the answer is listed again. Undo is an event too.

    from analysis.environment import decisions
    rows = decisions.to_decide(db)
    decisions.decide(store, rows[0]["trajectory_id"], 21, "kim", answer_sha256=rows[0]["answer_sha256"])
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal

import duckdb

from analysis.environment.answers import integers_in, lone_integer
from analysis.environment.outcomes import PERSON, read_again
from analysis.errors import UserError
from analysis.measure.scope import Scope
from analysis.store import Store, append
from analysis.store.rows import now
from analysis.tables import mappings
from analysis.trajectories import sha256_of

Undecided = Literal["ambiguous", "unparseable"]
OPEN: tuple[Undecided, ...] = ("ambiguous", "unparseable")
"""The states of an answer that a person decides; they may also decide that it is so."""


@dataclass(frozen=True)
class Decision:
    """One event: what one person decided of one answer, or that they took a decision back.

    Attributes:
        created_at: UTC without a zone.
        answer_sha256: Hash of the answer's text that was decided on.
        number: The integer that the answer gives, in ASCII digits; None where it gives none.
        state: ok with a number, else why there is none: ambiguous, unparseable. None for an undo.
        undoes: The decision that this event takes back; None for a decision.
        note: Why, in the person's words.
    """

    annotator: str
    trajectory_id: str
    answer_sha256: str
    number: str | None = None
    state: str | None = None
    undoes: str | None = None
    note: str | None = None
    decision_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: datetime | None = None

    def as_row(self) -> dict[str, Any]:
        """The event as a row of log.decisions."""
        return {name: getattr(self, name) for name in COLUMNS}


COLUMNS = tuple(each.name for each in fields(Decision))


def to_decide(
    db: duckdb.DuckDBPyConnection,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    limit: int | None = 200,
) -> list[dict[str, Any]]:
    """The answers that wait for a person, in a fixed order.

    Args:
        db: A session of the store.
        scope: Which trajectories.
        limit: How many at most; None for all.

    Returns:
        trajectory_id, checkpoint, variant, state (ambiguous or unparseable), answer (whole), answer_sha256 (give
        it back to `decide`), and numbers: the integers that stand in the answer, in order, each once, as text;
        what a page offers a key for.
    """
    condition, bound = scope.sql()
    rows = mappings(
        db.execute(
            f"""SELECT t.trajectory_id, t.checkpoint, t.variant, o.state, t.answer, sha256(t.answer) AS answer_sha256
                {_WAITING} AND ({condition})
                ORDER BY o.state, t.checkpoint, t.variant, t.trajectory_id LIMIT ?""",
            [*bound, limit],
        )
    )
    return [{**row, "numbers": integers_in(row["answer"])} for row in rows]


def count_to_decide(
    db: duckdb.DuckDBPyConnection,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
) -> int:
    """How many answers wait for a person."""
    condition, bound = scope.sql()
    row = db.execute(f"SELECT count(*) {_WAITING} AND ({condition})", bound).fetchone()
    return int(row[0]) if row else 0


def decided(
    db: duckdb.DuckDBPyConnection,
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    limit: int | None = 200,
) -> list[dict[str, Any]]:
    """The decisions that stand and hold for the answer that is there now, newest first.

    Returns:
        decision_id, created_at, annotator, trajectory_id, checkpoint, variant, number, state, note, answer.
    """
    condition, bound = scope.sql()
    cursor = db.execute(
        f"""SELECT d.decision_id, d.created_at, d.annotator, t.trajectory_id, t.checkpoint, t.variant, d.number,
                   d.state, d.note, t.answer
            FROM decisions d JOIN trajectories t
              ON t.trajectory_id = d.trajectory_id AND sha256(t.answer) = d.answer_sha256
            LEFT JOIN checkpoints c ON c.name = t.checkpoint
            WHERE {condition} ORDER BY d.created_at DESC, d.decision_id LIMIT ?""",
        [*bound, limit],
    )
    return mappings(cursor)


def decide(
    store: Store,
    trajectory_id: str,
    number: int | str | None,
    annotator: str,
    note: str | None = None,
    state: Undecided = "unparseable",
    answer_sha256: str | None = None,
) -> Decision:
    """Decide what an answer says. When it returns, the event and the outcomes are on disk.

    Args:
        store: Where.
        trajectory_id: Whose answer.
        number: The integer that it gives, of any length; None where it gives none.
        annotator: Who decides.
        note: Why, where that is worth a word.
        state: What the answer is when there is no number: ambiguous or unparseable.
        answer_sha256: The answer that was looked at, as `to_decide` gave it; None for the one that is there now.

    Raises:
        UserError: There is no such trajectory, its answer is empty, cut short or has changed since, the number is
            none, or nobody is named.
    """
    digits = None if number is None else _digits(number)
    if digits is None and state not in OPEN:
        raise UserError(f"an answer without a number is {' or '.join(OPEN)}, not {state}")
    with store.transaction() as db:
        current = _answer_of(db, trajectory_id)
        if answer_sha256 not in (None, current):
            raise UserError(f"the answer of {trajectory_id} has changed since it was opened; open it again")
        event = Decision(
            _person(annotator), trajectory_id, current, digits, "ok" if digits else state, note=note or None
        )
        return _record(db, event)


def undo(store: Store, annotator: str) -> Decision | None:
    """Take back the newest decision of this person that stands; what was decided or read before counts again.

    Returns:
        The decision that was taken back; None where there is none.
    """
    with store.transaction() as db:
        row = db.execute(
            """SELECT * FROM log.decisions WHERE annotator = ? AND undoes IS NULL
                 AND decision_id NOT IN (SELECT undoes FROM log.decisions WHERE undoes IS NOT NULL)
               ORDER BY created_at DESC, decision_id LIMIT 1""",
            [annotator],
        )
        found = mappings(row)
        if not found:
            return None
        taken = Decision(**found[0])
        _record(db, Decision(annotator, taken.trajectory_id, taken.answer_sha256, undoes=taken.decision_id))
        return taken


def events(db: duckdb.DuckDBPyConnection) -> list[Decision]:
    """Every event, each once, in order."""
    cursor = db.execute(
        """SELECT * FROM log.decisions
           QUALIFY row_number() OVER (PARTITION BY decision_id ORDER BY created_at) = 1
           ORDER BY created_at, decision_id"""
    )
    return [Decision(**row) for row in mappings(cursor)]


_WAITING = f"""FROM trajectories t LEFT JOIN checkpoints c ON c.name = t.checkpoint
    JOIN outcomes o ON o.trajectory_id = t.trajectory_id AND o.name = 'gaming'
    WHERE o.state IN {OPEN} AND o.reader <> 'imported' AND NOT starts_with(o.reader, '{PERSON}')
      AND t.answer IS NOT NULL"""


def _record(db: duckdb.DuckDBPyConnection, event: Decision) -> Decision:
    """Write an event, later than all others of its trajectory, and the outcomes that follow from it."""
    row = db.execute(
        "SELECT max(created_at) FROM log.decisions WHERE trajectory_id = ?", [event.trajectory_id]
    ).fetchone()
    last = row[0] if row and row[0] else datetime.min
    event = Decision(**{**asdict(event), "created_at": max(now(), last + timedelta(microseconds=1))})
    append(db, "decisions", [event.as_row()])
    read_again(db, [event.trajectory_id])
    return event


def _answer_of(db: duckdb.DuckDBPyConnection, trajectory_id: str) -> str:
    """The hash of an answer that can be decided."""
    row = db.execute(
        """SELECT t.answer, any_value(o.state) FROM trajectories t
           LEFT JOIN outcomes o ON o.trajectory_id = t.trajectory_id AND o.name = 'number'
           WHERE t.trajectory_id = ? GROUP BY t.answer""",
        [trajectory_id],
    ).fetchone()
    if row is None:
        raise UserError(f"there is no trajectory {trajectory_id}")
    if not (row[0] or "").strip() or row[1] == "truncated":
        raise UserError(f"the answer of {trajectory_id} is {row[1] or 'missing'}; there is nothing to decide")
    return sha256_of(row[0])


def _person(annotator: str) -> str:
    if not annotator.strip():
        raise UserError("a decision needs the name of who makes it")
    return annotator.strip()


def _digits(number: int | str) -> str:
    """A number as a person types it, in ASCII digits."""
    digits = lone_integer(str(number))
    if digits is None:
        raise UserError(f"{str(number)[:40]!r} is no integer in digits")
    return digits
