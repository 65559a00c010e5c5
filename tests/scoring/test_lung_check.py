"""What the lungs of a film say of it, and what comes of that in a prediction."""

from __future__ import annotations

import json

import numpy as np
import pytest

import cxr.scoring.lung_check as module
import cxr.scoring.predict
from cxr.films.notes import Note
from cxr.lungs.once import Look
from cxr.lungs.segment import CUT_OFF, KIND, NO_LUNGS, ONE_LUNG, SMALL, UNSURE, Lungs, Search
from cxr.lungs.zones import Sides
from cxr.scoring.automatic import predict as predict_all
from cxr.scoring.lung_check import LungCheck, lung_check
from cxr.scoring.predict import predict
from cxr.scoring.refusal import Refusal
from tests.conftest import ROOT, film_like

FILM = film_like(1)


def lungs(*remarks):
    side = np.ones((8, 8), bool)
    return Search(Lungs(Sides(side, side), 0.97, remarks), None)


@pytest.fixture
def look(monkeypatch, tmp_path):
    """Set what the network sees, by calling it."""
    (tmp_path / KIND).mkdir()

    def see(search, turns=0):
        monkeypatch.setattr(module, "look_once", lambda film, models: Look(search, turns))
        return lung_check(FILM, tmp_path)

    return see


def test_a_film_with_two_lungs_passes_and_nothing_is_said(look):
    assert look(lungs()) == LungCheck()


@pytest.mark.parametrize("remark", [NO_LUNGS, UNSURE])
def test_without_lungs_a_film_is_refused(look, remark):
    assert look(Search(None, remark)).refusal.code == "no_lungs"


@pytest.mark.parametrize(
    ("turns", "word"), [(1, "90 degrees counterclockwise"), (2, "180"), (3, "90 degrees clockwise")]
)
def test_a_turned_film_is_refused_with_the_way_back(look, turns, word):
    for search in (lungs(), Search(None, NO_LUNGS)):
        refusal = look(search, turns).refusal
        assert refusal.code == "turned"
        assert word in refusal.reason


def test_one_lung_and_small_lungs_are_noted_and_a_cut_one_is_not(look):
    assert look(lungs(ONE_LUNG, SMALL, CUT_OFF)) == LungCheck(
        None, (Note.ONE_LUNG, Note.SMALL_LUNGS)
    )


def test_models_without_a_lung_network_are_as_before(tmp_path):
    assert lung_check(FILM, tmp_path) == LungCheck()


def test_a_damaged_network_is_noted_and_does_not_stop_the_scoring(tmp_path):
    (tmp_path / KIND).mkdir()
    assert lung_check(FILM, tmp_path) == LungCheck(None, (Note.LUNGS_UNCHECKED,))


@pytest.fixture
def checked(monkeypatch):
    """Set what the check says of the films that it is asked for, by their order."""

    def say(*answers):
        films = iter(answers)
        seen: dict = {}

        def check(film, models):
            return seen.setdefault(film, next(films, LungCheck()))

        monkeypatch.setattr(cxr.scoring.predict, "lung_check", check)

    return say


NOTHING, TURNED = LungCheck(module.NO_LUNGS), LungCheck(Refusal("turned", "Turn it."))


def test_a_film_without_lungs_has_no_score_and_the_others_keep_theirs(made_bundle, checked):
    films = [film_like(seed) for seed in range(4)]
    checked(*4 * [LungCheck()])
    before = predict(made_bundle, films)
    checked(LungCheck(), NOTHING, LungCheck(notes=(Note.ONE_LUNG,)), TURNED)
    after = predict(made_bundle, films)
    assert [p.refusal and p.refusal.code for p in after] == [None, "no_lungs", None, "turned"]
    assert [p.score for p in after] == [before[0].score, None, before[2].score, None]
    rows = [p.row("x.png") for p in after]
    assert rows[1]["refusal_code"] == "no_lungs"
    assert rows[1]["score"] is None
    assert rows[2]["notes"] == "one_lung"
    assert rows[0]["notes"] is None


def test_a_reader_may_have_it_scored_all_the_same(made_bundle, checked):
    checked(NOTHING)
    (prediction,) = predict(made_bundle, [FILM], overridden={0})
    assert prediction.score is not None
    assert prediction.overridden


def test_what_the_learned_gate_refuses_keeps_its_reason_unless_it_is_turned(
    made_bundle, checked, monkeypatch
):
    other = Refusal("not_chest", "A hand.")
    monkeypatch.setattr(
        cxr.scoring.predict, "_learned", lambda bundle, films, features: [other] * len(films)
    )
    checked(NOTHING, TURNED)
    said = predict(made_bundle, [film_like(1), film_like(2)])
    assert [prediction.refusal.code for prediction in said] == ["not_chest", "turned"]
    checked(LungCheck(notes=(Note.ONE_LUNG,)))
    (prediction,) = predict(made_bundle, [film_like(3)])
    assert prediction.notes == ()


def test_all_findings_have_the_note(two_models, checked):
    checked(LungCheck(notes=(Note.SMALL_LUNGS,)))
    (row,) = predict_all(two_models, [FILM])
    assert all(Note.SMALL_LUNGS in prediction.notes for prediction in row.values())


ROWS = json.loads((ROOT / "models" / KIND / "card.json").read_text())["gate"]
FRONTAL = [row for row in ROWS if row["kind"] == "frontal"]


@pytest.mark.parametrize("row", FRONTAL, ids=lambda row: row["films"])
def test_the_measured_rates_allow_what_the_gate_does(row):
    # A film of a set that does lie on its side is refused rightly, and counts here all the same.
    assert row["newly"] <= 0.005 * row["n"]
    assert row["one_lung"] + row["small_lungs"] <= 0.02 * row["n"]
    if "turned_films" in row:
        told = row["turned_films"]
        assert min(told["refused"].values()) >= 0.9 * told["n"]


def test_no_test_film_is_newly_refused_and_all_were_looked_at():
    (tested,) = (row for row in FRONTAL if row["films"] == "kermany test")
    assert tested["n"] == 624
    assert tested["newly"] == tested["no_lungs"] == tested["turned"] == 0


def test_pictures_of_other_things_have_no_lungs_for_the_most_part():
    others = {row["films"]: row for row in ROWS if row["kind"] == "other"}
    for name in ("bone_xray", "fruit", "sample_photos"):
        assert others[name]["no_lungs"] + others[name]["turned"] >= 0.5 * others[name]["n"]
