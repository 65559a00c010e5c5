"""The film viewer as a reader uses it, on films made here: what it draws is looked at."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from cxr.heatmaps.overlay import common_top, overlay
from tests.browser import film_app
from tests.browser.conftest import SHOTS, Open, painted, served
from tests.browser.waiting import drawn, until

pytestmark = pytest.mark.browser

WHEEL = 0.0015  # of the wheel's way, to the logarithm of the zoom


def choose(page: Page, film: str) -> None:
    before = page.locator(".viewer").get_attribute("data-painted") or ""
    page.get_by_text(film, exact=True).click()
    expect(page.locator(".viewer")).not_to_have_attribute("data-painted", before)
    painted(page)


def runs(page: Page) -> int:
    return int(page.get_by_text(re.compile("^Runs: ")).inner_text().split()[1])


def picture(page: Page, pane: int = 0) -> np.ndarray:
    """What a pane shows, lines and texts over it too, as it is on the screen."""
    page.mouse.move(5, 5)
    drawn(page)
    # Where the browser draws it: on whole pixels of the screen.
    clip = {name: round(side) for name, side in box(page, pane).items()}
    shot = page.screenshot(clip=clip, animations="disabled")
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), float)


def box(page: Page, pane: int = 0) -> dict[str, float]:
    found = page.locator(".viewer canvas").nth(pane).bounding_box()
    assert found
    return found


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], pane: int = 0, **how):
    """Drag from one place of a pane to another."""
    at = box(page, pane)
    page.mouse.move(at["x"] + start[0], at["y"] + start[1])
    page.mouse.down(**how)
    page.mouse.move(at["x"] + end[0], at["y"] + end[1], steps=3)
    page.mouse.up(**how)


def wheel(page: Page, down: float) -> None:
    """Turn the wheel over a pane, and wait until all panes have followed."""
    before = _zooms(page)
    page.mouse.wheel(0, down)
    until(page, lambda: all(now != was for now, was in zip(_zooms(page), before, strict=True)))


def value(page: Page, name: str) -> str:
    drawn(page)
    return page.locator(".viewer").get_attribute(f"data-{name}") or ""


def white(page: Page) -> tuple[bool, ...]:
    """In which corners of the small film the square is: upper left, right, lower left, right."""
    shown = picture(page).mean(axis=2)
    film = shown > 20
    rows, columns = (np.nonzero(film.mean(axis=axis) > 0.3)[0] for axis in (1, 0))
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    inset = 25
    places = [(top, left), (top, right), (bottom, left), (bottom, right)]
    signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    return tuple(
        bool(shown[row + inset * i, column + inset * j] > 250)
        for (row, column), (i, j) in zip(places, signs, strict=True)
    )


def test_at_first_the_picture_has_the_grey_levels_of_the_film(opened: Open) -> None:
    page = opened("large")
    page.keyboard.press("1")
    expect(page.locator(".zoom")).to_have_text("100 %")
    shown = picture(page)
    height, width = shown.shape[:2]
    film = film_app.large().pixels
    top, left = 450 - height // 2, 600 - width // 2
    expected = 255 * film[top : top + height, left : left + width]
    inside = np.s_[60:-60, 60:-60]  # the corners have texts
    assert np.abs(shown[inside] - expected[inside][..., None]).max() <= 1
    assert value(page, "window") == "4095,2047.5"
    assert "of 0 to 4095" in page.locator(".window").inner_text()


def test_both_ways_of_drawing_agree(opened: Open) -> None:
    small = {"width": 560, "height": 820}  # the graphics card may be played by the processor
    pages = [opened("large", draw, viewport=small) for draw in ("cpu", "gpu")]
    for keys in ("1", "forx", "wi1+++++++"):
        pictures = []
        for page in pages:
            page.locator(".viewer canvas").focus()
            for key in keys:
                page.keyboard.press(key)
            pictures.append(picture(page))
        apart = np.abs(pictures[0] - pictures[1]).max(axis=2)
        assert (apart > 2).mean() < 2e-3, keys


def test_the_window_is_set_by_dragging_and_by_presets(opened: Open) -> None:
    page = opened()
    before = picture(page)
    assert value(page, "window") == "255,127.5"
    drag(page, (400, 300), (300, 300), button="right")
    width, level = map(float, value(page, "window").split(","))
    assert 100 < width < 255
    assert level == 127.5
    assert np.abs(picture(page) - before).mean() > 3
    assert f"WW {round(width)}" in page.locator(".window").inner_text()
    page.keyboard.down("Shift")
    drag(page, (400, 300), (400, 200))
    page.keyboard.up("Shift")
    assert float(value(page, "window").split(",")[1]) < 127.5
    expect(page.locator(".said")).to_have_text(re.compile("Window width .* level"))

    seen = []
    for _ in range(6):
        page.keyboard.press("w")
        seen.append(value(page, "window"))
    assert seen[0] == "255,127.5"
    assert len(set(seen)) >= 5
    full, _, _, middle, dark, bright = (tuple(map(float, each.split(","))) for each in seen)
    assert middle[0] < full[0]
    assert dark[1] < middle[1] < bright[1]
    page.get_by_role("button", name="Window").click()
    page.get_by_role("button", name="Full range").click()
    page.locator("input.width").fill("100")
    assert value(page, "window") == "100,127.5"
    page.keyboard.press("Escape")
    expect(page.locator("input.width")).not_to_be_visible()
    page.keyboard.press("0")
    assert value(page, "window") == "255,127.5"
    assert np.abs(picture(page) - before).max() < 3
    assert runs(page) == 1


def test_the_window_of_the_file_can_be_opened(opened: Open) -> None:
    page = opened("windowed")
    film = film_app.windowed()
    assert value(page, "window") == "400,500"
    expect(page.locator(".window")).to_have_text("WW 400  WL 500  of -1024 to 3071  File: LUNG")
    page.keyboard.press("1")
    expect(page.locator(".zoom")).to_have_text("100 %")

    def shown() -> np.ndarray:
        return picture(page)[60:-60, 60:-60].mean(axis=2)

    height, width = picture(page).shape[:2]
    top, left = 350 - height // 2, 450 - width // 2
    inside = np.s_[top + 60 : top + height - 60, left + 60 : left + width - 60]
    assert np.abs(shown() - 255 * film.pixels[inside]).max() <= 1

    values = film.values.array[inside]
    above = values > 700  # white in the window of the file
    assert len(np.unique(shown()[above])) == 1
    page.get_by_role("button", name="Window", exact=True).click()
    page.get_by_role("button", name="File: BONE").click()
    assert value(page, "window") == "900,2200"
    page.get_by_role("button", name="Auto: inside the collimation").click()
    low, high = (float(np.percentile(values[values < 3071], p)) for p in (0.5, 99.5))
    got = list(map(float, value(page, "window").split(",")))
    assert got == pytest.approx([high - low, (high + low) / 2], rel=0.1)
    page.get_by_role("button", name="Auto: all values").click()
    assert value(page, "window") == "4095,1023.5"
    page.keyboard.press("Escape")
    assert len(np.unique(shown()[above])) > 50
    expected = 255 * (values + 1024) / 4095
    assert np.abs(shown() - expected).max() <= 1

    box = page.locator(".viewer canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + width // 2 + 20, box["y"] + height // 2 + 10)
    told = page.locator(".probe")
    expect(told).to_have_text(re.compile(r"x \d+  y \d+  -?\d+"))
    x, y, seen = map(int, re.findall(r"-?\d+", told.inner_text()))
    assert abs(x - 470) <= 1
    assert abs(y - 360) <= 1
    assert seen == film.values.array[y, x]
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "window.png")
    page.mouse.move(0, 0)
    expect(told).to_have_text("")
    page.keyboard.press("0")
    assert value(page, "window") == "400,500"
    assert runs(page) == 1


def test_inverted_turned_and_flipped(opened: Open) -> None:
    page = opened()
    before = picture(page)
    page.keyboard.press("i")
    after = picture(page)
    film = np.s_[20:440, 100:-100]
    marks = np.abs(255 - after[film] - before[film])
    assert np.median(marks) <= 1
    assert value(page, "inverted") == "true"
    page.keyboard.press("i")
    assert white(page) == (True, False, False, False)
    page.keyboard.press("r")
    assert white(page) == (False, True, False, False)
    page.get_by_role("button", name="Flip").click()
    assert white(page) == (True, False, False, False)
    assert (value(page, "rotation"), value(page, "flipped")) == ("270", "true")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_role("button", name="Rotate").click()
    assert white(page) == (False, False, False, True)
    expect(page.locator(".marks")).to_have_text("Flipped · Turned 90°")
    page.get_by_role("button", name="Reset").click()
    assert white(page) == (True, False, False, False)
    assert runs(page) == 1


def test_the_wheel_keeps_the_point_under_the_pointer(opened: Open) -> None:
    page = opened()
    at = box(page)
    scale = min(at["width"] / 300, at["height"] / 200)
    # The lower right corner of the white square.
    x = round(at["width"] / 2 + (40 - 150) * scale)
    y = round(at["height"] / 2 + (40 - 100) * scale)
    page.mouse.move(at["x"] + x, at["y"] + y)
    for _ in range(4):
        page.mouse.wheel(0, -250)
    expect(page.locator(".zoom")).to_have_text(f"{round(100 * scale * math.exp(1000 * WHEEL))} %")
    shown = picture(page).mean(axis=2)
    assert shown[y - 12, x - 12] > 250
    assert shown[y - 12, x + 12] < 100
    assert shown[y + 12, x - 12] < 100
    assert int(page.locator(".zoom").inner_text().split()[0]) > 4 * 100 * scale
    page.locator(".viewer canvas").dblclick()
    expect(page.locator(".zoom")).to_have_text(f"{round(100 * scale)} %")


def test_the_keyboard_moves_and_zooms_the_film_in_focus(opened: Open) -> None:
    page = opened()
    canvas = page.locator(".viewer canvas")
    canvas.focus()
    page.keyboard.press("+")
    near = picture(page)
    page.keyboard.press("ArrowRight")
    moved = picture(page)
    assert np.abs(moved[30:-60, 60:-120] - near[30:-60, 108:-72]).mean() < 1
    page.keyboard.press("f")
    assert canvas.get_attribute("role") == "img"
    assert canvas.get_attribute("aria-label") == "Film small film, 300 by 200 pixels"


def test_rulers_measure_in_pixels_and_in_millimetres(opened: Open) -> None:
    page = opened()
    page.keyboard.press("1")
    page.keyboard.press("m")
    drag(page, (400, 200), (430, 240))
    drag(page, (400, 200), (500, 200))
    lengths = page.locator(".length span")
    expect(lengths).to_have_text(["50 px", "100 px"])
    expect(page.locator(".said")).to_have_text("Length 100 px")
    page.get_by_role("button", name="Remove the ruler of 50 px").click()
    expect(lengths).to_have_text(["100 px"])
    page.keyboard.press("Escape")
    drag(page, (400, 200), (300, 200))
    expect(lengths).to_have_text(["100 px"])

    choose(page, "large")
    expect(lengths).to_have_count(0)
    page.keyboard.press("1")
    page.get_by_role("button", name="Ruler").click()
    drag(page, (300, 200), (400, 200))
    drag(page, (300, 200), (300, 300))
    expect(lengths).to_have_text(["15.0 mm", "20.0 mm"])
    page.keyboard.press("r")
    expect(lengths).to_have_text(["15.0 mm", "20.0 mm"])
    page.get_by_role("button", name="Clear").click()
    expect(lengths).to_have_count(0)


def test_the_heatmap_as_colours_and_as_lines(opened: Open) -> None:
    page = opened()
    viewer, alone = page.locator(".viewer"), picture(page)
    expect(viewer).to_have_attribute("data-overlay", "off")
    page.keyboard.down("h")
    expect(viewer).to_have_attribute("data-overlay", "on")
    page.keyboard.up("h")
    expect(viewer).to_have_attribute("data-overlay", "off")
    page.keyboard.press("o")
    filled = picture(page)
    expect(page.locator(".caption")).to_contain_text("not where disease is")
    expect(page.locator(".scale")).to_have_text(re.compile("most.*least", re.DOTALL))
    changed = np.abs(filled - alone).max(axis=2) > 3
    page.get_by_role("button", name="Contour lines").click()
    lined = np.abs(picture(page) - alone).max(axis=2) > 3
    assert 0.1 < lined.sum() / changed.sum() < 0.6
    page.get_by_role("button", name="Contour lines").click()
    page.locator("select.map").select_option("viridis")
    assert np.abs(picture(page) - filled)[changed].mean() > 5
    page.locator("input.opacity").fill("90")
    page.locator("input.cut").fill("80")
    assert (np.abs(picture(page) - alone).max(axis=2) > 3).sum() < 0.6 * changed.sum()
    page.get_by_role("button", name="Heatmap").click()
    assert np.abs(picture(page) - alone).max() < 3
    assert runs(page) == 1


def test_the_heatmap_lies_as_python_lays_it(opened: Open) -> None:
    page = opened()
    page.keyboard.press("o")
    page.keyboard.press("1")
    shown = picture(page)
    film = film_app.small()
    expected = np.asarray(overlay(film, film_app.heatmap(film)), float)
    top, left = shown.shape[0] // 2 - 100, shown.shape[1] // 2 - 150
    apart = np.abs(shown[top : top + 200, left : left + 300] - expected).max(axis=2)
    assert np.percentile(apart, 99.8) <= 2  # but for pixels at the cut itself


def test_on_one_scale_the_heatmap_lies_as_python_lays_it(opened: Open) -> None:
    film = film_app.small()
    heatmap = film_app.heatmap(film)
    top = common_top([heatmap])
    expected = np.asarray(overlay(film, heatmap, top=top), float)
    for draw in ("cpu", "gpu"):
        page = opened(draw=draw)
        page.keyboard.press("o")
        page.keyboard.press("1")
        own = picture(page)
        expect(page.locator(".scale")).to_have_text(re.compile("most, 1.*least, 0", re.DOTALL))
        page.keyboard.press("s")
        expect(page.get_by_role("button", name="One scale")).to_have_attribute(
            "aria-pressed", "true"
        )
        expect(page.locator(".scale")).to_contain_text(f"≥ {top:.1f} × mean")
        shown = picture(page)
        assert np.abs(shown - own).max(axis=2).mean() > 0.5
        upper, left = shown.shape[0] // 2 - 100, shown.shape[1] // 2 - 150
        apart = np.abs(shown[upper : upper + 200, left : left + 300] - expected).max(axis=2)
        assert np.percentile(apart, 99.8) <= 2, draw
        page.get_by_role("button", name="Contour lines").click()
        assert page.locator(".contours .line[data-level='0.6']").get_attribute("d")
        page.get_by_role("button", name="Contour lines").click()
        page.keyboard.press("s")
        assert np.abs(picture(page) - own).max() < 3
        assert runs(page) == 1


def test_two_methods_side_by_side_are_both_shown(opened: Open) -> None:
    page = opened()
    alone = picture(page)
    page.get_by_text("Method", exact=True).click()
    expect(page.locator(".viewer canvas")).to_have_count(2)
    expect(page.locator(".pane .title")).to_have_text(["Grad-CAM", "LayerCAM"])
    expect(page.locator(".caption")).to_contain_text("Grad-CAM and LayerCAM.")

    def coloured(pane: int) -> float:
        return float((np.ptp(picture(page, pane)[40:-40, :340], axis=2) > 12).mean())

    # Each on its own range a map that is nearly even looks as strong as one that is not.
    assert coloured(1) > coloured(0) > 0.01
    strong = picture(page, 1)
    page.keyboard.press("s")
    even = picture(page, 1)
    assert np.abs(even - strong).max() > 60
    assert even.max(axis=2)[60:-60, 60:340].std() < strong.max(axis=2)[60:-60, 60:340].std()
    page.keyboard.down("h")
    expect(page.locator(".viewer")).to_have_attribute("data-overlay", "off")
    page.keyboard.up("h")
    expect(page.locator(".viewer")).to_have_attribute("data-overlay", "on")
    # Put away by the reader, the film is alone again.
    page.keyboard.press("c")
    expect(page.locator(".viewer canvas")).to_have_count(1)
    assert np.abs(picture(page) - alone).max() < 3


def test_film_and_heatmap_side_by_side_move_together(opened: Open) -> None:
    page = opened()
    page.get_by_role("button", name="Fit").click()
    page.keyboard.press("c")
    expect(page.locator(".viewer canvas")).to_have_count(2)
    left, right = picture(page), picture(page, 1)
    coloured = np.ptp(right, axis=2) > 12
    assert not (np.ptp(left, axis=2) > 12).any()
    assert 0.02 < coloured.mean() < 0.5
    at = box(page)
    page.mouse.move(at["x"] + 150, at["y"] + 200)
    wheel(page, -400)
    drag(page, (200, 200), (260, 230))
    drag(page, (200, 200), (150, 200), pane=1, button="right")
    left, right = picture(page), picture(page, 1)
    both = np.s_[40:-40, :340]
    grey = np.ptp(right[both], axis=2) < 4
    assert grey.mean() > 0.3
    assert np.abs(left[both] - right[both])[grey].max() < 3
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("button", name="One film").click()
    expect(page.locator(".viewer canvas")).to_have_count(1)
    assert runs(page) == 1


def _zooms(page: Page) -> list[int]:
    """Return the zoom of each of two panes in percent, once both were drawn."""
    expect(page.locator(".zoom")).to_have_text([re.compile(r"\d %")] * 2)
    return [int(text.split()[0]) for text in page.locator(".zoom").all_inner_texts()]


def aqua(shown: np.ndarray) -> np.ndarray:
    """Where the outline of the lungs is on a picture of the viewer."""
    return (shown[..., 0] < 90) & (shown[..., 1:].min(axis=2) > 190)


def crossings(marked: np.ndarray) -> list[int]:
    """The middles of the lines that a row or column of a picture crosses."""
    turns = np.flatnonzero(np.diff(np.pad(marked, 1).astype(int)))
    return [int(start + end) // 2 for start, end in turns.reshape(-1, 2)]


def lines_of(shown: np.ndarray, film: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Where the outline crosses a row and a column of the film, in the film's pixels."""
    height, width = shown.shape[:2]
    scale = min(width / film[0], height / film[1])
    left, top = (width - scale * film[0]) / 2, (height - scale * film[1]) / 2
    across = crossings(aqua(shown)[round(top + 0.3 * scale * film[1])])
    down = crossings(aqua(shown)[:, round(left + 0.25 * scale * film[0])])
    return [round((x - left) / scale) for x in across], [round((y - top) / scale) for y in down]


