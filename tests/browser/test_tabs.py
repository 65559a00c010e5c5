"""A list outlives the connection of its tab, and goes with the tab."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import serve, tab_of
from tests.browser.line import Line
from tests.browser.test_dashboard import open_triage
from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]

#: Seconds that the line is cut.
CUT = 60
#: And after which a closed tab is surely freed: it may have been loaded anew for some 20.
FREED = 120
BACK = re.compile("The list is as it was: 3 films")


@pytest.fixture
def three(data_dir: Path) -> list[Path]:
    """Large enough that the third is beyond a bound of one megabyte."""
    return sorted((data_dir / "kermany_originals" / "test" / "NORMAL").iterdir())[:3]


@pytest.fixture
def line(dashboard: str) -> Iterator[Line]:
    line = Line(dashboard)
    yield line
    line.close()


@pytest.fixture
def cuttable(chromium: Browser, line: Line) -> Iterator[Page]:
    yield from tab_of(chromium, line.address)


def fill(page: Page, films: list[Path]) -> None:
    page.set_input_files("input[type=file]", films)
    expect(page.locator(".worklist li")).to_have_count(len(films))
    expect(page.locator("li.waiting")).to_have_count(0, timeout=180_000)
    at_rest(page)


def test_a_list_outlives_a_minute_without_a_line(
    cuttable: Page, line: Line, three: list[Path]
) -> None:
    page = cuttable
    open_triage(page)
    fill(page, three)
    line.cut()
    app = page.get_by_test_id("stApp")
    expect(app).not_to_have_attribute("data-test-connection-state", "CONNECTED")
    page.wait_for_timeout(1000 * CUT)
    line.mend()
    expect(page.get_by_text(BACK)).to_be_visible(timeout=90_000)
    rows = page.locator(".worklist li")
    expect(rows).to_have_count(3)
    rows.nth(2).click()
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    page.wait_for_selector(".viewer[data-painted]")


def test_a_list_outlives_a_page_that_is_loaded_anew_in_its_tab_alone(
    page: Page, three: list[Path]
) -> None:
    open_triage(page)
    fill(page, three)
    rows = page.locator(".worklist li")
    rows.nth(1).click()
    expect(page).to_have_url(re.compile("film="))
    at_rest(page)
    chosen, link = rows.nth(1).get_attribute("data-number"), page.url
    other = page.context.new_page()
    other.goto(link)
    expect(other.get_by_text(re.compile("not in the list of this tab"))).to_be_visible(
        timeout=90_000
    )
    expect(other.locator(".worklist li")).to_have_count(0)
    other.close()
    page.goto(link)
    expect(rows).to_have_count(3, timeout=90_000)
    expect(page.get_by_text(BACK)).to_be_visible()
    row = page.locator(f".worklist li[data-number='{chosen}']")
    expect(row).to_have_attribute("aria-selected", "true")
    # The server has sent the thumbnails before, and the page has lost them.
    expect(page.locator(".worklist .picture[style*='data:image']")).to_have_count(3)
    expect(page.get_by_text(re.compile("not in the list of this tab"))).to_have_count(0)
    page.goto(link.partition("?")[0])
    expect(rows).to_have_count(3, timeout=90_000)


def test_a_closed_tab_is_freed_and_a_new_server_says_that_the_list_is_gone(
    chromium: Browser,
    dashboard: str,
    data_dir: Path,
    three: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = sum(film.stat().st_size for film in three)
    monkeypatch.setenv("CXR_MAX_ALL_LISTS_MB", str(int(1.5 * size / 1e6)))
    servers = serve(tmp_path, str(data_dir))
    line = Line(next(servers))
    first, second = (tab_of(chromium, line.address) for _ in range(2))
    one, other = next(first), next(second)
    try:
        open_triage(one)
        fill(one, three)
        open_triage(other)
        other.set_input_files("input[type=file]", three)
        expect(other.locator(".worklist li.refused").first).to_be_visible(timeout=90_000)
        one.goto("about:blank")
        refused, end = 1, time.monotonic() + FREED
        while refused and time.monotonic() < end:
            other.wait_for_timeout(5_000)
            other.get_by_role("button", name="Add films").click()
            other.get_by_role("button", name="Clear the list").click()
            expect(other.locator(".worklist li")).to_have_count(0)
            at_rest(other)
            fill(other, three)
            refused = other.locator(".worklist li.refused").count()
        assert not refused
        line.cut()
        line.mend(dashboard)
        expect(other.get_by_text(re.compile("list of this tab is gone")).first).to_be_visible(
            timeout=90_000
        )
        expect(other.locator(".worklist li")).to_have_count(0)
    finally:
        for tab in (first, second, servers):
            next(tab, None)
        line.close()
