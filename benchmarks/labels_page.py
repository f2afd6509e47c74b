"""Server time of what people's labels are shown by, over 100,000 trajectories and 28,000 events of five people.

    python -m benchmarks.labels_page [--n 100000] [--labelled 2000] [--store FILE]

Simulated trajectories are written again and again under new ids until there are enough; a queue is drawn, and what it
drew is labelled as five people do who mostly agree. Prints each figure's time and that of the Progress page and the
Overview: a first look, the first one after somebody has changed a label, and the median of those that follow. With
--store the store is kept there, and used again by the next run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np

from analysis import codebook
from analysis.store import Store, append
from analysis.store.rows import now
from benchmarks.pages import look, ms, multiplied
from labels import queue
from labels.adjudication import to_adjudicate
from labels.agreement import agreement
from labels.events import Event
from labels.gold import gold
from labels.log import record
from labels.progress import overview, people
from labels.queue_design import Settings, make
from labels.spread import by_checkpoint

PEOPLE = ("ada", "bo", "cy", "dee", "eli")
LIMIT_MS = 300
PARTS = ("people", "queue", "agreement", "checkpoints")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--labelled", type=int, default=2_000)
    parser.add_argument("--store", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = wanted.store or Path(folder) / "store.duckdb"
        if not path.exists():
            _label(multiplied(path, wanted.n), wanted.labelled)
        os.environ["TELLTALE_DB"] = str(path)
        measure(Store(path))


def measure(store: Store) -> None:
    """Print the times."""
    with store.session() as db:
        [counts] = db.execute(
            "SELECT (SELECT count(*) FROM trajectories), (SELECT count(*) FROM log.label_events)"
        ).fetchall()
        print(f"{counts[0]:,} trajectories, {counts[1]:,} events of {len(PEOPLE)} people")
        book = codebook.load()
        asked: dict[str, Callable[[], object]] = {
            "agreement": lambda: agreement(db, None, book),
            "people": lambda: people(db, book),
            "overview": lambda: overview(db, book),
            "labels by checkpoint": lambda: by_checkpoint(db, book),
            "gold": lambda: gold(db, book),
            "to adjudicate": lambda: to_adjudicate(db, "kim", book),
            "next trace of a queue": lambda: queue.next_trace(db, "ada"),
        }
        for name, ask in asked.items():
            first, cpu = ms(ask)
            print(f"{name:28} {first:10,.0f} ms ({cpu:,.0f} of CPU), then {ms(ask)[0]:,.0f}")
    look("overview", {})  # modules are imported once a server
    for name, view, address in (
        *((f"Progress, {part}", "progress", {"part": part}) for part in PARTS), ("Overview", "overview", {})
    ):  # fmt: skip
        first, cpu, _ = look(view, address, 1)
        _change_a_label(store)
        after, worked, then = look(view, address, 3)
        told = f"after a label {after:,.0f} ms ({worked:,.0f}), then {then:.0f}; limit {LIMIT_MS:,}: {after / LIMIT_MS:.2f}x"
        print(f"{name:28} {first:10,.0f} ms ({cpu:,.0f} of CPU), {told}", flush=True)


def _change_a_label(store: Store) -> None:
    """Somebody says something else of a trace that they have labelled, and submits it."""
    with store.session() as db:
        name = db.execute(
            "SELECT trajectory_id FROM log.label_events WHERE annotator = 'ada' ORDER BY random() LIMIT 1"
        ).fetchall()[0][0]
        revision = db.execute("SELECT max(codebook_revision) FROM log.label_events").fetchall()[0][0]
    said = Event("ada", name, "set", pattern="eval_aware", new="unsure", codebook_revision=revision)
    record(store, [said, Event("ada", name, "submit", new="eval_aware", codebook_revision=revision)])


def _label(store: Store, labelled: int) -> None:
    """Draw a queue, and have five people label it blind: each a part of it, one trace in five two of them."""
    chance = np.random.default_rng(1)
    ids = codebook.load().ids()
    make(store, Settings(size=labelled, seed=1))
    with store.session() as db:
        items = db.execute(
            """SELECT q.trajectory_id, q.reason, q.probability, q.people, t.reasoning_sha256, left(t.reasoning, 20)
               FROM queue_items q JOIN trajectories t USING (trajectory_id) WHERE q.reason IS NOT NULL ORDER BY 1"""
        ).fetchall()
    events: list[Event] = []
    begun = now() - timedelta(days=3)
    for name, reason, probability, wanted, sha, quote in items:
        truth = chance.random(len(ids)) < 0.1
        for who in chance.choice(PEOPLE, wanted, replace=False):
            head = {
                "annotator": str(who),
                "trajectory_id": name,
                "reasoning_sha256": sha,
                "codebook_revision": 1,
            }
            said = truth ^ (chance.random(len(ids)) < 0.03)
            steps: list[dict[str, object]] = [
                {"op": "open", "queue_reason": reason, "queue_probability": probability},
                *(
                    {
                        "op": "add_quote",
                        "pattern": ids[n],
                        "quote": quote,
                        "start_char": 0,
                        "end_char": len(quote),
                    }
                    if n % 2
                    else {"op": "set", "pattern": ids[n], "new": "unsure" if n % 7 == 0 else "absent"}
                    for n in np.flatnonzero(said | (chance.random(len(ids)) < 0.5))
                ),
                {"op": "submit", "new": " ".join(ids)},
            ]
            for step in steps:
                begun += timedelta(seconds=3)
                events.append(Event(**head, **step, created_at=begun))  # type: ignore[arg-type]
    with store.transaction() as db:
        append(db, "label_events", [event.as_row() for event in events])


if __name__ == "__main__":
    main()
