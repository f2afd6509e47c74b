"""Bringing the index for search up to date with its store: what is new is embedded, each different text once.

A row of `log.trajectories` never changes, so the index goes by row_id: what was replaced or retracted stays in the
files and is left out of each search, until it is more than half of them. Then the index is made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from analysis.cluster import index as files
from analysis.cluster.embedders import Embedder, Progress
from analysis.cluster.index import HASH, REASONING, Damaged, Index
from analysis.errors import UserError
from analysis.store import Store
from analysis.store.lake import Lake
from analysis.trajectories import READABLE, short_hash

RowIds = npt.NDArray[np.uint64]
Column = npt.NDArray[Any]
SEGMENTS_A_BATCH = 20_000
"""Segments that are embedded and committed together: about a second's work."""
MOST_DEAD = 0.5
"""The share of the index that may be of reasoning that is not there any more."""


def folder_of(store: Store) -> Path:
    """The folder of a store's index."""
    name = f"lake-{short_hash(store.target)[:12]}" if isinstance(store.place, Lake) else store.path.name
    return store.folder / f"{name}.search"


def hash_of(text: str) -> bytes:
    """What the index knows a text by."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).digest()[: HASH.itemsize]


def readable(db: duckdb.DuckDBPyConnection) -> RowIds:
    """The `row_id`s of all that can be searched."""
    found = db.execute(f"SELECT row_id FROM trajectories WHERE reasoning_state IN {READABLE}").fetchnumpy()
    return np.asarray(found["row_id"], dtype=np.uint64)


def live_rows(store: Store) -> RowIds:
    """`readable` of a store.

    Raises:
        UserError: There is nothing to search.
    """
    with store.session() as db:
        rows = readable(db)
    if not len(rows):
        raise UserError("there is no reasoning to search; `telltale ingest` brings some")
    return rows


def so_far(store: Store, embedder: Embedder) -> Index | None:
    """The index as it is; None where there is none yet, or none that can be used."""
    try:
        return files.read(folder_of(store), embedder.name)
    except Damaged:
        return None


def is_complete(index: Index | None, rows: RowIds) -> bool:
    """Whether an index has all of these rows, and not mostly others."""
    if index is None:
        return not len(rows)
    held = int(np.isin(index.reasonings["row_id"], rows).sum())
    return held == len(rows) and not _mostly_dead(index, rows)


def bring_up_to_date(
    store: Store, embedder: Embedder, rows: RowIds, progress: Progress | None = None
) -> Index:
    """The index of all that the store has now. A stop loses a batch at the most; another process's turn is waited for.

    Args:
        store: Whose segments.
        embedder: What makes their vectors.
        rows: As `live_rows` gives them.
        progress: Called with (segments done, segments) after each batch.

    Raises:
        UserError: The folder can't be written.
    """
    index = so_far(store, embedder)
    if index is not None and is_complete(index, rows):
        return index
    with files.alone(folder_of(store)):
        return _extended(store, embedder, rows, progress)


def _extended(store: Store, embedder: Embedder, rows: RowIds, progress: Progress | None) -> Index:
    folder, index = folder_of(store), so_far(store, embedder)
    if index is None or _mostly_dead(index, rows):
        files.remove(folder)
        index = None
    todo = _lacking(store, index)
    known = {} if index is None else {each: at for at, each in enumerate(index.hashes.tolist())}
    done = 0 if index is None else len(index.texts)
    whole = done + int(todo["segments"].sum())
    for batch in _batches(todo["segments"]):
        made = _embedded(store, embedder, todo["row_id"][batch], todo["stored_at"][batch], known)
        files.add(folder, embedder.name, made)
        done += len(made["texts"])
        if progress:
            progress(done, whole)
    found = files.read(folder, embedder.name)
    if found is None:
        raise UserError("there is no reasoning to search; `telltale ingest` brings some")
    return found


def _mostly_dead(index: Index, rows: RowIds) -> bool:
    alive = np.isin(index.reasonings["row_id"], rows)
    return bool(index.reasonings["segments"][~alive].sum() > MOST_DEAD * len(index.texts))


def _lacking(store: Store, index: Index | None) -> dict[str, Column]:
    """row_id, segments and stored_at of what the index lacks, in the order in which it was stored."""
    with store.session() as db:
        found = db.execute(
            f"""SELECT t.row_id, coalesce(len(start_char), 0) AS segments, stored_at
                FROM (SELECT row_id, reasoning_state, stored_at FROM trajectories) t LEFT JOIN log.cuts USING (row_id)
                WHERE reasoning_state IN {READABLE} ORDER BY stored_at, t.row_id"""
        ).fetchnumpy()
    held = np.zeros(0, np.uint64) if index is None else index.reasonings["row_id"]
    new = ~np.isin(found["row_id"], held)
    return {name: np.asarray(values)[new] for name, values in found.items()}


def _batches(segments: Column) -> Iterator[slice]:
    """Slices of reasonings that have about SEGMENTS_A_BATCH segments each."""
    of = (np.cumsum(segments) - segments) // SEGMENTS_A_BATCH
    edges = [0, *(np.flatnonzero(np.diff(of)) + 1).tolist(), len(of)]
    yield from (slice(start, end) for start, end in pairwise(edges) if end > start)


def _embedded(
    store: Store, embedder: Embedder, row_ids: RowIds, stored_at: Column, known: dict[bytes, int]
) -> dict[str, Column]:
    """What a batch adds to each file; its new texts are put among the known ones."""
    fresh, texts, reasonings = dict[bytes, str](), list[int](), list[tuple[int, int]]()
    for row_id, reasoning, starts, ends in _read(store, row_ids, stored_at):
        reasonings.append((row_id, len(starts)))
        for start, end in zip(starts, ends, strict=True):
            text = reasoning[start:end]
            digest = hash_of(text)
            if digest not in known:
                known[digest] = len(known)
                fresh[digest] = text
            texts.append(known[digest])
    return {
        "vectors": embedder.encode(list(fresh.values()) or [""])[: len(fresh)],
        "hashes": np.frombuffer(b"".join(fresh), HASH),
        "reasonings": np.array(reasonings, REASONING),
        "texts": np.array(texts, np.int64),
    }


def _read(store: Store, row_ids: RowIds, stored_at: Column) -> list[tuple[int, str, list[int], list[int]]]:
    """row_id, reasoning, and where its segments start and end. By the time DuckDB passes over what lies elsewhere."""
    with store.session() as db:
        return db.execute(
            """SELECT t.row_id, coalesce(reasoning, ''), coalesce(start_char, []), coalesce(end_char, [])
               FROM log.trajectories t LEFT JOIN log.cuts USING (row_id)
               WHERE stored_at BETWEEN ? AND ? AND t.row_id IN (SELECT unnest(?::UBIGINT[]))""",
            [stored_at.min().item(), stored_at.max().item(), row_ids.tolist()],
        ).fetchall()
