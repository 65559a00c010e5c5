"""Films from a zip, read in memory and within limits: an upload is not to be trusted."""

from __future__ import annotations

import io
import logging
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from ..errors import fault
from .archive_names import paths_of, raw_name, told_apart
from .bounds import LIST, ZIP_RATIO, UnreadableFile, check_file, check_ratio, most_bytes
from .kinds import HEAD, MOST_FILES, Kind, LeftOut, choose, kind_of
from .radiograph import RadiographError

__all__ = ["LeftOut", "is_zip", "unpack"]

logger = logging.getLogger(__name__)

#: Bits in the flags of a file.
LOCKED, UTF8 = 0x1, 0x800
#: What `zipfile` raises at damaged or unheard-of data.
DAMAGED = (
    zipfile.BadZipFile,
    NotImplementedError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
)


def is_zip(data: bytes) -> bool:
    """Whether bytes begin as a zip archive."""
    return data[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def unpack(
    data: bytes, left_out: LeftOut | None = None
) -> Iterator[tuple[str, bytes | RadiographError]]:
    """Yield the first `MOST_FILES` films of a zip, in its order.

    Which files are films, they tell by what they hold: `cxr.films.kinds.choose`. Nothing is written
    to disk, so that a name like ``../film.png`` leads nowhere; of a path so much is kept as tells
    one film from another.

    Parameters
    ----------
    data : bytes
        The archive.
    left_out : LeftOut, optional
        The files that are no films, and the films beyond the first, are counted in it before the
        first film is yielded.

    Yields
    ------
    name : str
        The film's name, with as many of its folders as tell it from others of the archive.
    content : bytes or RadiographError
        The file, or why it cannot be read; the films after it are still yielded.

    Raises
    ------
    RadiographError
        If the archive is damaged, empty or locked, or holds no film.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except UnicodeDecodeError:
        data = _without_utf8_flags(data)
        archive = _opened(data)
    except DAMAGED as error:
        raise _damaged() from error
    with archive:
        infos = archive.infolist()
        paths = paths_of(infos)
        files = [
            (info, path)
            for info, path in zip(infos, paths, strict=True)
            if info.file_size or not raw_name(info).endswith((b"/", b"\\"))
        ]
        if not files:
            raise RadiographError("The zip holds no files. Pack the films into it.")
        if all(info.flag_bits & LOCKED for info, _ in files):
            raise RadiographError("The zip is locked with a password. Unlock it first.")
        chosen, others = choose(
            [(path, _kind(archive, data, info)) for info, path in files], zips=True
        )
        others.beyond = max(0, len(chosen) - MOST_FILES)
        if left_out is not None:
            left_out.add(others)
        if not chosen:
            raise RadiographError(f"The zip holds no films. {others} Pack the films into it.")
        del chosen[MOST_FILES:]
        left, unpacked, packed = most_of_all(), 0, 0
        for place, name in zip(chosen, told_apart([files[i][1] for i in chosen]), strict=True):
            info = files[place][0]
            try:
                # Before it is unpacked: of what it says of its size, no more is ever unpacked.
                _check(info, left, unpacked, min(packed + info.compress_size, len(data)))
            except UnreadableFile as error:
                yield name, RadiographError(str(error))
                continue
            content = _content(archive, data, info, left)
            # A file that failed may have been unpacked up to its size: it counts too, so that a
            # thousand of them do not cost a thousand times the limit.
            spent = len(content) if isinstance(content, bytes) else info.file_size
            left = max(0, left - spent)
            unpacked += spent
            packed = min(packed + info.compress_size, len(data))
            yield name, content


def _check(info: zipfile.ZipInfo, left: int, unpacked: int, packed: int) -> None:
    """Refuse a file that says it is too large, or that too much comes of the archive with it."""
    check_file(info.file_size)
    if info.file_size > left:
        raise UnreadableFile(_full())
    check_ratio(unpacked + info.file_size, packed, ZIP_RATIO)


def _full() -> str:
    return f"The films of the zip take over {LIST.value} MB. Split it, or {LIST.how}."


def most_of_all() -> int:
    """Return the bytes that all films of an archive may have; what they say is not believed."""
    return LIST.value * 1_000_000


def _damaged() -> RadiographError:
    return RadiographError("The zip is damaged. Pack it again.")


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except DAMAGED as error:
        raise _damaged() from error


def _without_utf8_flags(data: bytes) -> bytes:
    """Take the flag for UTF-8 from all names of the directory: one of them is in other letters."""
    end = data.rfind(b"PK\5\6")
    raw = bytearray(data)
    try:
        size, offset = struct.unpack_from("<II", data, end + 12)
        at = end - size if data[end - size :].startswith(b"PK\1\2") else offset
        while raw[at : at + 4] == b"PK\1\2":
            raw[at + 9] &= ~(UTF8 >> 8) & 0xFF
            at += 46 + sum(struct.unpack_from("<HHH", data, at + 28))
    except struct.error as error:
        raise _damaged() from error
    return bytes(raw)


def _open(archive: zipfile.ZipFile, data: bytes, info: zipfile.ZipInfo) -> IO[bytes]:
    """Open a file whose name at its start may be written otherwise than in the directory."""
    start = info.header_offset + 30
    (flags,) = struct.unpack_from("<H", data, start - 24)
    (length,) = struct.unpack_from("<H", data, start - 4)
    name = data[start : start + length]
    # `zipfile` compares the two names, and takes bytes without the flag as letters of cp437.
    try:
        info.orig_filename = name.decode("utf-8" if flags & UTF8 else "cp437")
    except UnicodeDecodeError:
        assert isinstance(archive.fp, io.BytesIO)
        archive.fp.getbuffer()[start - 23] &= ~(UTF8 >> 8) & 0xFF
        info.orig_filename = name.decode("cp437")
    return archive.open(info)


def _kind(archive: zipfile.ZipFile, data: bytes, info: zipfile.ZipInfo) -> Kind:
    if info.flag_bits & LOCKED:
        return Kind.UNREADABLE
    try:
        with _open(archive, data, info) as file:
            return kind_of(file.read(HEAD))
    except Exception as error:  # whatever it is, the films after this one are still there
        if not isinstance(error, DAMAGED):
            logger.error("A file of a zip was not looked at: %s", fault(error))
        return Kind.UNREADABLE


def _content(
    archive: zipfile.ZipFile, data: bytes, info: zipfile.ZipInfo, left: int
) -> bytes | RadiographError:
    if info.flag_bits & LOCKED:
        return RadiographError("The file is locked with a password. Unlock the zip first.")
    try:
        with _open(archive, data, info) as file:
            content = file.read(min(left, most_bytes()) + 1)
        check_file(len(content))
    except UnreadableFile as error:
        return RadiographError(str(error))
    except Exception as error:  # whatever it is, the films after this one are still there
        if not isinstance(error, DAMAGED):
            logger.error("A file of a zip was not read: %s", fault(error))
        kind = type(error).__name__
        return RadiographError(f"The file is damaged inside the zip ({kind}). Pack it again.")
    if len(content) > left:
        return RadiographError(_full())
    if is_zip(content):
        return RadiographError("A zip inside a zip is not opened. Unpack it first.")
    return content
