"""Calls to an OpenAI-compatible endpoint: what is sent, when one is tried again, when none is worth trying.

Four things can become of a call. It is answered: a `Completion`, also where the endpoint's own filter
stopped it. It is too long for the model: `TooLong`. This call can't be answered: `CallFailed`. No call can be
answered (the key, the model or the address is wrong): `UserError`, which ends the run.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from analysis.errors import UserError
from analysis.judge.answers import Problem, Usage, decode, problem_of
from analysis.judge.apis import APIS, FORMS, Form
from analysis.judge.endpoint import Endpoint
from analysis.judge.lanes import BUSY, Lanes
from analysis.judge.prompt import Message
from analysis.judge.reply import LONGEST_LINE, Completion, one_line

_ABOUT_FORM = (
    "response_format", "response format", "json_schema", "json_object", "structured output", "text.format",
)  # fmt: skip
_FILTERED = ("content_filter", "content_policy_violation", "flagged", "moderation")
_FILTER_CODE = re.compile(r"content_filter|moderation|invalid_prompt|_policy(_violation)?$")
_TOO_LONG = re.compile(
    r"context[ _](length|window|size)|(maximum|max) (context|model) len|exceed_context|request too large"
    r"|(prompt|input|request|messages?) (is|are) too (long|large)|too many (input |prompt )?tokens"
    r"|(input|prompt) token count|longer than the (model|maximum)|reduce the length|string_above_max_length"
)


class CallFailed(Exception):
    """This call can't be answered; one line says why, without secrets."""


class TooLong(CallFailed):
    """This call holds more than the model reads; a shorter one may be answered."""


@dataclass(frozen=True)
class Patience:
    """How long and how often to try.

    Attributes:
        tries: Calls until a busy or broken endpoint is given up for a trajectory.
        first_wait: Seconds before the second try; doubled for each one after it, with jitter.
        longest_wait: The most seconds to wait, also where Retry-After asks for more.
        timeout: Seconds until a call counts as lost.
    """

    tries: int = 6
    first_wait: float = 0.5
    longest_wait: float = 60.0
    timeout: float = 600.0

    def wait(self, tried: int, retry_after: float | None) -> float:
        """Seconds to wait after `tried` tries: at least what the endpoint asks for, up to the most."""
        backoff = self.first_wait * 2.0 ** (tried - 1) * random.uniform(0.5, 1.0)
        return min(max(backoff, retry_after or 0.0), self.longest_wait)


