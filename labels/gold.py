"""Blind labels, and the one word that several people's labels come to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import is_
from typing import Any, Literal

import duckdb
import pyarrow as pa

from analysis.codebook import Change, Codebook, load
from analysis.measure.frequencies import Frequency
from analysis.measure.frequencies import frequencies as run_frequencies
from analysis.measure.scope import Scope
from labels.events import SELF_SELECTED, Event
from labels.fold import blind
from labels.inclusion import probabilities
from labels.log import by_trajectory
from labels.said import Folded, blind_states, said
from labels.state import Label, State
from labels.undoing import in_force

Status = Literal["unanimous", "adjudicated", "single", "unresolved"]
Key = tuple[str, str]
"""(trajectory_id, pattern)"""

FRAME = pa.schema([
    ("trajectory_id", pa.string()), ("reasoning_sha256", pa.string()), ("pattern", pa.string()),
    ("value", pa.string()), ("probability", pa.float64()),
])  # fmt: skip


@dataclass(frozen=True)
class BlindLabel:
    """A person's word on one (trajectory, pattern) as it was at submit, before anything was revealed."""

    trajectory_id: str
    annotator: str
    pattern: str
    label: Label
    state: State

    @property
    def value(self) -> str:
        """present, absent or unsure."""
        return self.label.value or "absent"


@dataclass(frozen=True)
class Gold:
    """What people's labels on one (trajectory, pattern) come to.

    Attributes:
        value: present, absent or unsure; None where people differ and nobody has decided.
        status: unanimous, adjudicated, single, unresolved.
        labels: The blind labels on the text that was labelled last.
        decision: The adjudicator's event, where one decided.
    """

    trajectory_id: str
    pattern: str
    value: str | None
    status: Status
    labels: tuple[BlindLabel, ...]
    decision: Event | None = None

    @property
    def reasoning_sha256(self) -> str | None:
        """Hash of the text that was labelled."""
        return next(
            (each.state.reasoning_sha256 for each in self.labels if each.state.reasoning_sha256), None
        )

    @property
    def said(self) -> dict[str, int]:
        """How many people say each value."""
        return dict(sorted(Counter(each.value for each in self.labels).items()))

    @property
    def soft(self) -> float | None:
        """The share that says present of those who say present or absent; None where all are unsure."""
        sure = [each.value for each in self.labels if each.value != "unsure"]
        return sure.count("present") / len(sure) if sure else None


def blind_labels(
    events: Iterable[Event], history: Sequence[Change] = (), repeat: int = 0
) -> list[BlindLabel]:
    """The blind label of every submitted (trajectory, annotator, pattern), in a fixed order.

    Args:
        events: Anybody's, on any trajectory.
        history: The codebook's changes, which labels are carried over.
        repeat: 1 for what people said the second time.
    """
    states = {key: blind(mine, history) for key, mine in by_trajectory(events, repeat).items()}
    return labels_of({key: state for key, state in states.items() if state is not None})


def labels_of(states: Mapping[tuple[str, str], State]) -> list[BlindLabel]:
    """The labels of these blind states, which are by (trajectory_id, annotator), in a fixed order."""
    return [
        BlindLabel(trajectory_id, annotator, pattern, label, state)
        for (trajectory_id, annotator), state in sorted(states.items(), key=lambda each: each[0])
        for pattern, label in sorted(state.labels.items())
        if label.value is not None
    ]


def resolved(labels: Iterable[BlindLabel]) -> dict[Key, str | None]:
    """What a (trajectory, pattern)'s labels come to: their value where all agree, else None for unresolved."""
    return {key: each.value for key, each in golden(labels).items()}


def golden(labels: Iterable[BlindLabel], decided: Mapping[Key, Event] | None = None) -> dict[Key, Gold]:
    """The gold of each (trajectory, pattern) that was labelled blind, in a fixed order.

    Args:
        labels: Blind labels. Those on an older text than the last that was labelled are left out.
        decided: What adjudicators decided, as `decisions` gives it.
    """
    grouped: dict[Key, list[BlindLabel]] = defaultdict(list)
    for each in _of_the_newest_text(labels):
        grouped[each.trajectory_id, each.pattern].append(each)
    return {key: _gold(key, said, (decided or {}).get(key)) for key, said in sorted(grouped.items())}


