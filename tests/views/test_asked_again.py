"""What a page keeps of the store's answers, and which writes make it ask again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from judged import Lab
from streamlit.testing.v1 import AppTest

from analysis.store import Store, append
from tests.command_line import Telltale
from views import overview_state
from views.store import Opened

ROOT = Path(__file__).parents[2]
asked: list[int] = []


def runs_there(db: duckdb.DuckDBPyConnection) -> int:
    [(count,)] = db.execute("SELECT count(*) FROM log.runs").fetchall()
    asked.append(count)
    return int(count)


def write(store: Store, table: str) -> None:
    with store.transaction() as db:
        append(db, table, [{"run_id": "r"}])


def test_a_question_is_asked_again_only_when_rows_came_to_its_tables(store: Store) -> None:
    asked.clear()
    shown = Opened(store, is_sample=False)
    for table, found in (("attempts", 0), ("verdicts", 0), ("runs", 1), ("attempts", 1), ("runs", 2)):
        write(store, table)
        assert shown.ask_of(("runs",), runs_there) == found
    assert asked == [0, 1, 2]


def test_a_new_store_in_the_place_of_an_old_one_is_not_answered_for_by_it(tmp_path: Path) -> None:
    def made(run: str) -> Store:
        (tmp_path / "store.duckdb").unlink(missing_ok=True)
        store = Store(tmp_path / "store.duckdb")
        with store.transaction() as db:
            append(db, "runs", [{"run_id": run}])
        return store

    assert Opened(made("old"), False).ask_of(("runs",), names) == ["old"]
    assert Opened(made("new"), False).ask_of(("runs",), names) == ["new"]


def names(db: duckdb.DuckDBPyConnection) -> list[str]:
    return [name for (name,) in db.execute("SELECT run_id FROM log.runs").fetchall()]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose verdicts were read, in order."""
    read: list[str] = []
    whole: Callable[..., object] = overview_state.judged

    def judged(db: duckdb.DuckDBPyConnection, run_id: str, *more: object) -> object:
        read.append(run_id)
        return whole(db, run_id, *more)

    monkeypatch.setattr(overview_state, "judged", judged)
    return read


def test_the_overview_reads_a_runs_verdicts_again_only_when_it_has_new_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    monkeypatch.setenv("TELLTALE_DB", str(store.path))
    lab = Lab(store)
    traces = lab.traces(12, checkpoints=("step-1", "step-2"))
    said = {name: {"eval_aware": "present" if n % 3 else "absent"} for n, name in enumerate(traces)}
    mine = lab.run(dict(list(said.items())[:10]))

    def looked() -> tuple[int, int, int]:
        """How often verdicts were read, n of the first cell, and its labels."""
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        at.switch_page("views/overview.py")
        at.query_params["run"], at.query_params["pattern"] = mine, "eval_aware"
        at.run()
        assert not at.exception and not at.error
        cell = at.dataframe[0].value.iloc[0]
        return len(reads), int(cell["n"]), int(cell.get("labels", 0))

    assert looked() == (1, 5, 0)
    assert looked() == (1, 5, 0)
    lab.labels("ada", {name: said[name] for name in traces[:4]})
    assert looked() == (1, 5, 2), "a label is counted, and no verdict is read for it"
    lab.run(said, model="another-judge")
    assert looked() == (1, 5, 2), "another run's verdicts change nothing here"
    assert lab.run({name: said[name] for name in traces[10:]}) == mine
    assert looked() == (2, 6, 2)


def test_the_overview_counts_what_another_process_tagged_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch, telltale_process: Telltale
) -> None:
    monkeypatch.setenv("TELLTALE_DB", store.target)
    Lab(store).traces(8, prompts=8)

    def counted(where: str) -> int:
        assert telltale_process("tag", "--tagger", "cues", "--where", where).returncode == 0
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        at.switch_page("views/overview.py").run()
        assert not at.exception and not at.error
        return int(at.dataframe[0].value.iloc[0]["n"])

    assert [counted(f"sample < {most}") for most in (3, 5, 8)] == [3, 5, 8]
