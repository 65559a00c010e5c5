"""Rows of predictions as CSV, JSON, JSON lines and Parquet, out and back in."""

from __future__ import annotations

import csv
import json
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..lungs.zones import ZONES
from ..scoring.predict import FIELDS, batches
from ..storage.csv_text import csv_line, from_cell

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FORMATS",
    "LINE_BY_LINE",
    "OF_FILE",
    "NoRowsError",
    "Row",
    "RowReader",
    "check_format",
    "columns",
    "csv_lines",
    "file_columns",
    "heading",
    "iter_rows",
    "line_of",
    "read_rows",
    "to_csv",
    "to_json",
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
#: What a file says of each row behind `FIELDS`: what made its score of a logit, and what it is for.
OF_FILE = ("calibration_slope", "calibration_intercept", "intended_use")
NUMBERS = ("score", "threshold", *OF_FILE[:2], HEAT, "heat_area", *HEAT_ZONES.values())
TRUTHS = ("heat_peak_inside",)
#: Columns that files written by earlier versions do not have.
LATER = ("notes", HEAT, "heat_remark_code", "heat_remark", *OF_FILE)
FORMATS = (".csv", ".json", ".jsonl", ".parquet")
#: Formats that rows can be appended to; files of the others have to be whole.
LINE_BY_LINE = (".csv", ".jsonl")
#: Rows of a Parquet file that are in memory at a time.
CHUNK = 10_000


class NoRowsError(ValueError):
    """A file that holds no prediction rows."""


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


def file_columns() -> tuple[str, ...]:
    """Return the columns of a file of rows: `columns`, and what is of the file."""
    return (*columns(), *OF_FILE)


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
    return "".join(_json_text(rows, more))


def _json_text(rows: Iterable[Row], more: Sequence[str] = ()) -> Iterator[str]:
    """Yield the parts of what ``json.dumps(rows, indent=1)`` would be, row by row."""
    before = "[\n"
    for row in rows:
        record = json.dumps(_ordered(row, more), indent=1, allow_nan=False)
        yield before + textwrap.indent(record, " ")
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def heading(suffix: str, names: Sequence[str] | None = None) -> str:
    """Return the line before the first row, of a format of `LINE_BY_LINE`; "" for none.

    Parameters
    ----------
    suffix : str
        The format.
    names : sequence of str, optional
        The columns (default: `file_columns`).
    """
    return csv_line(names or file_columns()) if suffix == ".csv" else ""


def line_of(row: Row, suffix: str, names: Sequence[str] | None = None) -> str:
    """Return a row as a line, with its end; see `heading`."""
    if suffix == ".csv":
        cells = _flat(row, OF_FILE)
        return csv_line(cells[name] for name in names or file_columns())
    return json.dumps(_ordered(row, OF_FILE), allow_nan=False) + "\n"


class RowReader:
    """Turns the lines of a file, the first one first, into rows.

    Parameters
    ----------
    suffix : str
        One of `LINE_BY_LINE`.
    """

    def __init__(self, suffix: str) -> None:
        self._csv = suffix == ".csv"
        self._names: list[str] = []

    def __call__(self, line: bytes) -> Row | None:
        """Return the row of a whole line; None for the heading and for an empty line.

        Raises
        ------
        ValueError, TypeError, KeyError, AttributeError, csv.Error
            If the line is no prediction row.
        """
        text = line.decode("utf-8").rstrip("\r\n")
        if not text:
            return None
        if not self._csv:
            row = json.loads(text)
            _complete(row)
            return _ordered(row, OF_FILE)
        (cells,) = csv.reader([text], strict=True)
        if not self._names:
            _complete(cells)
            self._names = cells
            return None
        return _ordered(_typed(dict(zip(self._names, cells, strict=True))), OF_FILE)


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write prediction rows to a file, in the format that its name ends in.

    They are written as they come. Where they end with an error, the file holds those before it.

    Parameters
    ----------
    rows : iterable of Row
        With the keys of `cxr.scoring.predict.FIELDS` and of `OF_FILE`; may be a generator that
        scores as it goes.
    path : pathlib.Path
        A file that ends in one of `FORMATS`.

    Raises
    ------
    ValueError
        If rows cannot be written in that format.
    """
    suffix = check_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if suffix == ".parquet":
        _write_parquet(rows, path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".json":
            errors: list[BaseException] = []
            file.writelines(_json_text(_until_error(rows, errors), OF_FILE))
            if errors:
                raise errors[0]
            return
        file.write(heading(suffix))
        for row in rows:
            file.write(line_of(row, suffix))
            file.flush()


def _until_error(rows: Iterable[Row], errors: list[BaseException]) -> Iterator[Row]:
    """Yield rows until they end with an error, which is kept: what has an end can be ended."""
    try:
        yield from rows
    except BaseException as error:  # noqa: BLE001 - raised by whoever asked
        errors.append(error)


def _write_parquet(rows: Iterable[Row], path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    errors: list[BaseException] = []
    schema = pa.Table.from_pandas(_table([]), preserve_index=False).schema
    with parquet.ParquetWriter(path, schema) as writer:
        for chunk in batches(_until_error(rows, errors), CHUNK):
            table = pa.Table.from_pandas(_table(chunk), preserve_index=False)
            writer.write_table(table.cast(schema))
    if errors:
        raise errors[0]


def _table(rows: Iterable[Row]) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame([_flat(row, OF_FILE) for row in rows], columns=list(file_columns()))
    return table.astype({name: _dtype(name) for name in file_columns()})


def _dtype(column: str) -> str:
    """Return what a column is in a Parquet file, whether or not a row fills it."""
    if column in NUMBERS:
        return "float64"
    return "boolean" if column in TRUTHS else "str"


def read_rows(path: Path) -> list[Row]:
    """Read back the rows of a file, see `iter_rows`."""
    return list(iter_rows(path))


def iter_rows(path: Path) -> Iterator[Row]:
    """Read back the rows of a file one by one, a last line cut short left out.

    Raises
    ------
    NoRowsError
        If the file holds no prediction rows.
    """
    suffix = check_format(path)
    try:
        if suffix == ".parquet":
            yield from _parquet_rows(path)
        elif suffix == ".json":
            for record in json.loads(path.read_text(encoding="utf-8")):
                _complete(record)
                yield _ordered(record, OF_FILE)
        else:
            read = RowReader(suffix)
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n") and (row := read(line)):
                        yield row
    except (ValueError, TypeError, KeyError, AttributeError, OSError, csv.Error) as error:
        raise NoRowsError(f"{path.name} holds no prediction rows. Name another file.") from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        _complete(names)
        for batch in file.iter_batches(CHUNK):
            columns_ = [column.to_pylist() for column in batch.columns]
            for values in zip(*columns_, strict=True):
                yield _ordered(_nested(dict(zip(names, values, strict=True))), OF_FILE)


def _complete(there: Collection[str]) -> None:
    """Raise KeyError if one of `FIELDS` is not there that rows have always had."""
    if missing := {*FIELDS} - {*there, *LATER}:
        raise KeyError(*missing)


def _typed(row: Row) -> Row:
    """Return a row of CSV with its values."""
    return _nested({name: _value(name, row.get(name)) for name in file_columns()})


def _value(column: str, text: str | None) -> Any:
    """Return what a cell of CSV says."""
    if not text:
        return None
    if column in NUMBERS:
        return float(from_cell(text))
    return text == "True" if column in TRUTHS else from_cell(text)
