"""Killing the judge at random moments and starting it again: what the test and `make fuzz` share."""

from __future__ import annotations

import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from standin import Answer, Call, Standin

from analysis.store import Store

ROOT = Path(__file__).parents[1]
CONNECTIONS = 8
COMMIT_SECONDS = 0.3
SLACK = 2.0
"""Seconds that a busy machine may take to wake a process up."""

PROGRAM = """
import os, sys, time
from analysis import codebook
from analysis.judge import cases, judging, running
from analysis.judge.client import Patience
from analysis.store import Store

cases.COMMIT_SECONDS = float(sys.argv[1])
book, patience = codebook.load(), Patience(first_wait=0.01, longest_wait=0.05)

def diary(path):
    # Writes down when each result was taken and each commit began and ended; a kill leaves what is written.
    page = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    add, commit = running.Ledger.add, running.Ledger.commit

    def added(ledger, result):
        add(ledger, result)
        os.write(page, f"taken {time.monotonic()} {result.trajectory_id}\\n".encode())

    def committed(ledger):
        began = time.monotonic()
        commit(ledger)
        os.write(page, f"commit {began} {time.monotonic()}\\n".encode())

    running.Ledger.add, running.Ledger.commit = added, committed

for line in sys.stdin:  # a process of its own for each line, without loading everything again
    store, url, page = line.split()
    pid = os.fork()
    if pid == 0:
        diary(page)
        running.tag_with_judge(Store(store), book, "a-judge", url, connections=8, patience=patience)
        os._exit(0)
    print(pid, flush=True)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


class Judges:
    """Starts judges, each a process of its own, and kills them."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", PROGRAM, str(COMMIT_SECONDS)]
        pipe = subprocess.PIPE
        self.parent = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)

    def __enter__(self) -> Judges:
        return self

    def __exit__(self, *_: object) -> None:
        self.parent.stdin.close()
        self.parent.wait()

    def start(self, store: Store, url: str, diary: Path) -> int:
        """The process id of a new judge, which keeps a diary."""
        self.parent.stdin.write(f"{store.path} {url} {diary}\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())

    def wait(self) -> int:
        """How the judge ended: 0, or the signal that ended it."""
        return int(self.parent.stdout.readline())


class Counting:
    """An endpoint that answers in a while, and remembers when each trace was asked about."""

    def __init__(self, right: Answer, seconds: float) -> None:
        self.right = right
        self.seconds = seconds
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.lock = threading.Lock()

    def __call__(self, call: Call) -> Answer:
        number = re.search(r"trace-(\d+)", call.messages[1]["content"])[1]
        with self.lock:
            self.asked[f"t{number}"].append(time.monotonic())
        time.sleep(self.seconds)
        return self.right


@dataclass(frozen=True)
class Killed:
    """A judge that was killed: when, and what it had written down.

    Attributes:
        taken: When each reply was handed over to be stored.
        commits: When each commit began and ended.
    """

    moment: float
    taken: dict[str, float]
    commits: list[tuple[float, float]]

    def may_repeat(self, name: str) -> bool:
        """Whether a trace was in flight, or its reply had come since the last commit that ended."""
        last = self.commits[-1][0] if self.commits else 0.0
        return self.taken.get(name, math.inf) >= last


def kill_somewhere(
    judges: Judges, store: Store, endpoint: Standin, counting: Counting, within: float = 1.2
) -> Killed | None:
    """Start the run and kill it at a random moment after its first call; None if it had ended by then.

    Args:
        judges: Starts it.
        store: Whose trajectories it judges, t0, t1, …: the reasoning of each has `trace-` and its number.
        endpoint: Where it asks.
        counting: What the endpoint does.
        within: Seconds after the first call by which it is killed.
    """
    before = sum(map(len, counting.asked.values()))
    diary = store.path.with_name(f"diary-{before}")
    pid = judges.start(store, endpoint.url, diary)
    deadline = time.monotonic() + 60
    while sum(map(len, counting.asked.values())) == before and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(random.uniform(0, within))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    moment = time.monotonic()
    return read_diary(diary, moment) if judges.wait() == signal.SIGKILL else None


def read_diary(path: Path, moment: float) -> Killed:
    entries = [line.split() for line in path.read_text().splitlines()]
    return Killed(
        moment,
        {entry[2]: float(entry[1]) for entry in entries if entry[0] == "taken"},
        [(float(entry[1]), float(entry[2])) for entry in entries if entry[0] == "commit"],
    )


def finish(judges: Judges, store: Store, endpoint: Standin) -> None:
    judges.start(store, endpoint.url, store.path.with_name("diary-last"))
    assert judges.wait() == 0


def check(store: Store, counting: Counting, kills: list[Killed], traces: int, patterns: int) -> str:
    """What must hold after kills and the same command again; a line on what was paid for twice."""
    with store.session() as db:
        attempts = db.execute(
            "SELECT count(*), count(DISTINCT trajectory_id), count(*) FILTER (state = 'ok') FROM log.attempts"
        ).fetchone()
        verdicts = db.execute(
            "SELECT count(*), count(DISTINCT (trajectory_id, pattern)) FROM log.verdicts"
        ).fetchone()
        orphans = db.execute(
            "SELECT count(*) FROM log.verdicts ANTI JOIN log.attempts USING (attempt_id)"
        ).fetchone()
        runs = db.execute("SELECT count(DISTINCT run_id) FROM log.runs").fetchone()
    assert attempts == (traces, traces, traces), f"one ok attempt a trajectory: {attempts}"
    assert verdicts == (traces * patterns, traces * patterns), f"no verdict twice: {verdicts}"
    assert orphans == (0,) and runs == (1,)
    repeated = 0
    for name, times in counting.asked.items():
        repeated += len(times) - 1
        for first, again in pairwise(times):
            assert any(
                first < kill.moment + SLACK and kill.moment < again and kill.may_repeat(name)
                for kill in kills
            ), f"{name} was paid for twice, and no kill is the reason"
    for kill in kills:
        for (_, ended), (began, _) in pairwise(kill.commits):
            assert began - ended < COMMIT_SECONDS + SLACK, "commits are that far apart"
    return json.dumps({"kills": len(kills), "calls": traces + repeated, "repeated": repeated})
