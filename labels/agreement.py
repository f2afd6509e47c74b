"""How far people agree, pattern by pattern, on what they labelled blind: of the traces, and of their sentences."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import duckdb
import numpy as np

from analysis.codebook import Codebook, load
from analysis.measure.agreement import PAIRED, Sums, coded, sums
from analysis.measure.judge_bootstrap import Array, Figure, Sample, figure, sample
from analysis.measure.scope import current_trajectories
from labels.events import VALUES
from labels.gold import BlindLabel, labels_of
from labels.said import Folded, blind_states, said
from labels.sentence_marks import Spans, marked_sentences, overlap_figures, sentences_of

COMPACT = (
    "pattern",
    "annotators",
    "n",
    "present",
    "percent",
    "kappa",
    "alpha",
    "ac1",
    "span_alpha",
    "span_f1",
    "note",
)
"""The columns that say most; `Agreement.as_row` has the others, intervals among them."""
FIGURES_KEPT = 2_000
"""The figures of so many patterns and groups of people are kept: those of 14 patterns and 16 people."""
SAME = "every label says {}, so chance and agreement can't be told apart"
SHARED_NOTHING = "no trajectory was labelled blind by two people"

Said = dict[str, BlindLabel]
"""One person's labels on a pattern, by trajectory."""
Who = tuple[str, int]
"""An annotator, and 1 for what they said the second time."""


@dataclass(frozen=True)
class Agreement:
    """Agreement on one pattern.

    Attributes:
        annotators: The two people compared, or all of them; or one, against what they said the second time.
        n: Trajectories that both (of all: at least two) labelled blind.
        present: The share of those labels that say present.
        figures: percent (the same value), kappa (Cohen's; of several people Fleiss'), alpha (Krippendorff's,
            nominal), ac1 (Gwet's), positive and negative (the agreement on present and on absent), and of two
            people span_alpha and span_f1, over the sentences of these trajectories.
        note: Why figures are undefined.
        resampled: What the intervals were made from.
    """

    pattern: str
    annotators: str
    n: int
    present: float | None
    figures: Mapping[str, Figure]
    note: str | None
    resampled: str

    def as_row(self) -> dict[str, Any]:
        """A flat mapping: each figure with its interval."""
        row: dict[str, Any] = {
            "pattern": self.pattern, "annotators": self.annotators, "n": self.n, "present": self.present,
        }  # fmt: skip
        for name, each in self.figures.items():
            row |= each.as_row(name)
        return {**row, "intervals": self.resampled, "note": self.note}


def agreement(
    db: duckdb.DuckDBPyConnection, patterns: Sequence[str] | None = None, codebook: Codebook | None = None
) -> list[Agreement]:
    """Agreement per pattern for each two annotators, for all where there are more than two, and for who labelled
    traces a second time with themself.

    The values compared are present, absent and unsure. Only blind labels count.

    Args:
        db: A session of the store.
        patterns: Which patterns, in order; by default all that were labelled and are not retired.
        codebook: Whose history labels are carried over.
    """  # noqa: D205
    book = codebook or load()
    known, labels = _blind(said(db, book.history))
    prompts, sentences = _texts(db, _shared(labels))
    retired = {each.id for each in book.retired}
    return [
        _agreement(pattern, {who: labels.get(pattern, {}).get(who, {}) for who in group}, prompts, sentences)
        for pattern in (patterns if patterns is not None else sorted(set(known) - retired))
        for group in _groups(sorted(known.get(pattern, ())))
    ]


def _blind(
    folded: Mapping[tuple[str, str, int], Folded],
) -> tuple[Mapping[str, set[Who]], Mapping[str, Mapping[Who, Said]]]:
    """Who labelled each pattern blind; and their labels on the traces that two of them labelled."""
    known: dict[str, set[Who]] = defaultdict(set)
    labels: dict[str, dict[Who, Said]] = defaultdict(lambda: defaultdict(dict))
    times = Counter(name for (name, _, _), each in folded.items() if each.blind is not None)
    for repeat in (0, 1):
        states = blind_states(folded, repeat)
        for (_, annotator), state in states.items():
            for pattern, label in state.labels.items():
                if label.value is not None:
                    known[pattern].add((annotator, repeat))
        for one in labels_of({key: state for key, state in states.items() if times[key[0]] > 1}):
            labels[one.pattern][one.annotator, repeat][one.trajectory_id] = one
    return known, labels


def _groups(known: Sequence[Who]) -> list[tuple[Who, ...]]:
    """Who is compared: each two, all together, and each with their own second time."""
    first = [who for who in known if who[1] == 0]
    again = [((name, 0), (name, 1)) for name, repeat in known if repeat and (name, 0) in known]
    return [*combinations(first, 2), *([tuple(first)] if len(first) > 2 else []), *again]


