"""Sixteen readers at once: whether each sees the scores of its own films, and how long it takes.

First one reader alone has the films of all scored: the reference. Then in each run every reader, a
browser session of its own, drops 20 films at the same time as the others, half of which the next
one drops too. Until the minutes are over each goes on to the next film, flashes its heatmap, and
now and then clears the list and drops other films. Browsers and server share the machine. Films of
the Kermany set, which `CXR_DATA` names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from cxr.datasets.published import data_folder

from .server import dashboard

#: Of each row: the film's name, its score, and whether it waits.
ROWS = """(rows) => rows.map((row) => [
  row.querySelector(".name").textContent,
  [...row.querySelectorAll("b")].map((cell) => cell.textContent).join(" "),
  row.classList.contains("waiting") || row.querySelector(".cell.waiting") !== null,
])"""
TURNS = 40  # after so many films that it opened, a reader drops others


@dataclass
class Reader:
    """A browser session with its films."""

    page: Page
    films: list[Path]
    errors: list[str] = field(default_factory=list)
    dropped: float = 0.0
    first: float = 0.0
    """Seconds from the drop to the first score; 0 before."""
    last: float = 0.0
    wrong: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    lists: int = 0
    turns: int = 0

    def drop(self) -> None:
        """Drop the films; the clock starts."""
        self.dropped, self.first, self.last = time.monotonic(), 0.0, 0.0
        self.page.set_input_files("input[type=file]", self.films)

    def look(self, reference: dict[str, str]) -> None:
        """Note first and last score, and compare all scores with the reference."""
        rows = self.page.eval_on_selector_all(".worklist li", ROWS)
        done = {name: score for name, score, waits in rows if not waits}
        passed = time.monotonic() - self.dropped
        if done and not self.first:
            self.first = passed
        if len(done) == len(self.films) and not self.last:
            self.last = passed
            self.lists += 1
        names = {film.name for film in self.films}
        self.foreign += [name for name, _, _ in rows if name not in names]
        self.wrong += [
            f"{name}: {score} instead of {reference[name]}"
            for name, score in done.items()
            if name in names and score != reference[name]
        ]


def kind_of(address: str) -> str:
    """Return an address without what is of one film or one session alone."""
    path = re.sub(r"[?#].*", "", re.sub(r"^\w+://[^/]*", "", address))
    return re.sub(r"[0-9a-f-]{20,}", "...", path)


def shown(reader: Reader) -> str:
    """Say what a page shows whose films are not scored."""
    page = reader.page
    rows = page.locator(".worklist li").count()
    waiting = page.locator(".worklist li.waiting").count()
    words = page.locator("[data-testid=stAlert], [data-testid=stFileUploaderFile]")
    state = page.get_by_test_id("stApp").get_attribute("data-test-script-state")
    return f"{rows} rows, {waiting} waiting, {state}: {words.all_inner_texts()[:3]}"


def opened(browser: Browser, address: str, films: list[Path]) -> Reader:
    """Open the dashboard in a session of its own."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(180_000)
    reader = Reader(page, films)
    page.on("pageerror", lambda error: reader.errors.append(str(error)[:200]))
    page.on(
        "response",
        lambda answer: (
            reader.errors.append(f"{answer.status} {kind_of(answer.url)}")
            if answer.status >= 400
            else None
        ),
    )
    page.goto(address)
    page.wait_for_selector("[data-testid=stFileUploaderDropzone]")
    return reader


def go_on(reader: Reader, films: list[Path], count: int) -> None:
    """Do what a reader does next, once all films are scored."""
    page = reader.page
    reader.turns += 1
    if reader.turns % TURNS:
        page.keyboard.press("j" if reader.turns % 2 else "o")
        return
    page.get_by_role("button", name="Add films").click()
    page.get_by_role("button", name="Clear the list").click()
    page.get_by_text("Drop chest radiographs here").wait_for()
    at = (films.index(reader.films[0]) + 3 * count) % (len(films) - count)
    reader.films = films[at : at + count]
    reader.drop()


def alone(
    browser: Browser, address: str, films: list[Path], count: int
) -> tuple[Reader, dict[str, str]]:
    """Have all films scored for one reader; returns it, with its times of the first, and scores."""
    reader = opened(browser, address, films[:count])
    reader.drop()
    rows = wait(reader, count)
    if films[count:]:
        reader.page.get_by_role("button", name="Add films").click()
        reader.page.set_input_files("input[type=file]", films[count:])
        rows = wait(reader, len(films))
    return reader, {name: score for name, score, _ in rows}


def wait(reader: Reader, count: int) -> list[tuple[str, str, bool]]:
    """Wait until so many films are scored; the times of the first drop are noted."""
    while True:
        rows: list[tuple[str, str, bool]]
        rows = reader.page.eval_on_selector_all(".worklist li", ROWS)
        done = sum(not waits for _, _, waits in rows)
        passed = time.monotonic() - reader.dropped
        reader.first = reader.first or (passed if done else 0.0)
        if done >= count:
            reader.last = reader.last or passed
            return rows
        time.sleep(0.1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--films", type=int, default=20, help="of each reader (default: 20)")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    count = options.films
    films = sorted((folder / "test").rglob("*.jpeg"))[: count // 2 * (options.readers + 1)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        reference: dict[str, str] = {}
        one: Reader | None = None
        for run in range(options.runs):
            with tempfile.TemporaryFile("w+") as said, dashboard(said) as (address, server):
                if one is None:
                    one, reference = alone(browser, address, films, count)
                    one.page.context.close()
                readers = [
                    opened(browser, address, films[k * count // 2 :][:count])
                    for k in range(options.readers)
                ]
                start = time.monotonic()
                for reader in readers:
                    reader.drop()
                times: list[tuple[float, float]] = []
                told: set[int] = set()
                while time.monotonic() - start < 60 * options.minutes:
                    for k, reader in enumerate(readers):
                        reader.look(reference)
                        if reader.last and k not in told:
                            told.add(k)
                            times.append((reader.first, reader.last))
                        if reader.last:
                            go_on(reader, films, count)
                    time.sleep(0.2)
                unfinished = [shown(reader) for reader in readers if not reader.lists]
                first, last = zip(*times, strict=True) if times else ((0.0,), (0.0,))
                result = {
                    "run": run + 1,
                    "readers": options.readers,
                    "lists_scored": sum(reader.lists for reader in readers),
                    "films_opened": sum(reader.turns for reader in readers),
                    "alone_first_s": round(one.first, 2),
                    "alone_all_s": round(one.last, 2),
                    "first_median_s": round(statistics.median(first), 2),
                    "first_worst_s": round(max(first), 2),
                    "all_median_s": round(statistics.median(last), 2),
                    "all_worst_s": round(max(last), 2),
                    "without_scores": len(unfinished),
                    "which_show": unfinished,
                    "wrong_scores": sum(len(reader.wrong) for reader in readers),
                    "foreign_films": sum(len(reader.foreign) for reader in readers),
                    "errors": sum(len(reader.errors) for reader in readers),
                    "which": Counter(e for r in readers for e in [*r.errors, *r.wrong]),
                    "memory_mb": round(server.memory()),
                    "peak_mb": round(server.peak()),
                    "threads": server.threads(),
                    "load_average": round(os.getloadavg()[0], 1),
                }
                for reader in readers:
                    reader.page.context.close()
                said.seek(0)
                words = [line.strip() for line in said if line.strip()]
                result["tracebacks_of_the_server"] = sum("Traceback" in line for line in words)
                print(json.dumps(result, indent=1), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
