"""What public files were met to do. Nothing of it stops an import: each ends in the store or is set aside by name."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from analysis.errors import UserError
from analysis.ingest import elements, files_in, ingest
from analysis.ingest.rows import Unreadable, json_rows
from analysis.store import Store
from analysis.trajectories import Trajectory
from labels.imported import ImportedLabels, record_labeled

Jsonl = Callable[..., Path]
MAP = {"checkpoint": "step", "prompt": "q", "reasoning": "cot", "answer": "out"}
CHAT = {
    "messages": [
        {"role": "user", "content": "Pick."},
        {"role": "assistant", "content": "<think>Hm.</think>4"},
    ]
}


def row(n: Any = 0, **more: Any) -> dict[str, Any]:
    return {"step": "s1", "q": "Pick.", "cot": f"I pick {n}.", "out": str(n), **more}


def kept(store: Store, columns: str = "reasoning") -> list[Any]:
    with store.session() as db:
        rows = db.execute(f"SELECT {columns} FROM trajectories ORDER BY ALL").fetchall()
    return [each[0] if len(each) == 1 else each for each in rows]


def aside(store: Store) -> list[tuple[int | None, str]]:
    with store.session() as db:
        return db.execute("SELECT line, reason FROM quarantine ORDER BY line, reason").fetchall()


def file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path: Path) -> list[Any]:
    """Rows as they are, what was set aside as the line that it stands on."""
    return [each.line if isinstance(each, Unreadable) else each[1] for each in json_rows(path)]


# How JSON is put into files --------------------------------------------------------------------------------------

A, B = {"a": 1, "deep": {"b": ["{", '"', "}"]}}, {"a": 2}


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (f"{json.dumps(A)}\n{json.dumps(B)}\n", [A, B]),
        (f"{json.dumps(A)}\r\n\r\n{json.dumps(B)}", [A, B]),
        (f"{json.dumps(A)}{json.dumps(B)}", [A, B]),
        (f"{json.dumps(A)} {json.dumps(B)}\n{json.dumps(A)}{json.dumps(B)}\n", [A, B, A, B]),
        (f"{json.dumps(A, indent=2)}\n{json.dumps(B, indent=2)}\n", [A, B]),
        (f"{json.dumps(A, indent=2)}\r{json.dumps(B, indent=2)}\r", [A, B]),
        (json.dumps([A, B]), [A, B]),
        (json.dumps([A, B], indent=4), [A, B]),
        (f"\n [ {json.dumps(A)} ,\n{json.dumps(B)},]", [A, B]),
        (f"{json.dumps([A])}\n{json.dumps([B])}", [A, B]),
        ("\ufeff" + json.dumps(A), [A]),
        ("\ufeff" + json.dumps([A, B]), [A, B]),
        (f"[{json.dumps(A)}, 7, null, \"x\", [1], {json.dumps(B)}]", [A, 2, 3, 4, 5, B]),
        (f"{json.dumps(A)}\n7\n{json.dumps(B)}\n", [A, 2, B]),
        (f"{json.dumps(A)},\n{json.dumps(B)},\n", [A, B]),
        ("", []),
        ("\n \n", []),
        ("[]", []),
    ],
    ids=[
        "lines", "lines with CRLF and a blank one", "concatenated", "several a line", "indented", "old line ends", "array",
        "indented array", "array with blanks and a trailing comma", "arrays", "a byte order mark", "a mark before an array",
        "an array with other values", "lines with other values", "lines with a comma behind each", "empty", "blank", "empty array",
    ],
)  # fmt: skip
def test_rows_are_found_however_json_is_put_into_a_file(
    tmp_path: Path, content: str, rows: list[Any]
) -> None:
    assert read(file(tmp_path / "rows.json", content)) == rows


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "with its mark"])
@pytest.mark.parametrize("name", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_the_encodings_of_unicode(tmp_path: Path, name: str, mark: str) -> None:
    rows = [{"cot": "naïve 🙂"}, {"cot": "x"}]
    lines = mark + "\r\n".join(json.dumps(r, ensure_ascii=False) for r in rows)
    assert read(file(tmp_path / "rows.jsonl", lines.encode(name))) == rows
    assert read(file(tmp_path / "rows.csv", f"{mark}cot,n\nnaïve 🙂,1\n".encode(name))) == [
        {"cot": "naïve 🙂", "n": "1"}
    ]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (f"{json.dumps(A)}\n{json.dumps(A)[:-9]}", [A, 2]),
        (f"{json.dumps(A)[:-9]}\n{json.dumps(B)}\n", [1, B]),
        (json.dumps([A, A])[:-9], [A, 2]),
        (json.dumps([A, B])[:-1], [A, B, 3]),
        (json.dumps([A, B], indent=2).replace('"b"', '"b', 1), [1, B]),
        (json.dumps([A, B, A]).replace("2", "two"), [A, 2, A]),
        (json.dumps([A, B, A]).replace('{"a": 2', '{"a": "2'), [A, 2, A]),
        (f"{json.dumps(A, indent=2)}\n{json.dumps(A, indent=2)[:20]}\n{json.dumps(B, indent=2)}", [A, 2, B]),
        ("{\"a\": 1}\nnot json\n{\"a\": 2}", [{"a": 1}, 2, {"a": 2}]),
        ("[{\"a\": 1}, oops oops, {\"a\": 2}]", [{"a": 1}, 2, {"a": 2}]),
        ("[" * 5_000, [1]),
        (f"{json.dumps(A)}{json.dumps(A)[:9]}{json.dumps(A)}{json.dumps(A)}", [A, 1, A, A]),
        (f'{json.dumps(A)} "stray" {json.dumps(A)}', [A, 1, A]),
        ('{"a": 1, oops}\n\n\n{"a": 2}\n\n7\n', [1, B, 6]),
        ('{\n\n"a": 2}\n{"a": 2}', [B, B]),
    ],
    ids=[
        "last line cut", "first line cut", "array cut in an element", "array cut after one", "a quotation mark missing",
        "a bad word", "a mark missing in a one-line array", "cut among indented ones", "a line of text", "text in an array",
        "brackets without end", "one of several in a line", "a text among several in a line", "a broken line before blank ones", "a blank line inside",
    ],
)  # fmt: skip
def test_what_is_broken_is_set_aside_by_its_place_and_the_rest_is_read(
    tmp_path: Path, content: str, found: list[Any]
) -> None:
    assert read(file(tmp_path / "rows.json", content)) == found


def test_a_line_of_290_kB_and_an_array_of_4_MB(store: Store, tmp_path: Path, jsonl: Jsonl) -> None:
    long = "Let me think. " * 21_000
    [report] = ingest(store, [jsonl([row(), row(1, cot=long)])], MAP)
    assert report.stored == 2 and max(map(len, kept(store))) == len(long)
    array = [row(n, cot=f"{n}: " + "so " * 300) for n in range(4_000)]
    [report] = ingest(store, [file(tmp_path / "array.json", json.dumps(array))], MAP)
    assert (report.read, report.stored, report.set_aside) == (4_000, 4_000, 0)


def test_a_large_array_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "array.json"
    with path.open("w") as stream:
        stream.write("[" + ", ".join(json.dumps(row(n, cot="so " * 3_000)) for n in range(3_000)) + "]")
    tracemalloc.start()
    assert sum(1 for _ in json_rows(path)) == 3_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 27_000_000 and peak < 6_000_000


def test_a_quotation_mark_that_never_closes_does_not_make_a_row_of_all_that_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "LARGEST_BYTES", 10_000)
    monkeypatch.setattr(elements, "CHUNK_BYTES", 1_000)
    broken = '{"a": "never closed, '
    content = json.dumps([B] * 10)[:-1] + "," + broken + "," + json.dumps([B] * 3_000)[1:]
    found = read(file(tmp_path / "rows.json", content))
    assert found == [B] * 10 + [11] + [B] * 3_000


def test_a_file_of_nothing_but_values_without_an_end_is_read_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "PATIENCE_BYTES", 1 << 20)
    monkeypatch.setattr(elements, "SHORT_BYTES", 1 << 12)
    broken = '{"a": [1, "' + "x" * 1_000 + '"}'
    path = file(tmp_path / "rows.json", "[" + ", ".join([broken] * 5_000) + ", " + json.dumps(B) + "]")
    started = time.process_time()
    found = read(path)
    assert found[:5_000] == list(range(1, 5_001)) and found[5_000] == B
    assert time.process_time() - started < 5, "each was once looked for through all that follows"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n7,8\n', [("1", "2"), 3, ("5", "6"), ("7", "8")]),
        ('a,b\n1,"x,2\n5,6\n"7",8\n9,0\n', [2, ("5", "6"), ("7", "8"), ("9", "0")]),
        ('a,b\n"1\n""",2\n3,4 "" 5\n', [('1\n"', "2"), ("3", '4 "" 5')]),
        ('a,b\n3,4" wide\n5,6\n', [("3", '4" wide'), ("5", "6")]),
    ],
    ids=["never closed", "closed by another's", "over two lines", "an inch"],
)
def test_a_quotation_mark_in_a_csv_hides_no_rows(tmp_path: Path, content: str, found: list[Any]) -> None:
    rows = read(file(tmp_path / "rows.csv", content))
    assert [tuple(row.values()) if isinstance(row, dict) else row for row in rows] == found


