from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from datetime import datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from analysis import codebook, traces
from analysis.store import Store, append
from analysis.trajectories import Message, Trajectory, row
from views.figure import svg
from views.hits import _marked
from views.palette import mark
from views.panels import panel, short_names
from views.plain import plain
from views.reader import flattened, reader_data, runs_of

TIME = datetime(2026, 1, 1)


@given(st.text(max_size=40), st.lists(st.tuples(st.integers(0, 45), st.integers(0, 45)), max_size=5))
def test_runs_joined_are_the_text_and_each_letter_has_the_findings_that_cover_it(
    text: str, spans: list[tuple[int, int]]
) -> None:
    numbered = [(number, min(span), max(span)) for number, span in enumerate(spans)]
    runs = runs_of(text, 0, len(text), numbered)
    assert "".join(letters for letters, _ in runs) == text
    covered = [numbers for letters, numbers in runs for _ in letters]
    assert covered == [[n for n, start, end in numbered if start <= at < end] for at in range(len(text))]


@given(st.text(max_size=60), st.sampled_from(["a", "é", "😀", " ", "[", r"\w+"]))
def test_an_excerpt_with_marks_is_the_excerpt_on_one_line(text: str, expression: str) -> None:
    expression = (
        expression if expression == r"\w+" else "\\" + expression if expression == "[" else expression
    )
    assert "".join(letters for letters, _ in _marked(text, expression)) == " ".join(text.split())


def test_what_markdown_could_obey_is_escaped() -> None:
    assert plain("**b** [a](x) $m$ :red[c]\n# `d`") == r"\*\*b\*\* \[a\]\(x\) \$m\$ \:red\[c\] \# \`d\`"
    assert plain("x" * 300) == "x" * 199 + "…"
    for address in ("https://a", "www.a.b", "me@a.b", "FTP://a"):
        assert "\u2060" in plain(address), "else it becomes a link after all escaping"


def test_turns_tools_and_answers_come_in_order(tmp_path: Path) -> None:
    item = Trajectory("a.jsonl", [
        Message("user", "Go."), Message("assistant", "Wait.", "One.", "text", "thinking", [{"name": "run", "arguments": '{"n": 1}'}]),
        Message("tool", "done", name="run"), Message("assistant", "Bye.", None, "encrypted", "thinking"),
    ], "t", prompt_id="p")  # fmt: skip
    store = Store(tmp_path / "s.duckdb")
    with store.session() as db:
        append(db, "trajectories", [row(item, 1, TIME)])
        data = reader_data(traces.read_trajectory(db, "t"), codebook.load())
    assert [(b["kind"], b["label"]) for b in data["blocks"]] == [
        ("user", "User"), ("reasoning", "Reasoning, turn 1"), ("answer", "Says"), ("call", "Calls run"),
        ("tool", "Tool run"), ("reasoning", "Reasoning, turn 2"), ("answer", "Answer"),
    ]  # fmt: skip
    assert data["blocks"][3]["text"] == "n: 1"
    assert data["blocks"][5]["note"].startswith("Encrypted")
    assert data["judged_by"] == "Nothing tagged yet."


def test_metadata_is_rows_and_not_json() -> None:
    assert flattened({"a": {"b": [1, True]}, "c": [{"d": None}], "e": "x"}) == [
        ("a.b", "1, yes"),
        ("c.0.d", "–"),
        ("e", "x"),
    ]


def test_checkpoints_lose_the_words_that_all_begin_with() -> None:
    assert short_names(["olmo_pre_rl", "olmo_step_20"]) == {
        "olmo_pre_rl": "pre_rl",
        "olmo_step_20": "step_20",
    }
    assert short_names(["step-200", "step-"]) == {"step-200": "step-200", "step-": "step-"}
    assert short_names(["one"]) == {"one": "one"}


def test_the_eighth_pattern_starts_a_dotted_round_and_a_foreign_one_comes_last() -> None:
    order = codebook.load().ids()
    assert mark(order[0], order)[0] == mark(order[7], order)[0]
    assert (mark(order[0], order)[1], mark(order[7], order)[1]) == (False, True)
    assert mark("covert_choice", order) == mark("another", order)


CELL = {
    "checkpoint": "c1", "pattern": "p", "present": 1, "n": 2, "share": 0.5, "low": 0.1, "high": 0.9, "missing": 2,
    "bound_low": 0.25, "bound_high": 0.75, "place": 0, "prompts": 1, "design_effect": None, "note": None,
}  # fmt: skip
UNDEFINED = {
    **CELL,
    "checkpoint": "c2",
    "n": 0,
    "share": None,
    "low": None,
    "high": None,
    "missing": 0,
    "place": 1,
    "note": "nothing was judged",
}


def test_a_figure_is_an_svg_whose_names_are_text() -> None:
    root = ElementTree.fromstring(svg([("<b>&", [CELL, UNDEFINED])], ["c1", "c2"], "run <r>"))
    said = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<b>&" in said and "run <r>" in said
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 1  # what is undefined has no point


def test_every_panel_has_the_same_scale_and_bounds_only_where_something_is_missing() -> None:
    rows = panel([CELL, UNDEFINED], ["c1", "c2"])["datasets"]["cells"]
    assert [(r["checkpoint"], r["value"], r["bound_high"], r["told_n"]) for r in rows] == [
        ("c1", 0.5, 0.75, "2"),
        ("c2", None, None, "0"),
    ]
    assert rows[0]["told_value"] == "50.0%  (1 of 2)"
    assert rows[1]["told_interval"] == "nothing was judged"


def test_a_write_by_anybody_changes_the_stores_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.duckdb")
    with store.session() as db:
        before = store.version()
        assert before == store.version()
        append(db, "runs", [{"run_id": "r", "created_at": TIME}])
        during = store.version()
    after = store.version()
    assert before != during and during != after
    with store.session() as db:
        db.execute("FROM runs").fetchall()
    assert store.version() == after


def test_labels_that_stand_upright_end_above_the_note_however_long_they_are() -> None:
    for letters in (10, 17, 40, 200):
        names = [f"{number}-{'x' * letters}" for number in range(8)]
        root = ElementTree.fromstring(svg([("a", [])], names, "the note"))
        words = {each.text: each for each in root.iter("{http://www.w3.org/2000/svg}text")}
        [label] = [each for text, each in words.items() if text and text.startswith("7-")]
        assert "rotate(-90" in label.attrib["transform"] and len(str(label.text)) <= 61
        assert float(label.attrib["y"]) + 4.7 * len(str(label.text)) < float(words["the note"].attrib["y"])
