"""Running a local tagger over the store, in batches that can be stopped and taken up again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence

from analysis import runs
from analysis.codebook import Codebook
from analysis.cues import CueTagger
from analysis.store import Store

BATCH_SECONDS = 1.0
CONFIG = {"matching": "sentence"}
Progress = Callable[[int, int], None]


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
    tagger = CueTagger(codebook)

    def tag(items: Sequence[runs.Item]) -> list[runs.Result]:
        return [_tag(tagger, item) for item in items]

    return run_id, tag_pending(store, run_id, tag, where, progress)


def tag_pending(
    store: Store,
    run_id: str,
    tag: Callable[[Sequence[runs.Item]], Sequence[runs.Result]],
    where: str | None = None,
    progress: Progress | None = None,
) -> Counter[str]:
    """Have a tagger tag what a run has not tagged yet, a batch a commit; what has no reasoning is set aside.

    Args:
        store: Where trajectories are read and results written.
        run_id: The run.
        tag: Gives a result for each item.
        where: A condition in SQL over the columns of `trajectories`.
        progress: Called with (done, total) after each batch.

    Returns:
        The attempts of this call counted by their end state.
    """
    with store.session() as db:
        todo = runs.pending(db, run_id, where)
    counts: Counter[str] = Counter()
    size, done = 200, 0
    while done < len(todo):
        started = time.monotonic()
        with store.session() as db:
            batch = list(runs.items(db, todo[done : done + size]))
        results = [each for each in batch if isinstance(each, runs.Result)]
        results += tag([each for each in batch if isinstance(each, runs.Item)])
        with store.transaction() as db:
            runs.record(db, run_id, results)
        counts.update(result.state for result in results)
        done += size
        if progress:
            progress(min(done, len(todo)), len(todo))
        size = max(50, min(20_000, int(size * BATCH_SECONDS / max(time.monotonic() - started, 0.01))))
    return counts


def to_tag_with_cues(store: Store, codebook: Codebook, where: str | None = None) -> tuple[str, int]:
    """The cue run of this codebook, and how many trajectories it has not tagged yet. Nothing is written."""
    run_id, _ = runs.identify("cues", CONFIG, codebook)
    with store.session() as db:
        return run_id, len(runs.pending(db, run_id, where))


def _tag(tagger: CueTagger, item: runs.Item) -> runs.Result:
    started = time.perf_counter()
    result = tagger.tag(item.trajectory_id, item.reasoning, item.segments)
    return runs.Result(
        **{
            **result.__dict__,
            "seconds": time.perf_counter() - started,
            "reasoning_sha256": item.reasoning_sha256,
        }
    )
