from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cxr.films.statistics import STATISTICS
from cxr.monitoring import Reading, Readings, new_list_id
from cxr.monitoring.drift import (
    CUTS,
    FEWEST,
    SCORE,
    Drift,
    as_table,
    drift,
    drifts,
    logged_films,
    psi,
    spread,
    validation_films,
)
from cxr.scoring.operating_points import Calibration
from tests.stored import stored

WEIGHTS = "c" * 64


def log_of(tmp_path, *readings: dict) -> pd.DataFrame:
    log = Readings(f"sqlite:///{tmp_path / 'log'}")
    plain = {"list_id": new_list_id(), "model": "pneumonia-made", "model_sha256": WEIGHTS}
    plain |= {"finding": "pneumonia", "operating_point": "youden", "threshold": 0.5}
    log.scored(*(Reading(**{**plain, **values}) for values in readings))
    return log.table()


def film(number: int) -> str:
    return f"{number:064x}"


def bundle_of(scores, films: pd.DataFrame | None = None, temperature: float = 1.0):
    scores = np.asarray(scores, dtype=float)
    logits = np.log(scores / (1 - scores)) * temperature
    predictions = pd.DataFrame({"split": "validation", "logit": logits})
    # Films of another split, which must not be counted.
    more = pd.DataFrame({"split": "test", "logit": np.full(50, 9.0)})
    if films is None:
        films = pd.DataFrame({"split": ["validation", "train"], "width": 224})
    return stored(
        SimpleNamespace(calibration=Calibration(temperature)),
        pd.concat([predictions, more], ignore_index=True).assign(label="normal"),
        films,
    )


# the index


def test_worked_by_hand():
    """Two bins, cut at the median of 1 to 4: shares 0.5 and 0.5 against 0.25 and 0.75."""
    found = psi([1, 2, 3, 4], [0, 3, 3, 9], bins=2)
    assert found == pytest.approx((0.25 - 0.5) * math.log(0.5) + (0.75 - 0.5) * math.log(1.5))
    assert found == pytest.approx(0.27465, abs=1e-5)


def test_worked_by_hand_with_an_empty_bin():
    """An empty bin counts as half a value: 0.5 of 4 against 0.5."""
    found = psi([1, 2, 3, 4], [9, 9, 9, 9], bins=2)
    p, q = np.array([0.5, 0.5]), np.array([0.5 / 4, 1])
    assert found == pytest.approx(np.sum((q - p) * np.log(q / p)))


def test_of_deciles():
    expected = np.arange(1000)
    actual = np.concatenate([np.arange(100), np.arange(100), np.arange(100, 1000)])
    shares = np.array([200] + [100] * 9) / 1100
    assert psi(expected, actual) == pytest.approx(np.sum((shares - 0.1) * np.log(shares / 0.1)))


def test_no_change_is_zero_and_the_ends_are_open():
    values = np.random.default_rng(0).random(500)
    assert psi(values, values) == 0
    assert psi(values, np.concatenate([values, values])) == pytest.approx(0)
    lower, upper = np.sort(values)[:50], np.sort(values)[-50:]
    stretched = values.copy()
    stretched[np.isin(stretched, lower)] = -99
    stretched[np.isin(stretched, upper)] = 99
    assert psi(values, stretched) == pytest.approx(0)


def test_a_value_on_a_cut_is_of_the_bin_above():
    expected = [0, 1, 2, 3]  # cut at 2
    assert psi(expected, [0, 2, 2, 2], bins=2) == psi(expected, [0, 3, 3, 3], bins=2) > 0
    assert psi(expected, [0, 1.9, 2, 2], bins=2) == 0


def test_equal_values_share_a_bin():
    tied = np.array([0.0] * 60 + [0.1] * 20 + [0.9] * 20)
    assert psi(tied, tied) == 0
    # The bins left are that of 0, and those from 0.1 and from 0.9 on.
    more = np.array([0.0] * 30 + [0.1] * 20 + [0.9] * 50)
    p, q = np.array([0.6, 0.2, 0.2]), np.array([0.3, 0.2, 0.5])
    assert psi(tied, more) == pytest.approx(np.sum((q - p) * np.log(q / p)))
    assert math.isnan(psi([1, 1, 1], [1, 2, 3]))


