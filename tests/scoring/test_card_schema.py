"""The JSON Schema of a card: in the documentation, and true."""

from __future__ import annotations

import copy
import json

import pytest
from jsonschema import Draft202012Validator

from cxr.scoring.card import Card, CardError
from cxr.scoring.card_schema import card_schema
from tests.cards import a_card
from tests.conftest import ROOT
from tests.scoring.test_card_migrations import SCHEMA_1

FILE = ROOT / "docs" / "card.schema.json"
PATHS = sorted(
    p
    for p in (ROOT / "models").glob("*/card.json")
    if p.parent.name not in ("lungs", "picture-check")
)


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(FILE.read_text()))


def test_the_file_is_up_to_date():
    """Else: python -m cxr.scoring.card_schema > docs/card.schema.json."""
    assert FILE.read_text() == json.dumps(card_schema(), indent=1) + "\n"
    Draft202012Validator.check_schema(card_schema())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.parent.name)
def test_every_card_that_ships_is_valid(validator, path):
    plain = json.loads(path.read_text())
    validator.validate(plain)
    # As it would be written today, to the byte.
    assert Card.read(path).to_bytes() == path.read_bytes()


def test_what_is_written_is_valid(validator):
    validator.validate(json.loads(a_card().to_bytes()))
    validator.validate(json.loads(Card.from_json(SCHEMA_1).to_bytes()))


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ((), "kind", "lungs"),
        ((), "schema_version", 1),
        ((), "name", "../x"),
        ((), "more", 1),
        (("weights",), "sha256", "0"),
        (("weights",), "file", "a/b"),
        (("operating_points", 0), "threshold", 1),
        (("operating_points", 0), "near", [0.1]),
        (("training",), "epochs", -1),
        (("calibration",), "method", "isotonic"),
        (("evaluation", "test"), "auc", 1.5),
        (("architecture",), "arguments", {"input_size": [1]}),
    ],
)
def test_what_it_refuses_the_card_refuses(validator, part, key, value):
    plain = copy.deepcopy(Card.from_json(SCHEMA_1).to_json())
    inner = plain
    for step in part:
        inner = inner[step]
    inner[key] = value
    assert not validator.is_valid(plain)
    if key != "schema_version":
        with pytest.raises(CardError):
            Card.from_json(plain)
