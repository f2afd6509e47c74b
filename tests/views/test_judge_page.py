"""The Judge page as a person uses it, on a store with two judges, a repeat and blind labels."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from judged import QUOTE, Lab
from streamlit.testing.v1 import AppTest

from analysis import runs
from analysis.runs import Finding, Result, Verdict
from analysis.store import Store
from labels.fold import fold
from labels.log import by_trajectory, events_of

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]
HOSTILE = "<img src=x onerror=alert(1)> **bold** $x$ http://evil.example"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """24 traces; ada and bo labelled the first 12. The judge errs on t0 (FN), t8 (FP); its repeat on t1 too."""
    store = Store(tmp_path_factory.mktemp("judge") / "store.duckdb")
    with store.session():
        lab = Lab(store)
        names = lab.traces(24, checkpoints=("step-2", "step-10"))
        said: dict[str, Any] = {
            name: {
                "eval_aware": ("present", 85) if 0 < n < 6 or n == 8 else ("absent", 5),
                "hint_decode": ("absent", 0),
            }
            for n, name in enumerate(names)
        }
        truth = {name: {"eval_aware": "present" if n < 6 else "absent", "hint_decode": "absent"} for n, name in enumerate(names)}  # fmt: skip
        lab.labels("ada", {name: truth[name] for name in names[:9]})
        lab.labels("bo", {name: truth[name] for name in names[9:12]})
        lab.run(
            {**said, "t20": "failed", "t21": "failed", "t22": "refused", "t23": {"eval_aware": "made up"}}
        )
        lab.run({**said, "t1": {"eval_aware": ("absent", 30), "hint_decode": ("absent", 0)}}, repeat=2)
        lab.run({name: {"eval_aware": "present", "hint_decode": "absent"} for name in names}, model="eager")
    return lab


@pytest.fixture
def lab(filled: Lab, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A copy of it that a test can change."""
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    shutil.copy(filled.store.path, store.path)
    lab = Lab(store)
    lab.sha = filled.sha
    with store.session():
        yield lab


@pytest.fixture
def first(lab: Lab) -> str:
    with lab.store.session() as db:
        return next(row["run"] for row in runs.listed(db) if row["not_ok"])


@pytest.fixture
def open_page(first: str) -> Open:
    """Open a part of the page on the first run."""

    def open_part(part: str = "run", run: str = first, name: str | None = None) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        if name:
            at.session_state["annotator"] = name
        at.switch_page("views/judge.py")
        at.query_params["run"], at.query_params["part"] = run, part
        at.run()
        assert not at.exception, at.exception
        return at

    return open_part


def text(at: AppTest) -> str:
    """All words on the page, without the signs that keep them from being Markdown."""
    kinds = ("title", "subheader", "markdown", "caption", "text", "info", "code", "warning")
    words = " ".join(each.value for kind in kinds for each in getattr(at, kind))
    return words.replace("\\", "")


def column(at: AppTest, table: int, name: str) -> list[Any]:
    return at.dataframe[table].value[name].tolist()


def log(lab: Lab, name: str) -> list[tuple[str, str]]:
    with lab.store.session() as db:
        found = by_trajectory(events_of(db, name))
    return [(trajectory, event.op) for (trajectory, _), events in sorted(found.items()) for event in events if event.op in ("exposed", "reveal")]  # fmt: skip


def test_the_run_says_how_far_it_is_how_it_ended_and_what_it_cost(open_page: Open) -> None:
    at = open_page()
    told = {metric.label: metric.value for metric in at.metric}
    assert (told["Judged"], told["Ended ok"], told["Set aside"], told["Cost"]) == (
        "24 of 24",
        "21",
        "3",
        "unknown",
    )
    assert (told["Input, not cached"], told["Input from the cache"], told["Output"]) == (
        "4,800",
        "19,200",
        "1,200",
    )
    assert dict(zip(column(at, 0, "name"), column(at, 0, "count"), strict=True)) == {
        "ok": 21, "refused": 1, "unparseable": 0, "truncated": 0, "failed": 2, "no reasoning": 0, "not judged": 0,
    }  # fmt: skip
    assert all(column(at, 0, "meaning"))
    assert list(zip(column(at, 1, "error"), column(at, 1, "count"), strict=True)) == [("said failed after 3 s", 2), ("said refused after 3 s", 1)]  # fmt: skip
    assert "price of 24 passes is unknown" in text(at)
    assert dict(zip(column(at, 2, "name"), column(at, 2, "rejected"), strict=True))["All patterns"] == 1


