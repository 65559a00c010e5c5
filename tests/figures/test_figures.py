import dataclasses
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

from cxr import figures
from cxr.evidence.comparison import compare_pair
from cxr.evidence.evaluation import Confusion, by_subtype, generalisation_gap
from cxr.figures.theme import MOST_STEPS, THEMES, share_ticks
from cxr.scoring.operating_points import Calibration
from cxr.stats.curves import PrecisionRecall, Reliability, RocCurve
from cxr.stats.wording import percent
from cxr.training.recipes import RECIPES
from tests.stored import stored

CLASSES = ["normal", "pneumonia"]
ONE, TWO = "pneumonia-efficientnet-lite0", "pneumonia-small-cnn"
# A title longer than this is cut in a column of three on a page 1,440 pixels wide.
LONGEST_TITLE = 38


def sample(n=624, seed=0):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) >= 234).astype(int)
    return 1 / (1 + np.exp(-rng.normal(0, 1.5, n) - 3 * labels + 1.5)), labels


SCORES, LABELS = sample()
FILMS = pd.DataFrame(
    {
        "path": [f"test/film{i}.jpeg" for i in range(624)],
        "label": np.where(LABELS == 1, "pneumonia", "normal"),
        "subtype": np.where(LABELS == 0, "", np.where(np.arange(624) < 615, "virus", "bacteria")),
        "width": 224,
        "height": 224,
    }
)
HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3],
        "loss": [0.6, 0.4, 0.2],
        "accuracy": [0.7, 0.8, 0.9],
        "auc": [0.8, 0.9, 0.99],
        "val_loss": [0.7, 0.5, 0.6],
        "val_accuracy": [0.7, 0.8, 0.8],
        "val_auc": [0.75, 0.9, 0.88],
        "learning_rate": [3e-4, 1e-4, 1e-5],
        "seconds": [10, 10, 10],
    }
)
BALANCE = pd.DataFrame(
    [
        ("test", "normal", 234, 200, 0.375),
        ("test", "pneumonia", 390, 300, 0.625),
        ("train", "normal", 1349, 1000, 0.258),
        ("train", "pneumonia", 3883, 2500, 0.742),
    ],
    columns=["split", "label", "films", "patients", "share"],
)
COUNTS = Confusion(tn=200, fp=34, fn=10, tp=380)
ROC = RocCurve.from_scores(SCORES, LABELS)
RECALL = PrecisionRecall.from_scores(SCORES, LABELS)
BINS = Reliability.from_scores(SCORES, LABELS)


def explanations():
    """What is known of the heatmaps of a model, by two methods, one of them slow."""
    facts = {"weights": "w", "layer": "", "films": "validation", "kind": "sanity"}
    rows = [
        facts
        | {"method": method, "measure": "randomization_rank", "stage": stage, "n": n}
        | {"value": value, "low": value - 0.1, "high": value + 0.1}
        for method, n, points in (
            ("gradcam", 32, {0.1: 0.9, 0.5: 0.3, 1.0: 0.1}),
            ("occlusion", 4, {0.1: 0.7, 1.0: 0.6}),
        )
        for stage, value in points.items()
    ]
    for method in ("gradcam", "occlusion"):
        for place, prefix in enumerate(("", "centre.", "mean.", "random.")):
            value = 0.5 - place / 10
            rows.append(
                facts
                | {"kind": "boxes", "films": "test", "method": method, "stage": np.nan, "n": 86}
                | {"measure": f"{prefix}hit_rate", "value": value}
                | {"low": value - 0.1, "high": value + 0.2}
            )
    return pd.DataFrame(rows)


EXPLAINED = explanations()


def scored(name, logits):
    """What the comparison of two models takes of one."""
    card = SimpleNamespace(
        name=name,
        classes=CLASSES,
        calibration=Calibration(1.0),
        operating_point=lambda: SimpleNamespace(threshold=0.5),
    )
    table = FILMS.assign(split="test", patient=FILMS["path"], logit=logits)
    return stored(card, table)


