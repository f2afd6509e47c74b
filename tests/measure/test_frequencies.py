from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis import runs
from analysis.errors import UserError
from analysis.measure.clusters import Clusters
from analysis.measure.frequencies import frequencies
from analysis.measure.scope import Scope
from analysis.store import Store, append

TIME = datetime(2026, 1, 1)


def fill(store: Store, rows: list[tuple[str, str, str, str | None]]) -> str:
    """Store (checkpoint, reasoning state, attempt state, verdict) rows under one run on the pattern p."""
    with store.transaction() as db:
        append(db, "runs", [{"run_id": "r", "tagger": "judge", "config": "{}", "created_at": TIME}])
        for number, (checkpoint, state, attempt, verdict) in enumerate(rows):
            key = {"trajectory_id": f"t{number}"}
            append(
                db,
                "trajectories",
                [
                    {
                        **key,
                        "row_id": number,
                        "checkpoint": checkpoint,
                        "reasoning_state": state,
                        "stored_at": TIME,
                        "variant": f"v{number % 2}",
                    }
                ],
            )
            if attempt:
                append(
                    db,
                    "attempts",
                    [{**key, "attempt_id": number, "run_id": "r", "state": attempt, "created_at": TIME}],
                )
            if verdict:
                append(
                    db,
                    "verdicts",
                    [{**key, "attempt_id": number, "run_id": "r", "pattern": "p", "verdict": verdict}],
                )
    return "r"


def table(store: Store, *columns: str, **how: Any) -> list[tuple[Any, ...]]:
    with store.session() as db:
        return [tuple(cell.as_row()[column] for column in columns) for cell in frequencies(db, "r", **how)]


def test_missing_is_never_negative(store: Store) -> None:
    fill(store, [
        ("c", "text", "ok", "present"), ("c", "text", "ok", "absent"), ("c", "text", "ok", "unsure"),
        ("c", "text", "refused", None), ("c", "text", "unparseable", None), ("c", "text", "", None),
        ("c", "encrypted", "no_reasoning", None), ("c", "missing", "", None),
    ])  # fmt: skip
    assert table(
        store,
        "present",
        "n",
        "share",
        "unsure",
        "unjudged",
        "unreadable",
        "missing",
        "bound_low",
        "bound_high",
    ) == [(1, 2, 0.5, 1, 3, 2, 6, 1 / 8, 7 / 8)]


def test_kinds_of_reasoning_are_not_pooled(store: Store) -> None:
    fill(
        store,
        [
            ("c", "text", "ok", "present"),
            ("c", "summary", "ok", "absent"),
            ("c", "truncated", "ok", "absent"),
        ],
    )
    assert table(store, "reasoning_state", "present", "n") == [
        ("text", 1, 1),
        ("truncated", 0, 1),
        ("summary", 0, 1),
    ]


def test_nothing_readable_is_no_rate(store: Store) -> None:
    fill(store, [("a", "text", "ok", "present"), ("b", "missing", "no_reasoning", None)])
    assert table(store, "checkpoint", "reasoning_state", "n", "share", "low", "high", "bound_low", "bound_high")[1] == (
        "b", "missing", 0, None, None, None, 0.0, 1.0,
    )  # fmt: skip


def test_an_attempt_that_was_not_ok_yields_no_verdict_even_if_rows_say_so(store: Store) -> None:
    fill(store, [("c", "text", "refused", "present"), ("c", "text", "ok", "absent")])
    assert table(store, "present", "n", "unjudged") == [(0, 1, 1)]


def test_checkpoints_come_in_their_order(store: Store) -> None:
    fill(store, [(name, "text", "ok", "absent") for name in ("step_100", "step_20", "final", "base")])
    assert [name for (name,) in table(store, "checkpoint")] == ["base", "final", "step_20", "step_100"]
    with store.transaction() as db:
        append(db, "checkpoints", [
            {"name": name, "series": "x", "position": position, "created_at": TIME}
            for position, name in enumerate(["base", "step_20", "step_100", "final"])
        ])  # fmt: skip
    assert [name for (name,) in table(store, "checkpoint")] == ["base", "step_20", "step_100", "final"]


def test_a_table_can_be_split_and_narrowed(store: Store) -> None:
    fill(
        store, [("a", "text", "ok", "present"), ("a", "text", "ok", "absent"), ("b", "text", "ok", "present")]
    )
    assert table(store, "checkpoint", "variant", "n", by=("checkpoint", "variant")) == [
        ("a", "v0", 1),
        ("a", "v1", 1),
        ("b", "v0", 1),
    ]
    assert table(store, "n", by=()) == [(3,)]
    assert table(store, "checkpoint", "n", scope=Scope({"variant": ("v0",)})) == [("a", 1), ("b", 1)]
    with pytest.raises(UserError, match="--by takes checkpoint"):
        table(store, "n", by=("answer; DROP",))


