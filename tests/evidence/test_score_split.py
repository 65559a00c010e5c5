"""A bundle tried on labelled films: the same figures as those it was stored with."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cxr.datasets.folders import DatasetError
from cxr.evidence.evaluation import evaluate
from cxr.evidence.score_split import (
    PREDICTION_COLUMNS,
    assess,
    score_split,
    store,
)
from cxr.films.radiograph import read
from cxr.model import Model, load
from cxr.training.recipes import RECIPES
from tests.bundles import change_table, copy_bundle, write_card
from tests.conftest import chest_like, png


def figures(evaluation) -> dict:
    return json.loads(json.dumps(evaluation.to_json()))


def same(ours: dict, stored: dict) -> None:
    assert list(ours) == list(stored)
    for key, value in stored.items():
        expected = value if isinstance(value, str | list) else pytest.approx(value, abs=1e-6)
        if key != "confusion_matrix" and isinstance(value, list):
            expected = pytest.approx(value, abs=1e-6)
        assert ours[key] == expected, key


def test_test_split_gives_the_stored_figures(made_bundle, made_films):
    seen: list[tuple[float, float]] = []
    result = assess(made_bundle, made_films, progress=lambda *now: seen.append(now))
    same(figures(result), figures(made_bundle.card.evaluation["test"]))
    assert seen == [(done, 20) for done in range(21)]


def test_validation_is_the_one_the_bundle_was_fitted_on(made_bundle, made_films):
    result = assess(made_bundle, made_films, split="validation")
    same(figures(result), figures(made_bundle.card.evaluation["validation"]))


def test_the_bundles_own_table_tells_what_was_validation(made_bundle, made_films, tmp_path):
    """Whatever the folders say: a model made on a share of the films never saw the others."""
    folder = tmp_path / "bundle"
    copy_bundle(made_bundle.folder, folder)
    films = made_bundle.films
    held = films.index[films["split"] == "validation"]
    change_table(folder, "films", lambda table: table.drop(index=held[:3]), dtype={"patient": str})
    bundle = load(str(folder))
    assert assess(bundle, made_films, split="validation").n == len(held) - 3
    # The three that it never saw are training films to the folder, and so they count there.
    learned = int((films["split"] == "train").sum())
    assert assess(bundle, made_films, split="train").n == learned + 3


def test_what_is_left_out_or_alike_is_told(made_bundle, made_films, tmp_path):
    root = shutil.copytree(made_films / "test", tmp_path / "set" / "Testing")
    shutil.copytree(root, tmp_path / "set" / "set" / "Testing")
    film = next((root / "NORMAL").iterdir())
    shutil.copy(film, film.with_name("under another name.png"))
    (root / "COVID").mkdir()
    shutil.copy(film, root / "COVID" / "x.png")
    lines: list[str] = []
    assert assess(made_bundle, tmp_path / "set", say=lines.append).n == 21
    said = " ".join(lines)
    assert "Left out 20 films" in said
    assert "covid (1)" in said
    assert "2 films of 21 have the same pixels" in said


@pytest.mark.parametrize("split", ["test", "validation"])
def test_each_film_is_decoded_once(made_bundle, made_films, monkeypatch, split):
    """Also where the pixels tell the split: then all films of the folder are read."""
    reads: list[str] = []

    def counting(path):
        reads.append(str(path))
        return read(path)

    monkeypatch.setattr("cxr.datasets.table.read", counting)
    seen: list[tuple[float, float]] = []
    score_split(made_bundle, made_films, split=split, progress=lambda *now: seen.append(now))
    films = 20 if split == "test" else 80
    assert len(reads) == len(set(reads)) == films
    assert seen == [(done, films) for done in range(films + 1)]


def test_another_operating_point(made_bundle, made_films):
    result = assess(made_bundle, made_films, operating_point="fixed-0.6")
    assert (result.operating_point, result.threshold) == ("fixed-0.6", 0.6)
    with pytest.raises(ValueError, match=r"sensitivity-95.*Received: 'nope'"):
        assess(made_bundle, made_films, operating_point="nope")


def test_a_set_without_splits(made_bundle, made_films):
    result = assess(made_bundle, made_films / "test", split="")
    stored = made_bundle.card.evaluation["test"]
    assert result.n == 20
    assert result.auc == pytest.approx(stored.auc)


def test_films_of_other_findings_are_left_out(made_bundle, made_films, tmp_path):
    films = shutil.copytree(made_films / "test", tmp_path / "test")
    shutil.copytree(films / "PNEUMONIA", films / "EFFUSION")
    assert assess(made_bundle, tmp_path).n == 20


def test_refused_films_count(made_bundle, made_films, tmp_path):
    """A figure over the films that the gate lets through would be too good."""
    from PIL import Image

    films = shutil.copytree(made_films / "test", tmp_path / "test")
    Image.new("L", (160, 160), 30).save(films / "NORMAL" / "blank.png")
    assert assess(made_bundle, tmp_path).n == 21


def test_no_such_split_names_those_there(made_bundle, made_films):
    with pytest.raises(DatasetError, match=r"split 'nope'. Splits here: test, train\."):
        assess(made_bundle, made_films, split="nope")
    with pytest.raises(DatasetError, match=r"split 'validation'. Splits here: test\."):
        assess(made_bundle, made_films / "test", split="validation")


def test_films_are_told_by_their_pixels_where_folders_tell_nothing(made_bundle, made_films):
    result = assess(made_bundle, made_films / "test")
    same(figures(result), figures(made_bundle.card.evaluation["test"]))


def test_films_that_the_bundle_never_saw_are_of_no_split(made_bundle, tmp_path):
    (tmp_path / "normal").mkdir()
    (tmp_path / "normal" / "new.png").write_bytes(png(chest_like(999)))
    with pytest.raises(DatasetError, match=r"split 'test'. Splits here: \(none\)\."):
        assess(made_bundle, tmp_path)


def test_no_film_of_the_models_classes(made_bundle, made_films, tmp_path):
    shutil.copytree(made_films / "test" / "PNEUMONIA", tmp_path / "test" / "EFFUSION")
    with pytest.raises(DatasetError, match=r"no films of pneumonia or normal.*\."):
        assess(made_bundle, tmp_path)


def test_the_bundle_stays_as_it_was(made_bundle, made_films):
    before = copy.deepcopy(made_bundle.card)
    assess(made_bundle, made_films)
    assert made_bundle.card == before


EXTERNAL = {
    "clinics": ["north/pneumonia", "nih/normal"],
    "nih": ["nih/normal", "nih/pneumonia"],
}


@pytest.fixture
def bundle(made_bundle, tmp_path) -> Model:
    """A copy of the made bundle that names two external sets."""
    folder = copy_bundle(made_bundle.folder, tmp_path / "models" / "made")
    card = json.loads((folder / "card.json").read_text())
    card["recipe"]["external"] = EXTERNAL
    write_card(folder, card)
    return load(str(folder))


@pytest.fixture
def sets(made_films, tmp_path) -> Path:
    """Two sets beside each other: one of two sources, one without a word of its source."""
    root = tmp_path / "sets"
    files = {
        label: sorted((made_films / "test" / label).iterdir()) for label in ("NORMAL", "PNEUMONIA")
    }
    lines = {
        "clinics": ["path,source,label,patient"],
        "nih": ["path,label,patient,also_listed_normal"],
    }
    for label, paths in files.items():
        for i, path in enumerate(paths):
            name = ("clinics", "nih")[i % 2]
            (root / name / "images").mkdir(parents=True, exist_ok=True)
            shutil.copy(path, root / name / "images")
            line = f"images/{path.name}"
            line += f",{('north', 'south')[i % 4 // 2]}" if name == "clinics" else ""
            line += f",{label},{label}{i}"
            # One film that another set lists as normal.
            line += f",{'yes' * (label == 'PNEUMONIA' and i == 1)}" if name == "nih" else ""
            lines[name].append(line)
    for name, text in lines.items():
        (root / name / "manifest.csv").write_text("\n".join(text) + "\n")
    return root


class TestExternal:
    def test_films_are_those_of_its_parts(self, bundle, sets):
        table = score_split(bundle, sets, split="clinics")
        assert table.columns.tolist() == [*PREDICTION_COLUMNS, "source"]
        assert (table["source"] + "/" + table["label"]).value_counts().to_dict() == {
            "north/pneumonia": 3,
            "nih/normal": 5,
        }
        assert set(table["split"]) == {"clinics"}

    def test_paths_start_from_the_folder_of_all_sets(self, bundle, sets):
        table = score_split(bundle, sets, split="clinics")
        assert all((sets / path).is_file() for path in table["path"])

    def test_scores_are_the_models(self, bundle, sets):
        table = score_split(bundle, sets, split="clinics")
        predictions = bundle.predict_many([read(sets / path) for path in table["path"]])
        assert table["logit"].tolist() == pytest.approx([p.logit for p in predictions], abs=1e-4)

    def test_films_that_another_set_lists_as_normal_are_left_out(self, bundle, sets):
        assert len(score_split(bundle, sets, split="nih")) == 9

    def test_its_own_folder_gives_the_same(self, bundle, sets):
        """Paths too: they start from the folder of all sets whichever was given."""
        alone = score_split(bundle, sets / "nih", split="nih")
        whole = score_split(bundle, sets, split="nih")
        columns = ["path", "patient", "label", "source"]
        pd.testing.assert_frame_equal(alone[columns], whole[columns])
        assert alone["logit"].tolist() == pytest.approx(whole["logit"].tolist(), abs=1e-5)

    def test_a_folder_by_class_gives_such_paths_too(self, bundle, made_films, tmp_path):
        shutil.copytree(made_films / "test", tmp_path / "nih")
        table = score_split(bundle, tmp_path / "nih", split="nih")
        assert len(table) == 20
        assert table["path"].str.startswith("nih/").all()
        assert set(table["source"]) == {"nih"}

    def test_a_folder_that_lacks_a_part_says_which(self, bundle, sets):
        with pytest.raises(DatasetError, match=r"no films of north/pneumonia\. Found: nih/"):
            score_split(bundle, sets / "nih", split="clinics")

    def test_is_named_among_the_splits(self, bundle, made_films):
        with pytest.raises(DatasetError, match=r"Splits here: clinics, nih, test, train\."):
            score_split(bundle, made_films, split="nope")


class TestStore:
    def test_figures_are_those_of_the_stored_predictions(self, bundle, sets):
        result = assess(bundle, sets, split="clinics", keep=True)
        after = load(str(bundle.folder))
        same(figures(result), figures(after.card.evaluation["clinics"]))
        again = evaluate(
            after.predictions,
            model=after.name,
            split="clinics",
            calibration=after.card.calibration,
            point=after.card.operating_point(),
        )
        same(figures(again), figures(after.card.evaluation["clinics"]))

    def test_what_was_there_stays(self, bundle, sets):
        before = bundle.predictions
        assess(bundle, sets, split="clinics", keep=True)
        after = load(str(bundle.folder))
        own = after.predictions[after.predictions["split"] != "clinics"]
        pd.testing.assert_frame_equal(own[PREDICTION_COLUMNS], before)
        assert set(own["source"]) == {""}
        assert after.card.operating_points == bundle.card.operating_points
        for split in ("validation", "test"):
            assert after.card.evaluation[split] == bundle.card.evaluation[split]

    def test_nothing_is_kept_unasked(self, bundle, sets):
        before = {path: path.read_bytes() for path in bundle.folder.iterdir()}
        assess(bundle, sets, split="clinics")
        assert {path: path.read_bytes() for path in bundle.folder.iterdir()} == before

    def test_a_second_time_replaces_the_first(self, bundle, sets):
        for _ in range(2):
            assess(bundle, sets, split="clinics", keep=True)
        table = load(str(bundle.folder)).predictions
        assert (table["split"] == "clinics").sum() == 8
        assert not table.duplicated(["split", "path"]).any()

    def test_one_set_after_the_other(self, bundle, sets):
        """Of one bundle in one program: the second does not undo the first."""
        for split in ("clinics", "nih"):
            assess(bundle, sets, split=split, keep=True)
        after = load(str(bundle.folder))
        assert set(after.card.evaluation) == {"validation", "test", "clinics", "nih"}
        assert {"clinics", "nih"} < set(after.predictions["split"])

    @pytest.mark.parametrize("split", ["test", "train", ""])
    def test_own_splits_are_not_stored_and_not_even_scored(
        self, bundle, made_films, monkeypatch, split
    ):
        monkeypatch.setattr("cxr.evidence.score_split.logits", None)
        before = (bundle.folder / "predictions.csv").read_bytes()
        with pytest.raises(ValueError, match=f"Expected clinics, nih. Received: {split}"):
            assess(bundle, made_films, split=split, keep=True)
        assert (bundle.folder / "predictions.csv").read_bytes() == before

    def test_a_table_of_two_sets(self, bundle, sets):
        tables = [score_split(bundle, sets, split=split) for split in EXTERNAL]
        store(bundle, pd.concat(tables))
        assert set(EXTERNAL) < set(load(str(bundle.folder)).card.evaluation)

    def test_a_bundle_without_external_sets(self, made_bundle, made_films):
        with pytest.raises(ValueError, match=r"Expected none\. Received: test"):
            assess(made_bundle, made_films, keep=True)


class TestOwnSplits:
    """Of a set that has none: the bundle's table tells, by the films' pixels."""

    @pytest.fixture(scope="class")
    def unsplit(self, made_films, tmp_path_factory) -> Path:
        return shutil.copytree(made_films / "train", tmp_path_factory.mktemp("sets") / "kermany")

    @pytest.fixture(scope="class")
    def own(self, unsplit, tmp_path_factory) -> Model:
        from cxr.training.run import train

        recipe = dataclasses.replace(
            RECIPES["pneumonia-thumbnail"],
            name="made",
            films=("kermany/normal", "kermany/pneumonia"),
            test=0.25,
            validation=0.25,
        )
        out = tmp_path_factory.mktemp("own")
        return load(str(train(recipe, unsplit, out, say=lambda line: None)))

    @pytest.mark.parametrize(("engine", "within"), [("tensorflow", 1e-5), ("onnx", 1e-3)])
    @pytest.mark.parametrize("split", ["validation", "test"])
    def test_gives_the_stored_predictions(self, own, unsplit, split, engine, within, monkeypatch):
        """TensorFlow gave those; the engine's sums of 1,024 pixels differ in the fifth digit."""
        monkeypatch.setenv("CXR_ENGINE", engine)
        own = load(str(own.folder))
        found = score_split(own, unsplit, split=split).sort_values("path", ignore_index=True)
        stored = own.predictions[own.predictions["split"] == split].reset_index(drop=True)
        texts = ["path", "patient", "label", "source"]
        pd.testing.assert_frame_equal(found[texts], stored[texts])
        assert found["logit"].tolist() == pytest.approx(stored["logit"].tolist(), abs=within)

    def test_train_is_what_was_learned_from(self, own, unsplit):
        learned = own.films.loc[own.films["split"] == "train", "path"]
        assert set(score_split(own, unsplit, split="train")["path"]) == set(learned)

    def test_films_that_the_recipe_does_not_name_are_left_out(self, own, unsplit, tmp_path):
        other = shutil.copytree(unsplit, tmp_path / "others")
        with pytest.raises(DatasetError, match="no films of kermany/normal, kermany/pneumonia"):
            score_split(own, other, split="test")
