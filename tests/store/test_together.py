"""Four processes at once, on a file and on a lake: all that was acknowledged is there, and nothing twice."""

from __future__ import annotations

from pathlib import Path

from analysis.store import Store
from tests.together import together

SECONDS = 2


def test_two_apps_a_judge_and_an_ingest_use_one_store_at_once(any_store: Store, tmp_path: Path) -> None:
    done = together(any_store, tmp_path, SECONDS)
    assert all(done.labels) and done.judged and done.ingested, done
