"""Evaluation: how far a model's calls can be believed."""

import streamlit as st

from cxr import figures
from cxr.comparison import compare, rates
from cxr.evaluation import by_subtype, cell, classification_report, confusion, labels_of
from cxr.operating_points import npv, ppv
from cxr.sources import data_folder
from cxr.viewer import bundle, cards, choose_model, header, plot, theme

CELLS = {
    "tp": "True positives",
    "fn": "False negatives",
    "fp": "False positives",
    "tn": "True negatives",
}
SHOWN = 12


def main() -> None:
    header("Evaluation")
    left, middle, right = st.columns([2, 1.4, 3], vertical_alignment="bottom")
    with left:
        card = choose_model("evaluation_model")
    predictions = bundle(card).predictions
    splits = sorted(set(predictions["split"]))
    split = middle.segmented_control("Split", splits, default=splits[0], required=True)
    films = predictions[predictions["split"] == split].reset_index(drop=True)
    scores, labels = card.calibration.score(films["logit"]), labels_of(films)
    with right:
        threshold, near = choose_threshold(card)
    counts = confusion(scores, labels, threshold)
    show_rates(counts)
    left, right = st.columns([1, 1.25])
    with left:
        figure = figures.confusion_matrix(
            counts, card.classes, threshold=threshold, split=split, theme=theme()
        )
        picked = plot(
            figure, f"matrix_{card.name}_{split}", on_select="rerun", selection_mode="points"
        )
    with right:
        figure = figures.score_histogram(
            scores, labels, card.classes, threshold, near, paths=list(films["path"]), theme=theme()
        )
        plot(figure, "histogram")
    points = picked["selection"]["points"] if picked else []
    code = points[0]["customdata"][0] if points else "fn"
    show_cell(card, cell(films, scores, threshold, code), code)
    show_curves(card, split)
    show_tables(card, films, scores, labels, threshold)


def choose_threshold(card):
    names = [point.name for point in card.operating_points]
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    name = left.selectbox(
        "Operating point",
        names,
        index=names.index(card.default_operating_point),
        key=f"point_{card.name}",
        help="Each was chosen on the validation films.",
    )
    point = card.operating_point(name)
    threshold = right.slider(
        "Threshold", 0.0, 1.0, point.threshold, 0.001, key=f"threshold_{card.name}_{name}"
    )
    return threshold, point.near


def show_rates(counts) -> None:
    for column, rate in zip(st.columns(5), rates(counts), strict=True):
        value = "none" if rate.value is None else f"{rate.value:.1%}"
        column.metric(rate.name, value, help=rate.meaning, border=True)
        low, high = rate.interval
        column.caption(f"{low:.1%} to {high:.1%}, n {rate.whole:,}")


def show_cell(card, films, code: str) -> None:
    st.subheader(f"{CELLS[code]}: {len(films)} films", anchor=False)
    st.caption("Choose a cell of the matrix to see its films; the worst errors come first.")
    folder = data_folder(card.data["set"])
    left, right = st.columns([1, 1.6])
    left.dataframe(films[["path", "score", "subtype", "patient"]], hide_index=True, height=300)
    with right:
        if folder is None:
            st.info("Set CXR_DATA to the folder of the data set to see the films.")
            return
        there = [row for row in films.itertuples() if (folder / row.path).is_file()][:SHOWN]
        for start in range(0, len(there), 6):
            for column, row in zip(st.columns(6), there[start : start + 6], strict=False):
                column.image(str(folder / row.path), caption=f"{row.score:.2f}")


def show_curves(card, split: str) -> None:
    found = compare((bundle(c) for c in cards() if c.finding == card.finding), split)
    left, middle, right = st.columns(3)
    with left:
        plot(figures.roc(found.roc, found.thresholds, theme=theme()), "roc")
    with middle:
        plot(figures.precision_recall(found.precision_recall, theme=theme()), "recall")
    with right:
        plot(figures.reliability(found.reliability, theme=theme()), "reliability")


def show_tables(card, films, scores, labels, threshold: float) -> None:
    left, right = st.columns(2)
    with left:
        st.subheader("Classification report", anchor=False)
        report = classification_report(scores, labels, threshold, card.classes)
        st.dataframe(report.style.format(precision=3))
    with right:
        plot(figures.subtypes(by_subtype(films, scores, threshold), theme=theme()), "subtypes")
    st.subheader("What a call is worth elsewhere", anchor=False)
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    prevalence = left.slider("Prevalence (%)", 0.5, 90.0, 10.0, 0.5, key="prevalence") / 100
    counts = confusion(scores, labels, threshold)
    if counts.sensitivity is not None and counts.specificity is not None:
        pair = counts.sensitivity, counts.specificity, prevalence
        one, two = right.columns(2)
        one.metric("PPV there", share(ppv(*pair)), help="Share of calls that would be right")
        two.metric("NPV there", share(npv(*pair)), help="Share of films not called, normal")


def share(value: float) -> str:
    return "none" if value != value else f"{value:.1%}"


main()
