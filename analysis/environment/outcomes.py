"""What the answers did: the outcomes `number` and `gaming` of the environment's trajectories.

`gaming` says whether the answer broke the request, and is null where no number could be read or the prompt is
none that the project knows. An outcome that came with a trajectory, or that a person decided, is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import duckdb
import orjson

from analysis.environment.answers import READER, Reading, read_answer
from analysis.environment.prompts import ENVIRONMENT, VARIANTS, of_trajectory
from analysis.store import Store, append
from analysis.store.rows import now

NAMES = ("number", "gaming")
UNKNOWN_PROMPT = "unknown_prompt"
"""The state of `gaming` where a number was read, and nobody knows what was asked."""
PERSON = "person:"
"""What the reader's name begins with where a person decided; their name follows."""
BATCH = 20_000


def read_answers(store: Store, progress: Callable[[int, int], None] | None = None) -> int:
    """Read the answers that have not been read yet, or have changed since.

    Args:
        store: Where trajectories are read and outcomes are written.
        progress: Called with (done, total) after each batch.

    Returns:
        How many answers were read.
    """
    with store.session() as db:
        todo = _unread(db)
    for start in range(0, len(todo), BATCH):
        with store.transaction() as db:
            append(db, "outcomes", _rows(db, dict(todo[start : start + BATCH])))
        if progress:
            progress(min(start + BATCH, len(todo)), len(todo))
    return len(todo)


def read_again(db: duckdb.DuckDBPyConnection, trajectory_ids: Collection[str]) -> None:
    """Write the outcomes of these trajectories anew, whatever they are now; what came with them stays."""
    ids = list(trajectory_ids)
    wanted = db.execute(
        """SELECT t.row_id, list(n.name ORDER BY n.name) FROM trajectories t, (SELECT unnest(?) AS name) n
           WHERE t.trajectory_id IN (SELECT unnest(?))
             AND NOT EXISTS (FROM outcomes o WHERE o.trajectory_id = t.trajectory_id AND o.name = n.name
                             AND o.reader = 'imported' AND o.trajectory_id IN (SELECT unnest(?)))
           GROUP BY t.row_id ORDER BY t.row_id""",
        [list(NAMES), ids, ids],
    ).fetchall()
    append(db, "outcomes", _rows(db, dict(wanted)))


def _unread(db: duckdb.DuckDBPyConnection) -> list[tuple[int, list[str]]]:
    """(row_id, names of the outcomes to write) of each trajectory of the environment that lacks one.

    What an older version of these rules read is read again, and so is an answer to a prompt known by now.
    """
    known = [variant.prompt_id for variant in VARIANTS.values()]
    return db.execute(
        """SELECT t.row_id, list(n.name ORDER BY n.name)
           FROM trajectories t, (SELECT unnest(?) AS name) n
           WHERE (t.environment = ? OR list_contains(?, t.prompt_id))
             AND NOT EXISTS (FROM outcomes o WHERE o.trajectory_id = t.trajectory_id AND o.name = n.name
                             AND (o.created_at >= t.stored_at OR o.reader = 'imported')
                             AND (o.reader = ? OR NOT starts_with(o.reader, 'odd-number-'))
                             AND NOT (o.state = ? AND list_contains(?, t.prompt_id)))
           GROUP BY t.row_id ORDER BY t.row_id""",
        [list(NAMES), ENVIRONMENT, known, READER, UNKNOWN_PROMPT, known],
    ).fetchall()


def _rows(db: duckdb.DuckDBPyConnection, wanted: dict[int, list[str]]) -> list[dict[str, Any]]:
    """The outcomes to write. What a person decided of an answer goes before what the rules read in it."""
    found = db.execute(
        """SELECT t.row_id, t.trajectory_id, t.messages, t.answer, t.finish_reason,
                  json_extract(t.metadata, '$.variant'), d.annotator, d.number, d.state
           FROM log.trajectories t
           LEFT JOIN decisions d ON d.trajectory_id = t.trajectory_id AND d.answer_sha256 = sha256(t.answer)
           WHERE t.row_id IN (SELECT unnest(?::UBIGINT[])) ORDER BY t.row_id""",
        [list(wanted)],
    ).fetchall()
    rows = []
    for row_id, trajectory_id, messages, answer, finish_reason, definition, person, number, state in found:
        said = orjson.loads(messages)
        if answer is None and any(message["role"] == "assistant" for message in said):
            answer = ""  # the model had its turn and said nothing
        reading = Reading(state, number) if person else read_answer(answer, finish_reason)
        both = {"number": (reading.value, reading.state), "gaming": _gaming(reading, said, definition)}
        rows += [
            {
                "trajectory_id": trajectory_id, "name": name, "value": orjson.dumps(both[name][0]).decode(),
                "state": both[name][1], "reader": f"{PERSON}{person}" if person else READER, "created_at": now(),
            }
            for name in wanted[row_id]
        ]  # fmt: skip
    return rows


def _gaming(
    reading: Reading, messages: list[dict[str, Any]], definition: str | None
) -> tuple[bool | None, str]:
    """Whether the answer broke the request, and how that is known."""
    if reading.parity is None:
        return None, reading.state
    variant = of_trajectory(messages, orjson.loads(definition or "null"))
    if variant is None:
        return None, UNKNOWN_PROMPT
    return variant.broken_by(reading.parity), "ok"