def near(one: list[int], other: list[int]) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= 2 for a, b in zip(one, other, strict=True))


def test_the_outline_of_the_lungs_is_shown_on_a_key_and_follows_the_film(opened: Open) -> None:
    page = opened(query="lungs=yes")
    viewer, button = page.locator(".viewer"), page.get_by_role("button", name="Lungs", exact=True)
    alone = picture(page)
    expect(button).to_have_attribute("aria-pressed", "false")
    assert not aqua(alone).any()
    page.keyboard.press("l")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".of-lungs")).to_have_text("A lung is cut off.")
    expect(page.locator(".said")).to_contain_text("A lung is cut off.")
    across, down = lines_of(picture(page), (300, 200))
    assert near(across, [30, 120, 180, 270])
    assert near(down[:1] + down[-1:], [40, 160])
    # The window changes the film alone.
    page.keyboard.press("i")
    assert near(lines_of(picture(page), (300, 200))[0], across)
    page.keyboard.press("i")
    page.keyboard.press("r")
    turned, _ = lines_of(picture(page), (200, 300))
    assert near(turned[:1] + turned[-1:], [40, 160])
    page.keyboard.press("0")
    before = picture(page)
    page.locator(".viewer canvas").first.focus()
    page.keyboard.press("ArrowLeft")
    assert near([x - 48 for x in crossings(aqua(picture(page))[200])], crossings(aqua(before)[200]))
    page.keyboard.press("f")
    page.keyboard.press("o")
    expect(viewer).to_have_attribute("data-overlay", "on")
    assert near(lines_of(picture(page), (300, 200))[0], across)
    page.keyboard.press("o")
    button.click()
    assert np.abs(picture(page) - alone).max() < 3
    assert runs(page) == 1


