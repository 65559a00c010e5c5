"""Dataset: what a model learned from."""

from pathlib import Path

import streamlit as st

from cxr import figures
from cxr.datasets import describe
from cxr.datasets import table as dataset
from cxr.datasets.published import SOURCES, data_folder
from cxr.films.preprocessing import Preprocessing
from cxr.stats.wording import count
from cxr.web import (
    bundle,
    choose_model,
    header,
    messages,
    near_duplicates_view,
    plain,
    plain_table,
    plot,
    shift_view,
    theme,
)

SAMPLES = 6
MEAN_OF = 150
SIZE = Preprocessing(224, 224, 1, "nearest")
TWINS = ["group", "path", "split", "label", "subtype", "patient"]
SHARE = {"share": st.column_config.NumberColumn(format="percent")}


def main() -> None:
    header("Dataset")
    card = choose_model("dataset_model", label="Data set of")
    table = bundle(card).films
    data = card.data
    if table.empty:
        st.info(messages.imported_without_films(card.name))
        return
    if source := SOURCES.get(data.set):
        about = f"**{plain(data.title)}** · {plain(data.citation)} · {plain(data.licence)}"
        st.markdown(f"{about} · [{plain(data.doi)}]({source.url})")
    show_numbers(table)
    show_balance(table)
    folder = data_folder(data.set)
    show_pictures(table, folder)
    show_leakage(table)
    near_duplicates_view(table, folder, card.name)
    shift_view(table, card.name)


def show_numbers(table) -> None:
    counts = describe.counts(table)
    for column, (label, value, text) in zip(
        st.columns(5),
        [
            ("Films", f"{counts['films']:,}", "All splits together"),
            ("Patients", f"{counts['patients']:,}", "As the file names tell them"),
            (
                "Imbalance ratio",
                f"{counts['imbalance_ratio']:.2f}",
                "Films of the commonest label for each film of the rarest",
            ),
            ("Patients in two splits", counts["patients_across_splits"], "Leakage: 0 is right"),
            (
                "Films with a twin",
                counts["films_with_equal_pixels"],
                "Films whose pixels equal those of another film",
            ),
        ],
        strict=True,
    ):
        column.metric(label, value, help=text, border=True)


def show_balance(table) -> None:
    left, right = st.columns([2, 1])
    with left:
        plot(figures.class_balance_bars(dataset.balance(table), theme=theme()), "balance")
    with right:
        splits = dataset.splits(table)
        split = st.segmented_control(
            "Split", splits, default=splits[0], required=True, format_func=plain
        )
        plot(figures.class_balance_pie(dataset.balance(table), split, theme=theme()), "pie")
    left, right = st.columns(2, vertical_alignment="center")
    with left:
        for counts in (dataset.balance(table), dataset.subtypes(table)):
            if not counts.empty:
                st.dataframe(plain_table(counts), hide_index=True, column_config=SHARE)
    with right:
        plot(figures.film_sizes(table, theme=theme()), "sizes")


@st.cache_data(max_entries=4, show_spinner="Averaging films")
def mean_films(table, folder: Path):
    _, pixels = dataset.read_films(table, folder, prepare=SIZE)
    return dataset.mean_films(pixels, table["label"])


def show_pictures(table, folder: Path | None) -> None:
    st.subheader("Films", anchor=False)
    if folder is None:
        st.info(messages.NO_FOLDER_OF_SET)
        return
    left, middle, _ = st.columns([2, 1, 3], vertical_alignment="bottom")
    split = left.segmented_control(
        "Films of", dataset.splits(table), default="train", required=True, format_func=plain
    )
    seed = middle.number_input("Draw", 1, 999, 1, help="Another number shows other films")
    # The split of a bundle may be its own; the file is where the path says.
    drawn = dataset.at_hand(dataset.draw(table, split, SAMPLES, seed=int(seed)), folder)
    if drawn.empty:
        st.info(messages.NO_FILM_OF_SPLIT)
        return
    for label, group in drawn.groupby("label"):
        st.caption(f"{plain(label)}: {count(len(group))} drawn from {plain(split)}")
        for column, film in zip(st.columns(SAMPLES), group.itertuples(), strict=False):
            subtype = f" ({film.subtype})" if film.subtype else ""
            caption = plain(f"{film.label}{subtype}, {film.patient}")
            column.image(str(folder / film.path), caption=caption)
    many = dataset.at_hand(dataset.draw(table, split, MEAN_OF, seed=int(seed)), folder)
    films = dict(many["label"].value_counts())
    means = mean_films(many, folder)
    st.caption("Mean film of each label: what stands out here, a network can see without lungs.")
    for column, (label, mean) in zip(st.columns(4), means.items(), strict=False):
        title = f"Mean of {count(films[label], f'{label} film')}"
        with column:
            plot(figures.mean_film(mean, title, theme=theme()), f"m_{label}")


def show_leakage(table) -> None:
    st.subheader("Duplicates and leakage", anchor=False)
    shared = dataset.across_splits(table)
    pictures = dataset.across_splits(table, "sha256")
    if shared.empty and pictures.empty:
        st.caption("No patient and no picture is in two splits.")
    for rows in (shared, pictures):
        if not rows.empty:
            st.dataframe(plain_table(rows), hide_index=True)
    twins = dataset.duplicates(table)
    if twins.empty:
        st.caption("No two films have equal pixels.")
        return
    groups = count(describe.counts(table)["groups_with_equal_pixels"], "group")
    st.caption(f"{count(len(twins))} in {groups} have equal pixels.")
    st.dataframe(plain_table(twins), hide_index=True, height=240, column_order=TWINS)


main()
