"""Every page held against axe-core: no serious violation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import serve, tab_of
from tests.browser.waiting import at_rest
from tests.conftest import ROOT
from tests.pages.test_pages import PAGES

CLASSES = ("NORMAL", "PNEUMONIA")
#: Comes with the tools of JavaScript: npm ci.
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="wants axe-core: npm ci")


def serious(page: Page, name: str) -> list[tuple[str, str, list[str]]]:
    """What axe-core finds on a page once that is at rest."""
    expect(page.get_by_role("heading", name=name.capitalize(), exact=True)).to_be_visible(
        timeout=90_000
    )
    at_rest(page)
    found: list[tuple[str, str, list[str]]] = []
    # What is just fading in has little contrast for a moment: asked again, it has not.
    for _ in range(5):
        told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        found = [
            (rule["id"], rule["help"], [node["html"] for node in rule["nodes"][:3]])
            for rule in told
            if rule["impact"] in ("serious", "critical")
        ]
        if not found:
            break
        page.wait_for_timeout(1000)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_violation(page: Page, name: str) -> None:
    page.goto("/" if name == "triage" else f"/{name}")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert not serious(page, name)


@pytest.fixture
def light(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """A tab on a dashboard in the light theme."""
    data = os.environ.get("CXR_DATA") or str(ROOT.parent / "shared" / "data")
    for address in serve(tmp_path, data, "--theme.base", ".streamlit/light.toml"):
        yield from tab_of(chromium, address)


@pytest.mark.data
def test_nor_has_any_in_the_light_theme(light: Page, data_dir: Path) -> None:
    """One walk in one tab, with films in the list, which is cheaper than a page at a time."""
    page = light
    page.goto("/")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=90_000)
    assert not serious(page, "triage")
    films = [min((data_dir / "kermany" / "test" / name).iterdir()) for name in CLASSES]
    page.set_input_files("input[type=file]", films)
    expect(page.locator("li.above, li.near, li.below")).to_have_count(2, timeout=180_000)
    for name in PAGES:
        if name != "triage":
            page.get_by_role("link", name=name.capitalize(), exact=True).click()
        assert not serious(page, name), name
