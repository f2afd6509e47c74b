from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from labels.events import Event
from labels.fold import blind, fold
from labels.undoing import UNDOABLE, in_force, to_redo, to_undo

START = datetime(2026, 1, 1)
TEXT = "Odd pays. They asked for even."
A, B = (0, 9), (10, 30)


def event(op: str, minute: int = 0, **more: Any) -> Event:
    more.setdefault("annotator", "ada")
    return Event(trajectory_id="t", op=op, created_at=START + timedelta(minutes=minute), **more)  # type: ignore[arg-type]


def history(*steps: tuple[str, dict[str, Any]]) -> list[Event]:
    return [event(op, minute, event_id=f"e{minute}", **more) for minute, (op, more) in enumerate(steps)]


def quote(span: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {"pattern": "p", "start_char": span[0], "end_char": span[1], "quote": TEXT[slice(*span)], **more}


def test_a_quote_makes_its_pattern_present_and_taking_it_off_takes_that_back() -> None:
    steps = [
        ("add_quote", quote(A)),
        ("add_quote", quote(B)),
        ("remove_quote", quote(A)),
        ("remove_quote", quote(B)),
    ]
    values = [fold(history(*steps[:n])).value("p") for n in range(5)]
    assert values == [None, "present", "present", "present", None]


def test_a_present_that_was_said_outright_outlives_its_quotes() -> None:
    state = fold(
        history(
            ("set", {"pattern": "p", "new": "present"}), ("add_quote", quote(A)), ("remove_quote", quote(A))
        )
    )
    assert state.value("p") == "present" and state.lacking_quotes() == ["p"]


def test_a_quote_that_only_rejects_does_not_make_its_pattern_present() -> None:
    state = fold(history(("add_quote", quote(A, stance="rejects")), ("submit", {"new": "p q"})))
    assert (state.value("p"), list(state.label("p").quotes)) == ("absent", [A])


def test_absent_takes_the_evidence_for_present_away_and_undo_brings_it_back() -> None:
    steps = history(("add_quote", quote(A)), ("set", {"pattern": "p", "new": "absent"}))
    assert fold(steps).label("p").quotes == {}
    undo = event("revert", 9, old=steps[1].event_id)
    assert fold([*steps, undo]) == fold(steps[:1])


def test_what_was_not_judged_becomes_absent_on_submit_and_is_marked_as_not_explicit() -> None:
    state = fold(history(("set", {"pattern": "p", "new": "unsure"}), ("submit", {"new": "p q r"})))
    assert {k: (v.value, v.explicit) for k, v in state.labels.items()} == {
        "p": ("unsure", True), "q": ("absent", False), "r": ("absent", False),
    }  # fmt: skip
    assert state.submitted and state.submitted_at == START + timedelta(minutes=1)


def test_present_needs_a_quote_or_the_word_that_no_single_one_shows_it() -> None:
    said = {"pattern": "p", "new": "present"}
    assert fold(history(("set", said))).lacking_quotes() == ["p"]
    assert fold(history(("set", {**said, "attributes": {"no_single_quote": True}}))).lacking_quotes() == []
    assert fold(history(("set", said), ("add_quote", quote(A)))).lacking_quotes() == []


def test_the_blind_label_stays_what_it_was_at_submit() -> None:
    verdict = {"pattern": "p", "new": "present", "run_id": "r", "phase": "review", "origin": "judge_accepted"}
    spans = {"quotes": [{"start_char": 0, "end_char": 9, "quote": "Odd pays.", "stance": "asserts"}]}
    steps = history(
        ("set", {"pattern": "p", "new": "absent"}), ("submit", {"new": "p q"}), ("reveal", {"run_id": "r", "phase": "review"}),
        ("accept", {**verdict, "attributes": spans}), ("dismiss", {**verdict, "pattern": "q"}),
    )  # fmt: skip
    before, after = blind(steps), fold(steps)
    assert before and before.value("p") == "absent" and not before.revealed
    assert (after.value("p"), after.label("p").origin, after.label("p").reviewed) == (
        "present",
        "judge_accepted",
        "accepted",
    )
    assert list(after.label("p").quotes) == [A] and after.label("q").reviewed == "dismissed"
    assert after.value("q") == "absent", "dismissing the judge leaves one's own word"


def test_what_was_labeled_after_seeing_the_findings_elsewhere_is_not_blind() -> None:
    seen = history(
        ("exposed", {}),
        ("set", {"pattern": "p", "new": "present", "phase": "assisted"}),
        ("submit", {"new": "p", "phase": "assisted"}),
    )
    assert blind(seen) is None and fold(seen).submitted and fold(seen).exposed
    assert blind(history(("set", {"pattern": "p", "new": "absent"}))) is None, "nothing was submitted"


def test_editing_a_quote_moves_it() -> None:
    state = fold(
        history(("add_quote", quote(B)), ("edit_quote", quote((10, 20), old="10:30", stance="entertains")))
    )
    [(span, held)] = state.label("p").quotes.items()
    assert (span, held.quote, held.stance) == ((10, 20), "They asked", "entertains")


def test_skip_flag_note_and_confidence() -> None:
    state = fold(history(
        ("skip", {"note": "too long"}), ("flag", {"new": "true"}), ("note", {"new": "odd one"}),
        ("note", {"new": "of p", "pattern": "p"}), ("confidence", {"new": "low", "pattern": "p"}),
    ))  # fmt: skip
    assert (state.skipped, state.flagged, state.note) == ("too long", True, "odd one")
    assert (state.label("p").note, state.label("p").confidence) == ("of p", "low")
    assert fold([*history(("skip", {"note": "x"})), event("submit", 5, new="p")]).skipped is None


SPANS = st.sampled_from([A, B, (10, 14)])
PATTERNS = st.sampled_from("pq")
ACTIONS = st.one_of(
    st.builds(lambda p, v: ("set", {"pattern": p, "new": v}), PATTERNS, st.sampled_from(["present", "absent", "unsure", None])),
    st.builds(lambda p, s, k: ("add_quote", {**quote(s), "pattern": p, "stance": k}), PATTERNS, SPANS, st.sampled_from([None, "rejects", "entertains"])),
    st.builds(lambda p, s: ("remove_quote", {**quote(s), "pattern": p}), PATTERNS, SPANS),
    st.builds(lambda p, s, o: ("edit_quote", {**quote(s), "pattern": p, "old": f"{o[0]}:{o[1]}"}), PATTERNS, SPANS, SPANS),
    st.builds(lambda n: ("note", {"new": n}), st.text(max_size=3)),
    st.just(("flag", {"new": "true"})),
    st.just(("skip", {"note": "x"})),
    st.just(("submit", {"new": "p q"})),
    st.just(("accept", {"pattern": "p", "new": "present", "attributes": {"quotes": [{"start_char": 0, "end_char": 9, "quote": "Odd pays."}]}})),
)  # fmt: skip
HISTORIES = st.lists(ACTIONS, max_size=14).map(lambda steps: history(*steps))


@given(HISTORIES, st.randoms())
@settings(deadline=None)
def test_the_fold_depends_neither_on_the_order_of_arrival_nor_on_repeats(
    events: list[Event], chance: random.Random
) -> None:
    arrived = events + chance.sample(events, len(events) // 2)
    chance.shuffle(arrived)
    assert fold(arrived) == fold(events) and blind(arrived) == blind(events)


@given(HISTORIES, ACTIONS)
@settings(deadline=None)
def test_undo_restores_exactly_what_was_and_redo_exactly_what_undo_took(
    events: list[Event], action: tuple[str, dict[str, Any]]
) -> None:
    after = [*events, event(action[0], 50, event_id="last", **action[1])]
    undone = to_undo(after)
    assert undone and undone.event_id == "last"
    taken_back = [*after, event("revert", 51, event_id="undo", old="last")]
    assert fold(taken_back) == fold(events)
    assert to_redo(taken_back) == taken_back[-1]
    assert fold([*taken_back, event("revert", 52, event_id="redo", old="undo")]) == fold(after)


@given(HISTORIES)
@settings(deadline=None)
def test_undo_all_the_way_and_redo_all_the_way_walk_the_same_states(events: list[Event]) -> None:
    log, states = list(events), [fold(events)]
    while last := to_undo(log):
        log.append(event("revert", len(log) + 100, event_id=f"u{len(log)}", old=last.event_id))
        states.append(fold(log))
    assert fold(log) == fold([]) and len(states) == len(events) + 1
    for expected in reversed(states[:-1]):
        last_undo = to_redo(log)
        assert last_undo
        log.append(event("revert", len(log) + 100, event_id=f"r{len(log)}", old=last_undo.event_id))
        assert fold(log) == expected
    assert to_redo(log) is None


@given(HISTORIES)
@settings(deadline=None)
def test_two_people_never_change_each_others_labels(events: list[Event]) -> None:
    other = [event("set", 3, annotator="bo", event_id="other", pattern="p", new="absent")]
    mine = [each for each in [*events, *other] if each.annotator == "ada"]
    assert fold(mine) == fold(events)


def test_what_was_seen_can_not_be_unseen() -> None:
    assert UNDOABLE.isdisjoint({"open", "reveal", "exposed", "revert", "gold"})
    assert to_undo(history(("open", {}), ("reveal", {}))) is None


def test_a_new_action_after_undo_leaves_nothing_to_redo() -> None:
    events = history(("flag", {"new": "true"}), ("revert", {"old": "e0"}), ("note", {"new": "x"}))
    assert to_redo(events) is None and [each.op for each in in_force(events)] == ["note"]
