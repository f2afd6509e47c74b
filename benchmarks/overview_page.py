"""Server time of the Overview over 100,000 trajectories and 14 patterns, against its limit of 300 ms.

    python -m benchmarks.overview_page [--n 100000]

Simulated trajectories are written again and again under new ids, each copy with prompts of its own, until there are
enough.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

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
        print(f"{total:,} trajectories of {prompts:,} prompts; server time of a look in ms, limit {LIMIT_MS}")
        print(f"{'':26} {'after a write':>14} {'CPU of it':>10} {'then':>8} {'of the limit':>14}")
        look("overview", {})  # modules are imported once a server
        for name, address in VIEWS.items():
            touch(store)
            first, cpu, then = look("overview", address)
            print(f"{name:26} {first:14.0f} {cpu:10.0f} {then:8.0f} {then / LIMIT_MS:13.2f}x", flush=True)


if __name__ == "__main__":
    main()
