"""The networks on VGG: the convolutions are Keras's own, the heads as published."""

from __future__ import annotations

from itertools import pairwise

import keras
import numpy as np
import pytest

from cxr.networks.architectures.vgg16_features import vgg16_features
from cxr.networks.architectures.vgg16_transfer import vgg16_transfer
from cxr.networks.architectures.vgg19_transfer import vgg19_transfer
from cxr.networks.transfer import HEAD, transfer
from cxr.networks.two_way import TWO_WAY
from cxr.networks.vgg import LAST_POOL, SCALINGS, convolutions

SIDE = 64
TRANSFER = {"vgg16": vgg16_transfer, "vgg19": vgg19_transfer}
#: Weights of Keras's VGG without its top.
BASE_PARAMETERS = {"vgg16": 14_714_688, "vgg19": 20_024_384}


@pytest.fixture(scope="module", params=TRANSFER)
def base(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def keras_own(base) -> keras.Model:
    make = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[base]
    return make(weights=None, include_top=False, input_shape=(SIDE, SIDE, 3))


@pytest.fixture(scope="module")
def model(base) -> keras.Model:
    return TRANSFER[base](SIDE)


@pytest.fixture(scope="module")
def published(base) -> keras.Model:
    """At the published size; only shapes are looked at, so its weights are never made."""
    with keras.StatelessScope(initialize_variables=False):
        return TRANSFER[base]()


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    """Two random films, the three channels equal."""
    grey = np.random.default_rng(5).uniform(0, 255, (2, SIDE, SIDE, 1)).astype(np.float32)
    return np.repeat(grey, 3, axis=-1)


def convolutional(model: keras.Model) -> list[keras.Layer]:
    return [layer for layer in model.layers if layer.name.startswith("block")]


class TestConvolutions:
    def test_are_those_of_keras_by_name(self, model, keras_own):
        names = [layer.name for layer in convolutional(model)]
        assert names == [layer.name for layer in convolutional(keras_own)]
        assert names[-1] == LAST_POOL == keras_own.layers[-1].name

    @pytest.mark.parametrize("scaling", SCALINGS)
    def test_give_the_features_that_keras_gives(self, base, keras_own, film, scaling):
        """With equal weights; the reference gets what Keras's own function makes of films."""
        model = transfer(base, input_size=SIDE, scaling=scaling)
        for layer in convolutional(keras_own):
            model.get_layer(layer.name).set_weights(layer.get_weights())
        scaled = {
            "imagenet": getattr(keras.applications, base).preprocess_input(film.copy()),
            "unit": film / 255,
        }[scaling]
        theirs = np.asarray(keras_own(scaled))
        ours = np.asarray(keras.Model(model.input, model.get_layer(LAST_POOL).output)(film))
        assert theirs.max() > 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.max())

    def test_are_frozen(self, model):
        assert not any(layer.trainable_weights for layer in convolutional(model))
        assert len(model.trainable_weights) == 2 * (len(HEAD) + 1)

    def test_have_the_published_number_of_weights(self, base, model):
        assert sum(layer.count_params() for layer in convolutional(model)) == BASE_PARAMETERS[base]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("vgg11", 64, "imagenet"), r"vgg16, vgg19\. Received: 'vgg11'"),
            (("vgg16", 31, "imagenet"), r"at least 32\. Received: 31"),
            (("vgg16", 64, "caffe"), r"imagenet, unit\. Received: 'caffe'"),
        ],
    )
    def test_refuse_arguments_out_of_range(self, arguments, words):
        with pytest.raises(ValueError, match=f"Expected .*{words}"):
            convolutions(*arguments)


class TestTransfer:
    def test_takes_films_of_300_pixels(self, published):
        assert published.input_shape == (None, 300, 300, 3)
        assert published.get_layer(LAST_POOL).output.shape == (None, 9, 9, 512)

    def test_head(self, published):
        names = [layer.name for layer in published.layers]
        head = published.layers[names.index(LAST_POOL) + 1 :]
        assert [type(layer).__name__ for layer in head] == ["Flatten", *["Dense"] * 6]
        assert [layer.units for layer in head[1:]] == [64, 128, 256, 128, 2, 1]
        activations = [layer.activation for layer in head[1:]]
        assert activations == [keras.activations.relu] * 4 + [keras.activations.linear] * 2
        assert head[-2].name == TWO_WAY

    def test_number_of_parameters(self, base, published):
        sizes = (9 * 9 * 512, 64, 128, 256, 128, 2)
        head = sum((a + 1) * b for a, b in pairwise(sizes))
        # And the two numbers of the difference.
        assert published.count_params() == BASE_PARAMETERS[base] + head + 2

    def test_the_scaling_can_be_chosen(self, base):
        scale = TRANSFER[base](32, scaling="unit").get_layer("scale")
        np.testing.assert_allclose(scale(np.full((1, 1, 1, 3), 51, np.float32)), 0.2, rtol=1e-6)


class TestFeatures:
    @pytest.fixture(scope="class")
    def features(self) -> keras.Model:
        with keras.StatelessScope(initialize_variables=False):
            return vgg16_features()

    def test_takes_films_of_256_pixels(self, features):
        assert features.input_shape == (None, 256, 256, 3)
        assert features.get_layer(LAST_POOL).output.shape == (None, 8, 8, 512)

    def test_head(self, features):
        names = [layer.name for layer in features.layers]
        flatten, dense, dropout, logit = features.layers[names.index(LAST_POOL) + 1 :]
        assert type(flatten).__name__ == "Flatten"
        assert (dense.units, dense.activation) == (256, keras.activations.relu)
        assert dropout.rate == 0.5
        assert (logit.units, logit.activation) == (1, keras.activations.linear)

    def test_number_of_parameters(self, features):
        head = (8 * 8 * 512 + 1) * 256 + 256 + 1
        assert features.count_params() == BASE_PARAMETERS["vgg16"] + head

    def test_the_convolutions_are_frozen(self, features):
        assert not any(layer.trainable_weights for layer in convolutional(features))

    def test_the_dropout_can_be_chosen(self):
        assert vgg16_features(32, dropout=0.2).get_layer("dropout").rate == 0.2
