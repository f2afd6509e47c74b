"""Two people in two tabs each, on one trace: whatever comes when, the log says one thing."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.store import Store
from analysis.store.rows import now
from labels.events import Event
from labels.fold import blind, fold
from labels.log import by_trajectory, events_of, record
from labels.undoing import in_force, to_redo, to_undo
from tests.labels.conftest import event as made
from tests.labels.conftest import quote

START = datetime(2026, 1, 1)
PEOPLE, TABS = ("ada", "bo"), ("left", "right")
ACTIONS = st.sampled_from([
    {"op": "set", "pattern": "p", "new": "absent"},
    {"op": "set", "pattern": "q", "new": "unsure"},
    {"op": "add_quote", "pattern": "p", "quote": "Odd pays", "start_char": 0, "end_char": 8},
    {"op": "remove_quote", "pattern": "p", "start_char": 0, "end_char": 8},
    {"op": "note", "new": "hm"},
    {"op": "flag", "new": "true"},
    {"op": "submit", "new": "p q"},
])  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(PEOPLE), st.sampled_from(TABS), st.one_of(ACTIONS, st.sampled_from(["undo", "redo"]))),
    max_size=25,
)  # fmt: skip


def event(number: int, annotator: str, tab: str, **what: Any) -> Event:
    when = START + timedelta(seconds=number)
    return Event(
        annotator=annotator,
        trajectory_id="t",
        event_id=f"{number}-{tab}",
        session=tab,
        created_at=when,
        **what,
    )


def history_of(steps: list[tuple[str, str, Any]]) -> tuple[list[Event], dict[str, list[Event]]]:
    """The log of these steps, and what a pile of done and undone actions says that each person has done."""
    log: list[Event] = []
    done: dict[str, list[Event]] = defaultdict(list)
    undone: dict[str, list[Event]] = defaultdict(list)
    for number, (person, tab, step) in enumerate(steps):
        mine = [each for each in log if each.annotator == person]
        if isinstance(step, dict):
            log.append(event(number, person, tab, **step))
            done[person].append(log[-1])
            undone[person].clear()
            continue
        found = (to_undo if step == "undo" else to_redo)(mine)
        source, target = (done, undone) if step == "undo" else (undone, done)
        assert (found is not None) == bool(source[person]), f"{step} is possible where something was done"
        if found is not None:
            log.append(event(number, person, tab, op="revert", old=found.event_id))
            target[person].append(source[person].pop())
    return log, done


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_any_interleaving_gives_each_person_what_they_did_and_did_not_undo(
    steps: list[tuple[str, str, Any]], chance: random.Random
) -> None:
    log, done = history_of(steps)
    arrived = log + chance.sample(log, len(log) // 2)
    chance.shuffle(arrived)
    mine = by_trajectory(arrived)
    for person in PEOPLE:
        events = mine.get(("t", person), [])
        assert in_force(events) == done[person]
        assert fold(events) == fold(done[person])
        assert blind(events) == blind(done[person])


@given(STEPS, st.integers(0, 25), st.sampled_from(["exposed", "reveal"]), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_nothing_that_is_done_or_undone_after_a_sight_changes_what_was_said_blind(
    steps: list[tuple[str, str, Any]], place: int, sight: str, chance: random.Random
) -> None:
    """Ada sees others' word somewhere in the middle. Her tabs call what follows blind; Bo has seen nothing."""
    log, _ = history_of(steps)
    seen = START + timedelta(seconds=place - 0.5)
    arrived = [*log, Event("ada", "t", sight, created_at=seen)]  # type: ignore[arg-type]
    chance.shuffle(arrived)
    mine, before = by_trajectory(arrived), [each for each in log if each.created_at < seen]  # type: ignore[operator]
    assert blind(mine["t", "ada"]) == blind(by_trajectory(before).get(("t", "ada"), []))
    assert blind(mine.get(("t", "bo"), [])) == blind(by_trajectory(log).get(("t", "bo"), []))


@given(STEPS, ACTIONS)
@settings(deadline=None)
def test_two_tabs_that_undo_at_the_same_moment_undo_once_and_one_redo_brings_it_back(
    steps: list[tuple[str, str, Any]], action: dict[str, Any]
) -> None:
    before = [each for each in history_of(steps)[0] if each.annotator == "ada"]
    log = [*before, event(100, "ada", "left", **action)]
    last = to_undo(log)
    assert last is log[-1]
    both = [*log, *(event(101, "ada", tab, op="revert", old=last.event_id) for tab in TABS)]
    assert fold(both) == fold(before)
    again = to_redo(both)
    assert again
    assert fold([*both, event(102, "ada", "left", op="revert", old=again.event_id)]) == fold(log)


