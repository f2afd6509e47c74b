from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import duckdb
import pytest

from analysis.errors import StoreBusy, UserError
from analysis.store import Store, append
from analysis.store.file import ROWS_A_GROUP
from analysis.store.instances import instance
from analysis.store.rows import now
from analysis.store.schema import CUTS, MIGRATIONS

DESIGNED = {
    "trajectories", "checkpoints", "segments", "retractions", "quarantine", "outcomes", "runs", "attempts",
    "verdicts", "findings", "label_events", "embeddings", "clusters", "cluster_members", "decisions", "replies", "batches",
    "queues", "queue_items", "ingests", "clusterings", "cluster_titles", "turns",
}  # fmt: skip

WRITER = textwrap.dedent(
    """
    import sys, time
    from analysis.store import Store, append
    store, name, seconds = Store(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    with store.session():
        pass
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with store.transaction() as db:
            append(db, "quarantine", [{"source": name, "line": number + n, "reason": "x"} for n in range(7)])
        number += 7
        print(number, flush=True)
        time.sleep(0.01)
    """
)
HOLDER = textwrap.dedent(
    """
    import sys, time
    from analysis.store import Store
    with Store(sys.argv[1]).session() as db:
        print("held", flush=True)
        time.sleep(float(sys.argv[2]))
    """
)


def spawn(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=subprocess.PIPE, text=True)


def test_a_new_store_has_every_table_of_the_design_as_a_view_of_its_current_state(store: Store) -> None:
    with store.session() as db:
        views = {
            v for (v,) in db.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
        }
        logs = {
            t
            for (t,) in db.execute(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'log'"
            ).fetchall()
        }
    assert views == DESIGNED and logs == DESIGNED - {"segments", "turns"} | {"cuts"}


def test_two_writing_processes_and_a_reading_app_for_ten_seconds_lose_and_double_no_row(store: Store) -> None:
    with store.session():
        pass
    writers = [spawn(WRITER, store.path, name, 10) for name in ("a", "b")]
    seen, waits = [0], []
    while any(writer.poll() is None for writer in writers):
        started = time.monotonic()
        with store.session() as db:
            seen.append(db.execute("SELECT count(*) FROM log.quarantine").fetchone()[0])
        waits.append(time.monotonic() - started)
        time.sleep(0.02)
    acknowledged = {}
    for name, writer in zip("ab", writers, strict=True):
        out, _ = writer.communicate()
        assert writer.returncode == 0
        acknowledged[name] = int(out.split()[-1])
    with store.session() as db:
        rows = db.execute(
            "SELECT source, count(*), count(DISTINCT line), max(line) + 1 FROM log.quarantine GROUP BY source ORDER BY 1"
        ).fetchall()
    assert rows == [(name, count, count, count) for name, count in acknowledged.items()]
    assert min(acknowledged.values()) > 30, "each writer got its turns"
    assert seen == sorted(seen) and len(seen) > 20, "the reader got its turns, and never saw a row vanish"


def test_a_process_that_waits_too_long_is_told_who_holds_the_store(store: Store) -> None:
    with store.session():
        pass
    holder = spawn(HOLDER, store.path, 5)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    with (
        pytest.raises(StoreBusy, match=rf"in use for 0.3 s by process {holder.pid} \(.*python.*\)"),
        Store(store.path, busy_limit=0.3).session(),
    ):
        pass
    holder.kill()
    holder.wait()


def test_a_session_waits_its_turn(store: Store) -> None:
    with store.session():
        pass
    holder = spawn(HOLDER, store.path, 0.7)
    assert holder.stdout and holder.stdout.readline() == "held\n"
    with store.session() as db:
        assert db.execute("SELECT 1").fetchone() == (1,)
    assert holder.wait() == 0


def test_sessions_of_one_process_run_at_the_same_time_and_nobody_keeps_the_file(store: Store) -> None:
    def write(name: str) -> None:
        for line in range(20):
            with Store(store.path).transaction() as db:
                append(db, "quarantine", [{"source": name, "line": line}])

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.session() as db:
        assert db.execute(
            "SELECT count(*), count(DISTINCT (source, line)) FROM log.quarantine"
        ).fetchone() == (80, 80)
    with duckdb.connect(str(store.path)) as direct:  # free for anybody
        assert direct.execute("SELECT count(*) FROM quarantine").fetchone() == (80,)


def free_after(path: Path, limit: float) -> float:
    """Seconds until a process that asks as any program does, without a wish, gets the file."""
    started = time.monotonic()
    ask = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('FROM log.quarantine')"
    while time.monotonic() - started < limit:
        if subprocess.run([sys.executable, "-c", ask, str(path)], stderr=subprocess.DEVNULL).returncode == 0:
            return time.monotonic() - started
    pytest.fail(f"the file was kept for more than {limit} s")


def test_a_lingering_store_lets_go_when_nothing_comes(store: Store) -> None:
    with Store(store.path, linger=0.3).session():
        pass
    assert instance(store.place).connection is not None
    free_after(store.path, 5)
    assert instance(store.place).connection is None


