"""Server time of the Environment page over 100,000 trajectories of all families, against its limit of 300 ms.

    python -m benchmarks.environment_page [--n 100000]

Simulated trajectories are written again and again under new ids until there are enough.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.pages import look, multiplied, touch

LIMIT_MS = 300
VIEWS = {
    "a family": {"family": "hint difficulty"}, "the audit rate": {"family": "audit"}, "lengths": {"view": "lengths"},
    "a contrast": {"view": "contrast"}, "answers to decide": {"view": "decide"},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=100_000)
    wanted = parser.parse_args().n
    with tempfile.TemporaryDirectory() as folder:
        store = multiplied(Path(folder) / "store.duckdb", wanted)
        os.environ["TELLTALE_DB"] = str(store.path)
        with store.session() as db:
            total = db.execute("SELECT count(*) FROM trajectories").fetchall()[0][0]
        print(f"{total:,} trajectories; server time of a look in ms, limit {LIMIT_MS}")
        print(f"{'':20} {'after a write':>14} {'CPU of it':>10} {'then':>8} {'of the limit':>14}")
        for name, address in VIEWS.items():
            touch(store)
            first, cpu, then = look("environment", address)
            print(f"{name:20} {first:14.0f} {cpu:10.0f} {then:8.0f} {then / LIMIT_MS:13.2f}x")


if __name__ == "__main__":
    main()
