"""Search by meaning over a million different segments; the lower limit is one plain product over the same vectors.

    make bench-search
    python -m benchmarks.search [--segments 1000000] [--folder FOLDER]

The sentences are those of `benchmarks.cluster`, made different by a number behind each where there are too few. A search
embeds the query, asks the store which reasoning counts, holds the query against every vector and reads the sentences
with their context from the store. The lower limit is numpy's `vectors @ query` in the same process, on the same mapped
file. The first search of a process also checks the files and maps them, and is printed by itself.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from analysis.cluster.embedders import STATIC, find_embedder
from analysis.cluster.indexing import bring_up_to_date, live_rows
from analysis.cluster.search import chosen, query_of, search
from analysis.measure.scope import Scope
from analysis.segments import sentences
from analysis.store import Store
from benchmarks.cluster import gathered
from benchmarks.texts import write

TO_REACH = 1.0
A_TRACE, TRACES_A_WRITE = 50, 2_000
QUERIES = (
    "asks whether anyone reads this", "this looks like an evaluation", "the announced review is a bluff",
    "decodes the hint", "I should tell the user", "which library is best for this", "the answer must be odd",
    "let me check the numbers again", "nobody will notice", "reward goes to the other answer",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--segments", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        models = given.folder or Path(folder)
        find_embedder(STATIC, STATIC, models)  # distilled before, unless the folder has it
        for home in models.glob("static-*") if given.folder else ():
            (Path(folder) / home.name).symlink_to(home)
        store = filled(Path(folder) / "store.duckdb", given.segments)
        measure(store, given.segments)


def measure(store: Store, count: int) -> None:
    embedder = find_embedder(STATIC, STATIC, store.folder)
    seconds, processor, index = timed(lambda: bring_up_to_date(store, embedder, live_rows(store)))
    told = f"{len(index.texts):,} segments, {len(index.vectors):,} different, {index.vectors.nbytes / 1e9:.2f} GB"
    print(f"{told}; indexed in {seconds:.1f} s, {processor:.1f} s of processor time, once", flush=True)
    first, processor, _ = timed(lambda: search(store, QUERIES[0], embedder=embedder))
    print(f"the first search of a process: {first:.2f} s, {processor:.2f} s of processor time")
    with store.session() as db:
        rows = chosen(db, None, Scope({"checkpoint": ("step-3",), "variant": ("a",)}))
    ways: dict[str, Callable[[str], Any]] = {
        "all": lambda text: search(store, text, embedder=embedder),
        "of one checkpoint and variant": lambda text: search(store, text, rows=rows, embedder=embedder),
        "lower limit, one product": lambda text: index.vectors @ query_of(embedder, text),
    }
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for text in QUERIES:  # in turn, so that what else the machine does falls on each alike
        for name, ask in ways.items():
            spent[name].append(timed(lambda ask=ask, text=text: ask(text))[:2])  # type: ignore[misc]
    for name, times in spent.items():
        wall, used = ([each[place] for each in times] for place in (0, 1))
        told = f"median {statistics.median(wall):.3f} s, worst {max(wall):.3f} s"
        print(f"{name}: {told}; {statistics.median(used):.3f} s of processor time")
    middle = statistics.median(wall for wall, _ in spent["all"])
    limit = statistics.median(wall for wall, _ in spent["lower limit, one product"])
    reached = "reached" if middle < TO_REACH else "NOT REACHED"
    told = f"to reach in the median: {TO_REACH:g} s over {count:,} segments: {reached}"
    print(f"{told}; {middle / limit:.1f} times the lower limit")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    command = [sys.executable, "telltale.py", "search", QUERIES[0], "--db", str(store), "--json"]
    seconds, _, _ = timed(lambda: subprocess.run(command, capture_output=True, text=True, check=True))
    print(f"`telltale search` as a process of its own: {seconds:.2f} s")


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds, seconds of the processor, and what the work gave."""
    started, processor = time.perf_counter(), time.process_time()
    found = work()
    return time.perf_counter() - started, time.process_time() - processor, found


def filled(path: Path, count: int) -> Store:
    """A store of so many different segments, fifty a trajectory, at ten checkpoints in two variants."""
    texts, source = gathered(100_000)
    different = list(
        dict.fromkeys(text[start:end].rstrip(".!?") for text in texts for start, end in sentences(text))
    )
    print(f"{len(different):,} different sentences from {source}", flush=True)
    rounds = (f"{text} {number}." for number in range(1, 2 + count // len(different)) for text in different)
    usable = (text for text in rounds if len(sentences(text)) == 1)
    store, left = Store(path), list(islice(usable, count))
    traces = ["\n".join(left[at : at + A_TRACE]) for at in range(0, len(left), A_TRACE)]
    for at in range(0, len(traces), TRACES_A_WRITE):
        write(store, traces[at : at + TRACES_A_WRITE], at)
    return store


if __name__ == "__main__":
    main()
