"""Whether train can be told from test: the guess, its measure, and its figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxr import figures
from cxr.datasets.shift import (
    FEWEST,
    SIDE,
    shift,
    tell_apart,
)
from cxr.stats.curves import auc

COLUMNS = ["label", "auc", "low", "high", "train", "test", "note"]


def made(
    gap: float, *, each: int = 80, films: int = 2, label: str = "normal", seed: int = 0
) -> tuple[np.ndarray, pd.DataFrame]:
    """Thumbnails of train and test, `films` a patient; in test a corner is brighter by `gap`."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "path": [f"{label}{k}.png" for k in range(2 * each)],
            "split": ["train", "test"] * each,
            "label": label,
        }
    )
    # Films of a patient are next to each other within their split.
    table["patient"] = [f"{label}{k % 2}-{k // 2 // films}" for k in range(2 * each)]
    thumbnails = rng.normal(120, 15, (2 * each, SIDE, SIDE))
    thumbnails[:, :4, :4] += gap * (table["split"] == "test").to_numpy()[:, None, None]
    return thumbnails.clip(0, 255).astype(np.uint8), table


class TestTellApart:
    def test_splits_that_differ_are_told_apart_for_that_label_alone(self):
        (apart, first), (alike, second) = made(20), made(0, label="pneumonia", seed=1)
        table = pd.concat([first, second], ignore_index=True)
        logits = tell_apart(np.concatenate([apart, alike]), table)
        assert logits.name == "shift_logit"
        assert logits.notna().all()
        found = shift(table.assign(shift_logit=logits)).set_index("label")
        assert found.loc["normal", "auc"] > 0.95
        assert found.loc["pneumonia", "low"] < 0.5

    def test_no_film_is_guessed_by_a_model_that_saw_its_patient(self):
        """Nothing but the patient can be known here: seen, it would give the split away."""
        rng = np.random.default_rng(4)
        _, table = made(0, each=120, films=6)
        faces = rng.integers(0, 255, (table["patient"].nunique(), SIDE, SIDE))
        person = pd.factorize(table["patient"])[0]
        thumbnails = faces[person].astype(np.uint8)
        side = (table["split"] == "test").astype(int)
        assert auc(tell_apart(thumbnails, table), side)[0] < 0.75
        loose = table.assign(patient=table["path"])
        assert auc(tell_apart(thumbnails, loose), side)[0] > 0.9

    def test_validation_counts_as_train_and_other_splits_not_at_all(self):
        thumbnails, table = made(20)
        as_train = tell_apart(thumbnails, table)
        table.loc[table.index[:40:2], "split"] = "validation"
        pd.testing.assert_series_equal(tell_apart(thumbnails, table), as_train)
        table.loc[1, "split"] = "abroad"
        assert np.isnan(tell_apart(thumbnails, table)[1])
        assert tell_apart(thumbnails, table).notna().sum() == len(table) - 1

    def test_two_splits_of_ones_own(self):
        thumbnails, table = made(20)
        table["split"] = table["split"].replace({"train": "validation", "test": "train"})
        logits = tell_apart(thumbnails, table, splits=("validation", "train"))
        assert auc(logits, table["split"] == "train")[0] > 0.95

    def test_same_seed_same_logits_and_the_tables_own_index(self):
        thumbnails, table = made(5)
        table.index = table.index + 100
        one = tell_apart(thumbnails, table, seed=1)
        assert one.index.equals(table.index)
        pd.testing.assert_series_equal(one, tell_apart(thumbnails, table, seed=1))
        assert not one.equals(tell_apart(thumbnails, table, seed=2))

    @pytest.mark.parametrize("each", [FEWEST - 1, FEWEST])
    def test_too_few_films_are_not_guessed(self, each):
        thumbnails, table = made(20, each=each, films=1)
        assert tell_apart(thumbnails, table).notna().all() == (each == FEWEST)

    def test_too_few_patients_are_not_guessed(self):
        thumbnails, table = made(20, each=40, films=10)
        assert tell_apart(thumbnails, table).isna().all()

    def test_films_of_no_known_patient_are_guessed(self):
        thumbnails, table = made(20)
        assert tell_apart(thumbnails, table.assign(patient="")).notna().all()

    def test_without_a_test_split_nothing_is_guessed(self):
        thumbnails, table = made(20)
        assert tell_apart(thumbnails, table.assign(split="")).isna().all()

    def test_other_thumbnails_are_refused(self):
        thumbnails, table = made(0)
        with pytest.raises(ValueError, match=r"\(160, 16, 16\)\. Received: \(159, 16, 16\)"):
            tell_apart(thumbnails[1:], table)


