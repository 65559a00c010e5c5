"""The first minute of someone without any data: a fresh server, the sample films, a heatmap."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import serve, tab_of
from tests.browser.test_dashboard import open_triage, picture

pytestmark = pytest.mark.browser

#: A server that has just been started loads TensorFlow and two networks.
COLD = 300_000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own that knows no data set; gives its address."""
    yield from serve(tmp_path_factory.mktemp("fresh"), data=None)


@pytest.fixture
def page(chromium: Browser, fresh: str) -> Iterator[Page]:
    """A fresh tab of that server."""
    yield from tab_of(chromium, fresh)


def test_sample_films_a_score_and_a_heatmap(page: Page, shot) -> None:
    open_triage(page)
    shot(page, "first-empty")
    page.get_by_role("button", name="Sample films").click()

    # The film can be read before it has a score, and the places of what comes with it are kept.
    page.wait_for_selector(".viewer[data-painted]", timeout=COLD)
    film = picture(page)
    assert np.ptp(film) > 100, "no film is shown"
    shot(page, "first-painted")
    methods = page.get_by_role("button", name="Methods")
    before = methods.bounding_box()
    expect(page.locator(".worklist li")).to_have_count(2)
    # An adult's film: read for tuberculosis, and not for pneumonia.
    row = page.locator(".worklist li").first
    expect(row.locator(".cell")).to_have_count(2)
    score = row.locator(".cell", has_text="Tuberculosis").locator("b")
    expect(score).to_have_text(re.compile(r"^0\.\d\d$"), timeout=COLD)
    expect(row.locator(".cell", has_text="Pneumonia")).to_contain_text("not read")
    facts = page.get_by_text("the operating point for tuberculosis")
    expect(facts).to_be_visible()
    after = methods.bounding_box()
    assert after["y"] == pytest.approx(before["y"], abs=2), "something jumped as the score came"
    assert np.abs(picture(page) - film).max() < 3, "the film changed as the score came"
    shot(page, "first-scored")

    # The heatmap is off until it is asked for; its key flashes it.
    viewer = page.locator(".viewer")
    page.locator("h4").first.click()
    page.keyboard.down("h")
    expect(viewer).to_have_attribute("data-overlay", "on")
    assert np.abs(picture(page) - film).mean() > 1, "no heatmap is shown"
    shot(page, "first-heatmap")
    page.keyboard.up("h")
    expect(viewer).to_have_attribute("data-overlay", "off")

    # The window, opened to values that the file's window cuts off, belongs here.

    # The other finding says why it has no score; T comes back.
    page.keyboard.press("t")
    expect(page.get_by_text(re.compile("64 years; the model reads children"))).to_be_visible()
    expect(page.get_by_role("button", name="Score it all the same")).to_be_visible()
    page.keyboard.press("t")
    expect(facts).to_be_visible()


def test_at_the_width_of_a_phone(page: Page, shot) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_triage(page)
    shot(page, "first-empty-390")
    page.get_by_role("button", name="Sample films").click()
    page.wait_for_selector(".viewer[data-painted]", timeout=COLD)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "the page scrolls sideways"
    shot(page, "first-painted-390")
