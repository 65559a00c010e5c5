"""What is noted of each film in one reading, and kept in films.csv."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cxr.datasets import describe as film_facts
from cxr.datasets.near_duplicates import fingerprint
from cxr.datasets.shift import shift, tell_apart
from cxr.datasets.table import COLUMNS, DatasetError, scan
from cxr.films.preprocessing import Preprocessing
from cxr.films.radiograph import read
from cxr.films.statistics import film_statistics
from tests.conftest import chest_like


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 films: those of test are brighter; one of them is a recompressed film of train."""
    folder = tmp_path_factory.mktemp("set")
    for k in range(100):
        split, label = ("train", "test")[k % 2], ("NORMAL", "PNEUMONIA")[k // 2 % 2]
        place = folder / split / label
        place.mkdir(parents=True, exist_ok=True)
        film = chest_like(k, ill=label != "NORMAL", size=96)
        Image.fromarray((film * (0.9 if k % 2 else 0.7)).astype(np.uint8)).save(place / f"{k}.png")
    with Image.open(folder / "train" / "NORMAL" / "0.png") as film:
        film.save(folder / "test" / "NORMAL" / "copy.jpeg", quality=95)
    return folder


@pytest.fixture(scope="module")
def described(root: Path) -> pd.DataFrame:
    return film_facts.describe(scan(root), root)


class TestDescribe:
    def test_adds_the_facts_of_each_film(self, root, described):
        assert set(described.columns) == {*COLUMNS, *film_facts.FACTS}
        assert described["path"].tolist() == scan(root)["path"].tolist()
        small = Preprocessing(64, 64, 1, "bilinear")
        for row in described.iloc[::30].itertuples():
            film = read(root / row.path)
            assert (row.width, row.height, row.sha256) == (96, 96, film.sha256)
            assert row.phash == fingerprint(small(film.pixels))
            for name, value in film_statistics(film.pixels).items():
                assert getattr(row, f"stat_{name}") == pytest.approx(value, abs=6e-5)

    def test_guesses_the_split_from_averages_of_the_same_pixels(self, root, described):
        small = Preprocessing(64, 64, 1, "bilinear")
        films = [small(read(root / path).pixels)[:, :, 0] for path in described["path"]]
        means = [film.reshape(16, 4, 16, 4).mean(axis=(1, 3)) for film in films]
        again = tell_apart(np.rint(means).astype(np.uint8), described)
        assert described["shift_logit"].tolist() == pytest.approx(again.tolist(), abs=6e-5)
        assert (described["shift_logit"] == described["shift_logit"].round(4)).all()
        assert (shift(described)["auc"] > 0.95).all()

    def test_says_how_far_it_is_and_changes_no_table(self, root):
        table = scan(root).head(3)
        before, seen = table.copy(), []
        film_facts.describe(table, root, lambda done, total: seen.append((done, total)))
        assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
        pd.testing.assert_frame_equal(table, before)

    def test_films_that_cannot_be_read(self, root, tmp_path):
        with pytest.raises(DatasetError, match="3 films cannot be read"):
            film_facts.describe(scan(root).head(3), tmp_path)


class TestSummary:
    def test_is_plain_data(self, described):
        figures = film_facts.summary(described)
        assert json.loads(json.dumps(figures, allow_nan=False)) == json.loads(json.dumps(figures))
        assert figures["films"] == 101
        assert figures["films_with_equal_pixels"] == 0
        assert figures["films_nearly_equal"] >= 2
        assert figures["groups_nearly_equal_across_splits"] >= 1
        paths = {row["path"]: row["group"] for row in figures["near_duplicates"]}
        assert paths["train/NORMAL/0.png"] == paths["test/NORMAL/copy.jpeg"]
        low, high = figures["shift"][0]["auc_ci"]
        assert low < figures["shift"][0]["auc"] < high

    def test_too_few_films_are_said_so(self, described):
        few = described.groupby(["split", "label"]).head(8)
        figures = film_facts.summary(few)
        assert [row["auc"] for row in figures["shift"]] == [None, None]
        assert [row["auc_ci"] for row in figures["shift"]] == [None, None]
        assert json.dumps(figures, allow_nan=False)
        assert "-, 8 train, 8 test: too few" in film_facts.as_text(figures)

    def test_without_splits_there_is_no_shift(self, described):
        figures = film_facts.summary(described.assign(split="", shift_logit=np.nan))
        assert figures["shift"] == []
        assert "told from" not in film_facts.as_text(figures)

    def test_as_text(self, described):
        text = film_facts.as_text(film_facts.summary(described))
        lines = dict(line.split(maxsplit=1) for line in text.splitlines() if " " in line)
        assert lines["films"] == "101"
        assert "95 % interval" in lines["normal"]
        assert "test/NORMAL/copy.jpeg" in text


def test_counts_need_no_description(described):
    plain = described.drop(columns=film_facts.FACTS)
    found = film_facts.counts(plain)
    summary = film_facts.summary(described)
    assert found == {key: summary[key] for key in found}
    assert found["films"] == len(plain)


class TestFilledIn:
    @pytest.fixture
    def kept(self, described) -> pd.DataFrame:
        """A stored table of some of the films, with its own splits and a column of its own."""
        kept = described[COLUMNS].assign(split="validation", patient="007", source="made")
        return kept.iloc[::-1].head(60).astype(str).reset_index(drop=True)

    def test_fills_the_columns_and_leaves_the_rest(self, described, kept):
        before = kept.copy()
        after = film_facts.filled_in(kept, described, "model")
        pd.testing.assert_frame_equal(kept, before)
        pd.testing.assert_frame_equal(after[before.columns], before)
        assert list(after.columns) == [*before.columns, *film_facts.FACTS]
        facts = described.set_index("path").loc[after["path"]]
        assert after["phash"].tolist() == facts["phash"].tolist()
        assert after["shift_logit"].tolist() == facts["shift_logit"].tolist()

    def test_a_second_time_changes_nothing(self, described, kept):
        first = film_facts.filled_in(kept, described, "model")
        pd.testing.assert_frame_equal(film_facts.filled_in(first, described, "model"), first)

    def test_what_is_not_known_stays_empty(self, described, kept):
        unknown = described.assign(shift_logit=np.nan)
        assert film_facts.filled_in(kept, unknown, "model")["shift_logit"].isna().all()

    @pytest.mark.parametrize("column", ["path", "sha256"])
    def test_a_film_that_is_another(self, described, kept, column):
        other = described.copy()
        other.loc[other.index[-1], column] = "other"
        with pytest.raises(DatasetError, match=r"1 film of model is .* same pixels\. The first: "):
            film_facts.filled_in(kept, other, "model")


def test_films_without_any_have_the_columns(described):
    assert list(film_facts.described(described.head(0)).columns) == list(described.columns)


def test_films_have_one_size_or_several():
    films = pd.DataFrame({"width": [8, 8], "height": [9, 9]})
    assert film_facts.one_size(films) == (8, 9)
    assert film_facts.one_size(films.assign(height=[9, 8])) is None
    assert film_facts.one_size(films.assign(height=[np.nan, np.nan])) is None
    assert film_facts.one_size(films.head(0)) is None
