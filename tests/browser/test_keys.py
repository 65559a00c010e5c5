"""Keys of the reader's own: changed in the panel, conflicts told, kept in the browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_dashboard import PNEUMONIA, open_triage
from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture
def three(data_dir: Path) -> list[Path]:
    """Two with the finding, one without."""
    kermany = data_dir / "kermany" / "test"
    ill = sorted((kermany / "PNEUMONIA").iterdir())[:2]
    return [*ill, min((kermany / "NORMAL").iterdir())]


def fill(page: Page, films: list[Path]) -> None:
    open_triage(page, PNEUMONIA)
    page.set_input_files("input[type=file]", films)
    expect(page.locator(".worklist li")).to_have_count(len(films))
    expect(page.locator("li.waiting")).to_have_count(0, timeout=180_000)
    at_rest(page)
    page.wait_for_selector(".viewer[data-painted]")


def test_a_changed_key_survives_a_reload_and_a_conflict_is_told(
    page: Page, three: list[Path], shot
) -> None:
    fill(page, three)
    viewer = page.locator(".viewer")
    page.keyboard.press("?")
    panel = page.get_by_role("dialog", name="Keys and mouse")
    panel.locator("[data-action=invert]").click()
    page.keyboard.press("r")
    expect(panel.locator(".told")).to_contain_text("R is taken: Turn by 90 degrees")
    page.keyboard.press("y")
    expect(panel.locator("[data-action=invert]")).to_have_text("Y")
    panel.locator("[data-action=agree]").click()
    page.keyboard.press("q")
    expect(panel.locator("[data-action=agree]")).to_have_text("Q")
    panel.get_by_label("Zoom").select_option("one")
    shot(page, "keys")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator(".worklist li")).to_have_count(3, timeout=90_000)
    page.wait_for_selector(".viewer[data-painted]")
    at_rest(page)
    expect(page.locator(".zoom").first).to_contain_text("100")
    page.keyboard.press("i")
    expect(viewer).to_have_attribute("data-inverted", "false")
    page.keyboard.press("y")
    expect(viewer).to_have_attribute("data-inverted", "true")
    page.keyboard.press("a")
    at_rest(page)
    expect(page.get_by_text("Your call: none yet")).to_be_visible()
    page.keyboard.press("q")
    expect(page.get_by_text(re.compile("Your call: pneumonia seen"))).to_be_visible()


#: Holds back what the server sends for as many milliseconds as the page is told.
LATE = """
const Line = WebSocket;
window.late = 0;
window.WebSocket = class extends Line {
  addEventListener(kind, take, how) {
    const later = (event) => setTimeout(() => take(event), window.late);
    const now = (event) => (window.late ? later(event) : take(event));
    super.addEventListener(kind, kind === "message" ? now : take, how);
  }
  set onmessage(take) {
    this.addEventListener("message", take);
  }
};
"""


def test_next_unread_next_above_and_undo_by_key(page: Page, three: list[Path]) -> None:
    page.add_init_script(LATE)
    fill(page, three)
    rows = page.locator(".worklist li")
    rows.nth(0).click()
    at_rest(page)
    # Each key leads on from the one before, also where the server's answer to that comes between.
    page.evaluate("window.late = 600")
    for key, meanwhile in (("j", 400), ("j", 550), ("k", 0)):
        page.keyboard.press(key)
        page.wait_for_timeout(meanwhile)
    at_rest(page)
    page.evaluate("new Promise((done) => setTimeout(done, 2 * window.late))")
    page.evaluate("window.late = 0")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    rows.nth(0).click()
    at_rest(page)
    page.keyboard.press("g")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    at_rest(page)
    # The row that was clicked last opens again, though a key has led elsewhere meanwhile.
    rows.nth(0).click()
    at_rest(page)
    expect(rows.nth(0)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("g")
    expect(rows.nth(1)).to_have_attribute("aria-selected", "true")
    at_rest(page)
    # Which of the three was open first depends on when their scores came.
    unread = page.locator("li.unread")
    if unread.count():
        page.keyboard.press("u")
    else:
        rows.nth(2).click()
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    expect(unread).to_have_count(0)
    expect(page.get_by_role("button", name="Next unread")).to_be_disabled()
    at_rest(page)
    # Who scrolls away from the row is not brought back each time the list is drawn anew.
    page.locator(".worklist").evaluate(
        "(list) => { list.style.maxHeight = '60px'; list.scrollTop = 0; }"
    )
    page.keyboard.press("d")
    expect(page.get_by_test_id("stToast")).to_contain_text("pneumonia seen")
    expect(page.get_by_text(re.compile("Your call: pneumonia seen"))).to_be_visible()
    at_rest(page)
    assert page.locator(".worklist").evaluate("(list) => list.scrollTop") == 0
    page.get_by_role("button", name="Next above").click()
    expect(rows.nth(0)).to_have_attribute("aria-selected", "true")
    at_rest(page)
    page.keyboard.press("z")
    expect(rows.nth(2)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Your call: none yet")).to_be_visible()
    assert page.locator(".worklist").evaluate("(list) => list.scrollTop") > 0
