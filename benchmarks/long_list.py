"""How soon Triage answers in a list of 1,000 films that are being scored.

The next film is asked for by its key, and after that a row by a click, again and again until all
films are scored: until the row is marked, and until the film is painted. Then the same once more,
while nothing is scored. Films of the Kermany set, which `CXR_DATA` names.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator

from playwright.sync_api import Page, expect, sync_playwright

from cxr.datasets.published import data_folder

from .server import SCORED, dashboard

#: From a press of a key, or a click on the row after the marked one, to what it shows.
ANSWERED = """async (key) => {
  const viewer = () => [...document.querySelectorAll("*")]
    .map((element) => element.shadowRoot?.querySelector(".viewer")).find(Boolean);
  const list = () => document.querySelector("ol.worklist") ?? [...document.querySelectorAll("*")]
    .map((element) => element.shadowRoot?.querySelector("ol.worklist")).find(Boolean);
  const marked = () => list()?.dataset.chosen;
  const before = { painted: viewer()?.dataset.painted, marked: marked() };
  const start = performance.now();
  if (key) {
    document.body.dispatchEvent(
      new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, composed: true }));
  } else {
    [...list().children].find((row) => row.getAttribute("aria-selected") === "true")
      .nextElementSibling.click();
  }
  const told = {};
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  while (Object.keys(told).length < 2) {
    const now = { painted: viewer()?.dataset.painted, marked: marked() };
    if (performance.now() - start > 30000) {
      throw new Error(`no answer in 30 seconds: ${JSON.stringify([key, told, before, now])}`);
    }
    for (const step of ["marked", "painted"]) {
      if (!(step in told) && now[step] && now[step] !== before[step]) {
        await frame();
        told[step] = performance.now() - start;
      }
    }
    await new Promise((done) => setTimeout(done, 5));
  }
  return told;
}"""


def answers(page: Page, seconds: float) -> Iterator[dict[str, float]]:
    """Ask for another film again and again; yields milliseconds."""
    end = time.monotonic() + seconds
    for key in itertools.cycle(["j", None]):
        if time.monotonic() > end:
            return
        yield page.evaluate(ANSWERED, key)
        page.wait_for_timeout(400)  # as a reader looks at it, however shortly


def told(found: list[dict[str, float]]) -> dict[str, float]:
    """Return median and worst of each step."""
    steps: dict[str, float] = {"times": len(found)}
    for step in ("marked", "painted"):
        each = [one[step] for one in found]
        steps |= {f"{step}_median_ms": round(statistics.median(each))}
        steps |= {f"{step}_worst_ms": round(max(each))}
    return steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20, help="of each part")
    options = parser.parse_args()
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    films = sorted((folder / "train").rglob("*.jpeg"))[: options.films]
    with dashboard() as (address, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        page.wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
        start = time.monotonic()
        page.set_input_files("input[type=file]", films)
        expect(page.locator("ol.worklist li")).to_have_count(len(films), timeout=600_000)
        listed = time.monotonic() - start
        page.wait_for_timeout(1000)
        scoring = list(answers(page, options.seconds))
        waiting = len(films) - page.locator(SCORED).count()
        expect(page.locator(SCORED)).to_have_count(len(films), timeout=1_200_000)
        scored = time.monotonic() - start
        page.wait_for_timeout(3000)
        result = {
            "films": len(films),
            "listed_s": round(listed, 1),
            "scored_s": round(scored, 1),
            "while_scoring": told(scoring) | {"still_waiting": waiting},
            "afterwards": told(list(answers(page, options.seconds))),
            "memory_mb": round(server.memory()),
            "load_average": round(os.getloadavg()[0], 1),
        }
        print(json.dumps(result, indent=1))
        browser.close()


if __name__ == "__main__":
    main()
