"""What comes of 1,000 people, against numbers worked out by hand."""

import math

import numpy as np
import pytest

from cxr.site.costs import COLUMNS, Programme, over_thresholds, per_thousand
from cxr.stats.intervals import wilson


def test_a_programme_worked_out_by_hand():
    # 1,000 people, 50 with the finding: 45 found, 5 missed; of 950 others 190 sent on, 760 not.
    counted = per_thousand(Programme(0.05, film_cost=2, confirm_cost=10), 0.9, 0.8)
    assert counted.found == pytest.approx(45)
    assert counted.missed == pytest.approx(5)
    assert counted.needless == pytest.approx(190)
    assert counted.sent_on == pytest.approx(235)
    assert counted.ppv == pytest.approx(45 / 235)
    assert counted.npv == pytest.approx(760 / 765)
    assert counted.cost == pytest.approx(1000 * 2 + 235 * 10)
    assert counted.cost_per_case == pytest.approx(4350 / 45)


def test_nobody_sent_on_finds_nobody():
    counted = per_thousand(Programme(0.01, film_cost=1), 0.0, 1.0)
    assert (counted.sent_on, counted.found, counted.missed) == (0, 0, 10)
    assert math.isnan(counted.ppv)
    assert math.isinf(counted.cost_per_case)


def test_everybody_sent_on_misses_nobody():
    counted = per_thousand(Programme(0.01, confirm_cost=3), 1.0, 0.0)
    assert (counted.sent_on, counted.missed) == (1000, 0)
    assert counted.cost_per_case == pytest.approx(300)
    assert math.isnan(counted.npv)


def test_each_threshold_is_counted_on_the_films():
    scores = np.array([0.1, 0.2, 0.2, 0.4, 0.6, 0.8, 0.8, 0.9])
    labels = np.array([0, 0, 1, 0, 1, 0, 1, 1])
    programme = Programme(0.1, 1, 20)
    table = over_thresholds(scores, labels, programme)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 7
    assert table["threshold"].is_monotonic_increasing
    for row in table.itertuples():
        hit = int((scores[labels == 1] >= row.threshold).sum())
        clear = int((scores[labels == 0] < row.threshold).sum())
        assert row.sensitivity == hit / 4
        assert row.specificity == clear / 4
        assert (row.sensitivity_low, row.sensitivity_high) == wilson(hit, 4)
        assert row.sent_on == pytest.approx(per_thousand(programme, hit / 4, clear / 4).sent_on)
    assert table["sensitivity"].iloc[[0, -1]].tolist() == [1, 0]
    assert table["specificity"].iloc[[0, -1]].tolist() == [0, 1]


def test_scores_of_0_and_1_have_a_threshold_on_either_side():
    table = over_thresholds([0, 0, 1, 1], [0, 1, 0, 1], Programme(0.5))
    assert table["sensitivity"].tolist() == [1, 0.5, 0]


def test_all_thresholds_of_many_films_are_counted_at_once():
    rng = np.random.default_rng(0)
    labels = rng.integers(2, size=2000)
    table = over_thresholds(rng.random(2000), labels, Programme(0.05))
    assert len(table) == 2001
    assert (np.diff(table["sent_on"]) <= 1e-9).all()
    assert np.allclose(table["found"] + table["missed"], 50)


@pytest.mark.parametrize("numbers", [(1.2, 0, 0), (0.1, -1, 0), (0.1, 0, math.inf)])
def test_numbers_that_no_programme_has_are_an_error(numbers):
    with pytest.raises(ValueError, match="Expected"):
        Programme(*numbers)
