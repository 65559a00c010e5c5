"""The tour by keyboard, and how it is left."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]


def test_the_tour_leads_through_three_pages_by_keyboard(page: Page, shot) -> None:
    page.goto("/")
    start = page.get_by_role("button", name="Take the tour")
    expect(start).to_be_visible(timeout=90_000)
    at_rest(page)
    start.focus()
    page.keyboard.press("Enter")
    tour = page.locator(".st-key-tour")
    headings = ["Triage"] * 4 + ["Evaluation", "Models"]
    for number, heading in enumerate(headings, 1):
        expect(tour).to_contain_text(f"step {number} of 6", timeout=90_000)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible(timeout=90_000)
        app = page.get_by_test_id("stApp")  # Evaluation reads every model of the finding
        expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=150_000)
        at_rest(page)
        shot(page, f"tour-{number}")
        if number < len(headings):
            page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowLeft")
    expect(tour).to_contain_text("step 5 of 6")
    expect(page.get_by_role("heading", name="Evaluation", exact=True)).to_be_visible(timeout=90_000)
    at_rest(page)
    page.get_by_role("button", name="Leave").click()
    expect(tour).to_have_count(0)
