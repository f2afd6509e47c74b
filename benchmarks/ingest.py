"""Ingest of JSON Lines against DuckDB's own read_json into a table, on the same file in the same run.

    make bench-ingest
    python -m benchmarks.ingest [--megabytes 200] [--repeats 5] [--long]

Prints each figure next to its goal. Speeds are medians over repeats in turn, with the least and the most; each is
measured in a process of its own, after its imports. On a busy machine the processor's time says more; it has the
imports in it. Peak memory is that of the process with its imports, and of those that it starts. --long adds a file of 4 GB,
which takes some minutes and 15 GB of the temporary folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RULES = {"checkpoint": "checkpoint", "prompt": "q", "reasoning": "cot", "answer": "out", "sample": "rep"}
ARRAY_MEGABYTES = 500
LONG_TRACES = 15
LONG_MEGABYTES = 4_000
PARTS_MEGABYTES = 50


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--only", choices=list(MEASURED))
    parser.add_argument("--file", type=Path)
    parser.add_argument("--store", type=Path)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(watched(lambda: MEASURED[given.only](given.file, given.store))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speed(folder, given.megabytes, given.repeats)
        parts(folder)
        memory(folder, "an array", ARRAY_MEGABYTES, "rows.json")
        memory(
            folder,
            f"JSON Lines, {LONG_TRACES} traces in one,",
            ARRAY_MEGABYTES,
            "long_traces.jsonl",
            LONG_TRACES,
        )
        if given.long:
            memory(folder, "JSON Lines", LONG_MEGABYTES, "long.jsonl")


def speed(folder: Path, megabytes: float, repeats: int) -> None:
    """The first ingest of a file, the second, and one of the file grown by a row."""
    file, store, plain = folder / "rows.jsonl", folder / "store.duckdb", folder / "plain.duckdb"
    write_rows(file, megabytes)
    size = file.stat().st_size / 1e6
    runs: dict[str, list[dict[str, Any]]] = {
        "read_json": [], "tables": [], "first": [], "again": [], "grown": []
    }  # fmt: skip
    for _ in range(repeats):
        runs["read_json"].append(measured("duckdb", file, fresh(plain)))
        runs["first"].append(measured("telltale", file, fresh(store)))
        runs["again"].append(measured("telltale", file, store))
        runs["tables"].append(measured("tables", store, fresh(plain)))
        with file.open("a", encoding="utf-8") as stream:
            stream.write(file.open(encoding="utf-8").readline().replace('"rep": 0', '"rep": -1'))
        runs["grown"].append(measured("telltale", file, store))
        write_rows(file, megabytes)
    seconds = {name: [each["seconds"] for each in found] for name, found in runs.items()}
    processor = {name: [each["processor"] for each in found] for name, found in runs.items()}
    print(
        f"{size:.0f} MB of JSON Lines, traces of about 7 kB; medians of {repeats}, least and most in brackets"
    )
    for name, said in (
        ("read_json", "DuckDB, read_json into a table"),
        ("first", "telltale ingest"),
        ("tables", "DuckDB, the tables of that ingest from memory"),
        ("again", "telltale ingest, the same file again"),
        ("grown", "telltale ingest, a row more"),
    ):
        taken = seconds[name]
        rates = f"{size / statistics.median(taken):.0f} MB/s"
        print(
            f"  {said:46} {statistics.median(taken):6.2f} s ({min(taken):.2f} to {max(taken):.2f}), {rates}, "
            f"processor {statistics.median(processor[name]):.2f} s"
        )
    goal("ingest in read_json's speed", ratios(seconds["read_json"], seconds["first"]), "0.50 or more")
    goal(
        "ingest in the speed of DuckDB writing its tables",
        ratios(seconds["tables"], seconds["first"]),
        "none",
    )
    goal("the same file again, in the first's speed", ratios(seconds["first"], seconds["again"]), "4 or more")
    goal("a row more, in the first's speed", ratios(seconds["first"], seconds["grown"]), "none")
    peak = max(each["peak"] for each in runs["first"])
    print(f"peak memory of ingest: {peak:.0f} MiB (goal: below 1024)")
    kept = store.stat().st_size / 1e6
    print(f"the store after it: {kept:.0f} MB, {kept / size:.2f} times the file")


def parts(folder: Path) -> None:
    """What an ingest is made of, one part after the other in one thread; ingest itself has them side by side."""
    file = write_rows(folder / "parts.jsonl", PARTS_MEGABYTES)
    found = measured("parts", file, fresh(folder / "parts.duckdb"))
    whole = sum(found["parts"].values())
    print(f"processor seconds for {PARTS_MEGABYTES} MB, part by part: {whole:.2f}")
    for name, seconds in found["parts"].items():
        print(f"  {name:46} {seconds:6.2f} s ({seconds / whole:.0%})")


def memory(folder: Path, said: str, megabytes: float, name: str, traces: int = 1) -> None:
    """Peak memory of the ingest of a long file, or of one of long traces."""
    file, store = write_rows(folder / name, megabytes, traces), folder / "long.duckdb"
    found = measured("telltale", file, fresh(store))
    rate = megabytes / found["seconds"]
    print(
        f"{said} of {megabytes:,} MB: {found['seconds']:.0f} s ({rate:.0f} MB/s), store {store.stat().st_size / 1e6:,.0f} MB"
    )
    print(f"peak memory of it: {found['peak']:.0f} MiB (goal: below 1024)")
    file.unlink()
    fresh(store)


def goal(said: str, found: list[float], wanted: str) -> None:
    print(
        f"{said}: {statistics.median(found):.2f} times ({min(found):.2f} to {max(found):.2f}; goal: {wanted})"
    )


def ratios(theirs: list[float], ours: list[float]) -> list[float]:
    """How many times as fast ours is, in each repeat."""
    return [one / other for one, other in zip(theirs, ours, strict=True)]


def write_rows(path: Path, megabytes: float, traces: int = 1) -> Path:
    """Rows like a lab's: a prompt, a long reasoning stitched from the sample's, an answer.

    Args:
        path: Where to; JSON Lines by its ending, else an array.
        megabytes: How much.
        traces: How many times as long the reasoning is as that of a usual row.
    """
    with path.open("w", encoding="utf-8") as stream:
        lines = path.suffix == ".jsonl"
        stream.write("" if lines else "[")
        written = 0
        for number, row in enumerate(rows(traces)):
            stream.write(
                ("" if lines or number == 0 else ",\n") + json.dumps(row, ensure_ascii=False) + "\n" * lines
            )
            written = stream.tell() if number % 100 == 0 else written
            if written > megabytes * 1e6:
                break
        stream.write("" if lines else "]")
    return path


def rows(traces: int = 1) -> Iterator[dict[str, Any]]:
    chance = random.Random(1)
    lines = (ROOT / "data/sample/odd-number.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["reasoning"] for line in lines]
    for number in range(10**9):
        yield {
            "checkpoint": f"step-{number % 5}",
            "q": f"Task {number // 20}: say which number you take, and why.",
            "cot": "\n\n".join(text for _ in range(traces) for text in chance.sample(texts, 5)),
            "out": str(number),
            "rep": number,
            "extra": {"seed": number},
        }


def fresh(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def measured(which: str, file: Path, store: Path) -> dict[str, Any]:
    """Measure in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.ingest",
        "--only",
        which,
        "--file",
        str(file),
        "--store",
        str(store),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def watched(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What some work gives, with its processor seconds and the peak memory in MiB, those of other processes added."""
    highest: dict[int, int] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.3):
            for pid, kibibytes in children():
                highest[pid] = max(highest.get(pid, 0), kibibytes)

    threading.Thread(target=watch, daemon=True).start()
    before = processor_seconds()
    found = work()
    processor = processor_seconds() - before
    over.set()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**found, "processor": processor, "peak": (own + sum(highest.values())) / 1024}


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def children() -> Iterator[tuple[int, int]]:
    """The processes that this one has started and that run, each with its peak memory in KiB."""
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in path.read_text().splitlines())
        except OSError:  # it has ended
            continue
        if int(fields["PPid"]) == os.getpid() and "VmHWM" in fields:
            yield int(fields["Pid"]), int(fields["VmHWM"].split()[0])


def by_duckdb(file: Path, store: Path) -> dict[str, Any]:
    import duckdb

    started = time.perf_counter()
    with duckdb.connect(str(store)) as db:
        db.execute("CREATE TABLE t AS SELECT * FROM read_json(?)", [str(file)])
    return {"seconds": time.perf_counter() - started}


def by_telltale(file: Path, store: Path) -> dict[str, Any]:
    from analysis.ingest import ingest
    from analysis.store import Store

    started = time.perf_counter()
    ingest(Store(store), [file], dict(RULES))
    return {"seconds": time.perf_counter() - started}


def tables(source: Path, store: Path) -> dict[str, Any]:
    """What DuckDB alone takes to write the tables of an ingest, which it is handed ready in memory."""
    from analysis.store import Store, append

    names = ("trajectories", "cuts")
    with Store(source).session() as db:
        held = {name: db.execute(f"FROM log.{name}").to_arrow_table() for name in names}
    made = Store(store)
    with made.session():
        pass
    started = time.perf_counter()
    with made.transaction() as db:
        for name in names:
            append(db, name, held[name])
    return {"seconds": time.perf_counter() - started}


def in_parts(file: Path, store: Path) -> dict[str, Any]:
    from analysis.ingest.batch import Batch
    from analysis.ingest.batches import LARGEST_BATCH
    from analysis.ingest.formats import MAPPED
    from analysis.ingest.reading import Identities, Reading
    from analysis.ingest.rows import json_rows
    from analysis.store import Store, append

    taken: dict[str, float] = {}

    def part(name: str, work: Callable[[], Any]) -> Any:
        started = time.process_time()
        made = work()
        taken[name] = taken.get(name, 0.0) + time.process_time() - started
        return made

    def write(batch: Batch) -> None:
        rows, cuts = batch.tables(list(range(len(batch))))
        with made.transaction() as db:
            append(db, "trajectories", rows)
            append(db, "cuts", cuts)

    reading, made = Reading(file, "rows", MAPPED, dict(RULES)), Store(store)
    with made.session():
        pass
    part("reading and parsing JSON", lambda: list(json_rows(file)))
    found = part("the map, ids", lambda: list(Identities().given(reading.found())))
    taken["the map, ids"] -= taken["reading and parsing JSON"]
    for start in range(0, len(found), LARGEST_BATCH):
        some = found[start : start + LARGEST_BATCH]
        batch = part("rows: messages as JSON, hashes", lambda some=some: Batch.of(some).packed())
        part("sentences", batch.cut)
        part("DuckDB", lambda batch=batch: write(batch))
    return {"parts": taken}


MEASURED: dict[str, Callable[[Path, Path], dict[str, Any]]] = {
    "duckdb": by_duckdb, "telltale": by_telltale, "tables": tables, "parts": in_parts,
}  # fmt: skip


if __name__ == "__main__":
    main()
