"""What a card says, as tables for pages and exports: models compared, facts, rates."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from ..scoring.card import Card
from ..scoring.evaluation import Evaluation
from ..scoring.operating_points import OperatingPoint
from ..scoring.picture_check import PictureCheck, part_in_fit
from ..stats.wording import interval, percent, with_interval
from .runs import kept_epochs

__all__ = [
    "facts",
    "folds_table",
    "gate_figures",
    "made_with",
    "models",
    "operating_points",
    "picture_figures",
    "rates",
    "splits",
    "steadiness_table",
]


def models(cards: Iterable[Card]) -> pd.DataFrame:
    """Compare models by their test figures at the default operating point.

    Returns
    -------
    pandas.DataFrame
        One row per card: model, finding, parameters, test films, AUC, sensitivity, specificity
        (each with its interval, ``none`` without test films), operating point.
    """
    rows = []
    for card in cards:
        test = card.evaluation.get("test")
        rows.append(
            {
                "model": card.name + (" (baseline)" if card.baseline else ""),
                "finding": card.finding,
                "parameters": f"{card.architecture.parameters:,}",
                "test films": test.n if test else None,
                "AUC": with_interval(test.auc, test.auc_ci) if test else with_interval(None, None),
                **dict(zip(("sensitivity", "specificity"), rates(test), strict=True)),
                "operating point": test.operating_point if test else None,
            }
        )
    return pd.DataFrame(rows)


def splits(card: Card) -> pd.DataFrame:
    """Return a model's figures at its default operating point, one row per split.

    Returns
    -------
    pandas.DataFrame
        films of, n, AUC, accuracy, sensitivity, specificity, each with its interval.
    """
    rows = []
    for split, figures in card.evaluation.items():
        sensitivity, specificity = rates(figures)
        rows.append(
            {
                "films of": split,
                "n": figures.n,
                "AUC": with_interval(figures.auc, figures.auc_ci),
                "accuracy": with_interval(figures.accuracy, figures.accuracy_ci),
                "sensitivity": sensitivity,
                "specificity": specificity,
            }
        )
    return pd.DataFrame(rows)


def operating_points(card: Card) -> pd.DataFrame:
    """Return a model's operating points and what each gave on validation.

    Returns
    -------
    pandas.DataFrame
        name, threshold, near, sensitivity, specificity, films, rule.
    """
    rows = []
    for point in card.operating_points:
        sensitivity, specificity = rates(point)
        rows.append(
            {
                "name": point.name + (" (default)" if point == card.operating_point() else ""),
                "threshold": f"{point.threshold:.3f}",
                "near": interval(point.near),
                "sensitivity": sensitivity,
                "specificity": specificity,
                "films": point.n,
                "rule": point.rule,
            }
        )
    return pd.DataFrame(rows)


def rates(
    figures: OperatingPoint | Evaluation | None, form: str = ".3f", missing: str = "none"
) -> tuple[str, str]:
    """Write sensitivity and specificity with their intervals.

    Parameters
    ----------
    figures : OperatingPoint or Evaluation, or None
        None if nothing was measured.
    form : str, default: ".3f"
        How `format` writes them.
    missing : str, default: "none"
        What stands for one that was not measured.
    """
    if figures is None:
        return missing, missing
    return (
        with_interval(figures.sensitivity, figures.sensitivity_ci, form, missing=missing),
        with_interval(figures.specificity, figures.specificity_ci, form, missing=missing),
    )


def facts(card: Card) -> pd.DataFrame:
    """Say what a model is and how it came to be.

    Returns
    -------
    pandas.DataFrame
        fact and value, both text.
    """
    size, training = card.input, card.training
    base, first = card.architecture.base, training.first_step
    rows = {
        "Architecture": card.architecture.name
        + (f" on {base.base} with its {base.weights} weights" if base else ""),
        "Parameters": f"{card.architecture.parameters:,}",
        "Input": f"{size.height} x {size.width} pixels, {size.channels} channels, resampled "
        f"{size.resample}, {percent(size.margin, 0)} left out at each edge, levels {size.levels}",
        "Preprocessing": card.preprocessing,
        "Learned from": f"{card.data.title} ({card.data.citation}), {card.data.licence}",
        "Epochs": f"{training.epochs}; the weights are {_kept(card)}"
        + (f"; before them {first.epochs} on {first.films} films" if first else ""),
        "Training time": _time(training.wall_seconds)
        + (", computing the features of the frozen base not counted" if base else ""),
        "Made with": made_with(card) or "not recorded",
        "Calibration": f"temperature {card.calibration.temperature:.3f}",
        "Weights (SHA-256)": card.weights.sha256,
    }
    if origin := training.imported:
        del rows["Epochs"], rows["Training time"]
        rows["Learned from"] = "The imported file does not say"
        rows["Imported from"] = ", ".join(dict.fromkeys([origin.model, origin.weights]))
        if card.data.title:
            rows["Operating points on"] = f"{card.data.title}, {card.data.licence}"
    return pd.DataFrame({"fact": rows.keys(), "value": rows.values()})


def _time(seconds: float) -> str:
    """Say how long a run took: on a GPU some take no minute."""
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


def _kept(card: Card) -> str:
    """Say of which epochs the weights are."""
    first, last = kept_epochs(card)
    return f"of epoch {last}" if first == last else f"the average of epochs {first} to {last}"


def made_with(card: Card) -> str:
    """Name the versions of what a model was trained with; "" where they are not known."""
    return ", ".join(f"{name} {version}" for name, version in card.training.versions.items())


def gate_figures(card: Card) -> pd.DataFrame:
    """Return how much the learned part of a gate refuses of each set of films, as measured.

    Returns
    -------
    pandas.DataFrame
        films, n, refused, share with its 95 % interval low and high, how; empty without a gate.
    """
    rows = [
        (group.films, group.n, group.refused, group.share, *group.ci, group.how)
        for group in (card.gate.measured if card.gate else ())
    ]
    return pd.DataFrame(rows, columns=["films", "n", "refused", "share", "low", "high", "how"])


def picture_figures(check: PictureCheck) -> pd.DataFrame:
    """Return how much the picture check tells of each set of films, and of pictures made of them.

    Returns
    -------
    pandas.DataFrame
        films, part in the fit (see `cxr.scoring.picture_check.part_in_fit`), shown as (a film, its
        negative and so on), n, told, share with its 95 % interval low and high, with the gate: told
        or refused together with the learned gate, the least of all gates; None where that was not
        counted.
    """
    rows = [
        {
            "films": row["films"],
            "part in the fit": part_in_fit(row["films"]),
            "shown as": str(row["as"]).replace("_", " "),
            "n": row["n"],
            "told": row["told"],
            "share": row["told"] / row["n"],
            "low": row["ci"][0],
            "high": row["ci"][1],
            "with the gate": min(row["with_gate"].values()) if "with_gate" in row else None,
        }
        for row in check.measured
    ]
    columns = ["films", "part in the fit", "shown as", "n", "told", "share", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "with the gate"])


def steadiness_table(figures: pd.DataFrame) -> pd.DataFrame:
    """Write how far scores move, for people.

    Parameters
    ----------
    figures : pandas.DataFrame
        Of `cxr.evidence.steadiness.figures`.

    Returns
    -------
    pandas.DataFrame
        film, n, score moves by (at most, on 95 % of the films), crosses the threshold, another band
        (shares of the films, with intervals), steady (yes or no).
    """
    rows = [
        {
            "film": row["disturbance"],
            "n": row["n"],
            "score moves by": f"{row['moves']:.3f}",
            **{
                title: with_interval(row[name], (row[f"{name}_low"], row[f"{name}_high"]), ".1%")
                for name, title in (("crosses", "crosses the threshold"), ("bands", "another band"))
            },
            "steady": "yes" if row["steady"] else "no",
        }
        for row in figures.to_dict("records")
    ]
    return pd.DataFrame(rows)


def folds_table(figures: pd.DataFrame) -> pd.DataFrame:
    """Write how sources score that were left out, for people.

    Parameters
    ----------
    figures : pandas.DataFrame
        Of `cxr.evidence.folds.figures`.

    Returns
    -------
    pandas.DataFrame
        left out, learned from, with the finding and normal (source and number of films), AUC,
        sensitivity and specificity, with intervals.
    """
    rows = [
        {
            "left out": row["left_out"],
            "learned from": ", ".join(
                dict.fromkeys(part.split("/")[0] for part in row["trained_on"].split(", "))
            ),
            "with the finding": f"{row['ill']} ({row['positives']:,})",
            "normal": f"{row['well']} ({row['negatives']:,})",
            **{
                title: with_interval(row[name], (row[f"{name}_low"], row[f"{name}_high"]))
                for name, title in (
                    ("auc", "AUC"),
                    ("sensitivity", "sensitivity"),
                    ("specificity", "specificity"),
                )
            },
        }
        for row in figures.to_dict("records")
    ]
    return pd.DataFrame(rows)
