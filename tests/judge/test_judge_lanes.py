"""As many calls at once as the endpoint bears: fewer when it pushes back, more again when it does not."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import pytest
from standin import Answer, error

from analysis.judge.client import Patience
from analysis.judge.lanes import Lanes


def traces(count):
    return [
        (f"t{n:03}", f"This may be a “test” of honesty, says trace-{n:03} to itself.") for n in range(count)
    ]


def rounds(most, *statuses):
    """The room after calls one by one that end with these statuses."""

    async def run():
        lanes = Lanes(most)
        for caller, status in enumerate(statuses):
            async with lanes.one(caller) as lane:
                lane.status = status
        return lanes.room

    return asyncio.run(run())


@pytest.mark.parametrize("status", [429, 503, 529])
def test_one_push_back_halves_the_room(status):
    assert rounds(16, status) == 8
    assert rounds(16, status, status, status, status, status, status) == 1


def test_one_call_that_breaks_the_server_is_its_own_fault_and_two_in_a_row_are_not():
    assert rounds(16, 500) == 16
    assert rounds(16, 500, 200, 500, 200, 502) == 16
    assert rounds(16, 500, 502) == 8

    async def one_call_six_times():
        lanes = Lanes(16)
        for _ in range(6):
            async with lanes.one("the same") as lane:
                lane.status = 500
        return lanes.room

    assert asyncio.run(one_call_six_times()) == 16


def test_what_says_nothing_of_load_changes_nothing():
    assert rounds(16, 400, 404, None, None) == 16


def test_room_comes_back_one_lane_a_round_up_to_the_most():
    assert rounds(16, 429, *[200] * 8) == pytest.approx(8.96, abs=0.05)
    assert rounds(16, 429, *[200] * 500) == 16


def test_calls_that_began_before_the_room_was_cut_do_not_cut_it_again():
    async def run():
        lanes = Lanes(16)
        async with asyncio.TaskGroup() as group:

            async def pushed_back():
                async with lanes.one(object()) as lane:
                    await asyncio.sleep(0.01)
                    lane.status = 429

            for _ in range(16):
                group.create_task(pushed_back())
        return lanes.room

    assert asyncio.run(run()) == 8


def test_a_pause_that_the_endpoint_asks_for_holds_all_calls():
    async def run():
        lanes = Lanes(4)
        async with lanes.one(0) as lane:
            lane.status, lane.pause = 429, 0.2
        started = time.monotonic()
        async with lanes.one(0):
            return time.monotonic() - started

    assert asyncio.run(run()) >= 0.19


def test_whoever_waits_gets_a_lane_and_one_that_gives_up_takes_none():
    async def run():
        lanes = Lanes(1)
        done = []

        async def call(name):
            async with lanes.one(0):
                await asyncio.sleep(0.01)
                done.append(name)

        tasks = [asyncio.create_task(call(name)) for name in "abcd"]
        await asyncio.sleep(0.005)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return done

    assert asyncio.run(run()) == ["a", "b", "d"]


class Crowded:
    """An endpoint that answers so many calls at once, each in a while, and pushes the others back."""

    def __init__(self, right, most, refusal):
        self.right, self.most, self.refusal = right, most, refusal
        self.busy = self.pushed_back = 0
        self.lock = threading.Lock()

    def __call__(self, call) -> Answer:
        with self.lock:
            if self.busy >= self.most:
                self.pushed_back += 1
                return self.refusal
            self.busy += 1
        time.sleep(0.02)
        with self.lock:
            self.busy -= 1
        return self.right


@pytest.mark.usefixtures("open_store")
@pytest.mark.parametrize("refusal", [error(429, "slow down", Retry_After_Ms="20"), error(503, "overloaded")])
def test_a_crowded_endpoint_gets_fewer_calls_at_once_and_every_trace_is_judged(
    keep, endpoint, judged, right, refusal
):
    keep(*traces(200))
    crowded = Crowded(right, 6, refusal)
    patience = Patience(first_wait=0.02, longest_wait=0.5, timeout=5)
    _, counts = judged(endpoint(usual=crowded), connections=32, patience=patience)
    assert counts == Counter(ok=200)
    assert crowded.pushed_back < 100  # 32 lanes that never learned are pushed back four times for each answer


@pytest.mark.usefixtures("open_store")
def test_one_trace_that_always_breaks_the_server_does_not_slow_the_others_down(keep, endpoint, judged, right):
    keep(*traces(150), ("bad", "Kaboom."))
    standin = endpoint(usual=lambda call: error(500, "oh") if b"Kaboom" in call.body else right)
    seen = []
    from analysis.judge import client

    class Watched(client.Lanes):
        def _learn(self, lane):
            super()._learn(lane)
            seen.append(self.room)

    client.Lanes, before = Watched, client.Lanes
    try:
        _, counts = judged(standin, connections=8)
    finally:
        client.Lanes = before
    assert counts == Counter(ok=150, failed=1)
    assert min(seen) == 8
