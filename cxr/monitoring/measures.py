"""What the log of readings says: how a model is used, what it refuses, how readers agree with it.

This module measures and draws nothing; figures are in `cxr.figures`, drift in
`cxr.monitoring.drift`. Each function takes a table of events as `cxr.monitoring.Readings.table`
returns it. A film counts once in each list: what was scored last counts of several scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from ..evidence.comparison import Rate
from ..scoring.reader import Agreement as Verdict
from ..scoring.reader import Call
from ..stats.intervals import wilson
from ..stats.kappa import Kappa, kappa
from ..stats.wording import count
from . import film_numbers

__all__ = [
    "AFTER",
    "BEFORE",
    "FEW",
    "Agreement",
    "agreement",
    "blind_calls",
    "by_week",
    "films_read",
    "n_text",
    "of_model",
    "other_ages",
    "reasons",
    "refusal_rates",
    "refusals",
    "use",
]

#: Under so many a rate is shown with the word "few".
FEW = 20
#: Refusal of a film of another population, which the gate is not asked of: of several models that
#: read a list, each but the patient's own refuses it so.
OTHER_AGE = "age"
#: When a call was made, as against the moment at which the score was shown.
BEFORE = "before"
AFTER = "after"


@dataclass(frozen=True)
class Agreement:
    """How often readers and a model's operating point came to the same call.

    Attributes
    ----------
    blind : bool
        Whether the calls were made before the score was shown. Later ones lean towards the score,
        so the two kinds are never pooled.
    n : int
        Films with a call; unsure ones are not counted.
    agreed : int
        Films on which both agree.
    unsure : int
        Films of which the reader was unsure.
    kappa : Kappa or None
        Of blind calls; None for the others, whose kappa would measure the leaning as well.
    """

    blind: bool
    n: int
    agreed: int
    unsure: int
    kappa: Kappa | None

    @property
    def when(self) -> str:
        """`BEFORE` or `AFTER`."""
        return BEFORE if self.blind else AFTER

    @property
    def rates(self) -> list[Rate]:
        """Return agreement and override as rates with Wilson's interval."""
        said = f"among films called {self.when} the score was shown"
        return [
            Rate("Agreement", f"Reader and operating point alike, {said}", self.agreed, self.n),
            Rate("Override", f"Reader otherwise, {said}", self.n - self.agreed, self.n),
        ]

    @property
    def text(self) -> str:
        """For people: ``kappa 0.62 (0.41 to 0.83), 3 more films unsure``."""
        unsure = f"{count(self.unsure, 'more film')} unsure"
        return f"{self.kappa.text}, {unsure}" if self.kappa else unsure

    @property
    def note(self) -> str:
        """``few`` under `FEW` films, else nothing."""
        return _few(self.n)


def _few(n: int) -> str:
    return "few" if n < FEW else ""


def n_text(n: int) -> str:
    """Return the text below a rate that gives its number of films: ``n = 12, few``."""
    return ", ".join(filter(None, [f"n = {n:,}", _few(n)]))


def of_model(table: pd.DataFrame, model: str, sha256: str) -> tuple[pd.DataFrame, int]:
    """Return the events of a model's weights, and how many there are of its name's other weights.

    What other weights scored says nothing about these, whatever the name.
    """
    ours = table["model_sha256"] == sha256
    return table[ours], int((~ours & (table["model"] == model)).sum())


