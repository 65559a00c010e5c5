"""A tour for demonstrations, from a sample film to how far its score can be believed.

It has a step for each page that its reader may open, and some for Triage.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import streamlit as st

from .assets import component
from .look import theme
from .sign_in import opens

__all__ = ["start_tour", "tour_steps", "tour_view"]

#: Of the session: the number of the step, and whether the reader asked to be led to it.
STEP, LEAD = "tour_step", "tour_lead"


class Step(NamedTuple):
    """A step of the tour.

    Attributes
    ----------
    page : str
        Title of the page that it is about.
    title, text : str
        What is said.
    about : str
        Selector of what is outlined meanwhile.
    """

    page: str
    title: str
    text: str
    about: str


STEPS = (
    Step(
        "Triage",
        "A film",
        "Films are dropped in, or a folder or a disc; these are the samples. The film comes first, "
        "alone and on black. The wheel or two fingers zoom; a right-drag sets the window.",
        ".st-key-film",
    ),
    Step(
        "Triage",
        "The list",
        "Films are scored in the background and ranked, the highest band first. Films that the "
        "model was not made for are refused and have no score.",
        ".st-key-worklist_view",
    ),
    Step(
        "Triage",
        "The score",
        "The score is compared with an operating point that was chosen on validation films. Below "
        "it is how sensitive and specific the model was there, with 95 % intervals.",
        ".st-key-score_place, .st-key-refusal",
    ),
    Step(
        "Triage",
        "The heatmap",
        "The button Heatmap, or the key O, shows where the score came from, which is not where "
        "disease is. Then say whether you agree: calls are kept in a log, without names.",
        ".st-key-film, .st-key-method_place, .st-key-call_place",
    ),
    Step(
        "Evaluation",
        "How good it is",
        "Move the threshold: rates and matrix follow. A click on a cell of the matrix shows the "
        "films behind it, the worst errors first.",
        "[class*='st-key-threshold_'], [class*='st-key-matrix_']",
    ),
    Step(
        "Models",
        "Where it ends",
        "What a model is for and for whom, what it learned from, what it was not tried on, and "
        "whether its heatmaps hold up. The tour ends here.",
        ".st-key-model_label",
    ),
)
PAGES = {"Triage": "pages/triage.py"} | {
    title: f"pages/{title.lower()}.py" for title in {step.page for step in STEPS}
}
OUTLINE = ":is({}) {{ outline: 2px solid #4fb3bf; outline-offset: 3px; scroll-margin-top: 5rem; }}"
GROUND, GROUNDS = ".st-key-tour {{ background: {}; }}", {"dark": "#16181b", "light": "#ffffff"}


_follow = component("cxr_tour", "tour.js")


def tour_steps() -> tuple[Step, ...]:
    """Return the steps whose pages this run's reader may open."""
    return tuple(step for step in STEPS if opens(step.page.lower()))


def start_tour() -> None:
    """Begin with the first step."""
    _go(0)


def tour_view(page: str) -> None:
    """Show the step that the reader is at, if there is a tour; lead to its page when asked to.

    Parameters
    ----------
    page : str
        Title of the page that is shown.
    """
    state = st.session_state
    at = state.get(STEP)
    if at is None:
        return
    steps = tour_steps()
    step = steps[at]
    if state.pop(LEAD, False) and step.page != page:
        st.switch_page(PAGES[step.page])
    is_here = step.page == page
    ground = GROUND.format(GROUNDS[theme()])
    st.html(f"<style>{ground}{OUTLINE.format(step.about) if is_here else ''}</style>")
    # On a telephone it may be screens away from where the reader is.
    _follow(key="tour_follow", data={"step": at, "about": step.about if is_here else ""})
    with st.container(key="tour", gap="xsmall"):
        st.caption(f"Tour, step {at + 1} of {len(steps)}")
        st.markdown(f"**{step.title}**")
        st.markdown(step.text if is_here else f"The tour goes on on {step.page}.")
        with st.container(horizontal=True, gap="xsmall", key="tour_buttons"):
            st.button(
                "Leave",
                key="tour_leave",
                on_click=_leave,
                shortcut="escape",
                type="tertiary",
                width="content",
            )
            st.button(
                "Back",
                key="tour_back",
                on_click=partial(_go, at - 1),
                disabled=at == 0,
                shortcut="shift+left",
                width="content",
            )
            word, then = _onward(at, len(steps), is_here)
            st.button(
                word,
                key="tour_next",
                on_click=then,
                type="primary",
                shortcut="shift+right",
                width="content",
            )


def _onward(at: int, steps: int, is_here: bool) -> tuple[str, Callable[[], None]]:
    """Return what the button that leads on says, and does."""
    if not is_here:
        return "Go there", partial(_go, at)
    if at + 1 < steps:
        return "Next", partial(_go, at + 1)
    return "Finish", _leave


def _go(step: int) -> None:
    st.session_state[STEP], st.session_state[LEAD] = step, True


def _leave() -> None:
    st.session_state.pop(STEP, None)