LOGITS = np.log(SCORES / (1 - SCORES))
PAIR = compare_pair(
    scored(ONE, LOGITS),
    scored(TWO, LOGITS + np.random.default_rng(1).normal(0, 1, 624)),
    "test",
    thresholds=(0.4, 0.6),
)

DRAWN = {
    "confusion_matrix": lambda **k: figures.confusion_matrix(
        COUNTS, CLASSES, threshold=0.41, split="test", **k
    ),
    "roc": lambda **k: figures.roc({ONE: ROC}, {ONE: {"youden": 0.5}}, **k),
    "roc of two": lambda **k: figures.roc({ONE: ROC, TWO: ROC}, **k),
    "precision_recall": lambda **k: figures.precision_recall({ONE: RECALL}, **k),
    "reliability": lambda **k: figures.reliability({ONE: BINS}, **k),
    "score_pairs": lambda **k: figures.score_pairs(PAIR, **k),
    "score_histogram": lambda **k: figures.score_histogram(
        SCORES, LABELS, CLASSES, 0.41, (0.35, 0.5), paths=list(FILMS["path"]), **k
    ),
    "subtypes": lambda **k: figures.subtypes(by_subtype(FILMS, SCORES, 0.5), **k),
    "training_curves": lambda **k: figures.training_curves({ONE: HISTORY}, "auc", **k),
    "training_curves of two": lambda **k: figures.training_curves(
        {ONE: HISTORY, TWO: HISTORY}, "accuracy", **k
    ),
    "learning_rate": lambda **k: figures.learning_rate({ONE: HISTORY}, **k),
    "gap": lambda **k: figures.gap({ONE: generalisation_gap(HISTORY)}, **k),
    "class_balance_bars": lambda **k: figures.class_balance_bars(BALANCE, **k),
    "class_balance_pie": lambda **k: figures.class_balance_pie(BALANCE, "train", **k),
    "film_sizes": lambda **k: figures.film_sizes(FILMS, **k),
    "mean_film": lambda **k: figures.mean_film(np.full((6, 4), 0.5), "Mean of 9 films", **k),
    "randomization": lambda **k: figures.randomization(EXPLAINED, **k),
    "box_hits": lambda **k: figures.box_hits(EXPLAINED, "test", **k),
}


def trace(figure, name):
    (found,) = [t for t in figure.data if t.name == name]
    return found


# what holds for all


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_figure_wears_the_template_and_a_short_title(name, theme):
    figure = DRAWN[name](theme=theme)
    assert isinstance(figure, go.Figure)
    assert figure.data
    assert figure.layout.template == pio.templates[f"cxr-{theme}"]
    assert 0 < len(figure.layout.title.text) <= LONGEST_TITLE
    assert figure.layout.width is None
    assert "jet" not in figure.to_json()
    other = DRAWN[name](theme="light" if theme == "dark" else "dark")
    assert figure.layout.title.text == other.layout.title.text


@pytest.mark.parametrize("name", DRAWN)
def test_axes_write_shares_as_texts_do(name: str) -> None:
    figure = DRAWN[name](theme="dark")
    axes = [*figure.select_xaxes(), *figure.select_yaxes()]
    assert not any("%" in (axis.tickformat or "") and axis.type != "date" for axis in axes)


@pytest.mark.parametrize("top", [0.0, 0.0004, 0.013, 0.06, 0.35, 0.61, 1.0])
def test_ticks_of_shares_reach_the_largest_and_are_few(top: float) -> None:
    ticks = share_ticks(top)
    values, texts = ticks["tickvals"], ticks["ticktext"]
    assert values[0] == 0
    assert top <= values[-1] <= 1
    assert len(values) <= MOST_STEPS + 2
    assert [float(text.removesuffix(" %")) / 100 for text in texts] == pytest.approx(values)


@pytest.mark.parametrize("name", DRAWN)
def test_an_unknown_theme_is_refused(name):
    with pytest.raises(ValueError, match=r"Expected a theme of dark, light\. Received: sepia"):
        DRAWN[name](theme="sepia")


