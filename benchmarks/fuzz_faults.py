"""kill -9 at 50 random moments each of ingest, tag, label and cluster, and the same command after each.

    python -m benchmarks.fuzz_faults [--kills 50] [--only WORK]

After each kill `verify` must be clean. After the same command again each row, attempt and member of a cluster is there
once, and every label that was acknowledged too. `fuzz_judge` does the same with a judge that is asked over HTTP.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

from analysis.store import Store
from tests.kills import WORKS, commands, kill_often


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", choices=WORKS)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    given = parser.parse_args()
    random.seed(given.seed)
    works = [given.only] if given.only else WORKS
    with commands() as giver:
        for work in works:
            with tempfile.TemporaryDirectory() as folder:
                store = Store(Path(folder) / "store.duckdb", linger=0.5)
                for told in kill_often(giver, work, store, given.kills):
                    print(told, flush=True)
    print(
        f"{given.kills} kills each of {', '.join(works)}: nothing lost, nothing doubled, every verify clean"
    )


if __name__ == "__main__":
    main()
