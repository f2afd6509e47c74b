"""Who has seen what a run says of a trace is not blind on it from then on, wherever it was seen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from judged import Lab

from analysis import codebook
from analysis.store import Store
from labels.fold import blind
from labels.labeling import Desk, act, sit_down, submit, undo
from labels.log import events_of
from labels.seen import open_to, saw


@pytest.fixture
def lab(store: Store) -> Iterator[Lab]:
    with store.session():  # opening the file anew for each session is most of a short test's time
        lab = Lab(store)
        lab.traces(3)
        yield lab


def desk(lab: Lab, name: str, repeat: int = 0) -> Desk:
    with lab.store.session() as db:
        return sit_down(db, "ada", name, codebook.load(), repeat)


def ops(lab: Lab) -> list[tuple[str, str]]:
    with lab.store.session() as db:
        return [
            (event.trajectory_id, event.op)
            for event in events_of(db, "ada")
            if event.op in ("exposed", "reveal")
        ]


def test_what_was_not_submitted_is_exposed_and_what_was_is_revealed_each_once(lab: Lab) -> None:
    submit(lab.store, desk(lab, "t0"))
    for _ in range(2):
        saw(lab.store, "ada", ["t0", "t1", "t1"], "a-run")
    assert sorted(ops(lab)) == [("t0", "reveal"), ("t1", "exposed")]
    assert desk(lab, "t1").phase == "assisted" and desk(lab, "t2").phase == "blind"


def test_a_submit_that_is_undone_after_looking_changes_no_blind_label(lab: Lab) -> None:
    act(lab.store, desk(lab, "t0"), "set", pattern="eval_aware", new="absent")
    submit(lab.store, desk(lab, "t0"))
    saw(lab.store, "ada", ["t0"], "a-run")
    undo(lab.store, desk(lab, "t0"))
    act(lab.store, desk(lab, "t0"), "set", pattern="eval_aware", new="unsure")
    submit(lab.store, desk(lab, "t0"))
    state = blind(desk(lab, "t0").events)
    assert state is not None and state.value("eval_aware") == "absent"
    assert desk(lab, "t0").state.value("eval_aware") == "unsure", "what was said after it is kept as review"


def test_who_saw_the_findings_elsewhere_is_no_longer_blind(lab: Lab) -> None:
    assert [saw(lab.store, "ada", ["t0"], "a-run") for _ in range(2)] == [1, 0]
    after = act(lab.store, desk(lab, "t0"), "set", pattern="eval_aware", new="absent")
    assert [(e.op, e.phase) for e in after.events] == [
        ("exposed", "blind"),
        ("open", "assisted"),
        ("set", "assisted"),
    ]


def test_who_submitted_and_sees_what_others_say_keeps_that_label_and_makes_no_other_blind_one(
    lab: Lab,
) -> None:
    act(lab.store, desk(lab, "t0"), "set", pattern="eval_aware", new="absent")
    submit(lab.store, desk(lab, "t0"))
    assert saw(lab.store, "ada", ["t0"]) == 0, "they were done being blind on it"
    assert ops(lab) == [("t0", "exposed")] and not desk(lab, "t0").state.revealed, "no run was shown"
    late = act(lab.store, desk(lab, "t0"), "set", pattern="eval_aware", new="unsure")
    assert late.events[-1].phase == "assisted"
    for change in (submit, undo, undo, submit):
        change(lab.store, desk(lab, "t0"))
        state = blind(desk(lab, "t0").events)
        assert state is not None and state.value("eval_aware") == "absent"


def test_a_persons_own_submitted_and_exposed_traces_are_open_to_them_and_no_others(lab: Lab) -> None:
    submit(lab.store, desk(lab, "t0"))
    saw(lab.store, "ada", ["t1"], "a-run")
    lab.label("bo", "t2", {"eval_aware": "absent"})
    with lab.store.session() as db:
        assert (
            open_to(db, "ada") == {"t0", "t1"} and open_to(db, "bo") == {"t2"} and open_to(db, "cy") == set()
        )


def test_a_trace_that_is_labelled_a_second_time_is_closed_until_then_and_not_blind_once_seen(
    lab: Lab,
) -> None:
    submit(lab.store, desk(lab, "t0"))
    act(lab.store, desk(lab, "t0", repeat=1), "set", pattern="eval_aware", new="absent")
    with lab.store.session() as db:
        assert open_to(db, "ada") == set()
    saw(lab.store, "ada", ["t0"], "a-run")
    assert desk(lab, "t0", repeat=1).phase == "assisted"
    with lab.store.session() as db:
        assert open_to(db, "ada") == {"t0"}
