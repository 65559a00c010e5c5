"""What every page shares: the models kept in memory, the theme, the intended-use line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NoReturn

import pandas as pd
import streamlit as st

from .. import figures
from ..lungs.segment import KIND as LUNGS
from ..model import Model, load
from ..plain_text import visible
from ..scoring.automatic import AUTOMATIC, default_cards
from ..scoring.bundle import BundleError, available, damaged, default_name
from ..scoring.card import Card
from ..scoring.picture_check import KIND as PICTURES
from ..scoring.population import INTENDED_USE, intended_use
from .address import among, in_address
from .browsers import note_browser
from .look import watch_theme
from .messages import (
    CHOOSE_MODEL,
    NO_MODELS,
    ONLY_BASELINES,
    message,
    model_gone,
    no_default_for,
    unusable,
)
from .plain_text import plain, plain_table
from .sign_in import sign_out_button, signed_in
from .streamlit_hooks import (
    close_what_is_behind,
    end_in_time,
    forget_old_widgets,
    hold_media,
    keep_keras_session,
    keep_uploads_in_memory,
    leave_folder_mode,
    note_uploads,
)
from .tab import SESSION, watch_tab
from .tour import tour_view

__all__ = [
    "bundle",
    "bundles",
    "cards",
    "choose_finding",
    "choose_model",
    "choose_models",
    "choose_readers",
    "damage_told",
    "header",
    "navigated",
    "not_for_this_role",
    "plot",
    "show_damaged",
    "stop_without_readers",
]

STYLE = (Path(__file__).parent / "static" / "page.css").read_text(encoding="utf-8")
NOT_YOURS = (
    "Your role is **{}**, which does not open this page. Ask whoever runs the dashboard if you "
    "need it."
)
#: Plotly's tool bar stays out of the way until the pointer is over a plot.
PLOT = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


#: A table of a bundle that a page is made of.
Having = Literal["history", "predictions", "films"]


# Bounded, since a network takes tens of megabytes; the least recently used goes first. More than
# ship, so that a look at all models side by side does not push out the one that reads films.
@st.cache_resource(max_entries=16, show_spinner="Loading the model")
def _load(name: str, card: str) -> Model:
    del card  # of the key alone: what was trained, measured or stored anew is loaded anew
    return load(name)


def _loaded(card: Card, having: Having | None = None) -> Model:
    model = _load(card.name, repr(card))
    if having:
        getattr(model, having)  # read and checked now, and kept
    return model


def cards() -> list[Card]:
    """Read the cards of all bundles that can be read; if there is none, say so and stop."""
    listed = available()
    if not listed:
        _stop_saying(NO_MODELS)
    return listed


def stop_without_readers(title: str) -> None:
    """Say so and stop, where no model here scores films: there is none, or only baselines.

    Parameters
    ----------
    title : str
        Of the page.
    """
    signed_in()  # before anything is drawn
    if all(card.baseline for card in available()):
        header(title)
        _stop_saying(ONLY_BASELINES)


def _stop_saying(what_to_do: str) -> NoReturn:
    show_damaged()
    st.info(what_to_do)
    st.stop()


def show_damaged() -> None:
    """Say which bundles cannot be used because their cards cannot be read, and why."""
    for name, why in damaged().items():
        st.warning(unusable(name, why))


@contextmanager
def damage_told() -> Iterator[None]:
    """Say what is wrong with a bundle that a page needs; the page ends there, and no other does."""
    try:
        yield
    except BundleError as error:
        st.error(message(error))


def bundle(card: Card) -> Model:
    """Return a model, kept in memory between runs.

    Raises
    ------
    BundleError
        If it cannot be used: see `damage_told`.
    """
    return _loaded(card)


def bundles(cards: Sequence[Card], having: Having | None = None) -> list[Model]:
    """Return those of several models that can be used; say of the others why they cannot.

    Parameters
    ----------
    cards : sequence of Card
        The models'.
    having : str, optional
        Which of their tables is needed.
    """
    usable: list[Model] = []
    for card in cards:
        try:
            usable.append(_loaded(card, having))
        except BundleError as error:
            st.warning(plain(error))
    return usable


def _defaults_first(listed: Sequence[Card]) -> list[Card]:
    def order(card: Card) -> tuple[bool, bool, str]:
        return card.baseline, default_name(card.finding) != card.name, card.name

    return sorted(listed, key=order)


def choose_model(key: str, *, label: str = "Model", baselines: bool = True) -> Card:
    """Let the reader choose one model; a finding's default comes first, baselines last or never."""
    listed = _defaults_first(cards())
    by_name = {c.name: c for c in listed if baselines or not c.baseline}
    _tell_gone([st.session_state.get(key)], by_name)
    in_address("model", key, next(iter(by_name)), among(by_name))
    return by_name[
        st.selectbox(label, list(by_name), key=key, format_func=visible, persist_state="session")
    ]


