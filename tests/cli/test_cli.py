"""The command line: what it writes, what it says, and with which status it ends."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.bulk import reading
from cxr.bulk.rows import OF_FILE, file_columns
from cxr.cli import commands
from cxr.cli import evidence as evidence_commands
from cxr.exports import FORMATS, read_rows
from cxr.lungs.segment import NO_LUNGS, Search
from cxr.model import Model
from cxr.scoring.population import intended_use
from cxr.scoring.predict import FIELDS, predict_files
from tests.bundles import copy_bundle, table_path, write_card
from tests.conftest import chest_like, png
from tests.film_files import dicom
from tests.heat import a_map, found

DONE, SOME_REFUSED, WRONG_USAGE, STOPPED = 0, 1, 2, 130
IMPORT = ["import-legacy", "--finding", "pneumonia", "--out", "OUT"]


pytestmark = pytest.mark.usefixtures("models_found")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail as soon as a network is built."""

    def fail(self: object) -> None:
        raise AssertionError("a network was built")

    monkeypatch.setattr("cxr.networks.network.Network.model", property(fail))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five films that can be scored, in folders."""
    root = tmp_path / "films"
    for k, name in enumerate(("a.png", "b.png", "deep/c.png", "deep/d.png", "deep/er/e.png")):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(chest_like(k, ill=k % 2 == 0)))
    return root


def spoil(folder: Path) -> None:
    """Put a film that is refused and one that cannot be read into a folder."""
    (folder / "blank.png").write_bytes(png(np.full((200, 200), 90, np.uint8)))
    (folder / "damaged.dcm").write_bytes(b"no film")


class TestModels:
    KEYS = ("name", "finding", "architecture", "parameters", "default", "engine")

    def test_json(self, run, made_bundle, no_network):
        status, out, _ = run("models", "--json")
        assert status == DONE
        (row,) = json.loads(out)
        assert tuple(row) == self.KEYS
        assert row["name"] == "pneumonia-made"
        assert row["finding"] == "pneumonia"
        assert row["architecture"] == "grey_cnn"
        assert row["parameters"] == made_bundle.card.architecture.parameters
        assert row["default"] is True
        assert row["engine"] == "onnx"

    def test_text(self, run):
        status, out, _ = run("models")
        assert status == DONE
        assert "pneumonia-made" in out
        assert "(default)" in out
        assert "TensorFlow" not in out

    def test_one_without_an_export_says_that_it_runs_on_tensorflow(
        self, run, monkeypatch, made_models, tmp_path
    ):
        copy_bundle(made_models / "pneumonia-made", tmp_path / "pneumonia-made")
        path = tmp_path / "pneumonia-made" / "card.json"
        write_card(path.parent, json.loads(path.read_text()) | {"export": None})
        monkeypatch.setenv("CXR_MODELS", str(tmp_path))
        assert "runs on TensorFlow" in run("models")[1]
        assert json.loads(run("models", "--json")[1])[0]["engine"] == "tensorflow"

    def test_none(self, run, monkeypatch, tmp_path):
        monkeypatch.setenv("CXR_MODELS", str(tmp_path))
        assert run("models", "--json")[:2] == (DONE, "[]\n")

    def test_damaged_card(self, run, monkeypatch, tmp_path):
        monkeypatch.setenv("CXR_MODELS", str(tmp_path))
        (tmp_path / "broken").mkdir()
        (tmp_path / "broken" / "card.json").write_text("{")
        status, out, err = run("models")
        assert (status, out) == (SOME_REFUSED, "")
        assert err == "cxr: The card.json of broken is not JSON.\n"


class TestPredict:
    @pytest.mark.parametrize("suffix", FORMATS)
    def test_writes_a_row_a_film(self, run, folder, tmp_path, made_bundle, suffix):
        out = tmp_path / f"rows{suffix}"
        status, printed, _ = run("predict", folder, "--model", "pneumonia-made", "--out", out)
        assert (status, printed) == (DONE, "")
        rows = read_rows(out)
        names = ["a.png", "b.png", "deep/c.png", "deep/d.png", "deep/er/e.png"]
        assert [row["path"] for row in rows] == [str(folder / name) for name in names]
        assert columns(out) == list((*FIELDS, *OF_FILE) if "json" in suffix else file_columns())
        for row in rows:
            from cxr.films.radiograph import read

            expected = made_bundle.predict(read(row["path"]))
            assert row["score"] == pytest.approx(expected.score, abs=1e-4)
            assert row["band"] in ("above", "near", "below")
            assert row["model"] == "pneumonia-made"
            assert row["model_sha256"] == made_bundle.card.weights.sha256
            assert row["refusal_code"] is None
            assert row["calibration_slope"] == 1 / made_bundle.card.calibration.temperature
            assert row["calibration_intercept"] == 0
            assert row["intended_use"] == intended_use(made_bundle.card.population)

    def test_prints_csv_where_no_file_is_named(self, run, folder):
        status, out, err = run("predict", folder / "a.png", folder / "b.png")
        assert status == DONE
        rows = list(csv.DictReader(out.splitlines()))
        assert tuple(rows[0]) == file_columns()
        assert [row["path"] for row in rows] == [str(folder / "a.png"), str(folder / "b.png")]
        assert "\r" not in out
        assert err == "2 of 2 films\n"

    def test_files_that_are_no_films_are_counted(self, run, folder):
        (folder / "a.png").rename(folder / "1.2.840.113619")
        (folder / "notes.txt").write_text("no film")
        (folder / "scan.tif").write_bytes(b"II*\0")
        status, out, err = run("predict", folder)
        assert status == DONE
        assert str(folder / "1.2.840.113619") in out
        assert len(list(csv.DictReader(out.splitlines()))) == 5
        assert err.startswith("2 files are no films and were left out: 1 picture in another format")

    def test_a_name_in_bytes_that_are_no_text(self, run, folder, tmp_path):
        (folder / "a.png").rename(folder / os.fsdecode(b"\x8f\xff.dcm"))
        out = tmp_path / "rows.csv"
        assert run("predict", folder)[0] == DONE
        assert run("predict", folder, "--out", out)[0] == DONE
        status, _, err = run("predict", folder, "--out", out, "--resume")
        assert (status, err) == (DONE, "")
        assert r"\x8f\xff.dcm" in out.read_text()

    def test_a_folder_without_films_is_told(self, run, folder, tmp_path):
        empty = tmp_path / "empty"
        empty.mkdir()
        (empty / "notes.txt").write_text("no film")
        for paths in ([empty], [folder, empty]):
            status, out, err = run("predict", *paths)
            assert (status, out) == (WRONG_USAGE, "")
            assert f"There are no films in {empty}." in err

    def test_status_1_where_films_are_refused_each_with_its_row(self, run, folder, tmp_path):
        spoil(folder)
        out = tmp_path / "rows.csv"
        status, _, err = run("predict", folder, "--out", out)
        assert status == SOME_REFUSED
        rows = {Path(row["path"]).name: row for row in read_rows(out)}
        assert len(rows) == 7
        assert {name: row["refusal_code"] for name, row in rows.items() if row["refusal_code"]} == {
            "blank.png": "blank",
            "damaged.dcm": "unreadable",
        }
        for name in ("blank.png", "damaged.dcm"):
            assert rows[name]["score"] is None
            assert rows[name]["band"] is None
            assert rows[name]["refusal_reason"]
        assert "2 films were refused or could not be read; see their rows." in err

    def test_operating_point(self, run, folder, tmp_path):
        out = tmp_path / "rows.csv"
        assert run("predict", folder, "--operating-point", "fixed-0.6", "--out", out)[0] == DONE
        assert {row["threshold"] for row in read_rows(out)} == {0.6}

    def test_heatmaps(self, run, folder, tmp_path):
        spoil(folder)
        maps = tmp_path / "new" / "maps"
        out = tmp_path / "rows.csv"
        assert run("predict", folder, "--out", out, "--heatmaps", maps)[0] == SOME_REFUSED
        files = sorted(maps.iterdir())
        assert [path.name[0] for path in files] == ["a", "b", "c", "d", "e"]
        for path in files:
            with Image.open(path) as image:
                assert (image.format, image.mode, image.size) == ("PNG", "RGB", (160, 160))

    def test_heatmaps_of_equal_names_do_not_meet(self, run, folder, tmp_path):
        shutil.copy(folder / "b.png", folder / "deep" / "a.png")
        assert run("predict", folder, "--heatmaps", tmp_path / "maps")[0] == DONE
        assert len(list((tmp_path / "maps").iterdir())) == 6

    def test_heatmaps_of_a_name_as_long_as_the_system_takes(self, run, folder, tmp_path):
        (folder / "a.png").rename(folder / f"{'я' * 125}.png")
        assert run("predict", folder, "--heatmaps", tmp_path / "maps")[0] == DONE
        assert len(list((tmp_path / "maps").glob("я*.png"))) == 1
        assert len(list((tmp_path / "maps").iterdir())) == 5

    def test_heatmaps_of_a_model_that_can_make_none(self, run, folder, tmp_path, monkeypatch):
        monkeypatch.setattr("cxr.networks.network.Network.convolutions", lambda self: ())
        status, out, err = run("predict", folder, "--heatmaps", tmp_path / "maps")
        assert (status, out) == (WRONG_USAGE, "")
        assert "--heatmaps" in err
        assert run("predict", folder / "a.png")[0] == DONE


def columns(path: Path) -> list[str]:
    if path.suffix == ".parquet":
        return list(pd.read_parquet(path).columns)
    text = path.read_text()
    if path.suffix == ".csv":
        return text.splitlines()[0].split(",")
    return list(json.loads(text)[0] if path.suffix == ".json" else json.loads(text.split("\n")[0]))


class TestResume:
    @pytest.fixture
    def scored(self, monkeypatch) -> list[Path]:
        """The files that are read, in order."""
        seen: list[Path] = []
        read = reading.read

        def watched(path: str):
            seen.append(Path(path))
            return read(path)

        monkeypatch.setattr(reading, "read", watched)
        return seen

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_keeps_the_rows_and_scores_the_rest(self, run, folder, tmp_path, scored, suffix):
        out = tmp_path / f"rows{suffix}"
        run("predict", folder / "deep", "--out", out)
        before = read_rows(out)
        assert len(before) == 3
        del scored[:]
        status, _, err = run("predict", folder, "--out", out, "--resume")
        assert status == DONE
        assert scored == [folder / "a.png", folder / "b.png"]
        assert err == "2 of 2 films\n"
        after = read_rows(out)
        assert after[:3] == before
        assert [row["path"] for row in after[3:]] == [str(path) for path in scored]

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
    def test_after_a_kill_in_the_middle_of_a_line(self, run, folder, tmp_path, scored, suffix):
        out, whole = tmp_path / f"rows{suffix}", tmp_path / f"whole{suffix}"
        run("predict", folder, "--out", whole)
        lines = whole.read_bytes().splitlines(keepends=True)
        kept = len(lines) - 2
        out.write_bytes(b"".join(lines[:kept]) + lines[kept][:25])
        del scored[:]
        assert run("predict", folder, "--out", out, "--resume")[0] == DONE
        assert [path.name for path in scored] == ["d.png", "e.png"]
        assert [row["path"] for row in read_rows(out)] == [row["path"] for row in read_rows(whole)]
        assert out.read_bytes().startswith(b"".join(lines[:kept]))

    def test_nothing_left_to_do(self, run, folder, tmp_path, no_network):
        shutil.rmtree(folder / "deep")
        (folder / "a.png").unlink()
        (folder / "b.png").write_bytes(b"no film")
        out = tmp_path / "rows.csv"
        assert run("predict", folder, "--out", out)[0] == SOME_REFUSED
        content = out.read_bytes()
        status, _, err = run("predict", folder, "--out", out, "--resume")
        assert status == SOME_REFUSED  # a refusal that was kept is one all the same
        assert out.read_bytes() == content
        assert "1 film was refused" in err

    def test_no_file_yet(self, run, folder, tmp_path):
        out = tmp_path / "rows.csv"
        assert run("predict", folder, "--out", out, "--resume")[0] == DONE
        assert len(read_rows(out)) == 5

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_without_it_a_file_that_is_there_is_left_alone(
        self, run, folder, tmp_path, no_network, suffix
    ):
        out = tmp_path / f"rows{suffix}"
        out.write_bytes(b"precious")
        status, printed, err = run("predict", folder, "--out", out)
        assert (status, printed) == (WRONG_USAGE, "")
        assert f"There is already {out}." in err
        assert "--resume" in err
        assert out.read_bytes() == b"precious"

    def test_rows_of_another_model_or_operating_point_are_not_mixed_in(
        self, run, folder, tmp_path, no_network
    ):
        out = tmp_path / "rows.csv"
        (folder / "only.png").write_bytes(b"no film")
        run("predict", folder / "only.png", "--out", out)
        content = out.read_text()
        again = ("predict", folder, "--out", out, "--resume")
        status, _, err = run(*again, "--operating-point", "youden")
        assert status == WRONG_USAGE
        assert "are of pneumonia-made at sensitivity-95" in err
        assert out.read_text() == content
        out.write_text(content.replace("pneumonia-made", "pneumonia-else"))
        status, _, err = run(*again)
        assert status == WRONG_USAGE
        assert "are of pneumonia-else" in err

    def test_a_file_of_something_else_is_not_written_over(self, run, folder, tmp_path, no_network):
        out = tmp_path / "patients.json"
        out.write_text('{"precious": 1}')
        status, _, err = run("predict", folder, "--out", out, "--resume")
        assert status == WRONG_USAGE
        assert "patients.json holds no prediction rows" in err
        assert out.read_text() == '{"precious": 1}'

    @pytest.mark.parametrize("suffix", FORMATS)
    def test_stopped_by_a_key_the_rows_so_far_are_kept(
        self, run, folder, tmp_path, monkeypatch, suffix
    ):
        real = commands.score_many

        def stopped(*arguments, **options):
            for batch in real(*arguments, **options):
                yield batch[:2]
                raise KeyboardInterrupt

        out = tmp_path / f"rows{suffix}"
        monkeypatch.setattr(commands, "score_many", stopped)
        status, _, err = run("predict", folder, "--out", out)
        assert status == STOPPED
        assert "with --resume" in err
        assert len(read_rows(out)) == 2
        monkeypatch.setattr(commands, "score_many", real)
        assert run("predict", folder, "--out", out, "--resume")[0] == DONE
        assert len(read_rows(out)) == 5


class TestManyFilms:
    """More than are read in the process that scores them."""

    def test_the_rows_are_those_of_films_read_one_by_one(self, run, tmp_path, made_bundle):
        films = tmp_path / "films"
        films.mkdir()
        for k in range(20):
            (films / f"{k:02}.png").write_bytes(png(chest_like(k, ill=k % 2 == 0)))
        (films / "03.png").write_bytes(b"no film")
        (films / "11.png").write_bytes(png(np.full((200, 200), 90, np.uint8)))
        words = ("--out", tmp_path / "rows.csv", "--heatmaps", tmp_path / "maps")
        status, _, err = run("predict", films, *words)
        assert status == SOME_REFUSED
        assert "20 of 20 films" in err
        rows = read_rows(tmp_path / "rows.csv")
        card = made_bundle.card
        said = {"calibration_slope": card.calibration.slope, "calibration_intercept": 0.0}
        said["intended_use"] = intended_use(card.population)
        expected = [
            prediction.row(str(path)) | said
            for path, _, prediction in predict_files(
                made_bundle, sorted(films.iterdir()), heatmaps=True
            )
        ]
        assert rows == expected
        assert len(list((tmp_path / "maps").iterdir())) == 18

    def test_how_long_it_takes_is_told(self, capsys, monkeypatch):
        now = [0.0]
        monkeypatch.setattr("cxr.cli.commands.time.monotonic", lambda: now[0])
        progress = commands.counter(pace=True)
        for done in range(301):
            progress(done, 300)
            now[0] += 0.1
        first, second, last = capsys.readouterr().err.splitlines()
        assert first == "100 of 300 films, 10 a second, 20 s left"
        assert second.endswith("10 s left")
        assert last == "300 of 300 films"

    @pytest.mark.parametrize(
        ("left", "words"), [(50, "50 s left"), (600, "10 min left"), (9000, "2.5 h left")]
    )
    def test_time_left(self, left, words):
        assert commands._pace(1, 1 + left, 1) == f", 1 a second, {words}"


class TestAutomatic:
    @pytest.fixture
    def films(self, two_models, monkeypatch, tmp_path) -> Path:
        """A film of unknown age and an adult's, with two findings to read them for."""
        monkeypatch.setenv("CXR_MODELS", str(two_models[0].folder.parent))
        root = tmp_path / "films"
        root.mkdir()
        (root / "a.png").write_bytes(png(chest_like(1)))
        grey = chest_like(2).astype(np.uint16)
        (root / "b.dcm").write_bytes(dicom(grey, PatientAge="064Y", BitsStored=8, HighBit=7))
        return root

    def test_a_row_for_each_film_and_finding(self, run, films, tmp_path):
        status, _, _ = run(
            *("predict", films, "--model", "automatic", "--out", tmp_path / "rows.csv"),
            *("--heatmaps", tmp_path / "maps"),
        )
        # Each film has a score, be it that of another model.
        assert status == DONE
        rows = read_rows(tmp_path / "rows.csv")
        assert [(Path(row["path"]).name, row["model"]) for row in rows] == [
            *(("a.png", "pneumonia-made"), ("a.png", "tuberculosis-made")),
            *(("b.dcm", "pneumonia-made"), ("b.dcm", "tuberculosis-made")),
        ]
        assert [row["refusal_code"] for row in rows] == [None, None, "age", None]
        assert [row["notes"] for row in rows] == ["age_unknown", "age_unknown", None, None]
        maps = sorted(path.stem.split("-")[-1] for path in (tmp_path / "maps").iterdir())
        assert maps == ["pneumonia", "tuberculosis", "tuberculosis"]

    def test_a_film_without_any_score_is_refused(self, run, films):
        (films / "c.png").write_bytes(b"no film")
        status, out, err = run("predict", films, "--model", "automatic")
        assert status == SOME_REFUSED
        assert len(out.splitlines()) == 1 + 2 * 3
        assert err.splitlines()[-1].startswith("1 film was refused")

    def test_resume_takes_a_film_with_all_its_rows(self, run, films, tmp_path):
        words = ("predict", films, "--model", "automatic", "--out", tmp_path / "rows.csv")
        run(*words)
        whole = (tmp_path / "rows.csv").read_text()
        # Stopped between the two rows of a film.
        (tmp_path / "rows.csv").write_text("".join(whole.splitlines(keepends=True)[:-1]))
        _, _, err = run(*words, "--resume")
        assert "1 of 1 films" in err
        rows = [line.split(",") for line in (tmp_path / "rows.csv").read_text().splitlines()]
        before = [line.split(",") for line in whole.splitlines()]
        # The film whose rows were cut was scored alone: its last bits may differ.
        assert [row[:1] + row[2:] for row in rows] == [row[:1] + row[2:] for row in before]

    def test_no_model_at_all(self, run, folder, monkeypatch, tmp_path):
        monkeypatch.setenv("CXR_MODELS", str(tmp_path))
        status, _, err = run("predict", folder, "--model", "automatic")
        assert status == WRONG_USAGE
        assert "--model" in err


