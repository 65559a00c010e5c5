"""The layer around the server: who is answered, and what goes with every answer."""

from __future__ import annotations

import asyncio
import logging
import runpy
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cxr.access import is_of_this_machine
from cxr.web import browsers
from cxr.web.guard import COOKIE, HEADERS, Guard
from tests.conftest import ROOT

OURS, OTHERS = "a" * 32, "b" * 32
NAMES = ("localhost", "127.0.0.1:8501", "[::1]:8501", "cxr.hospital.example")


def ask(
    path: str,
    *,
    host: str | None = "localhost",
    browser: str = "",
    accept: str = "*/*",
    secure: bool = False,
    server: object = ("127.0.0.1", 8501),
    kind: str = "http",
    answers: Callable[[Any], bool] = is_of_this_machine,
    more: tuple[tuple[bytes, bytes], ...] = (),
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send a request through the layer to an application that answers everything."""
    reached: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["path"])
        headers = [(b"Cache-Control", b"public"), (b"X-Frame-Options", b"ALLOWALL")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"inside"})

    told: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        told.append(dict(message))

    async def receive() -> Any:
        return {"type": "http.request" if kind == "http" else "websocket.connect"}

    headers = [(b"accept", accept.encode()), *more]
    headers += [(b"host", host.encode())] if host is not None else []
    headers += [(b"cookie", f"_xsrf=1; {COOKIE}={browser}".encode())] if browser else []
    guard = Guard(
        app,
        allows=lambda name: name in NAMES,
        reachable=answers,
        owners=lambda name: [OURS] if name == "f1" else [],
        secure=secure,
    )
    scope = {"type": kind, "path": path, "headers": headers, "server": server}
    # In a thread: that of the browser tests has a loop of its own.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(guard(scope, receive, send))).result()
    if kind == "websocket":
        assert bool(reached) == (told[0]["type"] != "websocket.close")
        return told[0].get("code", 0), [], b""
    start, body = told[0], b"".join(part.get("body", b"") for part in told[1:])
    assert (body == b"inside") == bool(reached) == (start["status"] == 200)
    return start["status"], [(n.decode().lower(), v.decode()) for n, v in start["headers"]], body


@pytest.mark.parametrize("path", ["/", "/media/f1.bin", "/_stcore/health", "/static/media/a.woff2"])
@pytest.mark.parametrize("host", [None, "evil.example", "localhost.evil.example", ""])
def test_another_name_is_answered_nothing(path: str, host: str | None) -> None:
    assert ask(path, host=host, browser=OURS)[0] == 421


class TestFromBeyond:
    """Whatever the server was told, and by whom, its connections say where they came to."""

    HERE = (("127.0.0.1", 8501), ("::1", 8501), ("::ffff:127.0.0.1", 8501), ("/run/cxr", None))
    BEYOND = (
        *(("192.168.1.2", 8501), ("0.0.0.0", 8501), ("2001:db8::1", 8501), None, (), "127.0.0.1"),
        *(("::ffff:192.168.1.2", 8501), ("127.0.0.1.example", 80), ("", None), ("fe80::1%eth0", 1)),
    )

    @pytest.mark.parametrize("kind", ["http", "websocket"])
    def test_this_machine_alone_is_answered(self, kind: str) -> None:
        for server in self.HERE:
            assert ask("/", kind=kind, server=server)[0] in (200, 0)
        for server in self.BEYOND:
            assert ask("/", kind=kind, server=server)[0] in (403, 1008), server

    @pytest.mark.parametrize("kind", ["http", "websocket"])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *((b"x-forwarded-for", b"10.0.0.7"), (b"X-Forwarded-Proto", b"https")),
            *((b"x-forwarded-host", b"cxr.hospital.example"), (b"x-real-ip", b"10.0.0.7")),
            *((b"forwarded", b"for=10.0.0.7"), (b"via", b"1.1 proxy")),
        ],
    )
    def test_what_a_proxy_of_this_machine_passes_on_is_of_elsewhere(
        self, kind: str, name: bytes, value: bytes
    ) -> None:
        more = ((name, value),)
        assert ask("/", kind=kind, more=more)[0] in (403, 1008)
        assert ask("/", kind=kind, more=more, answers=lambda scope: True)[0] in (200, 0)

    @pytest.mark.parametrize("kind", ["http", "websocket"])
    def test_and_so_is_what_it_passes_on_without_a_word(self, kind: str) -> None:
        """The name that was asked for tells, which the server was told to answer to."""
        *here, beyond = NAMES
        assert {ask("/", kind=kind, host=name)[0] for name in here} <= {200, 0}
        assert ask("/", kind=kind, host=beyond)[0] in (403, 1008)
        assert ask("/", kind=kind, host=beyond, answers=lambda scope: True)[0] in (200, 0)

    def test_or_everybody_where_they_sign_in(self) -> None:
        assert ask("/", server=("192.168.1.2", 8501), answers=lambda scope: True)[0] == 200

    def test_it_is_told_once(self, caplog: pytest.LogCaptureFixture) -> None:
        app: Any = None
        guard = Guard(app, allows=bool, reachable=lambda scope: False, owners=lambda name: [])

        async def send(message: Any) -> None:
            pass

        with caplog.at_level(logging.WARNING), ThreadPoolExecutor(1) as thread:
            for _ in range(3):
                scope = {"type": "http", "path": "/", "headers": [(b"host", b"localhost")]}
                asked = guard(scope, None, send)  # type: ignore[arg-type]
                thread.submit(asyncio.run, asked).result()
        assert len(caplog.records) == 1

    def test_another_program_that_serves_it_changes_nothing(self) -> None:
        """As uvicorn does, which knows nothing of Streamlit's settings."""
        script = """
import asyncio, streamlit_app
async def ask(kind, host, *more):
    told = []
    async def send(message): told.append(message)
    async def receive(): return {"type": f"{kind}.connect"}
    scope = {"type": kind, "method": "GET", "path": "/_stcore/host-config", "query_string": b"",
             "headers": [(b"host", b"localhost"), *more], "server": (host, 8501), "root_path": ""}
    await streamlit_app.app(scope, receive, send)
    return told[0].get("status", told[0].get("code"))
ways = ("192.168.1.2",), ("127.0.0.1", (b"x-forwarded-for", b"10.0.0.7"))
print([asyncio.run(ask(kind, *way)) for way in ways for kind in ("http", "websocket")])
"""
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        assert done.stdout == "[403, 1008, 403, 1008]\n", done.stderr


def test_a_process_that_the_dashboard_starts_serves_nothing() -> None:
    """A spawned process runs the file that Streamlit ran, by another name."""
    assert "app" not in runpy.run_path(str(ROOT / "streamlit_app.py"), run_name="__mp_main__")


@pytest.mark.parametrize("base", ["", "/below/a/proxy"])
@pytest.mark.parametrize("name", ["/media/f1.bin", "/media/f1"])
def test_a_film_is_given_to_the_browser_that_shows_it_alone(base: str, name: str) -> None:
    status, headers, _ = ask(base + name, browser=OURS)
    assert status == 200
    assert [value for key, value in headers if key == "cache-control"] == ["no-store"]
    for browser in ("", OTHERS, OURS[:-1], OURS + "a"):
        assert ask(base + name, browser=browser)[0] == 404
    assert ask(base + "/media/f2.bin", browser=OURS)[0] == 404


def test_fonts_of_the_page_are_no_films() -> None:
    status, headers, _ = ask("/static/media/font.woff2")
    assert status == 200
    assert ("cache-control", "public") in headers


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/below/_stcore/metrics"])
def test_figures_of_the_server_are_told_to_nobody(path: str) -> None:
    assert ask(path, browser=OURS)[0] == 404


@pytest.mark.parametrize("path", ["/", "/media/f2.bin", "/_stcore/metrics"])
def test_every_answer_says_what_browsers_may_do(path: str) -> None:
    for host in ("localhost", "evil.example"):
        headers = ask(path, host=host)[1]
        for name, value in HEADERS.items():
            assert [v for n, v in headers if n == name.lower()] == [value]
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]


