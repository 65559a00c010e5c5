"""What stands between the network and the dashboard: whom it answers, and what browsers may do.

Streamlit's own routes are not changed: this is one layer of ASGI around them. It imports nothing of
`cxr`, since it is loaded before the server listens and `cxr` after that.

- A connection from beyond this machine is refused where nobody is asked to sign in, wherever the
  server was told to listen, and by whom. So is what a proxy passes on, which comes from here.
- A request to a host name that is not among ``server.allowedHosts`` is refused, so that a page of
  elsewhere whose name is pointed at this machine reads nothing.
- Every answer forbids other pages to frame it, browsers to guess types, to tell where a link came
  from, and to load or send anything anywhere but here.
- Films and all other media are given to the browser whose tab shows them, and to nobody else. It is
  known by a cookie of 128 random bits that no script can read. They are stored in no cache.
- What Streamlit tells of its memory and its sessions is told to nobody.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

__all__ = ["COOKIE", "HEADERS", "Guard"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("cxr.web.guard")  # by which name it is run besides

#: Tells one browser from another while the browser is open.
COOKIE = "cxr_browser"
#: Streamlit's pages have scripts and styles of their own in the page, and compile WebAssembly;
#: films, maps and workers are blobs.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self' data: blob:; "
    "frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: Below any base path; ``/static/media/`` holds fonts.
MEDIA = re.compile(r"(?<!/static)/media/[^/]*$")
BEYOND = (
    "This dashboard answers its own machine alone, since it asks nobody to sign in. Whoever runs "
    "it can configure a sign-in, or set CXR_OPEN_WITHOUT_SIGN_IN=1 where a proxy before it asks "
    "who comes in: docs/how-to/sign_in.md."
)
CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check")


class Guard:
    """The layer.

    Parameters
    ----------
    app : callable
        The ASGI application within.
    allows : callable
        Whether a Host header, or None, may be answered.
    reachable : callable
        Whether a request or a websocket may be answered, by its scope.
    owners : callable
        The cookies of the browsers whose tabs show a media file, by its name.
    secure : bool
        Whether browsers reach the dashboard through TLS, so that the cookie travels in no other
        way.
    """

    def __init__(
        self,
        app: App,
        *,
        allows: Callable[[str | None], bool],
        reachable: Callable[[Scope], bool],
        owners: Callable[[str], Iterable[str]],
        secure: bool = False,
    ) -> None:
        self._app = app
        self._allows = allows
        self._reachable = reachable
        self._told = False
        self._owners = owners
        # Strict would keep it from a page that a link of another website opens: that would get
        # another one, and tabs that are open no film any more. Lax sends it with nothing else of
        # elsewhere.
        self._attributes = "Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        path, browser = scope["path"], _cookie(headers.get(b"cookie", ""))
        media, is_http = MEDIA.search(path) is not None, scope["type"] == "http"
        if is_http and not self._allows(headers.get(b"host")):
            await _refuse(send, 421, "This server does not answer to that name.")
        elif not self._reachable(scope):
            await self._refuse_others(scope, receive, send)
        elif not is_http:  # a websocket's host and origin are checked by Streamlit
            await self._app(scope, receive, send)
        elif path.endswith(CLOSED) or (media and not self._may(browser, path)):
            await _refuse(send, 404, "Not found.")
        else:
            # With the page itself, so that all that the page asks for comes with it.
            new = not browser and "text/html" in headers.get(b"accept", "")
            # Whoever signs in is another browser than whoever sat there before.
            new = new or path.endswith("/oauth2callback")
            given = f"{COOKIE}={secrets.token_hex(16)}; {self._attributes}" if new else ""
            await self._app(scope, receive, _with_headers(send, given, store=not media))

    async def _refuse_others(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._told:  # once: whoever is refused could fill the messages
            self._told = True
            logger.warning("A connection from beyond this machine was refused. %s", BEYOND)
        if scope["type"] == "http":
            await _refuse(send, 403, BEYOND)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 1008})

    def _may(self, browser: str, path: str) -> bool:
        name = path.rsplit("/", 1)[-1].partition(".")[0]
        given = browser.encode()
        return any(secrets.compare_digest(given, owner.encode()) for owner in self._owners(name))


def _cookie(header: str) -> str:
    # `SimpleCookie` reads none where one of them, of another program, is not as it should be.
    pairs = (part.strip().partition("=") for part in header.split(";"))
    return {name: value for name, _, value in pairs}.get(COOKIE, "")


def _with_headers(send: Send, cookie: str, *, store: bool) -> Send:
    """Return what sends an answer with `HEADERS`, and a new browser its cookie."""
    added = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    replaced = {name for name, _ in added}
    if not store:
        added.append((b"cache-control", b"no-store"))
        replaced.add(b"cache-control")
    if cookie:
        added.append((b"set-cookie", cookie.encode()))

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in replaced]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return sent


async def _refuse(send: Send, status: int, words: str) -> None:
    body = words.encode()
    sent = _with_headers(send, "", store=False)
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await sent({"type": "http.response.start", "status": status, "headers": headers})
    await sent({"type": "http.response.body", "body": body})
