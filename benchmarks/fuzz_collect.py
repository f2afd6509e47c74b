"""Collecting is killed at random moments until it is done: `python -m benchmarks.fuzz_collect [KILLS] [SEED]`.

The endpoint that it asks is as bad as endpoints are: slow, busy, cut off, empty, truncated. However often the
process is killed, there are exactly n samples of each prompt in the end, and none of what stood in the store for a
moment is asked for again.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from model_standin import Answer, Call, ModelStandin, cut_halfway, replied  # noqa: E402
from standin import dropped, error, slow  # noqa: E402

from analysis.environment.prompts import VARIANTS  # noqa: E402
from analysis.store import Store  # noqa: E402

NAMES, N, CONNECTIONS = ("base", "mirror", "review", "brainfuck"), 100, 8
MOST_CALLS = 60
"""A process is killed when so many calls have come, at the most."""


def moody(chance: random.Random) -> Answer:
    """What the endpoint does with a call."""
    whole = replied("4", reasoning_content="Four.")
    troubles = [error(429, "slow down", Retry_After="0.05"), error(503, "loading"), dropped(), cut_halfway()]
    lacking = [replied("", "length", reasoning="And on"), replied(None), replied("2", "length")]
    draw = chance.random()
    answer = whole if draw < 0.8 else chance.choice(troubles if draw < 0.9 else lacking)
    return slow(chance.uniform(0.01, 0.2), answer)


def main(kills: int = 12, seed: int = 0) -> None:
    """Kill, start again, and count."""
    chance = random.Random(seed)

    def behaviour(_: Call) -> Answer:
        return moody(chance)

    with tempfile.TemporaryDirectory() as folder, ModelStandin(behaviour) as endpoint:
        store = Store(Path(folder) / "store.duckdb")
        command = [
            sys.executable, ROOT / "telltale.py", "collect", "--db", store.path, "--model", "m",
            "--base-url", endpoint.url, "--checkpoint", "c", "--variants", ",".join(NAMES), "--n", N,
            "--connections", CONNECTIONS,
        ]  # fmt: skip
        done, times = False, 0
        while not done:
            process = subprocess.Popen(
                [*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            enough = len(endpoint.calls) + chance.randrange(MOST_CALLS)
            while times < kills and process.poll() is None and len(endpoint.calls) < enough:
                time.sleep(0.01)
            if times < kills:
                time.sleep(chance.uniform(0, 1.5))
                process.send_signal(signal.SIGKILL)
            _, said = process.communicate()
            times += 1
            done = process.returncode == 0
            assert process.returncode in (0, 1, -signal.SIGKILL), said.decode()
            rows = held(store)
            assert len(rows) == len(set(rows)), "a sample twice"
            print(
                f"{times:3}  exit {process.returncode:3}  calls {len(endpoint.calls):5}  stored {len(rows):4}"
            )
    assert rows == sorted((name, sample) for name in NAMES for sample in range(N))
    assert set(endpoint.asked()) <= {VARIANTS[name].text for name in NAMES}
    print(f"exactly {N} of each of {len(NAMES)} prompts after {min(kills, times)} kills")


def held(store: Store) -> list[tuple[str, int]]:
    """(variant, sample) of each trajectory."""
    if not store.exists():
        return []
    with store.session() as db:
        return db.execute("SELECT variant, sample FROM trajectories ORDER BY ALL").fetchall()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