class TestWrongUsage:
    """Status 2, a word on what to do, and no network built for it."""

    @pytest.fixture(autouse=True)
    def _no_network(self, no_network):
        pass

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["predict", "FOLDER", "--model", "nope"], "no model 'nope'. Known: pneumonia-made."),
            (["predict", "FOLDER", "--model", "tuberculosis"], "no model 'tuberculosis'"),
            (["predict", "FOLDER", "--out", "rows.xlsx"], ".csv, .json, .jsonl, .parquet"),
            (["predict", "FOLDER", "--resume"], "--resume needs --out"),
            (["predict", "FOLDER", "--operating-point", "nope"], "Expected one of sensitivity-95"),
            (["predict", "FOLDER", "GONE"], "nothing at"),
            (["explain", "FOLDER/a.png", "--out", "o.png", "--method", "x"], "one of gradcam"),
            (["explain", "FOLDER/a.png", "--out", "o.png", "--model", "x"], "no model 'x'"),
            (["explain", "FOLDER/a.png", "--out", "o.jpg"], "end in .png"),
            (["explain", "FOLDER/gone.png", "--out", "o.png"], "no file at"),
            (["evaluate", "nope", "--data", "FOLDER"], "no model 'nope'"),
            (["evaluate", "pneumonia", "--data", "GONE"], "no folder 'gone'"),
            (["evaluate", "pneumonia", "--data", "FOLDER", "--split", "x"], "No labelled films"),
            (["evaluate", "pneumonia", "--data", "x", "--boxes", "GONE"], "no file of boxes at"),
            (["evaluate", "pneumonia", "--data", "x", "--method", "gradcam"], "Add --boxes CSV"),
            (["evaluate", "pneumonia", "--data", "x", "--layer", "conv"], "Add --boxes CSV"),
            (["evaluate", "pneumonia", "--data", "x", "--threshold", "0.3"], "Add --scores FILE"),
            (["evaluate", "pneumonia", "--data", "x", "--score-column", "p"], "Add --scores FILE"),
            (
                ["audit", "nope", "--data", "x", "--checks", "steadiness", "--films", "9"],
                "of scores",
            ),
            (
                ["audit", "nope", "--data", "x", "--checks", "steadiness", "--methods", "gradcam"],
                "of scores",
            ),
            (["audit", "pneumonia", "--data", "GONE"], "no folder 'gone'"),
            (["audit", "nope", "--data", "FOLDER"], "no model 'nope'"),
            (["audit", "nope", "--data", "x", "--checks", "lung"], "steadiness. Received: lung"),
            (["audit", "nope", "--data", "x", "--methods", "gradcam,x"], "Received: x"),
            (["explain", "FOLDER/a.png", "--out", "FOLDER/b.png/o.png"], "cannot be written"),
            (
                ["calibrate", "x", "--data", "x", "--out", "FOLDER/b.png/o.json"],
                "cannot be written",
            ),
            (["train", "nope", "--data", "FOLDER", "--out", "OUT"], "no recipe 'nope'. Known: "),
            (["train", "pneumonia-grey-cnn", "--data", "GONE", "--out", "OUT"], "no folder 'gone'"),
            (["dataset", "GONE"], "no folder 'gone'"),
            ([*IMPORT, "GONE"], "no file at"),
            ([*IMPORT, "FOLDER/model.json"], "Expected MODEL.json and WEIGHTS.h5, or one .h5"),
            ([*IMPORT, *["FOLDER/a.png"] * 3], "Expected MODEL.json and WEIGHTS.h5, or one .h5"),
            ([*IMPORT, "FOLDER/a.png"], "a.png is none of: the JSON of to_json(), a whole-model"),
            ([*IMPORT, "FOLDER/a.png", "--finding", "normal"], "--finding in small letters"),
            ([*IMPORT, "FOLDER/a.png", "--name", "../x"], "--name of letters"),
            ([*IMPORT, "FOLDER/a.png", "--data", "GONE"], "no folder 'gone'"),
        ],
    )
    def test_is_told(self, run, folder, tmp_path, words, message):
        shutil.rmtree(folder / "deep")
        (folder / "model.json").write_text("{}")
        places = {"FOLDER": folder, "GONE": tmp_path / "gone", "OUT": tmp_path / "out"}
        filled = []
        for word in words:
            filled.append(word)
            for name, place in places.items():
                filled[-1] = filled[-1].replace(name, str(place))
        status, out, err = run(*filled)
        assert status == WRONG_USAGE
        assert out == ""
        assert err.startswith("cxr: ")
        assert message in err
        assert len(err.strip().splitlines()) == 1
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        "words",
        [
            [],
            ["nonsense"],
            ["predict"],
            ["explain", "a.png"],
            ["train", "pneumonia-grey-cnn"],
            ["train", "pneumonia-grey-cnn", "--data", "x", "--out", "y", "--subset", "half"],
            ["evaluate", "pneumonia"],
            ["audit", "pneumonia"],
            ["import-legacy", "model.h5", "--finding", "pneumonia"],
            ["import-legacy", "--finding", "pneumonia", "--out", "models"],
            ["models", "--yaml"],
        ],
    )
    def test_of_the_parser(self, run, words):
        status, out, err = run(*words)
        assert (status, out) == (WRONG_USAGE, "")
        assert err.startswith("usage: cxr")

    def test_out_that_cannot_be_written(self, run, folder, tmp_path):
        (tmp_path / "taken.csv").mkdir()
        status, _, err = run("predict", folder, "--out", tmp_path / "taken.csv")
        assert status == WRONG_USAGE
        assert "taken.csv" in err

    def test_changed_weights(self, run, folder, monkeypatch, made_models, tmp_path):
        models = shutil.copytree(made_models, tmp_path / "models")
        weights = models / "pneumonia-made" / "weights.weights.h5"
        weights.write_bytes(weights.read_bytes() + b"x")
        monkeypatch.setenv("CXR_MODELS", str(models))
        status, out, err = run("predict", folder)
        assert (status, out) == (WRONG_USAGE, "")
        assert "not those that its operating points were chosen for" in err


