from __future__ import annotations

import csv
import math
from types import SimpleNamespace

import numpy as np
import pytest

from cxr.films.dicom_words import OTHER
from cxr.films.radiograph import Radiograph, read
from cxr.scoring.bundle import available
from cxr.scoring.refusal import MAX_SATURATED, MIN_SPAN, check
from tests.film_files import scene

FILM = (scene(256, 320, 65535) / 65535).astype(np.float32)


def code(pixels=FILM, **facts) -> str | None:
    refusal = check(Radiograph(pixels, **facts))
    return refusal.code if refusal else None


def test_an_ordinary_film_passes():
    assert check(Radiograph(FILM)) is None
    facts = {"modality": "DX", "body_part": "CHEST", "view": "PA", "age": 4.0, "sex": "F"}
    assert check(Radiograph(FILM, **facts)) is None


def test_reasons_are_sentences_that_say_what_is_needed():
    small = check(Radiograph(FILM[:80, :96]))
    assert small is not None
    assert small.reason == (
        "The picture is 96 x 80 pixels; a film needs at least 128 on each side."
    )
    ct = check(Radiograph(FILM, modality="CT"))
    assert ct is not None
    assert ct.reason == (
        "The file says that it is CT (computed tomography); only radiographs (CR, DR, DX, RG) are "
        "read."
    )
    for facts in ({"modality": "OT"}, {"body_part": "HAND"}, {"view": "LL"}):
        refusal = check(Radiograph(FILM, **facts))
        assert refusal is not None
        assert next(iter(facts.values())) in refusal.reason
        assert refusal.reason.endswith(".")
    for pixels in (FILM * 0, (FILM > 0.5).astype(np.float32)):
        refusal = check(Radiograph(pixels))
        assert refusal is not None
        assert "%" in refusal.reason
        assert refusal.reason.endswith(".")


def test_what_is_for_processing_is_no_film_yet():
    assert code(intent="FOR PROCESSING", modality="DX") == "for_processing"
    assert code(intent="FOR PRESENTATION", modality="DX") is None


@pytest.mark.parametrize(
    ("height", "width", "want"),
    [(127, 300, "too_small"), (200, 127, "too_small"), (128, 128, None)],
)
def test_size(height, width, want):
    assert code(FILM[:height, :width]) == want


@pytest.mark.parametrize("modality", ["CR", "DR", "DX", "RG", "CR\\DX", None])
def test_radiographs_pass(modality):
    assert code(modality=modality) is None


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "PX", "OT", "SR"])
def test_other_modalities(modality):
    assert code(modality=modality) == "modality"


@pytest.mark.parametrize(
    "part",
    [
        *(None, "", "CHEST", "THORAX", "LUNG", "LUNGS", "RIBCAGE", "RIB", "RIBS", "HEART"),
        *("CHEST PA", "PORT CHEST", "CHEST_AP", "TORAX", "CHESTABDOMEN", "UNKNOWN", "BODY", "-"),
        *("TÓRAX", "TORACE", "POUMONS", "胸部", "ГРУДНАЯ КЛЕТКА"),
    ],
)
def test_the_chest_by_any_name(part):
    assert code(body_part=part) is None


@pytest.mark.parametrize(
    "part", ["HAND", "SKULL", "EXTREMITY", "HIP", "ABDOMEN", "KNEE", "TSPINE", "THORACIC SPINE"]
)
def test_other_parts(part):
    assert code(body_part=part) == "not_chest"


@pytest.mark.parametrize(
    "view", ["LL", "RL", "LATERAL", "LAT", "L LAT", "LLD", "RLO", "LEFT LATERAL"]
)
def test_views_from_the_side(view):
    assert code(view=view) == "lateral"


@pytest.mark.parametrize("view", [None, "PA", "AP", "AP SUPINE", "PORTABLE", ""])
def test_frontal_views(view):
    assert code(view=view) is None


