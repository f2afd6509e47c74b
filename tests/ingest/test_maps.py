from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import UserError
from analysis.ingest import mapped
from analysis.ingest.maps import FieldMap, MissingField
from analysis.ingest.rules import load, parse_rule, rule, without
from analysis.ingest.values import read_time
from analysis.trajectories import Trajectory

ROW = {
    "cot": "Let me think.",
    "out": "42",
    "meta": {"step": "7", "tags": ["a", "b"]},
    "a.b": "dotted",
    "n": None,
}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ("cot", "Let me think."),
        ("meta.step", "7"),
        ("meta.tags.1", "b"),
        ("a.b", "dotted"),
        ("n", None),
        ("=step-100", "step-100"),
        ({"constant": 3}, 3),
        ({"path": r"/(\w+)_judged\.json$"}, "s200"),
        ({"template": "{meta.step}/{out}"}, "7/42"),
        (["n", "missing", "out"], "42"),
        ({"field": "out", "map": {"42": "even"}}, "even"),
        ({"path": r"_(judged)", "map": {"judged": 1}}, 1),
        (None, None),
    ],
)
def test_a_rule_finds_its_value(spec: Any, value: Any) -> None:
    assert rule(spec, "map")(ROW, "/data/s200_judged.json") == value


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"reasonning": "cot"}, "reasonning is no field of a trajectory; did you mean reasoning"),
        ({"variant": {"path": "(", "map": {}}}, "no regular expression"),
        ({"variant": {"path": "abc"}}, "captures nothing"),
        ({"variant": {"template": "abc"}}, "names no field"),
        ({"variant": {"field": "a", "constant": "b"}}, "a rule has one of"),
        ({"variant": {"field": "a", "mapp": {}}}, "a rule has one of"),
        ({"outcome": {"name": "odd"}}, "lacks value"),
        (
            {"judged": {"tagger": "x", "pattern": "p", "value": "v", "map": {"YES": "maybe"}}},
            "verdicts are present",
        ),
    ],
)
def test_a_rule_that_is_not_understood_is_refused_in_one_line(rules: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as refused:
        FieldMap(rules)
    assert "\n" not in str(refused.value)


def test_yes_and_no_are_words_in_a_map(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "judged: {tagger: t, pattern: p, value: v, map: {YES: present, NO: absent}}\nvariant: =on\n"
    )
    rules = load(path)
    assert rules["judged"]["map"] == {"YES": "present", "NO": "absent"} and rules["variant"] == "=on"
    assert parse_rule("{constant: no}") == {"constant": "no"} and parse_rule("true") is True


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ("YES", "present"),
        ("no", "absent"),
        (True, "present"),
        ("FALSE", "absent"),
        ("UNKNOWN", "unsure"),
        (None, None),
        ("?", None),
    ],
)
def test_a_judges_words_become_verdicts_and_what_is_no_verdict_is_missing(
    said: Any, verdict: str | None
) -> None:
    trajectory = Trajectory("s", [])
    FieldMap({"judged": {"tagger": "t", "pattern": "p", "value": "v"}}).apply(trajectory, {"v": said}, "x")
    assert [judged.verdict for judged in trajectory.judged] == [verdict]


@pytest.mark.parametrize(
    ("said", "value", "state"),
    [
        (True, True, "ok"),
        ("True", True, "ok"),
        ("FALSE", False, "ok"),
        ("", None, "missing"),
        (None, None, "missing"),
        (7, 7, "ok"),
    ],
)
def test_an_outcome_is_read_in_the_ways_that_truth_is_written(said: Any, value: Any, state: str) -> None:
    trajectory = Trajectory("s", [])
    FieldMap({"outcome": {"name": "odd", "value": "v"}}).apply(trajectory, {"v": said}, "x")
    assert [(o.name, o.value, o.state) for o in trajectory.outcomes] == [("odd", value, state)]


def test_what_no_rule_reads_is_kept_as_metadata() -> None:
    trajectory = Trajectory("s", [], metadata={"cot": "x", "left": 1, "meta": {"a": 1}})
    FieldMap({"reasoning": "cot"}).apply(trajectory, {"cot": "x", "left": 1, "meta": {"a": 1}}, "x")
    assert trajectory.metadata == {"left": 1, "meta": {"a": 1}}


def test_a_record_of_which_a_rule_reads_a_part_keeps_the_others() -> None:
    row = {
        "task": {"q": "?", "family": "parity", "level": {"n": 1, "of": 3}},
        "list": [1, 2],
        "a.b": 1,
        "only": {"x": 1},
    }
    assert without(row, ["task.q", "task.level.n", "list.0", "a.b", "only.x", "none.y"]) == {
        "task": {"family": "parity", "level": {"of": 3}},
        "list": [1, 2],
    }
    fields = FieldMap({"prompt": "task.q", "answer": "only.x"})
    trajectory = Trajectory("s", [], metadata=dict(row))
    fields.apply(trajectory, row, "x")
    assert fields.left(trajectory.metadata) == ["task.family", "task.level", "list", "a.b"]


