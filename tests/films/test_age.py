from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.films.age import age_between, age_text, date_of, stated_age

DAYS = st.dates(date(1900, 1, 1), date(2030, 12, 31))


def completed(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@pytest.mark.parametrize(
    ("text", "years", "unit"),
    [
        ("005Y", 5, "years"),
        ("018M", 1.5, "months"),
        ("071M", 71 / 12, "months"),
        ("003W", 21 / 366, "weeks"),
        ("010D", 10 / 366, "days"),
        ("000Y", 0, "years"),
        ("81", 81, "years"),
        (" 5y ", 5, "years"),
    ],
)
def test_stated(text, years, unit):
    got = stated_age(text)
    assert got is not None
    assert got == (pytest.approx(years), unit)


@pytest.mark.parametrize("text", ["", "X", "999Y", "-05Y", "5 years", "Y", "٥Y", "05YY"])
def test_not_stated(text):
    assert stated_age(text) is None


@given(DAYS, DAYS)
def test_whole_years_are_those_that_were_completed(born, day):
    got = age_between(born.isoformat(), [day.isoformat()])
    if day < born or completed(born, day) > 130:
        assert got is None
        return
    assert got is not None
    assert int(got[0]) == completed(born, day)
    assert got[0] < age_between(born.isoformat(), [(day + timedelta(40)).isoformat()])[0]


@given(st.dates(date(1950, 1, 1), date(2020, 12, 31)), st.integers(1, 90))
def test_on_a_birthday_it_is_that_age_exactly(born, years):
    if (born.month, born.day) == (2, 29):
        return
    day = born.replace(year=born.year + years)
    assert age_between(born.isoformat(), [day.isoformat()])[0] == years
    before = age_between(born.isoformat(), [(day - timedelta(1)).isoformat()])[0]
    assert years - 0.1 < before < years


@pytest.mark.parametrize("days", [365, 2 * 365, 6 * 365 + 1, 18 * 365 + 4])
def test_days_that_may_be_years_are(days):
    got = stated_age(f"{days}D")
    assert got is not None
    assert got[0] == days // 365
    assert stated_age(f"{days - 1}D")[0] < days // 365


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("20240102", date(2024, 1, 2)),
        ("2024.01.02", date(2024, 1, 2)),
        ("2024-01-02", date(2024, 1, 2)),
        ("20240102123000.5+0100", date(2024, 1, 2)),
        (" 20240102 ", date(2024, 1, 2)),
        ("20240230", None),
        ("2024", None),
        ("", None),
        ("00000000", None),
        ("unknown", None),
    ],
)
def test_dates(text, wanted):
    assert date_of(text) == wanted


def test_the_first_date_that_makes_sense_counts():
    assert age_between("20000101", ["", "19000101", "99990101", "20240102", "20300101"])[0] >= 24
    assert int(age_between("20000101", ["", "19000101", "20240102", "20300101"])[0]) == 24
    assert age_between("20000101", []) is None
    assert age_between("", ["20240102"]) is None


@pytest.mark.parametrize(
    ("age", "unit", "words"),
    [
        (*stated_age("018M"), "18 months"),
        (*stated_age("071M"), "5 years"),
        (*stated_age("011M"), "11 months"),
        (*stated_age("001M"), "1 month"),
        (*stated_age("023M"), "23 months"),
        (*stated_age("024M"), "2 years"),
        (*stated_age("017Y"), "17 years"),
        (*stated_age("001Y"), "1 year"),
        (*stated_age("000Y"), "0 years"),
        (*stated_age("030D"), "30 days"),
        (*stated_age("006W"), "6 weeks"),
        (*stated_age("400D"), "13 months"),
        (*stated_age("200W"), "3 years"),
        (0.0, None, "0 months"),
        (0.99, None, "11 months"),
        (5.99, None, "5 years"),
    ],
)
def test_words(age, unit, words):
    assert age_text(age, unit) == words


def test_every_stated_number_is_told_again():
    for number in range(1, 52):
        assert age_text(*stated_age(f"{number}W")) == f"{number} week{'s' * (number > 1)}"
    for number in range(365):
        assert age_text(*stated_age(f"{number}D")) == f"{number} day{'s' * (number != 1)}"
    for number in range(24):
        assert age_text(*stated_age(f"{number}M")) == f"{number} month{'s' * (number != 1)}"
