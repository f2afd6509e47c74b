"""Exported events into the log of this store, each once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import duckdb
import orjson

from analysis.errors import UserError
from analysis.store import Store, append
from labels.events import Event, Op, from_row

AT_ONCE = 5_000
"""Events that are looked up and written together."""
_OPS = get_args(Op)


@dataclass
class Imported:
    """What became of a file of events."""

    read: int = 0
    stored: int = 0
    already: int = 0
    refused: list[str] = field(default_factory=list)


def import_events(store: Store, path: Path) -> Imported:
    """Bring exported events (JSON Lines) into the log; those that are there already are left as they are.

    An event whose trajectory is not in the store, or whose quote is not what the text has at its offsets, is
    refused and listed.

    Raises:
        UserError: The file can't be read, or is none of events.
    """
    report = Imported()
    with store.transaction() as db:
        part: list[tuple[int, Event]] = []
        for numbered in _events_in(path, report):
            part.append(numbered)
            if len(part) == AT_ONCE:
                _store(db, part, report)
                part = []
        _store(db, part, report)
    report.refused.sort(key=lambda reason: int(reason.split(":")[0].removeprefix("line ")))
    return report


def _store(db: duckdb.DuckDBPyConnection, part: list[tuple[int, Event]], report: Imported) -> None:
    ids = [event.event_id for _, event in part]
    held = {
        name
        for (name,) in db.execute(
            "SELECT event_id FROM log.label_events WHERE event_id IN (SELECT unnest(?::VARCHAR[]))", [ids]
        ).fetchall()
    }
    texts = dict(
        db.execute(
            "SELECT trajectory_id, reasoning FROM trajectories WHERE trajectory_id IN (SELECT unnest(?::VARCHAR[]))",
            [list({event.trajectory_id for _, event in part})],
        ).fetchall()
    )
    fresh: dict[str, Event] = {}
    for line, event in part:
        start, end = event.start_char, event.end_char
        if event.event_id in held or event.event_id in fresh:
            report.already += 1
        elif event.trajectory_id not in texts:
            report.refused.append(f"line {line}: there is no trajectory {event.trajectory_id}")
        elif event.quote and (texts[event.trajectory_id] or "")[start:end] != event.quote:
            report.refused.append(f"line {line}: the quote is not what the trace has at {start}–{end}")
        else:
            fresh[event.event_id] = event
    append(db, "label_events", [event.as_row() for event in fresh.values()])
    report.stored += len(fresh)


def _events_in(path: Path, report: Imported) -> Iterator[tuple[int, Event]]:
    """The events with their lines. A line that is none is counted and listed; a file without any is refused."""
    found, wrong = False, 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                report.read += 1
                try:
                    event = _event(orjson.loads(line))
                except (ValueError, TypeError, AttributeError) as error:
                    report.refused.append(f"line {number}: no event: {error}")
                    wrong += 1
                    if not found and wrong > 100:
                        break
                    continue
                found = True
                yield number, event
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    if not found:
        raise UserError(f"{path} holds no events; `telltale export events --out FILE.jsonl` writes some")


def _event(row: Any) -> Event:
    """One line as an event.

    Raises:
        ValueError: It is none; the message says why.
    """
    if not isinstance(row, dict):
        raise ValueError("it is no mapping")
    for name in ("event_id", "annotator", "trajectory_id", "created_at"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise ValueError(f"it needs {name}")
    if row.get("op") not in _OPS:
        raise ValueError(f"its op is {row.get('op')!r}")
    return from_row(row)
