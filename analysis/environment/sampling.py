"""Asking an OpenAI-compatible endpoint for samples: what is sent, when it is tried again, when nothing is worth trying.

Three things can become of a call, as with the judge's: an answer; `Failed`, which concerns this sample; and
`UserError`, which concerns every one (the key, the model, the address, a setting) and ends the collecting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from analysis.errors import UserError
from analysis.judge.answers import Problem, decode
from analysis.judge.apis import APIS
from analysis.judge.client import Client, Patience
from analysis.judge.endpoint import Endpoint

CHAT = APIS["chat"]
DEFAULT = "provider's default"
"""What is stated of a setting that was not sent."""
PATIENCE = Patience(timeout=1800.0)
"""A thinking model on a slow machine, several at once, takes its time."""
TRIES_TO_REACH = 3
"""Tries until an endpoint that never answered anything counts as not there."""
SILENT_SAMPLES = 5
"""So many samples given up in a row, with no answer to any, and the endpoint counts as gone."""
SHORTEST_KEY = 12
"""Shorter secrets are words, such as "ollama", and stand in what endpoints return for other reasons."""
OWN = ("model", "messages", "temperature", "top_p", "max_tokens", "max_completion_tokens", "stream", "n")
"""What a request has of itself, so that no setting can name it."""

_FILTERED = ("content_filter", "content_policy", "flagged", "moderation")


class Failed(Exception):
    """This sample can't be had; one line says why, without secrets."""


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn.

    Attributes:
        model: The name that the endpoint knows the model by.
        temperature: Not sent where None: then it is the provider's default.
        top_p: The same.
        max_tokens: The most tokens of a reply, the reasoning among them.
        settings: Further fields of the request, such as `reasoning_effort`. To a `seed` the sample's number
            is added, so that samples of one prompt are not copies.
    """

    model: str
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int = 8_000
    settings: Mapping[str, Any] = field(default_factory=dict)

    def stated(self) -> dict[str, Any]:
        """The settings as they are kept with each sample."""
        return {
            "model": self.model,
            "temperature": DEFAULT if self.temperature is None else self.temperature,
            "top_p": DEFAULT if self.top_p is None else self.top_p,
            "max_tokens": self.max_tokens,
            **self.settings,
        }

    def request(self, prompt: str, sample: int) -> dict[str, Any]:
        """The body of a request, but for its limit of tokens."""
        sent = {"temperature": self.temperature, "top_p": self.top_p, **self.settings}
        if isinstance(sent.get("seed"), int):
            sent["seed"] += sample
        given = {key: value for key, value in sent.items() if value is not None}
        return {"model": self.model, "messages": [{"role": "user", "content": prompt}], **given}


class Sampler:
    """One endpoint, for as many calls at once as like.

    Args:
        endpoint: Where to ask.
        sampling: What is sent beside the prompt.
        patience: How long and how often to try.
        connections: Calls under way at once, at the most; fewer while the endpoint pushes back.
    """

    def __init__(
        self, endpoint: Endpoint, sampling: Sampling, patience: Patience = PATIENCE, connections: int = 16
    ) -> None:
        self.endpoint, self.sampling, self.patience = endpoint, sampling, patience
        self._client = Client(endpoint, sampling.model, {}, patience=patience, connections=connections)
        self._limit = "max_tokens"
        self._heard = False
        self._answered = 0
        self._silent = 0

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def without_key(self, text: str) -> str:
        """A text that the endpoint returned, without the key. Servers that want none are given words as keys."""
        for secret in self.endpoint.secrets:
            text = text.replace(secret, "***") if len(secret) >= SHORTEST_KEY else text
        return text

    async def ask(self, prompt: str, sample: int, max_tokens: int) -> dict[str, Any]:
        """Ask for one reply, trying again while the endpoint is busy or broken.

        Returns:
            The decoded chat completion.

        Raises:
            Failed: This one can't be had.
            UserError: None can be.
        """
        request = self.sampling.request(prompt, sample)
        tried, answered, caller = 0, self._answered, object()
        while True:
            limit = self._limit
            try:
                answer = await self._send({**request, limit: max_tokens}, caller)
            except Problem as problem:
                self._heard = self._heard or problem.status is not None
                if self._limit_has_another_name(limit, problem):
                    continue
                self._stop_if_hopeless(problem)
                # While others get their turn, a limit on requests is no reason to give this one up.
                waits = problem.status == 429 and self._answered > answered
                tried, answered = 1 if waits else tried + 1, self._answered
                self._give_up_if_useless(problem, tried)
                pause = self.patience.wait(tried, problem.retry_after)
            else:
                self._heard = True
                self._answered += 1
                self._silent = 0
                return answer
            await asyncio.sleep(pause)

    async def _send(self, body: dict[str, Any], caller: object) -> dict[str, Any]:
        """One HTTP call when there is room for it: the decoded answer, or `Problem`."""
        async with self._client.lane(caller):
            return await self._answer(body)

    async def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        async with self._client.told_as_problems():
            response = await self._client.sdk.post(
                CHAT.path,
                cast_to=httpx2.Response,
                body=body,
                # Else the client would send an administrator's key too, if the environment has one.
                options={"security": {"bearer_auth": True}},
            )
            content = response.content
        answer = decode(content, CHAT.is_answer, CHAT.kind)
        first = answer["choices"][0]
        if isinstance(first, dict) and first.get("finish_reason") == "error":
            raise Problem("the endpoint broke off its reply", 502)
        return answer

    def _limit_has_another_name(self, limit: str, problem: Problem) -> bool:
        """Whether the endpoint wants the limit under its newer name; then it has it from here on."""
        newer = "max_completion_tokens"
        if problem.status not in (400, 422) or limit == newer or newer not in problem.said:
            return False
        self._limit = newer
        return True

    def _stop_if_hopeless(self, problem: Problem) -> None:
        """End the collecting where every other call would be refused for the same reason."""
        url, model, said = self.endpoint.url, self.sampling.model, self._client.describe(problem)
        if problem.status == 401:
            raise UserError(f"{url} refused the key (401): check OPENAI_API_KEY")
        if problem.status == 404 or problem.code == "model_not_found":
            raise UserError(f"{url} knows no model {model}, or is no base URL: {said}")
        if problem.status == 402 or problem.code == "insufficient_quota":
            raise UserError(f"{url}: the account has no credit left: {said}")
        refused = problem.status in (400, 403, 422) and not self._answered and not _is_filtered(problem)
        if refused and problem.status == 403:
            raise UserError(f"{url} does not let this key use {model}: {said}")
        if refused:
            raise UserError(f"{url} refuses the request: {said}")

    def _give_up_if_useless(self, problem: Problem, tried: int) -> None:
        """Give up the sample where another try is no use; and all of them where nobody has answered for long."""
        said = self._client.describe(problem)
        if not _is_passing(problem):
            raise Failed(said)
        if not self._heard and tried >= min(TRIES_TO_REACH, self.patience.tries):
            raise UserError(f"{self.endpoint.url} can't be reached: {said}")
        if tried >= self.patience.tries:
            self._silent += 1
            if self._silent >= SILENT_SAMPLES:
                raise UserError(
                    f"{self.endpoint.url} has stopped answering: {said}; "
                    "what came is kept, and the same command goes on from there"
                )
            raise Failed(f"{said} ({tried} tries)")


def _is_filtered(problem: Problem) -> bool:
    """Whether the endpoint's own filter refused what this prompt says."""
    about = f"{problem.code} {problem.said[:300].lower()}"
    return any(word in about for word in _FILTERED)


def _is_passing(problem: Problem) -> bool:
    return problem.status is None or problem.status in (408, 409, 425, 429) or problem.status >= 500
