from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from analysis.store import Store
from analysis.store.rows import now
from labels.events import Event
from labels.export_filter import KINDS, Filter
from labels.export_rows import rows
from labels.fold import fold
from labels.importing import import_events
from labels.log import by_trajectory, events_of, record
from labels.transfer import write

FORMS = ("jsonl", "csv", "parquet")


def exported(store: Store, kind: Any, **which: Any) -> list[dict[str, Any]]:
    with store.session() as db:
        return rows(db, kind, Filter(**which))


def test_labels_are_a_row_for_each_trajectory_annotator_and_pattern(labelled: Store) -> None:
    found = exported(labelled, "labels")
    keys = [(row["trajectory_id"], row["annotator"], row["pattern"]) for row in found]
    assert keys == sorted(keys) and len(keys) == 3 * 2 * 2, "what was only opened stays out"
    after_reveal = next(
        row for row in found if (row["trajectory_id"], row["annotator"], row["pattern"]) == ("t1", "ada", "p")
    )
    assert (after_reveal["blind_value"], after_reveal["value"], after_reveal["origin"]) == (
        "absent",
        "present",
        "judge_accepted",
    )
    assert all(row["synthetic"] == "written" and row["codebook_revision"] == 1 for row in found)
    assert {(row["value"], row["explicit"]) for row in found if row["pattern"] == "q"} == {("absent", False)}


def test_spans_say_where_and_whether_they_were_found_blind(labelled: Store) -> None:
    found = exported(labelled, "spans", patterns=("p",))
    assert [(r["trajectory_id"], r["annotator"], r["quote"], r["start_char"], r["end_char"], r["blind"]) for r in found] == [
        ("t0", "ada", "Odd pays 😀.", 0, 11, True), ("t0", "bo", "Odd pays", 0, 8, True),
        ("t1", "ada", "Odd", 0, 3, False), ("t2", "ada", "😀", 9, 10, True),
    ]  # fmt: skip


def test_trajectories_come_whole_with_both(labelled: Store) -> None:
    first = exported(labelled, "trajectories")[0]
    assert first["messages"] == [{"role": "user", "content": "Pick."}]
    assert [(label["annotator"], label["pattern"]) for label in first["labels"]] == [
        ("ada", "p"),
        ("ada", "q"),
        ("bo", "p"),
        ("bo", "q"),
    ]
    assert [span["quote"] for span in first["spans"]] == ["Odd pays 😀.", "Odd pays"]


@pytest.mark.parametrize(
    ("which", "left"),
    [
        ({"annotators": ("bo",)}, {("t0", "bo"), ("t1", "bo"), ("t2", "bo")}),
        ({"checkpoints": ("c2",)}, {("t2", "ada"), ("t2", "bo")}),
        ({"variants": ("w",)}, set()),
        ({"submitted": False}, {(t, a) for t in ("t0", "t1", "t2") for a in ("ada", "bo")}),
    ],
)
def test_filters(labelled: Store, which: dict[str, Any], left: set[tuple[str, str]]) -> None:
    assert {(row["trajectory_id"], row["annotator"]) for row in exported(labelled, "labels", **which)} == left


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_each_format_is_read_back_by_its_own_reader(
    labelled: Store, tmp_path: Path, kind: Any, form: Any
) -> None:
    path = tmp_path / f"out.{form}"
    with labelled.session() as db:
        manifest = write(db, kind, path, form)
        wanted = rows(db, kind)
    if form == "jsonl":
        found = pd.read_json(path, lines=True)
    elif form == "csv":
        found = pd.read_csv(path)
    else:
        found = pq.read_table(path).to_pandas()
    assert len(found) == len(wanted) == manifest["rows"] > 0
    assert list(found.columns) == list(wanted[0])
    assert list(found["trajectory_id"]) == [row["trajectory_id"] for row in wanted]
    assert manifest == json.loads((tmp_path / f"out.{form}.manifest.json").read_text())
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert manifest["codebook_revisions"] == [1]


def test_the_same_labels_give_the_same_bytes(labelled: Store, tmp_path: Path) -> None:
    with labelled.session() as db:
        first, second = (write(db, "labels", tmp_path / name, "csv")["sha256"] for name in ("a", "b"))
    assert first == second


def test_a_csv_cell_never_starts_a_formula_and_json_keeps_the_text(labelled: Store, tmp_path: Path) -> None:
    with labelled.session() as db:
        write(db, "labels", tmp_path / "a.csv", "csv")
        write(db, "labels", tmp_path / "a.jsonl", "jsonl")
    notes = {row["note"] for row in csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text()))}
    assert notes == {"'=SUM(A1)", ""}
    assert "=SUM(A1)" in {
        json.loads(line)["note"] for line in (tmp_path / "a.jsonl").read_text().splitlines()
    }


def test_an_export_of_nothing_is_refused_and_overwrites_nothing(
    traces: Store, tmp_path: Path, telltale: Callable[..., Any]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("kept")
    done = telltale("export", "spans", "--out", path, "--annotator", "nobody", "--db", traces.path)
    assert done.returncode == 2 and "no spans pass the filter" in done.stderr and path.read_text() == "kept"
    done = telltale("export", "spans", "--out", tmp_path / "a.xlsx", "--db", traces.path)
    assert done.returncode == 2 and "say which with --as" in done.stderr


def test_events_come_back_without_loss_or_doubling(
    labelled: Store, tmp_path: Path, telltale: Callable[..., Any]
) -> None:
    path = tmp_path / "events.jsonl"
    assert telltale("export", "events", "--out", path, "--db", labelled.path).returncode == 0
    with labelled.session() as db:
        before = events_of(db)
        db.execute("DELETE FROM log.label_events WHERE annotator = 'bo'")
    done = telltale("label", "import", path, "--db", labelled.path, "--json")
    assert json.loads(done.stdout) == [
        {"read": len(before), "stored": 4, "already": len(before) - 4, "refused": 0}
    ]
    again = import_events(labelled, path)
    assert (again.stored, again.already) == (0, len(before))
    with labelled.session() as db:
        after = events_of(db)
    assert after == before
    assert {k: fold(v) for k, v in by_trajectory(after).items()} == {
        k: fold(v) for k, v in by_trajectory(before).items()
    }


def test_events_that_are_not_true_of_this_store_are_refused_and_listed(
    labelled: Store, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    good = Event("eve", "t0", "set", pattern="p", new="present", created_at=now()).as_row() | {
        "created_at": "2026-01-01T00:00:00"
    }
    bad = [
        {**good, "event_id": "1", "trajectory_id": "gone"},
        {**good, "event_id": "2", "quote": "Even", "start_char": 0, "end_char": 4},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in [good, *bad]) + "[]\nnonsense\n")
    report = import_events(labelled, path)
    assert (report.read, report.stored) == (5, 1)
    assert [reason.split(":")[0] for reason in report.refused] == ["line 2", "line 3", "line 4", "line 5"]


def test_a_label_whose_text_has_changed_says_so(labelled: Store) -> None:
    record(labelled, [Event("ada", "t0", "flag", new="true")])
    with labelled.session() as db:
        db.execute("UPDATE log.trajectories SET reasoning_sha256 = 'new' WHERE trajectory_id = 't0'")
    assert {row["trajectory_id"] for row in exported(labelled, "labels") if row["text_changed"]} == {"t0"}
