"""Regions that a reader draws on a film, with mouse, fingers and keys."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import CDPSession, Page, expect
from pydicom import dcmread

from cxr.datasets.boxes import boxes_of, read_boxes
from cxr.films.radiograph import read
from tests.browser import film_app
from tests.browser.conftest import Open
from tests.browser.test_dashboard import open_triage
from tests.browser.test_studies import x_ray
from tests.browser.test_viewer import box, drag, picture, runs, value
from tests.browser.waiting import at_rest, drawn, until
from tests.conftest import ROOT
from tests.exports.test_dicom import code, content
from tests.film_files import dicom

pytestmark = pytest.mark.browser

VIOLET = (204, 85, 255)


def regions(page: Page) -> list[list]:
    """What the server holds of the film: shape, label, and the sides as shares."""
    return json.loads(page.locator(".drawn").inner_text())


def kept(page: Page, number: int) -> list[list]:
    """The regions, once the server has so many."""
    until(page, lambda: len(regions(page)) == number)
    return regions(page)


def say(page: Page, words: str) -> None:
    page.locator(".region .choices:not([hidden])").get_by_text(words, exact=True).click()


def to_film(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the pane lies on the film, in its pixels, as the viewer itself tells."""
    at = box(page)
    page.mouse.move(at["x"] + x, at["y"] + y)
    drawn(page)
    words = page.locator(".probe").first.inner_text().split()
    return float(words[1]), float(words[3])


@pytest.mark.parametrize("film", ["small", "large"])
@pytest.mark.parametrize("keys", ["", "+++", "rr+", "rx++", "x"])
def test_a_region_is_where_it_was_drawn_to_a_pixel(opened: Open, film: str, keys: str) -> None:
    page = opened(film, query="draw_regions=1")
    page.locator(".viewer canvas").focus()
    for key in keys:
        page.keyboard.press(key)
    drawn(page)
    corners = [(330.0, 170.0), (560.0, 300.0)]
    wanted = [to_film(page, *corner) for corner in corners]
    page.keyboard.press("b")
    drag(page, *corners)
    say(page, "Pneumonia")
    ((shape, label, left, top, right, bottom),) = kept(page, 1)
    assert (shape, label) == ("box", "finding")
    size = getattr(film_app, film)().pixels.shape
    found = sorted((left * size[1], right * size[1])), sorted((top * size[0], bottom * size[0]))
    for axis, sides in enumerate(found):
        exact = sorted(point[axis] for point in wanted)
        # The viewer tells whole pixels: that which the place lies in.
        assert all(-0.5 <= side - pixel <= 1.5 for side, pixel in zip(sides, exact, strict=True))


def test_an_ellipse_by_mouse_its_words_and_what_became_of_it(opened: Open, shot) -> None:
    page = opened("large", query="draw_regions=1")
    before = picture(page)
    page.get_by_role("button", name="Ellipse").click()
    drag(page, (300, 150), (500, 330))
    expect(page.locator(".region .what")).to_have_text("What is it?")
    expect(page.locator(".choice").first).to_be_focused()
    shot(page, "regions-choices")
    assert regions(page) == []  # nothing is kept before it is said what it is
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    ((shape, label, *_),) = kept(page, 1)
    assert (shape, label) == ("ellipse", "missed by the heatmap")
    expect(page.locator(".region .what")).to_have_text("Missed by the heatmap")
    violet = (abs(picture(page) - VIOLET).max(axis=2) < 40).sum()
    assert violet > 100
    # Said otherwise, undone, and taken away.
    page.locator(".region .what").click()
    say(page, "Nothing there")
    until(page, lambda: regions(page)[0][1] == "nothing there")
    page.keyboard.press("z")
    until(page, lambda: regions(page)[0][1] == "missed by the heatmap")
    page.get_by_role("button", name="Remove region 1").click()
    kept(page, 0)
    page.keyboard.press("z")
    kept(page, 1)
    page.keyboard.press("z")
    kept(page, 0)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("Escape")
    assert value(page, "drawing") == ""
    inside = slice(5, -5), slice(5, -5)  # of the ring around what has the focus
    assert (abs(picture(page) - before)[inside].max(axis=2) > 30).mean() < 1e-3


def test_what_else_the_mouse_does_it_still_does(opened: Open) -> None:
    page = opened("large", query="draw_regions=1")
    page.keyboard.press("e")
    window = value(page, "window")
    drag(page, (400, 300), (300, 300), button="right")
    assert value(page, "window") != window
    zoomed = page.locator(".zoom").inner_text()
    page.mouse.wheel(0, -300)
    expect(page.locator(".zoom")).not_to_have_text(zoomed)
    drag(page, (400, 300), (300, 300), button="middle")
    expect(page.locator(".region")).to_have_count(0)
    drag(page, (400, 300), (401, 300))  # a click
    expect(page.locator(".region")).to_have_count(0)
    page.keyboard.press("e")
    drag(page, (400, 300), (300, 350))  # moves again
    expect(page.locator(".region")).to_have_count(0)
    assert regions(page) == []


