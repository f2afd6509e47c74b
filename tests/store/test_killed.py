"""kill -9 at random moments of ingest, label and cluster: nothing acknowledged is lost, and nothing is doubled.

A judge's run is killed in tests/judge/test_judge_killed.py; `make fuzz-faults` kills each of them, and the cue tagger,
fifty times.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.store import Store
from tests.kills import Commands, commands, kill_often

KILLS = 5


@pytest.fixture(scope="module")
def giver() -> Iterator[Commands]:
    with commands() as each:
        yield each


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("work", ["ingest", "label", "cluster"])
def test_five_kills_lose_nothing_and_double_nothing(giver: Commands, tmp_path: Path, work: str) -> None:
    told = list(kill_often(giver, work, Store(tmp_path / "store.duckdb", 20, linger=0.5), KILLS))
    assert told[-1].startswith(f"{work} {KILLS}/{KILLS}") and "each once" in told[-1]