def test_agreement_with_blind_labels_is_shown_with_intervals_and_n(open_page: Open) -> None:
    at = open_page("agreement")
    row = at.dataframe[0].value.set_index("name").loc["Verbalized evaluation awareness"]
    assert row[["n", "tp", "fp", "fn", "tn", "missing"]].tolist() == [12, 5, 1, 1, 5, 0]
    assert (
        row["kappa"].startswith("0.67 (")
        and row["sensitivity"].startswith("0.83 (")
        and row["brier"] != "undefined"
    )
    assert at.dataframe[0].value["sensitivity"].tolist()[0] == "undefined", (
        "nobody calls the other pattern present"
    )
    assert "for these 2 prompts only" in text(at) and ".64 to .74" in text(at)
    assert at.table[0].value.to_numpy().tolist() == [
        ["the run: present", "5", "1"],
        ["the run: absent", "1", "5"],
    ]
    assert column(at, 1, "told_n") == ["6", "6"], "the bins of the reliability curve that hold labels"


def test_disagreements_are_read_side_by_side_and_filtered(open_page: Open, lab: Lab) -> None:
    at = open_page("disagreements")
    assert "2 disagreements" in text(at)
    told = text(at)
    assert "The run: **absent**" in told and "A person: **present**" in told and told.count(QUOTE) == 2
    assert "It says so." in told and "Nothing is quoted for it." in told
    at.button_group[1].set_value("false positive").run()
    assert "1 of 2 disagreements" in text(at) and "The run: **absent**" not in text(at)


def test_who_labels_sees_only_disagreements_on_traces_that_they_submitted(open_page: Open, lab: Lab) -> None:
    at = open_page("disagreements", name="bo")
    assert QUOTE not in text(at) and "2 more are on traces that you have not submitted" in text(at)
    assert log(lab, "bo") == [], "nothing was seen"
    next(button for button in at.button if button.label == "Show these too").click().run()
    assert text(at).count(QUOTE) == 2
    assert log(lab, "bo") == [("t0", "exposed"), ("t8", "exposed")], (
        "what bo labels there is not blind any more"
    )


def test_what_was_submitted_is_revealed_by_reading_it_here_and_the_blind_labels_stand(open_page: Open, lab: Lab) -> None:  # fmt: skip
    at = open_page("disagreements", name="ada")
    assert text(at).count(QUOTE) == 2 and "You: **present**" in text(at)
    assert log(lab, "ada") == [("t0", "reveal"), ("t8", "reveal")]
    with lab.store.session() as db:
        assert fold(events_of(db, "ada", "t0")).value("eval_aware") == "present"
    for part in ("run", "agreement", "repeats", "compare"):
        open_page(part, name="cy")
    assert log(lab, "cy") == [], "figures alone expose nothing"


def test_who_signs_in_after_looking_has_seen_what_was_shown(open_page: Open, lab: Lab) -> None:
    at = open_page("disagreements")
    assert QUOTE in text(at)
    at.session_state["annotator"] = "dee"
    at.run()
    assert log(lab, "dee") == [("t0", "exposed"), ("t8", "exposed")]
    assert "2 more are on traces" not in text(at), "what has been seen is open"


def test_examples_of_rejected_quotes_are_shown_when_asked_for(open_page: Open, lab: Lab) -> None:
    for name, shown in ((None, True), ("ada", False)):
        at = open_page(name=name)
        assert "a quote of its own" not in text(at)
        at.toggle[0].set_value(True).run()
        assert ("a quote of its own" in text(at)) is shown
        assert log(lab, "ada") == []