def test_templates_are_transparent_with_titles_at_the_left():
    for theme in THEMES:
        layout = pio.templates[f"cxr-{theme}"].layout
        assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
        assert layout.title.xanchor == "left"


def contrast(one, two):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted([luminance(one), luminance(two)], reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "ground"), [("dark", "#0e0f11"), ("light", "#ffffff")])
def test_text_and_thresholds_stand_out(theme, ground):
    look = THEMES[theme]
    assert contrast(look.text, ground) >= 7
    assert contrast(look.muted, ground) >= 4.5
    assert contrast(look.accent, ground) >= 4.5
    assert all(contrast(look.text, shade) >= 4.5 for shade in look.scale)


def test_a_model_has_one_colour_in_every_session_and_the_networks_differ():
    for finding in ("pneumonia", "tuberculosis"):
        names = [name for name in RECIPES if name.startswith(finding)]
        assert len({figures.model_colour(name) for name in names}) == len(names)
    code = f"from cxr.figures import model_colour; print(model_colour({ONE!r}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == figures.model_colour(ONE)
    assert trace(DRAWN["learning_rate"](), ONE).line.color == figures.model_colour(ONE)
    assert DRAWN["roc"]().data[1].line.color == figures.model_colour(ONE)


# calls


def test_confusion_matrix_says_what_each_cell_is():
    figure = DRAWN["confusion_matrix"]()
    assert figure.layout.title.text == "Where the 624 test films fall at 0.410"
    cells = trace(figure, "cells")
    found = {
        code: (x, y, name, sentence)
        for x, y, (code, name, sentence) in zip(cells.x, cells.y, cells.customdata, strict=True)
    }
    assert found == {
        "tn": (0, 0, "true negative", "200 of 234 normal films: below 0.410"),
        "fp": (1, 0, "false positive", "34 of 234 normal films: 0.410 or above"),
        "fn": (0, 1, "false negative", "10 of 390 pneumonia films: below 0.410"),
        "tp": (1, 1, "true positive", "380 of 390 pneumonia films: 0.410 or above"),
    }
    assert cells.type == "scatter"  # the only kind that Streamlit can select
    assert cells.marker.opacity == 0
    written = {(a.x, a.y, a.text) for a in figure.layout.annotations}
    assert {(0, 0, "200"), (0, 0, "85.5 % of row"), (0, 0, "true negative")} <= written
    assert {(1, 1, "380"), (1, 1, "97.4 % of row"), (1, 1, "true positive")} <= written


def test_rows_of_the_matrix_run_downwards_like_its_labels():
    figure = DRAWN["confusion_matrix"]()
    top, bottom = figure.layout.yaxis.range[1], figure.layout.yaxis.range[0]
    assert top < bottom
    assert figure.layout.yaxis.ticktext == ("normal", "pneumonia")
    (heat,) = [t for t in figure.data if t.type == "heatmap"]
    assert np.asarray(heat.z) == pytest.approx(
        np.array([[200 / 234, 34 / 234], [10 / 390, 380 / 390]])
    )


def test_a_matrix_without_films_of_a_class_is_drawn():
    figure = figures.confusion_matrix(Confusion(0, 0, 1, 2), CLASSES)
    assert figure.layout.title.text == "Where the 3 films fall"
    assert [a.text for a in figure.layout.annotations].count("no films") == 2
    with pytest.raises(ValueError, match="Expected two classes, negative first"):
        figures.confusion_matrix(COUNTS, ["normal"])


def test_score_histogram_holds_every_film_mirrored():
    figure = DRAWN["score_histogram"]()
    up, down = trace(figure, "pneumonia, upwards"), trace(figure, "normal, downwards")
    assert sum(up.y) == 390
    assert sum(down.y) == -234
    assert up.marker.pattern.shape != down.marker.pattern.shape
    assert [abs(int(t.replace(",", ""))) for t in figure.layout.yaxis.ticktext] == [
        abs(v) for v in figure.layout.yaxis.tickvals
    ]
    ticks = trace(figure, "films, pneumonia")
    assert list(ticks.customdata) == list(FILMS["path"][LABELS == 1])
    assert ticks.x == pytest.approx(SCORES[LABELS == 1])