def test_a_run_is_chosen_by_the_beginning_of_its_id_and_the_newest_by_default(store: Store) -> None:
    with store.transaction() as db:
        with pytest.raises(UserError, match="no run yet"):
            runs.choose(db, None)
        append(db, "runs", [
            {"run_id": name, "tagger": "cues", "created_at": TIME.replace(day=day)} for day, name in enumerate(["cues-a1", "cues-a2", "cues-a"], 1)
        ])  # fmt: skip
        assert [runs.choose(db, name) for name in (None, "cues-a1", "cues-a")] == [
            "cues-a",
            "cues-a1",
            "cues-a",
        ]
        for name, complaint in (("judge", "no run judge"), ("cues", "3 runs begin with cues")):
            with pytest.raises(UserError, match=complaint):
                runs.choose(db, name)


def with_prompts(store: Store, prompts: list[tuple[int, int]]) -> None:
    """Store for each prompt how many rollouts of so many show the pattern p."""
    with store.transaction() as db:
        append(db, "runs", [{"run_id": "r", "tagger": "judge", "config": "{}", "created_at": TIME}])
        rows = [(f"p{g}", k < part) for g, (part, n) in enumerate(prompts) for k in range(n)]
        for table, made in {
            "trajectories": [
                {"row_id": i, "prompt_id": prompt, "checkpoint": "c", "reasoning_state": "text", "stored_at": TIME}
                for i, (prompt, _) in enumerate(rows)
            ],
            "attempts": [{"attempt_id": i, "run_id": "r", "state": "ok", "created_at": TIME} for i in range(len(rows))],
            "verdicts": [
                {"attempt_id": i, "run_id": "r", "pattern": "p", "verdict": "present" if shows else "absent"}
                for i, (_, shows) in enumerate(rows)
            ],
        }.items():  # fmt: skip
            append(db, table, [{**row, "trajectory_id": f"t{i}"} for i, row in enumerate(made)])


CLUSTERED = ("interval", "prompts", "prompts_showing", "note")


def test_each_cell_says_how_many_prompts_it_is_of_and_what_that_costs(store: Store) -> None:
    with_prompts(store, [(part, 10) for part in (0, 1, 2, 5, 9, 10, 3, 0, 6, 4)])
    assert table(store, *CLUSTERED) == [("Wilson", 10, 8, "for these 10 prompts only; 8 prompts show it")]
    assert table(store, "share", "design_effect") == [pytest.approx((0.4, 4.6667), abs=5e-5)]


def test_with_20_prompts_the_interval_is_clustered_and_with_one_it_says_so(store: Store) -> None:
    prompts = [(part, 10) for part in (0, 1, 2, 5, 9, 10, 3, 0, 6, 4) * 2]
    with_prompts(store, prompts)
    assert table(store, *CLUSTERED) == [("Korn-Graubard", 20, 16, None)]
    found = Clusters.of(*zip(*prompts, strict=True)).interval()
    assert table(store, "low", "high") == [pytest.approx(found)]
    assert table(store, *CLUSTERED, scope=Scope({"prompt_id": ("p1",)})) == [
        ("Wilson", 1, 1, "for this prompt only")
    ]
    assert table(store, "design_effect", scope=Scope({"prompt_id": ("p1",)})) == [(None,)]


def test_a_verdict_that_is_not_there_is_missing_and_one_that_was_superseded_does_not_count(
    store: Store,
) -> None:
    with_prompts(store, [(2, 4), (1, 4)])
    of = ("present", "n", "unsure", "unjudged")
    assert table(store, *of) == [(3, 8, 0, 0)]
    with store.transaction() as db:
        later = {"attempt_id": 100, "run_id": "r", "trajectory_id": "t0", "created_at": TIME.replace(day=2)}
        append(db, "attempts", [{**later, "state": "ok"}])
        append(db, "verdicts", [{**later, "pattern": "p", "verdict": "unsure"}])
    assert table(store, *of) == [(2, 7, 1, 0)], "the newest attempt counts"
    with store.transaction() as db:
        append(db, "attempts", [{**later, "attempt_id": 101, "trajectory_id": "t1", "state": "refused"}])
        append(db, "trajectories", [{"row_id": 50, "trajectory_id": "t7", "prompt_id": "p1", "checkpoint": "c", "reasoning_state": "text", "reasoning_sha256": "new", "stored_at": TIME.replace(day=2)}])  # fmt: skip
    assert table(store, *of) == [(1, 5, 1, 2)], "a refusal, and a text that nobody judged since it changed"
    with store.transaction() as db:
        append(db, "retractions", [{"trajectory_id": "t2", "reason": "", "created_at": TIME.replace(day=3)}])
    assert table(store, *of) == [(1, 4, 1, 2)]


def test_a_pattern_that_was_not_asked_of_a_trajectory_is_unjudged_there_and_never_absent(
    store: Store,
) -> None:
    with_prompts(store, [(2, 4)])
    with store.transaction() as db:
        append(
            db,
            "verdicts",
            [{"attempt_id": 0, "run_id": "r", "trajectory_id": "t0", "pattern": "q", "verdict": "present"}],
        )
    assert table(store, "pattern", "present", "n", "unjudged") == [("p", 2, 4, 0), ("q", 1, 1, 3)]
    for asked, found in ((["q"], [("q", 1, 1)]), (["p"], [("p", 2, 4)]), (["z"], [("z", 0, 0)])):
        assert table(store, "pattern", "present", "n", patterns=asked) == found


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("pq"), st.sampled_from(["ok", "refused", ""]),
                          st.sampled_from(["present", "absent", "unsure"])), min_size=1, max_size=12))  # fmt: skip
