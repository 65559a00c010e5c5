import math

import pytest

from cxr.stats.wording import count, interval, number, p_value, percent, with_interval


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_a_figure_that_there_is_none_of_is_said_so(nothing):
    assert number(nothing) == percent(nothing) == with_interval(nothing, (0, 1)) == "none"
    assert with_interval(nothing, None, missing="not known") == "not known"


@pytest.mark.parametrize("ends", [None, (math.nan, math.nan), (None, None)])
def test_a_value_without_an_interval_stands_alone(ends):
    assert with_interval(0.96371, ends) == "0.964"


def test_a_value_stands_before_its_interval_in_one_form():
    assert with_interval(0.96371, (0.9, 1)) == "0.964 (0.900 to 1.000)"
    assert with_interval(0.5, [0.25, 0.75], ".1%") == "50.0 % (25.0 % to 75.0 %)"
    assert with_interval(-0.0001, (-0.0002, 0.1), "z.3f") == "0.000 (0.000 to 0.100)"
    assert interval((-0.1, 0.2), "+.0%") == "-10 % to +20 %"


def test_digits_of_a_share():
    assert (percent(0.9637), percent(0.9637, 0)) == ("96.4 %", "96 %")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "p < 0.001"),
        (0.00099, "p < 0.001"),
        (0.0424, "p = 0.042"),
        (1.0, "p = 1.000"),
        (math.nan, "p unknown"),
    ],
)
def test_p_in_words(p, text):
    assert p_value(p) == text


def test_one_thing_is_one_and_many_are_told_apart():
    assert [count(n) for n in (0, 1, 2, 5856)] == ["0 films", "1 film", "2 films", "5,856 films"]
    assert count(1, "pass", "passes") == "1 pass"
    assert count(2, "pass", "passes") == "2 passes"
