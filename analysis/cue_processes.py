"""Cues matched in processes of their own, beside one that reads and writes: of a process's threads Python runs one.

with Matchers(codebook, processes=2) as match:
    waiting = match(items)
    …
    results = waiting()
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor

from analysis.codebook import Codebook
from analysis.cues import CueTagger
from analysis.runs import Item, Result

Waiting = Callable[[], Sequence[Result]]
Piece = tuple[str, str, str, list[tuple[int, int]]]
"""trajectory_id, reasoning, its hash and its sentences: what a tagger of cues needs of an item."""

PIECES_A_PROCESS = 2


class Matchers:
    """Processes that each have the tagger, and start with the first items; none where one process is enough."""

    def __init__(self, codebook: Codebook, processes: int) -> None:
        self._tagger = CueTagger(codebook)
        self._parts = processes * PIECES_A_PROCESS
        self._pool = None
        if processes > 1:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(processes, context, _begin, (codebook,))

    def __enter__(self) -> Matchers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __call__(self, items: Sequence[Item]) -> Waiting:
        """Begin to tag; what is given back waits for the results. Should a process die, they are made in this one."""
        pieces = [
            (each.trajectory_id, each.reasoning, each.reasoning_sha256, each.segments) for each in items
        ]
        if not self._pool or not pieces:
            return lambda: _tagged(self._tagger, pieces)
        step = -(-len(pieces) // self._parts)
        try:
            coming = [self._pool.submit(_match, pieces[at : at + step]) for at in range(0, len(pieces), step)]
        except BrokenExecutor:
            return lambda: _tagged(self._tagger, pieces)

        def results() -> Sequence[Result]:
            try:
                return [result for each in coming for result in each.result()]
            except BrokenExecutor:
                return _tagged(self._tagger, pieces)

        return results


def _tagged(tagger: CueTagger, pieces: Sequence[Piece]) -> list[Result]:
    found = []
    for trajectory_id, reasoning, sha256, segments in pieces:
        started = time.perf_counter()
        result = tagger.tag(trajectory_id, reasoning, segments)
        told = {"seconds": time.perf_counter() - started, "reasoning_sha256": sha256}
        found.append(Result(**{**result.__dict__, **told}))
    return found


def _begin(codebook: Codebook) -> None:
    global _mine
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who asks
    _mine = CueTagger(codebook)


def _match(pieces: Sequence[Piece]) -> list[Result]:
    assert _mine is not None
    return _tagged(_mine, pieces)


_mine: CueTagger | None = None
