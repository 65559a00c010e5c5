"""Films from a zip, read in memory and within limits: an upload is not to be trusted."""

from __future__ import annotations

import bz2
import io
import logging
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

from ..errors import fault
from .archive_names import paths_of, raw_name, told_apart
from .bounds import LIST, ZIP_FILES, ZIP_RATIO, UnreadableFile, check_file, check_ratio, most_bytes
from .kinds import HEAD, MOST_FILES, Kind, LeftOut, choose, kind_of
from .radiograph import RadiographError

__all__ = ["LeftOut", "is_zip", "unpack"]

logger = logging.getLogger(__name__)

#: Bits in the flags of a file.
LOCKED, UTF8 = 0x1, 0x800
#: Ways to pack of which some bytes unpack to many thousand times as many, or take long.
SLOW = (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
#: What an entry of the directory begins with, and bytes that one has at most, on average.
LISTED, NAME = b"PK\1\2", 1000
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
        archive = _opened(data)
    except UnicodeDecodeError:
        data = _without_utf8_flags(data)
        try:
            archive = _opened(data)
        except UnicodeDecodeError as error:
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
            list(zip([path for _, path in files], _kinds(archive, data, files), strict=True)),
            zips=True,
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


class _Bounded(io.BytesIO):
    """A zip of which no directory is read that is too long.

    `zipfile` makes an object of each file that is listed before it tells how many there are, and
    what the end of a zip says of their number it does not believe, nor does this. So the list is
    looked through when it is about to be read, which `zipfile` does in one piece.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data
        self.is_open = False

    def read(self, size: int | None = -1) -> bytes:
        """Read on; not a directory that is too long."""
        if not self.is_open:
            self._check_directory()
        return super().read(size)

    def _check_directory(self) -> None:
        at = start = self.tell()
        most, files = ZIP_FILES.value, 0
        while self._data[at : at + 4] == LISTED and at + 46 <= len(self._data):
            at += 46 + sum(struct.unpack_from("<HHH", self._data, at + 28))
            files += 1
            if files > most or at - start > most * NAME:
                raise RadiographError(
                    f"The zip lists too many files, or too long names: at most {most:,} files and "
                    f"{most * NAME / 1e6:,.0f} MB of names are looked through. Pack the films "
                    f"alone, or {ZIP_FILES.how}."
                )


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
    file = _Bounded(data)
    try:
        archive = zipfile.ZipFile(file)
    except (RadiographError, UnicodeDecodeError):
        raise
    except DAMAGED as error:
        raise _damaged() from error
    file.is_open = True
    return archive


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


def _read(archive: zipfile.ZipFile, data: bytes, info: zipfile.ZipInfo, most: int) -> bytes:
    """Unpack a file, or its first bytes."""
    with _open(archive, data, info) as file:
        if info.compress_type not in SLOW:
            return file.read(most)
    # `zipfile` unpacks 4 kB of these at once, however much comes of them: 100 MB in a second.
    lengths = struct.unpack_from("<HH", data, info.header_offset + 26)
    start = info.header_offset + 30 + sum(lengths)
    packed = memoryview(data)[start : start + info.compress_size]
    content = _unpacked(packed, info.compress_type, min(most, info.file_size + 1))
    if len(content) != min(most, info.file_size) or (
        len(content) == info.file_size and zlib.crc32(content) != info.CRC
    ):
        raise zipfile.BadZipFile("another size or checksum than it says")
    return content


def _unpacked(packed: memoryview, method: int, most: int) -> bytes:
    if method == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor().decompress(packed, most)
    (size,) = struct.unpack_from("<H", packed, 2)
    kind, window = struct.unpack_from("<BI", packed, 4)
    chain: dict[str, int] = {
        "id": lzma.FILTER_LZMA1,
        "lc": kind % 9,
        "lp": kind // 9 % 5,
        "pb": kind // 45,
        # No further back than to the first byte.
        "dict_size": min(window, max(most, 4096)),
    }
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[chain])
    return unpacker.decompress(packed[4 + size :], most)


def _kinds(
    archive: zipfile.ZipFile, data: bytes, files: Sequence[tuple[zipfile.ZipInfo, object]]
) -> Iterator[Kind]:
    """Tell what each file is; of those that are slow to unpack, as many as are taken at most."""
    slow = 0
    for info, _ in files:
        slow += info.compress_type in SLOW
        too_many = info.compress_type in SLOW and slow > MOST_FILES
        yield Kind.UNREADABLE if too_many else _kind(archive, data, info)


def _kind(archive: zipfile.ZipFile, data: bytes, info: zipfile.ZipInfo) -> Kind:
    if info.flag_bits & LOCKED:
        return Kind.UNREADABLE
    try:
        return kind_of(_read(archive, data, info, HEAD))
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
        content = _read(archive, data, info, min(left, most_bytes()) + 1)
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
