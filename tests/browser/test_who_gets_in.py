"""Who reads what the dashboard shows: the browser that shows it, under the dashboard's own name."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_connection
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.browser.waiting import at_rest

pytestmark = pytest.mark.browser


def status(address: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_film_is_served_to_the_browser_that_shows_it_alone(
    page: Page, chromium: Browser, dashboard: str
) -> None:
    films: list[Response] = []

    def note(answer: Response) -> None:
        if urlsplit(answer.url).path.startswith("/media/") and answer.url.endswith(".bin"):
            films.append(answer)

    page.on("response", note)
    blocked: list[str] = []
    page.on(
        "console", lambda said: blocked.append(said.text) if "Content Security" in said.text else 0
    )
    page.goto("/")
    page.get_by_role("button", name="Sample films").click()
    # The first film of a server waits for its networks.
    expect(page.locator(".worklist li").first).to_contain_text("above", timeout=180_000)
    at_rest(page)
    assert not blocked
    address = films[-1].url
    assert films[-1].ok
    own = page.request.get(address)
    assert own.ok
    assert own.headers["cache-control"] == "no-store"
    assert status(address) == 404
    # A page of elsewhere leads here, in another tab: it is the same browser.
    other = page.context.new_page()
    link = f"<a href='{dashboard}'>films</a>"
    other.route(
        "http://portal.example/", lambda route: route.fulfill(body=link, content_type="text/html")
    )
    other.goto("http://portal.example/")
    other.get_by_role("link", name="films").click()
    expect(other.get_by_role("button", name="Sample films")).to_be_visible()
    assert page.request.get(address).ok
    other.close()
    stranger = chromium.new_context(base_url=dashboard)
    stranger.new_page().goto("/")
    assert stranger.request.get(address).status == 404
    stranger.close()


def test_a_foreign_name_and_a_foreign_page_are_refused(dashboard: str, chromium: Browser) -> None:
    assert status(dashboard) == 200
    assert status(dashboard, Host="evil.example") == 421
    at = urlsplit(dashboard)
    for name, origin in (("evil.example", None), (at.hostname, "http://evil.example")):
        socket = create_connection((at.hostname, at.port))
        stream = f"ws://{name}:{at.port}/_stcore/stream"
        with pytest.raises(InvalidStatus) as refused:
            connect(stream, sock=socket, origin=Origin(origin) if origin else None)
        assert refused.value.response.status_code == 403
    assert status(f"{dashboard}/_stcore/metrics") == 404

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<iframe src='{dashboard}'></iframe>".encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    Thread(target=server.serve_forever, daemon=True).start()
    tab = chromium.new_page()
    tab.goto(f"http://127.0.0.1:{server.server_port}")
    (frame,) = tab.frames[1:]
    assert frame.locator("[data-testid=stApp]").count() == 0
    assert not frame.url.startswith(dashboard)
    tab.close()
    server.shutdown()
