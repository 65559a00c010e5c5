"""Films a second of `cxr predict FOLDER`, over what it is made of; and its memory.

Of each folder the films are scored by the pipeline, warm; over it stand, in the same run and on the
same films, the bare pass of all graphs that a film needs (the model's and the lung network's, in
the pipeline's batches), TensorFlow's compiled pass of the model's graph in batches of 32, and
reading alone in one process. ``--memory N M`` instead runs the command on N and on M copies of a
folder's films and prints the peaks: of the process that scores, and of the largest that reads.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from cxr.bulk.pipeline import score_many
from cxr.bulk.reading import processes, read_and_see
from cxr.films.radiograph import read
from cxr.lungs.segment import network_of
from cxr.model import Model, load
from cxr.scoring.predict import FILES_AT_ONCE, batches, find_films
from cxr.scoring.seen import Needs, SeenFilm

BATCH = 32
ROUNDS = 2


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def engine_pass(model: Model, films: list[SeenFilm]) -> None:
    forward, lungs = model.network.forward(), network_of(model.folder.parent)
    for batch in batches(films, FILES_AT_ONCE):
        forward(np.stack([film.inputs[model.card.input] for film in batch]))
        for film in batch:
            lungs(film.small[lungs.side])


def tensorflow_pass(model: Model, films: list[SeenFilm]) -> Callable[[], object]:
    import tensorflow as tf

    compiled = tf.function(model.model, jit_compile=False)
    inputs = np.stack([film.inputs[model.card.input] for film in films]).astype(np.float32)
    parts = [tf.constant(inputs[i : i + BATCH]) for i in range(0, len(inputs), BATCH)]
    for part in parts:
        compiled(part)
    return lambda: [compiled(part).numpy() for part in parts]


def measure(model: Model, paths: list[str], *, with_tensorflow: bool) -> dict[str, object]:
    """Return films a second; of each the best of `ROUNDS`, taken in turns."""
    needs = Needs.of([model])
    seen = [film for path in paths if isinstance(film := read_and_see(path, needs), SeenFilm)]
    films = [film for film in seen if film.inputs]
    runs: dict[str, tuple[int, Callable[[], object]]] = {
        "engine": (len(films), lambda: engine_pass(model, films)),
        "reading": (len(paths), lambda: [read(path) for path in paths]),
    }
    if with_tensorflow:
        runs["tensorflow"] = len(films), tensorflow_pass(model, films)
    rates: dict[str, list[float]] = {name: [] for name in ("pipeline", *runs)}
    for _ in range(ROUNDS):
        # With the start of the processes that read.
        took = seconds(lambda: list(score_many([model], paths, readers=processes())))
        rates["pipeline"].append(len(paths) / took)
        for name, (number, run) in runs.items():
            rates[name].append(number / seconds(run))
    best = {name: max(of) for name, of in rates.items()}
    return {
        "films": len(paths),
        "rates": {name: round(rate, 1) for name, rate in best.items()},
        "over": {name: round(best["pipeline"] / best[name], 2) for name in runs},
        "load": round(os.getloadavg()[0], 1),
    }


def copies(paths: list[str], number: int, folder: Path) -> None:
    for k, path in enumerate(itertools.islice(itertools.cycle(paths), number)):
        (folder / f"{k:07}{Path(path).suffix}").symlink_to(Path(path).resolve())


def memory(name: str, paths: list[str], numbers: list[int]) -> Iterator[dict[str, object]]:
    for number in numbers:
        with tempfile.TemporaryDirectory() as place:
            (folder := Path(place) / "films").mkdir()
            copies(paths, number, folder)
            out = Path(place) / "rows.csv"
            program = (
                "import sys, resource\nfrom cxr.cli.parser import main\n"
                "if __name__ == '__main__':\n main(sys.argv[1:])\n"
                " print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
            )
            script = Path(place) / "run.py"
            script.write_text(program)
            words = [sys.executable, str(script), "predict", str(folder), "--model", name]
            environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
            took = time.perf_counter()
            done = subprocess.run(
                [*words, "--out", str(out)],
                check=True,
                capture_output=True,
                text=True,
                env=environment,
            )
            yield {
                "films": number,
                "scores_mb": round(int(done.stdout.split()[-1]) / 1024, 1),
                "largest_mb": round(
                    resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, 1
                ),
                "films_a_second": round(number / (time.perf_counter() - took), 1),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", default="pneumonia")
    parser.add_argument("--films", type=int, default=256)
    parser.add_argument("--tensorflow", action="store_true")
    parser.add_argument("--memory", nargs="+", type=int)
    options = parser.parse_args()
    model = load(options.model)
    for folder in options.folders:
        paths = list(map(str, find_films([folder])))
        step = max(1, len(paths) // options.films)
        # Of a small folder each film several times.
        paths = list(itertools.islice(itertools.cycle(paths[::step]), options.films))
        results = (
            memory(options.model, paths, options.memory)
            if options.memory
            else [measure(model, paths, with_tensorflow=options.tensorflow)]
        )
        for result in results:
            print(json.dumps({"folder": folder.name} | result), flush=True)


if __name__ == "__main__":
    main()
