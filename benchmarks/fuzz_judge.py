"""kill -9 at 30 random moments of judging 500 traces, each followed by the same command.

    python -m benchmarks.fuzz_judge [--kills 30] [--traces 500]

Each kill has a store of its own. After it the run is finished, and what must hold is checked: one ok attempt a
trajectory, no verdict twice, and no call repeated but those in flight and the replies of the last second.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
LATENCY = 0.04


def main() -> None:
    from judge_kills import CONNECTIONS, Counting, Judges, check, finish, kill_somewhere
    from standin import Standin, completion

    from analysis import codebook as scheme
    from analysis.store import Store
    from benchmarks.judge import filled

    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--traces", type=int, default=500)
    given = parser.parse_args()
    patterns = scheme.load().ids()
    reply = {"findings": [], "unsure": [], "scores": dict.fromkeys(patterns, 5)}
    within = given.traces * LATENCY / CONNECTIONS
    killed = ended = 0
    with Judges() as judges:
        while killed < given.kills:
            with tempfile.TemporaryDirectory() as folder:
                texts = [f"A test? says trace-{number} to itself." for number in range(given.traces)]
                store = filled(Store(Path(folder) / "store.duckdb"), texts)
                counting = Counting(completion(json.dumps(reply)), LATENCY)
                with Standin(counting) as endpoint:
                    kill = kill_somewhere(judges, store, endpoint, counting, within)
                    finish(judges, store, endpoint)
                    told = check(store, counting, [kill] if kill else [], given.traces, len(patterns))
            killed, ended = killed + bool(kill), ended + (not kill)
            print(f"{killed}/{given.kills} {told}", flush=True)
    print(f"{killed} kills, nothing lost and nothing doubled ({ended} runs ended before their kill)")


if __name__ == "__main__":
    main()
