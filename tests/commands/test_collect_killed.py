"""Killed at any moment and started again: exactly n samples a prompt and checkpoint, and no paid reply asked twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from model_standin import ModelStandin, replied
from standin import slow

from analysis.environment.collecting import COMMIT_SECONDS
from analysis.environment.prompts import VARIANTS
from analysis.store import Store

ROOT = Path(__file__).parents[2]
CONNECTIONS, N, NAMES = 6, 80, ("base", "mirror", "brainfuck")
SLACK = 1.5
"""Seconds that a commit may take on a busy machine."""


def start(endpoint: ModelStandin, store: Store) -> subprocess.Popen[str]:
    command = [
        sys.executable, ROOT / "telltale.py", "collect", "--db", store.path, "--model", "m", "--base-url", endpoint.url,
        "--checkpoint", "step-1", "--variants", ",".join(NAMES), "--n", N, "--connections", CONNECTIONS,
    ]  # fmt: skip
    env = {key: value for key, value in os.environ.items() if not key.startswith("OPENAI_")}
    return subprocess.Popen(
        [*map(str, command)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=store.path.parent,
    )


def stored(store: Store) -> list[tuple[str, int]]:
    with store.session() as db:
        return db.execute("SELECT variant, sample FROM trajectories ORDER BY ALL").fetchall()


def test_killed_at_random_moments_it_leaves_exactly_n_of_each(store: Store) -> None:
    chance, held, total = random.Random(5), 0, N * len(NAMES)
    with ModelStandin(slow(0.12, replied("4", reasoning_content="Four."))) as endpoint:
        for least, wait in ((1, 0.0), (10, 0.0), (40, COMMIT_SECONDS + SLACK)):  # the last one after commits
            before, begun = held, len(endpoint.calls)
            process = start(endpoint, store)
            endpoint.wait_for(begun + least)
            time.sleep(wait + chance.uniform(0, 0.4))
            os.kill(process.pid, signal.SIGKILL)
            died = time.monotonic()
            process.communicate()
            assert process.returncode == -signal.SIGKILL, "it was in the middle of it"
            safe = [call for call in endpoint.calls[begun:] if call.at < died - COMMIT_SECONDS - SLACK]
            samples = stored(store)
            held = len(samples)
            assert held == len(set(samples)), "no sample twice"
            assert held - before >= len(safe) - CONNECTIONS, "what came a while before the end is kept"
        assert 0 < held < total
        begun = len(endpoint.calls)
        process = start(endpoint, store)
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert stored(store) == sorted((name, sample) for name in NAMES for sample in range(N))
        assert len(endpoint.calls) - begun == total - held, "and what was there was not asked again"
        assert set(endpoint.asked()) == {VARIANTS[name].text for name in NAMES}
    with store.session() as db:
        read = db.execute("SELECT count(*) FROM outcomes WHERE name = 'gaming' AND state = 'ok'").fetchone()
    assert read == (total,)


def test_stopped_with_ctrl_c_it_keeps_what_came_and_goes_on(store: Store) -> None:
    with ModelStandin(slow(0.02, replied("4"))) as endpoint:
        process = start(endpoint, store)
        endpoint.wait_for(40)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        calls = len(endpoint.calls)
        assert process.returncode == 130 and "the same command goes on" in err and "Traceback" not in err
        assert calls - CONNECTIONS <= len(stored(store)) <= calls < N * len(NAMES)
        process = start(endpoint, store)
        process.communicate(timeout=60)
        assert process.returncode == 0 and len(stored(store)) == N * len(NAMES)
        assert len(endpoint.calls) <= N * len(NAMES) + CONNECTIONS, "only what was under way is asked again"
