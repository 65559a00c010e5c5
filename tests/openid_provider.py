"""An OpenID provider on this machine: discovery, code with PKCE and nonce, keys, end of session.

It signs with a key of its own and checks what a provider has to: client, secret, address, code,
verifier. Who signs in next is set by the test, as a person would at the provider's own page.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.ports import free_port

CLIENT, SECRET = "cxr-dashboard", "the-secret-of-the-client"


@dataclass
class Provider:
    """The provider.

    Attributes
    ----------
    issuer : str
        Its address.
    redirect_uri : str
        The one address that it sends people back to.
    person : dict or None
        The claims of whoever signs in next; None for somebody who changes their mind.
    ended : list of str
        The subjects who signed out here, in order.
    asked : list of dict
        What each request to sign in asked for.
    """

    issuer: str
    redirect_uri: str = ""
    person: dict[str, Any] | None = None
    ended: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    _codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    _key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))

    def discovery(self, request: Request) -> Response:
        names = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "jwks_uri": "keys",
            "end_session_endpoint": "end",
        }
        return JSONResponse(
            {
                "issuer": self.issuer,
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
                **{name: f"{self.issuer}/{path}" for name, path in names.items()},
            }
        )

    def keys(self, request: Request) -> Response:
        return JSONResponse(KeySet([self._key]).as_dict(private=False))

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        if (asked.get("client_id"), asked.get("redirect_uri")) != (CLIENT, self.redirect_uri):
            return Response("unknown client", 400)
        if self.person is None:
            told = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = {**asked, "person": self.person}
            told = {"code": code, "state": asked["state"]}
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(told)}", 302)

    async def token(self, request: Request) -> Response:
        form = dict(await request.form())
        given = base64.b64decode(request.headers.get("authorization", "Basic ")[6:]).decode()
        code = self._codes.pop(str(form.get("code")), None)
        proof = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        proven = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if code is None or given != f"{CLIENT}:{SECRET}" or proven != code["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": code["nonce"],
            **code["person"],
        }
        signed = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, self._key)
        told = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer"}
        return JSONResponse({**told, "id_token": signed, "expires_in": 300})

    def end(self, request: Request) -> Response:
        # Without a hint, which is left out where it is long, a provider ends its own session.
        if hint := request.query_params.get("id_token_hint"):
            self.ended.append(jwt.decode(hint, self._key).claims["sub"])
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], 302)


@contextmanager
def provider(host: str = "127.0.0.1", name: str = "", **tls: str) -> Iterator[Provider]:
    """Run a provider on a free port of this machine; by TLS and a name, for other machines."""
    port = free_port()
    made = Provider(f"{'https' if tls else 'http'}://{name or host}:{port}")
    routes = [
        Route("/.well-known/openid-configuration", made.discovery),
        Route("/keys", made.keys),
        Route("/authorize", made.authorize),
        Route("/token", made.token, methods=["POST"]),
        Route("/end", made.end),
    ]
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, host=host, port=port, log_level="error", ws="none", **tls)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield made
    server.should_exit = True
    thread.join(10)
