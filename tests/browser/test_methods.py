"""Heatmaps by other methods as a reader asks for them: Chromium, real films, a shipped bundle."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.test_dashboard import PNEUMONIA, open_triage, picture, upload
from tests.browser.waiting import at_rest, until

pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture
def films(data_dir: Path) -> list[Path]:
    """Two films of the test split, and one of an adult, which the gate refuses."""
    kermany = data_dir / "kermany" / "test" / "PNEUMONIA"
    return [*sorted(kermany.iterdir())[3:5], data_dir / "dicom/chest/AIHCND_C2_Starter_test1.dcm"]


def choose(page: Page, what: str, method: str) -> None:
    """Choose from a list; once more where the page was drawn anew and closed it meanwhile."""
    for patience in (10_000, 10_000, 60_000):
        page.get_by_role("combobox", name=re.compile(what)).click()
        try:
            page.get_by_role("option", name=method, exact=True).click(timeout=patience)
            return
        except Error:
            page.keyboard.press("Escape")
    pytest.fail(f"{method} could not be chosen")


def test_methods_of_a_film(page: Page, films: list[Path], shot) -> None:
    open_triage(page, PNEUMONIA)
    upload(page, films, scored=2, refused=1)
    page.wait_for_selector(".viewer[data-painted]")
    alone, caption = picture(page), page.locator(".caption")
    assert not (np.ptp(alone, axis=2) > 12).mean() > 1e-3, "the film comes without a map"
    page.keyboard.press("o")
    expect(caption).to_contain_text("Grad-CAM.")
    first = picture(page)

    # A method of one pass: the name and the map change, here and on the next film.
    choose(page, "Heatmap by", "LayerCAM")
    expect(caption).to_contain_text("LayerCAM. Where the score came from, not where disease is.")
    until(page, lambda: np.abs(picture(page) - first).mean() > 0.5)  # it is fetched after its name
    shot(page, "methods-layercam")
    page.locator("h4").first.click()
    # A list that was chosen from has the keyboard until something else has it.
    expect(page.locator("input:focus")).to_have_count(0)
    at_rest(page)
    page.keyboard.press("n")
    expect(caption).to_contain_text("HiResCAM.")
    page.keyboard.press("j")
    expect(page.locator(".worklist li").nth(1)).to_have_attribute("aria-selected", "true")
    expect(caption).to_contain_text("HiResCAM.")

    # A slow one says how long it takes, waits to be asked, and can be stopped.
    choose(page, "Heatmap by", "Occlusion")
    begin = page.get_by_role("button", name="Work out")
    begin.wait_for()
    expect(page.locator(".st-key-work_method")).to_contain_text(re.compile("About|Less than"))
    shot(page, "methods-offered")
    begin.click()
    stop = page.get_by_role("button", name="Stop", exact=True)
    # At once: the slowest method takes some seconds, and the button is then gone.
    stop.click()
    expect(page.locator(".st-key-work_method")).to_contain_text("Stopped")
    expect(caption).to_contain_text("HiResCAM.")
    shot(page, "methods-stopped")

    # The same film twice, by two methods, on one scale.
    page.locator(".st-key-film_acts").get_by_role("button", name="Compare").click()
    choose(page, "This film by another method", "Grad-CAM")
    expect(page.locator(".pane .title")).to_have_text(["HiResCAM", "Grad-CAM"])
    page.get_by_role("button", name="One scale").click()
    scales = page.locator(".pane .scale")
    expect(scales).to_have_text([re.compile("≥ .* × mean")] * 2)
    assert len(set(scales.all_inner_texts())) == 1
    shot(page, "methods-compared")

    # No method for a film that was refused.
    page.locator("li.refused").click()
    expect(page.get_by_role("button", name="Score it all the same")).to_be_visible()
    expect(page.get_by_role("combobox", name=re.compile("Heatmap by"))).to_have_count(0)
    expect(page.get_by_role("button", name="Methods")).to_be_disabled()
    expect(page.locator(".viewer canvas")).to_have_count(1)
    expect(caption).to_have_text("No heatmap: the film has no score.")
    shot(page, "methods-refused")


def test_all_methods_of_a_film(page: Page, films: list[Path], shot) -> None:
    open_triage(page, PNEUMONIA)
    upload(page, films[:1], scored=1)
    page.get_by_role("button", name="Methods").click()
    board = page.get_by_role("dialog", name="All methods")
    show = board.get_by_role("button", name="Show")
    expect(show).to_have_count(4)
    expect(board.locator("img")).to_have_count(8)
    expect(board).to_contain_text("not where disease is")
    before = board.locator("img").first.get_attribute("src") or ""
    board.get_by_text("One scale").click()
    expect(board.locator("img").first).not_to_have_attribute("src", before)
    expect(board).to_contain_text("× mean")
    at_rest(page)
    shot(page, "methods-all")
    show.nth(2).click()
    expect(board).to_have_count(0)
    expect(page.get_by_role("combobox", name=re.compile("Heatmap by"))).to_have_value("LayerCAM")
