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

from cxr.monitoring import LateReadings, Reading, Readings, new_list_id
from cxr.reading_room.site_session import SiteSession
from cxr.reading_room.trail import Trail
from cxr.scoring.reader import Call
from cxr.site.truth import Meaning, TruthError, read_truth
from tests.bundles import copy_bundle
from tests.conftest import ROOT, chest_like, png
from tests.pages.test_pages import page, plots, texts
from tests.reading_room.test_worklist import BLANK

__all__ = ["page"]

FILMS = 60
#: None of these films is among those that the made model learned from.
SEED = 1000
HEADS = ["Truth", "Result", "Threshold for this site", "A band in between", "What ranking buys"]


def truth(rows: dict[str, str] | None = None, **columns: list[str]) -> pd.DataFrame:
    rows = rows or {f"film{k}.png": "pneumonia" if k % 2 else "normal" for k in range(FILMS)}
    table = pd.DataFrame({"file": list(rows), "label": list(rows.values()), **columns})
    return read_truth(table.to_csv(index=False).encode(), "truth.csv")


def a_film(k: int) -> bytes:
    # The lungs lie lower than in the films learned from: else some would be taken for copies.
    return png(np.roll(chest_like(SEED + k, ill=bool(k % 2)), 6, axis=0))


@pytest.fixture
def validation(page) -> Callable[..., AppTest]:
    """Open the page, with films and a sheet where they are given."""

    def opened(
        films: int = 0,
        sheet: pd.DataFrame | None = None,
        others: dict[str, bytes] | None = None,
        **sheets,
    ) -> AppTest:
        app = page("validation")
        session: SiteSession = app.session_state["site_session"]
        for k in range(films):
            session.films.add(f"film{k}.png", a_film(k))
        for name, content in (others or {}).items():
            session.films.add(name, content)
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


def test_who_comes_back_to_a_model_finds_its_films(page, made_models: Path, tmp_path: Path):
    for folder in (made_models / "pneumonia-made", ROOT / "models" / "pneumonia-small-cnn"):
        copy_bundle(folder, tmp_path / folder.name)
    app = page("validation", models=tmp_path)
    model = app.selectbox(key="validation_model")
    first, (other,) = model.value, set(model.options) - {model.value}
    session = app.session_state["site_session"]
    session.scorer.pause()
    session.films.add("film0.png", a_film(0))
    model.set_value(other).run()
    assert app.session_state["site_session"] is not session
    assert "No films yet" in texts(app)
    app.selectbox(key="validation_model").set_value(first).run()
    assert app.session_state["site_session"] is session
    assert "1 waiting" in texts(app)
    app.button(key="site_clear").click().run()
    assert app.session_state["site_session"] is not session
    assert "No films yet" in texts(app)
    assert session.films.size == 0


def files(app: AppTest) -> set[str]:
    return {button.proto.label.split(" (")[0] for button in app.get("download_button")}


def test_films_that_wait_are_in_no_figure_and_no_file_is_made_without_them(validation):
    names = {f"film{k}.png": "pneumonia" if k % 2 else "normal" for k in range(FILMS + 2)}
    app = validation(FILMS, truth(names | {"blank.png": "normal"}), {"blank.png": BLANK})
    assert files(app) == {"Report", "Site's file"}
    assert "Left out: 1 film with" in texts(app)
    session = app.session_state["site_session"]
    session.scorer.pause()
    for k in (FILMS, FILMS + 1):
        session.films.add(f"film{k}.png", a_film(k))
    app.run()
    assert not app.exception
    assert not files(app)
    assert any("2 films wait" in info.value and "Go on" in info.value for info in app.info)
    assert "Left out: 1 film with" in texts(app)
    assert "n\u00a060" in texts(app)
    app.button(key="site_scoring").click()
    session.scorer.go_on()
    assert session.scorer.join(120)
    app.run()
    assert not app.exception
    assert files(app) == {"Report", "Site's file"}
    assert "Left out: 1 film with" in texts(app)
    assert "n\u00a062" in texts(app)


def test_a_film_on_which_the_program_fails_keeps_no_report_back(validation):
    names = {f"film{k}.png": "pneumonia" if k % 2 else "normal" for k in range(FILMS + 1)}
    app = validation(FILMS, truth(names))
    session = app.session_state["site_session"]
    session.films.add(f"film{FILMS}.png", a_film(FILMS))
    session.scorer.fail(session.films.waiting[0], RuntimeError("no memory"))
    app.run()
    assert not app.exception
    assert files(app) == {"Report", "Site's file"}
    assert any(part.label.startswith("1 film could not be scored") for part in app.expander)
    assert "n\u00a060" in texts(app)


