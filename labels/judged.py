"""A run held against what people said blind: its quality, and the disagreements to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from analysis.codebook import Codebook, load
from analysis.measure.judge_labels import Quality, against_labels, paired
from analysis.measure.judge_words import said_by_run
from analysis.measure.scope import Scope
from labels.events import SELF_SELECTED
from labels.gold import Gold, blind_labels, decisions, frame, golden
from labels.log import events_of


def quality(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    by: Sequence[str] = (),
    scope: Scope = Scope(),  # noqa: B008 (frozen)
    patterns: Sequence[str] | None = None,
) -> list[Quality]:
    """`analysis.measure.judge_labels.against_labels` with the store's own blind labels."""
    return against_labels(db, run_id, frame(db), by, scope, patterns)


@dataclass(frozen=True)
class Disagreement:
    """A pattern of a trajectory on which a run and people differ.

    Attributes:
        kind: false positive (the run says present, people absent) or false negative.
        score: The run's score, 0 to 100; None where it gave none.
    """

    trajectory_id: str
    pattern: str
    kind: str
    checkpoint: str | None
    variant: str | None
    score: float | None

    @property
    def distance(self) -> float:
        """How far the score is from what people say, 0 to 100: the surest mistakes have the most."""
        if self.score is None:
            return -1.0
        return self.score if self.kind == "false positive" else 100 - self.score


@dataclass(frozen=True)
class SideBySide:
    """Both sides of a disagreement.

    Attributes:
        why: What the run says of its verdict, if anything.
        findings: The run's findings on the pattern: quote, start_char, match, stance, role, why.
        gold: What people's labels on it come to.
    """

    disagreement: Disagreement
    why: str | None
    findings: tuple[dict[str, Any], ...]
    gold: Gold

    @property
    def place(self) -> int:
        """Where the run's first standing quote begins, else a person's, else the text."""
        starts = [each["start_char"] for each in self.findings if each["start_char"] is not None]
        starts += [start for label in self.gold.labels for start, _ in label.label.quotes]
        return next(iter(starts), 0)


def disagreements(
    db: duckdb.DuckDBPyConnection, run_id: str, labels: pa.Table | None = None
) -> list[Disagreement]:
    """All disagreements of a run with blind labels of one mind, the surest mistakes first.

    Args:
        db: A session of the store.
        run_id: The run.
        labels: What `gold.frame` gives, where it is at hand already.
    """
    rows = paired(db, run_id, frame(db) if labels is None else labels, ("checkpoint", "variant"))
    differ = (rows["why"] == "") & (rows["verdict"] != rows["value"])
    names = ("trajectory_id", "pattern", "verdict", "checkpoint", "variant", "score")
    found = [
        Disagreement(
            trajectory_id,
            pattern,
            "false positive" if verdict == "present" else "false negative",
            checkpoint,
            variant,
            None if score != score else float(score),
        )
        for trajectory_id, pattern, verdict, checkpoint, variant, score in zip(
            *(rows[name][differ] for name in names), strict=True
        )
    ]
    return sorted(found, key=lambda each: -each.distance)


def side_by_side(
    db: duckdb.DuckDBPyConnection,
    run_id: str,
    chosen: Sequence[Disagreement],
    codebook: Codebook | None = None,
) -> list[SideBySide]:
    """What both sides say where they disagree.

    Args:
        db: A session of the store.
        run_id: The run.
        chosen: A page of what `disagreements` gives.
        codebook: Its history tells what patterns were called before.
    """
    book = codebook or load()
    words = said_by_run(db, run_id, [(each.trajectory_id, each.pattern) for each in chosen])
    wanted = {each.trajectory_id for each in chosen}
    events = [event for event in events_of(db) if event.trajectory_id in wanted]
    drawn = [
        label for label in blind_labels(events, book.history) if label.state.queue_reason != SELF_SELECTED
    ]
    people = golden(drawn, decisions(events, book))
    found = []
    for each in chosen:
        why, findings = words[each.trajectory_id, each.pattern]
        gold = people.get((each.trajectory_id, each.pattern))
        # A run that is older than a rename knows the pattern by its former id.
        gold = gold or people[each.trajectory_id, book.called_now(each.pattern, None)]
        found.append(SideBySide(each, why, findings, gold))
    return found
