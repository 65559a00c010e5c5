"""The folder layouts that labeled films come in, read into one table.

A film table has the columns of `COLUMNS`. ``label`` is ``normal`` or the finding, ``subtype`` is
empty if none is known, ``patient`` groups the films of one person and is empty where nothing tells
of one, ``sha256`` is the hash of the pixels (`cxr.films.radiograph`). Which words are known for
splits and labels is said in `cxr.datasets.words`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath, PurePosixPath

import pandas as pd

from ..films.kinds import SUFFIXES, Kind, hidden_name
from ..films.walk import walk
from ..progress import Say, silent
from ..stats.wording import count
from .copies import once
from .errors import DatasetError
from .text_table import TableError, read_table
from .words import KNOWN_SPLITS, NORMAL, split_label, split_of

__all__ = [
    "COLUMNS",
    "NORMAL",
    "DatasetError",
    "holds_sets",
    "manifest_of",
    "of_classes",
    "scan",
    "select",
]

#: Files that name the films of a folder, the first that is there.
MANIFESTS = ("manifest.csv", "manifest.xlsx")
COLUMNS = ["path", "split", "label", "subtype", "patient", "width", "height", "sha256"]
#: Other names of a manifest's columns, where it lacks one of these.
_ALIASES = {
    "path": ("file", "filename", "file_name", "filepath", "file_path", "image", "image_path"),
    "label": ("class", "finding", "diagnosis"),
    "split": ("set", "subset", "partition"),
}
#: Folders between that of a class and the films: NORMAL/images, NORMAL/patient012/study1.
_OF_PICTURES = re.compile("images?|imgs?|films?|pictures?|png|jpe?g|dicom|dcm")
_OF_PATIENT = re.compile("(patient|pat|case|subject|sub|id|p)[ _-]*[0-9][0-9._-]*")
_NUMBERED = re.compile("(study|series|st|se)?[ _-]*[0-9][0-9._-]*")

# Kermany et al.: person12_bacteria_47.jpeg, NORMAL2-IM-0058-0001.jpeg, IM-0027-0001.jpeg. The
# numbers of persons recur between bacteria and virus, so the subtype is part of the patient.
PERSON = re.compile(r"(person\d+)_(bacteria|virus)_", re.IGNORECASE)
SERIES = re.compile(r"((?:NORMAL\d*-)?IM-\d+)-\d+", re.IGNORECASE)
# Montgomery and Shenzhen: CHNCXR_0001_0.png; the last number is the label.
FLAT = re.compile(r"^(?P<patient>.+)_(?P<label>[01])$")


def scan(root: str | Path, *, finding: str | None = None, say: Say = silent) -> pd.DataFrame:
    """List the labeled films of a folder, without opening those that are named like films.

    Four layouts are known: a ``manifest.csv`` with at least ``path`` and ``label``; a folder of
    folders with such manifests, whose films get a ``source``, the folder's name where the
    manifest gives none; Kaggle's folders, ``train|val|test`` by class or classes alone, in any
    case, with the films of a patient in a folder of their own or not; and a flat folder whose file
    names end in ``_0`` (normal) or ``_1`` (the finding).

    A film that is there twice, by a table's rows or as a copy in another folder, counts once.

    Parameters
    ----------
    root : str or pathlib.Path
        The folder.
    finding : str, optional
        What ``1``, ``positive`` and ``_1`` mean; in a flat folder ``tuberculosis`` where nothing
        is said, which is what the published sets of that form hold.
    say : Say, optional
        Told, in a line of text each, of films that were left out or are in no split (default:
        nobody is).

    Returns
    -------
    pandas.DataFrame
        With the columns of `COLUMNS`, sorted by path; ``width`` and ``height`` are 0 and
        ``sha256`` is empty until `read_films` has seen the film. Further columns of a manifest
        are kept behind these.

    Raises
    ------
    DatasetError
        If the folder is not there or holds no labeled film, or one film has two labels.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"There is no folder {root.name!r}. Give the folder with the films.")
    if manifest := manifest_of(root):
        table = _from_manifest(manifest, finding, say)
    elif sets := _sets(root):
        tables = [_prefixed(folder, file, finding, say) for folder, file in sets]
        table = pd.concat(tables, ignore_index=True)
    else:
        table = _from_folder(root, finding, say)
    if table.empty:
        raise DatasetError(
            "No labelled films were found. Expected a manifest.csv, folders train/test with one "
            "folder a class, or file names that end in _0 or _1."
        )
    table = once(table, root, say)
    for column in COLUMNS:
        if column not in table:
            table[column] = 0 if column in ("width", "height") else ""
    # Where several sets meet, each lacks some of the others' columns.
    sizes = ["width", "height"]
    table[sizes] = table[sizes].fillna(0).astype(int)
    texts = [column for column in table.columns if column not in sizes]
    table[texts] = table[texts].fillna("")
    _tell_splits(table, say)
    others = [column for column in table.columns if column not in COLUMNS]
    return table[COLUMNS + others].sort_values("path", ignore_index=True)


