"""What a page sends of a person's actions on a trace, and doing it: each once, in order, also when it comes twice.

The browser counts in its own units, so no offset comes from it: an action names sentences by number, and where a
quote is trimmed, code points within a sentence. An action's id becomes its event's id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from analysis.errors import UserError
from analysis.store import Store
from labels import labeling
from labels.labeling import Desk, desk_events

Action = Mapping[str, Any]
QUOTED = ("stance", "role")


def refreshed(db: duckdb.DuckDBPyConnection, desk: Desk) -> Desk:
    """The desk with what the log has by now, from other tabs too."""
    return replace(desk, events=desk_events(db, desk.annotator, desk.trajectory_id, desk.repeat))


def perform(
    store: Store,
    desk: Desk,
    actions: Sequence[Action],
    session: str | None = None,
    run_id: str | None = None,
) -> tuple[Desk, dict[str, str]]:
    """Do what the page sent and was not done yet. What is done is on disk when this returns.

    Args:
        store: Whose log it goes to.
        desk: The trace; its events are read again first.
        actions: In the order in which they were taken, `{"id": …, "do": …}` and what each needs:

            | do | needs |
            |---|---|
            | mark | pattern, first, last (sentences); stance, role; cut: [from, to], code points of the first sentence |
            | unmark | pattern, start_char, end_char |
            | edit | pattern, start_char, end_char of the quote; cut as above; or stance, role |
            | set | pattern, value; none: whether it was said that no single quote shows it |
            | note | text |
            | flag | on |
            | skip | note |
            | undo, redo, submit, reveal | nothing |
            | accept, dismiss | pattern |
        session: The browser tab.
        run_id: The run that is revealed, and whose verdicts are accepted or dismissed.

    Returns:
        The desk as it is then, and why each refused action was refused, by its id.
    """
    refused: dict[str, str] = {}
    with store.session() as db:  # one session around all, so that the file is opened once
        desk = refreshed(db, desk)
        for action in actions:
            if any(event.event_id == action.get("id") for event in desk.events):
                continue
            try:
                desk = _done(store, desk, action, session, run_id)
            except UserError as error:
                refused[str(action.get("id"))] = str(error)
            except (KeyError, TypeError, ValueError, IndexError, StopIteration):
                refused[str(action.get("id"))] = "the page sent something that can't be read; reload it"
    return desk, refused


def _done(store: Store, desk: Desk, action: Action, session: str | None, run_id: str | None) -> Desk:
    def act(op: Any, **what: Any) -> Desk:
        return labeling.act(store, desk, op, session, event_id=str(action["id"]), **what)

    match action["do"]:
        case "mark":
            return act("add_quote", pattern=str(action["pattern"]), **_quote(desk, action))
        case "unmark":
            start, end = int(action["start_char"]), int(action["end_char"])
            return act("remove_quote", pattern=str(action["pattern"]), start_char=start, end_char=end)
        case "edit":
            old = f"{int(action['start_char'])}:{int(action['end_char'])}"
            return act("edit_quote", pattern=str(action["pattern"]), old=old, **_quote(desk, action))
        case "set":
            said = {"no_single_quote": True} if action.get("none") else {}
            return act("set", pattern=str(action["pattern"]), new=action["value"], attributes=said)
        case "note":
            return act("note", new=str(action["text"]))
        case "flag":
            return act("flag", new="true" if action["on"] else "false")
        case "skip":
            return act("skip", note=str(action.get("note") or "no reason given"))
        case "undo" | "redo" | "submit" as what:
            do = {"undo": labeling.undo, "redo": labeling.redo, "submit": labeling.submit}[what]
            return do(store, desk, session, event_id=str(action["id"]))
        case "reveal":
            return labeling.reveal(store, desk, str(run_id))[0]
        case "accept" | "dismiss" as what:
            desk, told = labeling.reveal(store, desk, str(run_id))
            shown = next(each for each in told if each.pattern == action["pattern"])
            more = {"event_id": str(action["id"])}
            return labeling.answer(store, desk, shown, str(run_id), what == "accept", session, **more)
    raise ValueError(action["do"])


def _quote(desk: Desk, action: Action) -> dict[str, Any]:
    """The columns of a quote: whole sentences, or a cut of them counted from the first one's beginning."""
    first, last = desk.sentences[int(action["first"])], desk.sentences[int(action["last"])]
    start, end = first.start_char, last.end_char
    if cut := action.get("cut"):
        start, end = first.start_char + int(cut[0]), first.start_char + int(cut[1])
    if not first.start_char <= start < end <= last.end_char:
        raise UserError("the quote would be empty, or go beyond its sentences")
    said = {name: action[name] for name in QUOTED if action.get(name)}
    return {"quote": desk.reasoning[start:end], "start_char": start, "end_char": end, **said}
