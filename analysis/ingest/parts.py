"""A large file of JSON lines read in parts, by processes of their own.

Lines with an object each can be read in any order. Where something else turns up, what follows is read by this
process, one line after the other.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import cycle

from analysis.ingest.batch import Batch
from analysis.ingest.formats import BY_ROW, MAPPED
from analysis.ingest.lines import Irregular, Part, are_lines, parts_of
from analysis.ingest.reading import Identities, Reading
from analysis.ingest.rows import Unreadable
from analysis.worker import Worker

SMALLEST_FILE = 16_000_000
"""From how many bytes on: a process takes a quarter of a second to start."""
MOST_BYTES = 64_000_000
"""How much of the file is under way, but for one part that is larger."""
MOST_WORKERS = 3
"""How many keep the one busy that writes."""


def can_be_read_in_parts(reading: Reading) -> bool:
    """Whether it is worth while to read a file so, and it begins like JSON lines each of which is read by itself."""
    path = reading.path
    large = path.is_file() and path.stat().st_size >= SMALLEST_FILE
    by_row = reading.format == MAPPED or reading.format in BY_ROW
    return large and by_row and (os.cpu_count() or 1) > 1 and are_lines(path)


def batches_of_parts(
    reading: Reading,
    most_lines: int,
    most_bytes: int,
    cut: Callable[[], bool],
    rest: Callable[[Part, Identities], Iterator[Batch]],
) -> Generator[Batch]:
    """The trajectories of a file, a batch a part.

    Args:
        reading: How it is read.
        most_lines: How many lines a part has.
        most_bytes: From how many bytes on it has fewer.
        cut: Whether the sentences of what is read next are wanted.
        rest: Reads what follows the parts that could be read so.
    """
    identities, reading = Identities(), replace(reading, path=reading.path.absolute())
    workers = min(MOST_WORKERS, os.cpu_count() or 1)
    with ExitStack() as held:
        asks = []
        for _ in range(workers):
            work, pool = held.enter_context(Worker()), held.enter_context(ThreadPoolExecutor(1))
            asks.append((pool, work))
        parts = parts_of(reading.path, most_lines, most_bytes)
        under_way: deque[tuple[Part, Future[Batch | None]]] = deque()
        turn = cycle(asks)
        while True:
            while len(under_way) <= workers and sum(each.size or 0 for each, _ in under_way) < MOST_BYTES:
                if (part := next(parts, None)) is None:
                    break
                pool, work = next(turn)
                under_way.append((part, pool.submit(work, batch_of, reading, part, cut())))
            if not under_way:
                return
            part, coming = under_way.popleft()
            batch = coming.result()
            if batch is None:
                break
            identities.complete(batch)
            yield batch
        for _, coming in under_way:
            coming.cancel()
    yield from rest(replace(part, size=None), identities)


def batch_of(reading: Reading, part: Part, cut: bool) -> Batch | None:
    """The trajectories of a part, but for ids that those before it decide; None where it is to be read otherwise."""
    if part.size is None:
        return None
    batch = Batch()
    try:
        for each in reading.found(part):
            if isinstance(each, Unreadable):
                batch.add(each)
                continue
            trajectory = each[1]
            if trajectory.trajectory_id is not None:
                batch.named.append(len(batch))
            trajectory.identify(None)
            batch.add(trajectory)
    except Irregular:
        return None
    return (batch.cut() if cut else batch).packed()
