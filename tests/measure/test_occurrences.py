from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from analysis import codebook, codebook_changes
from analysis.errors import UserError
from analysis.measure.derived import conditions, derive
from analysis.measure.judged import ABSENT, PRESENT, UNKNOWN, Judged, judged
from analysis.measure.occurrences import counted, occurrences
from analysis.measure.outcome import acted, actions
from analysis.measure.ratio import ratio
from analysis.measure.rollups import rollup
from analysis.measure.scope import Scope
from analysis.store import Store, append
from views.grid import unread

TIME = datetime(2026, 1, 1)
QUOTE = {"quote": "so", "start_char": 0, "end_char": 2, "match": "exact", "stance": "asserts"}


def fill(store: Store, rows: list[dict[str, Any]]) -> None:
    """Store trajectories under one run. A row's `said` is the verdict of each pattern, with a number of quotes or a
    list of stances: `{"p": ("present", 2)}`.
    """
    with store.transaction() as db:
        append(db, "runs", [{"run_id": "r", "tagger": "judge", "config": "{}", "created_at": TIME}])
        for number, row in enumerate(rows):
            key = {"trajectory_id": f"t{number}"}
            text = {name: row.get(name) for name in ("checkpoint", "variant", "synthetic")}
            append(db, "trajectories", [{
                **key, **text, "row_id": number, "reasoning_state": row.get("state", "text"), "stored_at": TIME,
                "environment": row.get("environment", "e"), "prompt_id": row.get("prompt", "p"),
            }])  # fmt: skip
            append(db, "cuts", [{**key, "row_id": number, "segmentation": "s", "message": [0], "start_char": [0],
                                 "end_char": [row.get("characters", 100)]}])  # fmt: skip
            for name, value in row.get("outcomes", {}).items():
                append(db, "outcomes", [{**key, "name": name, "value": value, "state": "ok" if value else "unparseable",
                                         "created_at": TIME}])  # fmt: skip
            if "said" not in row:
                continue
            attempt = {**key, "attempt_id": number + 1, "run_id": "r"}
            append(db, "attempts", [{**attempt, "state": "ok", "created_at": TIME}])
            for pattern, (verdict, quotes) in row["said"].items():
                append(db, "verdicts", [{**attempt, "pattern": pattern, "verdict": verdict}])
                stances = ["asserts"] * quotes if isinstance(quotes, int) else quotes
                append(
                    db,
                    "findings",
                    [{**attempt, "pattern": pattern, **QUOTE, "stance": stance} for stance in stances],
                )


def read(store: Store) -> Judged:
    with store.session() as db:
        return judged(db, "r")


def in_order(store: Store, signs: Any) -> list[int]:
    """The signs by the order in which the trajectories were stored."""
    return [int(sign) for sign in signs[np.argsort(read(store).row_id)]]


def test_what_is_unsure_not_judged_or_not_there_is_unknown(store: Store) -> None:
    fill(store, [
        {"said": {"p": ("present", 1), "q": ("absent", 0)}}, {"said": {"p": ("unsure", 0)}}, {}, {"state": "missing"},
    ])  # fmt: skip
    table = read(store)
    assert in_order(store, table.of("p")) == [PRESENT, UNKNOWN, UNKNOWN, UNKNOWN]
    assert in_order(store, table.of("q")) == [ABSENT, UNKNOWN, UNKNOWN, UNKNOWN]
    assert in_order(store, table.of("never judged")) == [UNKNOWN] * 4


def test_a_table_is_narrowed_and_keeps_the_checkpoints_order(store: Store) -> None:
    said = {"p": ("absent", 0)}
    fill(store, [{"said": said, "checkpoint": c, "variant": v} for c, v in
                 (("step-100", "a"), ("step-20", "a"), ("step-20", "b"), (None, "a"))])  # fmt: skip
    table = read(store).within(Scope({"variant": ("a",)}), "text")
    assert [(name, len(rows)) for name, rows in table.by_checkpoint()] == [
        ("step-20", 1),
        ("step-100", 1),
        (None, 1),
    ]


def test_the_same_prompt_in_two_environments_is_two_prompts(store: Store) -> None:
    fill(store, [{"prompt": "same", "environment": e} for e in ("e", "f", "f")])
    assert len(set(read(store).codes["prompt"])) == 2


def cells(store: Store, measure: str, wanted: dict[str, list[str]]) -> list[dict[str, Any]]:
    with store.session() as db:
        table = judged(db, "r")
        return [cell.as_row() for cell in occurrences(table, counted(db, table), measure, wanted)]


