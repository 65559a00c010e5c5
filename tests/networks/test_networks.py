"""The networks besides EfficientNet and those on VGG: their graphs, layer by layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cxr.networks import (
    ARCHITECTURES,
    BASELINES,
    BASES,
    build,
)
from cxr.networks.architectures.border import border
from cxr.networks.architectures.grey_cnn import grey_cnn
from cxr.networks.architectures.small_cnn import small_cnn
from cxr.networks.architectures.tb_cnn import tb_cnn
from cxr.networks.architectures.thumbnail import thumbnail
from cxr.networks.two_way import TWO_WAY, logit_of_two

CONV, NORM, POOL, DROP = "Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout"


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(request) -> keras.Model:
    """Each network at a size that is small for it."""
    return build(request.param, input_size=64)


@pytest.fixture(scope="module")
def grey() -> keras.Model:
    return grey_cnn()


@pytest.fixture(scope="module")
def small() -> keras.Model:
    return small_cnn()


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def of_kind(model: keras.Model, kind: str) -> list[keras.Layer]:
    return [layer for layer in model.layers if type(layer).__name__ == kind]


def films(model: keras.Model, n: int = 2) -> np.ndarray:
    """Random films at a network's size, its channels equal as those of films are."""
    shape = (n, *model.input_shape[1:3], 1)
    grey = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    return np.repeat(grey, model.input_shape[-1], axis=-1)


