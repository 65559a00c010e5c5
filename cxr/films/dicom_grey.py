"""From the stored values of a DICOM film to its own values, and how they are to be shown.

The order is that of PS3.4 N.2: `apply_modality`, then a table or window of values of interest
(`windows_of`), then polarity. `film_values` goes the whole way.

Lookup tables and windows are applied here rather than by `pydicom.pixels`, whose functions refuse
a window width of 0, wrap the index of a table with 8-bit entries and overflow on 8-bit pixels;
where they do work, the tests compare.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .dicom_stored import as_levels, padding_of, signed
from .notes import Note
from .values import FilmValues, level_counts
from .window_words import explained
from .windows import Function, ValueRange, ValuesOfInterest, Window, WindowTable

if TYPE_CHECKING:  # pydicom takes a while to load, and PNG and JPEG do without
    from pydicom.dataset import Dataset

__all__ = [
    "apply_modality",
    "film_values",
    "luminance",
    "numbers",
    "read_table",
    "text",
    "value_range",
    "windows_of",
]

FEW = 0.001
"""Share of the pixels that may not set the range of a film by themselves, at either end."""

FAR = 0.75
"""How far beyond the others these have to lie, in ranges of the others."""


def film_values(
    stored: NDArray[Any], dataset: Dataset, ends: tuple[int, int] | None = None
) -> tuple[FilmValues, tuple[Note, ...]]:
    """Take stored values through the modality lookup table, and read how they are to be shown.

    Parameters
    ----------
    stored : numpy.ndarray
        As `cxr.films.dicom_stored.stored_values` gives them.
    dataset : Dataset
        Its header.
    ends : tuple of int, optional
        The stored values that are shown at first where the file brings neither table nor window
        (default: see `value_range`).

    Returns
    -------
    values : FilmValues
    notes : tuple of Note
        Where the header was not taken at its word.
    """
    levels, domain = as_levels(stored)
    scale = apply_modality(domain, dataset).astype(np.float64)
    scale[padding_of(domain, dataset)] = np.nan
    counts = level_counts(levels)
    present = (counts > 0) & np.isfinite(scale)
    windows, narrow = windows_of(scale[present], dataset)
    notes = [Note.NARROW_TABLE] if windows and narrow else []
    start: ValuesOfInterest
    if windows:
        start = windows[0]
    elif ends:
        start = ValueRange(*map(float, sorted(apply_modality(np.array(ends), dataset))))
    else:
        start, trimmed = value_range(scale[present], counts[present])
        notes += [Note.OUTLIERS] if trimmed else []
    values = FilmValues(levels, scale, start, windows, _is_inverted(dataset))
    vars(values)["counts"] = counts  # which it would count again
    return values, tuple(notes)


def apply_modality(values: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Apply the modality lookup table, or else the rescale slope and intercept (PS3.3 C.11.1)."""
    if items := _tables(dataset, "ModalityLUTSequence"):
        return read_table(items[0], dataset, values)[0].looked_up(values)
    slope = (numbers(dataset, "RescaleSlope") or [1.0])[0] or 1.0
    intercept = (numbers(dataset, "RescaleIntercept") or [0.0])[0]
    if (slope, intercept) == (1.0, 0.0):
        return values
    return values * np.float64(slope) + intercept


def windows_of(
    values: NDArray[Any], dataset: Dataset
) -> tuple[tuple[Window | WindowTable, ...], bool]:
    """Read all tables and windows of values of interest (PS3.3 C.11.2), in their order.

    Parameters
    ----------
    values : numpy.ndarray
        What `apply_modality` returned, for the sign of the tables.
    dataset : Dataset
        The header.

    Returns
    -------
    windows : tuple of Window or WindowTable
        The tables come first; windows without a positive width are left out.
    narrow : bool
        Whether the first of them is a table that uses fewer bits than it declares.
    """
    tables = [read_table(item, dataset, values) for item in _tables(dataset, "VOILUTSequence")]
    return (
        (*(table for table, _ in tables), *_windows(dataset)),
        bool(tables) and tables[0][1],
    )


def _windows(dataset: Dataset) -> Iterator[Window]:
    centers, widths = numbers(dataset, "WindowCenter"), numbers(dataset, "WindowWidth")
    words = text(dataset, "WindowCenterWidthExplanation").split("\\")
    functions: dict[str, Function] = {"LINEAR_EXACT": "LINEAR_EXACT", "SIGMOID": "SIGMOID"}
    function = functions.get(text(dataset, "VOILUTFunction").upper(), "LINEAR")
    for number, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if width > 0:
            explanation = explained(words[number]) if number < len(words) else ""
            yield Window(center, width, function, explanation)


