"""A folder of films as a table: reading, splits by patient, balance, duplicates, leakage."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from cxr.datasets import table as dataset
from cxr.films.preprocessing import Preprocessing
from cxr.films.radiograph import read
from tests.conftest import chest_like, png


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """1,500 films of about 600 patients, some of whom share a picture; 200 films of a test split.

    Three strata: normal, bacteria, virus, in the shares 1/4, 1/2, 1/4.
    """
    rng = np.random.default_rng(5)
    kinds = [("normal", ""), ("pneumonia", "bacteria"), ("pneumonia", "virus")]
    rows = []
    for person in range(600):
        label, subtype = kinds[rng.choice(3, p=[0.25, 0.5, 0.25])]
        rows += [
            (f"{person}-{film}.png", "train", label, subtype, f"p{person}")
            for film in range(rng.integers(1, 5))
        ]
    films = pd.DataFrame(rows, columns=["path", "split", "label", "subtype", "patient"])
    test = films.sample(200, random_state=1).assign(split="test")
    test["path"] = "test/" + test["path"]
    test["patient"] = "t" + test["patient"]
    films = pd.concat([films, test], ignore_index=True)
    films["sha256"] = [f"hash{i}" for i in range(len(films))]
    # 60 pairs of equal pictures under two patients of the same stratum.
    for _, group in films[films["split"] == "train"].groupby(["label", "subtype"]):
        pairs = rng.choice(group.index, (20, 2), replace=False)
        films.loc[pairs[:, 1], "sha256"] = films.loc[pairs[:, 0], "sha256"].to_numpy()
    films["width"] = films["height"] = 64
    return films[dataset.COLUMNS]


class TestSplitByPatient:
    @pytest.fixture(scope="class")
    def split(self, table) -> pd.DataFrame:
        return dataset.split_by_patient(table, 0.1, seed=4)

    def test_no_patient_and_no_picture_on_both_sides(self, table, split):
        assert len(dataset.duplicates(table)) >= 100  # so there is something to tear apart
        assert dataset.across_splits(split, "patient").empty
        assert dataset.across_splits(split, "sha256").empty

    def test_drawn_film_by_film_it_would_leak(self, table):
        torn = table.copy()
        drawn = torn[torn["split"] == "train"].sample(frac=0.1, random_state=0).index
        torn.loc[drawn, "split"] = "validation"
        assert len(dataset.across_splits(torn)) > 50

    def test_a_chain_of_shared_pictures_stays_together(self):
        # a and b share a picture, b and c another one: all three go together.
        films = pd.DataFrame(
            [("a", "1"), ("b", "1"), ("b", "2"), ("c", "2")]
            + [(f"p{i}", f"h{i}") for i in range(40)],
            columns=["patient", "sha256"],
        ).assign(split="train", label="normal", subtype="")
        films["path"] = [f"{i}.png" for i in films.index]
        for seed in range(12):
            moved = dataset.split_by_patient(films, 0.5, seed=seed)["split"].head(4)
            assert moved.nunique() == 1

    def test_same_seed_same_split_another_seed_another(self, table, split):
        pd.testing.assert_frame_equal(split, dataset.split_by_patient(table, 0.1, seed=4))
        other = dataset.split_by_patient(table, 0.1, seed=5)
        assert (other["split"] != split["split"]).sum() > 100

    @pytest.mark.parametrize("fraction", [0.04, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5])
    def test_share_of_every_stratum(self, table, fraction):
        split = dataset.split_by_patient(table, fraction, seed=1)
        train = table["split"] == "train"
        moved = split["split"] == "validation"
        assert moved[train].mean() == pytest.approx(fraction, abs=0.02)
        for _, rows in split[train].groupby(["label", "subtype"]):
            assert (rows["split"] == "validation").mean() == pytest.approx(fraction, abs=0.03)

    def test_only_train_changes_and_the_table_given_does_not(self, table, split):
        before = table.copy()
        dataset.split_by_patient(table, 0.1)
        pd.testing.assert_frame_equal(before, table)
        changed = split["split"] != table["split"]
        assert set(table.loc[changed, "split"]) == {"train"}
        assert set(split.loc[changed, "split"]) == {"validation"}
        pd.testing.assert_frame_equal(split.drop(columns="split"), table.drop(columns="split"))

    def test_films_without_a_hash_are_not_all_one_picture(self, table):
        split = dataset.split_by_patient(table.assign(sha256=""), 0.1)
        assert (split["split"] == "validation").sum() == pytest.approx(150, abs=25)

    @pytest.mark.parametrize("fraction", [0, -0.1, 0.51, 1])
    def test_fraction_out_of_range(self, table, fraction):
        with pytest.raises(ValueError, match=rf"\(0, 0\.5\]\. Received: {fraction}"):
            dataset.split_by_patient(table, fraction)

    def test_a_split_of_that_name_or_none_to_draw_from(self, table, split):
        with pytest.raises(ValueError, match="has a split named 'validation' already"):
            dataset.split_by_patient(split)
        with pytest.raises(
            ValueError, match=r"Expected films in the split .train.\. Received: .test."
        ):
            dataset.split_by_patient(table[table["split"] == "test"])

    @pytest.mark.data
    def test_kermany_films(self, data_dir):
        """On the real names; the pictures that are equal there are found with their hashes."""
        films = dataset.scan(data_dir / "kermany")
        split = dataset.split_by_patient(films, 0.1, seed=0)
        assert dataset.across_splits(split).empty
        train = split[split["split"] != "test"]
        share = train.groupby("split")["label"].apply(lambda s: (s == "pneumonia").mean())
        assert share["validation"] == pytest.approx(share["train"], abs=0.02)
        assert (train["split"] == "validation").mean() == pytest.approx(0.1, abs=0.01)


class TestReadFilms:
    def test_sizes_hashes_and_pixels_in_the_tables_order(self, made_films):
        films = dataset.scan(made_films).iloc[[70, 3, 41]].reset_index(drop=True)
        seen: list[tuple[int, int]] = []
        table, pixels = dataset.read_films(
            films,
            made_films,
            prepare=Preprocessing(48, 64, 3, "nearest"),
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
        assert table["path"].tolist() == films["path"].tolist()
        assert pixels.shape == (3, 48, 64, 3)
        assert pixels.dtype == np.uint8
        for row, path in enumerate(table["path"]):
            film = read(made_films / path)
            assert table.loc[row, "sha256"] == film.sha256
            assert (table.loc[row, "width"], table.loc[row, "height"]) == (160, 160)
            np.testing.assert_array_equal(pixels[row], Preprocessing(48, 64, 3)(film.pixels))
        assert (films["sha256"] == "").all()  # the table given is not changed

    def test_a_networks_own_preprocessing(self, made_films):
        films = dataset.scan(made_films).head(3)
        prepare = Preprocessing(40, 30, 1, "bilinear", margin=0.1, levels="equalized")
        _, pixels = dataset.read_films(films, made_films, prepare=prepare)
        assert pixels.shape == (3, 40, 30, 1)
        for row, path in enumerate(films["path"]):
            np.testing.assert_array_equal(pixels[row], prepare(read(made_films / path).pixels))

    def test_without_preprocessing_no_pixels(self, made_films):
        table, pixels = dataset.read_films(dataset.scan(made_films).head(2), made_films)
        assert pixels is None
        assert (table["sha256"].str.len() == 64).all()

    def test_further_columns(self, made_films):
        films = dataset.scan(made_films).iloc[[9, 2]].reset_index(drop=True)
        table, _ = dataset.read_films(
            films, made_films, measure=lambda film: {"mean": float(film.pixels.mean())}
        )
        means = [read(made_films / path).pixels.mean() for path in films["path"]]
        assert table["mean"].tolist() == pytest.approx(means)

    def test_of_no_film_there_is_nothing_to_read(self, made_films):
        table, pixels = dataset.read_films(
            dataset.scan(made_films).head(0), made_films, prepare=Preprocessing(48, 64, 1)
        )
        assert table.empty
        assert pixels.shape == (0, 48, 64, 1)

    def test_unreadable_films_are_counted_and_named(self, tmp_path):
        (tmp_path / "normal").mkdir()
        for i in range(7):
            (tmp_path / "normal" / f"{i}.png").write_bytes(b"no film")
        (tmp_path / "normal" / "good.png").write_bytes(png(chest_like(1)))
        with pytest.raises(dataset.DatasetError) as caught:
            dataset.read_films(dataset.scan(tmp_path), tmp_path)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith("7 films cannot be read")
        assert len(lines) == 6
        assert lines[1].startswith("normal/0.png: The file holds no picture")


class TestSubset:
    def test_same_share_of_every_split_and_label_without_replacement(self, table):
        part = dataset.subset(table, 0.5, seed=2)
        assert part["path"].is_unique
        assert set(part["path"]) < set(table["path"])
        whole = table.groupby(["split", "label"]).size()
        assert (part.groupby(["split", "label"]).size() * 2 - whole).abs().max() <= 1
        pd.testing.assert_frame_equal(part, dataset.subset(table, 0.5, seed=2))
        assert set(dataset.subset(table, 0.5, seed=3)["path"]) != set(part["path"])

    def test_all_of_it(self, table):
        pd.testing.assert_frame_equal(dataset.subset(table, 1.0), table)

    @pytest.mark.parametrize("fraction", [0, -1, 1.01])
    def test_share_out_of_range(self, table, fraction):
        with pytest.raises(ValueError, match=rf"\(0, 1\]\. Received: {fraction}"):
            dataset.subset(table, fraction)


class TestFigures:
    def test_class_weights_balance_the_loss(self):
        labels = np.array([1] * 30 + [0] * 10)
        weights = dataset.class_weights(labels)
        assert weights == {0: 2.0, 1: pytest.approx(2 / 3)}
        assert np.mean([weights[k] for k in labels]) == pytest.approx(1)
        with pytest.raises(ValueError, match=r"both classes. Received: \[0, 3\]"):
            dataset.class_weights(np.ones(3, int))

    def test_splits_in_their_usual_order(self):
        names = ["zhejiang", "test", "train", "", "validation", "train"]
        table = pd.DataFrame({"split": names})
        assert dataset.splits(table) == ["train", "validation", "test", "", "zhejiang"]

    def test_balance_and_imbalance(self):
        films = pd.DataFrame(
            [
                ("train", "normal", "a"),
                ("train", "normal", "a"),
                ("train", "pneumonia", "b"),
                ("train", "pneumonia", "c"),
                ("train", "pneumonia", "c"),
                ("train", "pneumonia", "c"),
                ("test", "normal", "d"),
            ],
            columns=["split", "label", "patient"],
        ).assign(path="x")
        counts = dataset.balance(films).set_index(["split", "label"])
        assert counts.loc[("train", "normal")].to_dict() == {
            "films": 2,
            "patients": 1,
            "share": pytest.approx(2 / 6),
        }
        assert counts.loc[("train", "pneumonia"), "patients"] == 2
        assert counts.loc[("test", "normal"), "share"] == 1
        assert dataset.imbalance_ratio(films) == pytest.approx(4 / 3)

    def test_subtypes_are_counted_in_each_split(self):
        films = pd.DataFrame(
            [
                ("test", "pneumonia", "virus", "a"),
                ("train", "normal", "", "b"),
                ("train", "pneumonia", "virus", "c"),
                ("train", "pneumonia", "bacteria", "d"),
                ("train", "pneumonia", "bacteria", "d"),
                ("train", "pneumonia", "", "e"),
            ],
            columns=["split", "label", "subtype", "patient"],
        ).assign(path="x")
        found = dataset.subtypes(films)
        assert found.columns.tolist() == [
            "split", "label", "subtype", "films", "patients", "share"
        ]  # fmt: skip
        assert found.drop(columns=["label", "share"]).to_numpy().tolist() == [
            ["train", "bacteria", 2, 1],
            ["train", "unknown", 1, 1],
            ["train", "virus", 1, 1],
            ["test", "virus", 1, 1],
        ]
        assert found["share"].tolist() == [0.5, 0.25, 0.25, 1]
        assert set(found["label"]) == {"pneumonia"}
        assert dataset.subtypes(films.assign(subtype="")).empty

    def test_duplicates_are_films_of_equal_pixels(self, made_films, tmp_path):
        folder = shutil.copytree(made_films / "test", tmp_path / "test")
        source = sorted((folder / "NORMAL").iterdir())[3]
        shutil.copy(source, folder / "NORMAL" / "copy.png")
        table, _ = dataset.read_films(dataset.scan(tmp_path), tmp_path)
        twins = dataset.duplicates(table)
        assert twins["path"].tolist() == [
            f"test/NORMAL/{source.name}",
            "test/NORMAL/copy.png",
        ]
        assert twins["group"].tolist() == [1, 1]
        assert dataset.duplicates(table.assign(sha256="")).empty  # unknown is not equal

    def test_across_splits_names_what_is_shared(self):
        films = pd.DataFrame(
            {
                "split": ["train", "test", "train", "train"],
                "patient": ["a", "a", "b", "b"],
                "sha256": ["1", "1", "", ""],
                "path": ["w", "x", "y", "z"],
            }
        )
        (shared,) = dataset.across_splits(films).to_dict("records")
        assert shared == {"patient": "a", "splits": "test, train", "films": 2}
        assert dataset.across_splits(films, "sha256")["sha256"].tolist() == ["1"]

    def test_mean_films(self):
        pixels = np.zeros((3, 2, 2, 1), np.uint8)
        pixels[0], pixels[1], pixels[2] = 255, 51, 102
        means = dataset.mean_films(pixels, ["normal", "pneumonia", "normal"])
        assert sorted(means) == ["normal", "pneumonia"]
        np.testing.assert_allclose(means["normal"], np.full((2, 2), 0.7), atol=1e-6)
        np.testing.assert_allclose(means["pneumonia"], np.full((2, 2), 0.2), atol=1e-6)
        assert means["normal"].dtype == np.float32

    def test_draw_takes_equally_many_where_there_are(self, table):
        drawn = dataset.draw(table, "train", 9, seed=1)
        assert drawn["label"].value_counts().to_dict() == {"normal": 9, "pneumonia": 9}
        assert set(drawn["split"]) == {"train"}
        assert drawn["path"].is_unique
        pd.testing.assert_frame_equal(drawn, dataset.draw(table, "train", 9, seed=1))
        everything = dataset.draw(table, "test", 10_000)
        assert len(everything) == (table["split"] == "test").sum()
        with pytest.raises(ValueError, match=r"\['test', 'train'\]. Received: 'gone'"):
            dataset.draw(table, "gone", 1)


def test_films_at_hand_are_those_whose_file_is_there(table, tmp_path):
    kept = table.iloc[[1, 3]]
    for path in kept["path"]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = dataset.at_hand(table, tmp_path)
    assert found["path"].tolist() == kept["path"].tolist()
    assert found.index.tolist() == [0, 1]
