"""Exports of predictions and heatmaps as files: CSV, JSON, JSON lines, Parquet, PNG."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL.PngImagePlugin import PngInfo

from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import CAPTION, Heatmap
from ..heatmaps.overlay import overlay
from ..lungs.zones import ZONES
from ..scoring.heat_in_lungs import HeatInLungs
from ..scoring.population import INTENDED_USE, intended_use
from ..scoring.predict import FIELDS
from ..storage.csv_text import csv_line, from_cell
from .item import call_words

if TYPE_CHECKING:
    from ..reading_room.entry import Entry
    from ..reading_room.worklist import Worklist

__all__ = [
    "EXPORTED",
    "FORMATS",
    "check_format",
    "columns",
    "csv_lines",
    "read_rows",
    "rows_of",
    "to_csv",
    "to_json",
    "write_overlay",
    "write_rows",
]

Row = dict[str, Any]
#: An object in a row and in JSON; in CSV and Parquet a column for each of its figures.
HEAT = "heat_in_lungs"
HEAT_ZONES = {zone: f"heat_{zone.replace(' ', '_')}" for zone in ZONES}
HEAT_COLUMNS = {
    "method": "heat_method",
    "share": HEAT,
    "peak_inside": "heat_peak_inside",
    "area": "heat_area",
}
NUMBERS = ("score", "threshold", HEAT, "heat_area", *HEAT_ZONES.values())
TRUTHS = ("heat_peak_inside",)
#: What an exported worklist says of a film behind the columns of a prediction row.
EXPORTED = (
    "finding",
    "call",
    "blind",
    "judgement",
    "reason",
    "refusal_overridden",
    "intended_use",
)
#: Columns that files written by earlier versions do not have.
LATER = ("notes", HEAT, "heat_remark_code", "heat_remark")
FORMATS = (".csv", ".json", ".jsonl", ".parquet")


def rows_of(worklist: Worklist, order: str = "score") -> Iterator[tuple[Entry, Row]]:
    """Yield the scored films of a worklist, each once for every finding.

    A row is the prediction's with the columns of `EXPORTED`. Films whose scores are still hidden
    are left out.

    Parameters
    ----------
    worklist
        The films.
    order
        One of `cxr.reading_room.worklist.ORDERS`.
    """
    for entry in worklist.ordered(order):
        if entry.waits or worklist.hidden(entry):
            continue
        for finding, assessment in entry.assessments.items():
            prediction, call = assessment.prediction, assessment.call
            assert prediction is not None
            yield (
                entry,
                prediction.row(entry.name)
                | {
                    "finding": finding,
                    "call": call and call_words(call, finding),
                    "blind": assessment.blind if call else None,
                    "judgement": assessment.judgement,
                    "reason": assessment.reason,
                    "refusal_overridden": prediction.overridden,
                    "intended_use": intended_use(worklist.model(finding).card.population),
                },
            )


def check_format(path: Path) -> str:
    """Return the suffix of a file to write rows to.

    Raises
    ------
    ValueError
        If rows cannot be written in that format.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(FORMATS)
        raise ValueError(f"Expected a file that ends in {known}. Received: {path.name}")
    return suffix


def columns() -> tuple[str, ...]:
    """Return the columns of CSV and Parquet: `FIELDS`, with one for each figure of the lungs."""
    heat = (*HEAT_COLUMNS.values(), *HEAT_ZONES.values())
    return tuple(column for field in FIELDS for column in (heat if field == HEAT else (field,)))


def _ordered(row: Row, more: Sequence[str] = ()) -> Row:
    return {field: row.get(field) for field in (*FIELDS, *more)}


def _flat(row: Row, more: Sequence[str] = ()) -> Row:
    """Return a row with the names of `columns`."""
    heat = row.get(HEAT) or {}
    zones = heat.get("zones") or {}
    values = (
        row
        | {column: heat.get(key) for key, column in HEAT_COLUMNS.items()}
        | {column: zones.get(zone) for zone, column in HEAT_ZONES.items()}
    )
    return {column: values.get(column) for column in (*columns(), *more)}


def _nested(row: Row) -> Row:
    """Return a row of `columns` as it was before `_flat`; other keys are kept."""
    heat = {key: row.get(column) for key, column in HEAT_COLUMNS.items()}
    zones = {zone: row.get(column) for zone, column in HEAT_ZONES.items()}
    return row | {HEAT: None if heat["share"] is None else heat | {"zones": zones}}


def to_csv(rows: Iterable[Row], more: Sequence[str] = ()) -> str:
    """Return prediction rows as CSV with a header; `more` names columns after the usual ones."""
    return "".join(csv_lines(rows, more))