@pytest.mark.parametrize("field", ["modality", "body_part", "view"])
@pytest.mark.parametrize("text", ["MUSTERMANN ERIKA", "![x](http://a.b/c)", "<b>x</b>", "A" * 999])
def test_no_reason_quotes_what_is_none_of_the_terms(field, text):
    refusal = check(Radiograph(FILM, **{field: text}))
    if field == "view":
        assert refusal is None  # it may be frontal
        return
    assert refusal is not None
    assert OTHER in refusal.reason
    assert text not in refusal.reason
    assert len(refusal.reason) < 200


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_blank(level):
    blank = np.full_like(FILM, level)
    assert code(blank) == "blank"
    speckled = blank.copy()
    speckled[3, :40] = 1 - level  # a letter or two do not make a film
    assert code(speckled) == "blank"


def test_just_enough_contrast():
    span = np.subtract(*np.percentile(FILM, [99, 1]))
    faint = 0.4 + FILM * (MIN_SPAN / span)
    assert code(faint * 0.99) == "blank"
    assert code(0.4 + FILM * (1.05 * MIN_SPAN / span)) is None


def test_exposure():
    order = np.argsort(FILM, axis=None).argsort().reshape(FILM.shape) / FILM.size
    for white in (0.0, 0.5, 1.0):
        for share, want in ((MAX_SATURATED + 0.02, "exposure"), (MAX_SATURATED - 0.02, None)):
            film = 0.1 + 0.8 * FILM
            film[order < share * (1 - white)] = 0
            film[order >= 1 - share * white] = 1
            assert code(film.astype(np.float32)) == want


def test_the_order_of_the_rules():
    blank = np.zeros((100, 100), np.float32)
    facts = {"modality": "CT", "body_part": "HAND", "view": "LL"}
    assert code(blank, **facts) == "too_small"
    assert code(np.zeros_like(FILM), **facts) == "modality"
    assert code(np.zeros_like(FILM), body_part="HAND", view="LL") == "not_chest"
    assert code(np.zeros_like(FILM), view="LL") == "lateral"


class TestAge:
    CHILDREN = SimpleNamespace(ages=(1.0, 6.0), population="children of 1 to 5 years")

    def of(self, age: float | None, card: object = CHILDREN):
        return check(Radiograph(FILM, age=age), card)

    @pytest.mark.parametrize("age", [1.0, 3.5, 5.99, None])
    def test_inside_the_population_or_not_told(self, age):
        assert self.of(age) is None

    @pytest.mark.parametrize(
        ("age", "words"),
        [(0.0, "0 months"), (0.5, "6 months"), (0.99, "11 months"), (6.0, "6 years"), (81.0, "81")],
    )
    def test_outside_it(self, age, words):
        refusal = self.of(age)
        assert refusal.code == "age"
        assert words in refusal.reason
        assert refusal.reason.endswith("; the model reads children of 1 to 5 years.")

    def test_without_a_model_there_is_no_rule(self):
        assert self.of(81.0, None) is None

    def test_the_shipped_models_know_theirs(self):
        ages = {card.finding: card.ages for card in available()}
        assert ages == {"pneumonia": (1, 6), "tuberculosis": (18, math.inf)}


@pytest.mark.data
@pytest.mark.parametrize("folder", ["kermany", "nih", "tuberculosis"])
def test_real_films_pass(data_dir, folder):
    with (data_dir / folder / "manifest.csv").open() as rows:
        paths = [row["path"] for row in csv.DictReader(rows)]
    paths = paths[:: len(paths) // 100]
    refused = [path for path in paths if check(read(data_dir / folder / path))]
    assert len(refused) <= len(paths) // 200


@pytest.mark.data
def test_real_files_that_say_what_they_are(data_dir):
    want = {
        "chest/AIHCND_C2_Starter_test4.dcm": None,
        "chest/AIHCND_C2_Starter_test5.dcm": "modality",
        "chest/dwv_data_gdcm-CR-MONO1-10-chest.dcm": None,
        "chest/pylibjpeg-data_JPEG2000Lossless_JPEG2KLossless_1s_1f_u_16_16.dcm": "blank",
        "non_chest/dicom-test-files_RLE_RG2_RLE": "not_chest",
        "non_chest/vradtrain_test1.dcm": "modality",
    }
    refusals = {name: check(read(data_dir / "dicom" / name)) for name in want}
    assert {name: refusal and refusal.code for name, refusal in refusals.items()} == want