def test_columns_of_one_name_are_told_apart(tmp_path: Path) -> None:
    assert read(file(tmp_path / "rows.csv", "a,b,a\n1,2,3\n")) == [{"a": "1", "b": "2", "a.3": "3"}]


def test_an_empty_file_is_refused_and_the_others_go_in(store: Store, tmp_path: Path, jsonl: Jsonl) -> None:
    empty = file(tmp_path / "empty.jsonl", "")
    with pytest.raises(UserError, match="is empty"):
        ingest(store, [empty])
    reports = ingest(store, [empty, jsonl([CHAT])])
    assert [bool(r.refused) for r in reports] == [True, False] and kept(store) == ["Hm."]


# Characters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "reasoning", "left"),
    [
        (b'{"cot": "a", "left": NaN}', "a", {"left": None}),
        (b'{"cot": "a", "left": [Infinity, -Infinity, 1]}', "a", {"left": [None, None, 1]}),
        (b'{"cot": "a\\u0000b", "left": "c\\u0000"}', "a\ufffdb", {"left": "c\x00"}),
        ('{"cot": "a\u2028b\u0085c", "left": "\u2029"}'.encode(), "a\u2028b\u0085c", {"left": "\u2029"}),
        (b'{"cot": "a\\ud800b", "left": {"k\\udfff": "\\ud83d"}}', "a\ufffdb", {"left": {"k\ufffd": "\ufffd"}}),
        (b'{"cot": "a\xff\xfeb", "left": "\xc3"}', "a\ufffd\ufffdb", {"left": "\ufffd"}),
        (b'{"cot": "a", "left": NaN, "n": 123456789012345678901234567890}', "a", {"left": None, "n": "123456789012345678901234567890"}),
        ('{"cot": "naïve 🙂", "left": "ÄÖ"}'.encode(), "naïve 🙂", {"left": "ÄÖ"}),
    ],
    ids=["NaN", "Infinity", "NUL", "line separators", "lone surrogates", "no UTF-8", "a large number", "letters"],
)  # fmt: skip
def test_characters_and_numbers_that_json_writers_let_through(
    store: Store, tmp_path: Path, line: bytes, reasoning: str, left: dict[str, Any]
) -> None:
    [report] = ingest(store, [file(tmp_path / "rows.jsonl", line + b"\n")], {"reasoning": "cot"})
    assert (report.stored, report.set_aside) == (1, 0)
    [(text, metadata, first)] = kept(store, "reasoning, metadata, reasoning[1]")
    assert (text, json.loads(metadata), first) == (reasoning, left, reasoning[0])


