"""The commands of a site: a model measured and calibrated on films that no one here has seen.

Each function takes the parsed options and returns an exit status, like those of `cxr.cli.commands`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Model, load
from ..progress import Say, silent, to_stderr
from ..scoring.operating_points import Calibration, OperatingPoint
from ..scoring.site_file import SiteFile, read_site
from ..stats.wording import count, interval, percent
from .commands import DONE, UsageError, check_writable, counter

if TYPE_CHECKING:  # what takes pandas is not for every command to load
    import pandas as pd

    from ..site.evaluate import SiteEvaluation
    from ..site.films import TruthWords
    from ..site.truth import Matched

__all__ = ["calibrate", "evaluate", "is_asked_for", "of_positives"]

#: Names that did not match are listed up to so many.
SHOWN = 10


def is_asked_for(options: argparse.Namespace) -> bool:
    """Whether an option of a site's films was given: then the folder is not looked at first."""
    words = ("truth", "scores", "label_column", "film_column", "site")
    classes = ("positive", "negative", "leave_out")
    return any(getattr(options, name) for name in (*words, *classes))


def evaluate(model: Model, options: argparse.Namespace, boxes: pd.DataFrame | None = None) -> int:
    """Measure a model, or another tool's scores, on a site's films.

    See `cxr.site.evaluate.evaluate_films`.
    """
    from ..site.evaluate import ALL, evaluate_films

    if options.store:
        raise UsageError("--store keeps figures of the model's own sets. Leave it out here.")
    site = read_site(Path(options.site)) if options.site else None
    if options.scores:
        return _evaluate_scores(model, options)
    points = _points(model, site, options.operating_point)
    matched, films = _scored(model, options)
    result = evaluate_films(films, model=model.name, points=points, split=options.split or ALL)
    at_site = site.apply(model) if site else model
    point = points[0][0].name
    maps = {} if boxes is None else _boxes(at_site, films, boxes, point, options)
    told = result.to_json() | _about(matched) | {"site": _site(site)} | maps
    if options.json:
        print(json.dumps(told, indent=1))
    else:
        _print(result, maps)
    return DONE


def _site(site: SiteFile | None) -> dict[str, Any] | None:
    return {"name": site.site, "file": site.label, "made": site.made} if site else None


def _about(matched: Matched) -> dict[str, Any]:
    """Say what did not match, as JSON has it."""
    return {
        "rows_without_film": list(matched.rows_without_film),
        "films_without_row": list(matched.films_without_row),
        "remarks": {remark.code: len(remark.names) for remark in matched.remarks},
    }


def _points(
    model: Model, site: SiteFile | None, wanted: str | None
) -> list[tuple[OperatingPoint, Calibration]]:
    """Return the operating points to measure at: that which was asked for, then all others."""
    card = model.card
    points = [(point, card.calibration) for point in card.operating_points]
    main = card.operating_point(None if site else wanted).name
    if site:
        of_site = site.card(card)
        points += [(point, of_site.calibration) for point in of_site.operating_points]
        main = site.point(wanted).name
    return sorted(points, key=lambda entry: entry[0].name != main)


def _scored(model: Model, options: argparse.Namespace) -> tuple[Matched, pd.DataFrame]:
    """Match the films of --data with their truth, and score those that have one."""
    from ..site.films import film_row, labeled_films, score_films, with_scores
    from ..site.learned import LEARNED, without_learned

    root = Path(options.data)
    truth = Path(options.truth) if options.truth else None
    if truth and not truth.exists() and (root / truth).exists():
        truth = root / truth
    finding = model.card.finding
    matched = labeled_films(root, finding, truth=truth, words=_words(options), say=to_stderr)
    _list_unmatched(matched, to_stderr)
    paths = matched.films["path"].tolist()
    rows = {
        path: film_row(film, said)
        for path, film, said in score_films(model, root, paths, counter(pace=True))
    }
    films, matched = without_learned(model, with_scores(matched, rows), matched)
    for remark in matched.remarks:
        if remark.code == LEARNED:  # the others were told as the films were matched
            to_stderr(remark.text)
    return matched, films


def _words(options: argparse.Namespace) -> TruthWords:
    from ..site.films import TruthWords

    return TruthWords(
        label=options.label_column or "",
        film=options.film_column or "",
        positive=tuple(options.positive or ()),
        negative=tuple(options.negative or ()),
        leave_out=tuple(options.leave_out or ()),
        split=options.split or "",
    )


def _list_unmatched(matched: Matched, say: Say = silent) -> None:
    for title, names in (
        ("Rows of no film", matched.rows_without_film),
        ("Films without a row", matched.films_without_row),
    ):
        if names:
            more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
            say(f"{title}: {', '.join(names[:SHOWN])}{more}.")


