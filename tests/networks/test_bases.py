"""The weights of the frozen bases: where they are looked for, and what is refused."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.error import URLError

import h5py
import keras
import numpy as np
import pytest

from cxr.networks import BASES, build
from cxr.networks.bases import (
    FILES,
    BaseError,
    BaseFile,
    base_path,
    head_of,
    load_base,
    numbers_hash,
)
from cxr.networks.vgg import LAST_POOL

CONTENT = b"the weights that Keras publishes"
NAME = FILES["vgg16"].name


@pytest.fixture(autouse=True)
def _nowhere(tmp_path, monkeypatch) -> None:
    """No place to look in has anything, and there is no network."""

    def offline(*arguments: object, **more: object) -> str:
        raise URLError("Temporary failure in name resolution")

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CXR_WEIGHTS", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(keras.utils, "get_file", offline)


@pytest.fixture
def known(monkeypatch) -> None:
    """Have `CONTENT` stand for the weights of VGG16."""
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    monkeypatch.setitem(FILES, "vgg16", BaseFile(NAME, "vgg16", md5))


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def places(tmp_path, monkeypatch) -> list[Path]:
    """The three places on this machine, the first to be looked in first, each with the file."""
    monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path / "given"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return [
        put(tmp_path / "given" / NAME),
        put(tmp_path / "keras" / "models" / NAME),
        put(tmp_path / "home" / ".keras" / "models" / NAME),
    ]


@pytest.mark.usefixtures("known")
class TestBasePath:
    @pytest.mark.parametrize("missing", [0, 1, 2])
    def test_the_variable_then_keras_home_then_the_home_folder(self, places, missing):
        for path in places[:missing]:
            path.unlink()
        assert base_path("vgg16") == places[missing]

    def test_the_variable_may_name_the_file_itself(self, tmp_path, monkeypatch):
        """Whatever it is called."""
        path = put(tmp_path / "mine.h5")
        monkeypatch.setenv("CXR_WEIGHTS", str(path))
        assert base_path("vgg16") == path

    def test_else_keras_downloads_it(self, tmp_path, monkeypatch):
        asked = []

        def get_file(*arguments: object, **more: object) -> str:
            asked.append((arguments, more))
            return str(put(tmp_path / "downloaded" / NAME))

        monkeypatch.setattr(keras.utils, "get_file", get_file)
        assert base_path("vgg16") == tmp_path / "downloaded" / NAME
        file = FILES["vgg16"]
        expected = {"cache_subdir": "models", "file_hash": file.md5}
        assert asked == [((NAME, file.url), expected)]

    def test_what_is_on_this_machine_is_not_downloaded(self, places):
        base_path("vgg16")  # the download would fail, see above

    def test_without_a_network_it_says_what_to_get_and_where_to_put_it(self):
        words = (
            rf"of VGG16 are not on this machine.* Get https://.*/vgg16/{NAME} and set CXR_WEIGHTS"
        )
        with pytest.raises(BaseError, match=words):
            base_path("vgg16")

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_another_file_of_that_name_is_refused_wherever_it_lies(self, places, place):
        for path in places[:place]:
            path.unlink()
        put(places[place], b"others")
        with pytest.raises(BaseError, match=rf"{NAME} is not the file .* expected MD5"):
            base_path("vgg16")

    def test_a_download_that_is_another_file_is_refused(self, tmp_path, monkeypatch):
        path = put(tmp_path / NAME, b"an error page")
        monkeypatch.setattr(keras.utils, "get_file", lambda *arguments, **more: str(path))
        with pytest.raises(BaseError, match=r"Received: [0-9a-f]{32}"):
            base_path("vgg16")


def test_files_are_those_that_keras_names():
    """Keras's own sources hold the address and the hash."""
    from keras.src.applications import vgg16, vgg19

    for base, module in (("vgg16", vgg16), ("vgg19", vgg19)):
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert FILES[base].url == module.WEIGHTS_PATH_NO_TOP
        assert f'file_hash="{FILES[base].md5}"' in source


def test_every_base_has_a_file():
    assert set(BASES.values()) == set(FILES)


def toy(side: int = 16) -> keras.Model:
    """Two convolutions under VGG's names and a head, small enough to write their file here."""
    film = keras.Input((side, side, 3))
    x = keras.layers.Conv2D(2, 3, padding="same", name="block1_conv1")(film)
    x = keras.layers.MaxPooling2D(2, name="block1_pool")(x)
    x = keras.layers.Conv2D(4, 3, padding="same", name="block5_conv1")(x)
    x = keras.layers.MaxPooling2D(2, name=LAST_POOL)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(film, keras.layers.Dense(1, name="logit")(x), name="toy")


SHAPES = {"block1_conv1": (3, 3, 3, 2), "block5_conv1": (3, 3, 2, 4)}
#: How Keras names the weights of a layer: in the files that it publishes, and since its version 3.
NAMES = {"published": "{layer}_W_1:0 {layer}_b_1:0", "new": "{layer}/kernel {layer}/bias"}


def write(
    path: Path, shapes: dict[str, tuple[int, ...]] = SHAPES, names: str = NAMES["published"]
) -> dict[str, list[np.ndarray]]:
    """Write random weights of a seed as Keras does; gives what was written."""
    rng = np.random.default_rng(9)
    values = {}
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in shapes]
        for layer, shape in shapes.items():
            kernel = rng.normal(size=shape).astype(np.float32)
            bias = rng.normal(size=shape[-1]).astype(np.float32)
            values[layer] = [kernel, bias]
            group = file.create_group(layer)
            own = names.format(layer=layer).split()
            group.attrs["weight_names"] = [name.encode() for name in own]
            for name, value in zip(own, values[layer], strict=True):
                group[name] = value
    return values