def forward(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(model(x, training=False))


class TestAll:
    def test_are_named_as_they_are_asked_for(self, request, model):
        assert model.name == request.node.callspec.params["model"]

    def test_take_films_of_the_size_asked_for(self, model):
        assert model.input_shape[1:3] == (64, 64)
        assert model.input_shape[-1] in (1, 3)

    def test_flat(self, model):
        assert type(model).__name__ == "Functional"
        assert [layer.name for layer in model.layers if hasattr(layer, "layers")] == []

    def test_end_in_a_linear_logit(self, model):
        last = model.layers[-1]
        assert last.name == "logit"
        assert last.activation is keras.activations.linear
        assert model.output_shape == (None, 1)

    def test_scale_the_film_inside(self, model):
        """One layer, straight behind the film, and nothing else reads the film."""
        assert [type(layer).__name__ for layer in model.layers[:2]] == ["InputLayer", "Rescaling"]
        film = films(model)
        scaled = keras.Model(model.input, model.get_layer("scale").output)(film)
        assert np.abs(np.asarray(scaled)).max() < 160
        graph = model.get_config()["layers"]
        readers = [layer["name"] for layer in graph if "'film'" in str(layer["inbound_nodes"])]
        assert readers == ["scale"]

    def test_score_does_not_hang_on_chance(self, model):
        first, again = forward(model, films(model)), forward(model, films(model))
        np.testing.assert_array_equal(first, again)
        assert np.isfinite(first).all()


@pytest.mark.parametrize("name", ["grey_cnn", "small_cnn", "tb_cnn", *BASELINES])
def test_those_without_pretrained_weights_divide_by_255(name):
    scale = build(name, input_size=64).get_layer("scale")
    values = np.array([0.0, 127.5, 255.0], np.float32).reshape(1, 3, 1, 1)
    np.testing.assert_allclose(np.ravel(scale(values)), [0, 0.5, 1], atol=1e-6)


class TestGrey:
    def test_has_the_published_number_of_parameters(self, grey):
        assert grey.count_params() == 1_246_401
        assert grey.input_shape == (None, 150, 150, 1)

    def test_layers(self, grey):
        assert kinds(grey) == [
            "InputLayer",
            "Rescaling",
            *(CONV, NORM, POOL),
            *(CONV, DROP, NORM, POOL),
            *(CONV, NORM, POOL),
            *(CONV, DROP, NORM, POOL),
            *(CONV, DROP, NORM, POOL),
            "Flatten",
            "Dense",
            DROP,
            "Dense",
        ]
        convolutions = of_kind(grey, CONV)
        assert [layer.filters for layer in convolutions] == [32, 64, 64, 128, 256]
        assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
        assert {layer.padding for layer in convolutions} == {"same"}
        assert {layer.activation for layer in convolutions} == {keras.activations.relu}
        assert [layer.rate for layer in of_kind(grey, DROP)] == [0.1, 0.2, 0.2, 0.2]
        assert {layer.padding for layer in of_kind(grey, POOL)} == {"same"}
        assert grey.get_layer("dense").units == 128
        assert grey.get_layer("block5_pool").output.shape == (None, 5, 5, 256)

    def test_momentum(self, grey):
        """0.99, Keras's own, leaves validation at chance in a short run."""
        assert {layer.momentum for layer in of_kind(grey, NORM)} == {0.97}
        other = grey_cnn(momentum=0.5)
        assert {layer.momentum for layer in of_kind(other, NORM)} == {0.5}


class TestSmall:
    def test_layers(self, small):
        assert small.input_shape == (None, 150, 150, 3)
        assert kinds(small) == [
            "InputLayer",
            "Rescaling",
            *(CONV, POOL) * 4,
            "Flatten",
            "Dense",
            DROP,
            "Dense",
        ]
        convolutions = of_kind(small, CONV)
        assert [layer.filters for layer in convolutions] == [32, 32, 64, 32]
        assert {layer.kernel_size for layer in convolutions} == {(2, 2)}
        assert {layer.padding for layer in convolutions} == {"valid"}
        assert of_kind(small, DROP)[0].rate == 0.5
        assert small.get_layer("dense").units == 64

    def test_number_of_parameters(self, small):
        convolutions = (2 * 2 * 3 + 1) * 32 + (4 * 32 + 1) * 32 + (4 * 32 + 1) * 64
        convolutions += (4 * 64 + 1) * 32
        side = 150
        for _ in range(4):
            side = (side - 1) // 2
        assert small.count_params() == convolutions + (side * side * 32 + 1) * 64 + 65


class TestTb:
    @pytest.fixture(scope="class")
    def flat(self) -> keras.Model:
        """As published, its 119 million numbers never made."""
        with keras.StatelessScope(initialize_variables=False):
            return tb_cnn()

    @pytest.fixture(scope="class")
    def averaged(self) -> keras.Model:
        return tb_cnn(96, pooling="average")

    def test_layers(self, flat):
        assert flat.input_shape == (None, 256, 256, 1)
        assert kinds(flat) == [
            "InputLayer",
            "Rescaling",
            *(CONV, CONV, POOL, DROP) * 3,
            "Flatten",
            "Dense",
            DROP,
            "Dense",
            "Dense",
        ]
        assert flat.get_layer("dense").units == 512
        assert flat.get_layer("dense").activation is keras.activations.relu
        assert flat.get_layer(TWO_WAY).units == 2

    def test_convolutions(self, flat):
        convolutions = of_kind(flat, CONV)
        assert [layer.filters for layer in convolutions] == [64, 64, 128, 128, 256, 256]
        assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
        assert [layer.padding for layer in convolutions] == ["same", "valid"] * 3
        assert {layer.activation for layer in convolutions} == {keras.activations.relu}

    def test_dropouts(self, flat):
        assert [layer.rate for layer in of_kind(flat, DROP)] == [0.25, 0.25, 0.3, 0.5]

    def test_sides_of_the_blocks(self, flat):
        sides = [layer.output.shape[1] for layer in of_kind(flat, POOL)]
        assert sides == [127, 62, 30]

    def test_has_the_published_number_of_parameters(self, flat):
        """About 119 million, of which 118 behind the flattened picture."""
        convolutions = sum(
            (9 * before + 1) * after
            for before, after in ((1, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256))
        )
        dense = (30 * 30 * 256 + 1) * 512
        assert flat.count_params() == convolutions + dense + (512 + 1) * 2 + 2 == 119_110_596

    def test_average_pooling_stands_where_the_flattening_stood(self, flat, averaged):
        expected = ["GlobalAveragePooling2D" if k == "Flatten" else k for k in kinds(flat)]
        assert kinds(averaged) == expected

    def test_average_pooling_needs_that_many_parameters_less(self, flat, averaged):
        assert averaged.count_params() == flat.count_params() - (30 * 30 - 1) * 256 * 512

    def test_average_pooling_has_the_same_weights_at_any_size(self, averaged):
        other = tb_cnn(64, pooling="average")
        assert [w.shape for w in other.weights] == [w.shape for w in averaged.weights]
        assert len(other.weights) == len(tb_cnn(64).weights)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"input_size": 31}, "input_size of at least 32. Received: 31"),
            ({"pooling": "max"}, "flatten, average. Received: 'max'"),
        ],
    )
    def test_refuses_arguments_out_of_range(self, arguments, words):
        with pytest.raises(ValueError, match=words):
            tb_cnn(**arguments)


