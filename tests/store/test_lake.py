"""A store on DuckLake: every command and every page, many processes at once, and a Postgres that goes away."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result
from streamlit.testing.v1 import AppTest

from analysis.errors import UserError
from analysis.store import Store, append
from analysis.store import lake as lakes
from analysis.store.moving import tidy
from labels.events import Event
from labels.log import record
from telltale import cli
from tests.postgres import Postgres, made
from tests.store.test_sessions import WRITER, spawn

pytestmark = pytest.mark.xdist_group("lake")
ROOT = Path(__file__).parents[2]
PAGES = re.findall(r'VIEWS / "(\w+)\.py"', (ROOT / "app.py").read_text())

Run = Callable[..., Result]


@pytest.fixture
def run(lake: Store) -> Run:
    """A command on the lake; it must end well."""

    def call(*words: object) -> Result:
        done = CliRunner().invoke(cli, [*map(str, words), "--db", lake.target], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done

    return call


@pytest.fixture
def filled(run: Run, lake: Store) -> Store:
    """A lake with the sample, tagged, and a person's labels."""
    run("ingest", ROOT / "data/sample/odd-number.jsonl", "--map", ROOT / "data/maps/odd-number.yaml")
    run("tag", "--tagger", "cues")
    with lake.session() as db:
        first = db.execute("SELECT min(trajectory_id) FROM trajectories").fetchone()[0]
    record(lake, [Event("ann", first, "open"), Event("ann", first, "set", pattern="eval_aware", new="absent"),
                  Event("ann", first, "submit", new="eval_aware")])  # fmt: skip
    return lake


def test_every_kind_of_command_runs_on_a_lake(filled: Store, run: Run, tmp_path: Path) -> None:
    [again] = json.loads(
        run(
            "ingest",
            ROOT / "data/sample/odd-number.jsonl",
            "--map",
            ROOT / "data/maps/odd-number.yaml",
            "--json",
        ).stdout
    )
    assert (again["stored"], again["already"]) == (0, 24)
    assert {row["n"] for row in json.loads(run("report", "frequencies", "--json").stdout)} == {8}
    assert json.loads(run("report", "gaming", "--by", "checkpoint", "--json").stdout)
    assert json.loads(run("runs", "--json").stdout)[0]["tagger"] == "cues"
    run("label", "queue", "--size", 6, "--seed", 1)
    assert json.loads(run("label", "progress", "--json").stdout)
    run("export", "labels", "--out", tmp_path / "labels.jsonl")
    run("export", "events", "--out", tmp_path / "events.jsonl")
    run("label", "import", tmp_path / "events.jsonl")
    run("simulate", "--n", 20)
    run("drop", "--source", "sample/*")
    with filled.session() as db:
        assert db.execute("SELECT count(*), count(synthetic) FROM trajectories").fetchone() == (20, 20)
        assert db.execute("SELECT count(*) FROM log.label_events").fetchone() == (3,)
    tidy(filled)
    checks = json.loads(run("verify", "--json").stdout)
    assert len(checks) > 15 and sum(each["broken"] for each in checks) == 0


