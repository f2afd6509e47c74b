"""A stand-in for an object store: a real HTTP server on loopback that speaks as much of S3 as DuckDB asks for.

    with S3Standin() as s3:
        s3.environment()     # the AWS_ variables that lead to it
        s3.objects           # what it holds: "bucket/key" -> bytes

It knows whole and ranged reads, heads, lists, writes in one and in several parts, and deletes, and refuses whoever signs with another key.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEY_ID = "AKIATELLTALE"


class S3Standin:
    """The server, and what it holds."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"s3": self}))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> S3Standin:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self, key_id: str = KEY_ID) -> dict[str, str]:
        """The variables by which clients find it and sign in."""
        return {
            "AWS_ACCESS_KEY_ID": key_id,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": self.url,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    s3: S3Standin

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        key, query = self._asked()
        if "list-type" in query:
            return self._list(key.rstrip("/"), query)
        if (held := self.s3.objects.get(key)) is None:
            return self._say(404, b"<Error><Code>NoSuchKey</Code></Error>")
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            return self._say(200, held, self._about(held))
        first, last = int(wanted[1]), min(int(wanted[2] or len(held) - 1), len(held) - 1)
        told = {**self._about(held), "Content-Range": f"bytes {first}-{last}/{len(held)}"}
        return self._say(206, held[first : last + 1], told)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        key, query = self._asked()
        body = self._body()
        if "partNumber" in query:
            self.s3.parts[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.s3.objects[key] = body
        self._say(200, b"", self._about(body))

    def do_POST(self) -> None:
        key, query = self._asked()
        self._body()
        if "uploads" in query:
            upload = f"upload{len(self.s3.parts)}"
            self.s3.parts[upload] = {}
            told = f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            return self._say(200, told.encode())
        self.s3.objects[key] = b"".join(
            part for _, part in sorted(self.s3.parts.pop(query["uploadId"]).items())
        )
        told = f"<CompleteMultipartUploadResult><Key>{escape(key)}</Key></CompleteMultipartUploadResult>"
        return self._say(200, told.encode())

    def do_DELETE(self) -> None:
        key, _ = self._asked()
        self.s3.objects.pop(key, None)
        self._say(204, b"")

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return unquote(parts.path).lstrip("/"), query

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _about(self, held: bytes) -> dict[str, str]:
        return {"ETag": f'"{md5(held).hexdigest()}"', "Last-Modified": formatdate(0, usegmt=True), "Accept-Ranges": "bytes"}  # fmt: skip

    def _list(self, bucket: str, query: Mapping[str, str]) -> None:
        start = f"{bucket}/{query.get('prefix', '')}"
        rows = "".join(
            f"<Contents><Key>{escape(name.removeprefix(bucket + '/'))}</Key><Size>{len(held)}</Size>"
            "<LastModified>1970-01-01T00:00:00.000Z</LastModified></Contents>"
            for name, held in sorted(self.s3.objects.items())
            if name.startswith(start)
        )
        told = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        self._say(200, told.encode())

    def _say(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        if f"Credential={KEY_ID}/" not in self.headers.get("Authorization", ""):
            status, body = 403, b"<Error><Code>InvalidAccessKeyId</Code></Error>"
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
