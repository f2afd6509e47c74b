"""Running a local tagger over the store, in batches that can be stopped and taken up again."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence

from analysis import runs
from analysis.codebook import Codebook
from analysis.cue_processes import Matchers
from analysis.store import Store

BATCH_SECONDS = 2.0
FIRST_BATCH = 200
WORTH_PROCESSES, MOST_PROCESSES = 2_000, 8
"""From how many trajectories on the cues are matched in processes of their own, a second's work to start; and how many
of these there are at the most."""
CONFIG = {"matching": "sentence"}
Progress = Callable[[int, int], None]
Tag = Callable[[Sequence[runs.Item]], Callable[[], Sequence[runs.Result]]]
"""Begins to tag items, and gives what waits for their results."""


def tag_with_cues(
    store: Store, codebook: Codebook, where: str | None = None, progress: Progress | None = None
) -> tuple[str, Counter[str]]:
    """Tag what the cue run of this codebook has not tagged yet.

    Args:
        store: Where trajectories are read and results written.
        codebook: Whose cues are used.
        where: A condition in SQL over the columns of `trajectories`.
        progress: Called with (done, total) after each batch.

    Returns:
        The run's id, and the attempts of this call counted by their end state.
    """
    run_id = runs.start(store, "cues", CONFIG, codebook)
    with store.session() as db:
        todo = runs.pending(db, run_id, where)
    processes = min(MOST_PROCESSES, os.cpu_count() or 1) if len(todo) >= WORTH_PROCESSES else 1
    with Matchers(codebook, processes) as match:
        return run_id, tag_pending(store, run_id, todo, match, progress)


def tag_pending(
    store: Store,
    run_id: str,
    todo: Sequence[int],
    tag: Tag,
    progress: Progress | None = None,
) -> Counter[str]:
    """Have a tagger tag trajectories, a batch a commit; what has no reasoning is set aside.

    While one batch is tagged, the one before it is written and the one after it is read.

    Args:
        store: Where trajectories are read and results written.
        run_id: The run.
        todo: Which, as `runs.pending` gives them.
        tag: The tagger.
        progress: Called with (done, total) after each batch.

    Returns:
        The attempts of this call counted by their end state.
    """
    counts: Counter[str] = Counter()
    size, done = FIRST_BATCH, 0
    finished: list[runs.Result] = []
    under_way: Callable[[], list[runs.Result]] | None = None
    while done < len(todo) or under_way or finished:
        started = time.monotonic()
        with store.session() as db:  # one opening of the file for both
            _write(store, run_id, finished)
            batch = list(runs.items(db, todo[done : done + size]))
        counts.update(result.state for result in finished)
        if progress and finished:
            progress(counts.total(), len(todo))
        before, under_way = under_way, _begun(tag, batch) if batch else None
        finished = before() if before else []
        done += size
        size = max(50, min(20_000, int(size * BATCH_SECONDS / max(time.monotonic() - started, 0.01))))
    return counts


def _write(store: Store, run_id: str, results: Sequence[runs.Result]) -> None:
    if results:
        with store.transaction() as db:
            runs.record(db, run_id, results)


def _begun(tag: Tag, batch: Sequence[runs.Item | runs.Result]) -> Callable[[], list[runs.Result]]:
    """Have the items of a batch tagged; what is given back waits for the results of the whole batch."""
    waiting = tag([each for each in batch if isinstance(each, runs.Item)])
    return lambda: [*(each for each in batch if isinstance(each, runs.Result)), *waiting()]


def to_tag_with_cues(store: Store, codebook: Codebook, where: str | None = None) -> tuple[str, int]:
    """The cue run of this codebook, and how many trajectories it has not tagged yet. Nothing is written."""
    run_id, _ = runs.identify("cues", CONFIG, codebook)
    with store.session() as db:
        return run_id, len(runs.pending(db, run_id, where))
