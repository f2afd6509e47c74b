"""The two interfaces that OpenAI-compatible endpoints have: chat completions and responses.

An interface says where a call goes, how the question is written down, and how an answer is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from analysis.judge.answers import Problem, Usage, count_of
from analysis.judge.prompt import Message
from analysis.judge.reply import Completion
from analysis.trajectories import storable

Form = Literal["json_schema", "json_object", "text"]
FORMS: tuple[Form, ...] = ("json_schema", "json_object", "text")
"""Ways to ask for JSON, the best first. An endpoint that does not know one is asked in the next."""

SCHEMA_NAME = "judgement"
_STATUS = {"rate_limit_exceeded": 429, "server_error": 500}


class Api(Protocol):
    """An interface of endpoints.

    Attributes:
        path: What a call's address has after the base URL.
        kind: What an answer is called.
    """

    path: str
    kind: str

    def question(self, messages: Sequence[Message], form: Form, schema: Mapping[str, Any]) -> dict[str, Any]:
        """What a call's body holds beside the model and the settings."""
        ...

    def is_answer(self, answer: Mapping[str, Any]) -> bool:
        """Whether a decoded body is an answer of this interface."""
        ...

    def usage(self, answer: Mapping[str, Any]) -> Usage:
        """The tokens that an answer says it used."""
        ...

    def completion(self, answer: Mapping[str, Any]) -> Completion:
        """What the model said.

        Raises:
            Problem: The endpoint says that it broke off.
        """
        ...


class Chat:
    """Chat completions, which every OpenAI-compatible endpoint has."""

    path = "/chat/completions"
    kind = "chat completion"

    def question(self, messages: Sequence[Message], form: Form, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The body's `messages` and `response_format`."""
        body: dict[str, Any] = {"messages": list(messages)}
        if form == "json_schema":
            named = {"name": SCHEMA_NAME, "strict": True, "schema": dict(schema)}
            body["response_format"] = {"type": form, "json_schema": named}
        elif form == "json_object":
            body["response_format"] = {"type": form}
        return body

    def is_answer(self, answer: Mapping[str, Any]) -> bool:
        """Whether it has choices."""
        return isinstance(answer.get("choices"), list) and bool(answer["choices"])

    def usage(self, answer: Mapping[str, Any]) -> Usage:
        """`usage`, where it is given."""
        return _usage(answer.get("usage"), "prompt_tokens", "completion_tokens")

    def completion(self, answer: Mapping[str, Any]) -> Completion:
        """The first choice."""
        choice = _object(answer["choices"][0])
        reason = choice.get("finish_reason")
        if reason == "error":
            raise Problem("the endpoint broke off its reply", 502)
        message = _object(choice.get("message"))
        content = message.get("content")
        if isinstance(content, list):  # in parts, as some endpoints send it
            content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
        return Completion(_text(content), _text(message.get("refusal")), _text(reason))


class Responses:
    """The Responses API. Nothing is kept at the provider: each call says `store: false`."""

    path = "/responses"
    kind = "response"

    def question(self, messages: Sequence[Message], form: Form, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The body's `input` and `text.format`."""
        body: dict[str, Any] = {"input": list(messages), "store": False}
        if form == "json_schema":
            named = {"name": SCHEMA_NAME, "strict": True, "schema": dict(schema)}
            body["text"] = {"format": {"type": form, **named}}
        elif form == "json_object":
            body["text"] = {"format": {"type": form}}
        return body

    def is_answer(self, answer: Mapping[str, Any]) -> bool:
        """Whether it has output items."""
        return isinstance(answer.get("output"), list)

    def usage(self, answer: Mapping[str, Any]) -> Usage:
        """`usage`, where it is given."""
        return _usage(answer.get("usage"), "input_tokens", "output_tokens")

    def completion(self, answer: Mapping[str, Any]) -> Completion:
        """The text and the refusals of all message items; the items of the model's own thinking are passed over."""
        status = answer.get("status") or "completed"
        if status not in ("completed", "incomplete"):
            error = _object(answer.get("error"))
            code = str(error.get("code") or "")
            broken = 502 if not code else 400
            raise Problem(
                str(error.get("message") or f"the response is {status}"), _STATUS.get(code, broken), code
            )
        parts = [
            part
            for item in answer["output"]
            if _object(item).get("type") == "message" and isinstance(item.get("content"), list)
            for part in map(_object, item["content"])
        ]
        texts = [str(part.get("text") or "") for part in parts if part.get("type") == "output_text"]
        refusals = [str(part.get("refusal") or "") for part in parts if part.get("type") == "refusal"]
        reason = _text(_object(answer.get("incomplete_details")).get("reason"))
        finish = "length" if reason == "max_output_tokens" else reason
        if status == "incomplete" and not finish:
            finish = "length"
        return Completion(_text("".join(texts)), _text("".join(refusals)), finish or "stop")


APIS: Mapping[str, Api] = {"chat": Chat(), "responses": Responses()}


def _usage(told: Any, input_name: str, output_name: str) -> Usage:
    told = _object(told)
    details = _object(told.get(f"{input_name}_details"))
    return Usage(
        count_of(told.get(input_name)),
        count_of(details.get("cached_tokens")),
        count_of(details.get("cache_write_tokens")),
        count_of(told.get(output_name)),
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return storable(value) if isinstance(value, str) else None
