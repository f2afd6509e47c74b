"""A trajectory as every reader of a format hands it over, and as the store keeps it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

import orjson

ReasoningState = Literal["text", "summary", "truncated", "encrypted", "empty", "missing"]
READABLE: tuple[ReasoningState, ...] = ("text", "truncated", "summary")
"""States in which there is something to read. They are never pooled with one another."""
TURN_SEPARATOR = "\n\n"

_NAMES = (
    "trajectory_id", "environment", "variant", "prompt_id", "checkpoint", "model", "finish_reason", "synthetic",
    "series",
)  # fmt: skip
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_named_values = attrgetter(*_NAMES)


def storable(text: str) -> str:
    """The text with each lone surrogate and NUL as U+FFFD, so that offsets stay what they were."""
    if text.isascii():
        if "\0" not in text:
            return text
    else:
        try:
            if b"\0" not in text.encode():  # far quicker than to look for what hardly any text has
                return text
        except UnicodeEncodeError:
            pass
    return _UNSTORABLE.sub("\ufffd", text)


@dataclass
class Message:
    """One message of a trajectory.

    Attributes:
        role: system, user, assistant or tool (or what the source calls it).
        content: What was said, as plain text.
        reasoning: What the model wrote before saying it; None when there is nothing to read.
        reasoning_state: What became of the reasoning; None for roles that have none.
        reasoning_source: The field, block or tag that it was read from.
        tool_calls: `{"name": …, "arguments": …}` each.
        name: The tool that a tool message answers for.
    """

    role: str
    content: str = ""
    reasoning: str | None = None
    reasoning_state: ReasoningState | None = None
    reasoning_source: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    name: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The message as it is stored: keys without a value are left out."""
        return {key: value for key, value in self.__dict__.items() if value or key in ("role", "content")}


@dataclass
class Outcome:
    """What an answer did: a named value, how sure its reading is, and who read it."""

    name: str
    value: Any
    state: str = "ok"
    reader: str = "imported"


@dataclass
class Judged:
    """A verdict that somebody else's tool made, as it comes in with a trajectory.

    A `verdict` of None says that the tool gave none; it is kept as missing, never as absent.
    """

    tagger: str
    pattern: str
    verdict: str | None
    score: float | None = None
    quote: str | None = None
    why: str | None = None


@dataclass
class Labeled:
    """What a person said elsewhere of one pattern, as it comes in with a trajectory.

    A `value` of None says that the source has no label; nothing is recorded then.
    """

    annotator: str
    pattern: str
    value: str | None
    quote: str | None = None
    note: str | None = None


