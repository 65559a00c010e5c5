"""Which files are films, by what they hold."""

from __future__ import annotations

import random
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cxr.films.kinds import HEAD, Kind, LeftOut, choose, kind_of
from tests.film_files import dicom_dataset, encode, save, scene

DICOM = save(dicom_dataset(scene(top=4095)))


def picture(kind: str) -> bytes:
    return encode(Image.fromarray(scene()), kind)


def without_meta(implicit: bool) -> bytes:
    """Elements from group 8 on, as old archives store them."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, implicit
    dataset = dicom_dataset(scene(top=4095))
    del dataset.file_meta
    write_dataset(file, dataset)
    return file.getvalue()


class TestKindOf:
    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (DICOM, Kind.DICOM),
            (DICOM[132:], Kind.DICOM),
            (without_meta(implicit=True), Kind.DICOM),
            (without_meta(implicit=False), Kind.DICOM),
            (picture("PNG"), Kind.PNG),
            (picture("JPEG"), Kind.JPEG),
            *((picture(kind), Kind.PICTURE) for kind in ("GIF", "BMP", "TIFF", "WEBP")),
            (b"PK\x03\x04" + bytes(40), Kind.ZIP),
            (b"MZ" + bytes(400), Kind.PROGRAM),
            (b"Dear colleague,\r\nthe film of 2. 3.", Kind.TEXT),
            ("Kollege, das Bild für Sie".encode("utf-16"), Kind.TEXT),
            (b"\xd0\xcf\x11\xe0" * 30, Kind.OTHER),
            (b"", Kind.OTHER),
            (b"\x08\0", Kind.OTHER),
            (bytes(2000), Kind.OTHER),
        ],
    )
    def test_by_the_first_bytes(self, data, kind):
        assert kind_of(data[:HEAD]) is kind

    def test_a_directory_of_a_disc(self):
        from pydicom.uid import MediaStorageDirectoryStorage

        dataset = dicom_dataset(scene())
        dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
        dataset.SOPClassUID = MediaStorageDirectoryStorage
        assert kind_of(save(dataset)[:HEAD]) is Kind.DIRECTORY

    def test_noise_is_no_film(self):
        """Even where it starts as a DICOM file without its preamble may."""
        rng = random.Random(1)
        for start in (b"", b"\x08\0\x05\0", b"\x02\0\0\0UL", b"\0\x08\0\x05CS"):
            for _ in range(2000):
                assert kind_of(start + rng.randbytes(600)) not in (Kind.DICOM, Kind.PNG)

    @given(st.binary(max_size=300))
    def test_takes_anything(self, data):
        assert isinstance(kind_of(data), Kind)


def chosen(files: dict[str, Kind], **options: bool) -> tuple[set[str], LeftOut]:
    items = [(PurePosixPath(path), kind) for path, kind in files.items()]
    places, left_out = choose(items, **options)
    return {str(items[place][0]) for place in places}, left_out


class TestChoose:
    def test_what_holds_a_film_is_taken_whatever_its_name(self):
        names = ["1.2.840.113619", "a.IMA", "a.img", "a.txt", "IM0001", "a", "p.jfif", "x.exe"]
        for kind in (Kind.DICOM, Kind.PNG, Kind.JPEG):
            taken, left_out = chosen(dict.fromkeys(names, kind))
            assert taken == set(names)
            assert (left_out.total, str(left_out)) == (0, "")

    def test_what_is_named_like_a_film_is_taken_whatever_it_holds(self):
        files = dict.fromkeys(["a.png", "b.DCM", "c.IMA", "d.jfif"], Kind.TEXT)
        files |= dict.fromkeys(["IM000001", "1.2.840.113619", "e.dcm"], Kind.OTHER)
        files["CR01"] = Kind.UNREADABLE
        assert chosen(files)[0] == set(files)

    def test_other_files_are_counted(self):
        files = {
            "README1": Kind.TEXT,
            "lib.so.5": Kind.PROGRAM,
            "LICENSE": Kind.OTHER,
            "x.tif": Kind.PICTURE,
            "viewer.jar": Kind.ZIP,
            "more.zip": Kind.ZIP,
            "DICOMDIR": Kind.DICOM,
            "sub/dicomdir.;1": Kind.OTHER,
            ".hidden.png": Kind.PNG,
            ".cache/a.dcm": Kind.DICOM,
            "__MACOSX/a/._b.dcm": Kind.OTHER,
            "pipe1": Kind.SPECIAL,
        }
        taken, left_out = chosen(files)
        assert taken == set()
        assert left_out.total == len(files)
        assert left_out.counts[Kind.HIDDEN] == 3
        assert str(left_out).startswith("12 files are no films")
        assert chosen(files, zips=True)[0] == {"more.zip"}

    def test_the_pictures_of_a_viewer_are_no_films(self):
        disc = {
            "DICOMDIR": Kind.DIRECTORY,
            "DICOM/A/IM1": Kind.DICOM,
            "DICOM/A/key.jpg": Kind.JPEG,
            "logo.png": Kind.PNG,
            "VIEWER/skin/button.png": Kind.PNG,
            "VIEWER/help.jpg": Kind.OTHER,
        }
        taken, left_out = chosen(disc)
        assert taken == {"DICOM/A/IM1", "DICOM/A/key.jpg"}
        assert left_out.counts[Kind.VIEWER_PICTURE] == 3
        # Without the directory, the program tells.
        del disc["DICOMDIR"]
        taken, _ = chosen(disc | {"VIEWER/viewer.exe": Kind.PROGRAM})
        assert taken == {"DICOM/A/IM1", "DICOM/A/key.jpg", "logo.png"}

    def test_pictures_without_a_disc_around_them_are_films(self):
        films = {"a/film.png": Kind.PNG, "b/film.dcm": Kind.DICOM}
        for other in ({}, {"tool.exe": Kind.PROGRAM}, {"b/DICOMDIR": Kind.DIRECTORY}):
            assert chosen(films | other)[0] == set(films)
        # Without DICOM films the pictures are what there is.
        pictures = {"DICOMDIR": Kind.DIRECTORY, "x/film.png": Kind.PNG, "x/a.exe": Kind.PROGRAM}
        assert chosen(pictures)[0] == {"x/film.png"}

    @given(
        st.dictionaries(
            st.lists(st.sampled_from(["a", "b", ".c", "IM1", "x.png", "DICOMDIR"]), min_size=1).map(
                "/".join
            ),
            st.sampled_from(Kind),
        ),
        st.booleans(),
    )
    def test_each_file_is_taken_or_counted_once(self, files, zips):
        taken, left_out = chosen(files, zips=zips)
        assert len(taken) + left_out.total == len(files)


def test_accounts_add_up():
    one, other = LeftOut(), LeftOut()
    one.counts[Kind.TEXT], other.counts[Kind.TEXT], other.counts[Kind.ZIP] = 2, 3, 1
    assert LeftOut.of([one, other]).counts == {Kind.TEXT: 5, Kind.ZIP: 1}
    one.add(other)
    assert one.total == 6
    assert LeftOut.of([]).total == 0


def test_films_beyond_the_most_of_a_zip_are_told_next_to_what_is_no_film():
    account = LeftOut.of([LeftOut(beyond=1200), LeftOut(beyond=34)])
    assert account.total == 1234
    assert "1,234 films" in str(account)
    assert "no film" not in str(account)
    account.counts[Kind.TEXT] += 5
    assert account.total == 1239
    assert str(account).startswith("5 files are no films")
    assert "1,234 films" in str(account)
