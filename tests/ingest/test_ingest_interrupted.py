"""An ingest that is killed, interrupted, or run twice at once: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analysis.store import Store

ROOT = Path(__file__).parents[2]
ROWS = 20_000
WORDS = ("--set", "prompt=q", "--set", "reasoning=cot", "--set", "answer=out", "--set", "sample=n", "--json")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    said = (f"Not {n}, that is odd. Or is it? No matter." for n in range(ROWS))
    lines = (json.dumps({"n": n, "q": "Pick.", "cot": cot, "out": str(n)}) for n, cot in enumerate(said))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def started(store: Store, rows: Path) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        str(ROOT / "telltale.py"),
        "ingest",
        str(rows),
        *WORDS,
        "--db",
        str(store.path),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> dict[str, int]:
    out, complaint = process.communicate(timeout=100)
    assert process.returncode == 0, complaint
    found: dict[str, int] = json.loads(out)[0]
    return found


def stored(store: Store) -> int:
    with store.session() as db:
        [(count,)] = db.execute("SELECT count(*) FROM log.trajectories").fetchall()
    return int(count)


def begun(store: Store, rows: Path) -> subprocess.Popen[str]:
    """An ingest of which something is stored, and not all."""
    process = started(store, rows)
    while not store.exists() or not stored(store):
        assert process.poll() is None
        time.sleep(0.01)
    return process


def hold_each_row_once(store: Store) -> None:
    with store.session() as db:
        assert db.execute(
            "SELECT count(*), count(DISTINCT trajectory_id), count(DISTINCT sample) FROM log.trajectories"
        ).fetchone() == (ROWS, ROWS, ROWS)
        assert db.execute(
            "SELECT count(*), count(DISTINCT row_id), sum(len(start_char)) FROM log.cuts JOIN trajectories USING (row_id)"
        ).fetchone() == (ROWS, ROWS, 3 * ROWS)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_the_same_command_goes_on_where_an_ingest_was_stopped(
    store: Store, rows: Path, kind: signal.Signals
) -> None:
    process = begun(store, rows)
    process.send_signal(kind)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode != 0 and "Traceback" not in complaint
    before = stored(store)
    assert 0 < before < ROWS
    report = ended(started(store, rows))
    assert (report["read"], report["already"], report["stored"]) == (ROWS, before, ROWS - before)
    hold_each_row_once(store)


def test_of_two_at_once_each_row_is_stored_by_one(store: Store, rows: Path) -> None:
    both = [started(store, rows) for _ in range(2)]
    reports = [ended(process) for process in both]
    assert sum(report["stored"] for report in reports) == ROWS
    assert all(report["stored"] + report["already"] == ROWS for report in reports)
    hold_each_row_once(store)
