"""Killing the judge at random moments and starting it again: what the test and `make fuzz` share."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from standin import Answer, Call, Standin

from analysis.store import Store

ROOT = Path(__file__).parents[1]
CONNECTIONS = 8
COMMIT_SECONDS = 0.3
SLACK = 1.0
"""Seconds that a commit itself may take on a busy machine, on top of the interval between commits."""

PROGRAM = """
import os, sys
from analysis import codebook
from analysis.judge import judging, running
from analysis.judge.client import Patience
from analysis.store import Store

running.COMMIT_SECONDS = float(sys.argv[1])
book, patience = codebook.load(), Patience(first_wait=0.01, longest_wait=0.05)
for line in sys.stdin:  # a process of its own for each line, without loading everything again
    store, url = line.split()
    pid = os.fork()
    if pid == 0:
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

    def start(self, store: Store, url: str) -> int:
        """The process id of a new judge."""
        self.parent.stdin.write(f"{store.path} {url}\n")
        self.parent.stdin.flush()
        return int(self.parent.stdout.readline())

    def wait(self) -> int:
        """How the judge ended: 0, or the signal that ended it."""
        return int(self.parent.stdout.readline())


class Counting:
    """An endpoint that answers in a while, and remembers when each trace was asked about and answered."""

    def __init__(self, right: Answer, seconds: float) -> None:
        self.right = right
        self.seconds = seconds
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.answered: dict[str, list[float]] = defaultdict(list)
        self.lock = threading.Lock()

    def __call__(self, call: Call) -> Answer:
        name = re.search(r"trace-\d+", call.messages[1]["content"])[0]
        with self.lock:
            self.asked[name].append(time.monotonic())
        time.sleep(self.seconds)
        with self.lock:
            self.answered[name].append(time.monotonic())
        return self.right


def kill_somewhere(
    judges: Judges, store: Store, endpoint: Standin, counting: Counting, within: float = 1.2
) -> float | None:
    """Start the run, kill it at a random moment after its first call, and say when that was.

    Args:
        judges: Starts it.
        store: Whose trajectories it judges.
        endpoint: Where it asks.
        counting: What the endpoint does.
        within: Seconds after the first call by which it is killed.

    Returns:
        The moment by the monotonic clock; None if the run had ended by then.
    """
    before = sum(map(len, counting.asked.values()))
    pid = judges.start(store, endpoint.url)
    deadline = time.monotonic() + 60
    while sum(map(len, counting.asked.values())) == before and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(random.uniform(0, within))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    moment = time.monotonic()
    return moment if judges.wait() == signal.SIGKILL else None


def finish(judges: Judges, store: Store, endpoint: Standin) -> None:
    judges.start(store, endpoint.url)
    assert judges.wait() == 0


def check(store: Store, counting: Counting, kills: list[float], traces: int, patterns: int) -> str:
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
    again = Counter({name: len(times) - 1 for name, times in counting.asked.items() if len(times) > 1})
    for name in again:
        times = counting.asked[name]
        for first, second in pairwise(times):
            assert any(repeatable(counting, name, first, kill) and kill < second for kill in kills), (
                f"{name} was asked about at {first:.2f} and again at {second:.2f}, kills at {kills}"
            )
    return json.dumps({"kills": len(kills), "calls": traces + again.total(), "repeated": again.total()})


def repeatable(counting: Counting, name: str, asked: float, kill: float) -> bool:
    """Whether a call was in flight at the kill, or answered so shortly before it that it may not be stored."""
    if asked > kill + SLACK:  # sent before the kill, and read by the endpoint after it
        return False
    answered = min((moment for moment in counting.answered[name] if moment >= asked), default=None)
    return answered is None or answered >= kill - COMMIT_SECONDS - SLACK
