"""Sixteen readers at once: whether each sees the scores of its own films, and how long it takes.

First one reader alone has the films of all scored and opens each: the reference. Then in each run
every reader, a browser session of its own, drops 20 films at the same time as the others, half of
which the next one drops too, opens one after the other, each for some seconds, clears the list
and drops others, until the minutes are over. One of them is Chromium; the others say and fetch
what a browser does and draw nothing (`benchmarks.sessions`), as sixteen browsers would take the
processor from the server that they share it with. Films of the Kermany set, which `CXR_DATA` names.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from playwright.async_api import Browser, Page, Response, async_playwright

from cxr.datasets.published import data_folder

from .server import Process, dashboard
from .sessions import Session, Shown

#: Of each row: the film's name, its score, and whether it waits.
ROWS = """(rows) => rows.map((row) => [
  row.querySelector(".name").textContent,
  [...row.querySelectorAll("b")].map((cell) => cell.textContent).join(" "),
  row.classList.contains("waiting") || row.querySelector(".cell.waiting") !== null,
])"""
#: Seconds for which a reader looks at a film.
PACE = 2.0, 6.0
#: Seconds after which the browsers do what they are told, one after the other: some are slow.
LAGS = 0.0, 0.05, 0.2, 0.5
#: Share of a heatmap's range by which the same film may differ in another batch.
MAPS_ALIKE = 1e-3
#: Seconds after which something is taken not to come.
LOST = 180.0


class Reference(NamedTuple):
    """What a reader alone was shown, by the name of each film."""

    scores: dict[str, str]
    films: dict[str, Shown]
    heatmaps: dict[tuple[str, str], list[list[float]]]


@dataclass
class Notes:
    """What readers noted.

    Attributes
    ----------
    first, all : list of float
        Of each list, seconds from the drop to the first score, and to all.
    opened : list of float
        Of each film, seconds from the key to the film and its heatmap.
    wrong, foreign, errors : list of str
    refused : int
        Films of others that the server did not give.
    """

    first: list[float] = field(default_factory=list)
    all: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    refused: int = 0


def alike(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> bool:
    """Whether two heatmaps are the same but for the batch that they were made in."""
    a, b = np.array(one), np.array(other)
    return a.shape == b.shape and bool(np.abs(a - b).max() <= MAPS_ALIKE * max(np.ptp(b), 1e-12))


async def hope(session: Session, holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds; say how the page was where it does not."""
    try:
        await session.until(holds, LOST)
    except TimeoutError as error:
        raise TimeoutError(f"{what} did not come: {session}") from error


async def take(session: Session, films: Sequence[Path], notes: Notes) -> asyncio.Task[None]:
    """Drop films and wait for the first score; the task returned waits for all."""
    start = time.monotonic()
    await session.drop(films)
    await hope(session, lambda: bool(session.scores), "a score")
    notes.first.append(time.monotonic() - start)

    async def wait() -> None:
        await hope(session, lambda: len(session.scores) == len(films), "all scores")
        notes.all.append(time.monotonic() - start)

    return asyncio.create_task(wait())


async def look(session: Session, name: str) -> None:
    """Open a film, and wait until it and its heatmap are there."""
    number = next(row["first"] for row in session.rows if row["name"] == name)
    session.films.pop(name, None)
    await session.choose(number)
    await session.until(
        lambda: (
            session.film.get("name") == name and name in session.films and not session.is_coming
        ),
        LOST,
    )


def unlike(session: Session, name: str, reference: Reference) -> Iterator[str]:
    """Say in what a film differs from what a reader alone was shown of it."""
    if session.films[name] != reference.films[name]:
        yield f"{name}: another film"
    for (of, method), heatmap in session.heatmaps.items():
        if of == name and not alike(heatmap, reference.heatmaps[name, method]):
            yield f"{name}: another heatmap"


