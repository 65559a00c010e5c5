"""The first minute of someone without any data: a fresh server, the sample films, a heatmap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cxr.films.radiograph import read
from cxr.reading_room.samples import sample_films
from tests.browser.conftest import serve, tab_of
from tests.browser.test_dashboard import open_triage, picture
from tests.browser.waiting import at_rest, until

pytestmark = pytest.mark.browser

#: A server that has just been started loads TensorFlow and two networks.
COLD = 300_000
FETCHED = "performance.getEntriesByType('resource').map((entry) => entry.name)"
#: Center and width of a window that cuts off more than half of the sample film's values.
NARROW = 2500, 2000


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own that knows no data set; gives its address."""
    yield from serve(tmp_path_factory.mktemp("fresh"), data=None)


@pytest.fixture
def page(chromium: Browser, fresh: str) -> Iterator[Page]:
    """A fresh tab of that server."""
    yield from tab_of(chromium, fresh)


def place_of(page: Page, element: Locator) -> dict[str, float]:
    """Where an element is; one that is away as the page is drawn anew has no place for a moment."""
    places: list[dict[str, float]] = []

    def is_placed() -> bool:
        places.extend(filter(None, [element.bounding_box()]))
        return bool(places)

    until(page, is_placed)
    return places[0]


def test_sample_films_a_score_and_a_heatmap(page: Page, shot) -> None:
    open_triage(page)
    # What the film is shown by is there before it, and Plotly is not fetched for it.
    page.wait_for_function(f"{FETCHED}.some((name) => name.endsWith('/film.js'))")
    shot(page, "first-empty")
    page.get_by_role("button", name="Sample films").click()
    page.mouse.move(0, 0)  # where it rests, the words of a button or a value lie over the film

    # The film can be read before it has a score, and the places of what comes with it are kept.
    page.wait_for_selector(".viewer[data-painted]", timeout=COLD)
    film = picture(page)
    assert np.ptp(film) > 100, "no film is shown"
    shot(page, "first-painted")
    methods = page.get_by_role("button", name="Methods")
    before = place_of(page, methods)
    # Both are of one study, and one row.
    expect(page.locator(".worklist li")).to_have_count(1)
    expect(page.locator(".worklist li .film")).to_have_count(2)
    # An adult's film: read for tuberculosis, and not for pneumonia.
    row = page.locator(".worklist li").first
    expect(row.locator(".cell")).to_have_count(2)
    score = row.locator(".cell", has_text="Tuberculosis").locator("b")
    expect(score).to_have_text(re.compile(r"^0\.\d{3}$"), timeout=COLD)
    expect(row.locator(".cell", has_text="Pneumonia")).to_contain_text("not read")
    facts = page.get_by_text("the operating point for tuberculosis")
    expect(facts).to_be_visible()
    after = place_of(page, methods)
    assert after["y"] == pytest.approx(before["y"], abs=2), "something jumped as the score came"
    assert np.abs(picture(page) - film).max() < 3, "the film changed as the score came"
    shot(page, "first-scored")
    assert not page.evaluate(f"{FETCHED}.some((name) => name.includes('Plotly'))")

    # The heatmap is off until it is asked for; its key flashes it.
    viewer = page.locator(".viewer")
    page.locator("h4").first.click()
    page.keyboard.down("h")
    expect(viewer).to_have_attribute("data-overlay", "on")
    assert np.abs(picture(page) - film).mean() > 1, "no heatmap is shown"
    shot(page, "first-heatmap")
    page.keyboard.up("h")
    expect(viewer).to_have_attribute("data-overlay", "off")

    # The other finding says why it has no score; T comes back.
    page.keyboard.press("t")
    expect(page.get_by_text(re.compile("64 years; the model reads children"))).to_be_visible()
    expect(page.get_by_role("button", name="Score it all the same")).to_be_visible()
    page.keyboard.press("t")
    expect(facts).to_be_visible()


def test_the_window_is_opened_to_values_that_the_files_window_cuts_off(
    page: Page, tmp_path: Path, shot
) -> None:
    # That of `pydicom-data`, which stands behind those of the data sets on this machine.
    sample = next(path for path in sample_films() if path.name.startswith("RG1_"))
    narrow = pydicom.dcmread(sample)
    narrow.WindowCenter, narrow.WindowWidth = NARROW
    narrow.save_as(tmp_path / "narrow.dcm")
    film = read(sample)
    values = film.values.array
    cut_off, other = (_even_field(values, *ends) for ends in ((5000, 8000), (11000, 16000)))
    assert min(np.median(values[field]) for field in (cut_off, other)) > NARROW[0] + NARROW[1] / 2

    open_triage(page)
    page.set_input_files("input[type=file]", tmp_path / "narrow.dcm")
    viewer = page.locator(".viewer")
    expect(viewer).to_have_attribute("data-window", "2000,2500", timeout=COLD)
    as_filed = picture(page)
    height, width = as_filed.shape[:2]
    scale = min(width / film.width, height / film.height)
    place = [width / 2 - film.width * scale / 2, height / 2 - film.height * scale / 2]

    def on_screen(field: tuple[slice, slice]) -> tuple[int, int]:
        row, column = ((part.start + part.stop) / 2 for part in field)
        return round(place[1] + row * scale), round(place[0] + column * scale)

    def gray(shown: np.ndarray, field: tuple[slice, slice]) -> float:
        y, x = on_screen(field)
        return float(np.median(shown[y - 2 : y + 3, x - 2 : x + 3]))

    assert gray(as_filed, cut_off) == gray(as_filed, other) == 0  # MONOCHROME1: high is black

    page.locator("h4").first.click()
    page.keyboard.press("w")  # from the file's window to the first after it: all values
    low, high = int(values.min()), int(values.max())
    expect(viewer).to_have_attribute("data-window", f"{high - low},{(high + low) / 2:g}")
    opened = picture(page)
    shot(page, "first-window")
    for field in (cut_off, other):
        wanted = 255 * (high - np.median(values[field])) / (high - low)
        assert gray(opened, field) == pytest.approx(wanted, abs=4)
    assert gray(opened, cut_off) > gray(opened, other) + 20

    canvas = place_of(page, page.locator(".viewer canvas"))
    y, x = on_screen(cut_off)
    page.mouse.move(canvas["x"] + x, canvas["y"] + y)
    told = page.locator(".probe")
    expect(told).to_have_text(re.compile(r"x \d+  y \d+  \d+"))
    column, row, value = map(int, re.findall(r"\d+", told.inner_text()))
    assert value == values[row, column] > NARROW[0] + NARROW[1] / 2


def _even_field(values: np.ndarray, low: float, high: float) -> tuple[slice, slice]:
    """The most even field of 30 by 30 pixels, in the middle of the film, between two values."""
    height, width = values.shape
    fields = [
        (slice(y, y + 30), slice(x, x + 30))
        for y in range(height // 5, height * 4 // 5, 30)
        for x in range(width // 5, width * 4 // 5, 30)
    ]
    between = [f for f in fields if low <= values[f].min() and values[f].max() <= high]
    return min(between, key=lambda field: values[field].std())


def test_at_the_width_of_a_phone(page: Page, shot) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_triage(page)
    shot(page, "first-empty-390")
    page.get_by_role("button", name="Sample films").click()
    page.wait_for_selector(".viewer[data-painted]", timeout=COLD)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "the page scrolls sideways"
    shot(page, "first-painted-390")
    # A film is below the list, and who chooses one from there is led to it.
    at_rest(page)
    page.locator(".worklist li").first.click()
    expect(page.locator(".viewer canvas").first).to_be_in_viewport(ratio=0.9)