def test_score_histogram_shows_threshold_and_near():
    figure = DRAWN["score_histogram"]()
    zone, line = figure.layout.shapes
    assert (zone.x0, zone.x1) == (0.35, 0.5)
    assert (line.x0, line.x1) == (0.41, 0.41)
    assert line.line.color == THEMES["dark"].accent
    (note,) = figure.layout.annotations
    assert note.text == "threshold 0.410, near 0.350 to 0.500"


@pytest.mark.parametrize(("threshold", "anchor"), [(0.05, "left"), (0.5, "center"), (0.9, "right")])
def test_the_threshold_note_stays_inside(threshold, anchor):
    figure = figures.score_histogram(SCORES, LABELS, CLASSES, threshold, (threshold, threshold))
    assert figure.layout.annotations[0].xanchor == anchor


def test_subtypes_draws_no_rate_from_few_films():
    table = by_subtype(FILMS, SCORES, 0.5)
    figure = figures.subtypes(table)
    rate = table.loc[table["subtype"] == "virus", "rate"].iloc[0]
    assert figure.layout.title.text == f"Found least often: virus, {percent(rate)}"
    found = trace(figure, "with the finding: found")
    assert list(found.y) == ["virus, 381 films"]
    assert found.x[0] == pytest.approx(rate)
    normal = trace(figure, "normal: false alarms")
    assert normal.marker.symbol != found.marker.symbol
    (note,) = figure.layout.annotations
    assert (note.y, note.text) == ("bacteria, 9 films", "too few films for a rate")


# pairs


def test_score_pairs_draws_every_film_at_both_scores_and_names_it():
    figure = DRAWN["score_pairs"]()
    normal, ill = trace(figure, "normal, 234 films"), trace(figure, "pneumonia, 390 films")
    for drawn, label in ((normal, "normal"), (ill, "pneumonia")):
        rows = PAIR.films[PAIR.films["label"] == label]
        assert list(drawn.x) == list(rows["score_one"])
        assert list(drawn.y) == list(rows["score_other"])
        assert [row[0] for row in drawn.customdata] == list(rows["path"])
        assert "%{customdata[0]}" in drawn.hovertemplate
        assert f"{ONE} %{{x:.3f}}" in drawn.hovertemplate
    assert {row[1] for row in normal.customdata} == {"normal"}
    assert {row[1] for row in ill.customdata} == {"pneumonia (virus)", "pneumonia (bacteria)"}


def test_score_pairs_tells_labels_by_shape_and_stresses_where_calls_differ():
    figure = DRAWN["score_pairs"]()
    differ = PAIR.films["call_one"] != PAIR.films["call_other"]
    assert figure.layout.title.text == f"The two differ on {differ.sum()} of 624 films"
    marks = [drawn.marker for drawn in figure.data]
    assert len({mark.symbol for mark in marks}) == len({mark.color for mark in marks}) == 2
    strong = [value == 1 for mark in marks for value in mark.opacity]
    assert sum(strong) == differ.sum()


def test_score_pairs_shades_and_counts_the_corners_where_one_alone_is_above():
    figure = DRAWN["score_pairs"]()
    shades = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    below, above = shades  # each beyond the last score, where no film hides what is said of it
    assert (below.x0, below.y1, above.x1, above.y0) == (0.4, 0.6, 0.4, 0.6)
    assert below.x1 > 1 > 0 > below.y0
    assert above.y1 > 1 > 0 > above.x0
    lines = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert (lines[0].x0, lines[0].x1) == (0.4, 0.4)
    assert (lines[1].y0, lines[1].y1) == (0.6, 0.6)
    one, other = PAIR.films["call_one"], PAIR.films["call_other"]
    ill = PAIR.films["label"] == "pneumonia"
    below, above = figure.layout.annotations
    for note, alone in ((below, one & ~other), (above, other & ~one)):
        assert note.text == f"{alone.sum()} films,<br>{(alone & ill).sum()} pneumonia"
    assert (below.x, below.yanchor, above.x, above.yanchor) == (1, "bottom", 0, "top")
    assert below.y < 0 < 1 < above.y
    assert figure.layout.xaxis.title.text == f"Score of {ONE}, threshold 0.400"


