from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from judged import Lab

from analysis.codebook import load
from analysis.measure.frequencies import frequencies
from analysis.store import Store
from labels import gold, said
from labels.events import Event
from labels.log import events_of, record


def test_a_blind_label_is_what_was_said_before_the_judge_was_revealed(labelled: Store) -> None:
    with labelled.session() as db:
        found = gold.blind_labels(events_of(db))
    assert [(b.trajectory_id, b.annotator, b.value) for b in found if b.pattern == "p"] == [
        ("t0", "ada", "present"), ("t0", "bo", "present"),
        ("t1", "ada", "absent"), ("t1", "bo", "absent"),
        ("t2", "ada", "present"), ("t2", "bo", "absent"),
    ]  # fmt: skip


def test_rates_rest_on_labels_that_were_not_searched_out_and_conflicts_show(labelled: Store) -> None:
    record(labelled, [
        Event("dee", "t2", "submit", new="q", queue_reason="self-selected"), Event("dee", "t2", "submit", new="p", queue_reason="self-selected"),
    ])  # fmt: skip
    with labelled.session() as db:
        found = {(row["trajectory_id"], row["pattern"]): row["value"] for row in gold.frame(db).to_pylist()}
    assert found == {
        ("t0", "p"): "present", ("t1", "p"): "absent", ("t2", "p"): "unresolved",
        ("t0", "q"): "absent", ("t1", "q"): "absent", ("t2", "q"): "absent",
    }  # fmt: skip


def test_frequencies_show_the_run_beside_the_labels_and_the_correction(labelled: Store) -> None:
    with labelled.session() as db:
        c1, c2 = (cell.as_row() for cell in frequencies(db, "r", labels=gold.frame(db)))
    assert (c1["share"], c1["labels"], c1["label_share"], c1["corrected"]) == (0.5, 2, 0.5, 0.5)
    assert c1["corrected_low"] < 0.5 < c1["corrected_high"] and c1["corrected_note"] == "for this prompt only"
    assert (c2["share"], c2["labels"], c2["label_share"], c2["corrected"], c2["corrected_note"]) == (
        1.0,
        0,
        None,
        None,
        "no labels; fewer than 10 labels of present elsewhere",
    )


def test_without_labels_the_table_has_no_columns_for_them(traces: Store) -> None:
    with traces.session() as db:
        assert all("labels" not in cell.as_row() for cell in frequencies(db, "r", labels=gold.frame(db)))


def test_labels_of_a_text_that_has_changed_do_not_count(labelled: Store) -> None:
    with labelled.session() as db:
        db.execute("UPDATE log.trajectories SET reasoning_sha256 = 'new' WHERE trajectory_id = 't0'")
        db.execute("UPDATE log.attempts SET reasoning_sha256 = 'new' WHERE trajectory_id = 't0'")
        c1 = frequencies(db, "r", labels=gold.frame(db))[0].as_row()
    assert (c1["n"], c1["labels"], c1["label_share"]) == (2, 1, 0.0)


def test_the_report_has_the_columns_of_labels(labelled: Store, telltale: Callable[..., Any]) -> None:
    table = telltale("report", "frequencies", "--db", labelled.path, "--format", "csv").stdout
    assert table.splitlines()[0].endswith(
        "labels,label_share,label_low,label_high,label_effective_n,label_conflicts,"
        "corrected,corrected_low,corrected_high,corrected_design_effect,corrected_note"
    )


def test_gold_of_traces_that_nobody_touched_is_kept_and_the_rest_is_that_of_the_whole_log(
    store: Store,
) -> None:
    lab, book = Lab(store), load()
    names = lab.traces(3)
    kept = []
    for who, name, value in (
        ("ada", "t0", "present"),
        ("bo", "t1", "absent"),
        ("bo", "t0", "absent"),
        ("ada", "t0", "absent"),
    ):
        lab.label(who, name, {"eval_aware": value})
        with store.session() as db:
            found = gold.gold(db, book)
            assert found == gold.golden_of(events_of(db), book)
        kept.append({each.trajectory_id: each for each in found})
    assert kept[1]["t1"] is kept[3]["t1"], "made once"
    assert [each["t0"].status for each in kept] == ["single", "single", "unresolved", "unanimous"]
    assert names == ["t0", "t1", "t2"]


def test_what_rates_rest_on_is_after_every_step_what_the_whole_log_comes_to(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(store)
    lab.traces(2)
    decision = Event("kim", "t0", "gold", pattern="eval_aware", new="present", phase="adjudication")
    decision = replace(decision, reasoning_sha256=lab.sha["t0"])
    steps: dict[str, Callable[[], object]] = {
        "absent": lambda: lab.label("ada", "t0", {"eval_aware": "absent"}),
        "unresolved": lambda: lab.label("bo", "t0", {"eval_aware": "present"}),
        "present": lambda: record(store, [decision]),
    }

    def found() -> pa.Table:
        with store.session() as db:
            return gold.frame(db)

    for value, step in steps.items():
        step()
        lab.label("dee", "t1", {"eval_aware": "present"}, queue_reason="self-selected")
        known = found()
        monkeypatch.setattr(gold, "_last", None)
        monkeypatch.setattr(said, "_held", ((), {}, {}))
        assert known.equals(found())
        assert known.select(["trajectory_id", "value"]).to_pylist() == [
            {"trajectory_id": "t0", "value": value}
        ]
