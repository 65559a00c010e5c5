"""The layer where people sign in, by itself: what a real server cannot show quickly."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie
from typing import Any
from unittest.mock import MagicMock
from urllib.parse import quote

import pytest

from cxr.access import Access, Sessions, read_settings, running
from cxr.web.gate import Gate, Parts, configured
from tests.access.test_settings import KEPT

CLAIMS = {"iss": "https://idp.example", "sub": "42", "nonce": "n1", "groups": ["xray"]}


def held(**changes: object) -> dict[str, str]:
    """What stands for Streamlit's signed cookie: hexadecimal digits of JSON."""
    return {"_streamlit_user": json.dumps(CLAIMS | changes).encode().hex()}


def kept(**changes: object) -> dict[str, str]:
    """What a browser is to hold of a sign-in."""
    said = CLAIMS | changes
    told = json.dumps({name: said[name] for name in ("iss", "sub", "nonce")})
    return {"_streamlit_user": told.encode().hex()}


#: What comes back from the provider, and what a browser holds of it then.
CAME = held()
HELD = kept()


class Clock:
    time = 0.0

    def __call__(self) -> float:
        return self.time


def cookies(header: str) -> dict[str, str]:
    return {name: morsel.value for name, morsel in SimpleCookie(header).items()}


def identity(held: Any) -> bytes | None:
    value = held.get("_streamlit_user")
    return bytes.fromhex(value) if value else None


class Made:
    """A layer around an application that is told by the test."""

    def __init__(self, app: Callable[..., Any], base: str = "") -> None:
        settings = read_settings(KEPT, {})
        assert settings is not None
        self.clock = Clock()
        self.noted: list[tuple[str, str]] = []
        self.access = Access(
            settings,
            Sessions(idle=10, longest=100, now=self.clock),
            identity,
            lambda event, who: self.noted.append((event, who.pseudonym)),
        )
        parts = Parts(
            cookies=cookies,
            login=lambda: "/auth/login?provider=p",
            signed=lambda said: said.hex().encode(),
            ended_with=lambda cookies: cookies.get("_streamlit_user_tokens", "").encode() or None,
            leads_to=lambda address: f"leads to {address}".encode(),
            is_use=lambda data: data == b"use",
            base=base,
            theme="dark",
        )
        self.gate = Gate(app, access=self.access, parts=parts)
        self.sent: list[dict[str, Any]] = []

    def ask(self, scope: dict[str, Any], messages: Any = ()) -> list[dict[str, Any]]:
        """Run the layer to its end, in a thread with a loop of its own."""
        coming = iter(messages)
        self.sent = []

        async def receive() -> Any:
            for message in coming:
                made = message() if callable(message) else message
                if made:
                    return made
            return await asyncio.Future()  # which never comes

        async def send(message: Any) -> None:
            self.sent.append(dict(message))

        async def run() -> None:
            await asyncio.wait_for(self.gate(scope, receive, send), 30)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(run())).result()
        return self.sent


