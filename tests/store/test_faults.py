"""What machines do: a disk that is full, a folder that may not be written, a file that was cut off, a clock that jumps."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from analysis.store import Store
from analysis.store.verify import verify
from labels import log
from labels.events import Event
from labels.fold import fold
from tests.labels.conftest import fill

ROOT = Path(__file__).parents[2]
SMALL_BYTES = 6 * 1024 * 1024

Files = Callable[..., Path]


@pytest.fixture
def texts(jsonl: Files) -> Path:
    """Eight megabytes of traces that hardly compress."""
    rows = [{"id": f"t{n}", "prompt": "p", "reasoning": " ".join(os.urandom(8).hex() for _ in range(160)), "answer": "2"} for n in range(2_000)]  # fmt: skip
    return jsonl(rows)


def run(*words: object, **more: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "telltale.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **more)  # type: ignore[call-overload, no-any-return]


MAP = ("--set", "prompt=prompt", "--set", "reasoning=reasoning", "--set", "answer=answer", "--set", "id=id")


def mounted(folder: Path) -> bool:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs", str(folder)], capture_output=True
    )
    return done.returncode == 0


def test_a_full_disk_is_told_in_one_line_and_the_store_stays_sound(texts: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    here = mounted(folder)
    store = folder / "store.duckdb"
    limit = (
        {}
        if here
        else {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_BYTES, SMALL_BYTES))}
    )
    try:
        few = texts.with_name("few.jsonl")
        few.write_text("".join(texts.read_text().splitlines(keepends=True)[:200]))
        assert run("ingest", few, *MAP, "--db", store, **limit).returncode == 0
        done = run("ingest", texts, *MAP, "--db", store, **limit)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr[-600:]
        assert str(store) in done.stderr
        assert sum(each.broken for each in verify(Store(store))) == 0
        with Store(store).session() as db:
            assert db.execute("SELECT count(*) FROM trajectories").fetchone()[0] >= 200
    finally:
        if here:
            subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a while")
def test_a_folder_that_the_user_may_not_write_is_told_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for each in [folder, *folder.parents][:-2]:
        each.chmod(0o755)
    receive, send = os.pipe()
    if not (child := os.fork()):
        os.setgid(65534)
        os.setuid(65534)
        try:
            with Store(folder / "store.duckdb").session():
                told = "it was opened"
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(send, told.encode())
        os._exit(0)
    os.waitpid(child, 0)
    told = os.read(receive, 10_000).decode()
    assert told.startswith("UserError: ") and str(folder) in told and "\n" not in told, told


@pytest.mark.parametrize("kept", [0.5, 0.02])
def test_a_file_that_was_cut_off_is_told_in_one_line(tmp_path: Path, kept: float) -> None:
    store = tmp_path / "store.duckdb"
    with Store(store).session() as db:
        db.execute(
            "INSERT INTO log.quarantine BY NAME SELECT range AS line, 'x' AS reason FROM range(100_000)"
        )
    whole = store.read_bytes()
    store.write_bytes(whole[: int(len(whole) * kept)])
    done = run("verify", "--db", store)
    assert done.returncode in (1, 2), done.stderr[-600:]
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1, done.stderr[-600:]


def test_a_clock_that_jumps_back_changes_no_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    said = []
    for year, value in ((2026, "present"), (2020, "absent"), (2031, "unsure"), (1999, "present")):
        monkeypatch.setattr(log, "now", lambda year=year: datetime(year, 1, 1))
        said += log.record(store, [Event("ann", "t0", "set", pattern="eval_aware", new=value)])
    times = [event.created_at for event in said]
    assert times == sorted(set(times))
    with store.session() as db:
        state = fold(log.events_of(db, "ann", "t0"))
    assert state.label("eval_aware").value == "present"