def _gold(key: Key, labels: list[BlindLabel], decision: Event | None) -> Gold:
    values = {each.value for each in labels}
    shas = {each.state.reasoning_sha256 for each in labels} - {None}
    if decision is not None and (not shas or decision.reasoning_sha256 in shas):
        return Gold(*key, decision.new, "adjudicated", tuple(labels), decision)
    if len(values) > 1:
        return Gold(*key, None, "unresolved", tuple(labels))
    return Gold(*key, values.pop(), "unanimous" if len(labels) > 1 else "single", tuple(labels))


def _of_the_newest_text(labels: Iterable[BlindLabel]) -> list[BlindLabel]:
    listed = list(labels)
    newest: dict[str, tuple[datetime, str]] = {}
    for each in listed:
        sha, at = each.state.reasoning_sha256, _submitted_at(each)
        if sha and (each.trajectory_id not in newest or newest[each.trajectory_id][0] < at):
            newest[each.trajectory_id] = at, sha
    return [
        each
        for each in listed
        if each.state.reasoning_sha256 in (None, newest.get(each.trajectory_id, (None, None))[1])
    ]


def decisions(events: Iterable[Event], codebook: Codebook | None = None) -> dict[Key, Event]:
    """The newest decision of any adjudicator on each (trajectory, pattern) that was not taken back.

    Args:
        events: Anybody's.
        codebook: By which patterns that were renamed since go by their new id.
    """
    found: dict[Key, Event] = {}
    deciding = [event for event in events if event.phase == "adjudication"]
    for mine in by_trajectory(deciding).values():
        for event in in_force(mine):
            if event.op != "gold" or event.pattern is None:
                continue
            pattern = event.pattern
            if codebook is not None:
                pattern = codebook.called_now(pattern, event.codebook_revision)
            held = found.get((event.trajectory_id, pattern))
            if held is None or _at(held) < _at(event):
                found[event.trajectory_id, pattern] = event
    return found