def holds_sets(folder: Path) -> bool:
    """Whether a folder has no manifest itself, but folders with one: a folder of data sets."""
    return not manifest_of(folder) and bool(_sets(folder))


def of_classes(table: pd.DataFrame, finding: str, say: Say = silent) -> pd.DataFrame:
    """Keep the films that are normal or of a finding; say how many others there are.

    Raises
    ------
    DatasetError
        If none is left.
    """
    known = table["label"].isin([NORMAL, finding])
    others = table.loc[~known, "label"].value_counts()
    named = ", ".join(f"{label or '(none)'} ({n:,})" for label, n in others.items())
    if not known.any():
        raise DatasetError(
            f"There are no films of {finding} or {NORMAL} among {len(table):,}. "
            f"Labels here: {named}. Name the classes {NORMAL} and {finding}."
        )
    if len(others):
        say(
            f"Left out {count(int(others.sum()))} of other labels than {NORMAL} and {finding}: "
            f"{named}."
        )
    return table[known].reset_index(drop=True)


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


def manifest_of(folder: Path) -> Path | None:
    """Find a folder's ``manifest.csv`` or ``.xlsx``, in any case of letters; None if none."""
    for name in MANIFESTS:
        exact = folder / name
        if exact.is_file():
            return exact
        files = (path for path in folder.iterdir() if path.name.lower() == name)
        if found := next((path for path in sorted(files) if path.is_file()), None):
            return found
    return None


def _sets(root: Path) -> list[tuple[Path, Path]]:
    """List the folders in a folder that have a manifest."""
    shown = (path for path in root.iterdir() if not hidden_name(path.name))
    folders = sorted(path for path in shown if path.is_dir())
    manifests = ((folder, manifest_of(folder)) for folder in folders)
    return [(folder, file) for folder, file in manifests if file]


def _prefixed(folder: Path, manifest: Path, finding: str | None, say: Say) -> pd.DataFrame:
    table = _from_manifest(manifest, finding, say)
    source = table.get("source", folder.name)
    return table.assign(path=folder.name + "/" + table["path"], source=source)


def _patient(path: PurePath, folders: Sequence[str]) -> tuple[str, str]:
    """Return the patient and the subtype that a film's name, and folders it is in, tell of.

    Each is "" where nothing tells of one. A name like 1.png does not: it recurs between folders.
    """
    patient, subtype = "", ""
    if match := PERSON.search(path.stem):
        patient, subtype = f"{match[1].lower()}-{match[2].lower()}", match[2].lower()
    elif match := SERIES.search(path.stem):
        patient = match[1]
    return _patient_folder(folders) or patient, subtype


def _from_manifest(path: Path, finding: str | None, say: Say) -> pd.DataFrame:
    try:
        table = read_table(path)
    except TableError as error:
        raise DatasetError(str(error)) from error
    for column, others in _ALIASES.items():
        if column not in table and (found := next((n for n in others if n in table), "")):
            table = table.rename(columns={found: column})
    if missing := {"path", "label"} - set(table.columns):
        raise DatasetError(
            f"{path.name} lacks the column {', '.join(sorted(missing))}. "
            f"Received: {', '.join(table.columns)}."
        )
    if len(set(table.columns)) < len(table.columns):
        raise DatasetError(f"{path.name} has two columns of one name. Name each otherwise.")
    table["path"] = table["path"].map(_as_path)
    if nameless := int((table["path"] == "").sum()):
        say(f"Left out {count(nameless, 'row')} of {path.name} without a path.")
        table = table[table["path"] != ""].reset_index(drop=True)
    read = [split_label(label, finding) for label in table["label"]]
    table["label"] = [label for label, _ in read]
    if any(subtype for _, subtype in read):
        told = table["subtype"] if "subtype" in table else pd.Series("", index=table.index)
        table["subtype"] = [kept or subtype for kept, (_, subtype) in zip(told, read, strict=True)]
    if "split" in table:
        table["split"] = [split_of(split) or split.lower() for split in table["split"]]
    if "patient" not in table:
        paths = [PurePosixPath(path) for path in table["path"]]
        table["patient"] = [_patient(film, film.parts[:-1])[0] for film in paths]
    for column in ("width", "height"):
        if column in table:
            table[column] = pd.to_numeric(table[column], errors="coerce").fillna(0).astype(int)
    return table