class TestHelp:
    @pytest.mark.parametrize(
        "words",
        [[], *([name] for name in ("models", "predict", "explain", "train", "evaluate", "audit"))],
    )
    def test_names_the_options(self, run, words):
        status, out, _ = run(*words, "--help")
        assert status == DONE
        assert out.startswith("usage: cxr")
        assert "Exit status: 0 done;" in " ".join(out.split())

    def test_says_what_it_is_not_for(self, run):
        assert "Not for diagnostic use." in " ".join(run("--help")[1].split())


class TestSamples:
    def test_are_copied_and_their_paths_printed(self, run, made_films, monkeypatch, tmp_path):
        monkeypatch.setenv("CXR_DATA", str(made_films))
        status, out, _ = run("samples", tmp_path / "films", "--each", 2)
        assert status == DONE
        paths = [Path(line) for line in out.splitlines()]
        assert {path.parent for path in paths} == {tmp_path / "films"}
        assert [path.suffix for path in paths] == [".png"] * 4 + [".dcm"] * 2
        assert all(path.is_file() for path in paths)

    def test_none_here(self, run, monkeypatch, tmp_path):
        monkeypatch.delenv("CXR_DATA", raising=False)
        monkeypatch.setattr("cxr.reading_room.samples._from_pydicom", lambda: iter(()))
        status, out, err = run("samples", tmp_path / "films")
        assert (status, out) == (WRONG_USAGE, "")
        assert "pydicom-data" in err
        assert not (tmp_path / "films").exists()

    def test_a_number_that_is_none(self, run, tmp_path):
        status, _, err = run("samples", tmp_path, "--each", 0)
        assert status == WRONG_USAGE
        assert "--each" in err