def gold(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> list[Gold]:
    """The gold of the store, in a fixed order: blind labels that the queue handed out or people searched out."""
    return list(_read(db, codebook or load()).golds)


def decided(db: duckdb.DuckDBPyConnection, codebook: Codebook) -> Mapping[Key, Event]:
    """What adjudicators decided, as `decisions` gives it."""
    return _read(db, codebook).decided


def golden_of(events: Sequence[Event], codebook: Codebook) -> list[Gold]:
    """The gold of these events, in a fixed order."""
    return list(golden(blind_labels(events, codebook.history), decisions(events, codebook)).values())


def drawn_labels(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> list[BlindLabel]:
    """The blind labels on traces that were handed out; what a person searched out is not among them."""
    return _drawn(_read(db, codebook or load()).labels)


def _drawn(labels: Iterable[BlindLabel]) -> list[BlindLabel]:
    return [each for each in labels if each.state.queue_reason != SELF_SELECTED]


@dataclass(frozen=True)
class _Trace:
    """What is said of one trace: what everybody did, their blind labels, adjudicators' decisions, gold; of the labels
    that were handed out the gold, and what the first of them says.
    """  # noqa: D205

    folded: tuple[Folded, ...]
    labels: tuple[BlindLabel, ...]
    decided: Mapping[Key, Event]
    golds: tuple[Gold, ...]
    drawn: tuple[Gold, ...]
    first: State | None


@dataclass(frozen=True)
class _Read:
    """What a log comes to under a codebook: blind labels, adjudicators' decisions, gold."""

    folded: Mapping[tuple[str, str, int], Folded]
    book: Codebook
    traces: Mapping[str, _Trace]
    labels: Sequence[BlindLabel]
    decided: Mapping[Key, Event]
    golds: Sequence[Gold]


def _read(db: duckdb.DuckDBPyConnection, book: Codebook) -> _Read:
    """What the store's log comes to; made anew only of traces that something was said of since."""
    global _last
    folded, held = said(db, book.history), _last
    if held is None or held.folded is not folded or held.book != book:
        known = held.traces if held is not None and held.book == book else {}
        traces = {name: _trace(mine, book, known.get(name)) for name, mine in _by_trace(folded).items()}
        held = _last = _Read(
            folded, book, traces,
            [label for each in traces.values() for label in each.labels],
            {key: event for each in traces.values() for key, event in each.decided.items()},
            [one for each in traces.values() for one in each.golds],
        )  # fmt: skip
    return held


def _by_trace(
    folded: Mapping[tuple[str, str, int], Folded],
) -> dict[str, dict[tuple[str, str, int], Folded]]:
    """What was said, trace by trace in order."""
    found: dict[str, dict[tuple[str, str, int], Folded]] = {
        name: {} for name in sorted({key[0] for key in folded})
    }
    for key, each in folded.items():
        found[key[0]][key] = each
    return found


def _trace(folded: Mapping[tuple[str, str, int], Folded], book: Codebook, known: _Trace | None) -> _Trace:
    mine = tuple(folded.values())
    if known is not None and len(known.folded) == len(mine) and all(map(is_, known.folded, mine)):
        return known
    deciding = [event for each in mine for event in each.events if event.phase == "adjudication"]
    labels, decided = labels_of(blind_states(folded)), decisions(deciding, book)
    handed = _drawn(labels)
    golds = tuple(golden(labels, decided).values())
    drawn = golds if len(handed) == len(labels) else tuple(golden(handed, decided).values())
    first = min(handed, key=_submitted_at).state if handed else None
    return _Trace(mine, tuple(labels), decided, golds, drawn, first)


def frame(db: duckdb.DuckDBPyConnection, codebook: Codebook | None = None) -> pa.Table:
    """The labels that rates may rest on: blind, and not searched out.

    A pattern that was renamed has its rows under each of its ids, so that runs made under the older one have
    labels too.

    Returns:
        Columns trajectory_id, reasoning_sha256 (of the text that was labelled), pattern, value (present, absent,
        unsure, or unresolved where people disagree and nobody has decided), probability (with which the
        trajectory came to be labelled; null where that can't be known).
    """
    book = codebook or load()
    traces = _read(db, book).traces
    chance = probabilities(db, {name: each.first for name, each in traces.items() if each.first is not None})
    golds = [one for each in traces.values() for one in each.drawn]
    called = {pattern: (pattern, *former(pattern, book)) for pattern in {one.pattern for one in golds}}
    rows = [
        (
            one.trajectory_id,
            one.reasoning_sha256,
            pattern,
            one.value or "unresolved",
            chance[one.trajectory_id],
        )
        for one in golds
        for pattern in called[one.pattern]
    ]
    columns = zip(*rows, strict=True) if rows else ((),) * len(FRAME)
    return pa.table(
        [pa.array(column, each.type) for column, each in zip(columns, FRAME, strict=True)], schema=FRAME
    )


def former(pattern: str, book: Codebook) -> list[str]:
    """The ids that a pattern had before it was renamed."""
    found: list[str] = []
    for change in reversed(book.history):
        if change.kind == "rename" and pattern in change.new:
            pattern = change.old[change.new.index(pattern)]
            found.append(pattern)
    return [each for each in found if each not in book]


def frequencies(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str] = ("checkpoint",),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    patterns: Sequence[str] | None = None,
) -> list[Frequency]:
    """`analysis.measure.frequencies` with the store's own labels: each cell has the rate from blind labels, and
    the run's rate corrected by them, once there are any.
    """  # noqa: D205
    return run_frequencies(db, run_id, by, scope, patterns, labels=frame(db))


def _submitted_at(each: BlindLabel) -> datetime:
    return each.state.submitted_at or datetime.max


def _at(event: Event) -> tuple[Any, str]:
    return event.created_at or datetime.min, event.event_id


_last: _Read | None = None
