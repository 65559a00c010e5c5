"""A site's truth: read from any sheet, its columns and labels understood, matched to films."""

from __future__ import annotations

import io
import time
from datetime import date

import pandas as pd
import pytest

from cxr.films.dicom_identity import accession_key, instance_key
from cxr.site.truth import (
    Columns,
    FilmKey,
    KeyKind,
    Meaning,
    TruthError,
    guess_columns,
    guess_meanings,
    labels_of,
    match,
    read_truth,
    scores_of,
)

POSITIVE, NEGATIVE, LEAVE_OUT = Meaning


def sheet(text: str) -> pd.DataFrame:
    return read_truth(text.encode(), "truth.csv")


def films(*names: str) -> list[FilmKey]:
    return [FilmKey(name) for name in names]


def matched(text: str, *names: str, finding: str = "tuberculosis"):
    table, keys = sheet(text), films(*names)
    columns = guess_columns(table, keys, finding=finding)
    return match(table, columns, guess_meanings(labels_of(table, columns), finding), keys)


def code_of(text: str, *names: str, **more: str) -> str:
    with pytest.raises(TruthError) as caught:
        matched(text, *names, **more)
    assert str(caught.value)[0].isupper()
    return caught.value.code


class TestReading:
    def workbook(self, rows: list[list[object]]) -> bytes:
        import openpyxl

        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()

    def test_excel_with_a_title_dates_and_numbers(self):
        data = self.workbook(
            [
                ["Reading of the films, 2026"],
                [],
                ["Accession Number", "Result", "Age", "Date"],
                [123456.0, "TB", 41, date(2026, 3, 1)],
                [123457, None, 30, None],
            ]
        )
        table = read_truth(data, "truth.xlsx")
        assert list(table) == ["accession number", "result", "age", "date"]
        assert table.to_numpy().tolist() == [
            ["123456", "TB", "41", "2026-03-01"],
            ["123457", "", "30", ""],
        ]

    def test_semicolons_and_a_code_page(self):
        table = read_truth("Datei;Befund\nMüller.png;TB\n".encode("cp1252"), "truth.csv")
        assert table.to_numpy().tolist() == [["Müller.png", "TB"]]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"", "empty"),
            (b"  \n", "empty"),
            (b"path,label\n", "empty"),
            (b"PK\x03\x04 and no more", "table"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old_excel"),
        ],
    )
    def test_what_is_no_table(self, data, code):
        with pytest.raises(TruthError) as caught:
            read_truth(data, "truth")
        assert caught.value.code == code

    def test_an_empty_workbook(self):
        with pytest.raises(TruthError) as caught:
            read_truth(self.workbook([]), "truth.xlsx")
        assert caught.value.code == "empty"

    def test_too_many_rows(self):
        with pytest.raises(TruthError) as caught:
            read_truth(b"path,label\n" + b"a.png,1\n" * 100_001, "truth.csv")
        assert caught.value.code == "too_many_rows"

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(TruthError) as caught:
            read_truth(tmp_path / "truth.csv")
        assert caught.value.code == "no_file"

    def test_two_columns_of_one_name(self):
        assert list(sheet("path,label,label\na,1,0\n")) == ["path", "label", "label.1"]


