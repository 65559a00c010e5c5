"""The command line: its words and exit statuses.

What each command does is in `cxr.cli.commands` and `cxr.cli.evidence`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from ..heatmaps.methods import METHODS
from ..networks.runtime import prepare
from . import commands
from . import evidence as evidence_commands

__all__ = ["main"]


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
        return commands.WRONG_USAGE
    except KeyboardInterrupt:
        print("\ncxr: stopped. Nothing half done was kept.", file=sys.stderr)
        return commands.STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cxr",
        description="Chest radiographs read by trained Keras models. "
        "For research and demonstration. Not for diagnostic use.",
    )
    group = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], text: str
    ) -> argparse.ArgumentParser:
        sub = group.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    models = command("models", commands.models, "List the models that can be used.")
    models.add_argument("--json", action="store_true", help="print a JSON list")

    predict = command("predict", commands.predict, "Score films and folders of films.")
    predict.add_argument("paths", nargs="+", metavar="PATH", help="films or folders")
    predict.add_argument("--model", default="pneumonia", metavar="NAME", help="model or finding")
    predict.add_argument("--operating-point", metavar="NAME", help="one of the model's card")
    predict.add_argument("--out", metavar="FILE", help="a .csv, .json, .jsonl or .parquet file")
    predict.add_argument("--heatmaps", metavar="DIR", help="write a heatmap a film as PNG here")
    predict.add_argument(
        "--resume", action="store_true", help="keep the rows that --out holds, score the rest"
    )

    explain = command("explain", commands.explain, "Write the heatmap of a film over the film.")
    explain.add_argument("file", metavar="FILE")
    explain.add_argument("--model", default="pneumonia", metavar="NAME", help="model or finding")
    explain.add_argument(
        "--method", default="gradcam", metavar="M", help=f"one of {', '.join(METHODS)}"
    )
    explain.add_argument("--layer", metavar="L", help="to look at; the last convolution if none")
    explain.add_argument("--out", required=True, metavar="PNG")

    train = command("train", commands.train, "Train a model and write its bundle.")
    train.add_argument("recipe", metavar="RECIPE", help="a recipe's name, or a JSON file")
    train.add_argument("--data", required=True, metavar="DIR", help="folder of labelled films")
    train.add_argument("--out", required=True, metavar="DIR", help="where the bundle is put")
    train.add_argument("--subset", type=float, default=1.0, metavar="F", help="share of the films")
    train.add_argument("--resume", action="store_true", help="go on with a run that was stopped")

    evaluate = command(
        "evaluate", evidence_commands.evaluate, "Score labelled films and print the figures."
    )
    evaluate.add_argument("name", metavar="NAME", help="model or finding")
    evaluate.add_argument("--data", required=True, metavar="DIR", help="folder of labelled films")
    evaluate.add_argument(
        "--split", default="test", metavar="S", help="test where not given, or an external set"
    )
    evaluate.add_argument(
        "--boxes", metavar="CSV", help="hold the heatmaps against these boxes; a row a box"
    )
    evaluate.add_argument("--method", metavar="M", help="of the heatmaps; gradcam where not given")
    evaluate.add_argument("--layer", metavar="L", help="that the method looks at")
    evaluate.add_argument(
        "--store",
        action="store_true",
        help="keep an external set's predictions, and what --boxes gives, in the bundle",
    )
    evaluate.add_argument("--operating-point", metavar="NAME", help="one of the model's card")
    evaluate.add_argument("--json", action="store_true", help="print a JSON object")

    audit = command(
        "audit",
        evidence_commands.audit,
        "Measure how far a model's heatmaps can be believed, and keep it in the bundle.",
    )
    audit.add_argument("name", metavar="NAME", help="model or finding")
    audit.add_argument("--data", required=True, metavar="DIR", help="folder of labelled films")
    audit.add_argument("--methods", metavar="A,B", help="all where not given")
    audit.add_argument("--films", type=int, metavar="N", help="at most so many films; default 32")
    audit.add_argument("--json", action="store_true", help="print a JSON object")

    gate = command(
        "gate",
        evidence_commands.gate,
        "Teach a model's gate what a chest film is, and measure it.",
    )
    gate.add_argument("name", metavar="NAME", help="model or finding")
    gate.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="folder that holds kermany, tuberculosis, nih, lateral and not_chest",
    )
    gate.add_argument("--json", action="store_true", help="print a JSON list")

    legacy = command(
        "import-legacy",
        commands.import_legacy,
        "Take over a published Keras model of one of the networks here. Nothing in it is run.",
    )
    legacy.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="MODEL.json and WEIGHTS.h5, or a whole model: one .h5 or .keras file",
    )
    legacy.add_argument("--finding", required=True, metavar="F", help="what it was trained to find")
    legacy.add_argument("--out", required=True, metavar="DIR", help="where the bundle is put")
    legacy.add_argument("--name", metavar="NAME", help="of the bundle")
    legacy.add_argument(
        "--data", metavar="DIR", help="labelled films, to choose operating points on"
    )
    legacy.add_argument(
        "--positive-first",
        action="store_true",
        help="the finding was class 0 when it was trained, and normal class 1",
    )

    dataset = command("dataset", evidence_commands.dataset, "Describe a folder of labelled films.")
    dataset.add_argument("folder", metavar="DIR")
    dataset.add_argument(
        "--store",
        metavar="NAME",
        help="take the films and splits of this model's data set, and keep what is found of them "
        "in its films.csv",
    )
    dataset.add_argument("--json", action="store_true", help="print a JSON object")
    return parser
