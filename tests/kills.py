"""Commands that are killed at random moments and given again: what the tests and `make fuzz` share."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analysis.store import Store
from analysis.store.verify import verify

ROOT = Path(__file__).parents[1]
WORKS = ("ingest", "tag", "label", "cluster")
ROWS = 300
LABELLING_SECONDS = 0.4
"""How long somebody labels before the app is killed, at the most."""
SOONER = 0.5
"""By how much the next kill comes sooner after a command that had ended before it."""
CLUSTERS = 5

PROGRAM = """
import json, os, sys
import analysis.cluster.clusterings, analysis.cluster.titles, analysis.ingest, analysis.tagging, labels.imported
import pyarrow.dataset, sklearn.cluster, sklearn.feature_extraction.text, tqdm
import telltale
from analysis.store import Store
from labels.events import Event
from labels.log import record

def label(path, page):
    # As the app does it: the file lingers, and each label is acknowledged when `record` returns.
    store, diary, number = Store(path, linger=1.0), os.open(page, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 0
    with store.session() as db:
        names = [name for name, in db.execute("SELECT trajectory_id FROM trajectories LIMIT 20").fetchall()]
    while True:
        event = Event("ann", names[number % 20], "set", pattern="eval_aware", new=("present", "absent")[number % 2])
        [kept] = record(store, [event])
        os.write(diary, f"{kept.event_id}\\n".encode())
        number += 1

for line in sys.stdin:  # a process of its own for each line, without loading everything again
    words = json.loads(line)
    pid = os.fork()
    if pid == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        if words[0] == "label":
            label(*words[1:])
        sys.argv, code = ["telltale", *words], 1
        try:
            telltale.main()
        except SystemExit as end:
            code = end.code
        finally:
            os._exit(code or 0)
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Commands:
    """Gives commands, each a process of its own, and kills them."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=pipe, stdout=pipe, text=True
        )

    def give(self, *words: object) -> int:
        """The process id of a command that has begun."""
        assert self.parent.stdin and self.parent.stdout
        self.parent.stdin.write(json.dumps([str(word) for word in words]) + "\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())

    def ended(self) -> int:
        """How it ended: its exit code, or less than 0 for the signal that ended it."""
        assert self.parent.stdout
        return int(self.parent.stdout.readline())

    def run(self, *words: object) -> float:
        """Seconds that a command took, which ends well."""
        begun = time.monotonic()
        self.give(*words)
        assert self.ended() == 0, words
        return time.monotonic() - begun

    def kill(self, within: float, *words: object) -> bool:
        """Whether the command was killed: at a random moment within so many seconds, unless it ended before."""
        pid = self.give(*words)
        time.sleep(random.uniform(0, within))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return self.ended() == -signal.SIGKILL


@contextmanager
def commands() -> Iterator[Commands]:
    """A giver of commands, gone in the end."""
    giver = Commands()
    try:
        yield giver
    finally:
        assert giver.parent.stdin
        giver.parent.stdin.close()
        giver.parent.wait()


def kill_often(giver: Commands, work: str, store: Store, kills: int) -> Iterator[str]:
    """Kill a command so often, each time with work that is new to the store, and give it again.

    After each kill the store must be sound, and after the same command again nothing is lost and nothing doubled.

    Args:
        giver: Gives the commands.
        work: One of WORKS.
        store: A new store in a folder of its own.
        kills: How many.

    Yields:
        A line on each kill.
    """
    folder = store.path.parent
    within = giver.run(*_words("ingest", store, 0))
    if work in ("tag", "cluster"):
        within = giver.run(*_words(work, store, 0))
    within = LABELLING_SECONDS if work == "label" else within
    killed, turn = 0, 0
    while killed < kills:
        turn += 1
        if work == "tag":
            giver.run(*_words("ingest", store, turn))
        was_killed = giver.kill(within, *_words(work, store, turn))
        killed += was_killed
        assert not (broken := [each for each in verify(store) if each.broken]), broken
        if work != "label":
            giver.run(*_words(work, store, turn))
        if not was_killed:
            within *= SOONER
        yield f"{work} {killed}/{kills}{'' if was_killed else ' (it had ended)'}: {check(work, store, turn, folder)}"


def _words(work: str, store: Store, turn: int) -> list[object]:
    """The command of a turn."""
    folder = store.path.parent
    at = ["--db", store.path]
    if work == "label":
        return [work, store.path, folder / "acknowledged"]
    if work == "tag":
        return ["tag", "--tagger", "cues", "--where", f"variant = 'v{turn}'", *at]
    if work == "cluster":
        return [
            "cluster",
            "segments",
            "--embedder",
            "tfidf",
            "--method",
            "kmeans",
            "--k",
            CLUSTERS,
            "--seed",
            turn,
            *at,
        ]
    named = [f"{field}={field}" for field in ("prompt", "reasoning", "answer", "sample", "variant")]
    return ["ingest", _rows(folder, turn), *[word for each in named for word in ("--set", each)], *at]


def _rows(folder: Path, turn: int) -> Path:
    """A file that no other turn has."""
    path = folder / f"rows-{turn}.jsonl"
    if not path.exists():
        rows = (
            {"prompt": "Pick.", "reasoning": f"Not {turn} {n}, that is odd. This may be a test. Number {n % 7}.",
             "answer": "2", "sample": n, "variant": f"v{turn}"}
            for n in range(ROWS)
        )  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def check(work: str, store: Store, turn: int, folder: Path) -> str:
    """What must hold after a turn; a line on it."""
    with store.session() as db:

        def one(sql: str) -> tuple[int, ...]:
            row = db.execute(sql).fetchone()
            assert row
            return tuple(row)

        if work == "ingest":
            found = one(
                "SELECT count(*), count(DISTINCT trajectory_id), (SELECT count(*) FROM log.cuts) FROM log.trajectories"
            )
            assert found == ((turn + 1) * ROWS,) * 3, found
            return f"{found[0]:,} rows, each once"
        if work == "tag":
            found = one("SELECT count(*), count(DISTINCT trajectory_id) FROM log.attempts WHERE state = 'ok'")
            assert found == ((turn + 1) * ROWS,) * 2, found
            return f"{found[0]:,} attempts, each once"
        if work == "cluster":
            found = one("SELECT count(*), count(DISTINCT clustering_id) FROM log.clusterings")
            assert found == (turn + 1, turn + 1), found
            held = one("""SELECT count(*), count(DISTINCT (clustering_id, trajectory_id, start_char)),
                                 count(DISTINCT clustering_id) FROM log.cluster_members""")
            assert held == ((turn + 1) * 3 * ROWS, (turn + 1) * 3 * ROWS, turn + 1), held
            return f"{found[0]} clusterings, {held[0]:,} members, each once"
        said = [name for (name,) in db.execute("SELECT event_id FROM log.label_events").fetchall()]
    acknowledged = (folder / "acknowledged").read_text().split() if (folder / "acknowledged").exists() else []
    assert set(acknowledged) <= set(said) and len(said) == len(set(said))
    assert len(said) <= len(acknowledged) + turn, "one a kill at the most is stored without the word of it"
    return f"{len(acknowledged):,} labels acknowledged, {len(said):,} stored, each once"
