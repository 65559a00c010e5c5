"""Holding films out; more on splits by patient stands in test_dataset."""

from __future__ import annotations

import pandas as pd
import pytest

from cxr.datasets.table import across_splits, hold_out


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
