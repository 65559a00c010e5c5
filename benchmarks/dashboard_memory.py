"""Memory of the dashboard's process after 20 and after 200 films on Triage."""

from __future__ import annotations

import json
import sys
import time

from playwright.sync_api import expect, sync_playwright

from cxr.datasets.published import data_folder

from .server import dashboard


def main() -> None:
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    films = sorted((folder / "test").rglob("*.jpeg"))[:200]
    with dashboard() as (address, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        expect(page.get_by_test_id("stFileUploader")).to_be_visible(timeout=90_000)
        result = {}
        for start, end in ((0, 20), (20, 200)):
            if start:
                page.get_by_role("button", name="Add films").click()
            page.set_input_files("input[type=file]", films[start:end])
            scored = page.locator("li.above, li.near, li.below")
            expect(scored).to_have_count(end, timeout=300_000)
            time.sleep(3)
            result[f"after_{end}_mb"] = round(server.memory(), 1)
        result["ratio"] = round(result["after_200_mb"] / result["after_20_mb"], 3)
        print(json.dumps(result, indent=1))
        browser.close()


if __name__ == "__main__":
    main()
