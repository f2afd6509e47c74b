"""What an endpoint's answer says: JSON of the form asked for and what it used, or the problem."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai
import orjson


@dataclass
class Usage:
    """Tokens, summed over calls; None while no reply has told them.

    Attributes:
        input: Tokens of the prompts, as the endpoint counts them: those from its cache are among them.
        cached: Those of `input` that came from the cache.
        written: Those of `input` that were written to the cache, where the endpoint counts them.
        output: Tokens of the replies, the model's own thinking among them where the endpoint counts it.
    """

    input: int | None = None
    cached: int | None = None
    written: int | None = None
    output: int | None = None

    def add(self, other: Usage) -> None:
        """Count another's tokens on."""
        for name, tokens in other.__dict__.items():
            if tokens is not None:
                setattr(self, name, (getattr(self, name) or 0) + tokens)

    def told(self) -> bool:
        """Whether anything is known."""
        return any(tokens is not None for tokens in self.__dict__.values())


def count_of(value: Any) -> int | None:
    """A count of tokens, None where an endpoint says something else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


@dataclass(eq=False)
class Problem(Exception):
    """Why one try was not answered. `status` is None where there was no HTTP answer that could be read."""

    said: str
    status: int | None = None
    code: str = ""
    param: str = ""
    retry_after: float | None = None


def problem_of(error: openai.APIStatusError) -> Problem:
    """The problem that an answer of status 4xx or 5xx tells."""
    return problem_in(error.body, error.status_code, error.message, _retry_after(error.response.headers))


def problem_in(body: Any, status: int, message: str = "", retry_after: float | None = None) -> Problem:
    """The problem that the body of such an answer tells.

    Args:
        body: The decoded body: OpenAI's `{"error": …}`, what is inside it, or whatever else an endpoint sends.
        status: The answer's HTTP status.
        message: What to say where the body says nothing.
        retry_after: Seconds that the endpoint asks to wait.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    about = error if isinstance(error, dict) else {}
    return Problem(
        _said(about.get("message") or about.get("detail") or error or message),
        status,
        str(about.get("code") or about.get("type") or ""),
        str(about.get("param") or ""),
        retry_after,
    )


def _said(message: Any) -> str:
    """The message; of a list of complaints, as FastAPI makes it, without the input that it repeats."""
    if isinstance(message, list) and all(isinstance(each, dict) for each in message):
        return "; ".join(f"{each.get('loc')}: {each.get('msg')}" for each in message)
    return message if isinstance(message, str) else json.dumps(message, default=str)


def decode(content: bytes, is_answer: Callable[[Mapping[str, Any]], bool], kind: str) -> dict[str, Any]:
    """What an answer of status 200 holds.

    Args:
        content: The answer's body.
        is_answer: Whether an object is of the kind asked for.
        kind: What to call that kind in a message.

    Raises:
        Problem: It is something else, or an error that a gateway has put into it.
    """
    try:
        answer = orjson.loads(content)
    except orjson.JSONDecodeError:  # half of a surrogate pair, escaped, is no JSON to orjson
        try:
            answer = json.loads(content, strict=False)
        except (ValueError, RecursionError):
            answer = None
    if isinstance(answer, dict) and is_answer(answer):
        return answer
    if isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        error = answer["error"]
        code = str(error.get("code") or "")
        raise Problem(str(error.get("message") or code), int(code) if code.isdigit() else 500, code)
    raise Problem(f"the answer is no {kind}")


def _retry_after(headers: httpx2.Headers) -> float | None:
    """Seconds, from Retry-After-Ms, or Retry-After as seconds or as a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return seconds if seconds >= 0 else None
    try:
        moment = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except (ValueError, TypeError):
        return None
    return max(moment.timestamp() - time.time(), 0.0)
