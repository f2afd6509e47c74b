"""A stand-in for an endpoint with a thinking model behind it: what such endpoints return, and how they fail.

with ModelStandin(replied("4", reasoning="An even one."), cut_halfway()) as endpoint:
    ...      # the first call's answer breaks off, and each one after it is answered "4"
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from standin import Answer, Behaviour, Call, Standin

_CUT = "X-Cut"


def replied(
    content: Any = "4", finish_reason: str = "stop", top: dict[str, Any] | None = None, **fields: Any
) -> Answer:
    """A chat completion as a server of a thinking model sends it: `fields` stand in the message, `top` beside the choices."""
    message = {"role": "assistant", "content": content, **fields}
    return Answer(
        {
            "id": "chatcmpl-7", "object": "chat.completion", "created": 1_760_000_000, "model": "served-model",
            "system_fingerprint": "fp_1", "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 40, "completion_tokens": 200, "total_tokens": 240}, **(top or {}),
        }
    )  # fmt: skip


def limited(tokens: int, whole: Answer, cut: Answer) -> Callable[[Call], Answer]:
    """A model that needs more than `tokens` tokens: with fewer its reply is cut."""
    return lambda call: whole if call.json.get("max_tokens", tokens) > tokens else cut


def cut_halfway() -> Answer:
    """An answer of which half comes before the connection is closed."""
    return Answer(b'{"id": "chatcmpl-8", "choices": [{"mess', headers={_CUT: "1"})


class ModelStandin(Standin):
    """The server, which can also break off in the middle of an answer."""

    def asked(self) -> Counter[str]:
        """How often each prompt was asked, by calls that came whole."""
        whole = [call for call in self.calls if len(call.body) == int(call.headers["content-length"])]
        return Counter(call.messages[-1]["content"] for call in whole)

    def wait_for(self, calls: int, seconds: float = 60.0) -> None:
        """Wait until so many calls have come."""
        deadline = time.monotonic() + seconds
        while len(self.calls) < calls:
            assert time.monotonic() < deadline, f"{len(self.calls)} calls of {calls} came"
            time.sleep(0.005)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        class Handler(super()._handler()):  # type: ignore[misc]
            cut = False

            def send_header(self, name: str, value: str) -> None:
                if name == _CUT:
                    self.cut = self.close_connection = True
                    return
                if name == "Content-Length" and self.cut:
                    value = str(int(value) * 2)
                super().send_header(name, value)

        return Handler


__all__ = ["Answer", "Behaviour", "Call", "ModelStandin", "cut_halfway", "limited", "replied"]
