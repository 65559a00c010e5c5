"""A site's file on a page: dropped in, checked, kept in memory for the tab."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.uploaded_file_manager import DeletedFile

from ..model import Model
from ..reading_room.budget import came_in_vain
from ..scoring.card import Card
from ..scoring.site_file import SiteFile, SiteFileError, read_site
from ..stats.wording import count, percent
from .arrivals import NO_ROOM
from .messages import SITE_FILE, message
from .page import bundle
from .plain_text import plain

__all__ = ["at_site", "choose_site", "keep_site", "kept_site", "site_facts"]

#: Of the session: the file, and what was wrong with one that was dropped.
KEPT, PROBLEM = "kept_site", "kept_site_problem"


def kept_site() -> SiteFile | None:
    """Return the site's file that this tab has, if any; it is kept from page to page."""
    site: SiteFile | None = st.session_state.get(KEPT)
    return site


def keep_site(site: SiteFile | None) -> None:
    """Have this tab use a site's file from its next run on; None for none."""
    st.session_state[KEPT] = site
    st.session_state[PROBLEM] = ""


def at_site(card: Card, site: SiteFile | None) -> Model:
    """Return a model, at the operating points of a site's file if that is of this model."""
    if site is None or site.weights_sha256 != card.weights.sha256:
        return bundle(card)
    return _applied(card.name, repr(card), site.sha256, bundle(card), site)


# The same model for all tabs with the same file, so that their films are scored together.
@st.cache_resource(max_entries=8, show_spinner=False)
def _applied(name: str, card: str, of_site: str, _model: Model, _site: SiteFile) -> Model:
    del name, card, of_site  # of the key alone
    return _site.apply(_model)


def choose_site(
    cards: Sequence[Card], key: str, place: DeltaGenerator
) -> tuple[SiteFile | None, list[Card]]:
    """Let a reader drop a site's file in, or take it out; what is wrong with it is told here.

    Parameters
    ----------
    cards : sequence of Card
        Of the models that are chosen.
    key : str
        Of the Streamlit element.
    place : DeltaGenerator
        Where the button stands that opens it.

    Returns
    -------
    SiteFile or None
        None if there is none, or it is of none of these models: then it is said why.
    list of Card
        The same cards; that of the site's model with the site's operating points.
    """
    site, refused = _fitting(cards)
    words = "Site's file" if site is None else f"Site: {plain(site.site)}"
    with place.popover(words, key="choose_site"):
        upload = st.file_uploader(
            "Site's file, .json",
            type="json",
            key=key,
            on_change=partial(_take, key),
            help=SITE_FILE,
            max_upload_size=1,
        )
        if kept_site():
            st.button(
                "Use the card's operating points",
                key=f"{key}_none",
                on_click=keep_site,
                args=(None,),
            )
    # What was wrong with a file that is taken out, or was dropped on another page, is told no more.
    problem = st.session_state.get(PROBLEM) if upload is not None else ""
    for told in filter(None, (problem, refused)):
        st.error(told)
    if site is None:
        return None, list(cards)
    own = [card.weights.sha256 == site.weights_sha256 for card in cards]
    return site, [site.card(c) if mine else c for c, mine in zip(cards, own, strict=True)]


def _fitting(cards: Sequence[Card]) -> tuple[SiteFile | None, str]:
    """Return the tab's file if it is of one of the models, else why it is not used."""
    site = kept_site()
    if site is None:
        return None, ""
    own = [card for card in cards if card.weights.sha256 == site.weights_sha256]
    try:
        site.check(own[0] if own else cards[0])
    except SiteFileError as error:
        return None, f"{message(error)} It is not used."
    return site, ""


def _take(key: str) -> None:
    upload = st.session_state.get(key)
    if upload is None or isinstance(upload, DeletedFile):  # taken out, or let go
        return
    if upload.getvalue() == NO_ROOM:
        st.session_state[PROBLEM] = plain(came_in_vain())
        return
    try:
        keep_site(read_site(upload.getvalue()))
    except SiteFileError as error:
        st.session_state[PROBLEM] = message(error)


def site_facts(site: SiteFile, score: float | None) -> None:
    """Say of which films a site's operating points are, and where a score lies in its band."""
    films = site.films
    told = f"Site {site.site}: {count(films.n)}, {percent(films.prevalence)} positive, {site.made}"
    st.caption(plain(told), help=plain(f"File {site.label}, for {site.model}."))
    if site.band and score is not None:
        side = {
            "below": "Below the site's band",
            "above": "Above the site's band",
            "between": "Within the site's band: a person decides",
        }[site.band.side(score)]
        st.caption(side, help=_promise(site))


def _promise(site: SiteFile) -> str:
    band = site.band
    assert band is not None
    films, parts = site.films, []
    shared = films.patients is not None and films.patients < films.n
    least = f"at least {percent(band.level)}{' of patients' if shared else ''}"
    if band.below:
        parts.append(f"below {band.below.threshold:.3f} {least} are negative")
    if band.above:
        parts.append(f"from {band.above.threshold:.3f} {least} are positive")
    return plain(
        f"If further films are like the site's: {', '.join(parts)}, with a probability of "
        f"{percent(band.probability)}."
    )
