"""Server time of the Overview over 100,000 trajectories and 14 patterns, against its limit of 300 ms.

    python -m benchmarks.overview_page [--n 100000]

Simulated trajectories are written again and again under new ids, each copy with prompts of its own, until there are
enough. A look is one run of the page's script: the first one after a write asks the store, the next ones are answered
from what is kept.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from streamlit.testing.v1 import AppTest

from analysis import codebook
from analysis.environment.choice import choose
from analysis.environment.rates import load_rates
from analysis.environment.simulate import simulate
from analysis.store import Store
from analysis.tagging import tag_with_cues

ROOT = Path(__file__).parents[1]
LIMIT_MS = 300
BASE = 4480
COPIED = {
    "trajectories": ("row_id", "trajectory_id", "prompt_id"), "cuts": ("row_id", "trajectory_id"),
    "outcomes": ("trajectory_id",),
    "attempts": ("attempt_id", "trajectory_id"), "verdicts": ("attempt_id", "trajectory_id"),
    "findings": ("attempt_id", "trajectory_id"),
}  # fmt: skip
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
        store = Store(Path(folder) / "store.duckdb")
        simulate(store, BASE, rates=load_rates().choosing(choose(["all"])))
        tag_with_cues(store, codebook.load())
        _multiply(store, -(-wanted // BASE))
        os.environ["TELLTALE_DB"] = str(store.path)
        with store.session() as db:
            total, prompts = db.execute(
                "SELECT count(*), count(DISTINCT prompt_id) FROM trajectories"
            ).fetchall()[0]
        print(f"{total:,} trajectories of {prompts:,} prompts; server time of a look in ms, limit {LIMIT_MS}")
        print(f"{'':26} {'after a write':>14} {'CPU of it':>10} {'then':>8} {'of the limit':>14}")
        _look({})  # modules are imported once a server
        for name, address in VIEWS.items():
            with store.transaction() as db:
                db.execute(
                    "INSERT INTO log.ingests (file, created_at) SELECT 'touches the file', current_timestamp"
                )
            first, cpu, then = _look(address)
            print(f"{name:26} {first:14.0f} {cpu:10.0f} {then:8.0f} {then / LIMIT_MS:13.2f}x", flush=True)


def _multiply(store: Store, times: int) -> None:
    """Write what is there again under new ids."""
    with store.session() as db:
        for copy in range(1, times):
            for table, ids in COPIED.items():
                new = ", ".join(f"{_new(name, copy)} AS {name}" for name in ids)
                db.execute(
                    f"INSERT INTO log.{table} SELECT * REPLACE ({new}) FROM log.{table} WHERE trajectory_id NOT LIKE '%.%'"
                )
        db.execute("CHECKPOINT")


def _new(name: str, copy: int) -> str:
    """The SQL of an id that no other copy has."""
    return f"{name} || '.{copy}'" if name in ("trajectory_id", "prompt_id") else f"hash({name}, {copy})"


def _look(address: dict[str, str | list[str]]) -> tuple[float, float, float]:
    """Milliseconds of the first look, of all cores' work in it, and the median of five more looks."""
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    page.switch_page("views/overview.py")
    for name, value in address.items():
        page.query_params[name] = value
    times, worked = [], []
    for _ in range(6):
        begun, work = time.perf_counter(), time.process_time()
        page.run()
        times.append(1000 * (time.perf_counter() - begun))
        worked.append(1000 * (time.process_time() - work))
        assert not page.exception, page.exception
    return times[0], worked[0], sorted(times[1:])[2]


if __name__ == "__main__":
    main()
