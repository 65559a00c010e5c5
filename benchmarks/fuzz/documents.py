"""Cards, tables, sheets, sites' files, stored models and rows, damaged, and read back."""

from __future__ import annotations

import functools
import io
import json
import random
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cxr.bulk.checkpoints import Checkpoint, CheckpointError, RowsOf
from cxr.bulk.rows import LINE_BY_LINE, columns, read_rows, write_rows
from cxr.datasets.boxes import boxes_of, mask, names_of, read_boxes
from cxr.scoring.bundle import Bundle
from cxr.scoring.card import Card, Tables
from cxr.scoring.site_file import read_site
from cxr.site.truth import (
    FilmKey,
    guess_columns,
    guess_meanings,
    labels_of,
    match,
    read_truth,
    scores_of,
)
from cxr.storage.checksum import card_bytes
from cxr.storage.models import models_folder
from tests.cards import a_card
from tests.film_files import dicom, scene
from tests.sites import a_site

from . import damage

if TYPE_CHECKING:
    from cxr.training.legacy.reader import Reader

__all__ = [
    "boxes",
    "capture",
    "card",
    "cards_of",
    "read_boxes_file",
    "read_card",
    "read_export",
    "read_legacy",
    "read_row_file",
    "read_sheet",
    "read_site_file",
    "read_table",
    "row_file",
    "sheet",
    "site",
    "stored",
    "table",
    "workbook",
]

SHIPPED = "pneumonia-efficientnet-lite0"
FINDING = "tuberculosis"
NAMES = ("a/one.png", "a/two.dcm", "b/three.jpeg", "12345")


@cache
def _folder() -> Path:
    """Return an empty folder in memory, which goes with the process."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    made = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
    _kept.append(made)
    return Path(made.name)


_kept: list[Any] = []


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


# Cards -----------------------------------------------------------------------------------------


@cache
def cards_of() -> list[dict[str, Any]]:
    """Return plain cards: those that ship, and one of a network that was trained elsewhere."""
    paths = sorted(models_folder().glob("*/card.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths] + [a_card().to_json()]


def card(rng: random.Random) -> bytes:
    """Return a damaged ``card.json``; most carry the checksum of what they hold now."""
    plain = rng.choice(cards_of())
    if rng.random() < 0.1:
        plain = plain | {"schema_version": rng.choice((1, 2, 3, 4, 5, 0, "4", None))}
    if rng.random() < 0.2:
        return damage.bytes_of([card_bytes(plain)], rng)
    plain = damage.plain_of(plain, rng)
    try:
        return card_bytes(plain) if isinstance(plain, dict) else json.dumps(plain).encode()
    except (ValueError, RecursionError):
        return damage.bytes_of([card_bytes(cards_of()[0])], rng)


def read_card(data: bytes) -> str:
    """Read a card, and write it back: it is the same."""
    read = Card.read(_file("card.json", data))
    read.operating_point()
    assert Card.read(_file("card.json", read.to_bytes())) == read
    return "card"


# Tables of a bundle ----------------------------------------------------------------------------


@cache
def _tables() -> dict[str, str]:
    folder = models_folder() / SHIPPED
    told = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    paths = {name: folder / name for name in ("history.csv", "predictions.csv", "explanations.csv")}
    paths["films.csv"] = folder.parent / "films" / told["tables"]["films"]["file"]
    return {
        name: "\n".join(path.read_text(encoding="utf-8").splitlines()[:12])
        for name, path in paths.items()
    }


def table(rng: random.Random) -> bytes:
    """Return the name of a table of a bundle, and the damaged table after it."""
    name = rng.choice(list(_tables()))
    return name.encode() + b"\0" + damage.text_of([_tables()[name]], rng)


def read_table(data: bytes) -> str:
    """Read a table as that of a bundle whose card does not name its hash, and use it."""
    name, _, content = data.partition(b"\0")
    path = _file(name.decode(), content)
    bundle = Bundle(path.parent, replace(_blank(), tables=Tables(), evidence=None))
    read = getattr(bundle, path.stem)
    assert len(read.columns)
    if path.stem == "predictions":
        bundle.scored("test")
    return name.decode()


@cache
def _blank() -> Card:
    return a_card()


# A site's file ---------------------------------------------------------------------------------


@cache
def _site() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(a_site().to_bytes())
    return plain


def site(rng: random.Random) -> bytes:
    """Return a damaged site's file."""
    if rng.random() < 0.2:
        return damage.bytes_of([a_site().to_bytes()], rng)
    return json.dumps(damage.plain_of(_site(), rng)).encode("utf-8", "surrogatepass")


def read_site_file(data: bytes) -> str:
    """Read a site's file, use it, and write it back: it is the same."""
    read = read_site(data)
    assert read_site(read.to_bytes()) == read
    assert 0 < float(read.calibration.score(0.5)) < 1
    read.point()
    assert read.label
    return "site's file"


# Sheets ----------------------------------------------------------------------------------------


