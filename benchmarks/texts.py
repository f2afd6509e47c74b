"""What the benchmarks of sentences share: public or simulated reasoning, and a store made of texts."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from analysis.segment_batches import segment_rows
from analysis.store import Store, append, new_ids
from analysis.store.rows import now
from analysis.trajectories import Message, Trajectory, row

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("TELLTALE_SHARED", ROOT.parent / "shared")) / "real"
"""The public traces; they may not be there."""


def real() -> Iterator[str]:
    """The public traces' reasoning, answers and verdicts in words, and sentences."""
    files = sorted((REAL / "library-choice").glob("*.json"))
    for key in ("internal_reasoning", "external_output", "monitor_explanation"):
        for file in files:
            yield from filter(None, (each.get(key) for each in json.loads(file.read_text(encoding="utf-8"))))
    for file in sorted((REAL / "sentences").glob("*.json")):
        yield "\n".join(each["chunk"] for each in json.loads(file.read_text(encoding="utf-8")))


def simulated(count: int) -> Iterator[str]:
    """Simulated reasoning of about so many sentences."""
    from analysis.environment.simulate import simulate

    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "simulated.duckdb")
        simulate(store, max(50, count // 10), seed=0)
        with store.session() as db:
            yield from (
                text
                for (text,) in db.execute("SELECT reasoning FROM trajectories ORDER BY ALL").fetchall()
                if text
            )


def filled(path: Path, texts: Sequence[str]) -> Store:
    """A store of these texts as the reasoning of trajectories."""
    store = Store(path)
    write(store, texts)
    return store


def write(store: Store, texts: Sequence[str], first: int = 0) -> None:
    """Add these texts, numbered from `first`, of ten checkpoints and two variants."""
    found = [
        Trajectory(
            "bench", [Message("user", "?"), Message("assistant", "", text, "text", "bench")], f"t{number}",
            checkpoint=f"step-{number % 10}", variant="ab"[number // 10 % 2],
        )
        for number, text in enumerate(texts, first)
    ]  # fmt: skip
    row_ids = new_ids(len(found))
    with store.transaction() as db:
        append(
            db,
            "trajectories",
            [row(each, row_id, now()) for each, row_id in zip(found, row_ids, strict=True)],
        )
        append(db, "cuts", segment_rows(found, row_ids))
