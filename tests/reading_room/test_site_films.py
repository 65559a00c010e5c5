"""A site's films: scored, described, let go."""

import io

import numpy as np
import pytest
from PIL import Image

from cxr.films.statistics import STATISTICS
from cxr.reading_room.scorer import Scorer
from cxr.reading_room.site_films import PREVIEW, SiteFilms
from cxr.site.truth import guess_columns, guess_meanings, labels_of, match, read_truth
from tests.conftest import chest_like, png
from tests.film_files import dicom
from tests.reading_room.test_worklist import BLANK, zipped


@pytest.fixture
def films(made_bundle) -> SiteFilms:
    films = SiteFilms(made_bundle)
    names = {f"site/{k}.png": png(chest_like(k, ill=k % 2 == 0)) for k in range(6)}
    films.add("films.zip", zipped(names))
    films.add("blank.png", BLANK)
    films.add("text.png", b"no film")
    scorer = Scorer(films)
    scorer.start()
    assert scorer.join(60)
    assert not scorer.error
    return films


def test_films_are_let_go_once_they_have_their_score(films):
    assert not films.waiting
    # What stays is counted as other lists' films are.
    assert 0 < films.size <= sum(len(e.preview) + len(e.thumbnail) for e in films.entries)
    for entry in films.entries:
        assert entry.source == b""
        assert all(a.prediction.heatmap is None for a in entry.assessments.values())


def test_what_is_kept_is_a_small_picture_and_what_is_compared(films, made_bundle):
    table = films.table()
    scored = table[table["score"].notna()]
    assert len(table) == 8
    assert len(scored) == 6
    assert scored[list(STATISTICS)].notna().all().all()
    assert scored["phash"].str.fullmatch("[0-9a-f]{64}").all()
    assert set(scored["width"]) == {160}
    picture = Image.open(io.BytesIO(films.entries[0].preview))
    assert max(picture.size) <= PREVIEW
    again = made_bundle.card.calibration.score(scored["logit"])
    assert np.allclose(again, scored["score"])


def test_refused_films_are_counted_by_their_reason(films):
    assert sum(films.refusals.values()) == 2
    table = films.table()
    assert (table["refusal"] != "").sum() == 2
    assert table.loc[table["refusal"] != "", "score"].isna().all()


def test_a_second_part_comes_after_the_first_was_let_go(films):
    before, more = films.size, png(chest_like(50))
    films.begin_upload()
    films.add("more.png", more)
    assert films.size == before + len(more)
    scorer = Scorer(films)
    scorer.start()
    assert scorer.join(60)
    assert before < films.size < before + len(more)
    assert films.table()["score"].notna().sum() == 7


def test_a_spreadsheet_finds_the_films(films, made_bundle):
    lines = [f"site/{k}.png,{'positive' if k % 2 == 0 else 'negative'}" for k in range(6)]
    sheet = read_truth("\n".join(["file,label", *lines]).encode(), "truth.csv")
    columns = guess_columns(sheet, films.keys, finding=made_bundle.card.finding)
    meanings = guess_meanings(labels_of(sheet, columns), made_bundle.card.finding)
    matched = match(sheet, columns, meanings, films.keys)
    assert matched.films["film"].tolist() == list(range(6))
    assert matched.films["truth"].tolist() == [1, 0] * 3


def test_a_long_name_is_matched_as_it_came(made_bundle):
    films = SiteFilms(made_bundle)
    name = "a" * 200 + ".png"
    films.add(name, png(chest_like(0)))
    assert films.keys[0].name == name


def test_a_dicom_film_has_what_a_sheet_may_name_it_by(made_bundle):
    films = SiteFilms(made_bundle)
    films.add("IM1", dicom(np.full((64, 64), 90, np.uint8), AccessionNumber="A123"))
    key = films.keys[0]
    assert key.accession
    assert "A123" not in repr(key)
