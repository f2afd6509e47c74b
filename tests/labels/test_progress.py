"""What a lead sees of everybody's work."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from judged import Lab

from analysis.store import Store, append
from analysis.store.rows import now
from labels import queue
from labels.events import Event
from labels.log import record
from labels.progress import Person, overview, people
from labels.queue_design import Settings, make

START = datetime(2026, 1, 1)


@pytest.fixture
def lab(store: Store) -> Lab:
    lab = Lab(store)
    lab.traces(6)
    return lab


def did(lab: Lab, who: str, name: str, *steps: tuple[str, int, dict[str, Any]], **more: Any) -> None:
    record(lab.store, [
        Event(who, name, op, created_at=START + timedelta(seconds=at), reasoning_sha256=lab.sha[name], **what, **more)  # type: ignore[arg-type]
        for op, at, what in steps
    ])  # fmt: skip


def by_name(lab: Lab) -> dict[str, Person]:
    with lab.store.session() as db:
        return {each.annotator: each for each in people(db)}


def label(lab: Lab, who: str, name: str, seconds: int, **values: str) -> None:
    said = [("set", 1, {"pattern": pattern, "new": value}) for pattern, value in values.items()]
    did(lab, who, name, ("open", 0, {"queue_reason": "uniform"}), *said, ("submit", seconds, {"new": "p q"}))


def test_each_person_with_what_they_did_what_is_left_and_how_long_they_take(lab: Lab) -> None:
    with lab.store.session():
        label(lab, "ada", "t0", 60, p="present")
        label(lab, "ada", "t1", 100, p="absent")
        label(lab, "ada", "t2", 80_000, p="absent")
        did(lab, "ada", "t3", ("open", 0, {}), ("flag", 1, {"new": "true"}), ("skip", 2, {"note": "long"}))
        did(lab, "ada", "t4", ("open", 0, {"queue_reason": "self-selected"}))
        did(lab, "ada", "t0", ("reveal", 200, {"phase": "review", "run_id": "r"}))
        did(lab, "ada", "t1", ("open", 300, {}), ("submit", 310, {"new": "p q"}), repeat=1)
        label(lab, "bo", "t0", 10, p="absent")
        did(lab, "bo", "t1", ("exposed", 0, {}), ("submit", 1, {"new": "p q"}))
        did(lab, "cy", "t5", ("exposed", 0, {}))
        found = by_name(lab)
    assert list(found) == ["ada", "bo"], "who only looked has not labelled"
    ada, bo = found["ada"], found["bo"]
    assert (ada.done, ada.left, ada.under_way, ada.skipped, ada.flagged) == (3, 1, 1, 1, 1)
    assert (ada.revealed, ada.repeats, ada.searched_out, ada.not_blind) == (1, 1, 0, 0)
    assert ada.seconds == 100, "the median forgets the night in between"
    assert (ada.compared, ada.same, ada.alpha) == (2, 0.5, pytest.approx(0.0))
    assert (bo.done, bo.not_blind, bo.seconds, bo.compared) == (2, 1, 10, 2)
    assert ada.last == START + timedelta(seconds=80_000) and ada.as_row()["annotator"] == "ada"


def test_a_person_who_is_alone_has_no_agreement(lab: Lab) -> None:
    label(lab, "ada", "t0", 60)
    ada = by_name(lab)["ada"]
    assert (ada.compared, ada.same, ada.alpha) == (0, None, None)


def test_the_queue_with_what_is_labelled_and_what_is_done_by_all_whom_it_wants(lab: Lab) -> None:
    with lab.store.session() as db:
        before = overview(db)
        assert before.queue is None and before.total == {"drawn": 0, "labelled": 0, "done": 0}
        made = make(lab.store, Settings(size=6, overlap=0.5, repeats=0, seed=1))
        taken: dict[str, int] = {}
        for who, limit in (("ada", 6), ("bo", 1)):
            for _ in range(limit):
                item = queue.take(lab.store, who)
                assert item
                taken[item.trajectory_id] = taken.get(item.trajectory_id, 0) + 1
                said = "present" if who == "bo" else "absent"
                did(
                    lab,
                    who,
                    item.trajectory_id,
                    ("set", 1, {"pattern": "p", "new": said}),
                    ("submit", 5, {"new": "p"}),
                )
        found = overview(db)
    assert found.queue == made
    assert found.reasons == ({"reason": "uniform", "drawn": 6, "labelled": 6, "done": 4},)
    assert (found.overlap, found.overlap_done, found.conflicts) == (3, 1, 1)
    assert sorted(taken.values()) == [1, 1, 1, 1, 1, 2]


def test_a_trace_that_was_stored_again_counts_once_and_one_that_was_taken_back_not_at_all(lab: Lab) -> None:
    make(lab.store, Settings(size=6, overlap=0, repeats=0, seed=1))
    label(lab, "ada", "t0", 60, p="absent")

    def told() -> tuple[int, int, int]:
        with lab.store.session() as db:
            total = overview(db).total
        return total["drawn"], total["labelled"], by_name(lab)["ada"].left

    assert told() == (6, 1, 5)
    lab.traces(6)
    assert told() == (6, 1, 5)
    with lab.store.transaction() as db:
        append(db, "retractions", [{"trajectory_id": name, "created_at": now()} for name in ("t0", "t1")])
    assert told() == (4, 0, 4)
