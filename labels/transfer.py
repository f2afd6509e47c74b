"""Labels out of the store and into it: one table for the page and the command line, whatever the format."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from analysis.tables import to_csv
from labels.events import COLUMNS, Event, from_row
from labels.fold import blind, fold
from labels.log import by_trajectory, events_of
from labels.state import Label, Quote, State

Kind = Literal["labels", "spans", "trajectories", "events"]
Form = Literal["jsonl", "csv", "parquet"]
KINDS: tuple[Kind, ...] = ("labels", "spans", "trajectories", "events")
FORMS: tuple[Form, ...] = ("jsonl", "csv", "parquet")

ABOUT = (
    "trajectory_id", "source", "environment", "variant", "prompt_id", "checkpoint", "model", "sample", "synthetic",
)  # fmt: skip
"""What every exported row says of its trajectory."""
_WHOLE = (
    *ABOUT,
    "messages",
    "reasoning",
    "reasoning_state",
    "answer",
    "finish_reason",
    "reasoning_sha256",
    "metadata",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Filter:
    """Which labels are exported. Empty keeps all.

    Attributes:
        submitted: Whether traces that somebody opened and did not submit stay out.
    """

    annotators: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    submitted: bool = True


@dataclass
class Imported:
    """What became of a file of events."""

    read: int = 0
    stored: int = 0
    already: int = 0
    refused: list[str] = field(default_factory=list)


def rows(db: duckdb.DuckDBPyConnection, kind: Kind, which: Filter = Filter()) -> list[Row]:
    """The rows of an export, in a fixed order.

    Args:
        db: A session of the store.
        kind: labels: one a (trajectory, annotator, pattern); spans: one a quote; trajectories: whole ones with
            their labels and spans; events: the log itself, which `import_events` reads back.
        which: Which of them.
    """
    about = _trajectories(db, which, _WHOLE if kind == "trajectories" else (*ABOUT, "reasoning_sha256"))
    events = [
        event
        for event in events_of(db)
        if event.trajectory_id in about and (not which.annotators or event.annotator in which.annotators)
    ]
    if kind == "events":
        kept = [e for e in events if not which.patterns or e.pattern is None or e.pattern in which.patterns]
        return [{**event.as_row(), "attributes": dict(event.attributes)} for event in kept]
    labels, spans = [], []
    for (trajectory_id, annotator), mine in sorted(by_trajectory(events).items()):
        current, before = fold(mine), blind(mine)
        if which.submitted and not current.submitted:
            continue
        head = {name: about[trajectory_id][name] for name in ABOUT} | {"annotator": annotator}
        changed = current.reasoning_sha256 not in (None, about[trajectory_id]["reasoning_sha256"])
        for pattern, label in sorted(current.labels.items()):
            if not which.patterns or pattern in which.patterns:
                first = before.labels.get(pattern) if before else None
                labels.append({**head, **_label(pattern, label, first, current), "text_changed": changed})
                spans += [{**head, **each} for each in _spans(pattern, label, first, current)]
    if kind == "labels":
        return labels
    return spans if kind == "spans" else _with_both(about, labels, spans)


def write(
    db: duckdb.DuckDBPyConnection, kind: Kind, path: Path, form: Form = "jsonl", which: Filter = Filter()
) -> dict[str, Any]:
    """Write an export and, beside it, its manifest.

    Both are written beside their place and renamed, so that nobody reads half a file.

    Returns:
        The manifest: what is in the file, how many rows, its SHA-256, the filter, the codebook's revisions.

    Raises:
        UserError: Nothing passes the filter, or the file can't be written. What was there is left as it was.
    """
    data, manifest = build(db, kind, path.name, form, which)
    if not manifest["rows"]:
        raise UserError(
            f"no {kind} pass the filter, so {path} was not written; labels are made on the Label page"
        )
    try:
        replace_file(path, data)
        replace_file(
            path.with_name(path.name + ".manifest.json"), orjson.dumps(manifest, option=orjson.OPT_INDENT_2)
        )
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from None
    return manifest


def build(
    db: duckdb.DuckDBPyConnection,
    kind: Kind,
    name: str,
    form: Form = "jsonl",
    which: Filter = Filter(),
) -> tuple[bytes, dict[str, Any]]:
    """An export as bytes, with the manifest that belongs beside it under the file's name."""
    found = rows(db, kind, which)
    revisions = sorted(
        {row["codebook_revision"] for row in found if row.get("codebook_revision") is not None}
    )
    if kind == "trajectories":
        revisions = sorted({label["codebook_revision"] for row in found for label in row["labels"]} - {None})
    data = encoded(found, kind, form)
    manifest = {
        "file": name,
        "kind": kind,
        "format": form,
        "rows": len(found),
        "sha256": hashlib.sha256(data).hexdigest(),
        "filter": {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(which).items()},
        "codebook_revisions": revisions,
        "synthetic_rows": sum(bool(row.get("synthetic")) for row in found),
        "counts": _counts(found, kind),
        "written_at": now().isoformat(timespec="seconds") + "Z",
    }
    return data, manifest


