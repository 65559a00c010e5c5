"""The dashboard as a reader uses it: Chromium, real films, the bundles that ship."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error, Page, expect

from tests.browser.waiting import at_rest, drawn, until

pytestmark = [pytest.mark.browser, pytest.mark.data]


PNEUMONIA = "pneumonia-efficientnet-lite0"


def open_triage(page: Page, model: str | None = None) -> None:
    """Open Triage, and choose a model in place of the automatic choice if one is named."""
    page.goto("/")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=90_000)
    at_rest(page)  # a list that is open closes as the page is drawn
    if model:
        page.get_by_role("combobox", name=re.compile("Model")).click()
        page.get_by_role("option", name=model, exact=True).click()
        expect(
            page.get_by_text(re.compile(r"Population: children of 1 to 5 years\."))
        ).to_be_visible()
        # Keys are typed into the list of models until something else is clicked.
        page.locator("h4").first.click()


def upload(page: Page, files: list[Path], scored: int, refused: int = 0) -> None:
    """Drop files in and wait until every one of them stands in the list with its band."""
    page.set_input_files("input[type=file]", files)
    rows = page.locator(".worklist li")
    expect(rows).to_have_count(scored + refused, timeout=180_000)
    # The first score takes as long as the network takes to load.
    known = page.locator("li.above, li.near, li.below")
    expect(known).to_have_count(scored, timeout=180_000)
    expect(page.locator("li.refused")).to_have_count(refused)
    # Nobody has chosen a film: the highest score opens when the last one is known, and what is
    # said of it stands there a moment later: until then, a button is that of the film before.
    expect(rows.first).to_have_attribute("aria-selected", "true")
    at_rest(page)


def picture(page: Page) -> np.ndarray:
    """The viewer's canvas as it is on the screen."""
    drawn(page)
    shots: list[bytes] = []

    def taken() -> bool:
        try:
            shots.append(page.locator(".viewer canvas").screenshot(animations="disabled"))
        except Error as error:
            # The page shows the film anew when its score comes: then the canvas is another one.
            if "not attached" not in str(error):
                raise
        return bool(shots)

    until(page, taken)
    return np.asarray(Image.open(io.BytesIO(shots[0])).convert("RGB"), float)


@pytest.fixture
def films(data_dir: Path) -> list[Path]:
    """20 films of the test split, 6 originals, a DICOM."""
    kermany = data_dir / "kermany" / "test"
    small = [
        path
        for label in ("NORMAL", "PNEUMONIA")
        for path in sorted((kermany / label).iterdir())[1::20][:10]
    ]
    large = sorted((data_dir / "kermany_originals" / "test").rglob("*.jpeg"))[:6]
    dicom = data_dir / "dicom" / "chest" / "dwv_data_gdcm-CR-MONO1-10-chest.dcm"
    found = [*small, *large, dicom]
    assert len(found) == 27
    return found


def test_many_films_are_ranked_and_the_heatmap_changes_the_picture(
    page: Page, films: list[Path], shot
) -> None:
    open_triage(page, PNEUMONIA)
    shot(page, "triage-empty")
    upload(page, films, scored=27)
    scores = [float(text) for text in page.locator(".worklist li .score b").all_inner_texts()]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 5
    page.wait_for_selector(".viewer[data-painted]")
    alone = picture(page)
    assert np.ptp(alone) > 50, "no film is shown"
    coloured = np.ptp(alone, axis=2) > 12  # the zoom's figures are a bluish grey
    assert coloured.mean() < 1e-3, "the film is not grey"
    shot(page, "triage-film")

    page.get_by_role("button", name="Heatmap").click()
    expect(page.locator(".viewer")).to_have_attribute("data-overlay", "on")
    over = picture(page)
    assert np.abs(over - alone).mean() > 2, "the heatmap does not show"
    shot(page, "triage-heatmap")
    expect(page.locator(".caption")).to_contain_text("not where disease is")

    page.locator("input.opacity").fill("90")
    stronger = picture(page)
    assert np.abs(stronger - alone).mean() > np.abs(over - alone).mean()
    page.get_by_role("button", name="Heatmap").click()
    assert np.abs(picture(page) - alone).max() < 3, "the film does not come back"


