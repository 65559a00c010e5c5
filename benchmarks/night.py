"""A night of the reading room: 28,800 films, a film a second for eight hours, as fast as it goes.

Lists of 300 films, one after the other, in this process: each film is read, passes the gate and is
scored by both flagships; ten of each list are opened, with their heatmaps and lungs. No browser and
no page. Films of the Kermany set, which `CXR_DATA` names.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from cxr.datasets.published import data_folder
from cxr.model import Model, load
from cxr.reading_room.session import ReadingSession
from cxr.reading_room.worklist import Worklist
from cxr.web.transfer import ready_film

from .server import Process

LIST, OPENED = 300, 10
FLAT = 1.05


def read(models: Sequence[Model], films: Sequence[Path]) -> int:
    """Have a list scored, open some of its films and let it go; returns how many have no score."""
    session = ReadingSession(Worklist(models), None, lambda: True, ready=ready_film)
    for film in films:
        session.worklist.add(film.name, film.read_bytes())
    session.scorer.start()
    session.scorer.join()
    for entry in session.worklist.entries[:OPENED]:
        session.choose(entry.number)
        session.opened()
        while session.maps.coming(entry) or session.outlines.busy:
            time.sleep(0.005)
    without = len(session.worklist.waiting)
    session.close()
    return without


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=28_800)
    options = parser.parse_args()
    folder = data_folder("kermany")
    if folder is None:
        sys.exit("Set CXR_DATA to the folder of the data sets.")
    every = sorted(folder.rglob("*.jpeg"))
    films = itertools.cycle(every[: len(every) // LIST * LIST])
    models = [load("pneumonia"), load("tuberculosis")]
    here, start, without = Process(os.getpid()), time.monotonic(), 0
    held: list[dict[str, float]] = []
    for done in range(LIST, options.films + 1, LIST):
        without += read(models, list(itertools.islice(films, LIST)))
        held.append({"mb": here.memory(), "threads": here.threads(), "files": here.files()})
        if done % (10 * LIST) == 0 or done == LIST:
            minutes = round((time.monotonic() - start) / 60, 1)
            print(json.dumps({"films": done, "minutes": minutes} | held[-1]), flush=True)
    # The first lists have what is loaded once.
    later = held[2:] or held
    ratio = {
        what: round(max(one[what] for one in later) / later[0][what], 3)
        for what in ("mb", "threads", "files")
    }
    result = {
        "films": options.films,
        "minutes": round((time.monotonic() - start) / 60, 1),
        "without_scores": without,
        "most_over_the_third_list": ratio,
        "flat": max(ratio.values()) <= FLAT,
        "peak_mb": round(here.peak()),
        "load_average": [round(value, 1) for value in os.getloadavg()],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
