"""Embed, cluster and name 100,000 real sentences with the static model; BERTopic with MiniLM on 5,000 of them.

    make bench-cluster
    python -m benchmarks.cluster [--sentences 100000] [--peer-sentences 5000] [--folder FOLDER] [--only quality]

The sentences are those of the public traces beside the checkout (shared/real), answers and verdicts in words too, else
simulated ones; it is said which, and how many of them are different. The static model is distilled before, and the time
of that is printed by itself; --folder keeps it for the next time. Times are of one process, after its imports, with the
store on disk; the processor's time says more on a busy machine. BERTopic is timed where it is installed (pip install
bertopic). At the end, how far clusters agree with the planted patterns on distinct sentences of both banks,
beside plain k-means on MiniLM and on TF-IDF.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from analysis.cluster import clusterings
from analysis.cluster.clustering import clusterer
from analysis.cluster.embedders import MINILM, STATIC, encode, find_embedder, load_model
from analysis.cluster.tfidf import tfidf
from analysis.environment.bank import BANKS, PLAIN, load_bank
from analysis.segments import sentences
from analysis.store import Store
from benchmarks.texts import REAL, filled, real, simulated

ROOT = Path(__file__).parents[1]
TO_REACH = 60.0
SEEDS = 5
FILLED = {
    "asked": "even", "paid": "odd", "a": "4", "p": "7", "r": "4", "s": "4", "expr": "n % 2", "percent": "2",
    "stake": "10",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--peer-sentences", type=int, default=5_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", choices=["quality", "peer"])
    given = parser.parse_args()
    if given.only == "peer":
        print(json.dumps(by_bertopic(json.load(sys.stdin))))
        return
    if not given.only:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            speed(Path(folder), given.folder or Path(folder), given.sentences, given.peer_sentences)
    for name in BANKS:
        print(agreement(name))


def speed(folder: Path, models: Path, count: int, peer_count: int) -> None:
    texts, source = gathered(count)
    cut = [text[start:end] for text in texts for start, end in sentences(text)]
    print(
        f"{len(cut):,} sentences, {len(set(cut)):,} of them different, from {source}; {os.cpu_count()} cores"
    )
    started = time.perf_counter()
    find_embedder(STATIC, STATIC, models)
    print(f"the static model: {time.perf_counter() - started:.1f} s, once", flush=True)
    if models != folder:
        for home in models.glob("static-*"):
            (folder / home.name).symlink_to(home)
    store = filled(folder / "all.duckdb", texts)
    seconds, processor, parts = timed(store)
    told = ", ".join(f"{label} {part:.1f}" for label, part in parts.items())
    found = f"{len(cut):,} sentences embedded, clustered and named in {seconds:.1f} s"
    found += f" ({told}), {processor:.1f} s of processor time; to reach: {TO_REACH:g} s:"
    print(found, "reached" if seconds < TO_REACH else "NOT REACHED", flush=True)
    few = [text for text in dict.fromkeys(cut) if len(text) > 20]
    few = [
        few[place]
        for place in np.random.default_rng(0).choice(len(few), min(peer_count, len(few)), replace=False)
    ]
    ours, processor, _ = timed(filled(folder / "few.duckdb", few))
    print(f"{len(few):,} of them in {ours:.1f} s, {processor:.1f} s of processor time", flush=True)
    if find_spec("bertopic") is None:
        print("BERTopic is not installed; pip install bertopic to compare")
        return
    command = [sys.executable, "-m", "benchmarks.cluster", "--only", "peer"]
    done = subprocess.run(command, input=json.dumps(few), capture_output=True, text=True, check=True)
    peer = json.loads(done.stdout.splitlines()[-1])
    print(
        f"BERTopic with MiniLM, the same sentences: {peer['seconds']:.1f} s, "
        f"{peer['processor']:.1f} s of processor time, {peer['topics']} topics, "
        f"{peer['outliers']:.0%} outliers; {peer['seconds'] / ours:.1f} times our time "
        f"({peer['processor'] / processor:.1f} times the processor's)"
    )


def gathered(count: int) -> tuple[list[str], str]:
    """Texts that hold so many sentences, and where they are from."""
    texts, left = [], count
    source = real() if REAL.is_dir() else simulated(count)
    for text in source:
        cut = sentences(text)
        texts.append(text if len(cut) <= left else text[: cut[left - 1][1]])
        left -= len(cut)
        if left <= 0:
            break
    return (
        texts,
        "the public traces" if REAL.is_dir() else "the simulator (no public traces beside this checkout)",
    )


def timed(store: Store) -> tuple[float, float, dict[str, float]]:
    """Seconds of all, of the processor, and of each stage."""
    marks: list[tuple[str, float]] = []

    def say(label: str) -> None:
        marks.append((label, time.perf_counter()))

    started, processor = time.perf_counter(), time.process_time()
    clusterings.cluster(store, clusterings.Settings("segments"), say)
    ended = time.perf_counter()
    ends = [at for _, at in marks[1:]] + [ended]
    stages: dict[str, float] = {}
    for (label, at), end in zip(marks, ends, strict=True):
        stages["embed" if label == "distil" else label] = stages.get(label, 0.0) + end - at
    return ended - started, time.process_time() - processor, stages


def by_bertopic(texts: list[str]) -> dict[str, Any]:
    from bertopic import BERTopic

    model = load_model(MINILM)
    started, processor = time.perf_counter(), time.process_time()
    topics, _ = BERTopic(embedding_model=model).fit_transform(texts)
    used = {"seconds": time.perf_counter() - started, "processor": time.process_time() - processor}
    return {**used, "topics": len(set(topics) - {-1}), "outliers": topics.count(-1) / len(topics)}


def agreement(bank: str, plain: bool = False) -> str:
    """Adjusted Rand index with the planted patterns on a bank's distinct sentences, ours beside plain k-means."""
    texts, patterns = planted(bank, plain)
    vectors = encode(load_model(MINILM), texts)
    scores = scored(texts, patterns, vectors)
    told = ", ".join(
        f"{name} {statistics.mean(each):.3f} ({min(each):.3f} to {max(each):.3f})"
        for name, each in scores.items()
    )
    return f"adjusted Rand on bank {bank}, {len(texts)} sentences of {len(set(patterns))} patterns, {SEEDS} seeds: {told}"


def planted(bank: str, plain: bool = False) -> tuple[list[str], list[str]]:
    """The distinct sentences of a bank, filled, and their patterns."""
    found = {
        each.fill(FILLED): each.pattern
        for each in load_bank(bank).sentences
        if plain or each.pattern != PLAIN
    }
    return list(found), list(found.values())


def scored(texts: list[str], patterns: list[str], vectors: Any, seeds: int = SEEDS) -> dict[str, list[float]]:
    """The index of each way for each seed; each is told how many patterns there are."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score
    from threadpoolctl import threadpool_limits

    words = tfidf(texts).encode(texts)
    both, k = np.hstack([vectors, words]), len(set(patterns))
    with threadpool_limits(1):
        labels = {
            "TF-IDF + SVD + k-means": [
                KMeans(k, n_init=10, random_state=seed).fit_predict(words) for seed in range(seeds)
            ],
            "MiniLM + k-means": [
                KMeans(k, n_init=10, random_state=seed).fit_predict(vectors) for seed in range(seeds)
            ],
            "Telltale": [
                clusterer("consensus", k, both, seed, words.shape[1]).fit_predict(both)
                for seed in range(seeds)
            ],
        }
    return {
        name: [float(adjusted_rand_score(patterns, each)) for each in found] for name, found in labels.items()
    }


if __name__ == "__main__":
    main()