class TestExplain:
    def test_writes_the_overlay(self, run, folder, tmp_path, made_bundle):
        from cxr.films.radiograph import read
        from cxr.heatmaps.overlay import overlay

        out = tmp_path / "new" / "map.png"
        status, printed, _ = run("explain", folder / "a.png", "--method", "gradcam", "--out", out)
        assert status == DONE
        assert len(printed.splitlines()) == 1
        film = read(folder / "a.png")
        expected = overlay(film, made_bundle.explain(film))
        with Image.open(out) as image:
            assert np.abs(np.asarray(image, int) - np.asarray(expected, int)).max() <= 2

    def test_says_where_the_heat_lies(self, run, folder, tmp_path, monkeypatch):
        from cxr.scoring.heat_in_lungs import heat_in_lungs

        found(monkeypatch)
        monkeypatch.setattr(
            "cxr.scoring.heat_in_lungs.heat_in_lungs",
            lambda film, heatmap: heat_in_lungs(film, a_map(0, 1)),
        )
        words = ("explain", folder / "a.png", "--out", tmp_path / "map.png")
        printed = run(*words)[1]
        assert "0 % of heat in lungs, peak outside" in printed
        said = json.loads(run(*words, "--json")[1])
        assert said["heat_remark"] in printed
        assert said["heat_remark_code"] == "heat_and_peak_outside"
        assert said["heat_in_lungs"]["peak_inside"] is False
        assert said["heat_in_lungs"]["zones"]["right upper"] == 0
        with Image.open(tmp_path / "map.png") as image:
            assert image.text["Comment"] == printed.strip()
        found(monkeypatch, Search(None, NO_LUNGS))
        said = json.loads(run(*words, "--json")[1])
        assert said["heat_in_lungs"] is None
        assert said["heat_remark_code"] == "none"
        assert said["heat_remark"]

    @pytest.mark.parametrize("name", ["blank.png", "damaged.dcm"])
    def test_a_refused_or_unreadable_film_has_none(self, run, folder, tmp_path, name):
        spoil(folder)
        out = tmp_path / "map.png"
        status, _, err = run("explain", folder / name, "--out", out)
        assert status == SOME_REFUSED
        assert err.startswith("cxr: The f")
        assert not out.exists()

    def test_a_slow_method_says_how_long_and_how_far(self, run, folder, tmp_path, made_bundle):
        from cxr.films.radiograph import read
        from cxr.heatmaps.overlay import overlay

        out = tmp_path / "map.png"
        words = ("explain", folder / "a.png", "--method", "occlusion", "--out", out)
        status, printed, err = run(*words)
        assert status == DONE
        assert len(printed.splitlines()) == 1
        first, *rest = err.strip().splitlines()
        assert re.fullmatch(r"Occlusion takes about \d+ s\.", first)
        assert rest[-1] == "225 of 225 passes"
        film = read(folder / "a.png")
        expected = overlay(film, made_bundle.explain(film, "occlusion"))
        with Image.open(out) as image:
            assert np.abs(np.asarray(image, int) - np.asarray(expected, int)).max() <= 2

    def test_at_a_layer(self, run, folder, tmp_path, made_bundle):
        from cxr.films.radiograph import read
        from cxr.heatmaps.overlay import overlay

        out = tmp_path / "map.png"
        given = ("--method", "layercam", "--layer", "block3_conv")
        assert run("explain", folder / "a.png", *given, "--out", out)[0] == DONE
        film = read(folder / "a.png")
        expected = overlay(film, made_bundle.explain(film, "layercam", layer="block3_conv"))
        with Image.open(out) as image:
            assert np.abs(np.asarray(image, int) - np.asarray(expected, int)).max() <= 2

    @pytest.mark.parametrize("method", ["gradcam", "scorecam"])
    def test_an_unknown_layer_names_the_valid_ones(self, run, folder, tmp_path, method):
        words = ("--method", method, "--layer", "x", "--out", tmp_path / "map.png")
        status, out, err = run("explain", folder / "a.png", *words)
        assert (status, out) == (WRONG_USAGE, "")
        assert err.startswith("cxr: Expected a layer of block1_conv, block2_conv, ")
        assert len(err.strip().splitlines()) == 1

    def test_nothing_starts_for_a_refused_film(self, run, folder, tmp_path):
        spoil(folder)
        words = ("--method", "scorecam", "--out", tmp_path / "map.png")
        status, _, err = run("explain", folder / "blank.png", *words)
        assert status == SOME_REFUSED
        assert err.startswith("cxr: The film was refused")
        assert len(err.strip().splitlines()) == 1

    def test_stopped_by_a_key(self, run, folder, tmp_path, monkeypatch):
        from cxr.heatmaps.perturbation import Occlusion

        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(Occlusion, "finish", interrupted)
        out = tmp_path / "map.png"
        words = ("--method", "occlusion", "--out", out)
        status, _, err = run("explain", folder / "a.png", *words)
        assert status == STOPPED == 130
        assert err.endswith("cxr: stopped. Nothing unfinished was kept.\n")
        assert not out.exists()