def _as_path(cell: str) -> str:
    r"""Write a path of a table as this package does: ``.\img\a.png`` is img/a.png."""
    path = cell.strip("\"'").replace("\\", "/")
    return PurePosixPath(path).as_posix() if path else ""


def _from_folder(root: Path, finding: str | None, say: Say) -> pd.DataFrame:
    films = sorted(_films(root))
    rows = [_from_folders(path, finding) for path in films]
    if not any(rows):
        rows = [_from_name(path, finding or "tuberculosis") for path in films]
    elif without := rows.count(None):
        say(f"Left out {count(without)} in no folder of a class.")
    if doubtful := sum(map(_in_several_classes, films)):
        say(
            f"{count(doubtful)} in several folders named 0 or 1: the innermost is taken for the "
            "class."
        )
    return pd.DataFrame([row for row in rows if row])


def _films(root: Path) -> Iterator[Path]:
    """Find the films of a folder: by their names, and what is named otherwise by its content."""
    for path, kind in walk(root, unless=lambda name: Path(name).suffix.lower() in SUFFIXES):
        if kind in (None, Kind.DICOM, Kind.PNG, Kind.JPEG):
            yield path.relative_to(root)


def _from_folders(path: Path, finding: str | None) -> dict[str, str] | None:
    folders = path.parts[:-1]
    known = [split for folder in folders if (split := split_of(folder))]
    # A copy of a whole set in one of its folders: nothing in a folder named test is learned from.
    split = "test" if "test" in known else known[-1] if known else ""
    classes = _classes(folders)
    if not classes:
        return None
    place = _class_folder(classes)
    patient, subtype = _patient(path, classes[place + 1 :])
    label, told = split_label(classes[place], finding)
    return {
        "path": path.as_posix(),
        "split": split,
        "label": label,
        "subtype": subtype or told,
        "patient": patient,
    }


def _classes(folders: Sequence[str]) -> Sequence[str]:
    """Keep the folders among which the class is: in that of a split, or the split is in theirs."""
    after = max((k + 1 for k, folder in enumerate(folders) if split_of(folder)), default=0)
    return folders[after:] or [folder for folder in folders if not split_of(folder)]


def _class_folder(folders: Sequence[str]) -> int:
    """Choose the innermost folder that is neither one of pictures nor one of a patient."""
    kinds = (_OF_PICTURES, _OF_PATIENT, _NUMBERED)
    others = [k for k, folder in enumerate(folders) if not any(_is(kind, folder) for kind in kinds)]
    if others:
        return others[-1]
    # Folders 0 and 1 are classes where no other is.
    return max((k for k, f in enumerate(folders) if f in ("0", "1")), default=len(folders) - 1)


def _in_several_classes(path: Path) -> bool:
    """Whether a film lies in several folders 0 or 1, any of which could be its class."""
    folders = _classes(path.parts[:-1])
    several = sum(folder in ("0", "1") for folder in folders) > 1
    return several and folders[_class_folder(folders)] in ("0", "1")


def _patient_folder(folders: Sequence[str]) -> str:
    """Choose the innermost folder that is named for a patient; "" if there is none.

    A bare number is none: it may be a year, a batch, a study or a UID.
    """
    return next((folder for folder in reversed(folders) if _is(_OF_PATIENT, folder)), "")


def _is(kind: re.Pattern[str], folder: str) -> bool:
    return kind.fullmatch(folder.strip().lower()) is not None


def _from_name(path: Path, finding: str) -> dict[str, str] | None:
    match = FLAT.match(path.stem)
    if not match:
        return None
    label = NORMAL if match["label"] == "0" else finding
    return {"path": path.as_posix(), "label": label, "patient": match["patient"]}


def _tell_splits(table: pd.DataFrame, say: Say) -> None:
    """Say which films are in no known split, where others are in one."""
    others = table[~table["split"].isin(KNOWN_SPLITS)]
    if others.empty or (len(others) == len(table) and (others["split"] == "").all()):
        return
    folders = (path.partition("/")[0] for path in others["path"])
    names = others["split"].where(others["split"] != "", pd.Series(folders, index=others.index))
    counts = names.value_counts()
    named = ", ".join(f"{name} ({n:,})" for name, n in counts.head(5).items())
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    say(f"{count(len(others))} in none of the splits {', '.join(KNOWN_SPLITS)}: {named}{more}.")
