"""What the figures of the heatmaps mean: which checks a method passes, and why it fails others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from ...heatmaps.methods import METHODS
from ...stats.wording import count, interval, number, percent
from .box_figures import BASELINES
from .store import BOXES, LUNGS, REFERENCE, SANITY

__all__ = [
    "EQUAL",
    "SIMILAR",
    "TURNED",
    "Check",
    "Outcome",
    "Verdict",
    "checks",
    "checks_table",
    "failures",
    "verdicts",
]

#: Mean rank correlation with the map of the trained network above which a map behind randomized
#: weights is much the same.
SIMILAR = 0.5
#: Mean rank correlation of the maps of a film and of the mirrored film below which they differ.
TURNED = 0.5
#: Difference from the maps of tf-keras-vis, in [0, 1], above which they are not the same.
EQUAL = 1e-3
_NAMES = {
    "centre": "a Gaussian at the film's centre",
    "mean": "the mean map of the other films",
    "random": "a random map",
}


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_DONE = "not done"


@dataclass(frozen=True)
class Check:
    """How a method did in one check.

    Attributes
    ----------
    method : str
        Its name in `cxr.heatmaps.methods.METHODS`.
    where : str
        Its title, with the layer where several were looked at.
    name : str
        What is checked, in a few words.
    outcome : Outcome
    said : str
        Why it failed or could not be done; "" where it passed or was never measured.
    needed : bool
        Whether a method holds up only if it has passed this one, where any method was put to it.
    """

    method: str
    where: str
    name: str
    outcome: Outcome
    said: str = ""
    needed: bool = True


@dataclass(frozen=True)
class Verdict:
    """Whether the maps of a method hold up.

    Attributes
    ----------
    method : str
        Its name in `cxr.heatmaps.methods.METHODS`.
    title : str
        For people.
    answer : str
        "yes" where it passed all that is needed; "no" where it failed one check; "not known" where
        one that is needed was not done; "not tried" where none was.
    reason : str
        In sentences.
    """

    method: str
    title: str
    answer: str
    reason: str


def failures(table: pd.DataFrame) -> list[str]:
    """Return which methods fail which checks, in plain sentences.

    A method fails where

    - with all weights randomized its maps keep a mean rank correlation above `SIMILAR`;
    - taking away what it points at lowers the score no more, or putting it back raises the score
      no more, than with a random map: the interval of the gain reaches 0;
    - more of its maps lies on the film's outer tenth than an even map would put there: the whole
      interval of the share is above that;
    - the maps of a film and of the mirrored film have a mean rank correlation below `TURNED`;
    - one of its maps is further than `EQUAL` from the one that tf-keras-vis makes;
    - its maps are highest in the lungs no more often than a random place in the picture is: the
      interval of the difference reaches 0;
    - it hits the boxes no more often than one of the baselines or several: the interval of the
      difference reaches 0. One sentence names them all, since each method is judged on the same
      films.

    Where there is no map to compare, or no interval, nothing is shown either, and the sentence says
    so.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    list of str
        In the order of the methods; empty if all is well, or nothing was measured.
    """
    return [f"{check.where}: {check.said}" for check in checks(table) if check.said]


def checks(table: pd.DataFrame) -> list[Check]:
    """Return how each method did in each check.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    list of Check
        In the order of the methods; none of a method of which nothing was measured.
    """
    return [
        check for name, rows in table.groupby("method", sort=False) for check in _of(name, rows)
    ]


def checks_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the outcome of each check, one row per method and layer.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    pandas.DataFrame
        method, then one column per check: "passed", "failed" or "not done". Empty if nothing was
        measured.
    """
    found = checks(table)
    several = dict.fromkeys(c.where for c in found if c.where != _title(c.method))
    rows: dict[str, dict[str, str]] = {}
    names: dict[str, None] = {}
    for check in found:
        names[check.name] = None
        # What is not of a layer is of all layers of its method.
        wheres = [check.where]
        if check.where == _title(check.method):
            wheres = [w for w in several if w.startswith(f"{check.where} at ")] or wheres
        for where in wheres:
            rows.setdefault(where, {})[check.name] = check.outcome.value
    return pd.DataFrame(
        [
            {"method": where} | {name: row.get(name, Outcome.NOT_DONE.value) for name in names}
            for where, row in rows.items()
        ]
    )