def test_a_side_is_dragged_and_that_is_one_step(opened: Open) -> None:
    page = opened("large", query="draw_regions=1")
    page.keyboard.press("b")
    drag(page, (300, 150), (400, 250))
    say(page, "Pneumonia")
    ((_, _, *before),) = kept(page, 1)
    drag(page, (400, 200), (460, 215))
    until(page, lambda: regions(page)[0][4] != before[2])
    ((shape, label, left, top, right, bottom),) = regions(page)
    assert (shape, label) == ("box", "finding")
    assert (left, top, bottom) == pytest.approx((before[0], before[1], before[3]), abs=1e-6)
    assert right - left == pytest.approx(1.6 * (before[2] - before[0]), rel=0.03)
    expect(page.locator(".region")).to_have_count(1)
    # A corner, past the other side: it keeps a least size and does not turn over.
    drag(page, (460, 250), (250, 120))
    until(page, lambda: regions(page)[0][4] != right)
    ((_, _, x0, y0, x1, y1),) = regions(page)
    assert (x0, y0) == pytest.approx((left, top), abs=1e-6)
    assert x0 < x1 < x0 + 0.02
    assert y0 < y1 < y0 + 0.02
    page.keyboard.press("z")
    until(page, lambda: regions(page)[0][4] == pytest.approx(right))


def test_without_a_pointer(opened: Open) -> None:
    page = opened("large", query="draw_regions=1")
    page.keyboard.press("b")
    page.locator(".viewer canvas").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".choice").first).to_be_focused()
    page.keyboard.press("Enter")
    ((_, _, left, top, right, bottom),) = kept(page, 1)
    assert (left + right) / 2 == pytest.approx(0.5, abs=0.01)
    expect(page.locator(".viewer canvas")).to_be_focused()
    zoom = page.locator(".zoom").inner_text()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    # By the last key: a machine that is busy may rest, and send, between two of them.
    until(page, lambda: regions(page)[0][3] > top)
    ((_, _, x0, y0, x1, y1),) = regions(page)
    assert (x1 - x0, y1 - y0) == pytest.approx((right - left, bottom - top))
    assert x0 - left == pytest.approx(2 * (y0 - top) * 900 / 1200, rel=0.01)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    until(page, lambda: regions(page)[0][5] < y1)
    ((_, _, *sides),) = regions(page)
    assert (sides[0], sides[1]) == pytest.approx((x0, y0))
    assert sides[2] > x1
    assert page.locator(".zoom").inner_text() == zoom
    page.keyboard.press("Delete")
    kept(page, 0)


def test_regions_belong_to_their_film_and_are_there_when_it_is_opened_again(opened: Open) -> None:
    page = opened("large", query="draw_regions=1")
    page.keyboard.press("b")
    drag(page, (300, 150), (400, 250))
    say(page, "Something else")
    kept(page, 1)
    page.get_by_text("small", exact=True).click()
    kept(page, 0)
    expect(page.locator(".region")).to_have_count(0)
    page.get_by_text("large", exact=True).click()
    kept(page, 1)
    expect(page.locator(".region .what")).to_have_text("Something else")
    # Next to another film it is drawn on its own.
    page.get_by_text("Beside", exact=True).click()
    expect(page.locator(".viewer canvas")).to_have_count(2)
    drag(page, (100, 150), (200, 250), pane=1)
    say(page, "Pneumonia")
    drawn(page)
    expect(page.locator(".pane").nth(0).locator(".region")).to_have_count(1)
    expect(page.locator(".pane").nth(1).locator(".region")).to_have_count(1)
    kept(page, 1)


def test_many_regions_drawn_at_once_all_arrive(opened: Open) -> None:
    page = opened("large", query="draw_regions=1")
    page.keyboard.press("b")
    for k in range(5):
        drag(page, (150 + 110 * k, 150), (200 + 110 * k, 220))
        say(page, "Pneumonia")
    assert len({tuple(region[2:]) for region in kept(page, 5)}) == 5


def test_where_nothing_may_be_drawn_there_is_no_tool(opened: Open) -> None:
    page = opened("large")
    expect(page.locator(".marking")).to_be_hidden()
    page.keyboard.press("b")
    assert value(page, "drawing") == ""
    assert runs(page) == 1


@pytest.fixture
def finger(opened: Open) -> Page:
    return opened(
        "large",
        query="draw_regions=1",
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
    )


def touches(session: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    told = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})


