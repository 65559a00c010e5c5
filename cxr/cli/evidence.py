"""The commands that measure: a model on labeled films, its heatmaps, a data set, the gate.

Each function takes the parsed options and returns an exit status, like those of `cxr.cli.commands`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from ..heatmaps.methods import METHODS
from ..model import load
from ..progress import Progress, to_stderr
from ..stats.wording import count, interval, percent, with_interval
from .commands import DONE, UsageError, counter

__all__ = ["audit", "dataset", "evaluate", "gate", "print_boxes", "print_figures"]


def evaluate(options: argparse.Namespace) -> int:
    """Score labeled films, and compare the heatmaps with boxes if there are any.

    See `cxr.evidence.score_split.assess` and `cxr.evidence.audit.boxes.assess_boxes`; of films that
    are not of the model's own set, `cxr.cli.site`.
    """
    from ..datasets.boxes import read_boxes
    from ..evidence.score_split import assess, has_split
    from . import site

    if (options.method or options.layer) and not options.boxes:
        raise UsageError("--method and --layer are of heatmaps. Add --boxes CSV to measure them.")
    if not options.scores and (options.threshold is not None or options.score_column):
        raise UsageError(
            "--threshold and --score-column are of another tool's scores. Add --scores FILE, or "
            "leave them out: a model is measured at its operating points."
        )
    boxes = read_boxes(options.boxes) if options.boxes else None
    bundle = load(options.name)
    own = not site.is_asked_for(options) and has_split(
        bundle, options.data, options.split or "test", whole=not options.split
    )
    if not own:
        return site.evaluate(bundle, options, boxes)
    given: dict[str, Any] = {
        "split": options.split or "test",
        "operating_point": options.operating_point,
        "keep": options.store,
        "progress": counter(),
        "say": to_stderr,
    }
    if boxes is not None:
        from ..evidence.audit.boxes import assess_boxes

        given |= {"method": options.method or "gradcam", "layer": options.layer}
        evaluation, localization = assess_boxes(bundle, options.data, boxes, **given)
        result, maps = evaluation.to_json(), localization.to_json()
    else:
        result, maps = assess(bundle, options.data, **given).to_json(), {}
    if options.json:
        print(json.dumps(result | maps, indent=1))
        return DONE
    print_figures(result)
    if maps:
        print_boxes(maps)
    return DONE


def print_figures(result: dict[str, Any]) -> None:
    """Print figures, one a line, each with its interval where it has one."""
    for key, value in result.items():
        if key.endswith("_ci"):
            continue
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        if ends := result.get(f"{key}_ci"):
            text += f"  (95 % interval {interval(ends, '.4f')})"
        print(f"{key:18} {text}")


def print_boxes(maps: dict[str, Any]) -> None:
    """Print the measures on boxes, one row per kind: of the positive films, then of all."""
    at = f" at {maps['layer']}" if maps["layer"] else ""
    print(f"\nHeatmaps ({maps['method']}{at}) on {count(maps['boxed'])} with boxes, 95 % intervals")
    if maps["message"]:
        print(maps["message"])
    measures = ("hit_rate", "mean_iou", "share_inside")
    for title, figures in (
        ("called above the operating point", maps),
        ("all", maps["all_films"]),
    ):
        if not figures["films"]:
            continue
        heads = "".join(f"{name:24}" for name in measures)
        print(f"\n{count(figures['films'])}: {title}\n{'':10}{heads}".rstrip())
        for name, measured in {maps["method"]: figures, **figures["baselines"]}.items():
            cells = (with_interval(measured[key], measured[f"{key}_ci"]) for key in measures)
            print(f"{name:10}{''.join(f'{cell:24}' for cell in cells)}".rstrip())
    for one in maps["named"]:
        print(f"\n{count(one['films'])} with boxes of {one['name'] or 'no name'}:")
        for title, key in (("called", "called"), ("hit_rate", "hit_rate")):
            print(f"{title:10}{with_interval(one[key], one[f'{key}_ci'])}")


def audit(options: argparse.Namespace) -> int:
    """Measure how far a bundle's heatmaps can be trusted, and keep the result.

    See `cxr.evidence.audit.sanity_checks`.
    """
    import pandas as pd

    from ..evidence import steadiness
    from ..evidence.audit.reference import MEASURE
    from ..evidence.audit.sanity_checks import CHECKS
    from ..evidence.audit.sanity_checks import audit as measure
    from ..evidence.audit.store import store
    from ..evidence.audit.verdict import failures
    from ..evidence.card_tables import steadiness_table

    methods = options.methods.split(",") if options.methods else None
    checks = options.checks.split(",") if options.checks else None
    for option, words, known in (
        ("--methods", methods, [*METHODS]),
        ("--checks", checks, [*CHECKS, steadiness.CHECK]),
    ):
        if unknown := set(words or ()) - set(known):
            raise UsageError(
                f"Expected {option} of {', '.join(known)}. Received: {', '.join(sorted(unknown))}"
            )
    if checks == [steadiness.CHECK] and (methods or options.films is not None):
        raise UsageError(
            "--methods and --films are of heatmaps, and steadiness is of scores. Leave them out, "
            "or add another of --checks."
        )
    bundle = load(options.name)
    steady = pd.DataFrame()
    if checks is None or steadiness.CHECK in checks:
        steady = steadiness.measure(bundle, options.data, progress=_clock())
        checks = checks and [name for name in checks if name != steadiness.CHECK]
    rows = []
    if checks != []:
        rows = measure(
            bundle,
            options.data,
            methods=methods,
            checks=checks,
            films=options.films,
            progress=_clock(),
        )
        store(bundle, rows)
    table = bundle.explanations
    said = failures(table[table["method"].isin({row["method"] for row in rows})])
    if options.json:
        # JSON knows no NaN.
        plain = [{k: None if v != v else v for k, v in row.items()} for row in rows]
        moves = steady.to_dict("records")
        result = {"model": bundle.name, "rows": plain, "failures": said, "steadiness": moves}
        print(json.dumps(result, indent=1))
        return DONE
    for row in rows:
        stage = percent(row["stage"], 0, missing="")
        form = ".1e" if row["measure"] == MEASURE else ".3f"
        value = with_interval(row["value"], (row["low"], row["high"]), form)
        print(f"{row['method']:22}{row['measure']:20}{stage:>5}  n {row['n']:<4} {value}")
    if rows:
        print("", *(said or ["No method fails a check."]), sep="\n")
    if len(steady):
        print("", steadiness_table(steady).to_string(index=False), sep="\n")
    return DONE


def _clock() -> Progress:
    """Return what shows progress and the time left; on no terminal, every 10 % only."""
    start, shown = time.monotonic(), -1
    terminal = sys.stderr.isatty()

    def show(done: float, total: float) -> None:
        nonlocal shown
        percent = int(100 * done / total)
        if percent == shown or (not terminal and percent % 10):
            return
        shown = percent
        spent = time.monotonic() - start
        left = f", {spent / done * (total - done) / 60:.0f} minutes left" if done else ""
        end = "" if terminal and percent < 100 else "\n"
        mark = "\r" if terminal else ""
        print(f"{mark}{percent:3} % done{left}    ", end=end, file=sys.stderr, flush=True)

    return show


def dataset(options: argparse.Namespace) -> int:
    """Describe labeled films; see `cxr.datasets.describe`."""
    from ..datasets import describe as film_facts
    from ..datasets.folders import scan
    from ..scoring.store import replace_film_table

    if options.store and not options.model:
        raise UsageError("--store needs --model NAME: the bundle to keep the result in.")
    bundle = load(options.model) if options.model else None
    table = bundle.films if bundle else scan(options.folder, say=to_stderr)
    table = film_facts.describe(table, options.folder, counter())
    if bundle and options.store:
        replace_film_table(bundle, lambda kept: film_facts.filled_in(kept, table, bundle.name))
    result = film_facts.summary(table)
    print(json.dumps(result, indent=1) if options.json else film_facts.as_text(result))
    return DONE


def gate(options: argparse.Namespace) -> int:
    """Fit and measure a bundle's learned gate; see `cxr.training.fit_gate.fit_gate`."""
    from ..storage.records import encode
    from ..training.fit_gate import fit_gate, store_gate

    bundle = load(options.name)
    learned, measured = fit_gate(bundle, options.data)
    store_gate(bundle, learned, measured)
    if options.json:
        print(json.dumps(encode(measured), indent=1))
        return DONE
    for row in measured:
        share = with_interval(row.share, row.ci, ".1%")
        films = f"{row.films:16} {row.refused:4} of {row.n:4}"
        print(f"{films} refused, {share}, {row.how}")
    return DONE