class TestShift:
    def table(self, logits: list[float], splits: list[str], label: str = "normal") -> pd.DataFrame:
        return pd.DataFrame({"label": label, "split": splits, "shift_logit": logits})

    def test_is_the_auc_with_its_interval_and_numbers(self):
        rng = np.random.default_rng(0)
        side = np.repeat([0, 1], [60, 40])
        logits = rng.normal(side, 1)
        splits = ["train"] * 30 + ["validation"] * 30 + ["test"] * 40
        found = shift(self.table(list(logits), splits))
        assert list(found.columns) == COLUMNS
        (row,) = found.to_dict("records")
        value, interval = auc(logits, side)
        assert (row["auc"], (row["low"], row["high"])) == (value, interval)
        assert (row["train"], row["test"]) == (60, 40)

    @pytest.mark.parametrize(
        ("gap", "note"),
        [
            (0, "not told apart"),
            (0.4, "told apart a little"),
            (1.2, "told apart often"),
            (3, "told apart nearly always, as films of different sources are"),
        ],
    )
    def test_says_it_in_words(self, gap, note):
        even = np.linspace(-1.5, 1.5, 100)
        table = self.table([*even, *(even + gap)], ["train"] * 100 + ["test"] * 100)
        assert shift(table)["note"].tolist() == [note]

    def test_too_few_films_have_no_auc(self):
        table = self.table([0.0] * 50, ["train"] * 40 + ["test"] * 10)
        (row,) = shift(table).to_dict("records")
        assert np.isnan([row["auc"], row["low"], row["high"]]).all()
        assert (row["train"], row["test"], row["note"]) == (40, 10, "too few")

    def test_normal_comes_first(self):
        many = {"splits": ["train"] * 30 + ["test"] * 30}
        tables = [self.table([0.0] * 60, label=x, **many) for x in ("asthma", "normal")]
        assert shift(pd.concat(tables))["label"].tolist() == ["normal", "asthma"]

    @pytest.mark.parametrize("split", ["", "train", "test"])
    def test_of_one_split_is_empty(self, split):
        found = shift(self.table([0.0] * 50, [split] * 50))
        assert found.empty
        assert list(found.columns) == COLUMNS

    def test_wants_the_column(self):
        with pytest.raises(ValueError, match=r"column shift_logit\. Received: columns label"):
            shift(pd.DataFrame({"label": ["normal"]}))


class TestFigure:
    FOUND = pd.DataFrame(
        [
            ("normal", 0.92, 0.9, 0.94, 1349, 234, "told apart nearly always"),
            ("pneumonia", 0.64, 0.61, 0.67, 3883, 390, "told apart a little"),
            ("asthma", np.nan, np.nan, np.nan, 9, 2, "too few"),
        ],
        columns=COLUMNS,
    )

    @pytest.mark.parametrize("theme", ["dark", "light"])
    def test_shows_each_label_with_its_interval_beside_one_half(self, theme):
        figure = figures.split_shift(self.FOUND, theme=theme)
        assert figure.layout.title.subtitle.text == "AUC of normal 0.92, pneumonia 0.64"
        (marks,) = figure.data
        assert list(marks.y) == ["normal", "pneumonia"]
        assert list(marks.x) == [0.92, 0.64]
        assert list(marks.error_x.array) == pytest.approx([0.02, 0.03])
        assert list(marks.error_x.arrayminus) == pytest.approx([0.02, 0.03])
        (half,) = figure.layout.shapes
        assert (half.x0, half.x1) == (0.5, 0.5)
        assert figure.layout.xaxis.range[0] <= 0.4

    def test_has_nothing_to_draw_without_films(self):
        with pytest.raises(ValueError, match="Expected a label with an AUC"):
            figures.split_shift(self.FOUND.tail(1))
        with pytest.raises(ValueError, match="Expected a theme of dark, light"):
            figures.split_shift(self.FOUND, theme="sepia")
