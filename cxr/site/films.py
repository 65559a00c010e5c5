"""A site's films with their truth: found in a folder, matched, scored one after another.

Films are read, scored, described and let go, so that memory does not bound how many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..datasets.errors import DatasetError
from ..datasets.folders import manifest_of, scan
from ..datasets.near_duplicates import fingerprint_of
from ..datasets.words import split_of
from ..films.identity import NOBODY, Identity
from ..films.kinds import HEAD, Kind, kind_of
from ..films.radiograph import Radiograph, RadiographError, read
from ..films.statistics import LEAST, STATISTICS, film_statistics
from ..progress import Progress, Say, silent
from ..scoring.classifier import Classifier
from ..scoring.predict import FILES_AT_ONCE, Prediction, batches, find_films, predict, unread
from ..scoring.refusal import Refusal
from .facts import with_facts
from .finder import FilmKey
from .truth import (
    Columns,
    Matched,
    Meaning,
    TruthError,
    guess_columns,
    guess_meanings,
    labels_of,
    match,
    read_truth,
)

__all__ = [
    "SCORED",
    "TruthWords",
    "film_keys",
    "film_row",
    "labeled_films",
    "score_films",
    "truth_of",
    "with_scores",
]

#: Batches that are read while one is scored.
AHEAD = 2
#: What scoring adds to a film's row, in addition to `STATISTICS`.
SCORED = ("logit", "refusal_code", "sha256", "phash", "width", "height")
#: A manifest's mark of films that another set lists as normal: they are evidence for neither class.
DOUBTFUL = "also_listed_normal"


@dataclass(frozen=True)
class TruthWords:
    """What a person says of a truth, in the place of what would be guessed.

    Attributes
    ----------
    label, film : str
        The columns of the labels and of what names the films; "" to have them guessed.
    positive, negative, leave_out : tuple of str
        Labels with that meaning; see `cxr.site.truth.guess_meanings`.
    split : str
        Films of this split alone; "" for all.
    """

    label: str = ""
    film: str = ""
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    split: str = ""


def film_keys(root: Path) -> list[FilmKey]:
    """List the films of a folder by what a sheet may name them by.

    Returns
    -------
    list of FilmKey
        Sorted; names are paths from the folder, with slashes.

    Raises
    ------
    TruthError
        ``no_films`` if there is no such folder, or no film in it.
    """
    if not root.is_dir():
        raise TruthError(
            f"There is no folder {root.name!r}. Give the folder with the films.", code="no_films"
        )
    paths = find_films([root])
    if not paths:
        raise TruthError(
            f"There are no films in {root.name!r}. Give films as PNG, JPEG or DICOM.",
            code="no_films",
        )
    keys = []
    for path in paths:
        who = _identity(path)
        keys.append(FilmKey(path.relative_to(root).as_posix(), who.accession_key, who.instance_key))
    return sorted(keys)


def _identity(path: Path) -> Identity:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:  # told where the film is read
        return NOBODY
    if kind_of(head) is not Kind.DICOM:
        return NOBODY
    from ..films.dicom_identity import identity_of  # here, as pydicom takes a while to load

    return identity_of(path)


def labeled_films(
    root: str | Path,
    finding: str,
    *,
    truth: Path | None = None,
    words: TruthWords | None = None,
    say: Say = silent,
) -> Matched:
    """Find the films of a folder and their truth.

    The truth is that of a sheet; without one, that of the folder's ``manifest.csv`` or ``.xlsx``;
    without either, that of the folders of classes, whatever they are called.

    Parameters
    ----------
    root : str or pathlib.Path
        The folder.
    finding : str
        What films are positive for.
    truth : pathlib.Path, optional
        A sheet that lies elsewhere.
    words : TruthWords, optional
        What is known of it.
    say : Say, optional
        Told what the labels were taken to mean, and what did not match (default: nobody is).

    Returns
    -------
    Matched

    Raises
    ------
    TruthError
        See there, and `film_keys`.
    """
    root, words = Path(root), words or TruthWords()
    keys = film_keys(root)
    sheet = truth or manifest_of(root)
    if sheet:
        table = read_truth(sheet)
        if DOUBTFUL in table:
            table = table[table[DOUBTFUL] == ""].reset_index(drop=True)
    else:
        if words.label or words.film:
            raise TruthError(
                "The labels are names of folders here, which have no columns. Name no column, or "
                "give the truth as a sheet.",
                code="no_truth",
            )
        table = _from_folders(root, finding, say)
        words = replace(words, label="label", film="path")
    matched = truth_of(table, keys, finding, words, say)
    for remark in matched.remarks:
        say(remark.text)
    return matched


def _from_folders(root: Path, finding: str, say: Say) -> pd.DataFrame:
    try:
        return scan(root, finding=finding, say=say).astype(str)
    except DatasetError as error:
        raise TruthError(
            f"{error} Or give the truth as a sheet of its own.", code="no_truth"
        ) from error


def truth_of(
    table: pd.DataFrame,
    keys: Sequence[FilmKey],
    finding: str,
    words: TruthWords,
    say: Say = silent,
) -> Matched:
    """Match a sheet with films; the columns and labels are guessed where no word is given for them.

    Raises
    ------
    TruthError
        See `cxr.site.truth`.
    """
    columns = guess_columns(table, keys, finding=finding, label=words.label, key=words.film)
    if words.split and "split" not in table:
        raise TruthError(
            f"These films are in no splits. Leave out the split {words.split!r}, or give them in a "
            "column named split.",
            code="no_split",
        )
    if words.split:
        wanted = split_of(words.split) or words.split.lower()
        splits = [split_of(split) or split.lower() for split in table["split"]]
        here = [split == wanted for split in splits]
        table = table[here].reset_index(drop=True)
        if table.empty:
            known = sorted({split or "(none)" for split in splits})
            raise TruthError(
                f"No film is in the split {words.split!r}. Splits here: {', '.join(known)}.",
                code="no_split",
            )
        named = set(table[columns.key])
        keys = [key for key in keys if key.name in named] or keys
    labels = labels_of(table, columns)
    meanings = guess_meanings(
        labels,
        finding,
        positive=words.positive,
        negative=words.negative,
        leave_out=words.leave_out,
    )
    matched = match(table, columns, meanings, keys)
    say(_told(columns, meanings))
    return matched


def _told(columns: Columns, meanings: Mapping[str, Meaning | None]) -> str:
    parts = []
    for meaning in Meaning:
        of = [label or "(empty)" for label, given in meanings.items() if given is meaning]
        if of:
            parts.append(f"{meaning}: {', '.join(of)}")
    return f"Films by {columns.kind}; labels of {columns.label!r} are {'; '.join(parts)}."


def score_films(
    model: Classifier,
    root: Path,
    paths: Sequence[str],
    progress: Progress | None = None,
) -> Iterator[tuple[str, Radiograph | None, Prediction]]:
    """Read and score films, a few ahead; a file that cannot be read is a refusal.

    Parameters
    ----------
    model : Classifier
    root : pathlib.Path
        The folder that the paths start from.
    paths : sequence of str
        Of the films.
    progress : Progress, optional
        Called with the films done and the films in all.

    Yields
    ------
    path : str
        In the order given.
    film : Radiograph or None
        None if the file cannot be read.
    prediction : Prediction
        At the model's default operating point.
    """
    waiting: deque[tuple[list[str], list[Future[Radiograph | Refusal]]]] = deque()
    parts, done = batches(paths, FILES_AT_ONCE), 0
    if progress and paths:
        progress(0, len(paths))
    with ThreadPoolExecutor(2, "site-reader") as pool:

        def ask() -> None:
            if part := next(parts, None):
                waiting.append((part, [pool.submit(_read, root / path) for path in part]))

        for _ in range(AHEAD):
            ask()
        while waiting:
            part, futures = waiting.popleft()
            ask()
            read_ = [future.result() for future in futures]
            films = [film for film in read_ if isinstance(film, Radiograph)]
            said = iter(predict(model, films) if films else [])
            for path, film in zip(part, read_, strict=True):
                if isinstance(film, Refusal):
                    yield path, None, unread(model, film)
                else:
                    yield path, film, next(said)
                done += 1
                if progress:
                    progress(done, len(paths))


def _read(path: Path) -> Radiograph | Refusal:
    try:
        return read(path)
    except RadiographError as error:
        return Refusal(error.code, error.reason)


def film_row(film: Radiograph | None, prediction: Prediction) -> dict[str, Any]:
    """Return what figures need of a film once it is scored: `SCORED`, statistics, whose it is."""
    refusal = prediction.refusal
    row: dict[str, Any] = {
        "logit": np.nan if prediction.logit is None else prediction.logit,
        "refusal_code": refusal.code if refusal and prediction.score is None else "",
        "sha256": "",
        "phash": "",
        "width": 0,
        "height": 0,
        "patient": "",
        "age": np.nan,
        "sex": "",
        "date": "",
    } | dict.fromkeys(STATISTICS, np.nan)
    if film is None:
        return row
    row |= {
        "sha256": film.sha256,
        "phash": fingerprint_of(film.pixels),
        "width": film.width,
        "height": film.height,
        "patient": film.patient_key or "",
        "age": np.nan if film.age is None else film.age,
        "sex": film.sex or "",
        "date": film.study_date.isoformat() if film.study_date else "",
    }
    if min(film.width, film.height) >= LEAST:
        row |= film_statistics(film.pixels)
    return row


def with_scores(matched: Matched, rows: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Put what was scored next to the truth.

    Parameters
    ----------
    matched : Matched
        The films and their truth.
    rows : mapping of str to mapping
        Of each film's path, as `film_row` returns it.

    Returns
    -------
    pandas.DataFrame
        The films of `matched` with the columns of `film_row`; patient, age, sex and date are the
        sheet's, or, where it does not say, the file's. A refused film has no ``logit`` (NaN).
    """
    scored = pd.DataFrame([dict(rows[path]) for path in matched.films["path"]])
    return with_facts(matched.films, scored)
