"""Films in color: their luminance, whichever way the colors are coded and said to be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, convert_color_space

from .dicom_grey import luminance

__all__ = ["color_luminance", "palette_luminance"]

ROWS = 64  # worked out at a time, so that what comes in between stays small
SIDE = 256  # pixels looked at on a side
MOST = 0.95  # of them
NEAR = 4 / 256  # of the range


def color_luminance(
    planes: NDArray[Any], color: str, bits: int, marked: bool | None = None
) -> tuple[NDArray[np.float32], bool]:
    """Return the luminance of a picture in color.

    Parameters
    ----------
    planes : numpy.ndarray
        (rows, columns, 3).
    color : str
        Photometric interpretation: "RGB" or one that begins with "YBR".
    bits : int
        That a sample has.
    marked : bool, optional
        Whether a marker of the compressed stream says that it is RGB.

    Returns
    -------
    luminance : numpy.ndarray
        float32 of (rows, columns) in [0, 1].
    believed : bool
        False if a gray film was coded the other way than it says, as it shows itself: its Cb and
        Cr are both half all over under the name of green and blue, or its red, green and blue
        are the same under the name of Y, Cb and Cr.
    """
    named_rgb = not color.startswith("YBR")
    is_rgb = _is_rgb(planes, named_rgb if marked is None else marked, bits)
    pixels = np.empty(planes.shape[:2], np.float32)
    for top in range(0, len(planes), ROWS):
        strip = planes[top : top + ROWS]
        if is_rgb:
            grey: NDArray[Any] = luminance(strip)
        elif named_rgb or color not in ("YBR_FULL", "YBR_FULL_422"):
            grey = strip[..., 0]
        else:
            grey = luminance(convert_color_space(strip, "YBR_FULL", "RGB"))
        pixels[top : top + ROWS] = np.clip(grey / np.float64(2**bits - 1), 0, 1)
    return pixels, is_rgb == named_rgb


def palette_luminance(indices: NDArray[Any], dataset: Dataset) -> NDArray[np.float32]:
    """Return the luminance of a picture in the colors of a palette (PS3.3 C.7.6.3.1.5).

    Parameters
    ----------
    indices : numpy.ndarray
        (rows, columns).
    dataset : Dataset
        With the palette.

    Returns
    -------
    numpy.ndarray
        float32 of (rows, columns) in [0, 1].
    """
    descriptor = dataset.RedPaletteColorLookupTableDescriptor
    if not dataset.file_meta.TransferSyntaxUID.is_little_endian:
        for name in ("Red", "Green", "Blue"):  # pydicom takes words for little-endian
            entries = dataset.get(f"{name}PaletteColorLookupTableData")
            if entries and len(entries) == 2 * (descriptor[0] or 2**16):
                swapped = np.frombuffer(entries, ">u2").astype("<u2").tobytes()
                dataset[f"{name}PaletteColorLookupTableData"].value = swapped
    levels = np.empty(indices.shape, np.uint16)
    pixels = np.empty(indices.shape, np.float32)
    highest, bits = 0, 8
    for first in range(0, len(indices), ROWS):
        colors = apply_color_lut(indices[first : first + ROWS], dataset)[..., :3]
        highest, bits = max(highest, int(colors.max())), 8 * colors.dtype.itemsize
        levels[first : first + ROWS] = luminance(colors)
    wide = descriptor[2] > 8 or highest > 255  # 8 bits may be kept in 16
    top = np.float64(2 ** (bits if wide else 8) - 1)
    for first in range(0, len(indices), ROWS):
        pixels[first : first + ROWS] = levels[first : first + ROWS] / top
    return pixels


def _is_rgb(planes: NDArray[Any], named_rgb: bool, bits: int) -> bool:
    down, across = (max(1, side // SIDE) for side in planes.shape[:2])
    first, second, third = np.moveaxis(planes[::down, ::across].astype(np.int64), -1, 0)
    near, half = NEAR * 2**bits, 2 ** (bits - 1)

    def mostly(condition: NDArray[np.bool_]) -> bool:
        return float(condition.mean()) >= MOST

    if mostly(np.abs(first - half) <= near):  # an even gray is the same either way
        return named_rgb
    if named_rgb:
        return not mostly((np.abs(second - half) <= near) & (np.abs(third - half) <= near))
    return mostly((np.abs(second - first) <= near) & (np.abs(third - first) <= near))