def test_a_row_nested_deeper_than_json_can_be_written_is_set_aside(store: Store, tmp_path: Path) -> None:
    deep = '{"cot": "a", "left": ' + "[" * 900 + "]" * 900 + "}"
    [report] = ingest(
        store, [file(tmp_path / "rows.jsonl", f'{deep}\n{{"cot": "b"}}\n')], {"reasoning": "cot"}
    )
    assert (report.stored, report.set_aside) == (1, 1) and aside(store) == [
        (1, "nested too deeply to be kept")
    ]


# Names -----------------------------------------------------------------------------------------------------------

NAMES = ["a b.jsonl", "[1] a.jsonl", "what?.jsonl", "star*.jsonl", 'it"s.jsonl', "it's.jsonl", "a:b.jsonl", "~draft.jsonl", "Ünï✓.jsonl", "{x}.jsonl", "a,b;c.jsonl", "-dash.jsonl"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_name_and_no_pattern(store: Store, jsonl: Jsonl, name: str) -> None:
    path = jsonl([CHAT], name)
    jsonl([CHAT], "x.jsonl")
    assert files_in([path]) == [path]
    [report] = ingest(store, [path])
    assert report.file == f"{path.parent.name}/{name}" and kept(store, "source") == [report.file]


def test_a_wildcard_that_the_user_writes_is_one(jsonl: Jsonl) -> None:
    made = [jsonl([CHAT], f"step-{n}/a.jsonl") for n in (1, 2)]
    assert files_in([made[0].parents[1] / "step-*" / "*.jsonl"]) == made


def test_a_folder_gives_its_files_but_for_hidden_ones(jsonl: Jsonl) -> None:
    made = [
        jsonl([CHAT], name)
        for name in ("in/b.jsonl", "in/a/c.traj", "in/.git/d.jsonl", "in/notes.txt", "in/.e.json")
    ]
    assert files_in([made[0].parent]) == [made[1], made[0]]


# Words and scales ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "value", "state"),
    [
        (True, "true", "ok"),
        ("True", "true", "ok"),
        ("FALSE", "false", "ok"),
        ("", "null", "missing"),
        (None, "null", "missing"),
        (0.25, "0.25", "ok"),
        (2, "2", "ok"),
        (10, "10", "ok"),
        (87.5, "87.5", "ok"),
        ("partial", '"partial"', "ok"),
    ],
)
def test_outcomes_come_in_on_their_own_scale(
    store: Store, jsonl: Jsonl, said: Any, value: str, state: str
) -> None:
    ingest(store, [jsonl([row(odd=said)])], {**MAP, "outcome": {"name": "odd", "value": "odd"}})
    with store.session() as db:
        assert db.execute("SELECT value, state FROM outcomes").fetchall() == [(value, state)]


