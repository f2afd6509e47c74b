"""The examples run on the public files that they are written for."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from analysis.store import Store
from labels.events import Event
from labels.log import record

ROOT = Path(__file__).parents[1]
JUDGED = {
    "olmo_pre_rl": (9, 29, 4), "olmo_step_20": (7, 29, 4), "olmo_step_100": (8, 43, 1), "olmo_step_200": (3, 22, 0),
    "olmo_step_300": (2, 10, 1), "olmo_step_480": (4, 18, 4), "olmo_step_1000": (2, 32, 1), "olmo_step_1200": (7, 55, 0),
}  # fmt: skip
"""What the files say of each OLMo checkpoint: YES, rows with a verdict, rows without."""
SWITCHED = [12, 8, 12, 2, 3, 6, 6, 12]
"""How many of those with a verdict switched (tp + fn of the published totals)."""


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("library_choice", ROOT / "examples/library_choice.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def olmo(real: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store]:
    """The files of one training run, and a store for them."""
    folder = tmp_path_factory.mktemp("olmo")
    for file in (real / "library-choice").glob("olmo_*.json"):
        shutil.copy(file, folder)
    return folder, Store(folder / "store.duckdb", busy_limit=20)


def words(figure: str) -> str:
    return " ".join(ElementTree.fromstring(figure).itertext())


def test_library_choice_goes_from_files_to_a_figure_that_says_its_labels_are_simulated(
    example: ModuleType, olmo: tuple[Path, Store], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, store = olmo
    out = folder / "figure.svg"
    example.main([str(folder), "--db", str(store), "--out", str(out)])
    rows, source = example.measure(folder, store)
    assert {row["checkpoint"]: (row["present"], row["n"], row["missing"]) for row in rows} == JUDGED
    assert list(JUDGED) == [row["checkpoint"] for row in rows]
    assert [row["outcome"].present for row in rows] == SWITCHED
    assert source == "simulated" and sum(row["labels"] for row in rows) == 238
    corrected = [row for row in rows if row["corrected"] is not None]
    assert len(corrected) >= 6
    held = [row["corrected_low"] <= row["assumed"] <= row["corrected_high"] for row in corrected]
    assert sum(held) >= len(corrected) - 1
    told = words(out.read_text(encoding="utf-8"))
    assert "SIMULATED LABELS: no person labelled these traces" in told and "the answer switched" in told
    assert all(name.removeprefix("olmo_") in told for name in JUDGED)
    assert "simulated" in capsys.readouterr().out
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM label_events").fetchone() == (0,)


def test_without_any_labels_the_figure_shows_the_judge_alone_and_says_so(
    example: ModuleType, olmo: tuple[Path, Store]
) -> None:
    rows, source = example.measure(*olmo, simulate=0)
    told = words(example.draw(rows, source))
    assert source == "nobody" and not any("corrected" in row for row in rows)
    assert "The judge alone: no person labelled these traces" in told and "SIMULATED" not in told


def test_labels_of_people_take_the_place_of_simulated_ones(
    example: ModuleType, olmo: tuple[Path, Store]
) -> None:
    folder, store = olmo
    example.measure(folder, store, simulate=0)
    with store.session() as db:
        read = db.execute(
            """SELECT trajectory_id, reasoning_sha256 FROM trajectories
               WHERE checkpoint = 'olmo_step_1200' AND reasoning_state = 'text' ORDER BY 1 LIMIT 20"""
        ).fetchall()
    events = [
        Event(op=op, annotator="ada", trajectory_id=name, reasoning_sha256=sha, pattern=pattern, new=new)
        for name, sha in read
        for op, pattern, new in (("open", None, None), ("set", "covert_choice", "absent"), ("submit", None, "covert_choice"))
    ]  # fmt: skip
    record(store, events)
    rows, source = example.measure(folder, store)
    assert source == "people" and rows[-1]["labels"] == 20 and rows[-1]["assumed"] is None
    assert "corrected by blind labels of people" in words(example.draw(rows, source))