@pytest.mark.parametrize(
    ("expected", "actual", "bins", "message"),
    [
        ([], [1], 10, "Expected finite values"),
        ([1], [], 10, "Expected finite values"),
        ([1, math.nan], [1], 10, "Expected finite values"),
        ([1, 2], [math.inf], 10, "Expected finite values"),
        ([[1, 2]], [1], 10, "Expected finite values"),
        ([1, 2], [1], 1, "Expected at least 2 bins"),
    ],
)
def test_says_what_is_wrong(expected, actual, bins, message):
    with pytest.raises(ValueError, match=message):
        psi(expected, actual, bins)


# and chance


def test_chance_stays_under_what_is_said_95_times_in_100():
    rng = np.random.default_rng(1)
    for n, m in ((500, 60), (300, 400)):
        found = [drift(SCORE, rng.random(n), rng.random(m)) for _ in range(400)]
        beyond = np.mean([each.beyond_chance for each in found])
        assert 0.02 <= beyond <= 0.10, (n, m)


def test_the_limit_of_chance_is_the_chi_squared_point():
    found = drift(SCORE, np.arange(100.0), np.arange(50.0))
    assert found.chance == pytest.approx(16.9190 * (1 / 100 + 1 / 50), rel=1e-4)
    two_bins = drift("dark", np.array([0.0] * 50 + [1.0] * 50), np.zeros(50))
    assert two_bins.chance == pytest.approx(3.8415 * (1 / 100 + 1 / 50), rel=1e-4)