class TestTwoWay:
    @pytest.fixture(scope="class")
    def both(self) -> keras.Model:
        """A network that gives its two units and its logit."""
        features = keras.Input((5,))
        logit = logit_of_two(features)
        model = keras.Model(features, logit)
        return keras.Model(features, [model.get_layer(TWO_WAY).output, logit])

    @pytest.fixture(scope="class")
    def outputs(self, both) -> tuple[np.ndarray, np.ndarray]:
        features = np.random.default_rng(8).normal(0, 3, (50, 5)).astype(np.float32)
        units, logit = both(features)
        return np.asarray(units, np.float64), np.asarray(logit, np.float64)[:, 0]

    def test_sigmoid_of_the_logit_is_the_softmax_of_the_units(self, outputs):
        units, logit = outputs
        softmax = np.exp(units) / np.exp(units).sum(axis=1, keepdims=True)
        assert np.ptp(logit) > 1
        np.testing.assert_allclose(1 / (1 + np.exp(-logit)), softmax[:, 1], rtol=1e-5)

    def test_the_logit_is_above_0_where_the_second_unit_is_the_larger(self, outputs):
        units, logit = outputs
        np.testing.assert_array_equal(logit > 0, units.argmax(axis=1) == 1)
        assert 0 < (logit > 0).sum() < 50

    def test_the_difference_is_not_trained(self, both):
        assert [w.path.split("/")[0] for w in both.trainable_weights] == [TWO_WAY, TWO_WAY]
        assert both.get_layer("logit").get_weights()[0].ravel().tolist() == [-1, 1]


class TestBaselines:
    """What each sees of a film of 32 pixels a side."""

    SIDE = 32

    @staticmethod
    def seen(model: keras.Model) -> np.ndarray:
        """For each pixel how far the logit moves with it."""
        kernel = model.get_layer("logit").get_weights()[0]
        rng = np.random.default_rng(1)
        model.get_layer("logit").set_weights([rng.uniform(1, 2, kernel.shape), np.zeros(1)])
        side = model.input_shape[1]
        pixels = np.eye(side * side, dtype=np.float32).reshape(-1, side, side, 1) * 255
        empty = forward(model, np.zeros((1, side, side, 1), np.float32))
        return (forward(model, pixels) - empty).reshape(side, side)

    def test_border_sees_the_frame_and_nothing_inside(self):
        moved = self.seen(border(self.SIDE))
        frame = np.ones((self.SIDE, self.SIDE), bool)
        frame[3:-3, 3:-3] = False
        np.testing.assert_array_equal(moved != 0, frame)

    def test_border_sees_each_pixel_once(self):
        """Every pixel has a weight of its own, between 1 and 2."""
        moved = self.seen(border(self.SIDE))
        assert moved.max() <= 2.001
        assert len(np.unique(moved[moved != 0].round(5))) > 340
        assert border(self.SIDE).count_params() == 32 * 32 - 26 * 26 + 1

    def test_border_of_another_width(self):
        moved = self.seen(border(self.SIDE, width=5))
        assert (moved != 0).sum() == 32 * 32 - 22 * 22

    def test_thumbnail_sees_every_pixel(self):
        assert (self.seen(thumbnail(self.SIDE)) != 0).all()
        assert thumbnail(self.SIDE).count_params() == 32 * 32 + 1

    @pytest.mark.parametrize("width", [0, -1, 16, 40])
    def test_a_frame_that_is_none_or_leaves_nothing_inside(self, width):
        with pytest.raises(ValueError, match=rf"width in \(0, 16.*Received: {width}"):
            border(self.SIDE, width=width)

    @pytest.mark.parametrize("name", BASELINES)
    def test_what_they_see_is_named_for_the_regression(self, name):
        model = build(name)
        pixels = model.get_layer("pixels").output
        assert kinds(model)[-1] == "Dense"
        assert len(pixels.shape) == 2
        assert model.get_layer("logit").get_weights()[0].shape == (pixels.shape[1], 1)


class TestBuild:
    def test_baselines_and_those_on_a_base_are_among_them(self):
        assert set(BASELINES) | set(BASES) < set(ARCHITECTURES)
        assert not set(BASELINES) & set(BASES)

    @pytest.mark.parametrize("name", ["", "vgg16", "vgg", "os", "pretrained", "transfer", "bases"])
    def test_unknown_names_the_known(self, name):
        with pytest.raises(ValueError, match=rf"grey_cnn, small_cnn, .*\. Received: {name!r}"):
            build(name)