class TestMatching:
    TEXT = "file,label\na.png,TB\nb.png,normal\n"

    @pytest.mark.parametrize(
        "names",
        [
            ("a.png", "b.png"),
            ("site/x/a.png", "site/y/b.png"),
            ("A.PNG", "B.PNG"),
            ("a.dcm", "b.jpeg"),
        ],
    )
    def test_by_name_whatever_the_folder_the_case_and_the_ending(self, names):
        result = matched(self.TEXT, *names)
        assert result.films["path"].tolist() == list(names)
        assert result.films["truth"].tolist() == [1, 0]
        assert result.rows_without_film == result.films_without_row == result.remarks == ()

    def test_a_sheet_may_name_films_without_ending_or_with_folders_of_its_own(self):
        text = "image;tb\nC:\\export\\a;yes\nD:\\export\\b.dcm;no\n"
        assert matched(text, "in/a.png", "in/b.png").films["truth"].tolist() == [1, 0]

    def test_dots_of_a_name_are_no_ending(self):
        text = "file,label\n1.2.840.1,TB\n1.2.840.2,normal\n"
        assert len(matched(text, "1.2.840.1.dcm", "1.2.840.2").films) == 2

    def test_leading_zeros_that_a_spreadsheet_drops(self):
        text = "file,label\n17,TB\n18,normal\n"
        assert len(matched(text, "00017.png", "00018.png").films) == 2

    def test_films_of_one_name_are_told_apart_by_their_folders(self):
        text = "path,label\nsick/1.png,TB\nwell/1.png,normal\n"
        result = matched(text, "all/sick/1.png", "all/well/1.png")
        assert result.films["truth"].tolist() == [1, 0]

    def test_a_name_of_several_films_is_of_none(self):
        result = matched(
            "path,label\n1.png,TB\n2.png,TB\n3.png,0\n", "x/1.png", "y/1.png", "2", "3"
        )
        assert result.films["path"].tolist() == ["2", "3"]
        assert [(r.code, r.names) for r in result.remarks] == [
            ("several_films", ("1.png",)),
            ("films_without_row", ("x/1.png", "y/1.png")),
        ]

    def test_what_does_not_match_is_listed_both_ways(self):
        result = matched(self.TEXT + "c.png,TB\n", "a.png", "b.png", "d.png")
        assert result.rows_without_film == ("c.png",)
        assert result.films_without_row == ("d.png",)
        assert {remark.code for remark in result.remarks} == {
            "rows_without_film",
            "films_without_row",
        }

    def test_accession_numbers_are_compared_by_their_hashes(self):
        keys = [
            FilmKey("1.dcm", accession_key("00017")),
            FilmKey("2.dcm", accession_key("00017")),
            FilmKey("3.dcm", accession_key("AB18")),
        ]
        table = sheet("accession number,reading\n17,TB\nab18,normal\n")
        columns = guess_columns(table, keys, finding="tuberculosis")
        assert (columns.key, columns.kind) == ("accession number", KeyKind.ACCESSION)
        result = match(table, columns, guess_meanings(["TB", "normal"], "tuberculosis"), keys)
        assert result.films["truth"].tolist() == [1, 1, 0]

    def test_instance_uids(self):
        keys = [FilmKey(f"{k}.dcm", None, instance_key(f"1.2.{k}")) for k in (3, 4)]
        table = sheet("uid,label\n1.2.3,1\n1.2.4,0\n")
        columns = guess_columns(table, keys)
        assert columns.kind is KeyKind.INSTANCE
        assert len(match(table, columns, guess_meanings(["1", "0"]), keys).films) == 2

    def test_the_column_that_names_films_may_be_called_anything(self):
        result = matched("röntgen,x\na.png,TB\nb.png,normal\n", "a.png", "b.png")
        assert result.films["said"].tolist() == ["TB", "normal"]

    def test_what_else_a_sheet_says(self):
        text = (
            "path,Diagnosis,Patient ID,Age (years),Gender,Hospital,Device,Study Date\n"
            "a.png,TB,7,041Y,female,North,DX1,2026-01-01\n"
            "b.png,normal,8,5.0,m,South,,\n"
        )
        films_ = matched(text, "a.png", "b.png").films
        assert films_[["patient", "sex", "site", "scanner"]].to_numpy().tolist() == [
            ["7", "F", "North", "DX1"],
            ["8", "M", "South", ""],
        ]
        assert films_["age"].tolist() == [41.0, 5.0]

    def test_rows_that_say_the_same_count_once(self):
        result = matched(self.TEXT + "a.png,tb\n", "a.png", "b.png")
        assert len(result.films) == 2
        assert [(r.code, r.names) for r in result.remarks] == [("repeated_rows", ("a.png",))]

    def test_films_with_contradicting_rows_are_left_out(self):
        result = matched(self.TEXT + "c,TB\na.png,normal\n", "a.png", "b.png", "c.png")
        assert result.films["path"].tolist() == ["b.png", "c.png"]
        assert [(r.code, r.names) for r in result.remarks] == [("contradicting_rows", ("a.png",))]

    def test_films_are_left_out_by_their_label_or_for_lack_of_one(self):
        result = matched(self.TEXT + "c.png,unknown\nd.png,\n", "a.png", "b.png", "c.png", "d.png")
        assert len(result.films) == 2
        assert {r.code: r.names for r in result.remarks} == {
            "left_out": ("c.png",),
            "without_label": ("d.png",),
        }

    def test_a_row_of_another_folder_is_of_another_film(self):
        text = "path,label\nsiteA/1.png,TB\nsiteB/1.png,normal\nsiteB/2.png,TB\n"
        result = matched(text, "siteB/1.png", "siteB/2.png")
        assert result.films["truth"].tolist() == [0, 1]
        assert result.rows_without_film == ("siteA/1.png",)
        assert [r.code for r in result.remarks] == ["rows_without_film"]

    def test_a_name_alone_does_not_match_where_folders_are_kept(self):
        text = "path,label\ntrain/1.png,TB\ntest/2.png,TB\ntest/3.png,normal\n"
        result = matched(text, "test/1.png", "test/2.png", "test/3.png")
        assert result.films["path"].tolist() == ["test/2.png", "test/3.png"]
        assert result.films_without_row == ("test/1.png",)

    def test_films_that_were_moved_are_matched_by_their_names_and_remarked_on(self):
        text = "path,label\nold/1.png,TB\nold/2.png,normal\nolder/3.png,TB\nold/3.png,TB\n"
        result = matched(text, "new/1.png", "new/2.png", "new/3.png")
        assert result.films["truth"].tolist() == [1, 0]
        remarks = {r.code: r.names for r in result.remarks}
        assert remarks["other_folder"] == ("new/1.png", "new/2.png")
        assert remarks["films_without_row"] == ("new/3.png",)

    def test_one_film_in_its_folder_does_not_take_the_truth_of_those_that_were_moved(self):
        rows = [f"old/{'TB' if k % 2 else 'NORMAL'}/{k}.png" for k in range(10)]
        text = "path,label\n" + "".join(f"{row},{row.split('/')[1]}\n" for row in rows)
        text += "old/NORMAL/z.png,normal\n"
        films = [row.replace("old/", "new/") for row in rows]
        result = matched(text, *films, "NORMAL/z.png")
        assert result.films["truth"].tolist() == [0, 1] * 5 + [0]
        assert {r.code: len(r.names) for r in result.remarks} == {"other_folder": 10}

    def test_ten_thousand_rows_take_a_moment(self):
        names = [f"patient {k // 2:05}/film {k:05}.dcm" for k in range(10_000)]
        text = "path,label,patient\n" + "".join(
            f"{name},{k % 3 == 0:d},{k // 2}\n" for k, name in enumerate(names)
        )
        start = time.perf_counter()
        assert len(matched(text, *names).films) == 10_000
        assert time.perf_counter() - start < 20


class TestRefusals:
    TEXT = TestMatching.TEXT

    def test_no_match(self):
        assert code_of(self.TEXT, "x.png", "y.png") == "no_match"

    def test_one_class(self):
        assert code_of("file,label\na,TB\nb,TB\n", "a", "b") == "one_class"
        assert code_of("file,label\na,unknown\nb,unknown\n", "a", "b") == "one_class"

    def test_three_labels(self):
        text = "file,label\na,grade 1\nb,grade 2\nc,grade 3\n"
        assert code_of(text, "a", "b", "c") == "unmapped_labels"

    def test_a_column_of_all_different_values_is_none_of_labels(self):
        rows = "".join(f"{k}.png,{k}.5\n" for k in range(60))
        names = [f"{k}.png" for k in range(60)]
        assert code_of("file,label\n" + rows, *names) == "unmapped_labels"

    def test_no_column(self):
        table = sheet("a,b\n1,2\n")
        with pytest.raises(TruthError) as caught:
            guess_columns(table, films("x.png"))
        assert caught.value.code == "no_column"
        with pytest.raises(TruthError) as caught:
            guess_columns(sheet(self.TEXT), label="class")
        assert caught.value.code == "no_column"
        with pytest.raises(TruthError) as caught:
            labels_of(table, Columns("a"))
        assert caught.value.code == "no_column"


