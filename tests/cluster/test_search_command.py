"""telltale search, as a user runs it; the static model knows a few words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from analysis.errors import UserError
from analysis.store import Store
from telltale import cli
from tests.cluster.made import keep_static, reasoned, two_kinds

Telltale = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A file always: what is beside a lake is this machine's own."""
    return Store(tmp_path / "store.duckdb")


@pytest.fixture
def telltale(store: Store) -> Telltale:
    keep_static(store)

    def run(*words: Any) -> Result:
        return CliRunner().invoke(
            cli, [*map(str, words)], env={"TELLTALE_DB": str(store.path)}, standalone_mode=False
        )

    return run


def test_sentences_are_ranked_in_context_as_a_table_and_as_json(telltale: Telltale, store: Store) -> None:
    texts = {
        f"t{n}": f"Pick {n}. Maybe nobody reads this review. Say {'nothing ' * 20}{n}." for n in range(6)
    }
    reasoned(store, texts, ("step-1", "step-2"))
    rows = json.loads(telltale("search", "nobody reads this", "--k", 3, "--json").stdout)
    assert len(rows) == 3 and rows[0]["sentence"] == "Maybe nobody reads this review."
    assert (rows[0]["places"], rows[0]["before"][:4], rows[0]["after"][:3]) == (6, "Pick", "Say")
    every = telltale(
        "search", "nobody reads this", "--k", 3, "--checkpoint", "step-2", "--every-place", "--json"
    )
    found = json.loads(every.stdout)
    assert {row["checkpoint"] for row in found} == {"step-2"}
    assert len({row["trajectory_id"] for row in found}) == 3, "each place is a row"
    named = telltale("search", "nobody", "--where", "trajectory_id = 't4'", "--json")
    assert {row["trajectory_id"] for row in json.loads(named.stdout)} == {"t4"}
    table = telltale("search", "nobody reads this", "--k", 2).stdout.splitlines()
    assert table[0].split() == ["score", "checkpoint", "variant", "trajectory_id", "segment", "places", "before",
                                "sentence", "after"] and len(table) == 4  # fmt: skip
    assert max(map(len, table)) < 260


def test_only_what_a_run_found_can_be_searched(telltale: Telltale, store: Store) -> None:
    two_kinds(store)
    reasoned(store, {"other": "This looks like an evaluation test to me."})
    every = json.loads(telltale("search", "an evaluation test", "--k", 60, "--json").stdout)
    found = json.loads(
        telltale("search", "an evaluation test", "--k", 60, "--of", "findings", "--json").stdout
    )
    assert {row["trajectory_id"] for row in every} - {row["trajectory_id"] for row in found} == {"other"}
    assert found == [row for row in every if row["trajectory_id"] != "other"]
    assert "--run is for" in str(telltale("search", "test", "--run", "judge-1").exception)


def test_a_terminal_obeys_no_letter_of_a_sentence(telltale: Telltale, store: Store) -> None:
    reasoned(store, {"h": "This \x1b[31m is a\u202etest <b>of</b> the grader."})
    told = telltale("search", "the grader").stdout
    assert "\x1b" not in told and "\u202e" not in told and "<b>of</b>" in told


def test_what_a_user_can_mend_is_one_line(telltale: Telltale, store: Store) -> None:
    def refused(*words: Any) -> str:
        error = telltale("search", *words).exception
        assert isinstance(error, UserError) and "\n" not in str(error)
        return str(error)

    assert "there is no store" in refused("test")
    reasoned(store, {"a": "This is a test."})
    assert "no trajectory passes" in refused("test", "--checkpoint", "step-9")
    assert "--where" in refused("test", "--where", "no such column = 1")
    assert "say what to search for" in refused(" ")
