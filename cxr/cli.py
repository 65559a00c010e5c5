"""The command line: thin, since each command calls the function that the pages call."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .bundle import available, default_name, load
from .prediction import FIELDS, find_films, predict_files
from .radiograph import RadiographError
from .runtime import prepare

__all__ = ["main"]

DONE, SOME_REFUSED, WRONG_USAGE, STOPPED = 0, 1, 2, 130


class UsageError(ValueError):
    """Words on the command line that cannot be followed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        The words behind ``python -m cxr``; those of the process where none are given.

    Returns
    -------
    int
        0 done, 1 some films were refused or unreadable, 2 wrong usage, 130 stopped by a key.
    """
    prepare()
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (ValueError, OSError) as error:  # every error of this package is one of these
        print(f"cxr: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("\ncxr: stopped. Nothing half done was kept.", file=sys.stderr)
        return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cxr",
        description="Chest radiographs read by trained Keras models. "
        "For research and demonstration. Not for diagnostic use.",
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    models = command("models", _models, "List the models that can be used.")
    models.add_argument("--json", action="store_true", help="print a JSON list")

    predict = command("predict", _predict, "Score films and folders of films.")
    predict.add_argument("paths", nargs="+", metavar="PATH", help="films or folders")
    predict.add_argument("--model", default="pneumonia", metavar="NAME", help="model or finding")
    predict.add_argument("--operating-point", metavar="NAME", help="one of the model's card")
    predict.add_argument("--out", metavar="FILE", help="a .csv, .json, .jsonl or .parquet file")
    predict.add_argument("--heatmaps", metavar="DIR", help="write a heatmap a film as PNG here")
    predict.add_argument(
        "--resume", action="store_true", help="keep the rows that --out holds, score the rest"
    )

    explain = command("explain", _explain, "Write the heatmap of a film over the film.")
    explain.add_argument("file", metavar="FILE")
    explain.add_argument("--model", default="pneumonia", metavar="NAME", help="model or finding")
    explain.add_argument("--method", default="gradcam", metavar="M")
    explain.add_argument("--out", required=True, metavar="PNG")

    train = command("train", _train, "Train a model and write its bundle.")
    train.add_argument("recipe", metavar="RECIPE", help="a recipe's name, or a JSON file")
    train.add_argument("--data", required=True, metavar="DIR", help="folder of labelled films")
    train.add_argument("--out", required=True, metavar="DIR", help="where the bundle is put")
    train.add_argument("--subset", type=float, default=1.0, metavar="F", help="share of the films")
    train.add_argument("--resume", action="store_true", help="go on with a run that was stopped")

    evaluate = command("evaluate", _evaluate, "Score labelled films and print the figures.")
    evaluate.add_argument("name", metavar="NAME", help="model or finding")
    evaluate.add_argument("--data", required=True, metavar="DIR", help="folder of labelled films")
    evaluate.add_argument("--split", default="test", metavar="S", help="test where not given")
    evaluate.add_argument("--operating-point", metavar="NAME", help="one of the model's card")
    evaluate.add_argument("--json", action="store_true", help="print a JSON object")

    dataset = command("dataset", _dataset, "Describe a folder of labelled films.")
    dataset.add_argument("folder", metavar="DIR")
    dataset.add_argument("--json", action="store_true", help="print a JSON object")
    return parser


def _models(options: argparse.Namespace) -> int:
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
            mark = "  (default)" if row["default"] else ""
            print(f"{row['name']:36} {row['finding']:14} {row['parameters']:>12,}{mark}")
    return DONE


def _predict(options: argparse.Namespace) -> int:
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


def _explain(options: argparse.Namespace) -> int:
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


def _train(options: argparse.Namespace) -> int:
    from .recipes import find_recipe

    recipe = find_recipe(options.recipe)
    from .training import TrainingError, train  # imports TensorFlow: after the words are checked

    try:
        folder = train(
            recipe, options.data, options.out, share=options.subset, resume=options.resume
        )
    except TrainingError as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        print("\ncxr: stopped. Run the same with --resume to go on.", file=sys.stderr)
        return STOPPED
    print(folder)
    return DONE


def _evaluate(options: argparse.Namespace) -> int:
    from .assessment import assess

    result = assess(
        load(options.name),
        options.data,
        split=options.split,
        operating_point=options.operating_point,
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


def _dataset(options: argparse.Namespace) -> int:
    from . import dataset

    table, _ = dataset.read_films(dataset.scan(options.folder), options.folder)
    twins = dataset.duplicates(table)
    result = {
        "films": len(table),
        "balance": dataset.balance(table).to_dict("records"),
        "imbalance_ratio": dataset.imbalance_ratio(table),
        "patients": int(table["patient"].nunique()),
        "patients_across_splits": len(dataset.across_splits(table)),
        "films_with_equal_pixels": len(twins),
        "groups_with_equal_pixels": int(twins["group"].nunique()),
    }
    if options.json:
        print(json.dumps(result, indent=1))
        return DONE
    print(dataset.balance(table).to_string(index=False, float_format="{:.3f}".format))
    for key, value in result.items():
        if key != "balance":
            print(f"{key:26} {value}")
    return DONE