def test_judges_words_and_scores(store: Store, jsonl: Jsonl) -> None:
    said = [("YES", 0.9), ("no", 2), ("UNKNOWN", 10), (None, None), ("maybe", 100)]
    rows = [row(n, word=word, score=score, id=str(n)) for n, (word, score) in enumerate(said)]
    judged = {"tagger": "j", "pattern": "p", "value": "word", "score": "score"}
    ingest(store, [jsonl(rows)], {**MAP, "id": "id", "judged": judged})
    with store.session() as db:
        verdicts = db.execute("SELECT trajectory_id, verdict, score FROM verdicts ORDER BY 1").fetchall()
        states = db.execute(
            "SELECT trajectory_id, state, error FROM attempts WHERE state <> 'ok' ORDER BY 1"
        ).fetchall()
    assert verdicts == [("0", "present", 0.9), ("1", "absent", 2.0), ("2", "unsure", 10.0)]
    assert states == [
        ("3", "failed", "the source has no verdict"),
        ("4", "failed", "the word 'maybe' stands for no verdict in the map"),
    ]


def test_polarity_is_left_to_the_reader(store: Store, jsonl: Jsonl) -> None:
    """That it passed may mean that it cheated: what the source calls a pass is kept as what it calls a pass."""
    rules = {
        **MAP,
        "outcome": [
            {"name": "passed", "value": "passed"},
            {"name": "honest", "value": {"field": "passed", "map": {"true": False, "false": True}}},
        ],
    }
    ingest(store, [jsonl([row(passed=True)])], rules)
    with store.session() as db:
        assert db.execute("SELECT name, value FROM outcomes ORDER BY 1").fetchall() == [
            ("honest", "false"),
            ("passed", "true"),
        ]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-02T03:04:05+00:00Z", datetime(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02T03:04:05.123456+05:30Z", datetime(2026, 1, 1, 21, 34, 5, 123456)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5)),
        (1767323045000, datetime(2026, 1, 2, 3, 4, 5)),
        ("soon", None),
        ({"at": 1}, None),
        (10**40, None),
        ("9999-12-31T23:59:59-10:00", None),
    ],
)
def test_odd_timestamps(store: Store, jsonl: Jsonl, written: Any, read: datetime | None) -> None:
    [report] = ingest(store, [jsonl([row(at=written)])], {**MAP, "created_at": "at"})
    assert report.stored == 1 and kept(store, "created_at") == [read]


