"""Which films are for training and which are held out: by patient, seeded, without replacement."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..progress import Say, silent
from ..stats.bootstrap import owners
from ..stats.wording import count

__all__ = ["draw", "hold_out", "split_by_patient", "splits", "subset"]


def splits(table: pd.DataFrame) -> list[str]:
    """Name the splits of a table: train, validation, test, then any others."""
    usual = ["train", "validation", "test"]
    present = set(table["split"])
    return [name for name in usual if name in present] + sorted(present - set(usual))


def split_by_patient(
    table: pd.DataFrame, fraction: float = 0.1, *, seed: int = 0, into: str = "validation"
) -> pd.DataFrame:
    """Move a share of the patients of ``train`` into another split.

    All films of a patient go together, and so do patients who share a film with equal pixels:
    drawn film by film, 40 % of a validation split of the Kermany films has its patient in
    training. Stratified by label and subtype.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with patients, and hashes where known.
    fraction : float, default: 0.1
        Share of the films to move, in (0, 0.5].
    seed : int, default: 0
        Of the draw.
    into : str, default: "validation"
        The name of the new split.

    Returns
    -------
    pandas.DataFrame
        A copy with ``split`` changed.

    Raises
    ------
    ValueError
        If the fraction is out of range, a split of that name is already there, or no film is in
        ``train``.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if not 0 < fraction <= 0.5:
        raise ValueError(f"Expected a fraction in (0, 0.5]. Received: {fraction}")
    if (table["split"] == into).any():
        raise ValueError(f"The table has a split named {into!r} already.")
    table = table.copy()
    train = table[table["split"] == "train"]
    if train.empty:
        raise ValueError(
            f"Expected films in the split 'train'. Received: {', '.join(map(repr, splits(table)))}"
        )
    strata = train["label"] + "/" + train["subtype"].fillna("")
    # 0.1 is one fold of ten, 0.4 two of five.
    part = Fraction(fraction).limit_denominator(20) or Fraction(1, round(1 / fraction))
    folds = StratifiedGroupKFold(part.denominator, shuffle=True, random_state=seed)
    drawn = islice(folds.split(train, strata, groups=_linked_patients(train)), part.numerator)
    moved = np.concatenate([rows for _, rows in drawn])
    table.loc[train.index[moved], "split"] = into
    return table


def hold_out(
    table: pd.DataFrame, fraction: float = 0.1, *, seed: int = 0, say: Say = silent
) -> pd.DataFrame:
    """Give a table a validation split that something can be chosen on.

    The set's own stays, less the films of patients who are in train as well: these are learned
    from. Where under half the films asked for, or not all labels, are left (Kaggle's ``val`` of the
    Kermany films has 16), they join the training films, and `split_by_patient` draws another.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with patients, and hashes where known.
    fraction, seed
        As for `split_by_patient`.
    say : Say, optional
        Told of films of patients in both splits (default: nobody is).
    """
    table = table.copy()
    given = table["split"] == "validation"
    labels = set(table.loc[given, "label"])
    least = fraction / 2 * (given | (table["split"] == "train")).sum()
    if given.sum() >= least:
        shared = _in_both(table)
        table.loc[shared > 0, "split"] = "train"
        given &= shared == 0
        enough = given.sum() >= least and set(table.loc[given, "label"]) == labels
        if patients := shared[shared > 0].nunique():
            say(
                f"{count(int((shared > 0).sum()))} of validation are of "
                f"{count(patients, 'patient')} that train has too: they are learned from, as "
                "nothing can be chosen on such films. "
                + ("The others stay." if enough else "Another validation split is drawn.")
            )
        if enough:
            return table
    table.loc[given, "split"] = "train"
    return split_by_patient(table, fraction, seed=seed)


def _in_both(table: pd.DataFrame) -> pd.Series:
    """Number the patients who are in train and in validation, from 1, at their validation films.

    0 at all other films.
    """
    films = table[table["split"].isin(["train", "validation"])]
    linked = _linked_patients(films) + 1
    held = (films["split"] == "validation").to_numpy()
    numbers = np.where(held & np.isin(linked, linked[~held]), linked, 0)
    return pd.Series(numbers, films.index).reindex(table.index, fill_value=0)


def _linked_patients(table: pd.DataFrame) -> NDArray[np.int64]:
    """Number the patients so that those who share equal pixels have one number.

    A film without a patient is of one of its own.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    patient, _ = pd.factorize(owners(table))
    # A film without a hash is like no other: give it one of its own.
    hashes = table["sha256"].where(table["sha256"] != "", table["path"])
    picture, _ = pd.factorize(hashes)
    nodes = patient.max() + 1 + picture.max() + 1
    links = (np.ones(len(table)), (patient, patient.max() + 1 + picture))
    _, component = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)
    return np.asarray(component[patient], np.int64)


def subset(table: pd.DataFrame, fraction: float, *, seed: int = 0) -> pd.DataFrame:
    """Draw a share of the films without replacement, the same share of every split and label.

    Raises
    ------
    ValueError
        If the fraction is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"Expected a fraction in (0, 1]. Received: {fraction}")
    groups = table.groupby(["split", "label"], group_keys=False)
    return groups.sample(frac=fraction, random_state=seed).sort_index()


def draw(table: pd.DataFrame, split: str, each: int, *, seed: int = 0) -> pd.DataFrame:
    """Draw films of a split without replacement, equally many of each label where there are.

    Raises
    ------
    ValueError
        If the table has no such split.
    """
    films = table[table["split"] == split]
    if films.empty:
        raise ValueError(f"Expected one of {sorted(set(table['split']))}. Received: {split!r}")
    drawn = [
        group.sample(min(each, len(group)), random_state=seed)
        for _, group in films.groupby("label")
    ]
    return pd.concat(drawn, ignore_index=True)
