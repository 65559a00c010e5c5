"""A site proves a model on 60 of its films, and takes its file to Triage."""

from __future__ import annotations

import zipfile
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from cxr.datasets.withheld import odd
from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]

MODEL = "tuberculosis-efficientnet-lite0"
#: Scoring 60 films on a machine that does something else beside.
LONG = 240_000
HEADS = (
    *("1  Films", "2  Truth", "3  Result", "4  Threshold for this site", "5  A band in between"),
    *("6  What ranking buys", "7  Report"),
)


@pytest.fixture
def films(data_dir: Path) -> list[Path]:
    """Sixty films that no model learned from, half of them positive."""
    folders = [data_dir / "shenzhen_128" / name for name in ("tuberculosis", "normal")]
    each = [[film for film in sorted(folder.iterdir()) if odd(film.name)] for folder in folders]
    return each[0][:30] + each[1][:30]


@pytest.fixture
def dropped(films: list[Path], tmp_path: Path) -> tuple[Path, Path]:
    """The films in a zip, and their truth in Excel: two names misspelled, one row missing."""
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as out:
        for film in films:
            out.write(film, film.name)
    book = openpyxl.Workbook()
    book.active.append(["File name", "Diagnosis", "Sex", "Age"])
    for k, film in enumerate(films):
        if k == 3:
            continue
        name = film.name.replace("CHN", "CNH") if k in (10, 40) else film.name
        label = "TB" if film.parent.name == "tuberculosis" else "Normal"
        book.active.append([name, label, "FM"[k % 2], 20 + k])
    book.save(tmp_path / "truth.xlsx")
    return tmp_path / "films.zip", tmp_path / "truth.xlsx"


def upload(page: Page, label: str, file: Path) -> None:
    page.get_by_test_id("stFileUploader").filter(has_text=label).locator(
        "input[type=file]"
    ).set_input_files(file)


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as waited:
        page.get_by_role("button", name=name, exact=True).click()
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return path


def test_a_site_proves_a_model_and_takes_its_file_to_triage(
    page: Page, dropped: tuple[Path, Path], films: list[Path], tmp_path: Path, shot
) -> None:
    page.goto(f"/validation?model={MODEL}")
    expect(page.get_by_text("No films yet")).to_be_visible(timeout=90_000)
    shot(page, "validation-empty")
    upload(page, "PNG, JPEG, DICOM or zip", dropped[0])
    expect(page.get_by_text("scored,").first).to_be_visible()
    upload(page, "Truth", dropped[1])
    expect(page.get_by_role("heading", name=HEADS[-1])).to_be_visible(timeout=LONG)
    for head in HEADS:
        expect(page.get_by_role("heading", name=head)).to_be_visible()
    expect(page.get_by_text("2 rows of no film.")).to_be_visible()
    expect(page.get_by_text("3 films without a row.")).to_be_visible()
    expect(page.get_by_text("Low resolution")).to_be_visible()
    expect(page.get_by_text("waiting", exact=True)).to_have_count(0, timeout=LONG)
    at_rest(page)
    threshold = page.get_by_text("of these positives and clears")
    expect(threshold).to_be_visible(timeout=LONG)
    before = threshold.inner_text()
    # By the keyboard, as every slider.
    asked = page.get_by_role("slider", name="Sensitivity asked (%)")
    asked.focus()
    for _ in range(10):
        asked.press("ArrowLeft")
    expect(threshold).not_to_have_text(before)
    at_rest(page)
    shot(page, "validation-proven", whole=True)
    report = PdfReader(download(page, "Report (PDF)", tmp_path))
    text = "\n".join(sheet.extract_text() for sheet in report.pages)
    assert MODEL in text
    assert "Threshold for this site" in text
    assert "Not for diagnostic use" in text
    assert films[0].stem not in text
    name = page.get_by_role("textbox", name="Name of the site")
    name.fill("north")
    name.press("Enter")
    site = download(page, "Site's file (north.json)", tmp_path)
    assert site.name == "north.json"

    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/?model={MODEL}")
    at_rest(page)
    page.get_by_role("button", name="Site's file").click()
    page.get_by_test_id("stPopoverBody").locator("input[type=file]").set_input_files(site)
    expect(page.get_by_role("button", name="Site: north")).to_be_visible()
    page.keyboard.press("Escape")
    upload(page, "PNG, JPEG, DICOM or zip", films[0])
    expect(page.get_by_text("Site north: ")).to_be_visible(timeout=LONG)
    shot(page, "validation-triage")


@pytest.mark.parametrize("width", [1024, 390])
def test_the_page_can_be_used_on_a_narrow_screen(page: Page, width: int, shot) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/validation")
    expect(page.get_by_text("No films yet")).to_be_visible(timeout=90_000)
    at_rest(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    shot(page, f"validation-{width}")