class Client:
    """One endpoint and model, for as many calls at once as like.

    Args:
        endpoint: Where to ask.
        model: The name that the endpoint knows the model by.
        schema: JSON schema of the reply.
        settings: Sent with each call as they are, such as `temperature`.
        patience: How long and how often to try.
        api: chat or responses.
        connections: Calls under way at once, at the most; fewer while the endpoint pushes back.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        schema: Mapping[str, Any],
        settings: Mapping[str, Any] | None = None,
        patience: Patience = Patience(),
        api: str = "chat",
        connections: int = 16,
    ) -> None:
        self.endpoint = endpoint
        self.patience = patience
        self.api = APIS[api]
        self.form: Form = FORMS[0]
        self.lanes = Lanes(connections)
        self._turn = asyncio.Lock()
        self._reached = False
        self._request = {"model": model, **(settings or {})}
        self._schema = dict(schema)
        self.sdk = openai.AsyncOpenAI(
            api_key=endpoint.key,
            base_url=endpoint.url,
            default_query=dict(endpoint.query),
            default_headers=dict(endpoint.headers),
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                timeout=httpx2.Timeout(patience.timeout, connect=10.0),
                limits=httpx2.Limits(
                    max_connections=connections + 1, max_keepalive_connections=connections + 1
                ),
            ),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.sdk.close()

    async def complete(self, messages: Sequence[Message], usage: Usage) -> Completion:
        """Ask once, trying again while the endpoint is busy or broken.

        Args:
            messages: The conversation.
            usage: Counted on with what the endpoint says it used.

        Raises:
            TooLong: The model's context is too small for it.
            CallFailed: This call can't be answered.
            UserError: No call can be: the key is refused, the model is not there, nothing listens.
        """
        tried, caller = 0, object()
        while True:
            form = self.form
            try:
                answer = await self._send(self.body(messages, form), caller)
                return self.read(answer, usage)
            except Problem as problem:
                if self.steps_down(form, problem):
                    continue
                tried += 1
                if (filtered := self.settle(problem)) is not None:
                    return filtered
                if tried >= self.patience.tries:
                    self._stop_if_unreached(problem)
                    raise CallFailed(f"{self.describe(problem)} ({tried} tries)") from None
                pause = self.patience.wait(tried, problem.retry_after)
            await asyncio.sleep(pause)

    def body(self, messages: Sequence[Message], form: Form) -> dict[str, Any]:
        """The body of a call."""
        return {**self._request, **self.api.question(messages, form, self._schema)}

    def read(self, answer: Mapping[str, Any], usage: Usage) -> Completion:
        """The completion of a decoded answer; what it used is counted whatever it says."""
        usage.add(self.api.usage(answer))
        return self.api.completion(answer)

    def settle(self, problem: Problem) -> Completion | None:
        """What a problem means for its call: a refusal by the endpoint's filter, or None where trying again may help.

        Raises:
            TooLong, CallFailed, UserError: As in `complete`.
        """
        if _is_filtered(problem):
            return Completion(None, finish_reason="content_filter")
        if _is_too_long(problem):
            raise TooLong(self.describe(problem))
        self._stop_if_hopeless(problem)
        if not _is_passing(problem):
            raise CallFailed(self.describe(problem))
        return None

    def steps_down(self, form: Form, problem: Problem) -> bool:
        """Whether the endpoint does not know this form; then the next one is used from here on."""
        about = f"{problem.param} {problem.said[:LONGEST_LINE].lower()}"
        unknown = problem.status in (400, 422) and any(word in about for word in _ABOUT_FORM)
        if not unknown or form == FORMS[-1]:
            return False
        if self.form == form:  # else another call has found out before this one
            self.form = FORMS[FORMS.index(form) + 1]
        return True

    @asynccontextmanager
    async def lane(self, caller: object) -> AsyncIterator[None]:
        """Room for one HTTP call, which learns from how the call ends."""
        async with self.lanes.one(caller) as lane:
            try:
                yield
            except Problem as problem:
                lane.status = problem.status
                if problem.status in BUSY and problem.retry_after:
                    lane.pause = min(problem.retry_after, self.patience.longest_wait)
                raise
            lane.status = 200

    async def _send(self, body: Mapping[str, Any], caller: object) -> dict[str, Any]:
        """One HTTP call in a lane: the decoded answer, or `Problem`."""
        async with self.lane(caller):
            async with (
                self._turn
            ):  # one at a time, so that many replies at once do not hold up the event loop
                await asyncio.sleep(0)
            answer = decode(await self._post(body), self.api.is_answer, self.api.kind)
        self._reached = True
        return answer

    async def _post(self, body: Mapping[str, Any]) -> bytes:
        async with self.told_as_problems():
            response = await self.sdk.post(
                self.api.path,
                cast_to=httpx2.Response,
                body=body,
                # Else the client would send an administrator's key too, if the environment has one.
                options={"security": {"bearer_auth": True}},
            )
            return response.content

    @asynccontextmanager
    async def told_as_problems(self) -> AsyncIterator[None]:
        """Raise `Problem` for whatever becomes of a request but an answer of status 200."""
        try:
            # The client's own limit is for each read, and an endpoint can keep a call alive with blanks.
            async with asyncio.timeout(self.patience.timeout):
                yield
        except openai.APIStatusError as error:
            self._reached = True
            raise problem_of(error) from None
        except (openai.APITimeoutError, TimeoutError):
            raise Problem(f"no answer within {self.patience.timeout:g} s") from None
        except openai.APIConnectionError as error:
            raise Problem(f"the connection failed: {one_line(error.__cause__ or error)}") from None

    def _stop_if_hopeless(self, problem: Problem) -> None:
        """End the run where every other call would be refused for the same reason."""
        url, model = self.endpoint.url, self._request["model"]
        if problem.status == 401:
            raise UserError(f"{url} refused the key (401): check OPENAI_API_KEY")
        if problem.status == 403:
            raise UserError(f"{url} does not let this key use {model} (403): {self.describe(problem)}")
        if problem.status == 404 or problem.code == "model_not_found":
            raise UserError(
                f"{url} knows no model {model}, or is no base URL (404): {self.describe(problem)}"
            )
        if problem.code == "insufficient_quota" or problem.status == 402:
            raise UserError(f"{url}: the account has no credit left: {self.describe(problem)}")
        if problem.status in (400, 422) and problem.param in self._request:
            raise UserError(f"{url} refuses the setting {problem.param}: {self.describe(problem)}")

    def _stop_if_unreached(self, problem: Problem) -> None:
        if not self._reached:
            raise UserError(f"{self.endpoint.url} can't be reached: {self.describe(problem)}")

    def describe(self, problem: Problem) -> str:
        """A problem as one line without secrets."""
        status = f"{problem.status}: " if problem.status else ""
        return one_line(self.endpoint.scrub(status + problem.said))


def _is_filtered(problem: Problem) -> bool:
    """Whether the endpoint's own filter refused what this trajectory says."""
    said = problem.said[:LONGEST_LINE].lower()
    found = _FILTER_CODE.search(problem.code) or any(word in f"{problem.code} {said}" for word in _FILTERED)
    return problem.status in (400, 403) and bool(found)


def _is_too_long(problem: Problem) -> bool:
    """Whether a shorter call would do. A limit of tokens a minute can be too small for one call, too."""
    about = f"{problem.code} {problem.said[:LONGEST_LINE]}".lower()
    return problem.status in (400, 413, 422, 429, 500) and (
        problem.status == 413 or bool(_TOO_LONG.search(about))
    )


def _is_passing(problem: Problem) -> bool:
    return problem.status is None or problem.status in (408, 409, 425, 429) or problem.status >= 500
