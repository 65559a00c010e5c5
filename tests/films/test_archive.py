"""Films out of a zip that is not to be trusted."""

from __future__ import annotations

import bz2
import io
import random
import struct
import time
import tracemalloc
import zipfile
import zlib
from typing import ClassVar

import pytest

from cxr.films import archive, bounds
from cxr.films.archive import LeftOut, is_zip, unpack
from cxr.films.kinds import HEAD, MOST_FILES, Kind
from cxr.films.radiograph import RadiographError


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return file.getvalue()


def listed(data: bytes) -> list[tuple[str, bytes | str]]:
    """Names with contents, or with the reason where there is none."""
    return [
        (name, content.reason if isinstance(content, RadiographError) else content)
        for name, content in unpack(data)
    ]


def without_name(data: bytes, name: str) -> bytes:
    """A zip in which a member's name, of one letter, is empty: `zipfile` writes none of these."""
    raw = bytearray(data)
    for magic, at in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        start = data.index(magic)
        while data[start + at + (4 if at == 26 else 18) :][: len(name)] != name.encode():
            start = data.index(magic, start + 1)
        # The letter becomes part of what is extra.
        raw[start + at : start + at + 4] = struct.pack("<HH", 0, 1)
    return bytes(raw)


def with_flag(data: bytes, name: str, flag: int) -> bytes:
    """Set bits in a member's flags, at its own header and in the directory."""
    raw = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        local = file.getinfo(name).header_offset
    central = data.index(b"PK\x01\x02")
    while data[central + 46 : central + 46 + len(name)] != name.encode():
        central = data.index(b"PK\x01\x02", central + 1)
    for at in (local + 6, central + 8):
        (value,) = struct.unpack_from("<H", raw, at)
        struct.pack_into("<H", raw, at, value | flag)
    return bytes(raw)


