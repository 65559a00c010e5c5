"""How soon a film is painted after it was dropped on Triage, on a server that is warm.

With a path as argument, that film is dropped; else a JPEG of the Kermany set, if `CXR_DATA` names
it, and a DICOM film of 12 megapixels that is made up.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from cxr.datasets.published import data_folder

from .server import SCORED, dashboard

DROPS = 7
SHAPE = 4000, 3000

#: From the drop to the first frame with the film in it, and when things happened in between.
PAINTED = """async () => {
  const [file] = document.getElementById("dropped").files;
  const data = new DataTransfer();
  data.items.add(file);
  const zone = document.querySelector("[data-testid=stFileUploaderDropzone]");
  performance.clearResourceTimings();
  performance.setResourceTimingBufferSize(2000);
  const start = performance.now();
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const told = { dataTransfer: data, bubbles: true, cancelable: true };
    zone.dispatchEvent(new DragEvent(kind, told));
  }
  const painted = () => [...document.querySelectorAll("*")]
    .some((element) => element.shadowRoot?.querySelector(".viewer[data-painted]"));
  while (!painted()) {
    if (performance.now() - start > 60000) throw new Error("not painted within a minute");
    await new Promise((done) => setTimeout(done, 5));
  }
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  const end = performance.now();
  const found = { painted: end - start };
  for (const entry of performance.getEntriesByType("resource")) {
    const kind = entry.name.includes("upload_file") ? "upload"
      : entry.name.includes("/media/") ? "film" : "";
    if (kind && entry.startTime >= start) {
      found[`${kind}_asked`] = entry.startTime - start;
      found[`${kind}_done`] = entry.responseEnd - start;
    }
  }
  return found;
}"""


def made_film(folder: Path) -> Path:
    """Write a DICOM film of 12 bits, with noise: nothing of it is cheaper than of a real one."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0 : 1 : SHAPE[0] * 1j, 0 : 1 : SHAPE[1] * 1j]
    lungs = sum(((x - at) / 0.16) ** 2 + ((y - 0.5) / 0.32) ** 2 < 1 for at in (0.3, 0.7))
    values = 2400 + 600 * y - 1400 * lungs + rng.normal(0, 60, SHAPE)
    film = FileDataset(None, {}, file_meta=FileMetaDataset(), preamble=b"\0" * 128)
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID = "1.2.3.4"
    film.Modality, film.SamplesPerPixel = "DX", 1
    film.PhotometricInterpretation, film.PixelRepresentation = "MONOCHROME2", 0
    film.Rows, film.Columns = SHAPE
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.WindowCenter, film.WindowWidth = 2048, 4096
    film.PixelData = np.clip(values, 0, 4095).astype("<u2").tobytes()
    path = folder / "12_megapixels.dcm"
    film.save_as(path, enforce_file_format=True)
    return path


def drop(browser: Browser, address: str, film: Path) -> dict[str, float]:
    """Drop a film on the empty list of a new tab; gives milliseconds."""
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.goto(address)
    tab.wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
    tab.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    # The film is in the browser before it is dropped, as it is under a reader's hand.
    tab.evaluate("""() => {
      const input = document.createElement("input");
      Object.assign(input, { type: "file", id: "dropped", hidden: true });
      document.body.append(input);
    }""")
    tab.set_input_files("#dropped", film)
    tab.wait_for_timeout(500)
    told: dict[str, float] = tab.evaluate(PAINTED)
    # What is still scored would slow the next one.
    tab.wait_for_selector(SCORED, timeout=120_000)
    tab.wait_for_timeout(1000)
    tab.close()
    return told


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        dashboard() as (address, _),
        sync_playwright() as play,
    ):
        films: dict[str, Path] = {}
        if sys.argv[1:]:
            films["given"] = Path(sys.argv[1])
        else:
            films["dicom_12_megapixels"] = made_film(Path(folder))
            if kermany := data_folder("kermany"):
                films["jpeg"] = min((kermany / "test").rglob("*.jpeg"))
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        result: dict[str, object] = {}
        for name, film in films.items():
            drop(browser, address, film)  # loads what the first film needs
            drops = [drop(browser, address, film) for _ in range(DROPS)]
            result[name] = {
                step: round(statistics.median(d.get(step, 0) for d in drops) / 1000, 3)
                for step in drops[-1]
            } | {"painted_each": [round(d["painted"] / 1000, 2) for d in drops]}
        result["load_average"] = round(os.getloadavg()[0], 1)
        print(json.dumps(result, indent=1))
        browser.close()


if __name__ == "__main__":
    main()