def test_score_pairs_of_one_class_draws_that_class():
    films = PAIR.films[PAIR.films["label"] == "normal"]
    figure = figures.score_pairs(dataclasses.replace(PAIR, films=films))
    assert [drawn.name for drawn in figure.data] == ["normal, 234 films"]


# curves


def test_roc_draws_the_curve_and_marks_the_operating_point():
    figure = DRAWN["roc"]()
    curve = figure.data[1]
    assert list(curve.x) == list(ROC.false_positive_rate)
    assert list(curve.y) == list(ROC.true_positive_rate)
    assert curve.customdata[0] == "above every score"
    assert curve.customdata[5] == f"{ROC.thresholds[5]:.3f}"
    assert "%{customdata}" in curve.hovertemplate
    mark = trace(figure, "youden")
    assert (mark.x[0], mark.y[0]) == ROC.at(0.5)
    assert mark.marker.color == THEMES["dark"].accent
    assert figure.layout.title.text == f"AUC {ROC.auc:.3f} on 624 films"


def test_models_differ_by_dash_as_well_as_colour():
    lines = [t for t in DRAWN["roc of two"]().data if t.name != "chance"]
    assert len({t.line.dash for t in lines}) == 2
    said = DRAWN["roc of two"]().layout.title.subtitle.text
    assert said == f"2 models, AUC {ROC.auc:.3f} to {ROC.auc:.3f}"


def test_one_operating_point_of_two_models_has_one_legend_entry():
    figure = figures.roc({ONE: ROC, TWO: ROC}, {ONE: {"youden": 0.5}, TWO: {"youden": 0.4}})
    marks = [t for t in figure.data if t.name == "youden"]
    assert [t.showlegend for t in marks] == [True, False]
    assert marks[0].marker.symbol == marks[1].marker.symbol


def test_thresholds_of_an_unknown_model_are_refused():
    with pytest.raises(ValueError, match=f"Expected thresholds of {ONE}. Received: vgg"):
        figures.roc({ONE: ROC}, {"vgg": {"youden": 0.5}})


def test_precision_recall_has_its_chance_line_at_the_prevalence():
    figure = figures.precision_recall({ONE: RECALL}, {ONE: {"youden": 0.5}})
    assert set(trace(figure, "chance").y) == {RECALL.prevalence}
    mark = trace(figure, "youden")
    assert (mark.x[0], mark.y[0]) == RECALL.at(0.5)


def test_reliability_draws_the_intervals():
    figure = DRAWN["reliability"]()
    drawn = figure.data[1]
    assert list(drawn.x) == list(BINS.mean_score)
    assert drawn.y + drawn.error_y.array == pytest.approx(BINS.interval_high)
    assert drawn.y - drawn.error_y.arrayminus == pytest.approx(BINS.interval_low)
    assert figure.layout.title.text == f"Scores are off by {BINS.ece:.3f} on average"


@pytest.mark.parametrize("name", ["roc", "precision_recall", "reliability", "learning_rate", "gap"])
def test_nothing_to_draw_is_said(name):
    with pytest.raises(ValueError, match="Expected at least one"):
        getattr(figures, name)({})


# runs


