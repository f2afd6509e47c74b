"""telltale cluster, as a user runs it: clusters, their shares, and what is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from analysis.errors import UserError
from analysis.store import Store
from telltale import cli
from tests.cluster.made import two_kinds
from tests.standin import Standin, completion

Telltale = Callable[..., Result]


@pytest.fixture
def telltale(store: Store) -> Telltale:
    """The command line in this process: each command of its own would load scikit-learn anew."""

    def run(*words: Any) -> Result:
        return CliRunner().invoke(
            cli, [*map(str, words)], env={"TELLTALE_DB": str(store.path)}, standalone_mode=False
        )

    return run


def test_from_findings_to_a_run_that_counts(telltale: Telltale, store: Store) -> None:
    two_kinds(store)
    found = json.loads(
        telltale(
            "cluster", "findings", "--embedder", "tfidf", "--method", "kmeans", "--k", 2, "--json"
        ).stdout
    )
    assert [row["size"] for row in found] == [24, 24] and all(len(row["quotes"]) == 3 for row in found)
    [listed] = json.loads(telltale("cluster", "list", "--json").stdout)
    assert (listed["clusters"], listed["texts"], listed["unclustered"]) == (2, 48, 0)
    shares = json.loads(telltale("cluster", "show", "--by", "checkpoint", "--json").stdout)
    assert {(row["checkpoint"], row["n"]) for row in shares} == {("step-1", 24), ("step-2", 24)}
    table = telltale("cluster", "show", listed["clustering"][:-2], "--cluster", 0, "--quotes", 5).stdout
    assert len(table.splitlines()) == 7
    done = telltale("cluster", "assign", f"{listed['clustering']}:0", "eval_aware", "--json")
    [assigned] = json.loads(done.stdout)
    assert assigned["tagged"] == 48 and assigned["eval_aware"] == 24
    rows = json.loads(telltale("report", "frequencies", "--run", assigned["run"], "--json").stdout)
    assert sum(row["present"] for row in rows) == 24


def test_titles_are_asked_for_at_the_endpoint_and_a_missing_one_is_counted(
    telltale: Telltale, store: Store
) -> None:
    two_kinds(store)
    words = (
        "cluster",
        "findings",
        "--embedder",
        "tfidf",
        "--method",
        "kmeans",
        "--k",
        2,
        "--titles",
        "--model",
        "m",
        "--json",
    )
    with Standin(completion('{"title": "Some title"}'), completion("no")) as endpoint:
        done = telltale(*words, "--base-url", endpoint.url)
    assert done.return_value == 1 and "1 clusters have no title" in done.stderr
    assert sorted(str(row["title"]) for row in json.loads(done.stdout)) == ["None", "Some title"]


def test_what_a_user_can_mend_is_one_line(telltale: Telltale, store: Store) -> None:
    def refused(*words: Any) -> str:
        error = telltale("cluster", *words).exception
        assert isinstance(error, UserError) and "\n" not in str(error)
        return str(error)

    assert "there is no store" in refused("segments")
    two_kinds(store)
    assert "no clustering yet" in refused("show")
    assert "write CLUSTERING:NUMBER" in refused("assign", "first", "eval_aware")
    assert "--titles needs --model" in refused("findings", "--titles")
    assert "no run nothing" in refused("findings", "--run", "nothing")
    assert "ask one at a time" in refused("show", "--stability", "--by", "checkpoint")
