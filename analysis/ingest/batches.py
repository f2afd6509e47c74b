"""The trajectories of a file into the store, batch by batch.

While one is written, the sentences of the next are cut in a process of their own, and those after it are read.
"""

from __future__ import annotations

import gc
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager

from analysis.ingest.batch import Batch
from analysis.ingest.finished import was_read
from analysis.ingest.lines import Part
from analysis.ingest.parts import batches_of_parts, can_be_read_in_parts
from analysis.ingest.reading import Identities, Reading
from analysis.ingest.rows import Unreadable
from analysis.ingest.writing import FileReport, write
from analysis.segment_batches import segment_joined
from analysis.segment_letters import join
from analysis.store import Store
from analysis.store.file import ROWS_A_GROUP
from analysis.store.rows import arrow_schema
from analysis.trajectories import Trajectory
from analysis.worker import Worker

LARGEST_BATCH = ROWS_A_GROUP
"""How many trajectories are written together: as many as the store packs together; any other number costs more."""
LARGEST_CHARACTERS = 24_000_000
"""From how much text on they are written before they are as many."""
LONG_CHARACTERS = 8_000_000
"""The same where they are so long that they will not be as many."""
LARGEST_PART = 16_000_000
"""From how many bytes on a part of a file is read by itself, with however few lines."""
LONGEST_SECONDS = 5.0
"""After how long they are, however few were read."""
MOST_UNDER_WAY = 2
CHARACTERS_UNDER_WAY = 32_000_000
"""How many batches, and with how much text, wait to be cut and written while the next is read."""
OBJECTS_COLLECTED = 20_000
"""After how many new objects Python looks for cycles while rows are read, which come and go and have none."""
LINGER_SECONDS = 2.0
"""How long the store stays open for the next batch, unless another process wants it."""
CHARACTERS_CUT_AHEAD = 4_000_000
"""From how much text on a batch is cut by the other process, which takes half a second to start."""

Progress = Callable[[str, int], None]
TakesLabeled = Callable[[list[Trajectory]], None]


def store_all(
    store: Store,
    reading: Reading,
    report: FileReport,
    replace: bool,
    progress: Progress | None,
    labeled: TakesLabeled | None,
) -> None:
    """Write what is in a file.

    Args:
        store: Where to. It is written while what comes next is read.
        reading: How the file is read.
        report: Of the file; counted on.
        replace: Whether a trajectory with other content supersedes the one that is there.
        progress: Called with (file, trajectories read so far) after each batch.
        labeled: Called after each batch with those of its trajectories that came with labels made elsewhere.
    """
    new: bool | None = None

    def finish(batch: Batch, writing: Future[None]) -> None:
        writing.result()
        if labeled and (having := [each for each in batch.more.values() if each.labeled]):
            labeled(having)
        if progress:
            progress(report.file, report.read)

    def wants_cuts() -> bool:
        """Whether most of the file is new; else hardly any of its sentences are needed."""
        nonlocal new
        new = not was_read(store, report) if new is None else new
        return new and not report.already

    store = store.lingering(LINGER_SECONDS)
    under_way: deque[tuple[Batch, Future[None]]] = deque()
    in_parts = can_be_read_in_parts(reading)
    if in_parts:
        next(reading.found(), None)  # a map that does not fit is refused before anything is stored
    found = _read(reading, in_parts, wants_cuts)
    with _rarely_collected(), ThreadPoolExecutor(1) as writer, closing(found) as batches:
        if in_parts:
            writer.submit(_make_ready, store)
        try:
            for batch in batches:
                under_way.append((batch, writer.submit(write, store, batch, report.file, report, replace)))
                while under_way and (under_way[0][1].done() or _too_many([batch for batch, _ in under_way])):
                    finish(*under_way.popleft())
        finally:
            while under_way:
                finish(*under_way.popleft())


def _make_ready(store: Store) -> None:
    """Open the store while the first rows are read: for the first time in a process that takes a third of a second."""
    with store.session():
        arrow_schema("trajectories")


def _read(reading: Reading, in_parts: bool, wants_cuts: Callable[[], bool]) -> Generator[Batch]:
    def one_by_one(part: Part | None, identities: Identities) -> Generator[Batch]:
        return _cut_ahead(_batches(identities.given(reading.found(part))), wants_cuts)

    if in_parts:
        return batches_of_parts(reading, LARGEST_BATCH, LARGEST_PART, wants_cuts, one_by_one)
    return one_by_one(None, Identities())


def _cut_ahead(batches: Iterator[Batch], wants_cuts: Callable[[], bool]) -> Generator[Batch]:
    """Batches of which the sentences of large ones are cut by another process, while the next is read."""
    with Worker() as work, ThreadPoolExecutor(1) as cutting:
        for batch in batches:
            if batch.characters >= CHARACTERS_CUT_AHEAD and wants_cuts():
                texts = batch.texts()
                batch.cutting = cutting.submit(
                    work, segment_joined, join(texts), [len(text) for text in texts]
                )
            yield batch


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Look for cycles less often, and not in what was there before: a tenth of the reading."""
    before = gc.get_threshold()
    if before[0] >= OBJECTS_COLLECTED:  # another ingest of this process does it
        yield
        return
    gc.freeze()
    gc.set_threshold(OBJECTS_COLLECTED, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _too_many(waiting: list[Batch]) -> bool:
    return len(waiting) > MOST_UNDER_WAY or sum(each.characters for each in waiting) > CHARACTERS_UNDER_WAY


def _batches(found: Iterable[Trajectory | Unreadable]) -> Iterator[Batch]:
    batch, started = Batch(), time.monotonic()
    for each in found:
        batch.add(each)
        if _is_full(batch) or time.monotonic() - started > LONGEST_SECONDS:
            yield batch
            batch, started = Batch(), time.monotonic()
    yield batch


def _is_full(batch: Batch) -> bool:
    rows = len(batch)
    long = batch.characters * LARGEST_BATCH > LARGEST_CHARACTERS * rows
    return rows >= LARGEST_BATCH or batch.characters >= (LONG_CHARACTERS if long else LARGEST_CHARACTERS)
