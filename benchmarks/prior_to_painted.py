"""How soon an earlier film of the same patient is painted next to the open one, on a warm server.

One patient with four studies, made of films of the Kermany originals, which `CXR_DATA` names:
brought to 5 megapixels of 12 bits, with noise, so that nothing of them is cheaper than of a real
film. A new tab for each round, in which the reader

- opens the newest film and asks for the prior by key once the page is at rest (``first``);
- chooses another prior of the list, and a third one (``other``).

And one more tab, in which the reader looks at the oldest film, opens the newest, and presses the
key as soon as that is painted (``at_once``), before anything can be fetched ahead.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxr.datasets.published import data_folder

from .server import dashboard

ROUNDS, STUDIES = 10, 4
SHAPE = 2560, 2048

#: What the steps below are made of, and the steps. Each gives milliseconds.
STEPS = """(() => {
  const within = (selector) => [...document.querySelectorAll("*")]
    .map((element) => element.shadowRoot?.querySelector(selector)).find(Boolean);
  const viewer = () => within(".viewer");
  const until = async (holds) => {
    const start = performance.now();
    while (!holds()) {
      if (performance.now() - start > 60000) throw new Error("not painted within a minute");
      await new Promise((done) => setTimeout(done, 2));
    }
  };
  const measured = async (act) => {
    const before = viewer()?.dataset.prior ?? "";
    performance.clearResourceTimings();
    const start = performance.now();
    act();
    await until(() => (viewer()?.dataset.prior || before) !== before);
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const told = { painted: performance.now() - start };
    for (const entry of performance.getEntriesByType("resource")) {
      if (!entry.name.includes("/media/") || entry.startTime < start) continue;
      told.asked = entry.startTime - start;
      told.fetched = entry.responseEnd - start;
    }
    return told;
  };
  const press = (key) =>
    document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  window.cxrSteps = {
    key: () => measured(() => press("p")),
    choose: (number) => measured(() =>
      document.querySelectorAll("[role=radiogroup][aria-label^=Earlier] input")[number].click()),
    // From the moment at which the film is painted.
    open: async (number) => {
      const film = viewer().dataset.sha256;
      within(`.worklist [data-number="${number}"]`).click();
      await until(() => viewer()?.dataset.painted && viewer().dataset.sha256 !== film);
      return measured(() => press("p"));
    },
  };
})()"""


def disc(folder: Path, shape: tuple[int, int]) -> list[Path]:
    """Write the studies of one patient, the newest first."""
    data = data_folder("kermany_originals")
    if data is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    pictures = sorted((data / "test").rglob("*.jpeg"))[:STUDIES]
    if len(pictures) < STUDIES:
        sys.exit(f"Wants {STUDIES} films in {data / 'test'}.")
    rng = np.random.default_rng(1)
    files = []
    for number, picture in enumerate(pictures, 1):
        film = Image.open(picture).convert("L").resize(shape[::-1], Image.Resampling.BICUBIC)
        values = np.asarray(film, np.float32) * 16 + rng.normal(0, 20, shape)
        made = FileDataset(None, {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        made.SOPClassUID = DigitalXRayImageStorageForPresentation
        made.SOPInstanceUID = f"1.2.3.{number}.1"
        made.StudyInstanceUID, made.StudyDate = f"1.2.3.{number}", f"20240{STUDIES + 1 - number}01"
        made.PatientID, made.PatientBirthDate, made.PatientAge = "4711", "20190301", "005Y"
        made.Modality, made.ViewPosition, made.SamplesPerPixel = "DX", "PA", 1
        made.PhotometricInterpretation, made.PixelRepresentation = "MONOCHROME2", 0
        made.Rows, made.Columns = shape
        made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
        made.WindowCenter, made.WindowWidth = 2048, 4096
        made.PixelData = np.clip(values, 0, 4095).astype("<u2").tobytes()
        path = folder / f"IM{number}.dcm"
        made.save_as(path, enforce_file_format=True)
        files.append(path)
    return files


def at_rest(tab: Page) -> None:
    """Wait until no script runs, twice: what is read in the background draws the page anew."""
    for _ in range(3):
        tab.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        tab.wait_for_timeout(700)


def open_film(tab: Page, number: int) -> None:
    tab.locator(f'.worklist li[data-number="{number}"]').click()
    tab.wait_for_selector(f'.worklist li[data-number="{number}"][aria-selected="true"]')


@contextmanager
def list_of(browser: Browser, address: str, films: list[Path]) -> Iterator[Page]:
    """Drop a patient's films on a new tab, and wait until they are scored."""
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(address)
    tab.wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
    tab.set_input_files("input[type=file]", films)
    tab.wait_for_function(
        """(count) => [...document.querySelectorAll("*")].some((element) =>
          element.shadowRoot?.querySelectorAll(".worklist li:not(.waiting)").length === count)""",
        arg=STUDIES,
        timeout=240_000,
    )
    tab.evaluate(STEPS)
    yield tab
    tab.close()


def look(browser: Browser, address: str, films: list[Path]) -> dict[str, list[dict[str, float]]]:
    """Look at one patient in two new tabs; gives milliseconds of each step, as often as done."""
    told: dict[str, list[dict[str, float]]] = {}
    with list_of(browser, address, films) as tab:
        open_film(tab, 1)
        at_rest(tab)
        told["first"] = [tab.evaluate("cxrSteps.key()")]
        tab.locator(".st-key-film_acts").get_by_role("button", name="Compare").click()
        tab.wait_for_selector("[role=radiogroup][aria-label^=Earlier]")
        at_rest(tab)
        told["other"] = []
        for number in range(1, STUDIES - 1):
            told["other"].append(tab.evaluate("(number) => cxrSteps.choose(number)", number))
            at_rest(tab)
    with list_of(browser, address, films) as tab:
        open_film(tab, STUDIES)
        at_rest(tab)
        told["at_once"] = [tab.evaluate("cxrSteps.open(1)")]
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="tabs (default: %(default)s)")
    parser.add_argument(
        "--shape", type=int, nargs=2, default=SHAPE, metavar=("ROWS", "COLUMNS"), help="of a film"
    )
    given = parser.parse_args()
    loads = [os.getloadavg()[0]]
    rounds = []
    with (
        tempfile.TemporaryDirectory() as folder,
        dashboard() as (address, _),
        sync_playwright() as play,
    ):
        films = disc(Path(folder), tuple(given.shape))
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        look(browser, address, films)  # loads what the first film needs
        for _ in range(given.rounds):
            rounds.append(look(browser, address, films))
            loads.append(os.getloadavg()[0])
            time.sleep(1)
        browser.close()
    result: dict[str, object] = {}
    for step in rounds[0]:
        told = [one for each in rounds for one in each[step]]
        result[step] = {
            "times": len(told),
            **{
                part: [round(fold(values) / 1000, 3) for fold in (statistics.median, max)]
                for part in ("painted", "asked", "fetched")
                if (values := [one[part] for one in told if part in one])
            },
            "each": [round(one["painted"] / 1000, 2) for one in told],
        }
    result["load_average"] = [round(min(loads), 1), round(max(loads), 1)]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