def csv_lines(rows: Iterable[Row], more: Sequence[str] = ()) -> Iterator[str]:
    """Yield the lines of `to_csv`, each as soon as its row is there."""
    yield csv_line([*columns(), *more])
    for row in rows:
        yield csv_line(_flat(row, more).values())


def to_json(rows: Iterable[Row], more: Sequence[str] = ()) -> str:
    """Return prediction rows as a JSON list of records, one per film, with the keys of `FIELDS`.

    ``heat_in_lungs`` is an object or null: see `cxr.scoring.heat_in_lungs.HeatInLungs.figures`.
    """
    return json.dumps([_ordered(row, more) for row in rows], indent=1, allow_nan=False) + "\n"


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write prediction rows to a file, in the format that its name ends in.

    CSV and JSON lines are written row by row. JSON and Parquet have to be whole: they are written
    at the end, and with the rows so far if the work is stopped.

    Parameters
    ----------
    rows : iterable of Row
        With the keys of `cxr.scoring.predict.FIELDS`; may be a generator that scores as it goes.
    path : pathlib.Path
        A file that ends in one of `FORMATS`.

    Raises
    ------
    ValueError
        If rows cannot be written in that format.
    """
    suffix = check_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix in (".csv", ".jsonl"):
        with path.open("w", encoding="utf-8", newline="") as file:
            for line in csv_lines(rows) if suffix == ".csv" else _json_lines(rows):
                file.write(line)
                file.flush()
        return
    seen: list[Row] = []
    try:
        for row in rows:  # one by one, so that what came before an error is kept
            seen += [_ordered(row)]
    finally:
        if suffix == ".json":
            path.write_text(to_json(seen), encoding="utf-8")
        else:
            import pandas as pd

            table = pd.DataFrame([_flat(row) for row in seen], columns=list(columns()))
            table.astype({name: _dtype(name) for name in columns()}).to_parquet(path, index=False)


def _dtype(column: str) -> str:
    """Return what a column is in a Parquet file, whether or not a row fills it."""
    if column in NUMBERS:
        return "float64"
    return "boolean" if column in TRUTHS else "str"


def _json_lines(rows: Iterable[Row]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(_ordered(row), allow_nan=False) + "\n"


def read_rows(path: Path) -> list[Row]:
    """Read back the rows of a file that `write_rows` wrote, a last line cut short left out.

    Raises
    ------
    ValueError
        If the file holds no prediction rows.
    """
    suffix = check_format(path)
    try:
        if suffix == ".parquet":
            import pandas as pd

            table = pd.read_parquet(path).astype(object)
            _complete(table.columns)
            values = table.where(table.notna(), None).itertuples(index=False)
            rows = [_nested(dict(zip(table.columns, row, strict=True))) for row in values]
        else:
            rows = _parsed(path.read_text(encoding="utf-8"), suffix)
        return [_ordered(row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, OSError, csv.Error) as error:
        raise ValueError(f"{path.name} holds no prediction rows. Name another file.") from error


def _complete(there: Collection[str]) -> None:
    """Raise KeyError if one of `FIELDS` is not there that rows have always had."""
    if missing := {*FIELDS} - {*there, *LATER}:
        raise KeyError(*missing)


def _parsed(content: str, suffix: str) -> list[Row]:
    if suffix == ".json":
        rows: list[Row] = json.loads(content)
    else:
        content = content[: content.rfind("\n") + 1]
        if suffix == ".jsonl":
            rows = [json.loads(line) for line in content.split("\n") if line]
        else:
            rows = list(csv.DictReader(io.StringIO(content), strict=True))
    for row in rows:
        _complete(row)
    return [_typed(row) for row in rows] if suffix == ".csv" else rows


def _typed(row: Row) -> Row:
    """Return a row of CSV with its values."""
    return _nested({name: _value(name, row.get(name)) for name in columns()})


def _value(column: str, text: str | None) -> Any:
    """Return what a cell of CSV says."""
    if not text:
        return None
    if column in NUMBERS:
        return float(from_cell(text))
    return text == "True" if column in TRUTHS else from_cell(text)


def write_overlay(
    film: Radiograph, heatmap: Heatmap, path: Path, heat: HeatInLungs | None = None
) -> None:
    """Write a film with its heatmap over it as PNG, with the intended use in its text fields.

    And, where `heat` is given, with how much of the map lies in the lungs.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = PngInfo()
    notes.add_text("Description", CAPTION)
    notes.add_text("Disclaimer", INTENDED_USE)
    if heat and (said := heat.statement):
        notes.add_text("Comment", said)
    overlay(film, heatmap).save(path, "PNG", pnginfo=notes)
