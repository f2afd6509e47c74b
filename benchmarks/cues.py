"""Cue tagging with quotes, all patterns, over a store of traces of 10 kB; and what its parts cost.

    make bench-cues
    python -m benchmarks.cues [--traces 30000]

The reasoning is that of the public traces beside the checkout (shared/real), joined and cut into pieces of 10,000
characters, each piece with one simulated sentence of bank a planted in it, so that no two traces are alike and most have
something to quote; without them it is all simulated. The whole is `telltale tag` from the store to the store. The parts
are measured by themselves on some of the same traces, in processor time of one core.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from itertools import cycle
from pathlib import Path

import re2

from analysis import codebook, runs
from analysis.cues import CueTagger
from analysis.runs import Item
from analysis.store import Store
from analysis.tagging import tag_with_cues
from benchmarks.cluster import planted
from benchmarks.texts import REAL, filled, real, simulated

TO_REACH = 2_000
LENGTH = 10_000
SOME, FEW = 1_000, 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=30_000)
    given = parser.parse_args()
    book = codebook.load()
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder) / "cues.duckdb", pieces(given.traces))
        source = "the public traces" if REAL.is_dir() else "the simulator"
        print(
            f"{given.traces:,} traces of {LENGTH:,} characters from {source}; {os.cpu_count()} cores, "
            f"load {os.getloadavg()[0]:.1f}"
        )
        before, started = processor(), time.perf_counter()
        _, counts = tag_with_cues(store, book)
        seconds, used = time.perf_counter() - started, processor() - before
        speed = given.traces / seconds
        told = "reached" if speed >= TO_REACH else "NOT REACHED"
        print(
            f"tagged with quotes, {len(book.ids())} patterns: {seconds:.1f} s, {speed:,.0f} traces a second; "
            f"to reach: {TO_REACH:,}: {told}\n  processor time {used:.1f} s: {2 * given.traces / used:,.0f} traces a "
            f"second where two cores are free; {counts['ok']:,} ok"
        )  # fmt: skip
        parts(store, book)


def pieces(count: int) -> list[str]:
    """So many texts of LENGTH characters, no two alike."""
    chance = random.Random(0)
    shown, _ = planted("a")
    found: list[str] = []
    rest = ""
    for text in cycle(list(real() if REAL.is_dir() else simulated(5_000))):
        rest += f"{text}\n\n"
        while len(rest) >= LENGTH and len(found) < count:
            sentence, at = chance.choice(shown), rest.index(" ", chance.randrange(LENGTH // 2))
            found.append(f"{rest[:at]}. {sentence} {rest[at:]}"[:LENGTH])
            rest = rest[chance.randrange(LENGTH // 2, LENGTH) :]
        if len(found) == count:
            return found
    return found


def parts(store: Store, book: codebook.Codebook) -> None:
    """What reading, matching and writing cost on some of the traces."""
    run_id = runs.start(store, "cues", {"bench": True}, book)
    tagger = CueTagger(book)
    with store.session() as db:
        places = runs.pending(db, run_id)[:SOME]
    with store.transaction() as db:  # the first writing also reads the tables' schemas
        runs.record(db, run_id, [tagger.tag("none", "", []), tagger.tag("nothing", "", [])])
    marks = [time.process_time()]
    with store.session() as db:
        read = [each for each in runs.items(db, places) if isinstance(each, Item)]
    marks.append(time.process_time())
    results = [tagger.tag(each.trajectory_id, each.reasoning, each.segments) for each in read]
    marks.append(time.process_time())
    with store.transaction() as db:
        runs.record(db, run_id, results)
    marks.append(time.process_time())
    findings = sum(len(each.findings) for each in results) / len(results)
    for name, start, end in zip(("reading", "matching", "writing"), marks, marks[1:], strict=False):
        print(f"  {name}: {1000 * (end - start) / len(read):.2f} ms of one core a trace")
    each_by_each = plain_expressions(book, read[:FEW])
    found = 1000 * (marks[2] - marks[1]) / len(read)
    print(
        f"  the same expressions one by one, sentence by sentence: {each_by_each:.2f} ms, "
        f"{each_by_each / found:.1f} times as much"
    )
    print(f"  {findings:.1f} findings a trace; matching is by an automaton that is new, and faster later")


def plain_expressions(book: codebook.Codebook, items: list[Item]) -> float:
    """Milliseconds of the processor a trace, where every cue is looked for by itself in every sentence."""
    compiled = [
        re2.compile("|".join(f"(?:{cue})" for cue in cues), codebook.cue_options())
        for pattern in book.patterns
        for cues in pattern.cues.values()
        if cues
    ]
    started = time.process_time()
    for item in items:
        for start, end in item.segments:
            sentence = item.reasoning[start:end].encode(errors="replace")
            for expression in compiled:
                expression.search(sentence)
    return 1000 * (time.process_time() - started) / len(items)


def processor() -> float:
    """Seconds of the processor that this process and those it has ended have used."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    main()