async def alone(address: str, films: Sequence[Path], count: int) -> tuple[Reference, Notes]:
    """Have all films scored for one reader and open each."""
    notes, scores = Notes(), {}
    async with Session(address) as session:
        for start in range(0, len(films), count):
            await (await take(session, films[start : start + count], notes))
            for film in films[start : start + count]:
                opened = time.monotonic()
                await look(session, film.name)
                notes.opened.append(time.monotonic() - opened)
            scores |= session.scores
            await session.clear()
        if session.errors:
            sys.exit(f"The reader alone met errors: {session.errors}")
        return Reference(scores, session.films, session.heatmaps), notes


async def read(
    session: Session,
    lists: Iterator[Sequence[Path]],
    reference: Reference,
    others: Sequence[Session],
    notes: Notes,
    until: float,
) -> None:
    """Read list after list, at a reader's pace."""
    chance = random.Random(id(session))  # noqa: S311
    shown: set[str] = set()  # in any list: what a browser was shown once it may be given again
    for films in lists:
        own = {film.name for film in films}
        shown |= own
        rest = await take(session, films, notes)
        rest.add_done_callback(lambda task: task.cancelled() or task.exception())
        unread = set(own)
        while unread and time.monotonic() < until:
            name = next(row["name"] for row in session.rows if row["name"] in unread)
            unread.discard(name)
            opened = time.monotonic()
            await look(session, name)
            notes.opened.append(time.monotonic() - opened)
            notes.wrong += unlike(session, name, reference)
            other = chance.choice(others).film
            if other and other["name"] not in shown:
                status = await session.status(other["url"])
                notes.refused += status == 404
                notes.foreign += [f"The film of another: {status}"] if status != 404 else []
            await asyncio.sleep(chance.uniform(*PACE))
        await rest
        notes.foreign += session.names - own
        notes.wrong += [
            f"{name}: {said} instead of {reference.scores[name]}"
            for name, told in session.told.items()
            for said in told - {reference.scores.get(name)}
        ]
        if time.monotonic() > until:
            return
        await session.clear()


async def without_stop(work: Sequence[object], notes: Notes) -> None:
    """Note what readers could not go on from, as scores that did not come."""
    for end in await asyncio.gather(*work, return_exceptions=True):  # type: ignore[call-overload]
        if isinstance(end, BaseException):
            notes.errors.append(f"A reader could not go on: {type(end).__name__} {end}"[:400])


def kind_of(address: str) -> str:
    """Return an address without what is of one film or one session alone."""
    path = re.sub(r"[?#].*", "", re.sub(r"^\w+://[^/]*", "", address))
    return re.sub(r"[0-9a-f-]{20,}", "...", path)


async def witness(
    browser: Browser,
    address: str,
    lists: Iterator[Sequence[Path]],
    reference: Reference,
    notes: Notes,
    until: float,
) -> None:
    """Read list after list in Chromium."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(1000 * LOST)

    def note(answer: Response) -> None:
        if answer.status >= 400:
            notes.errors.append(f"Chromium: {answer.status} {kind_of(answer.url)}")

    page.on("pageerror", lambda error: notes.errors.append(f"Chromium: {error}"[:200]))
    page.on("response", note)
    await page.goto(address)
    await page.wait_for_selector("[data-testid=stFileUploaderDropzone]")
    for films in lists:
        start = time.monotonic()
        await page.set_input_files("input[type=file]", films)
        await rows_of(page, 1)
        notes.first.append(time.monotonic() - start)
        rows = await rows_of(page, len(films))
        notes.all.append(time.monotonic() - start)
        own = {film.name for film in films}
        for _ in films:
            if time.monotonic() > until:
                break
            await page.keyboard.press("j")
            await asyncio.sleep(1)
            await page.keyboard.press("o")
            await asyncio.sleep(random.uniform(*PACE) - 1)  # noqa: S311
            rows = await page.eval_on_selector_all(".worklist li", ROWS)
            notes.foreign += [f"Chromium: {name}" for name, _, _ in rows if name not in own]
            notes.wrong += [
                f"Chromium: {name}: {score} instead of {reference.scores[name]}"
                for name, score, waits in rows
                if name in own and not waits and score != reference.scores[name]
            ]
        if time.monotonic() > until:
            break
        await page.get_by_role("button", name="Add films").click()
        await page.get_by_role("button", name="Clear the list").click()
        await page.get_by_text("Drop chest radiographs here").wait_for()
    await context.close()


async def rows_of(page: Page, count: int) -> list[tuple[str, str, bool]]:
    """Wait until so many films are scored; return all rows."""
    async with asyncio.timeout(LOST):
        while True:
            rows: list[tuple[str, str, bool]]
            rows = await page.eval_on_selector_all(".worklist li", ROWS)
            if sum(not waits for _, _, waits in rows) >= count:
                return rows
            await asyncio.sleep(0.2)


async def watched(server: Process, loads: list[float], memory: list[float]) -> None:
    """Note the load of the machine and the server's memory, now and then."""
    while True:
        loads.append(os.getloadavg()[0])
        memory.append(server.memory())
        await asyncio.sleep(5)


