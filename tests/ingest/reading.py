"""What tests of formats read a file with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from analysis.ingest import detect
from analysis.ingest.formats import named
from analysis.ingest.rows import Unreadable
from analysis.ingest.skipped import Skipped
from analysis.ingest.summaries import told_apart
from analysis.trajectories import Message, Trajectory


def read(path: Path) -> list[Trajectory]:
    """The trajectories of a file by detection alone; nothing in it may be unreadable."""
    found = list(told_apart(named(detect(path)).read(path, "s")))
    assert not [each for each in found if isinstance(each, Unreadable) and not isinstance(each, Skipped)]
    return [each[1] for each in found if not isinstance(each, Unreadable)]


def one(path: Path) -> Trajectory:
    """The one trajectory of a file of which nothing is unreadable."""
    [trajectory] = read(path)
    return trajectory


def parted(path: Path) -> tuple[list[Trajectory], list[Unreadable]]:
    """The trajectories of a file, and what is none."""
    trajectories, aside = [], []
    for each in told_apart(named(detect(path)).read(path, "s")):
        if isinstance(each, Unreadable):
            aside.append(each)
        else:
            trajectories.append(each[1])
    return trajectories, aside


def unread(path: Path) -> list[tuple[int | None, str]]:
    found = told_apart(named(detect(path)).read(path, "s"))
    return [
        (each.line, each.reason)
        for each in found
        if isinstance(each, Unreadable) and not isinstance(each, Skipped)
    ]


def said(trajectory: Trajectory) -> list[tuple[Any, ...]]:
    """(role, content) of each message; of the model's with its reasoning, and its calls or a tool's name."""
    return [_said(message) for message in trajectory.messages]


def _said(message: Message) -> tuple[Any, ...]:
    if message.role == "assistant":
        calls = [(call["name"], call["arguments"]) for call in message.tool_calls]
        return ("assistant", message.content, message.reasoning, *calls)
    return (message.role, message.content, message.name) if message.name else (message.role, message.content)


def states(trajectory: Trajectory) -> list[str | None]:
    return [message.reasoning_state for message in trajectory.messages if message.role == "assistant"]


def thought(trajectory: Trajectory) -> tuple[str | None, str]:
    """The reasoning and its state."""
    return trajectory.reasoning(), trajectory.reasoning_state()


def turns(trajectory: Trajectory) -> list[tuple[str, str, str | None]]:
    """(role, what was said, what was thought before) of each message."""
    return [(m.role, m.content, m.reasoning) for m in trajectory.messages]


def written(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