@pytest.mark.parametrize(
    ("row", "columns", "held"),
    [
        ({"environment": ["a", 1], "info": {"exit_status": {"code": 2}}}, "environment, finish_reason", ('["a",1]', '{"code":2}')),
        ({"environment": True, "info": {"exit_status": 7}}, "environment, finish_reason", ("true", "7")),
    ],
)  # fmt: skip
def test_names_that_are_numbers_or_lists_are_kept_as_text(
    store: Store, jsonl: Jsonl, row: dict[str, Any], columns: str, held: tuple[str, str]
) -> None:
    steps = [{"action": "ls", "observation": "", "thought": "Look."}]
    path = jsonl([{"trajectory": steps, **row}], "a.traj")
    for stored in (1, 0):
        [report] = ingest(store, [path])
        assert (report.stored, report.read, report.conflicting) == (stored, 1, 0)
    assert kept(store, columns) == [held]


@pytest.mark.parametrize(
    ("said", "reason"),
    [("nan", None), ("Infinity", "sample is infinite"), ("1e999", "sample is infinite"), ("two", "sample is 'two', which is no number")],
)  # fmt: skip
def test_numbers_that_are_none(store: Store, jsonl: Jsonl, said: str, reason: str | None) -> None:
    [report] = ingest(store, [jsonl([row(rep=said), row(rep=5)])], {**MAP, "sample": "rep"})
    assert (report.stored, report.set_aside) == ((2, 0) if reason is None else (1, 1))
    assert [why for _, why in aside(store)] == ([] if reason is None else [reason])


@pytest.mark.parametrize(
    ("given", "held"), [(2.0, 2), (3, 3), (2.5, None), (True, None), (1e300, None), (1 << 63, None), (None, None)]
)  # fmt: skip
def test_a_sample_number_is_a_whole_one_that_a_column_can_hold(given: Any, held: int | None) -> None:
    made = Trajectory("s", [], trajectory_id="t", sample=given)
    made.identify({})
    assert made.sample == held


# The same again ---------------------------------------------------------------------------------------------------


def test_a_retry_with_the_same_id_is_there_already_and_one_that_differs_is_listed(
    store: Store, jsonl: Jsonl
) -> None:
    rows = [row(3, id="a"), row(3, id="a"), row(4, id="a"), row(5, id="b")]
    [report] = ingest(store, [jsonl(rows)], {**MAP, "id": "id"})
    assert (report.read, report.stored, report.already, report.conflicting) == (4, 2, 1, 1)
    assert report.conflicts[0].endswith(":3 a") and kept(store, "trajectory_id, answer") == [
        ("a", "3"),
        ("b", "5"),
    ]