def test_every_table_is_what_counting_row_by_row_gives(
    tmp_path: Path, rows: list[tuple[str, str, str, str]]
) -> None:
    store = Store(tmp_path / f"{uuid4()}.duckdb")
    with store.transaction() as db:
        made = [{"row_id": i, "trajectory_id": f"t{i}", "prompt_id": prompt, "checkpoint": name, "reasoning_state": "text", "stored_at": TIME}
                for i, (name, prompt, _, _) in enumerate(rows)]  # fmt: skip
        append(db, "trajectories", made)
        for i, (_, _, state, verdict) in enumerate(rows):
            key = {"attempt_id": i, "trajectory_id": f"t{i}", "run_id": "r"}
            append(db, "attempts", [{**key, "state": state, "created_at": TIME}] if state else [])
            append(db, "verdicts", [{**key, "pattern": "x", "verdict": verdict}] if state == "ok" else [])
    counted = []
    for name in sorted({name for name, *_ in rows}):
        mine = [row for row in rows if row[0] == name]
        said = [(prompt, verdict) for _, prompt, state, verdict in mine if state == "ok"]
        sure = [each for each in said if each[1] != "unsure"]
        present = sum(verdict == "present" for _, verdict in sure)
        unjudged = len(mine) - len(said)
        counted.append((name, present, len(sure), len(said) - len(sure), unjudged, len({p for p, _ in sure})))
    found = table(store, "checkpoint", "present", "n", "unsure", "unjudged", "prompts")
    assert found == (counted if any(state == "ok" for _, _, state, _ in rows) else [])


def test_a_checkpoint_without_labels_is_corrected_by_those_of_others(store: Store) -> None:
    with store.transaction() as db:
        append(db, "runs", [{"run_id": "r", "tagger": "judge", "config": "{}", "created_at": TIME}])
        for i in range(240):
            name, true = ("a", "b")[i >= 120], i % 4 == 0
            key = {"attempt_id": i, "trajectory_id": f"t{i}", "run_id": "r"}
            append(db, "trajectories", [{"row_id": i, "trajectory_id": f"t{i}", "prompt_id": "p", "checkpoint": name, "reasoning_state": "text", "reasoning_sha256": f"s{i}", "stored_at": TIME}])  # fmt: skip
            append(db, "attempts", [{**key, "state": "ok", "reasoning_sha256": f"s{i}", "created_at": TIME}])
            verdict = "present" if (true and i % 20) or i % 10 == 1 else "absent"
            append(db, "verdicts", [{**key, "pattern": "p", "verdict": verdict}])
    labels = pa.table({
        "trajectory_id": [f"t{i}" for i in range(120)], "reasoning_sha256": [f"s{i}" for i in range(120)],
        "pattern": ["p"] * 120, "value": ["present" if i % 4 == 0 else "absent" for i in range(120)],
        "probability": pa.array([0.5] * 120),
    })  # fmt: skip
    (a, b) = table(store, "share", "labels", "corrected", "corrected_note", labels=labels)
    assert a == (b[0], 120, pytest.approx(0.25), "for this prompt only")
    assert b[1:] == (0, pytest.approx(0.25), "by labels elsewhere (Rogan-Gladen)"), "the two err alike"
    (_, few) = table(store, "corrected", "corrected_note", labels=labels.slice(0, 20))
    assert few == (None, "no labels; fewer than 10 labels of present elsewhere")


def test_a_pattern_alone_is_corrected_as_it_is_among_all(store: Store) -> None:
    fill(store, [("c", "text", "ok", "present" if n % 3 else "absent") for n in range(30)])
    with store.transaction() as db:
        db.execute("INSERT INTO log.verdicts SELECT * REPLACE ('q' AS pattern) FROM log.verdicts")
        for log in ("trajectories", "attempts"):
            db.execute(f"UPDATE log.{log} SET reasoning_sha256 = 'sha'")
    rows = [(f"t{n}", "sha", pattern, "present" if n % 2 else "absent", 0.9 if n % 5 or pattern == "q" else 0.2)
            for n in range(30) for pattern in "pq"]  # fmt: skip
    names = ("trajectory_id", "reasoning_sha256", "pattern", "value", "probability")
    labels = pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))
    told = ("pattern", "labels", "label_share", "label_effective_n", "corrected", "corrected_low")
    p, q = table(store, *told, labels=labels)
    assert [p, q] == table(store, *told, labels=labels, patterns=["p"]) + table(
        store, *told, labels=labels, patterns=["q"]
    )
    assert p[1] == 30 and p[3] < q[3] == pytest.approx(30)