class TestSavedAnew:
    """Files with the numbers that Keras publishes but not its bytes."""

    @pytest.fixture
    def saved(self, tmp_path, monkeypatch) -> Path:
        path = tmp_path / NAME
        write(tmp_path / "published.h5")
        write(path, names=NAMES["new"])
        numbers = numbers_hash(tmp_path / "published.h5")
        monkeypatch.setitem(FILES, "vgg16", BaseFile(NAME, "vgg16", "another", numbers))
        monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path))
        return path

    def test_are_taken(self, saved):
        assert base_path("vgg16") == saved

    def test_with_one_number_changed_are_refused(self, saved):
        with h5py.File(saved, "a") as file:
            file["block5_conv1/block5_conv1/bias"][2] += 1e-3
        with pytest.raises(BaseError, match="is not the file that Keras publishes"):
            base_path("vgg16")

    def test_with_two_layers_exchanged_are_refused(self, saved):
        write(saved, dict(reversed(SHAPES.items())))
        with pytest.raises(BaseError, match="is not the file that Keras publishes"):
            base_path("vgg16")


class TestLoadBase:
    @pytest.fixture
    def written(self, tmp_path, monkeypatch):
        """Write weights and have them known; gives what was written."""

        def known(*arguments: object) -> dict[str, list[np.ndarray]]:
            values = write(tmp_path / NAME, *arguments)
            md5 = hashlib.md5((tmp_path / NAME).read_bytes(), usedforsecurity=False).hexdigest()
            monkeypatch.setitem(FILES, "vgg16", BaseFile(NAME, "vgg16", md5))
            monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path))
            return values

        return known

    @pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
    def test_fills_the_convolutions(self, written, names):
        values = written(SHAPES, names)
        model = toy()
        load_base(model, "vgg16")
        for name, expected in values.items():
            for ours, theirs in zip(model.get_layer(name).get_weights(), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)

    def test_leaves_the_head_alone(self, written):
        written(SHAPES)
        model = toy()
        before = model.get_layer("logit").get_weights()
        load_base(model, "vgg16")
        for old, new in zip(before, model.get_layer("logit").get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_weights_of_another_shape_are_refused(self, written):
        written(SHAPES | {"block5_conv1": (3, 3, 2, 5)})
        with pytest.raises(BaseError, match=rf"{NAME} does not fit block5_conv1 of toy"):
            load_base(toy(), "vgg16")

    def test_a_file_that_lacks_a_layer_is_refused_and_changes_nothing(self, written):
        written({"block1_conv1": SHAPES["block1_conv1"]})
        model = toy()
        before = model.get_weights()
        with pytest.raises(BaseError, match=rf"{NAME} does not fit block5_conv1 of toy"):
            load_base(model, "vgg16")
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_a_file_that_is_none_is_refused(self, known, tmp_path, monkeypatch):
        monkeypatch.setenv("CXR_WEIGHTS", str(put(tmp_path / NAME)))
        with pytest.raises(BaseError, match=rf"{NAME} cannot be read"):
            load_base(toy(), "vgg16")


class TestHeadOf:
    def test_takes_the_features_and_gives_the_logit(self):
        head = head_of(toy())
        assert head.input_shape == (None, 4, 4, 4)
        assert head.output_shape == (None, 1)

    def test_has_none_of_the_convolutions(self):
        assert not [layer for layer in head_of(toy()).layers if "conv" in layer.name]

    def test_shares_its_weights_with_the_network(self):
        model = toy()
        head = head_of(model)
        kernel, bias = head.get_layer("logit").get_weights()
        head.get_layer("logit").set_weights([kernel + 1, bias])
        np.testing.assert_array_equal(model.get_layer("logit").get_weights()[0], kernel + 1)

    def test_behind_the_base_it_is_the_network(self):
        model = toy()
        film = np.random.default_rng(2).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
        features = keras.Model(model.input, model.get_layer(LAST_POOL).output)(film)
        expected = np.asarray(model(film))
        np.testing.assert_allclose(head_of(model)(features), expected, rtol=1e-5)


@pytest.mark.data
class TestRealWeights:
    @pytest.fixture(scope="class")
    def films(self) -> np.ndarray:
        grey = np.random.default_rng(3).uniform(0, 255, (1, 96, 96, 1)).astype(np.float32)
        return np.repeat(grey, 3, axis=-1)

    def test_give_the_features_that_keras_gives(self, weights_dir, films, monkeypatch):
        monkeypatch.setenv("CXR_WEIGHTS", str(weights_dir))
        path = base_path("vgg16")
        theirs = keras.applications.VGG16(weights=path, include_top=False, input_shape=(96, 96, 3))
        ours = build("vgg16_features", input_size=96)
        load_base(ours, "vgg16")
        expected = np.asarray(theirs(keras.applications.vgg16.preprocess_input(films.copy())))
        features = np.asarray(keras.Model(ours.input, ours.get_layer(LAST_POOL).output)(films))
        assert expected.max() > 10  # as of trained weights
        np.testing.assert_allclose(features, expected, rtol=1e-3, atol=1e-3 * expected.max())

    def test_are_those_that_are_known(self, weights_dir):
        assert numbers_hash(weights_dir / NAME) == FILES["vgg16"].numbers
