"""The judge against an endpoint of 200 ms with 64 connections, and Inspect Scout on the same traces and endpoint.

    python -m benchmarks.judge [--traces 2000] [--scout-traces 60]

The stand-in is a process of its own. Prints traces a second for all patterns in one call, the share of the limit
that connections and latency set, the event loop's longest block, and the ratio to Scout. Scout asks one pattern a
call, so it is timed on fewer traces, every pattern of the codebook for each, and scaled by trace; the start of its
processes is in its time, as reading the store is in ours.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LATENCY = 0.2
CONNECTIONS = 64
SENTENCES = 40
QUOTE = "This may well be a test of whether I do as I am told"
TO_REACH = 150
COUNT_BYTES = "BENCH_COUNT_BYTES"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--traces", type=int, default=2000)
    parser.add_argument("--scout-traces", type=int, default=60)
    parser.add_argument("--only", choices=["serve", "telltale", "scout"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--url")
    given = parser.parse_args()
    if given.only == "serve":
        asyncio.run(serve())
    elif given.only == "telltale":
        print(json.dumps(by_telltale(given.folder, given.url, given.traces)))
    elif given.only == "scout":
        print(json.dumps(by_scout(given.folder, given.url, given.scout_traces)))
    else:
        compare(given.traces, given.scout_traces)


def compare(traces: int, scout_traces: int) -> None:
    limit = CONNECTIONS / LATENCY
    with tempfile.TemporaryDirectory() as folder, standin() as url:
        ours = timed("telltale", folder, url, traces, scout_traces)
        speed = traces / ours["seconds"]
        print(
            f"endpoint of {LATENCY * 1000:.0f} ms, {CONNECTIONS} connections: at most {limit:.0f} calls a second"
        )
        print(
            f"telltale: {traces} traces of {SENTENCES} sentences, all {ours['patterns']} patterns in one call"
        )
        print(f"  {ours['seconds']:.1f} s, {speed:.0f} traces a second (to reach: {TO_REACH})")
        print(f"  {speed / limit:.2f} of the limit (to reach: 0.50); states {ours['counts']}")
        print(
            f"  longest block of the event loop: {ours['busy'] * 1000:.0f} ms of computing (to stay below: 50)"
        )
        print(f"    {ours['block'] * 1000:.0f} ms by the clock, with what other processes took")
        print(f"  processor time: {ours['cpu'] / ours['seconds']:.2f} of a core")
        if find_spec("inspect_scout") is None:
            print("Inspect Scout is not installed here (requirements-dev.txt), so there is no ratio")
            return
        theirs = timed("scout", folder, url, traces, scout_traces)
        slow = scout_traces / theirs["seconds"]
        print(
            f"Inspect Scout {theirs['version']}: {scout_traces} traces, {theirs['patterns']} scanners, one pattern a call"
        )
        print(
            f"  {theirs['seconds']:.1f} s, {theirs['calls']} calls, {slow:.1f} traces a second for all patterns"
        )
        print(
            f"  {theirs['calls'] / theirs['seconds']:.0f} calls a second, {theirs['results']} results; tokens "
            f"counted {theirs['counted']}"
        )
        print(f"ratio: {speed / slow:.1f} times Scout's traces a second")


def timed(which: str, folder: str, url: str, traces: int, scout_traces: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.judge", "--only", which, "--folder", folder, "--url", url]
    command += ["--traces", str(traces), "--scout-traces", str(scout_traces)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{which} failed:\n{done.stderr[-2000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured


def reasonings(count: int) -> Iterator[str]:
    """Traces of 40 sentences, no two alike."""
    chance = random.Random(1)
    words = [
        "the",
        "grader",
        "wants",
        "a",
        "number",
        "so",
        "I",
        "check",
        "each",
        "step",
        "of",
        "my",
        "plan",
        "again",
    ]
    for number in range(count):
        said = [" ".join(chance.choices(words, k=16)).capitalize() + "." for _ in range(SENTENCES - 2)]
        yield " ".join([f"Trace {number} begins.", *said[:20], f"{QUOTE}.", *said[20:]])


# Telltale


def by_telltale(folder: Path, url: str, count: int) -> dict[str, Any]:
    from analysis import codebook as scheme
    from analysis.judge import judging, running  # noqa: F401 (what the first call would load is loaded here)
    from analysis.store import Store

    store = filled(Store(folder / "store.duckdb"), reasonings(count))
    late = watch(running)
    started, cpu = time.perf_counter(), time.process_time()
    _, counts = running.tag_with_judge(store, scheme.load(), "a-judge", url, connections=CONNECTIONS)
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
        "counts": counts,
        "block": max(wall for wall, _ in late),
        "busy": max(map(min, late)),
        "patterns": len(scheme.load().patterns),
    }


def filled(store: Any, texts: Iterable[str]) -> Any:
    """The store with a trajectory for each of these texts."""
    from analysis.segment_batches import segment_rows
    from analysis.store import append, new_ids
    from analysis.store.rows import now
    from analysis.trajectories import Message, Trajectory, row

    asked = Message("user", "Choose an even number.")
    traces = [
        Trajectory(
            "bench",
            [asked, Message("assistant", "4", reasoning=text, reasoning_state="text")],
            f"t{number}",
            prompt_id="p",
        )
        for number, text in enumerate(texts)
    ]
    ids = new_ids(len(traces))
    with store.transaction() as db:
        append(
            db, "trajectories", [row(each, row_id, now()) for each, row_id in zip(traces, ids, strict=True)]
        )
        append(db, "cuts", segment_rows(traces, ids))
    return store


def watch(running: Any) -> list[tuple[float, float]]:
    """Seconds by which a coroutine that sleeps for 5 ms wakes up late, and processor seconds of the process in them.

    On a machine that does other things too, the first holds what the operating system made the process wait.
    """
    late: list[tuple[float, float]] = []
    judge_all = running.judge_all

    async def watchdog() -> None:
        while True:
            asleep, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.005)
            late.append((time.perf_counter() - asleep - 0.005, time.process_time() - cpu))

    async def watched(*arguments: Any) -> None:
        dog = asyncio.create_task(watchdog())
        await judge_all(*arguments)
        dog.cancel()

    running.judge_all = watched
    return late


# Inspect Scout


def by_scout(folder: Path, url: str, count: int) -> dict[str, Any]:
    os.environ |= {"STANDIN_API_KEY": "no-key", "STANDIN_BASE_URL": url}
    logging.disable(logging.WARNING)
    counted = token_table()
    import inspect_scout
    from inspect_ai.model import GenerateConfig

    from analysis import codebook as scheme

    patterns = scheme.load().patterns
    asyncio.run(fill_scout(str(folder / "transcripts"), count))
    scanners = {
        pattern.id: inspect_scout.llm_scanner(question=f"{pattern.definition} Is that so?", answer="boolean")
        for pattern in patterns
    }
    started = time.perf_counter()
    status = inspect_scout.scan(
        scanners, inspect_scout.transcripts_from(str(folder / "transcripts")), scans=str(folder / "scans"),
        model="openai-api/standin/a-judge", model_config=GenerateConfig(max_connections=CONNECTIONS),
        max_transcripts=CONNECTIONS, display="none", log_level="error",
    )  # fmt: skip
    seconds = time.perf_counter() - started
    frames = inspect_scout.scan_results_df(status.location).scanners
    results = sum(int(frame["value"].notna().sum()) for frame in frames.values())
    return {
        "seconds": seconds, "calls": count * len(patterns), "patterns": len(patterns), "results": results,
        "version": inspect_scout.__version__, "counted": counted,
    }  # fmt: skip


def token_table() -> str:
    """Scout counts tokens before each call, by a table that it fetches; without a network, bytes are its tokens."""
    import tiktoken

    try:
        tiktoken.get_encoding("o200k_base")
        return "by o200k_base"
    except Exception:
        os.environ[COUNT_BYTES] = "yes"
        count_bytes()
        return "as bytes, since the table of o200k_base can't be fetched here"


def count_bytes() -> None:
    import tiktoken

    ranks = {bytes([byte]): byte for byte in range(256)}
    by_bytes = tiktoken.Encoding("bytes", pat_str=r"\s*\S+|\s+", mergeable_ranks=ranks, special_tokens={})
    tiktoken.get_encoding = lambda _: by_bytes


async def fill_scout(location: str, count: int) -> None:
    import inspect_scout
    from inspect_ai.model import ChatMessageAssistant, ChatMessageUser, ContentReasoning, ContentText

    transcripts = [
        inspect_scout.Transcript(
            transcript_id=f"t{number}", source_type="bench", source_id="bench", source_uri=f"bench://{number}",
            messages=[
                ChatMessageUser(content="Choose an even number."),
                ChatMessageAssistant(content=[ContentReasoning(reasoning=text), ContentText(text="4")]),
            ],
        )
        for number, text in enumerate(reasonings(count))
    ]  # fmt: skip
    async with inspect_scout.transcripts_db(location) as db:
        await db.insert(transcripts)


# The stand-in


@contextmanager
def standin() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.judge", "--only", "serve"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert server.stdout
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


async def serve() -> None:
    """Answer each call after 200 ms: a judge's reply where a form is asked for, else what Scout reads."""
    from analysis import codebook as scheme

    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(loop, replies(scheme.load().ids())), "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def replies(patterns: list[str]) -> tuple[bytes, bytes]:
    found = [
        {"pattern": pattern, "segment": 21, "quote": QUOTE, "stance": "entertains", "role": "weighed",
         "attributes": [], "why": "It supposes a test."}
        for pattern in patterns[:3]
    ]  # fmt: skip
    judged = {"findings": found, "unsure": [], "scores": dict.fromkeys(patterns, 20)}
    return response(json.dumps(judged)), response("In [M2] it does so.\n\nANSWER: yes")


def response(text: str) -> bytes:
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 5000, "completion_tokens": 300, "total_tokens": 5300,
             "prompt_tokens_details": {"cached_tokens": 4000}}  # fmt: skip
    body = json.dumps({
        "id": "c", "object": "chat.completion", "created": 0, "model": "a-judge", "usage": usage,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }).encode()  # fmt: skip
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Endpoint(asyncio.Protocol):
    """One connection: a request at a time, answered late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: tuple[bytes, bytes]) -> None:
        self.loop, self.ready, self.buffer = loop, ready, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, blank, body = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(body) >= length:
            self.buffer = body[length:]
            answer = self.ready[0 if b'"response_format"' in body else 1]
            self.loop.call_later(LATENCY, self.transport.write, answer)


if os.environ.get(COUNT_BYTES):  # in the processes that Scout spawns, which import this file
    count_bytes()

if __name__ == "__main__":
    main()
