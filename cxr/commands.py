"""What each command does: it calls the function that the pages call, and prints.

Each takes the parsed words and returns an exit status.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from .architectures import BASELINES
from .bundle import available, default_name, load
from .layouts import NORMAL
from .prediction import FIELDS, find_films, predict_files
from .radiograph import RadiographError

__all__ = [
    "DONE",
    "SOME_REFUSED",
    "STOPPED",
    "WRONG_USAGE",
    "UsageError",
    "dataset",
    "evaluate",
    "explain",
    "gate",
    "import_legacy",
    "models",
    "predict",
    "train",
]

DONE = 0
SOME_REFUSED = 1
WRONG_USAGE = 2
STOPPED = 130


class UsageError(ValueError):
    """Words on the command line that cannot be followed."""


def models(options: argparse.Namespace) -> int:
    """List the bundles."""
    rows = [
        {
            "name": card.name,
            "finding": card.finding,
            "architecture": card.architecture["name"],
            "parameters": card.architecture["parameters"],
            "default": default_name(card.finding) == card.name,
        }
        for card in available()
    ]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        for row in rows:
            baseline = row["architecture"] in BASELINES
            mark = "  (default)" if row["default"] else "  (baseline)" if baseline else ""
            print(f"{row['name']:36} {row['finding']:14} {row['parameters']:>12,}{mark}")
    return DONE


def predict(options: argparse.Namespace) -> int:
    """Score films and folders; see `cxr.prediction.predict_files`."""
    from . import report

    if options.resume and not options.out:
        raise UsageError("--resume needs --out: the file whose rows are kept.")
    out = Path(options.out) if options.out else None
    if out:
        report.check_format(out)
    bundle = load(options.model)
    for path in map(Path, options.paths):
        if not path.exists():
            raise UsageError(f"There is nothing at {path}. Give films or folders.")
    kept = report.read_rows(out) if options.resume and out and out.exists() else []
    point = bundle.card.operating_point(options.operating_point)
    now = (bundle.name, bundle.card.weights["sha256"], point.name)
    for row in kept:
        if (before := (row["model"], row["model_sha256"], row["operating_point"])) != now:
            raise UsageError(
                f"The rows of {options.out} are of {before[0]} at {before[2]}, with other weights "
                "or another operating point. Resume with the same, or name another file."
            )
    done = {row["path"] for row in kept}
    files = [path for path in find_films(options.paths) if str(path) not in done]
    say = _counter(len(files))
    results = predict_files(
        bundle,
        files,
        operating_point=options.operating_point,
        heatmaps=bool(options.heatmaps),
        progress=say,
    )

    def rows() -> Iterator[dict[str, Any]]:
        yield from kept
        for path, film, prediction in results:
            if options.heatmaps and film is not None and prediction.heatmap is not None:
                name = f"{path.stem}-{film.sha256[:8]}.png"
                report.write_overlay(film, prediction.heatmap, Path(options.heatmaps) / name)
            yield prediction.row(str(path))

    refused = 0

    def counted(source: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        nonlocal refused
        for row in source:
            refused += row["refusal_code"] is not None
            yield row

    if out:
        try:
            report.write_rows(counted(rows()), out)
        except KeyboardInterrupt:
            print(
                f"\ncxr: stopped. Run the same with --resume to go on with {out}.", file=sys.stderr
            )
            return STOPPED
    else:
        writer = csv.DictWriter(sys.stdout, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(counted(rows()))
    if refused:
        print(
            f"{refused} films were refused or could not be read; see their rows.", file=sys.stderr
        )
    return SOME_REFUSED if refused else DONE


def _counter(total: int) -> Callable[[int], None]:
    """Show how many films are done, on one line where standard error is a terminal."""
    terminal = sys.stderr.isatty()

    def say(done: int) -> None:
        if terminal:
            end = "\n" if done == total else ""
            print(f"\r{done} of {total} films", end=end, file=sys.stderr, flush=True)
        elif done == total or done % 100 == 0:
            print(f"{done} of {total} films", file=sys.stderr, flush=True)

    return say


def explain(options: argparse.Namespace) -> int:
    """Write a heatmap over its film; see `cxr.explanation.explain`."""
    from . import report
    from .explanation import METHODS, RefusedError
    from .radiograph import read

    if options.method not in METHODS:
        raise UsageError(f"Expected one of {', '.join(METHODS)}. Received: {options.method!r}")
    if Path(options.out).suffix.lower() != ".png":
        raise UsageError(f"Expected --out to end in .png. Received: {options.out}")
    if not Path(options.file).is_file():
        raise UsageError(f"There is no file at {options.file}. Give a film.")
    bundle = load(options.model)
    try:
        film = read(options.file)
        heatmap = bundle.explain(film, method=options.method)
    except (RadiographError, RefusedError) as error:
        print(f"cxr: {error}", file=sys.stderr)
        return SOME_REFUSED
    report.write_overlay(film, heatmap, Path(options.out))
    return DONE


def train(options: argparse.Namespace) -> int:
    """Train a bundle; see `cxr.training.train`."""
    from .recipes import find_recipe

    recipe = find_recipe(options.recipe)
    from . import training  # imports TensorFlow: after the words are checked

    try:
        folder = training.train(
            recipe, options.data, options.out, share=options.subset, resume=options.resume
        )
    except training.TrainingError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        print("\ncxr: stopped. Run the same with --resume to go on.", file=sys.stderr)
        return STOPPED
    print(folder)
    return DONE


def import_legacy(options: argparse.Namespace) -> int:
    """Take over a published Keras model; see `cxr.legacy.import_legacy`."""
    files = [Path(file) for file in options.files]
    if len(files) > 2 or (len(files) == 1 and files[0].suffix.lower() == ".json"):
        raise UsageError(
            "Expected MODEL.json and WEIGHTS.h5, or one .h5 or .keras file of a whole model. "
            f"Received: {' '.join(options.files)}"
        )
    for file in files:
        if not file.is_file():
            raise UsageError(f"There is no file at {file}. Give a model.")
    # Both become names of folders, and stand on every page.
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
    from .legacy import import_legacy as take  # imports TensorFlow: after the words are checked

    folder = take(
        *files,
        finding=options.finding,
        out=options.out,
        name=options.name,
        data=options.data,
        positive_first=options.positive_first,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(folder)
    return DONE


def evaluate(options: argparse.Namespace) -> int:
    """Score labelled films; see `cxr.assessment.assess`."""
    from .assessment import assess

    result = assess(
        load(options.name),
        options.data,
        split=options.split,
        operating_point=options.operating_point,
        keep=options.store,
        progress=_counter,
    ).to_json()
    if options.json:
        print(json.dumps(result, indent=1))
        return DONE
    for key, value in result.items():
        if key.endswith("_ci"):
            continue
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        if interval := result.get(f"{key}_ci"):
            text += f"  (95 % interval {interval[0]:.4f} to {interval[1]:.4f})"
        print(f"{key:18} {text}")
    return DONE


def dataset(options: argparse.Namespace) -> int:
    """Describe labelled films; see `cxr.film_facts`."""
    from . import film_facts
    from .layouts import scan

    bundle = load(options.store) if options.store else None
    table = bundle.films if bundle else scan(options.folder)
    say = _counter(len(table))
    table = film_facts.describe(table, options.folder, lambda done, _: say(done))
    if bundle:
        film_facts.store(table, bundle.folder / "films.csv")
    result = film_facts.summary(table)
    print(json.dumps(result, indent=1) if options.json else film_facts.as_text(result))
    return DONE


def gate(options: argparse.Namespace) -> int:
    """Fit and measure a bundle's learned gate; see `cxr.gate_fitting.fit_gate`."""
    from .gate_fitting import fit_gate, store_gate

    bundle = load(options.name)
    found, measured = fit_gate(
        bundle, options.data, progress=lambda line: print(line, file=sys.stderr, flush=True)
    )
    store_gate(bundle, found, measured)
    if options.json:
        print(json.dumps(measured, indent=1))
        return DONE
    for row in measured:
        low, high = row["ci"]
        print(
            f"{row['films']:16} {row['refused']:4} of {row['n']:4} refused, {row['share']:.1%} "
            f"({low:.1%} to {high:.1%}), {row['how']}"
        )
    return DONE
