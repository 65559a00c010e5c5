"""The card: read, written, and refused where it is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cxr.films.preprocessing import Preprocessing
from cxr.networks import ARCHITECTURES, BASELINES
from cxr.scoring.card import SCHEMA_VERSION, Card, CardError

INPUT = {"height": 64, "width": 64, "channels": 1, "resample": "nearest"}


@pytest.fixture(scope="module")
def plain(made_bundle) -> dict:
    return made_bundle.card.to_json()


def test_comes_back_from_its_file(made_bundle, tmp_path):
    made_bundle.card.write(tmp_path / "card.json")
    card = Card.read(tmp_path / "card.json")
    # Through JSON on both sides: a recipe's tuples are lists there.
    assert json.dumps(card.to_json()) == json.dumps(made_bundle.card.to_json())
    assert card.operating_points == made_bundle.card.operating_points
    assert card.calibration == made_bundle.card.calibration
    assert (tmp_path / "card.json").read_text().endswith("}\n")


def test_schema_version_stands_first(plain):
    assert next(iter(plain)) == "schema_version"
    assert plain["schema_version"] == SCHEMA_VERSION


def test_size(made_bundle):
    assert made_bundle.card.size == (64, 64)


class TestToInput:
    def test_is_the_recipes(self, made_bundle, made_recipe):
        assert made_bundle.card.to_input == made_recipe.to_input

    def test_has_every_field_of_the_card(self, plain):
        fields = {"height": 30, "width": 40, "channels": 3, "resample": "bilinear"}
        fields |= {"margin": 0.08, "levels": "equalized"}
        card = Card.from_json(plain | {"input": fields})
        assert card.to_input == Preprocessing(30, 40, 3, "bilinear", 0.08, "equalized")

    def test_of_a_card_that_knows_neither_margin_nor_levels(self, plain):
        fields = {"height": 30, "width": 40, "channels": 1, "resample": "nearest"}
        card = Card.from_json(plain | {"input": fields})
        assert (card.to_input.margin, card.to_input.levels) == (0.0, "plain")


class TestExternal:
    def test_is_the_recipes(self, plain):
        sets = {"other": ["nih/normal", "nih/pneumonia"]}
        card = Card.from_json(plain | {"recipe": plain["recipe"] | {"external": sets}})
        assert card.external == sets

    def test_of_a_card_that_knows_none(self, plain):
        recipe = {key: value for key, value in plain["recipe"].items() if key != "external"}
        assert Card.from_json(plain | {"recipe": recipe}).external == {}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_baselines_are_told_by_their_network(plain, name):
    architecture = plain["architecture"] | {"name": name}
    assert Card.from_json(plain | {"architecture": architecture}).baseline == (name in BASELINES)


class TestOperatingPoint:
    def test_by_name_or_the_default(self, made_bundle):
        card = made_bundle.card
        assert card.operating_point().name == card.default_operating_point
        assert card.operating_point("youden").name == "youden"

    def test_unknown_names_the_known(self, made_bundle):
        with pytest.raises(ValueError, match=r"sensitivity-95, .*youden.*Received: 'nope'"):
            made_bundle.card.operating_point("nope")


class TestDamage:
    @pytest.mark.parametrize("version", [0, 2, "1", None])
    def test_another_schema(self, plain, version):
        with pytest.raises(CardError, match=f"schema 1. Received: {version!r}"):
            Card.from_json(plain | {"schema_version": version})

    @pytest.mark.parametrize("field", ["name", "classes", "calibration", "weights", "evaluation"])
    def test_missing_field(self, plain, field):
        rest = {key: value for key, value in plain.items() if key != field}
        with pytest.raises(CardError, match=f"damaged.*{field}"):
            Card.from_json(rest)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"extra": 1}, "extra"),
            ({"default_operating_point": "nope"}, "nope"),
            ({"operating_points": []}, "sensitivity-95"),
            ({"operating_points": [{"name": "x"}]}, "missing or unknown"),
            ({"operating_points": None}, "damaged"),
            ({"calibration": {"method": "isotonic"}}, "temperature"),
            ({"calibration": 1.5}, "damaged"),
            ({"weights": {"file": "weights.weights.h5"}}, "weights lacks sha256"),
            ({"weights": {"file": "../other/weights.h5", "sha256": "0"}}, "not in the bundle"),
            ({"weights": None}, "damaged"),
            ({"input": {"height": 64}}, "input lacks channels, resample, width"),
            ({"input": INPUT | {"margin": 0.6}}, "margin"),
            ({"input": INPUT | {"levels": "flat"}}, "flat"),
            ({"input": INPUT | {"crop": 1}}, "crop"),
            ({"architecture": {"name": "grey_cnn"}}, "architecture lacks arguments, parameters"),
        ],
    )
    def test_malformed_field(self, plain, change, words):
        with pytest.raises(CardError, match=words):
            Card.from_json(plain | change)

    def test_what_is_given_is_not_changed(self, plain):
        before = json.dumps(plain)
        Card.from_json(plain)
        assert json.dumps(plain) == before

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "made holds no card"),
            (b"{", "made is not JSON"),
            (b"\xff\xfe", "made is not JSON"),
            (b"[1]", "made holds no card"),
        ],
    )
    def test_file(self, tmp_path: Path, content, words):
        folder = tmp_path / "made"
        folder.mkdir()
        if content is not None:
            (folder / "card.json").write_bytes(content)
        with pytest.raises(CardError, match=words):
            Card.read(folder / "card.json")
