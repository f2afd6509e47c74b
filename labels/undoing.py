"""Undo and redo: which of a person's events on a trace are in force. Each person undoes their own last action on
the trace, whichever tab it was done in.
"""  # noqa: D205

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from labels.events import Event

UNDOABLE = frozenset([
    "set", "add_quote", "remove_quote", "edit_quote", "note", "confidence", "skip", "flag", "submit", "accept",
    "dismiss",
])  # fmt: skip
"""Ops that undo takes back. What was seen can't be unseen: open, reveal and exposed stay."""


def in_order(events: Iterable[Event]) -> list[Event]:
    """The events, each once, by time and then by id: the order in which they arrived does not matter."""
    once: dict[str, Event] = {}
    for event in sorted(events, key=lambda each: (each.created_at or datetime.min, each.event_id)):
        once.setdefault(event.event_id, event)
    return list(once.values())


def in_force(events: Iterable[Event]) -> list[Event]:
    """The events that are not undone, in order, without the reverts.

    Of an action's undos and redos the last one counts. So two tabs that undo the same action at the same moment
    undo it once, and one redo brings it back.
    """
    known = in_order(events)
    undone = {action for action, (_, undoes) in _last_reverts(known).items() if undoes}
    return [event for event in known if event.op != "revert" and event.event_id not in undone]


def to_undo(events: Iterable[Event]) -> Event | None:
    """The latest action that undo takes back; None when there is none."""
    return next((event for event in reversed(in_force(events)) if event.op in UNDOABLE), None)


def to_redo(events: Iterable[Event]) -> Event | None:
    """The undo that redo takes back: the latest one that counts, if nothing else was done after it."""
    known = in_order(events)
    counting = {revert.event_id for revert, undoes in _last_reverts(known).values() if undoes}
    for event in reversed(known):
        if event.event_id in counting:
            return event
        if event.op in UNDOABLE:
            return None
    return None


def _last_reverts(known: list[Event]) -> dict[str, tuple[Event, bool]]:
    """For each action that was ever undone its last revert, and whether that is an undo (else a redo)."""
    by_id = {event.event_id: event for event in known}
    last: dict[str, tuple[Event, bool]] = {}
    for event in known:
        if event.op == "revert":
            action, undoes = _target(event, by_id)
            if action is not None:
                last[action] = event, undoes
    return last


def _target(revert: Event, by_id: Mapping[str, Event]) -> tuple[str | None, bool]:
    """The action behind a revert, and whether it is undone by it: a revert of a revert is a redo, and so on.

    A revert of what is not there undoes nothing.
    """
    undoes, seen = True, {revert.event_id}
    target = by_id.get(revert.old or "")
    while target is not None and target.op == "revert":
        if target.event_id in seen:
            return None, False
        seen.add(target.event_id)
        undoes, target = not undoes, by_id.get(target.old or "")
    return (target.event_id, undoes) if target is not None else (None, False)
