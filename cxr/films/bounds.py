"""How large a file and its picture may be, before any of it is decoded; each bound can be raised.

Films have 4 to 16 megapixels; a file of a few kilobytes can claim, and cost, gigabytes. At the
bounds that hold unless set, one film takes at most 600 MB while it is decoded: the file, what it
unpacks to (4 bytes per pixel, 144 MB), and the film itself (4 bytes per pixel, and 2 more for the
values of a DICOM film).
"""

from __future__ import annotations

import logging
import os
from typing import NamedTuple

__all__ = [
    "ALL_LISTS",
    "BYTES_PER_PIXEL",
    "LIST",
    "MEGAPIXELS",
    "RATIO",
    "ZIP_FILES",
    "ZIP_RATIO",
    "Bound",
    "UnreadableFile",
    "check_file",
    "check_ratio",
    "check_scans",
    "check_size",
    "check_stream",
    "check_unpacked",
    "most_bytes",
    "most_pixels",
    "most_unpacked",
]

logger = logging.getLogger(__name__)

#: Of what a picture unpacks to: 16 bits of gray with room to spare, 8 bits of color with alpha.
BYTES_PER_PIXEL = 4
#: What a file may hold besides its picture: text, a color profile, private elements.
BESIDES = 16_000_000
#: Below this many bytes, how tightly something is packed does not matter.
SMALL = 32_000_000
#: Of a JPEG 2000 stream of no pixels, per million pixels of the largest film.
STREAM_BYTES = 780_000
#: Passes over a progressive JPEG, each of which goes through the whole picture.
SCANS = 64


class UnreadableFile(ValueError):  # noqa: N818 - what it is, rather than another "error"
    """A file without a film that can be shown; the text is a sentence for people."""


class Bound(NamedTuple):
    """A bound that whoever runs the program can raise.

    Attributes
    ----------
    setting : str
        The environment variable.
    usual : int
        What holds where it is not set.
    """

    setting: str
    usual: int

    @property
    def value(self) -> int:
        """What holds now; the usual where the setting is no whole number above 0."""
        said = os.environ.get(self.setting, "").strip()
        if said.isdecimal() and int(said) > 0:
            return int(said)
        if said:
            logger.warning("%s is not a whole number above 0: %s holds", self.setting, self.usual)
        return self.usual

    @property
    def how(self) -> str:
        """How to raise it, for people."""
        return f"raise {self.setting} (now {self.value})"


#: Millions of pixels of a film; the bounds in bytes of a film follow from it.
MEGAPIXELS = Bound("CXR_MAX_MEGAPIXELS", 36)
#: How many times its own size a large picture may unpack to. Films pack to a half or a fiftieth.
RATIO = Bound("CXR_MAX_RATIO", 1000)
#: The same of the files of a zip, all together: they are films, which pack no further.
ZIP_RATIO = Bound("CXR_MAX_ZIP_RATIO", 100)
#: Files that a zip may list, films or not: each is opened to see what it is.
ZIP_FILES = Bound("CXR_MAX_ZIP_FILES", 20_000)
#: Millions of bytes that the films of one list take: the list of a browser tab, its session.
LIST = Bound("CXR_MAX_LIST_MB", 2000)
#: The same of all lists together, of every browser tab that a server has.
ALL_LISTS = Bound("CXR_MAX_ALL_LISTS_MB", 6000)


def most_pixels() -> int:
    """Return how many pixels a film may have."""
    return MEGAPIXELS.value * 1_000_000


def most_unpacked() -> int:
    """Return how many bytes a picture may unpack to."""
    return BYTES_PER_PIXEL * most_pixels()


def most_bytes() -> int:
    """Return how many bytes a file may have, and a deflated one inflate to."""
    return most_unpacked() + BESIDES


def check_size(width: int, height: int, bytes_per_pixel: float = 0) -> None:
    """Refuse a picture of too many pixels or bytes; to be called before anything is decoded.

    Parameters
    ----------
    width, height : int
        As the header says.
    bytes_per_pixel : float, optional
        What a pixel unpacks to.

    Raises
    ------
    UnreadableFile
        If it is too large, or has no pixels.
    """
    if width < 1 or height < 1:
        # A side of 0 lets the other one be as long as the header likes.
        raise UnreadableFile("The picture has no pixels. Copy or export the film again.")
    if width * height > most_pixels():
        raise UnreadableFile(
            f"The picture is {width:,} x {height:,} pixels; at most {MEGAPIXELS.value} "
            f"megapixels are taken. Export it smaller, or {MEGAPIXELS.how}."
        )
    check_unpacked(int(width * height * bytes_per_pixel))


def check_unpacked(size: int) -> None:
    """Refuse what unpacks to more bytes than a film has.

    Raises
    ------
    UnreadableFile
        If it does.
    """
    if size > most_unpacked():
        raise UnreadableFile(
            f"The picture unpacks to {_mb(size)}; at most {_mb(most_unpacked())} are taken, "
            f"{BYTES_PER_PIXEL} bytes per pixel of the largest film. Export it with one gray "
            f"channel, or {MEGAPIXELS.how}."
        )


def check_ratio(unpacked: int, packed: int, most: Bound = RATIO) -> None:
    """Refuse what is packed more tightly than any film.

    Parameters
    ----------
    unpacked, packed : int
        Bytes.
    most : Bound, optional
        Of the two divided.

    Raises
    ------
    UnreadableFile
        If it is large and its ratio is above the bound.
    """
    if unpacked > SMALL and unpacked > most.value * packed:
        raise UnreadableFile(
            f"The file unpacks to {unpacked // max(1, packed):,} times its size; at most "
            f"{most.value} times are taken. Export it again, or {most.how}."
        )


def check_file(size: int) -> None:
    """Refuse a file of more bytes than a film can have; to be called before it is read.

    Raises
    ------
    UnreadableFile
        If it is too large.
    """
    if size > most_bytes():
        raise UnreadableFile(
            f"The file has {_mb(size)}; at most {_mb(most_bytes())} are taken. "
            f"Export the film alone, or {MEGAPIXELS.how}."
        )


def check_stream(size: int, values: int) -> None:
    """Refuse a JPEG 2000 stream that would take one core over 5 seconds to read.

    That time grows with the stream and with the picture, so that half a byte of the one is given up
    for each pixel of the other: 20 MB, 10 bits per pixel, are left to 16 megapixels, and 10 MB to
    36. Scattered bright pixels take longest, 5 seconds at the bound; films and noise take 2 to 4.

    Parameters
    ----------
    size : int
        Bytes.
    values : int
        Pixels, or three times as many for color.

    Raises
    ------
    UnreadableFile
        If it has more bytes than that.
    """
    most = MEGAPIXELS.value * STREAM_BYTES - values // 2
    if size > most:
        raise UnreadableFile(
            f"The JPEG 2000 has {size / 1e6:.1f} MB; of {values / 1e6:.0f} million values at most "
            f"{most / 1e6:.1f} MB are taken, as more takes too long to decode. "
            f"Export the film uncompressed, or {MEGAPIXELS.how}."
        )


def check_scans(data: bytes | bytearray) -> None:
    """Refuse a JPEG of more passes than any program writes.

    Raises
    ------
    UnreadableFile
        If there are more than `SCANS`.
    """
    if data.count(b"\xff\xda") > SCANS:
        raise UnreadableFile(
            f"The JPEG is made of over {SCANS} scans, which no camera or archive writes. "
            "Export the film again."
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
