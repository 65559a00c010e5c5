"""The film viewer: the film on black, with its tools; all of it runs in the browser."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Literal, NamedTuple

import streamlit as st

from ..errors import fault
from ..films.preprocessing import without_margin
from ..films.radiograph import Radiograph
from ..heatmaps.heatmap import CAPTION, Heatmap
from ..heatmaps.overlay import (
    COLOUR_MAPS,
    CUT,
    OPACITY,
    colour_table,
    common_top,
)
from ..lungs.outline import Outline
from ..scoring.reader import RegionLabel
from ..scoring.region import Region
from .assets import component, showing
from .transfer import ReadyFilm, film_address, film_told

__all__ = ["Beside", "Drawing", "Hung", "empty_field", "film_view"]

logger = logging.getLogger(__name__)
#: What the browser tells of a region.
DRAWN = ("shape", "label", "finding", "left", "top", "right", "bottom")
#: What the reader can say of a region; the first is told by its finding.
LABELS = {
    RegionLabel.FINDING: "The finding",
    RegionLabel.MISSED: "Missed by the heatmap",
    RegionLabel.NOTHING: "Nothing there",
    RegionLabel.OTHER: "Something else",
}


class Beside(NamedTuple):
    """A film to compare another with.

    Attributes
    ----------
    film : Radiograph or ReadyFilm
        The film.
    heatmap : Heatmap or None
        Its heatmap; None for none.
    name : str
        Its name on screen.
    lungs : Outline, str or None
        As for `film_view`.
    """

    film: Radiograph | ReadyFilm
    heatmap: Heatmap | None
    name: str
    lungs: Outline | str | None = None


class Hung(NamedTuple):
    """A film of a patient who has an earlier one, as it hangs next to that.

    Attributes
    ----------
    film : Radiograph or ReadyFilm
        The film.
    heatmap : Heatmap or None
        Its heatmap; None for none.
    name : str
        What stands above it: which of both it is, its date, its name.
    lungs : Outline, str or None
        As for `film_view`. Both films are matched in height if both have the box of their lungs.
    scores : str
        What stands below it.
    """

    film: Radiograph | ReadyFilm
    heatmap: Heatmap | None
    name: str
    lungs: Outline | str | None = None
    scores: str = ""


class Drawing(NamedTuple):
    """What a reader drew on the films that are shown, and who takes what is drawn next.

    Attributes
    ----------
    regions : mapping of str to sequence of Region
        By the hash of a film's pixels; nothing can be drawn on a film that is not there.
    findings : mapping of str to str
        By the same, what the reader looks for in it.
    on_change : callable
        Called with the hash of a film and all that is on it, once the reader has changed that.
        Raises `ValueError` for what cannot be kept.
    """

    regions: Mapping[str, Sequence[Region]]
    findings: Mapping[str, str]
    on_change: Callable[[str, list[Region]], None]


_component = component("cxr_film", "film.js")


def film_view(
    film: Radiograph,
    heatmap: Heatmap | None,
    *,
    name: str,
    height: int = 620,
    key: str = "film",
    beside: Beside | tuple[Radiograph, Heatmap | None, str] | None = None,
    keys: Sequence[str] = (),
    without_heatmap: str = "No heatmap: the film has no score.",
    coming: bool = False,
    lungs: Outline | str | None = None,
    current: Hung | None = None,
    prior: Hung | None = None,
    prior_said: str = "",
    priors_chosen: int = 0,
    ahead: Sequence[ReadyFilm] = (),
    link: str = "",
    draw: Literal["auto", "gpu", "cpu"] = "auto",
    drawing: Drawing | None = None,
) -> None:
    """Show a film; of what the reader does with it the regions alone go back to the server.

    Parameters
    ----------
    film : Radiograph
        The film.
    heatmap : Heatmap
        Its heatmap, off until the reader asks for it; None for a refused film.
    name : str
        What to call the film, for screen readers and above films side by side.
    height : int, default: 620
        Of the film's field in CSS pixels.
    key : str, default: "film"
        Of the Streamlit element. What the reader set is kept while it stays the same; the zoom
        starts anew with another film, and window, turns and rulers belong to each film.
    beside : Beside or tuple[Radiograph, Heatmap, str], optional
        Another film with its heatmap and name, shown on the right until the reader puts it away;
        both zoom and move together. The same film with a heatmap by another method shows both
        heatmaps at once. To compare the film with its own heatmap nothing is needed here.
    keys : sequence of str, optional
        What the page takes by key besides, of the actions in ``keys.js``, for the list of keys.
    without_heatmap : str
        Text under the film if there is no heatmap: why.
    coming : bool, default: False
        Whether a heatmap that is not there yet is on its way: a reader may ask for it already, and
        it is shown once it comes.
    lungs : Outline, str or None
        Outline of the lungs, off until the reader asks for it; a sentence that says why there is
        none; None where nobody looked for lungs, and there is nothing to ask for.
    current : Hung, optional
        The film once more, as it hangs next to an earlier one of its patient.
    prior : Hung, optional
        The earlier film. The browser fetches it once the film is painted, so that a key shows it at
        once, next to the film and zoomed and moved with it.
    prior_said : str
        What is said in its place where there is none.
    priors_chosen : int, default: 0
        How often the reader chose an earlier film: with another number it is shown at once.
    ahead : sequence of ReadyFilm, optional
        Further earlier films, which the reader may choose next: the browser fetches them after the
        prior, one after the other.
    link : str, optional
        What follows the address of the page so that it opens this film; where it is empty, there is
        no link to copy.
    draw : {"auto", "gpu", "cpu"}, default: "auto"
        ``"gpu"`` or ``"cpu"`` where the browser should not choose by itself.
    drawing : Drawing, optional
        The regions on the films, which the reader may draw then.
    """
    sides = [Beside(film, heatmap, name, lungs), *([Beside(*beside)] if beside else [])]
    top = common_top(side.heatmap for side in sides if side.heatmap)
    hung_top = common_top(h for h in (heatmap, prior and prior.heatmap) if h)
    _component(
        key=key,
        height="content",
        data={
            "field": height,
            "films": [
                _side(side, f"cxr_film.{key}.{i}", top) | _regions(side.film, key, drawing)
                for i, side in enumerate(sides)
            ],
            "current": _hung(current) if current else None,
            "prior": _side(Beside(*prior[:4]), f"cxr_film.{key}.prior", hung_top)
            | _hung(prior)
            | _regions(prior.film, key, drawing)
            if prior
            else None,
            "prior_said": prior_said,
            "ahead": [
                film.told | {"url": film_address(film, f"cxr_film.{key}.ahead.{i}")}
                for i, film in enumerate(ahead)
            ],
            "priors_chosen": priors_chosen,
            "link": link,
            "colours": {
                colour_map: base64.b64encode(colour_table(colour_map).tobytes()).decode()
                for colour_map in COLOUR_MAPS
            },
            "opacity": OPACITY,
            "cut": CUT,
            "keys": list(keys),
            "without": without_heatmap,
            "coming": coming,
            "made": showing(),
            "draw": draw,
            "labels": [
                {"label": label, "words": words, "map": label is RegionLabel.MISSED}
                for label, words in LABELS.items()
            ],
        },
        on_regions_change=lambda: _take(key, drawing),
    )


def empty_field(text: str, *, height: int = 620) -> None:
    """Show a sentence on black in place of a film: what to do, or why there is no film."""
    st.html(f'<div class="film-note" style="height:{height}px">{escape(text)}</div>')


def _side(side: Beside, place: str, top: float) -> dict[str, object]:
    """Return what is sent to the browser of a film."""
    film, heatmap, name, lungs = side
    return {
        **(film.told if isinstance(film, ReadyFilm) else film_told(film)),
        "name": name,
        "url": film_address(film, place),
        "heatmap": _heatmap(heatmap, top) if heatmap else None,
        "lungs": None if lungs is None else _lungs(lungs),
    }


def _regions(film: Radiograph | ReadyFilm, key: str, drawing: Drawing | None) -> dict[str, object]:
    """Return what is drawn on a film, and the number of the reader's last change that is in it."""
    if drawing is None or film.sha256 not in drawing.regions:
        return {"regions": None}
    drawn = drawing.regions[film.sha256]
    return {
        "regions": {
            "list": [{name: getattr(region, name) for name in DRAWN} for region in drawn],
            "finding": drawing.findings.get(film.sha256, ""),
            "taken": _taken(key).get(film.sha256),
        }
    }


