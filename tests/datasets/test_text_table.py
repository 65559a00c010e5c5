"""Tables as spreadsheets write them."""

from __future__ import annotations

import csv
import io
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr.datasets.text_table import TableError, read_table

ROWS = [["path", "label", "note"], ["img/a.png", "normal", "Müller"], ["b.png", "1", ""]]
CELL = st.text(alphabet=string.ascii_letters + string.digits + " ,;|\"'/\\äß", max_size=8)


def written(rows, separator=",", *, end="\n", quoting=csv.QUOTE_MINIMAL) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_encodings_and_ends_of_lines(tmp_path, separator, encoding, end):
    path = tmp_path / "manifest.csv"
    path.write_bytes(written(ROWS, separator, end=end).encode(encoding))
    table = read_table(path)
    assert [list(table.columns), *table.to_numpy().tolist()] == ROWS


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(
    cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_cells_come_back_without_the_blanks_around_them(tmp_path, cells, separator, encoding):
    rows = [["path", "label"], *map(list, cells)]
    path = tmp_path / "manifest.csv"
    path.write_bytes(written(rows, separator, quoting=csv.QUOTE_ALL).encode(encoding))
    kept = [[cell.strip() for cell in row] for row in rows[1:]]
    assert read_table(path).to_numpy().tolist() == [row for row in kept if any(row)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("胸部/正面.png", "cp932"), ("胸片/王伟.png", "gbk"), ("грудь/снимок.png", "cp1251")],
)
def test_the_code_page_of_a_country(tmp_path, text, encoding):
    path = tmp_path / "manifest.csv"
    path.write_bytes(f"path,label\n{text},normal\n".encode(encoding))
    assert read_table(path)["path"].tolist() == [text]


def test_blanks_and_capitals_and_the_line_of_excel(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text('sep=;\n Path ; "Label" ;SPLIT\n a.png ; normal; test \n;;\n')
    table = read_table(path)
    assert list(table.columns) == ["path", "label", "split"]
    assert table.to_numpy().tolist() == [["a.png", "normal", "test"]]


@pytest.mark.parametrize(
    "text",
    ["a;b;\n1;2;\n3;;\n", "a;b\n1;2;\n3;;\n", "a;b;;;\n1;2\n3\n;;\n", "a;b\n1;2;;;\n3;;;;\n"],
)
def test_separators_at_the_end_of_rows(tmp_path, text):
    path = tmp_path / "manifest.csv"
    path.write_text(text)
    table = read_table(path)
    assert [list(table.columns), *table.to_numpy().tolist()] == [["a", "b"], ["1", "2"], ["3", ""]]


@pytest.mark.parametrize("content", [b"", b"\xff\xfea", b"a,b\n1,2,3\n4,5,6\n", b"a,b\n1,2\n3,4,5"])
def test_what_is_no_table(tmp_path, content):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"table\.csv"):
        read_table(path)