class TestUnpack:
    @pytest.mark.parametrize(
        "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    def test_files_in_order_by_their_last_name(self, method):
        files = {"z.png": b"1", "deep/er/a.dcm": b"2" * 5000, "IM001": b""}
        data = packed(files, method)
        assert is_zip(data)
        assert listed(data) == [("z.png", b"1"), ("a.dcm", b"2" * 5000), ("IM001", b"")]

    def test_folders_hidden_files_and_what_macos_adds_are_left_out(self):
        names = ("a/", "a/b.png", "__MACOSX/a/._b.png", ".DS_Store", "a/.hidden/c.png", "a/._b.png")
        assert listed(packed({name: b"" if name[-1] == "/" else b"x" for name in names})) == [
            ("b.png", b"x")
        ]

    def test_names_that_lead_elsewhere_lead_nowhere(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        names = ("../../up.png", "/etc/root.png", "a/../../b.png", "C:\\films\\c.png", "..\\d.png")
        found = listed(packed(dict.fromkeys(names, b"x")))
        assert [name for name, _ in found] == ["up.png", "root.png", "b.png", "c.png", "d.png"]
        assert list(tmp_path.iterdir()) == []

    def test_two_files_of_one_name(self):
        data = packed({"cd/a/x.png": b"1", "cd/b/x.png": b"2", "cd/b/y.png": b"3"})
        assert listed(data) == [("a/x.png", b"1"), ("b/x.png", b"2"), ("y.png", b"3")]

    def test_a_zip_inside_a_zip_is_not_opened(self):
        inner = packed({"film.png": b"x"})
        left_out = LeftOut()
        data = packed({"inner.zip": inner, "viewer.jar": inner, "after.png": b"y"})
        assert [name for name, _ in unpack(data, left_out)] == ["inner.zip", "after.png"]
        assert listed(data) == [
            ("inner.zip", "A zip inside a zip is not opened. Unpack it first."),
            ("after.png", b"y"),
        ]
        assert left_out.counts == {Kind.ZIP: 1}

    def test_locked_file_has_a_row_and_the_rest_goes_on(self):
        data = with_flag(packed({"a.png": b"x" * 99, "b.png": b"y"}), "a.png", 1)
        assert listed(data) == [
            ("a.png", "The file is locked with a password. Unlock the zip first."),
            ("b.png", b"y"),
        ]

    @pytest.mark.parametrize(
        "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    def test_damaged_file_has_a_row_and_the_rest_goes_on(self, method):
        content = random.Random(1).randbytes(4000)
        raw = bytearray(packed({"a.png": content, "b.png": b"y"}, method))
        middle = raw.index(b"a.png") + 2000
        raw[middle : middle + 40] = bytes(40)
        found = listed(bytes(raw))
        assert [name for name, _ in found] == ["a.png", "b.png"]
        assert found[0][1].startswith("The file is damaged inside the zip (")
        assert found[1][1] == b"y"

    def test_unknown_compression(self):
        raw = bytearray(packed({"a.png": b"x" * 99}))
        for at in (8, raw.index(b"PK\x01\x02") + 10):
            struct.pack_into("<H", raw, at, 97)
        assert listed(bytes(raw))[0][1].startswith("The file is damaged inside the zip (")


class TestDisc:
    """A patient's CD: films beside a viewer."""

    DICOM = bytes(128) + b"DICM" + b"\x02\0\x10\0UI\2\x001 "
    OTHERS: ClassVar = {
        "DICOMDIR": bytes(128) + b"DICM",
        "AUTORUN.INF": b"[autorun]",
        "VIEWER/viewer.exe": b"MZ" + bytes(400),
        "VIEWER/skin/logo.png": b"\x89PNG\r\n\x1a\n",
        "VIEWER/cache1": b"some words",
        **{f"VIEWER/{i}.dll": b"MZ" for i in range(MOST_FILES + 1)},
    }

    def test_its_films_have_rows_and_the_rest_is_counted(self):
        films = {f"DICOM/P{i}/IM00001": self.DICOM + bytes([i]) for i in range(3)}
        left_out = LeftOut()
        found = list(unpack(packed(self.OTHERS | films), left_out))
        assert found == [(name[6:], content) for name, content in films.items()]
        assert left_out.total == len(self.OTHERS)

    def test_one_without_films_is_told_so(self):
        with pytest.raises(RadiographError, match=f"{len(self.OTHERS) - 1:,} files are no films"):
            list(unpack(packed({k: v for k, v in self.OTHERS.items() if ".png" not in k})))

    def test_a_locked_zip_is_one_row(self):
        data = packed({"a.png": b"x", "b.exe": b"y"})
        for name in ("a.png", "b.exe"):
            data = with_flag(data, name, 1)
        with pytest.raises(RadiographError, match="locked with a password"):
            list(unpack(data))


class TestLimits:
    def test_of_too_many_films_the_first_are_taken_and_the_others_counted(self, monkeypatch):
        monkeypatch.setattr(archive, "MOST_FILES", 3)
        files = {f"{i}.png": b"x" for i in (2, 0, 1)} | {".hidden": b"", "__MACOSX/a": b""}
        for others in ({}, {f"{i}.dll": b"MZ" for i in range(9)}):
            left_out = LeftOut()
            assert len(list(unpack(packed(files | others), left_out))) == 3
            assert left_out.beyond == 0
        more = files | {"d.png": b"x", "e.exe": b"MZ", "c.png": b"x"}
        left_out = LeftOut()
        found = list(unpack(packed(more), left_out))
        assert [name for name, _ in found] == ["2.png", "0.png", "1.png"]
        assert left_out.beyond == 2
        assert len(found) + left_out.total == len(more)

    def test_what_would_be_refused_is_not_unpacked(self, monkeypatch):
        """A zip of 2 MB would be unpacked to 2 GB, which takes 6 seconds, and nothing taken."""
        unpacked = []
        read = zipfile.ZipExtFile.read

        def watched(self, n=-1):
            content = read(self, n)
            unpacked.append(len(content))
            return content

        monkeypatch.setattr(zipfile.ZipExtFile, "read", watched)
        listed(packed({f"{i}.dcm": bytes(5_000_000) for i in range(40)}))
        assert sum(unpacked) < 35_000_000

    def test_a_bomb_among_films_does_not_cost_the_films(self, monkeypatch):
        monkeypatch.setattr(bounds, "SMALL", 1000)
        film = random.Random(1).randbytes(20_000)
        found = listed(packed({"a.dcm": film, "b.dcm": bytes(10**7), "c.dcm": film}))
        assert [type(content) for _, content in found] == [bytes, str, bytes]
        assert "CXR_MAX_ZIP_RATIO" in found[1][1]

    def test_a_bomb_is_not_unpacked(self, monkeypatch):
        """What is read is bounded by what is left, whatever the archive says of its sizes."""
        monkeypatch.setattr(archive, "most_of_all", lambda: 10_000)
        asked: list[int] = []
        read = zipfile.ZipExtFile.read

        def watched(self, n=-1):
            asked.append(n)
            return read(self, n)

        monkeypatch.setattr(zipfile.ZipExtFile, "read", watched)
        data = packed({"ok.png": b"x" * 4000, **{f"{i}.png": bytes(10**6) for i in range(50)}})
        assert len(data) < 80_000
        found = listed(data)
        assert found[0] == ("ok.png", b"x" * 4000)
        assert all("CXR_MAX_LIST_MB" in content for _, content in found[1:])
        assert len(found) == 51
        # One look at a bomb is enough: not 10,000 bytes of each.
        assert min(asked) > 0
        assert sum(asked) < 10_001 + 6_001 + 50 * 2 + 51 * HEAD

    def test_the_limit_counts_all_files_together(self, monkeypatch):
        monkeypatch.setattr(archive, "most_of_all", lambda: 100)
        data = packed({"a.png": b"x" * 60, "b.png": b"x" * 40, "c.png": b"x"})
        assert [type(content) for _, content in listed(data)] == [bytes, bytes, str]

    def test_damaged_files_count_too(self, monkeypatch):
        """Else a thousand of them would each be unpacked up to the limit."""
        monkeypatch.setattr(archive, "most_of_all", lambda: 10_000)
        raw = bytearray(packed({"a.png": bytes(9000), "b.png": bytes(9000)}))
        at = raw.index(b"PK\x01\x02") + 16
        struct.pack_into("<I", raw, at, 1)  # the checksum in the directory, which is believed
        found = listed(bytes(raw))
        assert found[0][1].startswith("The file is damaged")
        assert "CXR_MAX_LIST_MB" in found[1][1]

    def test_films_do_not_pack_a_hundredfold(self):
        """A zip of 2 MB would keep 2 GB in the list."""
        data = packed({f"{i}.dcm": bytes(5_000_000) for i in range(40)})
        assert len(data) < 300_000
        found = listed(data)
        assert len(found) == 40
        assert sum(len(content) for _, content in found if isinstance(content, bytes)) < 35_000_000
        assert "CXR_MAX_ZIP_RATIO" in found[-1][1]

    def test_a_file_that_is_longer_than_any_film(self, monkeypatch):
        monkeypatch.setenv("CXR_MAX_MEGAPIXELS", "1")
        data = packed({"a.dcm": random.Random(1).randbytes(2000) * 11_000, "b.dcm": b"x"})
        found = dict(listed(data))
        assert "CXR_MAX_MEGAPIXELS" in found["a.dcm"]
        assert found["b.dcm"] == b"x"


def listing(number: int, method: int = 0, body: bytes = b"", *, said: int | None = None) -> bytes:
    """A zip of many files, as fast as one that does harm is made; its end says `said` of them."""
    out = io.BytesIO()
    told = (method, 0, 0, zlib.crc32(b""), len(body), len(body), 8, 0)
    for i in range(number):
        out.write(struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, *told) + b"%08d" % i + body)
    start, size = out.tell(), 54 * number
    for i in range(number):
        at = i * (38 + len(body))
        entry = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, *told, 0, 0, 0, 0, at)
        out.write(entry + b"%08d" % i)
    count = number if said is None else said
    # The figures of an archive of over 65,535 files are in a record of their own.
    out.write(struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start))
    out.write(struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1))
    out.write(struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0))
    return out.getvalue()


