"""Where the judge is asked, and with which key: from arguments, the environment or `.env`."""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from analysis.errors import UserError

OPENAI = "https://api.openai.com/v1"
NO_KEY = "no-key"
"""Sent to an endpoint on this machine when there is no key; servers there want none, the client wants one."""
SHORTEST_SECRET = 4
"""Shorter ones are not searched for in messages: they would be found in every word."""


@dataclass(frozen=True)
class Endpoint:
    """An OpenAI-compatible endpoint.

    Attributes:
        url: Scheme, host, port and path: what may be stored and shown.
        key: The key. Neither `repr` nor anything else shows it.
        query: Parameters that came with the URL; sent with each call, never stored.
        headers: Authorization made of a name and password in the URL; sent in place of the key.
    """

    url: str
    key: str = field(repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def scrub(self, text: str) -> str:
        """The text without any secret of this endpoint that it may quote."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def find_endpoint(
    base_url: str | None = None,
    key: str | None = None,
    environment: Mapping[str, str] = os.environ,
    dotenv: Path = Path(".env"),
    need_key: bool = True,
) -> Endpoint:
    """Find out where to ask, and with which key.

    Args:
        base_url: The endpoint; else OPENAI_BASE_URL, else OpenAI's.
        key: The key; else OPENAI_API_KEY.
        environment: Goes before what `dotenv` says.
        dotenv: A file of NAME=VALUE lines, which need not be there.
        need_key: Refuse an endpoint that is asked over a network without a key.

    Raises:
        UserError: The URL is none, or an endpoint that is not on this machine has no key.
    """
    settings = {**read_dotenv(dotenv), **{name: value for name, value in environment.items() if value}}
    given = (base_url or settings.get("OPENAI_BASE_URL") or OPENAI).strip()
    key = (key or settings.get("OPENAI_API_KEY") or "").strip()
    try:
        parts = urlsplit(given)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        raise UserError("the judge's base URL must be like https://host/v1 (--base-url or OPENAI_BASE_URL)")
    if not key.isascii() or not key.isprintable():
        raise UserError("OPENAI_API_KEY holds characters that no key has; set it again")
    shown = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if need_key and not key and not password and not _on_this_machine(host):
        raise UserError(f"no key for {url}: set OPENAI_API_KEY, in the environment or in a file .env")
    query = dict(parse_qsl(parts.query))
    headers = {}
    if user or password:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    hidden = (key, password, parts.password or "", parts.query, *query.values(), *headers.values())
    secrets = tuple(sorted({each for each in hidden if len(each) >= SHORTEST_SECRET}, key=len, reverse=True))
    return Endpoint(url, key or NO_KEY, query, headers, secrets)


def read_dotenv(path: Path) -> dict[str, str]:
    """The NAME=VALUE lines of a file, `export` and quotation marks taken off; empty if it can't be read."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        value = value.strip()
        if not equals or name.lstrip().startswith("#"):
            continue
        if value[:1] in ("'", '"') and value.find(value[0], 1) > 0:
            value = value[1 : value.index(value[0], 1)]
        else:
            value = value.partition(" #")[0].strip()
        found[name.strip()] = value
    return {name: value for name, value in found.items() if value}


def _on_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
