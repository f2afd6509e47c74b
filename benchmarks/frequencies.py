"""Time of the frequency table, against its limits: a million trajectories in a second, a hundred thousand in 300 ms.

    python -m benchmarks.frequencies [--only 100000]

A synthetic store is made by SQL: 10 checkpoints, 1,000 prompts, 14 patterns, 3 % of the texts unreadable, 1 % of the
attempts failed. A look is one `frequencies` in a session that is open. Prints wall time and the processor time of all
cores: on a machine that does other work too, the second is what the work takes. Then the same with 2,000 labels.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from analysis.measure.frequencies import frequencies
from analysis.store import Store

LIMITS = {100_000: 0.3, 1_000_000: 1.0}
CORES = os.cpu_count() or 1
RUN, PATTERNS, CHECKPOINTS, PROMPTS, LABELS = "judge-bench", 14, 10, 1_000, 2_000


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", type=int, help="this many trajectories alone")
    only = parser.parse_args().only
    print(
        f"{PATTERNS} patterns, {CHECKPOINTS} checkpoints, {PROMPTS:,} prompts, {CORES} cores, load {os.getloadavg()[0]:.1f}"
    )
    for n, limit in LIMITS.items():
        if only in (None, n):
            with tempfile.TemporaryDirectory() as folder:
                _measure(Store(Path(folder) / "store.duckdb"), n, limit)


def _measure(store: Store, n: int, limit: float) -> None:
    build(store, n)
    with store.session() as db:
        rows = db.execute(
            f"""SELECT trajectory_id, reasoning_sha256, 'pattern-' || k AS pattern,
                       CASE WHEN hash(trajectory_id, k) % 10 = 0 THEN 'present' ELSE 'absent' END AS value,
                       0.01 AS probability
                FROM (FROM log.trajectories WHERE reasoning_state = 'text' LIMIT {LABELS}), range({PATTERNS}) p(k)"""
        ).to_arrow_table()
        count = "SELECT pattern, verdict, count(*) FROM log.verdicts GROUP BY ALL"
        _, peer, _ = _best(lambda: len(db.execute(count).fetchall()))
        for name, labels in (("", None), (f", {LABELS:,} labelled", rows)):
            wall, cpu, cells = _best(lambda labels=labels: len(frequencies(db, RUN, labels=labels)))
            told = f"limit {limit:.1f} s: {wall / limit:.2f}x; {cpu:.2f} s of processor time, "
            told += f"{cpu / CORES / limit:.2f}x on {CORES} cores, {cpu / peer:.1f}x DuckDB's own count of the verdicts"
            print(f"{n:>9,} trajectories{name}: {cells} cells in {wall:.2f} s; {told}")


def _best(work: Callable[[], int]) -> tuple[float, float, int]:
    """The best of five: wall time, processor time, and what came out."""
    found = []
    for _ in range(5):
        begun, worked = time.perf_counter(), time.process_time()
        cells = work()
        found.append((time.perf_counter() - begun, time.process_time() - worked, cells))
    return min(found)


def build(store: Store, n: int) -> None:
    """Write a store of n judged trajectories."""
    with store.transaction() as db:
        db.execute(f"INSERT INTO log.runs SELECT '{RUN}', 'judge', 'm', '{{}}', 1, current_timestamp")
        db.execute(
            f"""INSERT INTO log.checkpoints
                SELECT 'step-' || i * 100, 'rl', i, current_timestamp FROM range({CHECKPOINTS}) r(i)"""
        )
        db.execute(
            f"""INSERT INTO log.trajectories (row_id, trajectory_id, source, environment, variant, prompt_id, checkpoint,
                    model, sample, reasoning, reasoning_state, reasoning_sha256, created_at, stored_at)
                SELECT hash(i), md5(i::VARCHAR), 'bench', 'environment-' || i % 3, 'variant-' || i % 7,
                       left(md5('p' || (i * 7919) % {PROMPTS}), 16), 'step-' || (i % {CHECKPOINTS}) * 100, 'm', i,
                       'reasoning ' || i, CASE WHEN i % 33 = 0 THEN 'encrypted' ELSE 'text' END, md5('r' || i),
                       current_timestamp, current_timestamp FROM range({n}) r(i)"""
        )
        db.execute(
            f"""INSERT INTO log.attempts (attempt_id, run_id, trajectory_id, reasoning_sha256, state, windows, created_at)
                SELECT hash(row_id), '{RUN}', trajectory_id, reasoning_sha256,
                       CASE WHEN hash(trajectory_id) % 100 = 0 THEN 'failed' ELSE 'ok' END, 1, current_timestamp
                FROM log.trajectories WHERE reasoning_state = 'text'"""
        )
        db.execute(
            f"""INSERT INTO log.verdicts (attempt_id, run_id, trajectory_id, pattern, verdict, score)
                SELECT attempt_id, run_id, trajectory_id, 'pattern-' || k,
                       CASE WHEN hash(attempt_id, k) % 50 < k THEN 'present'
                            WHEN hash(attempt_id, k) % 50 = 49 THEN 'unsure' ELSE 'absent' END, 50
                FROM log.attempts, range({PATTERNS}) p(k) WHERE state = 'ok'"""
        )


if __name__ == "__main__":
    main()
