"""A split never tears a patient, nor two films with equal pixels."""

from __future__ import annotations

import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cxr.datasets.splits import split_by_patient

films = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["normal", "pneumonia"]), st.integers(0, 400)),
    min_size=40,
    max_size=120,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(films, st.sampled_from([0.1, 0.2, 0.25, 0.4, 0.5]), st.integers(0, 5))
def test_by_patient(rows: list[tuple[int, str, int]], fraction: float, seed: int) -> None:
    table = pd.DataFrame(rows, columns=["patient", "label", "sha256"])
    table["patient"] = "p" + table["patient"].astype(str)
    table["sha256"] = "h" + table["sha256"].astype(str)
    table["path"] = [f"{i}.png" for i in range(len(table))]
    table["split"], table["subtype"] = "train", ""
    # With fewer patients than folds there is nothing to deal.
    assume(table["patient"].nunique() >= 20)
    made = split_by_patient(table, fraction, seed=seed)
    assert made["path"].tolist() == table["path"].tolist()
    assert set(made["split"]) <= {"train", "validation"}
    for key in ("patient", "sha256"):
        assert (made.groupby(key)["split"].nunique() == 1).all()
