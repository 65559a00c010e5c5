"""The truth of a site's films: a spreadsheet read, its columns and labels understood, matched.

A sheet names films by their file, or, where they are DICOM, by accession number or SOP Instance
UID. Identifiers are compared as keyed hashes (`cxr.films.dicom_identity`); what a sheet says stays
in memory and goes into no log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from ..films.age import stated_age
from ..stats.wording import count
from .finder import FilmKey, Finder, KeyKind
from .sheet import TruthError, column_named, read_truth, scores_of
from .sheet_words import (
    COLUMN_NAMES,
    Meaning,
    meaning_of,
    names_another,
    plain_name,
    plain_words,
)

__all__ = [
    "FACTS",
    "Columns",
    "FilmKey",
    "KeyKind",
    "Matched",
    "Meaning",
    "Remark",
    "TruthError",
    "check_classes",
    "check_meanings",
    "guess_columns",
    "guess_meanings",
    "key_columns",
    "labels_of",
    "match",
    "read_truth",
    "scores_of",
]

#: What a sheet may say of a film in addition to its label.
FACTS = ("patient", "age", "sex", "site", "scanner", "date", "subtype")
#: Different labels that a column of labels may have.
MOST_LABELS = 50
#: Different values of a column that are looked at to see whether it names films.
MOST_LOOKED_AT = 20_000
_KINDS = {
    "name": KeyKind.NAME,
    "accession": KeyKind.ACCESSION,
    "instance": KeyKind.INSTANCE,
}


@dataclass(frozen=True)
class Columns:
    """Which column of a sheet tells what.

    Attributes
    ----------
    key : str
        The column that names the films.
    kind : KeyKind
        What it names them by.
    label : str
        The column of the labels; "" where a sheet has none.
    patient, age, sex, site, scanner, date, subtype : str
        "" where the sheet has no such column.
    """

    key: str
    kind: KeyKind = KeyKind.NAME
    label: str = ""
    patient: str = ""
    age: str = ""
    sex: str = ""
    site: str = ""
    scanner: str = ""
    date: str = ""
    subtype: str = ""


class Remark(NamedTuple):
    """What should be known of a match, though it can be used.

    Attributes
    ----------
    code : str
        ``rows_without_film``, ``films_without_row``, ``repeated_rows``, ``contradicting_rows``,
        ``several_films``, ``other_folder``, ``left_out``, ``without_label``;
        `cxr.site.learned.LEARNED`.
    text : str
        A sentence for people.
    names : tuple of str
        The rows or films that it is about, as the sheet or the folder names them.
    """

    code: str
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matched:
    """Films with their truth, and what did not match.

    Attributes
    ----------
    films : pandas.DataFrame
        One row per film that is positive or negative, in the order of the films: ``film`` (its
        place in the list that was matched), ``path`` (its name), ``truth`` (1 or 0), ``said`` (the
        label as the sheet has it) and `FACTS`: texts, "" where unknown, but ``age`` in years, NaN
        where unknown.
    rows_without_film, films_without_row : tuple of str
        As the sheet and as the folder names them.
    remarks : tuple of Remark
        What should be known, the most important first.
    """

    films: pd.DataFrame
    rows_without_film: tuple[str, ...] = ()
    films_without_row: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


def key_columns(table: pd.DataFrame, films: Sequence[FilmKey]) -> list[tuple[str, KeyKind, int]]:
    """List the columns that may name films, and how many values of each match a film.

    Returns
    -------
    list of (str, KeyKind, int)
        Those that match most first; columns that match none are left out.
    """
    finder = Finder(films)
    found = []
    for column in table.columns:
        values = [value for value in table[column].unique()[:MOST_LOOKED_AT] if value]
        for kind in KeyKind:
            hits = sum(bool(finder(value, kind)) for value in values)
            if hits:
                found.append((str(column), kind, hits))
    return sorted(found, key=lambda entry: -entry[2])


def guess_columns(
    table: pd.DataFrame,
    films: Sequence[FilmKey] = (),
    *,
    finding: str = "",
    label: str = "",
    key: str = "",
) -> Columns:
    """Guess what each column of a sheet tells: by its name, and by the films where they are given.

    Parameters
    ----------
    table : pandas.DataFrame
        As `read_truth` returns it.
    films : sequence of FilmKey, optional
        The films that it is about: the column that names most of them is taken.
    finding : str, optional
        What films are positive for.
    label, key : str, optional
        The columns of the labels and of the films, where they are known, in any case of letters.

    Returns
    -------
    Columns

    Raises
    ------
    TruthError
        ``no_column`` if there is no column of that name, or none that names films.
    """
    names = list(map(str, table.columns))
    label = column_named(names, label) if label else ""
    named = _by_name(names, finding)
    if label:
        named["label"] = label
    if "label" not in named and (told := _by_labels(table, finding, set(named.values()))):
        named["label"] = told
    key, kind = _key(table, films, named, column_named(names, key) if key else "")
    facts = {fact: column for fact in FACTS if (column := named.get(fact, "")) not in ("", key)}
    label = named.get("label", "")
    return Columns(key, kind, label if label != key else "", **facts)


def _by_name(names: Sequence[str], finding: str) -> dict[str, str]:
    """Find columns by their names: the most telling name first, each column once."""
    plain = {name: plain_name(name) for name in names}
    named: dict[str, str] = {}
    for what, words in COLUMN_NAMES.items():
        more = (
            (plain_name(finding), "tb" if finding == "tuberculosis" else "")
            if what == "label"
            else ()
        )
        for word in (*words, *filter(None, more)):
            free = (name for name in names if plain[name] == word and name not in named.values())
            if column := next(free, ""):
                named[what] = column
                break
    return named


def _by_labels(table: pd.DataFrame, finding: str, taken: set[str]) -> str:
    """Find a column whose values are words for positive and negative."""
    for column in table.columns:
        values = table[column].unique()
        if column in taken or not 2 <= len(values) <= MOST_LABELS:
            continue
        if {Meaning.POSITIVE, Meaning.NEGATIVE} <= set(guess_meanings(values, finding).values()):
            return str(column)
    return ""


def _key(
    table: pd.DataFrame, films: Sequence[FilmKey], named: Mapping[str, str], given: str
) -> tuple[str, KeyKind]:
    by_name = {named[what]: kind for what, kind in _KINDS.items() if what in named}
    if films:
        hits = key_columns(table[[given]] if given else table, films)
        # Of columns that match as many films, one that is named for it.
        hits.sort(key=lambda hit: (-hit[2], by_name.get(hit[0]) is not hit[1]))
        if hits:
            return hits[0][0], hits[0][1]
    if given:
        return given, by_name.get(given, KeyKind.NAME)
    if by_name:
        return next(iter(by_name.items()))
    raise TruthError(
        "No column names the films: their file, accession number or SOP instance UID. "
        f"Columns here: {', '.join(map(str, table.columns))}.",
        code="no_column",
    )


def labels_of(table: pd.DataFrame, columns: Columns) -> dict[str, int]:
    """Count the rows of each label, the most frequent first; ``no_column`` if there are none.

    Raises
    ------
    TruthError
        ``no_column`` if the sheet has no column of labels, ``unmapped_labels`` if it has more than
        `MOST_LABELS` different ones.
    """
    if not columns.label:
        raise TruthError(
            "No column of labels was recognized. Name it: one of "
            f"{', '.join(str(name) for name in table.columns if name != columns.key)}.",
            code="no_column",
        )
    counts = table[columns.label].value_counts()
    if len(counts) > MOST_LABELS:
        raise TruthError(
            f"The column {columns.label!r} has {len(counts):,} different values: it is not one of "
            "labels. Name another.",
            code="unmapped_labels",
        )
    return {str(label): int(n) for label, n in counts.items()}


def guess_meanings(
    labels: Iterable[str],
    finding: str = "",
    *,
    positive: Sequence[str] = (),
    negative: Sequence[str] = (),
    leave_out: Sequence[str] = (),
) -> dict[str, Meaning | None]:
    """Say of each label what it means, by the words given for it, else by the word itself.

    Parameters
    ----------
    labels : iterable of str
        The different labels of a sheet, or names of folders.
    finding : str, optional
        What films are positive for.
    positive, negative, leave_out : sequence of str, optional
        Labels with that meaning, in any case of letters. Where nothing is given for the other
        class, the one label that is left belongs to it, unless it names another finding.

    Returns
    -------
    dict of str to Meaning or None
        None where nothing tells.

    Raises
    ------
    TruthError
        ``no_column`` if a word that is given is none of the labels.
    """
    told = [str(label) for label in labels]
    given: dict[str, Meaning] = {}
    for meaning, words in zip(Meaning, (positive, negative, leave_out), strict=True):
        for word in words:
            if plain_words(word) not in map(plain_words, told):
                raise TruthError(
                    f"No film has the label {word!r}. Labels here: "
                    f"{', '.join(sorted(label or '(empty)' for label in told))}.",
                    code="no_label",
                )
            given[plain_words(word)] = meaning
    meanings = {
        label: given.get(plain_words(label)) or meaning_of(label, finding) for label in told
    }
    # Where a class was named, a label that merely sounds like it is another one.
    named = {Meaning.POSITIVE} if positive else set()
    named |= {Meaning.NEGATIVE} if negative else set()
    for label in told:
        if meanings[label] in named and plain_words(label) not in given:
            meanings[label] = None
    open_ = [label for label, meaning in meanings.items() if meaning is None]
    known = set(meanings.values()) & {Meaning.POSITIVE, Meaning.NEGATIVE}
    if len(open_) == 1 and len(known) == 1 and not names_another(open_[0], finding):
        other = Meaning.NEGATIVE if Meaning.POSITIVE in known else Meaning.POSITIVE
        meanings[open_[0]] = other
    return meanings


def match(
    table: pd.DataFrame,
    columns: Columns,
    meanings: Mapping[str, Meaning | None],
    films: Sequence[FilmKey],
) -> Matched:
    """Give films their truth.

    A row is of the film that it names, by the whole path, or by as much of it as both have, with
    its ending or without; not by its name alone where its folders are others, unless most films
    lie in other folders than the sheet says: then a row that has no rival is taken, and remarked
    on. An accession number is that of all films of an examination. Rows that say the same of a film
    count once; a film whose rows contradict each other is left out.

    Parameters
    ----------
    table : pandas.DataFrame
        As `read_truth` returns it.
    columns : Columns
        As `guess_columns` returns them, or as a person has changed them.
    meanings : mapping of str to Meaning or None
        Of the labels, as `guess_meanings` returns them, or as a person has changed them.
    films : sequence of FilmKey

    Returns
    -------
    Matched

    Raises
    ------
    TruthError
        ``unmapped_labels`` if a label has no meaning, ``no_match`` if no row is of a film,
        ``one_class`` if the films that match are all positive or all negative.
    """
    check_meanings(labels_of(table, columns), meanings)
    found = _rows_of(table, columns, films)
    if found.rows_of == {}:
        raise TruthError(_no_match(table, columns, films), code="no_match")
    label = table[columns.label].astype(str).to_numpy()
    means = [meanings[said] for said in label]
    contradicting: list[str] = []
    repeated: list[str] = []
    left_out: list[str] = []
    without: list[str] = []
    kept: list[tuple[int, int, int]] = []
    for place, rows in sorted(found.rows_of.items()):
        said = {means[row] for row in rows if label[row]}
        if len(rows) > 1:
            (repeated if len(said) < 2 else contradicting).append(films[place].name)
        if len(said) > 1:
            continue
        if not said:
            without.append(films[place].name)
        elif Meaning.LEAVE_OUT in said:
            left_out.append(films[place].name)
        else:
            row = next(row for row in rows if label[row])
            kept.append((place, row, int(Meaning.POSITIVE in said)))
    matched = _facts(table, columns, films, kept)
    unmatched = [film.name for k, film in enumerate(films) if k not in found.rows_of]
    remarks = _remarks(
        contradicting_rows=contradicting,
        several_films=found.unclear,
        other_folder=[films[place].name for place in found.moved],
        rows_without_film=found.lost,
        films_without_row=unmatched,
        repeated_rows=repeated,
        without_label=without,
        left_out=left_out,
    )
    result = Matched(matched, tuple(found.lost), tuple(unmatched), remarks)
    check_classes(result)
    return result


def check_meanings(labels: Mapping[str, int], meanings: Mapping[str, Meaning | None]) -> None:
    """Raise TruthError ``unmapped_labels`` if one of the labels has no meaning."""
    unknown = [f"{label} ({n:,})" for label, n in labels.items() if not meanings.get(label)]
    if unknown:
        raise TruthError(
            f"It is not known what these labels mean: {', '.join(unknown)}. Say of each whether it "
            "is positive, negative or to be left out.",
            code="unmapped_labels",
        )


def check_classes(matched: Matched) -> None:
    """Raise TruthError ``one_class`` if the films are all positive, all negative, or none."""
    if matched.films["truth"].nunique() > 1:
        return
    n = len(matched.films)
    which = "positive" if n and matched.films["truth"].iloc[0] else "negative"
    told = f"All {n:,} films with a label are {which}." if n else "No film is left with a label."
    raise TruthError(
        f"{told} Films of both classes are needed: check the labels and what they mean.",
        code="one_class",
    )


def _no_match(table: pd.DataFrame, columns: Columns, films: Sequence[FilmKey]) -> str:
    told = (
        f"None of the {len(table):,} rows names one of the {len(films):,} films by {columns.kind}"
    )
    if columns.kind is KeyKind.NAME and films:
        first = next((value for value in table[columns.key] if value), "")
        return f"{told}: the first row says {first!r}, the first film is {films[0].name!r}."
    return f"{told} (column {columns.key!r})."


@dataclass
class _Rows:
    """The rows of each film, by its place; rows that are of none, or of which it is not clear.

    Films that were matched though their row names another folder are ``moved``.
    """

    rows_of: dict[int, list[int]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)


def _rows_of(table: pd.DataFrame, columns: Columns, films: Sequence[FilmKey]) -> _Rows:
    finder, result = Finder(films), _Rows()
    for row, value in enumerate(table[columns.key].astype(str)):
        places = finder(value, columns.kind) if value else []
        if not places:
            result.lost.append(value or f"row {row + 2}")
        elif len(places) > 1 and columns.kind is not KeyKind.ACCESSION:
            result.unclear.append(value)
        else:
            for place in places:
                result.rows_of.setdefault(place, []).append(row)
    if columns.kind is KeyKind.NAME:
        _by_folders(result, table[columns.key].astype(str).tolist(), finder)
    return result


def _by_folders(result: _Rows, named: Sequence[str], finder: Finder) -> None:
    """Take back rows whose folders are not those of the film.

    Where most of the films lie in other folders than their rows say, all may have been moved since:
    then a row stays, unless one of another folder names the same film.
    """
    fits = 0
    moved: list[int] = []
    for place, rows in list(result.rows_of.items()):
        common = {row: finder.folders_in_common(named[row], place) for row in rows}
        kept = [row for row in rows if not common[row][1]]
        fits += any(common[row][0] for row in kept)
        if not kept:
            most = max(folders for folders, _ in common.values())
            nearest = [row for row in rows if common[row][0] == most]
            if len({named[row] for row in nearest}) == 1:
                kept = nearest
                moved.append(place)
        _keep(result, place, kept, named)
    if fits >= len(moved):
        for place in moved:
            _keep(result, place, [], named)
    else:
        result.moved = sorted(moved)


def _keep(result: _Rows, place: int, kept: Sequence[int], named: Sequence[str]) -> None:
    rows, known = result.rows_of.pop(place), set(kept)
    result.lost += [named[row] for row in rows if row not in known]
    if kept:
        result.rows_of[place] = list(kept)


def _facts(
    table: pd.DataFrame,
    columns: Columns,
    films: Sequence[FilmKey],
    kept: Sequence[tuple[int, int, int]],
) -> pd.DataFrame:
    rows = table.iloc[[row for _, row, _ in kept]]
    result = pd.DataFrame(
        {
            "film": np.array([place for place, _, _ in kept], np.int64),
            "path": [films[place].name for place, _, _ in kept],
            "truth": np.array([truth for _, _, truth in kept], np.int64),
            "said": rows[columns.label].to_numpy(),
        }
    )
    for fact in FACTS:
        column = getattr(columns, fact)
        result[fact] = rows[column].to_numpy() if column else ""
    result["age"] = [_age(text) for text in result["age"]]
    result["sex"] = [_sex(text) for text in result["sex"]]
    return result


def _age(text: str) -> float:
    """Read an age in years; NaN if it is none."""
    plain = re.sub(r"[.,]0+$", "", text.strip())
    plain = re.sub(r"\s*(years?|yrs?|jahre?|ans|años)\.?$", "", plain, flags=re.IGNORECASE)
    if told := stated_age(plain):
        return told[0]
    try:
        years = float(plain.replace(",", "."))
    except ValueError:
        return np.nan
    return years if 0 <= years <= 130 else np.nan


def _sex(text: str) -> str:
    """Write a sex as DICOM does, F or M; another word as it is."""
    word = text.strip().lower()
    if word in ("f", "female", "woman", "w", "weiblich", "femme", "mujer"):
        return "F"
    return "M" if word in ("m", "male", "man", "männlich", "homme", "hombre") else text.strip()


_REMARKS = {
    "contradicting_rows": "{} with rows that contradict each other, left out.",
    "several_films": "{rows} that name several films alike, and count for none.",
    "other_folder": "{} whose row names another folder, matched by the file's name alone.",
    "rows_without_film": "{rows} of no film.",
    "films_without_row": "{} without a row.",
    "repeated_rows": "{} with several rows that say the same; each film counts once.",
    "without_label": "{} whose row has no label, left out.",
    "left_out": "{} left out by their label.",
}


def _remarks(**names: Sequence[str]) -> tuple[Remark, ...]:
    return tuple(
        Remark(
            code,
            _REMARKS[code].format(count(len(found)), rows=count(len(found), "row")),
            tuple(found),
        )
        for code, found in names.items()
        if found
    )
