"""Queues on a store: what is drawn and why, who is given what, leases, overlap, repeats, and rates in the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import UserError
from analysis.measure.weights import weights
from analysis.store import Store, append
from analysis.store.rows import now
from labels import gold, queue
from labels.events import Event
from labels.importing import import_events
from labels.log import events_of, record
from labels.queue_design import Settings, current, make
from labels.queue_strata import SHARES
from labels.transfer import write

TRACES = 40
LATE = timedelta(hours=5)


@pytest.fixture
def filled(closed: Store) -> Iterator[Store]:
    """The store of `closed`, with its file kept open, so that each session is quick."""
    with closed.session():
        yield closed


@pytest.fixture
def closed(template: Store, tmp_path: Path) -> Store:
    return Store(shutil.copy(template.path, tmp_path / "store.duckdb"), busy_limit=60)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """40 traces; the run says p of the first ten, is unsure of two more, and says q of the first alone."""
    store = Store(tmp_path_factory.mktemp("queue") / "store.duckdb")
    with store.transaction() as db:
        ids = [f"t{n:02}" for n in range(TRACES)]
        append(db, "trajectories", [
            {"row_id": n, "trajectory_id": name, "source": "s", "checkpoint": "c", "prompt_id": "x", "stored_at": now(),
             "reasoning": "Odd pays.", "reasoning_state": "text", "reasoning_sha256": "sha", "messages": "[]", "metadata": "{}"}
            for n, name in enumerate(ids)
        ])  # fmt: skip
        append(db, "runs", [{"run_id": "r", "tagger": "judge", "config": "{}", "created_at": now()}])
        append(db, "attempts", [
            {"attempt_id": n, "run_id": "r", "trajectory_id": name, "state": "ok", "reasoning_sha256": "sha", "created_at": now()}
            for n, name in enumerate(ids)
        ])  # fmt: skip
        append(db, "verdicts", [
            {"attempt_id": n, "run_id": "r", "trajectory_id": name, "pattern": "p", "score": 10.0,
             "verdict": "present" if n < 10 else "unsure" if n < 12 else "absent", "present_share": 0.6 if n == 9 else None}
            for n, name in enumerate(ids)
        ])  # fmt: skip
        append(db, "verdicts", [
            {"attempt_id": n, "run_id": "r", "trajectory_id": name, "pattern": "q", "verdict": "absent", "score": 30.0 * (n == 5)}
            for n, name in enumerate(ids)
        ])  # fmt: skip
        append(
            db, "clusters", [{"clustering_id": "k", "cluster": n, "created_at": now()} for n in (-1, 0, 1)]
        )
        append(db, "cluster_members", [
            {"clustering_id": "k", "cluster": n % 3 - 1, "trajectory_id": name, "reasoning_sha256": "sha"}
            for n, name in enumerate(ids)
        ])  # fmt: skip
    return store


def settings(**more: Any) -> Settings:
    return Settings(**{"size": 20, "run_id": "r", "seed": 3, **more})


def do(store: Store, op: str, annotator: str, trajectory_id: str, **more: Any) -> None:
    record(store, [Event(annotator, trajectory_id, op, reasoning_sha256="sha", **more)])  # type: ignore[arg-type]


def label_all(store: Store, annotator: str, limit: int = 1000) -> list[queue.Taken]:
    found: list[queue.Taken] = []
    while len(found) < limit and (taken := queue.take(store, annotator)):
        found.append(taken)
        do(store, "submit", annotator, taken.trajectory_id, new="p q", repeat=taken.repeat)
    return found


def items(store: Store) -> dict[str, tuple[str | None, float, int | None]]:
    with store.session() as db:
        rows = db.execute("SELECT trajectory_id, reason, probability, people FROM queue_items").fetchall()
    return {name: tuple(row) for name, *row in rows}  # type: ignore[misc]


def test_a_queue_says_of_each_trace_why_it_was_drawn_and_of_all_with_what_probability(filled: Store) -> None:
    do(filled, "flag", "ada", "t30", new="true")
    do(filled, "set", "ada", "t00", pattern="p", new="absent")
    do(filled, "submit", "ada", "t00", new="p q")
    made = make(filled, settings(overlap=0), made_by="lead")
    told = {each["reason"]: each["traces"] for each in made.drawn}
    assert told == {
        "uniform": 40, "verdict: p": 10, "verdict: nothing found": 30, "unsure": 3, "against": 1, "rare: q": 1,
        "clusters: 0": 13, "clusters: 1": 13, "flagged": 1,
    }  # fmt: skip
    held = items(filled)
    assert len(held) == TRACES and all(0 < chance <= 1 for _, chance, _ in held.values())
    assert sum(chance for _, chance, _ in held.values()) == pytest.approx(20, abs=1.5)
    assert held["t30"][1:] == (1.0, 1) and held["t00"][1:] == (1.0, 2), "a second look wants one person more"
    drawn = {name for name, (reason, _, _) in held.items() if reason}
    assert all(people is None for name, (_, _, people) in held.items() if name not in drawn)
    with filled.session() as db:
        assert current(db) == made


def test_active_picks_are_drawn_by_how_unsure_the_run_is_with_their_probability(filled: Store) -> None:
    made = make(filled, settings(shares={"uniform": 0.5, "uncertain": 0.5}, overlap=0))
    told = {each["reason"]: each["traces"] for each in made.drawn}
    assert told == {"uniform": 40, "uncertain: p": 40, "uncertain: q": 1}, "q has one score that is not 0"
    chances = {name: chance for name, (_, chance, _) in items(filled).items()}
    assert chances.pop("t05") == 1 and len(set(chances.values())) == 1 and min(chances.values()) > 0.3
    without = make(filled, settings(run_id=None, shares={"uniform": 0.5, "uncertain": 0.5}))
    assert [each["reason"] for each in without.drawn] == ["uniform"], "nothing to go by"
    assert "uncertain" not in {each["reason"].split(":")[0] for each in make(filled, settings()).drawn}


def test_the_same_seed_draws_the_same_and_the_newest_queue_counts(filled: Store) -> None:
    first = make(filled, settings())
    once = items(filled)
    second = make(filled, settings())
    with filled.session() as db:
        rows = db.execute(
            "SELECT DISTINCT trajectory_id, reason, probability, people FROM queue_items"
        ).fetchall()
        newest = current(db)
    assert len(rows) == len(once) and newest == second != first


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"shares": {**SHARES, "uniform": 0.1}}, "30% of a queue is uniform"),
        ({"shares": {"uniform": 1, "luck": 1}}, "not by luck"),
        ({"size": 0}, "at least one trace"),
        ({"overlap": 1.5}, "shares from 0 to 1"),
        ({"where": "nonsense ="}, "--where"),
        ({"where": "false"}, "no trace to label"),
    ],
)
def test_what_would_be_no_queue_is_refused_in_one_line(
    filled: Store, wrong: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        make(filled, settings(**wrong))
    with filled.session() as db:
        assert current(db) is None


def test_a_queue_without_a_run_is_uniform_over_what_it_may_draw(filled: Store) -> None:
    made = make(filled, Settings(size=5, where="trajectory_id >= 't20'"))
    assert [each["reason"] for each in made.drawn] == ["uniform", "clusters: 0", "clusters: 1"]
    assert len(items(filled)) == 20


def test_one_share_goes_to_two_people_in_orders_of_their_own_and_the_rest_to_one(filled: Store) -> None:
    make(filled, settings(size=20, shares={"uniform": 1}, repeats=0))
    wanted = {name: people for name, (reason, _, people) in items(filled).items() if reason}
    assert Counter(wanted.values()) == {1: 16, 2: 4}
    ada = [each.trajectory_id for each in label_all(filled, "ada", limit=12)]
    bo = [each.trajectory_id for each in label_all(filled, "bo")]
    ada += [each.trajectory_id for each in label_all(filled, "ada")]
    assert label_all(filled, "cy") == [], "nothing is left for a third"
    assert Counter(ada + bo) == wanted
    both = [name for name in ada if name in bo]
    assert both != [name for name in bo if name in ada] and len(both) == 4
    with filled.session() as db:
        opened = [event for event in events_of(db) if event.op == "open"]
    held = items(filled)
    assert all((e.queue_reason, e.queue_probability) == held[e.trajectory_id][:2] for e in opened)


def test_a_trace_waits_for_who_opened_it_until_the_lease_ends(filled: Store) -> None:
    make(filled, settings(size=40, overlap=0, where="trajectory_id < 't01'"))
    taken = queue.take(filled, "ada")
    assert taken and queue.take(filled, "bo") is None
    assert queue.take(filled, "ada") == taken, "it is still hers"
    assert queue.take(filled, "bo", at=now() + LATE) == taken
    assert queue.take(filled, "ada", at=now() + LATE) is None, "now it is his"
    do(filled, "submit", "ada", taken.trajectory_id, new="p q")
    with filled.session() as db:
        assert len(gold.blind_labels(events_of(db))) == 2, "work that comes late is kept"


def test_a_lease_that_ended_is_renewed_where_nobody_took_over(filled: Store) -> None:
    make(filled, settings(size=40, overlap=0, where="trajectory_id < 't01'"))
    taken = queue.take(filled, "ada")
    assert queue.take(filled, "ada", at=now() + LATE) == taken
    assert queue.take(filled, "bo", at=now() + LATE) is None


def test_skipping_passes_a_trace_on_and_undoing_the_skip_takes_it_back(filled: Store) -> None:
    make(filled, settings(size=40, overlap=0, where="trajectory_id < 't01'"))
    taken = queue.take(filled, "ada")
    assert taken
    record(filled, [Event("ada", taken.trajectory_id, "skip", event_id="skip", note="long")])
    with filled.session() as db:
        assert queue.next_trace(db, "ada") is None and queue.next_trace(db, "bo") == taken.trajectory_id
    do(filled, "revert", "ada", taken.trajectory_id, old="skip")
    assert queue.take(filled, "bo") is None and queue.take(filled, "ada") == taken


def test_who_searches_a_trace_out_does_not_take_the_place_of_the_one_whom_chance_would_send(
    filled: Store,
) -> None:
    make(filled, settings(size=40, overlap=0, where="trajectory_id < 't01'"))
    do(filled, "open", "ada", "t00", queue_reason="self-selected")
    do(filled, "submit", "ada", "t00", new="p q")
    assert queue.take(filled, "ada") is None
    assert queue.take(filled, "bo") == queue.Taken("t00")


def test_a_trace_whose_findings_were_seen_elsewhere_comes_last_and_does_not_count_as_done(
    filled: Store,
) -> None:
    make(filled, settings(size=40, overlap=0, repeats=0, where="trajectory_id < 't08'"))
    with filled.session() as db:
        first = queue.next_trace(db, "ada")
    assert first
    do(filled, "exposed", "ada", first)
    order = [each.trajectory_id for each in label_all(filled, "ada")]
    assert order[-1] == first and len(order) == 8
    with filled.session() as db:
        last = next(e for e in events_of(db, "ada", first) if e.op == "submit")
        assert last.phase == "assisted"
    assert queue.take(filled, "bo", at=now() + LATE) == queue.Taken(first)


def test_some_traces_come_to_the_same_person_twice_long_after_and_their_labels_stay_apart(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "REPEAT_AFTER", 8)
    make(filled, settings(size=20, repeats=0.3))
    done = label_all(filled, "ada")
    again = [each for each in done if each.repeat]
    assert again and len({each.trajectory_id for each in again}) == len(again)
    for each in again:
        place = done.index(each)
        first = done.index(queue.Taken(each.trajectory_id))
        assert sum(not other.repeat for other in done[first + 1 : place]) >= queue.REPEAT_AFTER
    with filled.session() as db:
        assert len(gold.blind_labels(events_of(db), repeat=1)) == 2 * len(again)
        assert len(gold.blind_labels(events_of(db))) == 2 * (len(done) - len(again)), (
            "rates have each trace once"
        )
        assert queue.progress(db, "ada").submitted == len(done) - len(again)


def test_what_the_judge_was_revealed_on_is_no_repeat(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "REPEAT_AFTER", 3)
    make(filled, settings(size=40, repeats=1.0))
    with filled.session() as db:
        for _ in range(6):
            taken = queue.take(filled, "ada")
            assert taken and not taken.repeat
            do(filled, "submit", "ada", taken.trajectory_id, new="p q")
            do(filled, "reveal", "ada", taken.trajectory_id, phase="review", run_id="r")
        assert len(events_of(db, "ada")) == 18


WORKER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from labels import queue
    from labels.events import Event
    from labels.log import record
    from analysis.store import Store
    store = Store(Path(sys.argv[1]), busy_limit=60)
    print("ready", flush=True)
    sys.stdin.readline()
    while taken := queue.take(store, sys.argv[2]):
        record(store, [Event(sys.argv[2], taken.trajectory_id, "submit", new="p q", repeat=taken.repeat)])
    """
)


