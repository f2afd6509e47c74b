"""The files and batches interface of an endpoint, as a behaviour of the stand-in.

desk = BatchDesk(usual=completion("hello"))
with Standin(desk) as endpoint:
    submit_a_batch(endpoint.url)       # each line of its file is answered "hello", as is any other call
    desk.requests                      # the lines so far, as calls
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from standin import Answer, Behaviour, Call, error


class BatchDesk:
    """Batches that end after so many looks at them.

    Args:
        usual: What is done with each line of a batch, and with each call that is no part of one.
        looks: How often a batch is in progress when it is looked at, before it has ended.

    Attributes:
        requests: The lines of all batches that were taken.
        batches: What each batch is told to be, by id.
        status: What batches end as.
        unfinished: Whether a line is left undone when its batch ends.
        errors: What batches that fail say.
        alone: Whether a batch is not taken while another one is in progress.
        lose: Paths of which the next answer is lost on its way: what was asked for is done all the same.
    """

    def __init__(self, usual: Behaviour, looks: int = 1) -> None:
        self.usual = usual
        self.looks = looks
        self.requests: list[Call] = []
        self.batches: dict[str, dict[str, Any]] = {}
        self.status = "completed"
        self.unfinished: Callable[[Call], bool] = lambda call: False
        self.errors: Sequence[str] = ()
        self.alone = False
        self.lose: list[str] = []
        self._files: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> Answer:
        path = call.path.removeprefix("/v1").partition("?")[0]
        with self._lock:
            answer = self._desk(call, path)
        if answer is None:
            return self.usual(call) if callable(self.usual) else self.usual
        if path in self.lose:
            self.lose.remove(path)
            return Answer(drop=True)
        return answer

    def _desk(self, call: Call, path: str) -> Answer | None:
        if (call.method, path) == ("POST", "/files"):
            return self._take_file(call)
        if (call.method, path) == ("POST", "/batches"):
            return self._take_batch(call.json)
        if (call.method, path) == ("GET", "/batches"):
            newest = list(reversed(self.batches.values()))
            return Answer({"object": "list", "data": newest, "has_more": False})
        if found := re.fullmatch(r"/batches/(\w+)", path):
            return self._look(found[1])
        if found := re.fullmatch(r"/files/(\w+)/content", path):
            return Answer(self._files[found[1]], headers={"Content-Type": "application/octet-stream"})
        return None

    def _take_file(self, call: Call) -> Answer:
        boundary = call.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        parts = [part.partition(b"\r\n\r\n") for part in call.body.split(b"--" + boundary)]
        fields = {
            name[1].decode(): data.removesuffix(b"\r\n")
            for head, _, data in parts
            if (name := re.search(rb'name="(\w+)"', head))
        }
        if fields.get("purpose") != b"batch" or len(fields.get("file", b"")) > 200_000_000:
            return error(400, "the file is none for a batch", param="file")
        return Answer({"id": self._keep(fields["file"]), "object": "file", "purpose": "batch"})

    def _keep(self, data: bytes) -> str:
        name = f"file{len(self._files)}"
        self._files[name] = data
        return name

    def _take_batch(self, asked: dict[str, Any]) -> Answer:
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        names = {line["custom_id"] for line in lines}
        if (
            len(names) != len(lines)
            or len(lines) > 50_000
            or any(line["url"] != asked["endpoint"] for line in lines)
        ):
            return error(400, "the batch's file has a mistake")
        busy = self.alone and any(batch["status"] == "in_progress" for batch in self.batches.values())
        name = f"batch{len(self.batches)}"
        self.batches[name] = {
            "id": name, "object": "batch", "created_at": int(time.time()), "status": "in_progress", **asked,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0}, "looks": self.looks,
        }  # fmt: skip
        if busy:
            limit = {"object": "list", "data": [{"message": "Enqueued token limit reached"}]}
            self.batches[name] |= {"status": "failed", "errors": limit}
        return Answer(self.batches[name])

    def _look(self, name: str) -> Answer:
        if name not in self.batches:
            return error(404, "no such batch")
        batch = self.batches[name]
        if batch["status"] == "in_progress":
            batch["looks"] -= 1
            if batch["looks"] < 0:
                self._work_off(batch)
        return Answer(batch)

    def _work_off(self, batch: dict[str, Any]) -> None:
        batch["status"] = self.status
        if self.status == "failed":
            batch["errors"] = {"object": "list", "data": [{"message": text} for text in self.errors]}
            return
        done, failed = [], []
        for raw in self._files[batch["input_file_id"]].splitlines():
            line = json.loads(raw)
            call = Call(line["url"], {}, json.dumps(line["body"]).encode())
            head = {"id": f"r{len(self.requests)}", "custom_id": line["custom_id"]}
            if self.unfinished(call):
                gone = {"code": "batch_expired", "message": "This request could not be executed in time."}
                failed.append({**head, "response": None, "error": gone})
                continue
            self.requests.append(call)
            answer = self.usual(call) if callable(self.usual) else self.usual
            response = {"status_code": answer.status, "request_id": "r", "body": answer.body}
            (done if answer.status == 200 else failed).append({**head, "response": response, "error": None})
        for key, lines in (("output_file_id", done), ("error_file_id", failed)):
            if lines:
                text = "\n".join(
                    json.dumps(line) for line in reversed(lines)
                )  # in no order that was promised
                batch[key] = self._keep(text.encode())
