"""A running dashboard and a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.waiting import at_rest, overheard
from tests.conftest import ONE_THREAD, ROOT
from tests.ports import free_port

# A machine that trains or tests something else beside is slow, not wrong.
expect.set_options(timeout=45_000)
#: Milliseconds for what is done to a page: a click waits for its element.
PATIENCE = 60_000
SHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the dashboard with the bundles that ship; gives its address."""
    data = os.environ.get("CXR_DATA") or str(ROOT.parent / "shared" / "data")
    yield from serve(tmp_path_factory.mktemp("dashboard"), data)


def serve(folder: Path, data: str | None, *settings: str) -> Iterator[str]:
    """Run a dashboard, with its log in a folder and the data sets of another; give its address."""
    port = free_port()
    log = folder / "log.txt"
    # With as many threads as a dashboard has elsewhere.
    left_out = {*ONE_THREAD, "CXR_DATA"}
    env = {key: value for key, value in os.environ.items() if key not in left_out}
    env |= {"TF_CPP_MIN_LOG_LEVEL": "3"} | ({"CXR_DATA": data} if data else {})
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
    command += ["--server.headless", "true", "--server.port", str(port), *settings]
    with log.open("w") as file:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=env,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/_stcore/health", server, log)
            yield address
        finally:
            server.terminate()
            server.wait(60)
    said = log.read_text()
    assert "Traceback" not in said, said[-3000:]


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 90
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise RuntimeError(f"The dashboard did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("wants Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


#: Opens the viewer of ``film_app.py``: see `opened`.
Open = Callable[..., Page]


@contextmanager
def served(folder: Path, *settings: str, app: str = "tests/browser/film_app.py") -> Iterator[str]:
    port = free_port()
    words = ["streamlit", "run", app, "--server.headless", "true"]
    log = folder / "log.txt"
    with log.open("w") as file:
        server = subprocess.Popen(
            [sys.executable, "-m", *words, "--server.port", str(port), *settings],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        address = f"http://127.0.0.1:{port}"
        path = f"/{settings[1]}" if settings else ""
        try:
            _wait_for(f"{address}{path}/_stcore/health", server, log)
            yield f"{address}{path}/"
        finally:
            server.terminate()
            server.wait(60)
    assert "Traceback" not in log.read_text(), log.read_text()[-3000:]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("viewer")) as at:
        yield at


@pytest.fixture(scope="module")
def contexts(chromium: Browser) -> Iterator[dict[str, BrowserContext]]:
    """Browsers that keep Streamlit's own scripts from one test to the next, by their settings."""
    made: dict[str, BrowserContext] = {}
    yield made
    for context in made.values():
        context.close()


@pytest.fixture
def opened(chromium: Browser, address: str, contexts: dict[str, BrowserContext]) -> Iterator[Open]:
    """Open the viewer in a fresh tab; a script error in it fails the test."""
    tabs: list[Page] = []
    errors: list[str] = []

    def open_(film="small", draw="auto", at=address, query="", **settings) -> Page:
        settings = {"viewport": {"width": 1000, "height": 820}, **settings}
        if str(settings) not in contexts:
            contexts[str(settings)] = overheard(chromium.new_context(**settings))
            contexts[str(settings)].set_default_timeout(PATIENCE)
        tab = contexts[str(settings)].new_page()
        tabs.append(tab)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(f"{at}?film={film}&draw={draw}&{query}")
        painted(tab)
        at_rest(tab)  # what comes above the film moves it
        return tab

    yield open_
    for tab in tabs:
        tab.close()
    assert not errors, errors


def painted(page: Page) -> None:
    page.wait_for_selector(".viewer[data-painted]", state="attached")


@pytest.fixture
def page(chromium: Browser, dashboard: str) -> Iterator[Page]:
    """A fresh tab of a reading-room screen; a script error in the page fails the test."""
    yield from tab_of(chromium, dashboard)


def tab_of(chromium: Browser, address: str) -> Iterator[Page]:
    """Open a tab on a dashboard, and fail at its end if a script of the page did."""
    size = {"width": 1440, "height": 900}
    context = overheard(chromium.new_context(viewport=size, base_url=address))
    context.set_default_timeout(PATIENCE)
    tab = context.new_page()
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    yield tab
    context.close()
    assert not errors, errors


@pytest.fixture
def shot(request: pytest.FixtureRequest):
    """Keep a screenshot of a state, to be looked at; in CI, where nobody does, none is taken.

    The folder is not part of the project.
    """

    def take(page: Page, name: str, *, whole: bool = False) -> None:
        if os.environ.get("CI"):
            return
        if whole:
            height = page.evaluate(
                "document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight"
            )
            page.set_viewport_size({"width": 1440, "height": int(height) + 80})
            at_rest(page)
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png")

    return take
