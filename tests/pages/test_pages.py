"""Every page through Streamlit's own test runner, on a bundle that was trained for the tests."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import cxr
import cxr.web
from cxr.exports import rows_of
from cxr.films.notes import Note
from cxr.heatmaps.heatmap import CAPTION
from cxr.heatmaps.methods import METHODS
from cxr.lungs.segment import NO_LUNGS, Search
from cxr.monitoring import Readings
from cxr.reading_room.closed_tabs import Signs
from cxr.reading_room.scorer import Scorer
from cxr.reading_room.worklist import Worklist
from cxr.scoring import bundle as bundles
from cxr.scoring.card import Card
from cxr.scoring.picture_check import KIND
from cxr.scoring.population import split_note
from cxr.scoring.reader import Agreement, Call
from cxr.scoring.refusal import Refusal
from cxr.scoring.store import replace_evidence
from cxr.web import plain
from cxr.web.messages import NO_PICTURE_CHECK
from tests.bundles import change_table, copy_bundle, table_path, write_card
from tests.conftest import ROOT, chest_like, png
from tests.heat import found, measured
from tests.sites import a_site

PAGES = ("triage", "dataset", "training", "evaluation", "validation", "monitoring", "models")


@pytest.fixture
def page(made_models: Path, made_films: Path, monkeypatch: pytest.MonkeyPatch):
    """Open a page of the dashboard on the made bundle; `data` says where its films stand."""

    def opened(name: str, data: Path | None = made_films, models: Path = made_models) -> AppTest:
        monkeypatch.setenv("CXR_MODELS", str(models))
        if data is None:
            monkeypatch.delenv("CXR_DATA", raising=False)
        else:
            monkeypatch.setenv("CXR_DATA", str(data))
        app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
        if name != "triage":
            app.switch_page(f"pages/{name}.py").run()
        assert not app.exception, app.exception[0].message
        return app

    return opened


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.subheader, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)


def plots(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_states_the_intended_use_and_the_population(page, name: str) -> None:
    text = texts(page(name))
    assert cxr.INTENDED_USE in text
    assert "children of 1 to 5 years" in text


@pytest.mark.parametrize("name", PAGES)
def test_no_page_uses_words_of_a_diagnosis(page, name: str) -> None:
    text = texts(page(name)).lower()
    for word in ("confirmed", "confidence", "diagnosed", "healthy"):
        assert word not in text


@pytest.mark.parametrize("name", PAGES)
def test_every_page_says_what_to_do_without_models(
    page, name: str, tmp_path: Path, made_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page(name)
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    if name != "triage":
        app.switch_page(f"pages/{name}.py").run()
    assert not app.exception
    assert "python -m cxr train" in app.info[0].value


def test_a_page_says_which_weights_were_changed(
    made_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_bundle(made_models / "pneumonia-made", tmp_path / "pneumonia-made")
    weights = tmp_path / "pneumonia-made" / "weights.weights.h5"
    weights.write_bytes(weights.read_bytes() + b"\0")
    monkeypatch.setenv("CXR_MODELS", str(tmp_path))
    import streamlit as st

    st.cache_resource.clear()
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
    assert not app.exception
    assert "weights of pneumonia-made are not those" in app.error[0].value
    st.cache_resource.clear()


def test_dataset_page_shows_balance_and_films(page, made_films: Path) -> None:
    app = page("dataset")
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Films"] == "80"
    assert values["Shared patients"] == "0"
    assert plots(app) >= 4  # bars, pie, a mean film for each label
    assert len(app.get("image")) >= 12  # and those that are nearly equal


def test_a_damaged_film_costs_the_dataset_page_its_mean_film_alone(
    page, made_films: Path, tmp_path: Path
) -> None:
    shutil.copytree(made_films, tmp_path / "films")
    for film in (tmp_path / "films").rglob("*.png"):
        film.write_bytes(b"no picture")
    app = page("dataset", data=tmp_path / "films")
    assert any("cannot be read" in warning.value for warning in app.warning)
    headings = [heading.value for heading in app.subheader]
    assert headings[-3:-1] == ["Duplicates and leakage", "Near duplicates"]


def test_dataset_page_says_of_films_of_one_size_that_they_are(
    page, with_facts: Path, made_bundle
) -> None:
    """A plot of one point shows nothing."""
    width, height = made_bundle.films[["width", "height"]].iloc[0]
    said = f"All 80 films are {width} × {height} pixels."
    app = page("dataset")
    assert said in texts(app)
    before = plots(app)

    def grown(films: pd.DataFrame) -> pd.DataFrame:
        return films.assign(width=films["width"] + (films["label"] == "normal"))

    change_table(with_facts / "pneumonia-facts", "films", grown)
    import streamlit as st

    st.cache_resource.clear()  # loaded models are kept by name
    app = page("dataset", models=with_facts)
    st.cache_resource.clear()
    assert said not in texts(app)
    assert any("2 sizes" in chart.proto.alt for chart in app.get("plotly_chart"))
    assert plots(app) >= before + 1


@pytest.mark.parametrize("at_hand", [True, False])
def test_dataset_page_shows_the_films_behind_a_bar(
    page, made_films: Path, made_bundle, at_hand: bool
) -> None:
    """By keyboard too: what a click on a bar chooses is a choice of its own."""
    app = page("dataset", data=made_films if at_hand else None)
    name = made_bundle.card.name
    app.segmented_control(key=f"dataset_split_{name}").set_value("test").run()
    app.segmented_control(key=f"dataset_label_{name}").set_value("pneumonia").run()
    assert not app.exception
    table = made_bundle.films
    behind = table[(table["split"] == "test") & (table["label"] == "pneumonia")]
    wanted = set(behind["path"])
    assert any(
        "path" in frame.value and set(frame.value["path"]) == wanted for frame in app.dataframe
    )
    assert f"All {len(behind)} films as a table" in [part.label for part in app.expander]
    assert ("normal: 6 films drawn" in texts(app)) is False
    assert ("pneumonia: 6 films drawn from test" in texts(app)) == at_hand


def test_dataset_page_outlines_the_lungs_where_they_are_known(page, monkeypatch) -> None:
    import streamlit as st
    from PIL import Image

    from cxr.lungs import picture
    from cxr.scoring import heat_in_lungs

    assert not page("dataset").toggle  # the made models have no lung network
    asked = []

    def outlined(film):
        asked.append(film)
        return Image.new("RGB", (8, 8)) if len(asked) > 1 else None  # the first has no lungs

    monkeypatch.setattr(heat_in_lungs, "no_lung_network", lambda: "")
    monkeypatch.setattr(picture, "outlined", outlined)
    app = page("dataset")
    before = len(app.get("image"))
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert len(asked) == 12
    assert len(app.get("image")) == before
    st.cache_data.clear()


def test_dataset_page_works_from_films_csv_alone(page) -> None:
    app = page("dataset", data=None)
    assert plots(app) >= 2
    assert "CXR_DATA" in app.info[0].value
    assert not app.get("image")


@pytest.fixture
def with_facts(made_models: Path, tmp_path: Path) -> Path:
    """A models folder whose bundle knows fingerprints: of two films of train, and of a torn pair.

    Its test films are guessed rightly for one label, and the films of the other are too few.
    """
    copy_bundle(made_models / "pneumonia-made", tmp_path / "pneumonia-facts")
    file = tmp_path / "pneumonia-facts" / "card.json"
    card = json.loads(file.read_text())
    card["name"] = "pneumonia-facts"
    write_card(file.parent, card)
    films = pd.read_csv(table_path(tmp_path / "pneumonia-facts", "films"))
    films = films.drop(columns=["phash", "shift_logit"], errors="ignore")
    films.loc[films["label"] == "normal", "split"] = ["train"] * 20 + ["test"] * 20
    rng = np.random.default_rng(0)
    hashes = [rng.bytes(32).hex() for _ in range(len(films))]
    ill = films.index[films["label"] == "pneumonia"]
    torn = ill[films.loc[ill, "split"] == "test"][0], ill[films.loc[ill, "split"] == "train"][0]
    kept = films.index[(films["label"] == "normal") & (films["split"] == "train")][:2]
    for one, other in (torn, kept):
        hashes[other] = f"{int(hashes[one], 16) ^ 0b111:064x}"
    side = (films["split"] == "test") & (films["label"] == "normal")
    logits = rng.normal(0, 1, len(films)) + 4 * side
    films = films.assign(phash=hashes, shift_logit=logits)
    change_table(tmp_path / "pneumonia-facts", "films", lambda _: films)
    return tmp_path


@pytest.mark.parametrize("at_hand", [True, False])
def test_dataset_page_shows_near_duplicates_and_shift(
    page, with_facts: Path, made_films: Path, at_hand: bool
) -> None:
    app = page("dataset", data=made_films if at_hand else None, models=with_facts)
    (warning,) = app.warning
    assert "4 films in 2 groups are nearly equal" in warning.value
    assert "1 of the groups are in two splits (test, train)" in warning.value
    found = next(f.value for f in app.dataframe if "distance" in f.value.columns)
    assert found["distance"].tolist() == [3, 3, 3, 3]
    assert set(found["split"].head(2)) == {"test", "train"}  # what leaks comes first
    assert len(app.get("image")) == (16 if at_hand else 0)
    text = texts(app)
    assert "**normal**: told apart nearly always" in text
    assert "**pneumonia**: too few" in text
    assert "At 0.5 nothing tells them apart" in text
    assert "--store" not in text
    assert plots(app) == (5 if at_hand else 3)  # bars, pie, shift and mean films: of one size


def test_dataset_page_says_what_fills_in_near_duplicates_and_shift(page, with_facts: Path) -> None:
    change_table(
        with_facts / "pneumonia-facts",
        "films",
        lambda films: films.drop(columns=["phash", "shift_logit"]),
    )
    import streamlit as st

    st.cache_resource.clear()
    app = page("dataset", models=with_facts)
    said = [
        info.value
        for info in app.info
        if "dataset DIR --model pneumonia-facts --store" in info.value
    ]
    assert len(said) == 2
    st.cache_resource.clear()


def test_dataset_page_counts_subtypes(page, made_bundle) -> None:
    app = page("dataset")
    counts = next(f.value for f in app.dataframe if "subtype" in f.value and "share" in f.value)
    assert set(counts["subtype"]) == {"bacteria", "virus"}
    ill = made_bundle.films["label"] == "pneumonia"
    assert counts["films"].sum() == ill.sum()


def runs_shown(app: AppTest) -> pd.DataFrame:
    return next(frame.value for frame in app.dataframe if "run" in frame.value)


def test_training_page_draws_the_stored_history(page) -> None:
    app = page("training")
    assert plots(app) == 3
    assert runs_shown(app)["epochs"].tolist() == [2]
    metric = next(part for part in app.segmented_control if part.label == "Metric")
    metric.set_value("loss").run()
    assert not app.exception
    assert plots(app) == 3


def test_training_page_shows_four_runs_of_one_finding_at_first(page, tmp_path: Path) -> None:
    """A panel each, a finding at a time; what a run did not record is said in its place."""
    shipped = sorted(path.parent.name for path in (ROOT / "models").glob("*-*/history.csv"))
    for name in shipped:
        copy_bundle(ROOT / "models" / name, tmp_path / name)
    app = page("training", models=tmp_path)
    (chosen,) = app.multiselect
    assert len(chosen.value) == 4
    assert {name.split("-")[0] for name in chosen.options} == {"pneumonia"}
    metric = next(part for part in app.segmented_control if part.label == "Metric")
    assert metric.value == "loss"  # the first that all of them recorded
    assert plots(app) == 4 + 2
    metric.set_value("auc").run()
    assert plots(app) == 3 + 2  # the default one did not record its AUC
    assert sum("not recorded" in caption.value for caption in app.caption) == 1
    app.segmented_control(key="training_finding").set_value("tuberculosis").run()
    assert not app.exception
    (chosen,) = app.multiselect
    assert {name.split("-")[0] for name in chosen.options} == {"tuberculosis"}
    assert runs_shown(app)["run"].tolist() == chosen.value


@pytest.mark.parametrize(
    ("recorded", "took"), [({}, "time not recorded"), ({"feature_seconds": 3300}, "55.0 min")]
)
def test_training_page_tells_what_the_curves_do_not_show(
    page, tmp_path: Path, recorded: dict, took: str
) -> None:
    """What was trained in a first step and computed beforehand, of the bundles that ship."""
    for name in ("pneumonia-small-cnn", "pneumonia-vgg16-transfer"):
        copy_bundle(ROOT / "models" / name, tmp_path / name)
    path = tmp_path / "pneumonia-vgg16-transfer" / "card.json"
    stored = json.loads(path.read_text())
    stored["training"].pop("feature_seconds", None)
    write_card(path.parent, stored | {"training": stored["training"] | recorded})
    step = stored["training"]["first_step"]
    runs = runs_shown(page("training", models=tmp_path)).set_index("run")
    assert runs.loc["pneumonia-small-cnn", ["first step", "base features"]].tolist() == ["none"] * 2
    said = runs.loc["pneumonia-vgg16-transfer"]
    start = f"{step['epochs']} epochs, {step['films']} films at 300 pixels, "
    assert said["first step"].startswith(start)
    assert said["base features"] == took


def test_evaluation_page_follows_the_threshold(page, made_bundle) -> None:
    app = page("evaluation")
    assert plots(app) == 6
    slider = next(s for s in app.slider if s.label == "Threshold")
    assert slider.value == pytest.approx(made_bundle.card.operating_point().threshold, abs=1e-3)
    rates = {}
    for threshold in (0.0, 1.0):
        slider = next(s for s in app.slider if s.label == "Threshold")
        slider.set_value(threshold).run()
        assert not app.exception
        rates[threshold] = {metric.label: metric.value for metric in app.metric}
    assert rates[0.0]["Sensitivity"] == "100.0 %"
    assert rates[0.0]["Specificity"] == "0.0 %"
    assert rates[1.0]["Sensitivity"] == "0.0 %"
    assert rates[1.0]["Specificity"] == "100.0 %"


def test_evaluation_page_has_nothing_to_compare_one_model_with(page) -> None:
    assert "No other model for pneumonia is here" in texts(page("evaluation"))


@pytest.fixture
def two_models(made_models: Path, tmp_path: Path) -> Path:
    """A models folder with the made bundle and another that scores the same films otherwise.

    The other has predictions of an external set too, of films of a population not its own.
    """
    for name in ("pneumonia-made", "pneumonia-other"):
        copy_bundle(made_models / "pneumonia-made", tmp_path / name)
    file = tmp_path / "pneumonia-other" / "card.json"
    card = json.loads(file.read_text())
    card["name"] = "pneumonia-other"
    card["recipe"]["external"] = {"adults": ["nih/pneumonia", "nih/normal"]}
    write_card(file.parent, card)

    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.assign(logit=np.random.default_rng(0).normal(0, 2, len(table)))
        return pd.concat([table, table[table["split"] == "test"].assign(split="adults")])

    change_table(tmp_path / "pneumonia-other", "predictions", change)
    return tmp_path


def test_a_page_that_runs_again_parses_no_card_again(
    page, two_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look at this page asks for cards again and again: ever so often was each one parsed."""
    asked, parsed = [], []
    ask, read = bundles._card, Card.read
    monkeypatch.setattr(bundles, "_card", lambda path: asked.append(path) or ask(path))
    monkeypatch.setattr(Card, "read", lambda path: parsed.append(path) or read(path))
    app = page("evaluation", models=two_models)
    assert sorted(path.parent.name for path in parsed) == ["pneumonia-made", "pneumonia-other"]
    asked.clear()
    app.run()
    assert not app.exception
    assert len(asked) >= 8
    assert len(parsed) == 2


