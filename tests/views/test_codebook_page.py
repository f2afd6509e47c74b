"""The Codebook page as a person uses it, on a copy of the project's codebook."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judged import Lab
from streamlit.testing.v1 import AppTest

from analysis import codebook, codebook_changes
from analysis.codebook_changes import Part
from analysis.store import Store
from views import codebook_change

ROOT = Path(__file__).parents[2]
HOSTILE = "<b>Harm</b> **less** $x$ [a](javascript:alert(1))"
PARTS = [Part("sees_test", "Sees a test", "Says test."), Part("sees_eval", "Sees an eval", "Says eval.")]


@pytest.fixture
def lab(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Ada says eval_aware of two of four traces, bo of one of them."""
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    with store.session():
        lab = Lab(store)
        names = lab.traces(4)
        said: dict[str, Any] = {
            name: {"eval_aware": "present" if n < 2 else "absent", "hint_decode": "absent"}
            for n, name in enumerate(names)
        }
        lab.labels("ada", said)
        lab.labels("bo", {"t0": said["t0"], "t1": said["t2"]})
        yield lab


def open_page(part: str = "patterns", name: str | None = None, **query: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    if name:
        at.session_state["annotator"] = name
    at.switch_page("views/codebook.py")
    for key, value in {"part": part, **query}.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def text(at: AppTest) -> str:
    """All words on the page, without the signs that keep them from being Markdown."""
    kinds = (
        "title",
        "subheader",
        "markdown",
        "caption",
        "text",
        "info",
        "code",
        "warning",
        "error",
        "success",
    )
    return " ".join(each.value for kind in kinds for each in getattr(at, kind)).replace("\\", "")


def change(at: AppTest, kind: str) -> AppTest:
    return at.button_group(key="codebook.kind").set_value(kind).run()


def test_a_pattern_is_shown_with_its_rules_and_what_people_said(lab: Lab, book: Path) -> None:
    at = open_page(pattern="eval_aware")
    row = at.dataframe[0].value.set_index("name").loc["Verbalized evaluation awareness"]
    assert row.tolist() == [1, 2, 0, 1], "t0 by both; t2 and t3 by ada alone; they differ on t1"
    told = text(at)
    for words in (
        "hedged suspicion", "exam questions as a topic", "it may be an honesty check", "unit tests for the parser",
        "Attribute purpose", "capability", "Labels: 1 present, 2 absent, 1 open",
    ):  # fmt: skip
        assert words in told, words
    assert r"\b" in "".join(code.value for code in at.code), "cues are shown as text"


def test_what_a_codebook_says_is_text(lab: Lab, book: Path) -> None:
    codebook_changes.rename(book, "harmless_excuse", HOSTILE, note=HOSTILE)
    codebook_changes.redefine(book, "harmless_excuse", HOSTILE)
    for part in ("patterns", "history", "change"):
        at = open_page(part, pattern="harmless_excuse")
        raw = [each.value for kind in ("markdown", "caption", "subheader") for each in getattr(at, kind)]
        assert not any("<b>" in value or "**less**" in value for value in raw)
    assert HOSTILE in text(open_page(pattern="harmless_excuse"))


def test_a_change_is_shown_before_it_is_made(lab: Lab, book: Path) -> None:
    before = book.read_bytes()
    at = change(open_page("change"), "Retire")
    assert "Nothing is written before you have." in text(at) and not at.button
    at.selectbox(key="codebook.of.retire").select("eval_aware").run()
    told = text(at)
    assert "revision 2, with 13 patterns in use and 1 retired" in told and "4 labels so far" in told
    assert "+    retired: 2" in told and book.read_bytes() == before
    at.button(key="codebook.make").click().run()
    assert "Revision 2 is written" in text(at)
    assert [each.id for each in codebook.load(book).retired] == ["eval_aware"]
    at = open_page("history")
    assert at.dataframe[0].value.iloc[0][["revision", "change", "old", "new"]].tolist() == [2, "retire", "eval_aware", "–"]  # fmt: skip
    at = open_page(pattern="eval_aware")
    assert "retired since revision 2" in text(at) and "Labels: 1 present, 2 absent, 1 open" in text(at)


def test_a_rename_a_split_and_a_merge_are_filled_in_and_made(lab: Lab, book: Path) -> None:
    at = open_page("change")
    at.selectbox(key="codebook.of.rename").select("eval_aware").run()
    at.text_input(key="codebook.of.rename.eval_aware.name").set_value("Sees a test").run()
    at.button(key="codebook.make").click().run()
    at = change(open_page("change"), "Split")
    at.selectbox(key="codebook.of.split").select("eval_aware").run()
    for place, part in enumerate(PARTS):
        for field in part._fields:
            at.text_input(key=f"codebook.of.split.eval_aware.{place}.{field}").set_value(getattr(part, field))
    at.run()
    assert "6 labels of 2 people will wait for another look" in text(at), (
        "three say present, each for two parts"
    )
    at.button(key="codebook.make").click().run()
    at = change(open_page("change"), "Merge")
    at.multiselect(key="codebook.of.merge").set_value(["grader_model", "expected_answer"]).run()
    for field, value in (("id", "grader"), ("name", "The grader"), ("definition", "Either.")):
        at.text_input(key=f"codebook.of.merge.into.{field}").set_value(value)
    at.run()
    at.button(key="codebook.make").click().run()
    now = codebook.load(book)
    assert [each.kind for each in now.history] == ["rename", "split", "merge"] and now.revision == 4
    assert {"sees_test", "sees_eval", "grader"} < set(now.ids())


def test_what_is_refused_is_one_line(lab: Lab, book: Path) -> None:
    at = open_page("change")
    at.selectbox(key="codebook.of.rename").select("eval_aware").run()
    at.text_input(key="codebook.of.rename.eval_aware.id").set_value("hint_decode").run()
    assert "the id hint_decode stands twice" in text(at) and not at.button
    at.text_input(key="codebook.of.rename.eval_aware.id").set_value("sees_test").run()
    codebook_changes.retire(book, "harmless_excuse")
    codebook_change._make(lambda path: codebook_changes.retire(path, "eval_aware"), book, codebook.parse({"revision": 1, "patterns": []}))  # fmt: skip
    assert codebook.load(book).revision == 2, "nothing goes over what somebody else changed meanwhile"


def test_where_the_file_may_not_be_written_the_page_says_so(
    lab: Lab, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codebook_change.os, "access", lambda path, mode: False)
    at = open_page("change")
    assert "The app may not write" in text(at) and "telltale codebook" in text(at)
    assert not at.selectbox and not at.button


def test_labels_under_an_older_definition_wait_with_a_link_to_each_ones_own(lab: Lab, book: Path) -> None:
    assert "No label waits for another look" in text(open_page("again"))
    codebook_changes.split(book, "eval_aware", PARTS)
    at = open_page("again")
    assert sorted(zip(*(at.dataframe[0].value[each] for each in ("who", "labels")), strict=True)) == [
        ("ada", 2), ("ada", 2), ("bo", 1), ("bo", 1),
    ]  # fmt: skip
    assert "you said" not in text(at), "nothing that anybody said is shown to nobody in particular"
    at = open_page("again", name="ada")
    links = at.get("page_link")
    assert len(links) == 4 and all("item=" in link.proto.query_string for link in links)
    assert text(at).count("you said present of Verbalized evaluation awareness") == 4
    assert "None of your labels waits." in text(open_page("again", name="cy"))
