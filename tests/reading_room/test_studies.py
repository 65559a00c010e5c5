"""Rows of the list: which films are one study, which studies are earlier ones of a patient."""

from __future__ import annotations

from datetime import date, time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.films.identity import Identity
from cxr.model import Model
from cxr.reading_room.entry import BANDS, Assessment, Entry
from cxr.reading_room.studies import ORDERS, Study, Wanted, ordered, priors, studies, to_hang
from cxr.reading_room.worklist import Worklist
from cxr.scoring.predict import Prediction
from cxr.scoring.refusal import Refusal
from tests.conftest import chest_like, png
from tests.film_files import dicom

LATERAL = Refusal("lateral", "The view is LL.")
FINDINGS = ("pneumonia", "tuberculosis")


def said(score: float | None, refusal: Refusal | None = None) -> Prediction:
    band = None if score is None else "above" if score > 0.6 else "near" if score > 0.4 else "below"
    return Prediction(score, 0.0, band, "sensitivity-95", 0.5, refusal, "m", "0" * 64)


def film(number: int, *scores: float | None, who: Identity | None = None, **facts) -> Entry:
    """A film with these scores, None for a refusal; without any it waits."""
    entry = Entry(number, facts.pop("name", f"film-{number}.png"), b"x", **facts)
    entry.identity = who or Identity()
    entry.assessments = {finding: Assessment() for finding in FINDINGS[: len(scores) or 1]}
    for assessment, score in zip(entry.assessments.values(), scores, strict=False):
        refused = Refusal("age", "Too old.") if score is None else None
        assessment.prediction = said(score, LATERAL if refused and entry.view == "LL" else refused)
    return entry


def of(patient: str | None, study: str | None, day: int = 0, hour: int | None = None) -> Identity:
    when = date(2024, 1, day) if day else None
    return Identity(patient, study, when, None if hour is None else time(hour))


keys = st.sampled_from([None, "a", "b", "c"])
films = st.lists(
    st.builds(
        lambda patient, study, day, hour, score, view, joined: (
            of(patient, study, day, hour), score, view, 0 if study else joined
        ),
        keys, keys, st.integers(0, 4), st.none() | st.integers(0, 2),
        st.none() | st.floats(0, 1), st.sampled_from([None, "PA", "LL"]), st.integers(0, 2),
    ),
    max_size=12,
)  # fmt: skip


def made(drawn) -> list[Entry]:
    return [
        film(number, score, who=who, view=view, joined=joined)
        for number, (who, score, view, joined) in enumerate(drawn, 1)
    ]


@given(films)
@settings(max_examples=150, deadline=None)
def test_every_film_is_in_one_row_and_no_row_mixes_patients(drawn) -> None:
    entries = made(drawn)
    rows = studies(entries)
    assert sorted(e.number for row in rows for e in row.entries) == [e.number for e in entries]
    for row in rows:
        assert len({(e.identity.patient_key, e.identity.study_key) for e in row.entries}) == 1 or (
            row.joined
        )
        numbers = [e.number for e in row.entries]
        assert numbers == sorted(numbers)
        if len(numbers) > 1:
            assert row.joined or all(e.identity.study_key for e in row.entries)
    numbers = [row.number for row in rows]
    assert numbers == sorted(numbers)


@given(films)
@settings(max_examples=150, deadline=None)
def test_priors_are_earlier_studies_of_the_same_patient_the_newest_first(drawn) -> None:
    rows = studies(made(drawn))
    for row in rows:
        found = priors(row, rows)
        assert row not in found
        for other in found:
            assert other.patient == row.patient is not None
            assert row not in priors(other, rows)
            assert other.when[0] <= row.when[0]
        days = [other.when[0] for other in found]
        assert days == sorted(days, reverse=True)
        missed = [r for r in rows if r.patient == row.patient is not None and r not in found]
        for other in missed:
            (day, _), (own, _) = other.when, row.when
            assert other is row or day is None or own is None or day >= own


@given(films, st.sampled_from(ORDERS))
@settings(max_examples=150, deadline=None)
def test_every_order_has_every_row_once(drawn, order) -> None:
    rows = studies(made(drawn))
    shown = ordered(rows, order)
    assert sorted(row.number for row in shown) == [row.number for row in rows]
    bands = [BANDS.index(row.band()) for row in shown]
    if order == "score":
        # Laterals without a frontal film come among those that have no score.
        assert [min(band, 3) for band in bands] == sorted(min(band, 3) for band in bands)
    elif order == "date":
        days = [row.when[0] for row in shown]
        assert all(b is None or (a is not None and a >= b) for a, b in pairwise(days))
    elif order == "arrival":
        assert [row.number for row in shown] == [row.number for row in rows]


