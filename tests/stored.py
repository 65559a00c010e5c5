"""A bundle of tables in memory, as what reads stored predictions takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from cxr.scoring.bundle import Bundle


def stored(card: Any, predictions: pd.DataFrame, films: pd.DataFrame | None = None) -> Bundle:
    """A bundle that need not be on disk; of the card, what is asked for must be there."""
    bundle = Bundle(Path("nowhere"), card)
    vars(bundle)["predictions"] = predictions
    if films is not None:
        vars(bundle)["films"] = films
    return bundle
