"""The four folder layouts, what a file name tells of its patient, and films chosen by source."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cxr.datasets.folders import (
    COLUMNS,
    DatasetError,
    of_classes,
    scan,
    select,
)
from cxr.datasets.splits import hold_out
from cxr.training.recipes import RECIPES


def touch(root: Path, *names: str) -> Path:
    """Make empty files: a scan does not open them."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def rows(table: pd.DataFrame, *columns: str) -> list[tuple]:
    return list(table[list(columns)].itertuples(index=False, name=None))


class TestFolders:
    def test_kaggles_layout_in_any_case(self, tmp_path):
        touch(
            tmp_path,
            "train/NORMAL/IM-0001-0001.jpeg",
            "Test/Pneumonia/person1_virus_6.JPEG",
            "val/normal/NORMAL2-IM-1427-0001.png",
        )
        table = scan(tmp_path)
        assert list(table.columns) == COLUMNS
        assert rows(table, "path", "split", "label", "subtype", "patient") == [
            ("Test/Pneumonia/person1_virus_6.JPEG", "test", "pneumonia", "virus", "person1-virus"),
            ("train/NORMAL/IM-0001-0001.jpeg", "train", "normal", "", "IM-0001"),
            (
                "val/normal/NORMAL2-IM-1427-0001.png",
                "validation",
                "normal",
                "",
                "NORMAL2-IM-1427",
            ),
        ]
        assert (table["width"] == 0).all()
        assert (table["sha256"] == "").all()

    def test_classes_alone_have_no_split(self, tmp_path):
        table = scan(touch(tmp_path, "normal/a.png", "tuberculosis/b.dcm"))
        assert rows(table, "split", "label", "patient") == [
            ("", "normal", ""),
            ("", "tuberculosis", ""),
        ]

    def test_splits_may_stand_deeper(self, tmp_path):
        table = scan(touch(tmp_path, "chest_xray/train/NORMAL/a.png"))
        assert rows(table, "path", "split") == [("chest_xray/train/NORMAL/a.png", "train")]

    def test_other_files_and_what_macos_adds_are_left_out(self, tmp_path):
        touch(
            tmp_path,
            "train/NORMAL/a.png",
            "train/NORMAL/.DS_Store",
            "train/NORMAL/._a.png",
            "__MACOSX/train/NORMAL/._a.png",
            "__MACOSX/train/NORMAL/a.png",
            ".cache/train/NORMAL/a.png",
            "train/NORMAL/notes.txt",
            "train/loose.png",
        )
        assert scan(tmp_path)["path"].tolist() == ["train/NORMAL/a.png"]

    def test_persons_recur_between_bacteria_and_virus(self, tmp_path):
        names = ("person7_bacteria_1.jpeg", "person7_bacteria_2.jpeg", "person7_virus_3.jpeg")
        table = scan(touch(tmp_path, *(f"train/PNEUMONIA/{name}" for name in names)))
        assert table["patient"].tolist() == [
            "person7-bacteria",
            "person7-bacteria",
            "person7-virus",
        ]

    @pytest.mark.parametrize(
        "names",
        [
            ("train", "val", "test"),
            ("Training", "Validation", "Testing"),
            ("TRAIN", "valid", "test_images"),
            ("train set", "dev", "testing"),
        ],
    )
    def test_names_of_splits(self, tmp_path, names):
        for name in names:
            touch(tmp_path, f"{name}/NORMAL/{name}.png", f"NORMAL/{name}/x{name}.png")
        table = scan(tmp_path)
        found = {
            part: split
            for path, split in rows(table, "path", "split")
            for part in path.split("/")
            if part in names
        }
        assert found == dict(zip(names, ("train", "validation", "test"), strict=True))

    def test_what_is_in_a_folder_named_test_is_never_for_training(self, tmp_path):
        touch(tmp_path, "test/copy/train/NORMAL/a.png", "train/old/test/NORMAL/b.png")
        assert set(scan(tmp_path)["split"]) == {"test"}

    def test_folders_between_class_and_film(self, tmp_path):
        touch(
            tmp_path,
            "train/NORMAL/images/a.png",
            "train/PNEUMONIA/patient 012/1/b.png",
            "train/PNEUMONIA/VIRUS/c.png",
            "train/1/d.png",
            "train/NORMAL/masks/e.png",
            "pneumonia/train/covid/f.png",
        )
        table = scan(tmp_path, finding="pneumonia")
        labels = {Path(p).stem: label for p, label in rows(table, "path", "label")}
        assert labels == {
            "a": "normal",
            "b": "pneumonia",
            "c": "pneumonia",
            "d": "pneumonia",
            "e": "masks",
            "f": "covid",
        }

    def test_a_folder_of_a_patient_is_the_patient(self, tmp_path):
        touch(
            tmp_path,
            "train/NORMAL/patient012/a.png",
            "train/NORMAL/patient012/images/b.png",
            "train/NORMAL/patient012/study2/IM-0001-0001.png",
            "train/PNEUMONIA/7/1/person7_virus_1.png",
            "train/1/P-4/d.png",
            "train/NORMAL/images/e.png",
            "case1/train/NORMAL/f.png",
            "train/NORMAL/2023/g.png",
            "train/NORMAL/2023-04-01/h.png",
            "train/NORMAL/1.2.840.113/series 2/i.png",
            "train/PNEUMONIA/2024/IM-0003-0001.png",
        )
        table = scan(tmp_path, finding="pneumonia")
        assert {Path(p).stem: patient for p, patient in rows(table, "path", "patient")} == {
            "a": "patient012",
            "b": "patient012",
            "IM-0001-0001": "patient012",
            "person7_virus_1": "person7-virus",
            "d": "P-4",
            "e": "",
            "f": "",
            "g": "",
            "h": "",
            "i": "",
            "IM-0003-0001": "IM-0003",
        }
        assert set(table.loc[table["path"].str.contains("/1/"), "label"]) == {"pneumonia"}

    def test_classes_0_and_1_are_within_numbered_folders(self, tmp_path):
        names = [f"{number}/{label}/a.png" for number in (0, 1, 2) for label in (0, 1)]
        lines: list[str] = []
        table = scan(touch(tmp_path, *names), finding="pneumonia", say=lines.append)
        assert table["label"].tolist() == ["normal", "pneumonia"] * 3
        assert "4 films in several folders named 0 or 1" in " ".join(lines)

    def test_films_are_told_by_what_they_hold_where_the_suffix_is_none_of_theirs(self, tmp_path):
        touch(tmp_path, "train/NORMAL/README", "train/NORMAL/notes.txt", "train/NORMAL/a.jfif")
        for name in ("1.2.840.113", "IM0001", "b.img"):
            (tmp_path / "train/NORMAL" / name).write_bytes(bytes(128) + b"DICM")
        names = [Path(path).name for path in scan(tmp_path)["path"]]
        assert names == ["1.2.840.113", "IM0001", "a.jfif", "b.img"]


