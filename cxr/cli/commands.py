"""What each command does: it calls the function that the pages call, and prints.

Those that measure a model or a data set are in `cxr.cli.evidence`.

Each function takes the parsed options and returns an exit status.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..bulk.checkpoints import Checkpoint, RowsOf, unwritten, without_score
from ..bulk.cluster import score_on_cluster
from ..bulk.parts import PartsCheckpoint
from ..bulk.pipeline import Scored, score_many
from ..datasets.words import NORMAL
from ..errors import CxrError
from ..films.kinds import LeftOut
from ..films.radiograph import RadiographError
from ..lungs.segment import KIND as LUNGS
from ..model import Model, load
from ..networks import BASELINES
from ..networks.engine import engine_name
from ..progress import Progress
from ..scoring.automatic import AUTOMATIC, default_cards
from ..scoring.bundle import available, damaged, default_name, models_folder
from ..scoring.card import Card
from ..scoring.engine_file import runs_on
from ..scoring.population import intended_use
from ..scoring.predict import find_films
from ..stats.wording import count
from ..storage.atomic import fitting_name
from .messages import NO_SAMPLES, after_import

__all__ = [
    "CLOSED",
    "DONE",
    "SOME_REFUSED",
    "STOPPED",
    "WRONG_USAGE",
    "UsageError",
    "check_writable",
    "counter",
    "explain",
    "export",
    "import_legacy",
    "models",
    "predict",
    "samples",
    "train",
]

DONE = 0
SOME_REFUSED = 1
WRONG_USAGE = 2
STOPPED = 130
#: 128 and the number of SIGPIPE, as shells have it.
CLOSED = 141

#: What the system says where a disk, a quota or a file is full.
NO_ROOM = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


class UsageError(CxrError, ValueError):
    """Words on the command line that cannot be followed."""

    code = "usage"


def models(options: argparse.Namespace) -> int:
    """List the bundles."""
    rows = [
        {
            "name": card.name,
            "finding": card.finding,
            "architecture": card.architecture.name,
            "parameters": card.architecture.parameters,
            "default": default_name(card.finding) == card.name,
            "engine": runs_on(models_folder() / card.name, card),
        }
        for card in available()
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        engine = engine_name()
        for row in rows:
            baseline = row["architecture"] in BASELINES
            mark = "  (default)" if row["default"] else "  (baseline)" if baseline else ""
            mark += "  (no export: runs on TensorFlow)" if row["engine"] != engine else ""
            print(f"{row['name']:36} {row['finding']:14} {row['parameters']:>12,}{mark}")
    unread = damaged()
    for reason in unread.values():
        print(f"cxr: {reason}", file=sys.stderr)
    return SOME_REFUSED if unread else DONE


def predict(options: argparse.Namespace) -> int:
    """Score films and folders; see `cxr.bulk.pipeline.score_many`."""
    from ..bulk.rows import check_format

    if options.resume and not options.out:
        raise UsageError("--resume needs --out: the file whose rows are kept.")
    if options.ray and not options.out:
        raise UsageError("--ray needs --out: the file or folder whose rows are kept.")
    if options.out and not _is_folder(options.out):
        check_format(Path(options.out))
    models = _at_sites(_chosen(options.model), options.site or ())
    if options.heatmaps and not any(model.network.convolutions() for model in models):
        raise UsageError(
            f"{models[0].name} has no convolution, and so no Grad-CAM. Leave out --heatmaps."
        )
    if options.operating_point and any(model.site for model in models):
        if len(models) > 1:
            raise UsageError("--operating-point is of one model. Leave it out, or name a --model.")
        assert models[0].site is not None
        options.operating_point = models[0].site.point(options.operating_point).name
    for path in map(Path, options.paths):
        if not path.exists():
            raise UsageError(f"There is nothing at {path}. Give films or folders.")
    points = [model.card.operating_point(options.operating_point).name for model in models]
    films = _films(options.paths)
    if not options.out:
        refused = _print_rows(models, films, options)
    else:
        expected = [
            RowsOf(
                model.name,
                model.card.weights.sha256,
                point,
                _maps(model, options),
                model.card.operating_point(point).threshold,
                model.card.calibration.slope,
                model.card.calibration.intercept,
            )
            for model, point in zip(models, points, strict=True)
        ]
        try:
            with _checkpoint(options.out, expected, resume=options.resume) as out:
                left = [film for film in films if not out.done(path_text(film))]
                for batch in _scored(models, left, options):
                    out.append(batch)
                refused = out.refused
        except KeyboardInterrupt:
            print(
                f"\ncxr: stopped. Run the same with --resume to go on with {options.out}.",
                file=sys.stderr,
            )
            return STOPPED
    if refused:
        were, rows_of = ("was", "its row") if refused == 1 else ("were", "their rows")
        told = count(refused)
        print(f"{told} {were} refused or could not be read; see {rows_of}.", file=sys.stderr)
    return SOME_REFUSED if refused else DONE


def _is_folder(out: str) -> bool:
    """Say whether rows go into a folder, as Parquet parts."""
    from ..bulk.rows import FORMATS

    path = Path(out)
    return out.endswith(("/", os.sep)) or (path.is_dir() and path.suffix.lower() not in FORMATS)


def _checkpoint(out: str, expected: list[RowsOf], *, resume: bool) -> Checkpoint | PartsCheckpoint:
    keep = PartsCheckpoint if _is_folder(out) else Checkpoint
    return keep(Path(out), expected, resume=resume)


def _maps(model: Model, options: argparse.Namespace) -> bool:
    """Say whether rows of a model come with figures of heatmaps."""
    return bool(options.heatmaps and model.network.convolutions())


def _print_rows(models: list[Model], films: list[str], options: argparse.Namespace) -> int:
    """Print rows as CSV; return how many films have no score."""
    from ..bulk.rows import heading, line_of

    refused = 0
    sys.stdout.write(heading(".csv"))
    for batch in _scored(models, films, options):
        for rows in batch:
            sys.stdout.writelines(line_of(row, ".csv") for row in rows)
            refused += without_score(rows)
    return refused


def _scored(
    models: list[Model], films: list[str], options: argparse.Namespace
) -> Iterator[list[list[dict[str, Any]]]]:
    """Score films; yield, batch by batch, the rows of each film."""
    progress, done = counter(pace=True), 0
    if films:
        progress(0, len(films))
    how = {"operating_point": options.operating_point, "heatmaps": bool(options.heatmaps)}
    of_file = {model.card.finding: _of_file(model.card) for model in models}
    if options.ray:
        batches = score_on_cluster(models, films, options.ray, **how)
    else:
        batches = score_many(models, films, **how)
    for batch in batches:
        for scored in batch if options.heatmaps else ():
            _write_overlays(scored, Path(options.heatmaps), several=len(models) > 1)
        yield [
            [said.row(path_text(path)) | of_file[finding] for finding, said in predictions.items()]
            for path, _, predictions in batch
        ]
        for _ in batch:
            done += 1
            progress(done, len(films))


def _of_file(card: Card) -> dict[str, Any]:
    """Return what a file says of each row of a model; see `cxr.bulk.rows.OF_FILE`."""
    return {
        "calibration_slope": card.calibration.slope,
        "calibration_intercept": card.calibration.intercept,
        "intended_use": intended_use(card.population),
    }


def _write_overlays(scored: Scored, folder: Path, *, several: bool) -> None:
    """Write the heatmaps of a film over it, one per finding."""
    from .. import exports

    film = scored.film.film if scored.film else None
    for finding, prediction in scored.predictions.items():
        if film is not None and prediction.heatmap is not None:
            of = f"-{finding}" if several else ""
            ending = f"-{film.sha256[:8]}{of}.png"
            png = folder / fitting_name(Path(scored.path).stem, ending)
            try:
                exports.write_overlay(film, prediction.heatmap, png, prediction.heat_in_lungs)
            except OSError as error:
                code = "disk" if error.errno in NO_ROOM else "unwritable"
                raise unwritten(png, error, code) from error


def _chosen(name: str) -> list[Model]:
    """Load a model, or the default of every finding."""
    if name != AUTOMATIC:
        return [load(name)]
    names = [card.name for card in default_cards()]
    if not names:
        raise UsageError("There is no default model of any finding. Name one with --model.")
    return [load(name) for name in names]


def _at_sites(models: list[Model], files: Sequence[str]) -> list[Model]:
    """Return the models at the operating points of sites' files."""
    from ..scoring.site_file import apply_sites, read_site

    return apply_sites(models, [read_site(Path(file)) for file in files])


