"""What the pages are made of beyond Streamlit's own parts: the film viewer and the worklist.

The only part of `cxr` that imports Streamlit.
"""

from .film import empty_field, film_view
from .look import theme
from .score import score_view
from .session import bundle, cards, choose_model, choose_models, header, navigated, plot
from .worklist import worklist_view

__all__ = [
    "bundle",
    "cards",
    "choose_model",
    "choose_models",
    "empty_field",
    "film_view",
    "header",
    "navigated",
    "plot",
    "score_view",
    "theme",
    "worklist_view",
]
