"""What the browser tests wait for: states of the page, never a number of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

LIMIT = 45  # seconds; a machine that does something else beside is slow, not wrong

#: What was set before is worked out in the first frame and on the screen with the second.
DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
#: Ten frames one after the other in which nothing comes, goes, or changes its place or size.
AT_REST = """() => new Promise((done) => {
  let before = "", same = 0;
  const look = () => {
    const parts = [...document.querySelectorAll(
      "[data-testid=stMainBlockContainer], .js-plotly-plot, [role=dialog], img")];
    const now = [document.querySelectorAll("*").length, ...parts.map((part) => {
      const { left, top, width, height } = part.getBoundingClientRect();
      return [left, top, width, height, part.complete ?? true].join();
    })].join(" ");
    same = now === before && !now.includes("false") ? same + 1 : 0;
    before = now;
    if (same < 10) requestAnimationFrame(look);
    else done();
  };
  look();
})"""


def drawn(page: Page) -> None:
    """Wait until what was asked of the page so far is on the screen."""
    page.evaluate(DRAWN)


def at_rest(page: Page) -> None:
    """Wait until no script runs, every picture is there and nothing moves any more."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    page.evaluate(AT_REST)


def until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until something holds, looking again after each frame."""
    end = time.monotonic() + LIMIT
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        drawn(page)