def _shared(labels: Mapping[str, Mapping[Who, Said]]) -> list[str]:
    """The trajectories on which two said something of one pattern."""
    counted = (Counter(name for each in by_who.values() for name in each) for by_who in labels.values())
    return sorted({name for counts in counted for name, times in counts.items() if times > 1})


def _agreement(
    pattern: str, labels: Mapping[Who, Said], prompts: Mapping[str, int], sentences: Mapping[str, Spans]
) -> Agreement:
    shared = _shared({pattern: labels})
    ratings = [[each[name].value if name in each else None for name in shared] for each in labels.values()]
    words = [value for row in ratings for value in row if value is not None]
    of_prompt = np.unique([prompts.get(name, -1) for name in shared], return_inverse=True)[1]
    codes, _ = coded(ratings, VALUES)
    values = 3 if "unsure" in words else 2  # present and absent are always to choose from
    units = sample(sums(codes, values), of_prompt)
    figures = _figures(units, values, len(labels), words)
    if len(labels) == 2:
        figures |= _of_sentences(
            Units.of(sample(marked_sentences(sentences, shared, *labels.values()), of_prompt))
        )
    return Agreement(
        pattern=pattern,
        annotators=", ".join(name + " again" * repeat for name, repeat in labels),
        n=len(shared),
        present=words.count("present") / len(words) if words else None,
        figures=figures,
        note=_note(figures),
        resampled=units.told,
    )


def _figures(units: Sample, values: int, raters: int, words: Sequence[str]) -> dict[str, Figure]:
    return dict(_of_traces(Units.of(units), values, raters, words[0] if words else None))


@dataclass(frozen=True)
class Units:
    """A `Sample` by its bytes: what was resampled once is not resampled again when somebody labels something else."""

    rows: bytes
    columns: int
    times: bytes
    unit: str
    prompts: int

    @classmethod
    def of(cls, units: Sample) -> Units:
        """The bytes of a sample."""
        return cls(
            units.rows.tobytes(), units.rows.shape[1], units.times.tobytes(), units.unit, units.prompts
        )

    @property
    def sample(self) -> Sample:
        """The sample that they are of."""
        rows = np.frombuffer(self.rows).reshape(-1, self.columns)
        return Sample(rows, np.frombuffer(self.times, dtype=np.int64), self.unit, self.prompts)


@lru_cache(maxsize=FIGURES_KEPT)
def _of_traces(held: Units, values: int, raters: int, word: str | None) -> Mapping[str, Figure]:
    """The figures over traces; `word` is one that was said, if any."""
    units = held.sample
    at, drawn = Sums(units.totals, values), Sums(units.resampled(), values)
    why = SAME.format(word) if word else SHARED_NOTHING
    kappa = (at.kappa, drawn.kappa) if raters == 2 else (at.fleiss, drawn.fleiss)

    def of(
        value: Array, resampled: Array, undefined: str = why, share_of: Sequence[int] | None = None
    ) -> Figure:
        return figure(float(value), resampled, units, undefined, share_of)

    return {
        "percent": of(at.percent, drawn.percent, share_of=(PAIRED,)),
        "kappa": of(*kappa),
        "alpha": of(at.alpha, drawn.alpha),
        "ac1": of(at.ac1, drawn.ac1),
        "positive": of(at.specific(0), drawn.specific(0), "nobody says present" if word else why),
        "negative": of(at.specific(1), drawn.specific(1), "nobody says absent" if word else why),
    }


@lru_cache(maxsize=FIGURES_KEPT)
def _of_sentences(held: Units) -> Mapping[str, Figure]:
    """The figures over sentences."""
    return overlap_figures(held.sample)


def _note(figures: Mapping[str, Figure]) -> str | None:
    """Why figures have no value: each reason once, with the figures that it holds for."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for name, each in figures.items():
        if each.value is None:
            reasons[each.note or ""].append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items()) or None


def _texts(
    db: duckdb.DuckDBPyConnection, trajectories: Sequence[str]
) -> tuple[dict[str, int], dict[str, Spans]]:
    """The number of each trajectory's prompt, and its sentences."""
    rows = db.execute(
        f"""SELECT trajectory_id, row_id, coalesce(prompt_id, trajectory_id) FROM {current_trajectories(db)}
            WHERE trajectory_id IN (SELECT unnest(?::VARCHAR[]))""",
        [list(trajectories)],
    ).fetchall()
    numbers = {prompt: number for number, prompt in enumerate(sorted({prompt for _, _, prompt in rows}))}
    return {name: numbers[prompt] for name, _, prompt in rows}, sentences_of(db, [row for _, row, _ in rows])