class TestManyFiles:
    """A zip costs what its films cost, and not what its list of files does."""

    @pytest.mark.parametrize("said", [None, 1, 0])
    def test_a_list_that_is_too_long_is_not_made_objects_of(self, monkeypatch, said):
        made = []
        init = zipfile.ZipInfo.__init__

        def counted(self, *words, **named):
            made.append(1)
            init(self, *words, **named)

        data = listing(300_000, said=said)
        monkeypatch.setattr(zipfile.ZipInfo, "__init__", counted)
        tracemalloc.start()
        begun = time.process_time()
        with pytest.raises(RadiographError, match="CXR_MAX_ZIP_FILES"):
            list(unpack(data))
        took, (_, peak) = time.process_time() - begun, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert not made
        assert took < 2
        assert peak < 5_000_000

    def test_one_that_is_as_long_as_it_may_be_is_looked_through(self, monkeypatch):
        monkeypatch.setenv("CXR_MAX_ZIP_FILES", "3000")
        left_out = LeftOut()
        assert len(list(unpack(listing(3000), left_out))) == MOST_FILES
        assert left_out.beyond == 2000
        with pytest.raises(RadiographError, match="at most 3,000 files"):
            list(unpack(listing(3001)))

    def test_names_that_are_too_long_count_as_files(self, monkeypatch):
        monkeypatch.setenv("CXR_MAX_ZIP_FILES", "10")
        assert len(listed(packed({f"{i}{'a' * 800}.png": b"x" for i in range(9)}))) == 9
        with pytest.raises(RadiographError, match="too long names"):
            list(unpack(packed({f"{i}{'a' * 2000}.png": b"x" for i in range(9)})))

    def test_a_path_without_end_keeps_its_end(self):
        names = [f"{'a/' * 400}{i}/film.png" for i in range(2)]
        assert [name for name, _ in listed(packed(dict.fromkeys(names, b"x")))] == [
            *("0/film.png", "1/film.png"),
        ]

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_of_what_unpacks_a_million_times_no_more_is_unpacked_than_is_looked_at(self, method):
        """Each of these is 40 MB after one piece of 4 kB, which takes a tenth of a second."""
        if method == zipfile.ZIP_BZIP2:
            body = bz2.compress(bytes(40_000_000))
        else:
            packer = zipfile.LZMACompressor()
            body = packer.compress(bytes(40_000_000)) + packer.flush()
        data = listing(MOST_FILES + 500, method, body)
        begun = time.process_time()
        found = list(unpack(data))
        assert time.process_time() - begun < 20
        assert len(found) == MOST_FILES
        assert all(isinstance(content, RadiographError) for _, content in found)