def test_keys_flash_the_overlay_and_go_through_the_list(page: Page, films: list[Path]) -> None:
    open_triage(page, PNEUMONIA)
    viewer = page.locator(".viewer")
    # A normal film alone: of several the highest may be scored and opened before the click.
    upload(page, films[:1], scored=1)
    page.wait_for_selector(".viewer[data-painted]")
    # Who works with a film keeps it, whatever is scored above it meanwhile.
    page.locator(".viewer canvas").click()
    held = viewer.get_attribute("data-sha256") or ""
    page.set_input_files("input[type=file]", films[10:13])
    expect(page.locator("li.above, li.near, li.below")).to_have_count(4, timeout=180_000)
    at_rest(page)
    expect(viewer).to_have_attribute("data-sha256", held)
    expect(page.locator(".worklist li").first).to_have_attribute("aria-selected", "false")
    page.locator(".worklist li").first.click()
    expect(viewer).not_to_have_attribute("data-sha256", held)
    page.wait_for_selector(".viewer[data-painted]")
    page.locator("h4").first.click()
    page.keyboard.down("h")
    expect(viewer).to_have_attribute("data-overlay", "on")
    page.keyboard.up("h")
    expect(viewer).to_have_attribute("data-overlay", "off")
    first = viewer.get_attribute("data-sha256")
    page.keyboard.press("j")
    expect(viewer).not_to_have_attribute("data-sha256", first or "")
    expect(page.locator(".worklist li").nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("k")
    expect(viewer).to_have_attribute("data-sha256", first or "")


def test_the_wheel_zooms_at_the_pointer_and_fit_comes_back(page: Page, films: list[Path]) -> None:
    open_triage(page, PNEUMONIA)
    upload(page, films[:1], scored=1)
    page.wait_for_selector(".viewer[data-painted]")
    before, zoom = picture(page), page.locator(".zoom").inner_text()
    page.locator(".viewer canvas").hover(position={"x": 300, "y": 300})
    page.mouse.wheel(0, -600)
    expect(page.locator(".zoom")).not_to_have_text(zoom)
    assert np.abs(picture(page) - before).mean() > 5
    page.get_by_role("button", name="Fit").click()
    expect(page.locator(".zoom")).to_have_text(zoom)
    assert np.abs(picture(page) - before).max() < 3


def test_bad_files_get_a_reason_and_the_rest_goes_on(
    page: Page, films: list[Path], tmp_path: Path, shot
) -> None:
    letter = tmp_path / "letter.png"
    letter.write_text("Dear colleague")
    small = tmp_path / "small.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 60), np.uint8)).save(small)
    packed = tmp_path / "films.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(films[1], "a/b/one.jpeg")
        archive.write(films[2], "../two.jpeg")
        archive.writestr("notes/readme.txt", "not a film")
    open_triage(page, PNEUMONIA)
    upload(page, [letter, small, films[0], packed], scored=3, refused=2)
    refused = page.locator("li.refused")
    for i in range(2):
        assert refused.nth(i).locator(".score b").inner_text() == ""
        assert len(refused.nth(i).get_attribute("title") or "") > 15
    # Refused films stand behind the scored ones.
    last = page.locator(".worklist li").nth(3)
    expect(last).to_have_class(re.compile("refused"))
    last.click()
    expect(page.locator(".film-note")).to_contain_text("letter.png")
    expect(page.get_by_role("button", name="Export")).to_be_visible()
    shot(page, "triage-refused")


def test_the_list_stays_when_the_reader_leaves_the_page(page: Page, films: list[Path]) -> None:
    open_triage(page, PNEUMONIA)
    upload(page, films[:3], scored=3)
    page.get_by_role("button", name=re.compile("^Agree")).click()
    expect(page.locator(".worklist li .sub").first).to_contain_text("pneumonia seen")
    page.get_by_role("link", name="Models").click()
    expect(page.get_by_text("What for").first).to_be_visible()
    page.get_by_role("link", name="Triage").click()
    expect(page.locator(".worklist li")).to_have_count(3)
    at_rest(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    text = Path(download.value.path()).read_text()
    assert text.splitlines()[0].startswith("path,score,band,operating_point,threshold")
    assert "pneumonia seen" in text
    assert "Not for diagnostic use" in text


@pytest.mark.parametrize(
    ("name", "heading", "plots"),
    [
        ("dataset", "Dataset", 5),
        ("training", "Training", 6),
        ("evaluation", "Evaluation", 7),
        ("models", "Models", 0),
    ],
)
def test_each_page_opens_by_its_address_with_its_plots(
    page: Page, name: str, heading: str, plots: int, shot
) -> None:
    page.goto(f"/{name}")
    expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible(timeout=90_000)
    expect(page.get_by_role("link", name="Triage")).to_be_visible()  # the dashboard's own menu
    drawn = page.locator(".js-plotly-plot .main-svg .plot, .js-plotly-plot .pielayer")
    if plots:
        expect(page.locator(".js-plotly-plot")).to_have_count(plots, timeout=180_000)
        expect(drawn.first).to_be_attached()
    expect(page.get_by_test_id("stException")).to_have_count(0)
    at_rest(page)
    shot(page, f"page-{name}", whole=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")  # not sideways


def test_the_matrix_opens_the_films_behind_a_cell(page: Page) -> None:
    page.goto("/evaluation")
    expect(page.get_by_role("heading", name=re.compile("False negatives"))).to_be_visible(
        timeout=90_000
    )
    matrix = page.locator(".js-plotly-plot").first
    expect(matrix).to_be_visible(timeout=90_000)
    at_rest(page)
    cells = matrix.locator(".scatterlayer .point")
    expect(cells).to_have_count(4)
    cells.nth(1).hover(force=True)
    # Plotly takes a click where its hover is.
    expect(matrix.locator(".hoverlayer .hovertext")).to_be_visible()
    cells.nth(1).click(force=True)
    expect(page.get_by_role("heading", name=re.compile("False positives"))).to_be_visible()


def test_a_bar_opens_its_films_and_the_address_says_which(page: Page) -> None:
    page.goto("/dataset")
    expect(page.get_by_role("heading", name="Films", exact=True)).to_be_visible(timeout=90_000)
    bars = page.locator(".js-plotly-plot").first
    expect(bars).to_be_visible(timeout=90_000)
    at_rest(page)
    assert "?" not in page.url
    bar = bars.locator(".barlayer .point path").last
    bar.hover(force=True)
    expect(bars.locator(".hoverlayer .hovertext")).to_be_visible()
    bar.click(force=True)
    expect(page).to_have_url(re.compile(r"\?.*label="))
    chosen = page.get_by_role("radiogroup", name="Label").get_by_role("radio", checked=True)
    expect(chosen).not_to_have_text("all")
