"""Server time of the Overview over 100,000 trajectories and 14 patterns, against its limit of 300 ms.

    python -m benchmarks.overview_page [--n 100000]

Simulated trajectories are written again and again under new ids, each copy with prompts of its own, until there are
enough. What a first look costs depends on what was written since the last one: something that the page's figures do
not rest on, attempts of the run that is shown, or trajectories.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from analysis.store import Store
from benchmarks.pages import look, multiplied, touch

LIMIT_MS = 300
VIEWS: dict[str, dict[str, str | list[str]]] = {
    "shares": {}, "one environment's variant": {"variant": "base"}, "occurrences": {"measure": "per_trajectory"},
    "share of occurrences": {"measure": "share_of_occurrences"}, "per 10,000 characters": {"measure": "per_10k"},
    "pattern given action": {"view": "given"}, "action given pattern": {"view": "given", "way": "action"},
    "together, lift": {"view": "together"}, "behind a group's point": {"behind": "group:metagaming"},
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=100_000)
    wanted = parser.parse_args().n
    with tempfile.TemporaryDirectory() as folder:
        store = multiplied(Path(folder) / "store.duckdb", wanted, own_prompts=True)
        os.environ["TELLTALE_DB"] = str(store.path)
        with store.session() as db:
            total, prompts = db.execute(
                "SELECT count(*), count(DISTINCT prompt_id) FROM trajectories"
            ).fetchall()[0]
        print(
            f"{total:,} trajectories of {prompts:,} prompts; server time of a look in ms (and of all processors)"
        )
        print(f"limit {LIMIT_MS}; load {os.getloadavg()[0]:.1f}")
        print(
            f"{'first look after':26}" + "".join(f"{name:>22}" for name in (*WRITES, "then", "of the limit"))
        )
        look("overview", {})  # modules are imported once a server
        for name, address in VIEWS.items():
            print(f"{name:26}", end="")
            for write in WRITES.values():
                write(store)
                first, cpu, then = look("overview", address)
                print(f"{f'{first:.0f} ({cpu:.0f})':>22}", end="")
            print(f"{then:22.0f}{then / LIMIT_MS:21.2f}x", flush=True)


def _of_the_run(store: Store) -> None:
    """An attempt more of the run that is shown."""
    new = f"'{uuid4()}' AS trajectory_id, hash('{uuid4()}') AS attempt_id, 'failed' AS state"
    with store.transaction() as db:
        db.execute(
            f"INSERT INTO log.attempts SELECT * REPLACE ({new}) FROM log.attempts WHERE run_id LIKE 'cues%' LIMIT 1"
        )


def _trajectory(store: Store) -> None:
    """A trajectory more."""
    new = f"'{uuid4()}' AS trajectory_id, hash('{uuid4()}') AS row_id"
    with store.transaction() as db:
        db.execute(f"INSERT INTO log.trajectories SELECT * REPLACE ({new}) FROM log.trajectories LIMIT 1")


WRITES: dict[str, Callable[[Store], None]] = {
    "another write": touch, "the run's own": _of_the_run, "a new trajectory": _trajectory,
}  # fmt: skip


if __name__ == "__main__":
    main()
