"""A reader's session from the first film to the log: Chromium, real films, the shipped bundles."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import pydicom
import pypdf
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import ParametricMapStorage

from tests.browser.test_dashboard import PNEUMONIA, open_triage, picture
from tests.browser.waiting import at_rest

pytestmark = [pytest.mark.browser, pytest.mark.data]


@pytest.fixture
def forty(data_dir: Path) -> list[Path]:
    """40 films of the test split, of both labels."""
    kermany = data_dir / "kermany" / "test"
    films = [
        path
        for label in ("NORMAL", "PNEUMONIA")
        for path in sorted((kermany / label).iterdir())[3::11][:20]
    ]
    assert len(films) == 40
    return films


@pytest.fixture
def packed(data_dir: Path, tmp_path: Path) -> Path:
    """A zip of a DICOM film of unknown age, one of an adult, and a file that is no film."""
    dicom = data_dir / "dicom" / "chest"
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(dicom / "dwv_data_gdcm-CR-MONO1-10-chest.dcm", "a/frontal.dcm")
        archive.write(dicom / "AIHCND_C2_Starter_test1.dcm", "b/adult.dcm")
        archive.writestr("notes.txt", "not a film")
    return path


def download(page: Page, name: str) -> bytes:
    """Take an export out of the open popover."""
    with page.expect_download(timeout=120_000) as found:
        page.get_by_role("button", name=name, exact=True).click()
    return Path(found.value.path()).read_bytes()


def made(page: Page, name: str) -> bytes:
    """Have a file of many films made, which is stopped once and begun again, and take it."""
    making = page.locator(f".st-key-making_{name}")
    making.get_by_role("button", name=name, exact=True).click()
    expect(making.get_by_role("progressbar")).to_be_visible()
    making.get_by_role("button", name="Stop").click()
    making.get_by_role("button", name=name, exact=True).click()
    expect(making.get_by_role("button", name=f"Save {name}")).to_be_visible(timeout=120_000)
    return download(page, f"Save {name}")


def test_a_readers_session(page: Page, forty: list[Path], packed: Path, shot) -> None:
    open_triage(page, PNEUMONIA)
    page.set_input_files("input[type=file]", [*forty, packed])
    rows = page.locator(".worklist li")
    expect(rows).to_have_count(42, timeout=120_000)
    # The first film can be read while the rest are scored.
    page.wait_for_selector(".viewer[data-painted]", timeout=120_000)
    shot(page, "room-scoring")
    expect(page.locator("li.waiting")).to_have_count(0, timeout=180_000)
    expect(page.locator("li.refused")).to_have_count(1)
    scores = [
        float(text) for text in page.locator(".worklist li .score b").all_text_contents()[:41]
    ]
    assert scores == sorted(scores, reverse=True)
    # Nobody chose a film yet: the highest is open.
    expect(rows.first).to_have_attribute("aria-selected", "true")
    at_rest(page)
    shot(page, "room-ranked")

    # Only one band.
    refused = page.get_by_test_id("stButtonGroup").get_by_text(re.compile("✕"))
    refused.click()
    expect(rows).to_have_count(1)
    expect(page.locator("li.refused").first).to_have_attribute("title", re.compile("age|film|PNG"))
    refused.click()
    expect(rows).to_have_count(42)

    # Look at the film: window, zoom, invert, flash the heatmap.
    viewer, canvas = page.locator(".viewer"), page.locator(".viewer canvas").first
    page.wait_for_selector(".viewer[data-painted]")
    alone, window = picture(page), viewer.get_attribute("data-window")
    zoom = page.locator(".zoom").first.inner_text()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(box["x"] + 380, box["y"] + 340, steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    expect(viewer).not_to_have_attribute("data-window", window or "")
    page.mouse.wheel(0, -600)
    expect(page.locator(".zoom").first).not_to_have_text(zoom)
    shot(page, "room-windowed")
    page.locator("h4").first.click()
    page.keyboard.press("0")
    expect(page.locator(".zoom").first).to_have_text(zoom)
    expect(viewer).to_have_attribute("data-window", window or "")
    page.keyboard.press("i")
    assert abs(picture(page).mean() - alone.mean()) > 5, "inversion does not show"
    page.keyboard.press("i")
    page.keyboard.down("h")
    expect(viewer).to_have_attribute("data-overlay", "on")
    page.keyboard.up("h")
    expect(viewer).to_have_attribute("data-overlay", "off")

    # Disagree by key, with a reason.
    page.keyboard.press("d")
    expect(rows.first.locator(".sub")).to_contain_text("no pneumonia seen")
    at_rest(page)
    page.get_by_role("combobox", name=re.compile("Why")).click()
    page.get_by_role("option", name="film quality").click()
    at_rest(page)
    shot(page, "room-disagree")

    # The adult's film is refused for age; its reader wants a score.
    page.locator("li.refused", has_text="adult.dcm").click()
    expect(page.get_by_text(re.compile("81 years")).first).to_be_visible()
    shot(page, "room-refused")
    page.get_by_role("button", name="Score it all the same").click()
    expect(page.get_by_text(re.compile("Scored although it was refused"))).to_be_visible()
    expect(page.locator("li.refused")).to_have_count(0)
    shot(page, "room-overridden")

    # Blind: no score anywhere until the call; of a film whose score was on show that is not blind.
    page.get_by_text("Read blind").click()
    expect(page.locator("li.hidden").first).to_be_visible()
    at_rest(page)
    page.locator("li.hidden").nth(1).click()
    at_rest(page)  # the form of the film before is there until then
    call = page.get_by_role("radio", name="pneumonia seen", exact=True)
    expect(call).to_be_attached()
    expect(page.locator("li.hidden .score b").first).to_have_text("")
    expect(page.get_by_text("the operating point for")).to_have_count(0)
    expect(page.get_by_text("its score was shown before")).to_be_visible()
    shot(page, "room-blind")
    at_rest(page)  # a press while the page is drawn anew is lost
    call.check(force=True)
    expect(page.get_by_text("the operating point for")).to_be_visible()
    expect(page.get_by_text("Called blind:")).to_have_count(0)
    at_rest(page)
    page.get_by_role("button", name=re.compile("^Agree")).click()
    at_rest(page)
    page.get_by_text("Read blind").click()
    expect(page.locator("li.hidden")).to_have_count(0)
    at_rest(page)

    # Out of the house.
    page.get_by_role("button", name="Export").click()
    shot(page, "room-export")
    table = list(csv.DictReader(io.StringIO(download(page, "CSV").decode())))
    said = {row["path"]: row for row in table}
    assert len(said) == 42
    first = table[0]
    assert (first["call"], first["judgement"]) == ("no pneumonia seen", "override")
    assert first["reason"] == "film quality"
    assert said["adult.dcm"]["refusal_overridden"] == "True"
    assert said["adult.dcm"]["refusal_code"] == "age"
    assert sorted(row["judgement"] for row in table if row["judgement"]) == ["agree", "override"]
    assert not [row for row in table if row["blind"] == "True"]
    report = pypdf.PdfReader(io.BytesIO(made(page, "PDF")))
    assert len(report.pages) >= 43
    assert all("Not for diagnostic use" in sheet.extract_text() for sheet in report.pages)
    with zipfile.ZipFile(io.BytesIO(made(page, "DICOM"))) as archive:
        objects = [
            pydicom.dcmread(io.BytesIO(archive.read(name)))
            for name in archive.namelist()
            if name.endswith(".dcm")
        ]
    kinds = [one.SOPClassUID for one in objects]
    assert [one.Modality for one in objects].count("SR") == 2
    assert kinds.count(ParametricMapStorage) == 2  # of the films that came as DICOM
    assert len(kinds) == 42 + 2 + 2

    # Loaded anew the tab has its list again; another one has none, as it was never stored. What was
    # said stands in the log.
    page.reload()
    expect(page.locator(".worklist li")).to_have_count(42, timeout=90_000)
    at_rest(page)
    page.get_by_role("link", name="Monitoring").click()
    expect(page.get_by_text(re.compile("1 scores were overridden"))).to_be_visible(timeout=90_000)
    at_rest(page)
    page.set_viewport_size({"width": 1440, "height": 2200})
    at_rest(page)
    shot(page, "page-monitoring")


def test_a_second_tab_is_a_second_list(page: Page, forty: list[Path]) -> None:
    open_triage(page, PNEUMONIA)
    page.set_input_files("input[type=file]", forty[:2])
    expect(page.locator("li.above, li.near, li.below")).to_have_count(2, timeout=90_000)
    other = page.context.new_page()
    open_triage(other, PNEUMONIA)
    expect(other.locator(".worklist li")).to_have_count(0)
    other.close()
    expect(page.locator(".worklist li")).to_have_count(2)