def test_people_who_start_at_the_same_instant_in_different_processes_never_break_the_overlap(
    closed: Store,
) -> None:
    make(closed, settings(size=10, overlap=0.5, repeats=0))
    wanted = {name: people for name, (reason, _, people) in items(closed).items() if reason}
    people = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(closed.path), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for name in ("ada", "bo")
    ]  # fmt: skip
    for person in people:
        assert person.stdout and person.stdout.readline() == b"ready\n"
    for person in people:
        assert person.stdin
        person.stdin.write(b"go\n")
        person.stdin.flush()
    assert [person.wait(120) for person in people] == [0, 0]
    with closed.session() as db:
        submitted = [e for e in events_of(db) if e.op == "submit"]
        opened = {(e.annotator, e.trajectory_id) for e in events_of(db) if e.op == "open"}
    by_trace = defaultdict(list)
    for event in submitted:
        by_trace[event.trajectory_id].append(event.annotator)
    assert {name: len(set(who)) for name, who in by_trace.items()} == wanted
    assert len(submitted) == len(opened) == sum(p for p in wanted.values() if p)


def test_rates_from_a_queue_that_looks_for_positives_are_weighted_back(filled: Store) -> None:
    """p is in the first ten traces, of which the queue draws all; a quarter is the truth."""
    shares = {"uniform": 0.3, "verdict": 0.7}
    make(filled, settings(size=18, shares=shares, overlap=0, repeats=0))
    with filled.session() as db:
        while taken := queue.take(filled, "ada"):
            value = "present" if taken.trajectory_id < "t10" else "absent"
            do(filled, "set", "ada", taken.trajectory_id, pattern="p", new=value)
            do(filled, "submit", "ada", taken.trajectory_id, new="p q")
        labels = gold.frame(db).to_pylist()
        [cell] = [c.as_row() for c in gold.frequencies(db, "r", patterns=["p"])]
    plain = sum(row["value"] == "present" for row in labels if row["pattern"] == "p") / cell["labels"]
    assert plain > 0.35 and abs(cell["label_share"] - 0.25) < 0.09
    assert cell["label_effective_n"] < cell["labels"] == len(labels) / 2
    assert cell["corrected"] == pytest.approx(10 / 38, abs=1e-9), "two verdicts are unsure"
    horvitz_thompson = sum(1 / row["probability"] for row in labels if row["pattern"] == "p")
    assert horvitz_thompson == pytest.approx(TRACES, rel=0.25)