class TestEvaluate:
    KEYS = (
        "model",
        "split",
        "n",
        "auc",
        "operating_point",
        "threshold",
        "accuracy",
        "sensitivity",
        "specificity",
        "confusion_matrix",
    )

    def test_json_has_precisely_the_designs_keys(self, run, made_films, made_bundle):
        status, out, err = run("evaluate", "pneumonia-made", "--data", made_films, "--json")
        assert status == DONE
        result = json.loads(out)
        intervals = {f"{key}_ci" for key in ("auc", "accuracy", "sensitivity", "specificity")}
        assert set(result) == {*self.KEYS, *intervals}
        stored = made_bundle.card.evaluation["test"].to_json()
        assert result["confusion_matrix"] == stored["confusion_matrix"]
        assert result["auc"] == pytest.approx(stored["auc"])
        assert (result["model"], result["split"], result["n"]) == ("pneumonia-made", "test", 20)
        for key in intervals:
            low, high = result[key]
            assert 0 <= low <= result[key.removesuffix("_ci")] <= high <= 1
        (tn, fp), (fn, tp) = result["confusion_matrix"]
        assert tn + fp + fn + tp == 20
        assert result["sensitivity"] == tp / (tp + fn)
        assert result["specificity"] == tn / (tn + fp)
        assert err.endswith("20 of 20 films\n")

    def test_text_and_options(self, run, made_films):
        status, out, _ = run(
            "evaluate",
            "pneumonia",
            "--data",
            made_films,
            "--split",
            "validation",
            "--operating-point",
            "fixed-0.6",
        )
        assert status == DONE
        lines = dict(line.split(maxsplit=1) for line in out.splitlines())
        assert lines["threshold"] == "0.6000"
        assert lines["split"] == "validation"
        assert "95 % interval" in lines["accuracy"]
        assert "auc_ci" not in lines

    def test_unknown_split_names_those_there(self, run, made_films):
        status, out, err = run("evaluate", "pneumonia", "--data", made_films, "--split", "x")
        assert (status, out) == (WRONG_USAGE, "")
        assert "Splits here: test, train." in err


