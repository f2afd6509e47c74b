"""The learned tagger on sentences that it has never seen: learned from bank a, scored on bank b, beside the cues.

    make bench-learned
    python -m benchmarks.learned [--embedder static|minilm] [--seeds 4] [--folder FOLDER]

Everything is simulated. For each seed 200 traces of bank a with their truth as labels and quotes, and 400 traces of bank
b; F1 is the mean over the patterns of which the 200 hold twenty. Beside it what cross-validation within bank a says,
where every sentence comes back. --folder keeps the static model for the next time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow as pa

from analysis import codebook
from analysis.cluster.embedders import STATIC, find_embedder
from analysis.environment.simulate import simulate
from analysis.learned.tagging import Settings, tag_with_learned
from analysis.measure.truth import against_truth
from analysis.store import Store
from analysis.tagging import tag_with_cues
from labels.training import EXAMPLES

BOOK = codebook.load()
OF_B = "source LIKE 'simulate/b-%'"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--embedder")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        found = [
            one(Path(folder), given.folder or Path(folder), given.embedder, seed)
            for seed in range(given.seeds)
        ]
    ours, theirs = (mean(each[side] for each in found) for side in ("learned", "cues"))
    print(f"mean of {given.seeds} seeds, simulated: learned {ours:.3f}, cues {theirs:.3f}")


def one(folder: Path, models: Path, embedder: str | None, seed: int) -> dict[str, float]:
    store = Store(folder / f"{seed}.duckdb")
    if models != folder:
        find_embedder(embedder, STATIC, models)
        for home in models.glob("static-*"):
            (folder / home.name).unlink(missing_ok=True)
            (folder / home.name).symlink_to(home)
    simulate(store, 200, 2 * seed, banks=("a",))
    simulate(store, 400, 2 * seed + 1, banks=("b",))
    started = time.process_time()
    done = tag_with_learned(store, BOOK, truth(store), Settings(embedder), OF_B)
    seconds = time.process_time() - started
    cues, _ = tag_with_cues(store, BOOK, OF_B)
    learned = {each.pattern for each in done.quality}
    f1 = {name: score(store, run, learned) for name, run in (("learned", done.run_id), ("cues", cues))}
    area = mean(each.figures["auc"].value or 0.0 for each in done.quality)
    print(
        f"seed {seed}, {len(learned)} patterns: F1 on bank b learned {f1['learned']:.3f}, cues {f1['cues']:.3f}; "
        f"held-out AUC within bank a {area:.3f}; {seconds:.1f} s of processor time",
        flush=True,
    )
    return f1


def truth(store: Store) -> pa.Table:
    """What is true of bank a, as labels with quotes."""
    with store.session() as db:
        said = db.execute(
            """SELECT v.trajectory_id, a.reasoning_sha256, v.pattern, v.verdict AS value, true AS drawn,
                      1.0::DOUBLE AS probability,
                      list({'start_char': start_char, 'end_char': end_char}) FILTER (stance <> 'rejects') AS quotes
               FROM verdicts v JOIN attempts a USING (attempt_id) JOIN runs r ON r.run_id = v.run_id
               LEFT JOIN log.findings f ON f.attempt_id = v.attempt_id AND f.pattern = v.pattern
               WHERE r.tagger = 'truth' AND r.model = 'bank-a' GROUP BY ALL ORDER BY ALL"""
        ).to_arrow_table()
    rows: list[dict[str, Any]] = [{**row, "quotes": row["quotes"] or []} for row in said.to_pylist()]
    return pa.Table.from_pylist(rows, schema=EXAMPLES)


def score(store: Store, run_id: str, patterns: set[str]) -> float:
    with store.session() as db:
        found = against_truth(db, run_id)
    return mean(
        each.f1 or 0.0 for each in found if each.group["bank"] == "bank-b" and each.pattern in patterns
    )


if __name__ == "__main__":
    main()
