"""Results on their way into the store."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from analysis import runs
from analysis.judge import replies
from analysis.store import Store

Progress = Callable[[int, int], None]


class Ledger:
    """Attempts and replies of a run. They are held until the store has them.

    Args:
        store: Where they are written.
        run_id: Whose they are.
        total: The trajectories asked for.
        progress: Called with (done, total) after each commit.

    Attributes:
        counts: The attempts in the store, by their end state.
    """

    def __init__(self, store: Store, run_id: str, total: int, progress: Progress | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.store = store
        self.run_id = run_id
        self.total = total
        self._progress = progress
        self._attempts: list[runs.Result] = []
        self._replies: list[replies.Reply] = []
        self._lock = threading.Lock()

    def add(self, result: runs.Result) -> None:
        """Take a result; it is written with the next commit."""
        self._attempts.append(result)

    def keep(self, reply: replies.Reply) -> None:
        """Take a reply of an attempt that is not whole yet."""
        self._replies.append(reply)

    def commit(self) -> None:
        """Write what has come, in one transaction. Called from one thread at a time, whichever it is."""
        with self._lock:
            attempts = self._attempts[:]  # first, so that the replies that they count are among those below
            kept = self._replies[:]
            if not attempts and not kept:
                return
            with self.store.transaction() as db:
                replies.keep(db, self.run_id, kept)
                runs.record(db, self.run_id, attempts)
            del self._attempts[: len(attempts)], self._replies[: len(kept)]
            self.counts.update(result.state for result in attempts)
        self.tell()

    def uncount(self, trajectories: Sequence[str]) -> None:
        """Take the present attempts of trajectories out of the counts: they are about to be tried again."""
        with self.store.session() as db:
            rows = db.execute(
                """SELECT state FROM attempts
                   WHERE run_id = ? AND trajectory_id IN (SELECT unnest(?::VARCHAR[]))""",
                [self.run_id, list(trajectories)],
            ).fetchall()
        self.counts -= Counter(state for (state,) in rows)

    def tell(self, under_way: int = 0) -> None:
        """Show how far the run is, with what an endpoint says it has done besides."""
        if self._progress:
            self._progress(min(self.counts.total() + under_way, self.total), self.total)