def _boxes(
    model: Model,
    films: pd.DataFrame,
    boxes: pd.DataFrame,
    point: str,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Compare the heatmaps of the films that have a score with boxes, at an operating point."""
    from ..evidence.audit.boxes import localize
    from ..site.evaluate import ALL
    from ..site.sheet_words import plain_name

    kept = films[films["logit"].notna()].reset_index(drop=True)
    positive = set(kept.loc[kept["truth"] == 1, "said"].map(plain_name))
    found = localize(
        model,
        options.data,
        of_positives(boxes, positive, model.card.finding),
        split=options.split or ALL,
        method=options.method or "gradcam",
        layer=options.layer,
        operating_point=point,
        scored=kept.assign(label=np.where(kept["truth"] == 1, model.card.finding, "normal")),
        progress=counter(),
    )
    return found.to_json()


def of_positives(boxes: pd.DataFrame, positive: Collection[str], finding: str) -> pd.DataFrame:
    """Name the finding of boxes that are called as the truth calls its positive films.

    Parameters
    ----------
    boxes : pandas.DataFrame
        As `cxr.datasets.boxes.read_boxes` returns them.
    positive : collection of str
        Labels of positive films, as `cxr.site.sheet_words.plain_name` writes them.
    finding : str
        Of the model.
    """
    from ..site.sheet_words import plain_name

    of_label = boxes["finding"].map(plain_name).isin(positive)
    told = boxes["finding"].str.lower().str.contains(finding.lower(), regex=False)
    named = finding + ": " + boxes["finding"]
    return boxes.assign(finding=boxes["finding"].where(~of_label | told, named))


def _print(result: SiteEvaluation, maps: dict[str, Any]) -> None:
    from .evidence import print_boxes, print_figures

    print_figures(result.main.to_json())
    people = f" of {count(result.patients, 'patient')}" if result.patients else ""
    print(
        f"\n{count(result.positives, 'positive film')} and "
        f"{count(result.negatives, 'negative film')}{people}; intervals by "
        f"{'patient' if result.patients else 'film'}"
    )
    refused = result.refused
    if refused.n:
        codes = ", ".join(f"{code} {n:,}" for code, n in refused.codes.items())
        print(
            f"{count(refused.n)} refused and in no figure ({refused.positives:,} positive, "
            f"{refused.negatives:,} negative): {codes}"
        )
    print(f"\n{'operating point':42}{'threshold':>10}  {'sensitivity':26}specificity")
    for at in result.points:
        first = _rate(at.sensitivity, at.sensitivity_ci)
        second = _rate(at.specificity, at.specificity_ci)
        print(f"{at.operating_point:42}{at.threshold:10.4f}  {first:26}{second}")
    _print_subgroups(result)
    if maps:
        print_boxes(maps)


def _print_subgroups(result: SiteEvaluation) -> None:
    if not result.subgroups:
        return
    print(f"\n{'subgroup':34}{'n':>6}  {'sensitivity':26}specificity")
    for group in result.subgroups:
        first = _rate(group["sensitivity"], group["sensitivity_ci"], group["note"])
        second = _rate(group["specificity"], group["specificity_ci"], group["note"])
        name = f"{group['by']}: {group['group']}"
        print(f"{name:34}{group['n']:6}  {first:26}{second}".rstrip())


def _rate(value: float | None, ends: Sequence[float] | None, missing: str = "") -> str:
    if value is None or ends is None:
        return missing
    return f"{percent(value)} ({interval(ends, '.1%')})"


def _evaluate_scores(model: Model, options: argparse.Namespace) -> int:
    """Measure another tool's scores on a site's truth; no film is opened."""
    from ..site.other_scores import evaluate_scores

    if options.boxes or options.site or options.operating_point:
        raise UsageError(
            "--scores are of another tool: they have neither heatmaps nor this model's operating "
            "points. Give --threshold."
        )
    matched, result = evaluate_scores(
        Path(options.scores),
        model.card.finding,
        truth=Path(options.truth) if options.truth else None,
        column=options.score_column or "",
        threshold=0.5 if options.threshold is None else options.threshold,
        words=_words(options),
        say=to_stderr,
    )
    _list_unmatched(matched, to_stderr)
    if options.json:
        print(json.dumps(result.to_json() | _about(matched), indent=1))
    else:
        _print(result, {})
    return DONE


def calibrate(options: argparse.Namespace) -> int:
    """Choose a model's threshold on a site's films; see `cxr.site.calibrate.calibrate`."""
    from ..site import calibrate as on_site

    out = Path(options.out)
    if out.suffix.lower() != ".json":
        raise UsageError(f"Expected --out to end in .json. Received: {options.out}")
    if out.exists() and not options.force:
        raise UsageError(f"There is already {out}. Add --force, or name another file.")
    check_writable(out)
    model = load(options.name)
    _, films = _scored(model, options)
    kept = films[films["logit"].notna()].reset_index(drop=True)
    made = on_site.calibrate(
        model,
        kept,
        site=options.site_name or _name_of(out),
        sensitivity=options.sensitivity,
        refused=len(films) - len(kept),
        level=options.level,
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    made.write(out)
    point = made.point()
    told = {
        "out": str(out),
        "site": made.site,
        "model": made.model,
        "operating_point": point.name,
        "threshold": point.threshold,
        "sensitivity": point.sensitivity,
        "sensitivity_ci": point.sensitivity_ci,
        "specificity": point.specificity,
        "specificity_ci": point.specificity_ci,
        "n": made.films.n,
        "refused": made.films.refused,
        "band": None
        if made.band is None
        else {
            "rule_out_below": made.band.below and made.band.below.threshold,
            "rule_in_from": made.band.above and made.band.above.threshold,
            "level": made.band.level,
            "probability": made.band.probability,
            "width": made.band.width,
        },
    }
    if options.json:
        print(json.dumps(told, indent=1))
        return DONE
    from .evidence import print_figures

    band = told.pop("band")
    print_figures(told)
    if isinstance(band, dict):
        print(f"A band in which a person decides holds {percent(band['width'])} of these films.")
    else:
        print("No band: too few films, or too many errors, for anything to be promised.")
    print("The rates are of the films that the threshold was chosen on.", file=sys.stderr)
    return DONE


def _name_of(out: Path) -> str:
    """Make a site's name of a file's."""
    plain = "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in out.stem)
    return plain.strip("-")[:40].strip("-") or "site"
