"""Search by meaning on the Traces page: progress, sentences in context, and a click that opens the trace there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from analysis.cluster.indexing import folder_of
from analysis.store import Store
from tests.cluster.made import keep_static, reasoned

ROOT = Path(__file__).parents[2]
Open = Callable[..., AppTest]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A file always: what is beside a lake is this machine's own."""
    return Store(tmp_path / "store.duckdb")


@pytest.fixture
def look(store: Store, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the page and wait until what it does in the background has ended."""
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    keep_static(store)

    def open_page(**address: str | list[str]) -> AppTest:
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        at.switch_page("views/traces.py")
        for name, value in address.items():
            at.query_params[name] = value
        at.run()
        deadline = time.monotonic() + 60
        while at.get("progress") and time.monotonic() < deadline:
            time.sleep(0.05)
            at.run()
        assert not at.exception, at.exception
        return at

    return open_page


def rows(at: AppTest) -> list[dict[str, Any]]:
    """What the list was given."""
    found = [
        json.loads(each.proto.json) for each in at.get("bidi_component") if "Sentences" in each.proto.json
    ]
    return found[0]["rows"] if found else []


def said(row: dict[str, Any]) -> str:
    return "".join(f"[{letters}]" if marked else letters for letters, marked in row["excerpt"])


def test_the_nearest_sentences_stand_in_context_and_lead_to_their_place(store: Store, look: Open) -> None:
    texts = {f"t{n}": f"Pick {n}. Maybe nobody reads this <b>review</b>. So say nothing." for n in range(4)}
    reasoned(store, {**texts, "other": "Fine weather."}, ("step-1", "step-2"))
    at = look(q="nobody reads this", meaning="on", checkpoint="step-2")
    first, *others = rows(at)
    assert said(first) == "Pick 1. [Maybe nobody reads this <b>review</b>.] So say nothing."
    assert first["href"].endswith("trajectory=t1&segment=1") and first["checkpoint"] == "step-2"
    assert "in 2 places" in first["answer"][0][0] and len(others) == 3
    assert any("searched in 2 traces" in each.value for each in at.text)
    at = look(q="nobody reads this", meaning="on", trajectory="t1", segment="1")
    assert any("All traces" in each.label for each in at.button)


def test_what_is_stored_meanwhile_and_a_damaged_index_are_noticed(store: Store, look: Open) -> None:
    reasoned(store, {"a": "Fine weather."})
    assert len(rows(look(q="the test", meaning="on"))) == 1
    reasoned(store, {"b": "This is a test."})
    assert said(rows(look(q="the test", meaning="on"))[0]).strip() == "[This is a test.]"
    (folder_of(store) / "vectors").write_bytes(b"cut off")
    assert len(rows(look(q="the test", meaning="on"))) == 2


def test_what_cannot_be_searched_says_why(store: Store, look: Open) -> None:
    reasoned(store, {"none": None})
    assert "no reasoning to search" in "".join(each.value for each in look(q="test", meaning="on").markdown)
    reasoned(store, {"a": "This is a test."})
    at = look(q="\u2603", meaning="on")
    assert at.error and "no word" in at.error[0].value.replace("\\", "")
    folder_of(store).rename(folder_of(store).with_suffix(".old"))
    folder_of(store).write_text("a file stands where the folder shall be")
    at = look(q="test", meaning="on")
    assert "can't be written" in at.error[0].value.replace("\\", "")
    folder_of(store).unlink()
    next(each for each in at.button if each.label == "Try again").click().run()
    assert len(rows(look(q="test", meaning="on"))) == 1
