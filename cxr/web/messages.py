"""What the pages tell a person to do: the commands, folders and settings that help."""

from __future__ import annotations

from collections.abc import Iterable

from ..datasets.published import SOURCES
from ..errors import CxrError
from .plain_text import code_span, plain

__all__ = [
    "ADD_FILMS",
    "A_FOLDER",
    "CHOOSE_BAR",
    "CHOOSE_CELL",
    "CHOOSE_MODEL",
    "HINTS",
    "LIST_BACK",
    "LIST_LOST",
    "LOG_OFF",
    "NOT_IN_LIST",
    "NOT_MEASURED",
    "NO_CALLS",
    "NO_FILMS_AT_HAND",
    "NO_FILM_OF_SPLIT",
    "NO_FOLDER",
    "NO_FOLDER_OF_SET",
    "NO_MODELS",
    "NO_PICTURE_CHECK",
    "NO_READINGS",
    "NO_SAMPLES",
    "ONLY_BASELINES",
    "PREMISE_HOLDS",
    "SITE_FILE",
    "START",
    "UPLOADED",
    "evaluate_it",
    "imported_without_epochs",
    "imported_without_films",
    "measure_again",
    "message",
    "model_gone",
    "no_default_for",
    "no_lungs",
    "no_readings_at_site",
    "no_readings_by",
    "no_readings_within",
    "not_described",
    "not_explained",
    "not_recorded",
    "not_steadied",
    "one_class",
    "premise_fails",
    "scored_none",
    "too_few_to_tell",
    "unusable",
]

#: What to do about an error, by its code.
HINTS = {
    "card": "Restore it, or remove the bundle's folder.",
    "site_other_model": "Choose that model, or make a file for this one on the page Validation.",
}

TRAIN = "python -m cxr train RECIPE --data DIR --out models"
EVALUATE = "python -m cxr evaluate {} --data DIR"
BOXES = f"{EVALUATE} --boxes boxes.csv --store"
AUDIT = "python -m cxr audit {} --data DIR"
DESCRIBE = "python -m cxr dataset DIR --model {} --store"
AGAIN = "then start the dashboard again."
LUNGS = f"Put the folder lungs of the models that ship next to the others, {AGAIN}"

NO_PICTURE_CHECK = (
    "The folder of the models holds no picture-check: negatives, two films in one picture, "
    "screenshots and photos of films are scored like films. Put the folder picture-check of the "
    f"models that ship next to the others, {AGAIN}"
)
NO_MODELS = (
    "No models here. Set CXR_MODELS to the folder of the models and start the dashboard again, or "
    f"train one with: {code_span(TRAIN)}"
)
ONLY_BASELINES = (
    f"Only baselines here, by which no film is scored. Train a model with: {code_span(TRAIN)}"
)
CHOOSE_MODEL = "Choose a model to see its curves."
CHOOSE_BAR = "Choose a bar to see its films below."
CHOOSE_CELL = "Films behind a cell of the matrix; the worst errors come first"
ADD_FILMS = "The list of films comes here, those to read first on top."
START = "Films stay in memory until the tab is closed."
A_FOLDER = "All films of a folder or of a patient's CD are taken; its other files are counted."
UPLOADED = "Kept in memory. Films are told by what they hold; how a file is named does not matter."
LIST_BACK = "Connected again. The list is as it was: {}."
LIST_LOST = (
    "The list of this tab is gone: the server was started anew, or the tab was away for too long. "
    "Lists are kept in memory alone. Add the films again."
)
NOT_IN_LIST = (
    "The film of this link is not in the list of this tab. Lists are kept in memory, each for its "
    "tab: open the link in the tab that has the film, or add the film here."
)
SITE_FILE = (
    "From the page Validation, or from: python -m cxr calibrate NAME --data DIR --out SITE.json. "
    "It holds for one model, and stays in memory until the tab is closed."
)
NOT_MEASURED = "Not measured: no validation films. Import with --data to choose operating points."
NO_FOLDER = "Set CXR_DATA to the folder of the data set to see the films."
NO_FOLDER_OF_SET = "Set CXR_DATA to the folder of the data set to see its films here."
NO_FILMS_AT_HAND = "None of these films are under CXR_DATA. Set it to the folder of the data set."
NOT_SHOWN = "This film cannot be shown: its file is damaged."
NO_FILM_OF_SPLIT = "None of the films of this split are under CXR_DATA."
LOG_OFF = "The log is switched off: CXR_READINGS_URL is off. Unset it to keep readings."
NO_READINGS = (
    "No readings yet. Score films on Triage; what the model and its reader said is counted here."
)
PREMISE_HOLDS = (
    "Nothing says that these films are unlike those that the site's file was made on. That they "
    "are alike is the premise of its threshold and its band, and cannot be proved."
)
NO_CALLS = "No call to compare yet. Make your calls on Triage."