def shifted(share: float, n: int = 20_000) -> np.ndarray:
    """Scores of which a share of the lower half has moved to the upper, evenly."""
    values = np.linspace(0, 1, n, endpoint=False)
    moved = np.flatnonzero(np.arange(n // 2) % 10 < round(10 * share))
    values[moved] = values[n // 2 + moved]
    return values


@pytest.mark.parametrize(
    ("share", "note"),
    [(0.0, "no more than by chance"), (0.1, "little"), (0.4, "some"), (0.7, "much")],
)
def test_a_word_for_how_much(share, note):
    before = np.linspace(0, 1, 20_000, endpoint=False)
    found = drift(SCORE, before, shifted(share))
    assert found.psi == pytest.approx(psi(before, shifted(share)))
    assert found.note == found.text == note
    assert found.beyond_chance == (share > 0)
    if note == "little":
        assert found.chance < found.psi < CUTS[0]
    if note == "some":
        assert CUTS[0] <= found.psi < CUTS[1]
    if note == "much":
        assert found.psi >= CUTS[1]


def test_what_chance_may_do_is_not_called_much():
    rng = np.random.default_rng(3)
    found = drift(SCORE, rng.random(500), rng.random(30))
    assert found.psi > CUTS[0]  # so it often is with 30 films
    assert found.note == "no more than by chance"


@pytest.mark.parametrize(
    ("n", "m", "text"),
    [
        (500, 29, "n = 29, too few"),
        (500, 0, "n = 0, too few"),
        (29, 500, "n = 29 validation films, too few"),
        (29, 12, "n = 12, too few"),
        (0, 500, "not known"),
        (0, 3, "not known"),
    ],
)
def test_too_few_films_say_nothing(n, m, text):
    found = drift("mean", np.arange(float(n)), np.arange(float(m)))
    assert (found.psi, found.chance, found.text) == (None, None, text)
    assert (found.n_validation, found.n_logged) == (n, m)
    assert not found.beyond_chance


def test_thirty_films_are_enough():
    assert FEWEST == 30
    found = drift("mean", np.arange(30.0), np.arange(30.0))
    assert found.psi == 0


def test_one_value_only_says_nothing():
    assert drift("dark", np.zeros(99), np.ones(99)).note == "not known"
    assert drift("dark", np.arange(99.0), np.zeros(99)).psi > 1


def test_what_is_not_known_of_a_film_is_left_out():
    values = np.concatenate([np.arange(40.0), [np.nan] * 9])
    found = drift("mean", values, values)
    assert (found.n_validation, found.n_logged, found.psi) == (40, 40, 0)


# from the log and the bundle


def test_a_film_counts_once_as_it_was_scored_last(tmp_path):
    table = log_of(
        tmp_path,
        {"film_sha256": film(1), "score": 0.1, "mean": 0.12345678},
        {"film_sha256": film(2), "score": 0.2},
        {"film_sha256": film(1), "score": 0.3, "mean": 0.5, "list_id": new_list_id()},
        {"film_sha256": film(3), "score": None, "refusal_code": "blank", "mean": 0.9},
        {"score": None, "refusal_code": "unreadable"},
    )
    called = table.iloc[[1]].assign(event="called", score=0.77)
    found = logged_films(pd.concat([table, called], ignore_index=True))
    assert list(found.columns) == [SCORE, *STATISTICS]
    assert found[SCORE].tolist() == [0.2, 0.3]
    assert found["mean"].tolist()[1] == 0.5
    assert logged_films(table.head(1))["mean"].tolist() == [0.1235]  # as film tables store it
    assert logged_films(table.head(0)).empty


def test_scores_of_validation_are_calibrated_and_of_no_other_split():
    found = validation_films(bundle_of([0.25, 0.75], temperature=2.0))
    assert found[SCORE].tolist() == pytest.approx([0.25, 0.75])
    assert found[list(STATISTICS)].isna().all().all()


def test_statistics_of_validation_are_read_where_they_are_stored():
    films = pd.DataFrame(
        {
            "split": ["validation", "train", "validation", "validation"],
            "stat_mean": [0.1, 9, 0.3, np.nan],
            "stat_dark": [0.12344, 9, 0.2, 0.3],
            "mean": [7, 7, 7, 7],
        }
    )
    found = validation_films(bundle_of([0.5], films))
    assert found["mean"].dropna().tolist() == [0.1, 0.3]
    assert found["dark"].dropna().tolist() == [0.1234, 0.2, 0.3]
    assert found["bright"].isna().all()
    assert found[SCORE].dropna().tolist() == [0.5]


def test_drift_of_the_score_and_of_each_statistic(tmp_path):
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.05, 0.95, 200)
    films = pd.DataFrame({"split": "validation", "stat_mean": rng.normal(0.5, 0.1, 200)})
    films["stat_spread"] = rng.normal(0.2, 0.01, 200)
    table = log_of(
        tmp_path,
        *(
            {"film_sha256": film(i), "score": s, "mean": float(m), "spread": 0.5}
            for i, (s, m) in enumerate(zip(scores, films["stat_mean"], strict=True))
        ),
    )
    found = {each.name: each for each in drifts(table, bundle_of(scores, films))}
    assert tuple(found) == (SCORE, *STATISTICS)
    assert found[SCORE].psi == pytest.approx(0, abs=1e-6)
    assert found["mean"].psi == pytest.approx(0, abs=1e-6)
    assert found["spread"].note == "much"
    assert {found[name].note for name in ("dark", "bright", "sharpness")} == {"not known"}
    assert found[SCORE].n_validation == found[SCORE].n_logged == 200
    few = drifts(table.head(12), bundle_of(scores, films))
    assert [each.text for each in few[:3]] == ["n = 12, too few"] * 3
    none = drifts(table.head(0), bundle_of([0.5] * 0, films))
    assert none[0].text == "not known"


def test_is_laid_out_with_gaps_where_nothing_is_known():
    found = as_table([Drift(SCORE, 0.2, 0.1, 99, 88, "some"), drift("mean", [], [])])
    assert found.columns.tolist() == [
        "quantity", "PSI", "by chance up to", "validation films", "logged films", "drift",
    ]  # fmt: skip
    assert found.iloc[0].tolist() == [SCORE, 0.2, 0.1, 99, 88, "some"]
    assert found.iloc[1, 1:3].isna().all()
    assert found["drift"].tolist() == ["some", "not known"]


def test_the_spread_holds_every_film(tmp_path):
    table = log_of(
        tmp_path, *({"film_sha256": film(i), "score": s} for i, s in enumerate((0, 0.5, 0.51, 1)))
    )
    found = spread(table, bundle_of([0.01, 0.5, 0.52, 0.99, 0.98]))
    assert found.edges.tolist() == pytest.approx(np.linspace(0, 1, 21).tolist())
    assert found.validation.sum() == pytest.approx(1)
    assert found.logged.sum() == pytest.approx(1)
    assert found.logged[[0, 10, 19]].tolist() == [0.25, 0.5, 0.25]
    assert found.validation[[0, 10, 19]].tolist() == pytest.approx([0.2, 0.4, 0.4])
    assert (found.n_validation, found.n_logged) == (5, 4)
    empty = spread(table.head(0), bundle_of([]))
    assert empty.logged.sum() == empty.validation.sum() == 0
    assert (empty.n_validation, empty.n_logged) == (0, 0)
