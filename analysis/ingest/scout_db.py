"""Inspect Scout's transcript databases: a folder of Parquet files, or one of them; a row is a transcript.

| of the row | becomes |
|---|---|
| messages (JSON) | the messages, as in an Inspect log |
| transcript_id | the id |
| task_set, task_repeat | the environment, the sample number |
| model, date | model and checkpoint, the time |
| score (JSON), success | outcomes of these names; of a record in `score` one for each of its values |

Events and timelines repeat the messages and are not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.ingest.conversation import read_messages
from analysis.ingest.head import Head
from analysis.ingest.inspect_sample import outcomes_of
from analysis.ingest.rows import Unreadable, parsed
from analysis.ingest.rowwise import MALFORMED, Found, malformed
from analysis.ingest.values import read_time
from analysis.trajectories import Outcome, Trajectory

NAME = "scout"

_FILES = "*.parquet"
_MARKS = {"transcript_id", "source_id", "messages"}
_REPEATED = ("events", "events_data", "timelines")
_USED = {
    "transcript_id", "messages", "task_set", "task_repeat", "model", "date", "score", "success", "filename",
}  # fmt: skip


def is_database(path: Path) -> bool:
    """Whether a folder is one database: Parquet files whose columns are those of transcripts."""
    first = min(path.glob(_FILES), default=None)
    if first is None:
        return False
    from analysis.ingest import tables

    return tables.columns(first) >= _MARKS


def recognises(head: Head) -> bool:
    """Whether it is such a folder, or a table with a row of these columns."""
    if head.path.is_dir():
        return is_database(head.path)
    return head.first is not None and head.first.keys() >= _MARKS


def read(path: Path, source: str) -> Found:
    """The trajectories of a database.

    Raises:
        UserError: It is damaged as a whole.
    """
    from analysis.ingest import tables

    files = sorted(path.glob(_FILES)) if path.is_dir() else [path]
    for found in tables.numbered(path, files, without=_REPEATED):
        if isinstance(found, Unreadable):
            yield found
            continue
        number, row = found
        try:
            trajectory = _trajectory(row)
        except MALFORMED as error:
            yield malformed(number, row, error)
            continue
        trajectory.source, trajectory.line = source, number
        yield row, trajectory


def _trajectory(row: dict[str, Any]) -> Trajectory:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ValueError("the transcript has no messages")
    score = row.get("score")
    if isinstance(score, str):
        read = parsed(score.encode(errors="replace"))
        score = score if isinstance(read, Unreadable) else read
    outcomes = outcomes_of("score", score) if "score" in row else []
    if row.get("success") is not None:
        outcomes.append(Outcome("success", row["success"], "ok", "imported"))
    model = row.get("model")
    return Trajectory(
        source="",
        messages=read_messages(messages),
        trajectory_id=str(row["transcript_id"]) if row.get("transcript_id") else None,
        environment=row.get("task_set"),
        checkpoint=model,
        model=model,
        sample=row.get("task_repeat"),
        created_at=read_time(row.get("date")),
        outcomes=outcomes,
        metadata={key: value for key, value in row.items() if key not in _USED and value is not None},
    )
