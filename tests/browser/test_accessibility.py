"""Every page held against axe-core: no serious violation."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.waiting import at_rest
from tests.conftest import ROOT
from tests.pages.test_pages import PAGES

#: Comes with the tools of JavaScript: npm ci.
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.skipif(not AXE.is_file(), reason="wants axe-core: npm ci")
@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_violation(page: Page, name: str) -> None:
    page.goto("/" if name == "triage" else f"/{name}")
    expect(page.get_by_role("heading", name=name.capitalize(), exact=True)).to_be_visible(
        timeout=90_000
    )
    at_rest(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    # What is just fading in has little contrast for a moment: asked again, it has not.
    for _ in range(5):
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        serious = [
            (rule["id"], rule["help"], [node["html"] for node in rule["nodes"][:3]])
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]
        if not serious:
            break
        page.wait_for_timeout(1000)
    assert not serious
