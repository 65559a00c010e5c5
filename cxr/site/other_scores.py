"""Another tool's scores on a site's truth, without films."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ..progress import Say, silent
from ..scoring.operating_points import OperatingPoint
from ..stats.wording import count
from .evaluate import SiteEvaluation, evaluate_films
from .films import TruthWords, truth_of
from .finder import FilmKey
from .sheet import TruthError, read_truth, scores_of
from .truth import Matched, guess_columns, key_columns

__all__ = ["evaluate_scores", "score_of_each"]


def evaluate_scores(
    scores: Path,
    finding: str,
    *,
    truth: Path | None = None,
    column: str = "",
    threshold: float = 0.5,
    words: TruthWords | None = None,
    say: Say = silent,
) -> tuple[Matched, SiteEvaluation]:
    """Measure scores that another tool gave films.

    Parameters
    ----------
    scores : pathlib.Path
        A sheet with a score in [0, 1] per film; an empty cell counts as a refusal.
    finding : str
        What films are positive for.
    truth : pathlib.Path, optional
        The sheet of the truth (default: the scores' own has a column of labels).
    column : str, optional
        Of the scores (default: one that is named for it).
    threshold : float, default: 0.5
        At or above which a film is positive, in (0, 1).
    words : TruthWords, optional
        What is known of the truth.
    say : Say, optional
        Told what was guessed.

    Returns
    -------
    Matched
    SiteEvaluation
        Its model is the name of the scores' file.

    Raises
    ------
    TruthError
        See `cxr.site.truth`; ``score_range`` for a threshold that is none, ``repeated_scores``
        where one film has two scores.
    """
    if not 0 < threshold < 1:
        raise TruthError(
            f"Expected a threshold between 0 and 1. Received: {threshold:g}", code="score_range"
        )
    words = words or TruthWords()
    table = read_truth(scores)
    values = scores_of(table, column)
    told = read_truth(truth) if truth else table
    key = _key(table.drop(columns=[str(values.name)]), told, words, same=truth is None)
    values = score_of_each(values, table[key])
    films = [FilmKey(name) for name in values.index]
    matched = truth_of(told, films, finding, words, say)
    for remark in matched.remarks:
        say(remark.text)
    known = values.to_numpy()[matched.films["film"].to_numpy()]
    # Compared as they are given: by way of a logit, 0.9 comes back as less than 0.9.
    scored = matched.films.assign(
        score=known, refusal_code=np.where(np.isnan(known), "no_score", "")
    )
    at = OperatingPoint(
        name=f"threshold-{threshold:g}",
        rule="As it was given.",
        threshold=threshold,
        near=(threshold, threshold),
        n=0,
        sensitivity=None,
        sensitivity_ci=None,
        specificity=None,
        specificity_ci=None,
    )
    result = evaluate_films(scored, model=scores.stem[:200], points=[(at, None)])
    return matched, result


def score_of_each(scores: pd.Series, names: pd.Series) -> pd.Series:
    """Return the one score of each film; rows that name no film are left out.

    Parameters
    ----------
    scores : pandas.Series
        As `cxr.site.sheet.scores_of` returns them.
    names : pandas.Series
        Of the films, row by row.

    Returns
    -------
    pandas.Series
        By the films' names, in the order of their first rows.

    Raises
    ------
    TruthError
        ``repeated_scores`` where a film has two different scores.
    """
    values = scores.set_axis(names.astype(str))
    values = values[values.index != ""]
    doubled = values.groupby(level=0).nunique(dropna=False)
    if (doubled > 1).any():
        raise TruthError(
            f"{count(int((doubled > 1).sum()))} with two different scores, the first "
            f"{doubled.index[doubled > 1][0]!r}. Give each film one, or name it by another column.",
            code="repeated_scores",
        )
    return values[~values.index.duplicated()]


def _key(table: pd.DataFrame, told: pd.DataFrame, words: TruthWords, *, same: bool) -> str:
    """Find the column by which the scores name films: that which the truth names most of."""
    if same:
        return guess_columns(table, label=words.label, key=words.film).key
    found = []
    for name in map(str, table.columns):
        films = [FilmKey(value) for value in table[name].astype(str).unique() if value]
        hits = key_columns(told, films)
        if hits:
            found.append((hits[0][2], name))
    if not found:
        raise TruthError(
            "No row of the truth names a film that has a score. Columns of the scores: "
            f"{', '.join(map(str, table.columns))}; of the truth: "
            f"{', '.join(map(str, told.columns))}.",
            code="no_match",
        )
    return max(found, key=lambda entry: entry[0])[1]