def test_training_is_dashed_validation_solid_and_the_best_epoch_ringed():
    figure = DRAWN["training_curves"]()
    train, valid = trace(figure, "training"), trace(figure, "validation")
    two = DRAWN["training_curves of two"]()
    assert {f"{ONE}, training", f"{TWO}, validation"} <= {drawn.name for drawn in two.data}
    assert (train.line.dash, valid.line.dash) == ("dash", "solid")
    assert list(train.y) == [0.8, 0.9, 0.99]
    assert list(valid.y) == [0.75, 0.9, 0.88]
    best = trace(figure, "best epoch")
    assert (best.x[0], best.y[0]) == (2, 0.9)
    assert figure.layout.title.text == "Validation AUC 0.900"
    assert figure.layout.title.subtitle.text == "At the best epoch, 2"


def test_another_epoch_can_be_marked():
    figure = figures.training_curves({ONE: HISTORY}, "loss", best={ONE: 3})
    best = trace(figure, "best epoch")
    assert (best.x[0], best.y[0]) == (3, 0.6)
    with pytest.raises(ValueError, match=r"Expected an epoch of .* Received: 9"):
        figures.training_curves({ONE: HISTORY}, "loss", best={ONE: 9})


def test_a_loss_is_drawn_on_a_logarithmic_axis():
    assert figures.training_curves({ONE: HISTORY}, "loss").layout.yaxis.type == "log"
    assert figures.training_curves({ONE: HISTORY}, "auc").layout.yaxis.type is None


def test_every_tick_of_a_loss_is_the_whole_number():
    axis = figures.training_curves({ONE: HISTORY}, "loss").layout.yaxis
    assert [float(text) for text in axis.ticktext] == list(axis.tickvals)


@pytest.mark.parametrize("metric", ["loss", "auc"])
def test_several_figures_can_have_one_axis(metric):
    other = HISTORY.assign(**{metric: [4.0, 0.2, 0.1]})
    low, high = figures.metric_span([HISTORY, other], metric)
    assert (low, high) == (0.1, 4.0)
    axis = figures.training_curves({ONE: HISTORY}, metric, span=(low, high)).layout.yaxis.range
    ends = np.power(10.0, axis) if metric == "loss" else axis
    assert ends[0] < low < high < ends[1]
    blind = HISTORY.assign(**{metric: np.nan, f"val_{metric}": np.nan})
    assert figures.metric_span([blind], metric) is None
    assert figures.metric_span([], metric) is None


def test_the_epochs_that_were_kept_are_shaded_and_hover_tells_the_recipe():
    figure = figures.training_curves(
        {ONE: HISTORY}, "auc", kept={ONE: (2, 3)}, notes={ONE: ["adam <b>", "batch 32"]}
    )
    (band,) = figure.layout.shapes
    assert band.x0 < 2 < 3 < band.x1 < 4
    assert not figures.training_curves({ONE: HISTORY}, "auc", kept={TWO: (1, 1)}).layout.shapes
    for line in (drawn for drawn in figure.data if drawn.name in ("training", "validation")):
        assert "<br>adam &lt;b&gt;<br>batch 32" in line.hovertemplate


def test_runs_say_what_is_wrong():
    with pytest.raises(ValueError, match=r"Expected a metric of loss, accuracy, auc\."):
        figures.training_curves({ONE: HISTORY}, "f1")
    with pytest.raises(ValueError, match="Expected a column learning_rate"):
        figures.learning_rate({ONE: HISTORY[["epoch", "loss"]]})
    with pytest.raises(ValueError, match="Expected a table with rows"):
        figures.training_curves({ONE: HISTORY.head(0)}, "auc")


def test_learning_rate_and_gap_draw_their_columns():
    rate = DRAWN["learning_rate"]()
    assert rate.layout.yaxis.type == "log"
    assert list(rate.data[0].y) == [3e-4, 1e-4, 1e-5]
    assert rate.layout.title.text == "Learning rate from 3.0e-4 to 1.0e-5"
    assert list(DRAWN["gap"]().data[0].y) == pytest.approx([0.05, 0.0, 0.11])
    loss = figures.gap({ONE: generalisation_gap(HISTORY)}, "loss")
    assert list(loss.data[0].y) == pytest.approx([0.1, 0.1, 0.4])


# films


