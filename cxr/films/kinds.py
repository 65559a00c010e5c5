"""Which files are films: told by what they hold, and what the others are counted as.

A file's name says little: archives name films by a UID, scanners write ``.IMA``, Windows saves a
JPEG as ``.jfif``. So the first bytes decide. A name decides only where they say nothing: what is
named like a film and cannot be read is a film that is damaged, and has its row.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

__all__ = [
    "HEAD",
    "MOST_FILES",
    "SUFFIXES",
    "Kind",
    "LeftOut",
    "choose",
    "hidden",
    "hidden_name",
    "kind_of",
]

#: Bytes of a file's start that tell its kind.
HEAD = 1024
#: Films of one zip; how many other files there are does not matter.
MOST_FILES = 1000
#: Suffixes of films. A file without any, or with a number for one, may be a film as well.
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".dcm", ".dicom", ".dic", ".dc3", ".ima", ".acr")
)
_PICTURE_SUFFIXES = frozenset([".png", ".jpg", ".jpeg", ".jpe", ".jfif"])


class Kind(StrEnum):
    """What a file is, by its first bytes."""

    DICOM = "DICOM"
    PNG = "PNG"
    JPEG = "JPEG"
    DIRECTORY = "DICOMDIR"
    PICTURE = "picture of another format"
    VIEWER_PICTURE = "picture of a viewer"
    ZIP = "zip"
    PROGRAM = "program"
    TEXT = "text"
    HIDDEN = "hidden"
    UNREADABLE = "locked or damaged"
    SPECIAL = "no regular file"
    OTHER = "other"


#: How many of a kind are told, in the order of telling. What is not here is counted as other.
_COUNTED = {
    Kind.PICTURE: ("picture in another format", "pictures in other formats"),
    Kind.VIEWER_PICTURE: ("picture of a viewer", "pictures of a viewer"),
    Kind.ZIP: ("zip or office document", "zips or office documents"),
    Kind.UNREADABLE: ("that is locked or damaged", "that are locked or damaged"),
    Kind.HIDDEN: ("hidden", "hidden"),
}
_PICTURES = (Kind.PNG, Kind.JPEG)
_FILMS = (Kind.DICOM, *_PICTURES)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xff\xd8\xff", Kind.JPEG),
    *((magic, Kind.PICTURE) for magic in (b"GIF8", b"II*\0", b"MM\0*", b"\xff\x4f\xff\x51")),
    (b"\0\0\0\x0cjP", Kind.PICTURE),
    *((magic, Kind.ZIP) for magic in (b"PK\x03\x04", b"PK\x05\x06")),
    *((magic, Kind.PROGRAM) for magic in (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe")),
    *((magic, Kind.PROGRAM) for magic in (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")),
    # PDF, compressed files, icons, old office documents and Thumbs.db, macOS resource forks.
    *((magic, Kind.OTHER) for magic in (b"%PDF", b"\x1f\x8b\x08", b"7z\xbc\xaf", b"Rar!", b"MSCF")),
    *((magic, Kind.OTHER) for magic in (b"\0\0\1\0", b"\xd0\xcf\x11\xe0", b"\0\5\x16\7")),
)
_DICOMDIR = b"1.2.840.10008.1.3.10"  # Media Storage Directory Storage
_LONG_VR = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT")
_UNDEFINED = 0xFFFFFFFF


@dataclass
class LeftOut:
    """The files of a folder or an archive that are not taken.

    Attributes
    ----------
    counts : collections.Counter of Kind
        Number of files of each kind that are no films.
    beyond : int
        Number of films beyond the most that are taken of one zip.
    """

    counts: Counter[Kind] = field(default_factory=Counter)
    beyond: int = 0

    @property
    def total(self) -> int:
        """Number of files."""
        return sum(self.counts.values()) + self.beyond

    @classmethod
    def of(cls, parts: Iterable[LeftOut]) -> LeftOut:
        """Count the files of several accounts together."""
        account = cls()
        for part in parts:
            account.add(part)
        return account

    def add(self, other: LeftOut) -> None:
        """Count the files of another account as well."""
        self.counts.update(other.counts)
        self.beyond += other.beyond

    def __str__(self) -> str:
        """Count them in a sentence or two without names; empty if there are none."""
        return " ".join(filter(None, (self._no_films(), self._beyond())))

    def _beyond(self) -> str:
        if not self.beyond:
            return ""
        were = "film was" if self.beyond == 1 else "films were"
        return (
            f"{self.beyond:,} {were} left out: of a zip the first {MOST_FILES:,} films are taken, "
            "in the order of the zip. Pack the others into zips of their own."
        )

    def _no_films(self) -> str:
        total = sum(self.counts.values())
        if not total:
            return ""
        told = {kind: self.counts[kind] for kind in _COUNTED if self.counts[kind]}
        parts = [f"{n:,} {_COUNTED[kind][n != 1]}" for kind, n in told.items()]
        if parts and (rest := total - sum(told.values())):
            parts.append(f"{rest:,} other")
        are = "file is no film and was" if total == 1 else "files are no films and were"
        unpack = " Unpack a zip to have its films." if self.counts[Kind.ZIP] else ""
        return f"{total:,} {are} left out{': ' * bool(parts)}{', '.join(parts)}.{unpack}"


def hidden(path: PurePath) -> bool:
    """Whether a file is hidden, or one of macOS that goes with another.

    Kaggle's zip has such a file for each film: ``__MACOSX/train/NORMAL/._IM-0115.jpeg``.
    """
    return any(map(hidden_name, path.parts))


def hidden_name(name: str) -> bool:
    """Whether a file or folder of that name is `hidden`."""
    return (name[:1] == "." and bool(name.strip("."))) or name.upper() == "__MACOSX"


def kind_of(head: bytes) -> Kind:
    """Tell what a file is.

    Parameters
    ----------
    head : bytes
        Its first `HEAD` bytes.
    """
    if head[128:132] == b"DICM":
        return Kind.DIRECTORY if _DICOMDIR in head[132:] else Kind.DICOM
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if (head[:4] == b"RIFF" and head[8:12] == b"WEBP") or head[4:8] == b"ftyp":
        return Kind.PICTURE
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return Kind.PICTURE
    if any(_elements(head, explicit, order) for explicit, order in _HEADLESS):
        return Kind.DICOM
    return Kind.TEXT if _text(head) else Kind.OTHER


def choose(
    files: Sequence[tuple[PurePath, Kind]], *, zips: bool = False
) -> tuple[list[int], LeftOut]:
    """Choose the films among the files of a folder or an archive.

    Left out are files that are no film by what they hold, unless they are named like one; hidden
    files; ``DICOMDIR``; and, where there are DICOM films, the pictures of a viewer, which are in a
    folder without such a film, on a disc with a ``DICOMDIR`` or next to a program.

    Parameters
    ----------
    files : sequence of (pathlib.PurePath, Kind)
        Path from the folder's or archive's root, and what `kind_of` says.
    zips : bool, default: False
        Whether a zip is chosen too if it is named so: somebody's films are in it.

    Returns
    -------
    chosen : list of int
        Places of the films in `files`, in order.
    left_out : LeftOut
        The others.
    """
    placed = [(path, _kind_in_place(path, kind)) for path, kind in files]
    dicom = {path.parent for path, kind in placed if kind is Kind.DICOM}
    discs = _discs(placed, dicom) if dicom else set()
    chosen: list[int] = []
    left_out = LeftOut()
    for place, (path, kind) in enumerate(placed):
        aside = discs and path.parent not in dicom and not discs.isdisjoint(path.parents)
        if aside and _picture(path, kind):
            left_out.counts[Kind.VIEWER_PICTURE] += 1
        elif (
            kind in _FILMS
            or (zips and kind is Kind.ZIP and path.suffix.lower() == ".zip")
            or (kind not in _NO_FILM and _named_like_a_film(path, kind))
        ):
            chosen.append(place)
        else:
            left_out.counts[kind] += 1
    return chosen, left_out


def _discs(placed: Sequence[tuple[PurePath, Kind]], dicom: set[PurePath]) -> set[PurePath]:
    """Name the folders whose pictures are those of a viewer."""
    programs = {path.parent for path, kind in placed if kind is Kind.PROGRAM}
    # A program above the films, or among them, says nothing of the pictures there.
    above = {
        parent
        for folder in (dicom if programs else ())
        for parent in (folder, *folder.parents)
        if parent in programs
    }
    directories = {path.parent for path, kind in placed if kind is Kind.DIRECTORY}
    return directories | (programs - above)


def _picture(path: PurePath, kind: Kind) -> bool:
    return kind in _PICTURES or (
        kind is not Kind.HIDDEN and path.suffix.lower() in _PICTURE_SUFFIXES
    )


#: Kinds that a name does not turn into films.
_NO_FILM = (Kind.DIRECTORY, Kind.HIDDEN, Kind.SPECIAL)
#: (explicit VR, byte order) of a DICOM file without its preamble.
_HEADLESS = ((True, "<"), (False, "<"), (True, ">"))


def _kind_in_place(path: PurePath, kind: Kind) -> Kind:
    if hidden(path):
        return Kind.HIDDEN
    # "DICOMDIR.;1" is how some systems show a file of a CD.
    name = path.name.upper().partition(";")[0].rstrip(".")
    return Kind.DIRECTORY if name == "DICOMDIR" else kind


def _named_like_a_film(path: PurePath, kind: Kind) -> bool:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    # IM000001, or a UID: what nobody would call a text or a program.
    bare = not suffix or suffix[1:].isdigit()
    return bare and kind in (Kind.OTHER, Kind.UNREADABLE) and bool(re.search(r"\d", path.name))


def _elements(head: bytes, explicit: bool, order: str) -> bool:
    """Whether a file starts with elements of group 2 or 8 as DICOM writes them, in their order."""
    at, last, seen = 0, (0, 0), 0
    while at + 12 <= len(head):
        tag = struct.unpack_from(f"{order}HH", head, at)
        vr = head[at + 4 : at + 6]
        if tag <= last or not (seen or tag[0] in (2, 8)):
            return False
        if explicit and not (vr.isalpha() and vr.isupper()):
            return False
        form, start = ("I", 8) if vr in _LONG_VR else ("H", 6)
        form, start = (form, start) if explicit else ("I", 4)
        (length,) = struct.unpack_from(order + form, head, at + start)
        at += max(8, start + 4 * (form == "I"))
        if length == _UNDEFINED:
            return seen >= 2
        if length % 2 or (not seen and length > 256):
            return False
        at, last, seen = at + length, tag, seen + 1
        if tag[0] == 2 and seen >= 2:
            return explicit  # what follows may be in another transfer syntax
    return seen >= 3


def _text(head: bytes) -> bool:
    if not head:
        return False
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
