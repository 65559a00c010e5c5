"""A bundle tried on labelled films: the same figures as those it was stored with."""

from __future__ import annotations

import copy
import json
import shutil

import pandas as pd
import pytest

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


def test_the_bundles_own_table_tells_what_was_validation(made_bundle, made_films, tmp_path):
    """Whatever the folders say: a model made on a share of the films never saw the others."""
    folder = tmp_path / "bundle"
    shutil.copytree(made_bundle.folder, folder)
    films = pd.read_csv(folder / "films.csv", dtype={"patient": str})
    held = films.index[films["split"] == "validation"]
    films.drop(index=held[:3]).to_csv(folder / "films.csv", index=False)
    bundle = Bundle(folder, made_bundle.card)
    assert assess(bundle, made_films, split="validation").n == len(held) - 3
    # The three that it never saw are training films to the folder, and so they count there.
    learned = int((films["split"] == "train").sum())
    assert assess(bundle, made_films, split="train").n == learned + 3


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
