"""Evaluation: how far a model's scores can be believed."""

from functools import partial

import streamlit as st

from cxr import figures
from cxr.datasets.splits import splits
from cxr.evidence.comparison import compare, compare_pair, disagreements, rates, sentences
from cxr.evidence.evaluation import (
    by_subtype,
    cell,
    classification_report,
    confusion,
    confusion_table,
)
from cxr.plain_text import visible
from cxr.scoring.population import folder_of, split_note
from cxr.stats.wording import count, p_value, percent
from cxr.web import (
    among,
    bundle,
    bundles,
    cards,
    choose_model,
    choose_threshold,
    damage_told,
    film_list,
    header,
    in_address,
    messages,
    plain,
    plain_cells,
    plain_table,
    plot,
    show_rates,
    show_values,
    theme,
)

CELLS = {
    "tp": "True positives",
    "fn": "False negatives",
    "fp": "False positives",
    "tn": "True negatives",
}
CELL = "evaluation_cell"
PAIR = {"score_one": "first", "rate_one": "first", "p_value": "McNemar"}
PAIR |= {"score_other": "second", "rate_other": "second"}
PAIR |= {"only_one_right": "first alone right", "only_other_right": "second alone right"}
RATES = dict.fromkeys(["rate_one", "rate_other"], percent) | {"p_value": p_value}


def main() -> None:
    header("Evaluation")
    left, middle, right = st.columns([1.8, 1.6, 3], vertical_alignment="bottom")
    with left:
        card = choose_model("evaluation_model")
    model = bundle(card)
    names = splits(model.predictions)
    if not names:
        st.info(messages.scored_none(card.name))
        return
    first = "test" if "test" in names else names[0]
    key = f"evaluation_split_{card.name}"
    in_address("split", key, first, among(names))
    split = middle.segmented_control("Split", names, required=True, format_func=plain, key=key)
    films = model.scored(split)
    scores, labels = films["score"].to_numpy(), films["truth"].to_numpy()
    with right:
        threshold, near = choose_threshold(card)
    if note := split_note(card, split):
        st.warning(plain(note), icon=None)
    counts = confusion(scores, labels, threshold)
    show_rates(rates(counts))
    left, right = st.columns([1, 1.6], gap="medium")
    with left:
        figure = figures.confusion_matrix(
            counts, card.classes, threshold=threshold, split=split, theme=theme()
        )
        key = f"matrix_{card.name}_{split}"
        plot(
            figure,
            key,
            table=confusion_table(counts, card.classes),
            on_select=partial(take_cell, key),
            selection_mode="points",
        )
    with right:
        # What a click on the matrix does, by keyboard too.
        in_address("cell", CELL, "fn", among(CELLS))
        code = st.segmented_control(
            "Films behind",
            list(CELLS),
            required=True,
            key=CELL,
            format_func=CELLS.get,
        )
        show_cell(cell(films, scores, threshold, code), code, folder_of(card, split))
    figure = figures.score_histogram(
        scores, labels, card.classes, threshold, near, paths=list(films["path"]), theme=theme()
    )
    plot(figure, "histogram")
    show_curves(card, split)
    show_tables(card, films, scores, labels, threshold)
    show_pair(card, split, threshold)


def take_cell(key: str) -> None:
    """Choose the cell of the matrix that was clicked."""
    points = st.session_state[key]["selection"]["points"]
    if points:
        st.session_state[CELL] = points[0]["customdata"][0]


def show_cell(films, code: str, folder) -> None:
    st.subheader(f"{CELLS[code]}: {count(len(films))}", anchor=False)
    captions = [f"{score:.3f}" for score in films["score"]]
    film_list(folder, films, captions, column_order=["score", "path", "subtype", "patient"])


def show_curves(card, split: str) -> None:
    alike = [c for c in cards() if c.finding == card.finding]
    curves = compare(bundles(alike, "predictions"), split)
    if not curves.roc:
        st.info(messages.one_class(split))
        return
    st.subheader("At all thresholds", anchor=False)
    left, middle, right = st.columns(3)
    with left:
        plot(figures.roc(curves.roc, curves.thresholds, theme=theme()), "roc")
    with middle:
        plot(figures.precision_recall(curves.precision_recall, theme=theme()), "recall")
    with right:
        names = choose_two(list(curves.reliability), card.name)
        if names:
            chosen = {name: curves.reliability[name] for name in names}
            plot(figures.reliability(chosen, theme=theme()), "reliability")


def choose_two(names: list[str], first: str) -> list[str]:
    """Let the reader choose whose calibration is drawn: more than two cover each other."""
    if len(names) < 2:
        return names
    baselines = {card.name for card in cards() if card.baseline}
    names = sorted(names, key=lambda name: (name != first, name in baselines))
    return st.multiselect(
        "Calibration of two models",
        names,
        default=names[:2],
        max_selections=2,
        key=f"calibration_{first}",
        format_func=visible,
    )


def show_tables(card, films, scores, labels, threshold: float) -> None:
    left, right = st.columns(2)
    with left:
        st.subheader("Classification report", anchor=False)
        report = classification_report(scores, labels, threshold, card.classes)
        st.dataframe(plain_table(report).style.format(precision=3))
    with right:
        kinds = by_subtype(films, scores, threshold)
        plot(figures.subtypes(kinds, theme=theme()), "subtypes", table=kinds)
    st.subheader("What a positive is worth elsewhere", anchor=False)
    show_values(confusion(scores, labels, threshold))


def show_pair(card, split: str, threshold: float) -> None:
    st.subheader("Two models on the same films", anchor=False)
    alike = sorted((c for c in cards() if c.finding == card.finding), key=lambda c: c.baseline)
    others = {c.name: c for c in alike if c.name != card.name}
    if not others:
        st.caption(
            f"No other model for {plain(card.finding)} is here to compare {plain(card.name)} with."
        )
        return
    left, right = st.columns([2, 4.4], vertical_alignment="bottom")
    label = f"Compare {plain(card.name)} with"
    in_address("second", "other_model", next(iter(others)), among(others))
    other = others[left.selectbox(label, list(others), key="other_model", format_func=visible)]
    with right:
        cut, _ = choose_threshold(other, label="Threshold of the second model", prefix="second_")
    try:
        pair = compare_pair(bundle(card), bundle(other), split, thresholds=(threshold, cut))
    except ValueError as error:
        st.info(plain(error))
        return
    left, right = st.columns([1, 1.25])
    with left:
        plot(figures.score_pairs(pair, theme=theme()), "pairs")
    with right:
        st.markdown("  \n".join(map(plain, sentences(pair))))
        st.table(
            plain_cells(pair.mcnemar.table(pair.one, pair.other)),
            alt="On how many films each of the two models is right",
        )
        rates_shown = plain_table(pair.rates).style.format(RATES, na_rep="none")
        st.dataframe(rates_shown, column_config=PAIR)
    films = disagreements(pair)
    st.caption(
        f"{count(len(films))} on which the two differ, scores farthest apart first. Below each: "
        f"its label, its score by {plain(card.name)}, and by {plain(other.name)}."
    )
    pairs = zip(films["label"], films["score_one"], films["score_other"], strict=True)
    captions = [f"{label}\n{one:.3f}, {two:.3f}" for label, one, two in pairs]
    order = ["path", "score_one", "score_other", "label", "right"]
    config = {**PAIR, "path": st.column_config.Column(width="medium")}
    folder = folder_of(card, split)
    film_list(folder, films, captions, column_order=order, column_config=config)


with damage_told():
    main()
