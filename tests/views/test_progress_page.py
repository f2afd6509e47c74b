"""The Progress page as a lead uses it: ada and bo label six traces each of eight, and differ on t0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judged import Lab
from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.store import Store
from labels import adjudication
from labels.events import Event
from labels.log import record
from labels.queue_design import Settings, current, make

ROOT = Path(__file__).parents[2]
HOSTILE = "<b>eve</b> **x**"


@pytest.fixture
def lab(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    with store.session():
        lab = Lab(store)
        lab.traces(8, checkpoints=("step-10", "step-2"))
        yield lab


@pytest.fixture
def labelled(lab: Lab) -> Lab:
    make(lab.store, Settings(size=8, shares={"uniform": 1.0}, overlap=1.0, seed=1), "lead")
    for who in ("ada", "bo"):
        said: dict[str, Any] = {
            f"t{n}": {"eval_aware": "present" if n < 3 and (who, n) != ("bo", 0) else "absent", "hint_decode": "absent"}
            for n in range(6)
        }  # fmt: skip
        lab.labels(who, said)
    record(lab.store, [
        Event("bo", "t6", "open", queue_reason="uniform"), Event("bo", "t6", "flag", new="true"),
        Event("bo", "t6", "skip", note="long"),
    ])  # fmt: skip
    return lab


def open_page(part: str = "people", name: str | None = None) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    if name:
        at.session_state["annotator"] = name
    at.switch_page("views/progress.py")
    at.query_params["part"] = part
    at.run()
    assert not at.exception, at.exception
    return at


def text(at: AppTest) -> str:
    """All words on the page, without the signs that keep them from being Markdown."""
    kinds = ("title", "subheader", "markdown", "caption", "text", "info", "warning", "error", "success")
    return " ".join(each.value for kind in kinds for each in getattr(at, kind)).replace("\\", "")


def facts(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_each_person_is_shown_with_what_is_done_and_left(labelled: Lab) -> None:
    at = open_page()
    assert facts(at) == {
        "People": "2", "Labelled by anybody": "6 of 8", "Done": "6 of 8", "Overlap": "6 of 8", "Conflicts open": "1",
    }  # fmt: skip
    rows = at.dataframe[0].value.set_index("annotator")
    columns = ["done", "left", "skipped", "flagged", "compared"]
    assert rows.loc["ada", columns].tolist() == [6, 2, 0, 0, 12]
    assert rows.loc["bo", columns].tolist() == [6, 1, 1, 1, 12]
    assert rows["percent"].round().tolist() == [92, 92] and all(rows["time"].str.endswith(" s"))


def test_agreement_is_drawn_and_told_with_n_and_intervals(labelled: Lab) -> None:
    at = open_page("agreement")
    assert next(chart.proto.alt for chart in at.get("vega_lite_chart")).startswith("Cohen's kappa")
    row = at.dataframe[0].value.set_index("name").loc["Verbalized evaluation awareness"]
    assert (row["n"], row["said"]) == (6, "42%")
    assert row["kappa"].startswith("0.67 (") and row["alpha"].startswith("0.69 (")
    assert at.dataframe[0].value.set_index("name").loc["Decoding the hint", "kappa"] == "undefined"
    assert "at least two of them labelled" in text(at)


def test_a_copy_is_pointed_out_and_its_name_is_text(lab: Lab) -> None:
    said = {f"t{n}": dict.fromkeys(("eval_aware", "hint_decode", "grader_model"), "absent") for n in range(8)}
    lab.labels("ada", said)
    lab.labels(HOSTILE, said)
    at = open_page("agreement")
    assert f"{HOSTILE} and ada agree in all of their 24 events on 8 traces" in text(at)
    assert not any(
        "<b>" in each.value for kind in ("warning", "markdown", "caption") for each in getattr(at, kind)
    )


def test_labels_are_counted_by_checkpoint(labelled: Lab) -> None:
    at = open_page("checkpoints")
    rows = at.dataframe[0].value.set_index("name")
    assert list(rows.columns) == ["step-2", "step-10"]
    assert rows.loc["Verbalized evaluation awareness"].tolist() == ["1 of 3", "1 of 3"], "t0 is unresolved"


def test_the_queue_is_told_and_another_one_is_drawn(labelled: Lab) -> None:
    at = open_page("queue", "kim")
    told = text(at)
    assert "by lead" in told and "100% go to two people" in told and "seed 1" in told
    assert at.dataframe[0].value[["reason", "drawn", "labelled", "done"]].to_numpy().tolist() == [
        ["uniform", 8, 6, 6]
    ]
    boxes = {box.label: box for box in at.number_input}
    boxes["Traces"].set_value(5)
    boxes["Overlap, %"].set_value(40)
    at.text_input[0].set_value("checkpoint = 'step-2'")
    at.button[0].click().run()
    assert "it is the queue from now on" in text(at)
    with labelled.store.session() as db:
        made = current(db)
    assert made is not None and made.made_by == "kim"
    assert (made.settings.size, made.settings.overlap, made.settings.where) == (
        5,
        0.4,
        "checkpoint = 'step-2'",
    )


def test_a_queue_that_is_none_is_refused_in_one_line(lab: Lab) -> None:
    at = open_page("queue")
    assert "everybody labels everything" in text(at)
    next(box for box in at.number_input if box.label == "uniform").set_value(10)
    at.button[0].click().run()
    assert "at least 30% of a queue is uniform" in text(at)
    next(box for box in at.number_input if box.label == "uniform").set_value(40)
    at.text_input[0].set_value("nonsense(")
    at.button[0].click().run()
    assert "Only where:" in text(at)
    with lab.store.session() as db:
        assert current(db) is None


def test_active_picks_are_a_box_of_the_form_and_their_reason_is_told(lab: Lab) -> None:
    run = lab.run({f"t{n}": {"eval_aware": ("present", 50 + 5 * n)} for n in range(8)}, tagger="learned")
    at = open_page("queue")
    boxes = {box.label: box for box in at.number_input}
    assert boxes["uncertain"].value == 0, "drawn for only where it is asked for"
    for reason in ("verdict", "unsure", "against", "rare", "clusters", "flagged"):
        boxes[reason].set_value(0)
    boxes["uncertain"].set_value(60)
    boxes["Traces"].set_value(4)
    at.button[0].click().run()
    with lab.store.session() as db:
        made = current(db)
    assert made is not None and made.settings.run_id == run
    assert {each["reason"] for each in made.drawn} == {"uniform", "uncertain: eval_aware"}
    assert "Active picks" in " ".join(at.dataframe[0].value["why"])


def test_why_people_differed_is_counted(labelled: Lab) -> None:
    book = codebook.load()
    with labelled.store.session() as db:
        [item] = [each for each in adjudication.to_adjudicate(db, "kim", book) if each.status == "conflict"]
    adjudication.decide(labelled.store, "kim", book, item, "both", "guideline gap")
    at = open_page("agreement")
    row = at.dataframe[1].value.set_index("name").loc["Verbalized evaluation awareness"]
    assert row[["decided", "guideline gap", "edge case"]].tolist() == [1, 1, 0]
    assert facts(at)["Conflicts open"] == "0"


def test_each_part_says_what_to_do_while_there_is_nothing(lab: Lab) -> None:
    assert "Nobody has labelled yet" in text(open_page())
    assert "two people labelled blind" in text(open_page("agreement"))
    assert "No blind label yet" in text(open_page("checkpoints"))