def use(table: pd.DataFrame) -> pd.DataFrame:
    """Count what was read, by day and model.

    Returns
    -------
    pandas.DataFrame
        day (UTC, without a zone), model, films (scored or refused, but not for the patient's
        age), refused, called (by their reader, of whatever day's films), lists (that films were
        read in); by day, then model.
    """
    rows = table.assign(film=film_numbers(table))
    rows["day"] = rows["time"].dt.tz_convert(None).dt.normalize()
    by = ["day", "model"]
    scored = rows[rows["event"] == "scored"].drop_duplicates([*by, "film"], keep="last")
    scored = scored[_is_read(scored)]
    said = rows[rows["event"].isin(["called", "undone"])]
    said = said.drop_duplicates([*by, "film"], keep="last")
    # A call made blind is never taken back, whatever is said of the score after it.
    blind = rows.loc[(rows["event"] == "called") & rows["call_blind"], "film"]
    called = said[said["call"].notna() | said["film"].isin(blind)]
    counts = pd.DataFrame(
        {
            "films": scored.groupby(by).size(),
            "refused": scored["score"].isna().groupby([scored[name] for name in by]).sum(),
            "called": called.groupby(by).size(),
            "lists": rows.groupby(by)["list_id"].nunique(),
        }
    )
    return counts.fillna(0).astype(int).reset_index()


def films_read(table: pd.DataFrame) -> int:
    """Count the films that were read, each once in each list, whatever models read it."""
    last = _scored(table)
    last = last[_is_read(last)]
    known = last[last["film_sha256"].notna()].drop_duplicates(["list_id", "film_sha256"])
    # Without a hash it is not known which are one film: each model was given all of a list.
    others = last[last["film_sha256"].isna()].groupby(["list_id", "model_sha256"]).size()
    return len(known) + int(others.groupby("list_id").max().sum())


def _is_read(rows: pd.DataFrame) -> pd.Series[bool]:
    """Whether a model has read a film, be it refused: not one of another population."""
    return (rows["refusal_code"] != OTHER_AGE) | rows["score"].notna()


def _scored(table: pd.DataFrame) -> pd.DataFrame:
    """Return each film as it was scored last."""
    rows = table[table["event"] == "scored"]
    return rows.assign(film=film_numbers(rows)).drop_duplicates("film", keep="last")


def refusals(table: pd.DataFrame) -> pd.DataFrame:
    """Count the films that the gate refused, by code: not those of another population.

    Returns
    -------
    pandas.DataFrame
        code, films, n (all films but those), share with its 95 % interval low and high (Wilson),
        overridden (films that were scored all the same; they are in `films` too); the most common
        first. Empty if none was refused.
    """
    rows = _of_population(table)
    n = len(rows)
    shares = []
    for code, group in rows[rows["refusal_code"].notna()].groupby("refusal_code"):
        k, overridden = len(group), int(group["refusal_overridden"].sum())
        shares.append((code, k, n, k / n, *wilson(k, n), overridden))
    shares.sort(key=lambda row: (-row[1], row[0]))
    columns = ["code", "films", "n", "share", "low", "high", "overridden"]
    return pd.DataFrame(shares, columns=columns)


def refusal_rates(table: pd.DataFrame) -> list[Rate]:
    """Return the share of films that the gate refused, and of these the share that was overridden.

    Films of another population are left out: see `other_ages`.
    """
    rows = _of_population(table)
    refused = int(rows["refusal_code"].notna().sum())
    overridden = int(rows["refusal_overridden"].sum())
    return [
        Rate("Refused", "Share of films that the gate refused", refused, len(rows)),
        Rate("Overridden", "Share of refused films scored all the same", overridden, refused),
    ]


def other_ages(table: pd.DataFrame) -> tuple[int, int]:
    """Count films of another population than the model's, and those of them scored all the same."""
    rows = _scored(table)
    rows = rows[rows["refusal_code"] == OTHER_AGE]
    return len(rows), int(rows["score"].notna().sum())


def _of_population(table: pd.DataFrame) -> pd.DataFrame:
    rows = _scored(table)
    return rows[rows["refusal_code"] != OTHER_AGE]


def _answers(table: pd.DataFrame, blind: bool) -> pd.DataFrame:
    """Return one event per film: its first blind call, or the last word after seeing the score."""
    called = table["event"] == "called"
    if blind:
        rows = table[called & table["call_blind"] & table["score"].notna()]
    else:
        later = table["event"].isin(["judged", "undone"])
        rows = table[((called & ~table["call_blind"]) | later) & table["score"].notna()]
    rows = rows.assign(film=film_numbers(rows))
    rows = rows.drop_duplicates("film", keep="first" if blind else "last")
    # Where the last word was taken back and there was none before, nothing was said.
    return rows[rows["call"].notna() | rows["agreement"].notna()]


