"""Figures of a site's own films."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from cxr import figures
from cxr.figures.words import alt_text, values
from cxr.site.costs import Programme, over_thresholds
from cxr.site.subgroups import subgroups
from cxr.stats.band import band_in_between
from cxr.stats.waiting import Queue, waiting
from tests.figures.test_golden import FOLDER, assert_account

CLASSES = ("normal", "tuberculosis")


def scores(n=800, seed=0, apart=0.4):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % 2
    return np.clip(rng.normal(0.3 + apart * truth, 0.12), 0.001, 0.999), truth


SCORES, TRUTH = scores()
FILMS = pd.DataFrame(
    {"score": SCORES, "truth": TRUTH, "sex": np.repeat(["F", "M", ""], [400, 390, 10])}
)
DRAWN = {
    "class_scores": lambda **k: figures.class_scores(
        (SCORES, TRUTH), scores(300, 1), CLASSES, 0.5, **k
    ),
    "subgroup_rates": lambda **k: figures.subgroup_rates(subgroups(FILMS, 0.5), **k),
    "programme": lambda **k: figures.programme(
        over_thresholds(SCORES, TRUTH, Programme(0.05)), 0.5, **k
    ),
    "band_of_scores": lambda **k: figures.band_of_scores(
        SCORES, TRUTH, CLASSES, band_in_between(SCORES, TRUTH), **k
    ),
    "waiting_times": lambda **k: figures.waiting_times(
        waiting(Queue(10, 5, 1), 0.1, 0.9, 0.8), **k
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_is_drawn_as_it_was(name):
    assert_account(DRAWN[name](theme="dark"), FOLDER / f"site_{name}.json")


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_figure_has_a_title_words_and_values(name, theme):
    figure = DRAWN[name](theme=theme)
    assert isinstance(figure, go.Figure)
    assert 0 < len(figure.layout.title.text) <= 45
    assert figure.layout.title.text in alt_text(figure)
    assert not values(figure).empty


def test_validation_without_films_leaves_the_site_alone():
    figure = figures.class_scores((SCORES, TRUTH), ([], []), CLASSES, 0.5)
    assert len(figure.data) == 2


def test_the_band_is_drawn_where_a_person_decides():
    band = band_in_between(SCORES, TRUTH)
    figure = DRAWN["band_of_scores"]()
    (rect,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (rect.x0, rect.x1) == (band.below.threshold, band.above.threshold)


def test_no_band_is_the_whole_width():
    few = band_in_between(SCORES[:20], TRUTH[:20])
    figure = figures.band_of_scores(SCORES[:20], TRUTH[:20], CLASSES, few)
    (rect,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (rect.x0, rect.x1) == (0, 1)
    assert "100" in figure.layout.title.text


def test_a_group_without_films_enough_says_so():
    figure = DRAWN["subgroup_rates"]()
    assert "too few films" in [note.text for note in figure.layout.annotations]


def test_a_queue_that_grows_without_end_is_not_drawn():
    with pytest.raises(ValueError, match="keep up"):
        figures.waiting_times(waiting(Queue(100, 5, 1), 0.1, 0.9, 0.8))