@pytest.fixture
def kept(made_bundle, tmp_path, monkeypatch) -> Model:
    """A copy of the made bundle that may be written to, and that calls every film."""
    folder = copy_bundle(made_bundle.folder, tmp_path / "kept" / "pneumonia-made")
    points = made_bundle.card.operating_points
    low = [dataclasses.replace(point, threshold=1e-9, near=(0, 1)) for point in points]
    card = dataclasses.replace(made_bundle.card, operating_points=tuple(low))
    bundle = Model(folder, card, network=made_bundle.network)
    monkeypatch.setattr(evidence_commands, "load", lambda name: bundle)
    return bundle


class TestEvaluateBoxes:
    MEASURES = ("hit_rate", "mean_iou", "share_inside")

    @pytest.fixture
    def boxes(self, made_films, tmp_path) -> Path:
        """A box on each test film with the finding, in both lungs."""
        names = sorted(path.name for path in (made_films / "test" / "PNEUMONIA").iterdir())
        rows = [f"{name},Pneumonia,{x},40,50,80" for name in names for x in (20, 90)]
        path = tmp_path / "boxes.csv"
        path.write_text("\n".join(["file,finding,x,y,w,h", *rows]))
        return path

    def test_json_has_the_designs_keys(self, run, made_films, boxes, kept):
        words = ("evaluate", "pneumonia-made", "--data", made_films, "--boxes", boxes)
        status, out, err = run(*words, "--json")
        assert status == DONE
        result = json.loads(out)
        assert result["n"] == 20
        assert set(TestEvaluate.KEYS) < set(result)
        assert (result["method"], result["boxed"], result["films"]) == ("gradcam", 10, 10)
        for part in (result, *result["baselines"].values()):
            for key in self.MEASURES:
                assert 0 <= part[key] <= 1
                assert len(part[f"{key}_ci"]) == 2
        assert list(result["baselines"]) == ["centre", "mean", "random"]
        assert err == "20 of 20 films\n10 of 10 films\n"
        assert kept.explanations.empty

    def test_text_method_and_layer(self, run, made_films, boxes, made_bundle):
        layer = next(x.name for x in made_bundle.model.layers if "conv" in x.name)
        words = ("evaluate", "pneumonia-made", "--data", made_films, "--boxes", boxes)
        status, out, _ = run(*words, "--method", "layercam", "--layer", layer)
        assert status == DONE
        assert f"Heatmaps (layercam at {layer}) on 10 films with boxes" in out
        assert "10 films: all" in out
        for name in ("layercam", "centre", "mean", "random"):
            assert any(line.startswith(f"{name} ") for line in out.splitlines())

    def test_store_keeps_them_of_any_split(self, run, made_films, boxes, kept):
        words = ("evaluate", "pneumonia-made", "--data", made_films, "--boxes", boxes)
        before = (kept.folder / "predictions.csv").read_bytes()
        assert run(*words, "--store")[0] == DONE
        assert set(kept.explanations["films"]) == {"test"}
        assert (kept.folder / "predictions.csv").read_bytes() == before
        status, _, err = run(*words, "--store", "--operating-point", "youden")
        assert status == WRONG_USAGE
        assert "Figures are kept at the operating point" in err

    def test_boxes_of_no_film(self, run, made_films, tmp_path):
        path = tmp_path / "other.csv"
        path.write_text("file,x,y,w,h\nother.png,1,2,3,4\n")
        words = ("evaluate", "pneumonia-made", "--data", made_films, "--boxes", path)
        status, out, err = run(*words)
        assert (status, out) == (WRONG_USAGE, "")
        assert "No film of the split 'test' has a box of pneumonia" in err


MOVED = {
    "disturbance": "noise", "n": 40, "moves": 0.031,
    "crosses": 0.0, "crosses_low": 0.0, "crosses_high": 0.09,
    "bands": 0.05, "bands_low": 0.01, "bands_high": 0.17, "steady": False,
}  # fmt: skip


