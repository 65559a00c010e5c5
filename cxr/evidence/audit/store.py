"""``explanations.csv``: how far a bundle's heatmaps can be trusted; read, kept, replaced."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ...scoring.bundle import Bundle
from ...scoring.explanations import COLUMNS, FILE
from ...scoring.store import replace_evidence

__all__ = [
    "BOXES",
    "BOXES_ALL",
    "BOXES_NAMED",
    "COLUMNS",
    "FILE",
    "LUNGS",
    "REFERENCE",
    "SANITY",
    "read",
    "store",
]

#: The kinds of rows: what `cxr.evidence.audit.sanity_checks` measures; how far the maps are from
#: those of tf-keras-vis; the boxes of films that the model calls; those of all films that have any;
#: the same by what the boxes are called, see `cxr.evidence.audit.boxes.Named`.
SANITY = "sanity"
REFERENCE = "reference"
#: How the maps lie to the lungs, see `cxr.evidence.audit.lungs`.
LUNGS = "lungs"
BOXES = "boxes"
BOXES_ALL = "boxes, all films"
BOXES_NAMED = "boxes, by name"
# What is measured again replaces the rows that agree in these.
KEY = ["kind", "films", "method", "layer"]


def read(bundle: Bundle) -> pd.DataFrame:
    """Read what is known of a bundle's heatmaps.

    As they are on disk, not as they were when the bundle was loaded; see
    `cxr.scoring.bundle.Bundle.explanations`.
    """
    return Bundle(bundle.folder, bundle.card).explanations


def store(bundle: Bundle, rows: list[dict[str, Any]]) -> None:
    """Keep rows in a bundle, in the place of those of the same kind, films, method and layer.

    Parameters
    ----------
    bundle : Bundle
        Its folder is written to.
    rows : list of dict of str to object
        Each with the names of `COLUMNS`; ``weights`` is filled in, ``stage``, ``low`` and
        ``high`` may be missing.
    """
    new = pd.DataFrame(rows).assign(weights=bundle.card.weights.sha256).reindex(columns=COLUMNS)
    kept = read(bundle)
    replaced = pd.MultiIndex.from_frame(kept[KEY]).isin(pd.MultiIndex.from_frame(new[KEY]))
    kept = kept[~replaced]
    merged = pd.concat([kept, new], ignore_index=True) if len(kept) else new
    replace_evidence(bundle, FILE, merged)
    vars(bundle).pop("explanations", None)
