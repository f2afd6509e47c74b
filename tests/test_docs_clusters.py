"""What docs/clusters.md says is tried."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.cluster import clustering, titles
from analysis.cluster.shares import COLUMNS
from analysis.store import Store
from commands.cluster import cluster
from commands.search import search
from tests.cluster.made import two_kinds
from tests.docs import commands, understood

CLUSTERS = (Path(__file__).parents[1] / "docs/clusters.md").read_text(encoding="utf-8")
PROSE = re.sub(r"```.*?```", "", CLUSTERS, flags=re.DOTALL)
COMMANDS = commands(CLUSTERS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_understood(command: str) -> None:
    understood(command)


def test_every_subcommand_is_shown_and_every_option_named_is_one() -> None:
    assert set(re.findall(r"telltale cluster (\w+)", CLUSTERS)) == set(cluster.commands)
    options = {
        option
        for each in (*cluster.commands.values(), search)
        for parameter in each.params
        for option in parameter.opts
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PROSE)) <= options


def test_methods_columns_and_figures_are_those_of_the_code() -> None:
    assert set(re.findall(r"^- `(\w+)`", PROSE, re.MULTILINE)) == set(clustering.METHODS)
    assert all(
        f"`{column}`" in PROSE
        for column in COLUMNS
        if column.startswith(("all_", "bound_", "p")) and column != "part"
    )
    assert (clustering.RUNS, clustering.ON_WORDS, clustering.AGREEMENT, titles.QUOTES) == (80, 4, 0.2, 12)
    assert f"a sample of {clustering.SILHOUETTE_SAMPLE:,} texts" in PROSE and clustering.RESAMPLED == 0.8


def test_the_notebook_runs_and_the_views_are_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    two_kinds(store)
    [block] = re.findall(r"```python\n(.*?)```", CLUSTERS, re.DOTALL)
    names: dict[str, object] = {}
    exec(block.replace("data/telltale.duckdb", str(store.path)).replace("k=20", "k=2"), names)
    assert isinstance(names["rows"], list) and len(names["rows"]) == 2
    listed = re.findall(r"`(\w+)`", CLUSTERS.splitlines()[-1])
    with store.session() as db:
        for name in listed:
            assert db.execute(f"SELECT count(*) FROM {name}").fetchone() is not None
