"""A bundle tried on labelled films: scores them and hands the figures to `cxr.evaluation`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .bundle import Bundle
from .dataset import read_films
from .evaluation import Evaluation, evaluate
from .layouts import NORMAL, DatasetError, scan
from .prediction import logits

__all__ = ["assess"]


def assess(
    bundle: Bundle,
    data: str | Path,
    *,
    split: str = "test",
    operating_point: str | None = None,
    progress: Callable[[int], Callable[[int], None]] | None = None,
) -> Evaluation:
    """Score the films of a split anew and evaluate them.

    Films are not refused here: a figure over the films that a model likes says nothing.

    Parameters
    ----------
    bundle
        The model.
    data
        Folder of labelled films (`cxr.layouts.scan`).
    split
        ``train``, ``validation``, ``test``, or ``""`` for a set without splits. Which films were
        train and which validation is as when the bundle was made.
    operating_point
        Name of one of the card's; the default where none is given.
    progress
        Called with the number of films, gives what is called with the number of films done.

    Returns
    -------
    Evaluation

    Raises
    ------
    DatasetError
        If the folder has no such split with films of the bundle's classes.
    """
    card = bundle.card
    table = scan(data, finding=card.finding)
    table = table[table["label"].isin([NORMAL, card.finding])].reset_index(drop=True)
    if split in ("train", "validation"):
        # Which films were which when the bundle was made, its own table tells, by their pixels.
        table, _ = read_films(table, data)
        made = bundle.films.drop_duplicates("sha256").set_index("sha256")["split"]
        table["split"] = table["sha256"].map(made).fillna(table["split"])
    known = sorted(set(table["split"]))
    table = table[table["split"] == split].reset_index(drop=True)
    if table.empty:
        raise DatasetError(
            f"There are no films of {card.finding} or normal in the split {split!r}. "
            f"Splits here: {', '.join(name or '(none)' for name in known)}."
        )
    say = progress(len(table)) if progress else None
    table, pixels = read_films(
        table,
        data,
        size=card.size,
        resample=card.input["resample"],
        progress=(lambda done, _: say(done)) if say else None,
    )
    assert pixels is not None
    table["logit"] = logits(bundle, pixels)
    return evaluate(
        table,
        model=card.name,
        split=split,
        calibration=card.calibration,
        point=card.operating_point(operating_point),
    )
