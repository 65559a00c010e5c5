"""Workbooks of Excel as tables of text."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from cxr.datasets import excel_table
from cxr.datasets.errors import TableError
from cxr.datasets.excel_table import read_workbook
from cxr.datasets.folders import scan
from cxr.datasets.text_table import read_table
from tests.conftest import chest_like, png


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def code_of(data: bytes) -> str:
    with pytest.raises(TableError) as caught:
        read_workbook(data, "t.xlsx")
    return caught.value.code


def test_cells_are_what_a_person_sees():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Film", "Accession", "Positive", None, "Share"])
    sheet.append(["a.png", 42, True, "  x ", 0.5])
    sheet["B2"].number_format = "000000"
    table = read_workbook(saved(book), "t.xlsx")
    assert list(table) == ["Film", "Accession", "Positive", "column 4", "Share"]
    assert table.to_numpy().tolist() == [["a.png", "000042", "true", "x", "0.5"]]


def test_the_first_sheet_with_a_table_that_is_not_hidden():
    book = openpyxl.Workbook()
    hidden = book.create_sheet("hidden")
    hidden.append(["no", "table"])
    hidden.sheet_state = "hidden"
    book.create_sheet("notes").append(["Read by two of us in May."])
    truth = book.create_sheet("truth")
    assert list(read_workbook(saved(book), "t.xlsx")) == ["Read by two of us in May."]
    truth.append(["path", "label"])
    truth.append(["a.png", "1"])
    assert list(read_workbook(saved(book), "t.xlsx")) == ["path", "label"]


def test_a_manifest(tmp_path):
    book = openpyxl.Workbook()
    for row in (["Path", "Label"], ["a.png", "normal"], ["b.png", "TB"]):
        book.active.append(row)
    book.save(tmp_path / "Manifest.xlsx")
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(png(chest_like(1)))
    assert read_table(tmp_path / "Manifest.xlsx").shape == (2, 2)
    assert scan(tmp_path)["label"].tolist() == ["normal", "tuberculosis"]


def test_what_is_no_workbook(monkeypatch):
    assert code_of(b"PK\x03\x04") == "table"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    assert code_of(out.getvalue()) == "old_excel"
    book = saved(openpyxl.Workbook())
    assert code_of(book[:-200]) == "table"
    assert code_of(book) == "empty"
    damaged = io.BytesIO()
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("xl/workbook.xml", "no xml")
    assert code_of(damaged.getvalue()) == "table"
    monkeypatch.setattr(excel_table, "MOST_UNPACKED", 100)
    assert code_of(book) == "too_large"


def test_too_many_rows(monkeypatch):
    book = openpyxl.Workbook()
    for k in range(12):
        book.active.append([k, "x"])
    monkeypatch.setattr(excel_table, "MOST_ROWS", 10)
    assert code_of(saved(book)) == "too_many_rows"
