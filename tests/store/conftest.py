"""The store's tests run on both kinds of store."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.store import Store


@pytest.fixture(params=["file", pytest.param("lake", marks=pytest.mark.xdist_group("lake"))])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """A store in a file, and one on DuckLake."""
    return (
        request.getfixturevalue("lake") if request.param == "lake" else Store(tmp_path / "store.duckdb", 20)
    )
