"""Films from a zip, read in memory and within limits: an upload is not to be trusted."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from .radiograph import RadiographError

__all__ = ["MOST_BYTES", "MOST_FILES", "is_zip", "unpack"]

MOST_FILES = 1000
#: Unpacked, of all files of an archive together; what a file says of its size is not believed.
MOST_BYTES = 2 * 1024**3
#: What `zipfile` raises at damaged or unheard-of data.
DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)


def is_zip(data: bytes) -> bool:
    """Whether bytes begin as a zip archive."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(data: bytes) -> Iterator[tuple[str, bytes | RadiographError]]:
    """Yield the files of a zip, in order.

    Folders, hidden files and what macOS adds are left out. Nothing is written to disk, so that a
    name like ``../film.png`` leads nowhere; only the last part of a name is kept.

    Parameters
    ----------
    data : bytes
        The archive.

    Yields
    ------
    name : str
        The file's name without its folders.
    content : bytes or RadiographError
        The file, or why it cannot be read; the files after it are still yielded.

    Raises
    ------
    RadiographError
        If the archive is damaged, empty or holds over `MOST_FILES` files.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except DAMAGED as error:
        raise RadiographError("The zip is damaged. Pack it again.") from error
    with archive:
        members = [info for info in archive.infolist() if _wanted(info)]
        if not members:
            raise RadiographError("The zip holds no files. Pack the films into it.")
        if len(members) > MOST_FILES:
            raise RadiographError(
                f"The zip holds {len(members)} files; at most {MOST_FILES} are taken at once. "
                "Split it."
            )
        left = MOST_BYTES
        for info in members:
            content = _content(archive, info, left)
            # A file that failed may have been unpacked up to its size: it counts too, so that a
            # thousand of them do not cost a thousand times the limit.
            spent = len(content) if isinstance(content, bytes) else info.file_size
            left = max(0, left - spent)
            yield _path(info).name, content


def _path(info: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(info.filename.replace("\\", "/"))  # some packers on Windows write \


def _wanted(info: zipfile.ZipInfo) -> bool:
    parts = _path(info).parts
    return not info.is_dir() and not any(
        p.startswith((".", "__MACOSX")) for p in parts if p != ".."
    )


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, left: int) -> bytes | RadiographError:
    if info.flag_bits & 0x1:
        return RadiographError("The file is locked with a password. Unlock the zip first.")
    try:
        with archive.open(info) as file:
            content = file.read(left + 1)
    except DAMAGED as error:
        kind = type(error).__name__
        return RadiographError(f"The file is damaged inside the zip ({kind}). Pack it again.")
    if len(content) > left:
        return RadiographError("The zip unpacks to over 2 GB. Split it.")
    if is_zip(content):
        return RadiographError("A zip inside a zip is not opened. Unpack it first.")
    return content
