"""Ingest of changed files: no crash, no hang, and counts that add up.

    python -m benchmarks.fuzz_ingest [--cases 10000] [--seed 1] [--workers 2] [--case NUMBER]

Each case is a file of some format, its own or a public one where those are beside the checkout, with something
changed in its values, bytes, lines or encoding (tests/ingest/mutations.py). It is ingested twice and looked at in a
dry run, and must end within SECONDS with every item counted once and the store as the report says
(tests/ingest/accounts.py). Cases stand in blocks of BLOCK that share a store, so that ids meet; `--case` repeats a
block up to that case. The file of a failing case is kept.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tqdm import tqdm

from analysis.store import Store
from tests.ingest.accounts import check
from tests.ingest.mutations import case

SECONDS = 20
"""What a case may take of processor time. Most take a twentieth of a second."""
WAITING = 600
"""After how many seconds by the clock a case counts as stuck in something that no signal ends."""
BLOCK = 50
REPLACING = 4
"""Every so manieth case is ingested with --replace."""
SHARED = Path(os.environ.get("TELLTALE_SHARED", Path(__file__).parents[2] / "shared"))
REAL = SHARED / "real" if (SHARED / "real").is_dir() else None
KEPT = Path(tempfile.gettempdir()) / "telltale-fuzz-ingest"


@dataclass
class Done:
    """What became of a block: the failing cases with their reasons, the originals met, the slowest case."""

    failed: list[tuple[int, str, str]] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    slowest: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--case", type=int, help="Repeat this one, with its traceback.")
    given = parser.parse_args()
    if given.case is not None:
        first = given.case - given.case % BLOCK
        failed = [each for each in run(given.seed, first, given.case + 1).failed if each[0] == given.case]
        print(f"{kept(given.seed, given.case)}: {failed[0][2] if failed else 'nothing is wrong'}")
        return len(failed)
    started = time.monotonic()
    blocks = [(start, min(start + BLOCK, given.cases)) for start in range(0, given.cases, BLOCK)]
    done = hunt(given.seed, blocks, given.workers)
    for number, name, reason in sorted(done.failed)[:20]:
        print(f"case {number} ({name}): {reason.splitlines()[-1][:300]}\n    {kept(given.seed, number)}")
    print(
        f"{done.met.total():,} cases of {len(done.met)} files in {time.monotonic() - started:.0f} s, seed {given.seed}; "
        f"{done.refused:,} refused as a whole; the slowest took {done.slowest:.1f} s"
    )
    if REAL is None:
        print("without the public files, which are not beside this checkout")
    print(f"wrong: {len(done.failed)}")
    return 1 if done.failed else 0


def hunt(seed: int, blocks: list[tuple[int, int]], workers: int) -> Done:
    """All blocks, in as many processes as are asked for."""
    total = Done()
    with (
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool,
        tqdm(total=blocks[-1][1], unit=" cases", disable=not sys.stderr.isatty()) as bar,
    ):
        running = {pool.submit(run, seed, *block): block for block in blocks}
        for each in as_completed(running):
            try:
                done = each.result()
            except BrokenProcessPool:
                names = ", ".join(sorted(path.name for path in KEPT.glob(f"{seed}-*")))
                sys.exit(f"a case ended its process; the files that are left in {KEPT}: {names}")
            total.failed += done.failed
            total.met += done.met
            total.refused += done.refused
            total.slowest = max(total.slowest, done.slowest)
            start, end = running[each]
            bar.update(end - start)
    return total


def run(seed: int, first: int, end: int) -> Done:
    """The cases of a block, one after the other in one store."""
    done = Done()
    signal.signal(signal.SIGPROF, _too_long)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        store = _opened(Path(folder) / "store.duckdb", stack)
        for number in range(first, end):
            place = kept(seed, number)
            shutil.rmtree(place, ignore_errors=True)
            made = case(seed, number, place, REAL)
            done.met[made.name] += 1
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            faulthandler.dump_traceback_later(WAITING, exit=True)
            try:
                done.refused += check(store, made.path, made.rules, number % REPLACING == 0) is None
            except Exception:
                done.failed.append((number, made.name, traceback.format_exc()))
                store = _opened(Path(folder) / f"after-{number}.duckdb", stack)
            else:
                shutil.rmtree(place)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
                faulthandler.cancel_dump_traceback_later()
            done.slowest = max(done.slowest, time.process_time() - began)
    return done


def kept(seed: int, number: int) -> Path:
    """Where the file of a case is while it runs, and stays if it fails."""
    return KEPT / f"{seed}-{number}"


def _opened(path: Path, stack: ExitStack) -> Store:
    """A store that stays open, for opening one takes longer than a case."""
    store = Store(path, busy_limit=20)
    stack.enter_context(store.session())
    return store


def _too_long(*_: Any) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


if __name__ == "__main__":
    sys.exit(main())
