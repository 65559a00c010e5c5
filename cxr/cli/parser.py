"""The command line: its commands, options and exit statuses.

What each command does is in `cxr.cli.commands` and `cxr.cli.evidence`; `cxr.cli.reference` writes
the page of the documentation.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from .. import __version__
from ..errors import CxrError
from ..heatmaps.methods import METHODS
from ..lungs.segment import KIND as LUNGS
from ..networks.runtime import prepare
from ..plain_text import visible
from ..scoring.automatic import AUTOMATIC
from ..scoring.bundle import default_name
from . import commands
from . import evidence as evidence_commands
from . import readings as readings_commands
from . import site as site_commands
from .messages import message

__all__ = ["EXIT_STATUSES", "build_parser", "main"]

#: Each exit status and what it means.
EXIT_STATUSES = {
    commands.DONE: "done",
    commands.SOME_REFUSED: "some films were refused or could not be read (each has its row)",
    commands.WRONG_USAGE: "wrong usage, nothing to do, or an error",
    commands.STOPPED: "stopped by Ctrl-C",
    commands.CLOSED: "whoever read standard output stopped reading, as head does",
}
#: Its default model is the one that `predict` and `explain` use if none is named.
DEFAULT_FINDING = "pneumonia"

_MODEL_NAME = "a model's name, its folder, or a finding, which means that finding's default model"
_LABELED = "folder of labeled films, with class folders or a manifest.csv"
_OPERATING_POINT = (
    "operating point to compare scores with, one of those in the model's card "
    "(default: the card's default)"
)
_LAYER = "layer that the method looks at (default: the last convolution)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``cxr``; those of the process if not given.

    Returns
    -------
    int
        One of `EXIT_STATUSES`.
    """
    prepare()
    try:
        options = build_parser().parse_args(arguments)
    except SystemExit as end:  # after a help text, the version, or words that cannot be followed
        raise SystemExit(_ended(int(end.code or 0))) from None
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return _ended(run(options))
    except BrokenPipeError:
        return _ended(commands.CLOSED)
    except (CxrError, ValueError, OSError) as error:
        # What an error quotes of a file must not command the terminal.
        told = "\n".join(map(visible, message(error).split("\n")))
        return _ended(commands.WRONG_USAGE, told)
    except KeyboardInterrupt:
        return _ended(commands.STOPPED, "stopped. Nothing unfinished was kept.", "\n")


