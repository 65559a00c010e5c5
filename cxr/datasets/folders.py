"""The folder layouts that labeled films come in, read into one table.

A film table has the columns of `COLUMNS`. ``label`` is ``normal`` or the finding, ``subtype`` is
empty if none is known, ``patient`` groups the films of one person, ``sha256`` is the hash of
the pixels (`cxr.films.radiograph`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..errors import CxrError
from ..films.kinds import SUFFIXES

__all__ = ["COLUMNS", "NORMAL", "DatasetError", "scan", "select"]

COLUMNS = ["path", "split", "label", "subtype", "patient", "width", "height", "sha256"]
NORMAL = "normal"
SPLITS = {"train": "train", "val": "validation", "validation": "validation", "test": "test"}

# Kermany et al.: person12_bacteria_47.jpeg, NORMAL2-IM-0058-0001.jpeg, IM-0027-0001.jpeg. The
# numbers of persons recur between bacteria and virus, so the subtype is part of the patient.
PERSON = re.compile(r"(person\d+)_(bacteria|virus)_", re.IGNORECASE)
SERIES = re.compile(r"((?:NORMAL\d*-)?IM-\d+)-\d+", re.IGNORECASE)
# Montgomery and Shenzhen: CHNCXR_0001_0.png; the last number is the label.
FLAT = re.compile(r"^(?P<patient>.+)_(?P<label>[01])$")


class DatasetError(CxrError, ValueError):
    """A folder that cannot be read as labeled films."""

    code = "dataset"


def scan(root: str | Path, *, finding: str | None = None) -> pd.DataFrame:
    """List the labeled films of a folder, without opening them.

    Four layouts are known: a ``manifest.csv`` with at least ``path`` and ``label``; a folder of
    folders with such manifests, whose films get a ``source``, the folder's name where the
    manifest gives none; Kaggle's folders, ``train|val|test`` by class or classes alone, in any
    case; and a flat folder whose file names end in ``_0`` (normal) or ``_1`` (the finding).

    Parameters
    ----------
    root : str or pathlib.Path
        The folder.
    finding : str, optional
        What ``_1`` means in a flat folder; ``tuberculosis`` where nothing is said, which is
        what the published sets of that form hold.

    Returns
    -------
    pandas.DataFrame
        With the columns of `COLUMNS`, sorted by path; ``width`` and ``height`` are 0 and
        ``sha256`` is empty until `read_films` has seen the film. Further columns of a manifest
        are kept behind these.

    Raises
    ------
    DatasetError
        If the folder is not there or holds no labeled film.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root.name!r}. Give the folder with the films.")
    manifest = root / "manifest.csv"
    if manifest.is_file():
        table = _from_manifest(manifest)
    elif sets := sorted(root.glob("*/manifest.csv")):
        table = pd.concat([_prefixed(file) for file in sets], ignore_index=True)
    else:
        paths = (p.relative_to(root) for p in root.rglob("*") if p.suffix.lower() in SUFFIXES)
        files = sorted(path for path in paths if not _hidden(path))
        rows = [_from_folders(path) for path in files]
        if not any(rows):
            rows = [_from_name(path, finding or "tuberculosis") for path in files]
        table = pd.DataFrame([row for row in rows if row])
    if table.empty:
        raise DatasetError(
            "No labelled films were found. Expected a manifest.csv, folders train/test with one "
            "folder a class, or file names that end in _0 or _1."
        )
    for column in COLUMNS:
        if column not in table:
            table[column] = 0 if column in ("width", "height") else ""
    # Where several sets meet, each lacks some of the others' columns.
    sizes = ["width", "height"]
    table[sizes] = table[sizes].fillna(0).astype(int)
    texts = [column for column in table.columns if column not in sizes]
    table[texts] = table[texts].fillna("")
    others = [column for column in table.columns if column not in COLUMNS]
    return table[COLUMNS + others].sort_values("path", ignore_index=True)


def select(table: pd.DataFrame, parts: Sequence[str], *, folder: str = "") -> pd.DataFrame:
    """Keep the films of some sources.

    Parameters
    ----------
    table : pandas.DataFrame
        A film table.
    parts : sequence of str
        ``source/label`` each, as ``qatar/normal``.
    folder : str, optional
        The source of films that give none: the name of their folder.

    Returns
    -------
    pandas.DataFrame
        Those films with their ``source``, without the films that another set lists as normal
        (``also_listed_normal``): they are evidence for neither label.

    Raises
    ------
    DatasetError
        If there is no film of one of the parts.
    """
    table = table.assign(source=table.get("source", folder))
    keys = table["source"] + "/" + table["label"]
    if missing := [part for part in parts if not (keys == part).any()]:
        raise DatasetError(
            f"There are no films of {', '.join(missing)}. Found: {', '.join(sorted(set(keys)))}. "
            "Give the folder that holds them, or the folder of all sets."
        )
    chosen = keys.isin(parts)
    if "also_listed_normal" in table:
        chosen &= table["also_listed_normal"] == ""
    return table[chosen].reset_index(drop=True)


def _prefixed(manifest: Path) -> pd.DataFrame:
    table = _from_manifest(manifest)
    name = manifest.parent.name
    source = table.get("source", name)
    return table.assign(path=name + "/" + table["path"], source=source)


def _hidden(path: Path) -> bool:
    # Kaggle's zip has a file of macOS for each film: __MACOSX/train/NORMAL/._IM-0115.jpeg.
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def _label(word: str) -> str:
    word = word.strip().lower()
    return NORMAL if word in {"normal", "no_finding", "0"} else word


def _patient(stem: str) -> tuple[str, str]:
    """Return the patient and the subtype that a file name tells of."""
    if match := PERSON.search(stem):
        return f"{match[1].lower()}-{match[2].lower()}", match[2].lower()
    if match := SERIES.search(stem):
        return match[1], ""
    return stem, ""


def _from_manifest(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise DatasetError("manifest.csv is not a table of comma-separated values.") from error
    if missing := {"path", "label"} - set(table.columns):
        raise DatasetError(f"manifest.csv lacks the column {', '.join(sorted(missing))}.")
    table["label"] = table["label"].map(_label)
    if "split" in table:
        table["split"] = table["split"].map(lambda s: SPLITS.get(s.lower(), s.lower()))
    if "patient" not in table:
        table["patient"] = [_patient(Path(p).stem)[0] for p in table["path"]]
    for column in ("width", "height"):
        if column in table:
            table[column] = pd.to_numeric(table[column], errors="coerce").fillna(0).astype(int)
    return table


def _from_folders(path: Path) -> dict[str, str] | None:
    if len(path.parts) < 2:
        return None
    folders = [part.lower() for part in path.parts[:-1]]
    split = next((SPLITS[f] for f in folders if f in SPLITS), "")
    if folders[-1] in SPLITS:
        return None
    patient, subtype = _patient(path.stem)
    label = _label(folders[-1])
    return {
        "path": path.as_posix(),
        "split": split,
        "label": label,
        "subtype": subtype,
        "patient": patient,
    }


def _from_name(path: Path, finding: str) -> dict[str, str] | None:
    match = FLAT.match(path.stem)
    if not match:
        return None
    label = NORMAL if match["label"] == "0" else finding
    return {"path": path.as_posix(), "label": label, "patient": match["patient"]}
