"""Memory, threads and open files of a dashboard that scores thousands of films, list after list.

2,000 films in 20 lists of 100. A reader opens some films of each list and clears it. Films of the
Kermany set, which `CXR_DATA` names: a film comes in several lists, never twice in one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from cxr.datasets.published import data_folder

from .server import SCORED, Process, dashboard

FIRST = 200  # films after which memory is to be flat


def score(page: Page, films: list[Path]) -> None:
    """Have a list scored, open some of its films with their heatmaps, and clear it."""
    page.set_input_files("input[type=file]", films)
    expect(page.locator(SCORED)).to_have_count(len(films), timeout=1_200_000)
    for key in ("j", "o", "j", "j", "o"):
        page.keyboard.press(key)
        page.wait_for_timeout(300)
    page.get_by_role("button", name="Add films").click()
    page.get_by_role("button", name="Clear the list").click()
    expect(page.get_by_text("Drop chest radiographs here")).to_be_visible(timeout=120_000)
    page.wait_for_timeout(500)


def figures(server: Process) -> dict[str, float]:
    """Return what the server holds."""
    held = {"threads": server.threads(), "files": server.files()}
    return {"mb": round(server.memory(), 1)} | held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--list", type=int, default=100, help="films of a list (default: 100)")
    options = parser.parse_args()
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    every = sorted(folder.rglob("*.jpeg"))
    films = itertools.cycle(every[: len(every) // options.list * options.list])
    with dashboard() as (address, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
        start = time.monotonic()
        held: list[dict[str, float]] = []
        for done in range(options.list, options.films + 1, options.list):
            score(page, list(itertools.islice(films, options.list)))
            held.append({"films": done, "s": round(time.monotonic() - start)} | figures(server))
            print(json.dumps(held[-1]), flush=True)
        browser.close()
        later = [one for one in held if one["films"] >= FIRST]
        at_first = later[0]
        result = {
            "films": options.films,
            "minutes": round((time.monotonic() - start) / 60, 1),
            "peak_mb": round(server.peak(), 1),
            "most_over_the_first": {
                what: round(max(one[what] for one in later) / at_first[what], 3)
                for what in ("mb", "threads", "files")
            },
            "last_over_the_first": {
                what: round(later[-1][what] / at_first[what], 3)
                for what in ("mb", "threads", "files")
            },
            "load_average": round(os.getloadavg()[0], 1),
        }
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
