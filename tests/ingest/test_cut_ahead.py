"""Sentences that another process cuts while the batch before is written are those that would be cut here."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.ingest import FileReport, batches, ingest
from analysis.store import Store

RULES = {"id": "id", "prompt": "q", "reasoning": "cot", "answer": "out"}
Jsonl = Callable[..., Path]


def row(n: int, cot: str | None = None) -> dict[str, Any]:
    return {
        "id": f"t{n}",
        "q": "Pick.",
        "cot": cot or f"I pick {n}. 🙂 Or “no.” Done.\n\nNo. {n} it is.",
        "out": str(n),
    }


def kept(store: Store) -> list[tuple[Any, ...]]:
    with store.session() as db:
        return db.execute(
            """SELECT trajectory_id, segment, message, start_char, end_char, reasoning[start_char + 1 : end_char]
               FROM segments JOIN trajectories USING (trajectory_id, row_id) ORDER BY ALL"""
        ).fetchall()


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[FileReport]]:
    """Ingests files into one store as always, and into another in small batches that are all cut ahead."""

    def run(paths: list[Path], **more: Any) -> list[FileReport]:
        here, ahead = Store(tmp_path / "here.duckdb"), Store(tmp_path / "ahead.duckdb")
        ingest(here, paths, RULES, **more)
        with monkeypatch.context() as patched:
            patched.setattr(batches, "LARGEST_BATCH", 7)
            patched.setattr(batches, "CHARACTERS_CUT_AHEAD", 1)
            patched.setattr(batches, "was_read", lambda store, report: False)
            reports = ingest(ahead, paths, RULES, **more)
        assert kept(ahead) == kept(here)
        return reports

    return run


def test_each_trajectory_has_its_sentences(both: Callable[..., list[FileReport]], jsonl: Jsonl) -> None:
    [report] = both([jsonl([row(n) for n in range(40)])])
    assert report.stored == 40


def test_so_it_is_where_some_are_there_already_and_some_conflict(
    both: Callable[..., list[FileReport]], jsonl: Jsonl
) -> None:
    both([jsonl([row(n) for n in range(0, 30, 3)])])
    again = jsonl([row(n, "Changed. Now." if n == 6 else None) for n in range(30)] + [row(29)])
    [report] = both([again])
    assert (report.stored, report.already, report.conflicting) == (20, 10, 1)
    [report] = both([again], replace=True)
    assert (report.stored, report.already, report.replaced) == (0, 30, 1)


def test_a_text_without_sentences_takes_none_of_anothers(
    both: Callable[..., list[FileReport]], jsonl: Jsonl
) -> None:
    rows = [row(n, " \n " if n % 2 else None) for n in range(10)]
    [report] = both([jsonl(rows)])
    assert report.stored == 10


def test_nothing_is_cut_ahead_of_a_file_that_was_read_before(
    store: Store, jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHARACTERS_CUT_AHEAD", 1)
    asked: list[int] = []
    call = batches.Worker.__call__
    monkeypatch.setattr(
        batches.Worker, "__call__", lambda self, cut, *of: asked.append(len(of[1])) or call(self, cut, *of)
    )
    ingest(store, [jsonl([row(1)])], RULES)
    ingest(store, [jsonl([row(1), row(2)])], RULES)
    assert asked == [1]
    assert len({each[0] for each in kept(store)}) == 2


def test_pythons_collector_is_left_as_it_was(
    store: Store, jsonl: Jsonl, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = gc.get_threshold()
    during = []
    ingest(store, [jsonl([row(1)])], RULES, progress=lambda file, read: during.append(gc.get_threshold()[0]))
    assert (
        during == [batches.OBJECTS_COLLECTED] and gc.get_threshold() == before and not gc.get_freeze_count()
    )
    monkeypatch.setattr(batches, "write", None)
    with pytest.raises(TypeError):
        ingest(store, [jsonl([row(2)])], RULES)
    assert gc.get_threshold() == before and not gc.get_freeze_count()
