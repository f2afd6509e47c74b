"""The events of the label log: one row an action, only ever added."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

import orjson

Phase = Literal["blind", "review", "assisted", "adjudication", "import"]
"""blind: nothing but the trace was seen. review: after submit, with the judge revealed. assisted: the findings
had been seen elsewhere before."""

Op = Literal[
    "open", "set", "add_quote", "remove_quote", "edit_quote", "note", "confidence", "skip", "flag", "submit",
    "reveal", "exposed", "accept", "dismiss", "gold", "revert",
]  # fmt: skip
Origin = Literal["human", "judge_accepted", "judge_bulk", "import", "adjudicator"]
VALUES = ("present", "absent", "unsure")
UNIFORM = "uniform"
"""The queue reason of what was picked at random, each trace as likely as any other."""
SELF_SELECTED = "self-selected"
"""The queue reason of what a person searched out and opened themself. Such labels stay out of rates."""


@dataclass(frozen=True)
class Event:
    """One action of one person on one trajectory.

    What the columns hold depends on the op:

    | op | columns |
    |---|---|
    | set | pattern; new: present, absent, unsure, or null for not judged. attributes may hold no_single_quote |
    | add_quote | pattern, quote, start_char, end_char, stance, role, attributes |
    | remove_quote | pattern, start_char, end_char |
    | edit_quote | as add_quote for what it becomes; old: the offsets that it had, as "start:end" |
    | note, confidence | new: the text; of a pattern, or of the whole trace where pattern is null |
    | skip | note: the reason |
    | flag | new: "true" or "false" |
    | submit | new: the ids of the patterns on the screen, with spaces; those not judged become absent |
    | accept, dismiss | pattern, run_id; accept has the verdict in new and the quotes in attributes.quotes |
    | revert | old: the event_id that is undone; a revert can be reverted, which is redo |
    | open, reveal, exposed | nothing more; reveal has run_id; open has why and from which queue the trace was picked |
    | gold | pattern; new: what an adjudicator decided; attributes: take, reason, sides, quotes; see adjudication.py |

    Attributes:
        created_at: UTC without a zone. The log sets it, later than all that this person did on this trajectory.
        explicit: False for what submit filled in.
        repeat: 1 where the person labels the trace a second time, to be measured against themself; else 0.
    """

    annotator: str
    trajectory_id: str
    op: Op
    event_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created_at: datetime | None = None
    session: str | None = None
    reasoning_sha256: str | None = None
    segmentation: str | None = None
    codebook_revision: int | None = None
    phase: Phase = "blind"
    pattern: str | None = None
    old: str | None = None
    new: str | None = None
    quote: str | None = None
    start_char: int | None = None
    end_char: int | None = None
    stance: str | None = None
    role: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    explicit: bool = True
    origin: Origin = "human"
    run_id: str | None = None
    queue_reason: str | None = None
    queue_probability: float | None = None
    note: str | None = None
    repeat: int = 0

    def as_row(self) -> dict[str, Any]:
        """The event as a row of log.label_events."""
        row = {name: getattr(self, name) for name in COLUMNS}
        return row | {"attributes": orjson.dumps(dict(self.attributes), option=orjson.OPT_SORT_KEYS).decode()}


COLUMNS = tuple(each.name for each in fields(Event))
_KNOWN = frozenset(COLUMNS)
_NEEDED = frozenset(["annotator", "trajectory_id", "op", "event_id"])
_UNSAID = {each.name: each.default for each in fields(Event) if each.default is not MISSING}


def from_row(row: Mapping[str, Any]) -> Event:
    """An event out of a row of label_events, or of an exported file."""
    held = {name: value for name, value in row.items() if value is not None and name in _KNOWN}
    attributes = held.get("attributes") or {}
    if isinstance(attributes, str):
        attributes = {} if attributes == "{}" else orjson.loads(attributes)
    held["attributes"] = attributes
    if isinstance(held.get("created_at"), str):
        held["created_at"] = datetime.fromisoformat(held["created_at"])
    if not held.keys() >= _NEEDED:
        return Event(**held)  # which says what is missing
    made = object.__new__(Event)  # nothing is checked at its making, and a log is long
    made.__dict__.update(_UNSAID | held)
    return made