def choose_readers(key: str) -> list[Card]:
    """Let the reader choose what films are scored by.

    The first choice is automatic: the default of every finding, each for the ages that it is meant
    for. Baselines cannot be chosen.

    Parameters
    ----------
    key : str
        Of the Streamlit element.

    Returns
    -------
    list of Card
        One per finding.
    """
    by_name = {card.name: card for card in _defaults_first(cards()) if not card.baseline}
    defaults = default_cards()
    names = [*([AUTOMATIC] if defaults else []), *by_name]
    _show_damaged_defaults()
    session = st.session_state.get(SESSION)
    before = [model.name for model in session.worklist.models] if session else []
    _tell_gone(before, [card.name for card in cards()])
    findings = plain(" and ".join(f"{card.finding} ({card.population})" for card in defaults))
    in_address("model", key, names[0], among(names))
    name = st.selectbox(
        "Model",
        names,
        format_func=lambda name: "Automatic" if name == AUTOMATIC else visible(name),
        key=key,
        persist_state="session",
        help=f"Automatic: by the patient's age in the file, the default models of {findings}. "
        "Where the file says no age, all of them.",
    )
    return defaults if name == AUTOMATIC else [by_name[name]]


def _show_damaged_defaults() -> None:
    """Say which findings have no default model, since it is damaged, and what else is missed."""
    for name, why in damaged().items():
        if name in (LUNGS, PICTURES):
            st.warning(unusable(name, why))
            continue
        finding = name.partition("-")[0]
        if default_name(finding) in (None, name):
            st.warning(no_default_for(finding, why))


def _tell_gone(before: Iterable[str | None], there: Collection[str]) -> None:
    """Say which models were chosen that are not in the folder any more."""
    for name in before:
        if name is not None and name not in there:
            st.toast(model_gone(name), duration="long")


def choose_finding(key: str, *, label: str = "Finding") -> list[Card]:
    """Let the reader choose a finding, where there are several; returns the cards of its models."""
    listed = _defaults_first(cards())
    findings = list(dict.fromkeys(sorted(card.finding for card in listed)))
    finding: str | None = findings[0]
    if len(findings) > 1:
        in_address("finding", key, findings[0], among(findings))
        finding = st.segmented_control(
            label, findings, required=True, key=key, format_func=plain, persist_state="session"
        )
    return [card for card in listed if card.finding == finding]


def choose_models(
    key: str, among: Sequence[Card], *, label: str = "Models", at_first: int = 4
) -> list[Card]:
    """Let the reader choose several models; says what to do and stops if none is chosen.

    Parameters
    ----------
    key : str
        Of the Streamlit element.
    among : sequence of Card
        Those to choose from, in their order.
    label : str
        Of the element.
    at_first : int
        How many are chosen at first at most; baselines are not.
    """
    by_name = {card.name: card for card in among}
    shown = [name for name, card in by_name.items() if not card.baseline] or list(by_name)
    in_address("models", key, shown[:at_first], _some_of(list(by_name)), ",".join)
    names = st.multiselect(
        label, list(by_name), key=key, format_func=visible, persist_state="session"
    )
    if not names:
        st.info(CHOOSE_MODEL)
        st.stop()
    return [by_name[name] for name in names]


def _some_of(names: list[str]) -> Callable[[str], list[str] | None]:
    def parse(said: str) -> list[str] | None:
        chosen = [name for name in said.split(",") if name]
        return chosen if set(chosen) <= set(names) else None

    return parse


def navigated() -> None:
    """Prepare a run of the dashboard: the page to come was reached through `st.navigation`."""
    st.session_state["navigated"] = True
    note_browser()
    keep_uploads_in_memory()
    keep_keras_session()
    end_in_time()
    forget_old_widgets()
    hold_media()
    note_uploads()
    close_what_is_behind()


def header(title: str, listed: Sequence[Card] | None = None) -> None:
    """Put a page's title with the intended-use line: of some models, or of all."""
    if "navigated" not in st.session_state and leave_folder_mode():
        st.rerun()
    signed_in()
    st.html(f"<style>{STYLE}</style>")
    watch_theme()
    watch_tab()
    left, right = st.columns([1, 8], gap="small", vertical_alignment="center")
    left.container(key="page_title").markdown(f"#### {title}")
    listed = available() if listed is None else listed
    every = sorted({f"{card.population} ({card.finding})" for card in listed})
    whose = listed[0].population if len(listed) == 1 else ", ".join(every)
    use = intended_use(whose) if listed else INTENDED_USE
    with right.container(key="intended_use"):
        st.caption(plain(use), text_alignment="right")
        sign_out_button()
    if not listed:
        _stop_saying(NO_MODELS)
    tour_view(title)


def not_for_this_role() -> None:
    """Say that a page is not for this run's reader."""
    header("Not open to you")
    st.info(NOT_YOURS.format(signed_in().role))


def plot(figure: Any, key: str, *, table: pd.DataFrame | None = None, **options: Any) -> Any:
    """Show a Plotly figure in its own colors, with what it shows in words and as a table.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
    key : str
        Of the Streamlit element.
    table : pandas.DataFrame, optional
        What the figure shows, where `cxr.figures.values` does not say it well.
    **options : object
        To `st.plotly_chart`.

    Returns
    -------
    object
        What `st.plotly_chart` returns.
    """
    shown = st.plotly_chart(
        figure,
        key=key,
        width="stretch",
        theme=None,
        config=PLOT,
        alt=figures.alt_text(figure),
        **options,
    )
    values = figures.values(figure) if table is None else table
    if not values.empty:
        with st.popover("Values", type="tertiary", icon=":material/table:"):
            st.dataframe(plain_table(values), hide_index=True)
    return shown
