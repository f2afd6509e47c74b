"""Which sentences two people marked with a pattern, and how far they agree on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import numpy.typing as npt

from analysis.measure.agreement import alpha_of
from analysis.measure.judge_bootstrap import Array, Figure, Sample, figure, share
from labels.gold import BlindLabel
from labels.state import Label

NOBODY = "nobody marked a sentence"
Spans = npt.NDArray[np.int64]
NO_SPANS: Spans = np.zeros((0, 2), dtype=np.int64)


def sentences_of(db: duckdb.DuckDBPyConnection, row_ids: Sequence[int]) -> dict[str, Spans]:
    """(sentences, 2) where each sentence of these rows of trajectories begins and ends, by trajectory."""
    rows = db.execute(
        """SELECT trajectory_id, start_char, end_char FROM log.cuts
           WHERE row_id IN (SELECT unnest(?::UBIGINT[]))""",
        [list(row_ids)],
    ).fetchall()
    return {name: np.array([starts, ends], dtype=np.int64).T for name, starts, ends in rows}


def marked_sentences(
    sentences: Mapping[str, Spans],
    trajectories: Sequence[str],
    first: Mapping[str, BlindLabel],
    second: Mapping[str, BlindLabel],
) -> npt.NDArray[np.float64]:
    """The sentences of each trajectory by who marked them: (trajectories, 4) both, the first, the second, neither.

    A sentence is marked where it shares a letter with a quote that makes the pattern present.
    """
    rows = np.zeros((len(trajectories), 4))
    for place, name in enumerate(trajectories):
        spans = sentences.get(name, NO_SPANS)
        said = (first[name].label, second[name].label)
        if not any(label.quotes for label in said):
            rows[place, 3] = len(spans)
            continue
        one, other = (_marked(spans, label) for label in said)
        rows[place] = [(one & other).sum(), (one & ~other).sum(), (~one & other).sum(), (~one & ~other).sum()]
    return rows


def overlap_figures(marks: Sample) -> dict[str, Figure]:
    """Krippendorff's alpha over sentences, and F1: of two people's marks it does not matter who is held against whom.

    Args:
        marks: Rows as `marked_sentences` gives them, resampled with all sentences of a trajectory together.
    """
    at, drawn = marks.totals, marks.resampled()
    return {
        "span_alpha": figure(float(_alpha(at)), _alpha(drawn), marks, NOBODY),
        "span_f1": figure(float(_f1(at)), _f1(drawn), marks, NOBODY),
    }


def _alpha(totals: Array) -> Array:
    both, one, other, neither = (totals[..., n] for n in range(4))
    apart = one + other
    pairs = np.stack([np.stack([2 * both, apart], axis=-1), np.stack([apart, 2 * neither], axis=-1)], axis=-2)
    return alpha_of(pairs)


def _f1(totals: Array) -> Array:
    both, one, other = (totals[..., n] for n in range(3))
    return share(2 * both, 2 * both + one + other)


def _marked(sentences: Spans, label: Label) -> npt.NDArray[np.bool_]:
    marked = np.zeros(len(sentences), dtype=np.bool_)
    for quote in label.quotes.values():
        if quote.makes_present():
            marked |= (sentences[:, 0] < quote.end_char) & (sentences[:, 1] > quote.start_char)
    return marked