def test_evaluation_page_compares_two_models_on_the_same_films(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    assert plots(app) == 7
    assert "DeLong, 20 films." in texts(app)
    assert "McNemar, 20 films." in texts(app)
    tables = [frame.value for frame in app.dataframe]
    counts = app.table[0].value
    assert list(counts.columns) == ["pneumonia-other right", "pneumonia-other wrong"]
    assert counts.to_numpy().sum() == 20
    rates = next(t for t in tables if "rate_one" in t.columns)
    assert list(rates.index) == ["accuracy", "sensitivity", "specificity"]
    films = next(t for t in tables if "right" in t.columns)
    assert len(films) == counts.iloc[0, 1] + counts.iloc[1, 0]
    behind = int(re.search(r"False negatives: (\d+)", texts(app))[1])
    assert len(app.get("image")) == min(len(films), 12) + min(behind, 12)


@pytest.mark.parametrize("label", ["pneumonia", "normal"])
def test_evaluation_page_says_that_films_of_one_class_have_no_curves(
    page, two_models: Path, label: str
) -> None:
    name = f"pneumonia-{label}-alone"  # a name of its own: loaded models are kept by name
    folder = (two_models / "pneumonia-other").rename(two_models / name)
    card = json.loads((folder / "card.json").read_text())
    write_card(folder, card | {"name": name})
    change_table(
        folder,
        "predictions",
        lambda table: table[(table["split"] != "adults") | (table["label"] == label)],
    )
    app = page("evaluation", models=two_models)
    app.selectbox(key="evaluation_model").set_value(name).run()
    app.segmented_control[0].set_value("adults").run()
    assert not app.exception
    assert any("Curves need films of both" in info.value for info in app.info)


def test_evaluation_page_compares_without_the_films(page, two_models: Path, tmp_path: Path) -> None:
    for data, words in ((None, "Set CXR_DATA"), (tmp_path, "None of these films are under")):
        (tmp_path / "train").mkdir(exist_ok=True)
        app = page("evaluation", models=two_models, data=data)
        assert "DeLong, 20 films." in texts(app)
        assert any(words in caption.value for caption in app.caption)
        assert not app.get("image")
        # The place of the pictures is the table's, whatever cell is looked at.
        app.segmented_control(key="evaluation_cell").set_value("tp").run()
        shown = [frame.value for frame in app.dataframe if "score" in frame.value]
        assert len(shown[0]) == int(re.search(r"True positives: (\d+)", texts(app))[1])


def test_evaluation_page_draws_the_calibration_of_two_models(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    choice = next(part for part in app.multiselect if "Calibration" in part.label)
    assert choice.value == ["pneumonia-made", "pneumonia-other"]
    assert choice.max_selections == 2
    choice.set_value([]).run()
    assert not app.exception
    assert plots(app) == 6


def test_evaluation_page_opens_the_films_behind_a_cell_without_a_pointer(page) -> None:
    app = page("evaluation")
    for code, words in (("tp", "True positives"), ("fp", "False positives")):
        app.segmented_control(key="evaluation_cell").set_value(code).run()
        assert not app.exception
        assert f"{words}: " in texts(app)


def test_every_chart_is_described_and_has_its_values_behind_it(page, two_models: Path) -> None:
    for name in ("evaluation", "training", "dataset"):
        app = page(name, models=two_models)
        charts = app.get("plotly_chart")
        assert all(len(chart.proto.alt) > 10 for chart in charts)
        # A picture is its own description.
        pictures = sum("Mean of" in chart.proto.alt for chart in charts)
        assert len(app.get("popover")) == len(charts) - pictures


def test_evaluation_page_follows_the_threshold_of_the_second_model(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    slider = next(s for s in app.slider if s.label == "Threshold of the second model")
    slider.set_value(1.0).run()
    assert not app.exception
    rates = next(f.value for f in app.dataframe if "rate_other" in f.value.columns)
    assert rates["rate_other"].tolist() == [0.5, 0.0, 1.0]


def test_evaluation_page_lets_the_two_models_change_places(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    app.selectbox(key="evaluation_model").set_value("pneumonia-other").run()
    assert not app.exception
    assert app.selectbox(key="other_model").value == "pneumonia-made"
    assert "DeLong, 20 films." in texts(app)


def test_evaluation_page_says_whose_films_an_external_set_holds(page, two_models: Path) -> None:
    app = page("evaluation", models=two_models)
    assert not app.warning
    app.selectbox(key="evaluation_model").set_value("pneumonia-other").run()
    split = app.segmented_control[0]
    assert split.options == ["validation", "test", "adults"]
    assert split.value == "test"
    split.set_value("adults").run()
    next(s for s in app.slider if s.label == "Threshold").set_value(1.0).run()
    assert not app.exception
    card = next(card for card in cxr.available(two_models) if card.name == "pneumonia-other")
    assert [warning.value for warning in app.warning] == [split_note(card, "adults")]
    assert "none of them shared" in app.info[0].value  # the other model has not scored them
    assert "False negatives: 10 films" in texts(app)
    assert len(app.get("image")) == 10


def test_models_page_shows_the_card(page, made_bundle) -> None:
    app = page("models")
    tables = [table.value for table in app.table]
    facts = next(t for t in tables if "fact" in t and "Epochs" in set(t["fact"]))
    sha256 = facts.set_index("fact")["value"]["Weights (SHA-256)"]
    assert sha256 == made_bundle.card.weights.sha256
    points = next(t for t in tables if "threshold" in t)
    assert [name.split(" ")[0] for name in points["name"]] == [
        point.name for point in made_bundle.card.operating_points
    ]
    every = next(frame.value for frame in app.dataframe if "parameters" in frame.value)
    assert every["model"].tolist() == [made_bundle.card.name]


def test_models_page_starts_with_the_label(page, made_bundle) -> None:
    card = made_bundle.card
    label, figures = (table.value for table in page("models").table[:2])
    said = label.set_index("fact")["value"]
    assert card.finding in said["What for"]
    assert card.population in said["For whom"].lower()
    threshold = plain(f"{card.operating_point().threshold:.3f} or above")
    assert said["Positive at"].startswith(threshold)
    assert card.population in said["Not tried on"]
    assert figures["films of"].tolist() == [s for s in card.evaluation if s != "validation"]
    assert f"({card.evaluation['test'].sensitivity_ci[0]:.3f} to " in figures["sensitivity"][0]


def test_models_page_names_the_commands_that_measure_heatmaps(page) -> None:
    (said,) = [info.value for info in page("models").info]
    assert "python -m cxr evaluate pneumonia-made --data DIR --boxes boxes.csv --store" in said
    assert "python -m cxr audit pneumonia-made --data DIR" in said


def test_models_page_says_how_far_the_heatmaps_hold_up(
    page, made_models: Path, tmp_path: Path
) -> None:
    import streamlit as st

    from cxr.evidence.audit.store import store

    shutil.copytree(made_models, tmp_path / "models")
    model = cxr.load(str(tmp_path / "models" / "pneumonia-made"))
    audited = {"kind": "sanity", "films": "validation", "method": "gradcam", "layer": "conv"}
    on_boxes = audited | {"kind": "boxes", "films": "test"}
    store(
        model,
        [
            audited | {"measure": "randomization_rank", "stage": 0.5, "n": 7, "value": 0.8},
            audited | {"measure": "randomization_rank", "stage": 1.0, "n": 7, "value": 0.71},
            audited | {"kind": "reference", "measure": "reference_difference", "n": 8, "value": 0},
            on_boxes | {"measure": "hit_rate", "n": 9, "value": 0.25, "low": 0.1, "high": 0.5},
            on_boxes | {"measure": "mean.hit_rate", "n": 9, "value": 0.125},
        ],
    )
    st.cache_resource.clear()
    app = page("models", models=tmp_path / "models")
    assert "Grad-CAM: hardly changes when the weights are randomized" in texts(app)
    assert not app.info
    assert plots(app) == 2
    said = {metric.label: metric for metric in app.metric}
    assert {name: metric.value for name, metric in said.items()} == {
        method.title: "No" if name == "gradcam" else "Not tried" for name, method in METHODS.items()
    }
    assert "hardly changes when the weights are randomized" in said["Grad-CAM"].help
    tables = [frame.value for frame in app.dataframe]
    first = next(i for i, t in enumerate(tables) if "random weights" in t)
    (checks,) = tables[first].to_dict("records")
    assert checks["method"] == "Grad-CAM"
    assert checks["random weights"] == "failed"
    assert checks["mirrored film"] == checks["in boxes of test"] == "not done"
    assert checks["as published"] == "passed"
    # The values of a chart stand between them.
    boxes = next(t for t in tables if "hit rate" in t)
    sanity = next(t for t in tables if "tf-keras-vis" in t)
    lungs = next(t for t in tables if "peak inside" in t)
    assert lungs["peak inside"].tolist() == ["not measured"]
    assert boxes["hit rate"].tolist() == ["0.250 (0.100 to 0.500)", "none", "0.125", "none"]
    assert boxes["map"].iloc[0] == "Grad-CAM, conv"
    assert set(boxes["films"]) == {"test, called"}
    assert sanity["randomized"].tolist() == ["0.71"]
    assert sanity["tf-keras-vis"].tolist() == ["equal within 1e-6"]
    (model.folder / "explanations.csv").write_text("nothing")
    st.cache_resource.clear()
    app = page("models", models=tmp_path / "models")
    assert "explanations.csv of pneumonia-made is damaged" in app.error[0].value
    st.cache_resource.clear()


def with_samples(app: AppTest) -> Worklist:
    """Press "Sample films" and wait until they are scored, as the list's own clock would."""
    next(b for b in app.button if b.label == "Sample films").click().run()
    return settled(app)


def settled(app: AppTest) -> Worklist:
    session = app.session_state["reading_session"]
    session.scorer.join()
    app.run()
    assert not app.exception, app.exception[0].message
    return session.worklist


def test_the_film_is_shown_before_what_takes_the_browser_longer(page, monkeypatch) -> None:
    app, order = page("triage"), []
    for part in ("film_view", "first_film_ahead", "reading_list", "score_view"):
        monkeypatch.setattr(f"cxr.web.{part}", _noted(getattr(cxr.web, part), part, order))
    starts: list[int] = []
    monkeypatch.setattr(Scorer, "start", lambda scorer: starts.append(len(order)))
    next(b for b in app.button if b.label == "Sample films").click().run()
    assert not app.exception, app.exception[0].message
    # One run, to its end, and nothing is drawn twice: the scorer begins while the browser paints.
    assert order == ["film_view", "first_film_ahead", "reading_list", "score_view"]
    assert starts[0] == 2
    assert starts[-1] == 4
    assert plots(app) == 0, "Plotly would keep the browser busy for seconds"


def test_the_rest_of_the_page_comes_with_the_first_score(page, monkeypatch) -> None:
    app, order = page("triage"), []
    for part in ("film_view", "reading_list", "score_view"):
        monkeypatch.setattr(f"cxr.web.{part}", _noted(getattr(cxr.web, part), part, order))
    monkeypatch.setattr(sys.modules["cxr.web.reading_list"], "PATIENCE", 60.0)
    next(b for b in app.button if b.label == "Sample films").click().run()
    assert not app.exception, app.exception[0].message
    # The film and the list, then all of the page with the score: the facts are not drawn twice.
    assert order == ["film_view", "reading_list", "film_view", "reading_list", "score_view"]
    session = app.session_state["reading_session"]
    assert not session.worklist.entries[0].waits
    session.scorer.join()


def test_a_long_list_does_not_keep_the_score_of_the_open_film_back(page, monkeypatch) -> None:
    reading_list = sys.modules["cxr.web.reading_list"]
    beats: dict[str, float | None] = {}

    def fragment(part, run_every=None):
        beats[part.__name__] = run_every
        return part

    app = page("triage")
    monkeypatch.setattr(Scorer, "start", lambda scorer: None)
    monkeypatch.setattr(reading_list, "PER_FILM", 100.0)
    monkeypatch.setattr(reading_list.st, "fragment", fragment)
    next(b for b in app.button if b.label == "Sample films").click().run()
    films = len(app.session_state["reading_session"].worklist)
    assert beats["_list"] == reading_list.BEAT + 100 * films
    assert beats["_draw_once_changed"] == reading_list.SOON
    beats.clear()
    list(app.session_state["reading_session"].worklist.score())
    app.run()
    assert not app.exception, app.exception[0].message
    assert "_draw_once_changed" not in beats  # nobody waits any more


def _noted(part, name: str, order: list[str]):
    def noted(*arguments, **options):
        order.append(name)
        return part(*arguments, **options)

    return noted


def test_the_list_follows_the_scorer_by_itself(page) -> None:
    app = page("triage")
    next(b for b in app.button if b.label == "Sample films").click().run()
    session = app.session_state["reading_session"]
    session.scorer.join()
    assert session.seen() != session.drawn, "the list's next beat draws the page anew"
    app.run()
    assert session.seen() == session.drawn


def test_triage_offers_the_films_that_are_there(page) -> None:
    worklist = with_samples(page("triage"))
    assert len(worklist) >= 8
    assert not worklist.waiting
    refused = [e.prediction.refusal.code for e in worklist.entries if e.band == "refused"]
    assert set(refused) <= {"age"}  # the film that comes with pydicom is an adult's
    scores = [e.prediction.score for e in worklist.ordered() if e.band != "refused"]
    assert len(scores) >= 8
    assert scores == sorted(scores, reverse=True)
    assert worklist.chosen == worklist.ordered()[0].number


def drop_site(app: AppTest, content: bytes) -> None:
    """Drop a site's file in, as the uploader's own callback takes it."""
    element = app.file_uploader(key="triage_site")
    element.upload("site.json", content, "application/json").run()
    assert not app.exception, app.exception[0].message


def test_a_sites_file_moves_the_operating_point_of_the_list(page, made_bundle) -> None:
    app = page("triage")
    worklist = with_samples(app)
    before = {e.number: e.prediction for e in worklist.entries}
    site = a_site(made_bundle.card)
    drop_site(app, site.to_bytes())
    worklist = settled(app)
    assert app.selectbox(key="triage_point").value == site.point().name
    for entry in worklist.entries:
        assert entry.prediction.operating_point == site.point().name
        assert entry.prediction.logit == before[entry.number].logit
    assert "Site north: 90 films" in texts(app)
    assert "films of the site" in texts(app)
    next(b for b in app.button if b.label == "Use the card's operating points").click().run()
    worklist = settled(app)
    assert {e.number: e.prediction.score for e in worklist.entries} == {
        number: prediction.score for number, prediction in before.items()
    }


def test_a_sites_file_of_another_model_is_refused(page, made_bundle) -> None:
    app = page("triage")
    other = a_site(made_bundle.card, model="other", weights_sha256="9" * 64)
    for content, said in ((other.to_bytes(), "made for other, not for"), (b"{}", "no site's file")):
        drop_site(app, content)
        assert said in app.error[0].value
        assert "@" not in app.selectbox(key="triage_point").value
    # With the file the word on it goes.
    app.file_uploader(key="triage_site").set_value(None).run()
    assert said not in texts(app)
    drop_site(app, b"{}")
    assert said in texts(app)
    app.switch_page("pages/monitoring.py").run()
    assert said not in texts(app)


def test_a_cleared_list_is_empty_and_can_be_filled_again(page) -> None:
    app = page("triage")
    tabs = sys.modules["cxr.web.tab"]._closed_tabs()
    # What the browser says that it knows the tab by.
    app.session_state["tab_key"] = key = uuid4().hex
    assert tabs.name(app.session_state["reading_tab"], key)
    with_samples(app)
    next(b for b in app.button if b.label == "Clear the list").click().run()
    assert not app.exception, app.exception[0].message
    assert len(app.session_state["reading_session"].worklist) == 0
    assert len(with_samples(app)) >= 8
    # Loaded anew, the tab has the new list back.
    app.session_state["reading_tab"].signs = Signs(lambda: False)
    back = tabs.claim(key, Signs(lambda: True))
    assert back is app.session_state["reading_tab"]
    assert back.kept is app.session_state["reading_session"]


def test_triage_says_how_to_get_films(page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxr.reading_room.samples._from_pydicom", lambda: iter(()))
    app = page("triage", data=None)
    next(b for b in app.button if b.label == "Sample films").click().run()
    assert "10.17632/rscbjbr9sj" in app.info[0].value
    assert "pydicom-data" in app.info[0].value


def test_triage_scores_against_the_operating_point_that_is_chosen(page) -> None:
    app = page("triage")
    with_samples(app)
    box = next(s for s in app.selectbox if s.label == "Operating point")
    box.set_value("fixed-0.6").run()
    worklist = settled(app)
    assert {e.prediction.threshold for e in worklist.entries if e.prediction} == {0.6}


def test_models_with_different_defaults_each_keep_their_own(page, made_models, tmp_path) -> None:
    for finding, default in (("pneumonia", "sensitivity-95"), ("tuberculosis", "youden")):
        copy = copy_bundle(made_models / "pneumonia-made", tmp_path / f"{finding}-made")
        card = json.loads((copy / "card.json").read_text())
        card |= {"name": copy.name, "finding": finding, "default_operating_point": default}
        write_card(copy, card)
    app = page("triage", models=tmp_path)
    box = next(s for s in app.selectbox if s.label == "Operating point")
    assert box.value not in [point["name"] for point in card["operating_points"]]
    worklist = app.session_state["reading_session"].worklist
    assert worklist.point("pneumonia").name == "sensitivity-95"
    assert worklist.point("tuberculosis").name == "youden"
    box.set_value("fixed-0.6").run()
    assert {worklist.point(finding).name for finding in worklist.findings} == {"fixed-0.6"}


def test_triage_gives_a_refused_film_no_score(page) -> None:
    app = page("triage")
    app.session_state["reading_session"].worklist.add("letter.png", b"no picture at all")
    app.run()
    entry = settled(app).entries[0]
    assert entry.band == "refused"
    text = texts(app)
    assert entry.prediction.refusal.reason in text
    assert not re.search(r"\d\.\d\d", text.replace("1.67", "")), "a score is shown"
    # There is nothing to score.
    assert "Score it all the same" not in [b.label for b in app.button]


def test_a_refusal_can_be_overridden_and_the_film_says_so(page) -> None:
    app = page("triage")
    app.session_state["reading_session"].worklist.add(
        "blank.png", png(np.full((200, 200), 90, np.uint8))
    )
    app.run()
    settled(app)
    next(b for b in app.button if b.label == "Score it all the same").click().run()
    worklist = settled(app)
    assert worklist.entries[0].prediction.overridden
    assert "Scored although it was refused" in texts(app)


def press(app: AppTest, label: str) -> None:
    next(b for b in app.button if b.label == label).click().run()
    assert not app.exception


def test_a_negative_is_turned_by_hand_and_the_film_says_so(page) -> None:
    app = page("triage")
    session = app.session_state["reading_session"]
    session.worklist.add("negative.png", png(255 - chest_like(1)))
    app.run()
    entry = settled(app).entries[0]
    refusal = Refusal("negative", "Black and white look changed over.")
    seen = entry.assessment
    seen.prediction = replace(seen.prediction, score=None, band=None, refusal=refusal)
    app.run()
    press(app, "Turn to positive")
    settled(app)
    assert entry.turned
    assert entry.prediction.score is not None
    assert Note.TURNED_BY_HAND.words in texts(app)
    press(app, "Turn back")
    settled(app)
    assert Note.TURNED_BY_HAND.words not in texts(app)


def test_the_readers_word_stays_with_the_film(page) -> None:
    app = page("triage")
    worklist = with_samples(app)
    first = worklist.open()
    assert first.band == "above"
    press(app, "Disagree")
    assert (first.call, first.judgement) == (Call.NO_FINDING, Agreement.OVERRIDE)
    next(s for s in app.selectbox if s.label == "Why").set_value("film quality").run()
    assert first.reason == "film quality"
    app.session_state["reading_session"].choose(worklist.ordered()[1].number)
    app.run()
    assert "Why" not in [s.label for s in app.selectbox]
    press(app, "Unsure")
    calls = [row["call"] for _, row in rows_of(worklist)]
    assert calls[:3] == ["no pneumonia seen", "unsure", None]


def way_to(node, label: str, way: tuple[int, ...] = ()) -> tuple[int, ...] | None:
    """Where a button lies among the blocks of a page."""
    if getattr(node, "label", None) == label:
        return way
    children = getattr(node, "children", {}).items()
    ways = (way_to(child, label, (*way, at)) for at, child in children)
    return next((found for found in ways if found), None)


def test_the_call_has_one_place_for_every_film(page) -> None:
    """A button left over from the film before would take the same key, and call both films."""
    app = page("triage")
    worklist = with_samples(app)
    session = app.session_state["reading_session"]
    plain, told, turned, refused, blind = worklist.ordered()[:5]
    told.notes = (Note.CHROMA, Note.CUT_SHORT)
    turned.turned = True
    seen = refused.assessment
    refusal = Refusal("negative", "Black and white look changed over.")
    seen.prediction = replace(seen.prediction, score=None, band=None, refusal=refusal)

    def way(entry) -> tuple[int, ...] | None:
        session.choose(entry.number)
        app.run()
        assert not app.exception, app.exception[0].message
        return way_to(app.main, "Agree")

    first = way(plain)
    assert first is not None
    assert way(told) == first
    assert way(turned) == first
    assert way(refused) is None
    session.log_error = "The log cannot be had."
    assert way(plain) == first
    app.toggle(key="blind").set_value(True)
    assert way(blind) is None
    worklist.call(blind, Call.FINDING, blind.finding)
    assert way(blind) == first


def test_a_log_that_another_program_locks_costs_no_click(page, tmp_path, monkeypatch) -> None:
    file = tmp_path / "log.sqlite3"
    monkeypatch.setenv("CXR_READINGS_URL", f"sqlite:///{file}")
    Readings()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    app = page("triage")
    worklist = with_samples(app)
    session = app.session_state["reading_session"]
    took = []
    for entry in [e for e in worklist.ordered() if e.assessment.scored][:3]:
        began = time.monotonic()
        session.judge(entry, Agreement.AGREE)
        took.append(time.monotonic() - began)
    assert statistics.median(took) < 0.1, "each would wait for the lock"
    waiting = session.log.backlog.waiting
    assert waiting > 3
    monkeypatch.setattr("cxr.web.trail.PATIENCE", 0)
    app.run()
    assert any(str(waiting) in warning.value for warning in app.warning)
    assert not app.error
    assert app.get("download_button")
    # Where people sign in and the audit trail is required, no film is shown meanwhile.
    session.trail.reader, session.trail.required = "0f" * 16, True
    session.choose(session.worklist.ordered()[1].number)
    app.run()
    assert app.error
    assert not app.get("download_button")
    assert [html for html in app.get("html") if "film-note" in html.proto.body]
    other.execute("ROLLBACK")
    assert session.log.wait(30)
    app.run()
    assert not app.warning
    assert not app.error
    assert app.get("download_button")
    agreed = Readings().table().query("event == 'judged'")
    assert len(agreed) == agreed["film_sha256"].nunique() == 3


def test_blind_reading_shows_no_score_until_the_call(page) -> None:
    app = page("triage")
    app.toggle(key="blind").set_value(True).run()
    worklist = with_samples(app)
    entry = worklist.open()
    assert entry is worklist.entries[0]
    assert "the operating point for" not in texts(app)
    assert plots(app) == 0
    assert "Agree" not in [b.label for b in app.button]
    app.radio[0].set_value(Call.FINDING).run()
    assert (entry.call, entry.blind) == (Call.FINDING, True)
    assert "the operating point for" in texts(app)
    assert "Called blind: **pneumonia seen**" in texts(app)
    press(app, "Agree")
    assert entry.judgement == "agree"


def test_what_is_scored_and_said_stands_in_the_log(page) -> None:
    app = page("triage")
    worklist = with_samples(app)
    log = app.session_state["reading_session"].log

    def rows() -> pd.DataFrame:
        """Of this list: the log is that of all tests."""
        assert log.wait(20)
        table = Readings().table()
        return table[table["list_id"] == table["list_id"].iloc[-1]]

    assert (rows()["event"] == "scored").sum() == len(rows()) == len(worklist)
    press(app, "Disagree")
    last = rows().iloc[-1]
    assert (last["event"], last["agreement"]) == ("judged", "override")
    assert last["film_sha256"] == worklist.open().sha256
    assert last["score"] == pytest.approx(worklist.open().prediction.score)
    assert last["mean"] == pytest.approx(worklist.open().film().pixels.mean(), abs=0.02)


def test_a_log_that_cannot_be_had_is_said_and_reading_goes_on(
    page, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import streamlit as st

    (tmp_path / "log.sqlite3").write_bytes(b"no database" * 100)
    monkeypatch.setenv("CXR_READINGS_URL", f"sqlite:///{tmp_path / 'log.sqlite3'}")
    st.cache_resource.clear()
    app = page("triage")
    worklist = with_samples(app)
    assert "Readings are not kept" in app.warning[0].value
    press(app, "Agree")
    assert worklist.open().judgement == "agree"
    st.cache_resource.clear()


def shown_method(app: AppTest) -> str:
    """By which method the viewer shows the open film."""
    place = app.session_state["reading_session"]
    return place.maps.shown(place.worklist.open()).method


def method_choice(app: AppTest):
    """Where the method of heatmaps is chosen: another element after each choice by key."""
    (found,) = [box for box in app.selectbox if box.label == "Heatmap by"]
    return found


def worked_out(app: AppTest) -> None:
    """Wait for what is under way, as the page's own clock would."""
    assert app.session_state["reading_session"].maps.explainer.join(120)
    app.run()
    assert not app.exception, app.exception[0].message


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def heat_shown(app: AppTest):
    place = app.session_state["reading_session"]
    return place.maps.heat(place.worklist.open())


def test_triage_says_how_much_of_the_map_lies_in_the_lungs(page, monkeypatch) -> None:
    found(monkeypatch)
    app = page("triage")
    with_samples(app)
    for method in ("gradcam", "layercam"):
        method_choice(app).set_value(method).run()
        worked_out(app)
        heat = heat_shown(app)
        assert heat.method == method
        assert (heat.sentence or heat.words) in texts(app)


def test_triage_says_beside_the_map_that_it_lies_outside_the_lungs(page, monkeypatch) -> None:
    heat = measured(0.2)
    monkeypatch.setattr("cxr.scoring.predict.heat_in_lungs", lambda *_: heat)
    app = page("triage")
    with_samples(app)
    assert heat_shown(app).remark.code == "heat_and_peak_outside"
    assert texts(app).count(heat.sentence) == 1


def test_triage_gives_a_reason_where_no_lungs_were_found(page, monkeypatch) -> None:
    found(monkeypatch, Search(None, NO_LUNGS))
    app = page("triage")
    with_samples(app)
    assert NO_LUNGS.reason in texts(app)
    assert "of heat in lungs" not in texts(app)


def test_models_without_a_lung_network_say_so_on_their_page_alone(page) -> None:
    app = page("triage")
    with_samples(app)
    assert heat_shown(app).remark.code == "no_network"
    assert "lung" not in texts(app)
    assert "lung network is missing" in texts(page("models"))


def test_a_method_of_one_pass_is_chosen_and_stays_for_the_next_film(page) -> None:
    app = page("triage")
    worklist = with_samples(app)
    assert method_choice(app).value == shown_method(app) == "gradcam"
    assert "1 pass, " in texts(app)
    method_choice(app).set_value("layercam").run()
    worked_out(app)
    assert shown_method(app) == "layercam"
    app.session_state["reading_session"].choose(worklist.ordered()[1].number)
    app.run()
    worked_out(app)
    assert method_choice(app).value == shown_method(app) == "layercam"
    press(app, "Next")
    worked_out(app)
    assert shown_method(app) == "hirescam"
    # The key is pressed twice before the page is drawn: the second press counts from the first.
    app.session_state["reading_session"].maps.choose("gradcam")
    press(app, "Next")
    assert method_choice(app).value == "gradcam++"


def test_a_slow_method_says_how_long_it_takes_before_it_starts(page) -> None:
    app = page("triage")
    worklist = with_samples(app)
    method_choice(app).set_value("smoothgrad").run()
    worked_out(app)
    assert re.search("(About|Less than) .* s", texts(app))
    assert shown_method(app) == "gradcam"
    press(app, "Work out")
    worked_out(app)
    assert shown_method(app) == "smoothgrad"
    assert re.search(r"\d passes, ", texts(app))
    # The next film waits to be asked, and shows what costs nothing meanwhile.
    app.session_state["reading_session"].choose(worklist.ordered()[1].number)
    app.run()
    assert "Work out" in labels(app)
    assert shown_method(app) == "gradcam"


def test_a_slow_method_is_stopped_and_the_former_map_stays(
    page, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from cxr.scoring.explain import StoppedError

    under_way, turn = threading.Event(), threading.Event()

    def slow(bundle, films, *, method, progress, stopped):
        progress(1, 4)
        under_way.set()
        assert turn.wait(60)
        assert stopped()
        raise StoppedError

    app = page("triage")
    with_samples(app)
    method_choice(app).set_value("occlusion").run()
    worked_out(app)
    monkeypatch.setattr("cxr.reading_room.explainer.heatmaps", slow)
    press(app, "Work out")
    assert under_way.wait(60)
    app.run()
    assert "Work out" not in labels(app)
    press(app, "Stop")
    turn.set()
    worked_out(app)
    assert "Stopped." in texts(app)
    assert "Work out" in labels(app)
    assert shown_method(app) == "gradcam"


def test_a_refused_or_hidden_film_has_no_choice_of_method(page) -> None:
    app = page("triage")
    app.session_state["reading_session"].worklist.add(
        "blank.png", png(np.full((200, 200), 90, np.uint8))
    )
    app.run()
    worklist = settled(app)
    assert worklist.entries[0].band == "refused"
    for _ in range(2):
        assert "method" not in [box.key for box in app.selectbox]
        assert "Next" not in labels(app)
        assert next(b for b in app.button if b.label == "Methods").disabled
        # And then a film whose score is hidden until its reader has called it.
        with_samples(app)
        app.session_state["reading_session"].choose(worklist.entries[1].number)
        app.toggle(key="blind").set_value(True).run()
    assert app.session_state["reading_session"].maps.shown(worklist.entries[1]) is None


def test_the_same_film_stands_beside_itself_by_another_method(page) -> None:
    from cxr.web import beside_of

    app = page("triage")
    worklist = with_samples(app)
    app.selectbox(key="beside_method").set_value("hirescam").run()
    worked_out(app)
    place = app.session_state["reading_session"]
    beside = beside_of(place, worklist.open())
    assert (beside.heatmap.method, beside.name) == ("hirescam", worklist.open().name)
    # One thing stands beside: another film puts the method away.
    other = worklist.ordered()[1]
    app.selectbox(key="beside").set_value(other.number).run()
    assert app.selectbox(key="beside_method").value is None
    assert beside_of(place, worklist.open()).name == other.name


def test_all_methods_at_once(page) -> None:
    app = page("triage")
    with_samples(app)
    press(app, "Methods")
    worked_out(app)
    assert labels(app).count("Show") == 4
    assert labels(app).count("Work out") == 4
    text = texts(app)
    for method in METHODS.values():
        assert method.title in text
        assert method.sign in text
    assert CAPTION in text
    app.toggle(key="overview_scale").set_value(True).run()
    assert not app.exception
    app.button(key="show_tile_layercam").click().run()
    assert shown_method(app) == "layercam"
    assert "Show" not in labels(app)


def test_exports_take_the_map_that_is_shown(page) -> None:
    from cxr import exports as report

    app = page("triage")
    worklist = with_samples(app)
    method_choice(app).set_value("layercam").run()
    place = app.session_state["reading_session"]
    scored = [entry for entry in worklist.entries if entry.band != "refused"]
    items = list(report.items_of(worklist.entries, place.maps.exported))
    found = [item.prediction.heatmap for item in items if item.prediction.heatmap]
    assert {heatmap.method for heatmap in found} == {"layercam"}
    assert len(found) == len(scored)
    # The predictions of the list stay as they are.
    assert {entry.prediction.heatmap.method for entry in scored} == {"gradcam"}


def test_a_film_is_scored_without_a_convolution_and_says_why_it_has_no_map(
    page, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras
    import streamlit as st

    from cxr.networks.network import Network

    film = keras.Input((64, 64, 1))
    score = keras.layers.Dense(1)(keras.layers.Flatten()(film))
    flat = Network(keras.Model(film, score, name="flat"))
    monkeypatch.setattr("cxr.scoring.classifier.shared_network", lambda bundle: flat)
    st.cache_resource.clear()
    app = page("triage")
    worklist = with_samples(app)
    worked_out(app)
    entry = worklist.open()
    assert entry.prediction.score is not None
    assert entry.prediction.heatmap is None
    assert "flat has no convolution" in texts(app)
    method_choice(app).set_value("smoothgrad").run()
    worked_out(app)
    press(app, "Work out")
    worked_out(app)
    assert shown_method(app) == "smoothgrad"
    st.cache_resource.clear()


def test_models_page_warns_where_pictures_of_films_are_not_told(
    page, made_models: Path, tmp_path: Path
) -> None:
    import streamlit as st

    app = page("models")
    assert [w.value for w in app.warning] == [NO_PICTURE_CHECK]
    models = Path(shutil.copytree(made_models, tmp_path / "models"))
    shutil.copytree(ROOT / "models" / KIND, models / KIND)
    st.cache_resource.clear()
    app = page("models", models=models)
    assert not app.warning
    told = next(frame.value for frame in app.dataframe if "shown as" in frame.value)
    assert {"film", "negative", "screenshot"} <= set(told["shown as"])
    (weights,) = (models / KIND).glob("*.npz")
    weights.write_bytes(b"no weights")
    damaged = models.rename(tmp_path / "damaged")
    st.cache_resource.clear()
    app = page("models", models=damaged)
    assert any("picture check" in error.value for error in app.error)
    st.cache_resource.clear()


def test_models_page_tells_how_steady_the_scores_are(
    page, made_models: Path, tmp_path: Path
) -> None:
    import streamlit as st

    from cxr.evidence.steadiness import COLUMNS, DISTURBANCES, FILE

    models = Path(shutil.copytree(made_models, tmp_path / "models"))
    st.cache_resource.clear()
    app = page("models", models=models)
    assert any("--checks steadiness" in caption.value for caption in app.caption)
    model = cxr.load(str(models / "pneumonia-made"))
    logits = {kind: [-9.0, 9.0] for kind in ("clean", *DISTURBANCES)}
    rows = pd.DataFrame(logits).assign(
        weights=model.card.weights.sha256, path=["a", "b"], patient=["a", "b"]
    )
    replace_evidence(cxr.load("pneumonia-made", folder=models), FILE, rows[COLUMNS])
    st.cache_resource.clear()
    app = page("models", models=models)
    shown = next(frame.value for frame in app.dataframe if "steady" in frame.value)
    assert shown["steady"].tolist() == ["yes"] * len(DISTURBANCES)
    st.cache_resource.clear()
