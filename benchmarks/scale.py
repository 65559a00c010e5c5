"""What many films and many readers cost, from rates measured here: the tables of SCALE.md.

Of each folder films are read and scored in this process, and the processor's time of a film is
taken, whatever else the machine does; with it the size of a file and of a row. Then a reader's
day is played on Triage: films are dropped, and each is opened and its heatmap flashed; the
server's processor time of a film and its memory are taken (needs Chromium and `CXR_DATA`).
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from cxr.bulk.checkpoints import RowsOf
from cxr.bulk.parts import PartsCheckpoint
from cxr.bulk.pipeline import score_many
from cxr.datasets.published import data_folder
from cxr.model import Model, load
from cxr.scoring.predict import FILES_AT_ONCE, find_films

from .server import SCORED, dashboard

ROWS = 50_000
FILMS = 24


def of_films(model: Model, paths: list[str]) -> dict[str, float]:
    """Return seconds of a processor a film, and the bytes of a file and of its row."""
    list(score_many([model], paths[:FILES_AT_ONCE], readers=0))
    start = time.process_time()
    said = list(itertools.chain(*score_many([model], paths, readers=0)))
    took = (time.process_time() - start) / len(paths)
    rows = [[prediction.row(s.path) for prediction in s.predictions.values()] for s in said]
    (expected,) = {RowsOf(r["model"], r["model_sha256"], r["operating_point"]) for (r,) in rows}
    many = [
        # No two scores alike, as of films that are not copies.
        [row | {"path": f"{row['path']}-{k}", "score": (row["score"] or 0) + k / ROWS**2}]
        for k, (row,) in enumerate(itertools.islice(itertools.cycle(rows), ROWS))
    ]
    with tempfile.TemporaryDirectory() as place:
        folder, start = Path(place) / "rows", time.perf_counter()
        with PartsCheckpoint(folder, [expected], resume=False) as out:
            for k in range(0, ROWS, 32):
                out.append(many[k : k + 32])
        kept = ROWS / (time.perf_counter() - start)
        size = sum(part.stat().st_size for part in folder.glob("*.parquet")) / ROWS
    return {
        "seconds_of_a_core": round(took, 4),
        "file_bytes": round(sum(Path(path).stat().st_size for path in paths) / len(paths)),
        "row_bytes": round(size),
        "rows_kept_a_second": round(kept),
    }


def drop(page: Page, films: list[Path]) -> None:
    page.set_input_files("input[type=file]", films)
    scored = page.locator(SCORED)
    expect(scored).to_have_count(len(films), timeout=300_000)


def of_a_reader(films: list[Path]) -> Iterator[tuple[str, float]]:
    """Yield the server's figures: of films dropped and read in a tab, and of another tab."""
    with dashboard() as (address, server), sync_playwright() as playwright:
        chromium = playwright.chromium
        browser = chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        pages = []
        for _ in range(2):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(address)
            page.wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
            pages.append(page)
        drop(pages[0], films[:1])  # the networks are up
        pages[0].wait_for_timeout(3000)
        pages[0].reload()
        pages[0].wait_for_selector("[data-testid=stFileUploaderDropzone]", timeout=120_000)
        before = server.processor()
        drop(pages[0], films)
        pages[0].wait_for_timeout(3000)
        scored = server.processor()
        yield "dropped_and_scored", (scored - before) / len(films)
        one = server.memory()
        for _ in films:
            pages[0].keyboard.press("o")
            pages[0].wait_for_timeout(1500)
            pages[0].keyboard.press("j")
            pages[0].wait_for_timeout(1500)
        yield "opened_and_flashed", (server.processor() - scored) / len(films)
        drop(pages[1], films)
        pages[1].wait_for_timeout(3000)
        yield "mb_of_the_first", one
        yield "mb_of_another", server.memory() - one
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", default="pneumonia")
    parser.add_argument("--films", type=int, default=128)
    options = parser.parse_args()
    model = load(options.model)
    for folder in options.folders:
        films = list(map(str, find_films([folder])))
        step = max(1, len(films) // options.films)
        said = of_films(model, films[::step][: options.films])
        print(json.dumps({"folder": folder.name} | said), flush=True)
    if data := data_folder("kermany"):
        films_ = sorted((data / "test").rglob("*.jpeg"))[:FILMS]
        print(json.dumps({name: round(value, 3) for name, value in of_a_reader(films_)}))


if __name__ == "__main__":
    main()
