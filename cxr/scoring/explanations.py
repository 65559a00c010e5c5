"""``explanations.csv`` of a bundle, as a table: how far its heatmaps can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "FILE", "read"]

FILE = "explanations.csv"
#: ``weights`` is the sha256 of those that the maps were made with; ``stage`` the share of the
#: layers that were randomized, NaN of what knows no stages; ``n`` the films behind the value;
#: ``low`` and ``high`` its 95 % interval, NaN if it has none.
COLUMNS = [
    *("weights", "kind", "films", "method", "layer", "measure"),
    *("stage", "n", "value", "low", "high"),
]
TEXTS = COLUMNS[:6]


def read(folder: Path) -> pd.DataFrame:
    """Read the table of a bundle's folder, the rows of all weights that were ever measured.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; empty if nothing was measured.

    Raises
    ------
    ValueError, OSError
        If the file is damaged.
    """
    import pandas as pd

    path = folder / FILE
    if not path.is_file():
        return pd.DataFrame(columns=COLUMNS)
    table = pd.read_csv(path, dtype=dict.fromkeys(TEXTS, str))
    if missing := set(COLUMNS) - set(table):
        raise ValueError(f"{FILE} lacks {', '.join(sorted(missing))}.")
    table = table[COLUMNS].fillna(dict.fromkeys(TEXTS, ""))
    return table.astype(dict.fromkeys(["stage", "value", "low", "high"], float) | {"n": int})