class TestMeanings:
    @pytest.mark.parametrize(
        ("label", "meaning"),
        [
            ("TB", POSITIVE),
            ("Tuberculosis", POSITIVE),
            ("1", POSITIVE),
            ("1.0", POSITIVE),
            ("Yes", POSITIVE),
            ("positive", POSITIVE),
            ("normal", NEGATIVE),
            ("No Finding", NEGATIVE),
            ("0", NEGATIVE),
            ("MTB not detected", NEGATIVE),
            ("non-TB", NEGATIVE),
            ("other", LEAVE_OUT),
            ("Unknown", LEAVE_OUT),
            ("n/a", LEAVE_OUT),
            ("", LEAVE_OUT),
            ("grade 3", None),
            ("pneumonia", None),
        ],
    )
    def test_words(self, label, meaning):
        assert guess_meanings([label, "x", "y"], "tuberculosis")[label] is meaning

    def test_the_one_label_that_is_left_is_the_other_class(self):
        assert guess_meanings(["normal", "cavity"], "tuberculosis")["cavity"] is POSITIVE
        assert guess_meanings(["sick", "well"], positive=["Sick"])["well"] is NEGATIVE
        assert guess_meanings(["sick", "well", "odd"], positive=["sick"])["odd"] is None

    def test_unless_it_names_another_finding(self):
        assert guess_meanings(["normal", "pneumonia"])["pneumonia"] is POSITIVE
        for label in ("tuberculosis", "TB", "bacteria"):
            finding = "tuberculosis" if label == "bacteria" else "pneumonia"
            assert guess_meanings(["normal", label], finding)[label] is None
            assert guess_meanings([label], finding, positive=[label])[label] is POSITIVE

    def test_what_is_given_goes_before_what_is_guessed(self):
        told = guess_meanings(
            ["lung_opacity", "normal", "pneumonia"],
            "pneumonia",
            positive=["lung opacity"],
            negative=["normal"],
            leave_out=["pneumonia"],
        )
        assert list(told.values()) == [POSITIVE, NEGATIVE, LEAVE_OUT]
        assert guess_meanings(["pneumonia", "x", "0"], "pneumonia", positive=["x"]) == {
            "pneumonia": None,
            "x": POSITIVE,
            "0": NEGATIVE,
        }

    def test_a_word_that_is_no_label(self):
        with pytest.raises(TruthError) as caught:
            guess_meanings(["a", "b"], positive=["c"])
        assert caught.value.code == "no_label"


class TestScores:
    def test_the_column_is_known_by_its_name(self):
        scores = scores_of(sheet("file,TB Score\na,0.5\nb,\nc,1\n"))
        assert scores.name == "tb score"
        assert scores.dropna().tolist() == [0.5, 1.0]

    def test_decimal_commas(self):
        assert scores_of(sheet("file;score\na;0,25\n")).tolist() == [0.25]

    @pytest.mark.parametrize(
        ("cell", "code"),
        [
            ("1.2", "score_range"),
            ("-0.1", "score_range"),
            ("97", "score_range"),
            ("high", "not_a_number"),
            ("inf", "not_a_number"),
        ],
    )
    def test_what_is_no_score(self, cell, code):
        with pytest.raises(TruthError) as caught:
            scores_of(sheet(f"file,score\na,0.5\nb,{cell}\n"))
        assert caught.value.code == code
        assert "row 3" in str(caught.value)

    def test_no_column_of_scores(self):
        with pytest.raises(TruthError) as caught:
            scores_of(sheet("file,label\na,1\n"))
        assert caught.value.code == "no_column"
