"""Where the trained models are."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["models_folder"]


def models_folder() -> Path:
    """Return the folder of the bundles.

    Returns
    -------
    pathlib.Path
        ``CXR_MODELS`` where it is set, else ``models`` of the checkout that the package lies in,
        else the models that were installed with the package.
    """
    if given := os.environ.get("CXR_MODELS"):
        return Path(given)
    package = Path(__file__).resolve().parents[1]
    checkout = package.parent / "models"
    # Another project's folder may be called so too.
    return checkout if (checkout / "defaults.json").is_file() else package / "_models"