def test_balance_bars_count_films_by_split():
    figure = DRAWN["class_balance_bars"]()
    assert [t.name for t in figure.data] == ["normal", "pneumonia"]
    assert dict(zip(figure.data[1].x, figure.data[1].y, strict=True)) == {
        "test": 390,
        "train": 3883,
    }
    for bars in figure.data:
        assert isinstance(bars.to_plotly_json()["customdata"], list)  # what a click brings
        for split, films, (_, _, row) in zip(bars.x, bars.y, bars.customdata, strict=True):
            behind = BALANCE.iloc[int(row)]
            assert (behind["split"], behind["label"], behind["films"]) == (split, bars.name, films)
    assert figure.layout.xaxis.categoryarray == ("train", "test")
    assert figure.layout.title.text == "5,856 films"
    assert figure.data[0].marker.pattern.shape != figure.data[1].marker.pattern.shape


def test_balance_pie_shows_one_split():
    figure = DRAWN["class_balance_pie"]()
    assert dict(zip(figure.data[0].labels, figure.data[0]["values"], strict=True)) == {
        "normal": 1349,
        "pneumonia": 3883,
    }
    assert figure.layout.title.text == "74 % of train is pneumonia"
    with pytest.raises(ValueError, match=r"Expected one of the splits train, test\. Received: val"):
        figures.class_balance_pie(BALANCE, "val")


def test_film_sizes_counts_films_of_a_size_and_names_one():
    figure = DRAWN["film_sizes"]()
    assert figure.layout.title.text == "All 624 films: 224 × 224 pixels"
    films = FILMS.assign(width=[100] * 300 + [200] * 324)
    figure = figures.film_sizes(films)
    assert figure.layout.title.text == "624 films in 2 sizes"
    normal = trace(figure, "normal")
    assert [list(row) for row in normal.customdata] == [[234, "test/film0.jpeg"]]
    assert sum(row[0] for row in trace(figure, "pneumonia").customdata) == 390


def test_mean_film_is_grey_with_square_pixels_and_no_axes():
    figure = figures.mean_film(np.linspace(0, 1, 12).reshape(3, 4), "Mean of 9 films")
    (film,) = figure.data
    assert np.asarray(film.z).shape == (3, 4)
    assert (film.zmin, film.zmax, film.z[0][0], film.z[2][3]) == (0, 255, 0, 255)
    assert [colour for _, colour in film.colorscale] == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.yaxis.autorange == "reversed"
    assert not figure.layout.xaxis.visible
    assert not figure.layout.yaxis.visible


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 3)), r"Expected an array of shape \(H, W\)\. Received: \(2, 2, 3\)"),
        (np.full((2, 2), 2.0), "Expected pixels within 0 to 1"),
        (np.full((2, 2), np.nan), "Expected pixels within 0 to 1"),
    ],
)
def test_mean_film_says_what_is_wrong(array, message):
    with pytest.raises(ValueError, match=message):
        figures.mean_film(array, "Mean")


def test_tables_without_their_columns_are_refused():
    with pytest.raises(ValueError, match="Expected a column width, height"):
        figures.film_sizes(FILMS[["path", "label"]])
    with pytest.raises(ValueError, match="Expected a column films"):
        figures.class_balance_bars(BALANCE.drop(columns="films"))


# explanations


def test_randomization_draws_a_line_a_method_from_the_trained_network_on():
    figure = DRAWN["randomization"]()
    fast, slow = trace(figure, "Grad-CAM, 32 films"), trace(figure, "Occlusion, 4 films")
    assert (list(fast.x), list(fast.y)) == ([0, 0.1, 0.5, 1], [1, 0.9, 0.3, 0.1])
    assert (list(slow.x), list(slow.y)) == ([0, 0.1, 1], [1, 0.7, 0.6])
    assert fast.line.color != slow.line.color
    assert fast.marker.symbol != slow.marker.symbol
    assert fast.customdata[-1] == " (0.00 to 0.20)"
    (line,) = figure.layout.shapes
    assert (line.y0, line.y1) == (0.5, 0.5)