def test_with_fingers(finger: Page, shot) -> None:
    page, hand = finger, finger.context.new_cdp_session(finger)
    page.get_by_role("button", name="Box").tap()
    at = box(page)
    start, end = (at["x"] + 120, at["y"] + 120), (at["x"] + 220, at["y"] + 200)
    touches(hand, "touchStart", start)
    touches(hand, "touchMove", ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2))
    touches(hand, "touchMove", end)
    touches(hand, "touchEnd")
    expect(page.locator(".choices:not([hidden])")).to_be_visible()
    shot(page, "regions-390-choices")
    page.get_by_role("button", name="Pneumonia").tap()
    ((shape, label, left, _, right, _),) = kept(page, 1)
    assert (shape, label) == ("box", "finding")
    scale = float(page.locator(".zoom").inner_text().split()[0]) / 100
    wide = 1200 * (right - left) * scale / page.evaluate("devicePixelRatio")
    assert wide == pytest.approx(100, rel=0.05)
    shot(page, "regions-390")
    # By a corner it is sized and by its middle moved, though a finger meets neither exactly.
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    for near, to in (((end[0] + 9, end[1] + 8), (end[0] + 29, end[1] + 24)), (middle, start)):
        touches(hand, "touchStart", near)
        touches(hand, "touchMove", ((near[0] + to[0]) / 2, (near[1] + to[1]) / 2))
        touches(hand, "touchMove", to)
        touches(hand, "touchEnd")
        drawn(page)
    until(page, lambda: regions(page)[0][2] < left)
    ((_, _, moved_left, _, moved_right, _),) = kept(page, 1)
    assert moved_right - moved_left == pytest.approx(1.2 * (right - left), rel=0.05)
    assert left - moved_left == pytest.approx((right - left) / 2, rel=0.05)
    # Two fingers zoom, and draw nothing.
    zoom = page.locator(".zoom").inner_text()
    touches(hand, "touchStart", start)
    touches(hand, "touchStart", start, end)
    touches(hand, "touchMove", (start[0] - 30, start[1] - 30), (end[0] + 30, end[1] + 30))
    touches(hand, "touchEnd")
    expect(page.locator(".zoom")).not_to_have_text(zoom)
    expect(page.locator(".region")).to_have_count(1)


@pytest.fixture
def film_file(data_dir: Path, tmp_path: Path) -> Path:
    """A film of a data set as DICOM, in a folder such as `cxr evaluate` takes."""
    picture = min((data_dir / "kermany_originals" / "test" / "PNEUMONIA").iterdir())
    levels = np.asarray(Image.open(picture).convert("L")).astype(np.uint16) * 16
    content = dicom(
        levels,
        BitsStored=12,
        StudyInstanceUID="1.2.3.11",
        SeriesInstanceUID="1.2.3.12",
        PatientAge="005Y",
        PatientOrientation=["L", "F"],
    )
    path = tmp_path / "test" / "PNEUMONIA" / "IM1.dcm"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def download(page: Page, label: str) -> bytes:
    with page.expect_download() as told:
        page.get_by_test_id("stPopoverBody").get_by_role("button", name=label, exact=True).click()
    return Path(told.value.path()).read_bytes()