class TestAudit:
    """The audit itself is in test_audit: here only what the words lead to."""

    ROWS = (
        ("randomization_rank", 0.75, 0.7, 0.8, 1.0),
        ("flat_maps", 1.0, float("nan"), float("nan"), float("nan")),
        ("reference_difference", 2e-7, float("nan"), float("nan"), float("nan")),
    )

    @pytest.fixture
    def asked(self, monkeypatch) -> list[tuple]:
        calls: list[tuple] = []

        def audit(bundle, data, *, methods, checks, films, progress):
            calls.append((bundle.name, str(data), methods, checks, films))
            progress(0, 10)
            progress(5, 10)
            progress(10, 10)
            facts = {"kind": "sanity", "films": "validation", "method": "gradcam", "layer": "c"}
            names = ("measure", "value", "low", "high", "stage")
            return [facts | {"n": 9} | dict(zip(names, row, strict=True)) for row in self.ROWS]

        def measure(bundle, data, *, progress):
            calls.append((bundle.name, str(data), "steadiness"))
            return pd.DataFrame([MOVED])

        monkeypatch.setattr("cxr.evidence.audit.sanity_checks.audit", audit)
        monkeypatch.setattr("cxr.evidence.steadiness.measure", measure)
        return calls

    def test_stores_and_prints(self, run, asked, kept):
        status, out, err = run("audit", "pneumonia-made", "--data", "films")
        assert status == DONE
        assert asked == [
            ("pneumonia-made", "films", "steadiness"),
            ("pneumonia-made", "films", None, None, None),
        ]
        assert "0.031" in out
        assert "2.0e-07" in out
        assert "0.750 (0.700 to 0.800)" in out
        assert "Grad-CAM: hardly changes when the weights are randomized" in out
        assert kept.explanations["value"].tolist() == [0.75, 1, 0]
        lines = [line.strip() for line in err.splitlines()]
        assert lines[0] == "0 % done"
        assert lines[1] == "50 % done, 0 minutes left"

    def test_json(self, run, asked, kept):
        words = ("audit", "pneumonia-made", "--data", "films", "--methods", "gradcam,layercam")
        status, out, _ = run(*words, "--films", "8", "--checks", "reference", "--json")
        assert status == DONE
        assert asked[0][2:] == (["gradcam", "layercam"], ["reference"], 8)
        result = json.loads(out)
        assert result["model"] == "pneumonia-made"
        assert [row["low"] for row in result["rows"]] == [0.7, None, None]
        assert len(result["failures"]) == 1
        assert result["steadiness"] == []

    def test_of_the_scores_alone(self, run, asked, kept):
        words = ("audit", "pneumonia-made", "--data", "films", "--checks", "steadiness", "--json")
        status, out, _ = run(*words)
        assert status == DONE
        assert asked == [("pneumonia-made", "films", "steadiness")]
        assert json.loads(out)["steadiness"] == [MOVED]
        assert json.loads(out)["rows"] == []


class TestTrain:
    """The training itself is in test_training: here only what the words lead to."""

    @pytest.fixture
    def asked(self, monkeypatch) -> list[tuple]:
        calls: list[tuple] = []

        def train(recipe, data, out, *, share, resume):
            calls.append((recipe.name, data, out, share, resume))
            return Path(out) / recipe.name

        monkeypatch.setattr("cxr.training.run.train", train)
        return calls

    def test_passes_on_what_was_asked(self, run, asked):
        words = ("--data", "films", "--out", "models", "--subset", "0.1", "--resume")
        status, out, _ = run("train", "pneumonia-small-cnn", *words)
        assert (status, out) == (DONE, str(Path("models") / "pneumonia-small-cnn") + "\n")
        assert asked == [("pneumonia-small-cnn", "films", "models", 0.1, True)]

    def test_a_recipe_of_ones_own(self, run, asked, made_recipe, tmp_path):
        recipe = tmp_path / "mine.json"
        recipe.write_text(json.dumps(made_recipe.to_json()))
        assert run("train", recipe, "--data", "films", "--out", "models")[0] == DONE
        assert asked == [("pneumonia-made", "films", "models", 1.0, False)]

    @pytest.mark.parametrize(
        ("error", "status", "words"),
        [
            ("TrainingError", WRONG_USAGE, "cxr: stopped before its end. Add --resume"),
            ("FileNotFoundError", WRONG_USAGE, "cxr: stopped before its end. Add --resume"),
            ("KeyboardInterrupt", STOPPED, "Run the same with --resume to go on."),
        ],
    )
    def test_what_goes_wrong(self, run, monkeypatch, error, status, words):
        from cxr.training import run as training

        kind = getattr(training, error, None) or getattr(__import__("builtins"), error)

        def train(*arguments, **options):
            raise kind("stopped before its end. Add --resume")

        monkeypatch.setattr(training, "train", train)
        ended, out, err = run("train", "pneumonia-grey-cnn", "--data", "x", "--out", "y")
        assert (ended, out) == (status, "")
        assert words in err


