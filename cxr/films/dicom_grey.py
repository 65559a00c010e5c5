"""From the stored values of a DICOM film to gray in [0, 1], white = dense.

Flat functions, to be called in this order (PS3.4 N.2): `apply_modality`, `apply_voi`,
`apply_polarity`. They go from whole arrays to whole arrays and leave the dataset as it is.

Lookup tables and windows are applied here rather than by `pydicom.pixels`, whose functions refuse
a window width of 0, wrap the index of a table with 8-bit entries and overflow on 8-bit pixels;
where they do work, the tests compare.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # pydicom takes a while to load, and PNG and JPEG do without
    from pydicom.dataset import Dataset

__all__ = [
    "apply_lut",
    "apply_modality",
    "apply_polarity",
    "apply_voi",
    "apply_window",
    "luminance",
    "numbers",
    "padding_mask",
    "text",
]


def apply_modality(values: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Apply the modality lookup table, or else the rescale slope and intercept (PS3.3 C.11.1)."""
    if items := dataset.get("ModalityLUTSequence"):
        return apply_lut(values, items[0], dataset)[0]
    slope = (numbers(dataset, "RescaleSlope") or [1.0])[0] or 1.0
    intercept = (numbers(dataset, "RescaleIntercept") or [0.0])[0]
    if (slope, intercept) == (1.0, 0.0):
        return values
    return values * np.float64(slope) + intercept


def apply_voi(
    values: NDArray[Any], dataset: Dataset, valid: NDArray[np.bool_] | None
) -> NDArray[Any]:
    """Bring values into [0, 1] by the values-of-interest table, window or range (PS3.3 C.11.2).

    Parameters
    ----------
    values : numpy.ndarray
        What `apply_modality` returned.
    dataset : Dataset
        Where the first item of the table, else the first window, is taken from.
    valid : numpy.ndarray of bool
        False at padding pixels, which do not count for the range; None if all count.

    Returns
    -------
    numpy.ndarray
        Floats in [0, 1]. Without a table or a window of positive width, the range of the valid
        values is stretched to [0, 1]; all 0 if they are all the same.
    """
    items = dataset.get("VOILUTSequence")
    if items and "LUTDescriptor" in items[0] and "LUTData" in items[0]:
        entries, top = apply_lut(values, items[0], dataset)
        return entries / np.float32(top)
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    if centers and widths and widths[0] > 0:
        function = text(dataset, "VOILUTFunction").upper() or "LINEAR"
        return apply_window(values, centers[0], widths[0], function)
    counted = values if valid is None else values[valid]
    low, high = (float(counted.min()), float(counted.max())) if counted.size else (0.0, 0.0)
    if low == high:
        return np.zeros(values.shape, np.float32)
    return np.clip((values - np.float64(low)) / (high - low), 0, 1)


def apply_polarity(grey: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Invert [0, 1] where the smallest value means white (PS3.3 C.7.6.3.1.2, C.11.6).

    MONOCHROME1 comes with presentation LUT shape INVERSE (PS3.3 C.8.11.3.1.2): that is one
    inversion, not two. IDENTITY does not take it back, as archives hold MONOCHROME1 films
    wrongly tagged so. The pixel intensity relationship sign is not used: it is often wrong.
    """
    shape = text(dataset, "PresentationLUTShape").upper()
    if dataset.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE":
        return 1 - grey
    return grey


def apply_window(values: NDArray[Any], center: float, width: float, function: str) -> NDArray[Any]:
    """Apply a window by PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.2 (LINEAR_EXACT) or SIGMOID.

    Parameters
    ----------
    values : numpy.ndarray
        In the unit of the window.
    center, width : float
        The width is above 0. One below 1, which LINEAR does not allow, is taken as exact.
    function : str
        Any other word than those above is taken as LINEAR.

    Returns
    -------
    numpy.ndarray
        float64 in [0, 1].
    """
    values = values.astype(np.float64)
    if function == "SIGMOID":  # C.11.2.1.3.1
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function != "LINEAR_EXACT" and width >= 1:
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def apply_lut(values: NDArray[Any], item: Dataset, dataset: Dataset) -> tuple[NDArray[Any], int]:
    """Look values up in a table of PS3.3 C.11.1.1 or C.11.2.1.1.

    Values before the first one mapped take the first entry, values beyond the last one the last.

    Returns
    -------
    entries : numpy.ndarray
    top : int
        The highest entry that the table's bits allow, or its highest one where that is more.
    """
    count, first, bits = (int(number) for number in item.LUTDescriptor)
    count = count or 2**16  # 0 means 65,536, which does not fit 16 bits
    table = item.LUTData
    if isinstance(table, bytes):
        little = dataset.file_meta.TransferSyntaxUID.is_little_endian
        packed = len(table) < 2 * count  # 8-bit entries, two to a word
        table = np.frombuffer(table, np.uint8 if packed else "<u2" if little else ">u2")
    table = np.atleast_1d(np.asarray(table, np.int64) & 0xFFFF)[:count]
    index = np.clip(np.rint(values).astype(np.int64) - first, 0, len(table) - 1)
    return table[index].astype(np.uint16), max(2**bits - 1, int(table.max()), 1)


def padding_mask(stored: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_] | None:
    """Return which stored values are padding (PS3.3 C.7.5.1.1.2); None if none is."""
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    low, high = sorted((value, limit if isinstance(limit, int) else value))
    padding = (stored >= low) & (stored <= high)
    return padding if padding.any() else None


def luminance(rgb: NDArray[Any]) -> NDArray[np.uint64]:
    """Luminance of ITU-R BT.601 in integers, (rows, columns, 3) to (rows, columns).

    The weights are those of Pillow and add up to 1, so gray comes out as it went in.
    """
    red, green, blue = (rgb[..., channel].astype(np.uint64) for channel in range(3))
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> np.uint64(16)


def text(dataset: Dataset, keyword: str) -> str:
    """Return an element as written in the file, "" if absent.

    Bypassing pydicom's conversion keeps its warnings, which quote values, out of the logs.
    """
    if keyword not in dataset:
        return ""
    value = dataset.get_item(keyword).value
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        value = "\\".join(str(part) for part in value)
    if value is None:
        return ""
    value = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return value.strip("\0 \t\r\n")


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return an element as finite numbers; empty if absent or if any value is not one."""
    try:
        numbers = [float(part) for part in text(dataset, keyword).split("\\")]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []
