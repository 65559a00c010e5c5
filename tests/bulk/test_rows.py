"""Prediction rows out and back in, in every format; overlays as PNG."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from cxr.bulk import rows as row_formats
from cxr.bulk.rows import (
    FORMATS,
    OF_FILE,
    check_format,
    file_columns,
    read_rows,
    to_csv,
    to_json,
    write_rows,
)
from cxr.lungs.zones import ZONES
from cxr.scoring.predict import FIELDS
from cxr.storage.csv_text import from_cell

HOSTILE = ("=1+1.png", "-2+3.png", "\uff20SUM(1)", "\t=1", "a;=1", "\u202egnp.exe", "a\nb.png")


def scored(path: str, score: float) -> dict:
    return {
        "path": path,
        "score": score,
        "band": "above",
        "operating_point": "sensitivity-95",
        "threshold": 0.1 + 0.2,
        "refusal_code": None,
        "refusal_reason": None,
        "model": "pneumonia-made",
        "model_sha256": "00" * 32,
        "notes": None,
        "heat_in_lungs": None,
        "heat_remark_code": None,
        "heat_remark": None,
        "calibration_slope": 0.8,
        "calibration_intercept": -0.5,
        "intended_use": "For research.",
    }


def mapped(path: str, score: float) -> dict:
    """A row whose heatmap was compared with the lungs."""
    heat = {"method": "gradcam", "share": 0.3125, "peak_inside": False, "area": 0.0}
    zones = {zone: round(0.01 * k, 4) for k, zone in enumerate(ZONES)}
    return scored(path, score) | {
        "heat_in_lungs": heat | {"zones": zones},
        "heat_remark_code": "heat_outside",
        "heat_remark": "Only 31 %, it says; more.",
    }


def refused(path: str) -> dict:
    return scored(path, 0.0) | {
        "score": None,
        "band": None,
        "refusal_code": "blank",
        "refusal_reason": 'The picture is "empty", nearly; check it.\nThen export it again.',
    }


@pytest.fixture
def rows() -> list[dict]:
    return [
        scored("plain.png", 1 / 3),
        refused("a, b.png"),
        scored("0012", 0.123456789012345678),  # a file's name, not a number
        scored("NA", 5e-324),
        scored("Müller “x”.dcm", 1 - 1e-16),
        scored("null", 0.5),
        mapped("mapped.png", 0.75),
        *(scored(name, 0.25) for name in HOSTILE),
    ]


@pytest.mark.parametrize("suffix", FORMATS)
class TestRoundTrip:
    def test_rows_come_back_bit_for_bit(self, rows, tmp_path, suffix):
        path = tmp_path / "new" / f"rows{suffix}"
        write_rows(iter(rows), path)
        assert read_rows(path) == rows
        assert [type(row["score"]) for row in read_rows(path)] == [
            type(row["score"]) for row in rows
        ]

    def test_written_again_the_file_is_the_same(self, rows, tmp_path, suffix):
        first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        write_rows(rows, first)
        write_rows(read_rows(first), second)
        assert first.read_bytes() == second.read_bytes()

    def test_further_keys_are_left_out_and_the_order_is_fixed(self, rows, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        jumbled = [{"call": "x", **dict(reversed(row.items()))} for row in rows]
        write_rows(jumbled, path)
        said = (*FIELDS, *OF_FILE)
        assert [tuple(row) for row in read_rows(path)] == [said] * len(rows)
        assert tuple(columns(path)) == (said if "json" in suffix else file_columns())
        assert read_rows(path) == rows

    def test_rows_of_an_earlier_version_have_neither_notes_nor_lungs(
        self, rows, tmp_path, suffix, monkeypatch
    ):
        path = tmp_path / f"rows{suffix}"
        earlier_fields = FIELDS[: FIELDS.index("notes")]
        with monkeypatch.context() as earlier:
            earlier.setattr(row_formats, "FIELDS", earlier_fields)
            earlier.setattr(row_formats, "OF_FILE", ())
            write_rows(rows, path)
        assert tuple(columns(path)) == earlier_fields
        later = dict.fromkeys((*FIELDS[len(earlier_fields) :], *OF_FILE))
        assert read_rows(path) == [row | later for row in rows]

    def test_no_rows(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        write_rows([], path)
        assert read_rows(path) == []

    def test_rows_so_far_are_kept_when_it_is_cut_short(self, rows, tmp_path, suffix):
        def broken():
            yield from rows[:3]
            raise KeyboardInterrupt

        path = tmp_path / f"rows{suffix}"
        with pytest.raises(KeyboardInterrupt):
            write_rows(broken(), path)
        assert read_rows(path) == rows[:3]


def columns(path: Path) -> list[str]:
    if path.suffix == ".csv":
        return path.read_text(encoding="utf-8").splitlines()[0].split(",")
    if path.suffix == ".parquet":
        return list(pd.read_parquet(path).columns)
    text = path.read_text(encoding="utf-8")
    return list(json.loads(text)[0] if path.suffix == ".json" else json.loads(text.split("\n")[0]))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
class TestRowByRow:
    def test_each_row_is_on_disk_before_the_next_is_asked_for(self, rows, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"

        def watched():
            for k, row in enumerate(rows):
                assert len(read_rows(path)) == k
                yield row

        write_rows(watched(), path)

    @pytest.mark.parametrize("cut", [1, 30, 70])
    def test_a_last_line_cut_short_is_left_out(self, tmp_path, suffix, cut):
        rows = [scored(f"{i}.png", i / 10) for i in range(4)]
        path = tmp_path / f"rows{suffix}"
        write_rows(rows, path)
        path.write_bytes(path.read_bytes()[:-cut])
        assert read_rows(path) == rows[:3]

    def test_cut_in_the_header(self, tmp_path, suffix):
        path = tmp_path / f"rows{suffix}"
        path.write_text("path,sco" if suffix == ".csv" else '{"path": "a')
        assert read_rows(path) == []


class TestParquet:
    def test_types_do_not_hang_on_the_rows(self, rows, tmp_path):
        """Many files are read together: a column of nothing but gaps must not change its type."""
        kinds = []
        for name, part in (("all", rows), ("scored", rows[:1]), ("refused", rows[1:2]), ("no", [])):
            path = tmp_path / f"{name}.parquet"
            write_rows(part, path)
            kinds.append({k: str(v) for k, v in pd.read_parquet(path).dtypes.items()})
        assert kinds[0] == kinds[1] == kinds[2] == kinds[3]
        assert kinds[0]["score"] == kinds[0]["threshold"] == "float64"


class TestNoRows:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.csv", b"name,age\nx,3\n"),
            ("a.csv", b"\xff\xfe\xfa\n"),
            ("a.json", b'{"path": "a"}'),
            ("a.json", b'[{"name": 1}]'),
            ("a.json", b"[1, 2]"),
            ("a.json", b'[{"path": "a", "sco'),
            ("a.jsonl", b'{"name": 1}\n'),
            ("a.jsonl", b"words\n"),
            ("a.parquet", b"PAR1 nothing"),
        ],
    )
    def test_a_file_of_something_else_is_refused(self, tmp_path, name, content):
        """Else it would be taken for empty and written over."""
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} holds no prediction rows"):
            read_rows(path)

    def test_parquet_of_something_else(self, tmp_path):
        pd.DataFrame({"name": [1]}).to_parquet(tmp_path / "a.parquet")
        with pytest.raises(ValueError, match="holds no prediction rows"):
            read_rows(tmp_path / "a.parquet")


class TestFormat:
    def test_suffix_in_any_case(self):
        assert check_format(Path("a/b.CSV")) == ".csv"

    @pytest.mark.parametrize("name", ["rows.xlsx", "rows", "rows.csv.gz"])
    def test_others_are_refused(self, name, tmp_path):
        with pytest.raises(ValueError, match=rf"\.csv, \.json.*Received: {name}"):
            check_format(Path(name))
        with pytest.raises(ValueError, match="Expected a file"):
            write_rows([], tmp_path / name)
        assert list(tmp_path.iterdir()) == []


class TestText:
    def test_csv_with_further_columns(self, rows):
        text = to_csv([row | {"call": "unsure", "other": 1} for row in rows], ["call"])
        back = list(csv.DictReader(io.StringIO(text)))
        assert list(back[0]) == [*row_formats.columns(), "call"]
        assert [from_cell(row["path"]) for row in back] == [row["path"] for row in rows]
        assert {row["call"] for row in back} == {"unsure"}
        assert float(back[0]["score"]) == 1 / 3
        assert back[1]["score"] == ""

    def test_what_csv_says_of_the_lungs(self):
        header, mapped_row, plain = to_csv([mapped("a", 0.5), scored("b", 0.5)]).splitlines()
        heat = header[header.index("heat_method") :]
        assert heat == (
            "heat_method,heat_in_lungs,heat_peak_inside,heat_area,heat_right_upper,"
            "heat_right_middle,heat_right_lower,heat_left_upper,heat_left_middle,heat_left_lower,"
            "heat_remark_code,heat_remark"
        )
        assert mapped_row.endswith(
            ",gradcam,0.3125,False,0.0,0.0,0.01,0.02,0.03,0.04,0.05,heat_outside,"
            '"Only 31 %, it says; more."'
        )
        assert plain.endswith("," * 12)

    def test_json_with_further_columns(self, rows):
        more = [row | {"call": None} for row in rows]
        back = json.loads(to_json(more, [*OF_FILE, "call"]))
        assert back == more
        assert list(back[0]) == [*FIELDS, *OF_FILE, "call"]

    def test_a_score_that_is_none_is_not_written_as_a_number(self, rows):
        with pytest.raises(ValueError, match="JSON"):
            to_json([scored("a", float("nan"))])

    def test_no_cell_of_csv_is_a_formula_or_turns_the_line(self, rows):
        text = to_csv(rows)
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n\uff20"))]
        assert not {"\u202e", "\t", "\r"} & set(text)
        assert text.count("\n") == len(rows) + 1
        assert '"a;=1"' in text