def _ended(status: int, told: str = "", before: str = "") -> int:
    """Write out what standard output still holds, say how a command ended, return its status.

    What cannot be written is let go: the interpreter would try again, and end with a status of its
    own.
    """
    output: TextIO | None = sys.stdout  # None where a process was begun without one
    try:
        if output:
            output.flush()
    except OSError as error:
        with suppress(OSError), Path(os.devnull).open("w") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
        status, told = commands.CLOSED, ""
        if not isinstance(error, BrokenPipeError):
            status = commands.WRONG_USAGE
            told = f"Standard output cannot be written to: {error.strerror}."
    if told:
        with suppress(OSError):
            print(f"{before}cxr: {told}", file=sys.stderr)
    return status


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands; each sets ``run`` to the function that runs it."""
    parser = argparse.ArgumentParser(
        prog="cxr",
        description="Score chest radiographs with trained Keras models, show where the scores "
        "came from, and measure the models. For research and demonstration. Not for diagnostic "
        "use.",
        epilog=f"{_statuses(*EXIT_STATUSES)} 'cxr COMMAND --help' explains a command.",
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"cxr {__version__}",
        help="show the version and exit",
    )
    group = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(
        name: str,
        run: Callable[[argparse.Namespace], int],
        text: str,
        more: str = "",
        *,
        films: bool = False,
    ) -> argparse.ArgumentParser:
        statuses = [status for status in EXIT_STATUSES if films or status != commands.SOME_REFUSED]
        sub = group.add_parser(
            name, help=text, description=f"{text} {more}".strip(), epilog=_statuses(*statuses)
        )
        sub.set_defaults(run=run)
        return sub

    _add_models(command("models", commands.models, "List the models that can be used."))
    _add_predict(
        command(
            "predict",
            commands.predict,
            "Score films and folders of films.",
            "Writes one row per film, to standard output if --out is not given. "
            "A refused film has no score, but a reason.",
            films=True,
        )
    )
    _add_explain(
        command(
            "explain",
            commands.explain,
            "Draw the heatmap of a film over the film.",
            "The heatmap shows where the score came from, not where disease is. Prints how much of "
            "it lies in the lungs, and in which zones.",
            films=True,
        )
    )
    _add_samples(
        command(
            "samples",
            commands.samples,
            "Copy sample films into a folder, to try the other commands on.",
            "They are a few of each data set under CXR_DATA, and the radiograph of pydicom-data. "
            "Prints the paths.",
        )
    )
    _add_train(command("train", commands.train, "Train a model and write its bundle."))
    _add_evaluate(
        command(
            "evaluate",
            evidence_commands.evaluate,
            "Score labeled films and print the figures.",
            "Films of the model's own set are evaluated by their split; any others all together, "
            "at each of the card's operating points, with what the model refuses counted. With "
            "--boxes it also compares the heatmaps with radiologists' boxes.",
        )
    )
    _add_calibrate(
        command(
            "calibrate",
            site_commands.calibrate,
            "Choose a model's threshold and calibration on a site's own labeled films.",
            "The file that is written holds for this model alone. 'cxr predict --site' and the "
            "page Triage use it.",
        )
    )
    _add_audit(
        command(
            "audit",
            evidence_commands.audit,
            "Measure how far a model's heatmaps can be trusted.",
            "The result is kept in the bundle and shown on the Models page.",
        )
    )
    _add_gate(
        command(
            "gate",
            evidence_commands.gate,
            "Fit a model's gate to tell chest films from other pictures, and measure it.",
            "The gate is kept in the bundle.",
        )
    )
    _add_export(
        command(
            "export",
            commands.export,
            "Write the graph of a model that scores films without TensorFlow.",
            "It is kept in the bundle, or in your cache where the bundle lacks the weights of its "
            "base. Needs requirements-train.txt. Prints the path.",
        )
    )
    _add_import_legacy(
        command(
            "import-legacy",
            commands.import_legacy,
            "Take over a model of Keras 2 whose network is one of those here.",
            "Its files are read as data; nothing in them is run.",
        )
    )
    _add_readings(
        command(
            "readings",
            readings_commands.readings,
            "Take the log of readings along: what models said of films, and what readers called.",
            "The log holds hashes, scores and words of closed lists, no name and no picture. How "
            "long it keeps them, CXR_READINGS_KEEP_DAYS says.",
        )
    )
    _add_dataset(
        command("dataset", evidence_commands.dataset, "Describe a folder of labeled films.")
    )
    return parser


def _statuses(*statuses: int) -> str:
    return f"Exit status: {'; '.join(f'{status} {EXIT_STATUSES[status]}' for status in statuses)}."


def _add_json(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--json", action="store_true", help=f"print {what} (default: text for people)"
    )


def _add_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=_MODEL_NAME)


def _add_model(parser: argparse.ArgumentParser, more: str = "") -> None:
    parser.add_argument(
        "--model",
        default=DEFAULT_FINDING,
        metavar="NAME",
        help=f"{_MODEL_NAME}; 'cxr models' lists them{more} (default: {_default()})",
    )


def _default() -> str:
    try:
        name = default_name(DEFAULT_FINDING)
    except (ValueError, OSError):  # help is to be had even where the models are damaged
        name = None
    return f"{DEFAULT_FINDING}, that is {name}" if name else DEFAULT_FINDING


def _add_models(parser: argparse.ArgumentParser) -> None:
    _add_json(parser, "a JSON list")


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="films, or folders to search for films, which are told by what they hold",
    )
    _add_model(
        parser,
        f"; or {AUTOMATIC}, the default model of every finding, each for the ages that it is meant "
        "for, with one row per film and finding",
    )
    parser.add_argument("--operating-point", metavar="NAME", help=_OPERATING_POINT)
    parser.add_argument(
        "--site",
        action="append",
        metavar="SITE.json",
        help="a file of 'cxr calibrate', once for each model: score at the site's operating point, "
        "which each row names (default: at the card's)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=".csv, .json, .jsonl or .parquet file to write, or a folder, with a slash at its end, "
        "for Parquet files of 10,000 films each (default: CSV on standard output)",
    )
    parser.add_argument(
        "--heatmaps",
        metavar="DIR",
        help="folder to write one Grad-CAM overlay per film to, as PNG (default: none are drawn)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep the rows already in --out and score the other films "
        "(default: start anew, and leave a file that is already there alone)",
    )
    parser.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="score on the Ray cluster at host:port, or auto for the one that this machine belongs "
        "to; its nodes read the films by the same paths, and rows come in the order they are done "
        "(default: score here; needs requirements-cluster.txt)",
    )


def _add_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the film: PNG, JPEG or DICOM")
    _add_model(parser)
    parser.add_argument(
        "--method",
        default="gradcam",
        metavar="M",
        help=f"one of {', '.join(METHODS)} (default: %(default)s)",
    )
    parser.add_argument("--layer", metavar="L", help=_LAYER)
    parser.add_argument("--out", required=True, metavar="PNG", help="PNG file to write (required)")
    _add_json(parser, "a JSON object")


def _add_samples(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="folder to copy the films into")
    parser.add_argument(
        "--each",
        type=int,
        default=4,
        metavar="N",
        help="films of each label of each data set (default: %(default)s)",
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe's name, or a JSON file of one")
    parser.add_argument("--data", required=True, metavar="DIR", help=f"{_LABELED} (required)")
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder to put the bundle in (required)"
    )
    parser.add_argument(
        "--subset",
        type=float,
        default=1.0,
        metavar="F",
        help="share of the training films to use, above 0 and at most 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue a run that was stopped (default: start anew)",
    )


def _add_truth(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a site's films are."""
    parser.add_argument(
        "--truth",
        metavar="FILE",
        help=".csv or .xlsx with the labels of the films in --data, one row per film, which it "
        "names by file, accession number or SOP instance UID (default: the manifest.csv or .xlsx "
        "in --data, or folders of classes)",
    )
    parser.add_argument(
        "--label-column",
        metavar="C",
        help="column of the labels (default: one that is named for it)",
    )
    parser.add_argument(
        "--film-column",
        metavar="C",
        help="column that names the films (default: the one that names most of them)",
    )
    for option, what in (("positive", "positive"), ("negative", "negative")):
        parser.add_argument(
            f"--{option}",
            nargs="+",
            action="extend",
            metavar="LABEL",
            help=f"labels, or class folders, that mean {what} (default: guessed by the word)",
        )
    parser.add_argument(
        "--leave-out",
        nargs="+",
        action="extend",
        metavar="LABEL",
        help="labels of films to leave out (default: words as other and unknown)",
    )


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--data",
        metavar="DIR",
        help=f"{_LABELED}, or any films with --truth (default: none; then --scores is required)",
    )
    what.add_argument(
        "--scores",
        metavar="FILE",
        help=".csv or .xlsx with another tool's scores, 0 to 1, to evaluate without films; the "
        "labels are in it or in --truth (default: the films of --data are scored)",
    )
    parser.add_argument(
        "--split",
        metavar="S",
        help="train, validation, test, or one of the model's external sets; of other films a split "
        "that they tell of (default: test, and of other films all)",
    )
    _add_truth(parser)
    parser.add_argument(
        "--site",
        metavar="SITE.json",
        help="a file of 'cxr calibrate': evaluate at the site's operating points too "
        "(default: at the card's alone)",
    )
    parser.add_argument(
        "--score-column",
        metavar="C",
        help="column of --scores (default: one that is named for it)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="at or above which a film of --scores is positive (default: 0.5)",
    )
    parser.add_argument(
        "--boxes",
        metavar="CSV",
        help="table of radiologists' boxes, one row per box, to compare the heatmaps with "
        "(default: heatmaps are not measured)",
    )
    parser.add_argument(
        "--method",
        metavar="M",
        help="method of the heatmaps that are compared with --boxes (default: gradcam)",
    )
    parser.add_argument("--layer", metavar="L", help=_LAYER)
    parser.add_argument(
        "--store",
        action="store_true",
        help="keep the result in the model's bundle: an external set's predictions, and the "
        "figures of --boxes (default: print only)",
    )
    parser.add_argument("--operating-point", metavar="NAME", help=_OPERATING_POINT)
    _add_json(parser, "a JSON object")


