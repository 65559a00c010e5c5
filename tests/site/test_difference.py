"""Whether a site's films differ from a model's own, on made films."""

import numpy as np
import pandas as pd
import pytest

from cxr.films.statistics import STATISTICS
from cxr.site.difference import Difference, difference, own_films


def films(n, seed, *, side=512, shift=0.0, **more):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.normal(0.5, 0.1, (n, 5)), columns=list(STATISTICS))
    table["sharpness"] += shift
    return table.assign(width=side, height=side - 40, **more)


def test_films_of_one_kind_are_not_told_apart():
    found = difference(films(200, 0), films(300, 1))
    assert found.auc == pytest.approx(0.5, abs=0.08)
    assert not found.differs
    assert not found.low_resolution
    assert "look much like" in found.sentences[0]
    assert len(found.sentences) == 1


def test_a_shift_of_one_quantity_is_found_and_named():
    found = difference(films(200, 0, shift=-0.3), films(300, 1))
    assert found.differs
    assert found.quantities[0].name == "sharpness"
    assert found.quantities[0].auc < 0.1
    assert found.quantities[0].site < found.quantities[0].own
    assert any("softer" in said for said in found.sentences)


def test_low_resolution_is_named_even_where_grey_values_are_alike():
    found = difference(films(100, 0, side=128), films(300, 1))
    assert found.low_resolution
    assert "128 pixels" in found.sentences[-1]
    assert "512" in found.sentences[-1]
    assert not difference(films(100, 0, side=3000), films(300, 1)).low_resolution


def test_a_fingerprint_tells_pictures_apart_whose_grey_values_are_alike():
    rng = np.random.default_rng(2)

    def prints(n, start):
        return [start + rng.bytes(31).hex() for _ in range(n)]

    here = films(150, 0, phash=prints(150, "ff"))
    there = films(200, 1, phash=prints(200, "00"))
    assert difference(here, there).auc > 0.95
    assert difference(here.drop(columns="phash"), there).auc < 0.6


def test_films_of_a_patient_are_guessed_by_a_model_that_has_not_seen_the_patient():
    """Each patient's films are alike: films of one patient in both parts would tell."""
    rng = np.random.default_rng(3)
    sides = []
    for side in ("site", "own"):
        patients = np.repeat([f"{side}{k}" for k in range(12)], 10)
        middle = np.repeat(rng.normal(size=(12, 5)), 10, axis=0)
        table = pd.DataFrame(middle + rng.normal(0, 0.01, (120, 5)), columns=list(STATISTICS))
        sides.append(table.assign(patient=patients))
    assert difference(*sides).auc < 0.8


@pytest.mark.parametrize(("here", "there", "whose"), [(10, 100, "site"), (100, 10, "validation")])
def test_too_few_films_say_nothing(here, there, whose):
    found = difference(films(here, 0), films(there, 1))
    assert found.auc is None
    assert not found.differs
    assert whose in found.sentences[0]
    assert "30" in found.sentences[0]


def test_films_without_statistics_are_left_out():
    here = films(60, 0)
    here.loc[:9, "mean"] = np.nan
    assert difference(here, films(100, 1)).n_site == 50


def test_nothing_stored_of_a_model_says_nothing():
    found = difference(films(60, 0), pd.DataFrame({"patient": ["a"] * 60}))
    assert found == Difference(None, None, 60, 60, (), 512, None)


def test_own_films_are_those_of_validation():
    class Bundle:
        films = pd.DataFrame(
            {
                "split": ["train", "validation", "validation"],
                "patient": ["a", "b", "c"],
                "width": [1, 2, 3],
                "height": [1, 2, 3],
                "stat_mean": [0.1, 0.2, 0.3],
                "phash": ["00", "11", "22"],
            }
        )

    table = own_films(Bundle())
    assert table["patient"].tolist() == ["b", "c"]
    assert table["mean"].tolist() == [0.2, 0.3]
    assert set(table) == {"patient", "width", "height", "mean", "phash"}
