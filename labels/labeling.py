"""One person labelling one trace: what they see, and the actions that they take on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import duckdb
import orjson

from analysis.codebook import Codebook
from analysis.errors import UserError
from analysis.segments import SEGMENTATION
from analysis.store import Store
from labels import queue
from labels.events import SELF_SELECTED, Event, Op, Phase
from labels.fold import fold
from labels.log import current_rows, events_of, record
from labels.state import State
from labels.undoing import to_redo, to_undo

ANNOTATOR = "annotator"
"""Where a browser session keeps the name of who labels in it."""


@dataclass(frozen=True)
class Sentence:
    """A segment of the reasoning with its text."""

    number: int
    message: int
    start_char: int
    end_char: int
    text: str


@dataclass(frozen=True)
class Desk:
    """A trace as a person has it before them: the prompt, the reasoning, and what they said of it so far.

    It holds nothing else of the trajectory, no verdict and nobody else's word.

    Attributes:
        name: The opaque id that the trace goes by.
        prompt: The prompt's messages: (role, text).
        events: This person's events on the trace; those of the second time where it is a repeat. Why the queue
            picked it is not in them before submit.
        repeat: 1 where they label it a second time, to be measured against themself. The page does not show it.
    """

    annotator: str
    trajectory_id: str
    name: str
    prompt: tuple[tuple[str, str], ...]
    sentences: tuple[Sentence, ...]
    reasoning: str
    reasoning_sha256: str
    events: tuple[Event, ...]
    codebook: Codebook
    repeat: int = 0

    @cached_property
    def state(self) -> State:
        """What this person says of the trace."""
        return fold(self.events, self.codebook.history)

    @property
    def phase(self) -> Phase:
        """The phase of the next action."""
        state = self.state
        if state.revealed:
            return "review"
        return "assisted" if state.exposed else "blind"


@dataclass(frozen=True)
class Revealed:
    """What a run says of a pattern, shown after submit: its verdict and quotes, and whether it was answered."""

    pattern: str
    verdict: str
    score: float | None
    why: str | None
    quotes: tuple[Mapping[str, Any], ...]
    reviewed: str | None


def sit_down(
    db: duckdb.DuckDBPyConnection, annotator: str, trajectory_id: str, codebook: Codebook, repeat: int = 0
) -> Desk:
    """Put a trace before a person.

    Raises:
        UserError: There is no such trajectory, or nothing of it can be read.
    """
    rows = current_rows(db, [trajectory_id], ("reasoning", "reasoning_sha256", "row_id", "messages"))
    if not rows or rows[0][0] is None:
        raise UserError("this trace is not there, or has no reasoning that can be read")
    text, sha, row_id, messages = rows[0]
    spans = db.execute(
        "SELECT segment, message, start_char, end_char FROM log.segments WHERE row_id = ? ORDER BY segment",
        [row_id],
    ).fetchall()
    said = orjson.loads(messages)
    first = next((n for n, message in enumerate(said) if message["role"] == "assistant"), len(said))
    return Desk(
        annotator=annotator,
        trajectory_id=trajectory_id,
        name=queue.opaque(annotator, trajectory_id, repeat),
        prompt=tuple((message["role"], message["content"]) for message in said[:first]),
        sentences=tuple(Sentence(n, m, start, end, text[start:end]) for n, m, start, end in spans),
        reasoning=text,
        reasoning_sha256=sha,
        events=desk_events(db, annotator, trajectory_id, repeat),
        codebook=codebook,
        repeat=repeat,
    )


def desk_events(
    db: duckdb.DuckDBPyConnection, annotator: str, trajectory_id: str, repeat: int = 0
) -> tuple[Event, ...]:
    """A person's events on a trace as a desk has them: until submit without why the queue picked it."""
    said = events_of(db, annotator, trajectory_id)
    events = [each for each in said if each.repeat == repeat and each.phase != "adjudication"]
    submitted = any(each.op == "submit" for each in events) and fold(events).submitted
    return tuple(events if submitted else map(_without_reason, events))


def _without_reason(event: Event) -> Event:
    return event if event.queue_reason is None else replace(event, queue_reason=None, queue_probability=None)


def act(store: Store, desk: Desk, op: Op, session: str | None = None, **what: Any) -> Desk:
    """Do one thing, commit it, and give the desk as it is then.

    The first action on a trace that the queue did not hand out is preceded by `open`, with the reason that the
    person picked it themself.

    Args:
        store: Whose log it goes to.
        desk: Where it is done.
        op: What is done; `labels.events.Event` says which columns each takes.
        session: The browser tab.
        **what: The event's columns.
    """
    common: dict[str, Any] = {
        "annotator": desk.annotator,
        "trajectory_id": desk.trajectory_id,
        "reasoning_sha256": desk.reasoning_sha256,
        "segmentation": SEGMENTATION,
        "codebook_revision": desk.codebook.revision,
        "session": session,
        "phase": desk.phase,
        "repeat": desk.repeat,
    }
    events = [Event(**{**common, "op": op, **what})]
    if not any(event.op == "open" for event in desk.events) and op != "open":
        events.insert(0, Event(**{**common, "op": "open", "queue_reason": SELF_SELECTED}))
    written = record(store, events)
    known = {event.event_id for event in desk.events}
    return replace(desk, events=(*desk.events, *(event for event in written if event.event_id not in known)))