@pytest.mark.data
def test_what_is_drawn_goes_out_and_is_read_back(page: Page, film_file: Path, shot) -> None:
    open_triage(page)
    page.set_input_files("input[type=file]", film_file)
    expect(page.locator("li.above, li.near, li.below")).to_have_count(1, timeout=180_000)
    at_rest(page)
    at = box(page)
    wide, high = at["width"], at["height"]
    page.keyboard.press("b")
    drag(page, (0.4 * wide, 0.3 * high), (0.5 * wide, 0.5 * high))
    say(page, "Pneumonia")
    page.keyboard.press("e")
    drag(page, (0.55 * wide, 0.4 * high), (0.65 * wide, 0.6 * high))
    shot(page, "regions-triage-choices")
    say(page, "Missed by the heatmap")
    page.keyboard.press("Escape")
    expect(page.locator(".region .what")).to_have_text(["Pneumonia", "Missed by the heatmap"])
    at_rest(page)
    shot(page, "regions-triage")

    page.get_by_role("button", name=re.compile("^Agree")).click()
    at_rest(page)
    page.get_by_test_id("stPopover").filter(has_text="Export").get_by_role("button").click()
    shot(page, "regions-export")
    rows = list(csv.DictReader(io.StringIO(download(page, "Regions").decode())))
    assert [(row["shape"], row["label"]) for row in rows] == [
        ("box", "finding"),
        ("ellipse", "missed by the heatmap"),
    ]
    film = read(film_file)
    assert {row["film_sha256"] for row in rows} == {film.sha256}
    assert {row["heatmap"] for row in rows} == {"gradcam"}
    sides = [[float(row[side]) for side in ("left", "top", "right", "bottom")] for row in rows]
    drawn_at = np.array(sides) * ([film.width, film.height] * 2)

    # As boxes, which the command of evaluation takes.
    path = film_file.parents[2] / "boxes.csv"
    path.write_bytes(download(page, "Boxes"))
    (corners,) = boxes_of(read_boxes(path), ["test/PNEUMONIA/IM1.dcm"], "pneumonia").values()
    np.testing.assert_allclose(corners, drawn_at, atol=0.02)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "cxr", "evaluate", "pneumonia-efficientnet-lite0"),
            *("--data", str(film_file.parents[2]), "--boxes", str(path), "--json"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["films"] == 1

    # As DICOM.
    archive = zipfile.ZipFile(io.BytesIO(download(page, "DICOM")))
    made = {
        name.removesuffix(".dcm").rpartition("_")[2]: dcmread(io.BytesIO(archive.read(name)))
        for name in archive.namelist()
        if name.endswith(".dcm")
    }
    assert set(made) == {"sc", "sr", "pm", "seg", "pr"}
    for frame, (left, top, right, bottom) in zip(made["seg"].pixel_array, drawn_at, strict=True):
        rows_of, columns = np.nonzero(frame)
        found = (columns.min(), rows_of.min(), columns.max() + 1, rows_of.max() + 1)
        np.testing.assert_allclose(found, (left, top, right, bottom), atol=1.01)
    (annotation,) = made["pr"].GraphicAnnotationSequence
    for line, (left, top, right, bottom) in zip(
        annotation.GraphicObjectSequence, drawn_at, strict=True
    ):
        points = np.reshape(line.GraphicData, (-1, 2))
        np.testing.assert_allclose(points.min(axis=0), (left, top), atol=0.02)
        np.testing.assert_allclose(points.max(axis=0), (right, bottom), atol=0.02)
    groups = content(made["sr"], "Imaging Measurements", "Measurement Group")
    areas = [content(part, "Image Region") for part in groups]
    assert [len(area) for area in areas] == [0, 1, 1]
    (verdict,) = content(groups[0], "Verdict of the human reader on the score")
    assert code(verdict)[0] == "accepted"
    assert made["pm"].pixel_array.shape == film.pixels.shape


@pytest.mark.data
def test_a_film_can_be_drawn_on_at_390_pixels(page: Page, film_file: Path, shot) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_triage(page)
    page.set_input_files("input[type=file]", film_file)
    expect(page.locator("li.above, li.near, li.below")).to_have_count(1, timeout=180_000)
    at_rest(page)
    page.get_by_role("button", name="Ellipse").click()
    page.locator(".viewer").scroll_into_view_if_needed()
    drag(page, (120, 120), (220, 230))
    shot(page, "regions-triage-390-choices")
    say(page, "Nothing there")
    at_rest(page)
    expect(page.locator(".region .what")).to_have_text("Nothing there")
    shot(page, "regions-triage-390")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert overflow <= 0


@pytest.mark.data
def test_what_is_drawn_on_the_prior_is_of_the_prior(page: Page, data_dir: Path, tmp_path) -> None:
    kermany = data_dir / "kermany_originals" / "test"
    pictures = [min((kermany / label).iterdir()) for label in ("PNEUMONIA", "NORMAL")]
    days = {"IM1": "20240301", "IM2": "20231104"}
    for (name, day), picture_ in zip(days.items(), pictures, strict=True):
        study = {"StudyInstanceUID": f"1.2.3.{day}", "StudyDate": day, "ViewPosition": "PA"}
        (tmp_path / name).write_bytes(x_ray(picture_, **study))
    open_triage(page)
    page.set_input_files("input[type=file]", [tmp_path / name for name in days])
    expect(page.locator("li.above, li.near, li.below")).to_have_count(2, timeout=180_000)
    current, earlier = (page.locator(".worklist li").filter(has_text=name) for name in days)
    current.click()
    at_rest(page)
    page.keyboard.press("p")
    expect(page.locator(".viewer")).to_have_attribute("data-prior", re.compile("^[0-9a-f]{64}$"))
    page.keyboard.press("r")
    page.keyboard.press("b")
    drag(page, (150, 250), (250, 380), pane=1)
    say(page, "Nothing there")
    panes = page.locator(".pane")
    expect(panes.nth(0).locator(".region")).to_have_count(0)
    expect(panes.nth(1).locator(".region .what")).to_have_text("Nothing there")
    at_rest(page)
    earlier.click()
    expect(page.locator(".st-key-film_name")).to_contain_text("IM2")
    expect(page.locator(".region .what")).to_have_text("Nothing there")