class TestTold:
    """What is left out, or in no split, has its line."""

    def said(self, root: Path) -> str:
        lines: list[str] = []
        scan(root, say=lines.append)
        return " ".join(lines)

    def test_films_of_no_known_split(self, tmp_path):
        touch(tmp_path, "train/NORMAL/a.png", "fold3/NORMAL/b.png", "fold3/NORMAL/c.png")
        assert "2 films in none of the splits" in self.said(tmp_path)
        assert "fold3 (2)" in self.said(tmp_path)

    def test_splits_of_a_manifest_that_are_not_known(self, tmp_path):
        (tmp_path / "manifest.csv").write_text("path,label,split\na.png,0,train\nb.png,0,X\n")
        assert "x (1)" in self.said(tmp_path)

    def test_films_in_no_folder_of_a_class(self, tmp_path):
        touch(tmp_path, "train/NORMAL/a.png", "train/loose.png")
        assert "1 film in no folder" in self.said(tmp_path)

    def test_nothing_where_nothing_is_left_out(self, tmp_path):
        touch(tmp_path, "NORMAL/a.png", "PNEUMONIA/b.png", "__MACOSX/NORMAL/._a.png")
        assert self.said(tmp_path) == ""

    def test_labels_that_are_neither(self):
        table = pd.DataFrame({"label": ["normal", "pneumonia", "covid", "covid", ""]})
        lines: list[str] = []
        assert len(of_classes(table, "pneumonia", lines.append)) == 2
        assert "covid (2), (none) (1)" in lines[0]
        with pytest.raises(DatasetError, match=r"no films .* covid \(2\)"):
            of_classes(table[table["label"] == "covid"], "pneumonia")


