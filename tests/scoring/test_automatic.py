"""Films read by the default model of every finding that their patient's age allows."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from cxr.films.notes import Note
from cxr.films.radiograph import Radiograph
from cxr.scoring import automatic
from cxr.scoring.gate import LATERAL
from cxr.scoring.predict import Prediction
from cxr.scoring.refusal import Refusal
from tests.conftest import chest_like, film_like, png


def aged(seed: int, age: float | None) -> Radiograph:
    return dataclasses.replace(film_like(seed, ill=True), age=age, format="dicom")


def a_prediction(score: float | None, band: str | None = None, **changes: object) -> Prediction:
    known = {"operating_point": "a", "threshold": 0.5, "refusal": None, "model": "m"}
    return Prediction(score, score, band, **(known | {"model_sha256": "0" * 64} | changes))


class TestPredict:
    @pytest.mark.parametrize(
        ("age", "scored"),
        [
            (4.0, ["pneumonia"]),
            (64.0, ["tuberculosis"]),
            (None, ["pneumonia", "tuberculosis"]),
            (12.0, []),
        ],
    )
    def test_the_age_says_for_which_findings_a_film_is_read(self, two_models, age, scored):
        (row,) = automatic.predict(two_models, [aged(1, age)], heatmaps=True)
        assert list(row) == ["pneumonia", "tuberculosis"]
        for finding, prediction in row.items():
            assert prediction.model == f"{finding}-made"
            assert (prediction.score is not None) == (finding in scored)
            assert (prediction.heatmap is not None) == (finding in scored)
            assert (prediction.refusal is None) == (finding in scored)
            if finding not in scored:
                assert prediction.refusal.code == "age"
            assert (Note.AGE_UNKNOWN in prediction.notes) == (age is None)

    def test_each_score_is_that_of_the_model_alone(self, two_models):
        films = [aged(seed, age) for seed, age in enumerate((3.0, None, 50.0, 12.0, None))]
        rows = automatic.predict(two_models, films)
        for film, row in zip(films, rows, strict=True):
            for model in two_models:
                alone, together = model.predict(film), row[model.card.finding]
                assert together.refusal == alone.refusal
                assert together.score == pytest.approx(alone.score, abs=1e-4)
                assert together.band == alone.band

    def test_what_is_no_film_is_refused_for_every_finding(self, two_models):
        blank = Radiograph(np.full((200, 200), 0.5, np.float32))
        (row,) = automatic.predict(two_models, [blank])
        assert {prediction.refusal.code for prediction in row.values()} == {"blank"}

    def test_the_gate_judges_a_film_once(self, two_models, monkeypatch):
        """By the first model that reads it; the second network does not see what is refused."""
        judged: list[str] = []

        def learned(bundle, films, features):
            judged.extend(bundle.card.finding for _ in films)
            return [Refusal("lateral", LATERAL) if film.age is None else None for film in films]

        monkeypatch.setattr("cxr.scoring.predict._learned", learned)
        for model in two_models:
            monkeypatch.setitem(model.__dict__, "judge", (model, None))
        films = [aged(1, None), aged(2, 3.0), aged(3, 60.0)]
        unknown, child, adult = automatic.predict(two_models, films)
        assert judged == ["pneumonia", "pneumonia", "tuberculosis"]
        assert {prediction.refusal.code for prediction in unknown.values()} == {"lateral"}
        assert child["pneumonia"].score is not None
        assert adult["tuberculosis"].score is not None

    def test_a_refusal_is_overridden_for_one_finding(self, two_models):
        films = [aged(1, 64.0), aged(2, 64.0)]
        rows = automatic.predict(two_models, films, overridden={"pneumonia": [1]})
        assert rows[0]["pneumonia"].score is None
        assert rows[1]["pneumonia"].overridden
        assert rows[1]["pneumonia"].refusal.code == "age"

    def test_one_model_is_as_without(self, two_models):
        (row,) = automatic.predict(two_models[:1], [aged(1, None)], operating_point="fixed-0.6")
        (prediction,) = row.values()
        assert prediction.threshold == 0.6
        assert prediction.notes == ()

    def test_an_unknown_operating_point(self, two_models):
        with pytest.raises(ValueError, match="nope"):
            automatic.predict(two_models, [aged(1, None)], operating_point="nope")


class TestFiles:
    def test_each_file_has_a_prediction_for_each_finding(self, two_models, tmp_path):
        for k in range(2):
            (tmp_path / f"{k}.png").write_bytes(png(chest_like(k)))
        (tmp_path / "damaged.png").write_bytes(b"no film")
        told: list[tuple[float, float]] = []
        rows = list(
            automatic.predict_files(
                two_models, sorted(tmp_path.iterdir()), progress=lambda *a: told.append(a)
            )
        )
        assert [path.name for path, _, _ in rows] == ["0.png", "1.png", "damaged.png"]
        assert [len(row) for _, _, row in rows] == [2, 2, 2]
        assert rows[2][1] is None
        assert {p.refusal.code for p in rows[2][2].values()} == {"unreadable"}
        assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


class TestRank:
    def test_the_band_comes_first_then_how_far_from_the_operating_point(self):
        ranked = [
            a_prediction(0.95, "above", threshold=0.9),
            a_prediction(0.40, "near", threshold=0.1),
            a_prediction(0.52, "near"),
            a_prediction(0.45, "below", threshold=0.5),
            a_prediction(0.02, "below", threshold=0.04),
            a_prediction(None),
        ]
        ranks = [automatic.rank(prediction) for prediction in ranked]
        assert sorted(ranks) == ranks
        assert len(set(ranks)) == len(ranks)

    def test_of_one_model_the_order_is_that_of_the_scores(self):
        scores = np.linspace(0, 1, 41)
        bands = np.select([scores > 0.7, scores >= 0.4], ["above", "near"], "below")
        predictions = [a_prediction(s, b) for s, b in zip(scores, bands, strict=True)]
        in_order = sorted(predictions, key=automatic.rank)
        assert in_order == predictions[::-1]

    @pytest.mark.parametrize("threshold", [0.0, 1.0])
    def test_a_threshold_at_the_end(self, threshold):
        for score in (0.0, 1.0):
            automatic.rank(a_prediction(score, "near", threshold=threshold))

    def test_what_a_film_is_ranked_by(self):
        age, lateral = (
            a_prediction(None, refusal=Refusal(code, "")) for code in ("age", "lateral")
        )
        low = a_prediction(0.1, "below")
        assert automatic.leading([age, low]) is low
        assert automatic.leading([age, lateral]) is lateral
        assert automatic.leading([age]) is age


class TestDefaults:
    def test_one_of_each_finding(self, two_models):
        folder = two_models[0].folder.parent
        cards = automatic.default_cards(folder)
        assert [card.name for card in cards] == ["pneumonia-made", "tuberculosis-made"]

    def test_a_finding_without_a_default_is_left_out(self, two_models, tmp_path):
        (tmp_path / "defaults.json").write_text(json.dumps({"pneumonia": "gone"}))
        assert automatic.default_cards(tmp_path) == []
