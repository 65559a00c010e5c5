"""Whether a site's films differ from those that a model was validated on, and in what.

If they can be told apart, figures of the model's own validation say little about the site, and the
threshold chosen there need not hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..films.statistics import STATISTICS
from ..scoring.bundle import Bundle
from ..stats.curves import auc

__all__ = ["FEATURES", "FEWEST", "Difference", "Quantity", "difference", "own_films"]

#: Films on each side without which nothing is said.
FEWEST = 30
#: What films are told apart by: `cxr.films.statistics`, and a fingerprint of the picture.
FEATURES = (*STATISTICS, "phash")
#: Films of the model's validation that are compared at most: more tell nothing new.
MOST = 2000
FOLDS = 5
PENALTY = 0.01
#: From which AUC on films are said to differ somewhat, and clearly.
SOME, CLEAR = 0.65, 0.8
#: A site's films are small if their longer side is below this share of the model's own.
SMALL = 0.75
#: A quantity is named if it alone tells the films apart at this AUC, either way.
TELLING = 0.75
#: Words for a quantity that is higher at the site, and lower.
WORDS = {
    "mean": ("brighter on average", "darker on average"),
    "spread": ("of more contrast", "of less contrast"),
    "dark": ("with more of the picture black", "with less of the picture black"),
    "bright": ("with more of the picture white", "with less of the picture white"),
    "sharpness": ("sharper or noisier", "softer"),
}


@dataclass(frozen=True)
class Quantity:
    """How far one quantity alone tells a site's films from the model's own.

    Attributes
    ----------
    name : str
        One of `STATISTICS`.
    site, own : float
        Median of the films of each.
    auc : float
        Share of pairs in which the site's film has more of it, equal ones half; 0.5 if alike.
    """

    name: str
    site: float
    own: float
    auc: float


@dataclass(frozen=True)
class Difference:
    """How well a site's films can be told from those that a model was validated on.

    Attributes
    ----------
    auc : float or None
        Of telling them apart, cross-validated; 0.5 if they are alike. None with too few films.
    auc_ci : tuple of float or None
        Its 95 % interval.
    n_site, n_own : int
        Films compared.
    quantities : tuple of Quantity
        The most telling first.
    side_site, side_own : float or None
        Median of the films' longer sides, pixels; None where not known.
    """

    auc: float | None
    auc_ci: tuple[float, float] | None
    n_site: int
    n_own: int
    quantities: tuple[Quantity, ...] = ()
    side_site: float | None = None
    side_own: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the films differ clearly, beyond chance."""
        return self.auc is not None and self.auc >= CLEAR and self._beyond_chance

    @property
    def low_resolution(self) -> bool:
        """Whether the site's films have much fewer pixels than those that the model knows."""
        if self.side_site is None or self.side_own is None:
            return False
        return self.side_site < SMALL * self.side_own

    @property
    def _beyond_chance(self) -> bool:
        return self.auc_ci is not None and self.auc_ci[0] > 0.5

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is to be said of it, for people: whether they differ, and in what."""
        if self.auc is None or self.auc_ci is None:
            few = self.n_site if self.n_site < FEWEST else self.n_own
            whose = "this site" if self.n_site < FEWEST else "the model's validation"
            told = [
                f"Whether these films differ from those of the model's validation is not known: "
                f"{few:,} films of {whose}, {FEWEST} are needed."
            ]
        else:
            low, high = self.auc_ci
            said = (
                "differ clearly from"
                if self.differs
                else "differ somewhat from"
                if self.auc >= SOME and self._beyond_chance
                else "look much like"
            )
            told = [
                f"These films {said} those of the model's validation: told apart at AUC "
                f"{self.auc:.2f} ({low:.2f} to {high:.2f}), where 0.5 would be alike."
            ]
            if ways := [
                WORDS[q.name][q.auc < 0.5] for q in self.quantities if _telling(q.auc) >= TELLING
            ]:
                told.append(f"They are {', '.join(ways)}.")
        if self.low_resolution:
            told.append(
                f"Low resolution: {self.side_site:,.0f} pixels on the longer side, where the "
                f"model's validation films have {self.side_own:,.0f}. Fine detail is missing: "
                "export the films at full size if you can."
            )
        return tuple(told)


def _telling(value: float) -> float:
    return max(value, 1 - value)


def own_films(bundle: Bundle) -> pd.DataFrame:
    """Return what is stored of a model's validation films: statistics, fingerprint and size.

    Returns
    -------
    pandas.DataFrame
        Those of `FEATURES`, ``width``, ``height`` and ``patient`` that are stored, one row per
        film.
    """
    films = bundle.films[bundle.films["split"] == "validation"].reset_index(drop=True)
    names = {f"stat_{name}": name for name in STATISTICS}
    kept = [c for c in (*names, "phash", "width", "height", "patient") if c in films]
    return films[kept].rename(columns=names)


def difference(site: pd.DataFrame, own: pd.DataFrame, *, seed: int = 0) -> Difference:
    """Measure how well a site's films can be told from a model's own.

    A logistic regression on the standardized features guesses in 5 folds whose film it is; all
    films of a patient are in one fold. Sizes are no feature: they would tell without a look.

    Parameters
    ----------
    site, own : pandas.DataFrame
        Columns of `FEATURES`, those that both have are used; ``width``, ``height`` and ``patient``
        where known.
    seed : int
        Of the folds.

    References
    ----------
    Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017.
    """
    names = [name for name in STATISTICS if name in site and name in own]
    here, there = (_known(films, names) for films in (site, own))
    if len(there) > MOST:
        there = there.sample(MOST, random_state=seed)
    sides = _longer(site), _longer(own)
    if not names or min(len(here), len(there)) < FEWEST:
        return Difference(None, None, len(here), len(there), (), *sides)
    both = pd.concat([here, there], ignore_index=True)
    label = np.repeat([1, 0], [len(here), len(there)])
    guessed = _guess(_features(both, names), label, _patients(here, there), seed)
    value, interval = auc(guessed, label)
    quantities = [
        Quantity(
            name,
            float(here[name].median()),
            float(there[name].median()),
            auc(both[name].to_numpy(float), label)[0],
        )
        for name in names
    ]
    quantities.sort(key=lambda q: -_telling(q.auc))
    return Difference(value, interval, len(here), len(there), tuple(quantities), *sides)


def _known(films: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    return films.dropna(subset=list(names)).reset_index(drop=True)


def _longer(films: pd.DataFrame) -> float | None:
    if "width" not in films or "height" not in films:
        return None
    longer = films[["width", "height"]].astype(float).max(axis=1).dropna()
    return float(longer.median()) if len(longer) else None


def _patients(here: pd.DataFrame, there: pd.DataFrame) -> NDArray[np.str_]:
    """Name the patient of each film; one of no known patient is a patient of its own."""
    named = []
    for side, films in (("site", here), ("own", there)):
        of = films["patient"] if "patient" in films else pd.Series("", index=films.index)
        told = of.fillna("").astype(str)
        named += [
            f"{side} {name}" if name else f"{side} film {row}" for row, name in enumerate(told)
        ]
    return np.array(named)


def _features(films: pd.DataFrame, names: list[str]) -> NDArray[np.float64]:
    numbers = films[names].to_numpy(float)
    # A middle value may tell as well as a high or a low one.
    centered = (numbers - np.median(numbers, axis=0)) / (numbers.std(axis=0) + 1e-9)
    parts = [centered, centered**2]
    if "phash" in films and films["phash"].fillna("").str.fullmatch("[0-9a-f]{64}").all():
        packed = np.array([list(bytes.fromhex(text)) for text in films["phash"]], np.uint8)
        parts.append(np.unpackbits(packed, axis=1).astype(float))
    return np.hstack(parts)


def _guess(
    features: NDArray[np.float64], label: NDArray[np.int64], owners: NDArray[np.str_], seed: int
) -> NDArray[np.float64]:
    """Return out-of-fold log-odds that a film is the site's, shape (n,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    logits = np.zeros(len(label))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for seen, held in folds.split(features, label, groups=owners):
        if len(set(label[seen])) < 2:
            continue  # all films of a side are of one patient
        model = make_pipeline(
            StandardScaler(),
            LogisticRegression(C=PENALTY, solver="newton-cholesky", class_weight="balanced"),
        )
        logits[held] = model.fit(features[seen], label[seen]).decision_function(features[held])
    return logits
