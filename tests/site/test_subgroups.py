"""Figures by sex, age, scanner and site."""

import numpy as np
import pandas as pd
import pytest

from cxr.site.subgroups import COLUMNS, TOO_FEW, age_band, share_with, subgroups
from cxr.stats.clustered import rate_interval
from cxr.stats.curves import auc
from cxr.stats.intervals import wilson


@pytest.fixture
def films() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    truth = np.tile([0, 1], 100)
    return pd.DataFrame(
        {
            "truth": truth,
            "score": np.clip(rng.normal(0.35 + 0.3 * truth, 0.15), 0, 1),
            "sex": np.where(np.arange(200) < 120, "F", "M"),
            "age": np.where(np.arange(200) < 190, 30.0, 70.0),
            "scanner": "",
        }
    )


def test_each_group_has_its_rates_and_what_they_stand_on(films):
    table = subgroups(films, 0.5).set_index(["by", "group"])
    row, ours = table.loc[("sex", "F")], films[films["sex"] == "F"]
    hits = int((ours["score"] >= 0.5)[ours["truth"] == 1].sum())
    assert (row["n"], row["positives"], row["negatives"]) == (120, 60, 60)
    assert row["sensitivity"] == hits / 60
    assert (row["sensitivity_low"], row["sensitivity_high"]) == wilson(hits, 60)
    assert row["auc"] == auc(ours["score"], ours["truth"])[0]
    assert table.loc[("sex", "M"), "n"] == 80


def test_a_small_group_has_no_rate_and_says_so(films):
    row = subgroups(films, 0.5).set_index("group").loc["65 and over"]
    assert row["n"] == 10
    assert row["note"] == TOO_FEW
    assert row[["sensitivity", "specificity", "auc"]].isna().all()


def test_a_class_with_films_enough_keeps_its_rate(films):
    few = films.drop(films.index[(films["truth"] == 1) & (films["sex"] == "M")][5:])
    row = subgroups(few, 0.5).set_index("group").loc["M"]
    assert np.isnan(row["sensitivity"])
    assert row["specificity"] > 0
    assert row["note"] == TOO_FEW


def test_what_all_films_share_is_no_group(films):
    assert set(subgroups(films, 0.5)["by"]) == {"sex", "age"}
    assert tuple(subgroups(films[["truth", "score"]], 0.5).columns) == COLUMNS


def test_films_of_which_it_is_not_known_are_a_group_and_come_last(films):
    films.loc[:30, "sex"] = ""
    named = subgroups(films, 0.5)
    assert named[named["by"] == "sex"]["group"].tolist() == ["F", "M", "not known"]


def test_ages_are_in_order(films):
    films["age"] = np.tile([2, 8, 30, 70, np.nan], 40)
    named = subgroups(films, 0.5)
    assert named[named["by"] == "age"]["group"].tolist() == [
        "0 to 4", "5 to 14", "25 to 44", "65 and over", "not known",
    ]  # fmt: skip


def test_films_of_one_patient_make_a_wider_interval():
    holds = np.repeat([True, False, True, True], 10)
    patients = np.repeat(["a", "b", "c", "d"], 10)
    share, (low, high) = share_with(holds, patients)
    assert share == 0.75
    assert (low, high) == rate_interval(holds, patients)
    # As much as four films of four patients say, or less.
    assert high - low >= np.diff(wilson(3, 4))[0]
    assert share_with(holds, [""] * 40)[1] == wilson(30, 40)


@pytest.mark.parametrize(
    ("age", "band"), [(0, "0 to 4"), (4.9, "0 to 4"), (5, "5 to 14"), (90, "65 and over")]
)
def test_ages_have_their_band(age, band):
    assert age_band(age) == band


def test_no_age_has_no_band():
    assert age_band(float("nan")) == ""