def test_labels_of_several_queues_and_of_before_any_have_one_probability_each(filled: Store) -> None:
    for taken in label_all(filled, "ada", limit=10):
        assert not taken.repeat
    with filled.session() as db:
        before = {row["trajectory_id"]: row["probability"] for row in gold.frame(db).to_pylist()}
    assert list(before.values()) == [1.0] * 10, "everybody labels everything"
    make(filled, settings(size=20, shares={"uniform": 1.0}, overlap=0, repeats=0))
    label_all(filled, "bo", limit=5)
    with filled.session() as db:
        after = {row["trajectory_id"]: row["probability"] for row in gold.frame(db).to_pylist()}
        [(fresh,)] = db.execute(
            "SELECT count(*) FROM queue_items WHERE reason IS NOT NULL AND trajectory_id NOT IN (SELECT unnest(?))",
            [list(before)],
        ).fetchall()
    assert set(after) > set(before)
    assert list(after.values()) == [pytest.approx(1 - 0.75 * (1 - 5 / fresh * 0.5))] * 15


def test_labels_weigh_the_same_in_a_store_that_their_events_were_imported_into(
    filled: Store, template: Store, tmp_path: Path
) -> None:
    make(filled, settings(overlap=0, repeats=0))
    label_all(filled, "ada", 15)
    with filled.session() as db:
        write(db, "events", tmp_path / "events.jsonl")
        here = gold.frame(db).to_pydict()
    other = Store(shutil.copy(template.path, tmp_path / "other.duckdb"))
    assert import_events(other, tmp_path / "events.jsonl").stored > 0
    with other.session() as db:
        assert current(db) is None, "events bring no queue, and nobody here works on it"
        there = gold.frame(db).to_pydict()
    assert here["trajectory_id"] == there["trajectory_id"] and len(set(here["probability"])) > 1
    assert weights(here["probability"]) == pytest.approx(weights(there["probability"]))
