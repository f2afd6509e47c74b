"""Models whose provider gives a summary of the reasoning in the place of the reasoning, told by their names.

| models | what their provider's documentation says |
|---|---|
| Claude 4 and newer | thinking is returned summarized; Claude Sonnet 3.7 returned it in full |
| Gemini 2.5 and newer | thoughts are summaries of the model's raw thoughts |

The shape of the answer does not say so: a summary stands in the same `thinking` block, `reasoning` field or
`reasoning.text` detail as another model's own words. (OpenAI's summaries are marked as such and need no rule.) What a model
wrote into its answer, such as `<think>` tags, is its own whatever its name. A map that names the reasoning, or its state
(`reasoning_state`), has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from analysis.ingest.reasoning import BLOCKS, FIELDS
from analysis.ingest.rows import Unreadable
from analysis.trajectories import Trajectory

Found = Iterator[tuple[dict[str, Any], Trajectory] | Unreadable]

GIVEN_APART = frozenset({*FIELDS, *BLOCKS, "reasoning_details", "reasoningContent"})
"""Sources of reasoning that a provider gave apart from what the model said."""

_CLAUDE = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?!\d)")
_GEMINI = re.compile(r"gemini-(\d{1,2}(?:\.\d)?)")


@lru_cache(maxsize=1024)
def gives_summaries(model: str) -> bool:
    """Whether the name is that of a model whose provider gives summaries; False where it does not tell."""
    name = model.lower().replace(" ", "-").replace("_", "-")
    if found := _CLAUDE.search(name):
        return int(found[1]) >= 4
    found = _GEMINI.search(name)
    return found is not None and float(found[1]) >= 2.5


def told_apart(found: Found) -> Found:
    """What a format's reader found, with summaries called summaries."""
    for each in found:
        if not isinstance(each, Unreadable):
            model = each[1].model
            if isinstance(model, str) and gives_summaries(model):
                _mark(each[1])
        yield each


def _mark(trajectory: Trajectory) -> None:
    for message in trajectory.messages:
        if message.reasoning_state in ("text", "truncated") and message.reasoning_source in GIVEN_APART:
            message.reasoning_state = "summary"