def test_films_that_the_model_learned_from_are_in_no_figure(validation, made_films: Path):
    learned = sorted((made_films / "train").rglob("*.png"))[::10]
    rows = {f"film{k}.png": "pneumonia" if k % 2 else "normal" for k in range(FILMS)}
    rows |= {path.name: path.parent.name for path in learned}
    app = validation(FILMS, truth(rows), {path.name: path.read_bytes() for path in learned})
    assert "66 films with a truth" in texts(app)
    assert any(part.label.startswith("6 films that the model learned") for part in app.expander)
    assert "n\u00a060" in texts(app)
    assert "n\u00a066" not in texts(app)


def chosen(app: AppTest, label: str):
    return next(select for select in app.selectbox if select.label == label)


def test_a_site_s_file_follows_what_the_sheet_says_of_patients(validation):
    app = validation(FILMS, truth(grouping=[f"p{k // 2}" for k in range(FILMS)]))

    def patients() -> int | None:
        answers = app.session_state["site_session"]._answers
        return [made for key, made in answers.items() if key[0] == "site"][-1].films.patients

    assert patients() is None
    chosen(app, "Patient").set_value("grouping").run()
    assert patients() == FILMS // 2
    chosen(app, "Patient").set_value("").run()
    assert patients() is None


def test_what_was_corrected_is_there_when_the_reader_comes_back(validation):
    app = validation(FILMS, truth(grouping=["a", "b"] * 30))
    chosen(app, "Scanner").set_value("grouping").run()
    (meaning,) = (b for b in app.segmented_control if b.label.startswith("normal"))
    meaning.set_value(Meaning.LEAVE_OUT).run()
    assert "films of both classes" in texts(app).lower()
    app.switch_page("pages/models.py").run()
    assert not app.exception
    app.switch_page("pages/validation.py").run()
    assert not app.exception
    assert chosen(app, "Scanner").value == "grouping"
    assert "films of both classes" in texts(app).lower()
    app.segmented_control(key="validation_way").set_value("Scores in a table").run()
    app.switch_page("pages/models.py").run()
    app.switch_page("pages/validation.py").run()
    assert app.segmented_control(key="validation_way").value == "Scores in a table"
    # Another sheet is another matter.
    app.segmented_control(key="validation_way").set_value("Films").run()
    app.session_state["site_session"].sheets["truth"] = ("another", truth(grouping=["a", "b"] * 30))
    app.run()
    assert chosen(app, "Scanner").value == ""
    assert "Report" in heads(app)


def test_thresholds_are_told_as_finely_as_they_move(proven):
    threshold = proven.session_state["site_session"].model.card.operating_point().threshold
    (slider,) = (part for part in proven.slider if part.label == "Threshold")
    assert (slider.step, slider.proto.format) == (0.001, "%.3f")
    matrix = next(part for part in proven.get("plotly_chart") if "Where the" in part.proto.spec)
    assert f"{threshold:.3f} or above" in matrix.proto.spec
    assert f"{threshold:.3f}, the threshold of step 3" in texts(proven)


def test_films_are_shown_once_the_trail_that_is_required_holds_them(proven, tmp_path: Path):
    def shown() -> int:
        return len(proven.get("image"))

    session, url = proven.session_state["site_session"], f"sqlite:///{tmp_path}/log.db"
    proven.session_state["site_errors"] = "fp"
    (slider,) = (part for part in proven.slider if part.label == "Threshold")
    slider.set_value(0.0).run()  # all negatives are on the wrong side
    assert (before := shown()) > 0
    session.trail, session._shown = Trail(None, "0f" * 16, required=True), set()
    proven.run()
    assert shown() == 0
    session.trail, session._shown = Trail(LateReadings(url), "0f" * 16, required=True), set()
    proven.run()
    assert session.trail.log.wait(20)
    proven.run()
    assert shown() == before
    assert len(Readings(url).opened_films()) == before


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


def test_two_scores_of_a_film_are_told_and_the_column_of_films_can_be_named(validation):
    app = with_scores(validation(), scores(name=[f"f{k // 2}" for k in range(200)]))
    assert "two different scores" in texts(app)
    assert "Result" not in heads(app)
    films = chosen(app, "Films are named in")
    films.set_value(films.options[-1]).run()
    assert "200 films with a truth" in texts(app)
    assert "Report" in heads(app)


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