def _add_calibrate(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("--data", required=True, metavar="DIR", help=f"{_LABELED} (required)")
    _add_truth(parser)
    parser.add_argument(
        "--split",
        metavar="S",
        help="films of this split alone, where they tell of splits (default: all)",
    )
    parser.add_argument(
        "--out", required=True, metavar="SITE.json", help="file to write (required)"
    )
    parser.add_argument(
        "--site-name",
        metavar="NAME",
        help="what to call the site: up to 40 letters, digits, dots, dashes (default: the name of "
        "--out)",
    )
    parser.add_argument(
        "--sensitivity",
        type=float,
        default=0.95,
        metavar="S",
        help="that the threshold is to keep on further films, 0.5 to 0.99 (default: %(default)s)",
    )
    parser.add_argument(
        "--level",
        type=float,
        default=0.95,
        metavar="L",
        help="least NPV below and PPV above the band in which a person decides, above 0 and below "
        "1 (default: %(default)s)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="write over a file that is there (default: leave it alone)",
    )
    _add_json(parser, "a JSON object")


def _add_audit(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("--data", required=True, metavar="DIR", help=f"{_LABELED} (required)")
    parser.add_argument(
        "--methods",
        metavar="A,B",
        help=f"methods to audit, separated by commas: {', '.join(METHODS)} (default: all)",
    )
    parser.add_argument(
        "--checks",
        metavar="A,B",
        help="checks to run, separated by commas: sanity; reference, which compares with "
        "tf-keras-vis; lungs, which compares with the lungs, and alone goes on where it was "
        "stopped, on the films of the audit; steadiness, which asks not of the heatmaps but of the "
        "scores how far they move with noise, a JPEG's losses and a small shift (default: all)",
    )
    parser.add_argument(
        "--films",
        type=int,
        metavar="N",
        help="number of films to use at most (default: 32, fewer for slow methods)",
    )
    _add_json(parser, "a JSON object")


def _add_gate(parser: argparse.ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument(
        "--data",
        required=True,
        metavar="DIR",
        help="folder with the folders kermany, tuberculosis, nih, lateral and not_chest (required)",
    )
    _add_json(parser, "a JSON list")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", help=f"{_MODEL_NAME}; or {LUNGS}, the network that finds lungs"
    )
    parser.add_argument(
        "--models", metavar="DIR", help="folder of the models (default: that of CXR_MODELS)"
    )


def _add_import_legacy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="MODEL.json and WEIGHTS.h5, or a whole model in one .h5 or .keras file",
    )
    parser.add_argument(
        "--finding", required=True, metavar="F", help="what it was trained to find (required)"
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="folder to put the bundle in (required)"
    )
    parser.add_argument(
        "--name", metavar="NAME", help="name of the bundle (default: <finding>-<architecture>)"
    )
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="folder of labeled films to choose operating points on (default: none, and the "
        "threshold is 0.5)",
    )
    parser.add_argument(
        "--positive-first",
        action="store_true",
        help="the finding was class 0 in its training, and normal class 1 "
        "(default: normal was class 0)",
    )


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="folder of labeled films")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="describe the films and splits of this model's data set, which DIR holds "
        "(default: all labeled films in DIR)",
    )
    parser.add_argument(
        "--store",
        action="store_true",
        help="keep the result in the bundle of --model, in its table of films "
        "(default: print only)",
    )
    _add_json(parser, "a JSON object")


def _add_readings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", choices=["export"], metavar="export", help="write the entries of the log"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help=".csv, .json or .parquet file to write (default: CSV on standard output)",
    )
    parser.add_argument(
        "--since", metavar="DAY", help="leave out what is older than a day, UTC (default: all)"
    )
    parser.add_argument(
        "--regions",
        action="store_true",
        help="the regions that readers drew on films (default: scores and calls)",
    )
    parser.add_argument(
        "--opened",
        action="store_true",
        help="of the audit trail: which reader, by pseudonym, opened which film and when "
        "(default: scores and calls)",
    )
    parser.add_argument(
        "--exported",
        action="store_true",
        help="of the audit trail: which reader took which film along in a file, in which form and "
        "when (default: scores and calls)",
    )
    parser.add_argument(
        "--sign-ins",
        action="store_true",
        help="of the audit trail: who signed in, signed out, was signed out by time or by the "
        "server's stop, or was refused, and when (default: scores and calls)",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="write over a file that is there (default: leave it alone)",
    )