def verdicts(table: pd.DataFrame) -> list[Verdict]:
    """Say of every method whether its maps hold up.

    Parameters
    ----------
    table : pandas.DataFrame
        Of `cxr.evidence.audit.store`.

    Returns
    -------
    list of Verdict
        One per method of `cxr.heatmaps.methods.METHODS`, in its order.
    """
    found = checks(table)
    # What one method was put to says nothing of another that was not.
    wanted = dict.fromkeys(check.name for check in found if check.needed)
    return [_verdict(name, [c for c in found if c.method == name], wanted) for name in METHODS]


def _verdict(name: str, found: list[Check], wanted: Iterable[str]) -> Verdict:
    title = _title(name)
    by_outcome = {
        outcome: [check for check in found if check.outcome == outcome] for outcome in Outcome
    }
    failed, passed = by_outcome[Outcome.FAILED], by_outcome[Outcome.PASSED]
    if not (failed or passed):
        return Verdict(name, title, "not tried", "Not tried with this model.")
    if failed:
        return Verdict(name, title, "no", " ".join(f"{c.where}: {c.said}" for c in failed))
    names = list(dict.fromkeys(check.name for check in passed))
    undone = [check for check in by_outcome[Outcome.NOT_DONE] if check.needed]
    missing = dict.fromkeys(
        [check.name for check in undone] + [name for name in wanted if name not in names]
    )
    reason = f"Passed: {', '.join(names)}."
    if missing:
        why = "".join(f" {check.where}: {check.said}" for check in undone if check.said)
        reason = f"{reason} Not done: {', '.join(missing)}.{why}"
    return Verdict(name, title, "not known" if missing else "yes", reason)


def _title(method: str) -> str:
    return METHODS[method].title if method in METHODS else method


def _of(method: object, rows: pd.DataFrame) -> Iterator[Check]:
    name = str(method)

    def check(where: str, what: str, said: _Said, *, needed: bool = True) -> Check:
        return Check(name, where, what, *said, needed=needed)

    title = _title(name)
    sane = rows[rows["kind"] == SANITY]
    for layer, group in sane.groupby("layer", sort=False):
        where = f"{title} at {layer}" if sane["layer"].nunique() > 1 else title
        yield check(where, "random weights", _randomized(group))
        for measure, what in (("deletion", "taken away"), ("insertion", "put back")):
            yield check(where, what, _curve(group, measure))
        yield check(where, "film's edge", _edge(group))
        yield check(where, "mirrored film", _flip(group))
    yield check(title, "as published", _reference(rows), needed=False)
    lungs = rows[rows["kind"] == LUNGS]
    for layer, group in lungs.groupby("layer", sort=False):
        where = f"{title} at {layer}" if lungs["layer"].nunique() > 1 else title
        yield check(where, "in the lungs", _lungs(group))
    boxes = rows[rows["kind"] == BOXES]
    for key, group in boxes.groupby(["films", "layer"], sort=False):
        split, layer_name = key
        where = f"{title} at {layer_name}" if boxes["layer"].nunique() > 1 else title
        yield check(where, f"in boxes of {split}", _boxes(group, str(split)))


_Said = tuple[Outcome, str]
_PASSED: _Said = (Outcome.PASSED, "")
_UNMEASURED: _Said = (Outcome.NOT_DONE, "")


def _failed(said: str) -> _Said:
    return Outcome.FAILED, said


def _undone(said: str) -> _Said:
    return Outcome.NOT_DONE, said


def _row(rows: pd.DataFrame, measure: str) -> pd.Series | None:
    """Return a measure's row, of several stages the last."""
    some = rows[rows["measure"] == measure].sort_values("stage", kind="stable")
    return None if some.empty else some.iloc[-1]


def _films(row: pd.Series) -> str:
    return count(row["n"])