@dataclass
class Trajectory:
    """One rollout: what was asked, what was thought, what was answered, and where it came from."""

    source: str
    messages: list[Message]
    trajectory_id: str | None = None
    environment: str | None = None
    variant: str | None = None
    prompt_id: str | None = None
    checkpoint: str | None = None
    model: str | None = None
    sample: int | None = None
    finish_reason: str | None = None
    synthetic: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: datetime | None = None
    series: str | None = None
    position: float | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    labeled: list[Labeled] = field(default_factory=list)
    line: int | None = None

    def prompt(self) -> list[Message]:
        """The messages before the model's first."""
        roles = [message.role for message in self.messages]
        return self.messages[: roles.index("assistant")] if "assistant" in roles else self.messages

    def answer(self) -> str | None:
        """What the model said last, without its reasoning; None when it said nothing anywhere."""
        said = [m.content for m in self.messages if m.role == "assistant" and m.content]
        return said[-1] if said else None

    def turns(self) -> list[tuple[int, str]]:
        """The readable reasoning a turn: (index of the message, text)."""
        return [
            (index, message.reasoning)
            for index, message in enumerate(self.messages)
            if message.reasoning and message.reasoning_state in READABLE
        ]

    def reasoning(self) -> str | None:
        """The turns' reasoning joined by a blank line: the text that offsets count code points of."""
        turns = self.turns()
        return TURN_SEPARATOR.join(text for _, text in turns) if turns else None

    def reasoning_state(self) -> ReasoningState:
        """One state for the whole: a summary anywhere makes it a summary, a cut in the last turn truncated.

        With nothing readable it is encrypted if any turn is, else empty if any turn is, else missing.
        """
        states = [m.reasoning_state for m in self.messages if m.role == "assistant" and m.reasoning_state]
        readable = [state for state in states if state in READABLE]
        if "summary" in readable:
            return "summary"
        if readable:
            return "truncated" if readable[-1] == "truncated" else "text"
        return next((state for state in ("encrypted", "empty") if state in states), "missing")

    def reasoning_source(self) -> str | None:
        """Where the readable reasoning was read from; several places are joined by a comma."""
        sources = [m.reasoning_source for m in self.messages if m.reasoning_source]
        return ", ".join(dict.fromkeys(sources)) or None

    def flat(self) -> dict[str, Any]:
        """The trajectory as one mapping of short things, as people look it over before it is stored."""
        names = (
            "trajectory_id", "source", "environment", "variant", "checkpoint", "series", "position", "model",
            "sample", "prompt_id", "created_at", "finish_reason", "synthetic",
        )  # fmt: skip
        return {
            **{name: getattr(self, name) for name in names},
            "prompt": "\n".join(f"{m.role}: {m.content}" for m in self.prompt()),
            "reasoning_state": self.reasoning_state(),
            "reasoning_source": self.reasoning_source(),
            "turns": len(self.turns()),
            "reasoning": self.reasoning(),
            "answer": self.answer(),
            "outcomes": {outcome.name: outcome.value for outcome in self.outcomes},
            "judged": {f"{judged.pattern} ({judged.tagger})": judged.verdict for judged in self.judged},
            "labeled": {f"{label.pattern} ({label.annotator})": label.value for label in self.labeled},
        }

    def identify(self, sample_of: dict[str, int] | None) -> None:
        """Give what lacks them a prompt id, a sample number and an id.

        Args:
            sample_of: How many rollouts of each prompt have been met without a sample number; counted on. Where it
                is not known, one without both stays without both.
        """
        self._tidy()
        if self.prompt_id is None:
            self.prompt_id = short_hash([[m.role, m.content] for m in self.prompt()])
        if self.trajectory_id is None and self.sample is None and sample_of is not None:
            self.sample = next_sample(sample_of, self._of())
        if self.trajectory_id is None and self.sample is not None:
            self.trajectory_id = short_hash([*self._of(), self.sample])

    def set_apart(self) -> None:
        """Give it an id of its own, where the source's id is also that of another trajectory."""
        self.trajectory_id = short_hash([self.trajectory_id, *self._of(), self.sample])

    def place(self) -> tuple[str | None, str | None, str | None, int | None]:
        """Environment, checkpoint, variant and sample: rollouts that differ in one of them are not the same."""
        return self.environment, self.checkpoint, self.variant, self.sample

    def _tidy(self) -> None:
        """Make a text of what is to be one and is none, as sources have numbers and lists for names."""
        for name, value in zip(_NAMES, _named_values(self), strict=True):
            if value is not None and type(value) is not str:
                setattr(self, name, storable(value if isinstance(value, str) else canonical(value).decode()))
        if type(self.sample) is not int:
            whole = isinstance(self.sample, float) and self.sample.is_integer()
            self.sample = int(self.sample) if whole and self.sample is not None else None
        if self.sample is not None and abs(self.sample) >= 1 << 63:
            self.sample = None

    def _of(self) -> list[str | None]:
        return [self.source, self.environment, self.checkpoint, self.variant, self.prompt_id]


def next_sample(sample_of: dict[str, int], of: Sequence[str | None]) -> int:
    """The number of the next rollout of a prompt, which is named with where it came from; it is counted on."""
    key = short_hash(of)
    sample_of[key] = sample_of.get(key, -1) + 1
    return sample_of[key]


