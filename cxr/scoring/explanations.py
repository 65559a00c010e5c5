"""``explanations.csv`` of a bundle, as a table: how far its heatmaps can be trusted."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "FILE", "parse"]

FILE = "explanations.csv"
#: ``weights`` is the sha256 of those that the maps were made with; ``stage`` the share of the
#: layers that were randomized, NaN of what knows no stages; ``n`` the films behind the value;
#: ``low`` and ``high`` its 95 % interval, NaN if it has none.
COLUMNS = [
    *("weights", "kind", "films", "method", "layer", "measure"),
    *("stage", "n", "value", "low", "high"),
]
TEXTS = COLUMNS[:6]


def parse(content: bytes | None) -> pd.DataFrame:
    """Read the table, the rows of all weights that were ever measured.

    Parameters
    ----------
    content : bytes or None
        Of the file; None where there is none.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`; empty if nothing was measured.

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    import pandas as pd

    if content is None:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys(TEXTS, str))
    if missing := set(COLUMNS) - set(table):
        raise ValueError(f"{FILE} lacks {', '.join(sorted(missing))}.")
    table = table[COLUMNS].fillna(dict.fromkeys(TEXTS, ""))
    return table.astype(dict.fromkeys(["stage", "value", "low", "high"], float) | {"n": int})