def test_every_page_opens_on_a_lake(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLTALE_DB", filled.target)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert len(PAGES) >= 10
    for name in PAGES:
        at.switch_page(f"views/{name}.py").run()
        assert not at.exception and not at.error, name
        assert at.title, name


def test_a_lake_is_carried_into_a_file_and_back_whole(
    filled: Store, lake: Store, postgres: Postgres, empty_lake: Path, tmp_path: Path
) -> None:
    def move(source: str, target: str) -> list[dict[str, object]]:
        done = CliRunner().invoke(
            cli, ["move", "--from", source, "--to", target, "--json"], catch_exceptions=False
        )
        return json.loads(done.stdout)

    there = move(filled.target, str(tmp_path / "moved.duckdb"))
    postgres.create("second", "empty")
    back = move(str(tmp_path / "moved.duckdb"), f"ducklake:postgres:{postgres.connection('second')}")
    assert back == there
    assert {row["table"]: row["rows"] for row in there}["trajectories"] == 24
    with pytest.raises(UserError, match="has rows already"):
        move(str(tmp_path / "moved.duckdb"), filled.target)


def test_two_processes_that_open_a_new_lake_at_once_make_it_once(postgres: Postgres, tmp_path: Path) -> None:
    postgres.create("fresh")
    make = ("import sys; from analysis.store import Store\n"
            "with Store(sys.argv[1], data_path=sys.argv[2]).session() as db: print(db.execute('SELECT count(*) FROM trajectories').fetchone()[0])")  # fmt: skip
    target = f"ducklake:postgres:{postgres.connection('fresh')}"
    makers = [spawn(make, target, tmp_path / "rows") for _ in range(3)]
    assert [maker.communicate()[0] for maker in makers] == ["0\n"] * 3
    with Store(target).session() as db:
        versions = [
            number for (number,) in db.execute("SELECT version FROM migrations ORDER BY 1").fetchall()
        ]
    assert versions == list(range(1, len(versions) + 1))


def test_processes_that_write_to_a_lake_at_once_lose_and_double_nothing(lake: Store) -> None:
    writers = [spawn(WRITER, lake.target, name, 4) for name in ("a", "b", "c")]
    acknowledged = {
        name: int(writer.communicate()[0].split()[-1]) for name, writer in zip("abc", writers, strict=True)
    }
    with lake.session() as db:
        rows = db.execute(
            "SELECT source, count(*), count(DISTINCT line), max(line) + 1 FROM log.quarantine GROUP BY source ORDER BY 1"
        ).fetchall()
    assert rows == [(name, count, count, count) for name, count in acknowledged.items()]
    assert min(acknowledged.values()) >= 7, "each got its turn"


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="telltale-postgres-") as folder:
        server = made(Path(folder))
        yield server
        server.stop()


def test_a_postgres_that_is_restarted_costs_one_line_and_nothing_that_was_acknowledged(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    own_postgres.create("lake")
    target = f"ducklake:postgres:{own_postgres.connection('lake')}"
    store = Store(target, data_path=str(tmp_path / "rows"))
    record_one = "INSERT INTO log.quarantine BY NAME SELECT 'a' AS source, 1 AS line"
    with store.session() as db:
        db.execute(record_one)
    own_postgres.stop()
    with pytest.raises(UserError) as told, store.session() as db:
        db.execute(record_one)
    assert "\n" not in str(told.value) and "the same command goes on" in str(told.value)
    own_postgres.start()
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM log.quarantine").fetchone() == (1,)


def test_small_writes_stand_in_the_catalog_until_the_lake_is_tidied(lake: Store, empty_lake: Path) -> None:
    before = set(empty_lake.rglob("*.parquet"))
    for number in range(5):
        with lake.transaction() as db:
            append(db, "label_events", [{"event_id": f"e{number}", "note": "a \0 b"}])
    assert set(empty_lake.rglob("*.parquet")) == before
    tidy(lake)
    made = [file.parent.name for file in set(empty_lake.rglob("*.parquet")) - before]
    assert made.count("label_events") == 1
    with lake.session() as db:
        assert db.execute("SELECT count(*), any_value(note) FROM label_events").fetchone() == (5, "a \0 b")


def test_a_lake_that_does_not_answer_is_told_in_one_line_without_its_password() -> None:
    store = Store("ducklake:postgres:host=127.0.0.1 port=1 user=ann password=secret dbname=none")
    with pytest.raises(UserError) as told, store.session():
        pass
    assert "secret" not in str(told.value) + str(store) and "\n" not in str(told.value)
    assert "secret" not in str(Store("ducklake:postgres:postgresql://ann:secret@127.0.0.1:1/none"))


def test_an_extension_that_is_missing_is_named_with_the_package_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lakes, "_of_wheel", lambda extension: None)
    settings = {"extension_directory": str(tmp_path), "custom_extension_repository": str(tmp_path / "none")}
    with (
        duckdb.connect(config=settings) as db,
        pytest.raises(
            UserError,
            match=r"^DuckDB's extension ducklake is missing; `pip install duckdb-extension-ducklake==[\d.]+` brings it$",
        ),
    ):
        lakes.load(db, "ducklake")


def test_an_extension_is_taken_from_its_wheel(tmp_path: Path) -> None:
    with duckdb.connect(config={"extension_directory": str(tmp_path)}) as db:
        lakes.load(db, "ducklake")
        loaded = db.execute(
            "SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'ducklake'"
        ).fetchone()
    assert loaded == (True,)
