"""Text of files is text: nothing of it is rendered, and nobody outside hears of it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cxr.plain_text import visible
from tests.browser.conftest import served
from tests.browser.waiting import at_rest, overheard
from tests.conftest import chest_like, png
from tests.film_files import dicom

pytestmark = pytest.mark.browser
PATIENT = "MUSTERMANN"


class Listener:
    """A server on this machine that notes what it is asked for."""

    def __init__(self) -> None:
        heard = self.heard = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """One that hears, as its first call shows, and has heard nothing at the end."""
    listening = Listener()
    urlopen(f"{listening.address}/works").close()
    assert listening.heard == ["/works"]
    listening.heard.clear()
    yield listening
    listening.server.shutdown()
    assert not listening.heard


@pytest.fixture(scope="module")
def hostile(listener: Listener) -> list[str]:
    at = listener.address
    return [
        f"![x]({at}/image.png)",
        f"[click]({at}/link) {at}/bare www.example.org me@example.org",
        f"<img src={at}/tag.png onerror=alert(1)> <b>bold</b>",
        "$\\frac{x}{y}$ and $$z$$",
        ":red[red] :material/home: :material_home: :streamlit: :smile: a -> b",
        "**bold** _it_ ~~gone~~ `code`",
        "# head",
        "- item",
        "1. item",
        "    four",
        "x\u202egnp.exe",
        "&lt;b&gt; %{x} <a href='x'>y</a>",
    ]


@pytest.fixture(scope="module")
def shown(
    hostile: list[str], chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    os.environ["HOSTILE_TEXTS"] = json.dumps(hostile)
    folder = tmp_path_factory.mktemp("texts")
    with served(folder, app="tests/browser/text_app.py") as address:
        context = overheard(chromium.new_context(viewport={"width": 1200, "height": 900}))
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
        page.goto(address)
        expect(page.get_by_text("The end")).to_be_visible(timeout=90_000)
        at_rest(page)
        yield page
        context.close()


def inner(text: str) -> str:
    """A text as the page has it: without the joiners that break up what Streamlit looks for."""
    return re.sub(r"\s+", " ", text.replace("\u2060", "").replace("\xa0", " ")).strip()


SURFACES = (
    *("[data-testid=stMarkdown] p", "[data-testid=stCaptionContainer] p"),
    *("[data-testid=stAlert] p", "[data-testid=stMetricLabel] p", ".stButton p"),
    *("[data-testid=stRadio] label p", "[data-testid=stTable] td", "summary p"),
    *("[data-testid=stSelectbox] input", ".film-note", "[data-testid=stButtonGroup] p"),
    *("code", ".gtitle", ".legendtext", ".xtick text"),
)


def test_every_surface_shows_the_text_itself(shown: Page, hostile: list[str]) -> None:
    otherwise = []
    for number, text in enumerate(hostile):
        block = shown.locator(f".st-key-text_{number}")
        for surface in SURFACES:
            parts = block.locator(surface)
            expect(parts.first).to_be_attached()  # Streamlit fetches some elements when needed
            said = parts.evaluate_all("all => all.map(e => e.value ?? e.textContent)")
            if not any(inner(visible(text)) in inner(part) for part in said):
                otherwise.append((surface, text, said))
    assert not otherwise


def test_nothing_is_markup(shown: Page, hostile: list[str]) -> None:
    texts = shown.locator("[class*=st-key-text_]")
    own = ".katex, a[href], h1, h2, h3, ul, ol, del, em, pre, blockquote"
    assert texts.locator(own).count() == 0
    assert texts.locator("img").count() == len(hostile)  # the page's own, with its caption
    assert texts.locator(".stMarkdownColoredText, [role=img][translate=no]").count() == 0
    # Bold and code are those of the page itself.
    assert texts.locator("strong").count() == len(hostile)


def test_help_shows_the_text_itself(shown: Page, hostile: list[str]) -> None:
    for number, text in enumerate(hostile):
        shown.locator(f".st-key-button_{number} button").first.hover()
        tip = shown.get_by_test_id("stTooltipContent")
        expect(tip).to_be_visible()
        assert inner(visible(text)) in inner(tip.inner_text())
        assert tip.locator("img, a, .katex, em").count() == 0
        shown.mouse.move(0, 0)
        expect(tip).to_have_count(0)


def test_nobody_hears_of_a_hostile_film_and_a_hostile_zip(
    page: Page, listener: Listener, tmp_path: Path
) -> None:
    at = listener.address.upper()
    grey = np.asarray(Image.fromarray(chest_like(5)).resize((512, 512)))
    words = {
        "view.dcm": {"ViewPosition": f"![X]({at}/VIEW.PNG)"},
        "modality.dcm": {"Modality": f"<IMG SRC={at}/TAG.PNG ONERROR=ALERT(1)>"},
        "body.dcm": {"BodyPartExamined": f"{PATIENT} ERIKA ![X]({at}/BODY.PNG)"},
        "sex.dcm": {"PatientSex": f"![X]({at}/SEX.PNG)"},
    }
    files = []
    for number, (name, tags) in enumerate(words.items()):
        (tmp_path / name).write_bytes(dicom(grey + number % 2, PatientAge="004Y", **tags))
        files.append(tmp_path / name)
    inside = f"{listener.address}/name.png".replace("/", "&#47;")
    members = [
        *(f"![x]({inside}).png", "<img src=x onerror=alert(1)>.png", "$x$ **b** :smile:.png"),
        *("=1+1.png", "@SUM(1).png", "x\u202egnp.exe.png"),
    ]
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        for number, name in enumerate(members):
            archive.writestr(name, png(np.roll(grey, number, axis=0)))
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    page.goto("/")
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=90_000)
    page.set_input_files("input[type=file]", [*files, tmp_path / "names.zip"])
    rows = page.locator(".worklist li")
    expect(rows).to_have_count(len(files) + len(members), timeout=180_000)
    expect(page.locator(".worklist li.waiting")).to_have_count(0, timeout=180_000)
    names = page.locator(".worklist li .name").all_text_contents()
    assert sorted(names) == sorted([*words, *map(visible, members)])
    for number, name in enumerate(names):
        rows.nth(number).click()
        heading = page.locator(".st-key-film_name")
        expect(heading).to_contain_text(re.compile(re.escape(name[:3])))
        at_rest(page)
        assert inner(visible(name)) in inner(heading.inner_text())
        assert heading.locator("img, a, em, .katex").count() == 0
        assert PATIENT not in page.content().upper()
    exported = {kind: download(page, kind) for kind in ("CSV", "JSON", "PDF")}
    for content in exported.values():
        assert PATIENT.encode() not in content.upper()
        assert b"VIEW.PNG" not in content.upper()
    cells = [cell for row in csv.reader(io.StringIO(exported["CSV"].decode())) for cell in row]
    assert "'=1+1.png" in cells
    assert "x\\u202egnp.exe.png" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]
    assert not listener.heard


def download(page: Page, kind: str) -> bytes:
    page.get_by_role("button", name="Export").click()
    with page.expect_download(timeout=120_000) as got:
        page.get_by_role("button", name=kind, exact=True).click()
    content = Path(got.value.path()).read_bytes()
    page.keyboard.press("Escape")
    at_rest(page)
    return content