def mark(store: Store, desk: Desk, pattern: str, numbers: Sequence[int], **more: Any) -> Desk:
    """Put a pattern on sentences, one quote from the first through the last of each run of neighbours."""
    for first, last in _runs(sorted(set(numbers))):
        start, end = desk.sentences[first].start_char, desk.sentences[last].end_char
        if (start, end) not in desk.state.label(pattern).quotes:
            text = desk.reasoning[start:end]
            desk = act(
                store, desk, "add_quote", pattern=pattern, quote=text, start_char=start, end_char=end, **more
            )
    return desk


def undo(store: Store, desk: Desk, session: str | None = None, **more: Any) -> Desk:
    """Take the last action back; the desk as it was when there is none."""
    last = to_undo(desk.events)
    return act(store, desk, "revert", session, old=last.event_id, **more) if last else desk


def redo(store: Store, desk: Desk, session: str | None = None, **more: Any) -> Desk:
    """Do again what undo took back."""
    last = to_redo(desk.events)
    return act(store, desk, "revert", session, old=last.event_id, **more) if last else desk


def submit(store: Store, desk: Desk, session: str | None = None, **more: Any) -> Desk:
    """Submit the trace: what was not judged becomes absent, marked as not explicit.

    Raises:
        UserError: A pattern is present without a quote, and it was not said that no single quote shows it.
    """
    lacking = [desk.codebook.name_of(pattern) for pattern in desk.state.lacking_quotes()]
    if lacking:
        raise UserError(f"{', '.join(lacking)}: quote the sentence that shows it, or tick “no single quote”")
    return act(store, desk, "submit", session, new=" ".join(desk.codebook.ids()), **more)


def reveal(store: Store, desk: Desk, run_id: str) -> tuple[Desk, list[Revealed]]:
    """Show what a run says of the trace. Until submit nothing of it is loaded; from then on nothing is blind.

    Raises:
        UserError: The trace was not submitted yet.
    """
    if not desk.state.submitted:
        raise UserError("submit your own labels first; the judge is revealed after")
    with store.session() as db:
        verdicts = db.execute(
            "SELECT pattern, verdict, score, why FROM verdicts WHERE run_id = ? AND trajectory_id = ?",
            [run_id, desk.trajectory_id],
        ).fetchall()
        quotes = db.execute(
            """SELECT pattern, quote, start_char, end_char, stance, role, attributes, why FROM findings
               WHERE run_id = ? AND trajectory_id = ? AND match <> 'rejected' ORDER BY start_char""",
            [run_id, desk.trajectory_id],
        ).fetchall()
    if not desk.state.revealed:
        desk = act(store, desk, "reveal", run_id=run_id, phase="review")
    names = ("quote", "start_char", "end_char", "stance", "role", "attributes", "why")
    order = {pattern: rank for rank, pattern in enumerate(desk.codebook.ids())}
    shown = [
        Revealed(
            pattern, verdict, score, why,
            tuple(dict(zip(names, row[1:], strict=True)) for row in quotes if row[0] == pattern),
            desk.state.label(pattern).reviewed,
        )
        for pattern, verdict, score, why in verdicts
    ]  # fmt: skip
    return desk, sorted(shown, key=lambda each: (order.get(each.pattern, len(order)), each.pattern))


def answer(
    store: Store,
    desk: Desk,
    shown: Revealed,
    run_id: str,
    accept: bool,
    session: str | None = None,
    **more: Any,
) -> Desk:
    """Accept a run's verdict, with its quotes, or dismiss it. Both stay in the log beside the blind label."""
    common = {"pattern": shown.pattern, "run_id": run_id, "phase": "review", **more}
    if not accept:
        return act(store, desk, "dismiss", session, **common)
    held = ("quote", "start_char", "end_char", "stance", "role")
    quotes = [
        {**{name: each[name] for name in held}, "attributes": orjson.loads(each["attributes"] or "{}")}
        for each in shown.quotes
    ]
    return act(
        store,
        desk,
        "accept",
        session,
        **common,
        new=shown.verdict,
        attributes={"quotes": quotes},
        origin="judge_accepted",
    )


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers joined: 1, 2, 3, 7 gives (1, 3), (7, 7)."""
    joined: list[tuple[int, int]] = []
    for number in numbers:
        if joined and joined[-1][1] == number - 1:
            joined[-1] = joined[-1][0], number
        else:
            joined.append((number, number))
    return joined