def _taken(key: str) -> dict[str, str]:
    """Return the number of the last change that was taken of each film."""
    taken: dict[str, str] = st.session_state.setdefault(f"{key}_regions_taken", {})
    return taken


def _take(key: str, drawing: Drawing | None) -> None:
    """Take what the browser tells of the regions of films: of each all that are on it."""
    state = st.session_state.get(key)
    told = state.get("regions") if state else None
    if drawing is None or not isinstance(told, Mapping):
        return
    taken = _taken(key)
    for sha256, change in told.items():
        try:
            number = str(change["number"])
            if taken.get(sha256) == number:
                continue
            taken[sha256] = number
            regions = [Region(**{name: r[name] for name in DRAWN}) for r in change["list"]]
            drawing.on_change(sha256, regions)
        except (ValueError, TypeError, KeyError) as error:
            logger.error("Regions were not taken: %s", fault(error))


def _hung(hung: Hung) -> dict[str, object]:
    box = hung.lungs.box if isinstance(hung.lungs, Outline) else None
    return {"hung_name": hung.name, "scores": hung.scores, "lungs_box": box}


def _lungs(lungs: Outline | str) -> dict[str, object]:
    """Return the lines that the browser draws, each a list of x and y in turn."""
    if isinstance(lungs, str):
        lungs = Outline((), (), (lungs,))
    return {
        "lines": [[part for point in ring for part in point] for ring in lungs.lungs],
        "borders": [[part for point in line for part in point] for line in lungs.borders],
        "said": " ".join(lungs.said),
    }


def _heatmap(heatmap: Heatmap, top: float) -> dict[str, object]:
    """Return a heatmap as the browser enlarges it: see `Heatmap.array`."""
    mean = float(heatmap.grid.mean(dtype=float)) if heatmap.density.any() else 0.0
    seen = without_margin((heatmap.height, heatmap.width), heatmap.margin)
    return {
        "grid": heatmap.grid.astype(float).tolist(),
        # As many pixels as `Heatmap.array` leaves out at the upper and the left edge.
        "inset": [part.start for part in seen],
        # On the common scale 0 is 0, and 1 is this many times the mean of the map, or this value.
        "top": top,
        "full": top * mean,
        "method": heatmap.title,
        "caption": CAPTION,
    }