def test_a_lingering_store_gives_way_to_another_process_at_once(store: Store) -> None:
    with Store(store.path, linger=60).session():
        pass
    waiting = spawn(HOLDER, store.path, 0)
    assert waiting.wait(20) == 0, "it would have waited until its limit of 30 s"
    assert instance(store.place).connection is None
    assert [file.name for file in store.path.parent.iterdir() if "wanted" in file.name] == []


def test_a_store_in_constant_use_lets_go_of_the_file_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.store.file.LONGEST_SECONDS", 0.2)
    opened, kept = set(), Store(store.path, linger=60)
    end, looks = time.monotonic() + 30, 0
    while len(opened) < 3 and time.monotonic() < end:
        with kept.session():
            opened.add(instance(store.place).opened_at)
        looks += 1
    assert len(opened) == 3 and looks >= 3
    free_after(store.path, 5)


def test_what_a_lingering_process_wrote_is_there_after_kill_9(store: Store) -> None:
    code = WRITER.replace("Store(sys.argv[1])", "Store(sys.argv[1], linger=60)")
    writer = spawn(code, store.path, "a", 60)
    assert writer.stdout
    for _ in range(5):
        acknowledged = int(writer.stdout.readline())
    writer.kill()
    writer.wait()
    with store.session() as db:
        found = db.execute("SELECT count(*), max(line) + 1 FROM log.quarantine").fetchone()
    assert found[0] == found[1] >= acknowledged


def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction() as db:
        append(db, "quarantine", [{"source": "a"}])
        raise RuntimeError
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM log.quarantine").fetchone() == (0,)


def test_migrations_are_recorded_once(store: Store) -> None:
    for _ in range(2):
        with store.session() as db:
            assert db.execute("SELECT version FROM migrations ORDER BY 1").fetchall() == [
                (number,) for number in range(1, len(MIGRATIONS) + 1)
            ]


def test_a_store_of_an_older_version_is_migrated_on_opening(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.session() as db:
        append(db, "quarantine", [{"source": "kept"}])
    later = [*MIGRATIONS, "CREATE TABLE log.later (n INTEGER)"]
    monkeypatch.setattr("analysis.store.sessions.MIGRATIONS", later)
    with store.session() as db:
        assert db.execute("SELECT count(*) FROM log.later").fetchone() == (0,)
        assert db.execute("SELECT source FROM quarantine").fetchall() == [("kept",)]


def test_segments_of_an_older_store_are_what_they_were(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        (7, "a", "sentences-1", 0, 1, 0, 5),
        (7, "a", "sentences-1", 1, 3, 7, 9),
        (8, "b", "sentences-1", 0, 1, 2, 4),
    ]
    with monkeypatch.context() as older:
        older.setattr("analysis.store.sessions.MIGRATIONS", MIGRATIONS[: MIGRATIONS.index(CUTS)])
        with store.session() as db:
            db.executemany("INSERT INTO log.segments VALUES (?, ?, ?, ?, ?, ?, ?)", reversed(rows))
            append(db, "trajectories", [{"row_id": 7, "trajectory_id": "a", "stored_at": now()}])
    with store.session() as db:
        assert db.execute("FROM log.segments ORDER BY row_id, segment").fetchall() == rows
        assert db.execute("FROM segments ORDER BY segment").fetchall() == rows[:2]


def test_a_store_of_a_newer_version_is_refused_and_not_touched(store: Store) -> None:
    with store.session() as db:
        db.execute("INSERT INTO migrations VALUES (99, now()::TIMESTAMP)")
    before = store.path.read_bytes()
    with (
        pytest.raises(UserError, match=r"has schema 99 .* update Telltale to a version with schema 99"),
        store.session(),
    ):
        pass
    assert store.path.read_bytes() == before


@pytest.mark.parametrize("name", ["notes.txt", "rows.jsonl", "rows.csv"])
@pytest.mark.parametrize("content", [b"", b'{"a": 1}\n', b"not a database at all" * 400])
def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError) as refused, Store(path).session():
        pass
    assert "\n" not in str(refused.value) and str(path) in str(refused.value)
    assert path.read_bytes() == content


def test_somebody_elses_duckdb_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as db:
        db.execute("CREATE TABLE mine AS SELECT 1 AS n")
    with pytest.raises(UserError, match="no Telltale store"), Store(path).session():
        pass
    with duckdb.connect(str(path)) as db:
        assert db.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (1,)


def test_texts_that_were_written_once_are_not_written_anew_with_later_ones(store: Store) -> None:
    groups = "SELECT count(DISTINCT row_group_id), max(count) FROM pragma_storage_info('log.trajectories')"
    for batches in range(1, 7):
        with store.transaction() as db:
            append(db, "trajectories", [{"reasoning": str(n)} for n in range(ROWS_A_GROUP)])
        with store.session() as db:
            assert db.execute(groups).fetchone() == (batches, ROWS_A_GROUP)
