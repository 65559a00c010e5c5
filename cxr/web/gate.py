"""What stands between the network and the dashboard where people sign in: nobody else gets past.

This is one layer of ASGI within that of `cxr.web.guard`. The sign-in itself is Streamlit's
(``st.login``): its addresses are let through, and what it writes into the browser's cookies tells
who somebody is. What is not let through by name is refused:

- A browser that is not signed in gets a page with a link to the identity provider, the server's
  health, and what Streamlit's pages ask before they connect (`HOST`). No script of the dashboard,
  no upload, no media, and of a websocket one message that leads to that page, so that what a tab
  still shows is taken off the screen.
- Somebody who is in none of the groups gets a page that says so.
- A sign-in ends by the server's clock, also for a websocket that is open: nothing is sent through
  it any more.
"""

from __future__ import annotations

import asyncio
import hmac
import html
import logging
import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote

from cxr.access import (
    Access,
    AccessError,
    Sessions,
    SignedIn,
    answers_others,
    check_address,
    is_of_this_machine,
    read_settings,
    start,
)
from cxr.scoring.population import INTENDED_USE

__all__ = ["Gate", "Parts", "configured", "reachable"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

logger = logging.getLogger("cxr.web.gate")  # by which name it is run besides

#: Seconds between two looks whether an open websocket's sign-in is over.
BEAT = 1.0
#: Seconds that the last notes of a server have at its stop: the first has much to import.
NOTES = 4.0
HEALTH, HOST, LOGIN = "/_stcore/health", "/_stcore/host-config", "/auth/login"
LOGOUT, CALLBACK, SIGN_IN = "/auth/logout", "/oauth2callback", "/sign_in"
#: Nobody stays at these, so that nobody is led back to one.
PASSAGES = (LOGIN, LOGOUT, CALLBACK, SIGN_IN)
#: What the names of Streamlit's cookies of a sign-in begin with.
USER, TOKENS = b"_streamlit_user", b"_streamlit_user_tokens"
#: Holds the address that somebody wanted, from the sign-in page to the way back.
WANTED = "cxr_wanted"
#: What browsers say of a request that a page of another website has them send.
ELSEWHERE = (b"cross-site", b"same-site")
#: What tells, in the address that signs out, that it is from a page of the dashboard.
MEANT = "meant"
#: What ends a websocket whose sign-in is over: a policy.
POLICY = 1008
#: Letters of a token that is kept, which has to fit into one cookie with all that stands around it.
MOST = 3800
#: Seconds in which a websocket that was just opened sends by itself what it was about before.
SETTLES = 3.0
#: Letters of an address that is kept, at most, and those that stay as they are in one.
LONGEST, SAFE = 2000, "/?=&%,:~!$'()*+;@-._"
PAGE = Path(__file__).parent / "static" / "sign_in.html"

WELCOME = (
    "Sign in",
    "This dashboard is open to those who sign in with their institution's account.",
)
RAN_OUT = (
    "You were signed out",
    "Nothing was done here for a while, or the time of one sign-in was over. Sign in again in this "
    "tab: its list is still there.",
)
LEAVE = (
    "Do you want to sign out?",
    "Another website may have led you here. If you sign out, your list and its films are freed.",
)
FAILED = ("The sign-in did not work", "Nobody was signed in. Try again.")
OUTSIDE = (
    "You may not open this dashboard",
    "You are signed in, but your account is in none of the groups that may open it. Ask whoever "
    "runs it to be added, then sign in again.",
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the layer takes of Streamlit, as `cxr.web.streamlit_hooks` gives it.

    Attributes
    ----------
    cookies : callable
        Reads a Cookie header.
    login : callable
        Returns the address that sends a browser to the identity provider.
    signed : callable
        Signs what a browser holds of a sign-in, as Streamlit does.
    ended_with : callable
        Returns, signed, what the provider is told of a sign-out with; None where there is nothing.
    leads_to : callable
        Returns the message of a websocket that has a page opened, by its address.
    is_use : callable
        Whether a message of a websocket is a person's doing.
    base : str
        What the addresses of the dashboard begin with: "" or "/below/a/proxy".
    theme : str
        ``dark`` or ``light``.
    """

    cookies: Callable[[str], Mapping[str, str]]
    login: Callable[[], str]
    signed: Callable[[bytes], bytes]
    ended_with: Callable[[Mapping[str, str]], bytes | None]
    leads_to: Callable[[str], bytes]
    is_use: Callable[[bytes], bool]
    base: str
    theme: str


class Gate:
    """The layer.

    Parameters
    ----------
    app : callable
        The ASGI application within.
    access : Access
        Who is signed in.
    parts : Parts
        Of Streamlit.
    """

    def __init__(self, app: App, *, access: Access, parts: Parts) -> None:
        self._app = app
        self._access = access
        self._parts = parts
        self._secret = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "http":
            await self._http(scope, receive, self._unseen(send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._lifespan(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note, from the server's start to its stop, which sign-ins end without their reader."""

        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                watching.cancel()
                noted = [n for n in self._access.stop() if isinstance(n, Future)]
                # Handed to what writes the trail, which the server within closes next.
                await asyncio.wait(
                    map(asyncio.wrap_future, noted), timeout=NOTES
                ) if noted else None
            return message

        async def watch() -> None:
            while True:
                await asyncio.sleep(BEAT)
                self._access.note_over()

        watching = asyncio.create_task(watch())
        try:
            await self._app(scope, received, send)
        finally:
            watching.cancel()

    def _unseen(self, send: Send) -> Send:
        """Return what sends answers whose cookies do not travel in the clear."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                given, others = _split(message.get("headers", []))
                given = [
                    (name, value if b"; Secure" in value else value + b"; Secure")
                    for name, value in given
                ]
                message = {**message, "headers": [*others, *given]}
            await send(message)

        return sent if self._access.settings.is_https else send

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        path = scope["path"].removeprefix(self._parts.base)
        cookies = self._cookies(headers)
        key = self._access.key(cookies)
        wants_page = scope["method"] == "GET" and b"text/html" in headers.get(b"accept", b"")
        who = self._access.sessions.live(key)
        if path == SIGN_IN:
            wanted = parse_qs(scope["query_string"].decode("latin-1")).get("wanted", [""])[-1]
            await _redirect(send, self._parts.login(), self._cookie(wanted))
        elif path == CALLBACK and "error" in parse_qs(scope["query_string"].decode("latin-1")):
            # Not for Streamlit, which would write into the messages what whoever asks puts here.
            await self._refused(send)
        elif path == CALLBACK:
            wanted = unquote(cookies.get(WANTED, ""))
            await self._app(scope, receive, self._signing_in(scope, send, wanted, key))
        elif path == LOGOUT and not self._is_meant(scope, headers, key):
            await self._page(send, 403, LEAVE, self._leave(key))
        elif path in (HEALTH, HOST, LOGIN, LOGOUT):
            if path == LOGOUT:
                self._access.end(key)
            await self._app(scope, receive, send)
        elif who and who.role:
            if wants_page or scope["method"] != "GET":
                self._access.sessions.use(key)
            await self._app(scope, receive, send)
        elif not wants_page:
            await _answer(send, 401, b"Sign in first.", b"text/plain")
        elif who:
            await self._page(send, 403, OUTSIDE, self._leave(key))
        else:
            words = RAN_OUT if self._access.sessions.ran_out(key) else WELCOME
            query = scope["query_string"].decode("latin-1")
            wanted = f"{scope['path']}{'?' if query else ''}{query}"
            asked = "" if wanted == f"{self._parts.base}/" else f"?wanted={quote(wanted, safe='')}"
            await self._page(send, 401, words, f"{SIGN_IN}{asked}")

    def _leave(self, key: str) -> str:
        """Return the address that signs a browser out, which no page of elsewhere can know."""
        return f"{LOGOUT}?{MEANT}={hmac.new(self._secret, key.encode(), 'sha256').hexdigest()}"

    def _is_meant(self, scope: Scope, headers: Mapping[bytes, bytes], key: str) -> bool:
        """Whether a request to sign out is its reader's, and not of a page of elsewhere."""
        said = parse_qs(scope["query_string"].decode("latin-1")).get(MEANT, [""])[-1]
        if secrets.compare_digest(f"{LOGOUT}?{MEANT}={said}".encode(), self._leave(key).encode()):
            return True
        site = headers.get(b"sec-fetch-site")
        if site is None:  # a browser that is old, or reaches this one without TLS, says nothing
            return not key or self._access.sessions.leaves(key)
        return site not in ELSEWHERE

    def _cookies(self, headers: Mapping[bytes, bytes]) -> Mapping[str, str]:
        return self._parts.cookies(headers.get(b"cookie", b"").decode("latin-1"))

    def _is_ours(self, wanted: str) -> bool:
        """Whether an address is one of the dashboard, and leads nowhere else."""
        # To a browser any number of slashes, either way round, begins the name of a machine.
        here = wanted.startswith(f"{self._parts.base}/") and not wanted.startswith("//")
        path = unquote(wanted.removeprefix(self._parts.base).partition("?")[0])
        # Nor out of the dashboard's folder, nor to what signs in or out.
        here = here and not {".", ".."} & set(path.split("/")) and path not in PASSAGES
        return here and wanted.isprintable() and "\\" not in wanted and len(wanted) < LONGEST

    def _cookie(self, wanted: str) -> bytes:
        """Return the cookie that keeps an address for the way back, or takes an old one away."""
        value, lasts = (quote(wanted, safe=""), 900) if self._is_ours(wanted) else ("", 0)
        path = f"{self._parts.base}/"
        said = f"{WANTED}={value}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={lasts}"
        return said.encode()

    def _signing_in(self, scope: Scope, send: Send, wanted: str, before: str) -> Send:
        """Return what sends Streamlit's answer to somebody who comes back from the provider."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        is_refused = False

        async def sent(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start":
                given, others = _split(message.get("headers", []))
                if held := self._access.begin(_given(given), before):
                    given = [
                        (name, self._bounded(value)) for name, value in self._held(given, held)
                    ]
                    if self._is_ours(wanted):
                        others = [pair for pair in others if pair[0].lower() != b"location"]
                        others.append((b"location", quote(wanted, safe=SAFE).encode()))
                        given.append((b"set-cookie", self._cookie("")))
                    message = {**message, "headers": [*others, *given]}
                elif "code" in query:
                    # From the provider, and not from a page that ended a sign-in there.
                    is_refused = True
                    await self._refused(send)
            if not is_refused:
                await send(message)

        return sent

    async def _refused(self, send: Send) -> None:
        logger.warning("A sign-in was refused.")
        await self._page(send, 403, FAILED, SIGN_IN)

    def _held(self, given: Headers, held: bytes) -> Headers:
        """Return the cookies of an answer, that of the sign-in with what its browser is to hold."""
        ours = [pair for pair in given if pair[1].startswith(USER) and not _is_removal(pair[1])]
        others = [pair for pair in given if pair not in ours]
        user = next(value for _, value in ours if value.startswith(USER + b"="))
        attributes = user.split(b"; ")[1:]
        signed = b"; ".join([USER + b"=" + self._parts.signed(held), *attributes])
        kept = self._parts.ended_with(_given(ours))
        if kept and len(kept) < MOST:
            tokens = b"; ".join([TOKENS + b"=" + kept, *attributes])
        else:
            # In several parts they are too long for a websocket: the provider is told without them,
            # and without those of whoever signed in there before.
            tokens = b"; ".join([TOKENS + b"=", *_without_age(attributes), b"Max-Age=0"])
        return [*others, (b"set-cookie", signed), (b"set-cookie", tokens)]

    def _bounded(self, cookie: bytes) -> bytes:
        """Return a cookie; one of the sign-in lasts no longer in the browser than that does."""
        name, *attributes = cookie.split(b"; ")
        if not name.startswith(USER) or _is_removal(cookie):
            return cookie
        lasts = b"Max-Age=%d" % self._access.settings.longest
        return b"; ".join([name, *_without_age(attributes), lasts])

    async def _page(self, send: Send, status: int, words: tuple[str, str], leads: str) -> None:
        title, told = words
        page = PAGE.read_text(encoding="utf-8")
        for name, value in {
            "theme": self._parts.theme,
            "title": title,
            "told": told,
            "address": f"{self._parts.base}{leads}",
            "act": "Sign out" if leads.startswith(LOGOUT) else "Sign in",
            "use": INTENDED_USE,
        }.items():
            page = page.replace(f"{{{{{name}}}}}", html.escape(value))
        await _answer(send, status, page.encode(), b"text/html; charset=utf-8")

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._access.key(self._cookies(dict(scope["headers"])))
        who = self._access.sessions.live(key)
        if who is None or who.role is None:
            offered = scope.get("subprotocols") or []
            await receive()
            await send({"type": "websocket.accept", "subprotocol": next(iter(offered), None)})
            await self._show_out(send)
        else:
            await self._let_in(key, scope, receive, send)

    async def _let_in(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the messages of a websocket on, as long as its sign-in holds."""
        sessions = self._access.sessions
        over = asyncio.Event()
        accepted = False
        clock = asyncio.get_running_loop().time
        began = clock()

        async def watch() -> None:
            while sessions.live(key):  # noqa: ASYNC110  # the end of a time is no event
                await asyncio.sleep(BEAT)
            over.set()

        def is_use(data: bytes) -> bool:
            """Whether a message is a person's doing, and not a tab that is back on the network.

            Such a tab has its page drawn anew at once; of a page that was opened, its request is
            noted as use.
            """
            return self._parts.is_use(data) and clock() - began >= SETTLES

        async def received() -> Message:
            if not over.is_set():
                coming = asyncio.ensure_future(receive())
                ended = asyncio.ensure_future(over.wait())
                done, _ = await asyncio.wait({coming, ended}, return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                if coming in done and sessions.live(key):
                    message = coming.result()
                    if is_use(message.get("bytes") or b""):
                        sessions.use(key)
                    return message
                coming.cancel()
                over.set()
            return {"type": "websocket.disconnect", "code": POLICY}

        async def sent(message: Message) -> None:
            nonlocal accepted
            if not sessions.live(key):
                over.set()
            elif not over.is_set():
                accepted = accepted or message["type"] == "websocket.accept"
                closed = message["type"] == "websocket.close"
                await send(message)
                if closed:
                    accepted = False

        watching = asyncio.create_task(watch())
        try:
            await self._app(scope, received, sent)
        finally:
            watching.cancel()
        if over.is_set() and accepted:
            await self._show_out(send)

    async def _show_out(self, send: Send) -> None:
        """Have a tab leave what it shows for the page that asks to sign in."""
        leads = self._parts.leads_to(f"{self._parts.base}/")
        try:
            await send({"type": "websocket.send", "bytes": leads})
            await send({"type": "websocket.close", "code": POLICY})
        except (OSError, RuntimeError):
            logger.debug("A tab was gone before it was shown out.")


def configured(
    hooks: Mapping[str, Any], option: Callable[[str], Any]
) -> tuple[Access, Parts] | None:
    """Return the sign-in that is configured, or None; end the process where it must not start.

    Parameters
    ----------
    hooks : mapping of str to callable
        Of `cxr.web.streamlit_hooks`.
    option : callable
        Returns a setting of Streamlit.
    """
    try:
        return _configured(hooks, option)
    except AccessError as error:
        print(f"The dashboard does not start. {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _configured(
    hooks: Mapping[str, Any], option: Callable[[str], Any]
) -> tuple[Access, Parts] | None:
    try:
        kept = hooks["kept_secrets"]()
    except Exception as error:
        raise AccessError(
            "The file of secrets cannot be read, so that nobody knows whether a sign-in is "
            "configured: .streamlit/secrets.toml.",
            code="secrets",
        ) from error
    settings = read_settings(kept, os.environ)
    if check_address(option("server.address"), settings, os.environ):
        logger.warning(
            "Nobody is asked to sign in: whoever reaches this server reads and does everything."
        )
    if settings is None:
        start(None)
        return None
    found = hooks["sign_in_parts"]()
    if found is None:
        raise AccessError(
            "This Streamlit lacks what the sign-in is made of: install the version that "
            "requirements.txt names.",
            code="streamlit",
        )
    if not settings.key_is_lasting:
        logger.warning(
            "No pseudonym_key is set: after a restart the log of readings knows everybody by "
            "another pseudonym."
        )
    sessions = Sessions(idle=settings.idle, longest=settings.longest)
    base = str(option("server.baseUrlPath") or "").strip("/")
    light = str(option("theme.base") or "").endswith(("light", "light.toml"))
    parts = Parts(
        cookies=found.cookies,
        login=found.login,
        signed=found.signed,
        ended_with=found.ended_with,
        leads_to=found.leads_to,
        is_use=found.is_use,
        base=f"/{base}" if base else "",
        theme="light" if light else "dark",
    )
    if settings.audit_required:
        _check_trail()
    access = Access(settings, sessions, found.identity, _trail())
    start(access)
    return access, parts


def _check_trail() -> None:
    """Refuse to start where the trail is required and kept nowhere."""
    from cxr.monitoring.database import VARIABLE, address
    from cxr.monitoring.reading import ReadingsError

    try:
        place = address()
    except ReadingsError as error:
        raise AccessError(str(error), code="audit_trail") from error
    if place is None:
        raise AccessError(
            f"The audit trail is required (CXR_AUDIT_REQUIRED), and {VARIABLE} is off, so that it "
            "is kept nowhere.",
            code="audit_trail",
        )


def _trail() -> Callable[[str, SignedIn], object]:
    """Return what notes sign-ins: in a thread, which imports what the log is made of."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="sign-ins")
    return lambda event, who: thread.submit(_note, event, who, datetime.now(UTC))


def _note(event: str, who: SignedIn, time: datetime) -> None:
    try:
        from cxr.monitoring import SignIn
        from cxr.web.reading_session import recorder

        recorder().signed(event, SignIn(time=time, reader=who.pseudonym, role=who.role))
    except Exception as error:  # a thread that dies in silence would leave no trace of it
        logger.error(
            "Not in the audit trail: %s time=%s reader=%s role=%s (%s)",
            event,
            time,
            who.pseudonym,
            who.role,
            type(error).__name__,
        )


def reachable(signs_in: tuple[Access, Parts] | None) -> Callable[[Mapping[str, Any]], bool]:
    """Return what tells of a request or a websocket, by its scope, whether it is answered.

    Parameters
    ----------
    signs_in : tuple or None
        What `configured` returned.
    """
    settings = signs_in[0].settings if signs_in else None
    return is_of_this_machine if not answers_others(settings, os.environ) else lambda scope: True


def _without_age(attributes: list[bytes]) -> list[bytes]:
    return [a for a in attributes if not a.lower().startswith((b"max-age=", b"expires="))]


def _is_removal(cookie: bytes) -> bool:
    return b"max-age=0" in cookie.lower().split(b"; ")


def _split(headers: Any) -> tuple[Headers, Headers]:
    """Return the cookies that an answer gives, and its other headers."""
    given = [(name, value) for name, value in headers if name.lower() == b"set-cookie"]
    return given, [(name, value) for name, value in headers if name.lower() != b"set-cookie"]


def _given(headers: Headers) -> dict[str, str]:
    """Return the cookies that a browser has of an answer."""
    cookies: dict[str, str] = {}
    for _, value in headers:
        try:
            read = SimpleCookie(value.decode("latin-1"))
        except CookieError:
            continue
        cookies |= {name: morsel.value for name, morsel in read.items()}
    return {name: value for name, value in cookies.items() if value}


async def _redirect(send: Send, address: str, cookie: bytes) -> None:
    headers = [
        (b"location", address.encode()),
        (b"set-cookie", cookie),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _answer(send: Send, status: int, body: bytes, kind: bytes) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
