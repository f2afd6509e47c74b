"""The Adjudicate page as a person uses it: ada and bo differ on eval_aware of t0 and t1, and agree on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judged import QUOTE, Lab
from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.store import Store
from labels.events import Event
from labels.gold import gold
from labels.log import events_of, record

ROOT = Path(__file__).parents[2]
HOSTILE = "<b>so</b> **it** $x$ says"


@pytest.fixture
def lab(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    with store.session():
        lab = Lab(store)
        names = lab.traces(3)
        lab.run({name: {"eval_aware": ("present", 97)} for name in names})
        record(store, [Event("ada", "t0", "note", pattern="eval_aware", new=HOSTILE, queue_reason="uniform")])
        for name in names:
            lab.label("ada", name, {"eval_aware": "present", "hint_decode": "absent"})
            value = "present" if name == "t2" else "absent"
            lab.label("bo", name, {"eval_aware": value, "hint_decode": "absent"})
        yield lab


def open_page(name: str | None = "kim") -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    if name:
        at.session_state["annotator"] = name
    at.switch_page("views/adjudicate.py").run()
    assert not at.exception, at.exception
    return at


def text(at: AppTest) -> str:
    """All words on the page, without the signs that keep them from being Markdown."""
    kinds = ("title", "subheader", "markdown", "caption", "text", "info", "code", "warning", "error")
    return " ".join(each.value for kind in kinds for each in getattr(at, kind)).replace("\\", "")


def press(at: AppTest, button: str, reason: str | None = None) -> AppTest:
    if reason:
        at.button_group(key="adjudicate.reason").set_value(reason).run()
    at.button(key=f"adjudicate.take.{button}").click().run()
    assert not at.exception, at.exception
    return at


def golden(lab: Lab) -> dict[str, tuple[Any, ...]]:
    with lab.store.session() as db:
        return {each.trajectory_id: (each.value, each.status) for each in gold(db, codebook.load()) if each.pattern == "eval_aware"}  # fmt: skip


def test_a_conflict_is_shown_with_both_sides_unnamed(lab: Lab) -> None:
    at = open_page()
    told = text(at)
    assert "2 of 2 conflicts left" in told and "Verbalized evaluation awareness" in told
    assert "A" in told and "B" in told and f"> {QUOTE}" in told and "Nothing is quoted" in told
    assert "ada" not in told.split() and " bo " not in told
    assert "quoted by" in told and "I will say 4." in told, "the sentences around the quote are there"


def test_nothing_of_a_run_is_shown_and_looking_ends_blindness(lab: Lab) -> None:
    at = open_page()
    assert "97" not in text(at) and "It says so." not in text(at)
    with lab.store.session() as db:
        assert [event.op for event in events_of(db, "kim")] == ["exposed"]


def test_a_decision_needs_a_reason_and_is_undone(lab: Lab) -> None:
    at = press(open_page(), "A")
    assert "Choose why they differ first" in text(at) and golden(lab)["t0"][1] == "unresolved"
    at = press(at, "A", "edge case")
    assert "1 of 2 conflicts left" in text(at)
    at = press(at, "both", "ambiguous text")
    assert "0 of 2 conflicts left" in text(at) and "Every conflict is decided" in text(at)
    assert {golden(lab)[name][1] for name in ("t0", "t1")} == {"adjudicated"}
    assert golden(lab)["t2"] == ("present", "unanimous")
    assert sorted(at.dataframe[0].value["reason"]) == ["ambiguous text", "edge case"]
    for left in (1, 2):
        next(each for each in at.button if each.label == "Undo").click().run()
        assert f"{left} of 2 conflicts left" in text(at)
    assert golden(lab)["t0"] == golden(lab)["t1"] == (None, "unresolved")


def test_neither_takes_a_value_and_keeps_the_note(lab: Lab) -> None:
    at = open_page()
    [box] = at.text_input
    box.set_value("both miss it").run()
    press(at, "neitherunsure", "guideline gap")
    with lab.store.session() as db:
        [event] = [event for event in events_of(db, "kim") if event.op == "gold"]
    assert (event.new, event.note, event.attributes["reason"]) == ("unsure", "both miss it", "guideline gap")


def test_what_was_skipped_comes_back_when_asked_for(lab: Lab) -> None:
    at = open_page()
    for _ in range(2):
        next(each for each in at.button if each.label == "Skip").click().run()
    assert "Only skipped conflicts are left" in text(at) and "2 skipped" in text(at)
    next(each for each in at.button if each.label == "Show them again").click().run()
    assert "Verbalized evaluation awareness" in text(at)


def test_who_is_one_of_the_sides_is_told_so(lab: Lab) -> None:
    assert "You labelled this trace yourself" in text(open_page("ada"))
    assert "You labelled this trace yourself" not in text(open_page("kim"))


def test_what_a_side_wrote_is_text(lab: Lab) -> None:
    at = open_page()
    if HOSTILE not in text(at):  # t1 came first
        next(each for each in at.button if each.label == "Skip").click().run()
    assert f"Note: {HOSTILE}" in [each.value for each in at.text]
    assert not any("<b>" in each.value for kind in ("markdown", "caption") for each in getattr(at, kind))


def test_without_a_conflict_the_page_says_what_makes_one(lab: Lab) -> None:
    with lab.store.session() as db:
        db.execute("DELETE FROM log.label_events WHERE annotator = 'bo'")
    at = open_page()
    assert "No conflict" in text(at) and "two people on a trace" in text(at)
    assert "Who decides?" in text(open_page(None))
