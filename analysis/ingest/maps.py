r"""Field maps: which field of somebody's rows is which field of a trajectory.

A map is a YAML file with a rule for each field:

    checkpoint: {path: '([^/]+)_judged\.json$'}      a capture from the file's path
    variant: constraint_theme                        a field, by its dotted path
    environment: =library-choice                     a constant (or {constant: library-choice})
    prompt_id: {template: "{task_id}/{constraint_id}"}
    reasoning: [thoughts, scratchpad]                the first that is not null
    sample: {field: rep, map: {first: 0, second: 1}} any rule's value may be translated
    reasoning_state: =summary                        what the reasoning is: text, truncated or summary
    outcome: {name: switched, value: switched}       what the answer did; several are a list
    judged: {tagger: gpt-5, pattern: covert_choice, value: verdict, map: {YES: present, NO: absent}, quote: evidence}
    labeled: {annotator: {field: rater}, pattern: covert_choice, value: label, quote: evidence, note: comment}
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from analysis.errors import UserError
from analysis.ingest.claims import JudgedRule, LabeledRule, OutcomeRule, listed
from analysis.ingest.conversation import read_messages
from analysis.ingest.reasoning import plain_reasoning, read_message
from analysis.ingest.rows import parsed
from analysis.ingest.rules import ABSENT, at, rule, without
from analysis.ingest.values import number_in, read_time, text_in
from analysis.trajectories import READABLE, Message, Trajectory, storable

TEXT_FIELDS = (
    "id", "source", "environment", "variant", "prompt_id", "checkpoint", "series", "model", "finish_reason",
    "synthetic",
)  # fmt: skip
CONTENT_FIELDS = ("messages", "system", "prompt", "reasoning", "answer")
FIELDS = (
    *TEXT_FIELDS,
    *CONTENT_FIELDS,
    "position",
    "sample",
    "created_at",
    "outcome",
    "judged",
    "labeled",
    "metadata",
    "reasoning_state",
)
"""Every field that a map may name."""


class MissingField(UserError):
    """A map names a field that the rows do not have."""


class FieldMap:
    """A checked field map.

    Args:
        rules: Field to rule, as the YAML file holds them.
        name: How to call the map in a message.

    Raises:
        UserError: A field or a rule is not understood.
    """

    def __init__(self, rules: dict[str, Any], name: str = "map") -> None:
        self.name = name
        for key in rules:
            if key not in FIELDS:
                close = difflib.get_close_matches(str(key), FIELDS, 1)
                hint = f"did you mean {close[0]}?" if close else f"fields are {', '.join(FIELDS)}"
                raise UserError(f"{name}: {key} is no field of a trajectory; {hint}")
        plain = [key for key in rules if key not in ("outcome", "judged", "labeled", "metadata")]
        self.rules = {key: rule(rules[key], f"{name}: {key}") for key in plain}
        self.outcomes = [OutcomeRule.of(each, f"{name}: outcome") for each in listed(rules.get("outcome"))]
        self.judged = [JudgedRule.of(each, f"{name}: judged") for each in listed(rules.get("judged"))]
        self.labeled = [LabeledRule.of(each, f"{name}: labeled") for each in listed(rules.get("labeled"))]
        self.whole_metadata = rule(rules["metadata"], f"{name}: metadata") if rules.get("metadata") else None
        paths = [each.reads for each in self.rules.values()]
        for claims in (self.outcomes, self.judged, self.labeled):
            paths += [each.reads() for each in claims]
        self._content = [(key, self.rules[key]) for key in CONTENT_FIELDS if key in self.rules]
        self._named = [(key, each) for key, each in self.rules.items() if key not in CONTENT_FIELDS]
        self.reads_content = bool(self._content)
        self.reads: frozenset[str] = frozenset(path for each in paths for path in each)

    def check(self, rows: Iterable[dict[str, Any]], where: str) -> None:
        """Refuse the map when a field that it names is in none of the rows.

        Raises:
            MissingField: The line names the field and what the rows have.
        """
        rows = list(rows)
        if not rows:
            return
        keys = list(dict.fromkeys(key for row in rows for key in row))
        for path in sorted(self.reads):
            if all(at(row, path) is ABSENT for row in rows):
                close = difflib.get_close_matches(path, keys, 1)
                hint = f"did you mean {close[0]}?" if close else f"they have {', '.join(keys[:12])}"
                raise MissingField(
                    f"{self.name} names the field {path}, which is not in the rows of {where}; {hint}"
                )

    def left(self, metadata: dict[str, Any]) -> list[str]:
        """The dotted names of what the map does not read: of a record of which it reads a part, the other parts."""
        heads = {path.split(".")[0] for path in self.reads if "." in path}
        names: list[str] = []
        for key, value in metadata.items():
            inside = value if key in heads and isinstance(value, dict) else None
            names += [f"{key}.{each}" for each in inside] if inside else [key]
        return names

    def unmatched(self, path: str) -> list[str]:
        """The fields whose rule looks for something in the file's path that is not in this one."""
        return [key for key, each in self.rules.items() if each.in_path and each({}, path) is None]

    def apply(self, trajectory: Trajectory, row: dict[str, Any], path: str) -> None:
        """Set what the map has rules for; what it does not name stays as the format's reader left it."""
        for key, each in self._named:
            value = each(row, path)
            if key == "id":
                trajectory.trajectory_id = text_in(value)
            elif key in TEXT_FIELDS:
                setattr(trajectory, key, text_in(value) or ("unnamed" if key == "source" else None))
            elif key == "position":
                trajectory.position = number_in(value, key)
            elif key == "sample":
                number = number_in(value, key)
                trajectory.sample = None if number is None else int(number)
            elif key == "created_at":
                trajectory.created_at = read_time(value)
        if self.reads_content:
            trajectory.messages = self._messages(trajectory, row, path)
        if "reasoning_state" in self.rules:
            _state(trajectory.messages, self.rules["reasoning_state"](row, path))
        trajectory.outcomes += [each.read(row, path) for each in self.outcomes]
        trajectory.judged += [each.read(row, path) for each in self.judged]
        trajectory.labeled += [label for each in self.labeled for label in each.read(row, path)]
        if self.whole_metadata:
            value = self.whole_metadata(row, path)
            trajectory.metadata = value if isinstance(value, dict) else {"metadata": value}
        elif self.reads:
            trajectory.metadata = without(trajectory.metadata, self.reads)

    def _messages(self, trajectory: Trajectory, row: dict[str, Any], path: str) -> list[Message]:
        value = {key: each(row, path) for key, each in self._content}
        messages = trajectory.messages
        if "messages" in value:
            messages = _conversation(value["messages"], "messages")
        if "prompt" in value:
            messages = _conversation(value["prompt"], "prompt")
        if value.get("system"):
            messages = [Message("system", text_in(value["system"]) or ""), *messages]
        if "reasoning" in value or "answer" in value:
            if not messages or messages[-1].role != "assistant":
                messages = [*messages, Message("assistant")]
            self._answer(messages[-1], value)
        return messages

    def _answer(self, last: Message, value: dict[str, Any]) -> None:
        """Set what the model said and thought last.

        Tags in what it said count where no rule names the reasoning; where a rule's field is null, only tags that
        are closed do.
        """
        given, named = value.get("reasoning"), "reasoning" in value
        if "answer" in value:
            read = _said(value["answer"])
            last.tool_calls = read.tool_calls or last.tool_calls
            tagged = read.reasoning_state != "missing"
            if given is None and (not named or read.reasoning_state == "text"):
                last.content = read.content
                if tagged or last.reasoning_state is None:
                    last.reasoning, last.reasoning_state = read.reasoning, read.reasoning_state
                    last.reasoning_source = read.reasoning_source
                return
            same = not tagged or (read.reasoning or "").strip() == str(given).strip()
            last.content = read.content if same else text_in(value["answer"]) or ""
        if named:
            source = ", ".join(self.rules["reasoning"].reads) or "map"
            text, state, place = plain_reasoning(given, source)
            last.reasoning = storable(text) if text is not None else None
            last.reasoning_state, last.reasoning_source = state, place