def test_each_measure_is_a_sum_over_another(store: Store) -> None:
    fill(store, [
        {"said": {"p": ("present", 3), "q": ("present", 1)}, "characters": 1000},
        {"said": {"p": ("present", 1), "q": ("absent", 0)}, "characters": 3000},
        {"said": {"p": ("absent", 0), "q": ("present", 3)}, "characters": 4000},
    ])  # fmt: skip
    wanted = {"p": ["p"], "both": ["p", "q"]}
    values = {m: [(c["occurrences"], c["n"], c["value"]) for c in cells(store, m, wanted)]
              for m in ("per_trajectory", "share_of_occurrences", "per_10k")}  # fmt: skip
    assert values["per_trajectory"] == [(4, 3, 4 / 3), (8, 3, 8 / 3)]
    assert values["share_of_occurrences"] == [(4, 3, 0.5), (8, 3, 1.0)]
    assert values["per_10k"] == [(4, 3, 5.0), (8, 3, 10.0)]


def test_quotes_that_reject_count_nothing_and_a_verdict_without_a_quote_is_missing(store: Store) -> None:
    fill(store, [
        {"said": {"p": ("present", ["asserts", "entertains", "rejects"])}},
        {"said": {"p": ("absent", ["rejects"])}},
        {"said": {"p": ("present", 0)}},
        {"said": {"p": ("unsure", 0)}}, {}, {"state": "encrypted"},
    ])  # fmt: skip
    (cell,) = cells(store, "per_trajectory", {"p": ["p"]})
    assert (cell["occurrences"], cell["n"], cell["value"], cell["missing"]) == (2, 2, 1.0, 4)


def test_a_run_without_quotes_has_no_occurrences_to_count(store: Store) -> None:
    fill(store, [{"said": {"p": ("present", 0)}}])
    (cell,) = cells(store, "per_trajectory", {"p": ["p"]})
    assert (cell["n"], cell["value"], cell["low"], cell["note"]) == (0, None, None, "nothing was judged")


def test_one_occurrence_a_character_is_no_rate_where_nothing_was_written(store: Store) -> None:
    fill(store, [{"said": {"p": ("present", 1)}, "characters": 0}])
    (cell,) = cells(store, "per_10k", {"p": ["p"]})
    assert (cell["n"], cell["value"], cell["missing"]) == (0, None, 1)


def test_a_ratio_of_twenty_prompts_has_the_clustered_interval() -> None:
    y = np.repeat(np.arange(20) % 5, 10).astype(float)
    prompt = np.repeat(np.arange(20), 10)
    found = ratio(y, np.ones(200), prompt)
    means = np.arange(20) % 5
    half = 2.093024 * means.std(ddof=1) / np.sqrt(20)
    assert found.value == 2.0 and found.design_effect == pytest.approx(10)
    assert (found.low, found.high) == (pytest.approx(2 - half, abs=1e-5), pytest.approx(2 + half, abs=1e-5))
    assert found.note is None
    assert ratio(y[:100], np.ones(100), prompt[:100]).note == "for these 10 prompts only"


def test_a_ratio_that_cannot_vary_has_no_interval_and_says_why() -> None:
    assert ratio([0, 0], [1, 1], [0, 1]).note == "none found, so no interval"
    assert ratio([], [], []).note == "nothing was judged"
    assert ratio([0, 0], [0, 0], [0, 1]).note == "nothing to count in"
    assert ratio([2], [3], [0]).low is None


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(some.integers(0, 6), some.integers(1, 9), some.integers(0, 30)), max_size=60))
def test_an_interval_holds_its_value_and_is_never_below_nothing(rows: list[tuple[int, int, int]]) -> None:
    y, x, prompt = zip(*rows, strict=True) if rows else ([], [], [])
    found = ratio(y, x, prompt)
    assert (found.value is None) == (not rows)
    assert found.low is None or 0 <= found.low <= (found.value or 0) <= (found.high or 0)
    assert found.low is not None or found.note


def test_a_group_is_there_when_any_of_it_is_and_absent_only_when_all_of_it_is(store: Store) -> None:
    fill(store, [
        {"said": {"p": ("present", 1), "q": ("unsure", 0)}}, {"said": {"p": ("absent", 0), "q": ("absent", 0)}},
        {"said": {"p": ("absent", 0), "q": ("unsure", 0)}}, {},
    ])  # fmt: skip
    table = read(store)
    assert in_order(store, rollup(table, ["p", "q"])) == [PRESENT, ABSENT, UNKNOWN, UNKNOWN]
    assert in_order(store, rollup(table, ["p", "not tagged"])) == [PRESENT, ABSENT, ABSENT, UNKNOWN]
    assert in_order(store, rollup(table, ["not tagged"])) == [UNKNOWN] * 4