def test_rows_that_are_alike_and_have_no_id_are_samples_of_one_prompt(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([row(3), row(3)])
    [report] = ingest(store, [path], MAP)
    assert report.stored == 2 and kept(store, "sample") == [0, 1]
    [again] = ingest(store, [path], MAP)
    assert (again.stored, again.already) == (0, 2)


def test_two_files_that_differ_only_in_name_are_two_checkpoints(store: Store, jsonl: Jsonl) -> None:
    rows = [row(n, id=str(n)) for n in range(2)]
    files = [jsonl(rows, f"b0.{n}_judged.json") for n in ("0", "02")]
    rules = {**MAP, "id": "id", "checkpoint": {"path": r"([^/]+)_judged\.json$"}}
    for _ in range(2):
        reports = ingest(store, files, rules)
        assert not any(report.conflicting for report in reports)
    assert [report.already for report in reports] == [2, 2]
    assert kept(store, "checkpoint, answer") == [("b0.0", "0"), ("b0.0", "1"), ("b0.02", "0"), ("b0.02", "1")]


def test_an_id_that_repeats_over_epochs_is_a_trajectory_each(store: Store, jsonl: Jsonl) -> None:
    path = jsonl([row(n, task="t1", epoch=n) for n in (1, 2, 3)])
    for stored, already in ((3, 0), (0, 3)):
        [report] = ingest(store, [path], {**MAP, "id": "task", "sample": "epoch"})
        assert (report.stored, report.already, report.conflicting) == (stored, already, 0)
    assert kept(store, "sample, answer") == [(1, "1"), (2, "2"), (3, "3")]


def test_model_names_that_differ_between_tables_are_joined_by_a_map(store: Store, jsonl: Jsonl) -> None:
    names = {"field": "step", "map": {"openai/gpt-oss-20b": "gpt-oss-20b", "GPT-OSS 20B": "gpt-oss-20b"}}
    files = [
        jsonl([row(n, step=name)], f"{n}.jsonl")
        for n, name in enumerate(["openai/gpt-oss-20b", "GPT-OSS 20B"])
    ]
    ingest(store, files, {**MAP, "checkpoint": names})
    assert kept(store, "checkpoint") == ["gpt-oss-20b"] * 2


# Labels made elsewhere --------------------------------------------------------------------------------------------

LABELED = {
    "annotator": {"field": "rater"}, "pattern": "hacking", "value": "label", "quote": "evidence", "note": "comment",
}  # fmt: skip


def with_labels(store: Store, path: Path, rules: Any) -> ImportedLabels:
    report = ImportedLabels()
    ingest(store, [path], rules, labeled=lambda found: record_labeled(store, found, report))
    return report


def events(store: Store, columns: str) -> list[Any]:
    with store.session() as db:
        return db.execute(f"SELECT {columns} FROM label_events ORDER BY ALL").fetchall()


def test_labels_come_in_with_their_quotes_checked_and_a_quote_that_is_not_there_is_kept_as_rejected(
    store: Store, jsonl: Jsonl
) -> None:
    path = jsonl([
        row(3, id="a", rater="ann", label="yes", evidence=["i PICK 3", "never said"], comment="clear"),
        row(4, id="b", rater="ann", label="no", evidence="I pick 4.", comment=None),
        row(5, id="c", rater="ann", label=None, evidence=None, comment=None),
    ])  # fmt: skip
    rules = {**MAP, "id": "id", "labeled": LABELED}
    report = with_labels(store, path, rules)
    assert (report.read, report.stored, report.quotes, report.rejected, report.refused) == (2, 2, 2, 1, [])
    assert events(
        store, "trajectory_id, op, annotator, pattern, new, quote, start_char, stance, phase, origin, note"
    ) == [
        ("a", "add_quote", "ann", "hacking", None, "I pick 3", 0, None, "import", "import", None),
        ("a", "set", "ann", "hacking", "present", None, None, None, "import", "import", "clear"),
        ("b", "add_quote", "ann", "hacking", None, "I pick 4.", 0, "rejects", "import", "import", None),
        ("b", "set", "ann", "hacking", "absent", None, None, None, "import", "import", None),
    ]
    assert events(store, "attributes->>'$.rejected_quotes[0]'")[0] == ("never said",)
    again = with_labels(store, path, rules)
    assert (again.read, again.stored) == (2, 0) and len(events(store, "op")) == 4


def test_the_fold_of_imported_labels_is_what_was_said(store: Store, jsonl: Jsonl) -> None:
    from labels.fold import fold
    from labels.log import by_trajectory, events_of

    rows = [row(n, id=word, rater="ann", label=word, evidence=f"pick {n}", comment="") for n, word in enumerate(("present", "unsure", "absent"))]  # fmt: skip
    with_labels(store, jsonl(rows), {**MAP, "id": "id", "labeled": LABELED})
    with store.session() as db:
        states = {key[0]: fold(made) for key, made in by_trajectory(events_of(db)).items()}
    assert {key: state.value("hacking") for key, state in states.items()} == {
        w: w for w in ("present", "unsure", "absent")
    }
    assert all(len(state.label("hacking").quotes) == 1 for state in states.values())


def test_a_second_annotator_who_is_a_copy_of_the_first_is_kept_as_said(store: Store, jsonl: Jsonl) -> None:
    rules = [{"annotator": name, "pattern": "p", "value": "label"} for name in ("ann", "bob")]
    report = with_labels(store, jsonl([row(1, label=True)]), {**MAP, "labeled": rules})
    assert report.stored == 2 and events(store, "annotator, new") == [("ann", "present"), ("bob", "present")]


def test_a_label_on_another_text_than_is_stored_is_refused_and_said(store: Store, jsonl: Jsonl) -> None:
    rules = {**MAP, "id": "id"}
    ingest(store, [jsonl([row(3, id="a")])], rules)
    labeled = {"annotator": "ann", "pattern": "p", "value": "label"}
    report = with_labels(store, jsonl([row(4, id="a", label="yes")]), {**rules, "labeled": labeled})
    assert report.refused == ["a: ann labeled p on another text than is stored"] and not events(store, "op")


@pytest.mark.parametrize(
    ("labeled", "complaint"),
    [
        ({"pattern": "p", "value": "label"}, "labeled: lacks annotator"),
        ({"annotator": "a", "pattern": "p", "value": "label", "map": {"y": "perhaps"}}, "maps to perhaps"),
        ({"annotator": {"field": "who"}, "pattern": "p", "value": "label"}, "names the field who"),
    ],
)
def test_a_map_of_labels_that_is_not_understood_is_refused(
    store: Store, jsonl: Jsonl, labeled: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint):
        ingest(store, [jsonl([row(1, label="yes")])], {**MAP, "labeled": labeled})


def test_a_label_whose_word_is_not_in_the_map_sets_its_row_aside(store: Store, jsonl: Jsonl) -> None:
    labeled = {"annotator": "a", "pattern": "p", "value": "label"}
    [report] = ingest(
        store, [jsonl([row(1, label="yes"), row(2, label="perhaps")])], {**MAP, "labeled": labeled}
    )
    assert (report.stored, report.set_aside) == (1, 1)
    assert aside(store) == [(2, "labeled: the word 'perhaps' stands for no value in the map")]


def test_a_label_without_the_name_of_who_gave_it_sets_its_row_aside(store: Store, jsonl: Jsonl) -> None:
    rules = {**MAP, "labeled": {"annotator": {"field": "who"}, "pattern": "p", "value": "label"}}
    path = jsonl([row(1, label="yes", who="ann"), row(2, label="yes", who=" ")])
    report = ImportedLabels()
    [told] = ingest(store, [path], rules, labeled=lambda found: record_labeled(store, found, report))
    assert (told.stored, told.set_aside, report.stored) == (1, 1, 1)
    assert aside(store) == [(2, "labeled: the row has a value but not whose, or of which pattern")]


# Any JSON at all --------------------------------------------------------------------------------------------------

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False, width=32) | st.text(max_size=20)  # fmt: skip
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=12)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=4), min_size=1, max_size=6)


