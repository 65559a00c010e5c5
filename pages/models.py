"""Models: what each is, what it is for, and where it ends."""

import pandas as pd
import streamlit as st

from cxr.scoring.population import split_note
from cxr.stats import wording
from cxr.web import (
    bundle,
    cards,
    choose_model,
    explanations_view,
    gate_view,
    header,
)

LIMITS = """
- It knows frontal films of its population alone. Elsewhere its figures are others: see below.
- Its score is for one finding. A low score says nothing of any other disease.
- Operating points were chosen on validation films of the same hospital. On other films the
  sensitivity and specificity differ; the test split shows by how much.
- A heatmap shows where the score came from, not where disease is.
"""


def main() -> None:
    found = cards()
    header("Models")
    st.dataframe(overview(found), hide_index=True, height="content")
    card = choose_model("models_model", label="Card of")
    model = bundle(card)  # says so if the weights are missing or not those of the card
    left, right = st.columns(2)
    with left:
        st.subheader("Intended use", anchor=False)
        st.markdown(
            f"Scores **{card.finding}** on frontal chest radiographs of **{card.population}**. "
            "Research and demonstration; not for diagnostic use."
        )
        st.subheader("Limits", anchor=False)
        st.markdown(LIMITS)
        if origin := card.training.imported:
            for note in origin.notes:
                st.caption(note)
    with right:
        st.subheader("Facts", anchor=False)
        st.table(facts(card), hide_index=True)
    st.subheader("Operating points, chosen on validation", anchor=False)
    st.dataframe(operating_points(card), hide_index=True)
    st.subheader("At the default operating point", anchor=False)
    if card.evaluation:
        st.dataframe(by_split(card), hide_index=True)
    else:
        st.info(
            "No films were scored when this model was imported. Import it with --data DIR, or "
            f"run: python -m cxr evaluate {card.name} --data DIR"
        )
    for split in card.external:
        if split in card.evaluation:
            st.caption(f"{split}: {split_note(card, split)}")
    gate_view(model)
    explanations_view(model)
    with st.expander("The whole card"):
        st.json(card.to_json())


def overview(found) -> pd.DataFrame:
    rows = []
    for card in found:
        test = card.evaluation.get("test")
        figures = test.to_json() if test else {}
        rows.append(
            {
                "model": card.name + (" (baseline)" if card.baseline else ""),
                "finding": card.finding,
                "parameters": f"{card.architecture.parameters:,}",
                "test films": figures.get("n"),
                "AUC": with_interval(figures, "auc"),
                "sensitivity": with_interval(figures, "sensitivity"),
                "specificity": with_interval(figures, "specificity"),
                "operating point": figures.get("operating_point"),
            }
        )
    return pd.DataFrame(rows)


def by_split(card) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "films of": split,
            "n": figures["n"],
            **{
                name: with_interval(figures, name.lower())
                for name in ("AUC", "accuracy", "sensitivity", "specificity")
            },
        }
        for split, figures in card.to_json()["evaluation"].items()
    )


def with_interval(figures: dict, key: str) -> str:
    return wording.with_interval(figures.get(key), figures.get(f"{key}_ci"))


def facts(card) -> pd.DataFrame:
    size = card.input
    versions = ", ".join(f"{name} {number}" for name, number in card.training.versions.items())
    training = card.training
    base, first = card.architecture.base, training.first_step
    rows = {
        "Architecture": card.architecture.name
        + (f" on {base.base} with its {base.weights} weights" if base else ""),
        "Parameters": f"{card.architecture.parameters:,}",
        "Input": f"{size.height} x {size.width} pixels, {size.channels} channels, "
        f"resampled {size.resample}, {size.margin:.0%} left out at each edge, levels {size.levels}",
        "Preprocessing": card.preprocessing,
        "Learned from": f"{card.data.title} ({card.data.citation}), {card.data.licence}",
        "Epochs": f"{training.epochs}; the weights are of epoch {training.kept_epoch}"
        + (f"; before them {first.epochs} on {first.films} films" if first else ""),
        "Training time": f"{training.wall_seconds / 60:.0f} minutes"
        + (", computing the features of the frozen base not counted" if base else ""),
        "Made with": versions,
        "Calibration": f"temperature {card.calibration.temperature:.3f}",
        "Weights (SHA-256)": card.weights.sha256,
    }
    if origin := training.imported:
        del rows["Epochs"], rows["Training time"]
        rows["Learned from"] = "The imported file does not say"
        rows["Imported from"] = ", ".join(dict.fromkeys([origin.model, origin.weights]))
        if card.data.title:
            rows["Operating points on"] = f"{card.data.title}, {card.data.licence}"
    return pd.DataFrame({"fact": rows.keys(), "value": rows.values()})


def operating_points(card) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "name": point.name + (" (default)" if point == card.operating_point() else ""),
            "threshold": f"{point.threshold:.3f}",
            "near": wording.interval(point.near),
            "sensitivity": with_interval(point.to_json(), "sensitivity"),
            "specificity": with_interval(point.to_json(), "specificity"),
            "films": point.n,
            "rule": point.rule,
        }
        for point in card.operating_points
    )


main()
