"""A stand-in for an OpenAI-compatible endpoint: a real HTTP server on loopback that does as a script says.

with Standin(completion("hello"), error(429, "slow down"), dropped()) as endpoint:
    ask(endpoint.url)      # the first call is told to slow down, the second loses its connection,
    endpoint.calls         # and each one after them is answered "hello"
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """A request as it came, header names in lower case; `raw` is every byte of it that a client chose."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)
    method: str = "POST"

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def messages(self) -> list[dict[str, str]]:
        return self.json["messages"] if "messages" in self.json else self.json["input"]

    @property
    def raw(self) -> bytes:
        return repr((self.path, dict(self.headers))).encode() + self.body


@dataclass(frozen=True)
class Answer:
    """What is sent back after `delay` seconds: JSON, or bytes as they are; nothing at all with `drop`."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False


Behaviour = Answer | Callable[[Call], Answer]


def completion(
    text: str | None,
    finish_reason: str = "stop",
    refusal: str | None = None,
    usage: Mapping[str, Any] | None = None,
) -> Answer:
    """A chat completion with this text."""
    message = {"role": "assistant", "content": text, "refusal": refusal}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    tokens = {"prompt_tokens": 100, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 80}}
    return Answer({"object": "chat.completion", "choices": [choice], "usage": dict(usage or tokens)})


def response(
    text: str | None,
    status: str = "completed",
    reason: str | None = None,
    refusal: str | None = None,
    usage: Mapping[str, Any] | None = None,
) -> Answer:
    """A response of the Responses API with this text, after an item of the model's own thinking."""
    parts = [{"type": "output_text", "text": text, "annotations": []}] if text is not None else []
    parts += [{"type": "refusal", "refusal": refusal}] if refusal is not None else []
    output = [{"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}]
    output += [{"type": "message", "id": "msg_1", "role": "assistant", "status": status, "content": parts}]
    tokens = {"input_tokens": 100, "output_tokens": 10, "input_tokens_details": {"cached_tokens": 80}}
    details = {"reason": reason} if reason else None
    body = {"object": "response", "status": status, "error": None, "incomplete_details": details}
    return Answer({**body, "output": output, "usage": dict(usage or tokens)})


def error(status: int, message: str, code: str = "", param: str = "", **headers: str) -> Answer:
    """An error as OpenAI forms it; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer({"error": {"message": message, "code": code, "param": param}}, status, named)


def dropped() -> Answer:
    """The connection is closed without an answer."""
    return Answer(drop=True)


def slow(seconds: float, answer: Answer) -> Answer:
    """The answer, after a while."""
    return replace(answer, delay=seconds)


class Standin:
    """The server.

    Args:
        usual: What is done when the script has run out.
        script: What is done with the first calls, one each, in the order in which they come.

    Attributes:
        calls: The requests so far.
        busiest: The most calls that were under way at once.
    """

    def __init__(self, usual: Behaviour, *script: Behaviour) -> None:
        self.usual = usual
        self.script = list(script)
        self.calls: list[Call] = []
        self.busiest = 0
        self._under_way = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Standin:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, call: Call) -> Answer:
        """Record a call and say what to do with it."""
        with self._lock:
            self.calls.append(call)
            behaviour = self.script.pop(0) if self.script else self.usual
            self._under_way += 1
            self.busiest = max(self.busiest, self._under_way)
        try:
            answer = behaviour(call) if callable(behaviour) else behaviour
            time.sleep(answer.delay)
        finally:
            with self._lock:
                self._under_way -= 1
        return answer

    def _handler(standin) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:  # the client has gone while it asked
                    self.close_connection = True
                    return
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = standin.answer(Call(self.path, headers, body, method=self.command))
                if answer.drop:
                    self.close_connection = True
                    return
                data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # the client has gone
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        return Handler