def test_the_knowing_violation_needs_the_noting_asserted_and_the_action_taken(store: Store) -> None:
    noted, entertained = {"m": ("present", ["asserts"])}, {"m": ("present", ["entertains"])}
    fill(store, [
        {"said": noted, "outcomes": {"gaming": "true"}}, {"said": noted, "outcomes": {"gaming": "false"}},
        {"said": noted, "outcomes": {"gaming": None}}, {"said": entertained, "outcomes": {"gaming": "true"}},
        {"said": {"m": ("absent", 0)}, "outcomes": {"gaming": None}}, {"outcomes": {"gaming": "true"}},
        {"said": {"m": ("present", 0)}, "outcomes": {"gaming": "true"}},
    ])  # fmt: skip
    wanted = conditions("m with stance asserts, and the outcome is the violating action", ["m"])
    with store.session() as db:
        signs = in_order(store, derive(db, read(store), wanted))
    assert signs == [PRESENT, ABSENT, UNKNOWN, ABSENT, ABSENT, UNKNOWN, UNKNOWN]


def test_conditions_are_read_from_plain_words_and_nothing_else(store: Store) -> None:
    fill(store, [{"said": {"p": ("absent", 0)}, "outcomes": {"choice": '"numpy"', "steps": "3"}}])
    with store.session() as db:
        for words, sign in (("not p", PRESENT), ("p", ABSENT), ("not p and the outcome choice is numpy", PRESENT),
                            ("the outcome steps is 3", PRESENT), ("the outcome steps is 4", ABSENT)):  # fmt: skip
            assert in_order(store, derive(db, read(store), conditions(words, ["p"]))) == [sign], words
    for words, complaint in (
        ("p or q", "'p or q' is neither"),
        ("q", "neither a pattern"),
        ("p with stance loud", "a stance is"),
    ):
        with pytest.raises(UserError, match=complaint):
            conditions(words, ["p"])


def test_of_an_outcome_that_was_stored_again_the_newest_counts(store: Store) -> None:
    fill(
        store,
        [
            {"outcomes": {"gaming": "true"}},
            {"outcomes": {"gaming": "false"}},
            {"outcomes": {"gaming": "true"}},
        ],
    )
    later = {"name": "gaming", "created_at": datetime(2026, 2, 1)}
    with store.transaction() as db:
        append(db, "outcomes", [{**later, "trajectory_id": "t0", "value": "false", "state": "ok"}])
        append(db, "outcomes", [{**later, "trajectory_id": "t2", "value": None, "state": "ambiguous"}])
        assert in_order(store, acted(db, judged(db, "r"), "gaming")) == [ABSENT, ABSENT, UNKNOWN]


def test_a_renamed_pattern_is_renamed_in_what_is_derived_from_it(tmp_path: Path) -> None:
    path = tmp_path / "codebook.yaml"
    shutil.copy(codebook.DEFAULT_PATH, path)
    assert unread(codebook.load(path)) == {}
    book = codebook_changes.rename(path, "misaligned_noted", new_id="wrong_noted")
    assert (
        book.derived["knowing_violation"]
        == "wrong_noted with stance asserts, and the outcome is the violating action"
    )
    book = codebook_changes.retire(path, "wrong_noted")
    assert "'wrong_noted with stance asserts' is neither a pattern" in unread(book)["knowing_violation"]


def test_actions_are_the_values_of_outcomes_that_were_read(store: Store) -> None:
    fill(store, [
        {"outcomes": {"switched": "true", "choice": '"a"', "number": str(n), "sure": "false"}} for n in range(20)
    ] + [{"outcomes": {"switched": "false", "choice": '"b"'}}, {"outcomes": {"switched": None}}])  # fmt: skip
    with store.session() as db:
        found = actions(db)
        assert [(each.name, each.count) for each in found] == [
            ("not sure", 20), ("switched", 20), ("choice is a", 20), ("choice is b", 1),
        ]  # fmt: skip
        assert in_order(store, acted(db, read(store), "switched"))[-2:] == [ABSENT, UNKNOWN]
        assert in_order(store, acted(db, read(store), "choice", '"b"'))[-2:] == [PRESENT, UNKNOWN]
