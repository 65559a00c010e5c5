"""How the gate's look at the lungs does: on films, on films that are turned, on other pictures.

``python -m cxr.training.lung_gate --data SETS --lungs models/lungs`` measures it, and writes the
figures into the card of the lung network. Nothing is fitted here; the limits of `cxr.lungs` were
set on the first four of the sets.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..films.kinds import SUFFIXES
from ..films.radiograph import Radiograph, RadiographError, read
from ..lungs.hanging import UPRIGHT_FROM, surest
from ..lungs.once import look_once
from ..lungs.segment import CUT_OFF, as_seen, expected_dice, lungs_of, network_of
from ..model import Model, load
from ..progress import Say, to_stderr
from ..scoring.lung_check import TURNED, lung_check
from ..scoring.refusal import check
from ..stats.intervals import wilson
from ..storage.atomic import FolderWriter
from ..storage.checksum import card_bytes

__all__ = ["FRONTAL", "OTHERS", "measure", "store"]

#: Folders of frontal films by the name of their set.
FRONTAL = {
    "kermany train": "kermany/train",
    "shenzhen_128": "shenzhen_128",
    "tuberculosis qatar": "tuberculosis/qatar",
    "tuberculosis tbx11k": "tuberculosis/tbx11k",
    "nih": "nih/images",
    "adults with masks": "lungs/adults/films",
    "jsrt": "lungs/jsrt/films",
}
#: All of its films are looked at.
TESTED = {"kermany test": "kermany/test"}
#: Folders of what is no frontal film of a chest.
OTHERS = {
    "lateral": "lateral",
    "bone_xray": "not_chest/bone_xray",
    "ct_covid": "not_chest/ct_covid",
    "fruit": "not_chest/fruit",
    "sample_photos": "not_chest/sample_photos",
    "dicom, other body parts": "dicom/non_chest",
}
MOST = 200
#: Films of a set that are also shown to the rest of the gate, turned.
TURNED_FOR_GATE = 10


def measure(
    data: Path,
    models: Path,
    gates: Mapping[str, Model],
    *,
    seed: int = 0,
    most: int = MOST,
    say: Say = to_stderr,
) -> list[dict[str, Any]]:
    """Count what the look at the lungs refuses and notes.

    Parameters
    ----------
    data : pathlib.Path
        The folder of the data sets; those that are missing are left out.
    models : pathlib.Path
        The folder with the lung network.
    gates : mapping of str to Model
        What the rest of the gate is told by, by finding: a picture counts as refused by it where
        all of them refuse it.
    seed : int, default: 0
        Of the draw of films.
    most : int, default: 200
        Films of a set.
    say : Say, optional
        Called with one line per set.

    Returns
    -------
    list of dict
        One row per set, with ``kind`` ``frontal`` or ``other``.
    """
    rows = []
    for kind, sets in (("frontal", FRONTAL), ("frontal", TESTED), ("other", OTHERS)):
        for name, folder in sets.items():
            files = _files(data / folder)
            if len(files) > most and name not in TESTED:
                drawn = np.random.default_rng(seed).choice(len(files), most, replace=False)
                files = [files[i] for i in sorted(drawn)]
            if not files:
                continue
            row = _row(files, models, gates, turned=kind == "frontal" and name not in TESTED)
            rows.append({"films": name, "kind": kind, **row})
            say(json.dumps(rows[-1]))
    return rows


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)


def _films(files: Sequence[Path]) -> Iterator[Radiograph]:
    for file in files:
        try:
            yield read(file)
        except RadiographError:
            continue


def _row(
    files: Sequence[Path], models: Path, gates: Mapping[str, Model], *, turned: bool
) -> dict[str, Any]:
    names = ("n", "no_lungs", TURNED, "one_lung", "small_lungs", "cut_off", "looked_again", "newly")
    counts = dict.fromkeys(names, 0)
    told = {90 * turns: 0 for turns in (1, 2, 3)}
    by_gate, shown = dict.fromkeys(told, 0), 0
    for film in _films(files):
        found = lung_check(film, models)
        (lungs, _), _ = look_once(film, models)
        counts["n"] += 1
        for code in (found.refusal.code,) if found.refusal else tuple(map(str, found.notes)):
            counts[code] += 1
        counts["cut_off"] += lungs is not None and CUT_OFF in lungs.remarks
        counts["looked_again"] += lungs is None or lungs.sure < UPRIGHT_FROM
        counts["newly"] += bool(found.refusal) and not _refused(film, gates)
        if not turned or found.refusal:
            continue
        refused = _refused_turned(film, models)
        for turns in (1, 2, 3):
            told[90 * turns] += refused[turns]
            if shown < TURNED_FOR_GATE:
                by_gate[90 * turns] += _refused(_turned(film, turns), gates)
        shown += 1
    low, high = wilson(counts["no_lungs"] + counts[TURNED], counts["n"])
    row: dict[str, Any] = {**counts, "refused_ci": [round(float(low), 4), round(float(high), 4)]}
    if turned:
        row["turned_films"] = {"n": shown, "refused": told}
        row["turned_films"]["by_the_rest"] = {"n": min(shown, TURNED_FOR_GATE), "refused": by_gate}
    return row


def _refused_turned(film: Radiograph, models: Path) -> list[bool]:
    """Say whether a film is refused by its lungs when it is turned by 0 to 3 quarters clockwise.

    The network sees the four positions once each, whichever of them the film comes in.
    """
    network = network_of(models)
    picture = as_seen(film, network.side)
    logits = [network(np.ascontiguousarray(np.rot90(picture, -turns))) for turns in range(4)]
    sure = [expected_dice(seen) for seen in logits]
    return [
        surest([sure[(at - turns) % 4] for turns in range(4)]) > 0
        or lungs_of(logits[at], picture.shape).lungs is None
        for at in range(4)
    ]


def _turned(film: Radiograph, turns: int) -> Radiograph:
    """Return a film turned clockwise by quarters."""
    pixels = np.ascontiguousarray(np.rot90(film.pixels, -turns))
    return replace(film, pixels=pixels, values=None)


def _refused(film: Radiograph, gates: Mapping[str, Model]) -> bool:
    """Whether rules, picture check and learned gates refuse a film, the lungs left out."""
    if check(film):
        return True
    for model in gates.values():
        pictures = model.pictures
        if pictures and pictures([film.pixels])[0]:
            return True
    judges = [model.judge for model in gates.values() if model.judge]
    return bool(judges) and all(
        judge.gate.judge(judge.classifier.network, judge.classifier.prepare(film)[None])[0]
        for judge in judges
    )


def store(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write the figures into the card of the lung network."""
    card = json.loads((folder / "card.json").read_bytes())
    card["gate"] = rows
    with FolderWriter(folder, "card.json") as writer:
        writer.commit(card_bytes(card))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(prog="python -m cxr.training.lung_gate")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--lungs", type=Path, required=True, help="folder of the lung network")
    given = parser.parse_args(arguments)
    gates = {finding: load(finding) for finding in ("pneumonia", "tuberculosis")}
    store(measure(given.data, given.lungs.parent, gates), given.lungs)


if __name__ == "__main__":
    main()
