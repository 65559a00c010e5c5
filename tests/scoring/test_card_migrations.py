"""Cards that were written with an older schema, read today."""

from __future__ import annotations

import copy
import json

import pytest

from cxr.scoring.card import Base, Card, CardError, TrainingStep
from cxr.scoring.card_migrations import SCHEMA_VERSION, migrate

RATES = {
    "sensitivity": 0.95,
    "sensitivity_ci": [0.92, 0.97],
    "specificity": 1.0,
    "specificity_ci": [0.97, 1.0],
}
#: As it was written in November 2026, with what some cards have and others lack.
SCHEMA_1 = {
    "schema_version": 1,
    "name": "pneumonia-vgg16-transfer",
    "finding": "pneumonia",
    "classes": ["normal", "pneumonia"],
    "population": "children of 1 to 5 years",
    "architecture": {
        "name": "vgg16_transfer",
        "arguments": {"input_size": 300, "pooling": "average", "dropout": 0.3},
        "parameters": 17451073,
        "base": {"base": "vgg16", "weights": "imagenet"},
    },
    "input": {"height": 300, "width": 300, "channels": 3, "resample": "nearest"},
    "preprocessing": "Grey, squashed to the input size.",
    "recipe": {
        "name": "pneumonia-vgg16-transfer",
        "finding": "pneumonia",
        "source": "kermany",
        "architecture": "vgg16_transfer",
        "input_size": 300,
        "channels": 3,
        "optimizer": "rmsprop",
        "learning_rate": 2e-05,
        "batch_size": 32,
        "epochs": 10,
        "arguments": {},
        "films": [],
        "external": {"nih": ["nih/normal", "nih/pneumonia"]},
        "first_step": {"epochs": 5, "share": 0.2, "validation": 0.2, "input_size": 0},
        "seed": 7,
        "augmentation": {"rotation": 12, "scale": [0.7, 1.0], "flip": True},
    },
    "training": {
        "epochs": 10,
        "kept_epoch": 4,
        "wall_seconds": 3453.8,
        "share": 1.0,
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "first_step": {
            "films": 941,
            "input_size": 300,
            "epochs": 5,
            "val_accuracy": 0.94,
            "val_auc": 0.98,
            "wall_seconds": 20.5,
        },
    },
    "data": {
        "set": "kermany",
        "title": "Paediatric chest radiographs, Guangzhou",
        "citation": "Kermany et al. 2018, Cell 172:1122",
        "doi": "10.17632/rscbjbr9sj.3",
        "licence": "CC BY 4.0",
        "films": [{"split": "test", "label": "normal", "films": 234, "patients": 225}],
    },
    "calibration": {"method": "temperature", "temperature": 0.8},
    "operating_points": [
        {
            "name": "sensitivity-95",
            "rule": "The highest threshold with a sensitivity of at least 95 % on validation.",
            "threshold": 0.61,
            "near": [0.23, 0.78],
            "n": 524,
            **RATES,
        }
    ],
    "default_operating_point": "sensitivity-95",
    "evaluation": {
        "test": {
            "model": "pneumonia-vgg16-transfer",
            "split": "test",
            "n": 624,
            "auc": 0.98,
            "auc_ci": [0.97, 0.99],
            "operating_point": "sensitivity-95",
            "threshold": 0.61,
            "accuracy": 0.94,
            "accuracy_ci": [0.92, 0.96],
            **RATES,
            "confusion_matrix": [[208, 26], [9, 381]],
        }
    },
    "weights": {"file": "head.weights.h5", "sha256": "5a" * 32},
    "gate": {
        "file": "gate.npz",
        "sha256": "8f" * 32,
        "layers": ["block3b_add"],
        "learned_from": ["kermany", "lateral"],
        "seed": 0,
        "measured": [
            {
                "films": "kermany",
                "n": 1500,
                "refused": 8,
                "share": 0.005333,
                "ci": [0.002705, 0.010489],
                "how": "5 parts in turn",
            }
        ],
    },
}
IMPORTED = {
    "model": "model.json",
    "model_sha256": "0" * 64,
    "weights": "weights.h5",
    "weights_sha256": "1" * 64,
    "last_activation": "sigmoid",
    "positive_first": False,
    "notes": ["No films were given."],
}


def kept(old: object, new: object, where: str = "") -> None:
    """Check that all that the old says the new says too."""
    if isinstance(old, dict):
        for key, value in old.items():
            kept(value, new[key], f"{where}.{key}")
    else:
        assert new == old, where


def test_no_value_changes():
    card = Card.from_json(SCHEMA_1)
    new = card.to_json()
    assert new["schema_version"] == SCHEMA_VERSION
    kept({key: value for key, value in SCHEMA_1.items() if key != "schema_version"}, new)
    assert Card.from_json(new) == card


def test_a_card_of_schema_2_has_no_export():
    plain = Card.from_json(SCHEMA_1).to_json() | {"schema_version": 2}
    del plain["export"]
    assert Card.from_json(plain).export is None


def test_what_it_says_has_types():
    card = Card.from_json(SCHEMA_1)
    assert card.kind == "classifier"
    assert card.architecture.base == Base("vgg16", "imagenet")
    assert card.training.first_step == TrainingStep(941, 300, 5, 0.94, 0.98, 20.5)
    assert card.evaluation["test"].confusion.tp == 381
    assert card.gate.measured[0].ci == (0.002705, 0.010489)
    assert card.external == {"nih": ("nih/normal", "nih/pneumonia")}
    assert card.seed == card.recipe.seed == 7


def test_what_older_cards_lack_is_unknown_or_as_it_was():
    card = Card.from_json(SCHEMA_1)
    assert card.training.feature_seconds is None
    assert (card.input.margin, card.input.levels, card.input.through) == (0.0, "plain", 0)
    assert card.recipe.storage == "float32"
    assert card.tables.history is card.tables.predictions is card.tables.films is None


@pytest.mark.parametrize("empty", [{}, None, "missing"])
def test_no_gate_and_no_first_step(empty):
    plain = copy.deepcopy(SCHEMA_1)
    for part, name in ((plain, "gate"), (plain["training"], "first_step")):
        part[name] = empty
        if empty == "missing":
            del part[name]
    card = Card.from_json(plain)
    assert card.gate is card.training.first_step is None


def test_an_imported_network_has_no_recipe():
    plain = copy.deepcopy(SCHEMA_1)
    plain["recipe"] = {"imported": True, "seed": 3, "validation": 0.1}
    plain["training"]["imported"] = IMPORTED
    card = Card.from_json(plain)
    assert card.recipe is None
    assert card.external == {}
    assert card.seed == card.training.imported.seed == 3
    assert card.training.imported.validation == 0.1
    kept(IMPORTED, json.loads(card.to_bytes())["training"]["imported"])


def test_what_is_given_is_not_changed():
    before = copy.deepcopy(SCHEMA_1)
    migrate(SCHEMA_1)
    assert before == SCHEMA_1


@pytest.mark.parametrize("part", ["training", "recipe", "gate", "evaluation"])
@pytest.mark.parametrize("value", [3, "x", [1], True])
def test_what_it_cannot_understand_is_left_to_the_checks(part, value):
    with pytest.raises(CardError, match=part):
        Card.from_json(SCHEMA_1 | {part: value})
