"""What people decided of answers, out of the store and into another: the events, as JSON Lines."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from analysis.environment.answers import lone_integer
from analysis.environment.decisions import COLUMNS, OPEN, Decision, events
from analysis.environment.outcomes import read_again
from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from labels.export_filter import Filter
from labels.importing import Imported
from labels.transfer import replace_file

ALL = Filter()
ABOUT = ("source", "environment", "variant", "checkpoint", "synthetic")
"""What every exported row says of its trajectory besides the event."""


def rows(db: duckdb.DuckDBPyConnection, which: Filter = ALL) -> list[dict[str, Any]]:
    """The events of trajectories that are there, in order: the decision's columns, then ABOUT."""
    kept = {"checkpoint": which.checkpoints, "variant": which.variants, "environment": which.environments}
    cursor = db.execute(
        f"""SELECT trajectory_id, {", ".join(ABOUT)} FROM trajectories
            WHERE trajectory_id IN (SELECT trajectory_id FROM log.decisions)"""
    )
    about = {row[0]: dict(zip(ABOUT, row[1:], strict=True)) for row in cursor.fetchall()}
    return [
        {**event.as_row(), **about[event.trajectory_id]}
        for event in events(db)
        if event.trajectory_id in about
        and (not which.annotators or event.annotator in which.annotators)
        and all(not values or about[event.trajectory_id][name] in values for name, values in kept.items())
    ]


def build(db: duckdb.DuckDBPyConnection, name: str, which: Filter = ALL) -> tuple[bytes, dict[str, Any]]:
    """The events as bytes, with the manifest that belongs beside them under the file's name."""
    found = rows(db, which)
    data = b"".join(orjson.dumps(row) + b"\n" for row in found)
    manifest = {
        "file": name,
        "kind": "decisions",
        "format": "jsonl",
        "rows": len(found),
        "sha256": hashlib.sha256(data).hexdigest(),
        "filter": {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(which).items()},
        "synthetic_rows": sum(bool(row["synthetic"]) for row in found),
        "counts": {
            key: dict(sorted(Counter(str(row[key]) for row in found).items()))
            for key in ("annotator", "state")
        },
        "written_at": now().isoformat(timespec="seconds") + "Z",
    }
    return data, manifest


def write(db: duckdb.DuckDBPyConnection, path: Path, which: Filter = ALL) -> dict[str, Any]:
    """Write the events and, beside them, their manifest.

    Raises:
        UserError: There is none, or the file can't be written. What was there is left as it was.
    """
    data, manifest = build(db, path.name, which)
    if not manifest["rows"]:
        raise UserError(
            f"no decisions pass the filter, so {path} was not written; they are made on the Environment page"
        )
    beside = path.with_name(path.name + ".manifest.json")
    try:
        replace_file(path, data)
        replace_file(beside, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from None
    return manifest


def import_decisions(store: Store, path: Path) -> Imported:
    """Apply exported decisions; those that are there already are left as they are.

    A decision on a trajectory that is not in the store, or whose answer is another one there, is refused and
    listed, and so is an undo of a decision that is not there.

    Raises:
        UserError: The file can't be read.
    """
    report = Imported()
    with store.transaction() as db:
        held = {event.decision_id for event in events(db)}
        answers = dict(db.execute("SELECT trajectory_id, sha256(answer) FROM trajectories").fetchall())
        fresh: dict[str, Decision] = {}
        undoing: list[tuple[int, Decision]] = []
        for line, event in _decisions_in(path, report):
            report.read += 1
            if event.decision_id in held or event.decision_id in fresh:
                report.already += 1
            elif event.trajectory_id not in answers:
                report.refused.append(f"line {line}: there is no trajectory {event.trajectory_id}")
            elif answers[event.trajectory_id] != event.answer_sha256:
                report.refused.append(f"line {line}: the answer of {event.trajectory_id} is another one here")
            elif event.undoes:
                undoing.append((line, event))
            else:
                fresh[event.decision_id] = event
        for line, event in undoing:
            if event.undoes in held or event.undoes in fresh:
                fresh[event.decision_id] = event
            else:
                report.refused.append(f"line {line}: it undoes a decision that is not here")
        append(db, "decisions", [event.as_row() for event in fresh.values()])
        read_again(db, {event.trajectory_id for event in fresh.values()})
    report.stored = len(fresh)
    return report


def holds_decisions(path: Path) -> bool:
    """Whether a file has decisions, by its first line.

    Raises:
        UserError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            first = next((line for line in file if line.strip()), b"")
        row = orjson.loads(first)
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    except orjson.JSONDecodeError:
        return False
    return isinstance(row, dict) and "decision_id" in row


def _decisions_in(path: Path, report: Imported) -> Iterable[tuple[int, Decision]]:
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, _decision(orjson.loads(line))
        except (ValueError, TypeError, AttributeError) as error:
            report.read += 1
            report.refused.append(f"line {number}: no decision: {error}")


def _decision(row: Mapping[str, Any]) -> Decision:
    """One line as an event.

    Raises:
        ValueError: It is none; the message says why.
    """
    given: dict[str, Any] = {name: row.get(name) for name in COLUMNS}
    for name in ("decision_id", "created_at", "annotator", "trajectory_id", "answer_sha256"):
        if not isinstance(given[name], str) or not given[name].strip():
            raise ValueError(f"it needs {name}")
    for name in ("number", "state", "undoes", "note"):
        if not isinstance(given[name], str | None):
            raise ValueError(f"{name} must be text")
    number, state = given["number"], given["state"]
    if number is not None and lone_integer(number) != number:
        raise ValueError(f"{number[:40]!r} is no integer in digits")
    right = state is None if given["undoes"] else state == "ok" if number is not None else state in OPEN
    if not right or (given["undoes"] and number is not None):
        raise ValueError(f"its state is {state!r}")
    made = datetime.fromisoformat(given["created_at"])
    given["created_at"] = made.astimezone(UTC).replace(tzinfo=None) if made.tzinfo else made
    return Decision(**given)