def test_the_outline_stays_asked_for_on_the_next_film(opened: Open) -> None:
    page = opened(query="lungs=yes")
    page.get_by_role("button", name="Lungs", exact=True).press("Enter")
    choose(page, "large")
    assert near(lines_of(picture(page), (1200, 900))[0], [120, 480, 720, 1080])


def test_where_there_are_no_lungs_the_key_says_why(opened: Open) -> None:
    page = opened(query="lungs=Nothing+was+found.")
    told = page.locator(".of-lungs")
    expect(told).to_have_text("")
    page.keyboard.press("l")
    expect(told).to_have_text("Nothing was found.")
    assert not aqua(picture(page)).any()
    # A moment's word is there for its moment, also where the page is drawn anew within it.
    shown = """(root) => {
        root.view.tell("A word");
        root.view.show({ ...root.view.data });
        return root.querySelector(".notice").textContent;
    }"""
    assert page.locator(".viewer").evaluate(shown) == "A word"


def test_without_a_lung_network_there_is_nothing_to_ask_for(opened: Open) -> None:
    page = opened()
    expect(page.locator(".lungs-button")).to_be_hidden()
    page.keyboard.press("l")
    assert value(page, "lungs") == "off"


def test_another_film_beside_is_linked_in_zoom_not_in_window(opened: Open) -> None:
    page = opened()
    page.get_by_text("Beside", exact=True).click()
    expect(page.locator(".viewer canvas")).to_have_count(2)
    expect(page.locator(".pane .title")).to_have_text(["small film", "other film"])
    expect(page.locator(".pane.empty")).to_have_count(0)
    zooms = _zooms(page)
    at = box(page)
    page.mouse.move(at["x"] + 100, at["y"] + 200)
    wheel(page, -600)
    after = _zooms(page)
    assert after[0] / zooms[0] == pytest.approx(after[1] / zooms[1], rel=0.05)
    assert after[0] > 2 * zooms[0]
    drag(page, (200, 200), (150, 200), pane=1, button="right")
    expect(page.locator(".pane .window").nth(0)).to_have_text(re.compile("WW 255 "))
    expect(page.locator(".pane .window").nth(1)).not_to_have_text(re.compile("WW 4095 "))
    page.get_by_text("Beside", exact=True).click()
    expect(page.locator(".viewer canvas")).to_have_count(1)


