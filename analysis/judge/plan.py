"""What makes a judge's run the one it is: whoever changes any of this makes another run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.errors import UserError
from analysis.judge.endpoint import Endpoint
from analysis.judge.prompt import Prompt
from analysis.judge.windows import DEFAULT_TOKENS, LEAST_TOKENS

MOST_VOTES = 99
RESERVED = ("model", "messages", "input", "response_format", "text", "stream", "store", "n")
"""What a call's body holds that is not the user's to set."""


@dataclass(frozen=True)
class Plan:
    """A judge, and how it is asked.

    Attributes:
        endpoint: Where it is asked. Its URL is part of the run, its key is not.
        model: The name that the endpoint knows the model by.
        prompt: The template, with the codebook in it.
        api: chat or responses.
        settings: Sent with each call as they are, such as `temperature`.
        window: Tokens of reasoning that one call reads at most, as `windows.size` estimates them.
        votes: How often each trajectory is judged, for one verdict by majority.
        repeat: Which time this is: another number is a run of its own over the same trajectories.

    Raises:
        UserError: A number makes no sense.
    """

    endpoint: Endpoint
    model: str
    prompt: Prompt
    api: str = "chat"
    settings: Mapping[str, Any] = field(default_factory=dict)
    window: int = DEFAULT_TOKENS
    votes: int = 1
    repeat: int = 1

    def __post_init__(self) -> None:
        if self.window < LEAST_TOKENS:
            raise UserError(f"--window must be {LEAST_TOKENS} tokens or more")
        if not 1 <= self.votes <= MOST_VOTES:
            raise UserError(f"--votes must be from 1 to {MOST_VOTES}")
        if self.repeat < 1:
            raise UserError("--repeat counts from 1")
        if taken := [name for name in self.settings if name in RESERVED]:
            raise UserError(f"--setting {taken[0]}: that is not for users to set")
        if self.endpoint.scrub(repr(self.settings)) != repr(self.settings):
            raise UserError("--setting: settings are stored, and this one holds a secret of the endpoint")

    def config(self) -> dict[str, Any]:
        """What the run is identified by beside its model and codebook, as the store keeps it."""
        return {
            "prompt": {"version": self.prompt.version, "sha256": self.prompt.sha256},
            "base_url": self.endpoint.url,
            "api": self.api,
            "settings": dict(self.settings),
            "window": self.window,
            "votes": self.votes,
            "repeat": self.repeat,
        }
