"""Weight files in half precision: what Keras reads back, and what is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from cxr.networks import build
from cxr.training.float16 import halve

#: Half of the gap between two float16 numbers, as a share of them; below 2^-14 the gap is 2^-24.
ROUNDING, SMALLEST_GAP = 2.0**-11, 2.0**-24


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """The grey network, with weights of every size that training leaves; norms among them."""
    keras.utils.set_random_seed(1)
    model = build("grey_cnn", input_size=32)
    rng = np.random.default_rng(1)
    sizes = 10.0 ** np.linspace(-6, 3, len(model.weights))
    for weight, size in zip(model.weights, sizes, strict=True):
        weight.assign(rng.normal(0, size, weight.shape))
    return model


@pytest.fixture
def file(model, tmp_path) -> Path:
    path = tmp_path / "some.weights.h5"
    model.save_weights(path)
    return path


def values(path: Path) -> dict[str, np.ndarray]:
    """Every array of a file by its place in it."""
    found = {}

    def visit(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node[()]

    with h5py.File(path) as opened:
        opened.visititems(visit)
    return found


def test_keras_reads_them_back_rounded_and_no_more(model, file):
    halve(file)
    other = build("grey_cnn", input_size=32)
    other.load_weights(file)
    for before, after in zip(model.get_weights(), other.get_weights(), strict=True):
        assert after.dtype == np.float32
        np.testing.assert_allclose(after, before, rtol=ROUNDING, atol=SMALLEST_GAP)
        if before.size > 8:
            assert not np.array_equal(before, after)


def test_the_file_becomes_smaller(file):
    before = file.stat().st_size
    halve(file)
    assert file.stat().st_size < 0.6 * before


def test_every_array_and_attribute_stays_in_its_place(file):
    with h5py.File(file, "a") as opened:
        opened.attrs["note"] = "kept"
        opened["layers"].attrs["order"] = [3, 1, 2]
    before = values(file)
    halve(file)
    after = values(file)
    assert list(after) == list(before)
    assert [a.shape for a in after.values()] == [b.shape for b in before.values()]
    with h5py.File(file) as opened:
        assert opened.attrs["note"] == "kept"
        assert opened["layers"].attrs["order"].tolist() == [3, 1, 2]


def test_whole_numbers_stay_whole(tmp_path):
    """The seeds of dropouts are integers that float16 could not hold."""
    path = tmp_path / "seeds.weights.h5"
    with h5py.File(path, "w") as opened:
        opened["seed"] = np.array([123_456_789, 7], np.uint32)
        opened["step"] = np.int64(10**12)
    halve(path)
    found = values(path)
    assert found["seed"].tolist() == [123_456_789, 7]
    assert found["step"] == 10**12


@pytest.mark.parametrize("number", [65_600.0, -1e6, np.inf, np.nan])
def test_what_float16_does_not_hold_is_refused_and_the_file_stays(tmp_path, number):
    path = tmp_path / "large.weights.h5"
    with h5py.File(path, "w") as opened:
        opened["layers/dense/kernel"] = np.array([[1.0, number]], np.float32)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"within float16\. Received: /layers/dense/kernel"):
        halve(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_largest_number_that_float16_holds(tmp_path):
    path = tmp_path / "just.weights.h5"
    with h5py.File(path, "w") as opened:
        opened["kernel"] = np.array([-65_504.0, 65_504.0], np.float32)
    halve(path)
    assert values(path)["kernel"].tolist() == [-65_504.0, 65_504.0]


def test_nothing_is_left_beside_it(file):
    halve(file)
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