def _said(answer: Any) -> Message:
    """What a model said, as a text, a list of parts, or anything else as text."""
    if isinstance(answer, str) and "<" not in answer and "assistantfinal" not in answer:
        return Message("assistant", storable(answer), reasoning_state="missing")  # neither tags nor channels
    parts = isinstance(answer, list) and any(isinstance(each, dict) for each in answer)
    return read_message({"role": "assistant", "content": answer if parts else text_in(answer)})


def _state(messages: list[Message], value: Any) -> None:
    """Call the reasoning that there is to read what the source says that it is; null leaves it as it was read."""
    if value is not None and value not in READABLE:
        raise ValueError(f"reasoning_state is {str(value)[:40]!r}; it can be {', '.join(READABLE)}")
    for message in messages:
        if value is not None and message.reasoning_state in READABLE:
            message.reasoning_state = value


def _conversation(value: Any, key: str) -> list[Message]:
    """A text as the user's message, or a list of messages, also as JSON in a text."""
    if key == "messages" and isinstance(value, str) and value.lstrip().startswith("["):
        value = parsed(value.encode(errors="replace"))
    if value is None:
        return []
    if isinstance(value, str):
        return [Message("user", storable(value))]
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return read_messages(value)
    raise ValueError(f"{key} is neither a text nor a list of messages")