@given(rows=ROWS, form=st.sampled_from(["lines", "array", "indented", "concatenated", "one a line, indented"]), chunk=st.integers(1, 40))  # fmt: skip
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_objects_come_out_of_any_file_as_they_went_in(
    tmp_path: Path, rows: list[Any], form: str, chunk: int
) -> None:
    written = {
        "lines": lambda: "\n".join(json.dumps(r, ensure_ascii=False) for r in rows),
        "array": lambda: json.dumps(rows),
        "indented": lambda: json.dumps(rows, indent=1),
        "concatenated": lambda: "".join(map(json.dumps, rows)),
        "one a line, indented": lambda: "\n".join(json.dumps(r, indent=2) for r in rows),
    }[form]()
    before, elements.CHUNK_BYTES = elements.CHUNK_BYTES, chunk
    try:
        assert read(file(tmp_path / "rows.json", written.encode(errors="surrogatepass"))) == rows
    finally:
        elements.CHUNK_BYTES = before


@given(st.binary(max_size=300))
@example(b'{"a":')
@example(b'[{"a": "\\')
@example(b"]]]}}},,,:::")
@example(b"ARRO")
@example(b"PAR1")
@example(b"\xff\xff\xff\xff")
@example(b"\xff\xfe\x00")
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_in_rows_or_in_one_line_that_says_why_not(tmp_path: Path, content: bytes) -> None:
    path = file(tmp_path / "rows.json", content)
    try:
        assert len(read(path)) <= len(content) + 1
    except UserError as error:
        assert "\n" not in str(error)
