"""Dataset: what a model learned from."""

from functools import partial
from pathlib import Path

import streamlit as st

import cxr
from cxr import figures
from cxr.datasets import describe
from cxr.datasets import table as dataset
from cxr.datasets.folders import NORMAL
from cxr.datasets.published import SOURCES, data_folder
from cxr.errors import CxrError
from cxr.films.preprocessing import Preprocessing
from cxr.lungs.picture import outlined
from cxr.scoring.heat_in_lungs import no_lung_network
from cxr.stats.wording import count, percent
from cxr.web import (
    among,
    bundle,
    choose_model,
    damage_told,
    film_grid,
    header,
    in_address,
    messages,
    near_duplicates_view,
    plain,
    plain_table,
    plot,
    shift_view,
    table_key,
    theme,
    worked_out,
)

SAMPLES = 6
MEAN_OF = 150
SIZE = Preprocessing(224, 224, 1, "nearest")
#: Width of a film, pixels: two next to each other on a telephone.
FILM = 148
#: Of elements, by the model: the splits and labels of data sets differ.
BARS, SPLIT, LABEL = "balance_{}", "dataset_split_{}", "dataset_label_{}"
ALL = "all"
FACTS = ["path", "label", "subtype", "patient", "width", "height"]
TWINS = ["group", "path", "split", "label", "subtype", "patient"]
COUNTS = {"films": "{:,}", "patients": "{:,}", "share": percent}


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
    show_balance(table, card.name)
    folder = data_folder(data.set)
    show_pictures(table, folder, card.name)
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
            (
                "Shared patients",
                counts["patients_across_splits"],
                "Patients with films in two splits. Any but 0 is leakage.",
            ),
            (
                "Films with a twin",
                counts["films_with_equal_pixels"],
                "Films whose pixels equal those of another film",
            ),
        ],
        strict=True,
    ):
        column.metric(label, value, help=text, border=True)


def show_balance(table, model: str) -> None:
    balance = dataset.by_split(dataset.balance(table), table)
    left, right = st.columns([2, 1])
    with left:
        plot(
            figures.class_balance_bars(balance, theme=theme()),
            BARS.format(model),
            table=balance,
            on_select=partial(take_bar, balance, model),
            selection_mode="points",
        )
        st.caption(messages.CHOOSE_BAR)
    with right:
        splits = dataset.splits(table)
        key = f"dataset_pie_{model}"
        in_address("pie", key, splits[0], among(splits))
        split = st.segmented_control("Split", splits, required=True, format_func=plain, key=key)
        plot(figures.class_balance_pie(balance, split, theme=theme()), "pie")
    shown = [counts for counts in (balance, dataset.subtypes(table)) if not counts.empty]
    for column, counts in zip(st.columns(2), shown, strict=False):
        column.dataframe(
            plain_table(counts).style.format(COUNTS),
            hide_index=True,
            alt=f"Films and patients by {', '.join(counts.columns[:2])}",
        )
    if size := describe.one_size(table):
        st.caption(f"All {count(len(table))} are {size[0]} × {size[1]} pixels.")
    else:
        plot(figures.film_sizes(table, theme=theme()), "sizes")


def take_bar(balance, model: str) -> None:
    """Show the films behind the bar that was clicked."""
    points = st.session_state[BARS.format(model)]["selection"]["points"]
    if points:
        bar = balance.iloc[int(points[0]["customdata"][2])]
        st.session_state[SPLIT.format(model)] = bar["split"]
        st.session_state[LABEL.format(model)] = bar["label"]


def mean_films(table, folder: Path, progress):
    _, pixels = dataset.read_films(table, folder, prepare=SIZE, progress=progress)
    return dataset.mean_films(pixels, table["label"])


def outlined_films(paths, progress):
    """Return films with their lungs outlined; as they are where none are found."""
    pictures = {}
    for done, path in enumerate(paths):
        progress(done, len(paths))
        try:
            pictures[path] = outlined(cxr.read(path)) or str(path)
        except CxrError:
            pictures[path] = str(path)
    return pictures


def show_pictures(table, folder: Path | None, model: str) -> None:
    st.subheader("Films", anchor=False)
    left, label_place, middle, right = st.columns([2, 2, 1, 2], vertical_alignment="bottom")
    splits, labels = dataset.splits(table), [ALL, *sorted(set(table["label"]), key=_normal_first)]
    first = "train" if "train" in splits else splits[0]
    of_split, of_label = SPLIT.format(model), LABEL.format(model)
    in_address("split", of_split, first, among(splits))
    split = left.segmented_control(
        "Films of", splits, required=True, format_func=plain, key=of_split
    )
    in_address("label", of_label, ALL, among(labels))
    label = label_place.segmented_control(
        "Label", labels, required=True, format_func=plain, key=of_label
    )
    films = table[table["split"] == split]
    films = films if label == ALL else films[films["label"] == label]
    if folder is None:
        st.info(messages.NO_FOLDER_OF_SET)
        show_table(films)
        return
    seed = middle.number_input("Draw", 1, 999, 1, help="Another number shows other films")
    outlines = not no_lung_network() and right.toggle("Outline the lungs")
    # The split of a bundle may be its own; the file is where the path says.
    some = dataset.draw(films, split, SAMPLES, seed=int(seed)) if len(films) else films
    drawn = dataset.at_hand(some, folder)
    if drawn.empty:
        st.info(messages.NO_FILM_OF_SPLIT)
        show_table(films)
        return
    look = str
    if outlines:
        paths = [folder / path for path in drawn["path"]]
        changed = tuple((path, path.stat().st_mtime) for path in paths)
        pictures = worked_out("Looking for lungs", partial(outlined_films, paths), changed)
        look = pictures.__getitem__ if pictures else str
    for name, group in drawn.groupby("label"):
        st.caption(f"{plain(name)}: {count(len(group))} drawn from {plain(split)}")
        captions = [whose(f.subtype, f.patient) for f in group.itertuples()]
        film_grid(folder, group, captions, width=FILM, picture=look)
    show_table(films)
    many = dataset.at_hand(dataset.draw(films, split, MEAN_OF, seed=int(seed)), folder)
    numbers = dict(many["label"].value_counts())
    try:
        means = worked_out(
            "Averaging films", partial(mean_films, many, folder), table_key(many), folder
        )
    except CxrError as error:
        st.warning(f"There is no mean film. {plain(error)}")
        return
    if means is None:
        return
    st.caption(
        "The mean film of each label. What differs between them, a network can learn without "
        "looking at the lungs."
    )
    for column, (name, mean) in zip(st.columns(4), means.items(), strict=False):
        title = f"Mean of {count(numbers[name], f'{name} film')}"
        with column:
            plot(figures.mean_film(mean, title, theme=theme()), f"m_{name}")


def whose(subtype: str, patient: str) -> str:
    """Write subtype and patient, the subtype only where the patient's name does not tell it."""
    return (
        patient if subtype and subtype in patient else ", ".join(filter(None, [subtype, patient]))
    )


def show_table(films) -> None:
    said = f"All {count(len(films))} as a table"
    with st.expander(said):
        st.dataframe(plain_table(films), hide_index=True, height=300, column_order=FACTS, alt=said)


def _normal_first(label: str) -> tuple[bool, str]:
    return label != NORMAL, label


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


with damage_told():
    main()
