"""The page Validation: each of its states, and what is said to input that will not do."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from cxr.monitoring import Reading, Readings, new_list_id
from cxr.reading_room.site_session import SiteSession
from cxr.scoring.reader import Call
from cxr.site.truth import TruthError, read_truth
from tests.conftest import chest_like, png
from tests.pages.test_pages import page, plots, texts

__all__ = ["page"]

FILMS = 60
HEADS = ["Truth", "Result", "Threshold for this site", "A band in between", "What ranking buys"]


def truth(rows: dict[str, str] | None = None, **columns: list[str]) -> pd.DataFrame:
    rows = rows or {f"film{k}.png": "pneumonia" if k % 2 else "normal" for k in range(FILMS)}
    table = pd.DataFrame({"file": list(rows), "label": list(rows.values()), **columns})
    return read_truth(table.to_csv(index=False).encode(), "truth.csv")


@pytest.fixture
def validation(page) -> Callable[..., AppTest]:
    """Open the page, with films and a sheet where they are given."""

    def opened(films: int = 0, sheet: pd.DataFrame | None = None, **sheets) -> AppTest:
        app = page("validation")
        session: SiteSession = app.session_state["site_session"]
        for k in range(films):
            session.films.add(f"film{k}.png", png(chest_like(k, ill=bool(k % 2))))
        session.scorer.start()
        assert session.scorer.join(120)
        given = {"truth": sheet, **sheets}
        for what, table in given.items():
            if table is not None:
                session.sheets[what] = (what, table)
        app.run()
        assert not app.exception, app.exception[0].message
        return app

    return opened


def heads(app: AppTest) -> str:
    return " ".join(head.value for head in app.subheader)


def scores(n: int = 200, **columns) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    label = np.arange(n) % 2
    table = pd.DataFrame(
        {
            "name": [f"f{k}" for k in range(n)],
            "score": np.clip(rng.normal(0.35 + 0.3 * label, 0.15), 0, 1).round(4),
            "label": np.where(label, "positive", "negative"),
        }
    )
    return table.assign(**columns)


def with_scores(app: AppTest, table: pd.DataFrame) -> AppTest:
    """Take the other way: a table of scores alone."""
    app.session_state["validation_way"] = "Scores in a table"
    session: SiteSession = app.session_state["site_session"]
    session.sheets["scores"] = ("s", read_truth(table.to_csv(index=False).encode(), "s.csv"))
    app.run()
    assert not app.exception, app.exception[0].message
    return app


def test_an_empty_page_says_what_to_do(validation):
    app = validation()
    assert "No films yet" in texts(app)
    assert "One row per film" in texts(app)
    assert "1  Films" in heads(app)
    assert "Report" not in heads(app)


def test_films_without_truth_are_counted(validation):
    app = validation(films=4)
    assert "4 films scored, 0 without a score" in texts(app)
    assert "Result" not in heads(app)


def test_a_sheet_without_films_waits_for_them(validation):
    assert "Drop the films" in texts(validation(sheet=truth()))


@pytest.fixture
def proven(validation) -> AppTest:
    facts = {
        "sex": ["F", "M", "F", "F"] * 15,
        "age": ["3"] * FILMS,
        "scanner": ["A", "B"] * 30,
    }
    return validation(films=FILMS, sheet=truth(**facts))


def test_films_with_a_truth_are_proven_in_seven_steps(proven):
    for head in [*HEADS, "Report"]:
        assert head in heads(proven)
    text = texts(proven)
    assert "60 films with a truth" in text
    values = {metric.label: metric.value for metric in proven.metric}
    assert float(values["AUC on these films"]) > 0.5
    assert plots(proven) >= 7
    assert "Low resolution" not in text
    assert "films differ" in text or "look much like" in text or "not known" in text
    assert "LungIMPACT" in text


def test_too_few_films_say_how_many_are_needed(proven):
    assert "Too few films for that" in texts(proven)
    proven.session_state["site_width"] = 50
    proven.run()
    assert "Enough films" in texts(proven)


def test_a_threshold_and_a_band_follow_their_sliders(proven):
    def table() -> str:
        return str(proven.table[-1].value.to_dict())

    before = table()
    proven.session_state["site_prevalence"] = 30.0
    proven.run()
    assert not proven.exception
    assert table() != before
    proven.session_state["site_level"] = 70
    proven.run()
    assert not proven.exception
    assert "at least" in texts(proven)


def test_readers_who_cannot_keep_up_are_told(proven):
    proven.session_state["site_arrivals"] = 1000.0
    proven.run()
    assert "cannot keep up" in texts(proven)


def test_a_second_reader_is_compared(proven):
    rows = {f"film{k}.png": "pneumonia" if k % 2 or k == 0 else "normal" for k in range(FILMS)}
    proven.session_state["site_session"].sheets["second"] = ("second", truth(rows))
    proven.run()
    assert not proven.exception
    assert "59 of 60 films called alike" in texts(proven)


def test_a_second_reader_may_be_in_the_log(proven, tmp_path: Path, monkeypatch):
    proven.session_state["site_second"] = "The log of readings"
    proven.run()
    assert not proven.exception
    assert "None of these films was called blind" in texts(proven)
    session: SiteSession = proven.session_state["site_session"]
    monkeypatch.setenv("CXR_READINGS_URL", f"sqlite:///{tmp_path / 'log.db'}")
    log, card = Readings(), session.model.card
    for k, entry in enumerate(session.films.entries[:10]):
        film = Reading(
            time=datetime.now(UTC),
            list_id=new_list_id(),
            film_sha256=entry.sha256,
            model=card.name,
            model_sha256=card.weights.sha256,
            finding=card.finding,
            operating_point=card.default_operating_point,
            threshold=0.5,
            score=0.5,
        )
        log.called(film, Call.FINDING if k % 2 else Call.NO_FINDING, blind=True)
    proven.run()
    assert not proven.exception
    assert "10 of 10 films called alike" in texts(proven)


def test_a_model_that_is_changed_begins_anew(proven, made_models: Path):
    session = proven.session_state["site_session"]
    session.close()
    assert not len(session.films)
    proven.run()
    assert not proven.exception
    assert "No films yet" in texts(proven)


def test_a_truth_that_names_no_film_says_so(validation):
    app = validation(films=4, sheet=truth({"other1.png": "normal", "other2.png": "pneumonia"}))
    assert app.error
    assert "names one of the 4 films" in texts(app)
    assert "Result" not in heads(app)


def test_films_of_one_class_say_so(validation):
    app = validation(films=4, sheet=truth({f"film{k}.png": "normal" for k in range(4)}))
    assert "films of both classes" in texts(app).lower()


def test_rows_that_repeat_or_contradict_are_told(validation):
    table = pd.concat([truth(), truth({"film0.png": "normal", "film1.png": "normal"})])
    app = validation(films=FILMS, sheet=table.reset_index(drop=True))
    said = " ".join(expander.label for expander in app.expander)
    assert "contradict" in said
    assert "several rows that say the same" in said
    assert "Report" in heads(app)


def test_a_third_label_is_asked_about(validation):
    rows = {f"film{k}.png": ["normal", "pneumonia", "grade 2"][k % 3] for k in range(FILMS)}
    app = validation(films=FILMS, sheet=truth(rows))
    assert "grade 2" in texts(app)
    assert "Result" not in heads(app)
    session = app.session_state["site_session"]
    assert session.films.entries


def test_misspelled_names_and_missing_rows_are_listed_both_ways(validation):
    rows = {f"film{k}.png": "pneumonia" if k % 2 else "normal" for k in range(FILMS)}
    rows["flim0.png"] = rows.pop("film0.png")
    rows.pop("film2.png")
    app = validation(films=FILMS, sheet=truth(rows))
    said = [expander.label for expander in app.expander]
    assert "1 row of no film." in said
    assert "2 films without a row." in said
    assert "Report" in heads(app)


def test_scores_alone_are_proven_without_films(validation):
    app = with_scores(validation(), scores())
    for head in [*HEADS[1:], "Report"]:
        assert head in heads(app)
    assert "200 films with a truth" in texts(app)
    assert "No site's file" in texts(app)


def test_ten_thousand_rows_of_scores_are_proven(validation):
    app = with_scores(validation(), scores(10_000))
    assert "10,000 films with a truth" in texts(app)
    assert "Report" in heads(app)


def test_scores_out_of_range_are_told(validation):
    table = scores()
    table.loc[3, "score"] = 7.5
    app = with_scores(validation(), table)
    assert "not between 0 and 1" in texts(app)
    assert "row 5" in texts(app)
    assert "Result" not in heads(app)


def test_scores_of_one_class_are_told(validation):
    app = with_scores(validation(), scores(label="positive"))
    assert "both classes" in texts(app).lower()


def test_scores_without_names_are_counted_by_row(validation):
    app = with_scores(validation(), scores().drop(columns="name"))
    assert "200 films with a truth" in texts(app)


def test_a_sheet_that_is_none_is_told():
    with pytest.raises(TruthError):
        read_truth(b"\x00\x01\x02", "truth.xlsx")


def test_an_excel_sheet_is_read_as_a_csv_is(validation):
    book = openpyxl.Workbook()
    book.active.append(["File", "Diagnosis"])
    for k in range(4):
        book.active.append([f"film{k}.png", "Pneumonia" if k % 2 else "Normal"])
    file = io.BytesIO()
    book.save(file)
    app = validation(films=4, sheet=read_truth(file.getvalue(), "truth.xlsx"))
    assert "4 films with a truth" in texts(app)