def _randomized(rows: pd.DataFrame) -> _Said:
    row = _row(rows, "randomization_rank")
    if row is None:
        return _UNMEASURED
    if row["n"] == 0:
        return _undone(
            "could not be checked against randomized weights: no film had a map both before and "
            "after."
        )
    if row["value"] <= SIMILAR:
        return _PASSED
    return _failed(
        f"hardly changes when the weights are randomized (rank correlation {row['value']:.2f} at "
        f"the end, {_films(row)}): do not trust it as an explanation of what was learned."
    )


_CURVES = {
    "deletion": "taking away what it points at is not shown to lower the score more than "
    "taking away random parts",
    "insertion": "putting back what it points at is not shown to raise the score more than "
    "putting back random parts",
}


def _curve(rows: pd.DataFrame, measure: str) -> _Said:
    row = _row(rows, f"{measure}_gain")
    if row is None:
        return _UNMEASURED
    # Not the other way round: without an interval nothing is shown either.
    return _PASSED if row["low"] > 0 else _failed(f"{_CURVES[measure]} ({_gain(row)}).")


def _gain(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"no interval, {_films(row)}"
    return f"gain {row['value']:.3f}, {interval((row['low'], row['high']))}, {_films(row)}"


def _edge(rows: pd.DataFrame) -> _Said:
    share, even = _row(rows, "edge_share"), _row(rows, "edge_area")
    if share is None or even is None or pd.isna(share["value"]):
        return _UNMEASURED
    if not share["low"] > even["value"]:
        return _PASSED
    return _failed(
        f"{percent(share['value'], 0)} of it lies on the outer tenth of the film, where an even "
        f"map would have {percent(even['value'], 0)} ({_films(share)}): look for markers there."
    )


def _flip(rows: pd.DataFrame) -> _Said:
    row = _row(rows, "flip_rank")
    if row is None or pd.isna(row["value"]):
        return _UNMEASURED
    if not row["value"] < TURNED:
        return _PASSED
    return _failed(
        f"does not turn with the film: the map of a mirrored film is another one (rank correlation "
        f"{row['value']:.2f}, {_films(row)})."
    )


def _reference(rows: pd.DataFrame) -> _Said:
    row = _row(rows[rows["kind"] == REFERENCE], "reference_difference")
    if row is None:
        return _UNMEASURED
    if row["value"] <= EQUAL:
        return _PASSED
    if row["n"] == 0:
        return _undone("could not be compared with tf-keras-vis: no film had a map.")
    by = "values that are no numbers" if pd.isna(row["value"]) else f"up to {row['value']:.3f} of 1"
    return _failed(
        f"differs from tf-keras-vis by {by} ({_films(row)}): the maps are not what the method is "
        "published as."
    )


def _lungs(rows: pd.DataFrame) -> _Said:
    peak, random = _row(rows, "peak_inside"), _row(rows, "lungs_area")
    gain = _row(rows, "peak_gain")
    if peak is None or random is None or gain is None:
        return _UNMEASURED
    if not gain["n"]:
        return _undone("could not be compared with the lungs: no film has both lungs and a map.")
    if gain["low"] > 0:
        return _PASSED
    return _failed(
        f"is not shown to be highest in the lungs more often than a random place in the picture "
        f"({percent(peak['value'], 0)}, against {percent(random['value'], 0)}, {_films(peak)})."
    )


def _boxes(rows: pd.DataFrame, split: str) -> _Said:
    if not (rows["n"] > 0).any():
        return _undone(
            f"none of the films of {split} with boxes is called, so none has a map to judge."
        )
    missed, films, compared = [], None, False
    for baseline in BASELINES:
        row = _row(rows, f"{baseline}.hit_rate_difference")
        compared = compared or row is not None
        if row is not None and row["n"] and not row["low"] > 0:
            missed.append(f"{_NAMES[baseline]} ({_difference(row)})")
            films = _films(row)
    if not compared:
        return _UNMEASURED
    if not missed:
        return _PASSED
    than = " or ".join(missed)
    return _failed(f"is not shown to hit the boxes of {split} more often than {than}, on {films}.")


def _difference(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return "no interval"
    return (
        f"difference {number(row['value'], '+.0%')}, {interval((row['low'], row['high']), '+.0%')}"
    )
