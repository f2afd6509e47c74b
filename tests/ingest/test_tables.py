"""CSV, TSV, Parquet, Arrow, and datasets on disk."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import UserError
from analysis.ingest import detect, files_in, ingest, preview
from analysis.store import Store
from tests.ingest.agent_examples import CHAT
from tests.ingest.reading import one, parted, turns, written


def table(path: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_chat_rows_in_parquet_whether_nested_or_as_json(tmp_path: Path) -> None:
    nested = table(tmp_path / "a.parquet", [{"messages": CHAT, "model": "m"}] * 3)
    text = table(tmp_path / "b.parquet", [{"messages": json.dumps(CHAT), "model": "m"}] * 3)
    for path in (nested, text):
        trajectories, aside = parted(path)
        assert [turns(t) for t in trajectories] == [
            [("user", "Pick.", None), ("assistant", "4", "Four is even.")]
        ] * 3
        assert not aside and trajectories[2].line == 3


def test_chat_rows_in_csv_and_tsv(tmp_path: Path) -> None:
    for name, mark in (("a.csv", ","), ("b.csv", ";"), ("c.tsv", "\t")):
        with (tmp_path / name).open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream, delimiter=mark).writerows(
                [["messages", "checkpoint"], [json.dumps(CHAT), "s1"]]
            )
        trajectory = one(tmp_path / name)
        assert (trajectory.checkpoint, trajectory.reasoning()) == ("s1", "Four is even.")


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "arrow"])
def test_any_table_goes_in_by_a_map(store: Store, tmp_path: Path, form: str) -> None:
    rows = [
        {"cot": 'Four,\n"even".', "out": "4", "step": "s1", "rep": 0, "about": '{"arm": "hint"}'},
        {"cot": None, "out": "5", "step": "s1", "rep": 1, "about": '{"arm": "none"}'},
    ]
    path = tmp_path / f"rows.{form}"
    if form in ("csv", "tsv"):
        with path.open("w", newline="", encoding="utf-8-sig") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if form == "tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    elif form == "parquet":
        table(path, rows)
    else:
        with (
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, pa.Table.from_pylist(rows).schema) as writer,
        ):
            writer.write_table(pa.Table.from_pylist(rows))
    rules = {
        "reasoning": "cot",
        "answer": "out",
        "checkpoint": "step",
        "sample": "rep",
        "variant": "about.arm",
    }
    [report] = ingest(store, [path], rules)
    assert (report.stored, report.set_aside) == (2, 0)
    with store.session() as db:
        assert db.execute(
            "SELECT reasoning, reasoning_state, answer, variant FROM trajectories ORDER BY sample"
        ).fetchall() == [
            ('Four,\n"even".', "text", "4", "hint"),
            (None, "missing", "5", "none"),
        ]


def test_a_csv_row_of_another_length_is_set_aside_by_its_line(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('cot,out\n"a\nb",1\nc,2,3\n\nd,4\ne', encoding="utf-8")
    [report] = ingest(store, [path], {"reasoning": "cot", "answer": "out"})
    assert (report.stored, report.set_aside) == (2, 2)
    with store.session() as db:
        assert db.execute("SELECT line, reason FROM quarantine ORDER BY line").fetchall() == [
            (4, "3 cells, where the header names 2"),
            (7, "1 cells, where the header names 2"),
        ]


def dataset(path: Path, rows: list[dict[str, Any]], files: int = 2) -> Path:
    """A dataset as `datasets` saves it to disk."""
    path.mkdir(parents=True)
    names = [f"data-{n:05d}-of-{files:05d}.arrow" for n in range(files)]
    for n, name in enumerate(names):
        part = pa.Table.from_pylist(rows[n::files])
        with pa.OSFile(str(path / name), "wb") as sink, pa.ipc.new_stream(sink, part.schema) as writer:
            writer.write_table(part)
    written(path / "state.json", {"_data_files": [{"filename": name} for name in names], "_split": "train"})
    written(path / "dataset_info.json", {"features": {}})
    return path


def test_a_dataset_on_disk_is_one_input_and_a_split_of_several_each_one(store: Store, tmp_path: Path) -> None:
    rows = [{"messages": CHAT, "checkpoint": f"s{n}"} for n in range(4)]
    train, test = dataset(tmp_path / "ds" / "train", rows), dataset(tmp_path / "ds" / "test", rows[:2])
    written(tmp_path / "ds" / "dataset_dict.json", {"splits": ["train", "test"]})
    assert files_in([tmp_path / "ds"]) == [test, train]
    reports = ingest(store, [tmp_path / "ds"])
    assert [(r.file, r.format, r.stored) for r in reports] == [
        ("ds/test", "chat", 2),
        ("ds/train", "chat", 4),
    ]


def test_sharegpt_in_a_dataset_that_keeps_a_sequence_as_one_record_of_lists(tmp_path: Path) -> None:
    rows = [{"conversations": {"from": ["human", "gpt"], "value": ["Pick.", "<think>Hm.</think>4"]}}]
    trajectory = one(dataset(tmp_path / "ds", rows, files=1))
    assert turns(trajectory) == [("user", "Pick.", None), ("assistant", "4", "Hm.")]


def test_a_dataset_with_a_file_missing_and_a_cut_parquet_are_refused_in_one_line(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "ds", [{"messages": CHAT}] * 2)
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(UserError, match=r"data-00001-of-00002\.arrow is missing; copy the whole folder"):
        detect(folder)
    path = table(tmp_path / "a.parquet", [{"messages": CHAT}])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"a\.parquet is damaged: .*; copy it again"):
        detect(path)


def test_a_dry_run_of_a_table_names_the_columns_that_nothing_reads(tmp_path: Path) -> None:
    path = table(tmp_path / "a.parquet", [{"cot": "x", "left": [1, 2], "bytes": b"abc"}])
    shown = preview(path, {"reasoning": "cot"})
    assert shown.unread_fields == ["left", "bytes"] and shown.trajectories[0].metadata == {
        "left": [1, 2],
        "bytes": "[3 bytes]",
    }