def test_an_undo_whose_clock_ran_behind_still_undoes() -> None:
    late = event(10, "ada", "left", op="set", pattern="p", new="present")
    early = event(5, "ada", "right", op="revert", old=late.event_id)
    assert fold([late, early]).value("p") is None


def test_reverts_of_nothing_and_of_each_other_change_nothing() -> None:
    said = event(0, "ada", "left", op="set", pattern="p", new="unsure")
    loop = [
        event(1, "ada", "left", op="revert", old="2-left"),
        event(2, "ada", "left", op="revert", old="1-left"),
    ]
    assert fold([said, *loop, event(3, "ada", "left", op="revert", old="gone")]) == fold([said])


def test_tabs_of_two_people_that_write_at_once_lose_and_double_nothing(traces: Store) -> None:
    def work(person: str, tab: str) -> None:
        for number in range(6):
            with traces.session() as db:
                mine = events_of(db, person, "t0")
            last = to_undo(mine)
            if number % 3 == 2 and last:
                record(traces, [made("revert", annotator=person, session=tab, old=last.event_id)])
            else:
                twice = [
                    quote(0, 1 + number, annotator=person, session=tab, event_id=f"{person}{tab}{number}")
                ] * 2
                record(traces, twice)

    threads = [threading.Thread(target=work, args=(person, tab)) for person in PEOPLE for tab in TABS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with traces.session() as db:
        everything = events_of(db)
        raw = db.execute("SELECT count(*), count(DISTINCT event_id) FROM log.label_events").fetchone()
    assert raw == (24, 24) and len(everything) == 24
    for person in PEOPLE:
        mine = [each for each in everything if each.annotator == person]
        state = fold(mine)
        assert fold(reversed(mine)) == state
        while to_undo(mine):
            mine.append(made("revert", annotator=person, old=to_undo(mine).event_id, created_at=now()))  # type: ignore[union-attr]
        assert fold(mine).labels == {} or not any(label.quotes for label in fold(mine).labels.values())


def test_a_tab_that_has_not_noticed_the_reveal_in_another_one_writes_nothing_blind(traces: Store) -> None:
    record(traces, [made("submit", new="p q"), made("reveal", phase="review", run_id="r")])
    [late] = record(traces, [made("set", pattern="p", new="present", phase="blind")])
    assert late.phase == "review"
    record(traces, [made("exposed", annotator="bo")])
    [seen] = record(traces, [made("set", annotator="bo", pattern="p", new="present", phase="blind")])
    assert seen.phase == "assisted"
    with traces.session() as db:
        before = blind(events_of(db, "ada"))
        assert before and before.value("p") == "absent" and blind(events_of(db, "bo")) is None


def test_what_changes_between_submit_and_reveal_is_blind_only_once_it_is_submitted() -> None:
    steps: list[tuple[str, str, Any]] = [
        ("ada", "left", {"op": "set", "pattern": "p", "new": "absent"}),
        ("ada", "left", {"op": "submit", "new": "p q"}),
        ("ada", "left", {"op": "set", "pattern": "p", "new": "unsure"}),
    ]
    log, _ = history_of(steps)
    state = blind(log)
    assert state and state.value("p") == "absent" and fold(log).value("p") == "unsure"
    again = blind(history_of([*steps, ("ada", "left", {"op": "submit", "new": "p q"})])[0])
    assert again and again.value("p") == "unsure"
    withdrawn = history_of([*steps, *[("ada", "right", "undo")] * 2])[0]
    assert blind(withdrawn) is None, "the submit was undone"


@pytest.mark.parametrize(
    "wrong", [{"annotator": "bo"}, {"trajectory_id": "t1"}, {"old": "gone"}, {"repeat": 1}]
)
def test_nobody_undoes_what_is_not_their_own_on_the_trace(traces: Store, wrong: dict[str, Any]) -> None:
    [said] = record(traces, [made("set", pattern="p", new="present")])
    with pytest.raises(UserError, match="only one's own action"):
        record(traces, [made("revert", **{"old": said.event_id, **wrong})])
