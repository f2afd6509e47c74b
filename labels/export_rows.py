"""What is exported: the rows of each kind, in a fixed order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import duckdb
import orjson

from analysis import runs
from analysis.codebook import Codebook, load
from analysis.trajectories import whole_messages
from labels.events import Event
from labels.export_filter import ABOUT, ALL, Filter, Kind, Row
from labels.export_gold import gold_rows, judged_rows, quote_row, said_by_run
from labels.fold import blind, fold
from labels.log import by_trajectory, events_of
from labels.state import Label, State

_WHOLE = (
    *ABOUT, "messages", "reasoning", "reasoning_state", "answer", "finish_reason", "reasoning_sha256", "metadata",
)  # fmt: skip


def rows(
    db: duckdb.DuckDBPyConnection, kind: Kind, which: Filter = ALL, codebook: Codebook | None = None
) -> list[Row]:
    """The rows of an export, in a fixed order.

    Args:
        db: A session of the store.
        kind: MEANING says what each is.
        which: Which of them.
        codebook: Whose history labels are carried over.
    """
    book = codebook or load()
    about = _trajectories(db, which, _WHOLE if kind == "trajectories" else (*ABOUT, "reasoning_sha256"))
    events = [
        event
        for event in events_of(db)
        if event.trajectory_id in about and (not which.annotators or event.annotator in which.annotators)
    ]
    if kind == "events":
        kept = [e for e in events if not which.patterns or e.pattern is None or e.pattern in which.patterns]
        return [{**event.as_row(), "attributes": dict(event.attributes)} for event in kept]
    if kind == "gold":
        return gold_rows(db, about, events, which, book)
    if kind == "judge-eval":
        return judged_rows(db, about, events, which, book)
    labels, spans = _label_rows(about, events, which, book)
    if kind != "trajectories":
        return labels if kind == "labels" else spans
    parts = {
        "labels": labels,
        "spans": spans,
        "gold": gold_rows(db, about, events, _of_any_status(which), book),
    }
    if not which.run_id:
        return _with_parts(about, parts)
    run_id = runs.choose(db, which.run_id)
    parts |= said_by_run(db, run_id, list(about), which)
    return [{**row, "run_id": run_id} for row in _with_parts(about, parts)]


def _label_rows(
    about: Mapping[str, Row], events: Sequence[Event], which: Filter, book: Codebook
) -> tuple[list[Row], list[Row]]:
    labels: list[Row] = []
    spans: list[Row] = []
    for (trajectory_id, annotator), mine in sorted(by_trajectory(events).items()):
        current, before = fold(mine, book.history), blind(mine, book.history)
        status = _status(mine, current, before)
        if which.submitted and not (current.submitted or status == "imported"):
            continue
        head = {name: about[trajectory_id][name] for name in ABOUT} | {
            "annotator": annotator,
            "status": status,
        }
        changed = current.reasoning_sha256 not in (None, about[trajectory_id]["reasoning_sha256"])
        for pattern, label in sorted(current.labels.items()):
            if which.keeps(pattern, status):
                first = before.labels.get(pattern) if before else None
                labels.append({**head, **_label(pattern, label, first, current), "text_changed": changed})
                spans += [{**head, **each} for each in _spans(pattern, label, first, current)]
    return labels, spans


def _status(mine: Iterable[Event], current: State, before: State | None) -> str:
    if all(event.phase == "import" for event in mine):
        return "imported"
    if current.skipped is not None:
        return "skipped"
    if not current.submitted:
        return "open"
    if before is None:
        return "assisted"
    return "reviewed" if current.revealed or current.exposed else "submitted"


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
        "codebook_revision": label.codebook_revision or state.codebook_revision,
        "reasoning_sha256": state.reasoning_sha256,
        "queue_reason": state.queue_reason,
        "queue_probability": state.queue_probability,
    }


def _spans(pattern: str, label: Label, first: Label | None, state: State) -> Iterable[Row]:
    for span, quote in label.quotes.items():
        yield {
            "pattern": pattern,
            **quote_row(quote),
            "blind": first is not None and span in first.quotes,
            "codebook_revision": label.codebook_revision or state.codebook_revision,
        }


def _with_parts(about: Mapping[str, Row], parts: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The labelled trajectories whole, each with its part of each list."""
    having: dict[str, dict[str, list[Row]]] = defaultdict(lambda: {name: [] for name in parts})
    for name, found in parts.items():
        for row in found:
            own = {column: value for column, value in row.items() if column not in ABOUT}
            having[row["trajectory_id"]][name].append(own)
    whole = []
    for trajectory_id, row in about.items():
        if having[trajectory_id]["labels"]:
            messages = whole_messages(row["messages"] or "[]", row["reasoning"])
            metadata = orjson.loads(row["metadata"] or "null")
            whole.append({**row, "messages": messages, "metadata": metadata, **having[trajectory_id]})
    return whole


def _of_any_status(which: Filter) -> Filter:
    return Filter(which.annotators, which.patterns, which.checkpoints, which.variants, which.environments)


def _trajectories(db: duckdb.DuckDBPyConnection, which: Filter, columns: Sequence[str]) -> dict[str, Row]:
    """The labelled trajectories in the filter, by id and in its order."""
    kept = {"checkpoint": which.checkpoints, "variant": which.variants, "environment": which.environments}
    terms = [f"list_contains(?, {column})" for column, values in kept.items() if values]
    bound = [list(values) for values in kept.values() if values]
    cursor = db.execute(
        f"""SELECT {", ".join(columns)} FROM trajectories
            WHERE trajectory_id IN (SELECT trajectory_id FROM log.label_events)
              AND {" AND ".join(terms) or "true"} ORDER BY trajectory_id""",
        bound,
    )
    return {row[0]: dict(zip(columns, row, strict=True)) for row in cursor.fetchall()}