@pytest.mark.parametrize(
    ("row", "reasoning", "answer", "state"),
    [
        ({"out": "<think>Hm.</think>4"}, "Hm.", "4", "text"),
        ({"out": "<think>Hm.</think>4", "cot": None}, "Hm.", "4", "text"),
        ({"out": "<think>Hm.</think>4", "cot": "Hm."}, "Hm.", "4", "text"),
        ({"out": "<think>tags</think>4", "cot": "Hm."}, "Hm.", "<think>tags</think>4", "text"),
        ({"out": "<think>cut o"}, "cut o", None, "truncated"),
        ({"out": "<think>cut o", "cot": None}, None, "<think>cut o", "missing"),
        ({"out": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "4"}]}, "Hm.", "4", "text"),
        ({"out": "analysisHm.assistantfinal4"}, "Hm.", "4", "text"),
        ({"out": 4, "cot": ["Hm.", "So."]}, "Hm.\n\nSo.", "4", "text"),
        ({"out": "4", "cot": [{"type": "redacted_thinking", "data": "x"}]}, None, "4", "encrypted"),
        ({"out": {"n": 4}, "cot": {"step": "Hm."}}, '{"step":"Hm."}', '{"n":4}', "text"),
    ],
    ids=["tags alone", "tags and a null", "in both", "other text in tags", "cut off", "cut off and a null", "parts", "channels", "a list", "sealed", "records"],
)  # fmt: skip
def test_reasoning_and_answer_however_the_fields_hold_them(
    row: dict[str, Any], reasoning: str | None, answer: str | None, state: str
) -> None:
    rules = {"prompt": "=?", "answer": "out"} | ({"reasoning": "cot"} if "cot" in row else {})
    trajectory = Trajectory("s", [])
    FieldMap(rules).apply(trajectory, row, "x")
    assert (trajectory.reasoning(), trajectory.answer(), trajectory.reasoning_state()) == (
        reasoning,
        answer,
        state,
    )


@pytest.mark.parametrize("written", [list, json.dumps], ids=["list", "JSON in a text"])
def test_a_conversation_that_a_rule_names_keeps_its_tools(written: Any) -> None:
    said = [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "Nothing."}]},
    ]
    trajectory = Trajectory("s", [])
    FieldMap({"messages": "log"}).apply(trajectory, {"log": written(said)}, "x")
    assert [(m.role, m.content, m.name) for m in trajectory.messages] == [
        ("user", "Look.", None),
        ("assistant", "", None),
        ("tool", "Nothing.", "look"),
    ]


@pytest.mark.parametrize(
    ("value", "state"), [(None, "missing"), ("", "empty"), ("  \n", "empty"), ("Hm.", "text")]
)
def test_reasoning_that_is_missing_is_not_reasoning_that_is_empty(value: str | None, state: str) -> None:
    trajectory = Trajectory("s", [])
    FieldMap({"reasoning": "cot", "answer": "out"}).apply(trajectory, {"cot": value, "out": "4"}, "x")
    assert (trajectory.reasoning_state(), trajectory.answer()) == (state, "4")
    assert trajectory.reasoning() == (value if state == "text" else None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-01-02T03:04:05+00:00Z", datetime(2026, 1, 2, 3, 4, 5)),
        ("2026-01-02T03:04:05+02:00", datetime(2026, 1, 2, 1, 4, 5)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5)),
        (1767323045, datetime(2026, 1, 2, 3, 4, 5)),
        (1767323045000, datetime(2026, 1, 2, 3, 4, 5)),
        ("yesterday", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_times_are_read_as_they_are_written_in_real_files(written: Any, read: datetime | None) -> None:
    assert read_time(written) == read


def test_rows_are_held_only_until_each_field_of_the_map_was_met(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"cot": "a"}, {"cot": "b"}, {"cot": "c", "out": "7"}, {"cot": "d", "out": "8"}]
    given: list[int] = []

    def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        for line, row in enumerate(rows, 1):
            given.append(line)
            yield line, row

    monkeypatch.setattr(mapped, "json_rows", json_rows)
    found = mapped.read(tmp_path / "rows.jsonl", "rows", FieldMap({"reasoning": "cot", "answer": "out"}))
    assert next(found)[0] == rows[0] and given == [1, 2, 3]  # type: ignore[index]
    assert [each[0] for each in found] == rows[1:] and given == [1, 2, 3, 4]  # type: ignore[index]
    with pytest.raises(MissingField, match="names the field answr"):
        next(mapped.read(tmp_path / "rows.jsonl", "rows", FieldMap({"answer": "answr"})))
