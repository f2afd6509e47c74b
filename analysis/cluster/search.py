"""Search by meaning: the segments whose vectors are nearest to that of a query, each in its context.

    for hit in search(store, "asks whether anyone reads this", k=10):
        print(f"{hit.score:.2f}", hit.checkpoint, hit.sentence)

The search is exact: the query's vector is held against that of every different text, in float32. Vectors are the static
model's, in files beside the store (analysis/cluster/index.py). Which reasoning counts is asked of the store each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from analysis.cluster import index as files
from analysis.cluster.embedders import STATIC, Embedder, Progress, find_embedder
from analysis.cluster.index import Damaged, Index
from analysis.cluster.indexing import RowIds, bring_up_to_date, folder_of, hash_of, live_rows
from analysis.errors import UserError
from analysis.measure.scope import Scope
from analysis.store import Store

K = 20
LINGER_SECONDS = 0.5
"""How long the store stays open after a look, as the next one follows at once."""
Numbers = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float32]
Marks = npt.NDArray[np.bool_]
NOWHERE = np.float32(-2)
"""Below every cosine."""
Segments = tuple[RowIds, Numbers]
"""Segments by the row_id of their reasoning and their number in it."""


@dataclass(frozen=True)
class Hit:
    """A segment that was found.

    Attributes:
        score: The cosine of its vector and the query's.
        sentence: Its text.
        before, after: The segments before and after it in the same turn; None at the turn's ends.
        segment, start_char, end_char: Its number and its code-point offsets.
        places: In how many of the places that were searched the same text stands.
    """

    score: float
    sentence: str
    before: str | None
    after: str | None
    trajectory_id: str
    segment: int
    start_char: int
    end_char: int
    checkpoint: str | None
    environment: str | None
    variant: str | None
    sample: int | None
    reasoning_state: str
    synthetic: str | None
    places: int

    def as_row(self) -> dict[str, Any]:
        """The attributes as a row of a table."""
        return asdict(self)


def search(
    store: Store,
    text: str,
    k: int = K,
    rows: RowIds | None = None,
    every: bool = False,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
    only: Segments | None = None,
) -> list[Hit]:
    """The segments nearest to a text, the nearest first; what the index lacks is embedded before.

    Args:
        store: Where segments are.
        text: What to look for: a sentence, or what it says.
        k: How many.
        rows: The `row_id`s of the trajectories to search; None for all.
        every: Whether each place of a text is a hit of its own; else a text is one hit, shown in one place.
        embedder: What the index is made with; None for the static model.
        progress: Called with (segments done, segments) while the index is made.
        only: The segments to search, as `of_findings` gives them; None for all.

    Raises:
        UserError: The query says nothing, there is nothing to search, or the index can't be written.
    """
    embedder = embedder or search_embedder(store.folder)
    store = store.lingering(LINGER_SECONDS)
    query, live = query_of(embedder, text), live_rows(store)
    rows = live if rows is None else rows
    try:
        return find(store, bring_up_to_date(store, embedder, live, progress), query, rows, k, every, only)
    except Damaged:
        discard(store)
        return find(store, bring_up_to_date(store, embedder, live, progress), query, rows, k, every, only)


def search_embedder(folder: Path, progress: Progress | None = None) -> Embedder:
    """The model that search goes by: the folder's static one, distilled first where there is none."""
    return find_embedder(f"{STATIC}:minilm", STATIC, folder, progress=progress)


def query_of(embedder: Embedder, text: str) -> Scores:
    """The vector of a query.

    Raises:
        UserError: It is empty, or the model knows no word of it.
    """
    if not text.strip():
        raise UserError("say what to search for: a sentence, or what it says")
    query: Scores = embedder.encode([text])[0]
    if not query.any():
        raise UserError("the model knows no word of the search; put it in other words")
    return query


def find(
    store: Store,
    index: Index,
    query: Scores,
    rows: RowIds,
    k: int = K,
    every: bool = False,
    only: Segments | None = None,
) -> list[Hit]:
    """The segments of an index, complete or not, that are nearest to a vector. Arguments as in `search`.

    Raises:
        Damaged: The index holds other texts than the store.
    """
    wanted = np.isin(index.reasonings["row_id"], rows)
    searched = np.repeat(wanted, index.reasonings["segments"].astype(np.int64))
    if only is not None:
        searched &= _marked(index, only)
    scores = index.vectors @ query
    nearest = _nearest(scores, searched, index.texts, k)
    places, often = _places(index.texts, nearest, searched, None if every else 1)
    return _hits(store, index, places[:k], scores, often)


def chosen(db: duckdb.DuckDBPyConnection, where: str | None, scope: Scope) -> RowIds:
    """The `row_id`s of the trajectories that pass a condition in SQL and have the values of a scope.

    Raises:
        UserError: The condition is none, or no trajectory passes.
    """
    kept, bound = scope.sql()
    try:
        found = db.execute(
            f"""SELECT t.row_id FROM (SELECT * FROM (SELECT * FROM trajectories) WHERE {where or "true"}) t
                LEFT JOIN checkpoints c ON c.name = t.checkpoint WHERE {kept}""",
            bound,
        ).fetchnumpy()["row_id"]
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise UserError(f"--where: {str(error).splitlines()[0]}") from None
    if not len(found):
        raise UserError(
            "no trajectory passes these filters; `telltale report frequencies` shows which there are"
        )
    return np.asarray(found, dtype=np.uint64)


