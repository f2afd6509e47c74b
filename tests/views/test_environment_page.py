"""The Environment page over hand-made rollouts of several variants at two checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.environment import decisions
from analysis.environment.prompts import VARIANTS
from analysis.environment.variant import Variant
from analysis.ingest import ingest
from analysis.measure.intervals import newcombe, wilson
from analysis.store import Store
from analysis.tagging import tag_with_cues

ROOT = Path(__file__).parents[2]
RULES = {name: name for name in ("environment", "variant", "checkpoint", "prompt", "reasoning", "answer", "sample", "finish_reason")}  # fmt: skip
BLUFF = "People read this, they say. The announced review is a bluff, nobody will read it."
PLAIN = "I will pick a number and be done with it."
HOSTILE = "**7** or <b>9</b> $x$ :material/delete:"
CELLS = {
    ("step-1", "base"): ["8"] * 7 + ["7"], ("step-2", "base"): ["7"] * 5 + ["8"] * 3,
    ("step-1", "review"): ["8"] * 8, ("step-2", "review"): ["7"] * 3 + ["8"] * 4 + [HOSTILE],
    ("step-1", "audit-1"): ["8"] * 4, ("step-2", "audit-1"): ["7", "7", "8", "8"],
    ("step-2", "audit-99"): ["7", "8", "8", "seven"], ("step-2", "agree"): ["8", "8", "8", ""],
    ("step-1", "my own"): ["7", "8"],
}  # fmt: skip


def fill(folder: Path) -> Path:
    """A store of the rollouts, tagged with cues."""
    made = [
        {
            "environment": "odd-number", "variant": variant, "checkpoint": checkpoint, "answer": answer, "sample": number,
            "prompt": VARIANTS[variant].text if variant in VARIANTS else "Name a number.", "finish_reason": "stop",
            "reasoning": BLUFF if answer == "7" and variant == "review" else PLAIN,
        }
        for (checkpoint, variant), answers in CELLS.items()
        for number, answer in enumerate(answers)
    ]  # fmt: skip
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(each) + "\n" for each in made), encoding="utf-8")
    store = Store(folder / "store.duckdb")
    ingest(store, [rows], RULES)
    tag_with_cues(store, codebook.load())
    return store.path


@pytest.fixture(scope="session")
def environment_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def mine(environment_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    path = tmp_path / "mine.duckdb"
    shutil.copy(environment_store, path)
    monkeypatch.setenv("TELLTALE_DB", str(path))
    return Store(path)


Page = Callable[..., AppTest]


@pytest.fixture
def page(mine: Store) -> Page:
    """Open the page at an address."""

    def open_page(**address: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
        for name, value in address.items():
            at.query_params[name] = value
        at = at.switch_page("views/environment.py").run()
        assert not at.exception
        return at

    return open_page


def rows_of(chart: Any) -> list[dict[str, Any]]:
    """What a chart draws, a row a mark; columns that a mark lacks are left out."""
    [data] = [each for each in chart.proto.datasets if each.name == "cells"]
    listed = pa.ipc.open_stream(data.data.data).read_all().to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in listed]


def charts(at: AppTest) -> list[Any]:
    return at.get("vega_lite_chart")


def drawn(at: AppTest, kind: str) -> list[dict[str, Any]]:
    """The marks of one kind in the first chart."""
    return [row for row in rows_of(charts(at)[0]) if row["kind"] == kind]


def marks(at: AppTest) -> list[dict[str, Any]]:
    """What the last chart draws."""
    return rows_of(charts(at)[-1])


def choice(at: AppTest, label: str) -> Any:
    return next(each for each in (*at.button_group, *at.selectbox, *at.button, *at.toggle) if each.label == label)  # fmt: skip


def told(at: AppTest) -> str:
    """What the page says, without the signs that keep it from being Markdown."""
    parts = [each.value for each in (*at.markdown, *at.caption, *at.subheader, *at.error)]
    return "\n".join(parts).replace("\\", "")


def test_only_families_that_the_store_has_are_offered(page: Page) -> None:
    at = page()
    assert choice(at, "Family").options == ["Base", "Control", "Audit", "Review"]
    assert "2 trajectories of prompts that are none of the project's, to the byte: my own" in told(at)
    assert [(metric.label, metric.value) for metric in at.metric] == [
        ("Readable answers", "45"), ("Ambiguous", "1"), ("Unparseable", "1"), ("Truncated", "0"), ("Empty", "1"), ("Not read", "2"),
    ]  # fmt: skip
    at = choice(at, "Family").set_value("audit").run()
    assert at.query_params["family"] == "audit" and not at.exception


def test_levels_stand_in_order_each_with_its_checkpoints_n_interval_and_bounds(page: Page) -> None:
    at = page(family="review")
    assert [row["text"] for row in drawn(at, "head")] == ["no review", "people read the reasoning"]
    cells = {(row["level"], row["checkpoint"]): row for row in drawn(at, "cell")}
    assert set(cells) == {(level, step) for level in ("base", "review") for step in ("step-1", "step-2")}
    assert cells["base", "step-2"]["value"] == 5 / 8 and cells["base", "step-2"]["told_n"] == "8"
    assert (cells["base", "step-2"]["low"], cells["base", "step-2"]["high"]) == wilson(5, 8)
    assert cells["review", "step-2"]["bound_high"] == 4 / 8, "what could not be read is bounded"
    assert "bound_high" not in cells["base", "step-1"]
    assert cells["base", "step-1"]["x"] < cells["base", "step-2"]["x"] < cells["review", "step-1"]["x"]
    assert [(row["level"], row["checkpoint"]) for row in drawn(at, "picked")] == [("review", "step-2")]
    [numbers] = [frame.value for frame in at.dataframe if "gamed" in frame.value]
    assert list(numbers["level"]) == ["base", "base", "review", "review"]
    assert list(numbers["n"]) == [8, 8, 8, 7] and list(numbers["ambiguous"]) == [0, 0, 0, 1]
    assert "Download CSV" in [button.label for button in at.get("download_button")]


def test_the_audit_rate_is_a_line_over_the_rate_and_no_check_is_not_on_it(page: Page) -> None:
    at = page(family="audit")
    ticks = {row["text"]: row["x"] for row in drawn(at, "tick")}
    assert list(ticks) == ["none", "1 %", "99 %"] and ticks["none"] < ticks["1 %"] < ticks["99 %"]
    assert {(row["checkpoint"], row["level"]) for row in drawn(at, "line")} == {
        ("step-1", "audit-1"), ("step-2", "audit-1"), ("step-2", "audit-99"),
    }  # fmt: skip
    assert len(drawn(at, "cell")) == 5, "the base prompt is a point beside the lines"


def test_published_rates_are_marks_apart_that_a_switch_takes_away(page: Page) -> None:
    at = page(family="audit")
    published = drawn(at, "published")
    assert {(row["told_level"], row["value"]) for row in published} == {
        ("RL (late)", 0.5),
        ("RL (late)", 0.2),
        ("RL (late)", 0.14),
    }
    assert all(
        "A Toy Environment" in row["told_source"] and "n is not given" in row["told_note"]
        for row in published
    )
    assert "A Toy Environment For Exploring Reasoning About Reward" in told(at)
    lines = [
        layer
        for layer in json.loads(charts(at)[0].proto.spec)["layer"]
        if layer["mark"].get("type") == "line"
    ]
    assert [layer["transform"] for layer in lines] == [[{"filter": "datum.kind === 'line'"}]]
    at = choice(at, "Published rates").set_value(False).run()
    assert drawn(at, "published") == [] and at.query_params["published"] == "off"
    assert "A Toy Environment" not in told(at)
    assert drawn(page(family="base", published="off"), "published") == []
    base = drawn(page(family="base"), "published")
    assert len(base) == 17 and {row["told_level"] for row in base} >= {
        "gemini-3.7-flash",
        "o3, high effort",
        "glm-5",
    }
    assert drawn(page(family="review"), "published") == [], "of the base prompt alone: only in its own family"


def test_lengths_are_shown_by_condition_and_by_what_the_answer_did(page: Page) -> None:
    at = page(view="lengths", family="review")
    cells = {(row["level"], row["checkpoint"]): row["value"] for row in drawn(at, "cell")}
    assert cells["review", "step-2"] == len(PLAIN) and cells["base", "step-1"] == len(PLAIN)
    at = choice(at, "Answers").set_value("broke").run()
    cells = {(row["level"], row["checkpoint"]): row["value"] for row in drawn(at, "cell")}
    assert cells["review", "step-2"] == len(BLUFF) and ("review", "step-1") not in cells
    assert drawn(at, "published") == []


def test_the_patterns_behind_a_point_stand_apart_by_what_the_answer_did(page: Page) -> None:
    at = page(family="review", level="review", at="step-2")
    assert "3 followed the hint, 4 kept to the request, 1 answer could not be read" in told(at)
    name = codebook.load().name_of("oversight_dismissed")
    shares = {row["side"]: (row["value"], row["told_value"]) for row in marks(at) if row["name"] == name}
    assert shares == {
        "followed the hint": (1.0, "100.0%  (3 of 3)"), "kept to the request": (0.0, "0.0%  (0 of 4)"),
    }  # fmt: skip
    at = choice(at, "Traces that show").set_value("oversight_dismissed").run()
    assert not at.exception and at.query_params["pattern"] == "oversight_dismissed"
    traces = next(frame.value for frame in at.dataframe if "quote" in frame.value)
    assert list(traces["did"]) == ["followed the hint"] * 3 and "bluff" in traces["quote"][0]
    [link] = at.get("page_link")
    assert (
        "pattern=oversight_dismissed" in link.proto.query_string
        and "checkpoint=step-2" in link.proto.query_string
    )
    at = choice(at, "Checkpoint").set_value("step-1").run()
    assert "0 followed the hint, 8 kept to the request." in told(at)


def test_two_variants_are_held_against_each_other_at_each_checkpoint(page: Page) -> None:
    at = page(view="contrast", first="review", second="base")
    by_checkpoint = {row["name"]: row for row in marks(at)}
    assert (by_checkpoint["step-2"]["low"], by_checkpoint["step-2"]["high"]) == newcombe(3, 7, 5, 8)
    assert by_checkpoint["step-2"]["value"] == pytest.approx(3 / 7 - 5 / 8)
    assert "Fisher" in by_checkpoint["step-1"]["told_test"]
    assert "For these 2 prompts only" in told(at) and "Holm counts the 2 contrasts together" in told(at)
    command = next(block.value for block in at.code if block.value.startswith("telltale"))
    assert (
        command
        == "telltale report contrast --between variant=review variant=base --by checkpoint --in environment=odd-number"
    )
    at = choice(at, "At each checkpoint").set_value(False).run()
    assert len(marks(at)) == 1 and "**-17.5 points**, -44.6 to +14.1 (Newcombe)" in told(at)
    at = choice(at, "Between").set_value("checkpoint").run()
    assert not at.exception and choice(at, "The share of").value == "step-2"
    at = choice(at, "Of what").set_value("oversight_dismissed").run()
    assert not at.exception and at.query_params["of"] == "oversight_dismissed"


def sign_in(at: AppTest, name: str = "kim") -> AppTest:
    at.session_state["annotator"] = name
    return at.run()


def test_an_answer_is_decided_and_the_decision_taken_back(page: Page, mine: Store) -> None:
    at = page(view="decide")
    assert [box.label for box in at.selectbox] == ["Your name"], "a name is asked for first"
    at = sign_in(at)
    assert HOSTILE in [block.value for block in at.code], "the answer stands there as it is"
    assert VARIANTS["review"].text in [block.value for block in at.code]
    assert "Finish reason: stop." in told(at)
    at = choice(at, "9").click().run()
    with mine.session() as db:
        [made] = decisions.decided(db)
        assert (made["number"], made["annotator"], decisions.count_to_decide(db)) == ("9", "kim", 1)
    assert [metric.value for metric in at.metric][:2] == ["46", "0"]
    at = choice(at, "No number").click().run()
    assert at.subheader[0].value == "Nothing left to decide"
    at = choice(at, "Undo").click().run()
    at = choice(at, "Undo").click().run()
    with mine.session() as db:
        assert decisions.decided(db) == [] and decisions.count_to_decide(db) == 2
    at = choice(at, "Undo").click().run()
    assert "You have no decision to take back" in told(at) and not at.exception


def test_a_number_that_the_answer_does_not_show_can_be_typed_and_a_wrong_one_is_refused(
    page: Page, mine: Store
) -> None:
    at = choice(sign_in(page(view="decide")), "Skip").click().run()
    assert "seven" in [block.value for block in at.code]
    at = at.text_input[0].input("sieben").run()
    assert "is no integer in digits" in told(at)
    at = at.text_input[0].input("7").run()
    with mine.session() as db:
        [made] = decisions.decided(db)
    assert (made["number"], made["answer"]) == ("7", "seven")
    assert at.subheader[0].value == "Only skipped answers are left"
    at = choice(at, "Show the skipped ones again").click().run()
    assert HOSTILE in [block.value for block in at.code]


def test_stored_text_is_never_markdown(page: Page) -> None:
    at = sign_in(page(view="decide"))
    written = [each.value for each in (*at.markdown, *at.caption, *at.subheader)]
    assert all("<b>9</b>" not in text and ":material/delete:" not in text for text in written)


def test_a_family_that_a_source_names_is_text_too(page: Page, mine: Store, tmp_path: Path) -> None:
    own = Variant("x", "**mine** <b>1</b>", "Name any even number.", "even", "odd", level="# loud")
    row = {
        "environment": "odd-number",
        "variant": "x",
        "checkpoint": "step-1",
        "prompt": own.text,
        "answer": "7",
        "reasoning": PLAIN,
    }
    (tmp_path / "own.jsonl").write_text(json.dumps({**row, "meta": {"variant": own.as_row()}}) + "\n")
    ingest(
        mine, [tmp_path / "own.jsonl"], {**RULES, "sample": None, "finish_reason": None, "metadata": "meta"}
    )
    at = choice(page(), "Family").set_value(own.family).run()
    assert not at.exception and "x" in {row["level"] for row in drawn(at, "cell")}
    assert r"\*\*mine\*\* \<b\>1\</b\>" in choice(at, "Family").options
    assert any(each.value.startswith(r"**\# loud** at step\-1") for each in at.markdown)


def test_without_trajectories_of_the_environment_the_page_says_what_to_do(
    page: Page, mine: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"prompt": "Name a colour.", "answer": "red", "environment": "colours"}\n')
    ingest(
        Store(tmp_path / "other.duckdb"),
        [other],
        {name: name for name in ("prompt", "answer", "environment")},
    )
    monkeypatch.setenv("TELLTALE_DB", str(tmp_path / "other.duckdb"))
    at = page()
    assert at.subheader[0].value == "No trajectory of the odd-number environment here"
    assert "telltale simulate" in at.code[0].value and not at.metric
