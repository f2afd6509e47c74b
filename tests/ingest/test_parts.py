"""A large file that is read in parts by several processes is stored as one that is read line by line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.ingest import FileReport, batches, elements, ingest, parts
from analysis.ingest import lines as in_lines
from analysis.ingest import rows as in_rows
from analysis.ingest.lines import Part, are_lines, parts_of
from analysis.ingest.parts import batch_of
from analysis.store import Store

RULES = {"prompt": "q", "reasoning": "cot", "answer": "out", "sample": "n", "checkpoint": "at"}
NAMED = {**RULES, "id": "id"}
STORED = """SELECT t.* EXCLUDE (row_id, stored_at), c.* EXCLUDE (row_id) FROM trajectories t
            LEFT JOIN log.cuts c USING (row_id) ORDER BY t.trajectory_id"""


class Here:
    """Does what a worker does, in this process: a process of its own takes a quarter of a second to start."""

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, function: Callable[..., Any], *given: Any) -> Any:
        return function(*given)


def row(n: int, /, **more: Any) -> dict[str, Any]:
    return {
        "id": f"t{n}",
        "q": "Pick.",
        "cot": f"I take {n}. 🙂 It is “odd”.\n\nSo.",
        "out": str(n),
        "n": n,
        "at": "a",
        **more,
    }


def kept(store: Store) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    with store.session() as db:
        aside = db.execute("SELECT line, reason, excerpt FROM log.quarantine ORDER BY ALL").fetchall()
        return db.execute(STORED).fetchall(), aside


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FileReport]:
    """Ingests a file line by line and in parts of three lines, holds the two against each other, tells the report."""
    monkeypatch.setattr(batches, "LARGEST_BATCH", 3)

    def run(content: bytes, rules: dict[str, Any] | None = RULES) -> FileReport:
        file = tmp_path / "rows.jsonl"
        file.write_bytes(content)
        found = []
        for smallest in (1 << 40, 1):
            monkeypatch.setattr(parts, "SMALLEST_FILE", smallest)
            path = tmp_path / f"{smallest}.duckdb"
            path.unlink(missing_ok=True)
            found.append((ingest(Store(path), [file], rules)[0], kept(Store(path))))
        (one, stored), (other, in_parts) = found
        assert in_parts == stored
        assert other == one
        return other

    return run


def lines(*rows: Any) -> bytes:
    return b"".join(each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n" for each in rows)


def test_other_processes_read_it_and_each_row_is_there_once(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    call = parts.Worker.__call__

    def counted(self: parts.Worker, function: Any, reading: Any, part: Part, cut: bool) -> Any:
        asked.append(part.lines)
        made = call(self, function, reading, part, cut)
        assert self._process and self._process.poll() is None
        return made

    monkeypatch.setattr(parts.Worker, "__call__", counted)
    assert both(lines(*(row(n, at=f"step-{n % 2}") for n in range(20)))).stored == 20
    assert sorted(asked) == [0, 3, 6, 9, 12, 15, 18]


@pytest.mark.parametrize("odd", [
    b"\n\n", b'{"id": "cut of', b'{"n": 4, "q": "a"}{"n": 5, "q": "b"}\n', b'{"n": 6,\n "q": "c"}\n', b"[1]\n",
    b'{"n": NaN, "q": "d", "cot": "\\ud83d e\\u0000."}\n', b'7\n', b'{"n": "many", "q": "no number"}\n', b"\xff\n",
    codecs.BOM_UTF8,
])  # fmt: skip
def test_whatever_stands_between_the_rows(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch, odd: bytes
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    rows, place = [row(n) for n in range(8)], 0 if odd == codecs.BOM_UTF8 else 5
    assert both(lines(*rows[:place], odd, *rows[place:])).stored >= 7


@pytest.mark.parametrize("content", [
    lines(b"\n", *(row(n) for n in range(8)), b"[1]\n"),
    lines(row(0), b"\n", *(b"data: " + lines(row(n)) + b"\n" for n in range(1, 8))),
], ids=["a blank line first", "events after a body"])  # fmt: skip
def test_what_the_first_line_decides_holds_for_all(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    assert both(content).stored == 8


@pytest.mark.parametrize("size", [4096, 9000])
def test_a_line_that_is_too_long_is_set_aside(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    for module in (in_lines, in_rows, elements):
        monkeypatch.setattr(module, "LARGEST_BYTES", 4096)
    monkeypatch.setattr(in_lines, "READ_AT_ONCE", 256)
    monkeypatch.setattr(batches, "LARGEST_PART", 1000)
    both(lines(row(1), row(2, cot="x" * size), *(row(n) for n in range(3, 8))))


def test_a_file_is_found_from_whatever_folder_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "SMALLEST_FILE", 1)
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_bytes(lines(*(row(n) for n in range(3))))
    [report] = ingest(Store(tmp_path / "t.duckdb"), [Path("rows.jsonl")], RULES)
    assert report.stored == 3


def test_a_file_that_another_replaces_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    monkeypatch.setattr(parts, "SMALLEST_FILE", 1)
    monkeypatch.setattr(batches, "LARGEST_BATCH", 3)
    file, other = tmp_path / "rows.jsonl", tmp_path / "other"
    file.write_bytes(lines(*(row(n) for n in range(30))))
    other.write_bytes(lines(*(row(n) for n in range(90))))
    store = Store(tmp_path / "t.duckdb")
    with pytest.raises(UserError, match="was replaced while it was read"):
        ingest(store, [file], RULES, progress=lambda *_: other.replace(file) if other.exists() else None)
    assert ingest(store, [file], RULES)[0].read == 90


def test_of_two_threads_each_row_is_stored_by_one(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(*(row(n) for n in range(200))))
    with ThreadPoolExecutor(4) as pool:
        found = [each[0].stored for each in pool.map(lambda _: ingest(store, [file], RULES), range(4))]
    assert sum(found) == 200
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM log.trajectories").fetchall() == [(200,)]


def test_rollouts_without_a_number_are_numbered_over_the_whole_file(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    rows = [row(n, n=None if n > 4 else n + 100) for n in range(12)]
    assert both(lines(*rows)).stored == 12


def test_an_id_that_repeats_at_another_checkpoint_gets_an_id_of_its_own(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    rows = [row(n % 4, at=f"step-{n // 4}") for n in range(12)]
    again = [row(1, at="step-1"), row(1, at="step-0"), row(1, at="step-2")]
    report = both(lines(*rows, *again), NAMED)
    assert (report.stored, report.already) == (12, 3)


def test_chat_rows_are_read_so_without_a_map_and_numbered(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    said = [
        {"messages": [{"role": "user", "content": "Pick."}, {"role": "assistant", "content": f"<think>I take {n}. So.</think>{n}"}]}
        for n in range(10)
    ]  # fmt: skip
    chosen = {"id": "own", "model": "claude-opus-4-1", "choices": [
        {"index": n, "message": {"role": "assistant", "content": str(n), "reasoning": "Two. And two."}} for n in range(2)
    ]}  # fmt: skip
    report = both(lines(*said[:4], chosen, *said[4:], {"messages": 7}, chosen), None)
    assert (report.format, report.stored, report.already, report.set_aside) == ("chat", 12, 2, 1)


def test_a_map_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "SMALLEST_FILE", 1)
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(*(row(n) for n in range(9))))
    with pytest.raises(Exception, match="names the field thoughts, which is not in the rows"):
        ingest(Store(tmp_path / "t.duckdb"), [file], {**RULES, "reasoning": "thoughts"})


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([
    lines(row(1)), lines(row(2)), lines(row(3, at="b")), lines(row(4, n=None)), lines(row(8, n=None)), b"\n", b"{\n", b"}\n", b"[\n", b"1,\n",
    b'{"n": 9}', b"\r\n", lines(row(5, cot=None)), lines(row(6, cot="")), lines(row(7, outcome=1)),
]), max_size=14))  # fmt: skip
def test_any_lines_are_stored_as_if_read_one_by_one(
    both: Callable[..., FileReport], monkeypatch: pytest.MonkeyPatch, content: list[bytes]
) -> None:
    monkeypatch.setattr(parts, "Worker", Here)
    both(b"".join([lines(row(0)), *content]))


@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 5), st.integers(1, 30), st.booleans())
def test_the_parts_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most_lines: int, most_bytes: int, ended: bool
) -> None:
    file = tmp_path_factory.mktemp("parts") / "rows.jsonl"
    data = b"\n".join(b"x" * size for size in sizes) + b"\n" * ended
    file.write_bytes(data)
    found = list(parts_of(file, most_lines, most_bytes))
    assert b"".join(data[part.start :][: part.size] for part in found) == data
    for part in found:
        assert data[: part.start].count(b"\n") == part.lines
        assert part.start == 0 or data[part.start - 1 : part.start] == b"\n"
        assert data[part.start :][: part.size].count(b"\n") <= most_lines


def test_no_part_is_much_larger_than_a_line_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_lines, "READ_AT_ONCE", 256)
    monkeypatch.setattr(in_lines, "LARGEST_BYTES", 4096)
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(row(1), row(2, cot="x" * 100_000)))
    assert all(each.size is None or each.size < 2 * 4096 for each in parts_of(file, 2048, 1000))


def test_only_lines_of_objects_are_read_in_parts(tmp_path: Path) -> None:
    for name, content, said in (
        ("a.jsonl", b' {"a": 1}\n', True), ("b.json", b'[{"a": 1}]', False), ("c.csv", b"a\n1\n", False),
        ("d.jsonl", '{"a": 1}\n'.encode("utf-16"), False), ("e.jsonl", b"", False),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(content)
        assert are_lines(tmp_path / name) == said
    assert not are_lines(tmp_path)


def test_a_part_that_can_not_be_read_apart_is_none(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(lines(row(1), row(2), row(3, n=None), b"[]\n"))
    reading = parts.Reading(file, "s", "mapped", RULES)
    first = Part(file, 0, len(lines(row(1), row(2))), 0)
    made = batch_of(reading, first, True)
    assert made is not None and len(made) == 2 and made.lines == [1, 2] and made.segments is not None
    rest = replace(first, start=first.size, lines=2)
    made = batch_of(reading, replace(rest, size=len(lines(row(3, n=None)))), False)
    assert made is not None and made.column("trajectory_id") == [None] and made.segments is None
    for size in (None, len(lines(row(3, n=None))) + 3):
        assert batch_of(reading, replace(rest, size=size), True) is None
