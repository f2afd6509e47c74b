"""Decisions leave one store and are applied in another, each once, to the answers that they were made on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.environment.decisions import Decision, decide, decided, events, to_decide, undo
from analysis.environment.prompts import VARIANTS
from analysis.errors import UserError
from analysis.ingest import ingest
from analysis.store import Store
from labels.decided import import_decisions, write
from labels.export_filter import Filter

Write = Callable[..., Path]
RULES = {"id": "id", "environment": "=odd-number", "prompt": "prompt", "answer": "answer", "checkpoint": "checkpoint", "synthetic": "=written"}  # fmt: skip
ANSWERS = {"a": "42 ÷ 2 = 21", "b": "forty-two", "c": "7 or 8", "d": "8"}


def filled(store: Store, jsonl: Write, **answers: str) -> Store:
    rows = [
        {"id": id, "prompt": VARIANTS["base"].text, "answer": text, "checkpoint": f"c-{id}"}
        for id, text in {**ANSWERS, **answers}.items()
    ]
    ingest(store, [jsonl(rows, f"{store.path.stem}.jsonl")], RULES)
    return store


@pytest.fixture
def made(store: Store, jsonl: Write) -> Store:
    """A store in which two people have decided, and one changed their mind."""
    filled(store, jsonl)
    decide(store, "a", 42, "kim", note="=the sum is a check")
    decide(store, "b", 24, "kim")
    undo(store, "kim")
    decide(store, "b", 42, "kim")
    decide(store, "c", None, "lee", state="ambiguous")
    return store


def standing(store: Store) -> dict[str, tuple[str | None, str, str]]:
    with store.session() as db:
        return {row["trajectory_id"]: (row["number"], row["state"], row["annotator"]) for row in decided(db)}


def outcomes(store: Store) -> list[tuple[Any, ...]]:
    with store.session() as db:
        return db.execute(
            "SELECT trajectory_id, name, value, state, reader FROM outcomes ORDER BY ALL"
        ).fetchall()


def everything(store: Store) -> list[Decision]:
    with store.session() as db:
        return events(db)


def test_a_fresh_store_comes_to_the_same_decisions_and_outcomes(
    made: Store, tmp_path: Path, jsonl: Write
) -> None:
    path = tmp_path / "decisions.jsonl"
    with made.session() as db:
        manifest = write(db, path)
    assert (manifest["rows"], manifest["synthetic_rows"]) == (5, 5)
    assert manifest["counts"]["annotator"] == {"kim": 4, "lee": 1}
    fresh = filled(Store(tmp_path / "fresh.duckdb"), jsonl)
    report = import_decisions(fresh, path)
    assert (report.read, report.stored, report.already, report.refused) == (5, 5, 0, [])
    assert standing(fresh) == standing(made) == {
        "a": ("42", "ok", "kim"), "b": ("42", "ok", "kim"), "c": (None, "ambiguous", "lee"),
    }  # fmt: skip
    assert outcomes(fresh) == outcomes(made)
    assert everything(fresh) == everything(made)
    again = import_decisions(fresh, path)
    assert (again.read, again.stored, again.already, again.refused) == (5, 0, 5, [])
    with fresh.session() as db:
        assert to_decide(db) == []


def test_a_decision_on_another_answer_is_set_aside_with_its_reason(
    made: Store, tmp_path: Path, jsonl: Write
) -> None:
    path = tmp_path / "decisions.jsonl"
    with made.session() as db:
        write(db, path)
    fresh = filled(Store(tmp_path / "fresh.duckdb"), jsonl, a="43 ÷ 2 = 21.5, so 43 or 44")
    report = import_decisions(fresh, path)
    assert report.stored == 4 and report.refused == ["line 1: the answer of a is another one here"]
    assert set(standing(fresh)) == {"b", "c"}
    empty = Store(tmp_path / "empty.duckdb")
    report = import_decisions(empty, path)
    assert (
        report.stored == 0
        and report.refused[0] == "line 1: there is no trajectory a"
        and len(report.refused) == 5
    )


def test_only_what_passes_the_filter_is_written_and_nothing_is_no_file(made: Store, tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    with made.session() as db:
        assert write(db, path, Filter(annotators=("lee",)))["rows"] == 1
        assert write(db, path, Filter(checkpoints=("c-b",)))["rows"] == 3
        with pytest.raises(UserError, match="no decisions pass the filter"):
            write(db, tmp_path / "none.jsonl", Filter(annotators=("nobody",)))
    assert not (tmp_path / "none.jsonl").exists()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"annotator": " "}, "it needs annotator"),
        ({"decision_id": None}, "it needs decision_id"),
        ({"created_at": "yesterday"}, "Invalid isoformat string"),
        ({"number": 42}, "number must be text"),
        ({"number": "4.5"}, "'4.5' is no integer in digits"),
        ({"number": "042"}, "'042' is no integer in digits"),
        ({"number": None}, "its state is 'ok'"),
        ({"state": "empty"}, "its state is 'empty'"),
        ({"undoes": "x"}, "its state is 'ok'"),
        ({"undoes": "x", "state": None, "number": None, "decision_id": "y"}, "it undoes a decision that is not here"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_decision_is_set_aside_and_the_rest_goes_on(
    made: Store, tmp_path: Path, jsonl: Write, changed: dict[str, Any], reason: str
) -> None:
    path = tmp_path / "decisions.jsonl"
    with made.session() as db:
        write(db, path)
    first, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    fresh = filled(Store(tmp_path / "fresh.duckdb"), jsonl)
    report = import_decisions(fresh, jsonl([{**first, **changed}, *rest], "changed.jsonl"))
    assert report.stored == 4 and len(report.refused) == 1 and reason in report.refused[0]


def test_the_command_line_writes_them_and_applies_them(
    made: Store, tmp_path: Path, jsonl: Write, telltale: Callable[..., Any]
) -> None:
    path = tmp_path / "decisions.jsonl"
    done = telltale("export", "decisions", "--out", path, "--db", made.path)
    assert done.returncode == 0 and "decisions" in done.stdout
    fresh = filled(Store(tmp_path / "fresh.duckdb"), jsonl, a="other, 2 of 3")
    done = telltale("label", "import", path, "--db", fresh.path, "--json")
    assert done.returncode == 1 and json.loads(done.stdout) == [
        {"read": 5, "stored": 4, "already": 0, "refused": 1}
    ]
    assert "set aside: line 1: the answer of a is another one here" in done.stderr
    done = telltale("export", "decisions", "--out", tmp_path / "d.csv", "--db", made.path)
    assert done.returncode == 2 and "JSON Lines" in done.stderr