def path_text(path: str) -> str:
    r"""Write a path so that every output takes it: a byte that is no UTF-8 as ``\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _films(paths: Iterable[str]) -> list[str]:
    """List the films to score, and say how many other files their folders hold."""
    left_out: dict[Path, LeftOut] = {}
    films = find_films(paths, left_out)
    for folder, others in left_out.items():
        if not any(film.is_relative_to(folder) for film in films):
            raise UsageError(
                f"There are no films in {folder}. {others} Give films as PNG, JPEG or DICOM."
            )
    if told := str(LeftOut.of(left_out.values())):
        print(told, file=sys.stderr)
    return list(map(os.fspath, films))  # a path takes several times the memory


def check_writable(path: Path) -> None:
    """Raise WriteError where a file cannot be written: before the work that it is to hold.

    Parameters
    ----------
    path : pathlib.Path
        Its folder need not be there yet.
    """
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritten(path, error, "unwritable") from error


def counter(what: str = "films", *, pace: bool = False) -> Progress:
    """Return what shows how many are done, on one line where standard error is a terminal.

    Parameters
    ----------
    what : str
        That is counted.
    pace : bool
        Whether it also shows how many are done in a second, and the time that is left.
    """
    terminal = sys.stderr.isatty()
    start = time.monotonic()
    shown = 0

    def show(done: float, total: float) -> None:
        nonlocal start, shown
        if not done:
            start = time.monotonic()
            return
        last = done == total
        if not (terminal or last or done % 100 == 0):
            return
        told = f"{done:.0f} of {total:.0f} {what}"
        if pace and not last:
            told += _pace(done, total, time.monotonic() - start)
        if terminal:
            # As wide as what stood there before.
            text, shown = f"\r{told:{shown}}", len(told)
            print(text, end="\n" if last else "", file=sys.stderr, flush=True)
        else:
            print(told, file=sys.stderr, flush=True)

    return show


def _pace(done: float, total: float, seconds: float) -> str:
    """Say how many are done in a second, and how long the others will take."""
    rate = done / max(seconds, 1e-9)
    left = (total - done) / rate
    time_left = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min"
    if left >= 2 * 3600:
        time_left = f"{left / 3600:.1f} h"
    return f", {rate:.3g} a second, {time_left} left"


def explain(options: argparse.Namespace) -> int:
    """Write a heatmap over its film; see `cxr.scoring.explain.explain`."""
    from .. import exports as report
    from ..films.radiograph import read
    from ..heatmaps.attribute import BY_GRADIENTS
    from ..scoring.explain import METHODS, RefusedError, expected_seconds
    from ..scoring.heat_in_lungs import heat_in_lungs

    if options.method not in METHODS:
        raise UsageError(f"Expected one of {', '.join(METHODS)}. Received: {options.method!r}")
    if Path(options.out).suffix.lower() != ".png":
        raise UsageError(f"Expected --out to end in .png. Received: {options.out}")
    if not Path(options.file).is_file():
        raise UsageError(f"There is no file at {options.file}. Give a film.")
    check_writable(Path(options.out))
    bundle = load(options.model)
    try:
        film = read(options.file)
        # How long it takes is told before it starts, and of a refused film nothing starts.
        if METHODS[options.method].slow and not bundle.predict(film).refusal:
            if options.method in BY_GRADIENTS:
                print("Loading TensorFlow, which takes a while.", file=sys.stderr)
            seconds = expected_seconds(bundle.network, options.method, layer=options.layer)
            print(f"{METHODS[options.method].title} takes about {seconds:.0f} s.", file=sys.stderr)
        heatmap = bundle.explain(
            film,
            options.method,
            layer=options.layer,
            progress=counter("passes"),
        )
    except (RadiographError, RefusedError) as error:
        print(f"cxr: {error}", file=sys.stderr)
        return SOME_REFUSED
    heat = heat_in_lungs(film, heatmap)
    report.write_overlay(film, heatmap, Path(options.out), heat)
    if options.json:
        layer = heatmap.layer or None
        said = {"model": bundle.name, "method": heatmap.method, "layer": layer, "out": options.out}
        print(json.dumps(said | heat.row(), indent=1))
    elif heat.statement:
        print(heat.statement)
    return DONE


def samples(options: argparse.Namespace) -> int:
    """Copy the sample films; see `cxr.reading_room.samples.write_samples`."""
    from ..reading_room.samples import write_samples

    if options.each < 1:
        raise UsageError(f"Expected --each to be at least 1. Received: {options.each}")
    written = write_samples(Path(options.folder), options.each)
    if not written:
        raise UsageError(NO_SAMPLES)
    print(*written, sep="\n")
    return DONE


def train(options: argparse.Namespace) -> int:
    """Train a bundle; see `cxr.training.run.train`."""
    from ..training.recipes import find_recipe

    recipe = find_recipe(options.recipe)
    from ..training import run as training  # imports TensorFlow: after the words are checked

    try:
        folder = training.train(
            recipe, options.data, options.out, share=options.subset, resume=options.resume
        )
    except training.TrainingError as error:
        raise UsageError(str(error), code=error.code) from error
    except KeyboardInterrupt:
        print("\ncxr: stopped. Run the same with --resume to go on.", file=sys.stderr)
        return STOPPED
    print(folder)
    return DONE


def export(options: argparse.Namespace) -> int:
    """Write the export of a model; see `cxr.scoring.export.export_bundle`."""
    from ..lungs.export import export_lungs
    from ..scoring.export import export_bundle

    models = Path(options.models) if options.models else models_folder()
    if not models.is_dir():
        raise UsageError(f"There is no folder {models}. Give the folder of the models.")
    is_lungs = options.name == LUNGS
    print(export_lungs(models / LUNGS) if is_lungs else export_bundle(options.name, folder=models))
    return DONE


def import_legacy(options: argparse.Namespace) -> int:
    """Take over a published Keras model; see `cxr.training.legacy.import_legacy`."""
    files = [Path(file) for file in options.files]
    if len(files) > 2 or (len(files) == 1 and files[0].suffix.lower() == ".json"):
        raise UsageError(
            "Expected MODEL.json and WEIGHTS.h5, or one .h5 or .keras file of a whole model. "
            f"Received: {' '.join(options.files)}"
        )
    for file in files:
        if not file.exists():
            raise UsageError(f"There is no file at {file}. Give a model.")
    # Both become names of folders, and are shown on every page.
    if options.finding == NORMAL or not re.fullmatch(r"[a-z][a-z0-9_-]*", options.finding):
        raise UsageError(
            f"Expected a --finding in small letters, digits, dashes. Received: {options.finding!r}"
        )
    if options.name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", options.name):
        raise UsageError(
            f"Expected a --name of letters, digits, dots, dashes. Received: {options.name!r}"
        )
    if options.data and not Path(options.data).is_dir():
        raise UsageError(f"There is no folder {Path(options.data).name!r}. Give labelled films.")
    from ..training.legacy import (
        import_legacy as take,  # imports TensorFlow: after the words are checked
    )

    folder = take(
        *files,
        finding=options.finding,
        out=options.out,
        name=options.name,
        data=options.data,
        positive_first=options.positive_first,
    )
    hints = after_import(positive_first=options.positive_first, with_films=bool(options.data))
    print(*hints, sep="\n", file=sys.stderr)
    print(folder)
    return DONE
