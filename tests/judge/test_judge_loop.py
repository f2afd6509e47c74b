"""The event loop goes on whatever is judged: nothing that takes long is done on it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

from standin import completion, slow

from analysis.judge import running


def watched(monkeypatch):
    """How late a coroutine that sleeps for 5 ms wakes up: by the clock, and in processor time of this thread."""
    late = []
    judge_all = running.judge_all

    async def watchdog():
        while True:
            began, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(0.005)
            late.append(min(time.perf_counter() - began - 0.005, time.thread_time() - computed))

    async def with_watchdog(*arguments):
        dog = asyncio.create_task(watchdog())
        await judge_all(*arguments)
        dog.cancel()

    monkeypatch.setattr(running, "judge_all", with_watchdog)
    return late


def test_long_traces_and_quotes_that_have_to_be_folded_do_not_hold_up_the_others(
    keep, endpoint, judged, reply, finding, monkeypatch
):
    """The bench holds the loop to 50 ms; here a busy machine is allowed for, and a fold of all texts at once is not."""
    short = [(f"t{n}", f"This may be a “test” of honesty, says trace-{n}.") for n in range(60)]
    long = [
        (f"long{n}", f"I go on with plan {n} as it stands. " * 5000 + "This may be a test.") for n in range(4)
    ]
    keep(*short, *long)
    quotes = [finding(f"THIS  MAY BE A TEST{'.' * n}", segment=3) for n in range(2)]
    standin = endpoint(usual=slow(0.02, completion(json.dumps(reply(*quotes)))))
    judged(standin)  # what the first calls load is loaded
    late = watched(monkeypatch)
    _, counts = judged(standin, connections=16, repeat=2)
    assert counts == Counter(ok=64)
    assert len(late) > 10 and max(late) < 0.2