def encoded(found: Sequence[Row], kind: Kind, form: Form) -> bytes:
    """The rows as the bytes of a file of this format."""
    if form == "jsonl":
        return b"".join(orjson.dumps(row, default=str) + b"\n" for row in found)
    names = list(found[0]) if found else list(_HEADINGS[kind])
    flat = [{name: _cell(row[name]) for name in names} for row in found]
    if form == "csv":
        return to_csv(flat, names).encode()
    table = (
        pa.Table.from_pylist(flat) if flat else pa.table({name: pa.array([], pa.string()) for name in names})
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


def import_events(store: Store, path: Path) -> Imported:
    """Bring exported events (JSON Lines) into the log; those that are there already are left as they are.

    An event whose trajectory is not in the store, or whose quote is not what the text has at its offsets, is
    refused and listed.

    Raises:
        UserError: The file can't be read.
    """
    report = Imported()
    with store.transaction() as db:
        held = {name for (name,) in db.execute("SELECT event_id FROM label_events").fetchall()}
        texts = dict(db.execute("SELECT trajectory_id, reasoning FROM trajectories").fetchall())
        fresh: dict[str, Event] = {}
        for line, event in _events_in(path, report):
            report.read += 1
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
    report.stored = len(fresh)
    return report


_LABEL = (
    "pattern", "value", "blind_value", "explicit", "origin", "no_single_quote", "reviewed", "quotes", "confidence",
    "label_note", "note", "flagged", "submitted_at", "codebook_revision", "reasoning_sha256", "queue_reason",
    "queue_probability", "text_changed",
)  # fmt: skip
_SPAN = (
    "pattern", "quote", "start_char", "end_char", "stance", "role", "attributes", "origin", "blind",
    "codebook_revision",
)  # fmt: skip
_HEADINGS: dict[Kind, tuple[str, ...]] = {
    "labels": (*ABOUT, "annotator", *_LABEL),
    "spans": (*ABOUT, "annotator", *_SPAN),
    "trajectories": (*_WHOLE, "labels", "spans"),
    "events": COLUMNS,
}


def _trajectories(db: duckdb.DuckDBPyConnection, which: Filter, columns: Sequence[str]) -> dict[str, Row]:
    """The labelled trajectories in the filter, by id and in its order."""
    kept = {"checkpoint": which.checkpoints, "variant": which.variants, "environment": which.environments}
    terms = [f"list_contains(?, {column})" for column, values in kept.items() if values]
    bound = [list(values) for values in kept.values() if values]
    cursor = db.execute(
        f"""SELECT {", ".join(columns)} FROM trajectories
            WHERE trajectory_id IN (SELECT trajectory_id FROM label_events)
              AND {" AND ".join(terms) or "true"} ORDER BY trajectory_id""",
        bound,
    )
    return {row[0]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}


def _label(pattern: str, label: Label, first: Label | None, state: State) -> Row:
    return {
        "pattern": pattern,
        "value": label.value,
        "blind_value": first.value if first else None,
        "explicit": label.explicit,
        "origin": label.origin,
        "no_single_quote": label.no_single_quote,
        "reviewed": label.reviewed,
        "quotes": len(label.quotes),
        "confidence": label.confidence,
        "label_note": label.note,
        "note": state.note,
        "flagged": state.flagged,
        "submitted_at": state.submitted_at.isoformat() if state.submitted_at else None,
        "codebook_revision": state.codebook_revision,
        "reasoning_sha256": state.reasoning_sha256,
        "queue_reason": state.queue_reason,
        "queue_probability": state.queue_probability,
    }


def _spans(pattern: str, label: Label, first: Label | None, state: State) -> Iterable[Row]:
    for span, quote in label.quotes.items():
        found_blind = first is not None and span in first.quotes
        yield {
            "pattern": pattern,
            **_quote(quote),
            "blind": found_blind,
            "codebook_revision": state.codebook_revision,
        }


def _quote(quote: Quote) -> Row:
    names = ("quote", "start_char", "end_char", "stance", "role", "attributes", "origin")
    return {name: getattr(quote, name) for name in names} | {"attributes": dict(quote.attributes)}


def _with_both(about: Mapping[str, Row], labels: list[Row], spans: list[Row]) -> list[Row]:
    """The labelled trajectories whole, each with its labels and spans."""
    having: dict[str, dict[str, list[Row]]] = defaultdict(lambda: {"labels": [], "spans": []})
    for name, found in (("labels", labels), ("spans", spans)):
        for row in found:
            own = {column: value for column, value in row.items() if column not in ABOUT}
            having[row["trajectory_id"]][name].append(own)
    whole = []
    for trajectory_id, row in about.items():
        if trajectory_id in having:
            parsed = {name: orjson.loads(row[name] or "null") for name in ("messages", "metadata")}
            whole.append({**row, **parsed, **having[trajectory_id]})
    return whole


def _counts(found: Sequence[Row], kind: Kind) -> dict[str, Any]:
    names = {"labels": ("annotator", "pattern", "value"), "spans": ("annotator", "pattern", "stance"),
             "events": ("annotator", "op"), "trajectories": ("checkpoint", "variant")}[kind]  # fmt: skip
    return {name: dict(sorted(Counter(str(row[name]) for row in found).items())) for name in names}


def _cell(value: Any) -> Any:
    return orjson.dumps(value, default=str).decode() if isinstance(value, (dict, list)) else value


def replace_file(path: Path, data: bytes) -> None:
    """Write a file beside its place and rename it, so that nobody reads half of it."""
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(data)
    os.replace(beside, path)


def _events_in(path: Path, report: Imported) -> Iterable[tuple[int, Event]]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, from_row(orjson.loads(line))
        except (ValueError, TypeError, AttributeError) as error:
            report.read += 1
            report.refused.append(f"line {number}: no event: {error}")
