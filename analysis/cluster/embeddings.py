"""Vectors in the store: by the text's hash and the embedder, so that nothing is embedded twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.cluster.embedders import Embedder, Progress, Vectors
from analysis.store import Store, append

BATCH_SECONDS = 2.0
FIRST_BATCH, LARGEST_BATCH = 64, 50_000


def text_sha256(text: str) -> str:
    """The hash that a text's vectors are kept by."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def vectors_of(
    store: Store, embedder: Embedder, texts: Sequence[str], progress: Progress | None = None
) -> Vectors:
    """The vectors of different texts; what the store lacks is embedded and kept, a batch a commit.

    Args:
        store: Where vectors are kept.
        embedder: What makes them.
        texts: Texts, each once.
        progress: Called with (done, total) after each batch.

    Returns:
        (texts, dimensions), in the order of the texts.
    """
    hashes = [text_sha256(text) for text in texts]
    places, known = _stored(store, embedder.name, hashes)
    there = np.zeros(len(texts), dtype=bool)
    there[places] = True
    todo = np.flatnonzero(~there)
    found = np.zeros((len(texts), known.shape[1]), dtype=np.float32)
    found[places] = known
    done, size = 0, FIRST_BATCH
    while done < len(todo):
        started = time.monotonic()
        batch = todo[done : done + size]
        made = embedder.encode([texts[place] for place in batch])
        if found.shape[1] != made.shape[1]:  # nothing was known
            found = np.zeros((len(texts), made.shape[1]), dtype=np.float32)
        _keep(store, embedder.name, [hashes[place] for place in batch], made)
        found[batch] = made
        done += len(batch)
        if progress:
            progress(len(texts) - len(todo) + done, len(texts))
        faster = BATCH_SECONDS / max(time.monotonic() - started, 0.01)
        size = max(16, min(LARGEST_BATCH, int(size * min(faster, 8.0))))
    return found


def _stored(store: Store, embedder: str, hashes: Sequence[str]) -> tuple[npt.NDArray[np.int64], Vectors]:
    """The places of the texts that have a vector, and their vectors."""
    wanted = pa.table({"place": np.arange(len(hashes)), "text_sha256": hashes})
    with store.session() as db:
        db.register("wanted", wanted)
        table = db.execute(
            """SELECT place, vector FROM log.embeddings JOIN wanted USING (text_sha256) WHERE embedder = ?""",
            [embedder],
        ).to_arrow_table()
        db.unregister("wanted")
    if not len(table):
        return np.zeros(0, dtype=np.int64), np.zeros((0, 0), dtype=np.float32)
    lists = table["vector"].combine_chunks()
    return table["place"].to_numpy(), lists.flatten().to_numpy().reshape(len(lists), -1)


def _keep(store: Store, embedder: str, hashes: Sequence[str], vectors: Vectors) -> None:
    count, width = vectors.shape
    offsets = pa.array(np.arange(0, count * width + 1, width, dtype=np.int32))
    values = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    rows = pa.table({
        "text_sha256": pa.array(hashes), "embedder": pa.array([embedder] * count),
        "vector": pa.ListArray.from_arrays(offsets, values),
    })  # fmt: skip
    with store.transaction() as db:
        append(db, "embeddings", rows)
