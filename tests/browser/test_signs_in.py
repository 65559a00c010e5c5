"""Where people sign in: what a browser shows before, meanwhile and after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from cxr.access import pseudonym
from cxr.monitoring import Readings
from tests.browser.conftest import painted
from tests.browser.waiting import at_rest
from tests.openid_provider import Provider, provider
from tests.sign_in_server import PEOPLE, served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def made() -> Iterator[Provider]:
    with provider() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signs_in")


@pytest.fixture(scope="module")
def dashboard(made: Provider, folder: Path) -> Iterator[str]:
    # Films are shown, and files handed out, once the audit trail holds that they are.
    with served(made, folder, audit_required="1") as at:
        yield at


def sign_in(page: Page, made: Provider, who: str) -> None:
    made.person = PEOPLE[who]
    page.get_by_role("link", name="Sign in").click()
    expect(page.get_by_text("Triage", exact=True).first).to_be_visible()


def asked(address: str, cookie: str = "") -> httpx.Response:
    """What somebody gets who has the address of a film, and perhaps a cookie."""
    return httpx.get(address, headers={"cookie": cookie} if cookie else {}, timeout=60)


def test_a_film_is_shown_while_its_reader_is_signed_in_and_to_nobody_else(
    page: Page, chromium: Browser, dashboard: str, made: Provider, folder: Path
) -> None:
    films: list[Response] = []

    def note(answer: Response) -> None:
        if urlsplit(answer.url).path.startswith("/media/") and answer.url.endswith(".bin"):
            films.append(answer)

    page.on("response", note)
    page.goto("/")
    sign_in(page, made, "reader")
    page.get_by_role("button", name="Sample films").click()
    painted(page)
    # The first film of a server waits for its networks.
    expect(page.locator(".worklist li").first).to_contain_text("above", timeout=180_000)
    at_rest(page)
    addresses = [film.url for film in films if film.ok]
    shown = addresses[-1]  # another film was open before this one had the higher score
    held = "; ".join(f"{c['name']}={c['value']}" for c in page.context.cookies())
    assert page.request.get(shown).ok
    assert asked(shown, held).status_code == 200

    page.get_by_role("button", name="Export").click()
    with page.expect_download():
        page.get_by_role("button", name="CSV", exact=True).click()

    # Another colleague, at a screen of their own, and somebody who is not signed in at all.
    other = chromium.new_context(base_url=dashboard)
    colleague = other.new_page()
    colleague.goto("/training")
    sign_in(colleague, made, "reviewer")
    expect(colleague).to_have_url(f"{dashboard}/training")
    for address in addresses:
        assert other.request.get(address).status == 404
        assert asked(address).status_code in (401, 404)
    other.close()

    # The reader signs out: the film is off the screen, and nothing opens it any more.
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page.locator(".viewer")).to_have_count(0)
    for address in addresses:
        for cookie in (held, ""):
            refused = asked(address, cookie)
            assert refused.status_code in (401, 404)
            assert len(refused.content) < 40

    # Whoever signs in next in the same tab has no list of the one before.
    sign_in(page, made, "administrator")
    expect(page.get_by_role("button", name="Sample films")).to_be_visible()
    expect(page.locator(".worklist li")).to_have_count(0)

    # The log knows the reader by a pseudonym, and holds nobody's name, account or address.
    log = Readings(f"sqlite:///{folder / 'log.sqlite3'}")
    reader = pseudonym(b"k" * 40, made.issuer, PEOPLE["reader"]["sub"])
    opened = log.opened_films()
    assert not opened.empty
    assert set(opened["reader"]) == set(log.table()["reader"]) == {reader}
    assert set(opened["film_sha256"]) <= set(log.table()["film_sha256"])
    # Whose files, in which form, of which films; who came and went.
    exported = log.exported_films()
    assert set(exported["reader"]) == {reader}
    assert set(exported["form"]) == {"csv"}
    assert set(exported["film_sha256"]) <= set(log.table()["film_sha256"])
    came, end = log.sign_ins(), time.monotonic() + 30
    while len(came) < 4 and time.monotonic() < end:
        time.sleep(0.1)
        came = log.sign_ins()
    assert came["event"].tolist() == ["signed_in", "signed_in", "signed_out", "signed_in"]
    assert came["role"].tolist() == ["reader", "reviewer", "reader", "administrator"]
    assert came["reader"].iloc[0] == came["reader"].iloc[2] == reader
    kept = b"".join(path.read_bytes() for path in folder.glob("log.sqlite3*"))
    for person in PEOPLE.values():
        assert person["name"].encode() not in kept
    assert b"127.0.0.1" not in kept
