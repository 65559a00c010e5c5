"""How figures are put into words: a value with its interval, a share, a p-value, a count."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["NONE", "count", "interval", "number", "p_value", "percent", "with_interval"]

#: Written in place of a figure that does not exist.
NONE = "none"


def _known(value: float | None) -> bool:
    return value is not None and not math.isnan(value)


def _written(value: float, form: str) -> str:
    """Write a figure as `format` does, and a percentage with a space, as the glossary has it."""
    said = format(value, form)
    return f"{said[:-1]} %" if said.endswith("%") else said


def number(value: float | None, form: str = ".3f", *, missing: str = NONE) -> str:
    """Write a figure.

    Parameters
    ----------
    value : float or None
        None and NaN stand for a figure that there is none of.
    form : str
        How `format` writes it.
    missing : str
        Written in its place if there is none.

    Examples
    --------
    >>> number(0.9637), number(None)
    ('0.964', 'none')
    """
    return _written(value, form) if value is not None and _known(value) else missing


def percent(share: float | None, digits: int = 1, *, missing: str = NONE) -> str:
    """Write a share within 0 to 1 in percent.

    Examples
    --------
    >>> percent(0.9637), percent(0.9637, 0)
    ('96.4 %', '96 %')
    """
    return number(share, f".{digits}%", missing=missing)


def interval(ends: Sequence[float], form: str = ".3f") -> str:
    """Write an interval, or any range, from its lower to its upper end.

    Examples
    --------
    >>> interval((0.946, 0.976))
    '0.946 to 0.976'
    """
    low, high = ends
    return f"{_written(low, form)} to {_written(high, form)}"


def with_interval(
    value: float | None,
    ends: Sequence[float] | None,
    form: str = ".3f",
    *,
    missing: str = NONE,
) -> str:
    """Write a figure with its interval in brackets.

    Parameters
    ----------
    value : float or None
        None and NaN stand for a figure that there is none of.
    ends : sequence of float, or None
        The lower and the upper end; None, or NaN in them, where no interval is known.
    form : str
        How `format` writes the value and both ends.
    missing : str
        Written in its place if there is none.

    Examples
    --------
    >>> with_interval(0.9637, (0.946, 0.976))
    '0.964 (0.946 to 0.976)'
    """
    if value is None or not _known(value):
        return missing
    told = _written(value, form)
    return f"{told} ({interval(ends, form)})" if ends and all(map(_known, ends)) else told


def p_value(p: float) -> str:
    """Write a p-value in three decimals: "p = 0.042", "p < 0.001", "p unknown" where NaN."""
    if math.isnan(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def count(n: int, noun: str = "film", plural: str = "") -> str:
    """Write a number of things: "1 film", "1,250 films".

    Parameters
    ----------
    n : int
        At least 0.
    noun, plural : str
        What is counted, one of it and several; with an s where no plural is given.
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"