def test_a_browser_gets_one_cookie_with_its_first_page() -> None:
    def cookies(**asked: str) -> list[str]:
        return [value for name, value in ask("/", **asked)[1] if name == "set-cookie"]

    (one,), (other,) = cookies(accept="text/html"), cookies(accept="text/html")
    assert one != other
    assert "HttpOnly" in one
    assert (
        "SameSite=Lax" in one
    )  # a page that a link of another website opens is the same browser's
    assert "Secure" not in one
    assert not cookies(accept="text/html", browser=OURS)
    assert not cookies(accept="image/png")
    (one,) = cookies(accept="text/html", secure=True)
    assert one.endswith("; Secure")


@pytest.mark.parametrize("other", ['portal={"a": 1}', "novalue", "name=Rosa Reader", "a[0]=1"])
def test_a_cookie_of_another_program_keeps_no_film_from_its_reader(other: str) -> None:
    browser = f"{OURS}; {other}"
    assert ask("/media/f1.bin", browser=browser)[0] == 200
    headers = dict(ask("/", browser=browser, accept="text/html")[1])
    assert "set-cookie" not in headers


def test_a_cookie_that_is_none_opens_nothing() -> None:
    for header in (f'{COOKIE}="', "=;=;", "a b c", f"{COOKIE}"):
        assert ask("/media/f1.bin", browser=header)[0] == 404


class TestOwners:
    @pytest.fixture(autouse=True)
    def _forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(browsers, "_browser_of", type(browsers._browser_of)())
        monkeypatch.setattr(browsers, "_tabs_of", type(browsers._tabs_of)())

    def test_are_the_browsers_of_the_tabs_that_showed_it(self) -> None:
        browsers._browser_of |= {"tab 1": OURS, "tab 2": OTHERS}
        for name, tab in (("f1", "tab 1"), ("f2", "tab 1"), ("f2", "tab 2"), ("f3", "tab 9")):
            browsers._note_media(name, tab)
        assert browsers.owners("f1") == [OURS]
        assert sorted(browsers.owners("f2")) == [OURS, OTHERS]
        assert browsers.owners("f3") == browsers.owners("f4") == []

    def test_the_oldest_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(browsers, "FILES", 3)
        browsers._browser_of["tab"] = OURS
        for number in range(5):
            browsers._note_media(f"f{number}", "tab")
        assert [number for number in range(5) if browsers.owners(f"f{number}")] == [2, 3, 4]