class TestWhateverGoesWrong:
    @pytest.mark.parametrize("name", ["", " ", "/", "//", "..", "\\", ".dcm"])
    def test_a_name_that_is_none(self, name):
        film = b"\x89PNG\r\n\x1a\n"
        data = packed({"a.png": film + b"1", name or "?": film + b"2", "b.png": film + b"3"})
        if not name:
            data = without_name(data, "?")
            assert "" in zipfile.ZipFile(io.BytesIO(data)).namelist()
        contents = [content for _, content in listed(data)]
        assert film + b"1" in contents
        assert film + b"3" in contents
        assert len(contents) <= 3

    def test_a_fault_of_the_program_takes_one_row(self, monkeypatch, caplog):
        read = zipfile.ZipExtFile.read

        def fails(self, n=-1):
            if self.name == "b.png" and n > 2000:
                raise IndexError("b.png")
            return read(self, n)

        monkeypatch.setattr(zipfile.ZipExtFile, "read", fails)
        found = listed(packed({"a.png": b"1", "b.png": b"2", "c.png": b"3"}))
        assert [name for name, _ in found] == ["a.png", "b.png", "c.png"]
        assert [found[0][1], found[2][1]] == [b"1", b"3"]
        assert "IndexError" in caplog.text
        assert "b.png" not in caplog.text


class TestNoArchive:
    def test_is_zip(self):
        assert is_zip(packed({"a": b""}))
        assert is_zip(packed({}))
        assert not is_zip(b"PK")
        assert not is_zip(b"\x89PNG\r\n\x1a\n")
        assert not is_zip(b"")

    @pytest.mark.parametrize("files", [{}, {"folder/": b""}])
    def test_empty(self, files):
        with pytest.raises(RadiographError, match="The zip holds no files"):
            list(unpack(packed(files)))

    @pytest.mark.parametrize("name", ["__MACOSX/._a.png", "notes.txt", "DICOMDIR"])
    def test_no_films(self, name):
        with pytest.raises(RadiographError, match=r"holds no films\. 1 file is no film"):
            list(unpack(packed({name: b"x"})))

    @pytest.mark.parametrize("keep", [4, 30, -10])
    def test_cut_short(self, keep):
        with pytest.raises(RadiographError, match=r"The zip is damaged\. Pack it again\."):
            list(unpack(packed({"a.png": b"x" * 500})[:keep]))

    def test_version_of_the_future(self):
        raw = bytearray(packed({"a.png": b"x"}))
        struct.pack_into("<H", raw, raw.index(b"PK\x01\x02") + 6, 99)
        with pytest.raises(RadiographError, match="The zip is damaged"):
            list(unpack(bytes(raw)))

    def test_any_damage_gives_rows_or_a_radiograph_error(self):
        """Bytes changed at random: never another exception."""
        files = {f"{i}/film.png": random.Random(i).randbytes(60) + bytes(200) for i in range(3)}
        rng = random.Random(2)
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
            data = packed(files, method)
            for _ in range(400):
                raw = bytearray(data)
                for _ in range(rng.randint(1, 6)):
                    raw[rng.randrange(len(raw))] = rng.randrange(256)
                try:
                    for name, content in unpack(bytes(raw)):
                        assert isinstance(name, str)
                        assert isinstance(content, bytes | RadiographError)
                except RadiographError:
                    pass