def test_names_are_sorted_as_people_count() -> None:
    names = ["Film-10.png", "film-9.png", "A.png", "film-100.png", "film-²2.png"]
    rows = studies([film(n, 0.5, name=name) for n, name in enumerate(names, 1)])
    shown = [row.name for row in ordered(rows, "name")]
    assert shown[:4] == ["A.png", "film-9.png", "Film-10.png", "film-100.png"]
    with pytest.raises(ValueError, match="Expected one of"):
        ordered(rows, "size")


def test_a_row_is_ranked_by_its_highest_frontal_film() -> None:
    who = of("a", "s")
    low, high = film(1, 0.1, 0.7, who=who), film(2, 0.9, 0.2, who=who)
    side = film(3, None, None, who=who, view="LL")
    (row,) = studies([low, high, side])
    assert row.leader is high
    assert row.band() == "above"
    assert [row.leader_of(finding) for finding in FINDINGS] == [high, low]
    assert row.scored == (low, high)
    assert not row.waits
    # A film that waits takes nothing from what is known.
    (row,) = studies([low, film(4, who=who)])
    assert (row.leader, row.band()) == (low, "above")


def test_a_lateral_alone_is_shown_and_not_refused() -> None:
    (row,) = studies([film(1, None, None, view="LL")])
    assert row.band() == row.band("pneumonia") == "lateral"
    # Nor is one that has not been scored yet, once its file was read.
    assert film(1, view="LL").band == "lateral"


def test_a_lateral_that_its_reader_wants_scored_is_scored() -> None:
    entry = film(1, None, view="LL")
    entry.assessments["pneumonia"].overridden = True
    entry.assessments["pneumonia"].prediction = said(0.9, LATERAL)
    assert not entry.lateral
    assert entry.band == "above"


def test_a_film_from_the_side_that_is_no_radiograph_stays_refused() -> None:
    entry = film(1, None, view="LL")
    entry.assessments["pneumonia"].prediction = said(None, Refusal("modality", "It is CT."))
    assert entry.band == "refused"


def test_what_the_reader_wants_to_see() -> None:
    rows = studies([
        film(1, 0.9, None), film(2, 0.1, 0.9), film(3, None, 0.5), film(4, None, None, view="LL"),
    ])  # fmt: skip
    rows[1].leader.opened = True

    def shown(**wanted) -> list[int]:
        return [row.number for row in rows if row in Wanted(**wanted)]

    assert shown() == [1, 2, 3, 4]
    assert shown(finding="pneumonia") == [1, 2]
    assert shown(finding="pneumonia", bands=("above",)) == [1]
    assert shown(bands=("above",)) == [1, 2]
    assert shown(opened=True) == [2]
    assert shown(opened=False, bands=("near", "lateral")) == [3, 4]
    # The row that is open does not go away by being opened.
    assert shown(opened=False, shown=2) == [1, 2, 3, 4]
    assert shown(opened=False, shown=2, bands=("near",)) == [3]
    by_finding = [row.number for row in ordered(rows, "score", "tuberculosis")]
    assert by_finding == [2, 3, 1, 4]


def test_next_to_a_film_hangs_one_of_its_view() -> None:
    who = of("a", "s", 1)
    front, back = film(1, 0.9, who=who, view="AP"), film(2, 0.2, who=who, view="PA")
    side = film(3, None, who=who, view="LL")
    before = Study((front, back, side))
    assert to_hang(before, film(9, 0.5, view="PA")) is back
    assert to_hang(before, film(9, 0.5)) is front
    assert to_hang(before, film(9, None, view="LL")) is side
    assert to_hang(Study((side,)), film(9, 0.5)) is side


def test_which_film_hangs_tells_nothing_of_scores_that_are_hidden() -> None:
    who = of("a", "s", 1)
    first, higher = film(1, 0.2, who=who), film(2, 0.9, who=who)
    before, now = Study((first, higher)), film(9, 0.5)
    assert to_hang(before, now) is higher
    first.call_first = higher.call_first = True
    assert to_hang(before, now) is first


def test_two_studies_of_one_day_are_told_apart_by_their_times() -> None:
    morning, noon, unknown = (
        film(n, 0.5, who=of("a", str(n), 3, hour)) for n, hour in ((1, 8), (2, 12), (3, None))
    )
    rows = studies([noon, morning, unknown])
    assert priors(rows[0], rows) == [rows[1]]
    assert not priors(rows[1], rows)
    assert not priors(rows[2], rows)


