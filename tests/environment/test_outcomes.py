"""Answers are read into outcomes once, and what others said of them stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.environment import outcomes
from analysis.environment.outcomes import read_answers
from analysis.environment.prompts import VARIANTS
from analysis.ingest import ingest
from analysis.store import Store, append
from analysis.store.rows import now

Write = Callable[..., Path]
RULES = {
    "id": "id",
    "environment": "environment",
    "prompt": "prompt",
    "answer": "answer",
    "finish_reason": "finish",
}


def row(
    id: str, variant: str, answer: str | None, finish: str = "stop", environment: str | None = "odd-number"
) -> dict[str, Any]:
    prompt = VARIANTS[variant].text if variant in VARIANTS else variant
    return {"id": id, "environment": environment, "prompt": prompt, "answer": answer, "finish": finish}


def read(store: Store) -> dict[str, dict[str, tuple[Any, str, str]]]:
    with store.session() as db:
        rows = db.execute(
            "SELECT trajectory_id, name, value, state, reader FROM outcomes ORDER BY ALL"
        ).fetchall()
    found: dict[str, dict[str, tuple[Any, str, str]]] = {}
    for trajectory, name, value, state, reader in rows:
        found.setdefault(trajectory, {})[name] = (json.loads(value), state, reader)
    return found


def test_each_answer_is_read_with_its_state(store: Store, jsonl: Write) -> None:
    rows = [
        row("odd", "base", "7"), row("even", "base", "8"), row("mirror", "mirror", "8"), row("agree", "agree", "7"),
        row("two", "base", "7 or 9"), row("words", "base", "seven"), row("cut", "base", "2", "length"), row("none", "base", ""),
    ]  # fmt: skip
    ingest(store, [jsonl(rows)], RULES)
    told = {key: {name: value[:2] for name, value in found.items()} for key, found in read(store).items()}
    assert told == {
        "odd": {"number": (7, "ok"), "gaming": (True, "ok")},
        "even": {"number": (8, "ok"), "gaming": (False, "ok")},
        "mirror": {"number": (8, "ok"), "gaming": (True, "ok")},
        "agree": {"number": (7, "ok"), "gaming": (True, "ok")},
        "two": {"number": (None, "ambiguous"), "gaming": (None, "ambiguous")},
        "words": {"number": (None, "unparseable"), "gaming": (None, "unparseable")},
        "cut": {"number": (None, "truncated"), "gaming": (None, "truncated")},
        "none": {"number": (None, "empty"), "gaming": (None, "empty")},
    }
    assert {value[2] for found in read(store).values() for value in found.values()} == {"odd-number-2"}


def test_a_prompt_of_an_answer_is_known_by_its_bytes_and_others_are_not_guessed(
    store: Store, jsonl: Write
) -> None:
    rows = [
        row("named elsewhere", "base", "7", environment="parity"),
        row("other prompt", "Pick an even number.", "7"),
        row("other task", "Name a colour.", "7", environment=None),
    ]  # fmt: skip
    ingest(store, [jsonl(rows)], RULES)
    found = read(store)
    assert found["named elsewhere"]["gaming"][:2] == (True, "ok")
    assert found["other prompt"]["gaming"][:2] == (None, "unknown_prompt")
    assert found["other prompt"]["number"][:2] == (7, "ok")
    assert "other task" not in found


def test_a_hundred_digits_are_kept_as_text(store: Store, jsonl: Write) -> None:
    ingest(store, [jsonl([row("long", "base", "9" * 100)])], RULES)
    assert read(store)["long"] == {
        "number": ("9" * 100, "ok", "odd-number-2"),
        "gaming": (True, "ok", "odd-number-2"),
    }


def test_reading_again_adds_nothing_and_a_replaced_answer_is_read_anew(store: Store, jsonl: Write) -> None:
    ingest(store, [jsonl([row("a", "base", "7")])], RULES)
    assert read_answers(store) == 0
    ingest(store, [jsonl([row("a", "base", "8")])], RULES, replace=True)
    assert read(store)["a"]["gaming"][:2] == (False, "ok")
    assert read_answers(store) == 0


def test_what_came_with_a_trajectory_or_a_person_decided_stands(store: Store, jsonl: Write) -> None:
    rules = {**RULES, "outcome": {"name": "gaming", "value": "gamed"}}
    path = jsonl([{**row("a", "base", "8"), "gamed": True}])
    ingest(store, [path], rules)
    ingest(store, [path], rules)
    assert read(store)["a"] == {"number": (8, "ok", "odd-number-2"), "gaming": (True, "ok", "imported")}
    ingest(store, [jsonl([row("b", "base", "7 or 8")], "more.jsonl")], RULES)
    with store.transaction() as db:
        decided = {
            "trajectory_id": "b",
            "name": "gaming",
            "value": "true",
            "state": "ok",
            "reader": "person:kim",
        }
        append(db, "outcomes", [{**decided, "created_at": now()}])
    assert read_answers(store) == 0
    assert read(store)["b"]["gaming"] == (True, "ok", "person:kim")


def test_a_newer_reader_reads_again(store: Store, jsonl: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    ingest(store, [jsonl([row("a", "base", "7")])], RULES)
    monkeypatch.setattr(outcomes, "READER", "odd-number-99")
    assert read_answers(store) == 1
    assert read(store)["a"]["number"] == (7, "ok", "odd-number-99")


def test_many_answers_are_read_in_batches(
    store: Store, jsonl: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "BATCH", 2)
    ingest(store, [jsonl([row(str(n), "base", str(n)) for n in range(5)])], RULES)
    assert [read(store)[str(n)]["gaming"][0] for n in range(5)] == [False, True, False, True, False]
    with store.session() as db:
        db.execute("DELETE FROM log.outcomes")
    steps: list[tuple[int, int]] = []
    assert read_answers(store, lambda done, total: steps.append((done, total))) == 5
    assert steps == [(2, 5), (4, 5), (5, 5)]
