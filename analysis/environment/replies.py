"""What an endpoint's answer to one prompt holds: the model's message, how it ended, and all that came with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from analysis.ingest.reasoning import cut_off, read_message
from analysis.ingest.rowwise import BULK, OUT_OF_TOKENS
from analysis.trajectories import Message, storable

DEEPEST = 50
"""Values below so many brackets are kept as text."""

Lack = Literal["truncated", "empty"]

_LARGEST_INTEGER = 2**63


@dataclass(frozen=True)
class Reply:
    """One reply.

    Attributes:
        message: What the model said, with its reasoning apart; reasoning that was not given is missing.
        finish_reason: Why the endpoint stopped, as it says itself.
        response: Everything else that the endpoint returned: its id, the served model, the provider, what was
            used. What the message holds is not in it twice.
    """

    message: Message
    finish_reason: str | None
    response: dict[str, Any]

    @property
    def lacks(self) -> Lack | None:
        """Why the reply is worth asking for again, with more tokens; None where it is whole."""
        if self.finish_reason in OUT_OF_TOKENS:
            return "truncated"
        # Where a filter stopped it, more tokens change nothing.
        whole = self.message.content.strip() or self.finish_reason == "content_filter"
        return None if whole else "empty"


def read_reply(answer: Mapping[str, Any], scrub: Callable[[str], str] = str) -> Reply:
    """Read a decoded chat completion.

    Args:
        answer: Its first choice counts. The reasoning is read by the order of trust of `ingest`:
            `reasoning_details`, `reasoning`, `reasoning_content`, `thinking`, tags in the content.
        scrub: Takes secrets out of what is kept beside the message.
    """
    choice = answer["choices"][0] if isinstance(answer["choices"][0], dict) else {}
    raw = choice["message"] if isinstance(choice.get("message"), dict) else {}
    said = raw.get("content") or raw.get("refusal")
    message = read_message({**raw, "role": "assistant", "content": said})
    reason = choice.get("finish_reason")
    finish_reason = storable(reason) if isinstance(reason, str) else None
    if finish_reason in OUT_OF_TOKENS:
        cut_off(message)
    held = {text.strip() for text in (message.content, message.reasoning) if text}
    unsaid = _without({key: value for key, value in raw.items() if key not in ("content", "role")}, held)
    choices = [{**choice, "message": unsaid}, *answer["choices"][1:]]
    return Reply(message, finish_reason, _storable({**answer, "choices": choices}, scrub))


def _without(value: Any, held: set[str]) -> Any:
    """The value without the texts that are held elsewhere."""
    if isinstance(value, dict):
        return {
            key: _without(part, held)
            for key, part in value.items()
            if not (isinstance(part, str) and part.strip() in held)
        }
    return [_without(part, held) for part in value] if isinstance(value, list) else value


def _storable(value: Any, scrub: Callable[[str], str], depth: int = 0) -> Any:
    """The value as the store can keep it: without secrets, and without the fields that are numbers by token."""
    if depth > DEEPEST and isinstance(value, (dict, list)):
        return storable(scrub(str(value)))
    if isinstance(value, dict):
        return {
            storable(str(key)): _storable(part, scrub, depth + 1)
            for key, part in value.items()
            if key not in BULK and part is not None
        }
    if isinstance(value, list):
        return [_storable(part, scrub, depth + 1) for part in value]
    if isinstance(value, str):
        return storable(scrub(value))
    if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
        return str(value)
    return value