def of_findings(db: duckdb.DuckDBPyConnection, run_id: str) -> Segments:
    """The segments that a run's findings stand in.

    Raises:
        UserError: The run has none.
    """
    found = db.execute(
        """SELECT DISTINCT row_id, segment FROM (
               SELECT t.row_id, f.start_char AS first, f.end_char AS last, unnest(range(len(c.start_char))) AS segment,
                      unnest(c.start_char) AS start, unnest(c.end_char) AS "end"
               FROM findings f JOIN log.attempts a USING (attempt_id)
               JOIN trajectories t ON t.trajectory_id = f.trajectory_id
                AND t.reasoning_sha256 IS NOT DISTINCT FROM a.reasoning_sha256
               JOIN log.cuts c ON c.row_id = t.row_id
               WHERE f.run_id = ? AND f.match <> 'rejected')
           WHERE start < last AND "end" > first""",
        [run_id],
    ).fetchnumpy()
    if not len(found["row_id"]):
        raise UserError(f"the run {run_id} has no findings to search")
    return np.asarray(found["row_id"], np.uint64), np.asarray(found["segment"], np.int64)


def discard(store: Store) -> None:
    """Remove the index of a store; the next search makes it again."""
    with files.alone(folder_of(store)):
        files.remove(folder_of(store))


def _marked(index: Index, only: Segments) -> Marks:
    """(segments,) of the index: whether each is one of these."""
    row_ids, segments = only
    held = index.reasonings["row_id"]
    known = np.isin(row_ids, held)
    order = np.argsort(held)
    of = order[np.searchsorted(held, row_ids[known], sorter=order)]
    counted = index.reasonings["segments"].astype(np.int64)
    marked = np.zeros(len(index.texts), dtype=bool)
    marked[(np.cumsum(counted) - counted)[of] + segments[known]] = True
    return marked


def _nearest(scores: Scores, searched: Marks, texts: Numbers, k: int) -> Numbers:
    """The k texts with the highest scores among those that stand where it is searched, the highest first."""
    if not searched.all():
        allowed = np.zeros(len(scores), dtype=bool)
        allowed[texts[searched]] = True
        scores = np.where(allowed, scores, NOWHERE)
    found = np.arange(len(scores))
    if len(scores) > k:
        found = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    found = found[scores[found] > NOWHERE]
    return found[np.argsort(-scores[found], kind="stable")][:k]


def _places(
    texts: Numbers, nearest: Numbers, searched: Marks, most: int | None
) -> tuple[Numbers, dict[int, int]]:
    """The places of the nearest texts in their order, `most` of each; and how many each has."""
    near = np.zeros(int(texts.max(initial=-1)) + 1, dtype=bool)
    near[nearest] = True
    places = np.flatnonzero(near[texts] & searched)
    parts = [places[texts[places] == text] for text in nearest]
    often = {int(text): len(part) for text, part in zip(nearest, parts, strict=True)}
    return np.concatenate([np.zeros(0, np.int64), *(part[:most] for part in parts)]), often


def _hits(store: Store, index: Index, places: Numbers, scores: Scores, often: dict[int, int]) -> list[Hit]:
    """The segments at these places, read from the store."""
    counted = index.reasonings["segments"].astype(np.int64)
    ends = np.cumsum(counted)
    of = np.searchsorted(ends, places, side="right")
    segments = places - (ends - counted)[of]
    row_ids = index.reasonings["row_id"][of].tolist()
    read = _reasonings(store, sorted(set(row_ids)))
    found = []
    for row_id, segment, text in zip(row_ids, segments.tolist(), index.texts[places].tolist(), strict=True):
        if row_id not in read:
            continue  # retracted since the rows were chosen
        context = _context(read[row_id], segment)
        if hash_of(context["sentence"]) != index.hashes[text].tobytes():
            raise Damaged(f"segment {segment} of {context['trajectory_id']} is another text")
        found.append(Hit(score=float(scores[text]), places=often[text], **context))
    return found


def _reasonings(store: Store, row_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What is shown of these rows, with the spans of their segments."""
    if not row_ids:
        return {}
    with store.session() as db:
        cursor = db.execute(
            """SELECT t.row_id, t.trajectory_id, checkpoint, environment, variant, sample, reasoning_state, synthetic,
                      reasoning, message, start_char, end_char
               FROM log.trajectories t JOIN log.cuts c ON c.row_id = t.row_id
               WHERE list_contains($rows::UBIGINT[], t.row_id) AND list_contains($rows::UBIGINT[], c.row_id)""",
            {"rows": list(row_ids)},
        )
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row.pop("row_id"): row for row in rows}


def _context(row: dict[str, Any], segment: int) -> dict[str, Any]:
    """The sentence at a place with its neighbours of the same turn, and whose it is."""
    spans = list(zip(row["message"], row["start_char"], row["end_char"], strict=True))
    if segment >= len(spans):
        raise Damaged(f"{row['trajectory_id']} has no segment {segment}")
    message, start, end = spans[segment]

    def beside(number: int) -> str | None:
        there = 0 <= number < len(spans) and spans[number][0] == message
        return row["reasoning"][slice(*spans[number][1:])] if there else None

    told = ("trajectory_id", "checkpoint", "environment", "variant", "sample", "reasoning_state", "synthetic")
    return {
        **{name: row[name] for name in told}, "sentence": row["reasoning"][start:end], "before": beside(segment - 1),
        "after": beside(segment + 1), "segment": segment, "start_char": start, "end_char": end,
    }  # fmt: skip