@cache
def _sheets() -> list[str]:
    return [
        "file,label,patient,age,sex,date\n"
        "a/one.png,tuberculosis,p1,45,F,2026-01-02\na/two.dcm,normal,p2,61Y,male,02.03.2026\n"
        "b/three.jpeg,TB,p1,,,\n12345,negative,p3,7,M,20260301",
        "accession,finding,score\n12345,1,0.97\none,0,0.03\ntwo,0,0.5",
        "Name,Positive?,probability\none.png,yes,0,9\ntwo,no,1\nthree,unknown,0.1",
    ]


def sheet(rng: random.Random) -> bytes:
    """Return a damaged sheet as text."""
    return damage.text_of(_sheets(), rng)


@cache
def _workbooks() -> list[bytes]:
    import openpyxl

    made = []
    for text in _sheets():
        book = openpyxl.Workbook()
        for line in text.splitlines():
            book.active.append(line.split(","))
        out = io.BytesIO()
        book.save(out)
        made.append(_repacked(out.getvalue(), _undated))
    return made


def _undated(_name: str, part: bytes) -> bytes:
    return re.sub(rb"20\d\d-\d\d-\d\dT[\d:]+", b"2026-01-02T03:04:05", part)


def _repacked(archive: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    """Return an archive with changed parts, the same whenever it is made."""
    whole, out = zipfile.ZipFile(io.BytesIO(archive)), io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in whole.namelist():
            content = change(name, whole.read(name))
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def workbook(rng: random.Random) -> bytes:
    """Return a damaged workbook; half of them packed anew, with a damaged part."""
    if rng.random() < 0.5:
        return damage.bytes_of(_workbooks(), rng)
    whole = rng.choice(_workbooks())
    names = zipfile.ZipFile(io.BytesIO(whole)).namelist()
    spoiled = rng.choice([name for name in names if name.endswith(".xml")])
    return _repacked(
        whole, lambda name, part: damage.bytes_of([part], rng) if name == spoiled else part
    )


def read_sheet(data: bytes) -> str:
    """Read a site's truth and scores, guess what its columns mean, and match it with films."""
    read = read_truth(data, "truth.csv")
    films = [FilmKey(name) for name in NAMES]
    said = []
    for use in (functools.partial(_matched, read, films), functools.partial(scores_of, read)):
        try:
            use()
            said.append("used")
        except ValueError as error:
            if type(error).__name__ != "TruthError":
                raise
            said.append(getattr(error, "code", ""))
    return f"sheet: truth {said[0]}, scores {said[1]}"


def _matched(read: Any, films: list[FilmKey]) -> None:
    told = guess_columns(read, films, finding=FINDING)
    matched = match(read, told, guess_meanings(labels_of(read, told), FINDING), films)
    assert set(matched.films["truth"]) <= {0, 1}


# Boxes -----------------------------------------------------------------------------------------

BOXES = [
    "file,finding,xmin,ymin,xmax,ymax\n"
    "a/one.png,ActiveTuberculosis,1,2,30,40\na/one.png,,5,5,8,9.5\nb\\three.jpeg,Lung,0,0,9,9",
    "filename,label,x,y,w,h\none.png,TB,1,2,30,40\ntwo.dcm,x,0.5,1e1,3,4",
]


def boxes(rng: random.Random) -> bytes:
    """Return a damaged table of boxes."""
    return damage.text_of(BOXES, rng)


def read_boxes_file(data: bytes) -> str:
    """Read boxes, find those of films, and mark their pixels."""
    read = read_boxes(_file("boxes.csv", data))
    names_of(read, NAMES[:3], FINDING)
    for corners in boxes_of(read, NAMES[:3]).values():
        assert mask(corners, 40, 50).shape == (40, 50)
    return "boxes"


# Stored models of Keras ------------------------------------------------------------------------


def _sequential() -> dict[str, Any]:
    def layer(kind: str, **config: Any) -> dict[str, Any]:
        return {"class_name": kind, "config": {"name": kind.lower(), **config}}

    unit = {"use_bias": True, "activation": "relu", "data_format": "channels_last"}

    return {
        "class_name": "Sequential",
        "config": {
            "name": "model",
            "layers": [
                layer("InputLayer", batch_input_shape=[None, 16, 16, 1]),
                layer(
                    "Conv2D", filters=4, kernel_size=[3, 3], strides=[1, 1], padding="same", **unit
                ),
                layer("BatchNormalization", axis=[3], epsilon=0.001, center=True, scale=True),
                layer("MaxPooling2D", pool_size=[2, 2], strides=[2, 2], padding="valid"),
                layer("Dropout", rate=0.5),
                layer("Flatten"),
                layer("Dense", units=1, use_bias=True, activation="sigmoid"),
            ],
        },
        "keras_version": "2.4.0",
    }


SHAPE = {"kernel": (8, 2), "bias": (2,)}


@cache
def _hdf5() -> list[bytes]:
    import h5py

    made = []
    for modern in (False, True):
        out = io.BytesIO()
        with h5py.File(out, "w") as file:
            file.attrs["model_config"] = json.dumps(_sequential())
            group = file.create_group("layers/dense/vars" if modern else "dense/dense")
            for place, (name, shape) in enumerate(SHAPE.items()):
                group.create_dataset(
                    str(place) if modern else f"{name}:0",
                    data=np.full(shape, 0.25, np.float32),
                    compression="gzip" if modern and place == 0 else None,
                )
            if not modern:
                file.attrs["layer_names"] = [b"dense"]
                names = [b"dense/kernel:0", b"dense/bias:0"]
                file["dense"].attrs["weight_names"] = names
        made.append(out.getvalue())
    return made


def stored(rng: random.Random) -> bytes:
    """Return a damaged description of a network, one in a hundred as HDF5 with weights."""
    if rng.random() < 0.01:
        return damage.bytes_of(_hdf5(), rng)
    if rng.random() < 0.1:
        return damage.bytes_of([json.dumps(_sequential()).encode()], rng)
    return json.dumps(damage.plain_of(_sequential(), rng)).encode("utf-8", "surrogatepass")


@cache
def _reader() -> Reader:
    from cxr.training.legacy import reader

    reader.SECONDS = 4.0
    return reader.Reader().__enter__()


def read_legacy(data: bytes) -> str:
    """Read a stored model: HDF5 in the reader's own process, as the program does, JSON here."""
    from cxr.training.legacy.files import read_description
    from cxr.training.legacy.steps import Step
    from cxr.training.legacy.structure import read_chain

    if data[:4] == b"\x89HDF":
        path = _file("model.h5", data)
        step = Step("Dense", name="dense", outer="dense", place="layers/dense")
        try:
            weights = _reader().weights(path, [(step, SHAPE)])
            assert weights[0]["kernel"].shape == SHAPE["kernel"]
            read_chain(_reader().description(path))
        except ValueError as error:
            if getattr(error, "code", "") == "damaged":  # the reader ended, or was busy for good
                _reader().__exit__(None, None, None)
                _reader.cache_clear()
            raise
        return "weights"
    read_chain(read_description(_file("model.json", data)))
    return "network"


# What was written, read back -------------------------------------------------------------------

OF = RowsOf("pneumonia-made", "00" * 32, "sensitivity-95")


@cache
def _rows() -> dict[str, bytes]:
    rows = []
    for number in range(4):
        row: dict[str, Any] = dict.fromkeys(columns())
        row |= {"path": f"{number}.png", "model": OF.model, "model_sha256": OF.sha256}
        row |= {"operating_point": OF.operating_point, "threshold": 0.5}
        row |= {"score": 0.25, "band": "below"} if number else {"refusal_code": "size"}
        rows.append(row)
    made = {}
    for suffix in (".csv", ".json", ".jsonl", ".parquet"):
        path = _folder() / f"whole{suffix}"
        write_rows(rows, path)
        made[suffix] = path.read_bytes()
    return made


def row_file(rng: random.Random) -> bytes:
    """Return the ending of a file of rows, and the damaged file after it."""
    suffix = rng.choice((".csv", ".csv", ".json", ".jsonl", ".jsonl", ".parquet"))
    whole = _rows()[suffix]
    if suffix == ".csv" and rng.random() < 0.7:
        return suffix.encode() + b"\0" + damage.text_of([whole.decode()], rng)
    return suffix.encode() + b"\0" + damage.bytes_of([whole], rng)


def read_row_file(data: bytes) -> str:
    """Read rows back, and go on with the file as a run of many films does."""
    suffix, _, content = data.partition(b"\0")
    path = _file(f"rows{suffix.decode()}", content)
    said = []
    try:
        said.append(f"{min(2, len(read_rows(path)))} rows")
    except ValueError as error:
        if type(error).__name__ != "NoRowsError":
            raise
        said.append("none")
    if path.suffix in LINE_BY_LINE:
        try:
            with Checkpoint(path, [OF], resume=True) as out:
                said.append(f"gone on after {min(2, out.films)}")
        except CheckpointError as error:
            said.append(error.code)
    return ", ".join(said)


@cache
def _captures() -> list[bytes]:
    from cxr.exports.dicom_capture import secondary_capture
    from cxr.exports.dicom_origin import origin_of
    from cxr.films.radiograph import read

    source = dicom(scene(14, 18, top=4095), BitsStored=12)
    origin = origin_of(read(source), source)
    picture = np.dstack([scene(14, 18)] * 3)
    made = datetime(2026, 1, 2, tzinfo=UTC)
    return [secondary_capture(picture, "words", origin, a_card(), made)]


def capture(rng: random.Random) -> bytes:
    """Return a damaged DICOM export."""
    return damage.bytes_of(_captures(), rng)


def read_export(data: bytes) -> str:
    """Read a DICOM export as a film, and as the origin of another export."""
    from cxr.exports.dicom_origin import origin_of

    from .films import read_film

    told = read_film(data)
    from cxr.films.radiograph import read

    origin_of(read(data), data)
    return told
