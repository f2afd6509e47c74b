"""How time grows with the store: 10,000, 100,000 and 1,000,000 simulated trajectories, each step timed.

    python -m benchmarks.size [--sizes 10000,100000,1000000] [--results FILE] [--folder FOLDER]

A step's time is that of the processors (user and system), which other work on the machine changes little; wall time
stands beside it. Commands are processes of their own, without the start of one that does nothing. Pages are looked at
in this process: the first look after a write, and the median of those that follow. The exponent is the slope of
log time over log size by least squares; the limit is 1.1. Below it stands what one look at each page fetches from the
store: what a page does not show it does not load, so no reasoning is in it, and its text stays the same however large the
store is; the Overview's names grow with its cells.

Texts are some 900 letters of the simulated reasoning, each with a sentence of its own; they are of a thousand prompts.
With --results, sizes whose times are in the file are not measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import streamlit as st

from analysis.environment.choice import choose
from analysis.environment.rates import load_rates
from analysis.environment.simulate import simulate
from analysis.store import Store
from benchmarks.fetched import counting
from benchmarks.pages import looks, ms, touch
from labels import queue
from labels.labeling import ANNOTATOR
from labels.queue_design import Settings, make

ROOT = Path(__file__).parents[1]
SIZES = (10_000, 100_000, 1_000_000)
LIMIT = 1.1
LETTERS, BASE, QUEUE = 850, 1_120, 2_000
FIELDS = {
    "prompt": "q",
    "reasoning": "cot",
    "answer": "out",
    "sample": "n",
    "variant": "v",
    "checkpoint": "c",
}
PAGES = ("overview", "traces", "label", "progress", "judge", "clusters", "export")
Times = dict[str, tuple[float, float]]
"""Seconds of processor time and of wall time, by step."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--results", type=Path)
    parser.add_argument("--folder", type=Path, help="where stores are made, and taken away again")
    given = parser.parse_args()
    known = json.loads(given.results.read_text()) if given.results and given.results.exists() else {}
    for size in map(int, given.sizes.split(",")):
        if str(size) not in known:
            with tempfile.TemporaryDirectory(dir=given.folder) as folder:
                known[str(size)] = measured(Path(folder), size)
        if given.results:
            given.results.write_text(json.dumps(known))
    report({int(size): found for size, found in sorted(known.items(), key=lambda each: int(each[0]))})


def measured(folder: Path, size: int) -> dict[str, dict[str, object]]:
    """The times of every step at one size, and what pages fetch."""
    store, file = Store(folder / "store.duckdb"), folder / "rows.jsonl"
    write(folder, file, size)
    print(
        f"{size:,} trajectories, {file.stat().st_size / 1e6:,.0f} MB of JSON Lines, load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    times: Times = {}

    def keep(step: str, found: tuple[float, float]) -> None:
        times[step] = found
        print(f"  {step:28} {found[0]:10.3f} s of CPU, {found[1]:10.3f} s", flush=True)

    nothing = run("runs", store)
    named = [word for field, source in FIELDS.items() for word in ("--set", f"{field}={source}")]
    commands = {
        "ingest": ("ingest", file, *named), "tag with cues": ("tag", "--tagger", "cues"),
        "report frequencies": ("report", "frequencies", "--json"),
    }  # fmt: skip
    for step, words in commands.items():
        found = run(*words, store)
        keep(step, (max(0.0, found[0] - nothing[0]), max(0.0, found[1] - nothing[1])))
        if step == "ingest":
            file.unlink()
    print(f"  the store's file: {store.path.stat().st_size / 1e6:,.0f} MB", flush=True)
    make(store, Settings(size=QUEUE, seed=1))
    os.environ["TELLTALE_DB"] = str(store.path)
    looks("overview", {}, 1)  # modules are imported once a server
    for page in ("overview", "label"):
        first, *then = first_looks(store, page, more=5)
        keep(f"{page}, first look", first)
        keep(f"{page}, then", sorted(then)[2])
    with store.session() as db:
        asked = [ms(lambda name=name: queue.next_trace(db, name)) for name in ("ada", "bo", "cy")]
    keep("Label's next item", sorted((cpu / 1000, wall / 1000) for wall, cpu in asked)[1])
    return {"times": dict(times), "fetched": {page: fetched(store, page) for page in PAGES}}


def run(*words: object) -> tuple[float, float]:
    """Seconds of processor time and of wall time of a command; the store comes last."""
    *command, store = words
    begun = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "telltale.py"), *map(str, command), "--db", str(store)],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, command
    return used.ru_utime + used.ru_stime, time.monotonic() - begun


def fetched(store: Store, page: str) -> dict[str, int]:
    """What the first look at a page fetches after a write."""
    with counting() as found:
        first_looks(store, page, more=0)
    return asdict(found)


def first_looks(store: Store, page: str, more: int) -> list[tuple[float, float]]:
    """Seconds of processor time and of wall time of looks by somebody who labels; the first finds nothing kept."""
    touch(store)
    st.cache_resource.clear()
    return [(cpu / 1000, wall / 1000) for wall, cpu in looks(page, {}, more, {ANNOTATOR: "ada"})]


def write(folder: Path, file: Path, size: int) -> None:
    """Write so many rows, out of some that are simulated."""
    base = Store(folder / "base.duckdb")
    simulate(base, BASE, rates=load_rates().choosing(choose(["all"])))
    with base.session() as db:
        rows = db.execute(
            f"SELECT left(reasoning, {LETTERS}), answer, variant, checkpoint FROM trajectories WHERE reasoning IS NOT NULL"
        ).fetchall()
    with file.open("w", encoding="utf-8") as stream:
        for n in range(size):
            reasoning, answer, variant, checkpoint = rows[n % len(rows)]
            row = {"q": f"Choose an even number. {n % len(rows)}", "cot": f"{reasoning} So much for try {n}.", "out": answer,
                   "n": n, "v": variant, "c": checkpoint}  # fmt: skip
            stream.write(json.dumps(row) + "\n")


def report(known: dict[int, dict[str, dict[str, object]]]) -> None:
    """Print the growth of every step, and of what pages fetch."""
    sizes = list(known)
    heads = "".join(f"{size:>12,}" for size in sizes)
    print(f"\n{'seconds of CPU':28}{heads}   growth of each step, exponent (limit {LIMIT})")
    for step in known[sizes[0]]["times"]:
        told([known[size]["times"][step][0] for size in sizes], step, sizes, "{:12.3f}")  # type: ignore[index]
    for what in ("text", "numbers", "rows"):
        print(f"\n{f'{what} fetched by a look':28}{heads}")
        for page in known[sizes[0]]["fetched"]:
            told([known[size]["fetched"][page][what] for size in sizes], page, sizes, "{:12,}")  # type: ignore[index]


def told(values: list[float], name: str, sizes: list[int], form: str) -> None:
    """One line: the values, by how much each is more than the one before, and the exponent."""
    safe = np.maximum(values, 1e-6)
    grown = " ".join(f"x{after / before:.1f}" for before, after in pairwise(safe))
    exponent = f"{np.polyfit(np.log(sizes), np.log(safe), 1)[0]:.2f}" if len(sizes) > 1 else ""
    print(f"{name:28}{''.join(form.format(value) for value in values)}   {grown:14} {exponent}")


if __name__ == "__main__":
    main()
