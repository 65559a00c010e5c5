"""The card: read, written, and refused where it is damaged."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.films.preprocessing import Preprocessing
from cxr.networks import ARCHITECTURES, BASELINES
from cxr.scoring.card import SCHEMA_VERSION, Card, CardError

INPUT = {"height": 64, "width": 64, "channels": 1, "resample": "nearest"}
WEIGHTS = {"file": "weights.weights.h5", "sha256": "0" * 64}


@pytest.fixture(scope="module")
def plain(made_bundle) -> dict:
    return made_bundle.card.to_json()


def test_comes_back_from_its_file(made_bundle, tmp_path):
    made_bundle.card.write(tmp_path / "card.json")
    card = Card.read(tmp_path / "card.json")
    assert card == made_bundle.card
    assert json.dumps(card.to_json()) == json.dumps(made_bundle.card.to_json())
    assert (tmp_path / "card.json").read_text().endswith("}\n")


def test_schema_version_stands_first(plain):
    assert list(plain)[:2] == ["schema_version", "kind"]
    assert (plain["schema_version"], plain["kind"]) == (SCHEMA_VERSION, "classifier")


def test_size(made_bundle):
    assert made_bundle.card.size == (64, 64)


class TestInput:
    def test_is_the_recipes(self, made_bundle, made_recipe):
        assert made_bundle.card.input == made_recipe.to_input

    def test_has_every_field_of_the_card(self, plain):
        fields = {"height": 30, "width": 40, "channels": 3, "resample": "bilinear"}
        fields |= {"margin": 0.08, "levels": "equalized"}
        card = Card.from_json(plain | {"input": fields})
        assert card.input == Preprocessing(30, 40, 3, "bilinear", 0.08, "equalized")

    def test_of_a_card_that_knows_neither_margin_nor_levels(self, plain):
        fields = {"height": 30, "width": 40, "channels": 1, "resample": "nearest"}
        card = Card.from_json(plain | {"input": fields})
        assert (card.input.margin, card.input.levels) == (0.0, "plain")


class TestExternal:
    def test_is_the_recipes(self, plain):
        sets = {"other": ["nih/normal", "nih/pneumonia"]}
        card = Card.from_json(plain | {"recipe": plain["recipe"] | {"external": sets}})
        assert card.external == {"other": ("nih/normal", "nih/pneumonia")}

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


def paths(part, before=()):
    """Every place in plain data, as keys and indices; of lists the first."""
    items = part.items() if isinstance(part, dict) else enumerate(part[:1])
    for key, value in items:
        yield (*before, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*before, key))


class TestDamage:
    @pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1, "1", True, 1.0, None, [[1]], {}])
    def test_another_schema(self, plain, version):
        with pytest.raises(CardError, match=f"schema 1 to {SCHEMA_VERSION}") as caught:
            Card.from_json(plain | {"schema_version": version})
        assert f"Received: {version!r}" in str(caught.value)

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
            ({"operating_points": [{"name": "x"}]}, r"operating_points\[0\] lacks n, near, rule"),
            ({"operating_points": None}, "damaged"),
            ({"calibration": {"method": "isotonic", "temperature": 1}}, "calibration.method"),
            ({"calibration": 1.5}, "damaged"),
            ({"weights": {"file": "weights.weights.h5"}}, "weights lacks sha256"),
            ({"weights": WEIGHTS | {"file": "../other/weights.h5"}}, "weights.file.*in the bundle"),
            ({"weights": WEIGHTS | {"file": ".."}}, "weights.file.*in the bundle"),
            ({"weights": WEIGHTS | {"sha256": "0"}}, r"weights\.sha256"),
            ({"name": "../x"}, "name.*without slashes"),
            ({"kind": "lungs"}, "kind.*'classifier'.*'lungs'"),
            ({"classes": ["normal"]}, "classes: expected a list of 2"),
            ({"population": 5}, "population: expected a text"),
            ({"population": "x" * 20_000}, "population: expected at most"),
            ({"weights": None}, "damaged"),
            ({"input": {"height": 64}}, "input lacks channels, resample, width"),
            ({"input": INPUT | {"height": 0}}, "height"),
            ({"input": INPUT | {"height": 10**6}}, "at most 4096"),
            ({"input": INPUT | {"width": 64.5}}, r"input\.width: expected a whole number"),
            ({"input": INPUT | {"width": True}}, r"input\.width: expected a whole number"),
            ({"input": INPUT | {"margin": 0.6}}, "margin"),
            ({"input": INPUT | {"levels": "flat"}}, "flat"),
            ({"input": INPUT | {"crop": 1}}, "crop"),
            ({"architecture": {"name": "grey_cnn"}}, "architecture lacks arguments, parameters"),
        ],
    )
    def test_malformed_field(self, plain, change, words):
        with pytest.raises(CardError, match=words):
            Card.from_json(plain | change)

    @pytest.mark.parametrize("threshold", [0, 1, 1.5, -0.1, math.nan, math.inf, "0.5", None, True])
    def test_a_threshold_lies_between_0_and_1(self, plain, threshold):
        point = plain["operating_points"][0] | {"threshold": threshold, "near": [0, 1]}
        with pytest.raises(CardError, match=r"operating_points\[0\]\.threshold"):
            Card.from_json(plain | {"operating_points": [point]})

    def test_any_value_anywhere_is_a_card_or_an_error(self, plain):
        """Every field of a real card replaced in turn by values of every type of JSON."""
        odd = [None, True, 0, -1, 10**30, 0.5, "", "x", [], [[]], [None], {}, {"": {}}, [[1, 2]]]
        tried = 0
        for path in paths(plain):
            data = copy.deepcopy(plain)
            part = data
            for key in path[:-1]:
                part = part[key]
            for value in odd:
                part[path[-1]] = value
                for version in (1, 2):
                    try:
                        card = Card.from_json(data | {"schema_version": version})
                    except CardError:
                        continue
                    assert Card.from_json(json.loads(card.to_bytes())) == card
                tried += 1
        assert tried > 1000

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    @settings(max_examples=100, deadline=None)
    def test_any_json_is_an_error(self, tmp_path_factory, data):
        path = tmp_path_factory.mktemp("any") / "card.json"
        path.write_text(json.dumps(data))
        with pytest.raises(CardError):
            Card.read(path)

    def test_what_is_given_is_not_changed(self, plain):
        before = json.dumps(plain)
        Card.from_json(plain)
        assert json.dumps(plain) == before

    def test_a_folder_in_its_place(self, tmp_path):
        (tmp_path / "made" / "card.json").mkdir(parents=True)
        with pytest.raises(CardError, match="made cannot be read"):
            Card.read(tmp_path / "made" / "card.json")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "made holds no card"),
            (b"{", "made is not JSON"),
            (b"\xff\xfe", "made is not JSON"),
            (b"[1]", "made holds no card"),
            (b'{"name": NaN}', "made is not JSON"),
            (b"[" * 100_000, "made is nested too deeply"),
            (b'{"a":' * 900 + b"1" + b"}" * 900, f"schema 1 to {SCHEMA_VERSION}"),
            (b'{"schema_version": ' + b"[" * 900 + b"]" * 900 + b"}", "Expected a card of"),
            (b'{"schema_version": 2, "name": ' + b"[" * 900 + b"]" * 900 + b"}", "damaged"),
            (b'{"schema_version": ' + b"9" * 10_000 + b"}", "made is not JSON"),
            (b" " * 5_000_000, "made is longer than 4 MB"),
        ],
    )
    def test_file(self, tmp_path: Path, content, words):
        folder = tmp_path / "made"
        folder.mkdir()
        if content is not None:
            (folder / "card.json").write_bytes(content)
        with pytest.raises(CardError, match=words):
            Card.read(folder / "card.json")
