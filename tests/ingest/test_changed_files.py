"""A slice of `make fuzz-ingest`: files of every format with something changed in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.store import Store
from tests.ingest.accounts import check
from tests.ingest.mutations import case

CASES = 40


def test_every_item_of_a_changed_file_is_accounted_for(store: Store, tmp_path: Path) -> None:
    read = 0
    with store.session():  # kept open, for opening it takes longer than a case
        for number in range(CASES):
            made = case(1, number, tmp_path / str(number))
            try:
                report = check(store, made.path, made.rules, replace=number % 4 == 0)
            except Exception as error:
                pytest.fail(f"case {number} ({made.name}), kept in {made.path}: {error}")
            read += report.items if report else 0
    assert read > CASES, "most of the files could be read"