PERSON = {"PatientID": "4711-ROE", "IssuerOfPatientID": "NORTH", "PatientBirthDate": "20180301"}


def x_ray(seed: int, study: int, day: str, **tags) -> bytes:
    values = (chest_like(seed).astype(np.uint16) * 16).astype(np.uint16)
    facts = {"StudyInstanceUID": f"1.2.{study}", "StudyDate": day, "PatientAge": "005Y"}
    return dicom(values, **{"BitsStored": 12, "ViewPosition": "PA", **PERSON, **facts, **tags})


@pytest.fixture
def disc(made_bundle: Model) -> Worklist:
    """Two studies of one patient, the newer with a lateral, and somebody else's of that number."""
    worklist = Worklist(made_bundle)
    worklist.add_folder([
        ("DICOM/IM1", x_ray(1, 11, "20240301")),
        ("DICOM/IM2", x_ray(2, 11, "20240301", ViewPosition="LL")),
        ("DICOM/IM3", x_ray(3, 12, "20231101")),
        ("DICOM/IM4", x_ray(4, 13, "20230101", IssuerOfPatientID="SOUTH")),
    ])  # fmt: skip
    return worklist


def test_the_rows_of_a_disc_are_there_before_any_film_is_read(disc: Worklist) -> None:
    before = [[e.number for e in row.entries] for row in disc.rows("arrival")]
    assert before == [[1, 2], [3], [4]]
    list(disc.score())
    assert [[e.number for e in row.entries] for row in disc.rows("arrival")] == before
    assert [e.lateral for e in disc.entries] == [False, True, False, False]
    assert disc.account.startswith("3 films scored, 1 lateral, 0 refused.")
    assert [row.number for row in disc.priors(disc.entries[0])] == [3]
    assert [row.number for row in disc.priors(disc.entries[1])] == [3]
    assert not disc.priors(disc.entries[2])
    assert not disc.priors(disc.entries[3])


def test_from_a_path_too(made_bundle: Model, tmp_path: Path) -> None:
    worklist = Worklist(made_bundle)
    for number in (1, 2):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(x_ray(number, 11, "20240301"))
        worklist.add(path.name, path)
    worklist.add("gone.dcm", tmp_path / "gone.dcm")
    assert [len(row.entries) for row in worklist.rows("arrival")] == [2, 1]


def test_pictures_are_joined_by_hand_and_parted(made_bundle: Model) -> None:
    worklist = Worklist(made_bundle)
    for number in range(1, 5):
        worklist.add(f"{number}.png", png(chest_like(number)))
    assert len(worklist.rows()) == 4
    worklist.join([3, 1])
    assert [[e.number for e in row.entries] for row in worklist.rows("arrival")] == [
        [1, 3], [2], [4],
    ]  # fmt: skip
    worklist.join([3, 4])
    assert [len(row.entries) for row in worklist.rows("arrival")] == [3, 1]
    worklist.part(worklist.entries[3])
    assert len(worklist.rows()) == 4
    worklist.part(worklist.entries[0])
    for wrong in ([1], [], [1, 99]):
        with pytest.raises(ValueError, match="two films"):
            worklist.join(wrong)


def test_what_a_file_says_of_its_study_is_not_changed_by_hand(disc: Worklist) -> None:
    disc.add("more.png", png(chest_like(9)))
    with pytest.raises(ValueError, match="name no study"):
        disc.join([1, 5])


def test_a_blind_list_is_never_ranked_by_score(disc: Worklist) -> None:
    list(disc.score())
    disc.blind = True
    assert [row.number for row in disc.rows("score")] == [1, 3, 4]
    assert [row.number for row in disc.rows("date")] == [1, 3, 4]
    assert [row.number for row in disc.rows("name")] == [1, 3, 4]


def test_the_first_row_opens_with_its_highest_film(disc: Worklist) -> None:
    assert disc.open(order="arrival").number == 1
    list(disc.score())
    disc.chosen = None
    assert disc.open(order="score") is disc.rows()[0].leader


def test_a_study_is_found_under_its_refused_film_too(made_bundle) -> None:
    worklist = Worklist(made_bundle)
    worklist.add("one.png", png(chest_like(1)))
    worklist.add("two.png", b"no film")
    list(worklist.score())
    worklist.join([1, 2])
    (row,) = worklist.rows("arrival")
    assert row.band() != "refused"
    assert row.bands() == {row.band(), "refused"}
    for band in ("refused", row.band()):
        assert [found.number for found in worklist.rows("arrival", Wanted(bands=[band]))] == [1]
