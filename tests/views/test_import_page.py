"""The Import page: a file seen as it would be stored, a map written for it, and the rows stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from analysis.store import Store

Page = Callable[[str], AppTest]
ROWS = '{"ckpt": "s1", "q": "Pick.", "cot": "I pick <b>7</b>.", "out": "7", "left": 1}\n'


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "lab" / "rows.jsonl"
    path.parent.mkdir()
    path.write_text(ROWS)
    return path


def field(at: AppTest, label: str) -> object:
    return next(each for each in [*at.text_input, *at.text_area, *at.selectbox] if each.label == label)


def at_path(at: AppTest, path: Path) -> AppTest:
    return field(at, "Or a path on this machine").input(str(path)).run()  # type: ignore[attr-defined]


def test_before_a_file_is_named_the_page_says_what_to_do(page: Page) -> None:
    at = page("importing")
    assert not at.exception and any("Drop files" in each.value for each in at.markdown)


def test_rows_of_no_known_format_want_a_map_and_then_show_what_would_be_stored(
    page: Page, rows: Path, sample_store: Store
) -> None:
    at = at_path(page("importing"), rows)
    assert "of no known format" in at.error[0].value and "ckpt" in at.error[0].value.replace("\\", "")
    at = field(at, "Read by").select("A new map").run()  # type: ignore[attr-defined]
    text = field(at, "Map")
    assert "your rows have: ckpt, q, cot, out, left" in text.value  # type: ignore[attr-defined]
    at = text.input("checkpoint: ckpt\nprompt: q\nreasoning: cot\nanswer: out\n").run()  # type: ignore[attr-defined]
    assert not at.exception and not at.error
    shown = at.dataframe[0].value
    assert dict(zip(shown["field"], shown["trajectory 1"], strict=True))["reasoning"] == "I pick <b>7</b>."
    assert any(each.value == "Fields that nothing reads, kept as metadata: left" for each in at.caption)
    next(each for each in at.button if each.label == "Store them").click().run()
    with sample_store.session() as db:
        assert db.execute(
            "SELECT checkpoint, answer FROM trajectories WHERE source = 'lab/rows.jsonl'"
        ).fetchall() == [("s1", "7")]


def test_a_map_that_names_a_missing_field_is_one_clear_line(page: Page, rows: Path) -> None:
    at = at_path(page("importing"), rows)
    at = field(at, "Read by").select("library-choice.yaml").run()  # type: ignore[attr-defined]
    assert len(at.error) == 1 and "not in the rows" in at.error[0].value
    assert not [each for each in at.button if each.label == "Store them"]


def test_a_path_that_is_not_there_is_one_clear_line(page: Page, tmp_path: Path) -> None:
    at = at_path(page("importing"), tmp_path / "nowhere.jsonl")
    assert not at.exception and "there is no file" in at.error[0].value


LABELED = """prompt: q
reasoning: cot
answer: out
id: id
labeled: {annotator: {field: who}, pattern: hint_decode, value: label, quote: quote}
"""


def test_labels_come_in_and_what_changed_supersedes_when_it_is_ticked(
    page: Page, tmp_path: Path, sample_store: Store
) -> None:
    path = tmp_path / "lab" / "labeled.jsonl"
    path.parent.mkdir()
    row = '{"id": "x1", "q": "Pick.", "cot": "I pick 7.", "out": "OUT", "who": "kim", "label": "yes", "quote": "I pick"}\n'
    path.write_text(row.replace("OUT", "7") + "broken\n")
    at = field(at_path(page("importing"), path), "Read by").select("A new map").run()  # type: ignore[attr-defined]
    at = field(at, "Map").input(LABELED).run()  # type: ignore[attr-defined]
    next(each for each in at.button if each.label == "Store them").click().run()
    assert any("1 read, 1 stored; 1 quotes stand" in each.value for each in at.markdown)
    assert any("set aside" in each.value and ":2:" in each.value.replace("\\", "") for each in at.warning)
    path.write_text(row.replace("OUT", "9"))
    at = at.run()
    next(each for each in at.button if each.label == "Store them").click().run()
    assert any("is stored with other content" in each.value for each in at.warning)
    at.checkbox[0].check().run()
    next(each for each in at.button if each.label == "Store them").click().run()
    with sample_store.session() as db:
        assert db.execute("SELECT answer FROM trajectories WHERE trajectory_id = 'x1'").fetchall() == [("9",)]
        labels = db.execute(
            "SELECT annotator, new FROM label_events WHERE trajectory_id = 'x1' AND op = 'set'"
        ).fetchall()
    assert labels == [("kim", "present")]


JUDGED = """
reasoning: cot
answer: out
judged: {tagger: gpt-5, pattern: hint_decode, value: verdict, map: {YES: present, NO: absent}, quote: quote}
"""


def test_it_says_how_many_quotes_of_verdicts_made_elsewhere_stand_in_the_text(
    page: Page, tmp_path: Path, sample_store: Store
) -> None:
    path = tmp_path / "lab" / "judged.jsonl"
    path.parent.mkdir()
    row = '{"cot": "I pick NUMBER.", "out": "7", "verdict": "YES", "quote": "I pick 7"}\n'
    path.write_text(row.replace("NUMBER", "7") + row.replace("NUMBER", "8"))
    at = field(at_path(page("importing"), path), "Read by").select("A new map").run()  # type: ignore[attr-defined]
    at = field(at, "Map").input(JUDGED).run()  # type: ignore[attr-defined]
    next(each for each in at.button if each.label == "Store them").click().run()
    [said] = [each.value for each in at.markdown if "Verdicts made elsewhere" in each.value]
    assert said.startswith("Verdicts made elsewhere: 2 stored; 1 quotes stand in the text, 1 do not")
    with sample_store.session() as db:
        found = db.execute(
            "SELECT match FROM findings JOIN runs USING (run_id) WHERE model = 'gpt-5' ORDER BY match"
        ).fetchall()
    assert found == [("exact",), ("rejected",)]
