"""Networks of bundles: one for all that hold the same weights, and gone when none does."""

from __future__ import annotations

import dataclasses
import gc
import json
import weakref
from pathlib import Path

import numpy as np
import pytest

from cxr import networks
from cxr.films.radiograph import Radiograph
from cxr.model import Model, load
from cxr.networks.network import Network
from cxr.scoring import classifier
from cxr.scoring.card import GateFacts
from cxr.scoring.gate import FILE, Gate
from cxr.storage.hashes import file_hash
from cxr.storage.records import encode
from tests.bundles import copy_bundle, write_card
from tests.conftest import film_like

LAYERS = ("block2_conv", "block4_conv")
FLAGSHIP, SMALL = "pneumonia-made", ("pneumonia-one", "pneumonia-two")


def gate(channels: int, *, passes: bool) -> Gate:
    """A gate on the channels of `LAYERS` that lets every film pass, or none."""
    return Gate(
        LAYERS,
        np.zeros(channels, np.float32),
        np.zeros((channels, 2), np.float32),
        np.zeros((2, 3), np.float32),
        np.array([9.0, 0.0, 0.0] if passes else [0.0, 0.0, 9.0], np.float32),
        least=0.5,
        farthest=1.0,
    )


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Notes each network that is built, beginning with none in use."""
    names: list[str] = []
    build = networks.build

    def counting(name: str, **arguments):
        names.append(name)
        return build(name, **arguments)

    monkeypatch.setattr(networks, "build", counting)
    monkeypatch.setattr(classifier, "_NETWORKS", weakref.WeakValueDictionary())
    return names


@pytest.fixture
def family(made_bundle: Model, tmp_path: Path) -> Path:
    """A flagship with a gate that refuses every film, and two small models with weights apart."""
    channels = sum(made_bundle.model.get_layer(name).output.shape[-1] for name in LAYERS)
    for number, name in enumerate((FLAGSHIP, *SMALL)):
        folder = copy_bundle(made_bundle.folder, tmp_path / name)
        card = json.loads((folder / "card.json").read_text()) | {"name": name}
        if name == FLAGSHIP:
            gate(channels, passes=False).save(folder / FILE)
            sha256 = file_hash(folder / FILE)
            card["gate"] = encode(GateFacts(FILE, sha256, LAYERS, (), 0, ()))
        else:
            weights = folder / card["weights"]["file"]
            changed = networks.build(
                card["architecture"]["name"], **card["architecture"]["arguments"]
            )
            changed.set_weights([w + number / 1000 for w in made_bundle.model.get_weights()])
            changed.save_weights(weights)
            card["weights"] |= {"sha256": file_hash(weights)}
        card["export"] = None  # that is of the weights as they were
        write_card(folder, card)
    (tmp_path / "defaults.json").write_text(json.dumps({"pneumonia": FLAGSHIP}))
    return tmp_path


class TestJudge:
    def test_small_models_and_the_flagship_share_one_network(self, family, built):
        models = [load(name, folder=family) for name in (*SMALL, FLAGSHIP)]
        assert built == []
        for model in models:
            assert model.predict(film_like(1)).refusal.code == "not_chest"
            assert model.judge.classifier.name == FLAGSHIP
        flagship = models[-1]
        assert flagship.judge.classifier is flagship
        assert all(model.judge.classifier.network is flagship.network for model in models)
        assert len({id(model.network) for model in models}) == 3
        assert len(built) == 3

    def test_is_built_once_where_the_flagship_is_in_use_already(self, family, built):
        flagship = load(FLAGSHIP, folder=family)
        flagship.predict(film_like(1))
        assert len(built) == 1
        load(SMALL[0], folder=family).predict(film_like(1))
        assert len(built) == 2

    def test_none_without_a_gate_anywhere(self, made_bundle):
        assert made_bundle.judge is None

    def test_of_another_finding_has_no_say(self, family):
        small = load(SMALL[0], folder=family)
        card = dataclasses.replace(small.card, finding="tuberculosis")
        assert Model(small.folder, card).judge is None

    def test_an_unlike_film_never_reaches_the_gate(self, family, built):
        blank = Radiograph(np.full((200, 200), 0.5, np.float32))
        assert load(SMALL[0], folder=family).predict(blank).refusal.code == "blank"
        assert built == []


class TestShared:
    def test_by_all_with_the_same_weights(self, made_bundle, built):
        one, other = (load(str(made_bundle.folder)) for _ in range(2))
        assert one is not other
        assert one.network is other.network
        assert one.model is other.model
        assert len(built) == 1

    def test_not_by_other_architectures_or_gates(self, made_bundle):
        card = made_bundle.card
        others = [
            dataclasses.replace(
                card, architecture=dataclasses.replace(card.architecture, parameters=1)
            ),
            dataclasses.replace(card, gate=GateFacts("gate.npz", "0" * 64, (), (), 0, ())),
        ]
        for other in others:
            assert Model(made_bundle.folder, other).network is not made_bundle.network

    def test_goes_with_the_last_that_holds_it(self, made_bundle, built):
        one, other = (load(str(made_bundle.folder)) for _ in range(2))
        one.predict(film_like(1))
        network = weakref.ref(one.network)
        del one
        gc.collect()
        assert network() is other.network
        del other
        gc.collect()
        assert network() is None

    def test_one_that_is_given_stays_private(self, made_bundle, built):
        given = Network(made_bundle.model)
        model = Model(made_bundle.folder, made_bundle.card, network=given)
        assert model.network is given
        assert load(str(made_bundle.folder)).network is not given
