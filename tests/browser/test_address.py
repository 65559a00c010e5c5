"""The address of a page: back goes back, a link opens what was seen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_dashboard import open_triage
from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture
def three(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "kermany" / "test" / "PNEUMONIA").iterdir())[:3]


def opened(page: Page, name: str) -> None:
    """The row of a film is the one that is read, and the film is painted."""
    row = page.locator(".worklist li", has_text=name)
    expect(row).to_have_attribute("aria-selected", "true")
    page.wait_for_selector(".viewer[data-painted]")


def test_back_opens_the_film_before_and_a_link_opens_it_again(
    page: Page, three: list[Path]
) -> None:
    open_triage(page)
    page.set_input_files("input[type=file]", three)
    rows = page.locator(".worklist li")
    expect(rows).to_have_count(3)
    expect(page.locator("li.waiting")).to_have_count(0, timeout=180_000)
    at_rest(page)
    assert "film=" not in page.url
    rows.filter(has_text=three[1].name).click()
    expect(page).to_have_url(re.compile(r"\?film=[0-9a-f]{64}$"))
    second = page.url
    rows.filter(has_text=three[2].name).click()
    expect(page).not_to_have_url(second)
    assert not any(film.stem in page.url for film in three)
    at_rest(page)
    page.go_back()
    opened(page, three[1].name)
    expect(page).to_have_url(second)
    at_rest(page)
    page.go_forward()
    opened(page, three[2].name)
    at_rest(page)

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy a link to this film").click()
    expect(page.locator(".notice")).to_have_text("Link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.search(r"/\?film=[0-9a-f]{64}&model=automatic$", link), link
    other = page.context.new_page()
    other.goto(link)
    expect(other.get_by_text(re.compile("not in the list of this tab"))).to_be_visible(
        timeout=90_000
    )
    other.close()


def test_back_undoes_a_choice_and_leads_to_the_page_before(page: Page) -> None:
    page.goto("/models")
    heading = page.get_by_role("heading", name="Models", exact=True)
    expect(heading).to_be_visible(timeout=90_000)
    model = page.get_by_role("combobox", name=re.compile("Facts of"))
    first = model.input_value()
    at_rest(page)
    page.get_by_role("tab", name="Steadiness").click()
    expect(page).to_have_url(re.compile("tab=Steadiness"))
    at_rest(page)
    model.click()
    page.get_by_role("option").nth(2).click()
    expect(page).to_have_url(re.compile("model=.*tab=Steadiness|tab=Steadiness.*model="))
    at_rest(page)
    page.go_back()
    expect(model).to_have_value(first)
    at_rest(page)
    page.go_back()
    expect(page.get_by_role("tab", name="Figures")).to_have_attribute("aria-selected", "true")
    expect(page).not_to_have_url(re.compile(r"\?"))
    page.get_by_role("link", name="Training").click()
    expect(page.get_by_role("heading", name="Training", exact=True)).to_be_visible()
    at_rest(page)
    page.go_back()
    expect(heading).to_be_visible()