class TestDataset:
    def test_json(self, run, made_films, tmp_path):
        folder = shutil.copytree(made_films, tmp_path / "films")
        shutil.copy(
            min((folder / "train" / "NORMAL").iterdir()), folder / "test" / "NORMAL" / "z.png"
        )
        status, out, _ = run("dataset", folder, "--json")
        assert status == DONE
        result = json.loads(out)
        assert result["films"] == 81
        assert result["patients"] == 81
        assert result["patients_across_splits"] == 0
        assert (result["films_with_equal_pixels"], result["groups_with_equal_pixels"]) == (2, 1)
        assert result["imbalance_ratio"] == pytest.approx(41 / 40)
        assert result["balance"][0] == {
            "split": "test",
            "label": "normal",
            "films": 11,
            "patients": 11,
            "share": pytest.approx(11 / 21),
        }

    def test_text(self, run, made_films):
        status, out, _ = run("dataset", made_films)
        assert status == DONE
        assert "imbalance_ratio" in out
        assert "pneumonia" in out

    def test_near_duplicates_and_shift(self, run, made_films, tmp_path):
        folder = shutil.copytree(made_films, tmp_path / "films")
        first = min((folder / "train" / "NORMAL").iterdir())
        with Image.open(first) as film:
            film.save(folder / "test" / "NORMAL" / "again.jpeg", quality=95)
        status, out, err = run("dataset", folder, "--json")
        assert status == DONE
        assert err.endswith("81 of 81 films\n")
        result = json.loads(out)
        alike = {row["path"]: row for row in result["near_duplicates"]}
        one, other = alike[f"train/NORMAL/{first.name}"], alike["test/NORMAL/again.jpeg"]
        assert one["group"] == other["group"]
        assert result["films_nearly_equal"] == len(alike)
        assert result["groups_nearly_equal"] >= result["groups_nearly_equal_across_splits"] >= 1
        assert result["films_with_equal_pixels"] == 0
        assert [row["label"] for row in result["shift"]] == ["normal", "pneumonia"]
        assert [(row["train"], row["test"]) for row in result["shift"]] == [(30, 11), (30, 10)]
        # Too few films of a side: no figure, and JSON has no NaN.
        assert {row["note"] for row in result["shift"]} == {"too few"}
        assert {row["auc"] for row in result["shift"]} == {None}
        text = run("dataset", folder)[1]
        assert "test/NORMAL/again.jpeg" in text
        assert "-, 30 train, 11 test: too few" in text

    @pytest.fixture
    def models(self, made_models, tmp_path, monkeypatch) -> Path:
        folder = shutil.copytree(made_models, tmp_path / "models")
        monkeypatch.setenv("CXR_MODELS", str(folder))
        return folder

    def test_store_fills_the_bundles_table(self, run, made_films, models):
        bundle = models / "pneumonia-made"
        old = table_path(bundle, "films")
        before = pd.read_csv(old, dtype=str, keep_default_na=False)
        before = before.drop(columns=["phash", "shift_logit"], errors="ignore")
        status, out, _ = run(
            "dataset", made_films, "--model", "pneumonia-made", "--store", "--json"
        )
        assert status == DONE
        # The films of the bundle, in its own splits.
        assert {row["split"] for row in json.loads(out)["balance"]} == set(before["split"])
        file = table_path(bundle, "films")
        after = pd.read_csv(file, dtype=str, keep_default_na=False)
        assert old.is_file()  # another bundle may have it still
        pd.testing.assert_frame_equal(after[before.columns], before)
        assert after["phash"].str.fullmatch("[0-9a-f]{64}").all()
        films = Model.load("pneumonia-made").films
        assert films["phash"].tolist() == after["phash"].tolist()
        assert films["shift_logit"].dtype == float

    def test_store_refuses_other_films(self, run, made_films, models, tmp_path):
        folder = shutil.copytree(made_films, tmp_path / "films")
        path = min((folder / "test" / "NORMAL").iterdir())
        path.write_bytes(png(chest_like(999)))
        file = models / "pneumonia-made" / "card.json"
        before = file.read_bytes()
        status, out, err = run("dataset", folder, "--model", "pneumonia-made", "--store")
        assert (status, out) == (WRONG_USAGE, "")
        assert f"The first: test/NORMAL/{path.name}" in err
        assert file.read_bytes() == before
        assert run("dataset", folder, "--model", "nope", "--store")[0] == WRONG_USAGE
        status, _, err = run("dataset", folder, "--store")
        assert (status, "--model" in err) == (WRONG_USAGE, True)

    def test_an_unreadable_film(self, run, made_films, tmp_path):
        folder = shutil.copytree(made_films / "test", tmp_path / "test")
        (folder / "NORMAL" / "z.png").write_bytes(b"")
        status, out, err = run("dataset", tmp_path)
        assert (status, out) == (WRONG_USAGE, "")
        assert "test/NORMAL/z.png: The file is empty" in err


class TestImportLegacy:
    """What is taken and what is refused is in test_legacy: here what the words lead to."""

    def test_a_published_network_scores_films(self, run, folder, tmp_path, monkeypatch):
        from tests.training.legacy.test_legacy import (
            keras_2_json,
            keras_2_weights,
            published,
            write_h5,
        )

        model = tmp_path / "model.json"
        model.write_text(json.dumps(keras_2_json(published("grey"))))
        weights = write_h5(tmp_path / "weights.h5", keras_2_weights(published("grey")))
        words = ("--finding", "pneumonia", "--out", tmp_path / "models", "--name", "pneumonia-old")
        status, out, err = run("import-legacy", model, weights, *words)
        assert (status, out) == (DONE, f"{tmp_path / 'models' / 'pneumonia-old'}\n")
        lines = err.splitlines()
        assert lines[0] == "model.json is grey_cnn at 40 pixels"
        assert any("No films were given" in line for line in lines)
        assert "--positive-first" in lines[-2]
        assert "--data" in lines[-1]
        monkeypatch.setenv("CXR_MODELS", str(tmp_path / "models"))
        (row,) = json.loads(run("models", "--json")[1])
        assert (row["name"], row["architecture"]) == ("pneumonia-old", "grey_cnn")
        status, out, _ = run("predict", folder)
        assert status == DONE
        rows = list(csv.DictReader(out.splitlines()))
        assert {row["threshold"] for row in rows} == {"0.5"}
        assert {row["operating_point"] for row in rows} == {"fixed-0.5"}

    def test_passes_on_what_was_asked(self, run, monkeypatch, tmp_path):
        calls: list[tuple] = []

        def take(*files, **options):
            calls.append((files, options))
            return Path("models") / "mine"

        monkeypatch.setattr("cxr.training.legacy.import_legacy", take)
        (tmp_path / "m.keras").touch()
        words = ("--finding", "tuberculosis", "--out", "o", "--data", tmp_path, "--positive-first")
        status, out, _ = run("import-legacy", tmp_path / "m.keras", *words, "--name", "mine")
        assert (status, out) == (DONE, f"{Path('models') / 'mine'}\n")
        assert calls == [
            (
                (tmp_path / "m.keras",),
                {
                    "finding": "tuberculosis",
                    "out": "o",
                    "name": "mine",
                    "data": str(tmp_path),
                    "positive_first": True,
                },
            )
        ]

    def test_help(self, run):
        status, out, _ = run("import-legacy", "--help")
        assert status == DONE
        assert "nothing in them is run." in " ".join(out.split())


class TestExport:
    def test_is_written_into_the_bundle(self, run, made_models, tmp_path):
        folder = copy_bundle(made_models / "pneumonia-made", tmp_path / "pneumonia-made")
        before = (folder / "export.onnx").stat().st_mtime_ns
        status, out, _ = run("export", "pneumonia-made", "--models", str(tmp_path))
        assert (status, out) == (DONE, f"{folder / 'export.onnx'}\n")
        assert (folder / "export.onnx").stat().st_mtime_ns > before

    def test_what_goes_wrong_is_told(self, run, made_models, tmp_path, monkeypatch):
        status, _, err = run("export", "pneumonia-made", "--models", str(tmp_path / "none"))
        assert (status, "no folder" in err) == (WRONG_USAGE, True)
        status, _, err = run("export", "magic", "--models", str(made_models))
        assert (status, "There is no model 'magic'" in err) == (WRONG_USAGE, True)
        monkeypatch.setattr("cxr.networks.export.has_converter", lambda: False)
        status, _, err = run("export", "pneumonia-made", "--models", str(made_models))
        assert (status, "requirements-train.txt" in err) == (WRONG_USAGE, True)
