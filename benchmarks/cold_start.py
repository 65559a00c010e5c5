"""How soon a film is painted and scored on Triage: by a server that was just started, and later.

The film is dropped as soon as the empty page can take it. A JPEG of the Kermany set, which
`CXR_DATA` names, or the film given as argument.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from cxr.datasets.published import data_folder

from .server import dashboard

STARTS, DROPS = 3, 5

#: From the drop to the first frame with the film in it, and to its score in the list.
STEPS = """async () => {
  const [file] = document.getElementById("dropped").files;
  const data = new DataTransfer();
  data.items.add(file);
  const zone = document.querySelector("[data-testid=stFileUploaderDropzone]");
  const start = performance.now();
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const told = { dataTransfer: data, bubbles: true, cancelable: true };
    zone.dispatchEvent(new DragEvent(kind, told));
  }
  const within = (selector) => [...document.querySelectorAll("*")]
    .some((element) => element.shadowRoot?.querySelector(selector));
  const found = {};
  const steps = {
    painted: ".viewer[data-painted]",
    scored: "li.above, li.near, li.below, li.refused",
  };
  while (Object.keys(found).length < 2) {
    if (performance.now() - start > 120000) throw new Error("not scored within two minutes");
    for (const [step, selector] of Object.entries(steps)) {
      if (!(step in found) && (within(selector) || document.querySelector(selector))) {
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        found[step] = performance.now() - start;
      }
    }
    await new Promise((done) => setTimeout(done, 5));
  }
  return found;
}"""


def drop(browser: Browser, address: str, film: Path) -> dict[str, float]:
    """Drop a film on the empty list of a new tab; gives seconds."""
    start = time.perf_counter()
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(address)
    tab.wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
    ready = time.perf_counter() - start
    tab.evaluate("""() => {
      const input = document.createElement("input");
      Object.assign(input, { type: "file", id: "dropped", hidden: true });
      document.body.append(input);
    }""")
    tab.set_input_files("#dropped", film)
    told: dict[str, float] = tab.evaluate(STEPS)
    tab.wait_for_timeout(1000)
    tab.close()
    return {"page": ready} | {step: told[step] / 1000 for step in ("painted", "scored")}


def medians(drops: list[dict[str, float]]) -> dict[str, object]:
    """Median of each step, and each drop."""
    steps: dict[str, object] = {
        step: round(statistics.median(d[step] for d in drops), 2) for step in drops[0]
    }
    return steps | {
        f"{step}_each": [round(d[step], 2) for d in drops] for step in ("painted", "scored")
    }


def main() -> None:
    folder = data_folder("kermany")
    if not sys.argv[1:] and folder is None:
        sys.exit("Name a film, or set CXR_DATA to the folder of the data sets.")
    given = Path(sys.argv[1]) if sys.argv[1:] else None
    film = given or min((folder / "test").rglob("*.jpeg"))  # type: ignore[operator]
    cold, warm = [], []
    with sync_playwright() as playwright:
        # The browser is there before the server, as a reader's is.
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for start in range(STARTS):
            with dashboard() as (address, _):
                cold.append(drop(browser, address, film))
                if start == STARTS - 1:
                    warm = [drop(browser, address, film) for _ in range(DROPS)]
        browser.close()
    load = [round(value, 1) for value in os.getloadavg()]
    told = {"cold": medians(cold), "warm": medians(warm), "load_average": load}
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
