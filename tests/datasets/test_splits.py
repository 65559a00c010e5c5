"""Holding films out; more on splits by patient stands in test_dataset."""

from __future__ import annotations

import pandas as pd
import pytest

from cxr.datasets.table import across_splits, balance, hold_out, split_by_patient


class TestHoldOut:
    def table(self, validation: int) -> pd.DataFrame:
        n = 200
        return pd.DataFrame(
            {
                "path": [f"{i}.png" for i in range(n)],
                "split": ["validation"] * validation + ["train"] * (n - validation),
                "label": ["normal", "pneumonia"] * (n // 2),
                "subtype": "",
                "patient": [f"p{i // 2}" for i in range(n)],
                "sha256": [f"{i:064}" for i in range(n)],
            }
        )

    def test_keeps_a_split_that_is_large_enough(self):
        table = self.table(20)
        assert hold_out(table, 0.1)["split"].tolist() == table["split"].tolist()

    def test_a_few_films_join_the_training_and_another_split_is_drawn(self):
        table = self.table(4)
        drawn = hold_out(table, 0.1, seed=1)
        assert (drawn["split"] == "validation").sum() == pytest.approx(20, abs=4)
        assert across_splits(drawn).empty
        assert (table["split"] == "validation").sum() == 4, "the table given was changed"

    def shared(self, table: pd.DataFrame, rows: int) -> pd.DataFrame:
        """The table with its first films, of validation, of patients whom train has too."""
        patients = table["patient"].tolist()
        return table.assign(patient=patients[-rows:] + patients[rows:])

    def test_films_of_patients_in_both_are_learned_from(self):
        said: list[str] = []
        table = self.shared(self.table(60), 4)
        held = hold_out(table, 0.1, say=said.append)
        assert held["split"].tolist() == ["train"] * 4 + table["split"].tolist()[4:]
        assert across_splits(held).empty
        assert "4 films" in said[0]
        assert "2 patients" in said[0]

    def test_films_of_equal_pixels_are_of_one_patient(self):
        table = self.table(60)
        table.loc[0, "sha256"] = table.loc[199, "sha256"]
        # All films of both patients go together.
        assert hold_out(table, 0.1)["split"].tolist()[:3] == ["train", "train", "validation"]

    def test_another_split_is_drawn_where_few_are_left(self):
        said: list[str] = []
        table = self.shared(self.table(20), 16)
        held = hold_out(table, 0.1, say=said.append)
        assert (held["split"] == "validation").sum() == pytest.approx(20, abs=4)
        assert across_splits(held).empty
        assert len(said) == 1


def test_films_of_no_known_patient_are_not_all_of_one():
    table = TestHoldOut().table(0).assign(patient="")
    drawn = split_by_patient(table, 0.2)
    assert (drawn["split"] == "validation").sum() == 40
    assert balance(table)["patients"].tolist() == [100, 100]
