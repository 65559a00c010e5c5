"""The networks that are trained from nothing: their graphs, layer by layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cxr.architectures import ARCHITECTURES, build
from cxr.architectures.grey_cnn import grey_cnn
from cxr.architectures.small_cnn import small_cnn

CONV, NORM, POOL, DROP = "Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout"


@pytest.fixture(scope="module", params=[grey_cnn, small_cnn], ids=["grey", "small"])
def model(request) -> keras.Model:
    return request.param()


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


class TestBoth:
    def test_flat(self, model):
        assert type(model).__name__ == "Functional"
        assert [layer.name for layer in model.layers if hasattr(layer, "layers")] == []

    def test_end_in_a_linear_logit(self, model):
        last = model.layers[-1]
        assert last.name == "logit"
        assert last.activation is keras.activations.linear
        assert model.output_shape == (None, 1)

    def test_scale_the_film_inside(self, model):
        values = np.array([0.0, 127.5, 255.0], np.float32).reshape(1, 3, 1, 1)
        scaled = np.asarray(model.get_layer("scale")(values)).ravel()
        np.testing.assert_allclose(scaled, [0, 0.5, 1], atol=1e-6)

    def test_score_does_not_hang_on_chance(self, model):
        film = np.random.default_rng(0).uniform(0, 255, (1, *model.input_shape[1:]))
        film = film.astype(np.float32)
        first, again = (np.asarray(model(film, training=False)) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert np.isfinite(first).all()


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


class TestBuild:
    @pytest.mark.parametrize("name", ARCHITECTURES)
    def test_by_name_with_arguments(self, name):
        model = build(name, input_size=64)
        assert model.name == name
        assert model.input_shape[1:3] == (64, 64)
        assert model.output_shape == (None, 1)

    @pytest.mark.parametrize("name", ["", "vgg16", "os", "pretrained"])
    def test_unknown_names_the_known(self, name):
        with pytest.raises(ValueError, match=f"grey_cnn, small_cnn. Received: {name!r}"):
            build(name)