def http(path: str, held: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    cookie = "; ".join(f"{name}={value}" for name, value in (held or {}).items())
    headers = [(b"accept", b"text/html"), (b"cookie", cookie.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
    return {**scope, "query_string": b"", **more}


def socket(held: dict[str, str]) -> dict[str, Any]:
    scope = http("/_stcore/stream", held)
    return {**scope, "type": "websocket", "subprotocols": ["streamlit"]}


async def back_from_the_provider(scope: Any, receive: Any, send: Any) -> None:
    """Streamlit's answer to somebody who signed in."""
    given = [
        f"_streamlit_user={CAME['_streamlit_user']}; Path=/; HttpOnly; Max-Age=2592000",
        "_streamlit_user_tokens=abc; Path=/; HttpOnly; Max-Age=2592000",
        "_streamlit_user_1=; Path=/; Max-Age=0",
        "_streamlit_session=null; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT; httponly",
    ]
    headers = [(b"location", b"/"), *((b"set-cookie", cookie.encode()) for cookie in given)]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def test_cookies_last_no_longer_than_the_sign_in_and_travel_through_tls_alone():
    made = Made(back_from_the_provider)
    (start, _) = made.ask(http("/oauth2callback", query_string=b"code=c&state=s"))
    assert made.access.live(HELD) is not None
    given = [value.decode() for name, value in start["headers"] if name == b"set-cookie"]
    assert len(given) == 4
    assert all("; Secure" in cookie for cookie in given)
    ages = {cookie.partition("=")[0]: SimpleCookie(cookie) for cookie in given}
    lasts = {name: cookie[name]["max-age"] for name, cookie in ages.items()}
    assert lasts == {
        "_streamlit_user": "36000",
        "_streamlit_user_tokens": "36000",
        "_streamlit_user_1": "0",
        "_streamlit_session": "",
    }
    assert ages["_streamlit_session"]["_streamlit_session"]["expires"]


def test_tokens_in_parts_are_dropped_and_so_are_those_of_whoever_was_there_before():
    async def with_long_tokens(scope: Any, receive: Any, send: Any) -> None:
        given = [
            f"_streamlit_user={CAME['_streamlit_user']}; Path=/below; HttpOnly; Max-Age=2592000",
            f"_streamlit_user_tokens={'a' * 4000}; Path=/below; HttpOnly; Max-Age=2592000",
            "_streamlit_user_tokens_1=abc; Path=/below; HttpOnly; Max-Age=2592000",
        ]
        headers = [(b"set-cookie", cookie.encode()) for cookie in given]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    made = Made(with_long_tokens, base="/below")
    (start, _) = made.ask(http("/below/oauth2callback", query_string=b"code=c&state=s"))
    given = [value.decode() for name, value in start["headers"] if name == b"set-cookie"]
    user, tokens = given
    assert user.startswith(f"_streamlit_user={HELD['_streamlit_user']}; Path=/below; ")
    assert tokens.startswith("_streamlit_user_tokens=; Path=/below; ")
    assert "Max-Age=0" in tokens.split("; ")
    assert "36000" not in tokens


def test_what_leads_below_a_proxy_stays_there():
    made = Made(back_from_the_provider, base="/below")
    told = made.ask(http("/below/evaluation"))
    assert b'href="/below/sign_in?wanted=%2Fbelow%2Fevaluation"' in told[1]["body"]
    wanted = {"cxr_wanted": "%2Fbelow%2Fevaluation"}
    (start, _) = made.ask(http("/below/oauth2callback", wanted, query_string=b"code=c"))
    assert (b"location", b"/below/evaluation") in start["headers"]
    wanted = {"cxr_wanted": "%2Felsewhere"}
    (start, _) = made.ask(http("/below/oauth2callback", wanted, query_string=b"code=c"))
    assert (b"location", b"/") in start["headers"]


@pytest.mark.parametrize(
    "wanted",
    [
        *("/auth/logout", "/auth/login?provider=x", "/sign_in?wanted=%2F", "/oauth2callback?a"),
        *("/auth/%6cogout", "/a/../auth/logout", "/./auth/logout", "/%2e%2e/elsewhere"),
    ],
)
@pytest.mark.parametrize("base", ["", "/below"])
def test_nobody_is_led_back_to_what_signs_in_or_out(wanted, base):
    made = Made(back_from_the_provider, base=base)
    cookie = {"cxr_wanted": quote(f"{base}{wanted}", safe="")}
    (start, _) = made.ask(http(f"{base}/oauth2callback", cookie, query_string=b"code=c"))
    assert start["status"] == 302
    assert (b"location", b"/") in start["headers"]


def browser_of(made: Made, **changes: object) -> dict[str, str]:
    """Sign somebody in, and return what their browser holds."""
    kept = made.access.begin(held(**changes))
    assert kept is not None
    return {"_streamlit_user": kept.hex()}


@pytest.mark.parametrize(("sub", "stays"), [("42", True), ("43", False)])
def test_whoever_signs_in_ends_the_sign_in_of_somebody_else_in_that_browser(sub, stays):
    made = Made(back_from_the_provider)
    before = browser_of(made, sub=sub, nonce="n0")
    another = browser_of(made, sub="44", nonce="n4")
    made.ask(http("/oauth2callback", before, query_string=b"code=c&state=s"))
    assert made.access.live(HELD) is not None
    assert made.access.live(another) is not None
    assert (made.access.live(before) is not None) is stays
    (first, _, *then) = [event for event, _ in made.noted]
    assert first == "signed_in"
    assert then == (["signed_in"] if stays else ["signed_out", "signed_in"])
    # Its films are freed, as after a sign-out.
    assert not made.access.sessions.ran_out(made.access.key(before))


def test_a_sign_in_that_ran_out_is_still_known_as_such_once_somebody_else_signs_in():
    made = Made(back_from_the_provider)
    before = browser_of(made, sub="43", nonce="n0")
    made.clock.time = 11
    made.ask(http("/oauth2callback", before, query_string=b"code=c&state=s"))
    assert made.access.sessions.ran_out(made.access.key(before))


@pytest.mark.parametrize(
    ("said", "leaves"),
    [(b"cross-site", False), (b"same-site", False), (b"same-origin", True), (b"none", True)],
)
def test_no_other_website_signs_anybody_out(said, leaves):
    made = Made(back_from_the_provider)
    cookies = browser_of(made)
    (start, body) = made.ask(to_leave(cookies, said))
    assert (start["status"] == 403) is not leaves
    assert (made.access.live(cookies) is None) is leaves
    assert [event for event, _ in made.noted] == ["signed_in", *["signed_out"][: int(leaves)]]
    assert len({who for _, who in made.noted}) == 1
    assert (b'href="/auth/logout?' in body["body"]) is not leaves


def test_a_browser_that_does_not_say_who_leads_it_signs_out_by_a_page_of_the_dashboard_alone():
    made = Made(back_from_the_provider)
    cookies, others = browser_of(made), browser_of(made, sub="43", nonce="n3")
    # A link of anywhere: asked first, however often, and the answer is one of this sign-in.
    for _ in range(2):
        (start, body) = made.ask(to_leave(cookies))
        assert start["status"] == 403
    (address,) = re.findall(r'href="/auth/logout\?([^"]*)"', body["body"].decode())
    for wrong in ("", "meant=", "meant=é", f"{address}0"):
        assert made.ask(to_leave(cookies, query=wrong))[0]["status"] == 403
    assert made.ask(to_leave(others, query=address))[0]["status"] == 403
    assert made.access.live(cookies)
    made.ask(to_leave(cookies, query=address))
    assert made.access.live(cookies) is None
    # The button of a page, of which the server knows.
    made.access.sessions.leave(made.access.key(others))
    made.ask(to_leave(others))
    assert made.access.live(others) is None
    assert [event for event, _ in made.noted][2:] == ["signed_out", "signed_out"]


def to_leave(cookies: dict[str, str], site: bytes | None = None, query: str = "") -> dict[str, Any]:
    """A request to sign out, and what the browser says of where it comes from."""
    asked = http("/auth/logout", cookies, query_string=query.encode())
    asked["headers"] += [(b"sec-fetch-site", site)] if site else []
    return asked


@pytest.mark.parametrize("more", ["", "&error_description=Rosa+Reader&state=s"])
def test_what_a_provider_says_of_an_error_is_in_no_message(caplog, more):
    """Nor what somebody says who is none, since everybody may come to that address."""
    made = Made(back_from_the_provider)
    query = f"error=Rosa{more}".encode()
    with caplog.at_level(logging.DEBUG):
        (start, body) = made.ask(http("/oauth2callback", query_string=query))
    assert start["status"] == 403
    assert b"Rosa" not in body["body"]
    assert [record.levelname for record in caplog.records if record.name == "cxr.web.gate"] == [
        "WARNING"
    ]
    assert "Rosa" not in caplog.text


def test_the_trail_has_whom_it_refused_and_nobody_who_was_out_already():
    made = Made(back_from_the_provider)
    outside = browser_of(made, groups=["canteen"])
    cookies = browser_of(made)
    made.clock.time = 11
    for held in (outside, cookies, {}):
        made.ask(to_leave(held, b"same-origin"))
    assert [event for event, _ in made.noted] == ["refused", "signed_in"]


@pytest.mark.parametrize(("place", "starts"), [("off", False), ("ftp://x", False), ("", True)])
def test_a_trail_that_is_required_and_kept_nowhere_keeps_it_from_starting(
    monkeypatch, capsys, place, starts
):
    monkeypatch.setattr("cxr.access.server._running", [])
    monkeypatch.setenv("CXR_AUDIT_REQUIRED", "1")
    monkeypatch.setenv("CXR_READINGS_URL", place)
    hooks = {"kept_secrets": lambda: KEPT, "sign_in_parts": lambda: MagicMock(identity=identity)}
    if starts:
        configured(hooks, lambda name: None)
        access = running()
        assert access is not None
        assert access.settings.audit_required
    else:
        with pytest.raises(SystemExit):
            configured(hooks, lambda name: None)
        assert "CXR_READINGS_URL" in capsys.readouterr().err


async def says_what_it_hears(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "bytes": b"page: " + message["bytes"]})
    await send({"type": "websocket.send", "bytes": b"too late"})


@pytest.fixture
def open_socket() -> Made:
    made = Made(says_what_it_hears)
    made.access.begin(CAME)
    return made


def heard(sent: list[dict[str, Any]]) -> list[bytes]:
    return [message["bytes"] for message in sent if message["type"] == "websocket.send"]


def says(data: bytes, made: Made | None = None, after: float = 0.0) -> Callable[[], dict[str, Any]]:
    def come() -> dict[str, Any]:
        if made:
            made.clock.time += after
        return {"type": "websocket.receive", "bytes": data}

    return come


CONNECT = {"type": "websocket.connect"}


def test_a_websocket_is_led_out_when_its_time_ran_out(open_socket):
    messages = [CONNECT, says(b"use"), says(b"beat", open_socket, 8), says(b"beat", open_socket, 8)]
    sent = open_socket.ask(socket(HELD), messages)
    assert heard(sent) == [b"page: use", b"page: beat", b"leads to /"]
    assert sent[-1] == {"type": "websocket.close", "code": 1008}


def test_a_websocket_that_is_used_stays_open_until_the_longest_time(open_socket, monkeypatch):
    monkeypatch.setattr("cxr.web.gate.SETTLES", 0.0)
    messages = [CONNECT, says(b"use"), *(says(b"use", open_socket, 9) for _ in range(20))]
    sent = open_socket.ask(socket(HELD), messages)
    assert heard(sent) == [b"page: use"] * 12 + [b"leads to /"]  # 99 seconds


@pytest.mark.parametrize("asks", [1, 2])
@pytest.mark.parametrize(("settled", "stays"), [(False, False), (True, True)])
def test_a_tab_that_is_back_on_the_network_is_no_use(
    open_socket, monkeypatch, settled, stays, asks
):
    """It has its page drawn anew by itself, at once; what comes later is somebody's doing."""
    if settled:
        monkeypatch.setattr("cxr.web.gate.SETTLES", 0.0)
    open_socket.clock.time = 8
    beats = [says(b"beat", open_socket, 4), {"type": "websocket.disconnect", "code": 1001}]
    sent = open_socket.ask(socket(HELD), [CONNECT, *[says(b"use")] * asks, *beats])
    assert (heard(sent)[-1] == b"leads to /") is not stays


def test_a_silent_websocket_is_led_out_too(open_socket):
    def later() -> None:
        open_socket.clock.time += 11

    sent = open_socket.ask(socket(HELD), [CONNECT, later])
    assert heard(sent) == [b"leads to /"]


def test_nothing_of_a_page_is_sent_after_a_sign_out(open_socket):
    def leave() -> dict[str, Any]:
        open_socket.access.sessions.end(open_socket.access.key(HELD))
        return {"type": "websocket.receive", "bytes": b"use"}

    sent = open_socket.ask(socket(HELD), [CONNECT, says(b"use"), leave])
    assert heard(sent) == [b"page: use", b"leads to /"]


def test_a_tab_that_closes_by_itself_is_not_led_out(open_socket):
    sent = open_socket.ask(socket(HELD), [CONNECT, {"type": "websocket.disconnect", "code": 1001}])
    assert heard(sent) == [b"too late"]


def test_a_websocket_of_nobody_reaches_no_page(open_socket):
    for cookies in ({}, CAME, held(nonce="n2")):
        sent = open_socket.ask(socket(cookies), [CONNECT, says(b"use")])
        assert [message["type"] for message in sent] == [
            *("websocket.accept", "websocket.send", "websocket.close"),
        ]
        assert heard(sent) == [b"leads to /"]


def test_a_sign_in_that_nobody_ends_has_its_end_in_the_trail(monkeypatch):
    monkeypatch.setattr("cxr.web.gate.BEAT", 0.001)

    async def server(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            pass
        await send({"type": "lifespan.shutdown.complete"})

    made = Made(server)
    for subject in ("42", "43"):
        assert made.access.begin(held(sub=subject))
    first, second = (who for _, who in made.noted)

    async def later(number: int) -> None:
        while len(made.noted) < number:  # noqa: ASYNC110  # a list tells nobody
            await asyncio.sleep(0.001)

    async def run() -> None:
        coming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        served = asyncio.create_task(made.gate({"type": "lifespan"}, coming.get, sent))
        await coming.put({"type": "lifespan.startup"})
        made.clock.time = 8
        made.access.sessions.use(made.access.key(kept(sub="43")))
        made.clock.time = 12
        await later(3)
        await coming.put({"type": "lifespan.shutdown"})
        await served

    async def sent(message: Any) -> None:
        made.sent.append(message)

    with ThreadPoolExecutor(1) as thread:  # with a loop of its own
        thread.submit(lambda: asyncio.run(asyncio.wait_for(run(), 30))).result()
    assert made.noted[2:] == [("timed_out", first), ("server_stopped", second)]
    assert made.sent == [{"type": "lifespan.shutdown.complete"}]
