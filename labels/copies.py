"""Annotators whose events are the same throughout: a second annotator who is a copy of the first tells nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from labels.events import Event
from labels.log import by_trajectory
from labels.undoing import in_force

TELLING = 20
"""With fewer events than this in common, being the same may be chance."""
_SAYS = ("set", "add_quote", "remove_quote", "edit_quote", "note", "confidence", "accept", "dismiss", "flag")


@dataclass(frozen=True)
class Copy:
    """Two annotators who said the same of all traces that both labelled."""

    first: str
    second: str
    events: int
    traces: int

    def __str__(self) -> str:
        return (
            f"{self.first} and {self.second} agree in all of their {self.events} events on {self.traces} traces, "
            "also in order and quotes: a copy?"
        )


def copies(events: Iterable[Event]) -> list[Copy]:
    """The pairs of annotators whose events are the same throughout, in order and quotes, wherever they came from."""
    said: dict[str, dict[str, list[tuple[Any, ...]]]] = defaultdict(dict)
    for (trajectory_id, annotator), mine in by_trajectory(events).items():
        said[annotator][trajectory_id] = [_what(event) for event in in_force(mine) if event.op in _SAYS]
    found = []
    for first, second in combinations(sorted(said), 2):
        shared = said[first].keys() & said[second].keys()
        count = sum(len(said[first][name]) for name in shared)
        if count >= TELLING and all(said[first][name] == said[second][name] for name in shared):
            found.append(Copy(first, second, count, len(shared)))
    return found


def _what(event: Event) -> tuple[Any, ...]:
    return (
        event.op, event.pattern, event.new, event.quote, event.start_char, event.end_char, event.stance, event.role,
    )  # fmt: skip
