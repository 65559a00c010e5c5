"""Films a second of `cxr predict FOLDER`, over what it is made of; and its memory.

Of each folder the films are scored by the pipeline, warm, in a process of its own; over it stand,
in turns with it and on the same films, the bare pass of all graphs that a film needs (the model's
and the lung network's, in the pipeline's batches): ``engine``, one pass at a time by all threads,
and ``engines``, passes of one thread side by side; TensorFlow's compiled pass of the model's graph
in batches of 32; and reading alone in one process. ``--memory N M`` instead runs the command on N
and on M copies of a folder's films and prints the peaks: of the process that scores, and of the
largest that reads.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from cxr.bulk.pipeline import score_many
from cxr.bulk.reading import processes, read_and_see
from cxr.films.radiograph import read
from cxr.lungs.segment import network_of
from cxr.model import Model, load
from cxr.networks.engine import side_by_side
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


def serve(pipe: Connection, name: str, paths: list[str]) -> None:
    """Answer, in a process of its own, in how many seconds the pipeline and its passes are done."""
    model = load(name)
    needs, number = Needs.of([model]), processes()
    # Opens the networks as the pipeline does.
    list(score_many([model], paths[: FILES_AT_ONCE * number], readers=0))
    seen = [film for path in paths if isinstance(film := read_and_see(path, needs), SeenFilm)]
    parts = list(batches([film for film in seen if film.inputs], FILES_AT_ONCE))

    def engines() -> None:
        with side_by_side(number), ThreadPoolExecutor(number) as threads:
            list(threads.map(lambda part: engine_pass(model, part), parts))

    runs: dict[str, Callable[[], object]] = {
        # With the start of the processes that read.
        "pipeline": lambda: list(score_many([model], paths, readers=number)),
        "engines": engines,
    }
    while asked := pipe.recv():
        pipe.send(seconds(runs[asked]))


@contextmanager
def apart(name: str, paths: list[str]) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, name, paths))
    process.start()
    yield ours
    ours.send("")
    process.join()


def measure(model: Model, paths: list[str], *, with_tensorflow: bool) -> dict[str, object]:
    """Return films a second; of each the best of `ROUNDS`, taken in turns."""
    needs = Needs.of([model])
    seen = [film for path in paths if isinstance(film := read_and_see(path, needs), SeenFilm)]
    films = [film for film in seen if film.inputs]
    runs: dict[str, tuple[int, Callable[[], float]]] = {
        "engine": (len(films), lambda: seconds(lambda: engine_pass(model, films))),
        "reading": (len(paths), lambda: seconds(lambda: [read(path) for path in paths])),
    }
    if with_tensorflow:
        compiled = tensorflow_pass(model, films)
        runs["tensorflow"] = len(films), lambda: seconds(compiled)
    with apart(model.name, paths) as pipe:

        def asked(what: str) -> Callable[[], float]:
            def ask() -> float:
                pipe.send(what)
                return float(pipe.recv())

            return ask

        runs["engines"] = len(films), asked("engines")
        every = {"pipeline": (len(paths), asked("pipeline"))} | runs
        rates: dict[str, list[float]] = {name: [] for name in every}
        for _ in range(ROUNDS):
            for name, (number, run) in every.items():
                rates[name].append(number / run())
    best = {name: max(of) for name, of in rates.items()}
    return {
        "films": len(paths),
        "scored": len(films),
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
