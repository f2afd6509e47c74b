from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import timedelta
from typing import Any

import pytest

from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store.rows import now
from labels.events import Event
from labels.fold import fold
from labels.log import annotators, current_rows, events_of, record

TEXT = "Odd pays 😀. They asked for even."


@pytest.fixture
def filled(store: Store) -> Store:
    with store.transaction() as db:
        append(db, "trajectories", [
            {"row_id": 1, "trajectory_id": "t", "reasoning": TEXT, "reasoning_sha256": "sha", "stored_at": now()}
        ])  # fmt: skip
    return store


def event(op: str = "set", **more: Any) -> Event:
    values = {"annotator": "ada", "trajectory_id": "t", "pattern": "p", **more}
    return Event(op=op, **values)  # type: ignore[arg-type]


def quote(start: int, end: int, **more: Any) -> Event:
    return event("add_quote", start_char=start, end_char=end, quote=TEXT[start:end], **more)


def read(store: Store, **which: str) -> list[Event]:
    with store.session() as db:
        return events_of(db, **which)


def test_an_event_is_on_disk_when_record_returns(filled: Store) -> None:
    code = """
    import os, signal, sys
    from analysis.store import Store
    from labels.events import Event
    from labels.log import record
    record(Store(sys.argv[1]), [Event("ada", "t", "set", pattern="p", new="present")])
    os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code), str(filled.path)])
    assert done.returncode == -9
    assert [(each.op, each.new) for each in read(filled)] == [("set", "present")]


def test_events_come_back_as_they_were_written(filled: Store) -> None:
    written = record(filled, [
        quote(0, 11, stance="entertains", role="passing", attributes={"decoded": "wrong"}, session="s", run_id="r",
              queue_reason="uniform", queue_probability=0.25, note="n", explicit=False, origin="import", phase="review"),
        event("note", new="said", pattern=None),
    ])  # fmt: skip
    assert read(filled) == written


def test_a_repeated_event_counts_once(filled: Store) -> None:
    once = event(new="present", event_id="e")
    first, again = record(filled, [once]), record(filled, [once, once])
    assert first == [again[0]] == [again[1]] == read(filled)


def test_times_only_go_forward_even_when_the_clock_does_not(filled: Store) -> None:
    later = now() + timedelta(hours=1)
    [first] = record(filled, [event(new="present", created_at=later)])
    second, third = record(filled, [event(new="absent"), event(new="unsure")])
    assert first.created_at and second.created_at and third.created_at
    assert first.created_at < second.created_at < third.created_at
    assert fold(read(filled)).value("p") == "unsure"


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (event(trajectory_id="gone", new="present"), "there is no trajectory gone"),
        (event(new="maybe"), "present, absent, unsure, not maybe"),
        (event(annotator=" ", new="present"), "needs the name"),
        (event("add_quote", quote="Even pays", start_char=0, end_char=9), "not what the trace has at 0–9"),
        (event("add_quote", quote="Odd pays", start_char=1, end_char=9), "not what the trace has"),
        (event("add_quote", quote="", start_char=0, end_char=0), "not what the trace has"),
        (event("add_quote", quote=TEXT[-4:], start_char=-4, end_char=None), "not what the trace has"),
        (quote(0, 8, reasoning_sha256="older"), "has changed since it was opened"),
    ],
)
def test_what_is_not_true_of_the_text_is_refused_and_nothing_of_the_batch_is_written(
    filled: Store, bad: Event, complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        record(filled, [event(new="present"), bad])
    assert read(filled) == []


def test_offsets_count_code_points(filled: Store) -> None:
    record(filled, [quote(9, 10)])
    assert read(filled)[0].quote == "😀"


def test_two_people_have_two_sets_of_labels(filled: Store) -> None:
    record(filled, [event(new="present"), event(annotator="bo", new="absent")])
    with filled.session() as db:
        assert annotators(db) == ["ada", "bo"]
    assert [fold(read(filled, annotator=name)).value("p") for name in ("ada", "bo")] == ["present", "absent"]
    assert read(filled, trajectory_id="other") == []


def test_a_trajectory_is_read_as_its_view_has_it(filled: Store) -> None:
    """Replaced, retracted, retracted with its source, and stored again after that."""
    with filled.transaction() as db:
        for n, (name, source) in enumerate(
            [("a", "s"), ("b", "s"), ("b", "s"), ("c", "gone"), ("d", "gone"), ("e", "s")]
        ):
            append(db, "trajectories", [
                {"row_id": 100 + n, "trajectory_id": name, "source": source, "reasoning": f"{name}{n}", "stored_at": now() + timedelta(seconds=n)}
            ])  # fmt: skip
        append(db, "retractions", [
            {"trajectory_id": "a", "created_at": now() + timedelta(hours=1)},
            {"source": "gone", "created_at": now() + timedelta(seconds=3.5)},
        ])  # fmt: skip
        names = ["a", "b", "c", "d", "e", "never"]
        seen = db.execute(
            "SELECT trajectory_id, reasoning FROM trajectories WHERE list_contains(?, trajectory_id)", [names]
        ).fetchall()
        assert sorted(current_rows(db, names, ("trajectory_id", "reasoning"))) == sorted(seen)
    assert sorted(seen) == [("b", "b2"), ("d", "d4"), ("e", "e5")]
