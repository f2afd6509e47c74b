"""The fold of a person's events on a trajectory into what they say of it. Pure: events in, state out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from analysis.codebook import Change
from labels.carry import carried
from labels.events import Event
from labels.state import Label, Quote, Span, State, changed
from labels.undoing import in_force, in_order, to_redo, to_undo

__all__ = ["Label", "Quote", "Span", "State", "blind", "fold", "in_force", "to_redo", "to_undo"]


def fold(events: Iterable[Event], history: Sequence[Change] = ()) -> State:
    """The current state: everything that the person did and did not undo.

    Args:
        events: One person's events on one trajectory, in any order, repeated ones too.
        history: The codebook's changes. What was said before one is carried over it (`labels.carry`), and what
            was said after it builds on that.
    """
    state, ahead = State(), sorted(history, key=lambda change: change.revision)
    for event in in_force(events):
        while ahead and ahead[0].revision <= (event.codebook_revision or 0):
            state = changed(state, labels=carried(state.labels, ahead.pop(0)))
        state = _apply(state, event)
    for change in ahead:
        state = changed(state, labels=carried(state.labels, change))
    return state


def blind(events: Iterable[Event], history: Sequence[Change] = ()) -> State | None:
    """The state at submit, before the judge's or anybody else's word was seen.

    Returns:
        The fold of what was done up to the last submit before anything was revealed or seen elsewhere; None when
        nothing was submitted blind.
    """
    known = in_order(events)
    seen = next((n for n, event in enumerate(known) if event.op in ("reveal", "exposed")), len(known))
    before = [event for event in known[:seen] if event.phase == "blind"]
    submit = next((event for event in reversed(in_force(before)) if event.op == "submit"), None)
    return fold(before[: before.index(submit) + 1], history) if submit else None


def _apply(state: State, event: Event) -> State:
    if event.op == "gold":  # what somebody decided between others is no label of their own
        return state
    revision = event.codebook_revision or state.codebook_revision
    sha = event.reasoning_sha256 or state.reasoning_sha256
    if (revision, sha) != (state.codebook_revision, state.reasoning_sha256):
        state = changed(state, codebook_revision=revision, reasoning_sha256=sha)
    if state.queue_reason is None and event.queue_reason is not None:
        state = changed(state, queue_reason=event.queue_reason, queue_probability=event.queue_probability)
    match event.op:
        case "flag":
            return changed(state, flagged=event.new == "true")
        case "skip":
            return changed(state, skipped=event.note or "")
        case "submit":
            return _submitted(state, event)
        case "reveal":
            return changed(state, revealed=True)
        case "exposed":
            return changed(state, exposed=True)
        case "note" if event.pattern is None:
            return changed(state, note=event.new or None)
        case "confidence" if event.pattern is None:
            return changed(state, confidence=event.new or None)
    if event.pattern is None:
        return state
    label = _after(state.label(event.pattern), event)
    if event.codebook_revision not in (None, label.codebook_revision):
        label = changed(label, codebook_revision=event.codebook_revision)
    return changed(state, labels={**state.labels, event.pattern: label})


def _submitted(state: State, event: Event) -> State:
    labels, filled = dict(state.labels), {"value": "absent", "explicit": False}
    untouched = Label(**filled, codebook_revision=event.codebook_revision)  # type: ignore[arg-type]
    for pattern in (event.new or "").split():
        label = labels.get(pattern)
        if label is None:
            labels[pattern] = untouched
        else:
            more = filled if label.value is None else {}
            labels[pattern] = changed(label, codebook_revision=event.codebook_revision, **more)
    return changed(state, labels=labels, submitted=True, submitted_at=event.created_at, skipped=None)


def _after(label: Label, event: Event) -> Label:
    match event.op:
        case "set":
            return _set(label, event)
        case "add_quote":
            return _with_quotes(label, {**label.quotes, **_quote(event)}, event.origin)
        case "remove_quote":
            left = {span: quote for span, quote in label.quotes.items() if span != _span(event)}
            return _with_quotes(label, left, event.origin)
        case "edit_quote":
            kept = {f"{a}:{b}": quote for (a, b), quote in label.quotes.items() if f"{a}:{b}" != event.old}
            others = {(quote.start_char, quote.end_char): quote for quote in kept.values()}
            return _with_quotes(label, {**others, **_quote(event)}, event.origin)
        case "note":
            return changed(label, note=event.new or None)
        case "confidence":
            return changed(label, confidence=event.new or None)
        case "dismiss":
            return changed(label, reviewed="dismissed")
        case "accept":
            return _accepted(label, event)
    return label


def _set(label: Label, event: Event) -> Label:
    quotes = label.quotes
    if event.new in ("absent", None):  # evidence for it can't stand beside the word that it is not there
        quotes = {span: quote for span, quote in quotes.items() if not quote.makes_present()}
    return changed(
        label,
        value=event.new,
        explicit=event.explicit,
        origin=event.origin,
        by_quote=False,
        no_single_quote=event.new == "present" and bool(event.attributes.get("no_single_quote")),
        quotes=quotes,
    )


def _with_quotes(label: Label, quotes: Mapping[Span, Quote], origin: str) -> Label:
    """The label with these quotes: one that makes it present does, and the last one's going takes that back."""
    label = changed(label, quotes=dict(sorted(quotes.items())))
    if any(quote.makes_present() for quote in quotes.values()):
        if label.value == "present":
            return label
        return changed(label, value="present", explicit=True, by_quote=True, origin=origin)
    return changed(label, value=None, by_quote=False) if label.by_quote else label


def _accepted(label: Label, event: Event) -> Label:
    quotes = dict(label.quotes)
    for each in event.attributes.get("quotes", ()):
        quote = Quote(**{**each, "origin": event.origin})
        quotes.setdefault((quote.start_char, quote.end_char), quote)
    if event.new == "absent":
        quotes = {span: quote for span, quote in quotes.items() if not quote.makes_present()}
    return changed(
        label,
        value=event.new,
        explicit=True,
        origin=event.origin,
        by_quote=False,
        quotes=dict(sorted(quotes.items())),
        reviewed="accepted",
    )


def _span(event: Event) -> Span:
    return int(event.start_char or 0), int(event.end_char or 0)


def _quote(event: Event) -> dict[Span, Quote]:
    start, end = _span(event)
    quote = Quote(
        start, end, event.quote or "", event.stance, event.role, dict(event.attributes), event.origin
    )
    return {(start, end): quote}
