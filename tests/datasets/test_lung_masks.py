import numpy as np
import pytest
from PIL import Image

from cxr.datasets.folders import DatasetError
from cxr.datasets.lung_masks import read_lung_masks, read_pictures

HEAD = "source,film,mask,matched_by,share\n"


def write(folder, rows, head=HEAD):
    (folder / "lungs").mkdir()
    (folder / "lungs" / "masks.csv").write_text(head + rows)


def test_masks_without_the_heart_are_left_out_and_doubt_is_kept(tmp_path):
    write(
        tmp_path,
        "kermany,kermany/a.jpeg,kermany/a.png,size,0.3\n"
        "kermany,kermany/b.jpeg,kermany/b.png,sequence,0.3\n"
        "jsrt,lungs/jsrt/c.jpeg,jsrt/c.png,original,0.3\n",
    )
    table = read_lung_masks(tmp_path)
    assert list(table["film"]) == ["kermany/a.jpeg", "kermany/b.jpeg"]
    assert list(table["mask"]) == ["lungs/kermany/a.png", "lungs/kermany/b.png"]
    assert list(table["certain"]) == [True, False]


def test_no_table_and_a_table_without_its_columns_are_told(tmp_path):
    with pytest.raises(DatasetError):
        read_lung_masks(tmp_path)
    write(tmp_path, "a,b\n", "film,mask\n")
    with pytest.raises(DatasetError, match="source"):
        read_lung_masks(tmp_path)


def test_pictures_are_squashed_to_a_square(tmp_path):
    Image.fromarray(np.full((20, 40), 255, np.uint8)).convert("1").save(tmp_path / "mask.png")
    pictures = read_pictures(["mask.png"], tmp_path, 16)
    assert pictures.shape == (1, 16, 16, 1)
    assert (pictures == 255).all()
