"""A bundle tried on labelled films: the same figures as those it was stored with."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil

import pytest

from cxr import dataset
from cxr.assessment import assess
from cxr.bundle import Bundle
from cxr.layouts import DatasetError


def figures(evaluation) -> dict:
    return json.loads(json.dumps(evaluation.to_json()))


def same(ours: dict, stored: dict) -> None:
    assert list(ours) == list(stored)
    for key, value in stored.items():
        expected = value if isinstance(value, str | list) else pytest.approx(value, abs=1e-6)
        if key != "confusion_matrix" and isinstance(value, list):
            expected = pytest.approx(value, abs=1e-6)
        assert ours[key] == expected, key


def test_test_split_gives_the_stored_figures(made_bundle, made_films):
    seen: list[int] = []
    totals: list[int] = []

    def progress(total: int):
        totals.append(total)
        return seen.append

    result = assess(made_bundle, made_films, progress=progress)
    same(figures(result), made_bundle.card.evaluation["test"])
    assert totals == [20]
    assert seen == list(range(1, 21))


def test_validation_is_the_one_the_bundle_was_fitted_on(made_bundle, made_films):
    result = assess(made_bundle, made_films, split="validation")
    same(figures(result), made_bundle.card.evaluation["validation"])


def test_validation_of_a_model_that_saw_a_share_of_the_films(made_bundle, made_films):
    card = made_bundle.card
    bundle = Bundle(
        made_bundle.folder,
        dataclasses.replace(card, training=card.training | {"share": 0.5}),
    )
    table = dataset.subset(dataset.scan(made_films), 0.5, seed=card.recipe["seed"])
    table, _ = dataset.read_films(table.reset_index(drop=True), made_films)
    split = dataset.split_by_patient(table, card.recipe["validation"], seed=card.recipe["seed"])
    expected = int((split["split"] == "validation").sum())
    assert expected < 12
    assert assess(bundle, made_films, split="validation").n == expected


def test_another_operating_point(made_bundle, made_films):
    result = assess(made_bundle, made_films, operating_point="fixed-0.6")
    assert (result.operating_point, result.threshold) == ("fixed-0.6", 0.6)
    with pytest.raises(ValueError, match=r"sensitivity-95.*Received: 'nope'"):
        assess(made_bundle, made_films, operating_point="nope")


def test_a_set_without_splits(made_bundle, made_films):
    result = assess(made_bundle, made_films / "test", split="")
    stored = made_bundle.card.evaluation["test"]
    assert result.n == 20
    assert result.auc == pytest.approx(stored["auc"])


def test_films_of_other_findings_are_left_out(made_bundle, made_films, tmp_path):
    films = shutil.copytree(made_films / "test", tmp_path / "test")
    shutil.copytree(films / "PNEUMONIA", films / "EFFUSION")
    assert assess(made_bundle, tmp_path).n == 20


def test_refused_films_count(made_bundle, made_films, tmp_path):
    """A figure over the films that the gate lets through would be too good."""
    from PIL import Image

    films = shutil.copytree(made_films / "test", tmp_path / "test")
    Image.new("L", (160, 160), 30).save(films / "NORMAL" / "blank.png")
    assert assess(made_bundle, tmp_path).n == 21


def test_no_such_split_names_those_there(made_bundle, made_films):
    with pytest.raises(DatasetError, match=r"split 'nope'. Splits here: test, train\."):
        assess(made_bundle, made_films, split="nope")
    with pytest.raises(DatasetError, match=r"Splits here: \(none\)\."):
        assess(made_bundle, made_films / "test")


def test_no_film_of_the_models_classes(made_bundle, made_films, tmp_path):
    shutil.copytree(made_films / "test" / "PNEUMONIA", tmp_path / "test" / "EFFUSION")
    with pytest.raises(DatasetError, match=r"no films of pneumonia or normal.*\."):
        assess(made_bundle, tmp_path)


def test_the_bundle_stays_as_it_was(made_bundle, made_films):
    before = copy.deepcopy(made_bundle.card)
    assess(made_bundle, made_films)
    assert made_bundle.card == before