class TestFlat:
    NAMES = ("CHNCXR_0001_0.png", "CHNCXR_0327_1.png", "README.md")

    def test_last_number_is_the_label(self, tmp_path):
        table = scan(touch(tmp_path, *self.NAMES))
        assert rows(table, "path", "split", "label", "patient") == [
            ("CHNCXR_0001_0.png", "", "normal", "CHNCXR_0001"),
            ("CHNCXR_0327_1.png", "", "tuberculosis", "CHNCXR_0327"),
        ]

    def test_finding_can_be_named(self, tmp_path):
        table = scan(touch(tmp_path, *self.NAMES), finding="pneumonia")
        assert table["label"].tolist() == ["normal", "pneumonia"]


class TestManifest:
    def test_goes_before_the_folders_and_keeps_its_columns(self, tmp_path):
        touch(tmp_path, "train/NORMAL/unlisted.png")
        (tmp_path / "manifest.csv").write_text(
            "path,label,split,patient,width,height,sex\n"
            "b.png,Pneumonia,VAL,007,512,400,F\n"
            "a.png,no_finding,train,NA,,,M\n"
        )
        table = scan(tmp_path)
        assert list(table.columns) == [*COLUMNS, "sex"]
        assert rows(table, "path", "split", "label", "patient", "width", "height", "sex") == [
            ("a.png", "train", "normal", "NA", 0, 0, "M"),
            ("b.png", "validation", "pneumonia", "007", 512, 400, "F"),
        ]

    def test_patient_comes_from_the_name_where_none_is_given(self, tmp_path):
        (tmp_path / "manifest.csv").write_text(
            "path,label\nx/person3_virus_1.png,pneumonia\nx/other.png,normal\n"
        )
        assert scan(tmp_path)["patient"].tolist() == ["", "person3-virus"]

    def test_patient_comes_from_the_folder_where_one_is_named_for_them(self, tmp_path):
        (tmp_path / "manifest.csv").write_text(
            "path,label\ntrain/patient00001/study1/view1.png,0\npart/002/view1.png,1\n"
        )
        assert scan(tmp_path)["patient"].tolist() == ["", "patient00001"]

    def test_a_patient_whom_the_table_names_is_in_both_splits_however_the_films_are_called(
        self, tmp_path
    ):
        named = ["path,label,split,patient\na/7.png,0,train,7\nb/7.png,0,validation,7\n"]
        more = [f"c/{k}.png,{k % 2},train,t{k}\nd/{k}.png,{k % 2},val,v{k}\n" for k in range(20)]
        (tmp_path / "manifest.csv").write_text("".join(named + more))
        held = hold_out(scan(tmp_path), 0.1).set_index("path")["split"]
        assert held["b/7.png"] == "train"
        assert (held.filter(like="d/") == "validation").all()

    def test_films_of_one_name_in_folders_of_numbers_are_of_nobody_known(self, tmp_path):
        names = [
            f"{split}/{label}/{k}/1.png"
            for split in ("train", "val")
            for label in ("NORMAL", "PNEUMONIA")
            for k in range(4)
        ]
        table = scan(touch(tmp_path, *names))
        assert hold_out(table, 0.1)["split"].tolist() == table["split"].tolist()

    def test_columns_under_other_names_and_paths_of_windows(self, tmp_path):
        (tmp_path / "Manifest.CSV").write_text("Image;Class;Subset\n.\\x\\a.png;No Finding;Dev\n")
        table = scan(tmp_path)
        assert rows(table, "path", "label", "split") == [("x/a.png", "normal", "validation")]

    def test_rows_without_a_path_are_told(self, tmp_path):
        (tmp_path / "manifest.csv").write_text("path,label\na.png,normal\n,normal\n,,\n"[:-3])
        lines: list[str] = []
        assert len(scan(tmp_path, say=lines.append)) == 1
        assert "1 row" in lines[0]

    def test_subtypes_of_labels_are_kept(self, tmp_path):
        (tmp_path / "manifest.csv").write_text("path,label\na.png,VIRUS\nb.png,0\n")
        assert rows(scan(tmp_path), "label", "subtype") == [("pneumonia", "virus"), ("normal", "")]

    def test_missing_column_is_named(self, tmp_path):
        (tmp_path / "manifest.csv").write_text("path,split\na.png,train\n")
        with pytest.raises(DatasetError, match="lacks the column label"):
            scan(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00p", b'path,label\n"a,b\nc,d,e,f\n'])
    def test_what_is_no_table_is_told(self, tmp_path, content):
        (tmp_path / "manifest.csv").write_bytes(content)
        with pytest.raises(DatasetError, match=r"manifest\.csv"):
            scan(tmp_path)

    def test_header_alone_is_no_data_set(self, tmp_path):
        (tmp_path / "manifest.csv").write_text("path,label\n")
        with pytest.raises(DatasetError, match="No labelled films"):
            scan(tmp_path)


@pytest.fixture
def sets(tmp_path) -> Path:
    """Two sets side by side, as different as those under ``CXR_DATA``."""
    manifests = {
        "mixed": "path,source,label,width,height\n"
        "x/a.png,east,tuberculosis,384,320\n"
        "x/b.png,west,normal,512,512\n"
        "x/c.png,west,tuberculosis,512,512\n",
        "nih": "path,label,patient,also_listed_normal\n"
        "images/1.png,no_finding,001,\n"
        "images/2.png,pneumonia,002,\n"
        "images/3.png,pneumonia,003,yes\n",
    }
    for name, text in manifests.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.csv").write_text(text)
    return tmp_path


class TestFolderOfSets:
    def test_paths_start_with_the_sets_name(self, sets):
        assert scan(sets)["path"].tolist() == [
            *("mixed/x/a.png", "mixed/x/b.png", "mixed/x/c.png"),
            *("nih/images/1.png", "nih/images/2.png", "nih/images/3.png"),
        ]

    def test_source_is_the_manifests_or_the_folders(self, sets):
        assert scan(sets)["source"].tolist() == ["east", "west", "west", "nih", "nih", "nih"]

    def test_what_one_set_does_not_tell_is_empty_there(self, sets):
        table = scan(sets)
        assert table["also_listed_normal"].tolist() == ["", "", "", "", "", "yes"]
        assert set(table["split"]) == {""}

    def test_sizes_are_whole_numbers_and_0_where_unknown(self, sets):
        table = scan(sets)
        assert table["width"].tolist() == [384, 512, 512, 0, 0, 0]
        assert table["height"].tolist() == [320, 512, 512, 0, 0, 0]
        assert table[["width", "height"]].dtypes.map(pd.api.types.is_integer_dtype).all()

    def test_labels_and_patients_are_as_in_each_set_alone(self, sets):
        whole = scan(sets)
        for name in ("mixed", "nih"):
            alone = scan(sets / name)
            part = whole[whole["path"].str.startswith(f"{name}/")]
            for column in ("label", "patient"):
                assert part[column].tolist() == alone[column].tolist()

    def test_a_manifest_of_the_folder_itself_goes_before(self, sets):
        (sets / "manifest.csv").write_text("path,label\nonly.png,normal\n")
        assert scan(sets)["path"].tolist() == ["only.png"]


class TestSelect:
    def test_keeps_the_films_of_the_parts(self, sets):
        table = select(scan(sets), ["east/tuberculosis", "nih/normal"])
        assert table["path"].tolist() == ["mixed/x/a.png", "nih/images/1.png"]
        assert table.index.tolist() == [0, 1]

    def test_a_source_is_told_apart_by_label(self, sets):
        assert select(scan(sets), ["west/normal"])["path"].tolist() == ["mixed/x/b.png"]

    def test_leaves_out_films_that_another_set_lists_as_normal(self, sets):
        table = select(scan(sets), ["nih/pneumonia"])
        assert table["path"].tolist() == ["nih/images/2.png"]

    def test_the_folder_is_the_source_of_films_that_tell_none(self, sets):
        table = select(scan(sets / "nih"), ["nih/normal"], folder="nih")
        assert rows(table, "path", "source") == [("images/1.png", "nih")]

    def test_the_manifests_source_goes_before_the_folder(self, sets):
        table = select(scan(sets / "mixed"), ["west/normal"], folder="mixed")
        assert table["source"].tolist() == ["west"]

    def test_a_part_that_is_not_there_names_those_that_are(self, sets):
        words = r"no films of nih/normal\. Found: east/tuberculosis, west/normal, west/tuberculosis"
        with pytest.raises(DatasetError, match=words):
            select(scan(sets / "mixed"), ["west/normal", "nih/normal"], folder="mixed")

    def test_the_table_given_is_not_changed(self, sets):
        table = scan(sets / "nih")
        before = table.copy()
        select(table, ["nih/normal"], folder="nih")
        pd.testing.assert_frame_equal(table, before)


class TestNothing:
    def test_no_folder(self, tmp_path):
        with pytest.raises(DatasetError, match="no folder 'gone'"):
            scan(tmp_path / "gone")

    def test_no_labelled_film(self, tmp_path):
        with pytest.raises(DatasetError, match=r"Expected a manifest\.csv, folders train/test"):
            scan(touch(tmp_path, "film.png", "train/film.png"))


@pytest.mark.data
class TestRealFilms:
    def test_kermany_names_tell_what_its_manifest_tells(self, data_dir, tmp_path):
        manifest = pd.read_csv(data_dir / "kermany" / "manifest.csv", keep_default_na=False)
        # The same names without the manifest: everything has to come from folders and names.
        table = scan(touch(tmp_path, *manifest["path"]))
        known = manifest.sort_values("path", ignore_index=True)
        assert len(table) == 5856
        pd.testing.assert_frame_equal(
            table[["path", "split", "label", "subtype"]],
            known[["path", "split", "label", "subtype"]],
        )
        both = pd.DataFrame({"ours": table["patient"], "theirs": known["patient"]})
        assert both.groupby("ours")["theirs"].nunique().max() == 1
        assert both.groupby("theirs")["ours"].nunique().max() == 1

    def test_kermany_splits(self, data_dir):
        table = scan(data_dir / "kermany")
        assert table["split"].value_counts().to_dict() == {"train": 5232, "test": 624}
        test = table.loc[table["split"] == "test", "label"].value_counts().to_dict()
        assert test == {"pneumonia": 390, "normal": 234}

    def test_the_folder_of_all_sets(self, data_dir):
        table = scan(data_dir)
        assert {"kermany", "nih", "qatar", "tbx11k"} <= set(table["source"])
        assert all((data_dir / path).is_file() for path in table["path"].iloc[::200])

    def test_the_parts_that_the_recipes_name(self, data_dir):
        table = scan(data_dir)
        for recipe in RECIPES.values():
            for parts in (recipe.films, *recipe.external.values()):
                found = select(table, parts)
                assert set(found["source"] + "/" + found["label"]) == set(parts)

    def test_other_manifests(self, data_dir):
        assert set(scan(data_dir / "tuberculosis")["label"]) == {"normal", "tuberculosis"}
        nih = scan(data_dir / "nih")
        assert {"normal", "pneumonia", "other_finding"} == set(nih["label"])
        assert nih["patient"].str.len().min() == 8  # leading zeros are kept
