"""Radiographs: pixels, and what the file says about them.

`read` takes PNG, JPEG and DICOM, told apart by what they hold and not by their names. What comes
out is always gray in [0, 1] with white = dense. `cxr.films.preprocessing` brings it to a
network's size.
"""

from __future__ import annotations

import hashlib
import logging
import struct
from dataclasses import dataclass, field
from datetime import date, time
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import CxrError, fault
from ..storage.stand_ins import stand_in
from .bounds import UnreadableFile, check_file
from .notes import Note
from .pictures import read_jpeg, read_png
from .values import FilmValues

__all__ = ["Radiograph", "RadiographError", "read"]

logger = logging.getLogger(__name__)

ROWS = 64  # hashed at a time, so that what is worked out in between stays small
_TAKEN = "Films are taken as PNG, JPEG or DICOM: export it as one of these."
_DAMAGED = "The file is damaged or incomplete and cannot be read. Copy or export it again."
_OTHERS = {
    b"GIF8": "a GIF picture",
    b"BM": "a BMP picture",
    b"II*\0": "a TIFF picture",
    b"MM\0*": "a TIFF picture",
    b"\0\0\0\x0cjP": "a JPEG 2000 picture outside DICOM",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture outside DICOM",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an office document",
}


class RadiographError(CxrError, ValueError):
    """A file that cannot be read as a radiograph.

    Attributes
    ----------
    reason : str
        A sentence for people: what is wrong and what to do. Holds neither the file's path nor
        anything of its header that could name a patient.
    code : str
        The same as one word.
    """

    def __init__(self, reason: str, code: str = "unreadable") -> None:
        super().__init__(reason, code=code)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One film.

    Attributes
    ----------
    pixels : numpy.ndarray
        float32 of shape (height, width) in [0, 1], white = dense; read-only.
    format : str
        "png", "jpeg" or "dicom".
    bits : int
        Meaningful bits of a sample in the file.
    age : float or None
        In years; its whole part are the years that were completed. This and what follows is as the
        DICOM header says, None if it does not.
    age_unit : str or None
        Of `cxr.films.age.UNITS`, in which the age is told.
    sex, view, modality, body_part : str or None
        Terms of the standard: "F", "PA", "DX", "CHEST"; `cxr.films.dicom_words.OTHER` for a value
        that is none.
    pixel_spacing : tuple of float or None
        (row, column) in mm.
    spacing_at : str or None
        Where these are measured: "patient", or "detector", which a body before it is thrown on
        larger than it is.
    intent : str or None
        "FOR PRESENTATION" or "FOR PROCESSING": raw, as it left the detector.
    notes : tuple of Note
        What a reader should know of how it was read.
    values : FilmValues or None
        The film's own values, which the pixels were made of, and the windows of its file. None
        where there are none, and for pixels that are not what the values give.
    patient_key, study_key : str or None
        Keyed hashes, the same for all films of a patient and of a study that this process reads;
        see `cxr.films.identity`.
    study_date, study_time : datetime.date and datetime.time, or None
        When the study was made.
    accession_key, instance_key : str or None
        Keyed hashes of the Accession Number and of the SOP Instance UID, as above.
    """

    pixels: NDArray[np.float32]
    format: str = "png"
    bits: int = 8
    age: float | None = None
    age_unit: str | None = None
    sex: str | None = None
    view: str | None = None
    modality: str | None = None
    body_part: str | None = None
    pixel_spacing: tuple[float, float] | None = None
    spacing_at: str | None = None
    intent: str | None = None
    notes: tuple[Note, ...] = ()
    values: FilmValues | None = field(default=None, repr=False)
    patient_key: str | None = field(default=None, repr=False)
    study_key: str | None = field(default=None, repr=False)
    study_date: date | None = field(default=None, repr=False)
    study_time: time | None = field(default=None, repr=False)
    accession_key: str | None = field(default=None, repr=False)
    instance_key: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        pixels = np.ascontiguousarray(self.pixels, np.float32).view()
        if pixels.ndim != 2 or not pixels.size or not (pixels.min() >= 0 and pixels.max() <= 1):
            raise ValueError(
                "Expected pixels of shape (height, width) in [0, 1]. "
                f"Received: shape {np.shape(self.pixels)}"
                + (f", {pixels.min():g} to {pixels.max():g}" if pixels.size else "")
            )
        pixels.flags.writeable = False
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "notes", tuple(map(Note, self.notes)))
        if self.values is not None and not self.values.give(pixels):
            object.__setattr__(self, "values", None)

    @cached_property
    def sha256(self) -> str:
        """Hash of the shape and of the pixels in 16 bits.

        The same pixels have the same hash, whatever the file.
        """
        digest = hashlib.sha256(struct.pack("<II", *self.pixels.shape))
        for top in range(0, self.height, ROWS):
            levels = np.rint(self.pixels[top : top + ROWS] * np.float32(65535)).astype("<u2")
            digest.update(levels.data)
        return digest.hexdigest()

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])


def read(source: str | Path | bytes | BinaryIO) -> Radiograph:
    """Read a film.

    Parameters
    ----------
    source : str or pathlib.Path or bytes or BinaryIO
        A path, the bytes of a file, or an open binary file, which is read from its start.

    Returns
    -------
    Radiograph
        JPEG is turned as its EXIF orientation says; color becomes luminance (ITU-R BT.601);
        what is transparent becomes black. DICOM goes through the modality lookup table, then
        the window, then the inversion of MONOCHROME1.

    Raises
    ------
    RadiographError
        If there is no file, or it holds no film that can be read.
    TypeError
        If the source is none of the above.
    """
    data = _bytes(source)
    try:
        check_file(len(data))
        if data[128:132] == b"DICM" or _headless_dicom(data):
            return _dicom(data)
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            pixels, bits = read_png(data)
            narrow = bits < 16 == data[24]  # which says the bits of a sample
            return Radiograph(
                pixels, format="png", bits=bits, notes=(Note.BIT_DEPTH,) if narrow else ()
            )
        if data.startswith(b"\xff\xd8\xff"):
            return Radiograph(read_jpeg(data), format="jpeg", bits=8)
    except UnreadableFile as error:
        raise RadiographError(str(error)) from None
    except Exception as error:
        logger.info("A file is damaged: %s", fault(error))
        # Libraries answer damaged bytes with whatever goes wrong first (struct.error, KeyError,
        # SyntaxError, MemoryError ...), and may quote the header in it: none of that is passed on.
        raise RadiographError(_DAMAGED) from None
    if not data:
        raise RadiographError("The file is empty. Copy or export it again.")
    if kind := stand_in(data):
        raise RadiographError(f"The file is {kind}.")
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    kind = "a WebP picture" if webp else "a HEIC picture" if data[4:8] == b"ftyp" else None
    kind = kind or next((_OTHERS[magic] for magic in _OTHERS if data.startswith(magic)), None)
    if kind:
        raise RadiographError(f"This is {kind}. {_TAKEN}")
    raise RadiographError(f"The file holds no picture that can be read. {_TAKEN}")


def _bytes(source: str | Path | bytes | BinaryIO) -> bytes:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, Path)):
        try:
            check_file(Path(source).stat().st_size)
            return Path(source).read_bytes()
        except UnreadableFile as error:
            reason = str(error)
        except IsADirectoryError:
            reason = "This is a folder, not a film. Give the files in it."
        except PermissionError:
            reason = "The file may not be opened. Check who may read it."
        except (FileNotFoundError, NotADirectoryError, ValueError):
            reason = "The file was not found. Check its name and folder."
        except OSError:
            reason = "The file could not be read from its disk. Copy it and try again."
        raise RadiographError(reason)
    data = None
    if hasattr(source, "read"):
        if hasattr(source, "seekable") and source.seekable():
            source.seek(0)
        data = source.read()
    if not isinstance(data, bytes):
        raise TypeError(f"Expected a path, bytes or a binary file. Received: {type(source)}")
    return data


def _headless_dicom(data: bytes) -> bool:
    """Whether data starts with an element of group 2 or 8: DICOM without its preamble."""
    little = data[:1] in (b"\x02", b"\x08") and data[1:2] == b"\0" == data[3:4]
    return little or (data[:3] == b"\0\x08\0" and data[4:6].isalpha())


def _dicom(data: bytes) -> Radiograph:
    from . import dicom as dicom_file  # here, as pydicom takes a while to load
    from .dicom_facts import facts
    from .dicom_identity import identity_of
    from .dicom_quiet import quiet

    with quiet():
        dataset = dicom_file.open_dataset(data)
        film = dicom_file.render(dataset)
        told = facts(dataset)
    told |= identity_of(data)._asdict()
    return Radiograph(film.pixels, format="dicom", values=film.values, notes=film.notes, **told)
