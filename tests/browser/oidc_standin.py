"""An OpenID Connect provider on loopback: discovery, authorize, token with a signed id_token, keys.

It signs in whoever `who` names at that moment, without asking.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

CLIENT, SECRET = "telltale-tests", "a-secret-of-the-tests"


def b64(data: bytes | int) -> str:
    raw = data.to_bytes((data.bit_length() + 7) // 8, "big") if isinstance(data, int) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Provider:
    """The provider, running until it is closed."""

    def __init__(self) -> None:
        self.who: dict[str, Any] = {"sub": "1", "email": "lead@example.org"}
        self.key = rsa.generate_private_key(65537, 2048)
        self.nonces: dict[str, str | None] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                address = urlsplit(self.path)
                asked = {name: values[0] for name, values in parse_qs(address.query).items()}
                if address.path == "/.well-known/openid-configuration":
                    self._json(provider.configuration())
                elif address.path == "/keys":
                    self._json(provider.keys())
                elif address.path == "/authorize":
                    code = f"code-{len(provider.nonces)}"
                    provider.nonces[code] = asked.get("nonce")
                    self.send_response(302)
                    back = urlencode({"code": code, "state": asked["state"]})
                    self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                    self.end_headers()
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                code = parse_qs(body)["code"][0]
                self._json(
                    {
                        "access_token": "t",
                        "token_type": "Bearer",
                        "expires_in": 600,
                        "id_token": provider.id_token(code),
                    }
                )

            def _json(self, value: Any) -> None:
                data = json.dumps(value).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.address, "authorization_endpoint": f"{self.address}/authorize", "token_endpoint": f"{self.address}/token",
            "jwks_uri": f"{self.address}/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "scopes_supported": ["openid", "email", "profile"],
        }  # fmt: skip

    def keys(self) -> dict[str, Any]:
        public = self.key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "alg": "RS256",
                    "use": "sig",
                    "kid": "k",
                    "n": b64(public.n),
                    "e": b64(public.e),
                }
            ]
        }

    def id_token(self, code: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.address,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 600,
            "nonce": self.nonces[code],
            **self.who,
        }
        signed = ".".join(
            b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": "k", "typ": "JWT"}, claims)
        )
        return f"{signed}.{b64(self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"