def _tables(dataset: Dataset, keyword: str) -> list[Dataset]:
    items = dataset.get(keyword) or []
    return [item for item in items if "LUTDescriptor" in item and "LUTData" in item]


def read_table(item: Dataset, dataset: Dataset, values: NDArray[Any]) -> tuple[WindowTable, bool]:
    """Read a table of PS3.3 C.11.1.1 or C.11.2.1.1.

    Its numbers are 16 bits without a sign of their own. That of the first value mapped is the
    sign of what goes in, whatever value representation the file writes it with.

    Parameters
    ----------
    item : Dataset
        Of the sequence.
    dataset : Dataset
        Its header, for the order of the bytes.
    values : numpy.ndarray
        What goes into the table.

    Returns
    -------
    table : WindowTable
        White is the highest entry that the table's bits allow, or its highest one where that is
        more; or the highest of the bits in use, where they are fewer.
    narrow : bool
        Whether that is so.
    """
    count, first, bits = (_word(number) for number in _numbers(item, "LUTDescriptor", dataset)[:3])
    count = count or 2**16  # 0 means 65,536, which does not fit 16 bits
    raw = item.LUTData
    packed = isinstance(raw, bytes) and len(raw) < 2 * count  # 8-bit entries, two to a word
    words = np.frombuffer(raw, np.uint8) if packed else _numbers(item, "LUTData", dataset)
    entries = (words.astype(np.int64) & 0xFFFF)[:count].astype(np.uint16)
    highest = int(entries.max())
    declared = 2 ** min(bits, 16) - 1
    used = 2 ** highest.bit_length() - 1
    # A bit fewer may be meant so, unless the entries go right up to it.
    narrow = 0 < used < declared and (used < declared // 2 or highest >= 0.9 * used)
    top = used if narrow else max(declared, highest, 1)
    explanation = explained(text(item, "LUTExplanation"))
    table = WindowTable(_first(first, count, values), entries, top, explanation)
    return table, narrow


def _first(word: int, count: int, values: NDArray[Any]) -> int:
    """Give the first value mapped its sign: that with which the table meets the values."""
    read = signed(word)
    if read == word or not values.size:
        return word
    low, high = float(values.min()), float(values.max())
    met = [first for first in (read, word) if low < first + count and high >= first]
    if len(met) == 1:
        return met[0]
    return read if low < 0 else word


def _numbers(item: Dataset, keyword: str, dataset: Dataset) -> NDArray[np.int64]:
    raw = item.get(keyword)
    if isinstance(raw, bytes):
        little = dataset.file_meta.TransferSyntaxUID.is_little_endian
        return np.frombuffer(raw, "<u2" if little else ">u2").astype(np.int64)
    return np.atleast_1d(np.asarray(raw, np.int64))


def _word(number: int) -> int:
    return int(number) & 0xFFFF


def value_range(values: NDArray[Any], counts: NDArray[Any]) -> tuple[ValueRange, bool]:
    """Choose what is black and what is white of a film without window and table.

    That is its least and its greatest value, unless no more than `FEW` of the pixels lie `FAR`
    from all others, as dead pixels do: then it is where those others end.

    Parameters
    ----------
    values : numpy.ndarray
        The values that occur.
    counts : numpy.ndarray
        How many pixels have each.

    Returns
    -------
    range : ValueRange
    trimmed : bool
        Whether some pixels were left out.
    """
    if not values.size:
        return ValueRange(0.0, 0.0), False
    order = np.argsort(values)
    ascending, share = values[order].astype(np.float64), np.cumsum(counts[order]) / counts.sum()
    low, high = float(ascending[0]), float(ascending[-1])
    inner_low = float(ascending[np.searchsorted(share, FEW, side="right")])
    inner_high = float(ascending[np.searchsorted(share, 1 - FEW)])
    reach = FAR * (inner_high - inner_low)
    if reach == 0:
        return ValueRange(low, high), False
    ends = (
        inner_low if inner_low - low > reach else low,
        inner_high if high - inner_high > reach else high,
    )
    return ValueRange(*ends), ends != (low, high)


def _is_inverted(dataset: Dataset) -> bool:
    """Tell whether the smallest value means white (PS3.3 C.7.6.3.1.2, C.11.6).

    MONOCHROME1 comes with presentation LUT shape INVERSE (PS3.3 C.8.11.3.1.2): that is one
    inversion, not two. IDENTITY does not take it back, as archives hold MONOCHROME1 films
    wrongly tagged so. The pixel intensity relationship sign is not used: it is often wrong.
    """
    shape = text(dataset, "PresentationLUTShape").upper()
    return bool(dataset.PhotometricInterpretation == "MONOCHROME1" or shape == "INVERSE")


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
