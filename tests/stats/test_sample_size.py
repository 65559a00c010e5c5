"""Films that an interval takes, against scipy's intervals and drawn films."""

import numpy as np
import pytest
from scipy.stats import binomtest

from cxr.stats.intervals import wilson
from cxr.stats.sample_size import films_for_interval, films_needed


def scipy_width(share, n, level=0.95):
    # scipy takes whole films: the width is read between its neighbors.
    low, high = np.floor(share * n), np.ceil(share * n)
    part = 0 if high == low else (share * n - low) / (high - low)
    ends = [binomtest(int(k), n).proportion_ci(level, method="wilson") for k in (low, high)]
    widths = [end.high - end.low for end in ends]
    return (1 - part) * widths[0] + part * widths[1]


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95, 0.99, 1.0])
@pytest.mark.parametrize("width", [0.05, 0.1, 0.2, 0.4])
def test_the_number_is_the_smallest_that_is_enough(share, width):
    n = films_for_interval(share, width)

    def got(films):
        low, high = wilson(share * films, films)
        return high - low

    assert got(n) <= width
    assert n == 1 or got(n - 1) > width
    assert scipy_width(share, n) == pytest.approx(width, abs=0.01 + 0.4 / n)


def test_drawn_films_have_intervals_of_about_the_width_asked():
    n = films_for_interval(0.9, 0.1)
    drawn = np.random.default_rng(0).binomial(n, 0.9, size=4000)
    ends = np.array([wilson(k, n) for k in drawn])
    assert np.mean(ends[:, 1] - ends[:, 0]) == pytest.approx(0.1, abs=0.002)
    assert np.mean((ends[:, 0] <= 0.9) & (ends[:, 1] >= 0.9)) == pytest.approx(0.95, abs=0.015)


def test_a_wider_interval_or_a_lower_level_takes_fewer_films():
    assert films_for_interval(0.9, 0.2) < films_for_interval(0.9, 0.1)
    assert films_for_interval(0.9, 0.1, level=0.8) < films_for_interval(0.9, 0.1)


def test_both_classes_are_to_be_expected_at_the_prevalence():
    needed = films_needed(0.9, 0.8, 0.1, prevalence=0.1)
    assert needed.positives == films_for_interval(0.9, 0.1)
    assert needed.negatives == films_for_interval(0.8, 0.1)
    assert needed.films * 0.1 >= needed.positives > (needed.films - 1) * 0.1
    assert films_needed(0.9, 0.9, 0.1, prevalence=0.5).films == 2 * needed.positives


@pytest.mark.parametrize(
    ("share", "width", "level"),
    [(1.1, 0.1, 0.95), (float("nan"), 0.1, 0.95), (0.9, 0, 0.95), (0.9, 0.1, 1)],
)
def test_a_number_outside_its_range_is_an_error(share, width, level):
    with pytest.raises(ValueError, match="Expected"):
        films_for_interval(share, width, level)


@pytest.mark.parametrize("prevalence", [0, 1])
def test_films_of_one_class_are_an_error(prevalence):
    with pytest.raises(ValueError, match="prevalence"):
        films_needed(0.9, 0.9, 0.1, prevalence)


@pytest.mark.parametrize(
    ("share", "width", "films"),
    # samplesize_confint_proportion(share, width / 2) of statsmodels 0.15, for the interval of
    # Wald, which is nearly Wilson's for shares that are not near 0 or 1.
    [(0.5, 0.05, 1536.6), (0.5, 0.1, 384.1), (0.8, 0.05, 983.4), (0.8, 0.1, 245.9)],
)
def test_the_number_is_about_that_of_statsmodels(share, width, films):
    assert films_for_interval(share, width) == pytest.approx(films, rel=0.01)
