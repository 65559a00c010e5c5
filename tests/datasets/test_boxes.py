"""Boxes: read in both forms, matched to films, as masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cxr.datasets.boxes import (
    BOX_COLUMNS,
    boxes_of,
    mask,
    read_boxes,
)
from cxr.datasets.folders import DatasetError, scan


@pytest.fixture
def written(tmp_path: Path):
    def write(*lines: str) -> Path:
        path = tmp_path / "boxes.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


class TestRead:
    @pytest.mark.parametrize(
        "lines",
        [
            ("file,finding,xmin,ymin,xmax,ymax", "a.png,Pneumonia,10,20,40.5,60"),
            ("file,finding,x,y,w,h", "a.png,Pneumonia,10,20,30.5,40"),
            ("file,finding,x,y,width,height", "a.png,Pneumonia,10,20,30.5,40"),
            ("Path , LABEL,Left,Top,Right,Bottom", "a.png, Pneumonia ,10,20,40.5,60"),
            # Beside corners or w and h, width and height are those of the film.
            (
                "filename,width,height,class,xmin,ymin,xmax,ymax",
                "a.png,512,400,Pneumonia,10,20,40.5,60",
            ),
            (
                "image,finding,x,y,w,h,width,height",
                "a.png,Pneumonia,10,20,30.5,40,512,400",
            ),
        ],
    )
    def test_forms_give_the_same(self, written, lines):
        table = read_boxes(written(*lines))
        assert table.columns.tolist() == BOX_COLUMNS
        assert table.values.tolist() == [["a.png", "Pneumonia", 10, 20, 40.5, 60]]

    def test_the_finding_may_be_untold(self, written):
        table = read_boxes(written("file,x,y,w,h", "a.png,1,2,3,4"))
        assert table["finding"].tolist() == [""]

    def test_names_of_numbers_stay_names(self, written):
        table = read_boxes(written("file,x,y,w,h", "0017,1,2,3,4"))
        assert table["file"].tolist() == ["0017"]

    def test_reads_its_own(self, written, tmp_path):
        table = read_boxes(written("file,x,y,w,h", "a.png,1,2,3,4", "b.png,5,6,7,8"))
        table.to_csv(tmp_path / "again.csv", index=False)
        assert read_boxes(tmp_path / "again.csv").equals(table)

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (("file,xmin,ymin,xmax", "a,1,2,3"), r"columns file, xmin.*Received: file, xmin, ymin"),
            (("finding,x,y,w,h", "P,1,2,3,4"), "Expected boxes.csv to have the columns file"),
            (("file,x,y,w,h", "a,1,2,3,4", "b,1,2,wide,4"), "line 3, holds .*w 'wide'.*numbers"),
            (("file,x,y,w,h", "a,1,2,,4"), "line 2, holds .*w ''"),
            (("file,x,y,w,h", "a,1,2,inf,4"), "numbers"),
            (("file,x,y,w,h", "a,1,2,3,0"), "h '0': a box without an area"),
            (("file,xmin,ymin,xmax,ymax", "a,9,2,3,4"), "xmin '9'.*without an area"),
            (("file,x,y,w,h",), "holds no box"),
            (("",), "not a table"),
        ],
    )
    def test_says_what_is_wrong(self, written, lines, message):
        with pytest.raises(DatasetError, match=message):
            read_boxes(written(*lines))

    def test_no_file(self, tmp_path):
        with pytest.raises(DatasetError, match=r"no file of boxes at .*none\.csv"):
            read_boxes(tmp_path / "none.csv")


class TestMatch:
    @pytest.fixture
    def boxes(self, written):
        return read_boxes(
            written(
                "file,finding,xmin,ymin,xmax,ymax",
                "a.png,ActiveTuberculosis,0,0,1,1",
                "deep/b.png,ObsoletePulmonaryTuberculosis,1,1,2,2",
                "a.png,Effusion,2,2,3,3",
                "a.png,activetuberculosis,3,3,4,4",
                "elsewhere.png,ActiveTuberculosis,4,4,5,5",
            )
        )

    def test_by_path_or_by_name_in_the_order_of_the_films(self, boxes):
        found = boxes_of(boxes, ["deep/b.png", "x/none.png", "test/a.png"])
        assert list(found) == ["deep/b.png", "test/a.png"]
        assert found["deep/b.png"].tolist() == [[1, 1, 2, 2]]
        assert found["test/a.png"][:, 0].tolist() == [0, 2, 3]
        assert found["test/a.png"].dtype == np.float64

    def test_by_finding_in_any_case(self, boxes):
        found = boxes_of(boxes, ["deep/b.png", "a.png"], "tuberculosis")
        assert found["a.png"][:, 0].tolist() == [0, 3]
        assert list(boxes_of(boxes, ["deep/b.png", "a.png"], "Effusion")) == ["a.png"]
        assert boxes_of(boxes, ["deep/b.png", "a.png"], "pneumonia") == {}

    def test_a_box_that_tells_no_finding_counts_for_any(self, written):
        boxes = read_boxes(written("file,x,y,w,h", "a.png,1,2,3,4"))
        assert list(boxes_of(boxes, ["a.png"], "pneumonia")) == ["a.png"]

    def test_an_equal_path_goes_before_an_equal_name(self, boxes):
        found = boxes_of(boxes, ["a.png", "other/a.png"])
        assert list(found) == ["a.png"]

    def test_a_name_of_two_films_is_ambiguous(self, boxes):
        with pytest.raises(DatasetError, match=r"boxes of a\.png may belong to x/a\.png or to y/a"):
            boxes_of(boxes, ["x/a.png", "y/a.png"])

    def test_so_are_two_paths_of_one_film(self, written):
        boxes = read_boxes(written("file,x,y,w,h", "x/a.png,1,2,3,4", "y/a.png,1,2,3,4"))
        with pytest.raises(DatasetError, match=r"x/a\.png and those of y/a\.png both belong to"):
            boxes_of(boxes, ["films/a.png"])
        # Of films of these very paths each gets its own.
        assert list(boxes_of(boxes, ["y/a.png", "x/a.png"])) == ["y/a.png", "x/a.png"]


class TestMask:
    def test_marks_every_pixel_that_is_touched(self):
        found = mask([[1.5, 0, 3, 2.1]], 4, 5)
        expected = np.zeros((4, 5), bool)
        expected[0:3, 1:3] = True
        np.testing.assert_array_equal(found, expected)

    def test_clips(self):
        found = mask([[-3, -2, 1, 1], [3, 2, 99, 99], [7, 0, 9, 1], [-9, 0, -5, 3]], 4, 5)
        expected = np.zeros((4, 5), bool)
        expected[0, 0] = expected[2:, 3:] = True
        np.testing.assert_array_equal(found, expected)

    def test_boxes_that_overlap_count_once(self):
        assert mask([[0, 0, 2, 2], [1, 1, 3, 3]], 3, 3).sum() == 7

    def test_another_shape_is_refused(self):
        with pytest.raises(ValueError, match=r"shape \(boxes, 4\). Received: \(4,\)"):
            mask([0, 0, 1, 1], 3, 3)


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "finding", "n"), [("tuberculosis", "tuberculosis", 599), ("nih", "pneumonia", 27)]
)
def test_the_real_files(data_dir, folder, finding, n):
    films = scan(data_dir / folder)
    found = boxes_of(read_boxes(data_dir / folder / "boxes.csv"), films["path"], finding)
    assert len(found) == n
    sizes = films.set_index("path")
    for path, corners in found.items():
        height, width = sizes.loc[path, ["height", "width"]]
        assert mask(corners, height, width).any(), path