_KERMANY = SOURCES["kermany"]
NO_SAMPLES = (
    f"No sample films here. Download the Kermany set ({_KERMANY.url}), unpack it so that it holds "
    f"{_KERMANY.layout}, and set CXR_DATA to its folder; or run: pip install pydicom-data"
)


def message(error: Exception) -> str:
    """Return what happened, and where the dashboard can help, what to do."""
    hint = HINTS.get(error.code, "") if isinstance(error, CxrError) else ""
    return f"{plain(error)} {hint}".rstrip()


def model_gone(model: str) -> str:
    """Say that a model which was chosen is not there any more."""
    return f"{plain(model)} was removed. See which model is chosen now."


def unusable(name: str, why: str) -> str:
    """Say of a bundle that it cannot be used."""
    return f"**{plain(name)}** cannot be used. {plain(why)} {HINTS['card']}"


def no_default_for(finding: str, why: str) -> str:
    """Say that a finding has no default model, since that is damaged."""
    return f"Automatic does not score for {plain(finding)}. {plain(why)} {HINTS['card']}"


def no_readings_at_site(site: str) -> str:
    """Say how films come to be counted for a site's file."""
    return (
        f"No film in this period was scored at the points of this file of {plain(site)}. Choose it "
        "on Triage, and score films."
    )


def premise_fails(moved: Iterable[str]) -> str:
    """Say that films are no longer like a site's own, and what follows."""
    return (
        f"These films are not like those that the site's file was made on: {', '.join(moved)}. "
        "What it says of sensitivity, and of the band, may not hold any more. Look for what has "
        "changed, and make the file anew."
    )


def too_few_to_tell(n: int) -> str:
    """Say that too few films were scored to tell whether they are like a site's own."""
    return f"{n:,} films are too few to tell whether they are like the site's own."


def imported_without_films(model: str) -> str:
    """Say how a data set comes to a model that has none."""
    return f"{plain(model)} was imported without films. Import it again with --data DIR."


def imported_without_epochs(models: Iterable[str]) -> str:
    """Say how to train a model, where there are no epochs to show."""
    return (
        f"Imported, so that there are no epochs to show: {plain(', '.join(models))}. To train a "
        f"model here: {TRAIN}"
    )


def not_recorded(metric: str) -> str:
    """Say that a run has nothing of a metric, where its panel would be."""
    return f"{plain(metric)} was not recorded in the epochs of this run. Choose another metric."


def scored_none(model: str) -> str:
    """Say how scores come to a model that has none."""
    return f"No films were scored when {plain(model)} was imported. Import it with --data DIR."


def evaluate_it(model: str) -> str:
    """Say how figures come to a model that has none."""
    return (
        "No films were scored when this model was imported. Import it with --data DIR, or "
        f"run: {code_span(EVALUATE.format(model))}"
    )


def not_described(model: str) -> str:
    """Name the command that compares the films of a model's data set."""
    command = code_span(DESCRIBE.format(model))
    return f"Not worked out yet. Run {command}, where DIR is the folder of the data set, {AGAIN}"


def not_explained(model: str, *, boxes: bool, checks: bool) -> str:
    """Name the commands that measure a model's heatmaps.

    Parameters
    ----------
    model : str
        Its name.
    boxes, checks : bool
        Whether the agreement with boxes is missing, and whether the sanity checks are.
    """
    missing = [command for command, wanted in ((BOXES, boxes), (AUDIT, checks)) if wanted]
    commands = " and ".join(code_span(command.format(model)) for command in missing)
    return f"Not measured yet. Run {commands}, where DIR is the folder of the films, {AGAIN}"


def not_steadied(model: str) -> str:
    """Name the command that measures how steady a model's scores are."""
    command = code_span(f"{AUDIT.format(model)} --checks steadiness")
    return f"Not measured yet. Run {command}, where DIR is the folder of the films, {AGAIN}"


def measure_again(error: Exception, model: str) -> str:
    """Say why a model's table of explanations cannot be read, and what stores it anew."""
    return f"{plain(error)} Measure it again: {code_span(AUDIT.format(model))}."


def no_lungs(reason: str) -> str:
    """Say why no heatmap has a figure of the lungs, and what to do."""
    return f"{plain(reason)} Heatmaps come without their share in the lungs. {LUNGS}"


def one_class(split: str) -> str:
    """Say what the curves of a split want."""
    return f"The films of {plain(split)} are of one class. Curves need films of both."


def no_readings_within(period: str) -> str:
    """Say what to do where the log has readings, but none of a period."""
    return f"No readings within {period}. Choose a longer period."


def no_readings_by(model: str) -> str:
    """Say what to do where none of a period's readings is of a model."""
    return f"No readings by {plain(model)} within this period. Choose another model."
