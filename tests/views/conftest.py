"""The sample, tagged, as the store of an app that AppTest drives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.ingest import ingest, load_map
from analysis.store import Store
from analysis.tagging import tag_with_cues

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def packages_are_looked_through_once() -> Iterator[None]:
    """A server looks through all installed packages at its start; AppTest would for each page, for 150 ms."""
    scan = cache(manifest_scanner.scan_component_manifests)
    with patch.object(manifest_scanner, "scan_component_manifests", scan):
        yield


@pytest.fixture(scope="session")
def tagged_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "sample.duckdb"
    ingest(Store(path), [ROOT / "data/sample/odd-number.jsonl"], load_map(ROOT / "data/maps/odd-number.yaml"))
    tag_with_cues(Store(path), codebook.load())
    return path


@pytest.fixture
def sample_store(tagged_sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    path = tmp_path / "mine.duckdb"
    shutil.copy(tagged_sample, path)
    monkeypatch.setenv("TELLTALE_DB", str(path))
    return Store(path)


@pytest.fixture
def page(sample_store: Store) -> Callable[[str], AppTest]:
    """Open a page of the app as a browser would."""

    def open_page(name: str) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
        return at.switch_page(f"views/{name}.py").run()

    return open_page


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A codebook file of the test's own, which everything that loads it by default then reads."""
    path = tmp_path / "codebook.yaml"
    shutil.copy(codebook.DEFAULT_PATH, path)
    monkeypatch.setattr(codebook, "DEFAULT_PATH", path)
    monkeypatch.setattr(codebook.load, "__defaults__", (path,))
    return path