def test_keys_are_listed_and_wait_while_somebody_types(opened: Open) -> None:
    page = opened()
    page.keyboard.press("?")
    panel = page.get_by_role("dialog", name="Keys and mouse")
    expect(panel).to_contain_text("Next film of the list")
    expect(panel).to_contain_text("Agree")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    page.keyboard.press("Control+i")
    page.get_by_label("Typed").focus()
    page.keyboard.type("ixo?")
    assert value(page, "inverted") == value(page, "flipped") == "false"
    assert value(page, "overlay") == "off"
    expect(panel).to_have_count(0)


def test_full_screen_and_fingers(opened: Open) -> None:
    page = opened(has_touch=True)
    before = box(page)
    page.get_by_role("button", name="Full screen").click()
    expect(page.get_by_role("button", name="Full screen")).to_have_attribute("aria-pressed", "true")
    until(page, lambda: box(page)["height"] > before["height"] + 100)
    page.get_by_role("button", name="Full screen").click()
    expect(page.get_by_role("button", name="Full screen")).to_have_attribute(
        "aria-pressed", "false"
    )

    def touch(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": at["x"] + x, "y": at["y"] + y, "id": i} for i, (x, y) in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    until(page, lambda: box(page) == before)
    at, fingers = box(page), page.context.new_cdp_session(page)
    zoom = int(page.locator(".zoom").inner_text().split()[0])
    touch("touchStart", (300, 200), (400, 200))
    for spread in (20, 40, 50):
        touch("touchMove", (300 - spread, 200), (400 + spread, 200))
    touch("touchEnd")
    wanted = pytest.approx(2 * zoom, rel=0.05)
    until(page, lambda: int(page.locator(".zoom").inner_text().split()[0]) == wanted)


def test_a_film_is_fetched_once_and_let_go(opened: Open) -> None:
    page = opened(query="mark=1")  # a film that no other session has
    fetched: list[str] = []
    packed: list[str | None] = []
    page.on("request", lambda request: "/media/" in request.url and fetched.append(request.url))
    page.on(
        "response",
        lambda got: "/media/" in got.url and packed.append(got.headers.get("content-encoding")),
    )
    choose(page, "large")
    assert len(fetched) == 1
    assert packed == [None], "packing takes longer than sending"
    assert page.request.get(fetched[0]).status == 200
    page.get_by_label("Typed").fill("a")
    page.get_by_label("Typed").press("Enter")
    expect(page.get_by_text("Runs: 3")).to_be_visible()
    assert page.request.get(fetched[0]).status == 200
    choose(page, "small")
    expect(page.get_by_text("Runs: 4")).to_be_visible()
    choose(page, "large")
    assert len(fetched) == 1, "the browser keeps the films it had last"
    # A browser that is behind can still fetch a film with the next one, not with the next but one.
    choose(page, "small")
    choose(page, "windowed")
    until(page, lambda: page.request.get(fetched[0]).status == 404)


def test_a_film_that_is_late_comes_all_the_same(opened: Open) -> None:
    page = opened(query="mark=2")
    missed: list[str] = []

    def late(route: Route) -> None:
        if len(missed) < 2:
            missed.append(route.request.url)
            route.fulfill(status=404, body="not yet")
        else:
            route.continue_()

    page.route("**/media/*", late)
    choose(page, "large")
    assert len(missed) == 2
    expect(page.locator(".notice")).to_be_hidden()


def test_below_a_path_of_the_server(opened: Open, tmp_path: Path) -> None:
    with served(tmp_path, "--server.baseUrlPath", "films/room") as at:
        page = opened(at=at)
        assert picture(page)[30:-30].max() > 250
        page.close()  # before its server goes


def test_a_graphics_card_that_stays_away_gives_way_to_the_processor(opened: Open) -> None:
    page = opened("large", draw="gpu")
    before = picture(page)
    page.locator(".viewer canvas").evaluate(
        "(canvas) => canvas.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    )
    # Nothing brings it back: another canvas comes, which is drawn on in the other way.
    by_card = "(canvas) => Boolean(canvas.getContext('webgl2'))"
    until(page, lambda: not page.locator(".viewer canvas").evaluate(by_card))
    assert np.abs(picture(page) - before).mean() < 1
