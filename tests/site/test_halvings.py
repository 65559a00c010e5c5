"""Halving films again and again, on made scores."""

import json

import numpy as np
import pandas as pd
import pytest

from cxr.scoring.bundle import Bundle
from cxr.site import halvings as module
from cxr.site.halvings import halvings


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return Bundle.load("tuberculosis-efficientnet-lite0")


def drawn(n: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.arange(n) % 2)
    return rng.normal(apart * (truth - 0.5)), truth


def test_promises_hold_on_the_other_half(bundle):
    figures = halvings(*drawn(800, 4.0), bundle, rounds=20)
    assert figures["films"] == 800
    # Both halves are drawn: an interval of 95 % holds it in about 84 of 100.
    assert figures["site"]["interval_of_sensitivity_holds_95"] >= 0.5
    assert figures["site"]["sensitivity_mean"] == pytest.approx(0.95, abs=0.02)
    band = figures["band"]["0.95"]
    assert band["below_promised"] > 0.9
    assert band["npv_mean"] >= 0.95
    assert band["ppv_mean"] >= 0.95
    assert 0 <= band["width_mean"] < 0.5
    assert set(figures["card"]) == {point.name for point in bundle.card.operating_points}


def test_few_films_promise_no_band_and_that_is_said(bundle):
    band = halvings(*drawn(80, 2.0), bundle, rounds=3)["band"]["0.95"]
    assert band["below_promised"] == 0
    assert band["npv_mean"] is None
    assert band["width_mean"] == 1


def test_the_same_seed_gives_the_same_figures(bundle):
    films = drawn(120, 3.0)
    assert halvings(*films, bundle, rounds=2) == halvings(*films, bundle, rounds=2)


def test_scores_that_were_kept_are_not_made_again(tmp_path, capsys):
    logits, truth = drawn(120, 3.0)
    table = pd.DataFrame({"path": "a", "truth": truth, "logit": logits, "refusal": ""})
    table.loc[0, ["logit", "refusal"]] = [np.nan, "screenshot"]
    table.to_csv(tmp_path / "scores.csv", index=False)
    module.main(
        [
            *("tuberculosis-efficientnet-lite0", "--data", str(tmp_path)),
            *("--scores", str(tmp_path / "scores.csv"), "--rounds", "2"),
        ]
    )
    figures = json.loads(capsys.readouterr().out)
    assert figures["films"] == 119
    assert figures["refused"] == {"films": 1, "codes": {"screenshot": 1}}
