"""The Overview as a person uses it: on the sample, and on stores that lack something."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow as pa
import pytest
from judged import Lab
from streamlit.testing.v1 import AppTest

from analysis.measure.frequencies import frequencies
from analysis.measure.judged import judged
from analysis.measure.scope import Scope
from analysis.measure.shares import shares
from analysis.measure.trend import Trend
from analysis.store import Store
from tests.measure.test_occurrences import fill
from views.heatmap import cells, heatmap, heatmap_svg
from views.panels import Axis, axis_of, panel, trend_told
from views.sides import difference_told, sides, sides_svg

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]


@pytest.fixture
def look() -> Open:
    """Open the page under an address, over the store that the environment names."""

    def open_page(**address: str | list[str]) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        at.switch_page("views/overview.py")
        for name, value in address.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception, at.exception
        return at

    return open_page


@pytest.fixture
def lab(store: Store, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    return Lab(store)


def words(at: AppTest) -> str:
    return "\n".join(
        each.value for kind in ("markdown", "caption", "subheader", "text") for each in at.get(kind)
    )


def charts(at: AppTest) -> list[dict[str, Any]]:
    return [json.loads(each.proto.spec) for each in at.get("vega_lite_chart")]


def numbers(at: AppTest) -> list[dict[str, Any]]:
    return at.dataframe[0].value.to_dict("records")


# --- by checkpoint


def test_groups_and_what_is_derived_stand_before_the_patterns_each_with_its_trend(
    sample_store: Store, look: Open
) -> None:
    at = look()
    names = [each.value.split("**")[1] for each in at.markdown if each.value.startswith("**")]
    assert names[:3] == ["Metagaming", "Knowing violation", "Decoding the hint"] and len(names) == 9
    assert "Verbalized evaluation awareness" in names, "a group of one pattern is that pattern's panel"
    assert ":small[any of 7 patterns]" in words(at) and "n 24" in words(at)
    rows = numbers(at)
    assert len(rows) == 27 and {row["checkpoint"] for row in rows} == {"step-200", "step-800", "step-2400"}
    assert [row["checkpoint"] for row in rows[:10:9]] == ["step-200", "step-800"], "in the checkpoints' order"


def test_shares_of_patterns_are_the_cells_of_the_frequency_table(sample_store: Store) -> None:
    with sample_store.session() as db:
        run = db.execute("SELECT run_id FROM runs").fetchall()[0][0]
        for scope in (Scope(), Scope({"variant": ("base",)})):
            table = judged(db, run).within(scope)
            ours = [cell.as_row() for cell in shares(table, {p: table.of(p) for p in table.patterns})]
            theirs = [cell.as_row() for cell in frequencies(db, run, scope=scope)]
            assert ours == theirs and ours


def test_each_measure_has_its_numbers_and_is_kept_in_the_address(sample_store: Store, look: Open) -> None:
    for measure, column in (
        ("per_trajectory", "occurrences"),
        ("share_of_occurrences", "per"),
        ("per_10k", "per"),
    ):
        at = look(measure=measure, pattern=["eval_aware", "derived:knowing_violation"])
        rows = numbers(at)
        assert column in rows[0] and "share" not in rows[0]
        assert measure in at.query_params["measure"]
    assert "derived from the outcome" in words(at), "what is derived has no occurrences, and says so"


def test_filters_narrow_what_is_counted(sample_store: Store, look: Open) -> None:
    with sample_store.session() as db:
        variant, n = db.execute(
            "SELECT variant, count(*) FROM trajectories GROUP BY 1 ORDER BY 2, 1"
        ).fetchall()[0]
    at = look(variant=variant, pattern="eval_aware")
    assert sum(row["n"] for row in numbers(at)) == n
    assert at.metric[0].value == str(n)


def test_prompts_are_counted_and_too_few_of_them_are_said_to_be(
    sample_store: Store, lab: Lab, look: Open
) -> None:
    names = lab.traces(6, prompts=1, checkpoints=("step-1", "step-2"))
    lab.run({name: {"eval_aware": "present" if n else "absent"} for n, name in enumerate(names)})
    assert "All rollouts of a checkpoint share one prompt" in words(look())


def test_a_sample_of_eight_prompts_says_that_its_intervals_are_for_these(
    sample_store: Store, look: Open
) -> None:
    at = look()
    assert "8 prompts a checkpoint" in words(at)
    assert {row["note"] for row in numbers(at)} >= {"for these 8 prompts only; 1 prompt shows it"}


def test_labels_put_the_corrected_share_in_front_and_make_the_runs_own_pale(lab: Lab, look: Open) -> None:
    names = lab.traces(40, prompts=4, checkpoints=("step-1", "step-2"))
    lab.run({name: {"eval_aware": "present" if n % 3 else "absent"} for n, name in enumerate(names)})
    lab.labels(
        "ada", {name: {"eval_aware": "present" if n % 4 else "absent"} for n, name in enumerate(names[:24])}
    )
    at = look(pattern="eval_aware")
    (chart,) = charts(at)
    assert [mark["mark"].get("opacity") for mark in chart["layer"] if mark["mark"]["type"] == "point"] == [
        0.45,
        1,
    ]
    rows = numbers(at)
    assert [row["labels"] for row in rows] == [12, 12] and all(row["corrected"] is not None for row in rows)
    assert "diamond: corrected by blind labels" in words(at)


def test_a_run_without_quotes_says_that_its_occurrences_cannot_be_counted(lab: Lab, look: Open) -> None:
    names = lab.traces(4, prompts=4)
    lab.run({name: {"eval_aware": "present"} for name in names})
    with lab.store.session() as db:
        db.execute("DELETE FROM log.findings")
    assert "This run has no quotes" in words(look(measure="per_trajectory"))


def test_the_axis_of_shares_fits_what_is_there_and_starts_at_nothing() -> None:
    assert axis_of([{"share": 0.01, "high": 0.04}]) == Axis(0.05, True)
    assert axis_of([{"share": 0.2, "high": 0.26}]).top == 0.5
    assert axis_of([{"share": None, "high": None}]).top == 0.05
    assert axis_of([{"value": 11.0, "high": 13.0}], "per_10k") == Axis(pytest.approx(16), False)
    assert axis_of([], "per_trajectory").top == 1.0


def test_a_panel_of_occurrences_says_what_they_are_counted_in() -> None:
    cell = {"checkpoint": "c", "place": 0, "pattern": "p", "measure": "per_10k", "occurrences": 1200, "n": 40, "per": 300.0, "value": 4.0,
            "low": 3.0, "high": 5.0, "missing": 2, "prompts": 40, "design_effect": 1.5, "note": None}  # fmt: skip
    (row,) = panel([cell], ["c"], axis_of([cell], "per_10k"))["datasets"]["cells"]
    assert row["told_value"] == "4  (1,200 in 3,000,000 characters)" and row["told_interval"] == "3 to 5"
    assert row["told_prompts"] == "40, design effect 1.5"


def test_a_trend_is_one_short_sentence() -> None:
    found = Trend(0.0004, 3.5, "Cochran-Armitage", 1200, 3)
    assert trend_told(found, 0.002) == "Rises over the checkpoints, p .002, n 1,200"
    assert trend_told(Trend(0.0001, -4.0, "", 9, 3), 0.0001) == "Falls over the checkpoints, p < .001, n 9"
    assert trend_told(found, 0.2) == "No clear trend, p .200, n 1,200"
    assert (
        trend_told(Trend(None, None, "", 9, 1, "one checkpoint"), None)
        == "No trend to test: one checkpoint, n 9"
    )


# --- with the action


def test_patterns_stand_beside_the_action_and_the_other_way(sample_store: Store, look: Open) -> None:
    with sample_store.session() as db:
        counted = dict(db.execute(
            """SELECT o.value::VARCHAR, count(*) FILTER (v.verdict = 'present') FROM outcomes o JOIN verdicts v USING (trajectory_id)
               WHERE o.name = 'gaming' AND v.pattern = 'hint_decode' GROUP BY 1"""
        ).fetchall())  # fmt: skip
    row = next(row for row in numbers(look(view="given")) if row["pattern"] == "Decoding the hint")
    assert (row["with_part"], row["without_part"]) == (counted["true"], counted["false"])
    other = next(
        row for row in numbers(look(view="given", way="action")) if row["pattern"] == "Decoding the hint"
    )
    assert (other["with_part"], other["with_n"]) == (counted["true"], counted["true"] + counted["false"])
    assert row["note"] == "for these 8 prompts only"


def test_what_is_derived_from_the_action_is_not_held_against_it(sample_store: Store, look: Open) -> None:
    names = {row["pattern"] for row in numbers(look(view="given"))}
    assert "Metagaming" in names and "Knowing violation" not in names


def test_without_an_outcome_the_page_says_how_to_name_one(lab: Lab, look: Open) -> None:
    lab.run({name: {"eval_aware": "present"} for name in lab.traces(4)})
    at = look(view="given")
    assert "No outcome yet" in words(at) and "--set outcome=FIELD" in at.code[0].value


# --- together


def test_every_pair_that_is_anywhere_has_a_cell_and_a_row(sample_store: Store, look: Open) -> None:
    at = look(view="together", pattern=["hint_decode", "conflict_noticed", "task_reframed"])
    rows = numbers(at)
    [data] = [each for each in at.get("vega_lite_chart")[0].proto.datasets if each.name == "cells"]
    size = len({row["first"] for row in rows} | {row["second"] for row in rows})
    assert (
        len(rows) == size * (size - 1) / 2
        and pa.ipc.open_stream(data.data.data).read_all().num_rows == size * size
    )


def test_a_cell_tells_lift_share_and_n() -> None:
    pair = {"first": "a", "second": "b", "n": 100, "first_n": 20, "second_n": 25, "both": 15, "expected": 5.0, "lift": 3.0, "low": 2.0,
            "high": 4.5, "p": 0.001, "p_bh": 0.001, "second_given_first": 0.75, "first_given_second": 0.6, "note": None}  # fmt: skip
    names, single = {"a": "<b>A", "b": "B"}, {"a": 20, "b": 1500}
    found = {(cell["row"], cell["column"]): cell for cell in cells([pair], names, single, "lift")}
    assert (
        found["a", "b"]["text"],
        found["b", "a"]["text"],
        found["a", "a"]["text"],
        found["b", "b"]["text"],
    ) == ("3.0", "3.0", "20", "1.5k")
    assert found["a", "b"]["told_both"] == "15, 5.0 by chance" and found["a", "b"]["weight"] == "bold"
    found = {(cell["row"], cell["column"]): cell["text"] for cell in cells([pair], names, single, "share")}
    assert (found["a", "b"], found["b", "a"]) == ("75%", "60%")
    said = [
        each.text
        for each in ElementTree.fromstring(heatmap_svg([pair], names, single, "lift", "run & all")).iter()
        if each.text
    ]
    assert "<b>A" in said and "run & all" in said and "3.0" in said
    assert heatmap([pair], names, single)["datasets"]["cells"]


def test_two_sides_have_their_difference_beside_them_in_the_figure_too() -> None:
    row = {"pattern": "p", "with_part": 3, "with_n": 4, "with_share": 0.75, "with_low": 0.3, "with_high": 0.95, "with_missing": 1,
           "without_part": 1, "without_n": 4, "without_share": 0.25, "without_low": 0.05, "without_high": 0.7, "without_missing": 0,
           "difference": 0.5, "low": -0.1, "high": 0.9, "p": 0.2, "p_bh": 0.2, "note": None}  # fmt: skip
    empty = {
        **row,
        "pattern": "q",
        "without_share": None,
        "without_low": None,
        "without_high": None,
        "difference": None,
        "note": "nothing known",
    }
    assert (
        difference_told(row) == "+50.0 points (-10.0 to +90.0)" and difference_told(empty) == "nothing known"
    )
    names = {"p": "P <i>", "q": "Q"}
    root = ElementTree.fromstring(sides_svg([row, empty], names, ("odd", "even"), "a note"))
    said = [each.text for each in root.iter() if each.text]
    assert {"P <i>", "● odd", "+50.0 points (-10.0 to +90.0)", "nothing known"} <= set(said)
    marks = [
        each
        for each in sides([row, empty], names, ("odd", "even"))["datasets"]["cells"]
        if each["kind"] == "mark"
    ]
    assert [each["value"] for each in marks] == [0.75, 0.25, 0.75, None]


# --- the traces behind a point, and what there is none of


def test_a_groups_point_lists_as_many_traces_as_it_counts(sample_store: Store, look: Open) -> None:
    present = {row["checkpoint"]: row["present"] for row in numbers(look(pattern="group:metagaming"))}
    for checkpoint, count in present.items():
        assert f"{count} traces" in words(look(behind="group:metagaming", at=checkpoint))
    at = look(behind=["hint_decode", "reward_chosen"], did="yes", outcome="gaming=true")
    assert "Decoding the hint and Choosing the reward, with the outcome gaming" in words(at).replace("\\", "")
    at.button(key="overview.back").click().run()
    assert not at.exception and "behind" not in at.query_params


def test_nothing_to_show_says_what_to_do(
    sample_store: Store, look: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "This run has nothing that is called" in words(look(behind="group:none"))
    assert "Fewer than two patterns" in words(look(view="together", pattern="eval_aware"))
    store = Store(tmp_path / "sealed.duckdb")
    fill(store, [{"state": "encrypted", "checkpoint": "c"}])
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    assert "None of these trajectories has reasoning to read" in words(look())
