"""Smaller weight files: half precision, compressed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from ..storage.atomic import write_file

__all__ = ["halve"]


def halve(path: Path) -> None:
    """Rewrite a Keras weight file with its float32 numbers as float16, in place.

    Keras reads them back into float32 variables. Numbers keep 11 bits: three decimal digits.

    Parameters
    ----------
    path : pathlib.Path
        A ``.weights.h5`` file.

    Raises
    ------
    ValueError
        If a weight is too large for float16 (65,504) or is no number.
    """

    def write(new: Path) -> None:
        with h5py.File(path, "r") as source, h5py.File(new, "w") as target:
            _copy(source, target)

    write_file(path, write)


def _copy(source: h5py.Group, target: h5py.Group) -> None:
    for key, value in source.attrs.items():
        target.attrs[key] = value
    for name, item in source.items():
        if isinstance(item, h5py.Group):
            _copy(item, target.create_group(name))
            continue
        values = item[()]
        if values.dtype == np.float32 and values.ndim:
            # Written so that what is no number is refused as well.
            if not np.abs(values).max(initial=0) <= np.finfo(np.float16).max:
                raise ValueError(f"Expected weights within float16. Received: {item.name}")
            target.create_dataset(
                name, data=values.astype(np.float16), compression="gzip", shuffle=True
            )
        else:
            target.create_dataset(name, data=values)
