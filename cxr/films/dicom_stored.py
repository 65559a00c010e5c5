"""Stored values of a DICOM film: what the bits of its words mean.

The sign of a value follows from the pixels and from what was done to them (Pixel Representation,
rescale), never from the value representation that a header happens to be written with. Where a
header cannot be true of the words that come with it, the words are believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # pydicom takes a while to load, and PNG and JPEG do without
    from pydicom.dataset import Dataset

__all__ = ["Stored", "as_levels", "padding_of", "signed", "stored_values"]

ROWS = 512  # looked at where two readings of the same words are compared
OVERSHOT = 0.001  # of the pixels


class Stored(NamedTuple):
    """Stored values.

    Attributes
    ----------
    values : numpy.ndarray
        Of the type of their words.
    believed : bool
        False where the header's bits were not: cut off as it says, the picture would break into
        contour lines, while it is smooth over more bits than that.
    ends : tuple of int or None
        The least and the greatest value that the bits can hold, where they are the upper bits of
        the words. Files of that kind are older than windows, and mean the range of their bits.
    """

    values: NDArray[Any]
    believed: bool = True
    ends: tuple[int, int] | None = None


def stored_values(words: NDArray[Any], dataset: Dataset) -> Stored:
    """Take the values out of their words (PS3.5 8.1.1), in every transfer syntax.

    A value is the word shifted right by High Bit + 1 - Bits Stored, and cut off and extended with
    its sign at Bits Stored; what lies in the other bits, such as an overlay, is no part of it.

    Parameters
    ----------
    words : numpy.ndarray
        Integers as decoded, signed as Pixel Representation says.
    dataset : Dataset
        Where Bits Stored and High Bit are taken from.

    Returns
    -------
    Stored
    """
    bits = _bits(words, dataset)
    padding = _padding_words(words, bits, dataset)
    if padding is None:
        return _values(words, bits, dataset)
    # What says that nothing was measured may use bits that no value has.
    stored = _values(np.where(padding, words.dtype.type(0), words), bits, dataset)
    return stored._replace(values=np.where(padding, words, stored.values))


def _bits(words: NDArray[Any], dataset: Dataset) -> int:
    allocated = 8 * words.dtype.itemsize
    bits = int(dataset.get("BitsStored") or allocated)
    return bits if 0 < bits <= allocated else allocated


def _padding_words(words: NDArray[Any], bits: int, dataset: Dataset) -> NDArray[np.bool_] | None:
    ends = _padding_ends(dataset)
    if ends is None or _fits(np.array(ends), bits, signed=_is_signed(words)):
        return None
    padding = (words >= ends[0]) & (words <= ends[1])
    return padding if padding.any() else None


def _values(words: NDArray[Any], bits: int, dataset: Dataset) -> Stored:
    allocated = 8 * words.dtype.itemsize
    high = int(dataset.get("HighBit") or 0)
    shift = high + 1 - bits if bits <= high < allocated else 0
    if shift and _fits(words, bits) and (words & words.dtype.type(2**shift - 1)).any():
        shift = 0  # they lie in the lower bits all the same
    values = words >> words.dtype.type(shift) if shift else words
    ends = _ends(bits, signed=_is_signed(words)) if shift else None
    if shift + bits == allocated or _fits(values, bits):
        return Stored(values, ends=ends)
    kept = _extended(values, bits)
    if _jumps(values) >= _jumps(kept):
        return Stored(kept, ends=ends)
    spare = allocated - bits
    if not shift and not (words & words.dtype.type(2**spare - 1)).any():
        # In the upper bits, though the header does not say so.
        return Stored(words >> words.dtype.type(spare), believed=False)
    # A lossy compression may overshoot the bits here and there.
    return Stored(values, believed=float((values != kept).mean()) <= OVERSHOT, ends=ends)


def _ends(bits: int, *, signed: bool) -> tuple[int, int]:
    half = 2 ** (bits - 1)
    return (-half, half - 1) if signed else (0, 2 * half - 1)


def _fits(values: NDArray[Any], bits: int, *, signed: bool | None = None) -> bool:
    low, high = _ends(bits, signed=_is_signed(values) if signed is None else signed)
    return bool(values.min() >= low and values.max() <= high)


def _extended(values: NDArray[Any], bits: int) -> NDArray[Any]:
    spare = values.dtype.type(8 * values.dtype.itemsize - bits)
    cut: NDArray[Any] = values << spare
    cut >>= spare
    return cut


def _jumps(values: NDArray[Any]) -> int:
    """Sum of all steps between neighbors of a row: what wraps around steps far."""
    rows = values[:: max(1, len(values) // ROWS)].astype(np.int64)
    return int(np.abs(np.diff(rows, axis=1)).sum())


def _is_signed(values: NDArray[Any]) -> bool:
    return values.dtype.kind == "i"


def signed(value: int, bits: int = 16) -> int:
    """Read a number of so many bits in two's complement, however it was written."""
    value %= 2**bits
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def padding_of(domain: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_]:
    """Tell which stored values are padding (PS3.3 C.7.5.1.1.2).

    Parameters
    ----------
    domain : numpy.ndarray
        Stored values.
    dataset : Dataset
        Where Pixel Padding Value, with the sign of the pixels, and its range are taken from.

    Returns
    -------
    numpy.ndarray of bool
        Of the shape of the domain.
    """
    ends = _padding_ends(dataset)
    if ends is None:
        return np.zeros(domain.shape, np.bool_)
    return np.asarray((domain >= ends[0]) & (domain <= ends[1]))


def _padding_ends(dataset: Dataset) -> tuple[int, int] | None:
    value = dataset.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [value, limit if isinstance(limit, int) else value]
    width = max(16, int(dataset.get("BitsAllocated") or 16))
    if dataset.get("PixelRepresentation") == 1:
        ends = [_signed_end(end, width, int(dataset.get("BitsStored") or width)) for end in ends]
    else:
        ends = [end % 2**width for end in ends]
    return min(ends), max(ends)


def _signed_end(value: int, width: int, stored: int) -> int:
    read = signed(value, width)
    # Cut off at the bits stored, as some write it, it lies above all that they can hold.
    return signed(value, stored) if 2 ** (stored - 1) <= read < 2**stored else read


def as_levels(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Number the values that a film can have.

    Parameters
    ----------
    values : numpy.ndarray
        Integers.

    Returns
    -------
    levels : numpy.ndarray of uint8 or uint16
        (rows, columns); without a copy where the values have no more bits than that.
    domain : numpy.ndarray
        The value of each level. Values of 32 bits that span more than 65,536 are told apart in
        as many even steps.
    """
    if values.dtype.itemsize <= 2:
        unsigned = np.dtype(f"u{values.dtype.itemsize}")
        domain = np.arange(2 ** (8 * unsigned.itemsize)).astype(unsigned).view(values.dtype)
        return values.view(unsigned), domain
    low, high = int(values.min()), int(values.max())
    step = (high - low) // 2**16 + 1
    levels = ((values.astype(np.int64) - low) // step).astype(np.uint16)
    return levels, low + step * np.arange(2**16)