def test_randomization_leaves_out_what_could_not_be_compared():
    table = EXPLAINED.copy()
    last = (table["method"] == "gradcam") & (table["stage"] == 1)
    table.loc[last, ["n", "value", "low", "high"]] = [0, np.nan, np.nan, np.nan]
    assert list(figures.randomization(table).data[0].x) == [0, 0.1, 0.5]


def test_box_hits_puts_each_method_beside_its_baselines():
    figure = DRAWN["box_hits"]()
    assert figure.layout.title.text == "Hits on 86 test films"
    names = ["the method", "centre Gaussian", "mean map", "random"]
    assert [bar.name for bar in figure.data] == names
    for place, bar in enumerate(figure.data):
        assert list(bar.x) == ["Grad-CAM", "Occlusion"]
        assert bar.y == pytest.approx([0.5 - place / 10] * 2)
        assert bar.error_y.array == pytest.approx([0.2, 0.2])
        assert bar.error_y.arrayminus == pytest.approx([0.1, 0.1])
    assert len({(bar.marker.color, bar.marker.pattern.shape) for bar in figure.data}) == 4


def test_a_layer_is_named_where_a_method_was_tried_at_several():
    table = pd.concat([EXPLAINED.assign(layer="a"), EXPLAINED.assign(layer="b")])
    figure = figures.box_hits(table, "test")
    assert list(figure.data[0].x)[:2] == ["Grad-CAM at a", "Occlusion at a"]


def test_nothing_measured_of_the_heatmaps_is_said():
    nothing = EXPLAINED[EXPLAINED["kind"] == "other"]
    with pytest.raises(ValueError, match="Expected a table with rows"):
        figures.randomization(nothing)
    with pytest.raises(ValueError, match="Expected a table with rows"):
        figures.box_hits(EXPLAINED, "validation")


def test_a_run_without_validation_has_its_training_curve_and_no_best_epoch():
    blind = HISTORY.assign(val_loss=np.nan, val_accuracy=np.nan, val_auc=np.nan)
    alone = figures.training_curves({ONE: blind}, "auc")
    assert "best epoch" not in [drawn.name for drawn in alone.data]
    assert list(alone.data[0].y) == list(HISTORY["auc"])
    assert len(alone.data) == 1, "the legend names a line that is not there"
    both = figures.training_curves({ONE: blind, TWO: HISTORY}, "auc")
    ringed = [drawn for drawn in both.data if drawn.name == "best epoch"]
    assert [list(drawn.x) for drawn in ringed] == [[2]]
    assert ringed[0].showlegend
    assert not figures.gap({ONE: generalisation_gap(blind)}).data


def test_shares_above_a_sites_point_by_week():
    weeks = pd.DataFrame(
        {
            "week": pd.to_datetime(["2026-11-16", "2026-11-23"]),
            "n": [40, 8],
            "above": [20, 2],
            "share": [0.5, 0.25],
            "low": [0.35, 0.07],
            "high": [0.65, 0.59],
            "note": ["", "few"],
        }
    )
    figure = figures.shares_by_week(weeks, 0.6)
    assert list(figure.data[0].y) == [0.5, 0.25]
    assert [len(row) for row in figure.data[0].customdata] == [6, 6]
    assert "few" in figure.data[0].customdata[1][5]
    assert figure.layout.shapes[0].y0 == 0.6
    with pytest.raises(ValueError, match="empty"):
        figures.shares_by_week(weeks.iloc[:0], 0.6)
    # Each week is named once, in its middle; of a year as many as there is room for.
    axis = figure.layout.xaxis
    assert list(axis.ticktext) == ["16 Nov", "23 Nov"]
    assert list(axis.tickvals) == list(weeks["week"] + pd.Timedelta(days=3))
    year = pd.concat(
        [weeks.iloc[[0]].assign(week=day) for day in pd.date_range("2026", periods=52, freq="7D")]
    )
    assert len(figures.shares_by_week(year, 0.6).layout.xaxis.ticktext) <= 9
