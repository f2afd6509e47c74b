"""telltale verify finds what is broken, and telltale backup copies a store that others write to."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis import codebook
from analysis.errors import UserError
from analysis.store import Store
from analysis.store.moving import backup
from analysis.store.verify import CHECKS, verify
from analysis.tagging import tag_with_cues
from labels.events import Event
from labels.log import record
from telltale import cli
from tests.browser.conftest import fill, trajectories
from tests.store.test_sessions import WRITER, spawn

FAULTS = {
    "texts have the hashes": "UPDATE log.trajectories SET reasoning = reasoning || '.' WHERE trajectory_id = 'step-200.0'",
    "turns fill": "UPDATE log.trajectories SET messages = replace(messages, '_start\":0', '_start\":1') WHERE trajectory_id = 'step-200.0'",
    "each row of a trajectory": "INSERT INTO log.trajectories FROM log.trajectories WHERE trajectory_id = 'step-200.0'",
    "segments lie within": "UPDATE log.cuts SET end_char = [9999] WHERE trajectory_id = 'step-200.0'",
    "each readable text": "DELETE FROM log.cuts WHERE trajectory_id = 'step-200.0'",
    "segments belong": "UPDATE log.cuts SET row_id = 1 WHERE trajectory_id = 'step-200.0'",
    "findings quote": "UPDATE log.findings SET start_char = start_char + 1 WHERE trajectory_id = 'step-200.0'",
    "rejected quotes": "UPDATE log.findings SET match = 'rejected' WHERE trajectory_id = 'step-200.0'",
    "people quote": "UPDATE log.label_events SET quote = 'never said' WHERE op = 'add_quote'",
    "an event that is there twice": "INSERT INTO log.label_events BY NAME SELECT * REPLACE ('x' AS new) FROM log.label_events",
    "people's events are about": "UPDATE log.label_events SET trajectory_id = 'gone'",
    "what is undone": "UPDATE log.label_events SET op = 'revert', old = 'gone'",
    "attempts are of a run": "DELETE FROM log.runs",
    "verdicts and findings": "DELETE FROM log.attempts",
    "an attempt gives one verdict": "INSERT INTO log.verdicts FROM log.verdicts",
    "only attempts that ended ok": "UPDATE log.attempts SET state = 'failed'",
    "the books of each run": "UPDATE log.attempts SET state = NULL WHERE trajectory_id = 'step-200.0'",
    "queues' items": "INSERT INTO log.queue_items VALUES ('q', 't', 2, 'uniform', 1)",
    "members of clusters": "INSERT INTO log.cluster_members BY NAME SELECT 'c' AS clustering_id, 't' AS trajectory_id",
}
"""A change behind the store's back, for each check that must find it."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with texts, segments, a run, findings and labels."""
    path = fill(tmp_path_factory.mktemp("sound") / "store.duckdb", trajectories())
    sha = "SELECT reasoning_sha256 FROM trajectories WHERE trajectory_id = 'step-200.0'"
    with Store(path).session() as db:
        [[sha]] = db.execute(sha).fetchall()
    record(Store(path), [
        Event("ann", "step-200.0", "open"),
        Event("ann", "step-200.0", "add_quote", pattern="eval_aware", quote="This is a test", start_char=31, end_char=45, reasoning_sha256=sha),
    ])  # fmt: skip
    tag_with_cues(Store(path), codebook.load())
    return path


@pytest.fixture
def mine(sound: Path, tmp_path: Path) -> Store:
    return Store(shutil.copy(sound, tmp_path / "store.duckdb"))


def test_a_sound_store_is_called_sound(mine: Store) -> None:
    done = CliRunner().invoke(cli, ["verify", "--db", str(mine), "--json"], standalone_mode=False)
    assert done.return_value == 0 and "sound" in done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == len(CHECKS) + 1 and all(row["broken"] == 0 for row in rows)
    assert sum(row["checked"] > 0 for row in rows) > 10


@pytest.mark.parametrize("check", FAULTS)
def test_every_fault_is_found_by_its_check(mine: Store, check: str) -> None:
    with mine.session() as db:
        db.execute(FAULTS[check])
    [found] = [each for each in verify(mine) if each.check.startswith(check)]
    assert found.broken > 0 and 1 <= len(found.examples) <= 3


def test_every_check_has_a_fault_to_find() -> None:
    assert [sum(each.name.startswith(fault) for fault in FAULTS) for each in CHECKS] == [1] * len(CHECKS)


def test_what_is_broken_is_listed_and_ends_with_1(mine: Store) -> None:
    with mine.session() as db:
        db.execute(FAULTS["texts have the hashes"])
    done = CliRunner().invoke(cli, ["verify", "--db", str(mine)], standalone_mode=False)
    assert done.return_value == 1 and "step-200.0" in done.stdout and "places are broken" in done.stderr


def test_a_copy_made_while_another_process_writes_is_consistent(mine: Store, tmp_path: Path) -> None:
    writer = spawn(WRITER, mine.path, "a", 4)
    assert writer.stdout
    first = writer.stdout.readline()
    backup(mine, tmp_path / "copy.duckdb")
    acknowledged = int((first + writer.communicate()[0]).split()[-1])
    assert sum(each.broken for each in verify(Store(tmp_path / "copy.duckdb"))) == 0
    with Store(tmp_path / "copy.duckdb").session() as db:
        count, last = db.execute("SELECT count(*), max(line) + 1 FROM log.quarantine").fetchone()
    assert 7 <= count == last <= acknowledged and count % 7 == 0, "whole transactions, and no other"
    assert sorted(file.name for file in tmp_path.iterdir() if "copy" in file.name) == ["copy.duckdb"]


def test_a_copy_goes_over_no_file(mine: Store, tmp_path: Path) -> None:
    (tmp_path / "copy.duckdb").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        backup(mine, tmp_path / "copy.duckdb")
    assert (tmp_path / "copy.duckdb").read_text() == "mine"