def lists_of(films: Sequence[Path], k: int, count: int) -> Iterator[Sequence[Path]]:
    """Return a reader's lists, each of which has films of two neighbors' lists."""
    places = len(films) // (count // 2) - 1
    for turn in itertools.count():
        start = (k + 3 * turn) % places * (count // 2)
        yield films[start : start + count]


async def run(options: argparse.Namespace, films: Sequence[Path]) -> None:
    count, readers = options.films, options.readers
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        reference: Reference | None = None
        for number in range(options.runs):
            with tempfile.TemporaryFile("w+") as said, dashboard(said) as (address, server):
                if reference is None:
                    reference, one = await alone(address, films, count)
                notes = Notes()
                loads: list[float] = []
                memory: list[float] = []
                start = time.monotonic()
                async with AsyncExitStack() as stack:
                    sessions = [
                        await stack.enter_async_context(Session(address, lag=LAGS[k % len(LAGS)]))
                        for k in range(readers - 1)
                    ]
                    watch = asyncio.create_task(watched(server, loads, memory))
                    start = time.monotonic()
                    until = start + 60 * options.minutes
                    work = [
                        read(
                            s,
                            lists_of(films, k, count),
                            reference,
                            [*sessions[:k], *sessions[k + 1 :]],
                            notes,
                            until,
                        )
                        for k, s in enumerate(sessions)
                    ]
                    own = lists_of(films, readers - 1, count)
                    work.append(witness(browser, address, own, reference, notes, until))
                    await without_stop(work, notes)
                    watch.cancel()
                    minutes = (time.monotonic() - start) / 60
                    for session in sessions:
                        notes.errors += session.errors
                said.seek(0)
                words = [line.strip() for line in said if line.strip()]
                result = {
                    "run": number + 1,
                    "minutes": round(minutes, 1),
                    "readers": readers,
                    "lists_scored": len(notes.all),
                    "films_opened": len(notes.opened),
                    "alone": spread(one),
                    "together": spread(notes),
                    "wrong": Counter(notes.wrong),
                    "foreign": Counter(notes.foreign),
                    "refused_films_of_others": notes.refused,
                    "errors": Counter(notes.errors),
                    "connected_anew": sum(session.reconnected for session in sessions),
                    "tracebacks_of_the_server": sum("Traceback" in line for line in words),
                    "memory_mb": round(max(memory)),
                    "peak_mb": round(server.peak()),
                    "threads": server.threads(),
                    "load_average": round(statistics.mean(loads), 1),
                }
                print(json.dumps(result, indent=1), flush=True)
        await browser.close()


def spread(notes: Notes) -> dict[str, float]:
    """Return median and worst of each wait, seconds."""
    waits = {"first": notes.first, "all": notes.all, "film_and_heatmap": notes.opened}
    return {
        f"{name}_{what}_s": round(of(values), 2)
        for name, values in waits.items()
        if values
        for what, of in (("median", statistics.median), ("worst", max))
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--films", type=int, default=20, help="of each list (default: 20)")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    films = sorted((folder / "test").rglob("*.jpeg"))
    asyncio.run(run(options, films[: options.films // 2 * (options.readers + 1)]))


if __name__ == "__main__":
    main()
