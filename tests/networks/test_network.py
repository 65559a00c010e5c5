"""A network and what is kept of it: built late and once, compiled once, whoever asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from cxr.networks import graph
from cxr.networks.network import Network

FILMS = np.random.default_rng(0).uniform(0, 255, (3, 8, 6, 1)).astype(np.float32)


def made(seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    film = keras.Input((8, 6, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="first")(film)
    x = keras.layers.Conv2D(3, 3, padding="same", activation="relu", name="last")(x)
    score = keras.layers.Dense(1)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(film, score, name="made")


@pytest.fixture
def compiled(monkeypatch) -> list[str]:
    """Notes what is compiled, by the name of the function that does."""
    calls: list[str] = []
    for name in ("compile_forward", "compile_features", "convolutions"):
        real = getattr(graph, name)

        def counting(*given, _name=name, _real=real, **more):
            calls.append(_name)
            return _real(*given, **more)

        monkeypatch.setattr(graph, name, counting)
    return calls


class TestModel:
    def test_is_the_one_that_is_given(self):
        model = made()
        assert Network(model).model is model
        assert Network(model).input_shape == (8, 6, 1)

    def test_is_built_at_its_first_use_and_once_among_threads(self):
        built: list[int] = []
        wait = threading.Event()

        def build() -> keras.Model:
            assert wait.wait(60)
            built.append(1)
            return made()

        network = Network(build=build)
        assert built == []
        with ThreadPoolExecutor(4) as pool:
            models = [pool.submit(lambda: network.model) for _ in range(4)]
            wait.set()
        assert len({id(model.result()) for model in models}) == 1
        assert built == [1]

    def test_that_cannot_be_built_is_tried_again(self):
        answers = iter([OSError("no file"), made()])

        def build() -> keras.Model:
            answer = next(answers)
            if isinstance(answer, Exception):
                raise answer
            return answer

        network = Network(build=build)
        with pytest.raises(OSError, match="no file"):
            _ = network.model
        assert network.model.name == "made"

    def test_comes_one_way_or_the_other(self):
        with pytest.raises(ValueError, match="either"):
            Network()
        with pytest.raises(ValueError, match="either"):
            Network(made(), build=made)


class TestForward:
    def test_gives_logits_map_and_the_features_of_the_taps(self):
        model = made()
        outputs = Network(model, taps=("first", "last")).forward("gradcam", "first")(FILMS)
        expected = graph.compile_forward(
            model, method="gradcam", layer="first", features=("first", "last")
        )(FILMS)
        for one, other in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        assert outputs.features.shape == (3, 5)

    def test_without_method_or_taps_there_are_logits_alone(self):
        outputs = Network(made()).forward()(FILMS)
        assert (outputs.maps.shape, outputs.features.shape) == ((3, 0, 0), (3, 0))

    def test_is_compiled_once_a_method_and_layer(self, compiled):
        network = Network(made())
        assert network.forward() is network.forward(None, "first")
        assert network.forward("gradcam") is network.forward("gradcam", "last")
        assert network.forward("gradcam") is not network.forward("gradcam", "first")
        assert compiled.count("compile_forward") == 3

    def test_taps_are_asked_for_when_it_is_compiled_and_what_they_raise_is_raised(self):
        asked: list[int] = []

        def taps() -> tuple[str, ...]:
            asked.append(1)
            if len(asked) == 1:
                raise OSError("no gate")
            return ("last",)

        network = Network(made(), taps=taps)
        assert network.convolutions() == ["first", "last"]
        assert asked == []
        with pytest.raises(OSError, match="no gate"):
            network.forward()
        assert network.forward()(FILMS).features.shape == (3, 3)

    def test_unknown_method_or_layer(self):
        network = Network(made())
        with pytest.raises(ValueError, match="Received: 'x'"):
            network.forward("x")
        with pytest.raises(ValueError, match=r"of first, last\. Received: 'x'"):
            network.forward("gradcam", "x")

    def test_follows_weights_that_change(self):
        """Traced once, whatever the weights: an audit randomizes them step by step."""
        network = Network(made(1))
        before = network.forward()(FILMS).logits
        network.model.set_weights(made(2).get_weights())
        np.testing.assert_allclose(
            network.forward()(FILMS).logits, Network(made(2)).forward()(FILMS).logits, rtol=1e-5
        )
        assert np.abs(network.forward()(FILMS).logits - before).max() > 1e-3


class TestWhatIsKept:
    def test_layers(self, compiled):
        network = Network(made())
        assert [network.layer(), network.layer("first")] == ["last", "first"]
        assert [network.layer(), network.layer("first")] == ["last", "first"]
        assert len(compiled) == 1

    def test_convolutions_cannot_be_changed_from_outside(self, compiled):
        network = Network(made())
        network.convolutions().clear()
        assert network.convolutions() == ["first", "last"]
        assert compiled == ["convolutions"]

    def test_features(self, compiled):
        network = Network(made())
        found = network.features(["last", "first"])
        assert found is network.features(("last", "first"))
        assert found is not network.features(["first"])
        expected = Network(network.model, taps=("last", "first")).forward()(FILMS).features
        np.testing.assert_allclose(found(FILMS), expected, rtol=1e-5)

    def test_sweeps(self):
        network = Network(made())
        calls: list[str] = []

        def make() -> object:
            calls.append("made")
            return object()

        first = network.sweep("scorecam", "last", make)
        assert network.sweep("scorecam", "last", make) is first
        assert network.sweep("scorecam", "first", make) is not first
        assert calls == ["made", "made"]

    def test_seconds_are_measured_once_and_others_do_not_wait(self):
        network = Network(made())

        def measure() -> float:
            with ThreadPoolExecutor(1) as pool:  # not under the network's lock
                assert pool.submit(network.convolutions).result(60) == ["first", "last"]
            return 0.5

        assert network.seconds("gradcam", None, 1, measure) == 0.5
        assert network.seconds("gradcam", None, 1, lambda: 7.0) == 0.5
        assert network.seconds("gradcam", None, 2, lambda: 7.0) == 7.0