def canonical(value: Any) -> bytes:
    """The value as JSON with sorted keys: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)


def sha256_of(value: Any) -> str:
    """SHA-256 of bytes, of a text's UTF-8, or of any other value's canonical JSON, in hexadecimal."""
    data = (
        value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else canonical(value)
    )
    return hashlib.sha256(data).hexdigest()


def short_hash(value: Any) -> str:
    """The first 80 bits of `sha256_of`, in hexadecimal: for ids that people read."""
    return sha256_of(value)[:20]


def row(
    trajectory: Trajectory, row_id: int, stored_at: datetime, turns: Sequence[tuple[int, str]] | None = None
) -> dict[str, Any]:
    """The trajectory as a row of log.trajectories, its long texts as UTF-8. It must have been identified.

    Args:
        trajectory: Any.
        row_id: Under which it will be stored.
        stored_at: When.
        turns: As `Trajectory.turns` gives them, where that is known.
    """
    turns = trajectory.turns() if turns is None else turns
    reasoning = TURN_SEPARATOR.join(text for _, text in turns).encode() if turns else None
    messages = _pointing(trajectory.messages, turns)
    its: dict[str, Any] = {
        "row_id": row_id,
        "trajectory_id": trajectory.trajectory_id,
        "source": trajectory.source,
        "environment": trajectory.environment,
        "variant": trajectory.variant,
        "prompt_id": trajectory.prompt_id,
        "checkpoint": trajectory.checkpoint,
        "model": trajectory.model,
        "sample": trajectory.sample,
        "messages": orjson.dumps(messages, default=str),
        "reasoning": reasoning,
        "reasoning_state": trajectory.reasoning_state(),
        "reasoning_source": trajectory.reasoning_source(),
        "answer": trajectory.answer(),
        "finish_reason": trajectory.finish_reason,
        "reasoning_sha256": sha256_of(reasoning) if reasoning is not None else None,
        "synthetic": trajectory.synthetic,
        "metadata": orjson.dumps(trajectory.metadata, default=str),
        "created_at": trajectory.created_at,
        "stored_at": stored_at,
    }
    its["content_sha256"] = content_sha256(its, messages)
    return its


def content_sha256(its: Mapping[str, Any], messages: list[dict[str, Any]]) -> str:
    """What must be equal for two rows of one id to be the same trajectory.

    Args:
        its: A row.
        messages: Its messages as they are stored.
    """
    return sha256_of([messages, its["reasoning_sha256"], *_aspects(its)])


def _aspects(its: Mapping[str, Any]) -> list[list[Any]]:
    """What beside its messages must be equal for two rows of one id to be the same trajectory."""
    first = ("environment", "checkpoint", "variant", "prompt_id", "model")
    return [[its[name] for name in first], [its["sample"], its["finish_reason"], its["synthetic"]]]


def is_content(its: Mapping[str, Any], sha256: str) -> bool:
    """Whether the `content_sha256` of another row says that it is the same trajectory as a row.

    Args:
        its: As `row` makes it.
        sha256: The other's. Versions that stored messages whole hashed them whole.
    """
    if sha256 == its["content_sha256"]:
        return True
    whole = whole_messages(its["messages"], (its["reasoning"] or b"").decode())
    return sha256 == sha256_of([whole, *_aspects(its)])


def _pointing(messages: Sequence[Message], turns: Sequence[tuple[int, str]]) -> list[dict[str, Any]]:
    """Messages with each turn's reasoning as its place in the trajectory's: a store has no text twice."""
    said = [each.as_json() for each in messages]
    for message, start, end in turn_spans(turns):
        del said[message]["reasoning"]
        said[message].update(reasoning_start=start, reasoning_end=end)
    return said


def whole_messages(messages: str | bytes, reasoning: str | None) -> list[dict[str, Any]]:
    """The messages of a row of trajectories, each turn with its reasoning.

    Args:
        messages: The column `messages`. What is stored now has `reasoning_start` and `reasoning_end` in place of
            a turn's text, in code points of the trajectory's reasoning; what older versions stored has the text.
        reasoning: The column `reasoning`.
    """
    said: list[dict[str, Any]] = orjson.loads(messages)
    for each in said:
        if "reasoning_start" in each:
            each["reasoning"] = (reasoning or "")[each.pop("reasoning_start") : each.pop("reasoning_end")]
    return said


def turn_spans(turns: Sequence[tuple[int, str]]) -> list[tuple[int, int, int]]:
    """Where each turn stands in the joined reasoning: (message, start_char, end_char) in code points."""
    spans, start = [], 0
    for message, text in turns:
        spans.append((message, start, start + len(text)))
        start += len(text) + len(TURN_SEPARATOR)
    return spans
