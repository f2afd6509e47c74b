"""kill -9 at random moments of ingest, tag, label and cluster: nothing acknowledged is lost, and nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.store import Store
from tests.kills import WORKS, Commands, commands, kill_often

KILLS = 5


@pytest.fixture(scope="module")
def giver() -> Iterator[Commands]:
    with commands() as each:
        yield each


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("work", WORKS)
def test_five_kills_lose_nothing_and_double_nothing(giver: Commands, tmp_path: Path, work: str) -> None:
    told = list(kill_often(giver, work, Store(tmp_path / "store.duckdb", 20, linger=0.5), KILLS))
    assert told[-1].startswith(f"{work} {KILLS}/{KILLS}") and "each once" in told[-1]