def _agreement(answers: pd.DataFrame, blind: bool) -> Agreement:
    sure = answers[answers["agreement"].notna()]
    agreed = int((sure["agreement"] == Verdict.AGREE).sum())
    beyond_chance = None
    if blind:
        model = sure["score"] >= sure["threshold"]
        beyond_chance = kappa(sure["call"] == Call.FINDING, model)
    return Agreement(blind, len(sure), agreed, len(answers) - len(sure), beyond_chance)


def agreement(table: pd.DataFrame, *, blind: bool) -> Agreement:
    """Measure how often readers agree with the operating point.

    Parameters
    ----------
    table : pandas.DataFrame
        Events; of one model, since a rate over several means nothing.
    blind : bool
        True for each film's first call that was made before the score was shown; False for the
        last word on it, call or judgement, that came after. Films without a score are left out.
    """
    return _agreement(_answers(table, blind), blind)


def blind_calls(table: pd.DataFrame) -> pd.Series[float]:
    """Return what readers called before they saw the score, by film.

    Parameters
    ----------
    table : pandas.DataFrame
        Events; of one model.

    Returns
    -------
    pandas.Series
        1.0 where a film was called the finding, 0.0 where not, with the hash of its pixels as
        index, each once. A film whose reader was unsure is left out.
    """
    answers = _answers(table, blind=True)
    sure = answers[answers["call"].isin([Call.FINDING, Call.NO_FINDING])]
    sure = sure.drop_duplicates("film_sha256")
    calls = (sure["call"] == Call.FINDING).to_numpy(float)
    return pd.Series(calls, index=pd.Index(sure["film_sha256"], name="film_sha256"))


def by_week(table: pd.DataFrame) -> pd.DataFrame:
    """Measure agreement week by week, of calls before and after the score apart.

    Returns
    -------
    pandas.DataFrame
        week (its Monday, UTC without a zone), called (`BEFORE` or `AFTER`), n, agreed, unsure,
        rate, low, high (Wilson, 95 %; NaN if n is 0), kappa, kappa_low, kappa_high (NaN if
        not known), note (``few`` under `FEW` films). A week without a call has no row.
    """
    rows = []
    for blind in (True, False):
        answers = _answers(table, blind)
        day = answers["time"].dt.tz_convert(None).dt.normalize()
        for monday, group in answers.groupby(day - pd.to_timedelta(day.dt.day_of_week, unit="D")):
            of_week = _agreement(group, blind)
            rate = of_week.rates[0]
            low, high = rate.interval if of_week.n else (math.nan, math.nan)
            value = of_week.kappa.value if of_week.kappa else None
            limits = (of_week.kappa.interval if of_week.kappa else None) or (math.nan, math.nan)
            counts = (of_week.n, of_week.agreed, of_week.unsure)
            shares = (rate.value, low, high, value, *limits)
            rows.append((monday, of_week.when, *counts, *shares, of_week.note))
    numbers = ["rate", "low", "high", "kappa", "kappa_low", "kappa_high"]
    columns = ["week", "called", "n", "agreed", "unsure", *numbers, "note"]
    weeks = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, "float64"))
    return weeks.sort_values("week", kind="stable", ignore_index=True)


def reasons(table: pd.DataFrame) -> pd.DataFrame:
    """Count why readers overrode scores that they had seen: reason and films, most common first.

    Overrides without a reason count as "not said".
    """
    answers = _answers(table, blind=False)
    overrides = answers[answers["agreement"] == Verdict.OVERRIDE]
    counts = overrides["reason"].fillna("not said").value_counts()
    return counts.rename_axis("reason").rename("films").reset_index()
