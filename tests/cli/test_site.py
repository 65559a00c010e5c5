"""The commands of a site: evaluate on any labeled films, and calibrate."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from cxr.bulk.parts import iter_parts
from cxr.exports import read_rows
from cxr.scoring.site_file import read_site
from tests.conftest import ROOT, chest_like, png
from tests.film_files import dicom
from tests.sites import SITE_POINT, a_site

pytestmark = pytest.mark.usefixtures("models_found")
N = 24
KEYS = (
    *("model", "split", "n", "auc", "auc_ci", "operating_point", "threshold", "accuracy"),
    *("accuracy_ci", "sensitivity", "sensitivity_ci", "specificity", "specificity_ci"),
    *("confusion_matrix", "positives", "negatives", "patients", "refused", "operating_points"),
)


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Half of them negative, then positive; none that the made model has seen."""
    return [png(chest_like(5000 + k, ill=k >= N // 2)) for k in range(N)]


@pytest.fixture
def folder(tmp_path: Path, pictures: list[bytes]) -> Path:
    root = tmp_path / "site"
    (root / "in").mkdir(parents=True)
    for k, picture in enumerate(pictures):
        (root / "in" / f"film {k:02}.png").write_bytes(picture)
    return root


def truth(**more: object) -> pd.DataFrame:
    ill = [k >= N // 2 for k in range(N)]
    return pd.DataFrame(
        {
            "path": [f"in/film {k:02}.png" for k in range(N)],
            "label": ["Pneumonia" if sick else "Normal" for sick in ill],
        }
    ).assign(**more)


def figures(run, *words: object) -> dict:
    status, out, err = run(*words, "--json")
    assert status == 0, err
    return json.loads(out)


def sure(told: dict) -> None:
    assert [key for key in KEYS if key not in told] == []
    (tn, fp), (fn, tp) = told["confusion_matrix"]
    assert (told["n"], told["positives"], told["negatives"]) == (N, N // 2, N // 2)
    assert (tn + fp, fn + tp) == (N // 2, N // 2)
    assert told["auc_ci"][0] <= told["auc"] <= told["auc_ci"][1]
    assert told["sensitivity"] == tp / (N // 2)
    assert len(told["operating_points"]) == 5


class TestEveryFormOfTruth:
    def test_a_manifest(self, run, folder):
        truth().to_csv(folder / "manifest.csv", index=False)
        sure(figures(run, "evaluate", "pneumonia-made", "--data", folder))

    @pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-16"), ("\t", "cp1252")])
    def test_a_manifest_of_a_spreadsheet(self, run, folder, separator, encoding):
        table = truth(note="Größe").rename(columns={"path": "Datei", "label": "Diagnosis"})
        table.to_csv(folder / "Manifest.CSV", index=False, sep=separator, encoding=encoding)
        sure(figures(run, "evaluate", "pneumonia-made", "--data", folder))

    def test_a_manifest_of_excel(self, run, folder):
        truth().to_excel(folder / "manifest.xlsx", index=False)
        sure(figures(run, "evaluate", "pneumonia-made", "--data", folder))

    def test_a_truth_that_lies_elsewhere(self, run, folder, tmp_path):
        table = truth().assign(path=lambda t: t["path"].str.removeprefix("in/").str[:-4])
        table["label"] = table["label"].map({"Pneumonia": "lung opacity", "Normal": "clear lungs"})
        table.to_excel(tmp_path / "truth.xlsx", index=False)
        told = figures(
            *(run, "evaluate", "pneumonia-made", "--data", folder),
            *("--truth", tmp_path / "truth.xlsx", "--label-column", "Label"),
            *("--positive", "lung opacity", "--negative", "clear lungs"),
        )
        sure(told)

    def test_a_truth_is_looked_for_in_the_folder_of_the_films_too(self, run, folder):
        truth().to_csv(folder / "labels of 2026.csv", index=False)
        words = ("evaluate", "pneumonia-made", "--data", folder)
        sure(figures(run, *words, "--truth", "labels of 2026.csv"))
        status, _, err = run(*words, "--truth", "gone.csv")
        assert (status, "gone.csv" in err) == (2, True)

    def test_rows_of_other_films_may_come_first(self, run, folder, tmp_path):
        others = pd.DataFrame({"x": [f"other {k}" for k in range(9_000)], "y": "normal"})
        table = truth().set_axis(["x", "y"], axis=1)
        pd.concat([others, table]).to_csv(tmp_path / "all.csv", index=False)
        words = ("evaluate", "pneumonia-made", "--data", folder)
        sure(figures(run, *words, "--truth", tmp_path / "all.csv"))

    def test_folders_of_classes_of_any_name(self, run, tmp_path, pictures):
        for k, picture in enumerate(pictures):
            place = tmp_path / "films" / ("krank" if k >= N // 2 else "ohne Befund")
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{k % (N // 2)}.png").write_bytes(picture)
        words = ("evaluate", "pneumonia-made", "--data", tmp_path / "films")
        told = figures(run, *words, "--positive", "krank")
        sure(told)
        assert told["patients"] is None  # two films of one name are not of one patient
        status, _, err = run(*words)
        assert (status, "krank" in err) == (2, True)

    def test_dicom_by_accession_number_and_by_uid(self, run, tmp_path):
        import numpy as np

        root = tmp_path / "dicom"
        root.mkdir()
        rows = []
        for k in range(N):
            grey = chest_like(5000 + k, ill=k >= N // 2).astype(np.uint16) * 16
            tags = {"AccessionNumber": f"00{k + 17}", "SOPInstanceUID": f"1.2.840.{k + 1}"}
            tags |= {"PatientID": f"P-{k // 2}", "PatientSex": "FM"[k % 2]}
            (root / f"IM{k:04}").write_bytes(dicom(grey, **tags))
            rows.append((str(k + 17), f"1.2.840.{k + 1}", int(k >= N // 2)))
        table = pd.DataFrame(rows, columns=["Accession Number", "UID", "Pneumonia"])
        for name, columns in (
            ("a", ["Accession Number", "Pneumonia"]),
            ("u", ["UID", "Pneumonia"]),
        ):
            table[columns].to_excel(tmp_path / f"{name}.xlsx", index=False)
            words = ("evaluate", "pneumonia-made", "--data", root)
            told = figures(run, *words, "--truth", tmp_path / f"{name}.xlsx")
            scored = told["n"] + told["refused"]["n"]
            assert (scored, told["rows_without_film"]) == (N, [])
            assert told["patients"] == N // 2
            assert {group["by"] for group in told["subgroups"]} == {"sex"}


class TestFigures:
    def test_intervals_are_by_patient_where_they_are_known(self, run, folder):
        truth(patient=[f"p{k // 4}" for k in range(N)]).to_csv(folder / "manifest.csv", index=False)
        told = figures(run, "evaluate", "pneumonia-made", "--data", folder)
        assert (told["patients"], told["intervals_by"]) == (N // 4, "patient")

    def test_refused_films_are_counted_and_in_no_figure(self, run, folder):
        (folder / "in" / "film 00.png").write_bytes(b"no film")
        truth().to_csv(folder / "manifest.csv", index=False)
        told = figures(run, "evaluate", "pneumonia-made", "--data", folder)
        assert told["n"] == N - 1
        assert told["refused"] == {
            "n": 1,
            "positives": 0,
            "negatives": 1,
            "codes": {"unreadable": 1},
        }

    def test_what_does_not_match_is_listed_both_ways(self, run, folder):
        table = truth()
        table.loc[3, "path"] = "film 3 misspelled.png"
        table.to_csv(folder / "manifest.csv", index=False)
        told = figures(run, "evaluate", "pneumonia-made", "--data", folder)
        assert told["rows_without_film"] == ["film 3 misspelled.png"]
        assert told["films_without_row"] == ["in/film 03.png"]

    def test_subgroups_say_when_they_are_too_few(self, run, folder):
        table = truth(sex=["F", "M"] * (N // 2), age=[3, 4, 30] * (N // 3), scanner="DX")
        table.to_csv(folder / "manifest.csv", index=False)
        status, out, _ = run("evaluate", "pneumonia-made", "--data", folder)
        assert (status, "too few" in out) == (0, True)
        told = figures(run, "evaluate", "pneumonia-made", "--data", folder)
        groups = {(g["by"], g["group"]): g for g in told["subgroups"]}
        assert set(groups) == {("sex", "F"), ("sex", "M"), ("age", "0 to 4"), ("age", "25 to 44")}
        assert (
            groups["sex", "F"] | {"n": 12, "sensitivity": None, "note": "too few"}
            == groups["sex", "F"]
        )

    def test_a_split_that_a_manifest_tells_of(self, run, folder):
        table = truth(split=["test", "train"] * (N // 2))
        table.to_csv(folder / "manifest.csv", index=False)
        words = ("evaluate", "pneumonia-made", "--data", folder, "--label-column", "label")
        told = figures(run, *words, "--split", "Testing")
        assert (told["n"], told["split"]) == (N // 2, "Testing")
        status, _, err = run(*words, "--split", "validation")
        assert (status, "Splits here: test, train" in err) == (2, True)
        assert "--film-column" not in err

    def test_a_split_that_nothing_tells_of(self, run, folder):
        truth().to_csv(folder / "manifest.csv", index=False)
        words = ("--data", folder, "--label-column", "label", "--split", "test")
        for command in (["evaluate"], ["calibrate", "--out", folder.parent / "a.json"]):
            status, out, err = run(command[0], "pneumonia-made", *command[1:], *words)
            assert (status, out) == (2, "")
            assert "in no splits" in err

    def test_a_column_where_folders_are_the_labels(self, run, folder):
        for option in ("--label-column", "--film-column"):
            words = ("evaluate", "pneumonia-made", "--data", folder, option, "x")
            status, _, err = run(*words)
            assert (status, "--truth FILE" in err) == (2, True), err

    def test_boxes_on_any_films(self, run, folder, tmp_path):
        truth().to_csv(folder / "manifest.csv", index=False)
        boxes = tmp_path / "boxes.csv"
        words = ("evaluate", "pneumonia-made", "--data", folder, "--boxes", boxes)
        boxes.write_text("file,xmin,ymin,xmax,ymax\nfilm 20.png,20,40,80,120\n")
        told = figures(run, *words)
        assert (told["boxed"], told["all_films"]["films"]) == (1, 1)
        # Boxes may be called as the truth calls the films.
        boxes.write_text("file,finding,x,y,w,h\nfilm 20.png,LungOpacity,20,40,60,80\n")
        assert run(*words)[0] == 2
        label = truth()["label"].replace("Pneumonia", "lung_opacity")
        truth(label=label).to_csv(folder / "manifest.csv", index=False)
        assert figures(run, *words)["boxed"] == 1

    def test_boxes_at_a_sites_point(self, run, folder, tmp_path, made_bundle):
        """Which films count as called is by the site's threshold, or that of its other point."""
        truth().to_csv(folder / "manifest.csv", index=False)
        (boxes := tmp_path / "boxes.csv").write_text(
            "file,xmin,ymin,xmax,ymax\nfilm 20.png,20,40,80,120\n"
        )
        high = replace(SITE_POINT, threshold=0.999999, near=(0.99, 0.9999999))
        low = replace(SITE_POINT, name="youden", threshold=1e-6, near=(1e-7, 0.1))
        site = tmp_path / "north.json"
        a_site(made_bundle.card, operating_points=(high, low)).write(site)
        words = ("evaluate", "pneumonia-made", "--data", folder, "--boxes", boxes, "--site", site)
        assert figures(run, *words)["films"] == 0
        assert figures(run, *words, "--operating-point", "youden")["films"] == 1

    def test_films_of_the_models_own_set_are_evaluated_by_their_split(self, run, made_films):
        told = figures(run, "evaluate", "pneumonia-made", "--data", made_films)
        assert (told["split"], told["n"]) == ("test", 20)

    def test_films_that_the_model_learned_from_are_left_out(self, run, folder, made_films):
        """Those of equal pixels, and copies of them."""
        known = min((made_films / "train" / "NORMAL").iterdir())
        shutil.copy(known, folder / "in" / "equal.png")
        Image.open(known).resize((120, 120)).save(folder / "in" / "copy.jpg", quality=60)
        rows = [truth(), pd.DataFrame({"path": ["in/equal.png", "in/copy.jpg"], "label": "Normal"})]
        pd.concat(rows).to_csv(folder / "manifest.csv", index=False)
        sure(figures(run, "evaluate", "pneumonia-made", "--data", folder))

    def test_a_model_that_was_imported_without_films(self, run, folder, made_bundle, monkeypatch):
        card = made_bundle.card
        bare = made_bundle.with_card(replace(card, tables=replace(card.tables, films=None)))
        monkeypatch.setattr("cxr.cli.evidence.load", lambda name: bare)
        truth().to_csv(folder / "manifest.csv", index=False)
        sure(figures(run, "evaluate", "pneumonia-made", "--data", folder))


class TestOtherScores:
    def sheet(self, folder: Path, **more: object) -> Path:
        scores = [(k + 1) / (N + 2) for k in range(N)]
        path = folder / "other tool.csv"
        truth(score=scores).drop(columns="label").assign(**more).to_csv(path, index=False)
        return path

    def test_they_are_measured_on_the_same_truth_without_films(self, run, tmp_path):
        truth().to_excel(tmp_path / "truth.xlsx", index=False)
        words = ("--scores", self.sheet(tmp_path), "--truth", tmp_path / "truth.xlsx")
        told = figures(run, "evaluate", "pneumonia", *words, "--threshold", "0.75")
        assert (told["n"], told["auc"], told["model"]) == (N, 1.0, "other tool")
        assert told["sensitivity"] == 5 / 12
        assert told["specificity"] == 1
        assert told["operating_points"][0]["threshold"] == 0.75

    def test_one_sheet_may_hold_both(self, run, tmp_path):
        path = self.sheet(tmp_path, label=truth()["label"])
        assert figures(run, "evaluate", "pneumonia", "--scores", path)["auc"] == 1

    def test_a_film_without_a_score_counts_as_refused(self, run, tmp_path):
        scores = ["", *["0.5"] * (N - 1)]
        path = self.sheet(tmp_path, label=truth()["label"], score=scores)
        told = figures(run, "evaluate", "pneumonia", "--scores", path)
        assert (told["n"], told["refused"]["n"]) == (N - 1, 1)

    @pytest.mark.parametrize(
        ("score", "said"), [("1.5", "not between 0 and 1"), ("high", "not a number")]
    )
    def test_scores_that_are_none(self, run, tmp_path, score, said):
        path = self.sheet(tmp_path, label=truth()["label"], score=score)
        status, _, err = run("evaluate", "pneumonia", "--scores", path)
        assert (status, said in err) == (2, True)

    def test_two_scores_of_one_film(self, run, tmp_path):
        path = self.sheet(
            tmp_path, label=truth()["label"], path=["a", "a", *map(str, range(N - 2))]
        )
        status, _, err = run("evaluate", "pneumonia", "--scores", path)
        assert (status, "two different scores" in err) == (2, True)


class TestBadInput:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"path": "elsewhere.png"}, "None of the 24 rows"),
            ({"label": "normal"}, "are negative"),
            ({"label": ["a", "b", "c"] * (N // 3)}, "not known what these labels mean"),
        ],
    )
    def test_a_truth_that_cannot_be_used(self, run, folder, change, said):
        truth(**change).to_csv(folder / "manifest.csv", index=False)
        status, _, err = run(
            "evaluate", "pneumonia-made", "--data", folder, "--film-column", "path"
        )
        assert (status, said in err) == (2, True), err

    def test_words_that_do_not_go_together(self, run, folder):
        for words in (
            ["evaluate", "pneumonia"],
            ["evaluate", "pneumonia", "--data", folder, "--positive", "x", "--store"],
            ["evaluate", "pneumonia", "--scores", "x.csv", "--operating-point", "youden"],
            ["evaluate", "pneumonia", "--scores", "x.csv", "--site", "s.json"],
        ):
            status, _, err = run(*words)
            assert (status, err.startswith(("cxr: ", "usage: "))) == (2, True), words


class TestCalibrate:
    def make(self, run, folder: Path, *words: object) -> Path:
        out = folder.parent / "new" / "north.json"
        truth().to_csv(folder / "manifest.csv", index=False)
        status, _, err = run(
            *("calibrate", "pneumonia-made", "--data", folder, "--out", out),
            *("--sensitivity", "0.9", *words),
        )
        assert status == 0, err
        return out

    def test_the_file_is_of_this_model_and_these_films(self, run, folder, made_bundle):
        site = read_site(self.make(run, folder))
        assert (site.site, site.films.n, site.films.positives) == ("north", N, N // 2)
        site.check(made_bundle.card)
        assert site.point().sensitivity >= 0.9

    def test_films_are_evaluated_at_its_points_too(self, run, folder):
        out = self.make(run, folder)
        site = read_site(out)
        told = figures(run, "evaluate", "pneumonia-made", "--data", folder, "--site", out)
        assert told["operating_point"] == site.point().name
        assert told["sensitivity"] == site.point().sensitivity
        assert told["specificity"] == site.point().specificity
        assert len(told["operating_points"]) == 5 + len(site.operating_points)
        assert told["site"]["name"] == "north"

    def test_a_file_is_not_written_over_unasked(self, run, folder):
        out = self.make(run, folder)
        before = out.read_bytes()
        words = ("calibrate", "pneumonia-made", "--data", folder, "--out", out)
        status, _, err = run(*words)
        assert (status, "already" in err, out.read_bytes()) == (2, True, before)
        assert self.make(run, folder, "--force", "--site-name", "South")
        assert read_site(out).site == "South"

    def test_too_few_films_for_what_is_asked(self, run, folder):
        truth().to_csv(folder / "manifest.csv", index=False)
        words = ("calibrate", "pneumonia-made", "--data", folder, "--out", folder / "s.json")
        status, _, err = run(*words, "--sensitivity", "0.99")
        assert (status, "too few" in err, (folder / "s.json").exists()) == (2, True, False)
        status, _, err = run(*words[:-1], folder / "s.txt")
        assert (status, ".json" in err) == (2, True)


class TestPredict:
    @pytest.fixture
    def site(self, tmp_path: Path, made_bundle) -> Path:
        path = tmp_path / "north.json"
        a_site(made_bundle.card).write(path)
        return path

    @pytest.mark.parametrize("out", ["rows.csv", "rows.parquet", "parts/"])
    def test_rows_have_the_sites_point_and_no_other_rows_join_them(
        self, run, folder, tmp_path, site, out
    ):
        words = ("predict", folder, "--model", "pneumonia-made", "--out", f"{tmp_path}/{out}")
        point = read_site(site).point()
        status, _, err = run(*words, "--site", site)
        assert status == 0, err
        path = Path(tmp_path, out)
        rows = list(iter_parts(path) if out == "parts/" else read_rows(path))
        assert {(row["operating_point"], row["threshold"]) for row in rows} == {(point.name, 0.3)}
        assert len(rows) == N
        assert run(*words, "--site", site, "--resume")[0] == 0
        other = tmp_path / "other.json"
        replace(read_site(site), site="south").write(other)
        for more in ((), ("--site", other)):
            status, _, err = run(*words, "--resume", *more)
            assert (status, "operating point" in err) == (2, True), err

    def test_another_point_of_the_site(self, run, folder, site):
        status, out, _ = run("predict", folder, "--site", site, "--operating-point", "youden")
        assert status == 0
        assert f"youden@{read_site(site).label},0.35," in out

    def test_scores_are_the_sites_own(self, run, folder, site, made_bundle):
        import csv
        import io

        import numpy as np

        plain, at_site = (
            list(csv.DictReader(io.StringIO(run("predict", folder, *more)[1])))
            for more in ((), ("--site", site))
        )
        calibration = made_bundle.card.calibration
        for before, now in zip(plain, at_site, strict=True):
            score = float(before["score"])
            logit = calibration.temperature * np.log(score / (1 - score))
            assert float(now["score"]) == pytest.approx(
                float(read_site(site).calibration.score(logit)), abs=1e-6
            )
            said = float(now["calibration_slope"]), float(now["calibration_intercept"])
            assert said == (0.5, -1.0)

    @pytest.mark.parametrize("change", [{"weights_sha256": "9" * 64}, {"card_sha256": "9" * 64}])
    def test_a_file_of_another_model_is_refused(self, run, folder, site, change):
        plain = json.loads(site.read_text()) | change
        site.write_text(json.dumps(plain))
        status, out, err = run("predict", folder, "--site", site)
        assert (status, out) == (2, "")
        assert "made" in err

    def test_what_is_no_sites_file(self, run, folder, site):
        for content in ("", "{}", "no"):
            site.write_text(content)
            status, _, err = run("predict", folder, "--site", site)
            assert (status, "site's file" in err) == (2, True)


def test_what_a_site_takes_is_loaded_by_its_commands_alone():
    code = "import sys, cxr.cli.parser; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
