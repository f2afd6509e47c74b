"""A file that was read to its end is not read again, unless something might come of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.ingest import FileReport, ingest
from analysis.store import Store, append
from analysis.store.rows import now

MAP = {"id": "n", "checkpoint": "step", "prompt": "q", "reasoning": "cot", "answer": "out"}
Jsonl = Callable[..., Path]


def row(n: int, said: str = "Even it is.") -> dict[str, Any]:
    return {"n": str(n), "step": "s1", "q": "Pick.", "cot": said, "out": str(n)}


def again(store: Store, path: Path, rules: dict[str, Any] | None = None, **more: Any) -> FileReport:
    return ingest(store, [path], rules or MAP, **more)[0]


@pytest.fixture
def known(store: Store, jsonl: Jsonl) -> Path:
    """A file of two rows and a broken line, that was ingested."""
    path = jsonl([row(3), row(4)])
    with path.open("a", encoding="utf-8") as stream:
        stream.write('{"n": "5", "cot\n')
    again(store, path)
    return path


def test_the_same_file_is_not_read_again_and_reported_as_before(
    store: Store, known: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.ingest.Reading", None)
    seen = []
    report = again(store, known, progress=lambda file, read: seen.append(read))
    assert (report.read, report.stored, report.already, report.set_aside) == (2, 0, 2, 1) and seen == [2]
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM quarantine").fetchone() == (1,), (
            "what was set aside stays listed"
        )


def test_a_file_that_has_grown_is_read(store: Store, known: Path) -> None:
    with known.open("a", encoding="utf-8") as stream:
        stream.write('{"n": "6", "step": "s1", "q": "Pick.", "cot": "Six.", "out": "6"}\n')
    report = again(store, known)
    assert (report.read, report.stored, report.already) == (3, 1, 2)


def test_a_file_that_grows_while_it_is_read_is_read_again(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([row(3)])

    def grow(file: str, read: int) -> None:
        with path.open("a", encoding="utf-8") as stream:
            stream.write('{"n": "6", "step": "s1", "q": "Pick.", "cot": "Six.", "out": "6"}\n')

    assert again(store, path, progress=grow).stored == 1
    assert again(store, path).stored == 1


def test_the_same_file_by_another_map_is_read(store: Store, known: Path) -> None:
    assert again(store, known, {**MAP, "variant": "=base"}).conflicting == 2


def test_a_file_with_labels_is_read_each_time_for_its_labels_may_have_been_left(
    store: Store, known: Path
) -> None:
    rules = {**MAP, "labeled": {"annotator": "ada", "pattern": "p", "value": {"constant": "present"}}}
    again(store, known, rules)  # labels have no log here
    taken: list[str | None] = []
    again(store, known, rules, labeled=lambda found: taken.extend(each.trajectory_id for each in found))
    assert taken == ["3", "4"]


def test_what_was_dropped_since_comes_back(store: Store, known: Path) -> None:
    with store.session() as db:
        append(db, "retractions", [{"trajectory_id": "3", "created_at": now()}])
    assert again(store, known).stored == 1
    assert again(store, known).stored == 0


def test_what_another_file_superseded_since_conflicts(store: Store, known: Path, jsonl: Jsonl) -> None:
    again(store, jsonl([row(3, "Odd it is.")], "other.jsonl"), replace=True)
    assert (again(store, known).conflicting, again(store, known).conflicting) == (1, 1)
    assert again(store, known, replace=True).replaced == 1


def test_of_a_file_with_conflicts_they_are_named_each_time(store: Store, known: Path, jsonl: Jsonl) -> None:
    other = jsonl([row(3, "Odd it is."), row(7)], "other.jsonl")
    for _ in range(2):
        assert [place.split(":")[1] for place in again(store, other).conflicts] == ["1 3"]
