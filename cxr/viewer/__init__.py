"""What the pages are made of beyond Streamlit's own parts: the film viewer and the worklist.

The only part of `cxr` that imports Streamlit.
"""

from .evidence import near_duplicates_view, shift_view
from .film import empty_field, film_view
from .films import film_grid, film_list
from .look import theme
from .measures import choose_threshold, show_rates, show_values
from .score import score_view
from .session import bundle, cards, choose_model, choose_models, header, navigated, plot
from .worklist import worklist_view

__all__ = [
    "bundle",
    "cards",
    "choose_model",
    "choose_models",
    "choose_threshold",
    "empty_field",
    "film_grid",
    "film_list",
    "film_view",
    "header",
    "navigated",
    "near_duplicates_view",
    "plot",
    "score_view",
    "shift_view",
    "show_rates",
    "show_values",
    "theme",
    "worklist_view",
]
