"""Ages as people count them: completed years, and months, weeks or days of small children.

An age is a number of years whose whole part is the years that were completed: on the 18th birthday
it is 18.0 exactly, the day before less. Days divided by 365.25 would fall short on most birthdays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

__all__ = ["UNITS", "age_between", "age_text", "date_of", "stated_age"]

#: In which an age is told.
UNITS = ("years", "months", "weeks", "days")
_LETTERS = dict(zip("YMWD", UNITS, strict=True)) | {"": "years"}
OLDEST = 130
#: From this age on months, weeks and days are of no use.
_YEARS_FROM = 2
#: Of the longest year: the days of the first year as a part of it.
_LEAP_YEAR = 366
_ROUNDING = 1e-6
# As the standard has it, as it had it at first, and as others write it; a time may follow.
_DATE = re.compile(r"\s*(\d{4})([.\-/]?)(\d{2})\2(\d{2})", re.ASCII)
_STATED = re.compile(r"\s*(\d{1,4})\s*([YMWD]?)\s*", re.ASCII)


def stated_age(text: str) -> tuple[float, str] | None:
    """Return an age as an age string states it (PS3.5 6.2: "018M"), and in which unit.

    Bare digits are met in practice and taken as years. None if it is none, or beyond 130 years.
    """
    match = _STATED.fullmatch(text.upper())
    if match is None:
        return None
    number, unit = int(match[1]), _LETTERS[match[2]]
    years = {
        "years": float(number),
        "months": number / 12,
        "weeks": _years_of(7 * number),
        "days": _years_of(number),
    }[unit]
    return (years, unit) if years <= OLDEST else None


def age_between(born: str, dates: Iterable[str]) -> tuple[float, str] | None:
    """Return the age at the first of some dates that makes sense, and in which unit it is told.

    Parameters
    ----------
    born, dates : str or iterable of str
        As the file writes them, see `date_of`.

    Returns
    -------
    tuple of float and str, or None
        Years and one of `UNITS`; None if a date is missing, lies before birth or is beyond 130
        years.
    """
    birth = date_of(born)
    if birth is None:
        return None
    for text in dates:
        day = date_of(text)
        if day is None or day < birth:
            continue
        months = 12 * (day.year - birth.year) + day.month - birth.month - (day.day < birth.day)
        if months > 12 * OLDEST:
            continue
        if months == 0:
            return _years_of((day - birth).days), "days"
        # Within the month, by its days: the order is kept, and no whole month is reached too soon.
        within = (day.day - birth.day) % 31 / 31
        return (months + within) / 12, "months" if months < 12 * _YEARS_FROM else "years"
    return None


def date_of(text: str) -> date | None:
    """Return the day that a date or a date with a time names; None if it names none."""
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None


def age_text(age: float, unit: str | None = None) -> str:
    """Write an age for people: "5 years", "18 months", "6 weeks", "30 days".

    Parameters
    ----------
    age : float
        In years.
    unit : str, optional
        Of `UNITS`, in which the file states it (default: months below 2 years, then years). From 2
        years on it is years, and from one year on neither weeks nor days.
    """
    if age < _YEARS_FROM and unit != "years":
        if age < 1 and unit in ("weeks", "days"):
            days = round(age * _LEAP_YEAR)
            return _counted(days // 7, "week") if unit == "weeks" else _counted(days, "day")
        return _counted(int(age * 12 + _ROUNDING), "month")
    return _counted(int(age + _ROUNDING), "year")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _years_of(days: int) -> float:
    """Years that a number of days may complete: on no birthday is one of them missing."""
    years = days // 365
    while 365 * years + years // 4 > days:
        years -= 1
    return years + (days - 365 * years - years // 4) / _LEAP_YEAR
