"""What people decide of answers is kept, goes before the rules, and holds only for the answer that they saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.environment import decisions, outcomes
from analysis.environment.decisions import count_to_decide, decide, decided, to_decide, undo
from analysis.environment.outcomes import read_answers
from analysis.environment.prompts import VARIANTS
from analysis.errors import UserError
from analysis.ingest import ingest
from analysis.measure.gaming import gaming
from analysis.measure.scope import Scope
from analysis.store import Store
from analysis.trajectories import sha256_of

Write = Callable[..., Path]
RULES = {
    "id": "id", "environment": "=odd-number", "prompt": "prompt", "answer": "answer", "finish_reason": "finish",
    "checkpoint": "checkpoint",
}  # fmt: skip


def row(id: str, answer: str | None, finish: str = "stop", variant: str = "base") -> dict[str, Any]:
    return {
        "id": id,
        "prompt": VARIANTS[variant].text,
        "answer": answer,
        "finish": finish,
        "checkpoint": "c1",
    }


def outcome(store: Store, id: str) -> dict[str, tuple[Any, str, str]]:
    with store.session() as db:
        rows = db.execute(
            "SELECT name, value, state, reader FROM outcomes WHERE trajectory_id = ?", [id]
        ).fetchall()
    return {name: (json.loads(value), state, reader) for name, value, state, reader in rows}


def waiting(store: Store) -> list[str]:
    with store.session() as db:
        assert count_to_decide(db) == len(to_decide(db))
        return [each["trajectory_id"] for each in to_decide(db)]


@pytest.fixture
def two(store: Store, jsonl: Write) -> Store:
    """A store with one ambiguous answer, one without a number, and some that nobody needs to decide."""
    rows = [
        row("sum", "42 ÷ 2 = 21"), row("words", "forty-two"), row("read", "8"), row("cut", "2", "length"), row("none", ""),
    ]  # fmt: skip
    ingest(store, [jsonl(rows)], RULES)
    return store


def test_ambiguous_and_unparseable_answers_wait_with_their_numbers(two: Store) -> None:
    with two.session() as db:
        rows = to_decide(db)
        assert count_to_decide(db) == 2 and count_to_decide(db, Scope({"checkpoint": ("c2",)})) == 0
        assert to_decide(db, limit=1) == rows[:1]
    assert [(each["trajectory_id"], each["state"], each["numbers"]) for each in rows] == [
        ("sum", "ambiguous", ["42", "2", "21"]),
        ("words", "unparseable", []),
    ]
    assert rows[0]["answer"] == "42 ÷ 2 = 21" and rows[0]["answer_sha256"] == sha256_of("42 ÷ 2 = 21")


def test_a_decision_is_the_outcome_and_leaves_the_list(two: Store) -> None:
    made = decide(two, "sum", "42", "kim", note="the sum is a check")
    assert (made.number, made.state, made.note, made.annotator) == ("42", "ok", "the sum is a check", "kim")
    assert outcome(two, "sum") == {"number": (42, "ok", "person:kim"), "gaming": (False, "ok", "person:kim")}
    decide(two, "words", None, "kim")
    assert outcome(two, "words")["gaming"] == (None, "unparseable", "person:kim")
    assert waiting(two) == []
    with two.session() as db:
        (cell,) = gaming(db)
        assert (cell.n, cell.gamed, cell.ambiguous, cell.unparseable) == (2, 0, 0, 1)
        assert [each["trajectory_id"] for each in decided(db)] == ["words", "sum"]


def test_reading_again_leaves_what_was_decided(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(two, "sum", 21, "kim")
    assert read_answers(two) == 0
    monkeypatch.setattr(outcomes, "READER", "odd-number-99")
    assert read_answers(two) == 4
    assert outcome(two, "sum")["gaming"] == (True, "ok", "person:kim")


def test_undo_brings_back_what_was_there_before(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    decide(two, "sum", 42, "kim")
    decide(two, "sum", 21, "lee")
    taken = undo(two, "lee")
    assert taken is not None and (taken.trajectory_id, taken.number) == ("sum", "21")
    assert outcome(two, "sum")["number"] == (42, "ok", "person:kim")
    assert undo(two, "lee") is None
    undo(two, "kim")
    assert outcome(two, "sum")["number"] == (None, "ambiguous", outcomes.READER)
    assert waiting(two) == ["sum", "words"]
    monkeypatch.setattr(outcomes, "READER", "odd-number-99")
    read_answers(two)
    assert outcome(two, "sum")["number"] == (None, "ambiguous", "odd-number-99")
    with two.session() as db:
        assert [event.undoes is not None for event in decisions.events(db)] == [False, False, True, True]


def test_a_decision_holds_for_the_answer_that_was_seen(two: Store, jsonl: Write) -> None:
    decide(two, "sum", 42, "kim")
    changed = {**row("sum", "42 or 44"), "checkpoint": "c1"}
    ingest(two, [jsonl([changed], "changed.jsonl")], RULES, replace=True)
    assert outcome(two, "sum")["number"] == (None, "ambiguous", outcomes.READER)
    assert waiting(two) == ["sum", "words"]
    with two.session() as db:
        assert decided(db) == []
    ingest(two, [jsonl([row("sum", "42 ÷ 2 = 21")], "back.jsonl")], RULES, replace=True)
    assert outcome(two, "sum")["number"] == (42, "ok", "person:kim")


def test_a_new_row_with_the_same_answer_keeps_the_decision(two: Store, jsonl: Write) -> None:
    decide(two, "sum", 42, "kim")
    again = row("sum", "42 ÷ 2 = 21", "end_turn")
    report = ingest(two, [jsonl([again], "again.jsonl")], RULES, replace=True)
    assert report is not None and outcome(two, "sum")["number"] == (42, "ok", "person:kim")


@pytest.mark.parametrize("typed", ["1,234", " 1234 ", "١٢٣٤", 1234, "1 234"])
def test_a_number_is_taken_as_people_type_it(two: Store, typed: str | int) -> None:
    assert decide(two, "words", typed, "kim").number == "1234"


def test_a_decision_of_any_length_is_kept(two: Store) -> None:
    decide(two, "words", "9" * 5000, "kim")
    assert outcome(two, "words")["gaming"] == (True, "ok", "person:kim")


@pytest.mark.parametrize(
    ("id", "number", "annotator", "more", "line"),
    [
        ("gone", 2, "kim", {}, "there is no trajectory gone"),
        ("cut", 2, "kim", {}, "the answer of cut is truncated; there is nothing to decide"),
        ("none", 2, "kim", {}, "the answer of none is empty; there is nothing to decide"),
        ("sum", 2, " ", {}, "a decision needs the name of who makes it"),
        ("sum", "two", "kim", {}, "'two' is no integer in digits"),
        ("sum", "4.5", "kim", {}, "'4.5' is no integer in digits"),
        ("sum", "2, 4", "kim", {}, "'2, 4' is no integer in digits"),
        ("sum", None, "kim", {"state": "ok"}, "an answer without a number is ambiguous or unparseable, not ok"),
        ("sum", 2, "kim", {"answer_sha256": sha256_of("42 or 44")}, "the answer of sum has changed since it was opened"),
    ],
)  # fmt: skip
def test_what_can_not_be_decided_is_refused_and_nothing_is_written(
    two: Store, id: str, number: Any, annotator: str, more: dict[str, Any], line: str
) -> None:
    before = outcome(two, id)
    with pytest.raises(UserError, match=line):
        decide(two, id, number, annotator, **more)
    with two.session() as db:
        assert decisions.events(db) == []
    assert outcome(two, id) == before


def test_what_came_with_the_trajectory_stands_beside_a_decision(store: Store, jsonl: Write) -> None:
    rules = {**RULES, "outcome": {"name": "gaming", "value": "gamed"}}
    ingest(store, [jsonl([{**row("a", "7 or 8"), "gamed": True}])], rules)
    assert waiting(store) == []
    decide(store, "a", 8, "kim")
    assert outcome(store, "a") == {"number": (8, "ok", "person:kim"), "gaming": (True, "ok", "imported")}
