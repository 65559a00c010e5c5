"""What the list sends to the browser of a study."""

from __future__ import annotations

import json
from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from cxr.films.identity import Identity
from cxr.reading_room.entry import Entry
from cxr.reading_room.studies import Study, studies
from cxr.scoring.reader import Call
from cxr.web.worklist import BANDS, _patients, _row, view_words
from tests.conftest import ROOT, chest_like, png
from tests.reading_room.test_studies import film, x_ray

WHO = Identity("patient-key", "study-key", date(2024, 3, 1))


def row(*entries: Entry, hidden: bool = False, priors: int = 0) -> dict:
    (study,) = studies(entries)
    return _row(study, lambda entry: hidden, study.leader, priors)


@pytest.fixture
def three() -> list[Entry]:
    """Two frontal films, each highest for another finding, and a lateral."""
    return [
        film(1, 0.1, 0.7, who=WHO, view="AP"),
        film(2, 0.9, 0.2, who=WHO, view="PA"),
        film(3, None, None, who=WHO, view="LL"),
    ]


def test_a_study_has_one_cell_per_finding_and_all_its_films(three) -> None:
    told = row(*three, priors=2)
    assert (told["number"], told["first"], told["band"]) == (1, 2, "above")
    assert [(c["finding"], c["score"]) for c in told["cells"]] == [
        ("Pneumonia", "0.900"), ("Tuberculosis", "0.700"),
    ]  # fmt: skip
    assert [(f["number"], f["view"]) for f in told["films"]] == [(1, "AP"), (2, "PA"), (3, "LL")]
    assert "2024-03-01 · 2 priors" in told["notes"]
    assert "key" not in str(told)


def test_a_lateral_alone_is_a_row_with_one_cell_and_no_score(three) -> None:
    told = row(three[2])
    (cell,) = told["cells"]
    assert (cell["state"], cell["score"], told["band"]) == ("lateral", None, "lateral")
    assert BANDS["lateral"][1] == "lateral"


def test_nothing_of_a_study_is_told_before_its_reader_has_called_it(three) -> None:
    (study,) = studies(three)
    first = three[0]
    told = _row(study, lambda entry: entry is three[1], first, 0)
    assert told["band"] == "hidden"
    assert {cell["state"] for cell in told["cells"]} == {"hidden"}
    assert all(cell["score"] is None for cell in told["cells"])
    # Not even which of its films is the highest.
    assert told["first"] == 1


def test_a_refused_film_of_a_study_is_seen_as_such_in_its_row(three) -> None:
    refused = film(4, None, None, who=WHO, view="PA")
    views = [told["view"] for told in row(*three, refused)["films"]]
    assert views == ["AP", "PA", "LL", f"{BANDS['refused'][0]} PA"]


def test_studies_of_one_patient_are_known_by_a_number_in_the_list() -> None:
    people = ["a", "b", "a", None, None, "c", "b"]
    rows = studies(film(n, 0.5, who=Identity(who, str(n))) for n, who in enumerate(people, 1))
    assert _patients(rows) == [1, 2, 1, 0, 0, 0, 2]


def test_calls_of_any_film_of_the_study_are_told_once(three) -> None:
    for entry in three[:2]:
        entry.assessments["pneumonia"].call = Call.FINDING
    assert row(*three)["notes"].count("pneumonia seen") == 1


def test_a_film_without_a_view_goes_by_its_number() -> None:
    assert view_words(film(7, 0.5)) == "Film 7"
    assert view_words(film(7, 0.5, view="another value")) == "Film 7"
    assert view_words(film(7, view="LATERAL")) == "Lateral"
    assert Study((film(7, 0.5),)).findings == ("pneumonia",)


@pytest.fixture
def app(made_models, monkeypatch) -> AppTest:
    monkeypatch.setenv("CXR_MODELS", str(made_models))
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()


def test_a_reader_joins_pictures_and_parts_them(app: AppTest) -> None:
    session = app.session_state["reading_session"]
    for number in range(1, 4):
        session.worklist.add(f"{number}.png", png(chest_like(number)))
    session.choose(2)
    app.run()
    assert app.button(key="join_films").disabled
    app.multiselect(key="join_2").set_value([3]).run()
    app.button(key="join_films").click().run()
    assert not app.exception
    assert [len(row.entries) for row in session.worklist.rows("arrival")] == [1, 2]
    app.button(key="study_film_3").click().run()
    assert session.worklist.chosen == 3
    app.button(key="part_films").click().run()
    assert len(session.worklist.rows()) == 3


def pictures(app: AppTest) -> set[str]:
    """Return the names of the thumbnails that the last run sent with the list."""
    (told,) = [
        json.loads(element.proto.json)
        for element in app.get("bidi_component")
        if element.proto.component_name.endswith("cxr_worklist")
    ]
    assert {row["picture"] for row in told["rows"]} >= set(told["pictures"])
    return set(told["pictures"])


def test_a_thumbnail_is_sent_once(app: AppTest) -> None:
    session = app.session_state["reading_session"]
    session.worklist.add("1.png", png(chest_like(1)))
    session.worklist.add("2.png", png(chest_like(2)))
    session.scorer.start()
    assert session.scorer.join(60)
    first = pictures(app.run())
    assert len(first) == 2
    assert pictures(app.run()) == set()
    entry = session.worklist.entries[0]
    entry.thumbnail = entry.thumbnail + b"\0"
    (turned,) = pictures(app.run())
    assert turned.startswith("1-")
    assert turned not in first


def test_the_films_of_a_dicom_study_are_opened_and_not_parted(app: AppTest) -> None:
    session = app.session_state["reading_session"]
    session.worklist.add("IM1", x_ray(1, 11, "20240301"))
    session.worklist.add("IM2", x_ray(2, 11, "20240301", ViewPosition="LL"))
    app.run()
    app.button(key="study_film_2").click().run()
    assert session.worklist.chosen == 2
    assert not [button for button in app.button if button.key in ("join_films", "part_films")]


def test_the_list_is_sorted_and_filtered(app: AppTest) -> None:
    session = app.session_state["reading_session"]
    for number in (2, 10, 1):
        session.worklist.add(f"{number}.png", png(chest_like(number)))
    app.run()
    app.selectbox(key="order_False").set_value("name").run()
    assert session.order == "name"
    assert [row.name for row in session.worklist.rows("name")] == ["1.png", "2.png", "10.png"]
    assert "Highest band" in app.selectbox(key="order_False").options
    app.toggle(key="blind").set_value(True).run()
    assert "Highest band" not in app.selectbox(key="order_True").options
    assert not app.exception
