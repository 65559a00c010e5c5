"""Films that nothing may learn from or be chosen on, because something else is tried on them.

Half of the Shenzhen films are kept as a site that no model has seen. The films that radiologists
of the RSNA challenge read anew, and all others of those patients, are kept to point at.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["odd", "withheld"]

#: A table of the sets' folder: patients of ``nih`` that were read anew.
READ_ANEW = Path("nih") / "rsna_labels.csv"


def withheld(table: pd.DataFrame, data: str | Path) -> NDArray[np.bool_]:
    """Tell which films must be left alone.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table with ``source`` and ``patient``.
    data : str or pathlib.Path
        The folder of the data sets.

    Returns
    -------
    numpy.ndarray of bool
        Shape (films,).
    """
    names = [PurePosixPath(path) for path in table["path"]]
    # Odd by the whole file's name or by what stands before its suffix: either may be meant.
    unknown_site = np.array([odd(name.name) or odd(name.stem) for name in names], bool)
    result: NDArray[np.bool_] = (table["source"] == "shenzhen").to_numpy() & unknown_site
    anew = Path(data) / READ_ANEW
    if anew.is_file():
        patients = set(pd.read_csv(anew, dtype=str, keep_default_na=False)["patient"])
        result |= ((table["source"] == "nih") & table["patient"].isin(patients)).to_numpy()
    return result


def odd(name: str) -> bool:
    """Whether the SHA-256 of a name is odd: the half of the Shenzhen films that is kept apart."""
    return sha256(name.encode()).digest()[-1] % 2 == 1
