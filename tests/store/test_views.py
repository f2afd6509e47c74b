"""The views show the current state of tables that are only ever added to."""

from __future__ import annotations

from datetime import datetime, timedelta

from analysis.store import Store, append

START = datetime(2026, 1, 1)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def trajectory(row_id: int, trajectory_id: str, minutes: int, **more: object) -> dict[str, object]:
    return {"row_id": row_id, "trajectory_id": trajectory_id, "source": "s", "stored_at": at(minutes), **more}


def test_the_newest_row_of_a_trajectory_counts(any_store: Store) -> None:
    with any_store.session() as db:
        append(db, "trajectories", [trajectory(1, "a", 0, answer="old"), trajectory(2, "a", 5, answer="new")])
        append(db, "cuts", [
            {"row_id": 1, "message": [0], "start_char": [0], "end_char": [3]},
            {"row_id": 2, "message": [0, 0], "start_char": [0, 4], "end_char": [3, 9]},
        ])  # fmt: skip
        assert db.execute("SELECT answer FROM trajectories").fetchall() == [("new",)]
        assert db.execute("SELECT count(*) FROM segments").fetchone() == (2,)


def test_two_writers_at_the_same_instant_double_nothing(any_store: Store) -> None:
    with any_store.session() as db:
        append(db, "trajectories", [trajectory(1, "a", 0), trajectory(2, "a", 0)])
        append(db, "attempts", [
            {"attempt_id": n, "run_id": "r", "trajectory_id": "a", "state": "ok", "created_at": at(0)} for n in (8, 9)
        ])  # fmt: skip
        append(db, "verdicts", [
            {"attempt_id": n, "run_id": "r", "trajectory_id": "a", "pattern": "p", "verdict": "absent"} for n in (8, 9)
        ])  # fmt: skip
        for view in ("trajectories", "attempts", "verdicts"):
            assert db.execute(f"SELECT count(*) FROM {view}").fetchone() == (1,), view


def test_what_is_retracted_is_hidden_until_it_comes_in_again(any_store: Store) -> None:
    with any_store.session() as db:
        append(db, "trajectories", [trajectory(1, "a", 0), trajectory(2, "b", 0, source="other")])
        append(db, "retractions", [{"source": "s", "created_at": at(1)}])
        assert db.execute("SELECT trajectory_id FROM trajectories").fetchall() == [("b",)]
        append(db, "trajectories", [trajectory(3, "a", 2)])
        assert db.execute("SELECT trajectory_id FROM trajectories ORDER BY 1").fetchall() == [("a",), ("b",)]
        append(db, "retractions", [{"trajectory_id": "b", "created_at": at(3)}])
        assert db.execute("SELECT trajectory_id FROM trajectories").fetchall() == [("a",)]


def test_only_the_newest_attempt_of_a_run_counts_and_only_when_it_ended_ok(any_store: Store) -> None:
    attempt = {"run_id": "r", "trajectory_id": "a"}
    with any_store.session() as db:
        append(db, "attempts", [{**attempt, "attempt_id": 1, "state": "ok", "created_at": at(0)}])
        append(db, "verdicts", [{**attempt, "attempt_id": 1, "pattern": "p", "verdict": "present"}])
        append(db, "findings", [{**attempt, "attempt_id": 1, "pattern": "p", "quote": "q"}])
        assert db.execute("SELECT verdict FROM verdicts").fetchall() == [("present",)]
        append(db, "attempts", [{**attempt, "attempt_id": 2, "state": "refused", "created_at": at(1)}])
        assert db.execute("SELECT state FROM attempts").fetchall() == [("refused",)]
        assert db.execute("SELECT count(*) FROM verdicts").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM findings").fetchone() == (0,)


def test_the_newest_word_on_an_outcome_and_a_checkpoint_counts_also_when_it_is_null(any_store: Store) -> None:
    outcome = {"trajectory_id": "a", "name": "odd"}
    with any_store.session() as db:
        append(db, "outcomes", [
            {**outcome, "value": "true", "state": "ok", "created_at": at(0)},
            {**outcome, "value": None, "state": "missing", "created_at": at(1)},
        ])  # fmt: skip
        append(db, "checkpoints", [
            {"name": "c", "series": "x", "position": 1.0, "created_at": at(0)},
            {"name": "c", "series": "y", "position": None, "created_at": at(1)},
        ])  # fmt: skip
        assert db.execute("SELECT value, state FROM outcomes").fetchall() == [(None, "missing")]
        assert db.execute("FROM checkpoints").fetchall() == [("c", "y", None)]


def test_a_label_event_that_arrives_twice_counts_once(any_store: Store) -> None:
    with any_store.session() as db:
        append(
            db,
            "label_events",
            [{"event_id": "e", "created_at": at(0)}, {"event_id": "e", "created_at": at(1)}],
        )
        assert db.execute("SELECT count(*) FROM label_events").fetchone() == (1,)
