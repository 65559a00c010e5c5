"""Names in zips, in the letters that they were written in."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cxr.films.archive import unpack
from cxr.films.archive_names import NAMELESS, paths_of, told_apart

PNG = b"\x89PNG\r\n\x1a\n"


def packed(*names: bytes, extra: bytes = b"", utf8: bool = False) -> bytes:
    """A zip with these bytes for names, whatever they mean."""
    local, central = b"", b""
    for name in names:
        flags = 0x800 if utf8 else 0
        common = struct.pack(
            "<HHHHHIIIHH", 20, flags, 0, 0, 0, zlib.crc32(PNG), len(PNG), len(PNG), len(name), 0
        )
        central += b"PK\1\2" + struct.pack("<H", 20) + common[:-2]
        central += struct.pack("<HHHHII", len(extra), 0, 0, 0, 0, len(local)) + name + extra
        local += b"PK\3\4" + common + name + PNG
    counts = struct.pack("<HHHHIIH", 0, 0, len(names), len(names), len(central), len(local), 0)
    return local + central + b"PK\5\6" + counts


def names(data: bytes) -> list[str]:
    """The names of films that can be read."""
    return [name for name, content in unpack(data) if content == PNG]


def paths(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [str(path) for path in paths_of(file.infolist())]


WRITTEN = {
    "cp932": ["胸部.dcm", "表ソ.dcm", "表面ソフト/画像1.dcm", "山田太郎.dcm", "申込.dcm"],
    "big5": ["成功.dcm", "許功蓋.dcm", "陳美玲_胸片.dcm", "王小明/正面.dcm", "琵琶.dcm"],
    "gbk": ["胸片正位.dcm", "王伟.dcm", "新建文件夹/图像1.dcm", "肺炎.dcm", "诊断报告.jpg"],
    "euc-kr": ["흉부.dcm", "김철수.dcm", "환자1.dcm", "새 폴더/영상.dcm", "서울대병원.dcm"],
    "euc-jp": ["胸部.dcm", "レントゲン写真.dcm"],
    "cp437": ["Müller.dcm", "Lungenentzündung.dcm", "José/Größe.dcm"],
    "cp1252": ["Müller.dcm", "São_João.dcm", "tórax.dcm"],
    "cp866": ["Иванов.dcm", "снимок лёгких.dcm"],
    "cp1251": ["Иванов.dcm", "грудь.dcm"],
    "utf-8": ["Thorax_müller.dcm", "胸部.dcm", "흉부/표.dcm"],
}  # fmt: skip


@pytest.mark.parametrize("encoding", WRITTEN)
class TestLetters:
    def test_of_a_whole_archive(self, encoding):
        written = [name.encode(encoding) for name in WRITTEN[encoding]]
        assert paths(packed(*written, b"plain.dcm")) == [*WRITTEN[encoding], "plain.dcm"]

    def test_of_a_single_name(self, encoding):
        for name in WRITTEN[encoding]:
            assert paths(packed(name.encode(encoding))) == [name], name

    def test_every_film_is_read(self, encoding):
        data = packed(*(name.encode(encoding) for name in WRITTEN[encoding]))
        assert len(names(data)) == len(WRITTEN[encoding])


def test_a_name_taken_apart_by_macos_is_put_together():
    assert paths(packed("mu\u0308ller.dcm".encode())) == ["müller.dcm"]


class TestToldNames:
    def unicode_path(self, of: bytes, name: str) -> bytes:
        body = struct.pack("<BI", 1, zlib.crc32(of)) + name.encode()
        return struct.pack("<HH", 0x7075, len(body)) + body

    def test_the_unicode_path_of_info_zip_is_used(self):
        extra = self.unicode_path(b"???.dcm", "胸部/薔薇.dcm")
        assert names(packed(b"???.dcm", extra=extra)) == ["薔薇.dcm"]

    def test_one_that_goes_with_another_name_is_not(self):
        extra = self.unicode_path(b"before.dcm", "胸部.dcm")
        assert names(packed(b"renamed.dcm", extra=extra)) == ["renamed.dcm"]

    def test_a_flag_for_utf8_that_is_wrong(self):
        """The names are read as if it were not there, and no film is lost."""
        data = packed("胸部正面.dcm".encode("cp932"), b"film.dcm", utf8=True)
        assert names(data) == ["胸部正面.dcm", "film.dcm"]

    def test_a_name_written_otherwise_at_the_file_itself(self):
        data = packed(b"a\\film.dcm")
        assert data.count(b"a\\film.dcm") == 2
        assert names(data.replace(b"a\\film.dcm", b"a/film.dcm", 1)) == ["film.dcm"]


class TestPaths:
    @pytest.mark.parametrize("name", [b"", b"/", b"..", b"./", b"a/../", b"   ", b"\\", b"C:\\"])
    def test_a_file_without_a_name_is_a_film_all_the_same(self, name):
        found = names(packed(name, b"film.dcm"))
        assert len(found) == 2
        assert found[1] == "film.dcm"
        assert found[0] in (NAMELESS, "a")

    def test_nothing_leads_out_of_the_archive(self):
        written = (b"../../up.png", b"/etc/root.png", b"C:\\films\\c.png", b"..\\d.png")
        assert paths(packed(*written)) == ["up.png", "etc/root.png", "films/c.png", "d.png"]

    def test_two_files_of_one_path_are_numbered(self):
        assert names(packed(b"a/IM1", b"a/IM1", b"a/IM1")) == ["a/IM1", "a/IM1 (2)", "a/IM1 (3)"]

    @given(st.binary(max_size=12).filter(lambda name: b"\0" not in name))
    @example(b"\x83\x5c")
    @example(b"\xff.dcm")
    def test_any_bytes_make_a_path_that_stays_inside(self, name):
        (path,) = paths(packed(name))
        parts = PurePosixPath(path).parts
        assert parts
        assert not {"..", ".", "/", ""} & set(parts)
        assert "\\" not in path


class TestToldApart:
    def test_as_much_of_the_path_as_is_needed(self):
        paths = ["cd/P1/S1/IM1", "cd/P1/S2/IM1", "cd/P2/S1/IM1", "cd/P2/IM2", "im2"]
        found = told_apart([PurePosixPath(path) for path in paths])
        assert found == ["P1/S1/IM1", "P1/S2/IM1", "P2/S1/IM1", "P2/IM2", "im2"]

    @given(
        st.lists(
            st.lists(st.sampled_from(["a", "b", "A", "IM1"]), min_size=1, max_size=4).map(
                lambda parts: PurePosixPath(*parts)
            ),
            max_size=12,
        )
    )
    def test_no_two_names_are_alike_and_each_ends_its_path(self, paths):
        found = told_apart(paths)
        assert len(set(found)) == len(found)
        for name, path in zip(found, paths, strict=True):
            assert str(path).endswith(name.partition(" (")[0])
