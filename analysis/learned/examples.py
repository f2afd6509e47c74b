"""What is learned from: labelled traces cut into sentences, with what is known of each sentence."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from analysis.errors import UserError
from analysis.store import Store
from analysis.trajectories import READABLE, sha256_of

LEAST_PRESENT = 20
LEAST_ABSENT = 5
"""Labelled traces that must show a pattern, and that must not, before it can be learned."""
PRESENT, ABSENT, UNKNOWN = 1, 0, -1

Span = tuple[int, int]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Trace:
    """A labelled trace.

    Attributes:
        prompt: Its prompt's id.
        spans: Code-point offsets of its sentences.
        drawn: Whether the queue handed it out; figures rest on such traces alone.
        probability: With which it came to be labelled; NaN where that can't be known.
        synthetic: Whether it was simulated, or written for a sample.
        labels: For each pattern with a label, whether it is present, and the quotes that show it.
    """

    trajectory_id: str
    reasoning_sha256: str
    prompt: str
    text: str
    spans: Sequence[Span]
    drawn: bool
    probability: float
    synthetic: bool
    labels: dict[str, tuple[bool, Sequence[Span]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Examples:
    """Labelled traces as arrays.

    Attributes:
        patterns: What can be learned, in the codebook's order.
        refused: Why each other pattern can't be, in a line.
        texts: Different sentences.
        which: (sentences,) the number of its text.
        owner: (sentences,) the number of its trace, rising.
        values: (traces, patterns) PRESENT, ABSENT, or UNKNOWN where there is no label.
        quoted: (sentences, patterns) whether it stands in a quote that shows the pattern.
    """

    traces: Sequence[Trace]
    patterns: tuple[str, ...]
    refused: dict[str, str]
    texts: list[str]
    which: Ints
    owner: Ints
    values: npt.NDArray[np.int8]
    quoted: Mask

    @property
    def sha256(self) -> str:
        """Hash of all labels that are learned from."""
        return sha256_of([
            [each.trajectory_id, each.reasoning_sha256, each.drawn, repr(each.probability), sorted(each.labels.items())]
            for each in self.traces
        ])  # fmt: skip

    @property
    def prompts(self) -> Ints:
        """(traces,) the number of each one's prompt, from 0."""
        return np.unique([each.prompt for each in self.traces], return_inverse=True)[1].astype(np.int64)


def read(store: Store, labels: pa.Table, order: Sequence[str]) -> Examples:
    """Labelled traces whose text is still the one that was labelled.

    Args:
        store: Where they are.
        labels: As `labels.training.examples` gives them.
        order: The codebook's patterns.

    Raises:
        UserError: No pattern has labels enough.
    """
    traces = _labelled(store, labels)
    if not traces:
        raise UserError("there is no blind label to learn from yet; the Label page is where they are made")
    present = Counter(pattern for each in traces for pattern, (value, _) in each.labels.items() if value)
    absent = Counter(pattern for each in traces for pattern, (value, _) in each.labels.items() if not value)
    refused = {
        pattern: why for pattern in order if (why := _too_few(present[pattern], absent[pattern])) is not None
    }
    patterns = tuple(pattern for pattern in order if pattern not in refused)
    if not patterns:
        most = max(order, key=lambda pattern: present[pattern])
        raise UserError(
            f"no pattern has the labels that `learned` needs ({LEAST_PRESENT} traces that show it, {LEAST_ABSENT} "
            f"that do not): {most}, with the most, has {present[most]} and {absent[most]}"
        )
    return _arrays(traces, patterns, refused)


def _too_few(present: int, absent: int) -> str | None:
    if present < LEAST_PRESENT:
        return f"{present} labelled traces show it, and {LEAST_PRESENT} are needed"
    if absent < LEAST_ABSENT:
        return f"{absent} labelled traces are without it, and {LEAST_ABSENT} are needed"
    return None


def _labelled(store: Store, labels: pa.Table) -> list[Trace]:
    """The traces that have labels, in the order of their ids."""
    with store.session() as db:
        db.register("examples", labels)
        rows = db.execute(
            f"""SELECT t.trajectory_id, t.reasoning_sha256, coalesce(t.prompt_id, ''), t.reasoning,
                       list_zip(c.start_char, c.end_char), e.drawn, coalesce(e.probability, 'nan'::DOUBLE),
                       t.synthetic IS NOT NULL, e.pattern, e.value = 'present', e.quotes
                FROM examples e JOIN trajectories t USING (trajectory_id, reasoning_sha256)
                JOIN log.cuts c ON c.row_id = t.row_id
                WHERE t.reasoning_state IN {READABLE} ORDER BY t.trajectory_id, e.pattern"""
        ).fetchall()
        db.unregister("examples")
    found: dict[str, Trace] = {}
    for *about, pattern, value, quotes in rows:
        trace = found.setdefault(about[0], Trace(*about))
        trace.labels[pattern] = value, sorted((each["start_char"], each["end_char"]) for each in quotes)
    return list(found.values())


def _arrays(traces: Sequence[Trace], patterns: tuple[str, ...], refused: Mapping[str, str]) -> Examples:
    numbers: dict[str, int] = {}
    which, owner = list[int](), list[int]()
    values = np.full((len(traces), len(patterns)), UNKNOWN, dtype=np.int8)
    quoted: list[tuple[int, int]] = []
    for number, trace in enumerate(traces):
        for place, pattern in enumerate(patterns):
            if pattern in trace.labels:
                value, quotes = trace.labels[pattern]
                values[number, place] = PRESENT if value else ABSENT
                quoted += [(len(owner) + at, place) for at in _standing_in(trace.spans, quotes)]
        which += [numbers.setdefault(trace.text[start:end], len(numbers)) for start, end in trace.spans]
        owner += [number] * len(trace.spans)
    marks = np.zeros((len(owner), len(patterns)), dtype=np.bool_)
    marks[tuple(np.array(quoted, dtype=np.int64).reshape(-1, 2).T)] = True
    places = np.array(which, dtype=np.int64), np.array(owner, dtype=np.int64)
    return Examples(traces, patterns, dict(refused), list(numbers), places[0], places[1], values, marks)


def _standing_in(spans: Sequence[Span], quotes: Sequence[Span]) -> list[int]:
    """The numbers of the sentences that share a character with a quote."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    return [at for start, end in quotes for at in range(bisect_right(ends, start), bisect_left(starts, end))]