def test_repeats_and_another_run_are_set_beside_it(open_page: Open) -> None:
    at = open_page("repeats")
    rows = at.dataframe[0].value.set_index("name")
    assert rows.loc["Verbalized evaluation awareness", ["repeats", "flipped", "n"]].tolist() == [2, 1, 20]
    at = open_page("compare")
    rows = at.dataframe[0].value.set_index("name")
    assert rows.loc["Verbalized evaluation awareness", ["n", "missing"]].tolist() == [20, 4]
    second = next(option for option in at.selectbox if option.label == "Second run")
    second.select(next(o for o in second.options if "eager" in o)).run()
    rows = at.dataframe[0].value.set_index("name")
    assert rows.loc["Verbalized evaluation awareness", ["only_first", "only_second"]].tolist() == [0, 14]
    nearer = at.dataframe[1].value.set_index("name").loc["Verbalized evaluation awareness"]
    assert nearer["labels"] == 12 and nearer["kappa_second"].startswith("0.00")


def test_every_table_can_be_taken_away_as_csv(open_page: Open) -> None:
    for part, tables in (("run", 3), ("agreement", 2), ("repeats", 1), ("compare", 2)):
        at = open_page(part)
        assert len(at.dataframe) == tables and len(at.get("download_button")) == tables, part


def test_what_an_endpoint_said_is_text(open_page: Open, lab: Lab, first: str) -> None:
    with lab.store.transaction() as db:
        runs.record(db, first, [Result("t20", "failed", error=HOSTILE, reasoning_sha256=lab.sha["t20"])])
    at = open_page()
    assert HOSTILE in column(at, 1, "error")
    finding = Finding("eval_aware", HOSTILE, 0, len(HOSTILE), "exact", "asserts", None, {}, HOSTILE)
    with lab.store.transaction() as db:
        runs.record(db, first, [Result("t6", "ok", [Verdict("eval_aware", "present", 99)], [finding], reasoning_sha256=lab.sha["t6"])])  # fmt: skip
    at = open_page("disagreements")
    assert sum(HOSTILE in each.value for each in at.text) == 2, "the quote and the reason"
    for kind in ("markdown", "caption"):
        assert not any("evil" in each.value or "onerror" in each.value for each in getattr(at, kind)), kind


def test_each_part_says_what_to_do_while_there_is_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, open_page: Open, lab: Lab) -> None:  # fmt: skip
    with store.session() as db:
        db.execute("DELETE FROM log.label_events")
        db.execute("DELETE FROM log.runs WHERE config LIKE '%repeat%' OR model = 'eager'")
    assert "On the Label page people read traces" in text(open_page("agreement"))
    assert "No disagreement to read" in text(open_page("disagreements"))
    assert "--repeat 2" in text(open_page("repeats"))
    assert "telltale tag --tagger judge --model ANOTHER" in text(open_page("compare"))


def test_before_any_judge_has_run_the_page_says_how(page: Open, sample_store: Store) -> None:
    at = page("judge")
    assert not at.exception and "No judge has run here" in text(at) and "--dry-run" in text(at)
    assert [metric.label for metric in at.metric] == ["Judged", "Ended ok", "Set aside"], "cues cost nothing"
    at.button_group[0].set_value("repeats").run()
    assert "it says the same each time" in text(at)
    with sample_store.session() as db:
        db.execute("DELETE FROM log.runs")
    at = page("judge")
    assert "Nothing tagged yet" in text(at) and "--tagger judge" in text(at)


def test_a_small_cost_is_seen_and_an_unknown_one_beside_it_is_said(
    open_page: Open, lab: Lab, first: str
) -> None:
    with lab.store.transaction() as db:
        runs.record(db, first, [Result("t20", "ok", input_tokens=9, output_tokens=1, cost_usd=0.0024, reasoning_sha256=lab.sha["t20"])])  # fmt: skip
    told = [metric.value for metric in open_page().metric if metric.label == "Cost"]
    assert told == ["$0.0024+", "$0.0024+"]
